"""From a robot's description to its world model: all stages, in order, each resumed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
import yaml

from simdist_ros.core.atomic import TEMPORARY_SUFFIX, write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.overrides import override
from simdist_ros.core.settings import Settings, read_yaml
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.evaluation.settings import EVALUATE_PRESETS, EvaluateSettings
from simdist_ros.evaluation.walk import MakeWalker
from simdist_ros.jobs.free_cores import free_cores, threads_for
from simdist_ros.jobs.provenance import describe_commit
from simdist_ros.jobs.train_process import find_device
from simdist_ros.jobs.train_progress import duration
from simdist_ros.jobs.writable import check_folder
from simdist_ros.pretraining.collect.ray import check_ray
from simdist_ros.pretraining.collect.stage import run_collect
from simdist_ros.pretraining.early_checks import check_experts, check_robot, check_space
from simdist_ros.pretraining.evaluate.stage import run_evaluate
from simdist_ros.pretraining.expert.stage import run_expert
from simdist_ros.pretraining.identify.settings import IDENTIFY_PRESETS, IdentifySettings
from simdist_ros.pretraining.identify.stage import run_identify
from simdist_ros.pretraining.imitate.settings import IMITATE_PRESETS, ImitateSettings
from simdist_ros.pretraining.imitate.stage import run_imitate
from simdist_ros.pretraining.presets import (
    COLLECT_PRESETS,
    EXPERT_PRESETS,
    CollectSettings,
    ExpertSettings,
)
from simdist_ros.pretraining.pretrain_options import PretrainOptions
from simdist_ros.pretraining.recipe import preset_of
from simdist_ros.pretraining.train.settings import TRAIN_PRESETS, TrainSettings
from simdist_ros.pretraining.train.stage import run_train
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import (
    EXPERT,
    check_destination,
    load_model,
    save_model,
    serialise,
)
from simdist_ros.world_model.store.identifier_file import IDENTIFIER, read_identifier
from simdist_ros.world_model.store.manifest import MANIFEST, read_manifest, sha256
from simdist_ros.world_model.store.model_files import FILES
from simdist_ros.world_model.store.verify import read_expert

__all__ = ['Plan', 'pretrain']

S = TypeVar('S', bound=Settings)
MAKER = 'simdist pretrain'
WRITTEN = 'written.yaml'  # in the work folder: the model that it put into the output folder
TRAINED = 'model'  # in the folder of the training
HELD_OUT = 'held_out.'  # what metrics of the world model on data begin with
OUTDATED = f'{HELD_OUT}action', f'{HELD_OUT}total'  # once the policy head has learned more


def say(line: str) -> None:
    """Print a line at once, also into a file."""
    print(line, flush=True)


class Plan:
    """What is to be done, checked before anything is."""

    def __init__(self, options: PretrainOptions) -> None:
        """Find the robot and the settings of every stage, and look at the output folder.

        Raises:
            ConfigError: A name is unknown, a value is out of range, the output folder holds
                something else, or no Ray answers where one is asked for.
        """
        self.options = options
        self.robot: Robot = load_robot(options.robot, options.task)
        self.expert: ExpertSettings = self.settings(EXPERT_PRESETS, 'expert')
        self.identify: IdentifySettings = self.settings(IDENTIFY_PRESETS, 'identify')
        self.collect: CollectSettings = self.settings(COLLECT_PRESETS, 'collect')
        self.train: TrainSettings = self.settings(TRAIN_PRESETS, 'train')
        self.imitate: ImitateSettings = self.settings(IMITATE_PRESETS, 'imitate')
        self.evaluate: EvaluateSettings = self.settings(EVALUATE_PRESETS, 'evaluate')
        asked = options.stages
        self.stages = asked if self.has_beliefs else tuple(s for s in asked if s != 'identify')
        if int(os.environ.get('WORLD_SIZE', '1')) > 1 and options.stages != ('train',):
            raise ConfigError(
                'several processes share one stage only: start `simdist pretrain train` with '
                'torchrun, and the others without'
            )
        check_folder(options.work, '--work')
        check_out(self)
        find_device(options.device)
        check_robot(self.robot, self.stages, self.evaluate)
        check_experts(self.robot, options.work / 'expert')
        check_space(self.robot, options.work, self.num_transitions())
        if options.ray:
            check_ray(options.ray)
        self.cores = options.threads or free_cores()
        self.threads = options.threads or threads_for(self.cores)

    @property
    def has_beliefs(self) -> bool:
        """Whether an identifier is to be made: asked for by its name, or by beliefs."""
        return bool(self.expert.belief_steps) or self.options.stage == 'identify'

    def num_transitions(self) -> int:
        """Return how many transitions the stages that were asked for leave on disk."""
        i = self.imitate
        made = {
            'collect': self.collect.total_steps,
            'imitate': i.num_rounds * i.num_robots * i.rollout_steps,
        }
        return sum(made.get(stage, 0) for stage in self.options.stages)

    def settings(self, presets: Mapping[str, S], stage: str) -> S:
        """Return the settings of a stage."""
        o = self.options
        seed = None if stage == 'evaluate' else o.seed
        preset = preset_of(self.robot, presets, o.preset, stage)
        return override(preset, o.overrides.get(stage, {}), stage, seed)


def pretrain(options: PretrainOptions, make_walker: MakeWalker) -> None:
    """Run the stages that were asked for; what is finished is only looked at.

    Args:
        options: What was asked for.
        make_walker: Makes the controllers of the evaluation.

    Raises:
        SimdistError: Something does not fit; what is there stays.
    """
    plan = Plan(options)
    say(cores_line(plan))
    stages = {
        'expert': lambda: expert(plan),
        'identify': lambda: identify(plan),
        'collect': lambda: collect(plan),
        'train': lambda: train(plan),
        'imitate': lambda: imitate(plan),
        'evaluate': lambda: evaluate(plan, make_walker),
    }
    for stage in plan.stages:
        began = time.monotonic()
        stages[stage]()
        say(f'{stage}: done in {duration(time.monotonic() - began)}')


def cores_line(plan: Plan) -> str:
    """Say how many cores are used."""
    line = f'pretrain: {plan.cores} cores for simulation, {plan.threads} for networks'
    if plan.options.threads is not None:
        return line
    return f'{line}, by what is idle now; --threads N where nothing else will run here'


def expert(plan: Plan) -> None:
    """Train the expert."""
    options = plan.options
    run_expert(plan.robot, options.work / 'expert', plan.expert, threads=plan.cores)


def identify(plan: Plan) -> None:
    """Train what finds out the beliefs that the expert takes.

    Where this stage alone is asked for, a model that the output folder holds gets both; of its
    metrics those of the walks go, which were another expert's.
    """
    options, work = plan.options, plan.options.work
    torch.set_num_threads(plan.threads)
    run_identify(
        plan.robot, work / 'expert', work / 'identify', plan.identify, threads=plan.cores, say=say
    )
    if options.stage == 'identify' and (options.out / MANIFEST).is_file():
        found = read_manifest(options.out).metrics
        metrics = {k: v for k, v in found.items() if k.startswith(HELD_OUT)}
        write_model(plan, options.out, load_model(options.out, plan.robot).model, metrics)
        say(f'identify: {options.out} has the expert and what identifies its beliefs')


def collect(plan: Plan) -> None:
    """Collect transitions with it."""
    options = plan.options
    run_collect(
        plan.robot,
        options.work / 'expert',
        options.work / 'data',
        plan.collect,
        processes=plan.cores,
        ray=options.ray,
    )


def train(plan: Plan) -> None:
    """Train the world model."""
    options = plan.options
    torch.set_num_threads(plan.threads)
    result = run_train(
        plan.robot,
        options.work / 'data',
        options.work / 'train',
        plan.train,
        device=options.device,
        say=say,
    )
    if result is not None:
        metrics = {f'{HELD_OUT}{k}': v for k, v in result.metrics.items()}
        trained = options.work / 'train' / TRAINED
        write_model(plan, trained, result.model, metrics)
        say(f'train: wrote {trained}; `simdist pretrain imitate` makes {options.out} of it')


def imitate(plan: Plan) -> None:
    """Teach its policy head on its own walks and write the model's folder."""
    options = plan.options
    trained = options.work / 'train' / TRAINED
    torch.set_num_threads(plan.threads)
    result = run_imitate(
        plan.robot,
        trained,
        options.work / 'expert',
        options.work / 'imitate',
        plan.imitate,
        device=options.device,
        threads=plan.cores,
        say=say,
    )
    metrics = {k: v for k, v in read_manifest(trained).metrics.items() if k not in OUTDATED}
    write_model(plan, options.out, result.model, {**metrics, **result.metrics})


