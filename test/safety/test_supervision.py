from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.safety.modes import Mode, ModeRefused
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.safe_actions import Action, Fault
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision

PERIOD_NS = 20_000_000
MS = 1_000_000


@pytest.fixture
def walking(robot, settings) -> Supervision:
    return Supervision(robot, settings, Mode.FOLLOW)


@pytest.fixture
def tick(state, plan):
    """Answer the state of a tick, with or without a plan for it."""

    def run(supervision, k, planned=True, first=0.5, **changes):
        supervision.on_state(state(k, **changes))
        if planned:
            supervision.on_plan(plan(k, first=first))
        return supervision.command(k * PERIOD_NS + MS)

    return run


def test_an_answer_follows_the_plan_for_its_state(walking, tick):
    decision = tick(walking, 3, first=0.45)
    np.testing.assert_allclose(decision.command.position, [0.45, 0.45])
    assert decision.command.stamp_ns == 3 * PERIOD_NS
    assert (decision.mode, decision.action) == (Mode.FOLLOW, Action.FOLLOW_PLAN)
    assert (decision.fault, decision.late, decision.limited) == (Fault.NONE, False, ())


def test_before_anything_is_known_the_joints_are_damped(walking):
    decision = walking.command(7 * PERIOD_NS)
    assert decision.command.position is None
    assert decision.command.stamp_ns == 7 * PERIOD_NS
    assert decision.fault is Fault.STALE_STATE


def test_before_the_first_plan_a_walking_robot_stands_and_no_tick_is_late(walking, tick):
    for k in range(5):
        decision = tick(walking, k, planned=False)
        assert (decision.action, decision.fault) == (Action.STAND, Fault.NO_PLAN)
        assert not decision.late
    assert walking.counters.follow_ticks == 0
    assert walking.counters.faults == {Fault.NO_PLAN: 1}


@pytest.mark.parametrize('stale_plan_s', [0.05, 0.06])
@pytest.mark.parametrize('phase_ms', [1, 10, 19])
def test_after_the_planner_is_killed_the_robot_is_led_to_stand_within_100_ms(
    robot, state, plan, stale_plan_s, phase_ms
):
    supervision = Supervision(robot, SafetySettings(stale_plan_s=stale_plan_s), Mode.FOLLOW)
    killed_ns = 10 * PERIOD_NS + phase_ms * MS  # after the plan for tick 10
    actions = {}
    for k in range(30):
        supervision.on_state(state(k))
        if k * PERIOD_NS < killed_ns:
            supervision.on_plan(plan(k, first=0.3))
        actions[k * PERIOD_NS] = supervision.command(k * PERIOD_NS + MS).action
    safe_ns = min(t for t, action in actions.items() if action is Action.STAND)
    assert safe_ns - killed_ns <= 100 * MS
    assert all(actions[t] is Action.STAND for t in actions if t >= safe_ns)


def test_a_killed_planners_last_plan_is_followed_by_the_way_to_the_stand_pose(walking, tick):
    positions, faults = [], []
    for k in range(40):
        decision = tick(walking, k, planned=k <= 10, first=0.3)
        positions.append(decision.command.position[0])
        faults.append(decision.fault)
    assert positions[10:13] == pytest.approx([0.3, 0.31, 0.32])  # its own later steps
    assert faults[12:14] == [Fault.NONE, Fault.STALE_PLAN]
    assert positions[13] == pytest.approx(0.32)  # the ramp begins where the plan ended
    assert np.all(np.diff(positions[13:]) >= 0.0)
    assert positions[13 + 15] == pytest.approx(0.5)  # the stand pose after 0.3 s
    assert len(set(np.round(positions[13:29], 6))) > 10  # never the last target for ever
    assert walking.mode is Mode.FOLLOW


def test_late_ticks_are_those_without_a_plan_of_their_own(walking, tick):
    late = [tick(walking, k, planned=k not in (4, 7, 8)).late for k in range(10)]
    assert [k for k, is_late in enumerate(late) if is_late] == [4, 7, 8]
    counters = walking.counters
    assert (counters.ticks, counters.follow_ticks, counters.late_ticks) == (10, 10, 3)


