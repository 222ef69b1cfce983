from __future__ import annotations

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import describe
from simdist_ros.safety.settings import SafetySettings


def test_a_plan_must_be_given_up_before_the_state_is():
    with pytest.raises(ConfigError, match=r'stale_plan_s is 0\.2 s; it must not exceed'):
        SafetySettings(stale_plan_s=0.2)


@pytest.mark.parametrize('name', ['torque_scale', 'max_rate_scale'])
@pytest.mark.parametrize('value', [0.0, -1.0, 1.5, float('nan')])
def test_shares_of_a_limit_are_above_0_and_at_most_1(name, value):
    with pytest.raises(ConfigError, match=name):
        SafetySettings(**{name: value})


def test_every_setting_says_what_it_does():
    assert all(info.doc for info in describe(SafetySettings))
