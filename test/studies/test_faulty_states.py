from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.faulty_states import KINDS, FaultyStates, kinds_for
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.safe_actions import Action
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision

ROBOT = load_robot('go2')
STAND = ROBOT.per_joint('stand')
AT, TICKS = 12, 60


def state(tick: int) -> RobotState:
    return RobotState(
        stamp_ns=tick * ROBOT.period_ns,
        joint_pos=STAND,
        joint_vel=np.zeros(12),
        orientation=np.array([1.0, 0.0, 0.0, 0.0]),
        angular_velocity=np.zeros(3),
        linear_velocity=np.zeros(3),
    )


def answer(supervision: Supervision, seen: RobotState) -> Action:
    """Answer a state with a plan for it, unless it is found unusable."""
    before = supervision.counters.unusable.total()
    supervision.on_state(seen)
    if supervision.counters.unusable.total() == before:
        supervision.on_plan(
            PlannedSteps(
                stamp_ns=seen.stamp_ns,
                first_effect_ns=seen.stamp_ns,
                period_ns=ROBOT.period_ns,
                positions=np.tile(STAND, (25, 1)),
            )
        )
    return supervision.command(seen.stamp_ns).action


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('kind', KINDS)
def test_one_fault_is_named_and_does_not_end_the_walk(kind, seed):
    fault = FaultyStates(kind, AT, np.random.default_rng(seed))
    supervision = Supervision(ROBOT, SafetySettings(), Mode.FOLLOW)
    actions = []
    for tick in range(TICKS):
        seen = fault.seen(tick, state(tick))
        if seen is not None:
            actions.append(answer(supervision, seen))
        if tick < AT:
            assert not supervision.counters.unusable
    assert set(actions) == {Action.FOLLOW_PLAN}
    counters = supervision.counters
    assert counters.unusable.total() + counters.lost_states > 0
    assert counters.clock_steps == (kind in ('clock set back', 'clock set ahead'))


def test_the_same_seed_draws_the_same_fault():
    for kind in KINDS:
        one, two = (FaultyStates(kind, AT, np.random.default_rng(5)) for _ in range(2))
        for tick in range(TICKS):
            a, b = (fault.seen(tick, state(tick)) for fault in (one, two))
            assert (a is None) == (b is None)
            if a is not None and b is not None:
                assert a.stamp_ns == b.stamp_ns
                np.testing.assert_array_equal(a.joint_pos, b.joint_pos)


def test_what_a_robot_does_not_measure_has_no_faults():
    arm = load_robot(str(Path(__file__).parents[1] / 'bodies' / 'arm' / 'arm.yaml'))
    assert kinds_for(ROBOT) == KINDS
    assert set(KINDS) - set(kinds_for(arm)) == {
        'angular velocity',
        'linear velocity',
        'orientation',
    }
    seen = RobotState(stamp_ns=0, joint_pos=np.zeros(3), joint_vel=np.zeros(3))
    for kind in kinds_for(arm):
        fault = FaultyStates(kind, 1, np.random.default_rng(0))
        before, after = fault.seen(0, seen), fault.seen(1, seen)
        assert before is not None
        assert after is None or repr(after) != repr(before) or kind == 'state repeated'
