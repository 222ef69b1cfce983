"""The published weights give the published outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.world_model.inference import infer
from simdist_ros.world_model.store.checkpoint import load_model

from .situations import encode

TOLERANCE = {'latents': 1e-4, 'values': 1e-4, 'actions': 1e-4, 'rewards': 5e-6}
BATCHES = range(8)


def batch_of(golden, group, index):
    return {name[len(group) :]: x[index] for name, x in golden.items() if name.startswith(group)}


@pytest.mark.parametrize('index', BATCHES)
def test_outputs_are_the_originals(published_model, golden, index):
    outputs = infer(published_model, batch_of(golden, 'in/', index))
    for name, expected in batch_of(golden, 'out/', index).items():
        torch.testing.assert_close(outputs[name], expected, rtol=0.0, atol=TOLERANCE[name])


def test_outputs_are_the_originals_on_the_path_that_trains(published_model, golden):
    inputs = batch_of(golden, 'in/', 0)
    context = encode(published_model, inputs)
    latents = published_model.predict(published_model.memory(context), inputs['fut_acts'])
    scores = published_model.score(context, latents, inputs['fut_acts'], inputs['fut_cmds'])
    torch.testing.assert_close(latents, golden['out/latents'][0], rtol=0.0, atol=1e-4)
    torch.testing.assert_close(scores.rewards, golden['out/rewards'][0], rtol=0.0, atol=5e-6)
    torch.testing.assert_close(scores.values, golden['out/values'][0], rtol=0.0, atol=1e-4)


@pytest.mark.parametrize('index', BATCHES)
def test_dynamics_target_is_the_originals(published_model, golden, index):
    inputs = batch_of(golden, 'in/', index)
    latents = published_model.encode_latent(
        inputs['proprio_obs_hist'], inputs['extero_obs'].unsqueeze(1)
    )
    expected = golden['enc/encode_latent_seq'][index]
    torch.testing.assert_close(latents, expected, rtol=0.0, atol=1e-4)


def test_height_map_becomes_the_originals_image(published_model, golden):
    image = published_model.encoder.height_map.image(golden['enc/scaled_extero'][0])
    torch.testing.assert_close(image, golden['enc/hm_restored'][0], rtol=0.0, atol=0.0)


def test_present_token_has_its_encodings(published_model, golden):
    context = encode(published_model, batch_of(golden, 'in/', 0))
    torch.testing.assert_close(context.latent, golden['enc/enc_latent'][0], rtol=0.0, atol=1e-4)
    assert torch.equal(context.tokens[:, -1], context.latent)


def test_every_layer_norm_has_the_originals_epsilon(published_model):
    epsilons = [m.eps for m in published_model.modules() if isinstance(m, nn.LayerNorm)]
    assert epsilons == [1e-6] * 22


def test_candidates_that_share_a_memory_are_predicted_as_if_each_had_its_own(
    published_model, golden
):
    inputs = {name: x[:1] for name, x in batch_of(golden, 'in/', 0).items()}
    actions = golden['in/fut_acts'].flatten(0, 1)  # (32, T, A)
    with torch.inference_mode():
        context = encode(published_model, inputs)
        shared = published_model.predict(published_model.memory(context), actions)
        for index in (0, 31):
            own = published_model.predict(
                published_model.memory(context), actions[index : index + 1]
            )
            torch.testing.assert_close(shared[index], own[0], rtol=0.0, atol=1e-5)


def test_model_fits_the_robot_it_is_for(published_folder):
    loaded = load_model(published_folder, load_robot('go2'))
    assert loaded.manifest.robot == 'go2'
    assert loaded.manifest.created_by == 'simdist import-upstream (go2_2026-02-12, step 367004)'


def test_action_range_is_three_standard_deviations_around_the_mean(published_model):
    normalizer = published_model.normalizer
    middle = (normalizer.action_low + normalizer.action_high) / 2
    half = (normalizer.action_high - normalizer.action_low) / 2
    torch.testing.assert_close(middle, normalizer.actions_mean)
    torch.testing.assert_close(half, 3 * normalizer.actions_std)


def test_number_of_weights_is_the_originals(published_model):
    assert sum(p.numel() for p in published_model.parameters()) == 667_758
    assert np.prod(published_model.normalizer.extero_obs_mean.shape) == 315
