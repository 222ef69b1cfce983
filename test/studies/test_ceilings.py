"""The expert of one world in the place of a model's own."""

from __future__ import annotations

import torch

from simdist_ros.studies.ceilings import with_ceiling
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel

from ..world_model.believing import belief_of, believing_expert


def test_the_expert_of_a_world_is_told_no_belief_and_the_model_keeps_its_own(tmp_path):
    sizes = Architecture(latent_dim=16, dynamics_heads=4)
    model = WorldModel(sizes).eval()
    model.expert, model.belief = believing_expert(sizes, 3), belief_of(0.5, 3)
    path = tmp_path / 'weak_leg.safetensors'
    path.write_bytes(believing_expert(sizes, 4).content)
    ceiling = with_ceiling(model, path)
    assert ceiling.belief is None
    assert (ceiling.expert.belief_dim, model.expert.belief_dim) == (4, 3)
    assert torch.equal(model.belief, belief_of(0.5, 3))
