import numpy as np
import pytest

from simdist_ros.sim.scenes.pushes import Pushes
from simdist_ros.sim.scenes.world import World


def test_pushes_come_at_their_mean_interval_with_their_speed():
    world = World(push_interval_s=2.0, push_speed_mps=0.7)
    pushes = Pushes(world, np.random.default_rng(0))
    given = [pushes.due(0.005 * step) for step in range(200_000)]
    velocities = np.stack([push for push in given if push is not None])
    assert len(velocities) == pytest.approx(500, rel=0.05)
    assert np.linalg.norm(velocities, axis=1) == pytest.approx(0.7)
    assert np.abs(velocities.mean(axis=0)).max() < 0.1


def test_without_an_interval_nothing_pushes():
    pushes = Pushes(World(), np.random.default_rng(0))
    assert all(pushes.due(float(second)) is None for second in range(1000))
