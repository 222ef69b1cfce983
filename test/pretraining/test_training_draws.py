"""What a training of the world model draws, and the spread that its errors are compared with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.jobs.train_process import TrainProcess
from simdist_ros.pretraining.train.losses import Batch, WorldModelLoss
from simdist_ros.pretraining.train.observation_noise import (
    ObservationNoise,
    add_noise,
    noise_limits,
)
from simdist_ros.pretraining.train.settings import TrainSettings
from simdist_ros.pretraining.train.stage import Training
from simdist_ros.pretraining.train.validation import latent_spread
from simdist_ros.transitions.shards.dataset import open_dataset
from simdist_ros.world_model.context_windows import true_latents
from simdist_ros.world_model.model import WorldModel

from .transitions import ROBOT, TINY, write_data

SETTINGS = TrainSettings(num_steps=6, batch_size=8, warmup_steps=2, held_out=0.2)
CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def dataset(tmp_path_factory):
    return open_dataset(write_data(tmp_path_factory.mktemp('data')), ROBOT)


@pytest.fixture
def training(dataset):
    return lambda rank=0: Training(ROBOT, dataset, SETTINGS, TINY, TrainProcess(rank, 2, CPU))


def test_each_number_has_its_own_noise_to_both_sides_in_each_step_of_the_history():
    noise = ObservationNoise(ROBOT, 3, 2.0, CPU)
    drawn = noise.draw(3000, torch.Generator().manual_seed(0))
    proprio, extero = (2.0 * torch.as_tensor(limit) for limit in noise_limits(ROBOT))
    assert len(proprio.unique()) > 3
    nothing = torch.zeros(3000, 4, len(proprio)), torch.zeros(3000, len(extero))
    for found, limit in zip(add_noise(drawn, *nothing), (proprio, extero), strict=True):
        most = limit.expand(found.shape[1:])
        torch.testing.assert_close(found.amax(0), most, rtol=0.02, atol=0.0)
        torch.testing.assert_close(found.amin(0), -most, rtol=0.02, atol=0.0)


def test_each_step_of_each_process_has_windows_and_noise_of_its_own(training):
    observations, noises = [], []
    for rank in (0, 1):
        one = training(rank)
        found = list(one.batches(0))
        assert [index for index, _ in found] == list(range(6))
        observations += [batch.proprio_obs for _, batch in found]
        noises += [one.noise.draw(4, one.generator(index)) for index in range(6)]
    for drawn in (observations, noises):
        assert len({values.numpy().tobytes() for values in drawn}) == 12
    again = [batch.proprio_obs for _, batch in training().batches(4)]
    assert all(torch.equal(x, y) for x, y in zip(again, observations[4:6], strict=True))


@torch.no_grad()
def test_errors_are_compared_with_the_spread_of_what_was_to_be_predicted(training):
    batch = Batch.from_windows(training().windows.gather(np.arange(40)))
    model = WorldModel(TINY).eval()
    expected = true_latents(model, batch).flatten(0, 1).var(dim=0).mean()
    found = latent_spread(WorldModelLoss(model, SETTINGS), batch)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0.0)
