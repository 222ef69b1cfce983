"""Quality of service, by what a topic carries.

State is best effort to a node that reads it for control (a late state is worth nothing), but the
stand-in offers it reliably, so that a logger can ask for every message. In lockstep everything
waits for its answer, so everything is reliable there.
"""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

__all__ = ['COMMAND', 'LATCHED', 'RECORDED', 'RELIABLE', 'state_wanted']

COMMAND = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    liveliness=LivelinessPolicy.AUTOMATIC,
    liveliness_lease_duration=Duration(seconds=2.0),
)

LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)

RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)

RECORDED = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)


def state_wanted(lockstep: bool) -> QoSProfile:
    """Return the profile with which a controller reads the robot's state."""
    if lockstep:
        return RELIABLE
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
