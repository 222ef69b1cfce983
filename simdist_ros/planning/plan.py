"""What a planner is shown, and what it answers: a plan or the reason for none."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ['NoPlan', 'Observation', 'Plan', 'Reason', 'Source', 'is_finite']

F32 = NDArray[np.float32]


class Source(enum.Enum):
    """What a plan was made by."""

    MPPI = 'mppi'
    POLICY_PRIOR = 'policy_prior'
    EXPLORATION = 'exploration'


class Reason(enum.Enum):
    """Why a plan is not what was asked for."""

    NONE = 'none'
    STATE_UNUSABLE = 'the state is not usable'
    OBSERVATION_NOT_FINITE = 'the observation is not finite'
    RETURNS_NOT_FINITE = 'no candidate has a finite return'
    PRIOR_NOT_FINITE = 'the policy prior is not finite'
    BUDGET_SPENT = 'the budget was spent before the first iteration'


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What the planner needs to know at one tick; raw units.

    Attributes:
        step: Number of the control tick, to tell how much of the last plan was executed.
        proprio_obs_hist: o_{t-H..t}, (H + 1, proprio_obs_dim).
        acts_hist: a_{t-H..t-1} as executed, (H, action_dim).
        extero_obs: Of the current tick, (extero_obs_dim,).
        command: Wanted over the whole horizon, (command_dim,).
        committed: Actions of the next plan_delay_steps steps, already decided, (d, action_dim).
    """

    step: int
    proprio_obs_hist: F32
    acts_hist: F32
    extero_obs: F32
    command: F32
    committed: F32


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A finite plan; its first action takes effect plan_delay_steps after the observation.

    Attributes:
        actions: (T - plan_delay_steps, action_dim), float32.
        source: What made it.
        reason: Why it isn't by MPPI, where it was meant to be.
        gain: Its return over the policy prior's, by the model itself; 0 where the search found
            nothing better, which leaves the prior; NaN where the prior's return is not finite.
        effective_samples: Of the last iteration's weights, or of the proposals' without samples.
        num_iterations: Iterations done.
        elapsed_ms: Time it took [ms].
        doubts_belief: The robot does not move as is believed; the usual expert acts.
    """

    actions: F32
    source: Source
    reason: Reason = Reason.NONE
    gain: float = 0.0
    effective_samples: float = 0.0
    num_iterations: int = 0
    elapsed_ms: float = 0.0
    doubts_belief: bool = False


@dataclass(frozen=True, kw_only=True)
class NoPlan:
    """There is no finite plan: hold on to the last one while it is fresh, then stand."""

    reason: Reason
    elapsed_ms: float = 0.0


def is_finite(observation: Observation) -> bool:
    """Tell whether every number of an observation is finite."""
    return all(
        bool(np.isfinite(array).all())
        for array in (
            observation.proprio_obs_hist,
            observation.acts_hist,
            observation.extero_obs,
            observation.command,
            observation.committed,
        )
    )
