"""The gate of beliefs and experts: what a robot earns by them, as it is believed and healthy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from simdist_ros.adaptation.believed_robot import Behaviour, BelievedRobot, walk
from simdist_ros.adaptation.believed_walks import Walked
from simdist_ros.adaptation.settings import GateSettings
from simdist_ros.adaptation.verdict import Check
from simdist_ros.evaluation.intervals import Interval, mean_interval

__all__ = [
    'Found',
    'NewBehaviour',
    'check_believed',
    'check_nominal',
    'gain',
    'is_better',
    'judge_behaviour',
]

LEAST_GAIN = 0.01  # of the reward; what is gained by less is not worth a change
BELIEVED, HEALTHY = 2_000_000, 3_000_000  # first seeds of walks


@dataclass(frozen=True)
class NewBehaviour:
    """What was found, and by which walks.

    Attributes:
        behaviour: None where that of the parent stays.
        checks: All of them; none where nothing would change.
        identified: The belief that it is about, (belief_dim,); None where there is none.
    """

    behaviour: Behaviour | None
    checks: tuple[Check, ...] = ()
    identified: Tensor | None = None


def gain(new: Walked, old: Walked) -> Interval:
    """Return how much more was earned a second, over robots with equal starts and pushes."""
    return mean_interval(new.reward - old.reward)


def is_better(new: Walked, old: Walked) -> bool:
    """Tell whether significantly more was earned, and enough to be worth a change."""
    return bool(gain(new, old).low > LEAST_GAIN * abs(float(np.mean(old.reward))))


@dataclass(frozen=True, kw_only=True)
class Found:
    """What may be done about a belief.

    Attributes:
        chosen: What earned most.
        least: The least unusual.
        practised: From what was chosen; None without practice.
    """

    chosen: Behaviour
    least: Behaviour
    practised: Behaviour | None = None


def judge_behaviour(
    believed: BelievedRobot,
    before: Behaviour,
    healthy: Behaviour,
    found: Found,
    seed: int,
    say: Callable[[str], None],
) -> NewBehaviour:
    """Judge what was found by walks that nothing was chosen by.

    What was practised is taken only where it earns significantly more than what was not, in robots
    that are never doubted, and passes; else what was chosen, and where that does not pass, the
    least unusual.

    Args:
        believed: The robot.
        before: What the running model does.
        healthy: What the first model does, on a healthy robot.
        found: To be judged.
        seed: Of the walks.
        say: Prints a line where practice is not used.
    """
    faulty = believed.walks(BELIEVED + seed)
    sound = believed.walks(HEALTHY + seed, healthy=True)
    usual, old = walk(sound, healthy), walk(faulty, before)

    def checks_of(one: Behaviour, walked: Walked) -> tuple[Check, ...]:
        nominal = check_nominal(usual, walk(sound, one), believed.gate)
        return check_believed(old, walked, one), nominal

    if found.practised is not None:
        checks = checks_of(found.practised, walk(faulty, found.practised))
        pair = [walk(faulty, one.undoubted()) for one in (found.practised, found.chosen)]
        if is_better(*pair) and all(check.passed for check in checks):
            return NewBehaviour(found.practised, checks)
        gained = gain(*pair)
        why = '; '.join(check.sentence for check in checks if not check.passed)
        told = f'it earns {gained.mean:+.2f} a second ({gained.low:+.2f} .. {gained.high:+.2f})'
        say(f'practice is not used: {why or told}')
    refused: tuple[Check, ...] = ()
    for one in dict.fromkeys((found.chosen, found.least)):
        if one.is_like(before):
            break
        checks = checks_of(one, walk(faulty, one))
        if all(check.passed for check in checks):
            return NewBehaviour(one, checks)
        refused = refused or checks
    return NewBehaviour(None, refused)


def check_believed(old: Walked, new: Walked, behaviour: Behaviour) -> Check:
    """Require that the robot that is believed in does not earn significantly less."""
    change = gain(new, old)
    sentence = (
        f'believed walks {old.told()} -> {new.told()} '
        f'({change.mean:+.2f}, 95 % {change.low:+.2f} .. {change.high:+.2f}; {behaviour.name})'
    )
    figures = {
        'believed_reward_before': float(np.mean(old.reward)),
        'believed_reward_after': float(np.mean(new.reward)),
        'believed_gain_low': change.low,
        'believed_gain_high': change.high,
    }
    return Check('believed_walks', bool(change.high >= 0.0), sentence, figures)  # NaN fails


def check_nominal(usual: Walked, new: Walked, gate: GateSettings) -> Check:
    """Require that a healthy robot does not earn significantly less than allowed."""
    change = gain(new, usual)
    allowed = -gate.max_nominal_loss * abs(float(np.mean(usual.reward)))
    sentence = (
        f'nominal walks {usual.told()} -> {new.told()} ({change.mean:+.2f}, 95 % '
        f'{change.low:+.2f} .. {change.high:+.2f}, allowed {allowed:+.2f}), tracking '
        f'{np.mean(usual.tracking):.3f} -> {np.mean(new.tracking):.3f}'
    )
    figures = {
        'nominal_reward_before': float(np.mean(usual.reward)),
        'nominal_reward_after': float(np.mean(new.reward)),
        'nominal_gain_high': change.high,
        'nominal_tracking_before': float(np.mean(usual.tracking)),
        'nominal_tracking_after': float(np.mean(new.tracking)),
        'nominal_falls': float(new.fell.sum()),
    }
    return Check('nominal_walks', bool(change.high >= allowed), sentence, figures)  # NaN fails
