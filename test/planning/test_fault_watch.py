"""While a robot moves, evidence about its belief is gathered, and the planner heeds it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from simdist_ros.planning.fault_watch import MOST, SPACING, FaultWatch, live_watch
from simdist_ros.world_model.detector import detector_shape, log_odds

from ..world_model.believing import belief_of, believing_expert, random_identifier
from .situations import make_planner, observe

SIZE = 5  # numbers of a row
STEPS = 50  # of a window


class Level:
    """Stands in for an identifier: a window's one feature is the mean of its first column."""

    window_steps = STEPS
    mean = torch.zeros(SIZE)

    def features(self, windows):
        return windows[:, :, :1].mean(1)


def watch_of(num_robots=1, believes=True):
    """Return a watch whose log odds are the level, for both who may act."""
    watch = FaultWatch(Level(), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), num_robots)
    if not believes:
        watch.believes[:], watch.evidence[:] = False, 0.0
    return watch


def feed(watch, steps, *levels):
    for _ in range(steps):
        rows = np.zeros((len(levels), SIZE), np.float32)
        rows[:, 0] = levels
        watch.note(rows)


def test_log_odds_are_weights_and_a_constant_for_each_who_may_act():
    detector = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, 0.0]])
    found = log_odds(detector, torch.tensor([[1.0, 3.0], [0.0, 0.0]]))
    assert found.tolist() == [[-0.5, 3.0], [0.5, 0.0]]


@pytest.mark.parametrize(('level', 'believes'), [(6.0, True), (-3.9, True), (-4.1, False)])
def test_a_belief_holds_until_a_window_speaks_against_it(level, believes):
    watch = watch_of()
    feed(watch, STEPS - 1, level)
    assert watch.believes.tolist() == [True]
    feed(watch, 1, level)  # the first whole window is all new
    assert watch.believes.tolist() == [believes]


def test_what_overlaps_counts_by_its_new_share_and_the_sum_is_bounded():
    watch = watch_of(believes=False)
    feed(watch, STEPS, -2.0)
    assert watch.evidence.tolist() == [-2.0]
    feed(watch, SPACING - 1, -2.0)
    assert watch.evidence.tolist() == [-2.0]
    feed(watch, 1, -2.0)
    assert watch.evidence[0] == pytest.approx(-2.0 - 2.0 * SPACING / STEPS)
    feed(watch, 100 * SPACING, -2.0)
    assert watch.evidence.tolist() == [-MOST]


def test_each_robot_is_judged_by_its_own_windows_and_a_change_waits_for_a_whole_one():
    watch = watch_of(3)
    feed(watch, STEPS, 5.0, -5.0, -5.0)
    assert watch.believes.tolist() == [True, False, False]
    assert watch.evidence.tolist() == [MOST, -MOST, -MOST]
    assert watch.count.tolist() == [STEPS, 0, 0]
    feed(watch, STEPS - 1, 5.0, -5.0, 6.0)
    assert watch.believes.tolist() == [True, False, False]
    feed(watch, 1, 5.0, -5.0, 6.0)  # from -3 to 3
    assert watch.believes.tolist() == [True, False, True]


def test_who_acts_decides_which_row_judges():
    rows = torch.tensor([[1.0, 1.0], [0.0, -5.0]])  # told of the fault, it looks healthy
    watch = FaultWatch(Level(), rows, 1)
    feed(watch, STEPS, 4.0)
    assert watch.believes.tolist() == [False]
    feed(watch, STEPS, 4.0)
    assert watch.believes.tolist() == [True]


def test_weak_evidence_changes_nothing_either_way():
    """Between the two levels that change something, what is done stays."""
    for start, believes in ((0.9, False), (-0.9, True)):
        watch = watch_of(believes=believes)
        watch.evidence[:] = start
        feed(watch, STEPS, 0.0)
        assert watch.believes.tolist() == [believes]


def test_a_single_window_is_not_surer_than_is_allowed_and_no_number_counts_nothing():
    watch = watch_of()
    feed(watch, STEPS, 0.0)
    feed(watch, SPACING, -1e9)  # a fifth of a window is new; it is clipped to 6
    assert watch.evidence[0] == pytest.approx(MOST - 6.0 * SPACING / STEPS)
    watch = watch_of()
    feed(watch, STEPS + SPACING, np.nan)
    assert watch.evidence.tolist() == [MOST]


def test_after_a_gap_a_whole_window_is_waited_for():
    watch = watch_of()
    feed(watch, STEPS - 1, -6.0)
    watch.forget()
    feed(watch, STEPS - 1, -6.0)
    assert watch.believes.tolist() == [True]
    feed(watch, 1, -6.0)
    assert watch.believes.tolist() == [False]