def test_a_tick_after_the_last_step_of_the_last_plan_is_late_too(walking, tick):
    late = [tick(walking, k, planned=k < 3).late for k in range(60)]
    assert late == [False] * 3 + [True] * 57
    assert walking.counters.late_ticks == 57


def test_when_the_planner_has_been_back_for_a_while_the_robot_walks_on(walking, tick, settings):
    for k in range(30):
        tick(walking, k, planned=k <= 10)
    settling = round(settings.settle_s / 0.02)
    for k in range(30, 29 + settling):  # the last stale plan was at tick 29
        decision = tick(walking, k, first=0.55)
        assert (decision.action, decision.fault) == (Action.STAND, Fault.SETTLING)
    decision = tick(walking, 29 + settling, first=0.55)
    assert (decision.action, decision.fault) == (Action.FOLLOW_PLAN, Fault.NONE)
    np.testing.assert_allclose(decision.command.position, 0.55)


def test_a_planner_that_is_late_again_and_again_leaves_the_robot_standing(walking, tick):
    for k in range(10):
        tick(walking, k)
    decisions = [tick(walking, k, planned=k % 5 == 0) for k in range(10, 100)]
    assert {decision.action for decision in decisions[10:]} == {Action.STAND}


def test_a_plan_takes_over_within_the_rate_limit(walking, tick):
    tick(walking, 0, first=0.5)
    decision = tick(walking, 1, first=0.1)
    np.testing.assert_allclose(decision.command.position, 0.3)  # 10 rad/s * 0.02 s
    assert decision.limited == ('rate',)
    np.testing.assert_allclose(tick(walking, 2, first=0.1).command.position, 0.1)
    assert walking.counters.limited == {'rate': 1}


def test_the_rate_limit_counts_from_state_to_state_not_from_call_to_call(walking, tick):
    tick(walking, 0, first=0.5)
    first = tick(walking, 1, first=0.1)
    again = walking.command(PERIOD_NS + 5 * MS)
    np.testing.assert_array_equal(first.command.position, again.command.position)
    assert walking.counters.ticks == 2


def test_one_state_that_is_not_finite_costs_one_tick_of_the_previous_plan(walking, tick):
    tick(walking, 0)
    tick(walking, 1, first=0.45)
    decision = tick(walking, 2, planned=False, joint_pos=(np.nan, 0.5))
    np.testing.assert_allclose(decision.command.position, 0.46)
    assert (decision.action, decision.fault) == (Action.FOLLOW_PLAN, Fault.UNUSABLE_STATE)
    assert decision.late
    decision = tick(walking, 3)
    assert (decision.fault, decision.late) == (Fault.NONE, False)
    assert walking.counters.faults == {Fault.UNUSABLE_STATE: 1}


def test_states_that_stay_not_finite_end_in_damping(walking, tick):
    tick(walking, 0)
    actions = [
        tick(walking, k, planned=False, joint_vel=(np.inf, 0.0)).action for k in range(1, 10)
    ]
    assert actions[:2] == [Action.FOLLOW_PLAN] * 2
    assert actions[2:4] == [Action.STAND] * 2
    assert actions[5:] == [Action.DAMP] * 4


def test_a_quaternion_of_zeros_is_no_orientation(walking, tick, state):
    tick(walking, 0)
    walking.on_state(replace(state(1), orientation=np.zeros(4)))
    assert walking.command(PERIOD_NS).fault is Fault.UNUSABLE_STATE


def test_an_unknown_height_map_is_the_planners_concern(walking, tick, state):
    tick(walking, 0)
    walking.on_state(replace(state(1), height_map=np.full(6, np.nan)))
    assert walking.command(PERIOD_NS).fault is Fault.NONE


