"""What standing up and walking lack, by the readings alone."""

from __future__ import annotations

import math

import pytest

from simdist_ros.safety.modes import Need
from simdist_ros.safety.readiness import unmet_needs
from simdist_ros.safety.safe_actions import Readings

from .test_safe_actions import WELL


@pytest.fixture
def lacks(robot, settings, state):
    def look(**changes):
        return unmet_needs(robot, settings, Readings(**{**WELL, **changes}), state(0))

    return look


@pytest.mark.parametrize(
    ('name', 'most', 'need'),
    [
        ('state_age_s', 0.1, Need.FRESH_STATE),
        ('tilt_rad', 1.0, Need.UPRIGHT),
        ('plan_age_s', 0.05, Need.FRESH_PLAN),
    ],
)
def test_a_reading_is_good_up_to_its_limit_and_lacking_beyond_it_or_where_it_is_no_number(
    lacks, name, most, need
):
    assert lacks(**{name: most}) == {}
    for value in (most + 1e-3, math.inf, math.nan):
        assert set(lacks(**{name: value})) == {need}
