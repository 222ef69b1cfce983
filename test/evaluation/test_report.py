from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import BagError, ConfigError
from simdist_ros.evaluation.recording import read_recording
from simdist_ros.evaluation.report import (
    Report,
    command_errors,
    make_report,
    report_lines,
    velocity_series,
    write_report,
)

from .recorded import ON_ITS_SIDE, PERIOD_NS, START_NS, MadeUpRun

TICKS = 101  # 2 s


def stamp(tick: int) -> int:
    return START_NS + tick * PERIOD_NS


@pytest.fixture
def bag(tmp_path):
    return tmp_path / 'bag'


@pytest.fixture
def walk(bag, small_robot):
    """Record a walk straight on: 0.01 m and 0.5 m/s a tick where 0.4 m/s are asked for."""

    def record(**changes):
        """Record; `changes` maps a topic to what differs, by tick."""
        run = MadeUpRun(bag, small_robot)
        for tick in range(TICKS):
            now = stamp(tick)
            truth = {'position': (0.01 * tick, 0.0, 0.3), 'linear': (0.5, 0.0, 0.0)}
            run.joints(now, position=(0.1, 0.2))
            run.odometry(
                'ground_truth/odom', now, **truth | changes.get('truth', {}).get(tick, {})
            )
            run.height_map(now, changes.get('height', {}).get(tick, (0.0, 0.3, 0.0)))
            run.command(now, 0.4)
            run.plan(now, **changes.get('plan', {}).get(tick, {}))
            run.decision(now, **changes.get('decision', {}).get(tick, {}))
        run.close()
        return bag

    return record


def test_the_figures_of_a_straight_walk(walk, small_robot):
    plan = {tick: {'plan_ms': tick + 1.0} for tick in range(TICKS)}  # 1 .. 101 ms
    report, _ = make_report(walk(plan=plan), small_robot)
    assert report.distance_m == pytest.approx(1.0)
    assert report.path_m == pytest.approx(1.0)
    assert (report.fell, report.falls) == (False, 0)
    assert report.tracking_error_mps == pytest.approx(0.1)
    assert report.planner_ms == {'p50': pytest.approx(51.0), 'p99': pytest.approx(100.0)}
    assert (report.ticks, report.late_ticks) == (TICKS, 0)
    assert report.duration_s == pytest.approx(2.0)
    assert report.realtime_factor == pytest.approx(0.5)  # received over 4 s
    assert report.rate_hz == pytest.approx(25.0)
    assert report.planner == {
        'num_proposals': 14.0,
        'num_samples': 128.0,
        'num_iterations': 4.0,
        'gain': pytest.approx(0.02),
        'effective_samples': 9.0,
        'ticks_without_plan': 0.0,
        'trial_ticks': 0.0,
        'doubted_ticks': 0.0,
    }
    assert report.bag.endswith('bag')


def test_a_detour_is_longer_than_the_distance(walk, small_robot):
    there_and_back = {
        tick: {'position': (0.01 * min(tick, 100 - tick), 0.0, 0.3)} for tick in range(TICKS)
    }
    report, _ = make_report(walk(truth=there_and_back), small_robot)
    assert report.distance_m == pytest.approx(0.0)
    assert report.path_m == pytest.approx(1.0)


def test_late_ticks_lower_the_rate_that_was_held(walk, small_robot):
    late = {tick: {'late': 1, 'action': 'stand', 'fault': 'stale_plan'} for tick in range(40, 50)}
    report, _ = make_report(walk(decision=late), small_robot)
    assert report.late_ticks == 10
    assert report.rate_hz == pytest.approx(25.0 * 91 / 101)


def test_time_before_the_first_plan_and_after_walking_does_not_count(walk, small_robot):
    others = {tick: {'fault': 'no_plan', 'action': 'stand'} for tick in range(20)}
    others |= {tick: {'mode': 'stand'} for tick in range(71, TICKS)}
    report, recording = make_report(walk(decision=others), small_robot)
    assert report.ticks == 51
    assert recording.walking() == [stamp(tick) for tick in range(20, 71)]
    assert report.distance_m == pytest.approx(0.5)
    assert report.duration_s == pytest.approx(1.0)


