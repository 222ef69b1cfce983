"""The options of ``simdist pretrain``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.options import override_setting
from simdist_ros.core.overrides import read_overrides
from simdist_ros.core.settings import REQUIRED, UNSET, Settings, setting
from simdist_ros.core.values import MAX_SEED
from simdist_ros.pretraining.recipe import STAGES

__all__ = ['STAGES', 'PretrainOptions']

PRESETS = ('smoke', 'cpu', 'gpu')  # of each stage
OVERRIDE = 'STAGE.SETTING=VALUE'
WORK = Path('runs') / 'pretrain'


@dataclass(frozen=True, kw_only=True)
class PretrainOptions(Settings):
    """What was asked for."""

    stage: str | None = setting(
        None, 'What to do.', choices=STAGES, noun='stage', form='positional', absent='all'
    )
    robot: str = setting('go2', 'Name, or path of a description.')
    task: str = setting('', 'What it is to do.', absent="the robot's first")
    out: Path = setting(REQUIRED, 'Folder of the model.')
    preset: str = setting('cpu', 'How much of everything.', choices=PRESETS, noun='preset')
    work: Path = setting(
        UNSET,
        'Folder of all else that the stages make: expert, data, training, walks, report.',
        absent=f'{WORK}/NAME OF THE MODEL',
    )
    overwrite: bool = setting(False, 'Replace another model that --out holds.', form='flag')
    seed: int | None = setting(
        None, 'Of all stages.', low=0, high=MAX_SEED, absent='each has its own'
    )
    device: str = setting('auto', "PyTorch device of the networks' training.")
    threads: int | None = setting(
        None,
        'Cores to use.',
        low=1,
        high=1024,
        absent='those that are idle at the start; one less for the training of networks, whose '
        'threads wait for each other',
    )
    ray: str = setting(
        '',
        'Collect on a Ray cluster: HOST:PORT, auto (the one that runs here) or local.',
        metavar='ADDRESS',
    )
    set: tuple[str, ...] = override_setting(
        OVERRIDE, 'Change a setting of the preset, e.g. train.num_steps=1000.'
    )

    def __post_init__(self) -> None:
        """Choose the work folder; refuse Ray for a stage that does not use it."""
        super().__post_init__()
        object.__setattr__(self, 'work', self.work or WORK / self.out.resolve().name)
        if self.ray and self.stage not in (None, 'collect'):
            raise ConfigError(
                f'PretrainOptions.ray {self.ray}: only the stage collect uses it, not {self.stage}'
            )

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages to run, in their order."""
        return STAGES if self.stage is None else (self.stage,)

    @property
    def overrides(self) -> Mapping[str, Mapping[str, str]]:
        """Value by stage and setting, as text."""
        return read_overrides(self.set, OVERRIDE, STAGES)
