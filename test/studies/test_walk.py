from __future__ import annotations

import dataclasses
import math
from itertools import islice

import numpy as np
import pytest

from simdist_ros.evaluation.judged_walk import along_ground, outcome
from simdist_ros.evaluation.planned_walk import PlannedWalk, walk
from simdist_ros.evaluation.rivals import judge_rival
from simdist_ros.sim.scenes.world import World, load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot

ASKED = PlannedWalk(world=load_world('nominal'), seed=3, command=(0.5, 0.0, 0.0), seconds=2.0)


@pytest.fixture(scope='module')
def truth(robot):
    """What is so at a start that faces east."""
    level = dataclasses.replace(ASKED.world, start_heading_rad=0.0)
    return SimulatedRobot(robot, level, 0).true_state()


def moved(truth, x, y=0.0, *, fallen=False):
    position = truth.position + [x, y, 0.0]
    return dataclasses.replace(truth, position=position, has_fallen=fallen)


def test_progress_is_what_was_walked_in_the_direction_that_was_asked_for(robot, truth):
    truths = [truth, *[moved(truth, 0.3, 0.4)] * 100]
    found = outcome(robot, ASKED, truths)
    assert found.progress_m == found.counted_m == pytest.approx(0.3, abs=0.01)
    assert found.distance_m == pytest.approx(0.5)
    assert found.line_m == 1.0
    assert not found.fell
    assert found.lasted_s == pytest.approx(2.0)


def test_what_is_walked_beyond_the_success_line_is_told_and_does_not_count(robot, truth):
    found = outcome(robot, ASKED, [truth, *[moved(truth, 1.3)] * 100])
    assert found.progress_m == pytest.approx(1.3, abs=0.01)
    assert found.counted_m == 1.0


def test_progress_backwards_is_negative(robot, truth):
    found = outcome(robot, ASKED, [truth, *[moved(truth, -0.2)] * 100])
    assert found.progress_m == pytest.approx(-0.2, abs=0.01)


def test_a_fall_and_physics_that_diverge_end_a_walk_as_fallen(robot, truth):
    fallen = outcome(robot, ASKED, [truth, moved(truth, 0.1, fallen=True)])
    diverged = outcome(robot, ASKED, [truth, moved(truth, 0.1)])
    assert fallen.fell
    assert diverged.fell
    assert fallen.lasted_s == pytest.approx(0.02)


def test_up_a_slope_the_way_along_the_ground_counts():
    slope = World(terrain='slope', slope_deg=60.0 / 2, level_start_m=1.0)
    assert along_ground(slope, 0.7) == pytest.approx(0.7)
    assert along_ground(slope, 3.0) == pytest.approx(1.0 + 2.0 / math.cos(math.pi / 6))
    assert along_ground(World(), 3.0) == 3.0


def positions(robot, parent, small, asked):
    ticks = walk(robot, parent.model, small.mppi, asked)
    return np.array([tick.state.joint_pos for tick in islice(ticks, 20)])


def test_a_walk_repeats_to_the_bit_and_another_seed_walks_another_way(robot, parent, small):
    first, again, other = (
        positions(robot, parent, small, dataclasses.replace(ASKED, seed=seed))
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first[-1], other[-1])


def test_a_judged_walk_ends_with_its_fall(robot, parent, small):
    pushed = dataclasses.replace(ASKED.world, push_interval_s=0.2, push_speed_mps=3.0)
    asked = dataclasses.replace(ASKED, world=pushed, seconds=10.0)
    found = judge_rival(robot, None, parent.model, small.mppi, 'none', asked)
    assert found.fell
    assert 0.0 < found.lasted_s < asked.seconds
