"""A robot's MJCF: read, compared with the robot's description, and driven by PD laws of ours.

Whatever the simulation takes a file to have is looked at here; what differs is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import mujoco
import numpy as np

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.embodiment.robot import Robot

__all__ = ['BASE_BODY', 'FOOT', 'mjcf_files', 'read_mjcf']

BASE_BODY = 1
FOOT = '_foot'  # ends the names of feet
GROUND_BIT = 1  # contype of the ground, that a geom's conaffinity must share
GRAVITY_MPS2 = 9.81
RANGE_SLACK_RAD = 0.01
WIDEST_RAD = 4.0 * np.pi  # no joint turns farther; numbers in degrees do
BASE_RULE = 'the first body must be the base, with a <freejoint/> and no other joint'
FREE = mujoco.mjtJoint.mjJNT_FREE


def mjcf_files(robot: Robot) -> list[Path]:
    """Return a robot's MJCF and every file that it includes."""
    return [Path(name) for name in mujoco.mju_getXMLDependencies(str(robot.mjcf_path))]


def read_mjcf(robot: Robot) -> mujoco.MjSpec:
    """Return a robot's MJCF, checked, with every actuator a position drive.

    Gains are not set: they are the description's, and `Motors` writes them.

    Raises:
        ConfigError: The file is missing, damaged, or breaks a rule.
    """
    path = robot.mjcf_path
    if not robot.mjcf:
        raise ConfigError(f'{robot.source}: mjcf is missing; name the MuJoCo model of the robot')
    try:
        model = mujoco.MjModel.from_xml_path(str(path))
        spec = mujoco.MjSpec.from_file(str(path))
    except (ValueError, OSError) as error:
        raise ConfigError(f'{path}: {" ".join(str(error).split())}') from None
    for rule in RULES:
        try:
            rule(robot, model)
        except ConfigError as error:
            raise ConfigError(f'{path}: {error}') from None
    for actuator in spec.actuators:
        if actuator.biastype == mujoco.mjtBias.mjBIAS_NONE:  # a <motor>
            actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        actuator.ctrllimited = mujoco.mjtLimited.mjLIMITED_FALSE  # of a motor, it is a torque
    return spec


def check_base(robot: Robot, model: mujoco.MjModel) -> None:
    """Refuse a base that is not the first body, not alone, or not as free as described."""
    free = np.flatnonzero(model.jnt_type == FREE)
    bodies = [model.body(int(model.jnt_bodyid[joint])).name for joint in free]
    if not robot.has_free_base:
        if bodies:
            raise ConfigError(
                f'body {bodies[0]!r} floats, but base of the description is fixed; take its '
                '<freejoint/> out, or write base: free'
            )
        return
    if not bodies:
        raise ConfigError(
            f'no body has a free joint, so that the base is fixed; {BASE_RULE}, or the '
            'description says base: fixed'
        )
    if len(bodies) > 1:
        raise ConfigError(f'{len(bodies)} bodies float ({", ".join(bodies)}); {BASE_RULE}')
    if free[0] or model.jnt_bodyid[0] != BASE_BODY:
        first = model.body(BASE_BODY).name
        raise ConfigError(f'body {bodies[0]!r} floats, but {first!r} comes first; {BASE_RULE}')
    if model.body_jntnum[BASE_BODY] != 1:
        raise ConfigError(f'the base has {model.body_jntnum[BASE_BODY]} joints; {BASE_RULE}')


def check_joints(robot: Robot, model: mujoco.MjModel) -> None:
    """Refuse other joints than the description lists, or of another kind."""
    driven = np.flatnonzero(model.jnt_type != FREE).tolist()
    names = [model.joint(index).name for index in driven]
    compare(robot, names, 'joints')
    for index, name in zip(driven, names, strict=True):
        if model.jnt_type[index] != mujoco.mjtJoint.mjJNT_HINGE:
            raise ConfigError(f'joint {name!r} is no hinge; only joints that turn can be driven')


def check_actuators(robot: Robot, model: mujoco.MjModel) -> None:
    """Refuse actuators that are no motor and no position drive of one joint each."""
    for index in range(model.nu):
        name = model.actuator(index).name or f'number {index}'
        if model.actuator_trntype[index] != mujoco.mjtTrn.mjTRN_JOINT:
            raise ConfigError(f'actuator {name!r} does not drive a joint; give each joint a motor')
        kind = kind_of(model, index)
        if kind:
            raise ConfigError(
                f'actuator {name!r} is {kind}; use <motor> or <position>, which are driven with '
                'the gains and torque limits of the description'
            )
        if not np.array_equal(model.actuator_gear[index], [1, 0, 0, 0, 0, 0]):
            raise ConfigError(
                f'actuator {name!r} has a gear of {model.actuator_gear[index, 0]:g}; it must be '
                '1, since gains and torque limits of the description are those at the joint'
            )
    compare(robot, [model.joint(joint).name for joint in model.actuator_trnid[:, 0]], 'actuators')
    for joint in robot.joints:
        limit = model.jnt_actfrcrange[model.joint(joint.name).id]
        is_limited = model.jnt_actfrclimited[model.joint(joint.name).id]
        if is_limited and not (limit[0] <= -joint.max_torque and joint.max_torque <= limit[1]):
            raise ConfigError(
                f'joint {joint.name!r} has actuatorfrcrange {limit[0]:g} .. {limit[1]:g} N m, '
                f'which cuts off max_torque {joint.max_torque:g} N m of the description'
            )


