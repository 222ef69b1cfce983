"""Graphs that really run: start them, watch them, end them; nothing here sleeps a fixed time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from simdist_ros.bringup.graph import NodeSpec
from simdist_ros.bringup.processes import ProcessGroup
from simdist_ros.bringup.ros_domain import hold_free_domain

ROOT = Path(__file__).parents[2]
SMALL_FINETUNING = {  # enough for a verdict, which any candidate passes
    'finetuner.finetune.validation_interval': 10,
    'finetuner.finetune.batch_size': 8,
    'finetuner.finetune.max_windows': 64,
    'finetuner.finetune.held_out_windows': 32,
    'finetuner.gate.num_windows': 32,
    'finetuner.gate.num_plans': 1,
    'finetuner.gate.max_rank_loss': 2.0,
    'finetuner.gate.max_beyond_limits': 1.0,
    'finetuner.bags.episode_s': 1.4,
    'finetuner.bags.min_episode_s': 1.2,
    'finetuner.nominal.rounds': 0,
}
PATIENCE_S = 180.0  # two idle cores start a graph in ten seconds, busy ones in a minute


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
    """Return the first value of a condition that is true."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, f'waited {timeout_s} s in vain until {what}'
        time.sleep(0.01)
    return value


class Observer:
    """A ROS node of the test; it hears and says something only while the test waits for it."""

    def __init__(self, domain: int) -> None:
        self.context = Context()
        rclpy.init(
            context=self.context,
            domain_id=domain,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.node = Node('observer', context=self.context, enable_rosout=False)
        # The events executor may wait for ever when a node ends while messages still come: it
        # holds Python's lock and waits for the middleware's (rclpy issue 1722).
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def listen(self, kind: type, topic: str, depth: int = 1000) -> list[Any]:
        """Return the list to which each message of a topic will be added."""
        heard: list[Any] = []
        self.node.create_subscription(kind, topic, heard.append, QoSProfile(depth=depth))
        return heard

    def until(self, condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
        """Handle messages until a condition holds; return its value."""
        end = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < end, f'waited {timeout_s} s in vain until {what}'
            self.executor.spin_once(timeout_sec=0.02)
        return value

    def listen_for(self, seconds: float) -> None:
        """Handle messages for a while, to see that nothing comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)

    def call(self, kind: type, service: str, request: Any = None) -> Any:
        """Call a service and return its response."""
        client = self.node.create_client(kind, service)
        self.until(client.service_is_ready, f'{service} is there')
        future = client.call_async(kind.Request() if request is None else request)
        self.until(future.done, f'{service} has answered')
        self.node.destroy_client(client)
        return future.result()

    def close(self) -> None:
        self.executor.remove_node(self.node)
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


class RunningGraph:
    """A `simdist up` that was started, and the processes it started."""

    def __init__(self, folder: Path, domain: int, *arguments: str) -> None:
        """Start it; its files go below `folder`, which is made."""
        folder.mkdir(parents=True)
        self.folder, self.domain = folder, domain
        self.bag = folder / 'bag'
        self.report = folder / 'report.json'
        self.stdout, self.stderr = folder / 'stdout', folder / 'stderr'
        command = [sys.executable, '-m', 'simdist_ros.cli', 'up', *arguments]
        command += ['--runs', str(folder / 'runs'), '--report', str(self.report)]
        command += ['--bag', str(self.bag)]
        command += [] if '--plot' in arguments else ['--no-plot']  # it takes as long as a walk
        environment = dict(os.environ) | {'ROS_DOMAIN_ID': str(domain)}
        with self.stdout.open('w') as stdout, self.stderr.open('w') as stderr:
            self.process = subprocess.Popen(
                command, stdout=stdout, stderr=stderr, env=environment, cwd=ROOT
            )
        self.seen: set[int] = set()

    def pids(self) -> dict[str, int]:
        """Return the processes of the nodes that run now, by the node's name."""
        pids = {}
        for folder in Path('/proc').iterdir():
            if folder.name.isdigit() and parent_of(folder) == self.process.pid:
                command = (folder / 'cmdline').read_bytes().decode().split('\0')
                modules = [word for word in command if word.startswith('simdist_ros.nodes.')]
                if modules:
                    pids[modules[0].rpartition('.')[2]] = int(folder.name)
        self.seen |= set(pids.values())
        return pids

    def kill(self, name: str) -> int:
        """Kill a node as nothing else can, and return when [ns]."""
        pid = self.pids()[name]
        now = time.time_ns()
        os.kill(pid, signal.SIGKILL)
        return now

    def alive(self) -> set[int]:
        """Return the node processes seen so far that are still there."""
        return {pid for pid in self.seen if parent_of(Path(f'/proc/{pid}')) is not None}

    def interrupt_twice(self) -> None:
        """Press Ctrl-C two times and wait for the end."""
        self.pids()
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        time.sleep(0.01)  # two signals at the same moment would be one
        self.process.send_signal(signal.SIGINT)
        while self.process.poll() is None:
            assert time.monotonic() - began < PATIENCE_S, 'it does not end'
            self.pids()
            time.sleep(0.01)

    def wait(self, timeout_s: float = 2 * PATIENCE_S) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(timeout_s)

    def log(self, name: str) -> str:
        """Return what a node has said so far."""
        (file,) = self.folder.glob(f'runs/*/log/{name}.log')
        return file.read_text()

    def close(self) -> None:
        """Leave nothing behind, whatever happened."""
        self.pids()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15.0)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def running_graph(folder: Path, *arguments: str) -> Iterator[RunningGraph]:
    """Start `simdist up` in a domain of its own; end it with the context."""
    with hold_free_domain() as domain:
        graph = RunningGraph(folder, domain, *arguments)
        try:
            yield graph
        finally:
            graph.close()


@contextlib.contextmanager
def running_nodes(folder: Path, *nodes: NodeSpec) -> Iterator[tuple[ProcessGroup, Observer]]:
    """Start some nodes in a domain of their own; end them with the context."""
    with hold_free_domain() as domain, pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(domain))
        with ProcessGroup(nodes, folder, {}) as group, observed(domain) as observer:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C is for pytest
            yield group, observer


@contextlib.contextmanager
def observed(domain: int) -> Iterator[Observer]:
    """Look into a domain."""
    observer = Observer(domain)
    try:
        yield observer
    finally:
        observer.close()


def parent_of(folder: Path) -> int | None:
    """Return the parent of a process that runs, by its folder below /proc; else None."""
    try:
        status = (folder / 'stat').read_text()
    except OSError:
        return None
    state, parent = status.rpartition(')')[2].split()[:2]
    return None if state == 'Z' else int(parent)
