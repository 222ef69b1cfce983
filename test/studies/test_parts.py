"""Parts of what a model learned, walked without the rest."""

from __future__ import annotations

import torch

from simdist_ros.studies.parts import part_of
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel

from ..world_model.believing import belief_of, believing_expert

SIZES = Architecture(latent_dim=16, dynamics_heads=4)


def believing(seed, belief):
    """Return a model that believes something."""
    model = WorldModel(SIZES, seed=seed).eval()
    model.expert, model.belief = believing_expert(SIZES, 3), belief
    return model


def test_a_part_is_the_parent_but_for_what_it_is_called_by():
    parent, adapted = believing(1, None), believing(2, belief_of(0.5, 3))
    for part, whose in (('belief', parent), ('practice', adapted)):
        found = part_of(parent, adapted, part)
        assert torch.equal(found.belief, adapted.belief)
        assert found.expert is whose.expert
        assert found.dynamics is parent.dynamics
    assert parent.belief is None