def test_when_states_stop_the_joints_are_damped(walking, tick):
    tick(walking, 10)
    assert walking.command(10 * PERIOD_NS + 100 * MS).action is Action.FOLLOW_PLAN
    decision = walking.command(10 * PERIOD_NS + 101 * MS)
    assert (decision.action, decision.fault) == (Action.DAMP, Fault.STALE_STATE)
    assert decision.command.position is None
    assert decision.mode is Mode.FOLLOW


def test_a_robot_that_sank_while_damped_stands_up_before_it_walks_on(walking, tick):
    tick(walking, 0)
    walking.command(20 * PERIOD_NS)
    sunk = (-0.4, -0.4)
    assert tick(walking, 20, first=0.9, joint_pos=sunk).action is Action.DAMP  # stamp is doubted
    decision = tick(walking, 21, first=0.9, joint_pos=sunk)
    assert (decision.action, decision.fault) == (Action.STAND, Fault.NOT_STANDING)
    np.testing.assert_allclose(decision.command.position, -0.4)  # from where the joints are
    for k in range(22, 61):
        assert tick(walking, k, joint_pos=(-0.3, -0.2)).action is Action.STAND
    assert tick(walking, 61, joint_pos=(0.05, 0.05)).action is Action.STAND
    assert tick(walking, 62, joint_pos=(0.4, 0.4)).action is Action.FOLLOW_PLAN
    assert (
        tick(walking, 63, joint_pos=(0.05, 0.05)).action is Action.FOLLOW_PLAN
    )  # a step, no collapse


def test_a_fall_damps_the_joints_and_ends_the_mode_until_stood_up_again(walking, tick):
    tick(walking, -1)
    assert tick(walking, 0, tilt=0.6).fault is Fault.NONE
    decision = tick(walking, 1, tilt=1.2)
    assert (decision.action, decision.fault) == (Action.DAMP, Fault.TILT)
    assert decision.command.position is None
    assert decision.mode is walking.mode is Mode.RECOVER
    lies = r'the base is tilted by 1\.20 rad \(allowed 1\); set it upright'
    with pytest.raises(ModeRefused, match=f'^stand is refused from recover: {lies}$'):
        walking.request(Mode.STAND)
    with pytest.raises(
        ModeRefused, match=f'^follow is refused from recover: {lies}; stand first$'
    ):
        walking.request(Mode.FOLLOW)
    tick(walking, 2, tilt=0.6)
    decision = tick(walking, 3)
    assert (decision.action, decision.fault) == (Action.DAMP, Fault.NONE)  # no motion by itself
    fell = r'it fell, tilted by 1\.20 rad \(allowed 1\); stand first'
    with pytest.raises(ModeRefused, match=f'^follow is refused from recover: {fell}$'):
        walking.request(Mode.FOLLOW)
    walking.request(Mode.STAND)
    assert tick(walking, 4).action is Action.STAND
    walking.request(Mode.RECOVER)
    with pytest.raises(ModeRefused, match=r'^follow is refused from recover: stand first$'):
        walking.request(Mode.FOLLOW)  # that fall is over


def test_the_emergency_stop_damps_at_once_and_stays(walking, tick):
    tick(walking, 0)
    walking.request(Mode.ESTOP)
    assert walking.command(MS).command.position is None
    for k in range(1, 50):
        decision = tick(walking, k)
        assert (decision.action, decision.fault) == (Action.DAMP, Fault.ESTOP)
    for wanted in (Mode.OFF, Mode.STAND, Mode.FOLLOW):
        with pytest.raises(ModeRefused, match='recover first'):
            walking.request(wanted)
    walking.restart()
    assert walking.mode is Mode.ESTOP
    assert walking.request(Mode.RECOVER) is Mode.RECOVER
    assert tick(walking, 50).action is Action.DAMP


