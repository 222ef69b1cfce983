"""What a GPU records; the tests that need one are skipped where there is none."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from simdist_ros.planning.backends.cuda_graph import flatten, rebuild
from simdist_ros.planning.backends.torch_backend import CudaBackend
from simdist_ros.planning.mppi import Search, State, begin
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.search_noise import SearchNoise
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.model import WorldModel

from .situations import SMALL, make_planner, observe

SETTINGS = MppiSettings(**SMALL)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no CUDA GPU')


def test_nested_named_tuples_come_back_as_they_were():
    search = Search(*(torch.full((2, 1), float(index)) for index in range(5)))
    state = begin(search, SETTINGS)
    tensors = flatten((search, state))
    assert len(tensors) == 5 + 7 + 1
    again, rebuilt = rebuild((search, state), iter(tensors))
    assert isinstance(again, Search)
    assert isinstance(rebuilt, State)
    assert rebuilt.last.elites is state.last.elites
    assert again.committed is search.committed


def on_gpu(model, seed=0):
    backend = CudaBackend(copy.deepcopy(model).to('cuda'))
    generator = torch.Generator().manual_seed(seed)
    return Planner(backend.model, SETTINGS, generator, backend=backend)


def assert_plans_agree(planner, other, architecture, ticks=4):
    for step in range(ticks):
        observation = observe(architecture, step, seed=step)
        one, two = planner.plan(observation), other.plan(observation)
        np.testing.assert_allclose(one.actions, two.actions, rtol=0.0, atol=1e-4)


@needs_gpu
def test_the_same_seed_gives_the_plans_of_the_cpu(small_model, architecture):
    assert_plans_agree(on_gpu(small_model), make_planner(small_model), architecture)


@needs_gpu
def test_swapped_dynamics_act_in_what_was_recorded(small_model, architecture):
    other = copy.deepcopy(small_model)
    other.dynamics.load_state_dict(WorldModel(architecture, 5).dynamics.state_dict())
    planner = on_gpu(small_model)
    planner.plan(observe(architecture))
    new = planner.backend.prepare(other)
    old = planner.swap(new)
    planner.reset()
    planner.noise = SearchNoise(torch.Generator().manual_seed(0))
    assert_plans_agree(planner, make_planner(other), architecture)
    planner.swap(old)
    planner.reset()
    planner.noise = SearchNoise(torch.Generator().manual_seed(0))
    assert_plans_agree(planner, make_planner(small_model), architecture)
