"""Random inputs of a model's sizes."""

from __future__ import annotations

import torch

from simdist_ros.world_model.inference import input_shapes


def random_inputs(architecture, batch, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn((batch, *shape), generator=generator)
        for name, shape in input_shapes(architecture).items()
    }


def encode(model, inputs):
    return model.encode(inputs['proprio_obs_hist'], inputs['acts_hist'], inputs['extero_obs'])
