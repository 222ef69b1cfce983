"""The expert alone as a planner: where nothing is searched, no world model is evaluated."""

from __future__ import annotations

import torch
from torch import Tensor

from simdist_ros.planning.plan import Observation
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.model import WorldModel

__all__ = ['ExpertPlanner', 'planner_of']


def planner_of(model: WorldModel, search: MppiSettings, generator: torch.Generator) -> Planner:
    """Return what plans in a walk in which each plan is answered before the next is made."""
    kind = ExpertPlanner if expert_decides(model, search) else Planner
    return kind(model, search, generator)


def expert_decides(model: WorldModel, search: MppiSettings) -> bool:
    """Tell whether the first action of every plan is the expert's, whatever the model says."""
    if model.expert is None or not search.uses_expert:
        return False
    is_asked_in_time = search.plan_delay_steps <= model.expert.plan_delay_steps
    return is_asked_in_time and not search.num_iterations and not search.explore_share


class ExpertPlanner(Planner):
    """Begins its plans as `Planner` does where the expert decides, in a fraction of the time.

    The expert's action stands in all later steps too, where `Planner` has the policy head's.
    """

    def observe(self, observation: Observation) -> Tensor:
        """Return what the expert does now, (1, T, action_dim)."""
        expert = self.expert
        assert expert is not None
        before = [observation.acts_hist[-1], *observation.committed]
        first = expert.act(
            observation.proprio_obs_hist[-1],
            before[self.settings.plan_delay_steps],
            observation.extero_obs,
            torch.tensor(observation.command, dtype=torch.float32)[None],
            self.belief,
        )
        return first[:, None].repeat(1, self.horizon_steps, 1)
