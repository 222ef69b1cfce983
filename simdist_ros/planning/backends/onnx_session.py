"""One stage in ONNX Runtime, between PyTorch tensors; nothing is copied on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from simdist_ros.core.errors import ConfigError
from simdist_ros.planning.backends.onnx_graphs import Graph

__all__ = ['PROVIDERS', 'OnnxStage', 'installed_providers']

PROVIDERS = {  # by the name in the settings
    'cpu': 'CPUExecutionProvider',
    'openvino': 'OpenVINOExecutionProvider',
    'cuda': 'CUDAExecutionProvider',
    'tensorrt': 'TensorrtExecutionProvider',
}
ON_GPU = ('cuda', 'tensorrt')
COUNTED = ('actions', 'asked_commands')  # inputs with one entry per candidate


def installed_providers() -> list[str]:
    """Return the providers that this ONNX Runtime has, by their names in the settings."""
    built = onnxruntime.get_available_providers()
    return [name for name, provider in PROVIDERS.items() if provider in built]


class OnnxStage:
    """A session whose inputs and outputs are PyTorch's memory.

    Outputs go into tensors that are made once for each number of candidates; the next call with
    as many overwrites them.
    """

    def __init__(
        self,
        graph: Graph,
        weights: Mapping[str, Tensor],
        order: tuple[str, ...],
        *,
        provider: str = 'cpu',
        num_threads: int = 1,
    ) -> None:
        """Build the session; that takes some 20 ms on a CPU.

        Args:
            graph: The stage without its weights.
            weights: Their numbers by name; there may be more than the graph needs. They are
                copied, so that later changes don't reach the session.
            order: Names of the arguments of a call.
            provider: One of `PROVIDERS`.
            num_threads: CPU threads of one call.

        Raises:
            ConfigError: ONNX Runtime cannot build it.
        """
        self.device = torch.device('cuda', 0) if provider in ON_GPU else torch.device('cpu')
        self.weights = {  # must live as long as the session
            name: onnxruntime.OrtValue.ortvalue_from_numpy(weights[name].cpu().clone().numpy())
            for name in graph.weights
        }
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.add_external_initializers(list(self.weights), list(self.weights.values()))
        self.session = build(graph.content, options, provider, self.device)
        self.run_options = onnxruntime.RunOptions()
        if provider in ON_GPU:  # stages share one stream: no need to wait between them
            self.run_options.add_run_config_entry('disable_synchronize_execution_providers', '1')
        taken = {one.name for one in self.session.get_inputs()}
        self.inputs = [(place, name) for place, name in enumerate(order) if name in taken]
        self.counted = next((i for i, name in enumerate(order) if name in COUNTED), None)
        self.outputs = [(one.name, one.shape) for one in self.session.get_outputs()]
        self.buffers: dict[int, tuple[Tensor, ...]] = {}
        self.binding = self.session.io_binding()

    def __call__(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """Run the stage, arguments in its order, contiguous and on the session's device."""
        count = 1 if self.counted is None else len(arguments[self.counted])
        if count not in self.buffers:
            self.buffers[count] = self.make_buffers(count)
        results = self.buffers[count]
        for place, name in self.inputs:
            self.bind(self.binding.bind_input, name, arguments[place])
        for (name, _), result in zip(self.outputs, results, strict=True):
            self.bind(self.binding.bind_output, name, result)
        self.session.run_with_iobinding(self.binding, self.run_options)
        return results

    def make_buffers(self, count: int) -> tuple[Tensor, ...]:
        """Make the tensors that outputs go to; the only named axis is that of the candidates."""
        shapes = [
            [count if isinstance(size, str) else size for size in shape]
            for _, shape in self.outputs
        ]
        return tuple(torch.zeros(shape, device=self.device) for shape in shapes)

    def bind(self, bind: Any, name: str, x: Tensor) -> None:
        """Tell the session where an input or an output lies."""
        assert x.is_contiguous(), name
        index = self.device.index or 0
        bind(name, self.device.type, index, np.float32, tuple(x.shape), x.data_ptr())


def build(content: bytes, options: Any, provider: str, device: torch.device) -> Any:
    """Return a session on one provider, or raise `ConfigError`; no other one steps in unasked."""
    about = {}
    if provider in ON_GPU:
        stream = torch.cuda.current_stream(device).cuda_stream
        about = {'device_id': '0', 'user_compute_stream': str(stream)}
    name = PROVIDERS[provider]
    try:
        session = onnxruntime.InferenceSession(content, options, providers=[(name, about)])
    except Exception as error:  # onnxruntime's own have no other common base
        reason = ' '.join(str(error).split())
        raise ConfigError(f'ONNX Runtime cannot run the model on {provider}: {reason}') from None
    used = session.get_providers()[0]
    if used != name:
        raise ConfigError(
            f'ONNX Runtime fell back from {name} to {used}; mend its installation, or set '
            'backend to torch'
        )
    return session
