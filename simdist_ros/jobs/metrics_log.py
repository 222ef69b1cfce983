"""Curves for TensorBoard."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ['MetricsLog']

MISSING = "no TensorBoard logs; `pip install 'simdist_ros[pretrain]'` to have them"


class MetricsLog:
    """Writes numbers by name and step; a run that adds no number leaves no file.

    Without TensorBoard it says so once and writes nothing: no training ends for want of curves.
    """

    def __init__(self, folder: Path, start: int) -> None:
        """Begin at a step; what an earlier run logged after it is no longer shown.

        Args:
            folder: Of TensorBoard's files.
            start: Steps done so far.
        """
        self.folder, self.start = folder, start
        self.make_writer: Any = None
        self.writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            sys.stderr.write(f'{MISSING}\n')
        else:
            self.make_writer = SummaryWriter

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add a point to each curve."""
        if self.make_writer is None:
            return
        if self.writer is None:
            self.writer = self.make_writer(str(self.folder), purge_step=self.start + 1)
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Bring all to the disk."""
        if self.writer is not None:
            self.writer.close()
