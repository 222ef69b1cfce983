"""A latent world model that plans on a robot and corrects its own dynamics while it works."""

import os

__version__ = '0.1.0'

# OpenMP's threads spin while they wait for each other, so that beside another busy process each
# waits for a core that a spinning one holds: plans take a hundred times as long. The library reads
# this when PyTorch is loaded, so it is set before anything of this package imports it.
os.environ.setdefault('OMP_WAIT_POLICY', 'passive')
