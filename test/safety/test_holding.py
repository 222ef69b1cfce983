"""A robot on a fixed base that holds: it lets nothing fall, and nothing moves it by surprise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.safe_actions import Action, Fault
from simdist_ros.safety.supervision import Supervision

PERIOD_NS = 20_000_000
MS = 1_000_000


@pytest.fixture
def arm(robot):
    return replace(robot, base='fixed', safe_action='hold')


@pytest.fixture
def tick(plan):
    """Answer the state of a tick: joints alone are measured."""

    def run(supervision, k, planned=True, first=0.3, joint_pos=(0.3, 0.3)):
        pose = {'joint_pos': np.array(joint_pos), 'joint_vel': np.zeros(2)}
        supervision.on_state(RobotState(stamp_ns=k * PERIOD_NS, **pose))
        if planned:
            supervision.on_plan(plan(k, first=first))
        return supervision.command(k * PERIOD_NS + MS)

    return run


def test_without_an_orientation_a_plan_is_followed(arm, settings, tick):
    decision = tick(Supervision(arm, settings, Mode.FOLLOW), 0)
    assert (decision.action, decision.fault) == (Action.FOLLOW_PLAN, Fault.NONE)
    np.testing.assert_allclose(decision.command.position, [0.3, 0.3])


def test_a_late_plan_is_followed_to_its_last_step_that_counts_and_held(arm, settings, tick):
    supervision = Supervision(arm, settings, Mode.FOLLOW)
    positions, actions = [], []
    for k in range(12):
        decision = tick(supervision, k, planned=k < 3)
        positions.append(float(decision.command.position[0]))
        actions.append(decision.action)
    assert actions[:3] == [Action.FOLLOW_PLAN] * 3
    assert set(actions[6:]) == {Action.HOLD}
    held = positions[actions.index(Action.HOLD) - 1]
    np.testing.assert_array_equal(positions[actions.index(Action.HOLD) :], held)
    assert held != pytest.approx(0.5)  # the stand pose


@pytest.mark.parametrize('modes', [(Mode.OFF,), (Mode.ESTOP,), (Mode.ESTOP, Mode.RECOVER)])
def test_where_another_is_damped_it_stays_where_it_was_told_to_be(arm, settings, tick, modes):
    supervision = Supervision(arm, settings, Mode.FOLLOW)
    sent = [tick(supervision, k).command.position for k in range(3)][-1]
    for mode in modes:
        supervision.request(mode)
    for k in range(3, 8):
        decision = tick(supervision, k, planned=False, joint_pos=(0.1, 0.2))
        assert decision.action is Action.HOLD
        np.testing.assert_array_equal(decision.command.position, sent)


def test_switched_on_it_holds_where_it_is_found_within_its_limits(arm, settings, tick):
    supervision = Supervision(arm, settings)
    for k, found in enumerate([(0.4, 1.2), (0.35, 1.1)]):  # it sags; the target does not
        decision = tick(supervision, k, planned=False, joint_pos=found)
        assert decision.action is Action.HOLD
        np.testing.assert_array_equal(decision.command.position, [0.4, 1.0])


def test_states_that_stop_coming_do_not_let_go(arm, settings, tick):
    supervision = Supervision(arm, settings, Mode.FOLLOW)
    sent = tick(supervision, 0).command.position
    late = supervision.command(50 * PERIOD_NS)
    assert (late.action, late.fault) == (Action.HOLD, Fault.STALE_STATE)
    np.testing.assert_array_equal(late.command.position, sent)


def test_before_anything_is_known_there_is_nothing_to_hold(arm, settings):
    assert Supervision(arm, settings).command(7 * PERIOD_NS).command.position is None


def test_it_goes_to_its_stand_pose_without_haste(arm, settings, tick):
    supervision = Supervision(arm, replace(settings, stand_ramp_s=1.0), Mode.FOLLOW)
    tick(supervision, 0)
    supervision.request(Mode.STAND)
    seen = []
    for k in range(1, 70):
        found = (0.3, 0.3) if not seen else tuple(seen[-1])
        seen.append(tick(supervision, k, planned=False, joint_pos=found).command.position)
    assert np.abs(np.diff([s[0] for s in seen])).max() < 0.01  # half a cosine of 0.2 rad in 1 s
    np.testing.assert_allclose(seen[-1], [0.5, 0.5])


def test_a_way_to_stand_that_was_held_up_begins_anew_where_it_was_held(arm, settings, tick):
    supervision = Supervision(arm, replace(settings, stand_ramp_s=1.0), Mode.FOLLOW)
    tick(supervision, 0)
    supervision.request(Mode.STAND)
    position = np.array([0.3, 0.3])
    steps = []
    for k in range(1, 120):
        supervision.on_other_publishers(of_plan=False, of_robot=20 <= k < 50)
        before = position
        decision = tick(supervision, k, planned=False, joint_pos=tuple(before))
        assert (decision.action is Action.HOLD) is (20 <= k < 50)
        position = decision.command.position
        steps.append(position[0] - before[0])
    np.testing.assert_array_equal(steps[19:50], 0.0)  # held, and the first of the new way
    assert np.abs(steps).max() < 0.01
    np.testing.assert_allclose(position, [0.5, 0.5])


def test_when_plans_come_again_it_goes_on_from_where_it_held(arm, settings, tick):
    supervision = Supervision(arm, settings, Mode.FOLLOW)
    tick(supervision, 0)
    for k in range(1, 10):
        held = tick(supervision, k, planned=False).command.position
    for k in range(10, 60):
        decision = tick(supervision, k, first=0.3)
        if decision.action is Action.FOLLOW_PLAN:
            break
    assert np.abs(decision.command.position - held).max() <= 10.0 * 0.02 + 1e-9  # max_rate
    assert decision.fault is Fault.NONE
