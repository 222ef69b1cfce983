"""Convert the checkpoint that the authors of Simulation Distillation published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.core.settings import read_yaml
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import check_destination, save_model
from simdist_ros.world_model.store.verify import check_state
from simdist_ros.world_model.upstream.orbax import find_step, read_arrays
from simdist_ros.world_model.upstream.weights import convert_weights

__all__ = ['import_upstream', 'model_from_arrays', 'upstream_architecture']

ACTION_RANGE_STD = 3.0
CONFIG = 'model_config.yaml'
CNN = 'model.encoder.extero_obs.height_cnn'
ENTRIES = {  # our sizes: their entries, which have to agree where there are several
    'history_steps': ('model.dataset.history_length',),
    'horizon_steps': ('model.dataset.prediction_length',),
    'latent_dim': ('model.latent_dim',),
    'proprio_obs_dim': ('scaler_params_struct.proprio_obs',),
    'action_dim': ('scaler_params_struct.actions',),
    'command_dim': ('scaler_params_struct.commands',),
    'encoder_layers': ('model.encoder.latent_layers', 'model.encoder.proprio_obs_layers'),
    'encoder_factor': ('model.encoder.mlp_hidden_size_factor',),
    'conv_features': (f'{CNN}.features',),
    'conv_kernel': (f'{CNN}.kernel_size',),
    'extero_hidden': (f'{CNN}.projection_hidden_dims',),
    'attention_factor': tuple(
        f'model.{part}.attention.mlp_hidden_size_factor'
        for part in ('dynamics', 'policy', 'reward', 'value')
    ),
} | {
    f'{part}_{size}': (f'model.{part}.attention.{size}',)
    for part in ('dynamics', 'policy', 'reward', 'value')
    for size in ('layers', 'heads')
}
FIXED = {  # what the original can be told and our model cannot
    'model.encoder.action_layers': 0,
    'model.embedding.future_acts_layers': 0,
    'model.embedding.future_cmds_layers': 0,
    'model.embedding.reward_layers': 0,
    'model.embedding.value_layers': 0,
    'model.policy.decoder.layers': 0,
    'model.reward.decoder.layers': 0,
    'model.value.decoder.layers': 0,
    'model.dynamics.attention.mask': 'causal',
    'model.policy.attention.mask': 'causal',
    'model.reward.attention.mask': None,
    'model.value.attention.mask': None,
}


def import_upstream(source: Path, out: Path, *, overwrite: bool = False) -> None:
    """Convert a published checkpoint into a model folder.

    Args:
        source: The run's folder, with ``model_config.yaml`` and the step's folder in it, or the
            folder above.
        out: The model folder to write.
        overwrite: Replace a model that it holds.

    Raises:
        CheckpointError: The checkpoint cannot be found, read or understood, or `out` holds
            a model or something else.
    """
    check_destination(out, overwrite=overwrite)
    step = find_step(source)
    config = Config(step.parent / CONFIG)
    model = model_from_arrays(read_arrays(step), upstream_architecture(config), str(step))
    created_by = f'simdist import-upstream ({step.parent.name}, step {step.name})'
    robot = str(config['system.name'])
    save_model(out, model, robot=robot, created_by=created_by, overwrite=overwrite)


def model_from_arrays(
    arrays: Mapping[str, NDArray[np.float32]], architecture: Architecture, source: str
) -> WorldModel:
    """Build the model from the published arrays.

    The range of actions that it was trained on is not published; 3 standard deviations stand for
    it.
    """
    state = convert_weights(arrays, architecture, source)
    mean, std = state['normalizer.actions_mean'], state['normalizer.actions_std']
    state['normalizer.action_low'] = mean - ACTION_RANGE_STD * std
    state['normalizer.action_high'] = mean + ACTION_RANGE_STD * std
    model = WorldModel(architecture)
    check_state(state, model, source)
    model.load_state_dict(state)
    return model.eval()


class Config:
    """The original's configuration, by dotted path."""

    def __init__(self, path: Path) -> None:
        """Read it."""
        self.path = path
        try:
            self.values = read_yaml(path)
        except ConfigError as error:
            raise CheckpointError(f'{error}; use the checkpoint as published') from None

    def __getitem__(self, entry: str) -> Any:
        """Return the value at a dotted path."""
        value: Any = self.values
        for name in entry.split('.'):
            if not isinstance(value, Mapping) or name not in value:
                raise CheckpointError(
                    f'{self.path}: entry {entry!r} is missing; use the checkpoint as published'
                )
            value = value[name]
        return value

    def one(self, entries: tuple[str, ...]) -> Any:
        """Return the value that all these entries share."""
        for entry in entries:
            self.expect(entry, self[entries[0]])
        return self[entries[0]]

    def expect(self, entry: str, value: Any) -> None:
        """Refuse a configuration that our model cannot follow."""
        if self[entry] != value:
            raise CheckpointError(
                f'{self.path}: entry {entry!r} is {self[entry]!r}, expected {value!r}; '
                'only checkpoints of the published kind can be converted'
            )


def upstream_architecture(config: Config) -> Architecture:
    """Read our sizes from the original's configuration.

    Raises:
        CheckpointError: An entry is missing or asks for what our model cannot do.
    """
    for entry, value in FIXED.items():
        config.expect(entry, value)
    sizes = {name: config.one(entries) for name, entries in ENTRIES.items()}
    try:
        (height_scan,) = config['system.extero_obs.types']
        sizes['extero_columns'], sizes['extero_rows'] = height_scan['dim']
        (sizes['conv_stride'],) = set(config[f'{CNN}.strides'])
    except (LookupError, TypeError, ValueError):
        raise CheckpointError(
            f'{config.path}: expected one height scan with two dimensions and one stride for all '
            'convolutions; only checkpoints of the published kind can be converted'
        ) from None
    return Architecture.from_mapping(sizes, str(config.path))
