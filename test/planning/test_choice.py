"""Which backend is taken; the times are made up here, the backends are real."""

from __future__ import annotations

import pytest
import torch

from simdist_ros.core.cache import CACHE
from simdist_ros.core.errors import ConfigError
from simdist_ros.planning.backends import choice
from simdist_ros.planning.backends.choice import BackendSettings, Option, choose, options
from simdist_ros.planning.backends.onnx_graphs import load_graphs
from simdist_ros.planning.backends.torch_backend import TorchBackend

TORCH, ONNX = Option('torch', 'cpu'), Option('onnxruntime', 'cpu')


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path))


def by_name(**times):
    """Return a measure of made-up times."""
    return lambda backend: times[backend.name]


def test_pytorch_on_the_cpu_is_always_there():
    assert options()[0] == TORCH


def test_the_only_one_asked_for_is_taken_without_measuring(small_model):
    found = choose(small_model, BackendSettings(backend='torch', device='cpu'), measure=None)
    assert isinstance(found.backend, TorchBackend)
    assert (found.why, found.warning) == ('torch on cpu, the only one asked for', '')


def test_graphs_that_are_yet_to_be_exported_do_not_hold_up_the_start(small_model, monkeypatch):
    monkeypatch.setattr(choice, 'options', lambda: [TORCH, ONNX])
    found = choose(small_model, BackendSettings(), by_name(torch=5.0))
    assert found.backend.name == 'torch'
    assert found.warning == 'onnxruntime on cpu not measured, its graphs are not exported yet'


@pytest.mark.parametrize(('torch_ms', 'onnx_ms', 'best'), [(5.0, 4.0, ONNX), (4.0, 5.0, TORCH)])
def test_auto_takes_the_fastest_and_names_the_figures(
    small_model, monkeypatch, cache, torch_ms, onnx_ms, best
):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    load_graphs(small_model, cache)
    monkeypatch.setenv(CACHE, str(cache.parent))
    monkeypatch.setattr(choice, 'options', lambda: [TORCH, ONNX])
    found = choose(small_model, BackendSettings(), by_name(torch=torch_ms, onnxruntime=onnx_ms))
    assert found.backend.about == str(best)
    figures = f'onnxruntime on cpu {onnx_ms} ms, torch on cpu {torch_ms} ms'
    assert found.why == f'{best}, the fastest of: {figures}'
    assert found.warning == ''


def test_one_that_does_not_work_is_left_out_with_its_reason(small_model, monkeypatch):
    broken = Option('torch', 'cuda')
    monkeypatch.setattr(choice, 'options', lambda: [TORCH, broken])
    real = choice.make

    def make(model, option, num_threads):
        if option == broken:
            raise torch.cuda.OutOfMemoryError('CUDA out of memory.\nTried to allocate 2 GiB.')
        return real(model, option, num_threads)

    monkeypatch.setattr(choice, 'make', make)
    found = choose(small_model, BackendSettings(), by_name(torch=5.0))
    assert found.backend.about == 'torch on cpu'
    assert found.warning == (
        'torch on cuda left out: CUDA out of memory. Tried to allocate 2 GiB.'
    )


@pytest.mark.parametrize(
    ('backend', 'device'), [('torch', 'cuda'), ('torch', 'openvino'), ('onnxruntime', 'tensorrt')]
)
def test_what_is_not_installed_is_refused_with_what_is(small_model, backend, device):
    settings = BackendSettings(backend=backend, device=device)
    with pytest.raises(ConfigError) as caught:
        choose(small_model, settings, measure=None)
    assert str(caught.value).startswith(
        f"backend '{backend}' on device '{device}' is not installed here; there is torch on cpu"
    )


@pytest.mark.parametrize(
    ('given', 'taken'),
    [
        ({}, ('torch', 'cpu')),
        ({'backend': 'onnxruntime'}, ('onnxruntime', 'cpu')),
        ({'device': 'cuda'}, ('torch', 'cuda')),
        ({'device': 'openvino'}, ('onnxruntime', 'openvino')),
        ({'backend': 'onnxruntime', 'device': 'cuda'}, ('onnxruntime', 'cuda')),
    ],
)
def test_where_results_must_repeat_nothing_hangs_on_a_measurement(given, taken):
    fixed = BackendSettings(**given).fixed()
    assert (fixed.backend, fixed.device) == taken
