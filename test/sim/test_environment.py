import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from simdist_ros.core.errors import ConfigError
from simdist_ros.sim.environment import ENVIRONMENT_ID, WalkEnv, register, velocity_reward


@pytest.fixture
def env():
    register()
    return gymnasium.make(ENVIRONMENT_ID).unwrapped


@pytest.mark.parametrize('world', ['nominal', 'rough'])
def test_gymnasiums_own_checker_has_nothing_to_say(world):
    register()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        env = gymnasium.make(ENVIRONMENT_ID, world=world)
        check_env(env.unwrapped)


def test_observations_are_those_of_the_world_model(env):
    observation, info = env.reset(seed=1)
    shapes = {name: part.shape for name, part in observation.items()}
    assert shapes == {'proprio_obs': (35,), 'extero_obs': (315,), 'command': (3,)}
    assert -np.pi <= info['start_heading_rad'] <= np.pi


def test_an_action_is_a_share_of_the_action_range(env):
    env.reset(seed=0)
    action = np.zeros(12, dtype=np.float32)
    action[1] = 0.1
    env.step(action)
    target = env.simulation.data.ctrl[env.simulation.motors.index]
    expected = env.robot.per_joint('default')
    expected[1] += 0.1 * env.action_range * env.robot.action_scale
    assert target == pytest.approx(expected)


def test_a_wild_action_stops_at_the_joints_limits(env):
    env.reset(seed=0)
    env.step(np.ones(12, dtype=np.float32))
    target = env.simulation.data.ctrl[env.simulation.motors.index]
    assert np.all(target <= env.robot.per_joint('high'))


def test_a_fall_terminates_without_reward(env):
    env.reset(seed=0)
    env.simulation.data.qpos[2:7] = 0.6, 0.8, 0.6, 0.0, 0.0  # thrown up, rolled by 74 degrees
    steps = [env.step(np.zeros(12, dtype=np.float32))[1:4] for _ in range(25)]
    fall = [terminated for _, terminated, _ in steps].index(True)
    reward, _, truncated = steps[fall]
    assert reward == 0.0
    assert not truncated


def test_time_truncates(env):
    env = WalkEnv(episode_s=0.1)
    env.reset(seed=0)
    ends = [env.step(np.zeros(12, dtype=np.float32))[3] for _ in range(5)]
    assert ends == [False, False, False, False, True]


def test_the_same_seed_gives_the_same_episode_and_no_seed_another(env):
    first, _ = env.reset(seed=3)
    second, _ = env.reset()
    again, _ = env.reset(seed=3)
    assert np.array_equal(first['proprio_obs'], again['proprio_obs'])
    assert not np.array_equal(first['proprio_obs'], second['proprio_obs'])
    assert not np.array_equal(first['command'], second['command'])


def test_the_command_can_be_chosen(env):
    observation, _ = env.reset(seed=0, options={'command': [0.5, 0.0, 0.0]})
    assert observation['command'] == pytest.approx([0.5, 0.0, 0.0])


def test_a_command_beyond_the_robots_range_is_refused(env):
    with pytest.raises(ConfigError, match="beyond the range of robot 'go2'"):
        env.reset(options={'command': [9.0, 0.0, 0.0]})


def test_an_unknown_world_is_refused():
    with pytest.raises(ConfigError, match="unknown world 'moon'"):
        WalkEnv(world='moon')


def test_reward_is_one_when_the_command_is_met_and_less_on_either_side(simulate):
    state = simulate().true_state()
    met = np.array([*state.linear_velocity[:2], state.angular_velocity[2]])
    assert velocity_reward(state, met) == pytest.approx(1.0)
    for miss in ([0.25, 0, 0], [-0.25, 0, 0], [0, 0.25, 0]):
        expected = (np.exp(-1.0) + 0.5) / 1.5
        assert velocity_reward(state, met + miss) == pytest.approx(expected)
    assert velocity_reward(state, met + [0, 0, 0.25]) == pytest.approx((1 + 0.5 / np.e) / 1.5)
