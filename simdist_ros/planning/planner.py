"""The planner a node calls once a tick: observation in, plan or the reason for none out."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.core.errors import ConfigError
from simdist_ros.planning.backends.backend import Backend, NewParts
from simdist_ros.planning.backends.torch_backend import TorchBackend
from simdist_ros.planning.budget import Budget
from simdist_ros.planning.exploration import Exploration, Trial
from simdist_ros.planning.fault_watch import live_watch
from simdist_ros.planning.mppi import Search, search, warm_start, weigh
from simdist_ros.planning.plan import NoPlan, Observation, Plan, Reason, Source, is_finite
from simdist_ros.planning.proposals import Proposals
from simdist_ros.planning.search_ends import SearchOutcome, SearchStart
from simdist_ros.planning.search_noise import SearchNoise
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.expert import Expert
from simdist_ros.world_model.model import WorldModel

__all__ = ['Planner']

F32 = NDArray[np.float32]

MIN_LEFT_STEPS = 4  # of a plan that is followed: for longer than a supervisor goes on with it


class Planner:
    """Plans with a world model from one tick to the next."""

    def __init__(
        self,
        model: WorldModel,
        settings: MppiSettings,
        generator: torch.Generator,
        clock: Callable[[], float] = time.perf_counter,
        backend: Backend | None = None,
    ) -> None:
        """Take a model in evaluation mode and the source of all randomness.

        Args:
            model: The world model.
            settings: What the search should be.
            generator: On the CPU, whatever the backend.
            clock: Returns seconds.
            backend: Runs that model; None is PyTorch, where the model is.

        Raises:
            ConfigError: The delay leaves nothing of the model's horizon, or too little of it for
                a plan to be followed as long as it was set.
        """
        self.horizon_steps: int = model.architecture.horizon_steps
        if settings.plan_delay_steps >= self.horizon_steps:
            raise ConfigError(
                f'mppi.plan_delay_steps is {settings.plan_delay_steps}; the model looks only '
                f'{self.horizon_steps} steps ahead'
            )
        longest = self.horizon_steps - settings.plan_delay_steps - MIN_LEFT_STEPS
        if settings.explore_share and settings.explore_steps > longest:
            raise ConfigError(
                f'mppi.explore_steps is {settings.explore_steps}; of the plans of this model at '
                f'most {max(0, longest)} steps can be followed'
            )
        self.backend = backend or TorchBackend(model)
        self.settings = settings
        self.noise = SearchNoise(generator)
        _, spread = self.model.normalizer.statistics('commands')
        self.proposals = Proposals(
            spread,
            command_steps(settings),
            step=settings.command_step,
            reach=settings.command_reach,
            penalty=settings.command_penalty,
            settling=settings.command_settling_steps,
        )
        self.exploration = Exploration(
            settings.explore_share, settings.explore_steps, generator.initial_seed()
        )
        self.clock = clock
        self.watch = live_watch(model)
        self.mean: Tensor | None = None
        self.mean_step = 0
        self.is_settled = False  # the command that is wanted

    @property
    def model(self) -> WorldModel:
        """The model in use."""
        return self.backend.model

    @property
    def expert(self) -> Expert | None:
        """What every proposal begins with; None for the policy head alone."""
        if not self.settings.uses_expert:
            return None
        usual = self.model.usual_expert
        return self.model.expert if usual is None or self.believes else usual

    @property
    def belief(self) -> Tensor | None:
        """What the expert is told about the robot, (belief_dim,); None is zeros."""
        return self.model.belief if self.believes else None

    @property
    def believes(self) -> bool:
        """Whether the robot is taken to be as its model believes."""
        return self.settings.uses_belief and not self.doubts_belief

    @property
    def doubts_belief(self) -> bool:
        """Whether the robot moves as if its belief were not, or no longer, true."""
        return self.watch is not None and not self.watch.believes[0]

    @property
    def generator(self) -> torch.Generator:
        """The source of all randomness."""
        return self.noise.generator

    def reset(self) -> None:
        """Forget the last plan, so that the next starts from the policy prior."""
        self.mean = None
        self.proposals.reset()
        self.exploration.reset()

    def prepare(self) -> None:
        """Draw the next plan's noise, between two ticks; it changes no plan."""
        shape = (self.horizon_steps, self.model.architecture.action_dim)
        self.noise.prepare(self.settings, shape)

    def swap(self, new: NewParts) -> NewParts:
        """Use parts of another model, made ready by ``backend.prepare``, from the next tick on.

        Returns:
            Those used so far, to go back to.
        """
        before = self.backend.swap(new)
        if not {'belief', 'expert'}.isdisjoint(new.changed):
            self.watch = live_watch(self.model)
        return before

    def resize(self, settings: MppiSettings) -> None:
        """Search with other sizes from the next tick on; mean and proposals go on from here."""
        self.settings = settings
        self.proposals.resize(command_steps(settings))
        self.noise.discard()

    @torch.inference_mode()
    def plan(self, observation: Observation) -> Plan | NoPlan:
        """Plan from an observation.

        Returns:
            A finite plan, or the reason why there is none.
        """
        began = self.clock()
        if not is_finite(observation):
            return NoPlan(reason=Reason.OBSERVATION_NOT_FINITE)
        if self.watch is not None:
            self.watch.observe(observation)
        proposals = self.observe(observation)  # (M, T, action_dim)
        prior = proposals[0]
        if not torch.isfinite(prior).all():
            self.reset()
            return NoPlan(reason=Reason.PRIOR_NOT_FINITE, elapsed_ms=self.since(began))
        trial = self.trial(observation.step, proposals)
        if trial is not None:
            self.mean, self.mean_step = trial.actions, trial.began
            left = trial.actions[observation.step - trial.began :]
            return self.finish(left, began, source=Source.EXPLORATION)
        found = self.search(observation, proposals, began)
        if isinstance(found, Reason):
            self.mean = None
            return self.finish(prior, began, source=Source.POLICY_PRIOR, reason=found)
        self.mean, self.mean_step = found.actions, observation.step
        return self.finish(
            found.actions,
            began,
            source=Source.MPPI,
            gain=found.gain,
            effective_samples=found.effective_samples,
            num_iterations=found.num_iterations,
        )

    def observe(self, observation: Observation) -> Tensor:
        """Hand an observation to the backend and return what the policy proposes, (M, T, A).

        The first is the policy prior; the others are for commands beside the one wanted. Where
        the model carries an expert, its action comes first and the policy head's follow. A plan
        that begins later than the expert was trained for adds what the head changes till then.
        """
        wanted = torch.tensor(observation.command, dtype=torch.float32)
        self.is_settled = self.proposals.note_command(wanted, observation.step)
        asked = wanted + self.proposals.offsets(wanted)
        proposals = self.backend.observe(
            batch_of_one(observation.proprio_obs_hist),
            batch_of_one(observation.acts_hist),
            batch_of_one(observation.extero_obs),
            asked[:, None].expand(-1, self.horizon_steps + 1, -1),
        )
        if self.expert is None:
            return proposals
        begin = self.settings.plan_delay_steps
        answered = min(begin, self.expert.plan_delay_steps)
        before = [observation.acts_hist[-1], *observation.committed][answered]
        first = self.expert.act(
            observation.proprio_obs_hist[-1], before, observation.extero_obs, asked, self.belief
        )
        until = proposals[:, begin] - proposals[:, answered]  # what the head changes until then
        proposals = proposals.clone()  # a backend may write to it again
        proposals[:, begin] = first.to(proposals.device) + until
        return proposals

    def trial(self, step: int, proposals: Tensor) -> Trial | None:
        """Return the running or a new trial; a changed command ends it at once."""
        if not self.is_settled:
            self.exploration.reset()
            return None
        scaler = self.model.normalizer
        allowed = torch.clamp(proposals, scaler.action_low, scaler.action_high)
        return self.exploration.follow(step, allowed)

    def search(
        self, observation: Observation, proposals: Tensor, began: float
    ) -> SearchOutcome | Reason:
        """Run MPPI within the budget, or say why it has no result."""
        settings, backend = self.settings, self.backend
        if settings.num_iterations == 0:
            return Reason.NONE
        budget = Budget(settings.budget_ms, began, self.clock)
        if not budget.allows_another():
            return Reason.BUDGET_SPENT

        def keep_going(iteration: int) -> bool:
            if settings.budget_ms:
                backend.wait()
            return budget.allows_another()

        backend.remember()
        begun = self.begin(observation, proposals)
        if not settings.num_drawn:  # nothing to iterate on
            return self.better(begun, begun.start.mean, num_iterations=1)
        budget.begin_iterations()
        step = functools.partial(backend.step, settings)
        result = search(begun.start, step, settings, self.noise, keep_going)
        if result is None or not torch.isfinite(result.last.mean).all():
            return Reason.RETURNS_NOT_FINITE
        begun = begun._replace(
            prior_return=result.prior_return,
            effective_samples=float(result.last.effective_samples),
        )
        return self.better(begun, result.last.mean, num_iterations=result.num_iterations)

    def begin(self, observation: Observation, proposals: Tensor) -> SearchStart:
        """Start from the mean of the warm start and the proposals, weighed by their returns."""
        prior, scaler = proposals[0], self.model.normalizer
        committed = torch.tensor(
            observation.committed, dtype=torch.float32, device=self.backend.device
        )
        start = Search(prior, prior, scaler.action_low, scaler.action_high, committed)
        warm = self.warm_start(observation, prior)
        asked = len(proposals)
        if warm is not None:
            proposals = torch.cat([proposals, warm[None]])
        if len(proposals) == 1:
            return SearchStart(start)
        candidates = start.allowed(proposals)
        returns = self.backend.score(candidates, self.settings.gamma)
        worth = returns.clone()
        worth[:asked] -= self.proposals.penalties().to(worth.device)
        weights = weigh(worth, self.settings.inverse_temperature)
        if not weights.any():
            return SearchStart(start)
        self.proposals.learn(weights[:asked].cpu())
        counted = torch.where(weights[:, None, None] > 0.0, candidates, 0.0)
        mean = torch.einsum('k,kta->ta', weights, counted)
        return SearchStart(
            start._replace(mean=mean), float(returns[0]), float(1.0 / (weights @ weights))
        )

    def better(
        self, begun: SearchStart, mean: Tensor, num_iterations: int
    ) -> SearchOutcome | Reason:
        """Return a mean, or the prior where that returns more, or why neither can be told."""
        mean = begun.start.allowed(mean)
        mean_return = float(self.backend.score(mean[None], self.settings.gamma))
        prior_return = begun.prior_return
        if prior_return is None:  # then the mean is the prior
            prior_return = mean_return
        if not math.isfinite(mean_return) and not math.isfinite(prior_return):
            return Reason.RETURNS_NOT_FINITE
        if not math.isfinite(mean_return) or mean_return < prior_return:
            mean, mean_return = begun.start.prior, prior_return
        gain = mean_return - prior_return
        return SearchOutcome(mean.clone(), gain, begun.effective_samples, num_iterations)

    def warm_start(self, observation: Observation, prior: Tensor) -> Tensor | None:
        """Return what is left of the last plan, (T, action_dim), or None without one.

        It ends in the prior's own last actions, and is pulled towards it as a whole. Where an
        expert leads, it begins with the prior's.
        """
        if self.mean is None:
            return None
        executed = observation.step - self.mean_step
        if not 0 <= executed < self.horizon_steps:
            return None
        warm = warm_start(self.mean, executed)
        warm[self.horizon_steps - executed :] = prior[self.horizon_steps - executed :]
        warm = torch.lerp(warm, prior, self.settings.prior_pull)
        if self.expert is not None:  # of its actions, the last plan holds none for this step
            first = self.settings.plan_delay_steps
            warm[first] = prior[first]
        return warm

    def finish(self, actions: Tensor, began: float, **about: Any) -> Plan:
        """Make a plan of the steps that are still to be decided."""
        undecided = actions[self.settings.plan_delay_steps :]
        return Plan(
            actions=undecided.numpy(force=True).astype(np.float32, copy=True),
            elapsed_ms=self.since(began),
            doubts_belief=self.doubts_belief,
            **about,
        )

    def since(self, began: float) -> float:
        """Return the time since `began` [ms]."""
        return 1e3 * (self.clock() - began)


def command_steps(settings: MppiSettings) -> int:
    """Return how many offsets each way the policy is asked for; none without a search."""
    return settings.num_command_steps if settings.num_iterations else 0


def batch_of_one(array: F32) -> Tensor:
    """Return a copy with a leading axis of one, so that no later write can reach it."""
    return torch.tensor(array, dtype=torch.float32)[None]
