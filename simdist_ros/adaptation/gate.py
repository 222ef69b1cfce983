"""The gate: whether a candidate may replace the model it was made from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.adaptation.recorded_plans import plan_recorded
from simdist_ros.adaptation.settings import GateSettings
from simdist_ros.adaptation.verdict import Check, Verdict
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.intervals import Interval, jackknife, mean_interval, rank_correlation
from simdist_ros.evaluation.outcomes import expected_returns, recorded_falls, recorded_outcomes
from simdist_ros.evaluation.prediction import predict
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.training_windows import WindowSampler, evenly
from simdist_ros.world_model.model import WorldModel

__all__ = ['Check', 'GateData', 'Verdict', 'judge']

Array = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

REFERENCE, ORIGINAL = 'reference', 'original'  # forgetting since the model before, or since ever


@dataclass(frozen=True, kw_only=True)
class GateData:
    """Windows that no training has seen.

    Attributes:
        judge: Of real episodes.
        reference: Of what the model could do before; None where there is nothing.
        no_reference: Why there is nothing.
    """

    judge: WindowSampler
    reference: WindowSampler | None = None
    no_reference: str = ''


def judge(
    before: WorldModel,
    candidate: WorldModel,
    robot: Robot,
    data: GateData,
    settings: GateSettings,
    *,
    kind: str = 'latent',
    seed: int = 0,
    original: WorldModel | None = None,
) -> Verdict:
    """Compare a candidate with the model it was made from, and with the one its line began with.

    Losses too small to be refused add up from one adaptation to the next; so what was forgotten
    counts from the beginning too.

    Args:
        before: The model that runs.
        candidate: What may replace it.
        robot: Whose they are.
        data: What to compare them on.
        settings: What is allowed.
        kind: Whose error has to fall: ``latent``, or ``action`` for a cloned policy.
        seed: Of the plans.
        original: The model as it came, from which `before` was adapted; None if it is `before`.
    """
    most = settings.num_windows
    returns = (
        expected_returns(before, data.judge, most),
        expected_returns(candidate, data.judge, most),
    )
    outcomes = recorded_outcomes(robot, data.judge, most)
    falls = recorded_falls(data.judge, most)
    episodes = data.judge.episode_of(evenly(len(data.judge), most))
    forgotten = [check_reference(before, candidate, data, settings, kind)]
    if original is not None and data.reference is not None:
        forgotten.append(check_reference(original, candidate, data, settings, kind, ORIGINAL))
    can_fall = task_of(robot).can_fail
    fallen = [check_falls(returns, falls, episodes, settings)] if can_fall else []
    return Verdict(
        (
            check_error(before, candidate, data.judge, settings, kind),
            *forgotten,
            check_plans(before, candidate, robot, data.judge, settings, seed),
            check_ranks(returns, outcomes, episodes, settings),
            *fallen,
        )
    )


def check_error(
    before: WorldModel,
    candidate: WorldModel,
    windows: WindowSampler,
    settings: GateSettings,
    kind: str,
) -> Check:
    """Require that the error on held-out episodes fell significantly."""
    *errors, change = compare_errors(before, candidate, windows, settings, kind)
    means = [float(np.mean(error)) for error in errors]
    episodes = len(errors[0])
    figures = {
        'error_before': means[0],
        'error_after': means[1],
        'error_factor': change.mean,
        'error_factor_low': change.low,
        'error_factor_high': change.high,
        'judge_episodes': float(episodes),
    }
    told = f'held-out error {means[0]:.5f} -> {means[1]:.5f} in {episodes} episodes'
    if episodes < 2:
        return Check('error', False, f'{told}, too few for an interval: record more', figures)
    passed = bool(change.high < 1.0)  # NaN fails
    interval = f'factor {change.mean:.3f}, 95 % {change.low:.3f} .. {change.high:.3f}'
    doubt = ', not significant: record more data' if change.mean < 1.0 and not passed else ''
    return Check('error', passed, f'{told} ({interval}){doubt}', figures)


def check_reference(
    before: WorldModel,
    candidate: WorldModel,
    data: GateData,
    settings: GateSettings,
    kind: str,
    name: str = REFERENCE,
) -> Check:
    """Require that the error on reference data did not rise, by the end of its interval.

    Args:
        before: The model to compare with.
        candidate: What may replace the model that runs.
        data: With the reference data.
        settings: What is allowed.
        kind: As of `judge`.
        name: Of the check and its figures.
    """
    if data.reference is None or not len(data.reference):
        why = f' ({data.no_reference})' if data.no_reference else ''
        told = f'no reference data{why}: forgetting was not measured'
        return Check(name, True, told)
    old, new, change = compare_errors(before, candidate, data.reference, settings, kind)
    episodes = len(old)
    since = ' of the model as it came' if name == ORIGINAL else ''
    told = (
        f'error on reference data{since} {np.mean(old):.5f} -> {np.mean(new):.5f} in {episodes} '
        'episodes'
    )
    figures = {
        f'{name}_before': float(np.mean(old)),
        f'{name}_after': float(np.mean(new)),
        f'{name}_factor': change.mean,
        f'{name}_factor_high': change.high,
        f'{name}_episodes': float(episodes),
    }
    if episodes < 2:
        told += ', too few for an interval: give more reference data'
        return Check(name, False, told, figures)
    allowed = 1.0 + settings.max_forgetting
    passed = bool(change.high <= allowed)  # NaN fails
    told += (
        f' (factor {change.mean:.3f}, 95 % {change.low:.3f} .. {change.high:.3f}, allowed '
        f'{allowed:.3f})'
    )
    doubt = ', not significant' if change.mean <= allowed and not passed else ''
    return Check(name, passed, told + doubt, figures)


def compare_errors(
    before: WorldModel,
    candidate: WorldModel,
    windows: WindowSampler,
    settings: GateSettings,
    kind: str,
) -> tuple[Array, Array, Interval]:
    """Return the errors of both in each episode, (E,), and the factor between them.

    Episodes differ more in their errors than models do; so each is compared with itself, and by
    the factor, not by the difference.
    """
    found = (predict(m, windows, settings.num_windows, kind) for m in (before, candidate))
    old, new = (np.maximum(one.by_episode(kind), 1e-12) for one in found)
    with np.errstate(invalid='ignore'):  # an infinite error has no interval, and fails
        return old, new, mean_interval(np.log(new) - np.log(old)).exp()


def check_plans(
    before: WorldModel,
    candidate: WorldModel,
    robot: Robot,
    windows: WindowSampler,
    settings: GateSettings,
    seed: int,
) -> Check:
    """Require finite plans from recorded observations, within limits as often as before."""
    old, new = (
        plan_recorded(m, robot, windows, settings.num_plans, seed) for m in (before, candidate)
    )
    rise = new.beyond_limits - old.beyond_limits
    passed = new.num_failed == 0 and rise <= settings.max_beyond_limits
    sentence = (
        f'{new.num_plans - new.num_failed} of {new.num_plans} plans are finite, joint targets '
        f'beyond limits {100 * old.beyond_limits:.1f} % -> {100 * new.beyond_limits:.1f} %'
    )
    figures = {
        'plans_failed': float(new.num_failed),
        'beyond_limits_before': old.beyond_limits,
        'beyond_limits_after': new.beyond_limits,
    }
    return Check('plans', passed, sentence, figures)


def check_ranks(
    returns: tuple[Array, Array], outcomes: Array, episodes: Ints, settings: GateSettings
) -> Check:
    """Require that predicted returns rank what happened about as well as before.

    Where all episodes are alike, a rank correlation is mostly chance; so the lower end of the
    loss's interval counts (jackknife over episodes).

    Args:
        returns: What the model before and the candidate expect of each window, (N,) each.
        outcomes: What each was worth, (N,).
        episodes: To which each belongs, (N,).
        settings: What is allowed.
    """
    old, new = (rank_correlation(found, outcomes) for found in returns)
    figures = {'rank_correlation_before': old, 'rank_correlation_after': new}
    told = f'rank correlation of predicted returns and outcomes {old:.3f} -> {new:.3f}'
    if math.isnan(old):
        return Check('ranks', True, 'all outcomes are alike, so that nothing can be ranked')

    def loss(kept: NDArray[np.bool_]) -> float:
        was, now = (rank_correlation(found[kept], outcomes[kept]) for found in returns)
        return was - now

    lost = jackknife(loss, episodes)
    passed = new >= old - settings.max_rank_loss or lost.low <= settings.max_rank_loss
    if math.isfinite(lost.low):
        told += f' (loss at least {lost.low:.3f}, allowed {settings.max_rank_loss:g})'
    return Check('ranks', bool(passed and not math.isnan(new)), told, figures)


def check_falls(
    returns: tuple[Array, Array],
    falls: NDArray[np.bool_],
    episodes: Ints,
    settings: GateSettings,
) -> Check:
    """Require that the predicted return of plans that ended in a fall did not rise.

    A search that prefers them makes the robot fall, however well all else is predicted. The ranks
    hardly show it, for any model ranks most of these plans low: what counts is by how much. Each
    fall is compared with itself. Uncertainty counts against the candidate: the upper end of the
    interval over falls, or the worst of them where they are too few for a narrower one.

    Args:
        returns: What the model before and the candidate expect of each window, (N,) each.
        falls: In which the robot fell, (N,).
        episodes: To which each belongs, (N,).
        settings: What is allowed.
    """
    if not falls.any() or falls.all():
        return Check(
            'falls', True, 'no falls in the data: their predicted returns were not compared'
        )
    old, new = (merit(found, falls) for found in returns)
    names = np.unique(episodes[falls])
    rises = np.array([np.mean((new - old)[episodes[falls] == name]) for name in names])
    with np.errstate(invalid='ignore'):  # an infinite rise has no interval, and fails
        bound = min(mean_interval(rises).high, float(np.max(rises)))
    told = (
        f'predicted return of plans that ended in a fall {-np.mean(old):.2f} -> '
        f'{-np.mean(new):.2f} standard deviations below the others, {len(names)} falls (rise at '
        f'most {bound:.2f}, allowed {settings.max_fall_rise:g})'
    )
    figures = {
        'fall_merit_before': float(np.mean(old)),
        'fall_merit_after': float(np.mean(new)),
        'fall_rise_high': bound,
        'judge_falls': float(len(names)),
    }
    return Check('falls', bool(bound <= settings.max_fall_rise), told, figures)  # NaN fails


def merit(returns: Array, falls: NDArray[np.bool_]) -> Array:
    """Return by how many deviations falls are expected to be better than the rest, (F,)."""
    others = returns[~falls]
    with np.errstate(invalid='ignore', divide='ignore'):
        found: Array = (returns[falls] - np.mean(others)) / np.std(others)
    return found
