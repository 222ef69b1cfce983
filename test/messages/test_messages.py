from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.messages import to_messages as messages

STAMP = 1_700_000_000_020_000_000


def permuted(message: JointState) -> JointState:
    """Return the same measurement with its joints in another order."""
    order = [2, 0, 1]
    return JointState(
        header=message.header,
        name=[message.name[i] for i in order],
        position=[message.position[i] for i in order],
        velocity=[message.velocity[i] for i in order],
    )


@pytest.mark.parametrize('stamp', [0, 1, 999_999_999, 1_000_000_000, STAMP + 1])
def test_a_stamp_survives_to_the_nanosecond(stamp):
    message = TwistStamped()
    message.header.stamp = messages.time_msg(stamp)
    assert messages.stamp_ns(message) == stamp


def test_joints_come_back_in_the_robots_order_whatever_order_they_are_sent_in(robot, state):
    message = messages.joint_state_to_msg(robot, state)
    for sent in (message, permuted(message)):
        position, velocity = messages.joint_state_from_msg(robot, sent)
        np.testing.assert_array_equal(position, [0.1, 0.2, 0.3])
        np.testing.assert_array_equal(velocity, [1.0, 2.0, 3.0])
    assert messages.stamp_ns(message) == STAMP


def test_torques_are_sent_as_effort_where_they_are_known(robot, state):
    assert len(messages.joint_state_to_msg(robot, state).effort) == 0
    message = messages.joint_state_to_msg(robot, state, np.array([4.0, 5.0, 6.0]))
    assert list(message.effort) == [4.0, 5.0, 6.0]


def test_wrong_joint_names_are_named_in_one_sentence(robot, state):
    message = messages.joint_state_to_msg(robot, state)
    message.name = ['hip', 'thigh', 'knee']
    with pytest.raises(ConfigError) as caught:
        messages.joint_state_from_msg(robot, message)
    assert str(caught.value) == (
        "joint names do not match robot 'three_joints': missing ['calf'], unknown ['knee'], "
        '3 given, 3 expected'
    )


@pytest.mark.parametrize('what', ['positions', 'velocities'])
def test_joint_states_without_a_number_for_each_name_are_refused(robot, state, what):
    message = messages.joint_state_to_msg(robot, state)
    setattr(message, {'positions': 'position', 'velocities': 'velocity'}[what], [0.5])
    with pytest.raises(ConfigError, match=f'joint_states has 1 {what} for 3 names'):
        messages.joint_state_from_msg(robot, message)


def test_the_imu_round_trip_keeps_w_first_and_marks_acceleration_as_unknown(state):
    message = messages.imu_to_msg(state)
    assert (message.orientation.w, message.orientation.x) == (0.5, -0.5)
    assert message.linear_acceleration_covariance[0] == -1.0
    orientation, angular_velocity = messages.imu_from_msg(message)
    np.testing.assert_array_equal(orientation, state.orientation)
    np.testing.assert_array_equal(angular_velocity, state.angular_velocity)


def test_odometry_has_the_pose_in_the_world_and_the_twist_in_the_base_frame():
    quarter_turn = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])
    forward = np.array([0.5, 0.0, 0.0])  # of the base, which looks along the world's y
    message = messages.odometry_to_msg(
        STAMP, np.array([1.0, 2.0, 0.3]), quarter_turn, forward, np.array([0.0, 0.0, 0.1])
    )
    assert (message.header.frame_id, message.child_frame_id) == ('odom', 'base')
    position, twist = message.pose.pose.position, message.twist.twist
    assert (position.x, position.y, position.z) == (1.0, 2.0, 0.3)
    assert (twist.linear.x, twist.linear.y) == (0.5, 0.0)  # not turned into the world
    assert twist.angular.z == 0.1
    assert messages.stamp_ns(message) == STAMP


def test_a_height_map_round_trip_keeps_every_cell_and_what_is_unknown(robot, state):
    message = messages.height_map_to_msg(robot.height_map, state)
    assert (message.width, message.height, message.step) == (3, 2, 12)
    heights = messages.height_map_from_msg(robot.height_map, message)
    assert heights.dtype == np.float64
    np.testing.assert_array_equal(heights, state.height_map.astype(np.float32))


def test_a_height_map_of_the_other_byte_order_reads_the_same(robot, state):
    message = messages.height_map_to_msg(robot.height_map, state)
    message.is_bigendian = 1
    message.data = state.height_map.astype('>f4').tobytes()
    heights = messages.height_map_from_msg(robot.height_map, message)
    np.testing.assert_array_equal(heights, state.height_map.astype(np.float32))


