"""Many robots at once on the CPU: `mujoco.rollout` for the physics, numpy for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from mujoco.rollout import Rollout
from numpy.typing import NDArray

from simdist_ros.core.errors import SimdistError
from simdist_ros.core.robot import Robot
from simdist_ros.pretraining.batch_observation import (
    BatchState,
    Observer,
    height_map,
    phase_of,
)
from simdist_ros.pretraining.batch_rotation import into_body
from simdist_ros.pretraining.bumps import PERIOD_M, ground_height
from simdist_ros.pretraining.commands import HOLD_STEPS, draw_commands
from simdist_ros.pretraining.randomisation import PARAMETERS, RobotModels, draw_parameters
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.pretraining.reward import GROUPS, Step, reward_terms
from simdist_ros.pretraining.training_model import FOOT_SENSORS
from simdist_ros.sim.model import steps_per_period

__all__ = ['Observation', 'PretrainingError', 'StepResult', 'VectorEnv']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS
MAX_SPEED = 100.0  # of any coordinate; beyond, the physics has diverged
LET_GO_M = 0.015  # height above its stand from which a robot starts
FLAT = np.array([0.0, 0.0, 1.0])
UNDER_BASE_M = 0.25
CONTACT_N = 1.0
HELD = (
    'state',
    'levels',
    'stamp_ns',
    'delay',
    'steps',
    'next_command',
    'next_push',
    'commands',
    'last_action',
)


class PretrainingError(SimdistError):
    """Training or collection cannot go on; what was saved stays."""


@dataclass(frozen=True)
class Observation:
    """What N robots observe, and what only their simulation knows; float32.

    Attributes:
        proprio_obs: With the sensors' noise, (N, proprio_obs_dim).
        extero_obs: With the sensors' noise, (N, extero_obs_dim).
        command: (N, command_dim).
        last_action: The one executed before, (N, action_dim).
        true_proprio_obs: Without noise.
        true_extero_obs: Without noise.
        privileged: Body and ground as they are, (N, privileged_dim).
    """

    proprio_obs: F32
    extero_obs: F32
    command: F32
    last_action: F32
    true_proprio_obs: F32
    true_extero_obs: F32
    privileged: F32


@dataclass(frozen=True)
class StepResult:
    """What a step of N robots gave.

    Attributes:
        observation: After it, before any new start.
        reward: (N,).
        terminated: Who fell, (N,).
        truncated: Whose time was over, (N,).
        diverged: Whose physics failed, (N,); the step is worthless, the robot must start anew.
        tracking: How well the velocity was followed, 0 to 1, (N,).
        terms: Mean of each term of the reward.
    """

    observation: Observation
    reward: F32
    terminated: Mask
    truncated: Mask
    diverged: Mask
    tracking: F32
    terms: dict[str, float]


class VectorEnv:
    """N robots that walk at commanded velocities; the same seed and calls give the same bits.

    Who has ended must be told to start with `reset`; that may change `levels` first.
    """

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        *,
        num_robots: int,
        seed: int,
        threads: int = 1,
        episode_steps: int = 500,
    ) -> None:
        """Build the models and start all robots, at level 0.

        Raises:
            ConfigError: MJCF, description and recipe do not fit each other.
        """
        self.robot, self.recipe, self.num_robots = robot, recipe, num_robots
        self.episode_steps = episode_steps
        self.rng = np.random.default_rng(seed)
        self.models = RobotModels(robot, recipe, num_robots)
        self.observer = Observer(robot, recipe.noise)
        plane = self.models.plane
        self.num_substeps = steps_per_period(plane, robot)
        self.physics_step_ns = robot.period_ns // self.num_substeps
        self.data = [mujoco.MjData(self.models.field) for _ in range(threads)]
        self.pool = Rollout(nthread=threads if threads > 1 else 0)
        n, joints = num_robots, robot.num_joints
        self.state = np.zeros((n, mujoco.mj_stateSize(plane, FULL)))
        mujoco.mj_getState(plane, self.models.data, self.state[0], FULL)
        self.blank = self.state[0].copy()
        self.trace = np.zeros((n, self.num_substeps, self.state.shape[1]))
        self.sensors = np.zeros((n, self.num_substeps, plane.nsensordata))
        self.nq = plane.nq
        self.velocity_at = 1 + plane.nq
        self.default = robot.per_joint('default')
        self.low, self.high = robot.per_joint('low'), robot.per_joint('high')
        self.swing_start = np.array([foot.swing_start for foot in recipe.feet.values()])
        self.foot_radius = np.array([plane.geom(name).size[0] for name in recipe.feet])
        cells = np.zeros((0, 2)) if robot.height_map is None else robot.height_map.cells()
        self.under = np.flatnonzero(np.abs(cells).max(axis=1, initial=0.0) <= UNDER_BASE_M)
        self.levels = np.zeros(n)
        self.rough = np.arange(n) < round(recipe.terrain.rough_share * n)
        self.parameters = {name: np.zeros((n, size)) for name, size in PARAMETERS.items()}
        self.bumps: dict[int, F32] = {}
        self.stacked: tuple[NDArray[np.intp], F32] | None = None
        self.penalty_scale = self.command_scale = 1.0
        self.stamp_ns = np.zeros(n, dtype=np.int64)
        self.delay = np.zeros(n, dtype=np.int64)
        self.steps = np.zeros(n, dtype=np.int64)
        self.next_command = np.zeros(n, dtype=np.int64)
        self.next_push = np.zeros(n, dtype=np.int64)
        self.commands = np.zeros((n, len(robot.command_low)))
        self.last_action = np.zeros((n, joints))
        self.observation = self.reset(np.ones(n, dtype=bool))

    def reset(self, who: Mask) -> Observation:
        """Start new episodes of those marked, (N,), and return the observations of all."""
        index = np.flatnonzero(who)
        if len(index):
            drawn = draw_parameters(self.recipe, self.levels[index], self.rough[index], self.rng)
            for name, values in drawn.items():
                self.parameters[name][index] = values
            self.start(index)
            for i in index:
                self.set_model(int(i))
            self.settle(index)
        self.observation = self.observe(self.state, self.stamp_ns)
        return self.observation

    def set_model(self, i: int) -> None:
        """Give one robot the model of its parameters."""
        bumps = self.models.apply(i, {name: value[i] for name, value in self.parameters.items()})
        self.bumps.pop(i, None)
        if bumps is not None:
            self.bumps[i] = bumps
        self.stacked = None

    def rough_ground(self) -> tuple[NDArray[np.intp], F32]:
        """Return who walks on bumps, (R,), and their bumps, (R, cells, cells) [m]."""
        if self.stacked is None:
            index = np.array(sorted(self.bumps), dtype=np.intp)
            squares = [self.bumps[int(i)] for i in index]
            self.stacked = index, np.stack(squares) if squares else np.zeros((0, 1, 1), np.float32)
        return self.stacked

    def start(self, index: NDArray[np.intp]) -> None:
        """Set robots to the start of an episode."""
        n, rng, r = len(index), self.rng, self.recipe.randomisation
        state = np.tile(self.blank, (n, 1))
        yaw = rng.uniform(-np.pi, np.pi, n)
        half = 0.5 * PERIOD_M
        state[:, 1:3] = rng.uniform(-half, half, (n, 2))
        state[:, 4:8] = np.stack([np.cos(yaw / 2), 0 * yaw, 0 * yaw, np.sin(yaw / 2)], axis=1)
        offset = rng.uniform(-r.start_offset_rad, r.start_offset_rad, (n, self.robot.num_joints))
        pose = np.clip(self.robot.per_joint('stand') + offset, self.low, self.high)
        state[:, 1 + self.models.qpos] = pose
        speed = rng.uniform(-0.3, 0.3, (n, 3)) * (rng.random((n, 1)) < 0.5)
        state[:, self.velocity_at : self.velocity_at + 3] = speed
        self.state[index] = state
        period = self.robot.phase_period_s * 1e9
        ticks = round(period / self.physics_step_ns)
        self.stamp_ns[index] = rng.integers(ticks, size=n) * self.physics_step_ns
        self.delay[index] = rng.integers(r.delay_steps + 1, size=n)
        self.steps[index] = 0
        self.commands[index] = draw_commands(self.robot, n, rng, self.command_scale)
        self.next_command[index] = rng.integers(*HOLD_STEPS, size=n)
        self.next_push[index] = self.push_steps(n)
        self.last_action[index] = self.robot.action(pose)

    def settle(self, index: NDArray[np.intp]) -> None:
        """Put robots on the highest ground below them."""
        height = np.zeros(len(index))
        rough, bumps = self.rough_ground()
        where = {int(i): k for k, i in enumerate(rough)}
        reach = np.array([-0.25, -0.15, 0.0, 0.15, 0.25])
        for k, i in enumerate(index):
            if int(i) in where:
                x, y = self.state[i, 1] + reach[:, None], self.state[i, 2] + reach[None, :]
                square = bumps[where[int(i)]][None]
                grid = np.broadcast_arrays(x, y)
                height[k] = ground_height(square, grid[0][None], grid[1][None]).max()
        self.state[index, 3] = self.robot.base_height_m + LET_GO_M + height

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all that changes in time, apart from `rng` and the scales."""
        held = {name: getattr(self, name).copy() for name in HELD}
        held.update({f'parameter.{name}': v.copy() for name, v in self.parameters.items()})
        held.update({f'seen.{name}': v.copy() for name, v in vars(self.observation).items()})
        held['sensors'] = self.sensors[:, -1].copy()
        return held

    def set_state(self, held: dict[str, NDArray[Any]]) -> None:
        """Go on from where `get_state` was called, once `rng` is as it was then."""
        for name in HELD:
            getattr(self, name)[:] = held[name]
        for name, values in self.parameters.items():
            values[:] = held[f'parameter.{name}']
        for i in range(self.num_robots):
            self.set_model(i)
        self.sensors[:, -1] = held['sensors']
        seen = {name: held[f'seen.{name}'] for name in vars(self.observation)}
        self.observation = Observation(**seen)

    def push_steps(self, n: int) -> NDArray[np.int64]:
        """Draw in how many steps the next push comes, (n,)."""
        mean = self.recipe.randomisation.push_interval_s * self.robot.control_rate_hz
        return np.rint(self.rng.uniform(0.5, 1.5, n) * mean).astype(np.int64)

    def step(self, action: Array) -> StepResult:
        """Act for one control period.

        Args:
            action: Policy units, (N, action_dim); what the joints' limits leave of it is executed.

        Raises:
            PretrainingError: An action is not finite.
        """
        if not np.isfinite(action).all():
            raise PretrainingError(
                'an action is not finite: the policy has diverged; go on from an earlier '
                'checkpoint with a smaller learning rate'
            )
        before = self.state.copy()
        self.push()
        target = np.clip(self.robot.joint_target(action), self.low, self.high)
        self.advance(target)
        after = self.trace[:, -1]
        diverged = self.has_diverged(after)
        self.state = np.where(diverged[:, None], before, after)
        self.trace[diverged] = before[diverged, None]
        self.sensors[diverged] = 0.0
        self.stamp_ns = self.stamp_ns + self.robot.period_ns
        self.steps += 1
        self.wrap()
        return self.finish(self.robot.action(target), target, diverged)

    def has_diverged(self, after: Array) -> Mask:
        """Tell whose state, (N, state size), or feeling is beyond all reason, (N,)."""
        slow = (np.abs(after[:, self.velocity_at :]) < MAX_SPEED).all(axis=1)  # NaN is not
        sane = np.isfinite(after).all(axis=1) & slow & np.isfinite(self.sensors[:, -1]).all(axis=1)
        diverged: Mask = ~np.asarray(sane)
        return diverged

    def advance(self, target: Array) -> None:
        """Run the physics of a control period into `trace` and `sensors`."""
        control = np.empty((self.num_robots, self.num_substeps, self.robot.num_joints))
        control[:, :, self.models.actuators] = target[:, None]
        self.pool.rollout(
            self.models.models,
            self.data,
            self.state,
            control,
            nstep=self.num_substeps,
            state=self.trace,
            sensordata=self.sensors,
        )

    def push(self) -> None:
        """Push those whose time has come."""
        index = np.flatnonzero(self.steps >= self.next_push)
        if not len(index):
            return
        angle = self.rng.uniform(-np.pi, np.pi, len(index))
        limit = self.recipe.randomisation.push_speed_mps
        speed = self.rng.uniform(0.0, limit, len(index))
        at = self.velocity_at
        self.state[index, at] += speed * np.cos(angle)
        self.state[index, at + 1] += speed * np.sin(angle)
        self.next_push[index] = self.steps[index] + self.push_steps(len(index))

    def wrap(self) -> None:
        """Set who left the square back by a period; the sensors' positions go along."""
        moved = -PERIOD_M * np.floor(self.state[:, 1:3] / PERIOD_M + 0.5)
        self.state[:, 1:3] += moved
        self.trace[:, :, 1:3] += moved[:, None]
        for foot in range(len(self.swing_start)):
            at = foot * FOOT_SENSORS
            self.sensors[:, -1, at : at + 2] += moved

    def finish(self, action: Array, target: Array, diverged: Mask) -> StepResult:
        """Score the step that just ended and observe."""
        now = self.batch_state(self.state, self.stamp_ns)
        heights = self.heights(now)
        terms = reward_terms(self.recipe.rewards, self.describe(now, heights, action, target))
        total = sum(v if k in GROUPS else self.penalty_scale * v for k, v in terms.items())
        fallen = self.has_fallen(now, heights)
        reward = np.where(fallen | diverged, 0.0, self.robot.period_s * np.asarray(total))
        self.last_action = np.where(diverged[:, None], self.last_action, action)
        due = np.flatnonzero(self.steps >= self.next_command)
        if len(due):
            scale = self.command_scale
            self.commands[due] = draw_commands(self.robot, len(due), self.rng, scale)
            self.next_command[due] = self.steps[due] + self.rng.integers(
                *HOLD_STEPS, size=len(due)
            )
        delayed = self.trace[np.arange(self.num_robots), -1 - self.delay]
        stamps = self.stamp_ns - self.delay * self.physics_step_ns
        self.observation = self.observe(delayed, stamps, heights)
        ended = self.steps >= self.episode_steps
        return StepResult(
            observation=self.observation,
            reward=reward.astype(np.float32),
            terminated=fallen & ~diverged,
            truncated=ended & ~fallen & ~diverged,
            diverged=diverged,
            tracking=(terms['velocity'] / self.recipe.rewards.velocity).astype(np.float32),
            terms={name: float(value.mean()) for name, value in terms.items()},
        )

    def batch_state(self, state: Array, stamp_ns: NDArray[np.int64]) -> BatchState:
        """Split states, (N, state size), into what they mean."""
        at = self.velocity_at
        orientation = state[:, 4:8]
        return BatchState(
            stamp_ns=stamp_ns,
            position=state[:, 1:4],
            orientation=orientation,
            linear_velocity=into_body(orientation, state[:, at : at + 3]),
            angular_velocity=state[:, at + 3 : at + 6],
            joint_pos=state[:, 1 + self.models.qpos],
            joint_vel=state[:, at + self.models.qvel],
            up=self.parameters['up'],
        )

    def heights(self, state: BatchState) -> Array:
        """Return the true height maps, (N, cells) [m]."""
        grid = self.robot.height_map
        if grid is None:
            return state.position[:, 2:] / state.up[:, 2:]
        index, bumps = self.rough_ground()
        return height_map(grid, state, bumps, index)

    def base_height(self, state: BatchState, heights: Array) -> Array:
        """Return the height of each base over the mean of the ground below it, (N,) [m]."""
        below = heights[:, self.under] if len(self.under) else heights
        mean: Array = below.mean(axis=1) * state.up[:, 2]
        return mean

    def has_fallen(self, state: BatchState, heights: Array) -> Mask:
        """Tell who is too low, too far tilted, or on its trunk, (N,)."""
        low = ~(self.base_height(state, heights) >= self.robot.fallen_height_m)
        cosine = -into_body(state.orientation, -state.up)[:, 2]
        tilted = cosine < np.cos(self.robot.max_tilt_rad)
        fallen: Mask = low | tilted | (self.sensors[:, -1, -1] > CONTACT_N)
        return fallen

    def feet(self) -> tuple[Array, Array, Array]:
        """Return position, (N, F, 3), velocity, (N, F, 3), and force, (N, F), of the feet."""
        num_feet = len(self.swing_start)
        felt = self.sensors[:, -1, : num_feet * FOOT_SENSORS]
        felt = felt.reshape(self.num_robots, num_feet, FOOT_SENSORS)
        return felt[..., :3], felt[..., 3:6], felt[..., 6]

    def foot_heights(self) -> Array:
        """Return how high the lowest point of each foot is over the ground, (N, F) [m]."""
        position, _, _ = self.feet()
        height: Array = position[..., 2] - self.foot_radius
        index, bumps = self.rough_ground()
        if len(index):
            x, y = position[index, :, 0], position[index, :, 1]
            height[index] -= ground_height(bumps, x, y)
        return height

    def describe(self, now: BatchState, heights: Array, action: Array, target: Array) -> Step:
        """Gather what the reward looks at."""
        kp = self.parameters['kp_scale'] * self.robot.per_joint('kp')
        kd = self.parameters['kd_scale'] * self.robot.per_joint('kd')
        limit = self.parameters['strength'] * self.robot.per_joint('max_torque')
        torque = np.clip(kp * (target - now.joint_pos) - kd * now.joint_vel, -limit, limit)
        _, velocity, force = self.feet()
        phase = phase_of(self.robot, self.stamp_ns)[:, None] - self.swing_start
        return Step(
            command=self.commands,
            linear_velocity=now.linear_velocity,
            angular_velocity=now.angular_velocity,
            normal=into_body(now.orientation, FLAT[None]),
            base_height=self.base_height(now, heights),
            joint_offset=now.joint_pos - self.default,
            joint_vel=now.joint_vel,
            torque=torque,
            action=action,
            last_action=self.last_action,
            foot_contact=force > CONTACT_N,
            foot_height=self.foot_heights(),
            foot_speed=np.linalg.norm(velocity[..., :2], axis=-1),
            foot_phase=phase % 1.0,
        )

    def observe(
        self, state: Array, stamp_ns: NDArray[np.int64], heights: Array | None = None
    ) -> Observation:
        """Observe states, (N, state size), of these stamps; their height maps if known."""
        seen = self.batch_state(state, stamp_ns)
        if heights is None:
            heights = self.heights(seen)
        proprio = self.observer.proprio(seen)
        return Observation(
            proprio_obs=self.observer.noisy(proprio, self.rng),
            extero_obs=self.observer.extero(heights, self.rng),
            command=self.commands.astype(np.float32),
            last_action=self.last_action.astype(np.float32),
            true_proprio_obs=proprio,
            true_extero_obs=self.observer.extero(heights, None),
            privileged=self.privileged(seen, heights),
        )

    def privileged(self, seen: BatchState, heights: Array) -> F32:
        """Return what no sensor says, (N, 11 + 2 F): see `privileged_mirror` for its order."""
        p = self.parameters
        _, _, force = self.feet()
        parts = (
            into_body(seen.orientation, FLAT[None]),
            p['friction'],
            p['payload_kg'] / 3.0,
            10.0 * (p['kp_scale'] - 1.0),
            10.0 * (p['kd_scale'] - 1.0),
            p['strength'],
            20.0 * p['joint_friction_nm'],
            20.0 * p['bump_height_m'],
            10.0 * (self.base_height(seen, heights)[:, None] - self.robot.base_height_m),
            force > CONTACT_N,
            np.clip(10.0 * self.foot_heights(), -2.0, 2.0),
        )
        return np.concatenate(parts, axis=1, dtype=np.float32)
