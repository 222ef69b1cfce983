import math

import numpy as np
import pytest

from simdist_ros.sim.scenes.world import World, load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot

ROUGH = World(terrain='rough', rough_height_m=0.08, level_start_m=0.8)


def bumps(simulation):
    return np.asarray(simulation.model.hfield('bumps').data).copy()


def test_a_slope_begins_ahead_of_the_robot_whatever_its_heading(go2):
    world = World(terrain='slope', slope_deg=10.0, level_start_m=1.0)
    for seed in range(3):
        simulation = SimulatedRobot(go2, world, seed)
        heading = simulation.start_heading_rad
        for ahead, height in ((0.9, 0.0), (2.0, math.tan(math.radians(10.0)))):
            x, y = ahead * math.cos(heading), ahead * math.sin(heading)
            assert simulation.height_scan.depth(x, y, 0.0) == pytest.approx(-height, abs=1e-9)


def test_the_robot_starts_on_level_ground(go2):
    for name in ('slope', 'rough'):
        state = SimulatedRobot(go2, load_world(name), 1).true_state()
        assert state.tilt_rad < 0.05
        assert state.foot_contact.all()


def test_bumps_begin_beyond_the_level_start_and_keep_their_height(go2):
    simulation = SimulatedRobot(go2, ROUGH, 0)
    depths = [simulation.height_scan.depth(x, 0.3, 0.0) for x in np.linspace(-5, 5, 400)]
    assert min(depths) >= -0.08 - 1e-9
    assert min(depths) < -0.06
    level = [simulation.height_scan.depth(x, 0.0, 0.0) for x in np.linspace(-0.7, 0.7, 50)]
    assert level == pytest.approx([0.0] * 50, abs=1e-9)


def test_each_seed_has_bumps_of_its_own(go2):
    first, again, other = (SimulatedRobot(go2, ROUGH, seed) for seed in (4, 4, 5))
    assert np.array_equal(bumps(first), bumps(again))
    assert not np.array_equal(bumps(first), bumps(other))


def test_each_episode_has_bumps_of_its_own(go2):
    simulation = SimulatedRobot(go2, ROUGH, 4)
    before = bumps(simulation)
    simulation.reset()
    assert not np.array_equal(bumps(simulation), before)


def test_there_is_ground_beyond_the_bumps(simulate):
    simulation = simulate(terrain='rough', rough_height_m=0.08)
    assert simulation.height_scan.depth(30.0, 0.0, 0.0) == pytest.approx(0.01)
