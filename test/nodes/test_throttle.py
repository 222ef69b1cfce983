from __future__ import annotations

from simdist_ros.nodes.throttle import Throttle


def test_each_subject_is_let_through_once_a_period_whatever_others_say():
    now = [10.0]
    throttle = Throttle(2.0, clock=lambda: now[0])
    assert throttle.allows('joints')
    assert not throttle.allows('joints')
    assert throttle.allows('map')
    now[0] = 11.9
    assert not throttle.allows('joints')
    now[0] = 12.0
    assert throttle.allows('joints')
    assert not throttle.allows('joints')
