"""Where a robot's tool is, from its joint angles alone: the chain of joints that its MJCF states.

It is read from the XML without MuJoCo, so that a robot in the field computes it as well. Of the
MJCF only what places the bodies between base and tool is understood: `pos` and one of `quat`,
`axisangle` and `euler` of a body, `axis` and `pos` of a joint, `pos` of the tool's site.
"""

from __future__ import annotations

import functools
import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.rotation import cross
from simdist_ros.embodiment.robot import Robot

__all__ = ['ToolChain', 'tool_chain']

Array = NDArray[np.floating[Any]]

OTHER_ORIENTATIONS = ('xyaxes', 'zaxis')
IN_DEFAULTS = ('pos', 'axis', 'quat', 'axisangle', 'euler')


@dataclass(frozen=True)
class Hinge:
    """A joint, in the frame of its body.

    Attributes:
        index: Its place among the robot's joints.
        axis: Unit vector, (3,).
        anchor: A point that the turning leaves where it is, (3,) [m].
    """

    index: int
    axis: Array
    anchor: Array

    def rotation(self, angle: Array) -> Array:
        """Return how it turns the body by angles, (...) [rad], (..., 3, 3)."""
        x, y, z = self.axis.tolist()
        skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        sin, cos = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
        found: Array = np.eye(3) + sin * skew + (1.0 - cos) * (skew @ skew)
        return found


@dataclass(frozen=True)
class Link:
    """A body: its place in the frame of the one before, and the joints that turn it."""

    offset: Array
    rotation: Array
    hinges: tuple[Hinge, ...]


@dataclass(frozen=True)
class ToolChain:
    """The bodies from base to tool.

    Attributes:
        links: From the base, whose frame is the origin, outward.
        site: Of the tool in the frame of the last, (3,) [m].
    """

    links: tuple[Link, ...]
    site: Array

    def position(self, joint_pos: Array) -> Array:
        """Return where the tool is in the frame of the base, (..., 3) [m].

        Args:
            joint_pos: In the robot's order, (..., num_joints) [rad].
        """
        place = np.broadcast_to(self.site, (*joint_pos.shape[:-1], 3))
        for link in reversed(self.links):
            for hinge in reversed(link.hinges):
                arm = place - hinge.anchor
                place = hinge.anchor + turned(arm, hinge.axis, joint_pos[..., hinge.index])
            place = link.offset + place @ link.rotation.T
        return place

    def motion(self, joint_pos: Array) -> tuple[Array, Array, Array]:
        """Return where the tool is, how its body is turned, and what each joint does to it.

        Args:
            joint_pos: In the robot's order, (..., num_joints) [rad].

        Returns:
            In the frame of the base: place, (..., 3) [m]; rotation of the body that carries the
            tool, (..., 3, 3); Jacobian, (..., 6, num_joints), whose rows are x, y, z [m/rad] and
            the turning about them.
        """
        leading = joint_pos.shape[:-1]
        place: Array = np.zeros((*leading, 3))
        rotation: Array = np.broadcast_to(np.eye(3), (*leading, 3, 3))
        found: list[tuple[int, Array, Array]] = []  # joint, its anchor and axis
        for link in self.links:
            place = place + rotation @ link.offset
            rotation = rotation @ link.rotation
            for hinge in link.hinges:
                anchor, axis = place + rotation @ hinge.anchor, rotation @ hinge.axis
                rotation = rotation @ hinge.rotation(joint_pos[..., hinge.index])
                place = anchor - rotation @ hinge.anchor
                found.append((hinge.index, anchor, axis))
        tool = place + rotation @ self.site
        jacobian = np.zeros((*leading, 6, joint_pos.shape[-1]))
        for index, centre, about_axis in found:
            jacobian[..., :3, index] = cross(about_axis, tool - centre)
            jacobian[..., 3:, index] = about_axis
        return tool, rotation, jacobian


def turned(vectors: Array, axis: Array, angle: Array) -> Array:
    """Return vectors, (..., 3), turned about an axis, (3,), by angles, (...) [rad]."""
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    along = (vectors @ axis)[..., None] * axis
    found: Array = along + cos * (vectors - along) + sin * np.cross(axis, vectors)
    return found


def tool_chain(robot: Robot) -> ToolChain:
    """Read the chain of joints from a robot's base to its tool.

    Raises:
        ConfigError: It names no tool, or the MJCF places the tool in a way that is not understood.
    """
    if not robot.tool:
        raise ConfigError(
            f'robot {robot.name!r} names no tool; name a site of its MJCF under tool in its '
            'description'
        )
    path = robot.mjcf_path
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        raise ConfigError(f'{path}: there is no such file') from None
    return read_chain(path, changed, robot.tool, robot.joint_names)


