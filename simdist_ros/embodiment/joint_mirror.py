"""Which joint is which in a mirror that exchanges left and right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting

__all__ = ['JointMirror', 'check_joint_mirrors', 'check_mirror', 'exchanged']


@dataclass(frozen=True, kw_only=True)
class JointMirror(Settings):
    """The mirror image of one joint."""

    mirror: str = setting('', 'The joint that it is in a mirror.')
    sign: float = setting(1.0, 'Of its angle in the mirror, 1 or -1.', low=-1.0, high=1.0)

    def __post_init__(self) -> None:
        """Check the sign: a mirror neither shrinks nor hides."""
        super().__post_init__()
        if abs(self.sign) != 1.0:
            raise ConfigError(f'{type(self).__name__}.sign is {self.sign:g}; it must be 1 or -1')


def exchanged(joints: Mapping[str, JointMirror]) -> tuple[list[int], list[float]]:
    """Return index and sign of one number per joint in the mirror, in their order."""
    names = list(joints)
    index = [names.index(joint.mirror) for joint in joints.values()]
    return index, [joint.sign for joint in joints.values()]


def check_joint_mirrors(joints: Mapping[str, JointMirror], path: Path) -> None:
    """Refuse joints that are not each other's mirror image, with one sign."""
    check_mirror('joint', {name: joint.mirror for name, joint in joints.items()}, path)
    for name, joint in joints.items():
        image = joints[joint.mirror]
        if joint.sign != image.sign:
            raise ConfigError(
                f'{path}: {name} has sign {joint.sign:g}, its mirror image {joint.mirror} has '
                f'{image.sign:g}; they must be the same'
            )


def check_mirror(kind: str, mirror: Mapping[str, str], path: Path) -> None:
    """Refuse a mirror that does not lead back: it would teach two gaits at once."""
    for name, image in mirror.items():
        if mirror.get(image) != name:
            raise ConfigError(
                f'{path}: the mirror image of {kind} {name!r} is {image!r}, whose own is '
                f'{mirror.get(image)!r}; each must name the other'
            )
