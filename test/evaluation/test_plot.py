"""The figure of a run, as far as it can be judged without eyes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.plot import draw_run, torque_shares
from simdist_ros.evaluation.recording import read_recording
from simdist_ros.sim.footfalls import Footfalls

from .recorded import PERIOD_NS, START_NS, MadeUpRun

FEET = Footfalls(
    feet=('left', 'right'),
    time_s=0.02 * np.arange(4),
    contact=np.array([[True, False]] * 3 + [[False, True]]),
)


@pytest.fixture
def record(tmp_path, small_robot):
    """Record a straight walk of 5 m, with these torques in every message."""

    def make(effort=None, robot=small_robot, names=('right', 'left')):
        run = MadeUpRun(tmp_path / 'bag', robot)
        for tick in range(101):
            now = START_NS + tick * PERIOD_NS
            run.joints(now, names=list(names), effort=effort)
            run.odometry('odom', now, position=(0.05 * tick, 0, 0.3), linear=(2.5, 0, 0))
            run.command(now, 2.5)
            run.plan(now)
            run.decision(now)
        run.close()
        return read_recording(tmp_path / 'bag', robot)

    return make


def panels(figure):
    figure.set_dpi(50)
    FigureCanvasAgg(figure).draw()
    return {axes.get_title(loc='left').split(',')[0]: axes for axes in figure.axes}


def test_the_path_of_a_straight_walk_keeps_the_height_of_its_panel(record, small_robot):
    axes = panels(draw_run(record(), small_robot, None))['Path of the base']
    box = axes.get_window_extent()
    assert box.height > 0.1 * box.width
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert (high - low) / (right - left) == pytest.approx(box.height / box.width, rel=0.02)
    assert high - low > 0.5


def test_no_legend_lies_over_a_curve_or_a_title(record, small_robot):
    figure = draw_run(record([1.0, 1.0]), small_robot, 20.0, FEET)
    for axes in panels(figure).values():
        legend = axes.get_legend()
        if legend is not None:
            box = legend.get_window_extent()
            assert box.y0 >= axes.get_window_extent().y1 - 1.0
            title = axes._left_title.get_window_extent()
            assert box.x0 > title.x1


def test_what_was_not_recorded_has_no_panel(record, small_robot):
    recording = record()
    assert set(panels(draw_run(recording, small_robot, None))) == {
        'Path of the base',
        'Velocity',
        'Yaw rate',
        'Heading from the start',
        'Time for one plan',
    }
    assert 'Feet on the ground' in panels(draw_run(recording, small_robot, None, FEET))


def test_a_task_without_a_path_has_joints_in_its_place(record):
    arm = load_robot(str(Path(__file__).parents[1] / 'bodies/arm/arm.yaml'))
    found = panels(draw_run(record([1.0] * 3, arm, arm.joint_names), arm, 20.0))
    assert set(found) == {'Joints', 'Torque', 'Time for one plan'}
    lines = found['Joints'].get_lines()
    assert [line.get_label() for line in lines] == list(arm.joint_names)
    assert {len(line.get_xdata()) for line in lines} == {101}


def test_torques_are_shares_of_the_limits_by_joint_name(record, small_robot):
    recording = record([-0.5, 0.25])
    stamps, shares = torque_shares(recording, small_robot)
    assert stamps == recording.walking()
    assert shares[0].tolist() == [0.25, 0.5]  # left, right; the limits are 1 N m
    label = panels(draw_run(recording, small_robot, None))['Torque'].get_legend()
    assert 'peak: right' in label.get_texts()[0].get_text()


def test_a_foot_has_bars_while_it_is_on_the_ground(record, small_robot):
    axes = panels(draw_run(record(), small_robot, None, FEET))['Feet on the ground']
    assert [len(bars.get_paths()) for bars in axes.collections] == [3, 1]
