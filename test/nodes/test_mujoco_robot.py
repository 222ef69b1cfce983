from __future__ import annotations

import sys

import pytest

from simdist_ros.nodes.mujoco_robot import ticks_of

PERIOD_NS = 20_000_000


@pytest.mark.parametrize(
    ('duration_s', 'ticks'), [(1e-9, 1), (0.001, 1), (0.01, 1), (0.02, 1), (0.04, 2), (10.0, 500)]
)
def test_any_duration_ends_after_one_tick_or_more(duration_s, ticks):
    assert ticks_of(duration_s, PERIOD_NS) == ticks


def test_no_duration_has_no_end():
    assert ticks_of(0.0, PERIOD_NS) == sys.maxsize
