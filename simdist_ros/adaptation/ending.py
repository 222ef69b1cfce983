"""When a finetuner that is to end by itself has done what it was started for."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import Settings, setting

__all__ = ['EndSettings', 'Ending']

MOST_IDLE_S = 10.0  # without walking, after which it is over with walking, e.g. after a fall


@dataclass(frozen=True, kw_only=True)
class EndSettings(Settings):
    """What ends the node, and the graph with it; by default nothing does."""

    after_swaps: int = setting(
        0,
        'Adapted models after which the node ends, and the graph with it; one that the planner '
        'takes back does not count. 0: never.',
        low=0,
    )
    after_trainings: int = setting(
        0, 'Trainings after which it ends in any case, failed ones too; 0: never.', low=0
    )
    walk_on_s: float = setting(
        0.0, 'Robot time between the last of them and the end.', unit='s', low=0.0
    )


class Ending:
    """Counts trainings, exchanged models and ticks; tells whether to train on and when to end."""

    def __init__(self, settings: EndSettings, period_s: float) -> None:
        """Begin; a tick takes `period_s` [s]."""
        self.settings = settings
        self.most_idle = round(MOST_IDLE_S / period_s)
        self.walk_on = self.left = round(settings.walk_on_s / period_s)
        self.idle = self.trainings = self.swaps = 0

    @property
    def is_wanted(self) -> bool:
        """Whether it is ever to end by itself."""
        return bool(self.settings.after_swaps or self.settings.after_trainings)

    @property
    def trains_on(self) -> bool:
        """Whether another training may start by itself."""
        swaps, trainings = self.settings.after_swaps, self.settings.after_trainings
        is_done = bool(swaps) and self.swaps >= swaps
        is_spent = bool(trainings) and self.trainings >= trainings
        return not (is_done or is_spent)

    @property
    def stands_still(self) -> bool:
        """Whether an end is wanted and the robot walks no more."""
        return self.is_wanted and self.idle > self.most_idle

    def note_training(self) -> None:
        """Count a training, whatever comes of it."""
        self.trainings += 1

    def note_swap(self) -> None:
        """Count a model that the planner has taken over."""
        self.swaps += 1
        self.left = self.walk_on

    def note_rollback(self) -> None:
        """Take back one that the planner gave up: it goes on learning."""
        self.swaps -= 1

    def note_tick(self, *, is_following: bool, is_busy: bool) -> None:
        """Take a tick of the supervisor.

        Args:
            is_following: Whether the robot walks.
            is_busy: Whether something is in training or on its way to the planner.
        """
        self.idle = 0 if is_following else self.idle + 1
        if (is_following or self.stands_still) and not is_busy and not self.trains_on:
            self.left -= 1

    def is_over(self, *, is_busy: bool, has_new_data: bool) -> bool:
        """Tell whether the node ends now.

        Args:
            is_busy: As in `note_tick`.
            has_new_data: Whether it walked since the last training began.
        """
        if not self.is_wanted or is_busy:
            return False
        if self.trains_on:
            return self.stands_still and not has_new_data
        return self.left <= 0
