"""ONNX Runtime gives what PyTorch gives, and its graphs bring no weights along."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.planning.backends import onnx_graphs
from simdist_ros.planning.backends.onnx_graphs import INDEX, are_kept, graph_key, load_graphs
from simdist_ros.planning.backends.stages import STAGES
from simdist_ros.planning.plan import Observation
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.residual import Residual

from .situations import SMALL, make_planner, observe

pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
from simdist_ros.planning.backends.onnx_backend import OnnxBackend
from simdist_ros.planning.backends.onnx_session import OnnxStage

TOLERANCE = 1e-4
SETTINGS = MppiSettings(**SMALL)


@pytest.fixture
def backend(small_model, cache):
    return OnnxBackend(small_model, cache=cache)


@pytest.fixture
def never_exports(monkeypatch):
    def refuse(stage):
        raise AssertionError('exported again')

    monkeypatch.setattr(onnx_graphs, 'export', refuse)


def with_other_dynamics(model, seed=5):
    """Return the model with dynamics of another seed."""
    other = copy.deepcopy(model)
    other.dynamics.load_state_dict(WorldModel(model.architecture, seed).dynamics.state_dict())
    return other


def planner_on(backend, settings=SETTINGS, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Planner(backend.model, settings, generator, backend=backend)


def plans_of(planner, architecture, ticks=4):
    return [planner.plan(observe(architecture, step, seed=step)) for step in range(ticks)]


def assert_plans_agree(ours, theirs):
    for one, two in zip(ours, theirs, strict=True):
        assert np.abs(one.actions - two.actions).max() < TOLERANCE
        assert one.gain == pytest.approx(two.gain, abs=TOLERANCE)


# The same plans


def test_the_same_seed_gives_the_plans_of_pytorch(backend, small_model, architecture):
    ours = plans_of(planner_on(backend), architecture)
    assert_plans_agree(ours, plans_of(make_planner(small_model), architecture))
    assert any(plan.gain > 0 for plan in ours)


def test_a_model_without_a_height_map_plans_alike(architecture, cache):
    blind = dataclasses.replace(architecture, extero_rows=0, extero_columns=0)
    model = WorldModel(blind, seed=1).eval()
    ours = plans_of(planner_on(OnnxBackend(model, cache=cache)), blind)
    assert_plans_agree(ours, plans_of(make_planner(model), blind))


@pytest.mark.parametrize('samples', [1, 5, 100])
def test_any_number_of_candidates_runs_on_the_same_graphs(
    backend, small_model, architecture, samples
):
    settings = MppiSettings(**{**SMALL, 'num_samples': samples, 'num_policy_samples': 0})
    theirs = Planner(small_model, settings, torch.Generator().manual_seed(0))
    assert_plans_agree(
        plans_of(planner_on(backend, settings), architecture), plans_of(theirs, architecture)
    )


def test_a_plan_stays_as_it_is_when_the_next_is_made(backend, architecture):
    planner = planner_on(backend)
    first = planner.plan(observe(architecture)).actions
    kept = first.copy()
    planner.plan(observe(architecture, 1, seed=1))
    np.testing.assert_array_equal(first, kept)


@pytest.fixture(scope='session')
def published_backend(published_model, cache):
    return OnnxBackend(published_model, cache=cache)


def test_every_golden_situation_is_planned_as_by_pytorch(
    published_backend, published_model, upstream
):
    with np.load(upstream / 'golden.npz') as file:
        inputs = {name: file[f'in/{name}'] for name in NAMES}
    settings = MppiSettings(num_samples=16, num_iterations=2)
    for batch in range(len(inputs['extero_obs'])):
        ours = planner_on(published_backend, settings, seed=batch)
        theirs = Planner(published_model, settings, torch.Generator().manual_seed(batch))
        for row in range(inputs['extero_obs'].shape[1]):
            observation = golden_observation({k: x[batch, row] for k, x in inputs.items()}, row)
            assert_plans_agree([ours.plan(observation)], [theirs.plan(observation)])


NAMES = ('proprio_obs_hist', 'acts_hist', 'extero_obs', 'fut_cmds')


def golden_observation(arrays, step):
    return Observation(
        step=step,
        proprio_obs_hist=arrays['proprio_obs_hist'],
        acts_hist=arrays['acts_hist'],
        extero_obs=arrays['extero_obs'],
        command=arrays['fut_cmds'][0],
        committed=np.zeros((0, 12), np.float32),
    )


def test_golden_outputs_come_out_of_the_graphs(published_backend, upstream):
    """The original's own outputs, stage by stage; the first of each batch."""
    with np.load(upstream / 'golden.npz') as file:
        golden = {name: torch.from_numpy(file[name]) for name in file.files if name != 'kind'}
    stages = published_backend.stages
    for batch in range(8):
        given = {name: golden[f'in/{name}'][batch, :1].contiguous() for name in INPUTS}
        context = stages.encode(*(given[name] for name in INPUTS[:3]))
        memory = stages.remember(*context)
        (latents,) = stages.predict(*memory, given['fut_acts'])
        rewards, value = stages.judge(*context, latents, given['fut_acts'], given['fut_cmds'])
        (prior,) = stages.propose(*context, given['fut_cmds'])
        for found, name in ((latents, 'latents'), (rewards, 'rewards'), (prior, 'actions')):
            expected = golden[f'out/{name}'][batch, :1]
            torch.testing.assert_close(found, expected, rtol=0.0, atol=TOLERANCE)
        expected = golden['out/values'][batch, :1, -1]
        torch.testing.assert_close(value, expected, rtol=0.0, atol=TOLERANCE)


