"""How much the next step counts: the same in training, in the search and in what judges both."""

from __future__ import annotations

__all__ = ['DISCOUNT']

DISCOUNT = 0.99  # of one control step; the values that a model carries are sums with it
