import math

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import yaw
from simdist_ros.tasks.velocity.heading import HeadingHold
from simdist_ros.tasks.velocity.settings import velocity_goal

AHEAD = np.array([0.5, 0.0, 0.0])


def facing(angle):
    return np.array([math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)])


def test_yaw_is_the_turn_about_the_vertical():
    assert yaw(facing(0.8)) == pytest.approx(0.8)
    assert yaw(facing(-3.0)) == pytest.approx(-3.0)


def test_a_robot_that_turned_left_is_asked_to_turn_right(go2):
    driver = HeadingHold(go2, AHEAD, gain=2.0)
    assert driver.command(facing(1.0)).tolist() == [0.5, 0.0, 0.0]
    assert driver.command(facing(1.1)) == pytest.approx([0.5, 0.0, -0.2])
    assert driver.command(facing(0.7)) == pytest.approx([0.5, 0.0, 0.6])


def test_the_shorter_way_round_is_taken(go2):
    driver = HeadingHold(go2, AHEAD, gain=1.0)
    driver.command(facing(3.1))
    assert driver.command(facing(-3.1))[2] == pytest.approx(-(2 * math.pi - 6.2))


def test_no_more_is_asked_for_than_the_robot_can_do(go2):
    driver = HeadingHold(go2, AHEAD, gain=5.0)
    driver.command(facing(0.0))
    assert driver.command(facing(-2.0))[2] == velocity_goal(go2).high[2]


def test_without_a_gain_or_an_orientation_the_velocity_is_asked_for_as_it_is(go2):
    for gain, angle in ((0.0, 1.0), (1.0, math.nan)):
        driver = HeadingHold(go2, AHEAD, gain)
        driver.command(facing(0.0))
        assert driver.command(facing(angle)).tolist() == AHEAD.tolist()


def test_a_heading_is_not_held_while_turning(go2):
    with pytest.raises(ConfigError, match='a heading is held only where that is 0'):
        HeadingHold(go2, np.array([0.5, 0.0, 0.3]), gain=1.0)
