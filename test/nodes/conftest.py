from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Joint, Robot

PERIOD_NS = 20_000_000


@pytest.fixture
def robot() -> Robot:
    """Three joints and a height map of 3 x 2 cells, at 50 Hz."""
    return Robot(
        name='three_joints',
        joints=tuple(replace(Joint(), name=name) for name in ('hip', 'thigh', 'calf')),
        height_map=HeightMap(columns=3, rows=2),
    )


@pytest.fixture
def state() -> RobotState:
    """Every number is another one."""
    return RobotState(
        stamp_ns=1_700_000_000_020_000_000,
        joint_pos=np.array([0.1, 0.2, 0.3]),
        joint_vel=np.array([1.0, 2.0, 3.0]),
        orientation=np.array([0.5, -0.5, 0.5, -0.5]),
        angular_velocity=np.array([0.4, 0.5, 0.6]),
        linear_velocity=np.array([0.7, 0.8, 0.9]),
        height_map=np.array([0.30, 0.31, 0.32, 0.33, 0.34, np.nan]),
    )


def new_context(arguments=None) -> Context:
    context = Context()
    rclpy.init(
        args=['--ros-args', *arguments] if arguments else None,
        context=context,
        signal_handler_options=SignalHandlerOptions.NO,
    )
    return context


@pytest.fixture(scope='module')
def ros_context():
    context = new_context()
    yield context
    rclpy.try_shutdown(context=context)


@pytest.fixture
def make_node(ros_context):
    """Make nodes with parameters given as from outside, or by ROS arguments; none ever spins."""
    nodes, contexts = [], []

    def make(overrides=None, arguments=None) -> Node:
        context = ros_context
        if arguments:
            context = new_context(arguments)
            contexts.append(context)
        node = Node(
            'planner',
            context=context,
            parameter_overrides=[
                Parameter(key, value=value) for key, value in (overrides or {}).items()
            ],
            start_parameter_services=False,
            enable_rosout=False,
        )
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.destroy_node()
    for context in contexts:
        rclpy.try_shutdown(context=context)
