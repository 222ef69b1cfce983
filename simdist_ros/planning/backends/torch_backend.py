"""PyTorch as the backend: as it stands on a CPU, recorded on a GPU."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from simdist_ros.core.errors import CheckpointError
from simdist_ros.core.priority_gate import GiveWay
from simdist_ros.planning.backends.backend import Backend, NewParts
from simdist_ros.planning.backends.cuda_graph import CudaGraph, flatten
from simdist_ros.planning.backends.stages import STAGES, Run, example_inputs, torch_stages
from simdist_ros.planning.mppi import Search, State
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.part_names import SECOND

__all__ = ['CudaBackend', 'TorchBackend']

WARM_UP_CANDIDATES = 8


class TorchBackend(Backend):
    """Runs the model's own modules; weights that are replaced in place act at once."""

    name = 'torch'

    def __init__(self, model: WorldModel) -> None:
        """Take a model in evaluation mode, on the device it is to run on."""
        super().__init__(model, torch_stages(model))

    @torch.inference_mode()
    def build(
        self, model: WorldModel, names: Collection[str], give_way: GiveWay
    ) -> tuple[WorldModel, Mapping[str, Run]]:
        """Take over the model and run the stages once; there is nothing to build."""
        model = model.to(self.device).eval()
        stages = {name: STAGES[name](model) for name in names}
        inputs = example_inputs(model.architecture, WARM_UP_CANDIDATES)
        for name, stage in stages.items():
            give_way()
            stage(*(inputs[key].to(self.device) for key in STAGES[name].inputs))
        return model, stages


class CudaBackend(TorchBackend):
    """Runs the model on a GPU as recorded graphs: one launch a tick and one an iteration.

    The recordings read context, memory and weights where they lay when they were made.
    """

    def __init__(self, model: WorldModel) -> None:
        """Take a model in evaluation mode, on the GPU; its weights are overwritten by a swap."""
        super().__init__(model)
        self.recorded: dict[Any, CudaGraph] = {}

    def play(self, key: Any, function: Callable[..., Any], *arguments: Any) -> Any:
        """Repeat what was recorded under a key and these shapes; record it the first time."""
        key = (key, *(tuple(x.shape) for x in flatten(arguments)))
        if key not in self.recorded:
            self.recorded[key] = CudaGraph(function, arguments)
        return self.recorded[key](*arguments)

    def observe(
        self, proprio_obs_hist: Tensor, acts_hist: Tensor, extero_obs: Tensor, commands: Tensor
    ) -> Tensor:
        """Encode, propose and remember, recorded as one."""
        arrays = (proprio_obs_hist, acts_hist, extero_obs, commands)
        arguments = (array.to(self.device) for array in arrays)
        proposals: Tensor = self.play('observe', self.observe_and_remember, *arguments)
        return proposals.clone()

    def observe_and_remember(self, *arrays: Tensor) -> Tensor:
        """Do what `observe` records; context and memory stay where they are made here."""
        proposals = super().observe(*arrays)
        super().remember()
        return proposals

    def remember(self) -> None:
        """Nothing: `observe` did."""

    def score(self, actions: Tensor, gamma: float) -> Tensor:
        """Return the model's return of candidates, recorded."""
        returns: Tensor = self.play(('score', gamma), partial(self.returns, gamma=gamma), actions)
        return returns.clone()

    def step(self, settings: MppiSettings, start: Search, state: State, noise: Tensor) -> State:
        """Do one iteration, recorded."""
        result: State = self.play(settings, partial(super().step, settings), start, state, noise)
        return result

    def build(
        self, model: WorldModel, names: Collection[str], give_way: GiveWay
    ) -> tuple[WorldModel, Mapping[str, Run]]:
        """Bring a copy to the GPU; the recordings need arrays of the same names."""
        if model.state_dict().keys() != self.model.state_dict().keys():
            raise CheckpointError(
                'the new model has other arrays than the one in use; load it at the next start'
            )
        return copy.deepcopy(model).to(self.device).eval(), {}

    @torch.inference_mode()
    def swap(self, new: NewParts) -> NewParts:
        """Exchange the numbers of the parts in place, so that the recordings see them."""
        theirs = new.model.state_dict()
        for name, mine in self.model.state_dict().items():
            if name.partition('.')[0] in new.parts:
                before = mine.clone()
                mine.copy_(theirs[name])
                theirs[name].copy_(before)
        for part, second in SECOND.items():  # on the CPU, never recorded
            if part not in new.parts:
                continue
            for name in (part, second):
                kept, other = getattr(self.model, name), getattr(new.model, name)
                setattr(self.model, name, other)
                setattr(new.model, name, kept)
        return new
