"""A belief about the robot: it acts through the expert that leads the proposals."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.planning.backends.torch_backend import CudaBackend, TorchBackend
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.store.checkpoint import save_model

from ..world_model.believing import belief_of, believing_expert, random_identifier
from .situations import SMALL, make_planner, observe

ALONE = {'num_iterations': 0}


@pytest.fixture
def model(small_model, architecture):
    small_model.expert = believing_expert(architecture)
    return small_model


def believing(model, first):
    """Return a copy of a model with a belief, None for none."""
    other = copy.deepcopy(model)
    other.belief = None if first is None else belief_of(first)
    return other


def first_action(planner, architecture, step=0):
    return planner.plan(observe(architecture, step, seed=step)).actions[0]


@pytest.mark.parametrize(('first', 'expected'), [(None, 0.0), (0.4, 0.4), (0.8, 0.8)])
def test_a_plan_begins_as_the_expert_acts_for_the_belief(model, architecture, first, expected):
    planner = make_planner(believing(model, first), **ALONE)
    action = first_action(planner, architecture)
    np.testing.assert_allclose(action, [expected, -expected], atol=1e-6)


def test_every_proposal_begins_with_what_the_belief_makes_of_it(model, architecture):
    planner = make_planner(believing(model, 0.4), num_command_steps=1)
    proposals = planner.observe(observe(architecture)).detach()
    assert len(proposals) == 4
    torch.testing.assert_close(proposals[:, 0], torch.tensor([[0.4, -0.4]]).expand(4, -1))


def test_it_is_not_told_where_the_setting_is_off_or_the_expert_is(model, architecture):
    led = make_planner(believing(model, 0.4), **ALONE, uses_belief=False)
    np.testing.assert_allclose(first_action(led, architecture), [0.0, 0.0], atol=1e-6)
    heads = [
        first_action(make_planner(one, **ALONE, uses_expert=False), architecture)
        for one in (model, believing(model, 0.4))
    ]
    np.testing.assert_array_equal(*heads)


@pytest.mark.parametrize('kind', [TorchBackend, 'onnxruntime'])
def test_a_swapped_belief_acts_from_the_next_tick_on_and_goes_back(
    model, architecture, kind, cache
):
    if kind == 'onnxruntime':
        pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
        from simdist_ros.planning.backends.onnx_backend import OnnxBackend

        planner = make_planner(model, **ALONE)
        planner.backend = OnnxBackend(model, cache=cache)
    else:
        planner = make_planner(model, **ALONE)
    check_swap(planner, model, architecture)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no CUDA GPU')
def test_a_swapped_belief_acts_beside_what_a_gpu_recorded(model, architecture):
    planner = make_planner(model, **ALONE)
    planner.backend = CudaBackend(copy.deepcopy(model).to('cuda'))
    check_swap(planner, model, architecture)


def test_a_recording_backend_exchanges_the_belief_in_place(model):
    backend, other = CudaBackend(model), believing(model, 0.4)
    new = backend.swap(backend.prepare(other))
    assert backend.model is model
    assert torch.equal(model.belief, belief_of(0.4))
    backend.swap(new)
    assert model.belief is None


def check_swap(planner, model, architecture):
    """See that a belief comes and goes with its swap, and that before it nothing changes."""
    new = planner.backend.prepare(believing(model, 0.4))
    assert tuple(new.changed) == ('belief',)
    np.testing.assert_allclose(first_action(planner, architecture, 0), [0.0, 0.0], atol=1e-5)
    old = planner.swap(new)
    np.testing.assert_allclose(first_action(planner, architecture, 1), [0.4, -0.4], atol=1e-5)
    planner.swap(old)
    np.testing.assert_allclose(first_action(planner, architecture, 2), [0.0, 0.0], atol=1e-5)


def test_a_model_that_lets_only_its_dynamics_be_swapped_refuses_a_belief(model):
    backend = TorchBackend(model)
    with pytest.raises(CheckpointError, match=r'^belief of the new model .* only dynamics be'):
        backend.prepare(believing(model, 0.4), ('dynamics',))


def test_another_identifier_is_never_swapped_in(model, architecture):
    other = copy.deepcopy(model)
    other.identifier = random_identifier(architecture)
    with pytest.raises(CheckpointError, match=r'^identifier of the new model'):
        TorchBackend(model).prepare(other)


def test_the_log_says_that_the_expert_has_a_belief(model, robot, tmp_path):
    save_model(tmp_path / 'm', believing(model, 0.4), robot='duo', created_by='a test')
    settings = MppiSettings(**{**SMALL, **ALONE})
    told = load_planner(str(tmp_path / 'm'), robot, settings, seed=0).summary
    assert 'led by its expert with its belief, ' in told
    off = dataclasses.replace(settings, uses_belief=False)
    assert 'belief' not in load_planner(str(tmp_path / 'm'), robot, off, seed=0).summary
