"""Observations, and a look at what a planner asks its model."""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from simdist_ros.planning.plan import Observation, Plan
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings

SMALL = {  # all of the distribution, so that tuned defaults change no test
    'num_samples': 32,
    'num_iterations': 3,
    'num_policy_samples': 4,
    'elite_fraction': 0.2,
    'inverse_temperature': 4.0,
    'gamma': 0.99,
    'num_command_steps': 0,
    'command_penalty': 0.0,
    'command_settling_steps': 0,
    'initial_std': 0.3,
    'min_std': 0.05,
    'prior_pull': 0.5,
}


def make_planner(model, seed=0, clock=None, **settings):
    clocks = {} if clock is None else {'clock': clock}
    mppi = MppiSettings(**{**SMALL, **settings})
    return Planner(model, mppi, torch.Generator().manual_seed(seed), **clocks)


def observe(architecture, step=0, seed=0, committed=None, **changes):
    """Return a random observation of a model's sizes."""
    a, rng = architecture, np.random.default_rng(seed)
    shapes = {
        'proprio_obs_hist': (a.history_steps + 1, a.proprio_obs_dim),
        'acts_hist': (a.history_steps, a.action_dim),
        'extero_obs': (a.extero_obs_dim,),
        'command': (a.command_dim,),
    }
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    if committed is None:
        committed = np.zeros((0, a.action_dim))
    arrays['committed'] = np.array(committed, dtype=np.float32)
    return Observation(step=step, **{**arrays, **changes})


@contextlib.contextmanager
def seen_by(model):
    """Collect the candidates that a model is asked to predict."""
    asked, predict = [], model.predict

    def spy(memory, actions):
        asked.append(actions.clone())
        return predict(memory, actions)

    model.predict = spy
    try:
        yield asked
    finally:
        del model.predict


def prefer(model, target):
    """Make a model's return minus the squared distance to an action sequence, (T, A)."""
    target = torch.as_tensor(target)

    def rewards(context, latents, actions, commands):
        return -((actions - target) ** 2).sum(dim=-1)

    model.rewards = rewards
    model.final_value = lambda latents, commands: torch.zeros(len(latents))


def prior_of(model, observation):
    """Return the policy's own sequence as a planner without iterations gives it, (T, A)."""
    return make_planner(model, num_iterations=0).plan(observation).actions


def actions(plan):
    """Return the actions of a plan that there is."""
    assert isinstance(plan, Plan), plan
    return plan.actions
