import dataclasses

import numpy as np
import pytest

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot

STILL = {'start_heading_rad': 0.0, 'start_joint_offset_rad': 0.0}


def sink(robot):
    """Let the joints go until the robot lies on its belly; return the true state."""
    simulation = SimulatedRobot(robot, World(**STILL), 0)
    simulation.apply(JointCommand(stamp_ns=0, position=None))
    for _ in range(150):
        simulation.step()
    return simulation.true_state()


def test_on_its_trunk_it_has_fallen_however_level_and_high_it_lies(go2):
    state = sink(dataclasses.replace(go2, fallen_height_m=0.0))
    assert state.tilt_rad < 0.5
    assert state.height_above_ground_m > 0.02
    assert state.has_fallen


@pytest.mark.parametrize(('height_m', 'has_fallen'), [(0.2, False), (0.3, True)])
def test_below_the_height_of_the_description_it_has_fallen(go2, height_m, has_fallen):
    robot = dataclasses.replace(go2, fallen_height_m=height_m)
    assert SimulatedRobot(robot, World(**STILL), 0).true_state().has_fallen == has_fallen


@pytest.mark.parametrize('leg', range(4))
def test_a_lifted_foot_alone_is_without_contact(simulate, go2, leg):
    simulation = simulate()
    assert simulation.feet == ('FR', 'FL', 'RR', 'RL')  # as the joints of the legs
    assert simulation.true_state().foot_contact.all()
    target = go2.per_joint('stand').copy()
    target[3 * leg + 1 : 3 * leg + 3] += 0.3, -1.0  # thigh and calf
    simulation.apply(JointCommand(stamp_ns=0, position=target))
    for _ in range(5):  # then the body tips over, and the foot across is lifted too
        simulation.step()
        touches = simulation.true_state().foot_contact
        assert np.delete(touches, leg).all()
    assert not touches[leg]


def test_a_push_adds_its_speed_and_nothing_else(simulate):
    """In the air, where nothing takes speed away again."""
    pushed, free = simulate(push_interval_s=0.1, push_speed_mps=0.8), simulate()
    for simulation in (pushed, free):
        simulation.data.qpos[2] += 20.0
    jumps, before = [], np.zeros(6)
    for _ in range(60):
        for simulation in (pushed, free):
            simulation.advance(1)
        gained = pushed.data.qvel[:6] - free.data.qvel[:6]
        jumps.append(np.linalg.norm((gained - before)[:3]))
        before = gained
    pushes = [jump for jump in jumps if jump > 1e-6]
    assert pushes == pytest.approx([0.8] * len(pushes), abs=1e-6)
    assert 2 <= len(pushes) <= 6  # 0.3 s at 0.05 to 0.15 s each
    assert before[2:] == pytest.approx(np.zeros(4), abs=1e-6)
