"""The shipped weights give the outputs that they gave when they were shipped."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.world_model.layers import LAYER_NORM_EPS
from simdist_ros.world_model.store.checkpoint import load_model

from .golden import GOLDEN, MODEL, make_outputs
from .situations import encode

# Between machines the outputs differ by some 1e-6; what is wrong shows in the second digit.
TOLERANCE = {'rtol': 1e-4, 'atol': 1e-4}


@pytest.fixture(scope='module')
def model():
    return load_model(MODEL).model


@pytest.fixture(scope='module')
def golden():
    with np.load(GOLDEN) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def group(golden, prefix):
    return {name[len(prefix) :]: x for name, x in golden.items() if name.startswith(prefix)}


def test_every_part_gives_what_it_gave(model, golden):
    outputs = make_outputs(model, group(golden, 'in/'))
    expected = group(golden, 'out/')
    assert set(outputs) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(outputs[name], value, **TOLERANCE, msg=lambda m, n=name: n + m)


def test_batch_of_one_and_the_path_that_trains_give_the_same(model, golden):
    inputs = {name: x[:1] for name, x in group(golden, 'in/').items()}
    expected = {name: x[:1] for name, x in group(golden, 'out/').items()}
    context = encode(model, inputs)
    latents = model.predict(model.memory(context), inputs['fut_acts'])
    scores = model.score(context, latents, inputs['fut_acts'], inputs['fut_cmds'])
    actions = model.policy_prior(context, inputs['fut_cmds'])
    torch.testing.assert_close(latents, expected['latents'], **TOLERANCE)
    torch.testing.assert_close(scores.rewards, expected['rewards'], **TOLERANCE)
    torch.testing.assert_close(scores.values, expected['values'], **TOLERANCE)
    torch.testing.assert_close(actions, expected['actions'], **TOLERANCE)


def test_candidates_that_share_a_situation_are_scored_as_if_each_had_its_own(model, golden):
    inputs = group(golden, 'in/')
    one = {name: x[:1] for name, x in inputs.items()}
    with torch.inference_mode():
        context = encode(model, one)
        memory = model.memory(context)
        latents = model.predict(memory, inputs['fut_acts'])
        scores = model.score(context, latents, inputs['fut_acts'], one['fut_cmds'])
        final = model.final_value(latents, one['fut_cmds'])
        for index in range(len(latents)):
            actions = inputs['fut_acts'][index : index + 1]
            own = model.predict(memory, actions)
            torch.testing.assert_close(latents[index], own[0], **TOLERANCE)
            alone = model.score(context, own, actions, one['fut_cmds'])
            torch.testing.assert_close(scores.rewards[index], alone.rewards[0], **TOLERANCE)
            torch.testing.assert_close(final[index], alone.values[0, -1], **TOLERANCE)
    torch.testing.assert_close(latents[0], golden['out/latents'][0], **TOLERANCE)


def test_layer_norms_have_the_epsilon_that_the_weights_were_trained_with(model):
    norms = [m for m in model.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert {norm.eps for norm in norms} == {LAYER_NORM_EPS} == {1e-6}
