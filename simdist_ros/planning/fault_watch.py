"""Tells while a robot moves whether it still has the fault it is believed to have.

Robots are repaired, loads are set down, and a foot is on ice only as long as there is ice. A
belief that is no longer true makes a robot move worse than none.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.planning.plan import Observation
from simdist_ros.world_model.detector import log_odds
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.model import WorldModel

__all__ = ['FaultWatch', 'LiveWatch', 'live_watch']

F32 = NDArray[np.float32]

SPACING = 10  # steps between two looks at the newest window
MOST_OF_A_WINDOW = 6.0  # log odds; no single window is surer than that
MOST = 3.0  # log odds that are gathered, either way, so that a change is noticed within seconds
CHANGES = 1.0  # log odds against what is done at present, from which the other is done


class FaultWatch:
    """Gathers evidence for and against a belief, of N robots at once.

    At first all are believed to have the fault, where it could be noticed that they do not. Who
    is taught to live with it may hide it, and then a robot begins as usual, which shows it best.
    After a change of who acts a whole window is waited for.
    Windows overlap, so each counts by the share of it that is new; the first is all new. What was
    gathered is bounded, and it has to speak clearly for the other side before anything changes.

    Attributes:
        believes: Whether each robot is taken to be as believed, (N,).
        evidence: Log odds gathered, (N,).
    """

    def __init__(self, identifier: Identifier, detector: Tensor, num_robots: int = 1) -> None:
        """Begin with the belief, or without where the second row says nothing.

        Args:
            identifier: In evaluation mode.
            detector: Of this identifier and the belief, (2, F + 1).
            num_robots: N.
        """
        self.identifier, self.detector = identifier, detector
        begins = bool(detector[1].any())
        self.evidence = np.full(num_robots, MOST if begins else 0.0)
        self.believes = np.full(num_robots, begins)
        size = len(identifier.mean)
        self.rows = np.zeros((num_robots, identifier.window_steps, size), np.float32)
        self.count = np.zeros(num_robots, dtype=int)  # steps seen since the window began

    def forget(self) -> None:
        """Begin a new window, as after a gap; the evidence stays."""
        self.count[:] = 0

    def note(self, rows: F32) -> None:
        """Take what each robot observed and did in a step, the next one.

        Args:
            rows: Proprioceptive observation, then the action, as executed, (N, proprio + action).
        """
        self.rows[:, :-1] = self.rows[:, 1:]
        self.rows[:, -1] = rows
        self.count += 1
        beyond = self.count - self.identifier.window_steps
        who = np.flatnonzero((beyond >= 0) & (beyond % SPACING == 0))
        if not len(who):
            return
        told = np.nan_to_num(self.window_log_odds(who))  # what is no number tells nothing
        told = np.clip(told, -MOST_OF_A_WINDOW, MOST_OF_A_WINDOW)
        new = np.where(beyond[who] == 0, 1.0, SPACING / self.identifier.window_steps)
        self.evidence[who] = np.clip(self.evidence[who] + new * told, -MOST, MOST)
        believes = self.evidence > np.where(self.believes, -CHANGES, CHANGES)
        changed = believes != self.believes
        self.believes = believes
        self.evidence[changed] = np.where(believes, MOST, -MOST)[changed]
        self.count[changed] = 0

    @torch.inference_mode()
    def window_log_odds(self, who: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what the newest windows of some robots tell, (n,), by who acted in them."""
        features = self.identifier.features(torch.from_numpy(self.rows[who]))
        odds = log_odds(self.detector, features).numpy().astype(float)
        return np.asarray(odds[np.arange(len(who)), self.believes[who].astype(int)])


class LiveWatch(FaultWatch):
    """Watches one robot by what its planner is shown."""

    last_step: int | None = None

    def observe(self, observation: Observation) -> None:
        """Take the steps since the last observation; a longer gap than is known begins anew."""
        steps = observation.step - self.last_step if self.last_step is not None else -1
        self.last_step = observation.step
        if not 0 <= steps <= len(observation.acts_hist):
            self.forget()
            return
        for back in range(steps, 0, -1):
            seen, done = observation.proprio_obs_hist[-1 - back], observation.acts_hist[-back]
            self.note(np.concatenate([seen, done])[None])


def live_watch(model: WorldModel) -> LiveWatch | None:
    """Return what watches the robot of a model; None where nothing depends on its fault."""
    if model.identifier is None or model.detector is None:
        return None
    return LiveWatch(model.identifier, model.detector)
