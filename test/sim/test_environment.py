import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from simdist_ros.core.errors import ConfigError
from simdist_ros.sim.environment import ENVIRONMENT_IDS, TaskEnv, register

ARM = Path(__file__).parents[1] / 'bodies' / 'arm' / 'arm.yaml'


@pytest.fixture
def env():
    register()
    return gymnasium.make(ENVIRONMENT_IDS[0]).unwrapped


@pytest.mark.parametrize(
    ('name', 'world'), zip(ENVIRONMENT_IDS, ['nominal', 'rough'], strict=True)
)
def test_gymnasiums_own_checker_has_nothing_to_say(name, world):
    register()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        env = gymnasium.make(name, world=world)
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
    env = TaskEnv(episode_s=0.1)
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
        TaskEnv(world='moon')


def test_reward_is_how_well_the_task_is_done(env):
    env.reset(seed=0, options={'command': [0.0, 0.0, 0.0]})
    _, still, _, _, info = env.step(np.zeros(12, dtype=np.float32))
    env.reset(seed=0, options={'command': [1.5, 0.0, 0.0]})
    _, not_walking, _, _, _ = env.step(np.zeros(12, dtype=np.float32))
    assert still > 0.9
    assert not_walking < 0.4  # what is earned by not turning
    assert 'succeeded' not in info


def test_an_arm_that_reaches_is_an_environment_too():
    env = TaskEnv(robot=str(ARM))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_env(env, skip_render_check=True)
    observation, _ = env.reset(seed=0, options={'command': [0.3, 0.0, 0.3]})
    assert set(observation) == {'proprio_obs', 'command'}
    stand = env.task.first_command()
    env.reset(seed=0, options={'command': stand})
    _, near, _, _, info = env.step(np.zeros(3, dtype=np.float32))  # the default is the stand
    assert near > 0.5
    assert info['succeeded']
    env.reset(seed=0, options={'command': -stand * [1.0, 1.0, -1.0]})
    _, far, _, _, info = env.step(np.zeros(3, dtype=np.float32))
    assert far < 0.01
    assert not info['succeeded']
