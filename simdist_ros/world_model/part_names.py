"""Names of the parts of a model: each is a file of its own, and freezes by itself.

Two parts are of two files: a belief and what detects whether it holds, its detector; an expert and
who acts instead where the belief is doubted.
"""

from __future__ import annotations

__all__ = ['ADAPTED', 'FIXED', 'SECOND', 'SWAPPABLE']

SWAPPABLE = ('encoder', 'dynamics', 'residual', 'heads', 'expert', 'belief')
FIXED = ('normalizer', 'identifier')  # what others are scaled by, or are made with
SECOND = {'expert': 'usual_expert', 'belief': 'detector'}  # file of such a part
# May be swapped where a model declares nothing else.
ADAPTED = ('dynamics', 'residual', 'belief', 'expert')
