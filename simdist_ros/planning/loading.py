"""Load a model and make it ready to plan: verified, warmed up, fitted to its budget."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.robot import Robot
from simdist_ros.planning.fitting import fit_to_budget, warm_up
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.checkpoint import find_model, load_model

__all__ = ['LoadedPlanner', 'load_planner']


@dataclass(frozen=True)
class LoadedPlanner:
    """A planner that is ready, the name of its model, and what a user should know."""

    planner: Planner
    name: str
    summary: str
    warning: str


def load_planner(
    model_name: str, robot: Robot, settings: MppiSettings, *, seed: int, num_threads: int
) -> LoadedPlanner:
    """Load, verify and warm up.

    Args:
        model_name: Name or folder of the model.
        robot: The robot it must be for.
        settings: What the search should be; reduced if it does not fit its budget here.
        seed: Of all random draws.
        num_threads: CPU threads of this process.

    Raises:
        ConfigError: No model was named.
        CheckpointError: The model is damaged or made for something else.
    """
    if not model_name:
        raise ConfigError(
            "no model was named; set 'model' to the name or the folder of one, or make one with "
            '`simdist import-upstream`'
        )
    torch.set_num_threads(num_threads)
    folder = find_model(model_name)
    model = load_model(folder, robot).model

    def make(settings: MppiSettings) -> Planner:
        return Planner(model, settings, torch.Generator().manual_seed(seed))

    fit = fit_to_budget(make, settings)
    planner = make(fit.settings)
    warm_up(planner)
    planner.noise.seed(seed)
    fitted = fit.settings
    return LoadedPlanner(
        planner=planner,
        name=folder.name,
        summary=f'model {folder.name}: {fitted.num_samples} samples x {fitted.num_iterations} '
        f'iterations, {num_threads} threads',
        warning=fit.warning,
    )