def test_each_fall_counts_once_whether_tilted_or_low(walk, small_robot):
    tilted = {tick: {'orientation': ON_ITS_SIDE} for tick in range(30, 40)}
    low = dict.fromkeys(range(60, 70), (0.3, 0.14, 0.3))
    report, _ = make_report(walk(truth=tilted, height=low), small_robot)
    assert (report.fell, report.falls) == (True, 2)


def test_a_robot_that_lies_has_fallen_once_however_its_height_flickers(walk, small_robot):
    low = dict.fromkeys(range(30, 70, 2), (0.3, 0.14, 0.3))
    report, _ = make_report(walk(height=low), small_robot)
    assert (report.fell, report.falls) == (True, 1)


def test_a_height_map_of_another_size_says_nothing_of_falls(walk, small_robot):
    report, recording = make_report(walk(height={30: (0.0, 0.0)}), small_robot)
    assert not report.fell
    assert stamp(30) not in recording.height
    assert recording.height[stamp(31)] == pytest.approx(0.3)


def test_ticks_without_a_plan_are_told_and_left_out_of_the_means(walk, small_robot):
    none = {tick: {'source': 'none', 'gain': 99.0} for tick in (10, 11)}
    report, _ = make_report(walk(plan=none), small_robot)
    assert report.planner['ticks_without_plan'] == 2.0
    assert report.planner['gain'] == pytest.approx(0.02)


def test_velocity_is_averaged_over_a_gait_period(walk, small_robot):
    sway = {tick: {'linear': (0.5, (-1.0) ** tick, 0.0)} for tick in range(TICKS)}
    _, recording = make_report(walk(truth=sway), small_robot)
    times, velocity, wanted = velocity_series(recording, small_robot)
    assert (times[0], len(times)) == (pytest.approx(0.08), TICKS - 4)  # five ticks make the first
    np.testing.assert_allclose(velocity[0], [0.5, 0.2, 0.0])  # (1 - 1 + 1 - 1 + 1) / 5
    np.testing.assert_allclose(wanted, np.tile([0.4, 0.0, 0.0], (TICKS - 4, 1)))
    assert command_errors(recording, small_robot)['mps'] == pytest.approx(np.hypot(0.1, 0.2))


def test_a_command_holds_until_the_next_one(bag, small_robot):
    run = MadeUpRun(bag, small_robot)
    for tick in range(TICKS):
        run.joints(stamp(tick))
        run.odometry('odom', stamp(tick), (0, 0, 0), (0, 0, 0))
        run.decision(stamp(tick))
    run.command(stamp(0), 0.4)
    run.command(stamp(60), 0.2)
    run.close()
    _, _, wanted = velocity_series(read_recording(bag, small_robot), small_robot)
    assert wanted[55, 0] == 0.4  # of tick 59
    assert wanted[56, 0] == 0.2


def test_without_ground_truth_the_odometry_serves(bag, small_robot):
    run = MadeUpRun(bag, small_robot)
    for tick in range(3):
        run.joints(stamp(tick))
        run.odometry('odom', stamp(tick), (0.02 * tick, 0, 0), (1.0, 0, 0))
        run.decision(stamp(tick))
    run.close()
    report, _ = make_report(bag, small_robot)
    assert report.distance_m == pytest.approx(0.04)
    assert report.tracking_error_mps == pytest.approx(1.0)  # nothing was asked for


def test_joints_are_read_by_name_and_a_repeated_stamp_counts_from_its_first(bag, small_robot):
    run = MadeUpRun(bag, small_robot)
    run.joints(stamp(0), names=['right', 'left'], position=(0.2, 0.1))
    run.joints(stamp(0), names=['right', 'left'], position=(0.2, 0.1))
    run.odometry('odom', stamp(0), (0, 0, 0), (0, 0, 0))
    run.close()
    recording = read_recording(bag, small_robot)
    np.testing.assert_array_equal(recording.joint_pos[stamp(0)], [0.1, 0.2])
    assert recording.wall_ns == {stamp(0): START_NS}


