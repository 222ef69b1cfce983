"""What a search gains over the policy prior by the model's own return, against what it costs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.closed_loop import parse_settings, walk
from benchmarks.options import BenchmarkOptions
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.planning.backends.choice import BackendSettings
from simdist_ros.planning.controller import Controller, PlannedTargets
from simdist_ros.planning.plan import Observation, Plan
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import find_model, load_model

UPSTREAM = 'SIMDIST_UPSTREAM_GO2'  # environment variable: folder of the published inputs
TICKS = 25
STARTS = ((0, 50), (1, 77), (2, 104), (3, 131))  # seed, tick at which a recording begins
VX = 0.5

Situation = list[Observation]

ABLATIONS: dict[str, dict[str, Any]] = {
    'as set': {},
    'no other commands': {'num_command_steps': 0},
    'num_command_steps 2': {'num_command_steps': 2},
    'command_penalty 0': {'command_penalty': 0.0},
    'command_reach 1': {'command_reach': 1.0},
    'white noise': {'noise_correlation': 0.0},
    'noise_correlation 0.8': {'noise_correlation': 0.8},
    'noise_correlation 0.95': {'noise_correlation': 0.95},
    'elites forgotten': {'reuses_elites': False},
    'elites reused': {'reuses_elites': True},
    'std_momentum 0': {'std_momentum': 0.0},
    'std_momentum 0.5': {'std_momentum': 0.5},
    'inverse_temperature 0': {'inverse_temperature': 0.0},
    'inverse_temperature 4': {'inverse_temperature': 4.0},
    'inverse_temperature 40': {'inverse_temperature': 40.0},
    'no warm start': {'prior_pull': 1.0},
    'no policy proposals': {'num_policy_samples': 0},
    'initial_std 0.3': {'initial_std': 0.3},
}
SIZES = ((0, 0), (0, 1), (16, 1), (16, 2), (32, 2), (64, 2), (32, 4), (128, 4), (450, 8))


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each search: gain on the published and on recorded observations, walks.

    The walks are closed loop, in MuJoCo; their return is a mean reward of 0 to 1.
    """
    torch.set_num_threads(options.threads)
    name = options.model
    model = load_model(find_model(name), load_robot('go2')).model
    sources = {'golden': list(golden()), 'recorded': list(recorded(model, options.world))}
    rows = []
    for search, settings in searches(options):
        row: dict[str, Any] = {
            'search': search,
            'num_samples': settings.num_samples,
            'num_iterations': settings.num_iterations,
            'evaluations': evaluations(settings, model),
        }
        for source, situations in sources.items():
            row |= gains(source, situations, settings, model)
        row |= walks(name, settings, options)
        rows.append(row)
        print(row, flush=True)
    return rows


