"""Serialised messages, as long as other writers leave them."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

from rosbags.serde import SerdeError

__all__ = ['decode_cdr']

HEADER = 4  # bytes that name the encoding
SPARE = 64  # bytes that may follow a message


def decode_cdr(store: Any, data: bytes, kind: str) -> Any:
    """Return a message, whatever follows its last field.

    `rclpy.serialization.serialize_message`, with which the recorders of ROS's Python tutorials
    write, reserves up to eight bytes for each empty or short sequence and gives them away unset.

    Args:
        store: A type store of rosbags that knows the type.
        data: Encapsulation and fields, little or big endian.
        kind: Name of the type.

    Raises:
        SerdeError: The data is of another encoding, too short, or far too long for the type.
    """
    try:
        return store.deserialize_cdr(data, kind)
    except SerdeError:
        if len(data) < HEADER or data[0] != 0 or data[1] > 1:
            raise
        definition = store.get_msgdef(kind)
        read = definition.deserialize_cdr_le if data[1] else definition.deserialize_cdr_be
        with contextlib.suppress(struct.error, ValueError):  # too short: the error above says so
            message, end = read(data[HEADER:], 0, definition.cls, store)
            if end + HEADER + SPARE >= len(data):
                return message
        raise
