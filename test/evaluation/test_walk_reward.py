"""The reward of a walk on a world's ground is the one that training maximises."""

import dataclasses
import math

import mujoco
import numpy as np
import pytest

from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.evaluation.walk_scoring import WalkReward
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot

COMMAND = np.array([0.5, 0.0, 0.0])
PLAIN = {
    'friction': 0.8,
    'payload_kg': 0.0,
    'shift_m': 0.0,
    'kp_scale': 1.0,
    'kd_scale': 1.0,
    'strength': 1.0,
    'joint_friction_nm': 0.0,
}


def one_plain_robot(go2, recipe):
    env = VectorEnv(go2, recipe, num_robots=1, seed=0)
    for name, value in PLAIN.items():
        env.parameters[name][:] = value
    env.parameters['up'][:] = 0.0, 0.0, 1.0
    env.set_model(0)
    env.stamp_ns[:] = 0
    env.commands[:] = COMMAND
    return env


def put(simulation, env, target):
    """Set a simulation to the state of the first robot of a batch."""
    state, data = env.state[0], simulation.data
    data.qpos[:] = state[1 : 1 + len(data.qpos)]
    data.qvel[:] = state[env.layout.velocity_at : env.layout.velocity_at + len(data.qvel)]
    data.ctrl[simulation.motors.index] = target
    mujoco.mj_forward(simulation.model, data)
    simulation.step_count = int(env.stamp_ns[0]) // simulation.physics_step_ns
    simulation.past.append(simulation.snapshot())


def test_on_level_ground_it_is_that_of_the_training_environment(go2):
    recipe = load_recipe(go2)
    env = one_plain_robot(go2, recipe)
    simulation = SimulatedRobot(go2, load_world('nominal'), seed=0)
    reward = WalkReward(go2, recipe, simulation)
    stand, rng = go2.per_joint('stand'), np.random.default_rng(0)
    compared = []
    for _ in range(40):
        target = stand + rng.uniform(-0.15, 0.15, go2.num_joints)
        result = env.step(JointTarget(go2).from_joints(target)[None])
        put(simulation, env, target)
        found = reward.step(COMMAND, JointCommand(stamp_ns=0, position=target))
        compared.append((found, float(sum(result.terms.values()))))
    ours, theirs = np.array(compared[1:]).T  # the first has another last action
    assert theirs.std() > 0.2
    # A foot that only grazes the ground counts in one of them: a quarter of the gait's reward.
    assert np.median(np.abs(ours - theirs)) < 0.02
    assert np.abs(ours - theirs).max() < 0.6


@pytest.mark.parametrize('degrees', [-15.0, 15.0])
def test_height_and_tilt_are_those_over_the_slope(go2, degrees):
    world = dataclasses.replace(load_world('slope'), slope_deg=degrees, level_start_m=1.0)
    simulation = SimulatedRobot(go2, world, seed=3)
    reward = WalkReward(go2, load_recipe(go2), simulation)
    angle, heading = math.radians(degrees), simulation.start_heading_rad
    ahead = np.array([math.cos(heading), math.sin(heading)])
    truth = simulation.true_state()
    position = np.array([*(4.0 * ahead), 3.0 * math.tan(angle) + 0.4])
    height, normal = reward.ground(dataclasses.replace(truth, position=position))
    assert height == pytest.approx(0.4 * math.cos(angle), abs=1e-3)
    wanted = [*(-math.sin(angle) * ahead), math.cos(angle)]
    assert normal.tolist() == pytest.approx(wanted, abs=1e-3)
