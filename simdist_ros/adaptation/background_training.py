"""A finetuning in a process of its own, as seen from the process that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import IO

from simdist_ros.adaptation.finetune_process import LOW_PRIORITY

__all__ = ['BackgroundTraining']

KEPT_LINES = 200
PATIENCE_S = 0.5
MODULE = 'simdist_ros.adaptation.finetune_process'


class BackgroundTraining:
    """Runs ``simdist finetune`` with some arguments; the caller looks in now and then."""

    def __init__(self, arguments: Sequence[str], *, low_priority: bool) -> None:
        """Start it, in a session of its own, so that Ctrl-C reaches it only through us.

        Args:
            arguments: Of ``simdist finetune``.
            low_priority: Whether it takes only the time that nothing else wants.

        Raises:
            OSError: The process cannot be started.
        """
        first = [LOW_PRIORITY] if low_priority else []
        self.process = subprocess.Popen(
            [sys.executable, '-m', MODULE, *first, *arguments],
            stdin=subprocess.PIPE,  # never written to: it ends when we do
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(os.environ) | {'PYTHONUNBUFFERED': '1'},
            start_new_session=True,
        )
        self.count = 0  # lines said so far
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        assert self.process.stdout is not None
        self.reader = threading.Thread(target=self.read, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def read(self, stream: IO[bytes]) -> None:
        """Keep what it says."""
        for line in stream:
            text = line.decode(errors='replace').strip()
            if text:
                self.lines.append(text)
                self.count += 1

    @property
    def last_line(self) -> str:
        """What it said last; empty at first."""
        return self.lines[-1] if self.lines else ''

    def poll(self) -> int | None:
        """Return the exit code once it has ended and all that it said was read."""
        code = self.process.poll()
        return None if code is None or self.reader.is_alive() else code

    def end(self) -> None:
        """End it, whatever it does; half a model is none."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
