"""What the gate says of models adapted at 1.0 m/s, and how they walk there and where they knew."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from benchmarks.options import BenchmarkOptions
from simdist_ros.adaptation.adapt import adapt, data_of_episodes
from simdist_ros.adaptation.nominal_walks import nominal_walks
from simdist_ros.adaptation.settings import FinetuneSettings, NominalSettings
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.evaluation.judged_walk import JudgedWalk
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.rivals import judge_rival
from simdist_ros.evaluation.settings import NONE
from simdist_ros.studies.collect import collect, first_minutes
from simdist_ros.studies.jobs import JUDGING, Collect, walk_seed
from simdist_ros.studies.settings import NOMINAL, PRESETS, BenchSettings, bench_world
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import LoadedModel, find_model, load_model

WORLDS = ('weak_motors', 'ice')
SPEED_MPS, MINUTES, SECONDS = 1.0, 4.0, 20.0
TRIED = {'world': SPEED_MPS, 'nominal': SPEED_MPS, 'nominal_slow': 0.5}  # speeds


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each world and seed; with `--ablations` one without rehearsal too."""
    robot = load_robot('go2')
    parent = load_model(find_model(options.model), robot)
    usual = PRESETS['cpu']
    settings = dataclasses.replace(
        usual, trial=dataclasses.replace(usual.trial, walk_speeds=(SPEED_MPS,))
    )
    variants = [settings.nominal]
    if options.ablations:
        variants.append(NominalSettings(rounds=0))
    rows = []
    for seed in range(options.seeds):
        for world in WORLDS:
            folder = options.out / 'gate' / f'{world}-{seed}'
            data = Collect(world=world, seed=seed, minutes=MINUTES)
            found = collect(robot, parent.model, settings, data, folder)
            before = walks(robot, parent.model, settings, world, seed)
            for nominal in variants:
                row = {'world': world, 'seed': seed, 'falls_in_data': found.falls}
                chosen = dataclasses.replace(settings, nominal=nominal)
                row |= try_one(robot, parent, chosen, folder, row, before)
                rows.append(row)
                print(row, flush=True)
    return rows


def try_one(
    robot: Robot,
    parent: LoadedModel,
    settings: BenchSettings,
    folder: Path,
    row: dict[str, Any],
    before: dict[str, JudgedWalk],
) -> dict[str, Any]:
    """Adapt on the data of a world, and walk."""
    episodes = first_minutes(folder, robot, MINUTES)
    data = data_of_episodes(
        episodes,
        episodes.numbers,
        parent.model.architecture,
        known=nominal_walks(parent, robot, settings.nominal, print),
    )
    finetune = FinetuneSettings(seed=row['seed'])
    found = adapt(parent, robot, data, finetune, settings.gate)
    after = walks(robot, found.result.model, settings, row['world'], row['seed'])
    refused = [check.name for check in found.verdict.checks if not check.passed]
    figures = found.verdict.figures
    return {
        'rehearses': data.finetune.rehearsal is not None,
        'accepted': found.verdict.accepted,
        'refused_for': ' '.join(refused),
        'error_factor': figures.get('error_factor'),
        'reference_factor_high': figures.get('reference_factor_high'),
        **{name: f'{told(before[name])} -> {told(after[name])}' for name in TRIED},
        'checks': [f'{check.name}: {check.sentence}' for check in found.verdict.checks],
    }


def walks(
    robot: Robot, model: WorldModel, settings: BenchSettings, world: str, seed: int
) -> dict[str, JudgedWalk]:
    """Walk in the world and on nominal ground, as the benchmark of adaptation does."""
    return {
        name: judge_rival(
            robot,
            None,
            model,
            settings.mppi,
            NONE,
            PlannedWalk(
                world=bench_world(world if name == 'world' else NOMINAL, settings.trial),
                seed=walk_seed(JUDGING, seed, 0),
                command=tuple(task_of(robot).trial(speed, seed).tolist()),
                seconds=SECONDS,
                heading_gain=settings.trial.heading_gain,
            ),
        )
        for name, speed in TRIED.items()
    }


def told(walk: JudgedWalk) -> str:
    """Return metres, and whether it ended in a fall."""
    return f'{walk.counted_m:.1f}{" fell" if walk.fell else ""} of {walk.line_m:.0f} m'