def kind_of(model: mujoco.MjModel, index: int) -> str:
    """Say what an actuator is that is neither a motor nor a position drive; else nothing."""
    if model.actuator_dyntype[index] != mujoco.mjtDyn.mjDYN_NONE:
        return 'one with dynamics of its own'
    if model.actuator_gaintype[index] != mujoco.mjtGain.mjGAIN_FIXED:
        return 'one whose gain varies'
    bias = model.actuator_biastype[index]
    if bias == mujoco.mjtBias.mjBIAS_NONE:
        return ''
    if bias != mujoco.mjtBias.mjBIAS_AFFINE:
        return 'one with a bias of its own'
    gain = float(model.actuator_gainprm[index, 0])
    offset, stiffness = (float(number) for number in model.actuator_biasprm[index, :2])
    if stiffness == 0.0 and gain:
        return 'a velocity drive'
    return '' if stiffness == -gain and not offset else 'one with an affine law of its own'


def compare(robot: Robot, names: Sequence[str], what: str) -> None:
    """Refuse other names than the description's, and point out a common prefix."""
    try:
        robot.order(names)
    except ConfigError as error:
        ours = set(robot.joint_names)
        prefixes = {
            name.removesuffix(own) for name in names for own in ours if name.endswith(own)
        } - {''}
        hint = ''
        if len(prefixes) == 1 and len(names) == len(ours):
            hint = f'; the names in the file begin with {prefixes.pop()!r}'
        raise ConfigError(f'{what}: {error}{hint}') from None


def check_ranges(robot: Robot, model: mujoco.MjModel) -> None:
    """Refuse joint ranges in which the robot cannot stand, as those of another unit are."""
    for joint in robot.joints:
        index = model.joint(joint.name).id
        if not model.jnt_limited[index]:
            continue
        low, high = model.jnt_range[index]
        between = f'joint {joint.name!r} has the range {low:.4g} .. {high:.4g} rad'
        unit = 'is `compiler angle` the unit of the file?'
        if max(abs(low), abs(high)) > WIDEST_RAD:
            raise ConfigError(f'{between}, which no joint has; {unit}')
        for pose in ('default', 'stand'):
            at = getattr(joint, pose)
            if not low - RANGE_SLACK_RAD <= at <= high + RANGE_SLACK_RAD:
                raise ConfigError(
                    f'{between}, without the {pose} pose of the description, {at:g} rad; {unit}'
                )


def check_geoms(robot: Robot, model: mujoco.MjModel) -> None:
    """Refuse feet that cannot touch the ground, a ground of its own, or a tool that is none."""
    names = [model.geom(index).name for index in range(model.ngeom)]
    feet = [index for index, name in enumerate(names) if name.endswith(FOOT)]
    for index in feet:
        if not model.geom_conaffinity[index] & GROUND_BIT:
            raise ConfigError(
                f'foot {names[index]!r} cannot touch the ground; its conaffinity must be odd, not '
                f'{model.geom_conaffinity[index]}'
            )
    for index in np.flatnonzero(model.geom_bodyid == 0).tolist():
        if model.geom_contype[index] or model.geom_conaffinity[index]:
            raise ConfigError(
                f'geom {names[index] or index!r} belongs to the ground, which the world supplies; '
                'take it out of the file of the robot'
            )
    sites = [model.site(index).name for index in range(model.nsite)]
    if robot.tool and robot.tool not in sites:
        raise ConfigError(unknown_name('site', robot.tool, sites))


def check_physics(robot: Robot, model: mujoco.MjModel) -> None:
    """Refuse physics of another planet."""
    gravity = np.array([0.0, 0.0, -GRAVITY_MPS2])
    if not np.allclose(model.opt.gravity, gravity, atol=0.02):
        raise ConfigError(f'gravity is {model.opt.gravity.tolist()} m/s2; it must be about -9.81')
    disabled = mujoco.mjtDisableBit
    for bit in (disabled.mjDSBL_CONTACT, disabled.mjDSBL_GRAVITY, disabled.mjDSBL_ACTUATION):
        if model.opt.disableflags & bit:
            raise ConfigError(f'{bit.name.removeprefix("mjDSBL_").lower()} is disabled; enable it')


Rule = Callable[[Robot, mujoco.MjModel], None]
RULES: tuple[Rule, ...] = (
    check_base,
    check_joints,
    check_actuators,
    check_ranges,
    check_geoms,
    check_physics,
)
