from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simdist_ros.transitions.bags.recorded_topic import Topic, typestore

JOINT_STATES = Topic(name='/joint_states', type='sensor_msgs/msg/JointState', reliable=False)
IMAGE = Topic(name='/height_map', type='sensor_msgs/msg/Image')
STATUS = Topic(name='/mode', type='std_msgs/msg/String', transient_local=True, depth=1)

INFO = {'robot': 'go2', 'model': 'models/go2', 'world': 'nominal'}


@pytest.fixture
def topics() -> list[Topic]:
    return [JOINT_STATES, IMAGE, STATUS]


@pytest.fixture
def info() -> dict[str, str]:
    return dict(INFO)


@pytest.fixture
def joint_state() -> Callable[[int], bytes]:
    """Serialized JointState whose first position is the given number."""
    store = typestore()
    header = store.types['std_msgs/msg/Header']
    time = store.types['builtin_interfaces/msg/Time']
    kind = store.types['sensor_msgs/msg/JointState']

    def make(number: int) -> bytes:
        message = kind(
            header=header(stamp=time(sec=number, nanosec=7), frame_id='base'),
            name=['a', 'b', 'c'],
            position=np.array([number, 0.5, -0.5]),
            velocity=np.array([1.0, 2.0, 3.0]),
            effort=np.array([]),
        )
        return bytes(store.serialize_cdr(message, 'sensor_msgs/msg/JointState'))

    return make


@pytest.fixture
def image() -> Callable[[int], bytes]:
    """Serialized 32FC1 Image of 3 x 5 cells, all of the given value."""
    store = typestore()
    header = store.types['std_msgs/msg/Header']
    time = store.types['builtin_interfaces/msg/Time']
    kind = store.types['sensor_msgs/msg/Image']

    def make(value: int) -> bytes:
        cells = np.full((3, 5), value, dtype=np.float32)
        message = kind(
            header=header(stamp=time(sec=1, nanosec=0), frame_id='base'),
            height=3,
            width=5,
            encoding='32FC1',
            is_bigendian=0,
            step=20,
            data=np.frombuffer(cells.tobytes(), dtype=np.uint8),
        )
        return bytes(store.serialize_cdr(message, 'sensor_msgs/msg/Image'))

    return make
