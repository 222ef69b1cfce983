from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Joint, Robot
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.settings import SafetySettings

PERIOD_NS = 20_000_000


@pytest.fixture
def robot() -> Robot:
    """Two joints with easy numbers; 10 N m at 20 N m/rad is half a radian."""
    joint = Joint(
        default=0.2, stand=0.5, low=-1.0, high=1.0, max_torque=10.0, max_rate=10.0, kp=20.0, kd=1.0
    )
    return Robot(
        name='two_joints',
        max_tilt_rad=1.0,
        joints=(replace(joint, name='left'), replace(joint, name='right')),
    )


@pytest.fixture
def settings() -> SafetySettings:
    return SafetySettings(fallback_ramp_s=0.3)  # slow enough to be seen


@pytest.fixture
def state():
    """Make the state of a robot that stands at a tick, or what is said of it."""

    def make(tick: float, joint_pos=(0.5, 0.5), joint_vel=(0.0, 0.0), tilt=0.0) -> RobotState:
        return RobotState(
            stamp_ns=round(tick * PERIOD_NS),
            joint_pos=np.array(joint_pos),
            joint_vel=np.array(joint_vel),
            orientation=np.array([np.cos(tilt / 2), np.sin(tilt / 2), 0.0, 0.0]),
            angular_velocity=np.zeros(3),
            linear_velocity=np.zeros(3),
        )

    return make


@pytest.fixture
def plan():
    """Make a plan that answers a tick; its k-th step is `first` + 0.01 k for both joints."""

    def make(tick: float, first=0.5, steps=25, delay=0) -> PlannedSteps:
        positions = first + 0.01 * np.arange(steps)
        return PlannedSteps(
            stamp_ns=round(tick * PERIOD_NS),
            first_effect_ns=round((tick + delay) * PERIOD_NS),
            period_ns=PERIOD_NS,
            positions=np.stack([positions, positions], axis=-1),
        )

    return make
