"""The options of ``simdist pretrain``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.options import whole
from simdist_ros.core.overrides import read_overrides
from simdist_ros.core.values import MAX_SEED

__all__ = ['STAGES', 'PretrainOptions', 'add_options', 'read_options']

STAGES = ('expert', 'collect', 'train', 'imitate', 'evaluate')
OVERRIDE = 'STAGE.SETTING=VALUE'
WORK = Path('runs') / 'pretrain'


@dataclass(frozen=True, kw_only=True)
class PretrainOptions:
    """What was asked for.

    Attributes:
        stages: Which to run, in their order.
        robot: Name of the robot or path of its description.
        task: What it is to do; empty for the first task that the robot names.
        out: Folder of the model.
        work: Folder of all else: expert, data, training, walks, report.
        preset: How much of everything.
        seed: Of all stages; None leaves each its own.
        device: PyTorch device of the networks' training, or ``auto``.
        threads: Threads that compute a network's training together; None: chosen at the start.
        cores: Cores for what need not wait for each other: physics, walks; None as well.
        ray: Address of a Ray cluster that collects; empty for this machine.
        overwrite: Replace a model that `out` holds and this work did not write.
        overrides: Value by stage and setting, as text.
    """

    stages: tuple[str, ...] = STAGES
    robot: str = 'go2'
    task: str = ''
    out: Path
    work: Path
    preset: str = 'cpu'
    seed: int | None = None
    device: str = 'auto'
    threads: int | None = None
    cores: int | None = None
    ray: str = ''
    overwrite: bool = False
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument('stage', nargs='?', help=f'One of {", ".join(STAGES)}; without it, all.')
    parser.add_argument('--robot', default='go2', help='Name, or path of a description.')
    parser.add_argument(
        '--task', default='', help="What it is to do (default: the robot's first)."
    )
    parser.add_argument('--out', type=Path, required=True, help='Folder of the model.')
    parser.add_argument('--preset', default='cpu', help='smoke, cpu or gpu (default: cpu).')
    parser.add_argument(
        '--work',
        type=Path,
        help=f'Folder of all else that the stages make (default: {WORK}/NAME OF THE MODEL).',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='Replace another model that --out holds.'
    )
    parser.add_argument('--seed', type=whole('--seed', 0, MAX_SEED), help='Of all stages.')
    parser.add_argument('--device', default='auto', help='PyTorch device (default: auto).')
    parser.add_argument(
        '--threads',
        type=whole('--threads', 1, 1024),
        help='Cores to use (default: those that are idle at the start; one less for the training '
        'of networks, whose threads wait for each other).',
    )
    parser.add_argument(
        '--ray',
        default='',
        metavar='ADDRESS',
        help='Collect on a Ray cluster: HOST:PORT, auto (the one that runs here) or local.',
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar=OVERRIDE,
        help='Change a setting of the preset, e.g. train.num_steps=1000.',
    )


def read_options(arguments: argparse.Namespace) -> PretrainOptions:
    """Check what was given.

    Raises:
        ConfigError: There is no such stage, or an override is not one.
    """
    stage = arguments.stage
    if stage is not None and stage not in STAGES:
        raise ConfigError(unknown_name('stage', stage, STAGES))
    if arguments.ray and stage not in (None, 'collect'):
        raise ConfigError(f'--ray {arguments.ray}: only the stage collect uses it, not {stage}')
    return PretrainOptions(
        stages=STAGES if stage is None else (stage,),
        robot=arguments.robot,
        out=arguments.out,
        work=arguments.work or WORK / arguments.out.resolve().name,
        preset=arguments.preset,
        seed=arguments.seed,
        device=arguments.device,
        threads=arguments.threads,
        cores=arguments.threads,
        ray=arguments.ray,
        overwrite=arguments.overwrite,
        overrides=read_overrides(arguments.set, OVERRIDE, STAGES),
    )
