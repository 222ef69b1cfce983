from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from simdist_ros.core.robot import HeightMap, Joint, Robot
from simdist_ros.core.share import share_folder
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.checkpoint import save_model
from simdist_ros.world_model.model import WorldModel

# Found within a second, as the graphs do it; read by the middleware when the first node is made.
os.environ.setdefault('FASTDDS_DEFAULT_PROFILES_FILE', str(share_folder() / 'config/fastdds.xml'))


@pytest.fixture(scope='session')
def small_robot() -> Robot:
    """Two joints, a gait of five ticks, and a height map of which the middle cell counts."""
    return Robot(
        name='two_joints',
        phase_period_s=0.1,
        joints=tuple(replace(Joint(), name=name) for name in ('left', 'right')),
        height_map=HeightMap(columns=3, rows=1, first_x_m=-0.1, first_y_m=0.0),
    )


@pytest.fixture(scope='session')
def random_model(tmp_path_factory) -> Path:
    """A model of the right sizes that has learned nothing: enough for the plumbing."""
    folder = tmp_path_factory.mktemp('models') / 'random'
    save_model(folder, WorldModel(Architecture(), seed=1), robot='go2', created_by='a test')
    return folder


@pytest.fixture(scope='session')
def published_model(published_folder) -> Path:
    """The published model, which walks."""
    return published_folder
