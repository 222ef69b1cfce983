"""Any part that a model lets be swapped is exchanged between two ticks, on both backends."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.planning.backends.torch_backend import TorchBackend
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.part_names import ADAPTED, SWAPPABLE
from simdist_ros.world_model.swappable_parts import changed_parts

from .situations import SMALL, observe

SETTINGS = MppiSettings(**SMALL)
TOLERANCE = 1e-4


@pytest.fixture(params=['torch', 'onnxruntime'])
def backend(request, small_model, tmp_path_factory):
    if request.param == 'torch':
        return TorchBackend(small_model)
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    from simdist_ros.planning.backends.onnx_backend import OnnxBackend

    return OnnxBackend(small_model, cache=tmp_path_factory.getbasetemp() / 'swap_graphs')


def planner_of(backend):
    return Planner(backend.model, SETTINGS, torch.Generator().manual_seed(0), backend=backend)


def actions_of(planner, architecture):
    return np.stack(
        [planner.plan(observe(architecture, step, seed=step)).actions for step in range(3)]
    )


def with_other(model, *parts):
    """Return the model with other weights in some parts."""
    other, source = copy.deepcopy(model), WorldModel(model.architecture, seed=9)
    for part in parts:
        getattr(other, part).load_state_dict(getattr(source, part).state_dict())
    return other.eval()


@pytest.mark.parametrize('parts', [('heads',), ('encoder',), ('encoder', 'dynamics', 'heads')])
def test_parts_are_swapped_in_and_out_again(backend, small_model, architecture, parts):
    other = with_other(small_model, *parts)
    assert changed_parts(small_model, other) == tuple(p for p in SWAPPABLE if p in parts)
    planner = planner_of(backend)
    old = planner.swap(backend.prepare(other, (*ADAPTED, *parts)))
    assert planner.model is other
    ours, theirs = (
        actions_of(one, architecture) for one in (planner, planner_of(TorchBackend(other)))
    )
    before = actions_of(planner_of(TorchBackend(small_model)), architecture)
    np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)
    assert np.abs(ours - before).max() > 100 * TOLERANCE
    planner.swap(old)
    again = planner_of(backend)
    assert again.model is small_model
    np.testing.assert_allclose(actions_of(again, architecture), before, atol=TOLERANCE)


@pytest.mark.parametrize('part', ['encoder', 'heads'])
def test_a_part_that_is_not_declared_is_refused_with_where_to_declare_it(
    backend, small_model, part
):
    with pytest.raises(CheckpointError, match=rf'^{part} .* \(`swappable` in its'):
        backend.prepare(with_other(small_model, 'dynamics', part))


def test_the_normalizer_is_never_swapped(backend, small_model):
    other = copy.deepcopy(small_model)
    with torch.no_grad():
        next(iter(other.normalizer.state_dict().values())).add_(0.5)
    with pytest.raises(CheckpointError, match=r'^normalizer of the new model'):
        backend.prepare(other, SWAPPABLE)
