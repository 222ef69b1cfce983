from __future__ import annotations

import numpy as np
import pytest

from simdist_ros.safety.stand import StandRamp

START, END = np.array([0.0, 1.0]), np.array([1.0, -1.0])


@pytest.fixture
def ramp() -> StandRamp:
    return StandRamp(start_ns=5_000_000_000, duration_s=2.0, start=START, end=END)


@pytest.mark.parametrize(
    ('seconds', 'blend'),
    [(-1.0, 0.0), (0.0, 0.0), (0.5, 0.146447), (1.0, 0.5), (2.0, 1.0), (99.0, 1.0)],
)
def test_the_ramp_is_half_a_cosine_and_holds_its_ends(ramp, seconds, blend):
    target = ramp.target(5_000_000_000 + round(seconds * 1e9))
    np.testing.assert_allclose(target, START + blend * (END - START), atol=1e-6)


def test_the_ramp_starts_and_ends_at_rest(ramp):
    targets = [ramp.target(5_000_000_000 + k * 1_000_000)[0] for k in range(2001)]
    speeds = np.diff(targets) / 1e-3
    assert speeds[0] < 0.01
    assert speeds[-1] < 0.01
    assert np.all(speeds >= 0.0)
    assert speeds.max() == pytest.approx(np.pi / 4, rel=1e-3)
