"""How well a model predicts recorded windows, step by step and episode by episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.core.priority_gate import GiveWay, no_wait
from simdist_ros.transitions.training_windows import CHUNK, WindowSampler, evenly
from simdist_ros.world_model.context_windows import context_of, tensor, true_latents
from simdist_ros.world_model.model import WorldModel

__all__ = ['Prediction', 'predict']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Squared errors of N windows over T steps ahead; NaN where nothing was recorded.

    Attributes:
        latent: Of the predicted latents, mean over their numbers, (N, T).
        held: Of expecting the latent to stay as it is, (N, T).
        action: Of the policy prior against the executed actions, scaled, (N, T); None where it
            was not asked for.
        spread: Variance of the latents that were to be predicted.
        episode: Number of each window's episode, (N,).
    """

    latent: Array
    held: Array
    action: Array | None
    spread: float
    episode: NDArray[np.int64]

    def share(self, kind: str = 'latent') -> Array:
        """Return errors over the variance of what was to be predicted; actions as they are."""
        if kind == 'action':
            assert self.action is not None
            return self.action
        errors: Array = getattr(self, kind)
        return errors / max(self.spread, 1e-12)

    def by_step(self, kind: str = 'latent') -> Array:
        """Return the mean of `share` at each step ahead, (T,)."""
        return column_means(self.share(kind))

    def by_episode(self, kind: str = 'latent') -> Array:
        """Return the mean of `share` in each episode, (E,), by rising episode number."""
        errors = column_means(self.share(kind).T)  # (N,)
        numbers = np.unique(self.episode)
        columns = [column_means(errors[self.episode == e, None])[0] for e in numbers]
        return np.array(columns)


def column_means(errors: Array) -> Array:
    """Return the mean of each column over what was recorded; NaN where nothing was."""
    known = ~np.isnan(errors)
    count = known.sum(axis=0)
    total = np.where(known, errors, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@torch.inference_mode()
def predict(
    model: WorldModel,
    sampler: WindowSampler,
    most: int,
    kind: str = 'latent',
    *,
    chunk_size: int = CHUNK,
    give_way: GiveWay = no_wait,
) -> Prediction:
    """Predict evenly spaced windows with the actions that were executed.

    A prediction that is not finite counts as an infinitely large error.

    Args:
        model: In evaluation mode.
        sampler: The windows.
        most: Largest number of windows.
        kind: ``action`` for the errors of the policy prior too.
        chunk_size: Windows at once.
        give_way: Called before each of these chunks.
    """
    past = model.architecture.history_steps
    rows: dict[str, list[Array]] = {}
    targets: list[Array] = []
    numbers = evenly(len(sampler), most)
    for chunk in np.array_split(numbers, max(1, -(-len(numbers) // chunk_size))):
        give_way()
        windows = sampler.gather(chunk)
        context = context_of(model, windows)
        actions = tensor(windows.actions[:, past:])
        latents = model.predict(model.memory(context), actions)
        target = true_latents(model, windows)
        now = model.encode_latent(tensor(windows.proprio_obs[:, past]), tensor(windows.extero_obs))
        errors = {'latent': latents - target, 'held': now.unsqueeze(1) - target}
        if kind == 'action':
            prior = model.policy_prior(context, tensor(windows.commands))
            scale = model.normalizer.scale
            errors['action'] = scale('actions', prior) - scale('actions', actions)
        for name, error in errors.items():
            squared = np.nan_to_num(error.square().mean(-1).double().numpy(), nan=np.inf)
            rows.setdefault(name, []).append(np.where(windows.is_known, squared, np.nan))
        targets.append(target.numpy()[windows.is_known])
    joined = {name: np.concatenate(parts) for name, parts in rows.items()}
    actions_error = joined.pop('action', None)
    spread = float(np.concatenate(targets).var(axis=0, dtype=np.float64).mean())
    return Prediction(
        **joined, action=actions_error, spread=spread, episode=sampler.episode_of(numbers)
    )
