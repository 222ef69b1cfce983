"""Planner and supervisor in lockstep with a robot that at times says what it should not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from std_srvs.srv import Trigger

from simdist_ros.bringup.graph import NodeSpec
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import stamp_ns

from .handmade_robot import HandmadeRobot
from .running import running_nodes

NAN = np.nan
NANS = {
    'joint_pos': {'joint_pos': np.array([0.0, NAN] + 10 * [0.0])},
    'joint_vel': {'joint_vel': np.full(12, NAN)},
    'orientation': {'orientation': np.full(4, NAN)},
    'angular_velocity': {'angular_velocity': np.array([0.0, 0.0, NAN])},
    'linear_velocity': {'linear_velocity': np.array([NAN, 0.0, 0.0])},
    'height_map': {'height_map': np.full(315, NAN)},
    'infinite': {'joint_vel': np.full(12, np.inf)},
}
BETWEEN = 4  # good ticks after each fault


def misname_a_joint(sent):
    sent[topics.JOINT_STATES].name[0] = 'FR_hip'


def shrink_the_map(sent):
    image = sent[topics.HEIGHT_MAP]
    image.width, image.step = 20, 80
    image.data = image.data[: 4 * 20 * 15]


@pytest.fixture(scope='module')
def robot():
    return load_robot('go2')


@pytest.fixture(scope='module')
def story(random_model, robot, tmp_path_factory):
    """Walk; now and then let one message be wrong; remember the stamps at which it was."""
    supervisor = NodeSpec(
        name='supervisor',
        parameters={
            'mode': 'lockstep',
            'initial_mode': 'follow',
            'lockstep_patience_s': 0.5,
            'safety.settle_s': 0.04,  # two ticks of standing after a stale plan
        },
    )
    parameters = {'mode': 'lockstep', 'model': str(random_model), 'mppi.num_iterations': 0}
    planner = NodeSpec(name='planner', parameters=parameters)
    folder = tmp_path_factory.mktemp('faulty')
    with running_nodes(folder, supervisor, planner) as (group, observer):
        by_hand = HandmadeRobot(robot, observer)
        ticks = observer.listen(DiagnosticArray, topics.SUPERVISOR_TICK)

        def go_on():
            return [by_hand.tick() for _ in range(BETWEEN)]

        faults = {'start': (-1, go_on())}
        for name, changes in NANS.items():
            faults[name] = (by_hand.tick(**changes), go_on())

        faults['fast'] = (by_hand.tick(velocity=np.array([2.0, 0.0, 0.0])), go_on())

        wrong = by_hand.publish(break_it=misname_a_joint)
        by_hand.tick_count += 1
        faults['names'] = (wrong, go_on())

        small = [by_hand.tick(wants_plan=False, break_it=shrink_the_map) for _ in range(4)]
        faults['map'] = (small, go_on())

        assert observer.call(Trigger, 'supervisor/off').success
        go_on()
        faults['damped'] = (by_hand.tick(**NANS['joint_pos']), go_on())
        observer.until(
            lambda: stamp_ns(ticks[-1]) == faults['damped'][1][-1], 'all records have come'
        )
        assert [child.process.poll() for child in group.children] == [None, None]
        yield SimpleNamespace(
            faults=faults,
            robot=by_hand,
            ticks={
                stamp_ns(t): {pair.key: pair.value for pair in t.status[0].values} for t in ticks
            },
            logs={
                name: (group.log_folder / f'{name}.log').read_text()
                for name in ('planner', 'supervisor')
            },
        )


def num_points(story, stamp) -> int:
    return len(story.robot.plan_of(stamp).points)


@pytest.mark.parametrize('field', NANS)
def test_one_state_that_is_not_finite_costs_one_plan(story, field):
    broken, after = story.faults[field]
    assert num_points(story, broken) == 0
    assert [num_points(story, stamp) for stamp in after] == BETWEEN * [25]


@pytest.mark.parametrize('field', NANS)
def test_meanwhile_the_joints_follow_the_next_step_of_the_plan_before(story, field):
    broken, after = story.faults[field]
    assert story.ticks[broken]['action'] == 'follow_plan'
    assert story.ticks[broken]['late'] == '1'
    assert {story.ticks[stamp]['late'] for stamp in after} == {'0'}
    assert {story.ticks[stamp]['fault'] for stamp in after} == {'none'}


def test_no_joint_command_ever_holds_what_is_not_finite(story):
    assert len(story.robot.commands) > 50
    for command in story.robot.commands:
        (point,) = command.points
        assert np.isfinite(point.positions).all()
        assert np.isfinite(point.velocities).all()


def test_a_velocity_beyond_the_range_is_clipped_and_said(story):
    fast, _ = story.faults['fast']
    assert num_points(story, fast) == 25
    assert 'cmd_vel [2.0, 0.0, 0.0] clipped to' in story.logs['planner']


def test_wrong_joint_names_are_named_by_both_nodes_and_the_graph_goes_on(story):
    wrong, after = story.faults['names']
    assert story.robot.command_of(wrong) is None
    assert [num_points(story, stamp) for stamp in after] == BETWEEN * [25]
    for log in story.logs.values():
        assert (
            "joint names do not match robot 'go2': missing ['FR_hip_joint'], unknown ['FR_hip']"
        ) in log


def test_a_height_map_of_the_wrong_size_is_named_and_leads_to_the_stand_pose(story):
    small, _ = story.faults['map']
    assert 'height_map is 20 x 15 32FC1; expected 21 x 15 32FC1' in story.logs['planner']
    assert [story.robot.plan_of(stamp) for stamp in small] == len(small) * [None]
    actions = [story.ticks[stamp]['action'] for stamp in small]
    assert actions == ['follow_plan', 'follow_plan', 'stand', 'stand']
    assert story.ticks[small[-1]]['fault'] == 'stale_plan'


def test_with_the_right_height_map_it_walks_on(story):
    _, after = story.faults['map']
    assert [num_points(story, stamp) for stamp in after] == BETWEEN * [25]
    assert story.ticks[after[-1]]['action'] == 'follow_plan'
    assert story.ticks[after[-1]]['fault'] == 'none'


def test_a_state_that_is_not_finite_does_not_stay_in_the_history_of_damped_joints(story):
    broken, after = story.faults['damped']
    assert num_points(story, broken) == 0
    assert [num_points(story, stamp) for stamp in after] == BETWEEN * [25]
    assert list(story.robot.command_of(broken).points[0].positions) == []


def test_neither_node_broke(story):
    for log in story.logs.values():
        assert 'Traceback' not in log