def test_from_off_a_robot_stands_up_slowly_and_then_walks(robot, settings, tick):
    supervision = Supervision(robot, settings)
    lying = (-0.4, -0.4)
    assert tick(supervision, 0, joint_pos=lying).command.position is None
    with pytest.raises(ModeRefused, match='stand first'):
        supervision.request(Mode.FOLLOW)
    supervision.request(Mode.STAND)
    targets = [tick(supervision, k, joint_pos=lying).command.position[0] for k in range(1, 90)]
    assert targets[0] == pytest.approx(-0.4)
    assert targets[37] == pytest.approx(0.05, abs=0.02)  # half-way after half of 1.5 s
    assert targets[75:] == pytest.approx([0.1] * 14)  # the torque limit: 0.5 rad from the joints
    with pytest.raises(ModeRefused, match='from the stand pose'):
        supervision.request(Mode.FOLLOW)
    tick(supervision, 90)
    supervision.request(Mode.FOLLOW)
    assert tick(supervision, 91).action is Action.FOLLOW_PLAN


def test_walking_is_refused_without_a_fresh_plan_or_state(robot, settings, tick):
    supervision = Supervision(robot, settings, Mode.STAND)
    with pytest.raises(ModeRefused, match=r'robot state (has come|is .* old)'):
        supervision.request(Mode.FOLLOW)
    tick(supervision, 0, planned=False)
    with pytest.raises(ModeRefused, match=r'plan (has come|is .* old)'):
        supervision.request(Mode.FOLLOW)
    tick(supervision, 1)
    for k in range(2, 10):
        tick(supervision, k, planned=False)
    with pytest.raises(ModeRefused, match=r'plan (has come|is .* old)'):
        supervision.request(Mode.FOLLOW)
    tick(supervision, 10)
    supervision.command(30 * PERIOD_NS)
    with pytest.raises(ModeRefused, match=r'robot state (has come|is .* old)'):
        supervision.request(Mode.FOLLOW)


def test_one_joint_far_from_the_stand_pose_is_enough_not_to_stand(robot, settings, tick):
    """The stand pose counts, 0.5 rad in each joint, and not the one in which a walk stops."""
    joints = tuple(replace(joint, stop_offset=-0.3) for joint in robot.joints)
    supervision = Supervision(replace(robot, joints=joints), settings, Mode.STAND)
    for k, joint_pos in enumerate([(0.0, 0.5), (0.05, 0.05)]):  # 0.25 rad from it on average
        tick(supervision, k, joint_pos=joint_pos)
        with pytest.raises(ModeRefused, match=r'left is 0.(50|45) rad from the stand pose'):
            supervision.request(Mode.FOLLOW)
    tick(supervision, 2, joint_pos=(0.15, 0.85))
    assert supervision.request(Mode.FOLLOW) is Mode.FOLLOW


def test_ticks_of_a_robot_that_stands_are_never_late(robot, settings, tick):
    supervision = Supervision(robot, settings, Mode.STAND)
    assert not any(tick(supervision, k, planned=k == 0).late for k in range(5))
    assert (supervision.counters.late_ticks, supervision.counters.follow_ticks) == (0, 0)


def test_a_plan_is_on_time_if_it_begins_at_the_newest_state(walking, state, plan):
    assert not walking.has_plan_on_time
    for k in range(4):
        walking.on_state(state(k))
        assert not walking.has_plan_on_time  # a later step of the plan before is none
        walking.on_plan(plan(k))
        assert walking.has_plan_on_time


def test_a_robot_that_stood_for_a_while_has_not_been_damped(walking, tick, settings):
    far = (0.05, 0.05)  # from the stand pose, as in a stride
    settling = round(settings.settle_s / 0.02)
    for k in range(20):
        tick(walking, k, planned=k <= 10, joint_pos=far)
    for k in range(20, 20 + settling):
        decision = tick(walking, k, joint_pos=far)
    assert (decision.action, decision.fault) == (Action.FOLLOW_PLAN, Fault.NONE)


def test_when_the_operator_ends_the_walk_the_ramp_begins_at_the_last_target(walking, tick):
    tick(walking, 0, first=0.3)
    walking.request(Mode.STAND)
    first, second = (tick(walking, k).command.position[0] for k in (1, 2))
    assert first == pytest.approx(0.3)
    assert 0.3 < second < 0.31


