"""Results on disk, one a line, so that work that was killed goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simdist_ros.core.errors import ConfigError

__all__ = ['LineLog']

Entry = dict[str, Any]


class LineLog:
    """A file of JSON lines that only grows.

    Attributes:
        entries: What it held when it was opened, without a line that was half written.
    """

    def __init__(self, path: Path, about: str | None = None) -> None:
        """Read what is there.

        Args:
            path: The file.
            about: What the results depend on, for the first line; None for no such line.

        Raises:
            ConfigError: It holds results of something else.
        """
        self.path = path
        lines = path.read_text().split('\n')[:-1] if path.exists() else []
        if about is not None and not lines:
            lines = [json.dumps({'about': about})]
        self.entries: list[Entry] = [json.loads(line) for line in lines]
        if about is not None:
            found = self.entries.pop(0).get('about')
            if found != about:
                raise ConfigError(
                    f'{path} holds results of {found}, expected {about}; delete it to begin anew'
                )
        path.write_text(''.join(f'{line}\n' for line in lines))  # without a half-written one

    def add(self, entry: Entry) -> None:
        """Write down one result."""
        with self.path.open('a') as file:
            file.write(json.dumps(entry) + '\n')