@functools.lru_cache(maxsize=8)
def read_chain(path: Path, changed: int, tool: str, joints: tuple[str, ...]) -> ToolChain:
    """Read a chain from an MJCF that was changed at this time [ns]."""
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, OSError) as error:
        raise ConfigError(f'{path}: cannot be read ({error})') from None
    reader = ChainReader(path, root, joints)
    base = root.find('worldbody/body')
    bodies = [] if base is None else reader.way_to(base, tool)
    if not bodies:
        known = [] if base is None else [site.get('name', '') for site in base.iter('site')]
        raise ConfigError(f'{path}: {unknown_name("site", tool, known)}')
    sites = {site.get('name'): site for site in bodies[-1].findall('site')}
    links = [reader.link(body) for body in bodies]
    origin = Link(np.zeros(3), np.eye(3), links[0].hinges)
    return ToolChain((origin, *links[1:]), numbers(sites[tool].get('pos'), (0.0, 0.0, 0.0)))


class ChainReader:
    """Reads bodies and joints of one MJCF."""

    def __init__(self, path: Path, root: ET.Element, joints: tuple[str, ...]) -> None:
        """Look at what holds for the whole file.

        Raises:
            ConfigError: It says something that is not understood here.
        """
        self.path, self.joints = path, joints
        compiler = root.find('compiler')
        settings = {} if compiler is None else compiler.attrib
        in_degrees = settings.get('angle', 'degree') == 'degree'
        self.unit = math.radians(1.0) if in_degrees else 1.0
        self.sequence = settings.get('eulerseq', 'xyz')
        if root.find('.//include') is not None:
            raise self.refusal('an <include>')
        for kind in ('joint', 'site'):
            for default in root.findall(f'default//{kind}'):
                if set(IN_DEFAULTS) & set(default.attrib):
                    raise self.refusal(f'the place of a {kind} in its defaults')

    def refusal(self, what: str) -> ConfigError:
        """Return the error of what is not understood."""
        return ConfigError(
            f'{self.path}: {what} is not understood where the place of the tool is computed; '
            'write pos, axis and quat at the bodies and joints themselves'
        )

    def way_to(self, body: ET.Element, tool: str) -> list[ET.Element]:
        """Return the bodies from one to that of the tool's site; none if it isn't below it."""
        if any(site.get('name') == tool for site in body.findall('site')):
            return [body]
        for child in body.findall('body'):
            rest = self.way_to(child, tool)
            if rest:
                return [body, *rest]
        return []

    def link(self, body: ET.Element) -> Link:
        """Read a body and its joints."""
        turning = [joint for joint in body.findall('joint') if joint.get('type') != 'free']
        offset = numbers(body.get('pos'), (0.0, 0.0, 0.0))
        return Link(offset, self.rotation(body), tuple(self.hinge(joint) for joint in turning))

    def hinge(self, joint: ET.Element) -> Hinge:
        """Read a joint."""
        name = joint.get('name', '')
        if name not in self.joints or joint.get('type', 'hinge') != 'hinge':
            raise self.refusal(f'joint {name!r}, which is no hinge of the description')
        axis = numbers(joint.get('axis'), (0.0, 0.0, 1.0))
        anchor = numbers(joint.get('pos'), (0.0, 0.0, 0.0))
        return Hinge(self.joints.index(name), axis / np.linalg.norm(axis), anchor)

    def rotation(self, body: ET.Element) -> Array:
        """Return how a body is turned in the frame of the one before, (3, 3)."""
        for name in OTHER_ORIENTATIONS:
            if name in body.attrib:
                raise self.refusal(f'{name} of body {body.get("name")!r}')
        if 'axisangle' in body.attrib:
            *axis, angle = numbers(body.get('axisangle'), ())
            return about(np.array(axis), self.unit * angle)
        if 'euler' in body.attrib:
            found = np.eye(3)
            for letter, angle in zip(self.sequence, numbers(body.get('euler'), ()), strict=True):
                turn = about(np.eye(3)['xyz'.index(letter.lower())], self.unit * angle)
                found = found @ turn if letter.islower() else turn @ found
            return found
        w, *xyz = numbers(body.get('quat'), (1.0, 0.0, 0.0, 0.0))
        return about(np.array(xyz), 2.0 * math.atan2(float(np.linalg.norm(xyz)), w))


def about(axis: Array, angle: float) -> Array:
    """Return the rotation about an axis of any length, (3,), by an angle [rad], (3, 3)."""
    length = np.linalg.norm(axis)
    if length == 0.0:
        return np.eye(3)
    matrix: Array = turned(np.eye(3), axis / length, np.full(3, angle)).T
    return matrix


def numbers(text: str | None, default: tuple[float, ...]) -> Array:
    """Return the numbers of an attribute."""
    return np.array(default if text is None else [float(word) for word in text.split()])
