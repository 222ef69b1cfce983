"""Tell how a training gets on: a line now and then, a file of all numbers, TensorBoard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from simdist_ros.jobs.metrics_log import MetricsLog

__all__ = ['TrainLog', 'duration']

LINE_S = 10.0


def duration(seconds: float) -> str:
    """Return a time as a person reads it, e.g. ``1 h 02 min`` or ``41 s``."""
    if seconds < 60:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    return f'{minutes // 60} h {minutes % 60:02d} min' if minutes >= 60 else f'{minutes} min'


class TrainLog:
    """The log of one training, gone on with after a resume."""

    def __init__(
        self,
        folder: Path,
        start: int,
        end: int,
        say: Callable[[str], None],
        *,
        stage: str = 'train',
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin at a step; what an earlier run logged from there on is dropped.

        Args:
            folder: Where ``metrics.jsonl`` and ``tensorboard/`` go.
            start: First step of this run.
            end: Steps in all.
            say: Prints a line.
            stage: What the lines begin with.
            clock: Time [s].
        """
        self.path = folder / 'metrics.jsonl'
        kept = [line for line in self.lines() if json.loads(line)['step'] <= start]
        self.path.write_text(''.join(f'{line}\n' for line in kept))
        self.start, self.end, self.say, self.clock = start, end, say, clock
        self.stage = stage
        self.began = self.said = clock()
        self.to_come_s = 0.0  # of what is no step, such as walking
        self.board = MetricsLog(folder / 'tensorboard', start)

    def lines(self) -> list[str]:
        """Return the lines that are whole."""
        if not self.path.exists():
            return []
        return [line for line in self.path.read_text().split('\n')[:-1] if line.endswith('}')]

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers of a step."""
        with self.path.open('a') as file:
            file.write(json.dumps({'step': step, **values}) + '\n')
        self.board.write(step, values)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave what is done inside out of the steps' time."""
        began = self.clock()
        yield
        spent = self.clock() - began
        self.began += spent
        self.said += spent

    def tick(self, step: int, batch_size: int, losses: Callable[[], Mapping[str, float]]) -> None:
        """Say every few seconds where the training is; `losses` are asked for only then."""
        now = self.clock()
        if now - self.said < LINE_S and step != self.end:
            return
        self.said = now
        rate = (step - self.start) / max(now - self.began, 1e-9)
        values = dict(losses())
        self.write(step, {**values, 'windows_per_s': rate * batch_size})
        shown = ', '.join(f'{name} {value:.4f}' for name, value in values.items())
        left = duration((self.end - step) / max(rate, 1e-9) + self.to_come_s)
        self.say(
            f'{self.stage}: step {step} of {self.end}, {rate * batch_size:.0f} windows/s, '
            f'{left} left; {shown}'
        )

    def close(self) -> None:
        """Let TensorBoard finish."""
        self.board.close()
