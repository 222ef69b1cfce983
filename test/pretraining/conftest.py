import numpy as np
import pytest

from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.vector_env import VectorEnv


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
