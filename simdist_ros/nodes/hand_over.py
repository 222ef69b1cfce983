"""How an accepted model gets to the planner, and which one the planner runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future

from simdist_ros.adaptation.ending import Ending

__all__ = ['HandOver']


class Say(Protocol):
    """Logs a sentence, and keeps it for the diagnostics."""

    def __call__(self, sentence: str, *, well: bool = True) -> None:
        """Say it; as a warning where something is not well."""


class HandOver:
    """Asks the planner to run what was accepted, and follows what it runs.

    Attributes:
        parent: The model to adapt next: what the planner runs.
        num_swaps: How many models it took over.
    """

    def __init__(self, node: Node, parent: Path, ending: Ending, say: Say) -> None:
        """Find the planner's parameters.

        Args:
            node: Who asks.
            parent: What the planner runs until it says so itself.
            ending: Told of swaps and of what was taken back.
            say: Told what happens.
        """
        self.parent, self.ending, self.say = parent, ending, say
        self.num_swaps = 0
        self.wanted: Path | None = None  # accepted, and the planner is still to be asked
        self.wanted_since: float | None = None  # when its training began; None if it is no news
        self.adopted: Path | None = None  # the planner took it over
        self.asked: Future[Any] | None = None
        self.disagreed = 0  # diagnostics in a row in which the planner runs another one
        self.client: Client[Any, Any] = node.create_client(SetParameters, 'planner/set_parameters')

    @property
    def is_busy(self) -> bool:
        """Whether a model is on its way."""
        return self.wanted is not None or self.asked is not None

    def offer(self, folder: Path, since: float) -> None:
        """Hand an accepted model over as soon as the planner listens.

        Args:
            folder: Of the model.
            since: When its training began, by a steady clock [s].
        """
        self.wanted, self.wanted_since = folder, since

    def look(self) -> None:
        """Ask the planner, if there is something to ask and it listens."""
        if self.wanted is not None and self.asked is None and self.client.service_is_ready():
            self.ask(self.wanted)

    def note_running(self, folder: Path, num_swaps: int) -> None:
        """Adapt what the planner runs; one that was started again is told what it had."""
        is_other = self.adopted is not None and folder != self.adopted
        self.disagreed = self.disagreed + 1 if is_other else 0
        if self.disagreed == 1:  # may have been said before the planner swapped
            return
        if is_other:
            if num_swaps:
                self.say(f'the planner went back to {folder.name}; that is adapted from now on')
                self.adopted = None
                self.ending.note_rollback()
            else:
                self.wanted, self.adopted = self.adopted, None
                self.wanted_since = None
                return
        if self.wanted is None and self.asked is None:
            self.parent = folder

    def ask(self, folder: Path) -> None:
        """Ask the planner to use a model; it answers when it does, or says why not."""
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=str(folder))
        request = SetParameters.Request(parameters=[Parameter(name='model', value=value)])
        self.asked = self.client.call_async(request)
        self.asked.add_done_callback(self.on_answer)

    def on_answer(self, answer: Future[Any]) -> None:
        """Note what the planner did."""
        folder, self.wanted, self.asked = self.wanted, None, None
        assert folder is not None
        response: Any = answer.result()
        (result,) = response.results
        if result.successful:
            self.parent = self.adopted = folder
            self.num_swaps += 1
            took = ''
            if self.wanted_since is not None:
                self.ending.note_swap()
                seconds = time.monotonic() - self.wanted_since
                took = f', {seconds:.1f} s after its training began'
            self.say(f'the planner runs {folder.name}{took}')
        else:
            self.say(f'the planner refused {folder.name}: {result.reason}', well=False)