def searches(options: BenchmarkOptions) -> Iterator[tuple[str, MppiSettings]]:
    """Yield names and settings: all sizes as set, then each ablation at one size."""
    base = parse_settings(options.set)
    if options.ablations:
        for name, changes in ABLATIONS.items():
            yield name, dataclasses.replace(base, **changes)
        return
    for samples, iterations in options.searches or SIZES:
        sizes = {'num_samples': samples, 'num_iterations': iterations}
        proposals = min(base.num_policy_samples, max(1, samples // 16))
        settings = dataclasses.replace(base, **sizes, num_policy_samples=proposals)
        yield f'{samples} x {iterations}', settings


def evaluations(settings: MppiSettings, model: WorldModel) -> int:
    """Return how many plans a tick scores: proposals, last plan, those drawn, the result."""
    if not settings.num_iterations:
        return 0
    planner = Planner(model, settings, torch.Generator())
    drawn = settings.num_candidates * settings.num_iterations if settings.num_drawn else 0
    return planner.proposals.count + 1 + drawn + 1


def gains(
    source: str, situations: list[Situation], settings: MppiSettings, model: WorldModel
) -> dict[str, Any]:
    """Plan through each situation anew; the figures are those of the last tick.

    Its command has settled, as in the middle of a walk.
    """
    settings = dataclasses.replace(settings, command_settling_steps=0)
    last = []
    for seed, situation in enumerate(situations):
        planner = Planner(model, settings, torch.Generator().manual_seed(seed))
        plans = [planner.plan(observation) for observation in situation]
        assert all(isinstance(plan, Plan) for plan in plans)
        last.append(plans[-1])
    if not last:
        return {f'{source}_gain': None, f'{source}_least': None, f'{source}_ess': None}
    values = [plan.gain for plan in last]
    return {
        f'{source}_gain': round(float(np.mean(values)), 4),
        f'{source}_least': round(float(np.min(values)), 4),
        f'{source}_ess': round(float(np.mean([plan.effective_samples for plan in last])), 1),
    }


def walks(model: str, settings: MppiSettings, options: BenchmarkOptions) -> dict[str, Any]:
    """Walk with the search, several seeds; means, and the number of falls."""
    if not options.walks:
        return {}
    backend = BackendSettings(backend='torch', device='cpu', num_threads=options.threads)
    done = [
        walk(model, options.world, seed, settings, vx=VX, backend=backend)
        for seed in range(options.walks)
    ]
    return {
        'walk_return': round(float(np.mean([one.reward for one in done])), 4),
        'walk_error_mps': round(float(np.mean([one.error_mps for one in done])), 3),
        'falls': sum(one.fell for one in done),
        'walk_gain': round(float(np.mean([one.gain for one in done])), 4),
        'median_ms': round(float(np.median([one.plan_ms[0] for one in done])), 1),
    }


def golden() -> Iterator[Situation]:
    """Yield the published smooth inputs, each held for `TICKS` ticks while the plan moves on."""
    folder = Path(os.environ.get(UPSTREAM, Path(__file__).parents[2] / 'shared' / 'upstream_go2'))
    if not (folder / 'golden.npz').is_file():
        return
    with np.load(folder / 'golden.npz') as file:
        arrays = {name: file[name] for name in file.files}
    for batch in np.flatnonzero(arrays['kind'] == 'smooth'):
        for index in range(arrays['in/extero_obs'].shape[1]):
            one = {
                name: arrays[f'in/{name}'][batch, index]
                for name in ('proprio_obs_hist', 'acts_hist', 'extero_obs')
            }
            command = arrays['in/fut_cmds'][batch, index, 0]
            committed = np.zeros((0, one['acts_hist'].shape[-1]), np.float32)
            yield [
                Observation(step=step, command=command, committed=committed, **one)
                for step in range(TICKS)
            ]


def recorded(model: WorldModel, world: str) -> Iterator[Situation]:
    """Yield successive observations of a walk by the policy prior in MuJoCo."""
    robot = load_robot('go2')
    settings = MppiSettings(num_iterations=0)
    for seed, begin in STARTS:
        planner = Recorder(model, settings, torch.Generator().manual_seed(seed))
        controller = Controller(robot, planner)
        simulation = SimulatedRobot(robot, load_world(world), seed)
        command = np.array([VX, 0.0, 0.0], np.float32)
        for _ in range(begin + TICKS):
            state = simulation.state()
            result = controller.tick(state, command)
            assert isinstance(result, PlannedTargets)
            follow(simulation, controller, result, state)
        yield planner.seen[-TICKS:]


class Recorder(Planner):
    """A planner that keeps what it was asked."""

    def __init__(self, *arguments: Any) -> None:
        """Start without any."""
        super().__init__(*arguments)
        self.seen: list[Observation] = []

    def plan(self, observation: Observation) -> Any:
        """Plan, and keep a copy of the observation."""
        arrays = {
            name: np.array(value)
            for name, value in vars(observation).items()
            if isinstance(value, np.ndarray)
        }
        self.seen.append(dataclasses.replace(observation, **arrays))
        return super().plan(observation)


def follow(
    simulation: SimulatedRobot, controller: Controller, result: PlannedTargets, state: Any
) -> None:
    """Let the robot do the plan's first step."""
    command = JointCommand(stamp_ns=state.stamp_ns, position=result.positions[0])
    simulation.apply(command)
    controller.note_executed(command, state.joint_pos)
    simulation.step()
