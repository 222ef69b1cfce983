"""The options of ``simdist finetune``, ``simdist evaluate`` and ``simdist models``."""

from __future__ import annotations

import argparse
from pathlib import Path

from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.core.options import add_setting
from simdist_ros.core.settings import describe

__all__ = ['OPTIONS', 'OVERRIDE', 'SECTIONS', 'add_evaluate', 'add_finetune', 'add_models']

SECTIONS = ('finetune', 'gate', 'bags', 'nominal')
OPTIONS = ('method', 'seed', 'num_threads')  # settings of the training with one of their own
OVERRIDE = 'SECTION.SETTING=VALUE'
EVALUATIONS = Path('runs') / 'evaluate'


def add_finetune(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``simdist finetune``."""
    add_bags(parser)
    parser.add_argument('--model', required=True, help='Name or folder of the model to adapt.')
    parser.add_argument('--out', type=Path, required=True, help='Folder of the adapted model.')
    parser.add_argument(
        '--overwrite', action='store_true', help='Replace a model that --out holds.'
    )
    for info in describe(FinetuneSettings):
        if info.name in OPTIONS:
            add_setting(parser, info)
    parser.add_argument(
        '--rehearsal',
        type=Path,
        metavar='FOLDER',
        help='Pretraining transitions: most for training, the rest to measure forgetting '
        '(default: walks in the nominal world, made in simulation).',
    )
    parser.add_argument(
        '--reference',
        type=Path,
        nargs='+',
        action='extend',
        default=[],
        metavar='BAG',
        help='Bags to measure forgetting on, e.g. of ground within the pretraining.',
    )


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``simdist evaluate``."""
    add_bags(parser)
    parser.add_argument(
        '--model',
        required=True,
        nargs='+',
        action='extend',
        help='Names or folders of models; several are compared.',
    )
    parser.add_argument(
        '--out', type=Path, default=EVALUATIONS, help=f'Folder to write (default: {EVALUATIONS}).'
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``simdist models``."""
    parser.add_argument(
        'folder', nargs='?', type=Path, default=Path('models'), help='Default: models.'
    )


def add_bags(parser: argparse.ArgumentParser) -> None:
    """Declare what both commands on bags take."""
    parser.add_argument(
        '--bag',
        type=Path,
        nargs='+',
        action='extend',
        required=True,
        help='Bags: rosbag2 folders, or .mcap or .db3 files.',
    )
    parser.add_argument(
        '--robot', default='', help="Name, or path of a description (default: the model's)."
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar=OVERRIDE,
        help=f'Change a setting, e.g. finetune.max_steps=1000; sections: {", ".join(SECTIONS)}.',
    )
