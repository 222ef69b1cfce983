"""The commands that the policy's proposals follow: the wanted one, scaled up and scaled down.

A policy that walks too slowly up a slope walks faster with a larger command. All proposals are
good gaits, so a model can rank them where it cannot rank noise on single joints.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['Proposals']

SAME_COMMAND = 0.3  # largest distance of a command from what it was lately, in spreads


class Proposals:
    """Offsets along the command, around the one with the highest return so far."""

    def __init__(
        self,
        spread: Tensor,
        num_steps: int,
        step: float,
        reach: float,
        penalty: float,
        settling: int,
    ) -> None:
        """Begin at the command itself.

        Args:
            spread: Standard deviation of the commands that the model was trained on, (C,).
            num_steps: Offsets each way; 0 asks for what is wanted alone.
            step: Distance between them, in spreads.
            reach: Largest offset, in spreads, where the command itself is not smaller: less of it
                is not the opposite.
            penalty: On the return of an offset of one spread; it grows with the square.
            settling: Ticks without offsets after the command changed. A command counts as changed
                when it differs by more than `SAME_COMMAND` from what it was lately, so that small
                steering corrections do not count.
        """
        self.spread = torch.clamp(spread.detach().cpu(), min=1e-6)
        self.step = step
        self.resize(num_steps)
        self.reach, self.penalty, self.settling = reach, penalty, settling
        self.reset()

    def resize(self, num_steps: int) -> None:
        """Ask for other offsets, so many each way; what was worth most is kept."""
        self.around = self.step * torch.arange(-num_steps, num_steps + 1, dtype=torch.float32)

    @property
    def count(self) -> int:
        """How many there are, the one for what is wanted included."""
        return 1 + len(self.around) if len(self.around) > 1 else 1

    def reset(self) -> None:
        """Forget what was worth most."""
        self.centre = 0.0
        self.lately: Tensor | None = None
        self.settled_at = 0
        self.limit = 0.0

    def note_command(self, command: Tensor, step: int) -> bool:
        """Take the command of a tick, (C,), and its number; tell whether it has settled."""
        lately = self.lately
        is_new = lately is None or self.distance(command - lately) > SAME_COMMAND
        if lately is None or is_new:
            self.lately, self.settled_at = command, step + self.settling
            self.centre = 0.0
        else:
            self.lately = lately + (command - lately) / max(1, self.settling)
        is_settled = step >= self.settled_at
        self.limit = min(self.reach, self.distance(command)) if is_settled else 0.0
        return is_settled and not is_new

    def distance(self, command: Tensor) -> float:
        """Return the length of a command, in spreads."""
        return float((command / self.spread).norm())

    def near(self) -> Tensor:
        """Return the offsets around the centre, (M - 1,), in spreads."""
        return torch.clamp(self.centre + self.around, -self.limit, self.limit)

    def offsets(self, command: Tensor) -> Tensor:
        """Return what to add to a command, (C,): nothing first, then more or less of it, (M, C).

        All of them are nothing where the command is.
        """
        none = torch.zeros(1, len(command))
        if self.count == 1:
            return none
        scaled = command / self.spread
        direction = self.spread * scaled / torch.clamp(scaled.norm(), min=1e-6)
        return torch.cat([none, torch.outer(self.near(), direction)])

    def penalties(self) -> Tensor:
        """Return what to take off the return of each, (M,)."""
        none = torch.zeros(1)
        return torch.cat([none, self.penalty * self.near() ** 2]) if self.count > 1 else none

    def learn(self, weights: Tensor) -> None:
        """Move the centre to what was worth most of those around it.

        What was wanted has no part in it: it would draw the centre back at every tick.

        Args:
            weights: Of the offsets as they were, (M,), at least 0; they need not sum to 1.
        """
        around = weights[1:]
        total = float(around.sum())
        if total > 0.0:
            self.centre = float(around @ self.near()) / total
