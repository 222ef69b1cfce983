"""PyTorch as the backend: as it stands on a CPU, as recorded CUDA graphs on a GPU."""

from __future__ import annotations

from simdist_ros.planning.backends.backend import Backend, NewDynamics, check_frozen
from simdist_ros.planning.backends.stages import DYNAMICS, STAGES, torch_stages
from simdist_ros.world_model.model import WorldModel

__all__ = ['TorchBackend']


class TorchBackend(Backend):
    """Runs the model's own modules; weights that are replaced in place act at once."""

    name = 'torch'

    def __init__(self, model: WorldModel) -> None:
        """Take a model in evaluation mode, on the device it is to run on."""
        super().__init__(model, torch_stages(model))

    def prepare(self, model: WorldModel) -> NewDynamics:
        """Move a model to the device."""
        check_frozen(self.model, model)
        model = model.to(self.device).eval()
        return NewDynamics(model, {name: STAGES[name](model) for name in DYNAMICS})
