"""The sizes a model may have."""

from __future__ import annotations

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.world_model.architecture import Architecture


def test_heads_must_divide_the_latent():
    with pytest.raises(ConfigError, match='policy_heads is 7; it must divide latent_dim 64'):
        Architecture(policy_heads=7)


@pytest.mark.parametrize('widths', [(8.5,), (0,)])
def test_widths_must_be_positive_integers(widths):
    with pytest.raises(ConfigError, match='conv_features'):
        Architecture(conv_features=widths)


def test_at_least_one_convolution_is_needed():
    with pytest.raises(ConfigError, match='conv_features is empty'):
        Architecture(conv_features=())


def test_misspelt_size_gets_a_suggestion():
    with pytest.raises(ConfigError, match="did you mean 'latent_dim'"):
        Architecture.from_mapping({'latent_dims': 64}, 'model.yaml')
