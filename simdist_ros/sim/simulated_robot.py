"""One robot in one world, as its hardware would be: commands in, measurements out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import into_body, projected_gravity, tilt, yaw
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.base import base_of, standing_pose
from simdist_ros.sim.contacts import Contacts
from simdist_ros.sim.coordinates import Coordinates
from simdist_ros.sim.errors import CommandError, SimulationError
from simdist_ros.sim.grip import Grip
from simdist_ros.sim.height_scan import HeightScan
from simdist_ros.sim.model import build_model, physics_steps, steps_per_period
from simdist_ros.sim.motors import Motors
from simdist_ros.sim.range_finders import RangeFinders
from simdist_ros.sim.scenes.fixture import place_fixture
from simdist_ros.sim.scenes.pushes import Pushes
from simdist_ros.sim.scenes.terrain import place_ground
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.sensing import MeasurementNoise, Snapshot, measure
from simdist_ros.sim.turned_frame import turned_frame
from simdist_ros.sim.world_fit import refuse_useless_pushes
from simdist_ros.sim.wrist import Wrist
from simdist_ros.tasks.choice import task_of

__all__ = ['SimulatedRobot', 'TrueState']

Array = NDArray[np.floating[Any]]

DIVERGED = (
    int(mujoco.mjtWarning.mjWARN_BADQPOS),
    int(mujoco.mjtWarning.mjWARN_BADQVEL),
    int(mujoco.mjtWarning.mjWARN_BADQACC),
)
SETTLE_S = 1.0
DROP_M = 0.03  # how far above its standing height the base is let go before it settles


@dataclass(frozen=True, kw_only=True)
class TrueState(Coordinates):
    """What is really so, for reports and rewards; a robot's own software never sees it.

    Attributes:
        linear_velocity: Of the base origin in the base frame, (3,) [m/s].
        joint_torque: That the motors gave in the last physics step, (num_joints,) [N m].
        foot_contact: Whether each foot of `SimulatedRobot.feet` bears on the ground.
        height_above_ground_m: Of the base origin [m]; NaN where there is no ground.
        tilt_rad: Angle of the base's z axis to the vertical [rad].
        wrench: That acts on the tool, (6,) [N, N m]; nothing without its sensor.
        is_done: Whether a task that has an end is done, by where its fixture really is.
        has_fallen: Too low, too far tilted, on its trunk, or failed as only its task knows.
    """

    linear_velocity: Array
    joint_torque: Array
    foot_contact: NDArray[np.bool_]
    height_above_ground_m: float
    tilt_rad: float
    wrench: Array
    is_done: bool
    has_fallen: bool


class SimulatedRobot:
    """A robot, its base free or fixed; the same seed and calls give the same bits."""

    def __init__(
        self, robot: Robot, world: World, seed: int, command: Array | None = None
    ) -> None:
        """Build the simulation and start the first episode, as `reset` does.

        Args:
            robot: The description; its MJCF is found beside it.
            world: Ground, payload, motors and sensors.
            seed: Of all that is random: heading, joint angles, bumps, pushes, sensor noise.
            command: Where the fixture of a task that has one is; None for the task's first.

        Raises:
            ConfigError: The robot's MJCF, control rate or world does not fit its description.
        """
        self.robot, self.world = robot, world
        refuse_useless_pushes(robot, world)
        self.task = task_of(robot)
        self.model = build_model(robot, world)
        self.data = mujoco.MjData(self.model)
        self.motors = Motors(self.model, robot, world)
        self.base = base_of(robot, self.model)
        self.height_scan = HeightScan(self.model, self.data)
        self.contacts = Contacts(self.model)
        self.grip = Grip(self.model, robot, world)
        self.feet = self.contacts.feet
        self.cells = None if robot.height_map is None else robot.height_map.cells()
        self.steps_per_period = steps_per_period(self.model, robot)
        self.physics_step_ns = robot.period_ns // self.steps_per_period
        self.delay_steps = physics_steps(self.model, world.sensors.delay_s)
        self.map_delay_steps = physics_steps(self.model, world.sensors.height_map_delay_s)
        self.command_delay_steps = physics_steps(self.model, world.command_delay_s)
        self.frame = turned_frame(robot, world)
        self.wrist = Wrist(self.model, robot, self.steps_per_period)
        self.range_finders = RangeFinders(self.model, robot)
        self.seeds = np.random.SeedSequence(seed)
        self.command = self.task.first_command() if command is None else np.asarray(command)
        self.reset()

    def reset(self, seed: int | None = None, start: str = '') -> None:
        """Start an episode: stand on level ground, settled, and wait for a command at time 0.

        With a delay in the sensors it starts when the measurement of time 0 has arrived.

        Args:
            seed: Starts the sequence of episodes that this seed stands for; None goes on to the
                next episode of the present one.
            start: How it begins, one of the task's `starts`; empty for the standing pose.
        """
        if seed is not None:
            self.seeds = np.random.SeedSequence(seed)
        rng, ground, pushes, sensors = map(np.random.default_rng, self.seeds.spawn(1)[0].spawn(4))
        limit = self.world.start_heading_rad if self.robot.has_free_base else 0.0
        self.start_heading_rad = float(rng.uniform(-limit, limit))
        place_ground(self.model, self.world, self.start_heading_rad, ground)
        self.grip.begin(self.start_heading_rad, ground)
        self.goal_error_m = self.draw_goal_error(sensors)
        self.place_goal(self.command)
        self.stand(rng, start)
        self.noise = MeasurementNoise(self.robot, self.world.sensors, sensors)
        self.pushes = Pushes(self.world, pushes)
        self.pending: deque[tuple[int, Array | None]] = deque()
        self.step_count = 0
        self.wrist.felt.clear()
        self.frame.begin(self.motors.read(self.data))
        self.past = deque([self.snapshot()], self.delay_steps + self.map_delay_steps + 1)
        self.measured: RobotState | None = None
        self.advance(self.delay_steps)

    def place_goal(self, command: Array) -> None:
        """Put the fixture of a task that has one where a command says, (command_dim,)."""
        self.command = np.asarray(command, dtype=float)
        self.fixture: Array = self.command.copy()
        if self.task.has_fixture:
            self.fixture[:3] += np.array(self.world.fixture_shift_m or np.zeros(3))
            self.fixture[:2] -= self.goal_error_m
            place_fixture(self.model, self.fixture)

    def draw_goal_error(self, rng: np.random.Generator) -> Array:
        """Return by how much a command is off the fixture, x and y [m]."""
        limit = self.world.goal_error_m
        return rng.uniform(-limit, limit, 2) if limit else np.zeros(2)

    def stand(self, rng: np.random.Generator, start: str = '') -> None:
        """Set the robot on the ground and hold the pose in which it begins until it rests."""
        mujoco.mj_resetData(self.model, self.data)
        limit = self.world.start_joint_offset_rad
        pose: Array = self.robot.per_joint('stand') + rng.uniform(
            -limit, limit, self.robot.num_joints
        )
        pose = self.task.start_pose(start or self.task.starts[0], pose, self.fixture, rng)
        height = self.robot.base_height_m + DROP_M
        self.base.set_pose(self.data, standing_pose(height, self.start_heading_rad))
        self.motors.place(self.data, pose)
        self.motors.drive(self.data, pose)
        self.motors.settle()
        mujoco.mj_step(self.model, self.data, physics_steps(self.model, SETTLE_S))
        self.motors.engage()
        self.base.centre(self.data)
        mujoco.mj_forward(self.model, self.data)

    def apply(self, command: JointCommand) -> None:
        """Take a command; it holds, after the world's command delay, until the next one.

        Raises:
            CommandError: It has the wrong size or is not finite; the last one goes on.
        """
        target = command.position
        if target is not None:
            target = self.checked(np.array(target, dtype=float))
        self.pending.append((self.step_count + self.command_delay_steps, target))

    def checked(self, target: Array) -> Array:
        """Return joint targets, (num_joints,) [rad], if they can be followed."""
        if target.shape != (self.robot.num_joints,):
            raise CommandError(
                f'command has {target.size} joint targets; robot {self.robot.name!r} has '
                f'{self.robot.num_joints} joints'
            )
        finite = np.isfinite(target)
        if not finite.all():
            joint = self.robot.joint_names[int(np.argmin(finite))]
            raise CommandError(f'joint target of {joint!r} is not finite; send numbers only')
        return target

    def step(self) -> None:
        """Advance by one control period.

        Raises:
            SimulationError: The physics diverged.
        """
        self.advance(self.steps_per_period)
        self.noise.next()

    def advance(self, steps: int) -> None:
        """Advance by physics steps."""
        for _ in range(steps):
            while self.pending and self.pending[0][0] <= self.step_count:
                self.engage(self.pending.popleft()[1])
            push = self.pushes.due(self.step_count * self.model.opt.timestep)
            if push is not None:
                self.base.push(self.data, push)
            self.grip.update(self.data)
            mujoco.mj_step(self.model, self.data)
            self.wrist.note(self.data)
            self.step_count += 1
            self.past.append(self.snapshot())
        self.measured = None
        if any(self.data.warning[kind].number for kind in DIVERGED):
            raise SimulationError(
                f'physics diverged at {self.time_ns * 1e-9:.3f} s; use softer gains or contact'
            )

    def engage(self, target: Array | None) -> None:
        """Hand joint targets, (num_joints,) [rad], to the motors; None is damping only."""
        if target is None:
            self.motors.damp()
            return
        self.motors.engage()
        self.motors.drive(self.data, self.frame.executed(target))

    @property
    def time_ns(self) -> int:
        """True time since the start [ns]."""
        return self.step_count * self.physics_step_ns

    def snapshot(self) -> Snapshot:
        """Copy the coordinates of this moment."""
        position, orientation, velocity, turning = self.base.motion(self.data)
        return Snapshot(
            time_ns=self.time_ns,
            position=position,
            orientation=orientation,
            world_velocity=velocity,
            angular_velocity=turning,
            joint_pos=self.data.qpos[self.motors.qpos],
            joint_vel=self.data.qvel[self.motors.qvel],
            joint_reading=self.motors.read(self.data),
            wrench=self.wrist.read(),
            ranges=self.range_finders.read(self.data.sensordata),
        )

    def state(self) -> RobotState:
        """Return the newest measurement that has arrived; the same one until the next step."""
        if self.measured is None:
            seen = self.past[max(0, len(self.past) - 1 - self.delay_steps)]
            scanned = self.past[
                max(0, len(self.past) - 1 - self.delay_steps - self.map_delay_steps)
            ]
            self.measured = measure(seen, self.height_map(scanned), self.world.sensors, self.noise)
        return self.measured

    def height_map(self, snapshot: Snapshot) -> Array | None:
        """Return the true height map around a base, (rows * columns,) [m]."""
        if self.cells is None:
            return None
        return self.height_scan.scan(snapshot.position, yaw(snapshot.orientation), self.cells)

    def true_state(self) -> TrueState:
        """Return what is really so at this moment; contacts are one physics step old."""
        now = self.past[-1]
        height = self.height_scan.depth(*now.position.tolist())
        gravity = projected_gravity(now.orientation)
        fallen = self.task.failed(
            gravity,
            height,
            trunk_contact=self.contacts.trunk_contact(self.data),
            without_ground=True,
        )
        lost = self.task.lost(now.joint_pos, now.wrench, self.command)
        return TrueState(
            time_ns=now.time_ns,
            position=now.position,
            orientation=now.orientation,
            linear_velocity=into_body(now.orientation, now.world_velocity),
            angular_velocity=now.angular_velocity,
            joint_pos=now.joint_pos,
            joint_vel=now.joint_vel,
            joint_torque=self.data.actuator_force[self.motors.index],
            foot_contact=self.contacts.foot_contact(self.data),
            height_above_ground_m=height,
            tilt_rad=float(tilt(gravity)),
            wrench=now.wrench,
            is_done=bool(self.task.done(now.joint_pos, self.fixture)),
            has_fallen=bool(fallen | lost),
        )