def test_a_walk_ends_in_the_stop_pose_and_standing_up_in_the_stand_pose(robot, settings, tick):
    joints = tuple(replace(joint, stop_offset=-0.2) for joint in robot.joints)
    robot = replace(robot, joints=joints)
    stand = robot.per_joint('stand')
    supervision = Supervision(robot, settings, Mode.FOLLOW)
    tick(supervision, 0, first=0.5)
    for k in range(1, 40):
        stopped = tick(supervision, k, planned=False)
    np.testing.assert_allclose(stopped.command.position, stand - 0.2)
    risen = Supervision(robot, settings, Mode.STAND)
    for k in range(100):
        decision = tick(risen, k, planned=False)
    np.testing.assert_allclose(decision.command.position, stand)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_a_plan_that_is_not_finite_is_refused_and_the_one_before_goes_on(
    walking, tick, state, plan, bad
):
    tick(walking, 0, first=0.45)
    broken = plan(1)
    broken.positions[20, 1] = bad
    walking.on_state(state(1))
    assert not walking.on_plan(broken)
    decision = walking.command(PERIOD_NS)
    np.testing.assert_allclose(decision.command.position, 0.46)
    assert (decision.fault, decision.late) == (Fault.PLAN_NOT_FINITE, True)
    assert walking.counters.plans == {'taken': 1, 'not finite': 1}
    assert tick(walking, 2).fault is Fault.NONE


def test_a_planner_that_only_sends_nan_is_as_good_as_dead(walking, state, plan, tick):
    tick(walking, 0)
    for k in range(1, 10):
        walking.on_state(state(k))
        walking.on_plan(plan(k, first=np.nan))
        decision = walking.command(k * PERIOD_NS)
    assert (decision.action, decision.fault) == (Action.STAND, Fault.STALE_PLAN)
    assert np.isfinite(decision.command.position).all()


def test_a_plan_with_a_delay_begins_when_it_takes_effect(walking, state, plan):
    for k in range(3):
        walking.on_state(state(k))
        decision = walking.command(k * PERIOD_NS)
        walking.on_plan(plan(k, first=0.4 + 0.1 * k, delay=1))
    np.testing.assert_allclose(decision.command.position, 0.5)  # of the plan for tick 1
    assert not decision.late


def test_a_plan_may_come_before_the_first_state(walking, state, plan):
    assert walking.on_plan(plan(300, first=0.45))
    walking.on_state(state(300))
    np.testing.assert_allclose(walking.command(300 * PERIOD_NS).command.position, [0.45, 0.45])


def test_an_older_plan_is_ignored(walking, tick, plan):
    tick(walking, 5, first=0.45)
    assert not walking.on_plan(plan(4, first=0.3))
    np.testing.assert_allclose(walking.command(5 * PERIOD_NS).command.position, 0.45)
    assert walking.counters.plans['ignored'] == 1


def test_a_plan_for_another_robot_is_refused_by_size(walking):
    plan = PlannedSteps(
        stamp_ns=0, first_effect_ns=0, period_ns=PERIOD_NS, positions=np.zeros((5, 12))
    )
    with pytest.raises(ConfigError, match="plan is for 12 joints; robot 'two_joints' has 2"):
        walking.on_plan(plan)


def test_a_plan_that_is_changed_afterwards_is_not_followed_there(walking, state, plan):
    walking.on_state(state(0))
    steps = plan(0, first=0.45)
    walking.on_plan(steps)
    steps.positions[:] = np.nan
    np.testing.assert_allclose(walking.command(0).command.position, 0.45)


def test_waiting_for_a_plan_is_over_when_one_begins_at_the_newest_state(walking, state, plan):
    assert not walking.has_plan_on_time
    walking.on_state(state(0))
    assert not walking.has_plan_on_time
    walking.on_plan(plan(0))
    assert walking.has_plan_on_time
    walking.on_state(state(1))
    assert not walking.has_plan_on_time


