"""An arm stops by itself: too much contact, too fast a tool, the end of its workspace."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.embodiment.sensors import MOTION
from simdist_ros.embodiment.tool_limits import ToolLimits
from simdist_ros.safety.modes import Mode, ModeRefused
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.safe_actions import Action, Fault
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision

QUIET = np.array([0.0, 0.0, 2.5, 0.0, 0.0, 0.0])  # N, N m: the weight of the tool
FORCE = np.array([60.0, 0.0, 80.5, 0.0, 0.0, 0.0])  # 100.4 N
TORQUE = np.array([0.0, 0.0, 0.0, 12.0, 16.5, 0.0])  # 20.4 N m


@pytest.fixture(scope='module')
def arm():
    return load_robot('ur5e')


@pytest.fixture
def supervision(arm):
    return Supervision(arm, SafetySettings(), Mode.FOLLOW, MOTION)


def tick(supervision, arm, k, wrench=QUIET, joint_pos=None, joint_vel=None):
    """Answer the state of a tick with a plan that moves all joints by 0.01 rad."""
    stand = arm.per_joint('stand')
    joint_pos = stand if joint_pos is None else joint_pos
    joint_vel = np.zeros(6) if joint_vel is None else joint_vel
    stamp = k * arm.period_ns
    supervision.on_state(
        RobotState(stamp_ns=stamp, joint_pos=joint_pos, joint_vel=joint_vel, wrench=wrench)
    )
    steps = np.tile(stand + 0.01, (10, 1))
    plan = PlannedSteps(
        stamp_ns=stamp, first_effect_ns=stamp, period_ns=arm.period_ns, positions=steps
    )
    supervision.on_plan(plan)
    return supervision.command(stamp)


def test_within_its_limits_it_follows_its_plan(supervision, arm):
    decision = tick(supervision, arm, 0)
    assert (decision.action, decision.fault) == (Action.FOLLOW_PLAN, Fault.NONE)


@pytest.mark.parametrize(
    ('wrench', 'why'),
    [
        (FORCE, 'force at its wrist was 100 N (allowed 100)'),
        (TORQUE, 'torque at its wrist was 20.4 N m (allowed 20)'),
    ],
)
def test_pressing_too_hard_it_holds_where_it_is_until_it_is_led_out(supervision, arm, wrench, why):
    tick(supervision, arm, 0)
    found = arm.per_joint('stand') + 0.004  # less far than it was told to go
    decision = tick(supervision, arm, 1, wrench=wrench, joint_pos=found)
    assert (decision.action, decision.fault) == (Action.HOLD, Fault.CONTACT)
    np.testing.assert_array_equal(decision.command.position, found)
    for k in (2, 3):
        decision = tick(supervision, arm, k)  # the force is gone
        assert (supervision.mode, decision.action) == (Mode.RECOVER, Action.HOLD)
        np.testing.assert_array_equal(decision.command.position, found)
    with pytest.raises(ModeRefused) as error:
        supervision.request(Mode.FOLLOW)
    assert str(error.value) == f'follow is refused from recover: it stopped: {why}; stand first'
    supervision.request(Mode.STAND)
    supervision.request(Mode.FOLLOW)
    assert tick(supervision, arm, 4).action is Action.FOLLOW_PLAN


def test_a_force_that_is_allowed_does_not_stop_it(supervision, arm):
    assert tick(supervision, arm, 0, wrench=0.99 * FORCE).fault is Fault.NONE


def test_a_tool_that_is_too_fast_stops(supervision, arm):
    jacobian = tool_chain(arm).motion(arm.per_joint('stand'))[2]
    turning = np.zeros(6)
    turning[0] = 1.0
    speed = np.linalg.norm(jacobian[:3] @ turning)
    slow, fast = 0.49 / speed * turning, 0.51 / speed * turning
    assert tick(supervision, arm, 0, joint_vel=slow).fault is Fault.NONE
    decision = tick(supervision, arm, 1, joint_vel=fast)
    assert (decision.action, decision.fault) == (Action.HOLD, Fault.TOOL_SPEED)
    assert supervision.stopped_by == 'its tool moved at 0.51 m/s (allowed 0.5)'


def test_outside_its_workspace_it_stops_and_may_be_led_back(arm):
    place = tool_chain(arm).position(arm.per_joint('stand'))
    box = ToolLimits(low=tuple(place - 0.05), high=tuple(place + 0.05))
    arm = replace(arm, tool_limits=box)
    supervision = Supervision(arm, SafetySettings(), Mode.FOLLOW, MOTION)
    outside = arm.per_joint('stand') + [0.12, 0.0, 0.0, 0.0, 0.0, 0.0]  # 6 cm to the left
    assert tick(supervision, arm, 0).fault is Fault.NONE
    decision = tick(supervision, arm, 1, joint_pos=outside)
    assert (decision.action, decision.fault) == (Action.HOLD, Fault.WORKSPACE)
    assert supervision.stopped_by.startswith('its tool was outside its workspace, at 0.48')
    supervision.request(Mode.STAND)
    decision = tick(supervision, arm, 2, joint_pos=outside)
    assert (decision.action, decision.fault) == (Action.STAND, Fault.NONE)


@pytest.mark.parametrize('broken', [math.nan, 600.0, -600.0])
def test_a_wrench_that_says_nothing_holds_it_at_once_and_is_named(supervision, arm, broken):
    sent = tick(supervision, arm, 0).command.position
    wrench = QUIET.copy()
    wrench[1] = broken
    for k in range(1, 4):
        decision = tick(supervision, arm, k, wrench=wrench)
        assert decision.action is Action.HOLD
        assert [found.what for found in decision.findings] == [
            'force_torque_sensor_broadcaster/wrench: wrench of fy'
        ]
        np.testing.assert_array_equal(decision.command.position, sent)
    assert supervision.mode is Mode.FOLLOW  # the sensor may come back
    assert tick(supervision, arm, 4).action is Action.FOLLOW_PLAN


def test_after_a_second_without_states_it_holds_where_it_is_found(supervision, arm):
    tick(supervision, arm, 0)
    supervision.request(Mode.OFF)
    moved = arm.per_joint('stand') + 0.05
    held = tick(supervision, arm, 2, joint_pos=moved).command.position
    np.testing.assert_allclose(held, arm.per_joint('stand') + 0.01)  # it sags; the target stays
    for k in (40, 43):  # the first one after a gap is doubted
        decision = tick(supervision, arm, k, joint_pos=moved)
    assert decision.action is Action.HOLD
    np.testing.assert_array_equal(decision.command.position, moved)


@pytest.mark.parametrize(
    ('box', 'why'),
    [
        ({'low': (0.0, 0.0)}, 'tool_limits: low has 2 numbers and high 0; give x, y, z in both'),
        ({'low': (0.0, 0.0, 1.0), 'high': (1.0, 1.0, 0.5)}, 'expected below high'),
    ],
)
def test_a_workspace_without_room_is_refused(box, why):
    with pytest.raises(ConfigError, match=why):
        ToolLimits(**box)
