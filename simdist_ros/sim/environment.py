"""A gymnasium environment: any robot at its task, in any world."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import extero_obs, proprio_obs
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.sim.mjcf_check import check_mjcf
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.tasks.choice import task_of

__all__ = ['ENVIRONMENT_IDS', 'TaskEnv', 'register']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]
Observation = dict[str, F32]

ENVIRONMENT_IDS = ('simdist_ros/Task-v0', 'simdist_ros/Walk-v0')  # the second is the older name
PROPRIO_LIMIT = 100.0  # beyond what any joint or base can reach; gymnasium wants a bound


def register() -> None:
    """Make ``gymnasium.make('simdist_ros/Task-v0')`` work; calling twice does no harm."""
    for name in ENVIRONMENT_IDS:
        if name not in gymnasium.registry:
            gymnasium.register(id=name, entry_point=f'{__name__}:TaskEnv')


class TaskEnv(gymnasium.Env[Observation, F32]):
    """Observations, actions and worlds as the planner meets them; terminated by a failure.

    Observation: ``proprio_obs``, ``command`` and, of what sees its surroundings, ``extero_obs``.
    Action: policy units / `action_range`, within -1 .. 1 as learners want it, in the robot's
    action space; for joint targets: default + action_scale * action_range * action, clipped to
    the joints' limits.
    Reward: `Task.score`, 0 to 1, higher is better; 0 in the step of a fall. An episode is
    truncated after `episode_s`. Command: drawn by the task, or chosen with
    ``reset(options={'command': [...]})``, vx, vy and yaw rate for walking. Of a task with an end,
    ``info['succeeded']`` tells whether it is done.
    """

    metadata: dict[str, Any] = {'render_modes': []}  # noqa: RUF012 - as gymnasium declares it

    def __init__(
        self,
        robot: str = 'go2',
        world: str = 'nominal',
        episode_s: float = 20.0,
        action_range: float = 4.0,
        task: str = '',
    ) -> None:
        """Load a robot and a world.

        Args:
            robot: Name or path of a description.
            world: Name or path of a world.
            episode_s: Length of an episode that does not end in a fall [s].
            action_range: Policy units that an action of 1 stands for.
            task: One of the robot's tasks; empty for its first.

        Raises:
            ConfigError: Robot, its MJCF or world is unknown or breaks a rule.
        """
        self.robot: Robot = load_robot(robot, task)
        check_mjcf(self.robot)
        self.simulation = SimulatedRobot(self.robot, load_world(world), seed=0)
        self.episode_ns = round(episode_s * 1e9)
        self.action_range = action_range
        self.low, self.high = self.robot.per_joint('low'), self.robot.per_joint('high')
        self.actions = action_space_of(self.robot)
        ones = np.ones(self.actions.dim)
        self.action_space: spaces.Space[F32] = box(-ones, ones)
        self.observation_space: spaces.Space[Observation] = observation_space(self.robot)
        self.task = task_of(self.robot)
        self.command: Array = self.task.first_command()
        self.told: Array = self.robot.per_joint('stand')  # joint targets of the step before

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        super().reset(seed=seed)
        drawn = self.task.draw(1, self.np_random)[0]
        given = (options or {}).get('command', drawn)
        self.command = self.task.goal.check(np.asarray(given, dtype=float))
        self.simulation.place_goal(self.command)
        self.simulation.reset(int(self.np_random.integers(2**31)))
        self.told = self.simulation.state().joint_pos
        return self.observe(), {'start_heading_rad': self.simulation.start_heading_rad}

    def step(self, action: F32) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Act for one control period."""
        wanted = self.action_range * np.asarray(action, dtype=float)
        self.told = np.clip(self.actions.to_joints(wanted, self.told), self.low, self.high)
        stamp = self.simulation.state().stamp_ns
        self.simulation.apply(JointCommand(stamp_ns=stamp, position=self.told))
        self.simulation.step()
        state = self.simulation.true_state()
        moved = state.linear_velocity, state.angular_velocity, state.joint_pos
        reward = 0.0 if state.has_fallen else self.task.score(*moved, self.command)
        truncated = state.time_ns >= self.episode_ns
        observation, info = self.observe(), {'position': state.position.copy()}
        done = self.task.succeeded(observation['proprio_obs'], self.command)
        if done is not None:
            info['succeeded'] = bool(done)
        return observation, reward, state.has_fallen, truncated, info

    def observe(self) -> Observation:
        """Return what the sensors say, as the world model sees it."""
        state = self.simulation.state()
        proprio = np.clip(
            proprio_obs(self.robot, state, self.command), -PROPRIO_LIMIT, PROPRIO_LIMIT
        )
        observation = {'proprio_obs': proprio, 'command': self.command.astype(np.float32)}
        if self.robot.modalities:
            observation['extero_obs'] = extero_obs(self.robot, state)
        return observation


def box(low: Any, high: Any) -> Any:
    """Return a space of float32 numbers between two arrays."""
    return spaces.Box(np.asarray(low, np.float32), np.asarray(high, np.float32), dtype=np.float32)


def observation_space(robot: Robot) -> Any:
    """Return the space that a robot's observations lie in."""
    goal = task_of(robot).goal
    proprio = np.full(proprio_obs_dim(robot), PROPRIO_LIMIT)
    parts: dict[str, spaces.Space[Any]] = {
        'proprio_obs': box(-proprio, proprio),
        'command': box(goal.low, goal.high),
    }
    if robot.modalities:
        limit = np.concatenate([np.full(part.size, part.limit) for part in robot.modalities])
        parts['extero_obs'] = box(-limit, limit)
    return spaces.Dict(parts)
