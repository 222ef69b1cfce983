"""Walk without ROS: the same planner and stand-in in one process, for quick comparisons."""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from simdist_ros.core.robot import load_robot
from simdist_ros.planning.backends.choice import BackendSettings
from simdist_ros.planning.controller import Controller, PlannedTargets
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.sim.world import load_world


def walk(model: str, world: str, seed: int, settings: MppiSettings, seconds: float, vx: float):
    """Return distance [m], whether it fell, mean error [m/s] and plan times [ms]."""
    robot = load_robot('go2')
    loaded = load_planner(
        model,
        robot,
        settings,
        seed=seed,
        backend=BackendSettings(
            backend='torch', device='cpu', num_threads=torch.get_num_threads()
        ),
    )
    controller = Controller(robot, loaded.planner)
    simulation = SimulatedRobot(robot, load_world(world), seed)
    command = np.array([vx, 0.0, 0.0], dtype=np.float32)
    start, velocities, times, fell = simulation.true_state().position, [], [], False
    gains = []
    supervision = Supervision(robot, SafetySettings(), Mode.WALK)
    for _ in range(round(seconds * robot.control_rate_hz)):
        state = simulation.state()
        began = time.perf_counter()
        result = controller.tick(state, command)
        times.append(1e3 * (time.perf_counter() - began))
        if not isinstance(result, PlannedTargets):
            print('no plan', result)
            break
        gains.append(result.plan.gain)
        supervision.on_state(state)
        supervision.on_plan(
            PlannedSteps(
                stamp_ns=state.stamp_ns,
                first_effect_ns=state.stamp_ns,
                period_ns=robot.period_ns,
                positions=result.positions,
            )
        )
        joint_command = supervision.command(state.stamp_ns).command
        simulation.apply(joint_command)
        controller.note_executed(joint_command, state.joint_pos)
        simulation.step()
        truth = simulation.true_state()
        velocities.append(truth.linear_velocity)
        if truth.has_fallen:
            fell = True
            break
    distance = float(np.linalg.norm((truth.position - start)[:2]))
    smooth = np.array([np.convolve(v, np.ones(25) / 25, 'valid') for v in np.array(velocities).T])
    error = float(np.mean(np.linalg.norm(smooth[:2].T - command[:2], axis=1)))
    return distance, fell, error, np.median(times), np.percentile(times, 99), np.mean(gains)


def main() -> None:
    """Print one line per seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', required=True)
    parser.add_argument('--world', default='nominal')
    parser.add_argument('--seeds', type=int, default=2)
    parser.add_argument('--seconds', type=float, default=10.0)
    parser.add_argument('--vx', type=float, default=0.5)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--set', action='append', default=[])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    values = {}
    for text in options.set:
        key, value = text.split('=')
        values[key] = type(getattr(MppiSettings(), key))(value)
    settings = MppiSettings(**values)
    for seed in range(options.seeds):
        result = walk(options.model, options.world, seed, settings, options.seconds, options.vx)
        distance, fell, error, median, p99, gain = result
        print(
            f'seed {seed}: {distance:.2f} m, fell {fell}, error {error:.3f} m/s, plan '
            f'{median:.1f} / {p99:.1f} ms, gain {gain:+.3f}',
            flush=True,
        )


if __name__ == '__main__':
    main()
