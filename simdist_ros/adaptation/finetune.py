"""Finetune a model until held-out episodes say that it is enough."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from simdist_ros.adaptation.methods import Encoded, Method, make_method
from simdist_ros.adaptation.prepared_windows import Pool, fill_pool
from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.model import WorldModel

__all__ = ['FinetuneData', 'FinetuneResult', 'Finetuning', 'finetune']

RISE = 0.05  # share of the steps in which the learning rate goes up


@dataclass(frozen=True, kw_only=True)
class FinetuneData:
    """Windows by what they are for, of different episodes throughout.

    Attributes:
        train: Training split.
        stop: Whose error says when to stop.
        rehearsal: Of the pretraining data; None for none.
    """

    train: WindowSampler
    stop: WindowSampler
    rehearsal: WindowSampler | None = None


@dataclass(frozen=True, kw_only=True)
class FinetuneResult:
    """What came of a finetuning.

    Attributes:
        model: The best weights, in evaluation mode; the given model is untouched.
        num_steps: Gradient steps done.
        best_step: The step whose weights these are; 0 where nothing was better than no step.
        errors: Error on the episodes of `stop` by step.
        ended: Why it ended.
        seconds: Time of the steps, measurements included [s].
    """

    model: WorldModel
    num_steps: int
    best_step: int
    errors: dict[int, float]
    ended: str
    seconds: float

    @property
    def error_before(self) -> float:
        """Held-out error of the given model."""
        return self.errors[0]

    @property
    def error_after(self) -> float:
        """Held-out error of the best weights."""
        return self.errors[self.best_step]


class Finetuning:
    """A copy of a model, what is trained of it, and the windows; one step at a time."""

    def __init__(self, model: WorldModel, data: FinetuneData, settings: FinetuneSettings) -> None:
        """Copy the model and encode the windows.

        Raises:
            ConfigError: There are no windows, or they are not finite.
        """
        self.settings = settings
        self.model = copy.deepcopy(model).eval()
        self.method: Method = make_method(self.model, settings)
        self.train = fill_pool(self.method, data.train, settings.max_windows, 'training episodes')
        held = settings.held_out_windows
        self.stop = fill_pool(self.method, data.stop, held, 'held-out episodes')
        self.rehearsal: Pool | None = None
        if data.rehearsal is not None and self.num_rehearsed:
            most = settings.max_windows
            self.rehearsal = fill_pool(self.method, data.rehearsal, most, 'rehearsal data')
        self.parameters = self.method.parameters
        self.optimizer = torch.optim.AdamW(
            self.parameters, settings.rate, weight_decay=self.method.weight_decay, fused=True
        )

    @property
    def num_rehearsed(self) -> int:
        """Windows of a batch that come from the rehearsal data."""
        return round(self.settings.rehearsal * self.settings.batch_size)

    def batch(self, step: int) -> Encoded:
        """Draw the batch of a step, which depends on the seed and its number alone."""
        generator = np.random.default_rng([self.settings.seed, step])
        size = self.settings.batch_size
        if self.rehearsal is None:
            return self.train.draw(size, generator)
        lived = self.train.draw(size - self.num_rehearsed, generator)
        rehearsed = self.rehearsal.draw(self.num_rehearsed, generator)
        return tuple(torch.cat(pair) for pair in zip(lived, rehearsed, strict=True))

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: a short rise, then a straight fall to zero."""
        steps = self.settings.max_steps
        up, down = step / (RISE * steps), (steps - step + 1) / ((1.0 - RISE) * steps)
        return self.settings.rate * max(0.0, min(1.0, up, down))

    def step(self, step: int) -> Tensor:
        """Do one gradient step, from 1 on, and return its loss."""
        self.optimizer.param_groups[0]['lr'] = self.rate(step)
        loss = self.method.error(self.batch(step))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, self.settings.max_grad_norm)
        self.optimizer.step()
        return loss.detach()

    def held_out_error(self) -> float:
        """Return the error on the episodes that say when to stop."""
        return self.stop.error(self.method)

    def run(self, say: Callable[[str], None] = lambda line: None) -> FinetuneResult:
        """Step until the held-out error has not fallen for a while; keep the best weights."""
        settings = self.settings
        errors = {0: self.held_out_error()}
        best, kept = 0, self.weights()
        began, ended, step = time.monotonic(), 'all steps done', 0
        for step in range(1, settings.max_steps + 1):
            self.step(step)
            if step % settings.validation_interval and step != settings.max_steps:
                continue
            errors[step] = self.held_out_error()
            say(
                f'step {step} of {settings.max_steps}: held-out error {errors[step]:.5f}, '
                f'at first {errors[0]:.5f}'
            )
            if not math.isfinite(errors[step]):
                ended = 'the error was not finite any more'
                break
            if errors[step] < errors[best] * (1.0 - settings.min_improvement):
                best, kept = step, self.weights()
            elif step - best >= settings.patience * settings.validation_interval:
                ended = 'the held-out error fell no further'
                break
        for parameter, value in zip(self.parameters, kept, strict=True):
            parameter.data.copy_(value)
        return FinetuneResult(
            model=self.model,
            num_steps=step,
            best_step=best,
            errors=errors,
            ended=ended,
            seconds=time.monotonic() - began,
        )

    def weights(self) -> list[Tensor]:
        """Return a copy of what is trained."""
        return [parameter.detach().clone() for parameter in self.parameters]


def finetune(
    model: WorldModel,
    data: FinetuneData,
    settings: FinetuneSettings,
    say: Callable[[str], None] = lambda line: None,
) -> FinetuneResult:
    """Finetune a copy of a model; the same model, data and settings give the same weights.

    Raises:
        ConfigError: There are no windows, or they are not finite.
    """
    torch.set_num_threads(settings.num_threads)
    return Finetuning(model, data, settings).run(say)
