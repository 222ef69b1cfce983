"""What predicted or recorded rewards, and the value of where they lead, are worth together."""

from __future__ import annotations

import torch
from torch import Tensor

from simdist_ros.core.discount import DISCOUNT

__all__ = ['discounted_return']


def discounted_return(rewards: Tensor, final_value: Tensor, gamma: float = DISCOUNT) -> Tensor:
    """Sum gamma^k r_k over k = 0..T-1, plus gamma^T V at step T.

    Args:
        rewards: Reward of each step, (..., T).
        final_value: Value of the state after the last step, (...).
        gamma: Discount of one step.

    Returns:
        Return of each sequence, (...).
    """
    horizon = rewards.shape[-1]
    discount = gamma ** torch.arange(horizon, device=rewards.device, dtype=rewards.dtype)
    return rewards @ discount + gamma**horizon * final_value
