"""A gymnasium environment: walk at a commanded velocity, on any robot and world."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import extero_obs, proprio_obs
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.sim.mjcf_check import check_mjcf
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState
from simdist_ros.tasks.velocity.following import following
from simdist_ros.tasks.velocity.settings import velocity_goal

__all__ = ['ENVIRONMENT_ID', 'WalkEnv', 'register', 'velocity_reward']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]
Observation = dict[str, F32]

ENVIRONMENT_ID = 'simdist_ros/Walk-v0'
TOLERANCE_MPS = 0.25
TOLERANCE_RADPS = 0.25
TURN_WEIGHT = 0.5
PROPRIO_LIMIT = 100.0  # beyond what any joint or base can reach; gymnasium wants a bound


def register() -> None:
    """Make ``gymnasium.make('simdist_ros/Walk-v0')`` work; calling twice does no harm."""
    if ENVIRONMENT_ID not in gymnasium.registry:
        gymnasium.register(id=ENVIRONMENT_ID, entry_point=f'{__name__}:WalkEnv')


def velocity_reward(state: TrueState, command: Array) -> float:
    """Score one step by how well the velocity follows the command; 0 to 1, higher is better.

    ``exp(-(|v_xy - c_xy| / 0.25)^2)`` and ``exp(-((w_z - c_w) / 0.25)^2)``, weighted 2 : 1.

    Args:
        state: The true state after the step.
        command: vx, vy [m/s] and yaw rate [rad/s] in the base frame, (3,).
    """
    ahead = following(state.linear_velocity[:2], command[:2], TOLERANCE_MPS)
    turn = following(state.angular_velocity[2:], command[2:], TOLERANCE_RADPS)
    return float(ahead + TURN_WEIGHT * turn) / (1.0 + TURN_WEIGHT)


class WalkEnv(gymnasium.Env[Observation, F32]):
    """Observations, actions and worlds as the planner meets them; terminated by a fall.

    Observation: ``proprio_obs``, ``extero_obs`` (for a robot with a height map) and ``command``.
    Action: policy units / `action_range`, within -1 .. 1 as learners want it: joint target =
    default + action_scale * action_range * action, clipped to the joints' limits.
    Reward: `velocity_reward`; 0 in the step of a fall. An episode is truncated after `episode_s`.
    Command: drawn from the robot's range, or chosen with
    ``reset(options={'command': [vx, vy, yaw_rate]})``.
    """

    metadata: dict[str, Any] = {'render_modes': []}  # noqa: RUF012 - as gymnasium declares it

    def __init__(
        self,
        robot: str = 'go2',
        world: str = 'nominal',
        episode_s: float = 20.0,
        action_range: float = 4.0,
    ) -> None:
        """Load a robot and a world.

        Args:
            robot: Name or path of a description.
            world: Name or path of a world.
            episode_s: Length of an episode that does not end in a fall [s].
            action_range: Policy units that an action of 1 stands for.

        Raises:
            ConfigError: Robot, its MJCF or world is unknown or breaks a rule.
        """
        self.robot: Robot = load_robot(robot)
        check_mjcf(self.robot)
        self.simulation = SimulatedRobot(self.robot, load_world(world), seed=0)
        self.episode_ns = round(episode_s * 1e9)
        self.action_range = action_range
        self.low, self.high = self.robot.per_joint('low'), self.robot.per_joint('high')
        ones = np.ones(self.robot.num_joints)
        self.action_space: spaces.Space[F32] = box(-ones, ones)
        self.observation_space: spaces.Space[Observation] = observation_space(self.robot)
        self.goal = velocity_goal(self.robot)
        self.command: Array = np.zeros(self.goal.size)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        super().reset(seed=seed)
        drawn = self.np_random.uniform(self.goal.low, self.goal.high)
        given = (options or {}).get('command', drawn)
        self.command = self.goal.check(np.asarray(given, dtype=float))
        self.simulation.reset(int(self.np_random.integers(2**31)))
        return self.observe(), {'start_heading_rad': self.simulation.start_heading_rad}

    def step(self, action: F32) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Act for one control period."""
        target = self.robot.joint_target(self.action_range * np.asarray(action, dtype=float))
        target = np.clip(target, self.low, self.high)
        stamp = self.simulation.state().stamp_ns
        self.simulation.apply(JointCommand(stamp_ns=stamp, position=target))
        self.simulation.step()
        state = self.simulation.true_state()
        reward = 0.0 if state.has_fallen else velocity_reward(state, self.command)
        truncated = state.time_ns >= self.episode_ns
        info = {'position': state.position.copy()}
        return self.observe(), reward, state.has_fallen, truncated, info

    def observe(self) -> Observation:
        """Return what the sensors say, as the world model sees it."""
        state = self.simulation.state()
        proprio = np.clip(proprio_obs(self.robot, state), -PROPRIO_LIMIT, PROPRIO_LIMIT)
        observation = {'proprio_obs': proprio, 'command': self.command.astype(np.float32)}
        if self.robot.height_map is not None:
            observation['extero_obs'] = extero_obs(self.robot, state)
        return observation


def box(low: Any, high: Any) -> Any:
    """Return a space of float32 numbers between two arrays."""
    return spaces.Box(np.asarray(low, np.float32), np.asarray(high, np.float32), dtype=np.float32)


def observation_space(robot: Robot) -> Any:
    """Return the space that a robot's observations lie in."""
    goal = velocity_goal(robot)
    proprio = np.full(proprio_obs_dim(robot), PROPRIO_LIMIT)
    parts: dict[str, spaces.Space[Any]] = {
        'proprio_obs': box(-proprio, proprio),
        'command': box(goal.low, goal.high),
    }
    if robot.height_map is not None:
        clip = np.full(robot.height_map.size, robot.height_map.clip_m)
        parts['extero_obs'] = box(-clip, clip)
    return spaces.Dict(parts)
