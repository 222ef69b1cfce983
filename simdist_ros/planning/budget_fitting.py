"""Fit the search to its budget on this machine, before the robot moves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simdist_ros.planning.plan import Observation
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.architecture import Architecture

__all__ = ['Fit', 'blank_observation', 'fit_to_budget', 'warm_up']

TRIALS = 12
SHARE = 0.7  # of the budget, measured alone; beside the other processes it takes longer
FEW_ITERATIONS, FEW_SAMPLES, FEWEST_SAMPLES = 2, 16, 8


@dataclass(frozen=True)
class Fit:
    """Settings that fit, and a warning if they are less than was asked for."""

    settings: MppiSettings
    warning: str = ''


def blank_observation(architecture: Architecture, delay_steps: int, step: int = 0) -> Observation:
    """Return an observation of zeros, to warm up and to measure with."""
    sizes = architecture
    return Observation(
        step=step,
        proprio_obs_hist=np.zeros((sizes.history_steps + 1, sizes.proprio_obs_dim), np.float32),
        acts_hist=np.zeros((sizes.history_steps, sizes.action_dim), np.float32),
        extero_obs=np.zeros(sizes.extero_obs_dim, np.float32),
        command=np.zeros(sizes.command_dim, np.float32),
        committed=np.zeros((delay_steps, sizes.action_dim), np.float32),
    )


def warm_up(planner: Planner, plans: int = 3) -> None:
    """Plan a few times from nothing, so that the first real plan isn't the slow one."""
    for step in range(plans):
        settings = planner.settings
        planner.plan(
            blank_observation(planner.model.architecture, settings.plan_delay_steps, step)
        )
    planner.reset()


def fit_to_budget(make: Callable[[MppiSettings], Planner], settings: MppiSettings) -> Fit:
    """Cut the search until all its iterations fit the budget.

    Iterations go first, down to two; then samples, down to `FEW_SAMPLES`; then what is left, then
    the policy's other proposals, and last the scoring of what the policy does. Proposals and
    scores stay as long as they fit the whole budget: without them a better model plans no better.

    Args:
        make: Makes a planner to measure with.
        settings: What was asked for; a budget of 0 fits as it is.
    """
    if not settings.budget_ms or not settings.num_iterations:
        return Fit(settings)
    allowed = SHARE * settings.budget_ms
    trial, measured = settings, plan_ms(make, settings)
    asked_ms = measured
    while measured > allowed:
        smaller = cut(trial, allowed / measured)
        if smaller == trial or (asks_less(trial, smaller) and measured <= settings.budget_ms):
            break
        trial, measured = smaller, plan_ms(make, smaller)
    asked = (
        f'{settings.num_samples} samples x {settings.num_iterations} iterations take '
        f'{asked_ms:.1f} ms here, the budget is {settings.budget_ms:g} ms, {allowed:g} ms for a '
        'plan measured alone: '
    )
    if trial == settings:
        return Fit(settings)
    size = f'{trial.num_samples} x {trial.num_iterations}'
    if trial.num_command_steps < settings.num_command_steps:
        size += f', num_command_steps {trial.num_command_steps}'
    took = f'reduced to {size}, which take {measured:.1f} ms'
    if not trial.num_iterations:
        took += '; the policy head acts alone and nothing is searched'
        late = measured > settings.budget_ms
        return Fit(trial, asked + took + ('; that is late too, raise the budget' if late else ''))
    kept = "; the policy's proposals may take the whole budget" if measured > allowed else ''
    return Fit(trial, asked + took + kept)


def cut(settings: MppiSettings, share: float) -> MppiSettings:
    """Return a smaller search that takes about a share of the time; the same if none is left."""
    iterations, samples = settings.num_iterations, settings.num_samples
    if not iterations:
        return settings
    if iterations > FEW_ITERATIONS:
        iterations = max(FEW_ITERATIONS, min(iterations - 1, int(iterations * share)))
    elif samples > FEW_SAMPLES:
        samples = max(FEW_SAMPLES, min(samples - 4, int(samples * share)))
    elif iterations > 1:
        iterations = 1
    elif samples > FEWEST_SAMPLES:
        samples = max(FEWEST_SAMPLES, samples - 4)
    elif settings.num_command_steps:
        return dataclasses.replace(settings, num_command_steps=settings.num_command_steps - 1)
    else:
        iterations = 0
    policy = min(settings.num_policy_samples, max(1, samples // 16))
    return dataclasses.replace(
        settings, num_iterations=iterations, num_samples=samples, num_policy_samples=policy
    )


def asks_less(before: MppiSettings, after: MppiSettings) -> bool:
    """Tell whether a smaller search asks the policy for less, or the model for nothing at all."""
    return after.num_command_steps < before.num_command_steps or not after.num_iterations


def plan_ms(
    make: Callable[[MppiSettings], Planner], settings: MppiSettings, trials: int = TRIALS
) -> float:
    """Return the median time of a plan with these settings and no budget [ms]."""
    planner = make(dataclasses.replace(settings, budget_ms=0.0, explore_share=0.0))
    warm_up(planner)
    architecture = planner.model.architecture
    times = [
        planner.plan(blank_observation(architecture, settings.plan_delay_steps, step)).elapsed_ms
        for step in range(trials)
    ]
    return float(np.median(times))
