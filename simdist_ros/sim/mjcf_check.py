"""Whether a robot's MJCF and its description fit each other, before anything runs."""

from __future__ import annotations

import mujoco
import numpy as np

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.mjcf import BASE_BODY
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot

__all__ = ['check_mjcf', 'check_tool']

STANDING_RAD = 0.5  # from the stand pose, under the robot's own weight
RESTING_RADPS = 1.0
TOOL_M = 1e-6  # between where MuJoCo and the joints' chain have the tool; rounding
POSES = 5


def check_mjcf(robot: Robot) -> None:
    """Check the file, then let the robot stand for a second on level ground.

    What no rule names shows there: wrong masses, gains, limits, heights or axes. It takes less
    than a second.

    Raises:
        ConfigError: The file breaks a rule, or the robot does not stand in its stand pose.
    """
    world = World(start_heading_rad=0.0, start_joint_offset_rad=0.0)
    simulation = SimulatedRobot(robot, world, seed=0)
    check_tool(robot, simulation.model)
    state = simulation.true_state()
    where = f'{robot.mjcf_path}: robot {robot.name!r} does not stand in its stand pose'
    if state.has_fallen:
        raise ConfigError(
            f'{where}: after a second its base is at {state.height_above_ground_m:.2f} m, tilted '
            f'by {state.tilt_rad:.2f} rad; check kp, max_torque, stand and base_height_m of '
            f'{robot.source}'
        )
    off = np.abs(state.joint_pos - robot.per_joint('stand'))
    worst = int(np.argmax(off))
    if not off[worst] <= STANDING_RAD:
        raise ConfigError(
            f'{where}: after a second joint {robot.joint_names[worst]!r} is {off[worst]:.2f} rad '
            f'off; check its kp and max_torque in {robot.source}, and the masses'
            f'{moving(simulation, worst)}{touching(simulation)}'
        )


def moving(simulation: SimulatedRobot, joint: int) -> str:
    """Say that a joint has not come to rest, as where its gains are too high for the time step."""
    speed = float(abs(simulation.true_state().joint_vel[joint]))
    if speed <= RESTING_RADPS:
        return ''
    return (
        f'; it moves at {speed:.1f} rad/s: if it oscillates, set integrator="implicitfast" or a '
        'smaller timestep under option, or give the joint an armature'
    )


def touching(simulation: SimulatedRobot) -> str:
    """Say which two bodies of the robot touch each other, if any do."""
    model = simulation.model
    for contact in simulation.data.contact:
        one, other = (int(model.geom_bodyid[geom]) for geom in contact.geom)
        if 0 not in (one, other):  # the world's
            names = f'{model.body(one).name!r} and {model.body(other).name!r}'
            return f'; bodies {names} touch: if they should not, exclude their contact'
    return ''


def check_tool(robot: Robot, model: mujoco.MjModel) -> None:
    """Compare where MuJoCo has the tool with where its chain of joints has it, in some poses.

    Raises:
        ConfigError: They differ, so that the file places the tool in a way that is not understood.
    """
    if not robot.tool:
        return
    chain, data = tool_chain(robot), mujoco.MjData(model)
    places = [int(model.joint(name).qposadr[0]) for name in robot.joint_names]
    low, high = robot.per_joint('low'), robot.per_joint('high')
    for share in np.random.default_rng(0).random((POSES, robot.num_joints)):
        pose = low + share * (high - low)
        data.qpos[places] = pose
        mujoco.mj_kinematics(model, data)
        base = data.xmat[BASE_BODY].reshape(3, 3)
        place = base.T @ (data.site(robot.tool).xpos - data.xpos[BASE_BODY])
        off = float(np.linalg.norm(place - chain.position(pose)))
        if not off <= TOOL_M:
            raise ConfigError(
                f'{robot.mjcf_path}: MuJoCo has tool {robot.tool!r} {off:.3g} m from where the '
                'joints between base and tool place it; give bodies, joints and site plain '
                'positions and angles, and joints no ref'
            )
