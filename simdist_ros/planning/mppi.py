"""Model predictive path integral control: the search itself, free of models and robots.

Higher returns are better throughout.

Source:
    Williams et al. 2017, "Information Theoretic MPC for Model-Based Reinforcement Learning";
    policy proposals and elites as in Hansen et al. 2022, "TD-MPC".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simdist_ros.planning.settings import MppiSettings

__all__ = [
    'Improvement',
    'Search',
    'SearchResult',
    'discounted_return',
    'improve',
    'search',
    'warm_start',
]

Score = Callable[[Tensor], Tensor]

MEAN, PRIOR = 0, 1  # places of the mean and of the policy prior among the candidates


@dataclass(frozen=True)
class Search:
    """Where a search begins.

    Attributes:
        mean: Action sequence to search around, (T, action_dim).
        prior: The policy's own sequence, (T, action_dim).
        low: Smallest action the model was trained on, (action_dim,).
        high: Largest action the model was trained on, (action_dim,).
        committed: Actions already decided for the first steps, (plan_delay_steps, action_dim).
    """

    mean: Tensor
    prior: Tensor
    low: Tensor
    high: Tensor
    committed: Tensor

    def allowed(self, actions: Tensor) -> Tensor:
        """Clip candidates to the trained range and fix their committed steps, (..., T, A)."""
        clipped = torch.clamp(actions, self.low, self.high)
        clipped[..., : len(self.committed), :] = self.committed
        return clipped


@dataclass(frozen=True)
class Improvement:
    """What one iteration made of its candidates.

    Attributes:
        mean: The next mean, (T, action_dim).
        std: The next spread, (T, action_dim).
        elite_return: Weighted mean return of the elites.
        effective_samples: 1 / sum of squared weights of the elites, 1 .. num_elites.
    """

    mean: Tensor
    std: Tensor
    elite_return: float
    effective_samples: float


@dataclass(frozen=True)
class SearchResult:
    """Where a search ended.

    Attributes:
        last: The last iteration's improvement.
        prior_return: The model's return of the policy prior.
        num_iterations: Iterations done.
    """

    last: Improvement
    prior_return: float
    num_iterations: int


def discounted_return(rewards: Tensor, final_value: Tensor, gamma: float) -> Tensor:
    """Sum gamma^k r_k over k = 0..T-1, plus gamma^T V at step T.

    Args:
        rewards: Reward of each step, (K, T).
        final_value: Value of the state after the last step, (K,).
        gamma: Discount of one step.

    Returns:
        Return of each candidate, (K,).
    """
    horizon = rewards.shape[-1]
    discount = gamma ** torch.arange(horizon, device=rewards.device, dtype=rewards.dtype)
    return rewards @ discount + gamma**horizon * final_value


def warm_start(mean: Tensor, executed_steps: int) -> Tensor:
    """Drop the actions that were executed since, and repeat the last one in their place.

    Args:
        mean: Previous action sequence, (T, action_dim).
        executed_steps: Control steps since it was made, >= 0.
    """
    kept = mean[min(executed_steps, len(mean) - 1) :]
    return torch.cat([kept, kept[-1:].expand(len(mean) - len(kept), -1)])


def improve(candidates: Tensor, returns: Tensor, settings: MppiSettings) -> Improvement | None:
    """Turn scored candidates into the next mean and spread.

    A candidate whose return is not finite never counts, however it would sort.

    Args:
        candidates: Action sequences, (K, T, action_dim).
        returns: Return of each, (K,).
        settings: Elites, inverse temperature and smallest spread.

    Returns:
        The next distribution; None if no return is finite.
    """
    ranked = torch.where(torch.isfinite(returns), returns, -torch.inf)
    best, index = torch.topk(ranked, min(settings.num_elites, len(ranked)))
    counts = torch.isfinite(best)
    if not counts[0]:
        return None
    best, elites = best[counts], candidates[index[counts]]  # weight 0 would not stop a NaN
    exponent = settings.inverse_temperature * (best - best[0])
    weights = torch.softmax(exponent, dim=0)  # (num_elites,)
    mean = torch.einsum('k,kta->ta', weights, elites)
    variance = torch.einsum('k,kta->ta', weights, (elites - mean) ** 2)
    return Improvement(
        mean=mean,
        std=variance.sqrt().clamp_min(settings.min_std),
        elite_return=float(weights @ best),
        effective_samples=float(1.0 / (weights @ weights)),
    )


def search(
    start: Search,
    score: Score,
    settings: MppiSettings,
    generator: torch.Generator,
    keep_going: Callable[[int], bool] = lambda iteration: True,
) -> SearchResult | None:
    """Improve a mean sequence by repeated sampling, scoring and weighting.

    Args:
        start: Mean, prior and bounds.
        score: Returns (K,) of candidate sequences (K, T, action_dim).
        settings: Sizes and distribution.
        generator: Source of all randomness.
        keep_going: Asked before each iteration but the first with the number of those done.

    Returns:
        The result, or None if an iteration had no candidate with a finite return.
    """
    mean, std = start.mean, torch.full_like(start.mean, settings.initial_std)
    result = None
    for iteration in range(settings.num_iterations):
        if iteration and not keep_going(iteration):
            break
        candidates = draw(start, mean, std, settings, generator)
        returns = score(candidates)
        improved = improve(candidates, returns, settings)
        if improved is None:
            return None
        mean, std = improved.mean, improved.std
        result = SearchResult(improved, float(returns[PRIOR]), iteration + 1)
    return result


def draw(
    start: Search, mean: Tensor, std: Tensor, settings: MppiSettings, generator: torch.Generator
) -> Tensor:
    """Draw one iteration's candidates, (num_candidates, T, action_dim); mean and prior first."""
    count = settings.num_samples + settings.num_policy_samples
    noise = torch.randn((count, *mean.shape), generator=generator, device=mean.device)
    samples = mean + std * noise[: settings.num_samples]
    proposals = start.prior + settings.initial_std * noise[settings.num_samples :]
    return start.allowed(torch.cat([mean[None], start.prior[None], samples, proposals]))
