"""States that cannot be true, and stamps that repeat, go back or jump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.safety.modes import Mode, ModeRefused
from simdist_ros.safety.safe_actions import Action, Fault
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
        return supervision.command(round(k * PERIOD_NS))

    return run


@pytest.mark.parametrize(
    ('changes', 'what'),
    [
        ({'joint_vel': (0.0, 200.0)}, 'joint_states: velocity of right'),
        ({'joint_pos': (5.0, 0.5)}, 'joint_states: position of left'),
        ({'joint_pos': (-0.6, 0.5)}, 'joint_states: step of left'),
        ({'tilt': 3.0}, 'imu/data: turn of the orientation'),
    ],
)
def test_a_reading_that_cannot_be_true_costs_one_tick_of_the_previous_plan(
    walking, tick, changes, what
):
    tick(walking, 0, first=0.45)
    decision = tick(walking, 1, planned=False, **changes)
    np.testing.assert_allclose(decision.command.position, 0.46)
    assert (decision.action, decision.fault) == (Action.FOLLOW_PLAN, Fault.UNUSABLE_STATE)
    assert [finding.what for finding in decision.findings] == [what]
    decision = tick(walking, 2)
    assert (decision.fault, decision.findings) == (Fault.NONE, ())
    assert walking.counters.unusable == {what: 1}
    assert walking.mode is Mode.FOLLOW


def test_each_unusable_state_is_counted_by_what_is_wrong_and_the_fault_where_it_begins(
    walking, tick
):
    tick(walking, 0)
    for k in (1, 2):
        tick(walking, k, planned=False, joint_vel=(99.0, 99.0))
    tick(walking, 3)
    tick(walking, 4, joint_vel=(0.0, -99.0))
    assert walking.counters.unusable == {
        'joint_states: velocity of left': 2,
        'joint_states: velocity of right': 3,
    }
    assert walking.counters.faults[Fault.UNUSABLE_STATE] == 2


def test_readings_that_stay_impossible_end_in_damping_within_a_tenth_of_a_second(walking, tick):
    tick(walking, 0)
    actions = [tick(walking, k, joint_vel=(99.0, 0.0)).action for k in range(1, 8)]
    assert actions[:5] == [Action.FOLLOW_PLAN] * 5
    assert actions[5:] == [Action.DAMP] * 2


def test_what_is_damped_by_bad_readings_stands_up_when_they_are_good_again(walking, tick):
    tick(walking, 0)
    for k in range(1, 8):
        tick(walking, k, joint_vel=(99.0, 0.0))
    decision = tick(walking, 8, joint_pos=(0.0, 0.0))
    assert (decision.action, decision.fault) == (Action.STAND, Fault.NOT_STANDING)


# Clocks


@pytest.mark.parametrize('back', [4, 15, 45])
def test_a_clock_that_is_set_back_costs_one_tick_and_the_walk_goes_on(walking, tick, back):
    for k in range(95, 101):
        tick(walking, k, first=0.45)
    doubted = tick(walking, 101 - back, first=0.9)
    np.testing.assert_allclose(doubted.command.position, 0.45)
    assert doubted.command.stamp_ns == (101 - back) * PERIOD_NS  # or a lockstep would wait
    assert (doubted.action, doubted.fault) == (Action.FOLLOW_PLAN, Fault.UNUSABLE_STATE)
    followed = tick(walking, 102 - back, first=0.9)
    assert (followed.action, followed.fault) == (Action.FOLLOW_PLAN, Fault.NONE)
    np.testing.assert_allclose(followed.command.position, 0.65)  # a period's rate, no more
    np.testing.assert_allclose(tick(walking, 103 - back, first=0.9).command.position, 0.85)
    assert walking.counters.clock_steps == 1
    assert walking.counters.unusable == {'stamp of the state': 1}


def test_on_the_clock_that_was_set_back_the_plan_before_is_as_old_as_it_was(walking, tick):
    for k in range(98, 101):
        tick(walking, k, first=0.45)
    tick(walking, 71, planned=False)
    decision = tick(walking, 72, planned=False)  # two ticks after the plan for tick 100
    np.testing.assert_allclose(decision.command.position, 0.47)
    assert (decision.action, decision.late) == (Action.FOLLOW_PLAN, True)
    decision = tick(walking, 73, planned=False)
    assert (decision.action, decision.fault) == (Action.STAND, Fault.STALE_PLAN)


def test_the_way_to_stand_goes_on_over_a_clock_that_is_set_back(robot, settings, tick):
    def targets(stamps):
        supervision = Supervision(robot, settings, Mode.STAND)
        low = (0.1, 0.1)
        return [
            tick(supervision, k, planned=False, joint_pos=low).command.position[0] for k in stamps
        ]

    straight = targets(range(50, 70))
    set_back = targets([*range(50, 60), *range(30, 40)])
    assert set_back[10] == pytest.approx(straight[9])  # held while the stamp is doubted
    assert set_back[11:] == pytest.approx(straight[11:])


def test_a_robot_that_settles_does_so_for_as_long_on_a_clock_that_is_set_back(
    walking, tick, settings
):
    tick(walking, 100)
    for k in range(101, 110):
        tick(walking, k, planned=False)  # the last stale one
    faults = [tick(walking, k).fault for k in range(80, 120)]
    settling = round(settings.settle_s / 0.02)
    assert faults[: settling - 1] == [Fault.STALE_PLAN] + [Fault.SETTLING] * (settling - 2)
    assert set(faults[settling - 1 :]) == {Fault.NONE}


def test_a_clock_set_back_while_the_joints_are_damped_revives_no_plan(walking, tick):
    for k in range(95, 101):
        tick(walking, k)
    assert walking.command(120 * PERIOD_NS).action is Action.DAMP  # states have stopped
    sunk = (-0.4, -0.4)
    assert tick(walking, 71, planned=False, joint_pos=sunk).action is Action.DAMP
    decision = tick(walking, 72, planned=False, joint_pos=sunk)
    assert (decision.action, decision.fault) == (Action.STAND, Fault.NO_PLAN)
    np.testing.assert_allclose(decision.command.position, -0.4)
    decision = tick(walking, 73, joint_pos=sunk)
    assert decision.fault is Fault.NOT_STANDING


def test_a_clock_that_begins_anew_forgets_plans_and_targets_and_keeps_the_mode(walking, tick):
    tick(walking, 1000, first=0.45)
    tick(walking, 0, planned=False)
    decision = tick(walking, 1, planned=False, joint_pos=(0.3, 0.3))
    assert decision.command.stamp_ns == PERIOD_NS
    assert decision.fault is Fault.NO_PLAN
    np.testing.assert_allclose(decision.command.position, 0.3)
    assert walking.mode is Mode.FOLLOW


@pytest.mark.parametrize('ahead', [6, 1000])
def test_a_plan_of_another_clock_is_ignored_and_blocks_no_newer_one(walking, tick, plan, ahead):
    tick(walking, 10)
    assert walking.on_plan(plan(10 + ahead)) is False
    assert walking.counters.plans == {'taken': 1, 'ignored': 1}
    assert tick(walking, 11).action is Action.FOLLOW_PLAN


def test_a_plan_may_be_five_ticks_ahead_of_the_states(walking, tick, plan):
    tick(walking, 10)
    assert walking.on_plan(plan(15))


@pytest.mark.parametrize('wrong', [99, 101, 40, 100 + 500])
def test_one_wrong_stamp_holds_the_target_for_one_tick(walking, tick, wrong):
    for k in range(95, 102):
        tick(walking, k, first=0.45)
    decision = tick(walking, wrong, planned=False, joint_pos=(0.9, 0.9))
    np.testing.assert_allclose(decision.command.position, 0.45)
    assert decision.fault is Fault.UNUSABLE_STATE
    decision = tick(walking, 103, first=0.5)
    assert (decision.action, decision.fault) == (Action.FOLLOW_PLAN, Fault.NONE)
    np.testing.assert_allclose(decision.command.position, 0.5)
    assert walking.counters.clock_steps == 0


@pytest.mark.parametrize('stamps', [[100] * 8, [100, 60, 20, 70, 10, 50, 2, 40]])
def test_stamps_that_never_go_on_end_in_damping_within_a_tenth_of_a_second(walking, tick, stamps):
    tick(walking, 100)
    actions = [tick(walking, stamp, planned=False).action for stamp in stamps]
    assert actions == [Action.FOLLOW_PLAN] * 5 + [Action.DAMP] * 3


def test_a_doubted_state_ages_from_its_receipt(walking, tick, state):
    tick(walking, 100)
    walking.on_state(state(70))  # a period after the one before
    now_ns = 70 * PERIOD_NS
    assert walking.command(now_ns + 80 * MS).action is Action.FOLLOW_PLAN
    assert walking.command(now_ns + 81 * MS).fault is Fault.STALE_STATE


def test_after_a_silence_a_doubted_state_does_not_count_as_fresh(walking, tick):
    tick(walking, 0)
    assert walking.command(20 * PERIOD_NS).action is Action.DAMP
    decision = tick(walking, 20)
    assert (decision.action, decision.fault) == (Action.DAMP, Fault.STALE_STATE)


def test_a_clock_set_ahead_frees_no_rate(walking, tick):
    tick(walking, 0, first=0.5)
    tick(walking, 500, first=-0.5)
    decision = tick(walking, 501, first=-0.5)
    assert decision.action is Action.FOLLOW_PLAN
    np.testing.assert_allclose(decision.command.position, 0.3)


# Limits from state to state


@pytest.mark.parametrize(('step', 'most'), [(0.1, 0.02), (0.5, 0.1), (1, 0.2), (4, 0.2)])
def test_the_target_moves_by_the_rate_times_the_time_between_states_at_most_a_period(
    walking, tick, step, most
):
    tick(walking, 10, first=0.5)
    decision = tick(walking, 10 + step, first=-0.9)
    np.testing.assert_allclose(decision.command.position, 0.5 - most)
    decision = tick(walking, 10 + 2 * step, first=-0.9)
    np.testing.assert_allclose(decision.command.position, 0.5 - 2 * most)


@pytest.mark.parametrize(('after', 'step'), [(0.5, 0), (0.75, 0), (0.85, 1), (1.1, 1)])
def test_a_state_between_two_ticks_has_the_step_that_has_begun(walking, tick, after, step):
    tick(walking, 3, first=0.45)
    decision = tick(walking, 3 + after, planned=False)
    np.testing.assert_allclose(decision.command.position, 0.45 + 0.01 * step)
    assert decision.late is (step > 0)


def test_a_fall_while_standing_ends_the_mode(robot, settings, tick):
    supervision = Supervision(robot, settings, Mode.STAND)
    tick(supervision, 0, tilt=0.6)
    decision = tick(supervision, 1, tilt=1.2)
    assert (decision.action, decision.fault) == (Action.DAMP, Fault.TILT)
    assert decision.mode is supervision.mode is Mode.RECOVER


@pytest.mark.parametrize('mode', [Mode.OFF, Mode.ESTOP, Mode.RECOVER])
def test_a_fall_leaves_the_modes_that_damp_as_they_are(robot, settings, tick, mode):
    supervision = Supervision(robot, settings, mode)
    tick(supervision, 0, tilt=0.6)
    tick(supervision, 1, tilt=1.2)
    assert supervision.mode is mode


def test_each_way_to_stand_begins_where_the_plan_before_it_ended(walking, tick):
    tick(walking, 0, first=0.3)
    walking.request(Mode.STAND)
    for k in range(1, 30):
        assert tick(walking, k, planned=k == 29).command.position[0] >= 0.3
    walking.request(Mode.FOLLOW)
    for k in range(29, 33):
        tick(walking, k, first=0.35)
    walking.request(Mode.STAND)
    again = [tick(walking, k).command.position[0] for k in range(33, 50)]
    assert again[0] == pytest.approx(0.35)
    assert 0.35 < again[1] < 0.37
    assert again[-1] == pytest.approx(0.5)


def test_walking_is_refused_on_a_plan_whose_steps_are_used_up(robot, settings, state, plan):
    supervision = Supervision(robot, settings, Mode.STAND)
    supervision.on_state(state(0))
    supervision.on_plan(plan(0, steps=1))
    supervision.on_state(state(1))  # the plan is 20 ms old, and over
    with pytest.raises(ModeRefused, match='the newest plan has no step left; activate'):
        supervision.request(Mode.FOLLOW)
    supervision.on_plan(replace(plan(1), positions=np.full((1, 2), 0.5)))
    assert supervision.request(Mode.FOLLOW) is Mode.FOLLOW


def test_states_that_the_stamps_leave_out_are_counted(walking, tick):
    for k in (10, 11, 14, 14.5, 15, 16.1, 19):
        tick(walking, k)
    assert walking.counters.lost_states == 2 + 2
