from __future__ import annotations

import itertools

import numpy as np
import pytest

from simdist_ros.messages.state_assembler import StateAssembler

MS = 1_000_000
PERIOD_NS = 20 * MS
START_NS = 1_700_000_000 * 1_000_000_000

PARTS = ('joints', 'imu', 'odom', 'height_map')  # of a Go2
VALUES = {
    'joints': (np.array([0.1, 0.2]), np.array([1.0, 2.0])),
    'imu': (np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.3, 0.4, 0.5])),
    'odom': (np.array([0.6, 0.7, 0.8]),),
    'height_map': (np.array([0.30, 0.31]),),
    'wrench': (np.arange(6.0),),
}


@pytest.fixture
def make():
    def make(parts=PARTS, period_ns=PERIOD_NS, tolerance_ms=10, height_map_ms=25):
        tolerance = dict.fromkeys(VALUES, tolerance_ms * MS) | {'height_map': height_map_ms * MS}
        return StateAssembler(parts, period_ns, tolerance)

    return make


def add(assembler, part, stamp_ns):
    return assembler.add(part, stamp_ns, *VALUES[part])


def add_all(assembler, stamp_ns, parts=PARTS):
    """Add all parts at one stamp and return the states that came of it."""
    states = [add(assembler, part, stamp_ns) for part in parts]
    return [state for state in states if state is not None]


