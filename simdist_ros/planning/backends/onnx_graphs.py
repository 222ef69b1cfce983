"""The stages as ONNX graphs without weights: exported once for an architecture, then kept.

A graph names its weights and says their shapes; their numbers come from the model that is loaded.
So models of one architecture share their graphs, a swap never compiles anything, and a graph
cannot bring weights of another model along.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from simdist_ros.core import cache
from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.planning.backends.stages import STAGES, Stage, example_inputs
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.manifest import sha256

__all__ = ['Graph', 'are_kept', 'cache_folder', 'graph_key', 'load_graphs', 'read_graphs']

VERSION = 3  # of what `export` makes; a change makes older files unknown
INDEX = 'index.json'  # written last: names the weights of each graph, and its hash
EXAMPLE_CANDIDATES = 3  # not 1, which the exporter would take for a fixed size


@dataclass(frozen=True)
class Graph:
    """One stage as a serialised ONNX model, and the names of the weights that it lacks."""

    content: bytes
    weights: tuple[str, ...]


def cache_folder() -> Path:
    """Return where graphs are kept."""
    return cache.cache_folder('onnx')


def graph_key(model: WorldModel) -> str:
    """Return a hash of all that decides what the graphs are; no weight is part of it."""
    about = {
        'version': VERSION,
        'torch': torch.__version__,
        'architecture': asdict(model.architecture),
        'weights': {name: list(x.shape) for name, x in sorted(model.state_dict().items())},
    }
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def load_graphs(model: WorldModel, folder: Path) -> tuple[dict[str, Graph], str]:
    """Return the graphs for a model of this architecture, exported if need be.

    What is in the folder and isn't exactly what was written is made anew; a folder that cannot be
    written costs the time of the export at every start.

    Returns:
        The graphs by stage, and a sentence to tell the user, or ''.

    Raises:
        ConfigError: There are none, and what exports them is not installed.
    """
    place = folder / graph_key(model)
    kept = read_graphs(place)
    if kept is not None:
        return kept, ''
    damaged = place.exists()
    graphs = {name: export(stage(model)) for name, stage in STAGES.items()}
    try:
        write(place, graphs)
    except OSError as error:
        return (
            graphs,
            f'{place}: ONNX graphs cannot be kept ({error}); the next start exports anew',
        )
    return graphs, f'{place}: ONNX graphs were not whole; exported anew' if damaged else ''


def are_kept(model: WorldModel, folder: Path | None = None) -> bool:
    """Tell whether a model's graphs were exported before, without reading them."""
    return ((folder or cache_folder()) / graph_key(model) / INDEX).is_file()


def read_graphs(place: Path) -> dict[str, Graph] | None:
    """Return the graphs of a folder, or None unless all of them are as they were written."""
    try:
        index: dict[str, Any] = json.loads((place / INDEX).read_bytes())
        graphs = {
            name: Graph((place / f'{name}.onnx').read_bytes(), tuple(index[name]['weights']))
            for name in STAGES
        }
        hashes = {name: index[name]['sha256'] for name in STAGES}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = all(sha256(graph.content) == hashes[name] for name, graph in graphs.items())
    return graphs if whole else None


def write(place: Path, graphs: Mapping[str, Graph]) -> None:
    """Keep graphs; the index comes last, so that an interrupted write is never read."""
    place.mkdir(parents=True, exist_ok=True)
    (place / INDEX).unlink(missing_ok=True)
    for name, graph in graphs.items():
        write_atomic(place / f'{name}.onnx', graph.content)
    index = {
        name: {'sha256': sha256(graph.content), 'weights': graph.weights}
        for name, graph in graphs.items()
    }
    write_atomic(place / INDEX, json.dumps(index, indent=2).encode())


def export(stage: Stage) -> Graph:
    """Trace one stage with any number of candidates.

    Nothing is folded: each weight keeps the name that it has in the model.
    """
    inputs = example_inputs(stage.model.architecture, EXAMPLE_CANDIDATES)
    per_candidate = ('actions', 'latents', 'asked_commands')
    count = torch.export.Dim('candidates', min=1)
    try:
        import onnx
        import onnxscript  # noqa: F401  torch.onnx needs it
    except ImportError as error:
        raise ConfigError(
            f'the ONNX graphs of this model are still to be exported and {error.name} is not '
            'installed; install simdist_ros[onnx], or set backend to torch'
        ) from None
    with quiet():
        program = torch.onnx.export(
            stage.eval(),
            tuple(inputs[name] for name in stage.inputs),
            dynamo=True,
            optimize=False,
            verbose=False,
            input_names=stage.inputs,
            output_names=stage.outputs,
            dynamic_shapes=tuple({0: count} if n in per_candidate else {} for n in stage.inputs),
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    for weight in model.graph.initializer:
        leave_out(weight)
    for node in model.graph.node:
        del node.metadata_props[:]  # where in our code it came from, line by line
    return Graph(model.SerializeToString(), tuple(w.name for w in model.graph.initializer))


def leave_out(weight: Any) -> None:
    """Turn an initialiser into a name, a type and a shape; ONNX calls that external data."""
    named, kind, shape = weight.name, weight.data_type, list(weight.dims)
    length = 4 * max(1, int(torch.Size(shape).numel()))  # float32
    weight.Clear()
    weight.name, weight.data_type = named, kind
    weight.dims.extend(shape)
    weight.data_location = 1  # TensorProto.EXTERNAL
    for key, value in (('location', 'weights'), ('offset', '0'), ('length', str(length))):
        entry = weight.external_data.add()
        entry.key, entry.value = key, value


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter's progress and its advice to developers from the user."""
    log = logging.getLogger('torch.onnx')
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        log.setLevel(level)
