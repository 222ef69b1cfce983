"""Bodies of other kinds than a legged robot, as a user adds them: a description and an MJCF."""

from __future__ import annotations

from pathlib import Path

import pytest

from simdist_ros.embodiment.robot import load_robot

HERE = Path(__file__).parent


@pytest.fixture(scope='session')
def arm():
    return load_robot(str(HERE / 'arm/arm.yaml'))
