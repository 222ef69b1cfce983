"""Another model for a planner that runs: verified and made ready, before anything changes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from simdist_ros.core.errors import CheckpointError
from simdist_ros.core.priority_gate import GiveWay, no_wait
from simdist_ros.embodiment.robot import Robot
from simdist_ros.planning.backends.backend import Backend, NewParts
from simdist_ros.world_model.store.checkpoint import LoadedModel, find_model, load_model

__all__ = ['Candidate', 'load_candidate']


@dataclass(frozen=True)
class Candidate:
    """A model that can be swapped in between two ticks.

    Attributes:
        loaded: The model on the CPU, verified.
        new: Its parts as the backend wants them.
    """

    loaded: LoadedModel
    new: NewParts


def load_candidate(
    name: str,
    robot: Robot,
    backend: Backend,
    swappable: Collection[str],
    give_way: GiveWay = no_wait,
) -> Candidate:
    """Read, verify and warm up a model, off the control thread; the one in use stays in use.

    Args:
        name: Name or folder of the model.
        robot: The robot it must be for.
        backend: What runs the model in use.
        swappable: The parts that the manifest of the model in use lets be swapped.
        give_way: Called between two pieces of work.

    Raises:
        CheckpointError: The model is damaged, made for something else, was refused when it was
            made, or differs from the one in use in more than these parts.
    """
    loaded = load_model(find_model(name), robot, give_way=give_way)
    verdict = loaded.manifest.adaptation.get('verdict', {})
    if not verdict.get('accepted', True):
        raise CheckpointError(
            f'{loaded.folder}: the gate did not accept this model ({verdict.get("reason", "?")}); '
            'choose one that it accepted'
        )
    return Candidate(loaded, backend.prepare(loaded.model, swappable, give_way))
