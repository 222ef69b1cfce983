import numpy as np
import pytest
import torch

from simdist_ros.core.robot import load_robot
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.vector_env import VectorEnv


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='session')
def go2():
    return load_robot('go2')


@pytest.fixture(scope='session')
def recipe(go2):
    return load_recipe(go2)


@pytest.fixture
def walkers(go2, recipe):
    """Build a few robots, on the hardest ground where `level` is 1."""

    def build(num_robots=6, seed=0, level=0.0, **options):
        env = VectorEnv(go2, recipe, num_robots=num_robots, seed=seed, **options)
        if level:
            env.levels[:] = level
            env.reset(np.ones(num_robots, dtype=bool))
        return env

    return build
