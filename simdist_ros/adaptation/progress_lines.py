"""Which of a training's many lines are worth a reader's time."""

from __future__ import annotations

import re

__all__ = ['Quarters']

STEP = re.compile(r'step (\d+) of (\d+)\b')


class Quarters:
    """Lets through the first line of each quarter of a training's steps."""

    def __init__(self) -> None:
        """Begin with a training."""
        self.told = self.end = 0  # quarters, steps

    def is_news(self, line: str) -> bool:
        """Tell whether a line ends a quarter of which nothing was said yet."""
        found = STEP.search(line)
        if found is None:
            return False
        step, end = int(found[1]), int(found[2])
        if end != self.end:  # another training, such as the expert's
            self.told, self.end = 0, end
        quarter = 4 * step // max(end, 1)
        if quarter <= self.told:
            return False
        self.told = quarter
        return True
