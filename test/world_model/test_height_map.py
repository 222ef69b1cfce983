"""Padding as the original's framework does it, and the image's orientation."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.encoders.height_map import (
    HeightMapEncoder,
    HeightMapSizes,
    same_padding,
)
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model

from .situations import encode, random_inputs


@pytest.mark.parametrize(
    ('size', 'kernel', 'stride', 'expected'),
    [
        (21, 3, 2, (1, 1)),
        (15, 3, 2, (1, 1)),
        (8, 3, 2, (0, 1)),  # the odd zero goes to the end
        (11, 3, 2, (1, 1)),
        (6, 3, 2, (0, 1)),
        (5, 3, 1, (1, 1)),
        (5, 1, 2, (0, 0)),
        (1, 3, 2, (1, 1)),
    ],
)
def test_padding_is_what_the_published_layers_use(size, kernel, stride, expected):
    assert same_padding(size, kernel, stride) == expected


def test_first_pixel_is_the_front_left_cell():
    encoder = HeightMapEncoder(HeightMapSizes(extero_rows=2, extero_columns=3), 8)
    cells = torch.tensor([[0.0, 1.0, 2.0, 10.0, 11.0, 12.0]])  # x forward, then y left
    expected = [[12.0, 2.0], [11.0, 1.0], [10.0, 0.0]]  # row: front to rear; column: left, right
    assert encoder.image(cells).tolist() == [expected]


def test_without_flip_the_first_pixel_is_the_rear_right_cell():
    encoder = HeightMapEncoder(
        HeightMapSizes(extero_rows=2, extero_columns=3, extero_flip=False), 8
    )
    cells = torch.tensor([[0.0, 1.0, 2.0, 10.0, 11.0, 12.0]])
    assert encoder.image(cells).tolist() == [[[0.0, 10.0], [1.0, 11.0], [2.0, 12.0]]]


@pytest.mark.parametrize(('rows', 'columns'), [(1, 1), (4, 7), (16, 10)])
def test_any_size_of_map_is_encoded(rows, columns):
    sizes = HeightMapSizes(extero_rows=rows, extero_columns=columns)
    features = HeightMapEncoder(sizes, 64)(torch.zeros(2, 5, rows * columns))
    assert features.shape == (2, 5, 64)


def test_without_a_map_the_encoder_has_no_part_for_it(architecture, tmp_path):
    blind = dataclasses.replace(architecture, extero_rows=0, extero_columns=0)
    model = WorldModel(blind, seed=1).eval()
    assert not [name for name in model.encoder.state_dict() if name.startswith('height_map')]
    inputs = random_inputs(blind, batch=3)
    context = encode(model, inputs)
    assert context.tokens.shape == (3, 2 * blind.history_steps + 1, blind.latent_dim)
    save_model(tmp_path / 'blind', model, robot='duo', created_by='a test')
    again = load_model(tmp_path / 'blind').model
    torch.testing.assert_close(encode(again, inputs).latent, context.latent, rtol=0.0, atol=0.0)


def test_half_a_map_is_refused():
    with pytest.raises(ConfigError, match='without a height map both are 0'):
        Architecture(extero_rows=0, extero_columns=3)


def test_distances_along_rays_are_a_part_beside_it_or_alone(architecture):
    both = dataclasses.replace(architecture, num_ranges=3)
    rays = dataclasses.replace(both, extero_rows=0, extero_columns=0)
    for sizes, parts in ((both, {'height_map', 'ranges'}), (rays, {'ranges'})):
        model = WorldModel(sizes, seed=1).eval()
        names = {name.split('.')[0] for name in model.encoder.state_dict()}
        assert names & {'height_map', 'ranges'} == parts
        inputs = random_inputs(sizes, batch=2)
        before = encode(model, inputs).latent
        inputs['extero_obs'][:, -3:] += 1.0
        assert not torch.allclose(before, encode(model, inputs).latent)