def evaluate(plan: Plan, make_walker: MakeWalker) -> None:
    """Measure the model and say so in its manifest."""
    options = plan.options
    if not (options.out / MANIFEST).is_file():
        raise ConfigError(f'{options.out} holds no model; run `simdist pretrain imitate` first')
    expert = options.work / 'expert' / EXPERT
    metrics = run_evaluate(
        plan.robot,
        options.out,
        options.work / 'data',
        options.work / 'evaluate',
        plan.evaluate,
        training=plan.train,
        expert=expert if expert.is_file() else None,
        make_walker=make_walker,
        processes=plan.cores,
        say=say,
    )
    write_model(plan, options.out, load_model(options.out, plan.robot).model, metrics)


def write_model(plan: Plan, folder: Path, model: WorldModel, metrics: Mapping[str, float]) -> None:
    """Write a model's folder; what is said of the same weights there is kept.

    What is written to the output folder carries the expert that it was distilled from, and what
    identifies the beliefs that this one takes.
    """
    o = plan.options
    expert = o.work / 'expert' / EXPERT
    if folder == o.out and expert.is_file():
        model.expert = read_expert(expert.read_bytes(), expert, model.architecture)
        model.identifier = identifier_of(o.work, model)
    told = f'--robot {plan.robot.name}{f" --task {o.task}" if o.task else ""} --preset {o.preset}'
    created_by = f'{MAKER} {told}, seed {plan.train.seed}'
    commit = describe_commit()
    if commit:
        created_by += f', commit {commit}'
    parent = ''
    if (folder / MANIFEST).exists():
        found = read_manifest(folder)
        parent = found.parent if o.stage == 'identify' else ''  # where the other files are
        if found.files == {name: sha256(data) for name, data in serialise(model).items()}:
            created_by, metrics = found.created_by, {**found.metrics, **metrics}
    record = o.work / WRITTEN
    if folder == o.out and 'imitate' in o.stages:
        files = {name: sha256(data) for name, data in serialise(model).items()}
        write_atomic(record, yaml.safe_dump({'files': files}).encode())
    save_model(
        folder,
        model,
        robot=plan.robot.name,
        task=task_of(plan.robot).name,
        actions=action_space_of(plan.robot).kind,
        parent=parent,
        created_by=created_by,
        metrics=metrics,
        overwrite=True,  # `check_out` has seen that it is ours, or may be replaced
    )