def test_the_same_stamps_give_the_same_commands(robot, settings, tick):
    def run() -> list[tuple[float, ...]]:
        supervision = Supervision(robot, settings, Mode.FOLLOW)
        rng = np.random.default_rng(1)
        decisions = [
            tick(
                supervision,
                k,
                planned=rng.random() < 0.6,
                first=rng.uniform(-1.0, 1.0),
                joint_pos=rng.uniform(-0.5, 0.9, 2),
                tilt=rng.uniform(0.0, 0.9),
            )
            for k in range(200)
        ]
        return [tuple(decision.command.position) for decision in decisions]

    assert run() == run()


def test_whatever_comes_the_command_is_finite_and_within_the_limits(robot, settings, state):
    rng = np.random.default_rng(2)
    settings = replace(settings, settle_s=0.0)  # or it would mostly stand
    supervision = Supervision(robot, settings, Mode.FOLLOW)
    for k in range(2000):
        odd = np.nan if rng.random() < 0.1 else rng.uniform(-2.0, 2.0)
        if rng.random() < 0.9:
            supervision.on_state(state(k, joint_pos=(odd, 0.5), tilt=rng.uniform(0.0, 0.9)))
        if rng.random() < 0.5:
            steps = rng.normal(0.0, 2.0, (5, 2))
            steps[rng.random((5, 2)) < 0.02] = np.nan
            supervision.on_plan(
                PlannedSteps(
                    stamp_ns=k * PERIOD_NS,
                    first_effect_ns=(k + int(rng.integers(3))) * PERIOD_NS,
                    period_ns=PERIOD_NS,
                    positions=steps,
                )
            )
        position = supervision.command(k * PERIOD_NS + MS).command.position
        assert position is None or (np.abs(position) <= 1.0).all()
    assert supervision.counters.faults[Fault.UNUSABLE_STATE] > 50
    assert supervision.counters.plans['not finite'] > 50


def test_what_no_sensor_tells_is_not_missed(robot, settings, state):
    untold = replace(state(0), linear_velocity=np.full(3, np.nan))
    for sensors, fault in (
        (('joints', 'imu'), Fault.NONE),
        (('joints', 'imu', 'odom'), Fault.STALE_STATE),
    ):
        supervision = Supervision(robot, settings, Mode.STAND, sensors)
        supervision.on_state(untold)
        assert supervision.command(0).fault is fault


def test_what_walking_lacks_is_named_with_the_value_found_and_the_one_allowed(
    robot, settings, state, plan
):
    supervision = Supervision(robot, settings)
    with pytest.raises(
        ModeRefused, match=r'^stand is refused from off: no robot state has come; '
    ):
        supervision.request(Mode.STAND)
    supervision.on_state(state(0, joint_pos=(0.5, -0.25)))
    supervision.command(0)
    supervision.request(Mode.STAND)
    with pytest.raises(
        ModeRefused, match=r'right is 0\.75 rad from the stand pose \(allowed 0\.4\)'
    ):
        supervision.request(Mode.FOLLOW)
    supervision.on_state(state(1))
    supervision.command(MS * 20)
    with pytest.raises(ModeRefused, match=r'stand: no plan has come; activate the planner$'):
        supervision.request(Mode.FOLLOW)
    supervision.on_plan(plan(1))
    for k in range(2, 40):
        supervision.on_state(state(k))
        supervision.command(round(k * 20 * MS))
        if k == 5:  # too old for a plan, not for a state
            with pytest.raises(ModeRefused, match=r'plan is 0\.08 s old'):
                supervision.request(Mode.FOLLOW)
    with pytest.raises(
        ModeRefused, match=r'plan is 0\.76 s old \(allowed 0\.05\); activate the planner$'
    ):
        supervision.request(Mode.FOLLOW)
    supervision.command(round(39 * 20 * MS) + 2_000 * MS)
    with pytest.raises(
        ModeRefused, match=r'robot state is 2\.00 s old \(allowed 0\.1\); .* publishes$'
    ):
        supervision.request(Mode.FOLLOW)
