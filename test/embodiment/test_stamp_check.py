from __future__ import annotations

import pytest

from simdist_ros.embodiment.stamp_check import Order, StampCheck

MS = 1_000_000
ON, DOUBTED, STEPPED = Order.GOES_ON, Order.DOUBTED, Order.STEPPED


@pytest.fixture
def order():
    """Order of stamps of a robot of 50 Hz that has sent 1000, 1020 and 1040 ms."""
    order = StampCheck(20 * MS)
    assert [order.take(stamp * MS) for stamp in (1000, 1020, 1040)] == [ON] * 3
    return order


def take(order, *stamps_ms):
    return [order.take(stamp * MS) for stamp in stamps_ms]


def test_stamps_go_on_over_a_gap_of_five_periods_and_no_more(order):
    assert take(order, 1140, 1250) == [ON, ON]
    assert take(order, 1361) == [DOUBTED]


@pytest.mark.parametrize('wrong', [1040, 1039, 700, 0, 1151, 99_000])
def test_one_wrong_stamp_costs_itself_and_nothing_else(order, wrong):
    assert take(order, wrong, 1080, 1100) == [DOUBTED, ON, ON]
    assert order.newest_ns == 1100 * MS


@pytest.mark.parametrize('back', [60, 300, 900, 5000])
def test_a_clock_that_was_set_back_is_followed_from_its_second_stamp_on(back):
    order = StampCheck(20 * MS)
    take(order, 6020, 6040)
    assert take(order, 6060 - back, 6080 - back, 6100 - back) == [DOUBTED, STEPPED, ON]
    assert order.jump_ns == -back * MS  # the first would have come one period later


def test_a_step_of_a_second_begins_anew_and_a_smaller_one_sets_back(order):
    take(order, 61, 81)
    assert (order.jump_ns, order.was_set_back, order.began_anew) == (-999 * MS, True, False)
    order = StampCheck(20 * MS)
    take(order, 1040, 60, 80)
    assert (order.jump_ns, order.was_set_back, order.began_anew) == (-1000 * MS, False, True)


def test_a_step_ahead_is_neither(order):
    assert take(order, 3060, 3080) == [DOUBTED, STEPPED]
    assert (order.jump_ns, order.was_set_back, order.began_anew) == (2000 * MS, False, False)


def test_a_stamp_that_stands_still_is_never_borne_out(order):
    assert take(order, *[1040] * 10) == [DOUBTED] * 10
    assert order.lag_ns == 200 * MS


def test_doubted_stamps_lag_by_the_interval_of_the_good_ones():
    order = StampCheck(20 * MS)
    take(order, 1000, 1002, 1004, 500, 400)
    assert order.lag_ns == 4 * MS
    take(order, 1006)
    assert order.lag_ns == 0
    take(order, 1100, 700)  # a gap does not make the interval longer than a period
    assert order.lag_ns == 20 * MS


@pytest.mark.parametrize(
    ('stamp', 'finding'),
    [
        (1040, 'came before'),
        (740, '0.3 s before the last one'),
        (11040, '10 s after the last one'),
    ],
)
def test_a_doubt_says_how_the_stamp_lies_to_the_last_one(order, stamp, finding):
    assert order.finding is None
    take(order, stamp)
    assert str(order.finding) == f'stamp of the state {finding}'
    take(order, 1060)
    assert order.finding is None


def test_reset_believes_any_stamp(order):
    take(order, 5)
    order.reset()
    assert take(order, 7) == [ON]
    assert order.lag_ns == 0
