from __future__ import annotations

from pathlib import Path

import pytest

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import save_model


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
