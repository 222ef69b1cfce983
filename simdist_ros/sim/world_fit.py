"""What a world changes of single joints and feet, as numbers of one robot.

The stand-in and the batch that trains take them from here.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.mjcf import BASE_BODY, FOOT, GROUND_BIT, read_mjcf
from simdist_ros.sim.scenes.local_changes import JointChange, matching
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.turned_frame import turned_frame
from simdist_ros.tasks.choice import task_of

__all__ = [
    'JointDrives',
    'check_world',
    'drives_in',
    'foot_friction',
    'joint_changes',
    'refuse_useless_pushes',
    'touching_geoms',
]

Array = NDArray[np.floating[Any]]

SIDES = {'left': 1.0, 'right': -1.0}  # sign of y in the frame of the base
MIDDLE_M = 0.01  # a foot nearer to the middle is on neither side


@dataclass(frozen=True, kw_only=True)
class JointDrives:
    """What drives the joints of a robot in a world, each (num_joints,).

    Attributes:
        kp: Position gains [N m/rad].
        kd: Velocity gains [N m s/rad].
        max_torque: [N m].
        friction_nm: Dry friction [N m].
        zero_offset_rad: What the encoders read too much [rad].
    """

    kp: Array
    kd: Array
    max_torque: Array
    friction_nm: Array
    zero_offset_rad: Array


def drives_in(world: World, robot: Robot) -> JointDrives:
    """Return how a world has a robot's joints.

    Raises:
        ConfigError: It names a joint that the robot does not have, or sets something twice.
    """
    own = joint_changes(robot, world)
    return JointDrives(
        kp=world.kp_scale * own['kp_scale'] * robot.per_joint('kp'),
        kd=world.kd_scale * own['kd_scale'] * robot.per_joint('kd'),
        max_torque=world.motor_strength * own['strength'] * robot.per_joint('max_torque'),
        friction_nm=world.joint_friction_nm + own['friction_nm'],
        zero_offset_rad=own['zero_offset_rad'],
    )


def joint_changes(robot: Robot, world: World) -> dict[str, Array]:
    """Return each setting of `JointChange` for each joint, (num_joints,).

    Raises:
        ConfigError: It names a joint that the robot does not have, or sets something twice.
    """
    fields = {
        field.name: field.default for field in dataclasses.fields(JointChange) if field.metadata
    }
    found = {name: np.full(robot.num_joints, default) for name, default in fields.items()}
    origin: dict[tuple[str, int], str] = {}
    for change in world.joints:
        try:
            places = matching(change.which, robot.joint_names, 'joint')
        except ConfigError as error:
            raise ConfigError(f'{told(world)}: joints: {error}') from None
        for name, default in fields.items():
            value = getattr(change, name)
            for place in places if value != default else ():
                other = origin.setdefault((name, place), change.which)
                if other != change.which:
                    raise ConfigError(
                        f'{told(world)}: joints: {name} of {robot.joint_names[place]!r} is set by '
                        f'{other!r} and by {change.which!r}; set it once'
                    )
                found[name][place] = value
    return found


def touching_geoms(model: mujoco.MjModel) -> list[int]:
    """Return the geoms of the robot that can touch the ground."""
    on_robot = np.isin(model.body_rootid[model.geom_bodyid], model.body_rootid[BASE_BODY])
    touches = on_robot & (model.geom_conaffinity & GROUND_BIT > 0)
    return [int(geom) for geom in np.flatnonzero(touches)]


def foot_friction(robot: Robot, world: World, model: mujoco.MjModel) -> dict[int, float]:
    """Return the friction of each geom that has one of its own.

    Raises:
        ConfigError: The world names a foot or a side that the robot does not have, or one twice.
    """
    geoms = [geom for geom in touching_geoms(model) if model.geom(geom).name]
    names = [model.geom(geom).name for geom in geoms]
    found: dict[int, float] = {}
    for change in world.feet:
        if change.which in SIDES and change.which not in names:
            places = on_side(robot, world, model, change.which)
        else:
            try:
                places = [geoms[i] for i in matching(change.which, names, 'foot')]
            except ConfigError as error:
                raise ConfigError(f'{told(world)}: feet: {error}') from None
        for geom in places:
            if geom in found:
                raise ConfigError(
                    f'{told(world)}: feet: {model.geom(geom).name!r} is named twice, by '
                    f'{change.which!r} too; name it once'
                )
            found[geom] = change.friction
    return found


def on_side(robot: Robot, world: World, model: mujoco.MjModel, side: str) -> list[int]:
    """Return the feet left or right of the middle of a standing robot."""
    data = mujoco.MjData(model)
    for joint in robot.joints:
        data.qpos[model.joint(joint.name).qposadr[0]] = joint.stand
    mujoco.mj_kinematics(model, data)
    base = data.xmat[BASE_BODY].reshape(3, 3)
    feet = [i for i in touching_geoms(model) if model.geom(i).name.endswith(FOOT)]
    y = [(base.T @ (data.geom_xpos[i] - data.xpos[BASE_BODY]))[1] for i in feet]
    found = [i for i, at in zip(feet, y, strict=True) if SIDES[side] * at > MIDDLE_M]
    if not found:
        raise ConfigError(
            f'{told(world)}: feet: robot {robot.name!r} has no foot on its {side} side; feet are '
            f'geoms named *{FOOT}'
        )
    return found


def check_world(robot: Robot, world: World) -> None:
    """Refuse a world that does not fit a robot, before anything runs.

    Raises:
        ConfigError: It names what the robot does not have, or pushes a base that is fixed.
    """
    drives_in(world, robot)
    foot_friction(robot, world, read_mjcf(robot).compile())
    turned_frame(robot, world)
    refuse_missing_fixture(robot, world)
    refuse_useless_pushes(robot, world)


def refuse_useless_pushes(robot: Robot, world: World) -> None:
    """Refuse to push a base that is fixed.

    Raises:
        ConfigError: The world does.
    """
    if world.push_interval_s and not robot.has_free_base:
        raise ConfigError(
            f'{told(world)}: push_interval_s is {world.push_interval_s:g}, but the base of '
            f'{robot.name!r} is fixed and cannot be pushed; leave it out'
        )


def refuse_missing_fixture(robot: Robot, world: World) -> None:
    """Refuse to move a fixture that the robot's task does not have.

    Raises:
        ConfigError: The world does.
    """
    task = task_of(robot)
    for name in ('fixture_shift_m', 'goal_error_m'):
        if task.has_fixture or not getattr(world, name):
            continue
        raise ConfigError(
            f'{told(world)}: {name} is set, but task {task.name!r} of {robot.name!r} has '
            'no fixture; leave it out'
        )


def told(world: World) -> str:
    """Return how error messages call a world."""
    return f'world {world.name!r}' if world.name else 'world'
