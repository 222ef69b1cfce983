"""Runs the world model for one search at a time; what the backends share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from simdist_ros.core.errors import CheckpointError
from simdist_ros.core.priority_gate import GiveWay, no_wait
from simdist_ros.planning.backends.stages import Run, Stages, stages_of
from simdist_ros.planning.mppi import Search, State, iterate
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.part_names import ADAPTED
from simdist_ros.world_model.returns import discounted_return
from simdist_ros.world_model.swappable_parts import changed_parts

__all__ = ['Backend', 'NewParts', 'check_changes']


@dataclass(frozen=True)
class NewParts:
    """Parts of another model, made ready for a backend, off the control thread.

    Attributes:
        model: The whole model with them.
        parts: Their names: all that may differ, whether it does or not.
        changed: Those in which it differs from the model that was in use.
        stages: What runs them, by name of the stage.
    """

    model: WorldModel
    parts: Collection[str]
    changed: Collection[str]
    stages: Mapping[str, Run]


class Backend(ABC):
    """Encodes once a tick, then scores candidates; the search itself is PyTorch's throughout.

    All tensors are float32 on `device`. What a method returns may be overwritten by its next call.
    """

    name = 'torch'

    def __init__(self, model: WorldModel, stages: Stages) -> None:
        """Take a model in evaluation mode and what runs its stages."""
        self.model = model
        self.stages = stages
        self.note = ''  # what a user should know
        self.device = model.normalizer.action_low.device

    @property
    def about(self) -> str:
        """Name and device, e.g. ``torch on cpu``."""
        return f'{self.name} on {self.device.type}'

    def observe(
        self, proprio_obs_hist: Tensor, acts_hist: Tensor, extero_obs: Tensor, commands: Tensor
    ) -> Tensor:
        """Encode a situation and ask the policy; once a tick.

        Args:
            proprio_obs_hist: (1, H + 1, proprio_obs_dim).
            acts_hist: (1, H, action_dim).
            extero_obs: (1, extero_obs_dim).
            commands: The one wanted, by which candidates are judged, then others that the policy
                is asked for, (M, T + 1, command_dim).

        Returns:
            What the policy would do, (M, T, action_dim); the policy prior first.
        """
        commands = commands.to(self.device)
        self.commands = commands[:1]
        arrays = (proprio_obs_hist, acts_hist, extero_obs)
        self.context = self.stages.encode(*(array.to(self.device) for array in arrays))
        (proposals,) = self.stages.propose(*self.context, commands)
        return proposals

    def remember(self) -> None:
        """Make what all candidates of the situation share; once a tick, before `score`."""
        self.memory = self.stages.remember(*self.context)

    def score(self, actions: Tensor, gamma: float) -> Tensor:
        """Return the model's return of candidates (K, T, action_dim), (K,)."""
        return self.returns(actions, gamma)

    def returns(self, actions: Tensor, gamma: float) -> Tensor:
        """Run the stages that `score` and `step` share."""
        (latents,) = self.stages.predict(*self.memory, actions)
        rewards, final_value = self.stages.judge(*self.context, latents, actions, self.commands)
        return discounted_return(rewards, final_value, gamma)

    def step(self, settings: MppiSettings, start: Search, state: State, noise: Tensor) -> State:
        """Do one iteration of the search."""
        score = partial(self.returns, gamma=settings.gamma)
        return iterate(score, settings, start, state, noise)

    def wait(self) -> None:
        """Return when everything asked for is done, so that a clock tells the truth."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)

    def prepare(
        self,
        model: WorldModel,
        swappable: Collection[str] = ADAPTED,
        give_way: GiveWay = no_wait,
    ) -> NewParts:
        """Make parts of another model ready; slow, to be called off the control thread.

        Args:
            model: The whole model with them.
            swappable: The parts that may differ from those in use.
            give_way: Called between two pieces of work.

        Raises:
            CheckpointError: The model differs in more, or cannot be run here.
        """
        give_way()
        changed = check_changes(self.model, model, swappable)
        give_way()
        ready, stages = self.build(model, stages_of(swappable), give_way)
        return NewParts(ready, swappable, changed, stages)

    @abstractmethod
    def build(
        self, model: WorldModel, names: Collection[str], give_way: GiveWay
    ) -> tuple[WorldModel, Mapping[str, Run]]:
        """Return a model where it is to run, and what runs these stages of it, run once.

        Raises:
            CheckpointError: It cannot be run here.
        """

    def swap(self, new: NewParts) -> NewParts:
        """Use other parts from the next tick on; call it between two ticks.

        Returns:
            Those used so far, ready to be swapped in again.
        """
        stages = {name: getattr(self.stages, name) for name in new.stages}
        old = NewParts(self.model, new.parts, new.changed, stages)
        for name, stage in new.stages.items():
            setattr(self.stages, name, stage)
        self.model = new.model
        return old


def check_changes(old: WorldModel, new: WorldModel, swappable: Collection[str]) -> tuple[str, ...]:
    """Return the parts in which a model differs from another, if all of them may be swapped.

    Raises:
        CheckpointError: It differs in more, or has other sizes.
    """
    if old.architecture != new.architecture:
        raise CheckpointError(
            'the new model has other sizes than the one in use; load it at the next start'
        )
    changed = changed_parts(old, new)
    for part in changed:
        if part == 'expert' and None in (old.expert, new.expert):
            has, other = ('an', 'none') if old.expert is None else ('no', 'one')
            raise CheckpointError(
                f'the new model carries {has} expert, the one in use {other}; load it at the next '
                'start'
            )
        if part not in swappable:
            raise CheckpointError(
                f'{part} of the new model is not that of the model in use, which lets only '
                f'{", ".join(swappable)} be swapped (`swappable` in its manifest); load it at '
                'the next start'
            )
    return changed
