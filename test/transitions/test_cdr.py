"""Messages are read whatever their writer left behind them."""

from __future__ import annotations

import pytest
from rosbags.serde import SerdeError

from simdist_ros.transitions.bags.cdr import decode_cdr

from .walk_messages import STORE

STRING = 'std_msgs/msg/String'


def serialised(text: str) -> bytes:
    return bytes(STORE.serialize_cdr(STORE.types[STRING](data=text), STRING))


@pytest.mark.parametrize('spare', [b'', b'\0', b'\x24\x7f\x00\x00(\xe9\xf4*', b'x' * 60])
def test_bytes_behind_the_last_field_are_left_out(spare):
    assert decode_cdr(STORE, serialised('walk') + spare, STRING).data == 'walk'


@pytest.mark.parametrize(
    'data',
    [serialised('walk') + b'x' * 80, serialised('walk')[:-3], b'', b'\0\x09\0\0' + b'x' * 20],
)
def test_what_is_far_too_long_too_short_or_of_another_encoding_is_refused(data):
    with pytest.raises(SerdeError):
        decode_cdr(STORE, data, STRING)


@pytest.mark.parametrize('spare', [b'', b'\0' * 8])
@pytest.mark.parametrize('little_endian', [True, False])
def test_messages_of_either_byte_order_are_read(spare, little_endian):
    kind = 'geometry_msgs/msg/Vector3'
    vector = STORE.types[kind](x=1.0, y=-2.5, z=3.0)
    data = bytes(STORE.serialize_cdr(vector, kind, little_endian=little_endian))
    found = decode_cdr(STORE, data + spare, kind)
    assert (found.x, found.y, found.z) == (1.0, -2.5, 3.0)


def test_messages_serialised_by_rclpy_are_read():
    serialization = pytest.importorskip('rclpy.serialization')
    from sensor_msgs.msg import JointState
    from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

    joints = JointState(name=['a', 'bb'], position=[1.0, 2.0])
    data = serialization.serialize_message(joints)
    found = decode_cdr(STORE, data, 'sensor_msgs/msg/JointState')
    assert (found.name, list(found.position), len(found.effort)) == (['a', 'bb'], [1.0, 2.0], 0)
    point = JointTrajectoryPoint(positions=[1.0, 2.0])
    data = serialization.serialize_message(JointTrajectory(joint_names=['a', 'b'], points=[point]))
    found = decode_cdr(STORE, data, 'trajectory_msgs/msg/JointTrajectory')
    assert list(found.points[0].positions) == [1.0, 2.0]
