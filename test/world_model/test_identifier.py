"""The identifier: windows of a robot to its belief, and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.store.identifier_file import identifier_to_bytes, read_identifier

NAMES = ('strength.a', 'lag', 'payload_kg')


@pytest.fixture
def identifier():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Identifier(5, 2, 3, NAMES, torch.tensor([[0, 1], [3, 2]])).eval()
        made.mean[:] = torch.arange(7.0)
        made.std[:] = 2.0
        return made


@pytest.fixture
def windows(identifier):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, identifier.window_steps, 7, generator=generator)


@torch.no_grad()
def test_a_belief_is_that_of_the_mean_of_the_windows_features_in_any_order(identifier, windows):
    features = identifier.features(windows)
    assert features.shape == (4, 160)
    found = identifier.identify(features)
    assert found.shape == (3,)
    torch.testing.assert_close(found, identifier.head(features.mean(0)))
    torch.testing.assert_close(identifier.identify(features.flip(0)), found)
    torch.testing.assert_close(identifier(windows[None])[0], found)
    assert not torch.allclose(identifier.identify(features[:1]), found)


@torch.no_grad()
def test_windows_are_scaled_and_their_order_in_time_counts(identifier, windows):
    scaled = (windows - torch.arange(7.0)) / 2.0
    found = identifier.features(windows)
    identifier.mean.zero_()
    identifier.std.fill_(1.0)
    torch.testing.assert_close(identifier.features(scaled), found)
    assert not torch.allclose(identifier.features(scaled.flip(1)), found, atol=1e-3)


@torch.no_grad()
def test_answers_are_covariances_of_an_action_with_its_own_joint_later(identifier):
    generator = torch.Generator().manual_seed(2)
    acted = torch.randn(3, identifier.window_steps, 2, generator=generator)
    windows = torch.zeros(3, identifier.window_steps, 7)
    windows[..., 5:] = acted + 4.0  # what is constant is no answer
    windows[:, 2:, 1] = 3.0 * acted[:, :-2, 1]  # position of the second joint, two steps later
    windows[:, :, 3] = -acted[:, :, 0]  # velocity of the first joint, at once
    found = identifier.answers(windows).reshape(3, 6, 2, 2).mean(0)  # lags, quantities, joints
    power = windows[..., 5:].var(1).mean(0)
    expected = torch.zeros(6, 2, 2)
    expected[2, 0, 1] = 3.0 * power[1]
    expected[0, 1, 0] = -power[0]
    torch.testing.assert_close(found, expected, atol=0.5, rtol=0.0)


@torch.no_grad()
def test_features_tell_how_joints_answer(identifier, windows):
    late = windows.clone()
    late[:, 1:, 0] = windows[:, :-1, 0]
    before, after = identifier.features(windows), identifier.features(late)
    assert not torch.allclose(before, after, atol=1e-3)
    identifier.joints_at[:] = 4
    assert not torch.allclose(identifier.features(windows), before, atol=1e-3)


def test_an_identifier_comes_back_from_its_file_with_its_names(identifier, windows):
    again = read_identifier(identifier_to_bytes(identifier), Path('i'), 5, 2)
    assert again.names == NAMES
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())
    assert torch.equal(again.features(windows), identifier.features(windows))


def test_a_file_that_is_no_identifier_of_this_robot_is_refused(identifier):
    data = identifier_to_bytes(identifier)
    with pytest.raises(CheckpointError, match=r'i: array .* expected float32'):
        read_identifier(data, Path('i'), 6, 2)
    with pytest.raises(CheckpointError, match='not a safetensors file'):
        read_identifier(b'nothing', Path('i'), 5, 2)
    arrays = dict(identifier.state_dict())
    with pytest.raises(CheckpointError, match='does not name its belief'):
        read_identifier(safetensors.torch.save(arrays), Path('i'), 5, 2)
    identifier.names = NAMES[:2]
    with pytest.raises(CheckpointError, match='names 2 numbers of a belief and has 3'):
        read_identifier(identifier_to_bytes(identifier), Path('i'), 5, 2)
    identifier.names = NAMES
    identifier.std[1] = 0.0
    with pytest.raises(CheckpointError, match='not above 0'):
        read_identifier(identifier_to_bytes(identifier), Path('i'), 5, 2)
