"""What can go wrong while a model is pretrained."""

from __future__ import annotations

from simdist_ros.core.errors import SimdistError

__all__ = ['PretrainingError']


class PretrainingError(SimdistError):
    """Training or collection cannot go on; what was saved stays."""