def test_where_the_second_row_says_nothing_it_begins_as_usual_and_then_believes_for_good():
    watch = FaultWatch(Level(), torch.tensor([[1.0, 0.0], [0.0, 0.0]]), 2)
    feed(watch, STEPS - 1, 5.0, -5.0)
    assert watch.believes.tolist() == [False, False]
    feed(watch, 1, 5.0, -5.0)
    assert watch.believes.tolist() == [True, False]
    feed(watch, 3 * STEPS, -9.0, -9.0)
    assert watch.believes.tolist() == [True, False]


# In a planner


@pytest.fixture
def believing_model(small_model, architecture):
    small_model.expert = believing_expert(architecture)
    small_model.identifier = random_identifier(architecture)
    small_model.belief = belief_of(0.4)
    small_model.detector = torch.full(detector_shape(small_model.identifier), 1e-9)
    return small_model


def walk(planner, architecture, steps, first=0):
    return [
        planner.plan(observe(architecture, step, seed=step)).actions[0]
        for step in range(first, first + steps)
    ]


@pytest.mark.parametrize(('constant', 'after'), [(9.0, 0.4), (0.1, 0.4), (-9.0, 0.0)])
def test_a_planner_acts_on_the_belief_as_long_as_the_robot_moves_like_it(
    believing_model, architecture, constant, after
):
    believing_model.detector[:, -1] = constant
    planner = make_planner(believing_model, num_iterations=0)
    actions = walk(planner, architecture, STEPS + 2)
    np.testing.assert_allclose(actions[:STEPS], [[0.4, -0.4]] * STEPS, atol=1e-6)
    np.testing.assert_allclose(actions[-1], [after, -after], atol=1e-6)
    assert planner.doubts_belief == (after == 0.0)


@pytest.mark.parametrize('uses_belief', [True, False])
def test_where_it_is_doubted_or_not_used_the_usual_expert_acts_told_nothing(
    believing_model, architecture, uses_belief
):
    usual = believing_expert(architecture)
    with torch.no_grad():
        usual.network.body.net[6].bias[0] = 0.7
    believing_model.usual_expert = usual
    believing_model.detector[:, -1] = -9.0
    planner = make_planner(believing_model, num_iterations=0, uses_belief=uses_belief)
    actions = walk(planner, architecture, STEPS + 2)
    first = [0.4, -0.4] if uses_belief else [0.7, 0.0]
    np.testing.assert_allclose(actions[0], first, atol=1e-6)
    np.testing.assert_allclose(actions[-1], [0.7, 0.0], atol=1e-6)


def test_windows_hold_what_was_observed_and_then_executed(believing_model, architecture):
    watch = live_watch(believing_model)
    seen = [observe(architecture, step, seed=step) for step in range(4)]
    for observation in seen:
        watch.observe(observation)
    assert watch.count.tolist() == [3]
    last = seen[-1]
    expected = np.concatenate([last.proprio_obs_hist[-2], last.acts_hist[-1]])
    np.testing.assert_array_equal(watch.rows[0, -1], expected)


def test_lost_ticks_are_taken_from_the_history_and_a_long_gap_begins_anew(
    believing_model, architecture
):
    watch = live_watch(believing_model)
    for step in (0, 1, 3):
        watch.observe(observe(architecture, step, seed=step))
    assert watch.count.tolist() == [3]
    last = observe(architecture, 3, seed=3)
    first_lost = np.concatenate([last.proprio_obs_hist[-3], last.acts_hist[-2]])
    np.testing.assert_array_equal(watch.rows[0, -2], first_lost)
    watch.observe(observe(architecture, 500))
    assert watch.count.tolist() == [0]
    watch.observe(observe(architecture, 499))  # and so does a clock that was set back
    assert watch.count.tolist() == [0]


def test_without_a_detector_or_an_identifier_a_belief_always_holds(believing_model, architecture):
    assert live_watch(believing_model) is not None
    for part in ('identifier', 'detector'):
        kept = getattr(believing_model, part)
        setattr(believing_model, part, None)
        assert live_watch(believing_model) is None
        planner = make_planner(believing_model, num_iterations=0)
        np.testing.assert_allclose(walk(planner, architecture, 1)[0], [0.4, -0.4], atol=1e-6)
        setattr(believing_model, part, kept)


def test_a_swapped_belief_is_held_at_first(believing_model, architecture):
    believing_model.detector[:, -1] = -9.0
    planner = make_planner(believing_model, num_iterations=0)
    walk(planner, architecture, STEPS + 2)
    assert planner.doubts_belief
    other = copy.deepcopy(believing_model)
    other.belief = belief_of(0.8)
    planner.swap(planner.backend.prepare(other))
    last = walk(planner, architecture, 1, STEPS + 2)[0]
    np.testing.assert_allclose(last, [0.8, -0.8], atol=1e-6)
