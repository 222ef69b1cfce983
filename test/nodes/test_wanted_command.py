import math

import numpy as np
import pytest

from simdist_ros.messages.to_messages import command_to_msg
from simdist_ros.nodes.wanted_command import WantedCommand
from simdist_ros.tasks.velocity.settings import velocity_goal


@pytest.fixture
def told(go2):
    """A command with a clock and warnings of its own."""
    told = WantedCommand(
        go2, 0.5, lambda subject, _: told.subjects.append(subject), lambda: told.time_s
    )
    told.subjects, told.time_s = [], 100.0
    return told


def test_nothing_asked_for_is_standing_still(told):
    assert told.now().tolist() == [0.0, 0.0, 0.0]
    assert told.stamp_ns == -1


def test_a_command_holds_until_it_is_too_old(told):
    told.take(command_to_msg(7, np.array([0.4, -0.1, 0.2])))
    assert (told.now().tolist(), told.stamp_ns) == ([0.4, -0.1, 0.2], 7)
    told.time_s += 0.5
    assert told.now().tolist() == [0.4, -0.1, 0.2]
    told.time_s += 0.01
    assert told.now().tolist() == [0.0, 0.0, 0.0]


def test_without_an_end_it_never_gets_too_old(told):
    told.timeout_s = math.inf
    told.take(command_to_msg(7, np.array([0.4, 0.0, 0.0])))
    told.time_s += 1e6
    assert told.now()[0] == 0.4


def test_beyond_the_range_it_is_clipped_and_that_is_said(told, go2):
    told.take(command_to_msg(1, np.array([9.0, 0.0, -9.0])))
    assert told.now().tolist() == [velocity_goal(go2).high[0], 0.0, velocity_goal(go2).low[2]]
    assert told.subjects == ['cmd_vel range']


def test_nan_leaves_the_last_velocity_and_that_is_said(told):
    told.take(command_to_msg(1, np.array([0.3, 0.0, 0.0])))
    told.take(command_to_msg(2, np.array([math.nan, 0.0, 0.0])))
    assert (told.now().tolist(), told.stamp_ns) == ([0.3, 0.0, 0.0], 2)
    assert told.subjects == ['cmd_vel nan']


def test_a_sender_of_nothing_but_nan_is_as_good_as_silent(told):
    told.take(command_to_msg(1, np.array([0.3, 0.0, 0.0])))
    for stamp in range(2, 9):
        told.time_s += 0.1
        told.take(command_to_msg(stamp, np.full(3, math.nan)))
    assert told.now().tolist() == [0.0, 0.0, 0.0]