def test_a_bag_of_another_robot_is_refused(bag, small_robot):
    run = MadeUpRun(bag, small_robot)
    run.joints(stamp(0), names=['left', 'middle'])
    run.close()
    with pytest.raises(ConfigError, match=r"missing \['right'\], unknown \['middle'\]"):
        read_recording(bag, small_robot)


def test_a_bag_without_odometry_has_nothing_to_report(bag, small_robot):
    run = MadeUpRun(bag, small_robot)
    run.joints(stamp(0))
    run.close()
    with pytest.raises(BagError, match='no odometry or no joint states; nothing to report'):
        read_recording(bag, small_robot)


def test_a_run_that_never_walked_is_refused_and_told_where_to_look(walk, small_robot):
    off = {tick: {'mode': 'off'} for tick in range(TICKS)}
    with pytest.raises(BagError, match='the robot never walked; see the logs beside it'):
        make_report(walk(decision=off), small_robot)


def test_what_was_tried_out_is_counted_apart(walk, small_robot):
    tried = {'source': 'exploration', 'gain': 0.0, 'num_iterations': 0}
    report, _ = make_report(walk(plan=dict.fromkeys(range(40), tried)), small_robot)
    assert report.planner['trial_ticks'] == 40.0
    assert report.planner['gain'] == pytest.approx(0.02)
    assert report.planner['num_iterations'] == 4.0
    assert report.planner['ticks_without_plan'] == 0.0


@pytest.fixture
def report() -> Report:
    return Report(
        distance_m=5.71,
        path_m=5.8,
        fell=True,
        falls=2,
        tracking_error_mps=0.0834,
        planner_ms={'p50': 6.04, 'p99': 12.3},
        planner={
            'num_proposals': 14.0,
            'num_samples': 128.0,
            'num_iterations': 3.9,
            'gain': 0.05,
            'effective_samples': 9.0,
            'ticks_without_plan': 0.0,
            'trial_ticks': 0.0,
            'doubted_ticks': 0.0,
        },
        ticks=500,
        late_ticks=5,
        rate_hz=49.5,
        realtime_factor=1.0,
        duration_s=9.98,
        bag='runs/a/bag',
    )


def test_the_terminal_says_what_the_report_says(report):
    assert report_lines(report) == [
        'distance          5.71 m in 10.0 s',
        'tracking error    0.083 m/s',
        'falls             2',
        'planner           6.0 ms median, 12.3 ms p99 '
        '(14 proposals, 128 samples x 3.9 iterations)',
        'gain over policy  +0.050 (return of the plan, by the model)',
        'rate held         49.5 Hz, 5 of 500 ticks late (1.0 %)',
        'real-time factor  1.00',
        'bag               runs/a/bag',
    ]


def test_the_report_is_written_with_what_was_run(report, tmp_path):
    path = tmp_path / 'new' / 'report.json'
    write_report(report, path, {'seed': 3})
    written = json.loads(path.read_text())
    assert written['run'] == {'seed': 3}
    wanted = {
        'distance_m', 'fell', 'tracking_error_mps', 'planner_ms', 'ticks', 'late_ticks',
        'realtime_factor', 'bag',
    }  # fmt: skip
    assert wanted <= set(written)
    assert written['planner_ms'] == {'p50': 6.04, 'p99': 12.3}


def test_a_success_rate_stands_where_the_task_has_an_end(report, tmp_path):
    written = []
    for number, found in enumerate((report, replace(report, success_rate=0.5))):
        write_report(found, tmp_path / f'{number}.json', {})
        written.append(json.loads((tmp_path / f'{number}.json').read_text()))
    assert 'success_rate' not in written[0]
    assert written[1]['success_rate'] == 0.5
    assert 'success rate      0.50' in report_lines(replace(report, success_rate=0.5))


def test_a_report_that_cannot_be_written_is_refused_by_its_name(report, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError) as caught:
        write_report(report, tmp_path / 'file' / 'report.json', {})
    assert str(caught.value) == (
        f"report '{tmp_path}/file/report.json' cannot be written (File exists); name another file"
    )
