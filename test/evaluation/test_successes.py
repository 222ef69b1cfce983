"""What share of the places that an arm was sent to it reached, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.recording import Recording
from simdist_ros.evaluation.successes import success_rate
from simdist_ros.tasks.choice import task_of

ARM = Path(__file__).parents[1] / 'bodies' / 'arm' / 'arm.yaml'
TICKS = 30


@pytest.fixture(scope='module')
def arm():
    return load_robot(str(ARM))


@pytest.fixture
def recording(arm):
    """An arm that stands still; what was asked for comes apart."""
    found = Recording()
    for stamp in range(TICKS):
        found.supervisor[stamp] = {'mode': 'follow', 'fault': 'none'}
        found.position[stamp] = np.zeros(3)
        found.joint_pos[stamp] = arm.per_joint('stand')
    return found


def wanted(arm, *offsets):
    """Return the place of the tool with an offset along x in each ten ticks, (N, 3)."""
    place = task_of(arm).chain.position(arm.per_joint('stand'))
    return np.repeat([place + [offset, 0.0, 0.0] for offset in offsets], 10, axis=0)


@pytest.mark.parametrize(
    ('offsets', 'rate'),
    [((0.0, 0.0, 0.0), 1.0), ((0.1, 0.1, 0.1), 0.0), ((0.0, 0.1, 0.02), 2 / 3)],
)
def test_each_place_counts_once_as_it_was_when_it_ended(arm, recording, offsets, rate):
    assert success_rate(recording, arm, wanted(arm, *offsets)) == pytest.approx(rate)


def test_a_place_counts_by_where_the_tool_was_last(arm, recording):
    for stamp in range(5):
        recording.joint_pos[stamp] = arm.per_joint('stand') + 0.5
    assert success_rate(recording, arm, wanted(arm, 0.0, 0.0, 0.0)) == 1.0
    recording.joint_pos[TICKS - 1] = arm.per_joint('stand') + 0.5
    assert success_rate(recording, arm, wanted(arm, 0.0, 0.0, 0.0)) == 0.0


def test_walking_has_no_end(recording, go2):
    for stamp in range(TICKS):
        recording.joint_pos[stamp] = go2.per_joint('stand')
    assert success_rate(recording, go2, np.zeros((TICKS, 3))) is None
