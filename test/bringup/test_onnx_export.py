"""ONNX graphs are exported before a robot moves, where the planner would measure them."""

from __future__ import annotations

import pytest

from simdist_ros.bringup.onnx_export import export_once, wants_export
from simdist_ros.core.cache import CACHE
from simdist_ros.planning.backends.choice import BackendSettings
from simdist_ros.planning.backends.onnx_graphs import (
    INDEX,
    are_kept,
    cache_folder,
    graph_key,
)
from simdist_ros.world_model.store.checkpoint import load_model

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')


@pytest.mark.parametrize(
    ('settings', 'wanted'),
    [
        ({}, True),
        ({'device': 'cpu'}, True),
        ({'backend': 'torch'}, False),
        ({'backend': 'onnxruntime'}, False),  # the planner exports by itself
    ],
)
def test_graphs_are_wanted_where_onnx_runtime_is_one_of_several_choices(settings, wanted):
    assert wants_export(BackendSettings(**settings)) == wanted


def test_what_was_exported_before_is_not_exported_again(random_model, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path))
    place = cache_folder() / graph_key(load_model(random_model).model)
    place.mkdir(parents=True)
    (place / INDEX).write_text('{}')
    told: list[str] = []
    export_once({'model': str(random_model)}, told.append)
    assert told == []


def test_a_failed_export_is_told_and_hinders_nothing(random_model, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path))
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    (tmp_path / 'onnxscript.py').write_text(
        'raise ImportError("no onnxscript", name="onnxscript")'
    )
    told: list[str] = []
    export_once({'model': str(random_model)}, told.append)
    assert told[0].startswith(f'exporting the ONNX graphs of {random_model}, once')
    assert 'no ONNX graphs, the planner uses PyTorch: error: ' in told[1]
    assert not are_kept(load_model(random_model).model)
