"""The options of ``simdist bench``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.core.options import override_setting
from simdist_ros.core.overrides import read_overrides
from simdist_ros.core.settings import REQUIRED, UNSET, Settings, setting
from simdist_ros.studies.settings import PRESETS, SECTIONS

__all__ = ['BenchOptions']

OVERRIDE = 'SECTION.SETTING=VALUE'


@dataclass(frozen=True, kw_only=True)
class BenchOptions(Settings):
    """What was asked for."""

    benchmark: str = setting(
        REQUIRED, 'What to do.', choices=('adaptation',), noun='benchmark', form='positional'
    )
    model: str = setting('go2', 'Name or folder of the model to adapt.')
    robot: str = setting('', 'Name, or path of a description.', absent="the model's")
    preset: str = setting('cpu', 'How much of everything.', choices=tuple(PRESETS), noun='preset')
    work: Path = setting(
        Path('runs/bench/adaptation'),
        'Folder of data, models and results; what is there is not done again.',
    )
    out: Path = setting(UNSET, 'Folder of the report.', absent='`report` in that of --work')
    processes: int | None = setting(
        None,
        'Jobs done at once.',
        low=1,
        high=1024,
        absent='as many as cores are idle at the start',
    )
    only_report: bool = setting(False, 'Do nothing, report what there is.', form='flag')
    set: tuple[str, ...] = override_setting(
        OVERRIDE,
        f'Change a setting of the preset, e.g. grid.num_seeds=4; sections: {", ".join(SECTIONS)}.',
    )

    def __post_init__(self) -> None:
        """Choose the folder of the report."""
        super().__post_init__()
        object.__setattr__(self, 'out', self.out or self.work / 'report')

    @property
    def overrides(self) -> Mapping[str, Mapping[str, str]]:
        """Value by section and setting, as text."""
        return read_overrides(self.set, OVERRIDE, SECTIONS)
