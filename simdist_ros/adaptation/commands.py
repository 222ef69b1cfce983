"""What ``simdist finetune``, ``simdist evaluate`` and ``simdist models`` do."""

from __future__ import annotations

from simdist_ros.adaptation.adapt import adapt_from_bags
from simdist_ros.adaptation.evaluate import evaluate_bags, evaluation_lines, write_evaluation
from simdist_ros.adaptation.lineage import lineage_lines, list_models
from simdist_ros.adaptation.options import (
    OVERRIDE,
    SECTIONS,
    EvaluateOptions,
    FinetuneOptions,
    ModelsOptions,
)
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings, NominalSettings
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.overrides import override, read_overrides
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.jobs.writable import check_folder
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.world_model.store.checkpoint import LoadedModel, find_model, load_model
from simdist_ros.world_model.store.manifest import read_manifest

__all__ = [
    'REFUSED',
    'run_evaluate',
    'run_finetune',
    'run_models',
]

REFUSED = 3  # exit code of a candidate that the gate refused


def load(name: str, robot_name: str) -> tuple[LoadedModel, Robot]:
    """Return a model and the robot that it is for."""
    folder = find_model(name)
    manifest = read_manifest(folder)
    robot = load_robot(robot_name or manifest.robot, manifest.task)
    return load_model(folder, robot), robot


def run_finetune(options: FinetuneOptions) -> int:
    """Adapt a model to bags; return 0, or `REFUSED` where the gate refused the candidate."""
    overrides = read_overrides(options.set, OVERRIDE, SECTIONS)
    chosen = FinetuneSettings(
        method=options.method, seed=options.seed, num_threads=options.num_threads
    )
    settings = override(chosen, overrides.get('finetune', {}), 'finetune')
    gate = override(GateSettings(), overrides.get('gate', {}), 'gate')
    assembly = override(AssemblySettings(), overrides.get('bags', {}), 'bags')
    nominal = override(NominalSettings(), overrides.get('nominal', {}), 'nominal')
    parent, robot = load(options.model, options.robot)
    adaptation = adapt_from_bags(
        parent,
        robot,
        options.bag,
        options.out,
        settings=settings,
        gate=gate,
        assembly=assembly,
        nominal=nominal,
        rehearsal=options.rehearsal,
        reference=options.reference,
        overwrite=options.overwrite,
    )
    return 0 if adaptation.verdict.accepted else REFUSED


def run_evaluate(options: EvaluateOptions) -> int:
    """Print and write the prediction error of models on bags."""
    overrides = read_overrides(options.set, OVERRIDE, ('bags',))
    assembly = override(AssemblySettings(), overrides.get('bags', {}), 'bags')
    check_folder(options.out, '--out')
    loaded = [load(name, options.robot) for name in options.model]
    robots = {robot.name for _, robot in loaded}
    if len(robots) > 1:
        raise ConfigError(f'the models are of several robots ({", ".join(sorted(robots))})')
    horizons = {model.model.architecture.horizon_steps for model, _ in loaded}
    if len(horizons) > 1:
        raise ConfigError(f'the models look {sorted(horizons)} steps ahead; compare equal ones')
    found, read = evaluate_bags(
        [model for model, _ in loaded], loaded[0][1], options.bag, assembly
    )
    for bag in read:
        print('\n'.join(bag.lines()))
    print('\n' + '\n'.join(evaluation_lines(found)))
    write_evaluation(options.out, found, read)
    print(f'wrote {options.out}')
    return 0


def run_models(options: ModelsOptions) -> int:
    """Print the models of a folder as a tree."""
    entries = list_models(options.folder)
    print('\n'.join(lineage_lines(entries)) or f'{options.folder} holds no model')
    return 0
