"""What comes out of the line, and when: by stamp, by rank, by arrival."""

from __future__ import annotations

from simdist_ros.messages.stamp_sorter import StampSorter


def test_messages_of_one_stamp_and_kind_keep_the_order_in_which_they_came():
    order = StampSorter(100)
    assert order.put(10, 1, 'b', 'first') == []
    assert order.put(10, 1, 'a', 'second') == []
    assert order.put(10, 0, 'c', 'third') == []
    assert [one.values[0] for one in order.flush()] == ['third', 'first', 'second']


def test_a_message_is_due_when_the_newest_is_more_than_the_window_ahead():
    order = StampSorter(100)
    order.put(10, 0, 'a')
    assert order.put(110, 0, 'a') == []
    assert [one.stamp_ns for one in order.put(111, 0, 'a')] == [10]
    assert order.put(11, 0, 'a') is not None
    assert order.put(10, 0, 'a') is None
    order.flush()
    assert order.put(5, 0, 'a') == []  # a new recording may begin before the one that ended
