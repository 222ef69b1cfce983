"""Model predictive path integral control: the search itself, free of models and robots.

Higher returns are better throughout. An iteration takes and gives tensors of fixed shapes and
reads nothing on the host, so that a GPU can record it once and repeat it.

Source:
    Williams et al. 2017, "Information Theoretic MPC for Model-Based Reinforcement Learning";
    policy proposals and elites as in Hansen et al. 2022, "TD-MPC"; reuse of elites as in Pinneri
    et al. 2020, "iCEM".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from simdist_ros.planning.search_noise import SearchNoise
from simdist_ros.planning.settings import MppiSettings

__all__ = [
    'Improvement',
    'Iterate',
    'Score',
    'Search',
    'SearchResult',
    'State',
    'begin',
    'improve',
    'iterate',
    'search',
    'warm_start',
    'weigh',
]

Score = Callable[[Tensor], Tensor]

MEAN, PRIOR = 0, 1  # places of the mean and of the policy prior among the candidates


class Search(NamedTuple):
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


class Improvement(NamedTuple):
    """What one iteration made of its candidates; meaningless unless `is_finite`.

    Attributes:
        mean: The next mean, (T, action_dim).
        std: The next spread, (T, action_dim).
        elites: The candidates that shaped them, best first, (num_elites, T, action_dim).
        elite_returns: Their returns, -inf where a candidate doesn't count, (num_elites,).
        elite_return: Weighted mean return of the elites, ().
        effective_samples: 1 / sum of squared weights of the elites, 1 .. num_elites, ().
        is_finite: Whether any candidate had a finite return, ().
    """

    mean: Tensor
    std: Tensor
    elites: Tensor
    elite_returns: Tensor
    elite_return: Tensor
    effective_samples: Tensor
    is_finite: Tensor


class State(NamedTuple):
    """What one iteration hands to the next.

    Attributes:
        last: The improvement so far; before the first iteration, mean and spread to begin with.
        prior_return: The model's return of the policy prior, ().
    """

    last: Improvement
    prior_return: Tensor


Iterate = Callable[[Search, State, Tensor], State]


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


def warm_start(mean: Tensor, executed_steps: int) -> Tensor:
    """Drop the actions that were executed since, and repeat the last one in their place.

    Args:
        mean: Previous action sequence, (T, action_dim).
        executed_steps: Control steps since it was made, >= 0.
    """
    kept = mean[min(executed_steps, len(mean) - 1) :]
    return torch.cat([kept, kept[-1:].expand(len(mean) - len(kept), -1)])


def weigh(returns: Tensor, inverse_temperature: float) -> Tensor:
    """Return the weights of candidates, (K,): a softmax, 0 where a return, (K,), isn't finite."""
    counts = torch.isfinite(returns)
    ranked = torch.where(counts, returns, -torch.inf)
    exponent = inverse_temperature * (ranked - ranked.max())
    weights = torch.softmax(torch.where(counts, exponent, -torch.inf), dim=0)
    return torch.where(counts, weights, 0.0)


def improve(candidates: Tensor, returns: Tensor, settings: MppiSettings) -> Improvement:
    """Turn scored candidates into the next mean and spread.

    A candidate whose return is not finite never counts, however it would sort: it gets weight 0,
    and zeros in its place, for weight 0 would not stop a NaN.

    Args:
        candidates: Action sequences, (K, T, action_dim).
        returns: Return of each, (K,).
        settings: Elites, inverse temperature and smallest spread.
    """
    ranked = torch.where(torch.isfinite(returns), returns, -torch.inf)
    best, index = torch.topk(ranked, min(settings.num_elites, len(ranked)))
    counts = torch.isfinite(best)
    elites = torch.where(counts[:, None, None], candidates[index], 0.0)
    weights = weigh(best, settings.inverse_temperature)  # (num_elites,)
    mean = torch.einsum('k,kta->ta', weights, elites)
    variance = torch.einsum('k,kta->ta', weights, (elites - mean) ** 2)
    return Improvement(
        mean=mean,
        std=variance.sqrt().clamp_min(settings.min_std),
        elites=elites,
        elite_returns=best,
        elite_return=weights @ torch.where(counts, best, 0.0),
        effective_samples=1.0 / (weights @ weights),
        is_finite=counts[0],
    )


def begin(start: Search, settings: MppiSettings) -> State:
    """Return the state before the first iteration: no elites yet, the spread as set."""
    mean = start.mean
    scalar = mean.new_zeros(())
    return State(
        Improvement(
            mean=mean,
            std=torch.full_like(mean, settings.initial_std),
            elites=mean.new_zeros(settings.num_elites, *mean.shape),
            elite_returns=mean.new_full((settings.num_elites,), -torch.inf),
            elite_return=scalar,
            effective_samples=scalar,
            is_finite=torch.ones((), dtype=torch.bool, device=mean.device),
        ),
        prior_return=scalar,
    )


def iterate(
    score: Score, settings: MppiSettings, start: Search, state: State, noise: Tensor
) -> State:
    """Draw, score and weigh once.

    Args:
        score: Returns (K,) of candidate sequences (K, T, action_dim).
        settings: Sizes and distribution.
        start: Prior and bounds.
        state: Of the iteration before.
        noise: Standard normal, (num_drawn, T, action_dim).
    """
    last = state.last
    candidates = draw(start, last, noise, settings)
    returns = score(candidates)
    pool, pool_returns = candidates, returns
    if settings.reuses_elites:  # their returns are known: the model isn't asked again
        pool = torch.cat([candidates, last.elites])
        pool_returns = torch.cat([returns, last.elite_returns])
    improved = improve(pool, pool_returns, settings)
    kept = settings.std_momentum
    return State(
        improved._replace(
            std=torch.lerp(improved.std, last.std, kept) if kept else improved.std,
            is_finite=improved.is_finite & last.is_finite,
        ),
        prior_return=returns[PRIOR],
    )


def draw(start: Search, last: Improvement, noise: Tensor, settings: MppiSettings) -> Tensor:
    """Make one iteration's candidates, (num_candidates, T, action_dim); mean and prior first."""
    samples = last.mean + last.std * noise[: settings.num_samples]
    proposals = start.prior + settings.initial_std * noise[settings.num_samples :]
    return start.allowed(torch.cat([last.mean[None], start.prior[None], samples, proposals]))


def search(
    start: Search,
    step: Iterate,
    settings: MppiSettings,
    noise: SearchNoise,
    keep_going: Callable[[int], bool] = lambda iteration: True,
) -> SearchResult | None:
    """Improve a mean sequence by repeated sampling, scoring and weighting.

    Args:
        start: Mean, prior and bounds.
        step: One iteration: `iterate` with its score and its settings.
        settings: Sizes and distribution.
        noise: Source of all randomness.
        keep_going: Asked before each iteration but the first with the number of those done.

    Returns:
        The result, or None if an iteration had no candidate with a finite return.
    """
    state, done = begin(start, settings), 0
    for iteration in range(settings.num_iterations):
        if iteration and not keep_going(iteration):
            break
        state = step(start, state, noise.take(settings, start.mean.shape).to(start.mean.device))
        done += 1
    if not done or not state.last.is_finite:
        return None
    return SearchResult(state.last, float(state.prior_return), done)
