"""The options of ``simdist finetune``, ``simdist evaluate`` and ``simdist models``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.core.options import override_setting
from simdist_ros.core.settings import REQUIRED, Settings, same_setting, setting

__all__ = ['OVERRIDE', 'SECTIONS', 'EvaluateOptions', 'FinetuneOptions', 'ModelsOptions']

SECTIONS = ('finetune', 'gate', 'bags', 'nominal')
OVERRIDE = 'SECTION.SETTING=VALUE'


@dataclass(frozen=True, kw_only=True)
class BagOptions(Settings):
    """What both commands on bags take."""

    bag: tuple[Path, ...] = setting(
        REQUIRED, 'Bags: rosbag2 folders, or .mcap or .db3 files.', form='words'
    )
    robot: str = setting('', 'Name, or path of a description.', absent="the model's")


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions(BagOptions):
    """Options of ``simdist finetune``."""

    model: str = setting(REQUIRED, 'Name or folder of the model to adapt.')
    out: Path = setting(REQUIRED, 'Folder of the adapted model.')
    overwrite: bool = setting(False, 'Replace a model that --out holds.', form='flag')
    method: str = same_setting(FinetuneSettings, 'method')
    seed: int = same_setting(FinetuneSettings, 'seed')
    num_threads: int = same_setting(FinetuneSettings, 'num_threads')
    rehearsal: Path | None = setting(
        None,
        'Folder of pretraining transitions: most for training, the rest to measure forgetting.',
        absent='trials in the nominal world, made in simulation',
    )
    reference: tuple[Path, ...] = setting(
        (), 'Bags to measure forgetting on, e.g. of ground within the pretraining.', form='words'
    )
    set: tuple[str, ...] = override_setting(
        OVERRIDE,
        f'Change a setting, e.g. finetune.max_steps=1000; sections: {", ".join(SECTIONS)}.',
    )


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(BagOptions):
    """Options of ``simdist evaluate``."""

    model: tuple[str, ...] = setting(
        REQUIRED, 'Names or folders of models; several are compared.', form='words'
    )
    out: Path = setting(Path('runs/evaluate'), 'Folder to write.')
    set: tuple[str, ...] = override_setting(
        'bags.SETTING=VALUE', 'Change how messages become episodes, e.g. bags.episode_s=5.'
    )


@dataclass(frozen=True, kw_only=True)
class ModelsOptions(Settings):
    """Options of ``simdist models``."""

    folder: Path = setting(Path('models'), 'Where to look.', form='positional')
