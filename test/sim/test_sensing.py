import numpy as np
import pytest

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.plausibility import StateCheck
from simdist_ros.sim.scenes.world import Sensors


@pytest.fixture
def watch(simulate, go2):
    """Swing a leg, and return what is measured and what is true, one of each per period."""

    def run(ticks=30, **sensors):
        simulation = simulate(sensors=Sensors(**sensors))
        measured, true = [simulation.state()], [simulation.true_state()]
        for tick in range(ticks):
            target = go2.per_joint('stand') + 0.3 * np.sin(0.4 * tick)
            simulation.apply(JointCommand(stamp_ns=0, position=target))
            simulation.step()
            measured.append(simulation.state())
            true.append(simulation.true_state())
        return measured, true

    return run


def test_perfect_sensors_tell_the_truth(watch):
    measured, true = watch()
    for seen, real in zip(measured, true, strict=True):
        assert seen.stamp_ns == real.time_ns
        assert seen.joint_pos == pytest.approx(real.joint_pos, abs=0.0)
        assert seen.orientation == pytest.approx(real.orientation)
        assert seen.linear_velocity == pytest.approx(real.linear_velocity)
        assert seen.height_map.min() == pytest.approx(real.height_above_ground_m)


def test_a_measurement_arrives_late_and_its_stamp_says_when_it_was_made(watch):
    measured, true = watch(delay_s=0.04)
    assert measured[0].stamp_ns == 0
    assert true[0].time_ns == 40_000_000
    at = {real.time_ns: real for real in true}
    for seen, real in zip(measured, true, strict=True):
        assert seen.stamp_ns == real.time_ns - 40_000_000
        if seen.stamp_ns in at:
            assert seen.joint_pos == pytest.approx(at[seen.stamp_ns].joint_pos, abs=0.0)


def test_the_height_map_can_be_older_than_its_stamp(watch):
    measured, true = watch(height_map_delay_s=0.06)
    for tick in range(5, 30):
        assert measured[tick].stamp_ns == true[tick].time_ns
        older = true[tick - 3].height_above_ground_m
        assert measured[tick].height_map.min() == pytest.approx(older)


def test_the_clock_shows_its_offset_at_the_start_and_gains(watch):
    measured, true = watch(ticks=50, clock_offset_s=2.5, clock_drift_ppm=100.0)
    assert measured[0].stamp_ns == 2_500_000_000
    elapsed_ns = true[-1].time_ns
    assert elapsed_ns == 1_000_000_000
    assert measured[-1].stamp_ns == 2_500_000_000 + elapsed_ns + 100_000


@pytest.mark.parametrize(
    ('setting', 'field', 'sigma'),
    [
        ('joint_pos_noise_rad', 'joint_pos', 0.01),
        ('joint_vel_noise_radps', 'joint_vel', 0.5),
        ('angular_velocity_noise_radps', 'angular_velocity', 0.1),
        ('linear_velocity_noise_mps', 'linear_velocity', 0.1),
    ],
)
def test_noise_has_the_spread_that_is_set(watch, setting, field, sigma):
    measured, true = watch(ticks=400, **{setting: sigma})
    error = np.concatenate(
        [getattr(s, field) - getattr(t, field) for s, t in zip(measured, true, strict=True)]
    )
    assert np.std(error) == pytest.approx(sigma, rel=0.1)
    assert abs(np.mean(error)) < 0.15 * sigma


def test_orientation_noise_is_an_angle_and_keeps_the_quaternion_a_unit(watch):
    measured, true = watch(ticks=400, orientation_noise_rad=0.02)
    cosines = [abs(s.orientation @ t.orientation) for s, t in zip(measured, true, strict=True)]
    angles = 2.0 * np.arccos(np.minimum(cosines, 1.0))
    assert np.sqrt(np.mean(np.square(angles)) / 3.0) == pytest.approx(0.02, rel=0.1)
    assert np.linalg.norm(measured[-1].orientation) == pytest.approx(1.0)


def test_height_map_cells_are_noisy_and_some_unknown(watch, go2):
    measured, true = watch(ticks=20, height_map_noise_m=0.02, height_map_missing=0.1)
    maps = np.stack([seen.height_map for seen in measured])
    heights = np.array([real.height_above_ground_m for real in true])[:, None]
    assert np.isnan(maps).mean() == pytest.approx(0.1, abs=0.02)
    assert np.nanstd(maps - heights) == pytest.approx(0.02, rel=0.1)
    check = StateCheck(go2)
    assert [check.check(seen) for seen in measured] == [()] * len(measured)


def test_a_measurement_is_no_window_into_the_simulation(simulate):
    simulation = simulate()
    before = simulation.state().joint_pos.copy()
    simulation.state().joint_pos[:] = 9.0
    simulation.state().orientation[:] = 9.0
    simulation.step()
    assert simulation.true_state().joint_pos == pytest.approx(before, abs=0.01)