def identifier_of(work: Path, model: WorldModel) -> Identifier | None:
    """Return what was made for the beliefs of a model's expert; None where it takes none."""
    path = work / 'identify' / IDENTIFIER
    if model.expert is None or not model.expert.belief_dim or not path.is_file():
        return None
    a = model.architecture
    return read_identifier(path.read_bytes(), path, a.proprio_obs_dim, a.action_dim)


def check_out(plan: Plan) -> None:
    """Refuse, hours before it would be written, a folder that holds what may not be replaced.

    A model that the same work wrote there is gone on with; stage `evaluate` alone changes no
    weights.

    Raises:
        SimdistError: It holds something else, cannot be written, or holds another model.
    """
    options, out = plan.options, plan.options.out
    check_folder(out, '--out')
    entries = out.iterdir() if out.is_dir() else ()
    names = {path.name for path in entries if path.suffix != TEMPORARY_SUFFIX}
    if MANIFEST not in names:  # empty, or killed while the manifest was written anew
        for name in sorted(names - {EXPERT, IDENTIFIER, *FILES}):
            raise ConfigError(
                f'{out} holds something else than a model ({name}); choose another folder'
            )
        return
    manifest = read_manifest(out)
    record = options.work / WRITTEN
    is_ours = record.is_file() and read_yaml(record).get('files') == manifest.files
    if is_ours or (options.overwrite and 'imitate' in options.stages):
        return
    if 'imitate' in options.stages:
        check_destination(out)
    ours = plan.robot.name, task_of(plan.robot).name, action_space_of(plan.robot).kind
    for what, expected in zip(('robot', 'task', 'actions'), ours, strict=True):
        found = getattr(manifest, what)
        if found != expected:
            raise ConfigError(
                f'{out} holds a model of {what} {found!r}, expected {expected!r}; choose another '
                'folder'
            )
    if not manifest.created_by.startswith(MAKER):
        raise ConfigError(
            f'{out} holds a model that was made by {manifest.created_by!r}, not by `{MAKER}`; '
            'choose another folder'
        )
