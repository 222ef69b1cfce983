from __future__ import annotations

import pytest
from rclpy.qos import (
    DurabilityPolicy,
    QoSCompatibility,
    ReliabilityPolicy,
    qos_check_compatible,
)

from simdist_ros.nodes.qos import COMMAND, LATCHED, RECORDED, RELIABLE, state_wanted


def test_in_realtime_a_controller_wants_only_the_newest_state():
    profile = state_wanted(lockstep=False)
    assert profile.depth == 1
    assert profile.reliability is ReliabilityPolicy.BEST_EFFORT


def test_in_lockstep_no_state_may_be_lost():
    assert state_wanted(lockstep=True).reliability is ReliabilityPolicy.RELIABLE


def test_of_commands_only_the_newest_counts_and_a_dead_sender_is_noticed():
    assert COMMAND.depth == 1
    assert COMMAND.reliability is ReliabilityPolicy.RELIABLE
    assert COMMAND.liveliness_lease_duration.nanoseconds == 2_000_000_000


def test_a_late_subscriber_still_learns_the_mode():
    assert LATCHED.durability is DurabilityPolicy.TRANSIENT_LOCAL


def test_a_recorder_has_room_for_two_seconds_of_500_hz():
    assert RECORDED.depth >= 1000


@pytest.mark.parametrize(
    ('offered', 'wanted'),
    [
        (RELIABLE, state_wanted(lockstep=False)),  # the stand-in's state to planner and supervisor
        (RELIABLE, state_wanted(lockstep=True)),
        (COMMAND, RELIABLE),  # plan to supervisor, joint command to robot and planner
        (RELIABLE, RECORDED),
        (COMMAND, RECORDED),
        (LATCHED, LATCHED),
    ],
)
def test_what_is_offered_reaches_who_wants_it(offered, wanted):
    compatibility, reason = qos_check_compatible(offered, wanted)
    assert compatibility is not QoSCompatibility.ERROR, reason
