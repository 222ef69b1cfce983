"""Every number of a message has its place, told by values that all differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.messages.from_messages import (
    height_map_from_msg,
    imu_from_msg,
    joint_command_from_msg,
    joint_state_from_msg,
    odometry_from_msg,
    stamp_ns,
    twist_array,
)

from .walk_messages import height_map, imu, joint_command, joint_state, make, odometry, velocity

ROBOT = load_robot('go2')
STAMP_NS = 7_000_000_013
ORDER = np.random.default_rng(1).permutation(ROBOT.num_joints)  # no pair of joints swapped
NAMES = [ROBOT.joint_names[i] for i in ORDER]
ONE_EACH = np.arange(1.0, ROBOT.num_joints + 1)


def xyz(x, y, z):
    return make('geometry_msgs/msg/Vector3', x=x, y=y, z=z)


def test_a_stamp_is_its_seconds_and_nanoseconds():
    assert stamp_ns(imu(STAMP_NS)) == STAMP_NS


def test_positions_and_velocities_of_the_joints_go_by_name():
    message = replace(
        joint_state(ROBOT, STAMP_NS, 0),
        name=NAMES,
        position=ONE_EACH[ORDER],
        velocity=100.0 + ONE_EACH[ORDER],
    )
    position, joint_vel = joint_state_from_msg(ROBOT, message)
    np.testing.assert_array_equal(position, ONE_EACH)
    np.testing.assert_array_equal(joint_vel, 100.0 + ONE_EACH)


def test_a_joint_state_without_velocities_is_refused():
    message = replace(joint_state(ROBOT, STAMP_NS, 0), velocity=np.zeros(0))
    with pytest.raises(ConfigError, match='0 velocities for 12 names'):
        joint_state_from_msg(ROBOT, message)


def test_a_command_goes_by_name_and_keeps_its_stamp():
    message = replace(joint_command(ROBOT, STAMP_NS, ONE_EACH[ORDER]), joint_names=NAMES)
    command = joint_command_from_msg(ROBOT, message)
    np.testing.assert_array_equal(command.position, ONE_EACH)
    assert command.stamp_ns == STAMP_NS


def test_a_command_of_two_points_is_refused():
    message = joint_command(ROBOT, STAMP_NS, ONE_EACH)
    with pytest.raises(ConfigError, match='2 points; expected 1'):
        joint_command_from_msg(ROBOT, replace(message, points=2 * message.points))


def test_a_quaternion_begins_with_its_scalar_and_angular_velocity_has_three_axes():
    turned = make('geometry_msgs/msg/Quaternion', x=0.2, y=0.4, z=0.8, w=0.4)
    message = replace(imu(STAMP_NS), orientation=turned, angular_velocity=xyz(1.0, 2.0, 3.0))
    orientation, angular = imu_from_msg(message)
    np.testing.assert_array_equal(orientation, [0.4, 0.2, 0.4, 0.8])
    np.testing.assert_array_equal(angular, [1.0, 2.0, 3.0])


def test_odometry_gives_the_position_and_the_linear_velocity():
    message = odometry(STAMP_NS, 4.0)
    message.pose.pose.position.y = 5.0
    message.twist.twist = make(
        'geometry_msgs/msg/Twist', linear=xyz(1.0, 2.0, 3.0), angular=xyz(7.0, 8.0, 9.0)
    )
    position, linear = odometry_from_msg(message)
    np.testing.assert_array_equal(position, [4.0, 5.0, 0.3])
    np.testing.assert_array_equal(linear, [1.0, 2.0, 3.0])


@pytest.mark.parametrize('is_stamped', [True, False])
def test_a_velocity_command_is_forward_sideways_and_turning(is_stamped):
    message = velocity(STAMP_NS, 0.0)
    message.twist = make(
        'geometry_msgs/msg/Twist', linear=xyz(1.0, 2.0, 3.0), angular=xyz(7.0, 8.0, 9.0)
    )
    asked = twist_array(message if is_stamped else message.twist)
    np.testing.assert_array_equal(asked, [1.0, 2.0, 9.0])


@pytest.mark.parametrize('is_bigendian', [0, 1])
def test_a_height_map_keeps_its_cells_in_order_in_either_order_of_bytes(is_bigendian):
    grid = ROBOT.height_map
    cells = np.arange(grid.size, dtype='>f4' if is_bigendian else '<f4')
    message = replace(
        height_map(ROBOT, STAMP_NS, 0.0),
        is_bigendian=is_bigendian,
        data=np.frombuffer(cells.tobytes(), dtype=np.uint8),
    )
    np.testing.assert_array_equal(height_map_from_msg(grid, message), np.arange(grid.size))


def test_a_height_map_that_is_cut_short_is_refused():
    message = height_map(ROBOT, STAMP_NS, 0.0)
    with pytest.raises(ConfigError, match='1256 bytes; expected 1260'):
        height_map_from_msg(ROBOT.height_map, replace(message, data=message.data[:-4]))
