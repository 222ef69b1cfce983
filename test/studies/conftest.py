"""A tiny model of a Go2, which stands until it is pushed over; settings that take seconds."""

from __future__ import annotations

import pytest

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.studies.settings import read_settings
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model

TINY = Architecture(
    history_steps=3,
    horizon_steps=6,
    latent_dim=16,
    conv_features=(2, 3),
    extero_hidden=(8,),
    dynamics_heads=4,
    policy_layers=1,
    policy_heads=2,
    reward_heads=2,
    value_heads=4,
)
SMALL = {
    'grid': {
        'worlds': 'soft',
        'rivals': 'policy_pi',
        'speeds': '0.3,0.5',
        'num_seeds': '1',
        'dynamics_minutes': '0.05',
        'residual_minutes': '0.05',
        'further_minutes': '0.05',
    },
    'trial': {
        'walk_s': '1.0',
        'walk_speeds': '0.3,0.5',
        'judged_s': '1.0',
        'push_interval_s': '0.5',
        'push_speed_mps': '3.0',
        'held_out_minutes': '0.02',
    },
    'mppi': {'explore_steps': '2'},
    'finetune': {'max_steps': '4', 'validation_interval': '2'},
    'bags': {'episode_s': '0.4', 'min_episode_s': '0.2'},
    'nominal': {'rounds': '0'},
}


@pytest.fixture(scope='session')
def robot():
    return load_robot('go2')


@pytest.fixture(scope='session')
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('models') / 'tiny'
    save_model(folder, WorldModel(TINY, seed=1), robot='go2', created_by='a test')
    return folder


@pytest.fixture(scope='session')
def parent(model_folder, robot):
    return load_model(model_folder, robot)


@pytest.fixture(scope='session')
def small():
    return read_settings('smoke', SMALL)


@pytest.fixture(scope='session')
def small_options():
    """The same as options of the command."""
    return [
        option
        for section, values in SMALL.items()
        for name, value in values.items()
        for option in ('--set', f'{section}.{name}={value}')
    ]
