"""Walk without ROS: the same planner and stand-in in one process, for quick comparisons."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simdist_ros.core.options import override_setting, parse_options
from simdist_ros.core.settings import REQUIRED, Settings, setting
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.closed_loop import closed_loop
from simdist_ros.planning.backends.choice import BackendSettings
from simdist_ros.planning.controller import Controller, PlannedTargets
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.sim.environment import velocity_reward
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.tasks.task import Steady
from simdist_ros.tasks.velocity.following import tracking_error


@dataclass(frozen=True, kw_only=True)
class WalkReport:
    """What a walk came to.

    Attributes:
        distance_m: From the first to the last position, along the ground.
        fell: Whether it fell; the walk ends there.
        error_mps: Mean distance of the velocity, averaged over a gait period, from the one asked,
            after the first second.
        reward: Sum of `velocity_reward` over the ticks asked for, by their number; 0 after a fall.
        gain: Mean of what the plans gained over the policy prior, by the model.
        plan_ms: Median and 99th percentile of a tick's planning.
    """

    distance_m: float
    fell: bool
    error_mps: float
    reward: float
    gain: float
    plan_ms: tuple[float, float]


def walk(
    model: str,
    world: str,
    seed: int,
    settings: MppiSettings,
    *,
    seconds: float = 10.0,
    vx: float = 0.5,
    backend: BackendSettings | None = None,
) -> WalkReport:
    """Walk straight on at `vx` [m/s], with the supervisor between plan and joints."""
    robot = load_robot('go2')
    backend = backend or BackendSettings(backend='torch', device='cpu')
    loaded = load_planner(model, robot, settings, seed=seed, backend=backend)
    simulation = SimulatedRobot(robot, load_world(world), seed)
    command = np.array([vx, 0.0, 0.0], dtype=np.float32)
    steps = round(seconds * robot.control_rate_hz)
    truths, plans = [], []
    controller = Controller(robot, loaded.planner)
    for tick in closed_loop(simulation, controller, Steady(command), steps):
        assert isinstance(tick.plan, PlannedTargets), tick.plan
        truths.append(tick.truth)
        plans.append(tick.plan.plan)
        if tick.truth.has_fallen:
            break
    velocity = np.array([truth.linear_velocity[:2] for truth in truths[1:]])
    rewards = [velocity_reward(truth, command) for truth in truths[1:] if not truth.has_fallen]
    times = [plan.elapsed_ms for plan in plans]
    return WalkReport(
        distance_m=float(np.linalg.norm((truths[-1].position - truths[0].position)[:2])),
        fell=truths[-1].has_fallen,
        error_mps=tracking_error(robot, velocity, command[:2]),
        reward=float(np.sum(rewards) / steps),
        gain=float(np.nanmean([plan.gain for plan in plans])),
        plan_ms=(float(np.median(times)), float(np.percentile(times, 99))),
    )


def parse_settings(texts: Sequence[str]) -> MppiSettings:
    """Build the search's settings from ``name=value`` texts.

    Raises:
        ConfigError: A name is unknown or a value is of the wrong type or out of range.
    """
    return MppiSettings.from_mapping(dict(text.partition('=')[::2] for text in texts), '--set')


@dataclass(frozen=True, kw_only=True)
class WalkOptions(Settings):
    """Where to walk, and with which search."""

    model: str = setting(REQUIRED, 'Name or folder of a model.')
    world: str = setting('nominal', 'World.')
    seeds: int = setting(2, 'How many walks.', low=1)
    seconds: float = setting(10.0, 'Length of a walk.', unit='s', above=0.0)
    vx: float = setting(0.5, 'Speed ahead.', unit='m/s')
    threads: int = setting(2, 'CPU threads.', low=1)
    set: tuple[str, ...] = override_setting('NAME=VALUE', 'Setting of the search.')


def main() -> None:
    """Print one line per seed."""
    options = parse_options(WalkOptions, sys.argv[1:], 'python -m benchmarks.closed_loop', __doc__)
    settings = parse_settings(options.set)
    backend = BackendSettings(backend='torch', device='cpu', num_threads=options.threads)
    for seed in range(options.seeds):
        result = walk(
            options.model,
            options.world,
            seed,
            settings,
            seconds=options.seconds,
            vx=options.vx,
            backend=backend,
        )
        median, p99 = result.plan_ms
        print(
            f'seed {seed}: {result.distance_m:.2f} m, fell {result.fell}, error '
            f'{result.error_mps:.3f} m/s, reward {result.reward:.3f}, plan {median:.1f} / '
            f'{p99:.1f} ms, gain {result.gain:+.3f}',
            flush=True,
        )


if __name__ == '__main__':
    main()
