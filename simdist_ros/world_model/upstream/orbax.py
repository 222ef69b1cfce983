"""Find and read an Orbax checkpoint of the OCDBT kind, with `tensorstore`, without JAX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import CheckpointError

__all__ = ['find_step', 'read_arrays']


def find_step(source: Path) -> Path:
    """Return the newest step's folder of a run.

    Args:
        source: The run's folder, with a folder ``<step>/default`` in it, or the one above.

    Raises:
        CheckpointError: There is none, or more than one run.
    """
    pattern = 'default/manifest.ocdbt'
    for depth in ('*', '*/*'):
        steps = [path.parents[1] for path in source.glob(f'{depth}/{pattern}')]
        steps = [step for step in steps if step.name.isdigit()]
        if len({step.parent for step in steps}) > 1:
            raise CheckpointError(f'{source} holds several checkpoints; name the folder of one')
        if steps:
            return max(steps, key=lambda step: int(step.name))
    raise CheckpointError(
        f'{source}: no published checkpoint found, expected a folder with '
        f'<step>/{pattern} in it; check the path'
    )


def read_arrays(step: Path) -> dict[str, NDArray[np.float32]]:
    """Read all arrays of a step, by name, e.g. ``encoder/act_proj/output_layer/bias``.

    The state of random number generators is left out.

    Raises:
        CheckpointError: `tensorstore` is not installed, or the files are damaged.
    """
    try:
        import tensorstore
    except ImportError:
        raise CheckpointError(
            f'{step}: reading a published checkpoint takes tensorstore; '
            "run: pip install 'simdist_ros[upstream]'"
        ) from None
    base = {'driver': 'ocdbt', 'base': (step / 'default').resolve().as_uri() + '/'}
    try:
        keys = tensorstore.KvStore.open(base).result().list().result()
        suffix = '/.zarray'
        names = [
            key.decode().removesuffix(suffix) for key in keys if key.endswith(suffix.encode())
        ]
        names = [name for name in names if '.rngs.' not in name]
        stores = {name: open_array(tensorstore, base, name) for name in names}
        reads = {name: store.result().read() for name, store in stores.items()}
        return {name.replace('.', '/'): np.asarray(read.result()) for name, read in reads.items()}
    except (ValueError, OSError, RuntimeError) as error:
        reason = str(error).split('\n')[0][:200]
        raise CheckpointError(
            f'{step}: the checkpoint is damaged ({reason}); download it again'
        ) from None


def open_array(tensorstore: Any, base: dict[str, str], name: str) -> Any:
    """Start to open one array."""
    return tensorstore.open({'driver': 'zarr', 'kvstore': {**base, 'path': name}}, open=True)
