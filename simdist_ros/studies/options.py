"""The options of ``simdist bench``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.options import whole
from simdist_ros.core.overrides import read_overrides
from simdist_ros.jobs.free_cores import free_cores
from simdist_ros.studies.settings import PRESETS, SECTIONS

__all__ = ['BENCHMARKS', 'BenchOptions', 'add_options', 'read_options']

BENCHMARKS = ('adaptation',)
OVERRIDE = 'SECTION.SETTING=VALUE'
WORK = Path('runs') / 'bench' / 'adaptation'


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What was asked for.

    Attributes:
        model: Name or folder of the model to adapt.
        robot: Name of the robot or path of its description; empty for the model's.
        work: Folder of data, adapted models and results.
        out: Folder of the report.
        preset: How much of everything.
        processes: Tasks done at once.
        only_report: Do nothing, report what there is.
        overrides: Value by section and setting, as text.
    """

    model: str = 'go2'
    robot: str = ''
    work: Path = WORK
    out: Path = WORK / 'report'
    preset: str = 'cpu'
    processes: int = 1
    only_report: bool = False
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument('benchmark', help=f'{", ".join(BENCHMARKS)}.')
    parser.add_argument('--model', default='go2', help='Name or folder of the model to adapt.')
    parser.add_argument(
        '--robot', default='', help="Name, or path of a description (default: the model's)."
    )
    parser.add_argument('--preset', default='cpu', help=f'{" or ".join(PRESETS)} (default: cpu).')
    parser.add_argument(
        '--work',
        type=Path,
        default=WORK,
        help=f'Folder of data, models and results; what is there is not done again '
        f'(default: {WORK}).',
    )
    parser.add_argument(
        '--out', type=Path, help='Folder of the report (default: `report` in that of --work).'
    )
    parser.add_argument(
        '--processes',
        type=whole('--processes', 1, 1024),
        help='Tasks done at once (default: as many as cores are idle at the start).',
    )
    parser.add_argument(
        '--only-report', action='store_true', help='Do nothing, report what there is.'
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar=OVERRIDE,
        help='Change a setting of the preset, e.g. grid.num_seeds=4; sections: '
        f'{", ".join(SECTIONS)}.',
    )


def read_options(arguments: argparse.Namespace) -> BenchOptions:
    """Check what was given.

    Raises:
        ConfigError: There is no such benchmark, or an override is not one.
    """
    if arguments.benchmark not in BENCHMARKS:
        raise ConfigError(unknown_name('benchmark', arguments.benchmark, BENCHMARKS))
    return BenchOptions(
        model=arguments.model,
        robot=arguments.robot,
        work=arguments.work,
        out=arguments.out or arguments.work / 'report',
        preset=arguments.preset,
        processes=arguments.processes or free_cores(),
        only_report=arguments.only_report,
        overrides=read_overrides(arguments.set, OVERRIDE, SECTIONS),
    )
