"""When to finetune: so much new walking, or a prediction error that rises."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simdist_ros.core.settings import Settings, setting

__all__ = ['TriggerSettings', 'Triggers']


@dataclass(frozen=True, kw_only=True)
class TriggerSettings(Settings):
    """What starts a finetuning, besides being asked for one."""

    every_s: float = setting(
        0.0, 'New data after which a finetuning starts; 0 never does.', unit='s', low=0.0
    )
    rise_factor: float = setting(
        0.0,
        "Starts when the planner's live prediction error is over this many times the smallest "
        'one since the last start; 0 never does.',
        low=0.0,
    )
    min_s: float = setting(
        20.0, 'New data before which a risen error starts nothing.', unit='s', low=0.0
    )


class Triggers:
    """Counts walking and remembers errors since the last start."""

    def __init__(self, settings: TriggerSettings, period_s: float) -> None:
        """Begin; a tick takes `period_s` [s]."""
        self.settings, self.period_s = settings, period_s
        self.restart()

    def restart(self) -> None:
        """A finetuning has started: all walking so far is in it."""
        self.ticks = 0
        self.error = self.smallest = math.inf

    @property
    def walked_s(self) -> float:
        """Walking since the last start [s]."""
        return self.ticks * self.period_s

    def note_following(self) -> None:
        """Count a tick."""
        self.ticks += 1

    def note_error(self, error: float) -> None:
        """Take a live prediction error; what is no number stands for nothing."""
        if not math.isnan(error):
            self.error, self.smallest = error, min(self.smallest, error)

    def reason(self) -> str:
        """Say why to start now, or return an empty text."""
        settings, walked = self.settings, self.walked_s
        if settings.every_s and walked >= settings.every_s:
            return f'{walked:.0f} s of new data'
        limit = settings.rise_factor * self.smallest
        if settings.rise_factor and walked >= settings.min_s and self.error > limit:
            return f'prediction error risen from {self.smallest:.5f} to {self.error:.5f}'
        return ''
