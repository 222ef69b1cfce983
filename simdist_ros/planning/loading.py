"""Load a model and make it ready to plan: verified, warmed up, fitted to its budget."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.planning.backends.backend import Backend
from simdist_ros.planning.backends.choice import BackendSettings, choose
from simdist_ros.planning.budget_fitting import fit_to_budget, plan_ms, warm_up
from simdist_ros.planning.budget_refitting import Refit, levels
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings, search_for
from simdist_ros.world_model.store.checkpoint import LoadedModel, find_model, load_model

__all__ = ['LoadedPlanner', 'load_planner']

ON_CPU = BackendSettings(backend='torch', device='cpu')
TRIALS = 5  # to compare backends


@dataclass(frozen=True)
class LoadedPlanner:
    """A planner that is ready, its model, and what a user should know.

    Attributes:
        planner: Ready to plan.
        loaded: The model as it was read, on the CPU, whatever runs it.
        summary: What was loaded, for the log.
        warning: What is less than was asked for, or empty.
        refit: Chooses the size of the search while the planner runs.
    """

    planner: Planner
    loaded: LoadedModel
    summary: str
    warning: str
    refit: Refit

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.loaded.folder.name


def load_planner(
    model_name: str,
    robot: Robot,
    settings: MppiSettings,
    *,
    seed: int,
    backend: BackendSettings = ON_CPU,
) -> LoadedPlanner:
    """Load, verify and warm up.

    Args:
        model_name: Name or folder of the model.
        robot: The robot it must be for.
        settings: What the search should be; reduced if it does not fit its budget here.
        seed: Of all random draws.
        backend: What is to run the model.

    Raises:
        ConfigError: No model was named, or the backend is not there.
        CheckpointError: The model is damaged or made for something else.
    """
    if not model_name:
        raise ConfigError(
            "no model was named; set 'model' to the name or the folder of one, or make one with "
            '`simdist import-upstream`'
        )
    torch.set_num_threads(backend.num_threads)
    settings = search_for(robot, settings)
    folder = find_model(model_name)
    loaded = load_model(folder, robot)
    model = loaded.model

    def make(settings: MppiSettings, runs: Backend) -> Planner:
        return Planner(model, settings, torch.Generator().manual_seed(seed), backend=runs)

    one = dataclasses.replace(settings, num_iterations=min(settings.num_iterations, 1))
    choice = choose(model, backend, lambda runs: plan_ms(lambda fit: make(fit, runs), one, TRIALS))
    fit = fit_to_budget(lambda settings: make(settings, choice.backend), settings)
    fitted = fit.settings
    warm_up(make(dataclasses.replace(fitted, explore_share=0.0), choice.backend))
    choices = levels(settings, fitted)
    if choice.backend.device.type == 'cuda':  # records each search the first time
        for other in choices:
            warm_up(make(dataclasses.replace(other, explore_share=0.0), choice.backend), plans=1)
    planner = make(fitted, choice.backend)
    led = '' if planner.expert is None else ' led by its expert'
    led += '' if not led or planner.belief is None else ' with its belief'
    search = f'{planner.proposals.count} proposals{led}, {fitted.num_samples} samples'
    return LoadedPlanner(
        planner=planner,
        loaded=loaded,
        summary=f'model {folder.name}: {search} x {fitted.num_iterations} iterations, '
        f'{backend.num_threads} threads, {choice.why}',
        warning='; '.join(filter(None, [choice.warning, fit.warning])),
        refit=Refit(choices, choices.index(fitted)),
    )
