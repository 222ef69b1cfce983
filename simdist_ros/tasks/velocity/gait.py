"""The gait that training starts from and rewards: who swings when, and which joints do it."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.joint_mirror import JointMirror

__all__ = ['Foot', 'Swing']


@dataclass(frozen=True, kw_only=True)
class Foot(Settings):
    """One foot of the gait."""

    swing_start: float = setting(
        0.0, 'Phase at which it lifts off; it swings for half a period.', low=0.0, high=1.0
    )
    mirror: str = setting('', 'The foot that it is in a mirror.')


@dataclass(frozen=True, kw_only=True)
class Swing(JointMirror):
    """One joint: its mirror image, and its part in the gait that training starts from."""

    foot: str = setting('', 'The foot whose swing moves it.')
    lift: float = setting(0.0, 'What the swing adds to its action, in policy units.')
