import numpy as np
import pytest

from simdist_ros.core.ticks import TickCounter

PERIOD_NS = 20_000_000


@pytest.mark.parametrize('phase_ms', [0.0, 5.0, 9.9, 10.0, 10.1, 19.0])
def test_jitter_neither_skips_nor_doubles_a_tick_whatever_the_phase(phase_ms):
    rng = np.random.default_rng(0)
    counter = TickCounter(PERIOD_NS)
    jitter = rng.normal(0.0, 1e6, 1000)
    stamps = np.arange(1000) * PERIOD_NS + phase_ms * 1e6 + jitter
    steps = [counter.count(round(stamp)) for stamp in stamps]
    assert set(np.diff(steps)) == {1}


def test_a_missing_state_is_counted():
    counter = TickCounter(PERIOD_NS)
    first = counter.count(10 * PERIOD_NS)
    assert counter.count(13 * PERIOD_NS) == first + 3


def test_a_stamp_belongs_to_the_tick_that_the_last_state_before_it_opened():
    counter = TickCounter(PERIOD_NS)
    step = counter.count(7_000_000)
    offsets_ms = {-20: -1, -1: 0, 0: 0, 15: 0, 17: 1, 20: 1, 35: 1}
    for offset_ms, ticks in offsets_ms.items():
        assert counter.step_of(7_000_000 + offset_ms * 1_000_000) == step + ticks


def test_a_clock_that_jumps_back_counts_back():
    counter = TickCounter(PERIOD_NS)
    step = counter.count(100 * PERIOD_NS)
    assert counter.count(0) == step - 100


def test_after_a_reset_it_counts_from_the_stamp():
    counter = TickCounter(PERIOD_NS)
    counter.count(10 * PERIOD_NS)
    counter.reset()
    assert counter.count(3 * PERIOD_NS) == 3
