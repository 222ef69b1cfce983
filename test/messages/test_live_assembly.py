"""The messages that nodes receive make the same transitions as those of a bag."""

from __future__ import annotations

import array
from dataclasses import replace

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import String

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.messages import to_messages as messages
from simdist_ros.messages import topics
from simdist_ros.transitions.assembly import AssemblySettings, TransitionAssembler
from simdist_ros.transitions.bags.recorded_topic import typestore

PERIOD_NS = 20_000_000
STEPS = 10


def received(robot, state):
    """Yield the messages of a walk as (topic, message), in rclpy's types."""
    robot = replace(
        robot,
        tasks={'velocity': {'command_low': (-1.0, -1.0, -1.0), 'command_high': (1.0, 1.0, 1.0)}},
        proprio_obs=('base_lin_vel', 'base_ang_vel', 'joint_pos', 'joint_vel'),
        max_tilt_rad=3.14,
    )
    yield robot
    yield topics.MODE, String(data='walk')
    for step in range(STEPS + 1):
        stamp = state.stamp_ns + step * PERIOD_NS
        now = replace(state, stamp_ns=stamp, joint_pos=state.joint_pos + 0.01 * step)
        position = np.array([0.0, 0.0, 0.3])
        yield topics.COMMAND_VELOCITY, messages.command_to_msg(stamp, np.array([0.5, 0.0, 0.1]))
        yield topics.JOINT_STATES, messages.joint_state_to_msg(robot, now)
        yield topics.IMU, messages.imu_to_msg(now)
        odometry = (stamp, position, now.orientation, now.linear_velocity, now.angular_velocity)
        yield topics.ODOM, messages.odometry_to_msg(*odometry)
        yield topics.HEIGHT_MAP, messages.height_map_to_msg(robot.height_map, now)
        command = JointCommand(stamp_ns=stamp, position=np.array([0.1, 0.2, 0.25 * step]))
        yield topics.JOINT_COMMAND, messages.joint_command_to_msg(robot, command)
        pair = KeyValue(key='mode', value='walk')
        tick = DiagnosticArray(status=[DiagnosticStatus(values=[pair])])
        tick.header.stamp = messages.time_msg(stamp)
        yield topics.SUPERVISOR_TICK, tick


def assemble(robot, entries):
    assembler = TransitionAssembler(robot, AssemblySettings(min_episode_s=0.1))
    found = [e for topic, message in entries for e in assembler.add(topic, message)]
    return found + assembler.finish(), dict(assembler.discarded)


def as_recorded(value):
    """Return a message of rclpy's types as a bag reader gives it, NumPy arrays for sequences."""
    if hasattr(value, 'get_fields_and_field_types'):
        kind = type(value)
        name = f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'
        fields = {f: as_recorded(getattr(value, f)) for f in kind.get_fields_and_field_types()}
        return typestore().types[name](**fields)
    if isinstance(value, array.array):
        return np.array(value)
    if isinstance(value, list):
        return [as_recorded(item) for item in value]
    return value


def test_received_and_recorded_messages_make_the_same_transitions(robot, state):
    robot, *entries = received(robot, state)
    (live,), discarded = assemble(robot, entries)
    (recorded,), _ = assemble(robot, [(t, as_recorded(m)) for t, m in entries])
    assert discarded == {}
    assert live.num_steps == STEPS
    np.testing.assert_allclose(live.actions[:, 2], np.arange(STEPS), atol=1e-6)
    for name in ('proprio_obs', 'extero_obs', 'actions', 'commands'):
        np.testing.assert_array_equal(getattr(live, name), getattr(recorded, name))
