"""Curves for TensorBoard, where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ['MetricsLog']

MISSING = 'no TensorBoard logs: `pip install tensorboard` to have them'


class MetricsLog:
    """Writes numbers by name and step; without TensorBoard it says so once and writes nothing."""

    def __init__(self, folder: Path) -> None:
        self.writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            sys.stderr.write(f'{MISSING}\n')
        else:
            self.writer = SummaryWriter(str(folder))

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add a point to each curve."""
        if self.writer is not None:
            for name, value in metrics.items():
                self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Bring all to the disk."""
        if self.writer is not None:
            self.writer.close()
