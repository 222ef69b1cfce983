"""The published model's arrays, under our names and in PyTorch's layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.architecture import Architecture

__all__ = ['convert_weights']

SCALED = ('proprio_obs', 'extero_obs', 'actions', 'commands', 'rewards', 'values')
LINEAR = {  # ours: theirs
    'encoder.action': 'encoder/act_proj',
    'dynamics.action.linear': 'fut_acts_embed/enc',
    'heads.policy_head.command.linear': 'fut_cmds_embed/enc',
    'heads.policy_head.output': 'policy_dec',
    'heads.reward_head.embedding.linear': 'reward_emb/enc',
    'heads.reward_head.output': 'reward_dec',
    'heads.value_head.embedding.linear': 'value_emb/enc',
    'heads.value_head.output': 'value_dec',
}
PLAIN = {
    'encoder.time_encoding': 'encoder/temporal_enc',
    'encoder.type_encoding': 'encoder/type_enc',
    'encoder.height_map.row_encoding': 'encoder/hm_enc/h_l_conv_enc',
    'encoder.height_map.column_encoding': 'encoder/hm_enc/h_w_conv_enc',
    'dynamics.action.position': 'fut_acts_embed/pos_emb',
    'heads.policy_head.command.position': 'fut_cmds_embed/pos_emb',
    'heads.reward_head.embedding.position': 'reward_emb/pos_emb',
    'heads.value_head.embedding.position': 'value_emb/pos_emb',
} | {
    f'normalizer.{name}_{kind}': f'scaler/scaler_params/{name}/{kind}'
    for name in SCALED
    for kind in ('mean', 'std')
}


def convert_weights(
    arrays: Mapping[str, NDArray[Any]], architecture: Architecture, source: str
) -> dict[str, Tensor]:
    """Return the state of a `WorldModel` without its range of actions.

    Args:
        arrays: The published arrays by name.
        architecture: Sizes of the model.
        source: Where the arrays come from, for the error message.

    Raises:
        CheckpointError: An array is missing, or one is left over.
    """
    a = architecture
    convert = Converter(arrays, source)
    for ours, theirs in PLAIN.items():
        convert.state[ours] = convert.take(theirs)
    for ours, theirs in LINEAR.items():
        convert.linear(ours, f'{theirs}/output_layer')
    convert.mlp('encoder.proprio', 'encoder/proprio_obs_proj', a.encoder_layers)
    convert.mlp('encoder.fusion', 'encoder/latent_mlp', a.encoder_layers)
    convert.mlp('encoder.height_map.mlp', 'encoder/hm_enc/hm_proj', len(a.extero_hidden))
    convert.convolutions(
        'encoder.height_map.convolutions', 'encoder/hm_enc/hm_cnn/cnn', len(a.conv_features)
    )
    for index in range(a.dynamics_layers):
        convert.decoder_block(f'dynamics.decoder.blocks.{index}', f'dynamics/layers/{index}')
    for index in range(a.policy_layers):
        convert.decoder_block(
            f'heads.policy_head.decoder.blocks.{index}', f'policy/layers/{index}'
        )
    for index in range(a.reward_layers):
        convert.encoder_block(f'heads.reward_head.blocks.{index}', f'reward/layers/{index}')
    for index in range(a.value_layers):
        convert.encoder_block(f'heads.value_head.blocks.{index}', f'value/layers/{index}')
    convert.refuse_rest()
    return convert.state


class Converter:
    """Moves arrays from the published names to ours, and knows what is left."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], source: str) -> None:
        """Start with all arrays on the published side."""
        self.rest = dict(arrays)
        self.source = source
        self.state: dict[str, Tensor] = {}

    def take(self, theirs: str) -> Tensor:
        """Return an array that has not been taken yet."""
        if theirs not in self.rest:
            raise CheckpointError(
                f'{self.source}: array {theirs!r} is missing; use the checkpoint as published'
            )
        return torch.from_numpy(np.array(self.rest.pop(theirs), dtype=np.float32))

    def refuse_rest(self) -> None:
        """Refuse arrays that nothing has taken."""
        for theirs in sorted(self.rest):
            raise CheckpointError(
                f'{self.source}: array {theirs!r} is not expected by its model_config.yaml; '
                'use the checkpoint as published'
            )

    def linear(self, ours: str, theirs: str) -> None:
        """Convert a linear layer: (in, out) to (out, in)."""
        self.state[f'{ours}.weight'] = self.take(f'{theirs}/kernel').T
        self.state[f'{ours}.bias'] = self.take(f'{theirs}/bias')

    def mlp(self, ours: str, theirs: str, hidden: int) -> None:
        """Convert an MLP of `hidden` layers and an output layer."""
        for index in range(hidden):
            self.linear(f'{ours}.layers.{index}', f'{theirs}/layers/{index}')
        self.linear(f'{ours}.layers.{hidden}', f'{theirs}/output_layer')

    def convolutions(self, ours: str, theirs: str, count: int) -> None:
        """Convert convolutions, the last one is their output layer: HWIO to OIHW."""
        for index in range(count):
            layer = f'layers/{index}' if index < count - 1 else 'output_layer'
            kernel = self.take(f'{theirs}/{layer}/kernel')
            self.state[f'{ours}.{index}.weight'] = kernel.permute(3, 2, 0, 1)
            self.state[f'{ours}.{index}.bias'] = self.take(f'{theirs}/{layer}/bias')

    def projection(self, ours: str, theirs: str, parts: Sequence[str]) -> None:
        """Fuse projections: several (in, heads, head_dim) to one (parts * dim, in)."""
        kernels = [self.take(f'{theirs}/{part}/kernel').flatten(1) for part in parts]
        biases = [self.take(f'{theirs}/{part}/bias').flatten() for part in parts]
        self.state[f'{ours}.weight'] = torch.cat(kernels, dim=1).T
        self.state[f'{ours}.bias'] = torch.cat(biases)

    def attention(self, ours: str, theirs: str, projections: Mapping[str, Sequence[str]]) -> None:
        """Convert an attention; the output kernel is (heads, head_dim, out)."""
        for name, parts in projections.items():
            self.projection(f'{ours}.{name}', theirs, parts)
        self.state[f'{ours}.output.weight'] = self.take(f'{theirs}/out/kernel').flatten(0, 1).T
        self.state[f'{ours}.output.bias'] = self.take(f'{theirs}/out/bias')

    def rest_of_block(self, ours: str, theirs: str, norms: int) -> None:
        """Convert what a block has beside attention."""
        self.mlp(f'{ours}.mlp', f'{theirs}/dense_proj', 1)
        for index in range(1, norms + 1):
            self.state[f'{ours}.norm_{index}.weight'] = self.take(
                f'{theirs}/layernorm_{index}/scale'
            )
            self.state[f'{ours}.norm_{index}.bias'] = self.take(f'{theirs}/layernorm_{index}/bias')

    def encoder_block(self, ours: str, theirs: str) -> None:
        """Convert a block of the reward or value head."""
        self.attention(f'{ours}.attention', f'{theirs}/attention', SELF)
        self.rest_of_block(ours, theirs, 2)

    def decoder_block(self, ours: str, theirs: str) -> None:
        """Convert a block of the dynamics or the policy."""
        self.attention(f'{ours}.self_attention', f'{theirs}/attention_1', SELF)
        self.attention(f'{ours}.cross_attention', f'{theirs}/attention_2', CROSS)
        self.rest_of_block(ours, theirs, 3)


SELF = {'query_key_value': ('query', 'key', 'value')}
CROSS = {'query': ('query',), 'key_value': ('key', 'value')}
