"""What enters the history, what counts as executed, and when everything starts anew."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState, proprio_obs
from simdist_ros.planning.controller import MAX_GAP_STEPS, Controller, PlannedTargets
from simdist_ros.planning.plan import NoPlan, Plan, Reason, Source

from .situations import make_planner

H, T, A, CELLS = 8, 6, 2, 28
PERIOD_NS = 20_000_000
COMMAND = np.array([0.5, 0.0, 0.0], dtype=np.float32)


class ScriptedPlanner:
    """Remembers what it was asked and answers each step s with the actions 100 s + 0, 1, 2..."""

    def __init__(self, delay=0):
        self.settings = SimpleNamespace(plan_delay_steps=delay)
        self.model = SimpleNamespace(architecture=SimpleNamespace(history_steps=H))
        self.asked = []
        self.resets = 0
        self.answer = None

    def reset(self):
        self.resets += 1

    def plan(self, observation):
        arrays = ('proprio_obs_hist', 'acts_hist', 'extero_obs', 'command', 'committed')
        copies = {name: getattr(observation, name).copy() for name in arrays}
        self.asked.append(replace(observation, **copies))
        if self.answer is not None:
            return self.answer
        steps = np.arange(T - self.settings.plan_delay_steps)
        first = 100 * observation.step
        return Plan(actions=np.float32(first + steps)[:, None].repeat(A, 1), source=Source.MPPI)


@pytest.fixture
def planner():
    return ScriptedPlanner()


@pytest.fixture
def robot(robot):
    """One that may be fast enough for its states to be told apart."""
    return replace(robot, max_base_speed_mps=1e4)


@pytest.fixture
def controller(robot, planner):
    return Controller(robot, planner)


def state(step, **changes):
    """Return the state of a tick, told apart by its forward velocity."""
    values = {
        'stamp_ns': round(step * PERIOD_NS),
        'joint_pos': np.array([0.1, -1.0]),
        'joint_vel': np.zeros(A),
        'orientation': np.array([1.0, 0.0, 0.0, 0.0]),
        'angular_velocity': np.zeros(3),
        'linear_velocity': np.array([float(step), 0.0, 0.0]),
        'height_map': np.full(CELLS, 0.3),
    }
    return RobotState(**{**values, **changes})


def executed(controller, step, action):
    """Tell a controller that an action was executed from a step on."""
    target = JointTarget(controller.robot).to_joints(np.full(A, float(action)))
    command = JointCommand(stamp_ns=step * PERIOD_NS, position=target)
    controller.note_executed(command, joint_pos=np.full(A, 77.0))


def seen(planner):
    """Return by step the observations and the actions of the history in the last question."""
    asked = planner.asked[-1]
    return list(asked.proprio_obs_hist[:, 0]), list(asked.acts_hist[:, 0])


# The history


def test_the_first_state_fills_the_history_and_starts_from_nothing(controller, planner):
    result = controller.tick(state(3), COMMAND)
    assert isinstance(result, PlannedTargets)
    assert seen(planner) == ([3] * (H + 1), [0] * H)
    assert planner.asked[-1].step == 3
    assert planner.asked[-1].committed.shape == (0, A)
    np.testing.assert_array_equal(planner.asked[-1].command, COMMAND)
    np.testing.assert_array_equal(planner.asked[-1].proprio_obs_hist[-1], [3, 0, 0, 0, 0])
    np.testing.assert_array_equal(planner.asked[-1].extero_obs, np.zeros(CELLS))


def test_planned_targets_are_the_plan_in_radians_with_the_stamp_they_answer(controller):
    result = controller.tick(state(3), COMMAND)
    assert (result.stamp_ns, result.delay_steps) == (3 * PERIOD_NS, 0)
    expected = np.array([0.1, -1.0]) + 0.25 * (300 + np.arange(T))[:, None]
    np.testing.assert_allclose(result.positions, expected, rtol=1e-6)
    np.testing.assert_array_equal(result.plan.actions[:, 0], 300 + np.arange(T))


def test_executed_actions_and_not_planned_ones_enter_the_history(controller, planner):
    controller.tick(state(0), COMMAND)  # plans 0, 1, 2 ...
    executed(controller, 0, -7)  # and the supervisor limits it
    controller.tick(state(1), COMMAND)
    executed(controller, 1, -8)
    controller.tick(state(2), COMMAND)
    observations, actions = seen(planner)
    assert observations[-3:] == [0, 1, 2]
    assert actions[-3:] == pytest.approx([0, -7, -8])


def test_the_last_word_on_a_step_is_what_counts(controller, planner):
    controller.tick(state(0), COMMAND)
    executed(controller, 0, -7)
    executed(controller, 0, -9)
    controller.tick(state(1), COMMAND)
    assert seen(planner)[1][-1] == pytest.approx(-9)


def test_without_word_of_what_was_executed_the_plan_counts(controller, planner):
    for step in range(3):
        controller.tick(state(step), COMMAND)
    assert seen(planner)[1][-2:] == [0, 100]  # the first action of the plans of steps 0 and 1


def test_without_word_and_without_a_plan_the_last_action_counts(controller, planner):
    planner.answer = NoPlan(reason=Reason.PRIOR_NOT_FINITE)
    controller.tick(state(0), COMMAND)
    planner.answer = NoPlan(reason=Reason.OBSERVATION_NOT_FINITE)
    controller.tick(state(1), COMMAND)
    executed(controller, 1, -4)
    controller.tick(state(2), COMMAND)
    controller.tick(state(3), COMMAND)
    assert seen(planner)[1][-2:] == pytest.approx([-4, -4])


def test_damping_counts_as_asking_for_the_measured_position(controller, planner, robot):
    controller.tick(state(0), COMMAND)
    measured = JointTarget(robot).to_joints(np.array([2.0, -3.0]))
    controller.note_executed(JointCommand(stamp_ns=0, position=None), measured)
    controller.tick(state(1), COMMAND)
    np.testing.assert_allclose(planner.asked[-1].acts_hist[-1], [2.0, -3.0], atol=1e-6)


@pytest.mark.parametrize('bad', [math.nan, math.inf, 1e300])
@pytest.mark.parametrize('damping', [True, False])
def test_a_command_that_is_not_finite_never_enters_the_history(controller, planner, bad, damping):
    controller.tick(state(0), COMMAND)
    position = np.array([0.0, bad])
    command = JointCommand(stamp_ns=0, position=None if damping else position)
    with np.errstate(over='ignore'):
        controller.note_executed(command, position)
    controller.tick(state(1), COMMAND)
    assert np.isfinite(planner.asked[-1].acts_hist).all()


def test_the_same_step_again_replaces_the_newest(controller, planner):
    controller.tick(state(0), COMMAND)
    controller.tick(state(1), COMMAND)
    again = state(1.2, linear_velocity=np.array([1.5, 0.0, 0.0]))  # rounds to tick 1
    controller.tick(again, COMMAND)
    observations, actions = seen(planner)
    assert observations[-3:] == [0, 0, 1.5]
    assert actions[-1] == 0
    assert actions == [0] * H
    assert planner.asked[-1].step == 1
    assert planner.resets == 1


def test_what_the_planner_was_given_is_not_changed_by_a_later_state_of_another_owner(controller):
    first = state(0)
    controller.tick(first, COMMAND)
    first.linear_velocity[:] = 99.0
    first.height_map[:] = 99.0
    assert controller.history.proprio_obs.max() == 0.0


# States that are not finite


@pytest.mark.parametrize(
    ('field', 'bad'),
    [
        ('joint_pos', math.nan),
        ('joint_vel', math.inf),
        ('orientation', math.nan),
        ('angular_velocity', -math.inf),
        ('linear_velocity', math.nan),
        ('height_map', math.nan),  # of all cells
        ('linear_velocity', 1e300),  # infinite in single precision
    ],
)
def test_a_state_that_is_not_finite_never_enters_the_history_and_costs_one_tick(
    controller, planner, field, bad
):
    controller.tick(state(0), COMMAND)
    executed(controller, 0, -1)
    broken = state(1)
    getattr(broken, field)[:] = bad
    with np.errstate(over='ignore', invalid='ignore'):
        result = controller.tick(broken, COMMAND)
    assert result == NoPlan(reason=Reason.STATE_UNUSABLE)
    assert len(controller.findings) > 0
    assert len(planner.asked) == 1
    executed(controller, 1, -2)
    assert isinstance(controller.tick(state(2), COMMAND), PlannedTargets)
    observations, actions = seen(planner)
    assert observations[-3:] == [0, 0, 2]  # the last good one stands for the broken one
    assert actions[-2:] == pytest.approx([-1, -2])
    assert planner.resets == 1


def test_a_state_that_is_not_finite_does_not_start_a_history(controller, planner):
    broken = state(0, joint_pos=np.array([0.1, math.nan]))
    assert isinstance(controller.tick(broken, COMMAND), NoPlan)
    assert controller.history.is_empty
    controller.tick(state(1), COMMAND)
    assert seen(planner)[0] == [1] * (H + 1)


def test_some_unknown_cells_of_the_height_map_are_no_reason_to_stop(controller, planner):
    heights = np.full(CELLS, 0.5)
    heights[:5] = math.nan
    assert isinstance(controller.tick(state(0, height_map=heights), COMMAND), PlannedTargets)
    np.testing.assert_allclose(planner.asked[-1].extero_obs, 0.2, atol=1e-6)


def test_a_height_map_of_another_size_is_refused_and_the_history_stays(controller, planner):
    controller.tick(state(0), COMMAND)
    with pytest.raises(ConfigError, match="height_map has 27 numbers; robot 'duo' takes 28"):
        controller.tick(state(1, height_map=np.zeros(CELLS - 1)), COMMAND)
    controller.tick(state(2), COMMAND)
    assert seen(planner)[0][-3:] == [0, 0, 2]


def test_a_history_that_gives_no_prior_is_started_anew(controller, planner):
    controller.tick(state(0), COMMAND)
    planner.answer = NoPlan(reason=Reason.PRIOR_NOT_FINITE)
    controller.tick(state(1), COMMAND)
    planner.answer = None
    controller.tick(state(2), COMMAND)
    assert seen(planner)[0] == [2] * (H + 1)


def test_a_command_that_is_not_finite_costs_its_tick_and_not_the_history(robot, small_model):
    controller = Controller(robot, make_planner(small_model))
    controller.tick(state(0), COMMAND)
    result = controller.tick(state(1), np.full(3, math.nan, dtype=np.float32))
    assert isinstance(result, NoPlan)
    assert isinstance(controller.tick(state(2), COMMAND), PlannedTargets)
    assert list(controller.history.proprio_obs[-3:, 0]) == [0, 1, 2]


# Gaps


def test_a_gap_is_bridged_with_the_actions_that_were_executed(controller, planner):
    controller.tick(state(0), COMMAND)
    for step in range(4):
        executed(controller, step, -1 - step)
    controller.tick(state(4), COMMAND)
    observations, actions = seen(planner)
    assert observations[-5:] == [0, 0, 0, 0, 4]
    assert actions[-4:] == pytest.approx([-1, -2, -3, -4])
    assert planner.asked[-1].step == 4
    assert planner.resets == 1


def test_a_gap_is_bridged_with_what_was_planned_where_nothing_else_is_known(controller, planner):
    controller.tick(state(1), COMMAND)
    executed(controller, 2, -5)
    controller.tick(state(4), COMMAND)
    assert seen(planner)[1][-3:] == pytest.approx([100, -5, 102])


def test_the_longest_gap_is_bridged_whole(controller, planner):
    controller.tick(state(0), COMMAND)
    for step in range(MAX_GAP_STEPS):
        executed(controller, step, -1 - step)
    controller.tick(state(MAX_GAP_STEPS), COMMAND)
    observations, actions = seen(planner)
    assert observations[-MAX_GAP_STEPS - 1 :] == [0] * MAX_GAP_STEPS + [MAX_GAP_STEPS]
    assert actions[-MAX_GAP_STEPS:] == pytest.approx([-1, -2, -3, -4, -5])


@pytest.mark.parametrize('step', [110 + MAX_GAP_STEPS + 1, 1000, 58, 0])
def test_a_long_gap_or_a_clock_set_back_by_a_second_starts_anew(controller, planner, step):
    for earlier in (108, 109, 110):
        controller.tick(state(earlier), COMMAND)
        executed(controller, earlier, -1)
    assert planner.resets == 1
    assert controller.tick(state(step), COMMAND) == NoPlan(reason=Reason.STATE_UNUSABLE)
    controller.tick(state(step + 1), COMMAND)  # which the next one bears out
    assert seen(planner) == ([step + 1] * (H + 1), [0] * H)
    assert planner.resets == 2
    controller.tick(state(step + 2), COMMAND)
    assert seen(planner)[0][-2:] == [step + 1, step + 2]
    assert planner.resets == 2


def test_after_a_long_gap_joints_may_be_anywhere(controller):
    """A robot that was carried: no step of a joint is too far for the time that nobody saw."""
    far = {'joint_pos': np.array([1.0, 0.5])}
    controller.tick(state(100), COMMAND)
    controller.tick(state(100.3, **far), COMMAND)  # too far for six milliseconds
    assert len(controller.findings) == 1
    controller.tick(state(40, **far), COMMAND)
    assert isinstance(controller.tick(state(41, **far), COMMAND), PlannedTargets)


def test_what_was_executed_before_the_clock_jumped_back_is_forgotten(robot):
    planner = ScriptedPlanner(delay=2)
    controller = Controller(robot, planner)
    for step in range(100, 103):
        controller.tick(state(step), COMMAND)
        executed(controller, step, -1 - step)
    for step in (8, 9, 10):
        controller.tick(state(step), COMMAND)
    # nothing was executed at steps 9, 10 and 11 of this life; -102 and -103 belong to the last
    assert seen(planner)[1][-1] == 0
    assert list(planner.asked[-1].committed[:, 0]) == [0, 900]


def test_reset_forgets_everything(controller, planner):
    controller.tick(state(0), COMMAND)
    for step in range(3):
        executed(controller, step, -1)
    controller.reset()
    assert planner.resets == 2
    controller.tick(state(1), COMMAND)
    assert seen(planner) == ([1] * (H + 1), [0] * H)
    controller.tick(state(2), COMMAND)
    assert seen(planner)[1][-1] == 100  # as planned now, not as executed before


def test_a_stamp_that_jitters_belongs_to_the_nearest_tick(controller, planner):
    for stamp in (0.0, 0.97, 2.04, 2.9):
        controller.tick(state(stamp), COMMAND)
    assert [asked.step for asked in planner.asked] == [0, 1, 2, 3]
    assert seen(planner)[0][-4:] == pytest.approx([0.0, 0.97, 2.04, 2.9])


def test_old_actions_are_not_kept_for_ever(controller):
    for step in range(500):
        executed(controller, step, 0)
    assert len(controller.executed) <= MAX_GAP_STEPS + 1


# Delay


def test_committed_actions_are_those_of_the_coming_steps(robot):
    planner = ScriptedPlanner(delay=2)
    controller = Controller(robot, planner)
    result = controller.tick(state(0), COMMAND)
    assert result.delay_steps == 2
    np.testing.assert_array_equal(planner.asked[-1].committed, np.zeros((2, A)))
    # the plan of step 0 holds 0, 1, 2, 3 for steps 2, 3, 4, 5
    executed(controller, 0, -5)
    controller.tick(state(1), COMMAND)
    assert list(planner.asked[-1].committed[:, 0]) == pytest.approx([-5, 0])
    # steps 2 and 3: told for 2, planned at step 1 (100 for step 3)
    executed(controller, 1, -6)
    executed(controller, 2, -7)
    controller.tick(state(2), COMMAND)
    assert list(planner.asked[-1].committed[:, 0]) == pytest.approx([-7, 100])
    assert seen(planner)[1][-2:] == pytest.approx([-5, -6])


# With a real planner


def ticks(robot, small_model, steps, seed=4, **settings):
    controller = Controller(robot, make_planner(small_model, seed=seed, **settings))
    results = []
    for step in steps:
        results.append(controller.tick(state(step), COMMAND))
        if isinstance(results[-1], PlannedTargets):
            target = results[-1].positions[0]
            command = JointCommand(stamp_ns=step * PERIOD_NS, position=target)
            controller.note_executed(command, target)
    return results


def test_the_same_seed_and_states_give_the_same_targets(robot, small_model):
    one, two = (ticks(robot, small_model, range(6), plan_delay_steps=1) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert a.positions.shape == (T - 1, A)
        np.testing.assert_array_equal(a.positions, b.positions)


def test_changed_targets_do_not_change_what_is_planned_next(robot, small_model):
    one, two = (Controller(robot, make_planner(small_model)) for _ in range(2))
    for step in range(4):
        a, b = (controller.tick(state(step), COMMAND) for controller in (one, two))
        np.testing.assert_array_equal(a.positions, b.positions)
        a.positions[:] = 99.0


def test_a_plan_survives_the_ticks_after_it(robot, small_model):
    controller = Controller(robot, make_planner(small_model))
    first = controller.tick(state(0), COMMAND)
    kept = first.positions.copy(), first.plan.actions.copy()
    for step in range(1, 5):
        controller.tick(state(step), COMMAND)
    np.testing.assert_array_equal(first.positions, kept[0])
    np.testing.assert_array_equal(first.plan.actions, kept[1])


def test_warm_start_follows_the_steps_of_the_stamps(robot, small_model):
    controller = Controller(robot, make_planner(small_model))
    steps = []
    for step in (0, 1, 4):
        controller.tick(state(step), COMMAND)
        steps.append(controller.planner.mean_step)
    assert steps == [0, 1, 4]
    for step in (60, 61, 2, 3):  # a gap, and a clock that is set back by more than a second
        controller.tick(state(step), COMMAND)
    assert controller.planner.mean_step == 3


def test_observation_of_the_planner_is_the_robots_own(robot, small_model):
    controller = Controller(robot, make_planner(small_model, num_iterations=0))
    now = state(0, joint_pos=np.array([0.3, -0.5]))
    result = controller.tick(now, COMMAND)
    history = torch.from_numpy(np.tile(proprio_obs(robot, now), (1, H + 1, 1)))
    with torch.inference_mode():
        context = small_model.encode(history, torch.zeros(1, H, A), torch.zeros(1, CELLS))
        prior = small_model.policy_prior(context, torch.from_numpy(COMMAND).expand(1, T + 1, -1))
    np.testing.assert_allclose(
        result.positions, JointTarget(robot).to_joints(prior[0].numpy()), atol=1e-6
    )


def test_of_the_commands_of_one_tick_the_first_enters_the_history(controller, planner):
    """A supervisor at 500 Hz takes the next plan's step shortly before the next state."""
    controller.tick(state(0), COMMAND)
    for millisecond in range(0, 20, 2):
        target = JointTarget(controller.robot).to_joints(np.full(A, 5.0 + millisecond))
        stamp = millisecond * 1_000_000
        command = JointCommand(stamp_ns=stamp, position=target)
        controller.note_executed(command, joint_pos=np.zeros(A))
    controller.tick(state(1), COMMAND)
    assert seen(planner)[1][-1] == pytest.approx(5.0)


def test_a_command_of_the_same_stamp_is_a_decision_made_anew(controller, planner):
    controller.tick(state(0), COMMAND)
    executed(controller, 0, 5.0)
    executed(controller, 0, 6.0)
    controller.tick(state(1), COMMAND)
    assert seen(planner)[1][-1] == pytest.approx(6.0)
