"""Expert, policy head, each with a PI on the velocity, and the planner, in hard worlds."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.options import BenchmarkOptions
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.intervals import mean_interval
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.rivals import METHODS, judge_rival
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.scenes.world import Sensors, World, load_world
from simdist_ros.sim.world_fit import check_world
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.store.checkpoint import find_model, load_model

SENSORS = Sensors(
    joint_pos_noise_rad=0.005,
    joint_vel_noise_radps=0.2,
    orientation_noise_rad=0.005,
    angular_velocity_noise_radps=0.05,
    linear_velocity_noise_mps=0.05,
    height_map_noise_m=0.01,
    height_map_missing=0.02,
    delay_s=0.005,
    height_map_delay_s=0.02,
)
NOMINAL = World(sensors=SENSORS, push_interval_s=4.0, push_speed_mps=0.3, name='nominal')


def beyond(name: str, **changes: Any) -> World:
    """Return nominal ground with changes."""
    return dataclasses.replace(NOMINAL, name=name, **changes)


WORLDS = [
    beyond('weak_motors', motor_strength=0.4, payload_kg=4.0),
    beyond('ice', friction=0.12),
    beyond('slick_slope', terrain='slope', slope_deg=12.0, friction=0.3),
    beyond('bumps_10cm', terrain='rough', rough_height_m=0.1),
    NOMINAL,
]
FIRST_SEED = 7700
SECONDS = 10.0
SPEEDS = (1.0,)
# The planner as it is, and with the policy head's own first action.
SEARCHES = {'': MppiSettings(), '_without_expert': MppiSettings(uses_expert=False)}
COLUMNS = [*METHODS, 'none_without_expert']


def worlds_of(names: tuple[str, ...]) -> list[World]:
    """Return worlds by name or file, pushed as the others are; without names, `WORLDS`."""
    pushes = {'push_interval_s': NOMINAL.push_interval_s, 'push_speed_mps': NOMINAL.push_speed_mps}
    return [dataclasses.replace(load_world(name), **pushes) for name in names] or WORLDS


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each world and method; walks that are done are not walked again."""
    torch.set_num_threads(1)
    robot = load_robot('go2')
    folder = find_model(options.model)
    loaded, recipe = load_model(folder, robot), load_recipe(robot)
    worlds = worlds_of(options.worlds)
    for world in worlds:
        check_world(robot, world)
    cases = list(
        itertools.product(
            options.delays, options.speeds or SPEEDS, worlds, options.methods or COLUMNS
        )
    )
    seconds = options.seconds or SECONDS
    log = Path(options.out) / f'rivals-{loaded.manifest.identity}.jsonl'
    walks = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {key(row) for row in walks}
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        for delay, speed, world, column in cases:
            about = {
                'delay_steps': delay,
                'speed': speed,
                'world': world.name,
                'method': column,
                'minutes': 0.0,
                'seconds': seconds,
                'seed': seed,
            }
            if key(about) in done:
                continue
            asked = PlannedWalk(
                world=world,
                seed=seed,
                command=tuple(task_of(robot).trial(speed, seed).tolist()),
                seconds=seconds,
                heading_gain=1.0,
            )
            method = column.split('_without')[0]
            search = SEARCHES[column.removeprefix(method)]
            search = dataclasses.replace(search, plan_delay_steps=delay)
            result = judge_rival(robot, recipe, loaded.model, search, method, asked)
            row = {
                **about,
                'progress_m': result.progress_m,
                'fell': result.fell,
                'tracking_error_mps': result.command_error,
                'reward_per_s': result.reward_per_s,
            }
            walks.append(row)
            with log.open('a') as file:
                file.write(json.dumps(row) + '\n')
            print(f'{list(about.values())}: {result}', flush=True)
    names = [world.name for world in worlds]
    return summarise([row for row in walks if row['seconds'] == seconds], names)


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what tells a walk from the others of its model."""
    names = ('delay_steps', 'speed', 'world', 'method', 'seed', 'seconds')
    return tuple(row[name] for name in names)


def summarise(walks: list[dict[str, Any]], worlds: list[str]) -> list[dict[str, Any]]:
    """Return means over seeds, and the reward beyond the expert's on the same seeds."""
    rows = []
    groups = sorted({(w['delay_steps'], w['speed']) for w in walks})
    for (delay, speed), world in itertools.product(groups, worlds):
        group = [w for w in walks if (w['delay_steps'], w['speed']) == (delay, speed)]
        here = {
            column: {w['seed']: w for w in group if (w['world'], w['method']) == (world, column)}
            for column in COLUMNS
        }
        for column, found in here.items():
            if not found:
                continue
            shared = [seed for seed in found if seed in here['expert']]
            rewards = np.array(
                [found[s]['reward_per_s'] - here['expert'][s]['reward_per_s'] for s in shared]
            )
            errors = [w['tracking_error_mps'] for w in found.values()]
            errors = [error for error in errors if not math.isnan(error)]
            rows.append(
                {
                    'delay_steps': delay,
                    'speed': speed,
                    'world': world,
                    'method': column,
                    'falls': f'{sum(w["fell"] for w in found.values())} of {len(found)}',
                    'progress_m': mean_of([w['progress_m'] for w in found.values()]),
                    'tracking_error_mps': mean_of(errors),
                    'reward_per_s': mean_of([w['reward_per_s'] for w in found.values()]),
                    'beyond the expert': interval_of(rewards),
                    'walks': list(found.values()),
                }
            )
    return rows


def mean_of(values: list[float]) -> str:
    """Return the mean, or nothing of nothing."""
    return f'{np.mean(values):.3f}' if values else ''


def interval_of(values: NDArray[np.float64]) -> str:
    """Return the mean with its 95 % interval; nothing for the expert beside itself."""
    if len(values) < 2 or not values.any():
        return ''
    found = mean_interval(values)
    return f'{found.mean:+.3f} ({found.low:+.3f} .. {found.high:+.3f})'
