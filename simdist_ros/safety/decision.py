"""What the supervisor decided, and how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.plausibility import Implausible
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.safe_actions import Action, Fault

__all__ = ['Counters', 'Decision']


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A joint command and why it is what it is.

    Attributes:
        command: What the joints get.
        mode: What the operator wants (a fall turns it into recover).
        action: What the joints do, which may be safer than the mode.
        fault: The worst thing wrong.
        is_following: Whether the mode is follow and a plan has come since.
        late: Whether it follows plans and none begins at this state, so that a later step of an
            older plan, or a safe action, stands in.
        limited: Which limits acted: ``rate``, ``torque``, ``position``.
        findings: Why the newest state is not used; nothing if it is.
    """

    command: JointCommand
    mode: Mode
    action: Action
    fault: Fault
    is_following: bool
    late: bool
    limited: tuple[str, ...]
    findings: tuple[Implausible, ...]


@dataclass(kw_only=True)
class Counters:
    """What happened so far; a state that is answered again counts once.

    Attributes:
        ticks: States answered.
        follow_ticks: Those at which plans were followed.
        late_ticks: Those of `follow_ticks` without a plan that begins at the state.
        faults: How often each fault began.
        limited: Ticks on which each limit acted.
        unusable: States with each kind of reading that cannot be true, or of a doubted stamp.
        lost_states: Ticks that the stamps left out.
        clock_steps: How often the clock of the states was found to have been set, or a gap ended.
        plans: Plans ``taken``, ``ignored`` (older than the one held, or of another clock) and
            ``not finite`` (refused).
    """

    ticks: int = 0
    follow_ticks: int = 0
    late_ticks: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    lost_states: int = 0
    clock_steps: int = 0
    plans: Counter[str] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """Count one newly answered state."""
        self.ticks += 1
        self.follow_ticks += decision.is_following
        self.late_ticks += decision.late
        self.limited.update(decision.limited)