@pytest.mark.parametrize('order', list(itertools.permutations(PARTS)))
def test_the_last_part_of_a_stamp_completes_one_state_whichever_it_is(make, order):
    assembler = make()
    for part in order[:-1]:
        assert add(assembler, part, START_NS) is None
    state = add(assembler, order[-1], START_NS)
    assert state.stamp_ns == START_NS
    np.testing.assert_array_equal(state.joint_pos, [0.1, 0.2])
    np.testing.assert_array_equal(state.joint_vel, [1.0, 2.0])
    np.testing.assert_array_equal(state.orientation, [0.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(state.angular_velocity, [0.3, 0.4, 0.5])
    np.testing.assert_array_equal(state.linear_velocity, [0.6, 0.7, 0.8])
    np.testing.assert_array_equal(state.height_map, [0.30, 0.31])


@pytest.mark.parametrize('parts', [('joints', 'wrench'), ('wrench', 'joints')])
def test_a_state_of_an_arm_waits_for_its_wrench(make, parts):
    assembler = make(parts)
    assert add(assembler, parts[0], START_NS) is None
    state = add(assembler, parts[1], START_NS)
    np.testing.assert_array_equal(state.wrench, np.arange(6.0))
    np.testing.assert_array_equal(state.joint_pos, [0.1, 0.2])


@pytest.mark.parametrize('order', list(itertools.permutations(PARTS)))
def test_of_exact_stamps_each_gives_one_state_whatever_the_order(make, order):
    assembler = make(tolerance_ms=0, height_map_ms=0)
    for tick in range(5):
        (state,) = add_all(assembler, START_NS + tick * PERIOD_NS, order)
        assert state.stamp_ns == START_NS + tick * PERIOD_NS


def test_each_state_is_made_of_the_newest_readings(make):
    assembler = make(height_map_ms=10)
    for tick in range(3):
        for part in PARTS:
            values = (value + 10.0 * tick for value in VALUES[part])
            state = assembler.add(part, START_NS + tick * PERIOD_NS, *values)
        np.testing.assert_array_equal(state.joint_pos, VALUES['joints'][0] + 10.0 * tick)
        np.testing.assert_array_equal(state.angular_velocity, VALUES['imu'][1] + 10.0 * tick)
        np.testing.assert_array_equal(state.linear_velocity, VALUES['odom'][0] + 10.0 * tick)
        np.testing.assert_array_equal(state.height_map, VALUES['height_map'][0] + 10.0 * tick)


@pytest.mark.parametrize('part', ['imu', 'odom', 'height_map'])
def test_the_part_that_keeps_states_from_coming_is_known_with_its_distance(make, part):
    assembler = make(height_map_ms=10)
    for tick in range(5):
        for other in PARTS:
            late_ns = -50 * MS if other == part else 0
            assert add(assembler, other, START_NS + tick * PERIOD_NS + late_ns) is None
    name = {'imu': 'imu/data'}.get(part, part)
    # From the newest that there was when the joints came.
    assert assembler.why_unjoined().startswith(f'{name} is stamped 0.07 s before joint_states')


def test_a_part_that_lags_holds_the_state_back_until_it_comes(make):
    assembler = make()
    add_all(assembler, START_NS)
    later = START_NS + PERIOD_NS
    assert [add(assembler, part, later) for part in ('joints', 'odom', 'height_map')] == [None] * 3
    assert add(assembler, 'imu', later).stamp_ns == later


def test_a_slow_height_map_serves_while_it_is_young_enough(make):
    assembler = make()
    add_all(assembler, START_NS)
    fast = ('joints', 'imu', 'odom')
    (state,) = add_all(assembler, START_NS + PERIOD_NS, fast)  # the map is 20 ms old
    assert state.stamp_ns == START_NS + PERIOD_NS
    assert add_all(assembler, START_NS + 2 * PERIOD_NS, fast) == []  # now 40 ms
    state = add(assembler, 'height_map', START_NS + PERIOD_NS)
    assert state.stamp_ns == START_NS + 2 * PERIOD_NS


def test_a_stamp_that_comes_again_gives_no_second_state(make):
    assembler = make()
    assert len(add_all(assembler, START_NS)) == 1
    assert add_all(assembler, START_NS) == []
    assert len(add_all(assembler, START_NS + PERIOD_NS)) == 1


def test_an_older_stamp_gives_no_state(make):
    assembler = make()
    add_all(assembler, START_NS + PERIOD_NS)
    assert add_all(assembler, START_NS) == []


@pytest.mark.parametrize('phase_ms', [0, 1, 9, 10, 11, 19])
def test_500_hz_become_50_states_a_second(make, phase_ms):
    assembler = make()
    stamps = []
    for sample in range(500):
        stamp = START_NS + phase_ms * MS + 2 * MS * sample
        stamps += [state.stamp_ns for state in add_all(assembler, stamp)]
    assert len(stamps) == pytest.approx(50, abs=1)
    gaps = np.diff(stamps)[1:]  # the first period may be cut short by the phase
    assert gaps.min() >= PERIOD_NS - 2 * MS
    assert gaps.max() <= PERIOD_NS + 2 * MS


def test_a_clock_that_starts_again_starts_states_again(make):
    assembler = make()
    add_all(assembler, START_NS)
    (state,) = add_all(assembler, 0)
    assert state.stamp_ns == 0
    assert len(add_all(assembler, PERIOD_NS)) == 1


def test_parts_that_are_not_wanted_are_not_known(make):
    assembler = make(parts=('joints', 'imu'))
    (state,) = add_all(assembler, START_NS, ('joints', 'imu'))
    assert np.isfinite(state.orientation).all()
    assert np.isnan(state.linear_velocity).all()
    assert state.height_map is None
    only_joints = make(parts=('joints',))
    assert np.isnan(add(only_joints, 'joints', START_NS).orientation).all()


def test_a_short_period_lets_every_stamp_through(make):
    assembler = make(parts=('joints', 'imu'), period_ns=1)
    stamps = range(START_NS, START_NS + 100 * MS, 2 * MS)
    states = [add_all(assembler, stamp, ('joints', 'imu')) for stamp in stamps]
    assert [state.stamp_ns for (state,) in states] == list(stamps)


@pytest.mark.parametrize('phase_ms', [0.0, 9.0, 10.0, 11.0, 19.5])
def test_states_at_the_control_rate_all_count_whatever_their_phase_and_jitter(make, phase_ms):
    assembler = make()
    jitter = np.random.default_rng(0).normal(0.0, 1.0 * MS, 500)
    stamps = START_NS + np.arange(500) * PERIOD_NS + phase_ms * MS + jitter
    assert all(len(add_all(assembler, round(stamp))) == 1 for stamp in stamps)


def test_jittering_states_at_500_hz_become_50_a_second(make):
    assembler = make()
    jitter = np.random.default_rng(0).normal(0.0, 0.2 * MS, 5000)
    stamps = START_NS + np.arange(5000) * 2 * MS + 9.9 * MS + jitter
    states = [state for stamp in stamps for state in add_all(assembler, round(stamp))]
    gaps = np.diff([state.stamp_ns for state in states])
    assert len(states) == pytest.approx(500, abs=1)
    assert gaps.min() > 17 * MS
    assert gaps.max() < 23 * MS
