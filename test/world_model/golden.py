"""What the shipped model `models/go2` gives for fixed inputs; run it to make the file anew.

    python test/world_model/golden.py

Do so when the shipped model is replaced, and only then: the file is what tells that the code
still means what the weights were trained for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from simdist_ros.world_model.inference import infer, input_shapes
from simdist_ros.world_model.store.checkpoint import load_model

MODEL = Path(__file__).parents[2] / 'models' / 'go2'
GOLDEN = Path(__file__).with_name('golden_go2.npz')
BATCH = 4
QUANTITIES = {
    'proprio_obs_hist': 'proprio_obs',
    'extero_obs': 'extero_obs',
    'acts_hist': 'actions',
    'fut_acts': 'actions',
    'fut_cmds': 'commands',
}


def make_inputs(model, seed=0):
    """Draw inputs as the training data have them: each with its own mean and deviation."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: model.normalizer.unscale(
            QUANTITIES[name], torch.randn((BATCH, *shape), generator=generator)
        )
        for name, shape in input_shapes(model.architecture).items()
    }


def make_outputs(model, inputs):
    """Return what each part of the model gives."""
    present = inputs['proprio_obs_hist'][:, -1]
    with torch.inference_mode():
        tokens, latent = model.encode(
            inputs['proprio_obs_hist'], inputs['acts_hist'], inputs['extero_obs']
        )
        return {
            'tokens': tokens,
            'latent': latent,
            'targets': model.encode_latent(present, inputs['extero_obs']),
            **infer(model, inputs),
        }


def main():
    """Write the file."""
    torch.set_num_threads(1)
    model = load_model(MODEL).model
    inputs = make_inputs(model)
    arrays = {f'in/{name}': x.numpy() for name, x in inputs.items()}
    arrays |= {f'out/{name}': x.numpy() for name, x in make_outputs(model, inputs).items()}
    np.savez_compressed(GOLDEN, **arrays)
    print(f'{GOLDEN}: {GOLDEN.stat().st_size / 1000:.0f} kB')


if __name__ == '__main__':
    main()
