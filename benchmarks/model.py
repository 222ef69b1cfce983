"""The model that is measured."""

from __future__ import annotations

from pathlib import Path

from simdist_ros.bringup.demo import demo_model


def benchmark_model(name: str) -> str:
    """Return the named model, or the one that ``make demo`` walks with."""
    return name or demo_model(Path('runs'))