INPUTS = ('proprio_obs_hist', 'acts_hist', 'extero_obs', 'fut_acts', 'fut_cmds')


# Weights


def test_the_graphs_hold_no_weights(small_model, cache):
    load_graphs(small_model, cache)
    place = cache / graph_key(small_model)
    weights = [x for x in small_model.state_dict().values() if x.numel() >= 16]
    for name in STAGES:
        content = (place / f'{name}.onnx').read_bytes()
        assert not any(x.numpy().tobytes() in content for x in weights)


def test_models_of_one_architecture_share_their_graphs(
    backend, architecture, cache, never_exports
):
    other = WorldModel(architecture, seed=2).eval()
    ours = plans_of(planner_on(OnnxBackend(other, cache=cache)), architecture)
    assert_plans_agree(ours, plans_of(make_planner(other), architecture))


def test_weights_that_change_later_do_not_reach_a_session_half_way(
    backend, small_model, architecture
):
    before = planner_on(backend).plan(observe(architecture)).actions
    with torch.no_grad():
        for parameter in small_model.parameters():
            parameter += 1.0
    after = planner_on(backend).plan(observe(architecture)).actions
    np.testing.assert_array_equal(before, after)


def test_a_session_refuses_weights_that_lack_one(small_model, cache):
    graphs, _ = load_graphs(small_model, cache)
    weights = STAGES['predict'](small_model).state_dict()
    del weights['model.dynamics.action.position']
    with pytest.raises(KeyError, match='position'):
        OnnxStage(graphs['predict'], weights, STAGES['predict'].inputs)


# Swap


def test_swapped_dynamics_plan_as_a_planner_made_with_them(
    backend, small_model, architecture, never_exports
):
    other = with_other_dynamics(small_model)
    planner = planner_on(backend)
    planner.swap(backend.prepare(other))
    assert planner.model is other
    ours = plans_of(planner, architecture)
    assert_plans_agree(ours, plans_of(make_planner(other), architecture))
    theirs = plans_of(make_planner(small_model), architecture)
    assert np.abs(ours[-1].actions - theirs[-1].actions).max() > TOLERANCE


def test_what_was_swapped_out_can_be_swapped_in_again(backend, small_model, architecture):
    planner = planner_on(backend)
    old = planner.swap(backend.prepare(with_other_dynamics(small_model)))
    planner.swap(old)
    assert planner.model is small_model
    ours = plans_of(planner, architecture)
    assert_plans_agree(ours, plans_of(make_planner(small_model), architecture))


def test_preparing_changes_no_plan(backend, small_model, architecture):
    one, two = planner_on(backend), make_planner(small_model)
    for step in range(3):
        backend.prepare(with_other_dynamics(small_model, seed=step))
        assert_plans_agree(
            [one.plan(observe(architecture, step))], [two.plan(observe(architecture, step))]
        )


@pytest.mark.parametrize('part', ['encoder', 'heads', 'normalizer'])
def test_a_model_that_differs_in_more_than_its_dynamics_is_not_swapped_in(
    backend, small_model, part
):
    other = copy.deepcopy(small_model)
    with torch.no_grad():
        next(iter(getattr(other, part).state_dict().values())).add_(0.5)
    with pytest.raises(CheckpointError, match=f'{part} of the new model is not that of the'):
        backend.prepare(other)


# Residual


@pytest.fixture(scope='module')
def corrected(architecture):
    """A model with a residual that changes much."""
    model = WorldModel(architecture, seed=1)
    model.residual = Residual(architecture, 4)
    torch.nn.init.normal_(model.residual.output.weight, generator=torch.Generator().manual_seed(3))
    return model.eval()


