"""ONNX Runtime as the backend: each stage a session of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor

from simdist_ros.core.errors import CheckpointError
from simdist_ros.core.priority_gate import GiveWay, no_wait
from simdist_ros.planning.backends.backend import Backend
from simdist_ros.planning.backends.onnx_graphs import (
    Graph,
    cache_folder,
    graph_key,
    load_graphs,
    read_graphs,
)
from simdist_ros.planning.backends.onnx_session import OnnxStage
from simdist_ros.planning.backends.stages import STAGES, Run, Stages, example_inputs
from simdist_ros.world_model.model import WorldModel

__all__ = ['OnnxBackend']


class OnnxBackend(Backend):
    """Runs the exported graphs with the weights of a model as they were when it was made."""

    name = 'onnxruntime'

    def __init__(
        self,
        model: WorldModel,
        *,
        provider: str = 'cpu',
        num_threads: int = 1,
        cache: Path | None = None,
    ) -> None:
        """Export the graphs, or take those kept from an earlier start, and build the sessions.

        Args:
            model: In evaluation mode.
            provider: A name in `onnx_session.PROVIDERS`.
            num_threads: CPU threads of one stage.
            cache: Where graphs are kept; None for the user's cache folder.

        Raises:
            ConfigError: ONNX Runtime cannot run the model on this provider.
        """
        self.provider, self.num_threads = provider, num_threads
        self.cache = cache or cache_folder()
        self.key = graph_key(model)
        self.graphs, note = load_graphs(model, self.cache)
        sessions = self.sessions(model, self.graphs, tuple(STAGES))
        super().__init__(model, Stages(**sessions))
        self.device = sessions['predict'].device
        self.note = note

    @property
    def about(self) -> str:
        """Name and provider, e.g. ``onnxruntime on cpu``."""
        return f'{self.name} on {self.provider}'

    def sessions(
        self,
        model: WorldModel,
        graphs: Mapping[str, Graph],
        names: Collection[str],
        give_way: GiveWay = no_wait,
    ) -> dict[str, OnnxStage]:
        """Build the sessions of some stages."""
        sessions = {}
        for name in names:
            give_way()
            sessions[name] = OnnxStage(
                graphs[name],
                STAGES[name](model).state_dict(),
                STAGES[name].inputs,
                provider=self.provider,
                num_threads=self.num_threads,
            )
        return sessions

    def graphs_of(self, model: WorldModel) -> Mapping[str, Graph]:
        """Return a model's graphs, which a residual makes others; nothing is exported meanwhile.

        Raises:
            CheckpointError: They were never exported.
        """
        key = graph_key(model)
        graphs = self.graphs if key == self.key else read_graphs(self.cache / key)
        if graphs is None:
            raise CheckpointError(
                'the new model needs other ONNX graphs than the one in use, as with a residual, '
                'and they are not exported; run `simdist export-onnx` on it, then load it again'
            )
        return graphs

    def observe(
        self, proprio_obs_hist: Tensor, acts_hist: Tensor, extero_obs: Tensor, commands: Tensor
    ) -> Tensor:
        """Encode; sessions read their inputs where they lie, so they must be contiguous."""
        arrays = (proprio_obs_hist, acts_hist, extero_obs, commands)
        return super().observe(*(array.contiguous() for array in arrays))

    @torch.inference_mode()
    def build(
        self, model: WorldModel, names: Collection[str], give_way: GiveWay
    ) -> tuple[WorldModel, Mapping[str, Run]]:
        """Build sessions and run them once at every size in use.

        Raises:
            CheckpointError: The model's graphs are not exported.
        """
        stages = self.sessions(model, self.graphs_of(model), names, give_way)
        for name, session in stages.items():
            for count in tuple(getattr(self.stages, name).buffers):
                give_way()
                inputs = example_inputs(model.architecture, count)
                session(*(inputs[key].to(self.device) for key in STAGES[name].inputs))
        return model, stages
