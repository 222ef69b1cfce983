"""Many robots at once on the CPU: `mujoco.rollout` for the physics, numpy for the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from mujoco.rollout import Rollout
from numpy.typing import NDArray

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.errors import PretrainingError
from simdist_ros.rl.step import Observation, StepResult
from simdist_ros.sim.batch.batch_observation import BatchState, Observer
from simdist_ros.sim.batch.bumps import PERIOD_M
from simdist_ros.sim.batch.episode_start import draw_push_steps, draw_pushes, draw_start
from simdist_ros.sim.batch.fixed_world import CommandLag, parameters_in
from simdist_ros.sim.batch.footing import Footing, find_footing
from simdist_ros.sim.batch.ground import BatchGround
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.sim.batch.privileged_observation import privileged_obs
from simdist_ros.sim.batch.randomisation import RobotModels, draw_parameters
from simdist_ros.sim.batch.robot_faults import draw_faults
from simdist_ros.sim.batch.settings import BatchSettings
from simdist_ros.sim.batch.state_layout import layout_of
from simdist_ros.sim.batch.step_scoring import StepScorer
from simdist_ros.sim.batch.training_model import FOOT_SENSORS
from simdist_ros.sim.model import physics_steps, steps_per_period
from simdist_ros.sim.range_finders import RangeFinders
from simdist_ros.sim.scenes.world import World
from simdist_ros.tasks.choice import task_of

__all__ = ['VectorEnv']

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

LET_GO_M = 0.015  # height above its stand from which a robot starts
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
    'executed',
    'plan_delay',
    'told',
    'felt',
)


class VectorEnv:
    """N robots that do what they are told; the same seed and calls give the same bits.

    Who has ended must be told to start with `reset`; that may change `levels` first.
    With `mixture`, robot i has body and ground of the ranges of entry i, modulo its length. In a
    `world` all have the body, the contacts and the lag of that world, and level ground. With
    `known` their faults are those of these robots.
    """

    def __init__(
        self,
        robot: Robot,
        settings: BatchSettings,
        *,
        num_robots: int,
        seed: int,
        threads: int = 1,
        episode_steps: int = 500,
        mixture: Sequence[BatchSettings] = (),
        world: World | None = None,
        known: KnownRobots | None = None,
    ) -> None:
        """Build the models and start all robots, at level 0.

        Raises:
            ConfigError: MJCF, description, settings and world do not fit each other.
        """
        self.robot, self.settings, self.num_robots = robot, settings, num_robots
        self.mixture = tuple(mixture) or (settings,)
        self.episode_steps, self.known = episode_steps, known
        self.rng = np.random.default_rng(seed)
        self.fixed = {} if world is None else parameters_in(world, robot)
        self.models = RobotModels(robot, settings, num_robots, world)
        self.task, self.actions = task_of(robot), action_space_of(robot)
        self.observer, plane = Observer(robot, settings.noise), self.models.plane
        self.range_finders = RangeFinders(plane, robot)
        self.num_substeps = steps_per_period(plane, robot)
        self.physics_step_ns = robot.period_ns // self.num_substeps
        self.data = [mujoco.MjData(self.models.field) for _ in range(threads)]
        self.pool = Rollout(nthread=threads if threads > 1 else 0)
        n, joints = num_robots, robot.num_joints
        self.layout = layout_of(robot, self.models)
        self.ground = BatchGround(robot)
        self.scorer = StepScorer(robot, settings)
        self.state = np.zeros((n, self.layout.size))
        self.trace = np.zeros((n, self.num_substeps, self.layout.size))
        self.sensors = np.zeros((n, self.num_substeps, plane.nsensordata))
        self.low, self.high = robot.per_joint('low'), robot.per_joint('high')
        self.foot_radius = np.array([plane.geom(name).size[0] for name in settings.feet])
        self.levels = np.zeros(n)
        has_bumps = np.array([own.terrain.rough_share > 0.0 for own in self.mixture])
        self.rough = np.arange(n) < round(settings.terrain.rough_share * n)
        self.rough &= has_bumps[np.arange(n) % len(self.mixture)]
        self.parameters = {name: np.zeros((n, size)) for name, size in self.models.sizes.items()}
        self.penalty_scale = self.command_scale = 1.0
        counters = np.zeros((6, n), dtype=np.int64)
        self.stamp_ns, self.delay, self.plan_delay, self.steps = counters[:4]
        self.next_command, self.next_push = counters[4:]
        self.commands = np.zeros((n, self.task.goal.size))
        self.executed = np.zeros((n, self.actions.dim))
        self.last_action = self.executed.copy()  # decided; it acts `plan_delay` steps later
        late = 0 if world is None else physics_steps(plane, world.command_delay_s)
        most = max(own.randomisation.fault_lag_steps for own in self.mixture)
        most = max(most, known.most_lag_steps if known else 0)
        self.lag = CommandLag(late, self.num_substeps, n, joints, most)
        self.told, self.felt = self.lag.told, self.models.felt(self.sensors)
        self.observation = self.reset(np.ones(n, dtype=bool))

    def reset(self, who: Mask) -> Observation:
        """Start new episodes of those marked, (N,), and return the observations of all."""
        index = np.flatnonzero(who)
        if len(index):
            for part, own in enumerate(self.mixture):
                self.draw(own, index[index % len(self.mixture) == part])
            self.start(index)
            for i in index:
                self.set_model(int(i))
            self.settle(index)
        self.observation = self.observe(self.state, self.stamp_ns)
        return self.observation

    def draw(self, settings: BatchSettings, index: NDArray[np.intp]) -> None:
        """Draw what is particular to robots."""
        drawn = draw_parameters(settings, self.levels[index], self.rough[index], self.rng)
        limbs, feet = self.models.limbs, len(settings.feet)
        drawn |= draw_faults(settings.randomisation, limbs, feet, len(index), self.rng)
        drawn |= self.known.draw(index, self.rng) if self.known else {}
        for name, values in (drawn | self.fixed).items():
            self.parameters[name][index] = values

    def set_model(self, i: int) -> None:
        """Give one robot the model of its parameters."""
        parameters = {name: values[i] for name, values in self.parameters.items()}
        self.ground.put(i, self.models.apply(i, parameters, self.commands[i]))

    def start(self, index: NDArray[np.intp]) -> None:
        """Set robots to the start of an episode."""
        drawn = draw_start(
            self.robot,
            self.settings,
            self.layout,
            len(index),
            self.rng,
            physics_step_ns=self.physics_step_ns,
            command_scale=self.command_scale,
            zero_offset=self.parameters['joint_zero_offset_rad'][index],
        )
        for name, values in vars(drawn).items():
            getattr(self, name)[index] = values
        self.steps[index] = 0
        self.felt[index] = 0.0
        self.sensors[index] = self.range_finders.forget(self.sensors[index])
        self.hold(index)

    def hold(self, index: NDArray[np.intp]) -> None:
        """Let robots have been told for long what they have executed, from where they are."""
        read = self.state[index][:, self.layout.joint_pos]
        read = read + self.parameters['joint_zero_offset_rad'][index]
        self.lag.begin(index, self.actions.to_joints(self.executed[index], read))

    def settle(self, index: NDArray[np.intp]) -> None:
        """Put robots on the highest ground below them."""
        places = self.layout.level(self.state)
        ground = np.array([self.ground.highest_below(int(i), places[i]) for i in index])
        self.layout.lift(self.state, index, self.robot.base_height_m + LET_GO_M + ground)

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

    def step(self, action: Array) -> StepResult:
        """Act for one control period.

        Args:
            action: Policy units, (N, action_dim); what the joints' limits leave of it is executed,
                a step later where `plan_delay` is 1.

        Raises:
            PretrainingError: An action is not finite.
        """
        if not np.isfinite(action).all():
            raise PretrainingError(
                'an action is not finite: the policy has diverged; go on from an earlier '
                'checkpoint with a smaller learning rate'
            )
        started = self.state.copy()
        self.push()
        told, late = self.lag.newest.copy(), self.plan_delay[:, None] > 0
        pending = self.actions.to_joints(self.last_action, told)
        before = np.where(late, pending, told)  # what is decided now
        decided = np.clip(self.actions.to_joints(action, before), self.low, self.high)
        target = np.where(late, pending, decided)
        acted = self.advance(target)
        after = self.trace[:, -1]
        diverged = ~(self.layout.is_sane(after) & np.isfinite(self.sensors[:, -1]).all(axis=1))
        self.state = np.where(diverged[:, None], started, after)
        self.trace[diverged] = started[diverged, None]
        self.sensors[diverged] = 0.0
        self.felt = self.models.felt(self.sensors)
        self.stamp_ns = self.stamp_ns + self.robot.period_ns
        self.steps += 1
        self.wrap()
        self.last_action = np.where(
            diverged[:, None], self.last_action, self.actions.from_joints(decided, before)
        )
        return self.finish(self.actions.from_joints(target, told), acted, diverged)

    def advance(self, target: Array) -> Array:
        """Run the physics of a control period into `trace` and `sensors`.

        Returns:
            The target that acted at its end, (N, num_joints) [rad]; a lag makes it an older one.
        """
        control = np.empty((self.num_robots, self.num_substeps, self.robot.num_joints))
        acting = self.lag.spread(target, self.parameters['lag_steps'])
        wrong = self.parameters['joint_zero_offset_rad']
        control[:, :, self.models.actuators] = acting - wrong[:, None]
        self.pool.rollout(
            self.models.models,
            self.data,
            self.state,
            control,
            nstep=self.num_substeps,
            state=self.trace,
            sensordata=self.sensors,
        )
        return acting[:, -1]

    def push(self) -> None:
        """Push those whose time has come."""
        index = np.flatnonzero(self.steps >= self.next_push)
        if not len(index):
            return
        self.layout.push(self.state, index, draw_pushes(self.settings, len(index), self.rng))
        wait = draw_push_steps(self.robot, self.settings, len(index), self.rng)
        self.next_push[index] = self.steps[index] + wait

    def wrap(self) -> None:
        """Set who left the square back by a period; the sensors' positions go along."""
        moved = self.layout.wrap(self.state, self.trace, PERIOD_M)
        for foot in range(len(self.foot_radius)):
            at = foot * FOOT_SENSORS
            self.sensors[:, -1, at : at + 2] += moved

    def finish(self, action: Array, target: Array, diverged: Mask) -> StepResult:
        """Score the step that just ended and observe."""
        now = self.batch_state(self.state, self.stamp_ns)
        heights = self.ground.heights(now)
        footing = self.footing(now, heights)
        step = self.scorer.step(
            now,
            footing,
            command=self.commands,
            action=action,
            last_action=self.executed,
            torque=self.scorer.torque(self.parameters, target, now),
        )
        terms = self.scorer.terms(step)
        total = sum(
            v if k in self.task.earned else self.penalty_scale * v for k, v in terms.items()
        )
        fallen = self.scorer.has_failed(now, footing, step)
        reward = np.where(fallen | diverged, 0.0, self.robot.period_s * np.asarray(total))
        self.executed = np.where(diverged[:, None], self.executed, action)
        self.renew_commands()
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
            tracking=self.task.tracking(self.settings, terms).astype(np.float32),
            terms={name: float(value.mean()) for name, value in terms.items()},
        )

    def renew_commands(self) -> None:
        """Give those a new command whose old one has held long enough."""
        due = np.flatnonzero(self.steps >= self.next_command)
        if len(due):
            self.commands[due] = self.task.draw(len(due), self.rng, self.command_scale)
            hold = self.rng.integers(*self.task.hold_steps, size=len(due))
            self.next_command[due] = self.steps[due] + hold

    def batch_state(self, state: Array, stamp_ns: NDArray[np.int64]) -> BatchState:
        """Split states, (N, state size), into what they mean."""
        return self.layout.read(state, stamp_ns, self.parameters['up'], self.felt, self.commands)

    def footing(self, state: BatchState, heights: Array) -> Footing:
        """Find out how the robots stand, given their true height maps, (N, cells) [m]."""
        return find_footing(self.ground, state, heights, self.sensors[:, -1], self.foot_radius)

    def observe(
        self, state: Array, stamp_ns: NDArray[np.int64], heights: Array | None = None
    ) -> Observation:
        """Observe states, (N, state size), of these stamps; their height maps if known."""
        seen = self.batch_state(state, stamp_ns)
        if heights is None:
            heights = self.ground.heights(seen)
        read = seen.joint_pos + self.parameters['joint_zero_offset_rad']
        proprio = self.observer.proprio(dataclasses.replace(seen, joint_pos=read))
        footing = self.footing(seen, heights)
        around = {'height_map': heights, 'ranges': self.range_finders.read(self.sensors[:, -1])}
        return Observation(
            proprio_obs=self.observer.noisy(proprio, self.rng),
            extero_obs=self.observer.extero(around, self.rng),
            command=self.commands.astype(np.float32),
            last_action=self.last_action.astype(np.float32),
            true_proprio_obs=proprio,
            true_extero_obs=self.observer.extero(around, None),
            privileged=privileged_obs(self.robot, seen, footing, self.parameters),
        )
