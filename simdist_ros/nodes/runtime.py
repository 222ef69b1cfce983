"""Start, spin and end a node so that Ctrl-C, even twice, ends it cleanly."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Protocol, cast

import rclpy
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from simdist_ros.core.errors import SimdistError

__all__ = ['Runnable', 'Stop', 'run']

BAD_INPUT = 2
STARTER = 'SIMDIST_STARTER_PID'  # set by `simdist up`: no node outlives it


class Stop:
    """Set by SIGINT, SIGTERM or SIGHUP, or when the process that started the graph is gone."""

    def __init__(self) -> None:
        """Take over the signals; a second one changes nothing."""
        self.is_signalled = False
        self.starter = os.environ.get(STARTER)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.request)

    def request(self, *_: object) -> None:
        """Ask the node to end."""
        self.is_signalled = True

    @property
    def requested(self) -> bool:
        """Whether the node is to end."""
        is_orphan = self.starter is not None and self.starter != str(os.getppid())
        return self.is_signalled or is_orphan


def make_executor() -> Executor:
    """Return the executor that costs least, where this ROS distribution has it."""
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


class Runnable(Protocol):
    """What `run` needs of a node, besides being one."""

    def work(self, executor: Executor, stop: Stop) -> int:
        """Spin until asked to stop; return the exit code."""

    def close(self) -> None:
        """Give back what the node holds, in any state."""


def run(make: Callable[[], Runnable], args: list[str] | None = None) -> int:
    """Run one node in this process until it is asked to stop.

    Args:
        make: Creates the node; a `SimdistError` in it is printed as one sentence.
        args: Command line, for tests; None takes the process's.

    Returns:
        Exit code: 0 for a clean end, 2 for a bad setting.
    """
    stop = Stop()
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node = None
    try:
        node = make()
        executor = make_executor()
        executor.add_node(cast(Node, node))
        code = node.work(executor, stop)
        executor.remove_node(cast(Node, node))
        return code
    except SimdistError as error:
        print(f'error: {error}', file=sys.stderr, flush=True)
        return BAD_INPUT
    finally:
        if node is not None:
            node.close()
            cast(Node, node).destroy_node()
        rclpy.try_shutdown()


def spin(executor: Executor, stop: Stop) -> int:
    """Handle callbacks until asked to stop; most nodes' `work` is just this."""
    while not stop.requested:
        executor.spin_once(timeout_sec=0.1)
    return 0
