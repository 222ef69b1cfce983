"""What the gate found of a candidate, and whether it may go on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = ['Check', 'Verdict']


@dataclass(frozen=True)
class Check:
    """One condition.

    Attributes:
        name: What was looked at.
        passed: Whether the candidate may go on.
        sentence: What was found, with its figures.
        figures: The numbers behind it, by name.
    """

    name: str
    passed: bool
    sentence: str
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """All conditions together: of the dynamics, and of belief and expert, each for themselves.

    Attributes:
        checks: Of the model with its new dynamics.
        behaviour: Of a new belief, and the expert that is told it; none where they are the
            parent's.
    """

    checks: tuple[Check, ...]
    behaviour: tuple[Check, ...] = ()

    @property
    def takes_dynamics(self) -> bool:
        """Whether the new dynamics may be used."""
        return all(check.passed for check in self.checks)

    @property
    def takes_behaviour(self) -> bool:
        """Whether there is a new belief, which may be used with its expert."""
        return bool(self.behaviour) and all(check.passed for check in self.behaviour)

    @property
    def accepted(self) -> bool:
        """Whether any of it may be used."""
        return self.takes_dynamics or self.takes_behaviour

    @property
    def reason(self) -> str:
        """Say in one sentence why it was accepted or refused."""
        parts = ['accepted: ' + self.checks[0].sentence]
        if not self.takes_dynamics:
            kind = 'dynamics refused, those of the parent stay' if self.accepted else 'refused'
            parts = [f'{kind}: {failures(self.checks)}']
        if self.takes_behaviour:
            parts.append('belief and expert accepted: ' + self.behaviour[0].sentence)
        elif self.behaviour:
            parts.append(f'belief and expert refused: {failures(self.behaviour)}')
        return '; '.join(parts)

    @property
    def figures(self) -> dict[str, float]:
        """All numbers that are numbers, for a manifest."""
        every = (*self.checks, *self.behaviour)
        found = {k: v for check in every for k, v in check.figures.items()}
        return {name: round(float(v), 6) for name, v in found.items() if math.isfinite(v)}

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain values, for a manifest."""
        every = (*self.checks, *self.behaviour)
        plain = {
            'accepted': self.accepted,
            'reason': self.reason,
            'checks': {check.name: check.sentence for check in every},
            'figures': self.figures,
        }
        if self.behaviour:
            plain['dynamics'] = self.takes_dynamics
            plain['behaviour'] = self.takes_behaviour
        return plain


def failures(checks: tuple[Check, ...]) -> str:
    """Say what of some conditions does not hold."""
    return '; '.join(check.sentence for check in checks if not check.passed)
