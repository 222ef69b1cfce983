"""An arm with a peg and a block with a hole, as stand-in and in the batch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import proprio_obs
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.sim.scenes.world import World, load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.sim.world_fit import check_world
from simdist_ros.tasks.choice import task_of

WEIGHT_N = 0.25 * 9.81  # of holder and peg
STILL = World(start_joint_offset_rad=0.0)


@pytest.fixture(scope='module')
def ur5e():
    return load_robot('ur5e')


def straight_in(robot, world, steps=60):
    """Pull the tip into the hole without looking at forces; return the simulation and the peak."""
    task, space = task_of(robot), action_space_of(robot)
    simulation = SimulatedRobot(robot, world, 0, task.trial(0.0, 1))
    told, peak = simulation.state().joint_pos, 0.0
    for _ in range(steps):
        state = simulation.state()
        at = proprio_obs(robot, state, simulation.command)[:6]
        pull = -np.array([*at[:2], 0.14 * (at[2] + 2.8), *(30.0 * at[3:])])
        told = space.to_joints(pull, told)
        simulation.apply(JointCommand(stamp_ns=state.stamp_ns, position=told))
        simulation.step()
        peak = max(peak, float(np.linalg.norm(simulation.true_state().wrench[:3])))
    return simulation, peak


def is_in(simulation):
    seen = proprio_obs(simulation.robot, simulation.state(), simulation.command)
    return bool(simulation.task.succeeded(seen, simulation.command))


def test_a_peg_that_is_led_straight_goes_in_without_force(ur5e):
    simulation, peak = straight_in(ur5e, load_world('cell'))
    assert is_in(simulation)
    assert peak < 10.0
    assert not simulation.true_state().has_fallen


def test_a_block_that_is_not_where_it_should_be_stops_it_gently(ur5e):
    shifted = replace(load_world('cell'), fixture_shift_m=(0.004, 0.0, 0.0))
    simulation, peak = straight_in(ur5e, shifted)
    assert not is_in(simulation)
    assert 15.0 < peak < ur5e.tool_limits.max_force_n


def test_the_wrist_feels_the_weight_of_the_tool_and_the_push_of_the_block(ur5e):
    simulation = SimulatedRobot(ur5e, STILL, 0)
    simulation.step()
    np.testing.assert_allclose(simulation.state().wrench[:3], [0, 0, WEIGHT_N], atol=0.05)
    pressed, _ = straight_in(ur5e, replace(STILL, fixture_shift_m=(0.004, 0.0, 0.0)))
    assert pressed.state().wrench[2] < -10.0  # z of the tool points down


def moved(robot, world, action):
    """Return how the tip moves in two seconds of an action for one step."""
    simulation, space = SimulatedRobot(robot, world, 0), action_space_of(robot)
    chain, before = task_of(robot).chain, simulation.true_state().joint_pos
    target = space.to_joints(np.array(action), simulation.state().joint_pos)
    simulation.apply(JointCommand(stamp_ns=0, position=target))
    for _ in range(20):
        simulation.step()
    return chain.position(simulation.true_state().joint_pos) - chain.position(before)


def test_a_turned_tool_frame_turns_its_motion_to_the_left(ur5e):
    step = [2.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(moved(ur5e, STILL, step), [0.01, 0.0, 0.0], atol=5e-4)
    turned = moved(ur5e, replace(STILL, tool_frame_deg=30.0), step)
    angle = math.radians(30.0)
    np.testing.assert_allclose(
        turned, [0.01 * math.cos(angle), 0.01 * math.sin(angle), 0.0], atol=5e-4
    )


def test_a_world_of_another_robot_is_refused():
    go2 = load_robot('go2')
    for world, said in (
        (World(tool_frame_deg=30.0), "actions of 'go2' do not move a tool along all axes"),
        (World(fixture_shift_m=(0.0, 0.0, 0.01)), "task 'velocity' of 'go2' has no fixture"),
    ):
        with pytest.raises(ConfigError, match=said):
            check_world(go2, world)


def test_many_observe_and_feel_what_one_does(ur5e):
    env = VectorEnv(ur5e, load_recipe(ur5e), num_robots=6, seed=0)
    for _ in range(3):
        env.step(np.zeros((6, 6)))
    joint_pos = env.state[:, env.layout.joint_pos]
    one = SimulatedRobot(ur5e, STILL, 0, env.commands[2])
    state = replace(one.state(), joint_pos=joint_pos[2], wrench=env.felt[2])
    seen = proprio_obs(ur5e, state, env.commands[2])
    np.testing.assert_allclose(env.observation.true_proprio_obs[2, :6], seen[:6], atol=1e-5)
    free = env.observation.true_proprio_obs[:, 2] > 0.5  # well above the hole
    np.testing.assert_allclose(env.felt[free, 2], WEIGHT_N, atol=0.1)


def test_each_of_many_has_its_block_where_it_is_told(ur5e):
    env = VectorEnv(ur5e, load_recipe(ur5e), num_robots=4, seed=1)
    for model, command in zip(env.models.models, env.commands, strict=True):
        np.testing.assert_allclose(model.body('fixture').pos, command[:3])