@pytest.fixture(scope='module')
def corrected_cache(architecture, corrected, cache):
    """Graphs of that model: only one of them differs from those of a model without a residual."""
    graphs, _ = load_graphs(WorldModel(architecture, seed=1).eval(), cache)
    predict = onnx_graphs.export(STAGES['predict'](corrected))
    onnx_graphs.write(cache / graph_key(corrected), {**graphs, 'predict': predict})
    return cache


def test_a_residual_takes_part_in_the_plans(
    corrected, corrected_cache, small_model, architecture, never_exports
):
    ours = plans_of(planner_on(OnnxBackend(corrected, cache=corrected_cache)), architecture)
    assert_plans_agree(ours, plans_of(make_planner(corrected), architecture))
    without = plans_of(make_planner(small_model), architecture)
    assert np.abs(ours[-1].actions - without[-1].actions).max() > TOLERANCE


def test_a_residual_is_swapped_in_and_out(
    corrected, corrected_cache, small_model, architecture, never_exports
):
    planner = planner_on(OnnxBackend(small_model, cache=corrected_cache))
    old = planner.swap(planner.backend.prepare(corrected))
    assert_plans_agree(
        plans_of(planner, architecture), plans_of(make_planner(corrected), architecture)
    )
    planner = planner_on(planner.backend)
    planner.swap(old)
    assert_plans_agree(
        plans_of(planner, architecture), plans_of(make_planner(small_model), architecture)
    )


def test_a_residual_whose_graphs_are_not_exported_is_refused_and_not_exported_meanwhile(
    backend, small_model, architecture, never_exports
):
    other = copy.deepcopy(small_model)
    other.residual = Residual(architecture, 5)
    with pytest.raises(CheckpointError, match='they are not exported; run `simdist export-onnx`'):
        backend.prepare(other.eval())
    assert_plans_agree(
        plans_of(planner_on(backend), architecture),
        plans_of(make_planner(small_model), architecture),
    )


# Kept graphs


def test_graphs_are_exported_once(backend, small_model, cache, never_exports):
    assert are_kept(small_model, cache)
    assert OnnxBackend(small_model, cache=cache).note == ''


def damage(place: Path, how: str) -> None:
    index = json.loads((place / INDEX).read_text())
    if how == 'truncated graph':
        content = (place / 'judge.onnx').read_bytes()
        (place / 'judge.onnx').write_bytes(content[:-100])
    elif how == 'no graph':
        (place / 'judge.onnx').unlink()
    elif how == 'graph of another model':
        (place / 'judge.onnx').write_bytes((place / 'encode.onnx').read_bytes())
    elif how == 'truncated index':
        (place / INDEX).write_text(json.dumps(index)[:-20])
    elif how == 'index without a stage':
        del index['judge']
        (place / INDEX).write_text(json.dumps(index))


@pytest.mark.parametrize(
    'how',
    [
        'truncated graph',
        'no graph',
        'graph of another model',
        'truncated index',
        'index without a stage',
    ],
)
def test_graphs_that_are_not_whole_are_exported_anew_with_a_word(
    small_model, cache, tmp_path, monkeypatch, how
):
    graphs, _ = load_graphs(small_model, cache)
    names = {stage: name for name, stage in STAGES.items()}
    monkeypatch.setattr(onnx_graphs, 'export', lambda stage: graphs[names[type(stage)]])
    load_graphs(small_model, tmp_path)
    place = tmp_path / graph_key(small_model)
    damage(place, how)
    again, note = load_graphs(small_model, tmp_path)
    assert note == f'{place}: ONNX graphs were not whole; exported anew'
    assert again == graphs
    assert load_graphs(small_model, tmp_path) == (graphs, '')


def test_a_cache_that_cannot_be_written_is_said_and_no_more(
    small_model, cache, tmp_path, monkeypatch
):
    graphs, _ = load_graphs(small_model, cache)
    names = {stage: name for name, stage in STAGES.items()}
    monkeypatch.setattr(onnx_graphs, 'export', lambda stage: graphs[names[type(stage)]])
    (tmp_path / 'file').write_text('')
    found, note = load_graphs(small_model, tmp_path / 'file')
    assert found == graphs
    assert 'ONNX graphs cannot be kept' in note


def test_another_architecture_has_another_key(small_model, architecture):
    from dataclasses import replace

    wider = WorldModel(replace(architecture, attention_factor=2), seed=1)
    assert graph_key(wider) != graph_key(small_model)
