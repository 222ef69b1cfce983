"""Measure a world model on held-out episodes, without noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from simdist_ros.pretraining.train.losses import Batch, Losses, WorldModelLoss
from simdist_ros.transitions.training_windows import WindowSampler

__all__ = ['validate']

CHUNK = 256


@torch.no_grad()
def validate(
    loss: WorldModelLoss, sampler: WindowSampler, size: int, device: torch.device
) -> dict[str, float]:
    """Return the losses on evenly spaced windows, by the names of `Losses`.

    ``latent_share`` is the error of the latents over their variance, 0 if perfect and 1 for a
    model that predicts their mean: it tells a better prediction from a shrinking latent.

    Args:
        loss: The model and its loss.
        sampler: Windows of held-out episodes.
        size: How many windows to use.
        device: Where the model is.
    """
    numbers = np.unique(np.linspace(0, len(sampler) - 1, size).astype(np.int64))
    was_training = loss.training
    loss.eval()
    sums = dict.fromkeys((*Losses._fields, 'spread'), 0.0)
    for part in np.array_split(numbers, -(-len(numbers) // CHUNK)):
        batch = Batch.from_windows(sampler.gather(part), device)
        values = loss(batch)._asdict() | {'spread': latent_spread(loss, batch)}
        for name, value in values.items():
            sums[name] += float(value) * len(part) / len(numbers)
    loss.train(was_training)
    spread = sums.pop('spread')
    return {**sums, 'latent_share': sums['latent'] / max(spread, 1e-12)}


def latent_spread(loss: WorldModelLoss, batch: Batch) -> Tensor:
    """Return the variance of the latents to be predicted, averaged over their numbers."""
    past = loss.model.architecture.history_steps
    future = batch.proprio_obs[:, past + 1 :]
    latents = loss.model.encode_latent(future, batch.extero_obs.unsqueeze(1))
    return latents.flatten(0, 1).var(dim=0).mean()
