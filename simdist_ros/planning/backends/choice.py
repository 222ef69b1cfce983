"""Which backend runs the model here: as the user says, or as measured."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch

from simdist_ros.core.errors import ConfigError, SimdistError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.planning.backends.backend import Backend
from simdist_ros.planning.backends.torch_backend import CudaBackend, TorchBackend
from simdist_ros.world_model.model import WorldModel

__all__ = ['BackendSettings', 'Choice', 'Option', 'choose', 'make', 'options']

AUTO = 'auto'


@dataclass(frozen=True, kw_only=True)
class BackendSettings(Settings):
    """What runs the model, and where."""

    backend: str = setting(
        AUTO,
        'auto measures what is installed and takes the fastest; the ONNX graphs only count once '
        'they were exported (`simdist export-onnx`).',
        choices=(AUTO, 'torch', 'onnxruntime'),
    )
    device: str = setting(
        AUTO,
        'auto is a GPU where it is faster; openvino and tensorrt are only for onnxruntime, and '
        'only when asked for.',
        choices=(AUTO, 'cpu', 'cuda', 'openvino', 'tensorrt'),
    )
    num_threads: int = setting(1, 'CPU threads of one plan.', low=1, high=64)

    def fixed(self) -> BackendSettings:
        """Return what to take without measuring: where these say auto, PyTorch and the CPU."""
        backend = 'onnxruntime' if self.device in ('openvino', 'tensorrt') else 'torch'
        return dataclasses.replace(
            self,
            backend=self.backend if self.backend != AUTO else backend,
            device='cpu' if self.device == AUTO else self.device,
        )


@dataclass(frozen=True, order=True)
class Option:
    """A backend and the device it runs on."""

    backend: str
    device: str

    def __str__(self) -> str:
        """Say both, e.g. ``torch on cpu``."""
        return f'{self.backend} on {self.device}'


@dataclass(frozen=True)
class Choice:
    """The backend that was taken, and why, for the user."""

    backend: Backend
    why: str
    warning: str = ''


def options() -> list[Option]:
    """Return all that is installed here, PyTorch on the CPU first."""
    gpu = torch.cuda.is_available()
    found = [Option('torch', device) for device in ('cpu', *(['cuda'] if gpu else []))]
    try:
        from simdist_ros.planning.backends.onnx_session import ON_GPU, installed_providers
    except ImportError:
        return found
    providers = (name for name in installed_providers() if gpu or name not in ON_GPU)
    return found + [Option('onnxruntime', name) for name in providers]


def wanted(settings: BackendSettings) -> list[Option]:
    """Return the options that the settings allow.

    Raises:
        ConfigError: What they ask for is not installed here.
    """
    here = options()
    found = [
        option
        for option in here
        if settings.backend in (AUTO, option.backend)
        and (option.device == settings.device or settings.device == AUTO)
    ]
    if settings.device == AUTO:
        found = [option for option in found if option.device in ('cpu', 'cuda')]
    if not found:
        raise ConfigError(
            f'backend {settings.backend!r} on device {settings.device!r} is not installed here; '
            f'there is {", ".join(map(str, here))}'
        )
    return found


def make(model: WorldModel, option: Option, num_threads: int) -> Backend:
    """Make a backend.

    Raises:
        ConfigError: It cannot run this model here.
    """
    try:
        if option.backend == 'onnxruntime':
            from simdist_ros.planning.backends.onnx_backend import OnnxBackend

            return OnnxBackend(model, provider=option.device, num_threads=num_threads)
        if option.device == 'cuda':
            return CudaBackend(copy.deepcopy(model).to('cuda'))
    except torch.cuda.OutOfMemoryError as error:
        raise ConfigError(f'{option}: {" ".join(str(error).split())}') from None
    return TorchBackend(model)


def choose(
    model: WorldModel, settings: BackendSettings, measure: Callable[[Backend], float]
) -> Choice:
    """Take the only option, or the fastest.

    One that was asked for by backend and device must work. Among several, one that doesn't is left
    out, and a warning says why.

    Args:
        model: What it is to run, on the CPU.
        settings: What the user allows.
        measure: Returns the time of a plan with a backend [ms].

    Raises:
        ConfigError: What was asked for is not installed, or nothing of it works.
    """
    allowed = wanted(settings)
    if len(allowed) == 1:
        backend = make(model, allowed[0], settings.num_threads)
        return Choice(backend, f'{allowed[0]}, the only one asked for', backend.note)
    times: dict[Option, float] = {}
    made: dict[Option, Backend] = {}
    trouble: list[str] = []
    for option in allowed:
        if settings.backend == AUTO and option.backend == 'onnxruntime' and not exported(model):
            trouble.append(f'{option} not measured, its graphs are not exported yet')
            continue
        try:
            made[option] = make(model, option, settings.num_threads)
            times[option] = measure(made[option])
        except (SimdistError, torch.cuda.OutOfMemoryError) as error:
            trouble.append(f'{option} left out: {" ".join(str(error).split())}')
    if not times:
        raise ConfigError('; '.join(trouble))
    best = min(times, key=lambda option: times[option])
    figures = ', '.join(f'{option} {ms:.1f} ms' for option, ms in sorted(times.items()))
    notes = [*trouble, made[best].note]
    return Choice(made[best], f'{best}, the fastest of: {figures}', '; '.join(filter(None, notes)))


def exported(model: WorldModel) -> bool:
    """Tell whether the graphs for a model of this architecture are there."""
    from simdist_ros.planning.backends.onnx_graphs import are_kept

    return are_kept(model)
