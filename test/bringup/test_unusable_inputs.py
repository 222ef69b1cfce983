"""Topics as other drivers publish them: a node that gets nothing of them says why."""

from __future__ import annotations

import os

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Vector3
from sensor_msgs.msg import Imu, JointState

from simdist_ros.bringup.graph import NodeSpec
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.messages import topics

from .running import observed, running_nodes


@pytest.fixture(scope='module')
def story(tmp_path_factory):
    """Publish an IMU of another type, then one of the right type and joints, both unstamped."""
    supervisor = NodeSpec(name='supervisor', parameters={'initial_mode': 'walk'})
    robot = load_robot('go2')
    joints = JointState(name=list(robot.joint_names), position=robot.per_joint('stand').tolist())
    joints.velocity = np.zeros(robot.num_joints).tolist()
    with running_nodes(tmp_path_factory.mktemp('inputs'), supervisor) as (_, observer):
        heard = observer.listen(DiagnosticArray, '/diagnostics')

        def said(text, publish=lambda: None):
            heard.clear()

            def found():
                publish()
                statuses = (s for message in heard for s in message.status)
                return next((s for s in statuses if text in s.message), None)

            return observer.until(found, f'the supervisor says {text!r}')

        with observed(int(os.environ['ROS_DOMAIN_ID'])) as other:  # a process has one type a topic
            other.node.create_publisher(Vector3, topics.IMU, 10)
            wrong_type = said('/imu/data is published as geometry_msgs/msg/Vector3 by /observer')
        imu = observer.node.create_publisher(Imu, topics.IMU, 10)
        states = observer.node.create_publisher(JointState, topics.JOINT_STATES, 10)

        def publish():
            imu.publish(Imu())
            states.publish(joints)

        unstamped = said('the stamp of /joint_states stays 0 s', publish)
        yield wrong_type, unstamped


def test_another_type_is_named_in_the_diagnostics_with_the_one_that_is_expected(story):
    wrong_type, _ = story
    assert 'which is not received; expected sensor_msgs/msg/Imu' in wrong_type.message
    assert wrong_type.level == DiagnosticStatus.WARN


def test_unstamped_states_are_named_as_that(story):
    _, unstamped = story
    assert unstamped.message.endswith('stamp each message')
    assert unstamped.level != DiagnosticStatus.OK