@pytest.mark.parametrize(
    ('changes', 'sentence'),
    [
        ({'width': 2, 'height': 3}, 'height_map is 2 x 3 32FC1; expected 3 x 2 32FC1'),
        ({'encoding': '64FC1'}, 'height_map is 3 x 2 64FC1; expected 3 x 2 32FC1'),
        ({'encoding': ''}, 'height_map is 3 x 2 no encoding; expected 3 x 2 32FC1'),
        ({'data': bytes(20)}, 'height_map has 20 bytes; expected 24'),
        ({'data': bytes(23)}, 'height_map has 23 bytes; expected 24'),
    ],
)
def test_a_height_map_of_another_size_or_encoding_is_named(robot, state, changes, sentence):
    message: Image = messages.height_map_to_msg(robot.height_map, state)
    for field, value in changes.items():
        setattr(message, field, value)
    with pytest.raises(ConfigError) as caught:
        messages.height_map_from_msg(robot.height_map, message)
    assert str(caught.value) == sentence


def test_a_velocity_command_survives():
    message = messages.command_to_msg(STAMP, np.array([0.5, -0.1, 0.2]))
    np.testing.assert_array_equal(messages.twist_array(message), [0.5, -0.1, 0.2])
    assert message.header.frame_id == 'base'
    assert messages.stamp_ns(message) == STAMP


def test_a_joint_command_survives_with_its_joints_in_another_order(robot):
    command = JointCommand(stamp_ns=STAMP, position=np.array([0.1, 0.2, 0.3]))
    message = messages.joint_command_to_msg(robot, command)
    message.joint_names = ['calf', 'hip', 'thigh']
    message.points[0].positions = [0.3, 0.1, 0.2]
    received = messages.joint_command_from_msg(robot, message)
    assert received.stamp_ns == STAMP
    np.testing.assert_array_equal(received.position, command.position)


def test_a_command_without_positions_asks_for_damping(robot):
    message = messages.joint_command_to_msg(robot, JointCommand(stamp_ns=STAMP, position=None))
    assert list(message.points[0].positions) == []
    assert list(message.points[0].velocities) == [0.0, 0.0, 0.0]
    assert messages.joint_command_from_msg(robot, message).position is None


def test_a_joint_command_of_several_points_or_too_few_positions_is_refused(robot):
    names = list(robot.joint_names)
    two = JointTrajectory(joint_names=names, points=[JointTrajectoryPoint() for _ in range(2)])
    with pytest.raises(ConfigError, match='joint_command has 2 points; expected 1'):
        messages.joint_command_from_msg(robot, two)
    short = JointTrajectory(joint_names=names, points=[JointTrajectoryPoint(positions=[0.1])])
    with pytest.raises(ConfigError, match='joint_command has 1 positions for 3 names'):
        messages.joint_command_from_msg(robot, short)


def test_a_plan_is_stamped_with_its_observation_and_starts_after_its_delay(robot):
    positions = np.arange(12.0).reshape(4, 3)
    message = messages.plan_to_msg(robot, STAMP, 2, positions)
    assert messages.stamp_ns(message) == STAMP
    starts = [messages.duration_ns(point.time_from_start) for point in message.points]
    assert starts == [40_000_000, 60_000_000, 80_000_000, 100_000_000]
    np.testing.assert_array_equal(messages.planned_positions(robot, message), positions)


def test_a_plan_is_read_by_joint_name(robot):
    message = messages.plan_to_msg(robot, STAMP, 0, np.array([[0.1, 0.2, 0.3]]))
    message.joint_names = ['thigh', 'calf', 'hip']
    np.testing.assert_array_equal(messages.planned_positions(robot, message), [[0.3, 0.1, 0.2]])


def test_a_plan_without_points_is_no_plan_but_still_answers_its_observation(robot):
    message = messages.plan_to_msg(robot, STAMP, 1, np.zeros((0, 3)))
    assert messages.stamp_ns(message) == STAMP
    assert list(message.points) == []
    assert messages.planned_positions(robot, message).shape == (0, 3)


def test_a_plan_with_a_point_of_another_size_is_refused(robot):
    message = messages.plan_to_msg(robot, STAMP, 0, np.zeros((2, 3)))
    message.points[1].positions = [0.0, 0.0]
    with pytest.raises(ConfigError, match=r'plan has points of \[2, 3\] positions; expected 3'):
        messages.planned_positions(robot, message)


def test_diagnostics_write_floats_short_and_all_else_as_it_is():
    message = messages.diagnostics(
        messages.time_msg(STAMP),
        'planner',
        'tick',
        {'plan_ms': 12.3456789, 'ticks': 1_000_000_000, 'source': 'mppi'},
        DiagnosticStatus.WARN,
    )
    (status,) = message.status
    assert (status.name, status.message, status.level) == ('planner', 'tick', b'\x01')
    values = {pair.key: pair.value for pair in status.values}
    assert values == {'plan_ms': '12.3457', 'ticks': '1000000000', 'source': 'mppi'}
