"""Start the graph's processes, watch them, and end all of them within three seconds."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

import yaml

from simdist_ros.bringup.graph import NodeSpec
from simdist_ros.core.errors import ConfigError

__all__ = ['QUIET_S', 'ProcessGroup', 'ros_environment']

POLL_S = 0.05
RESPAWN_DELAY_S = 1.0
PATIENCE_S = (1.2, 0.8, 0.4)  # for SIGINT, SIGTERM, SIGKILL
BAD_INPUT = 2
REFUSAL = 'error:'  # starts the sentence with which a node refuses its settings
INFO = '[INFO]'
LOUD = ('[WARN]', '[ERROR]', '[FATAL]')
QUIET_S = 20.0  # without a line in the terminal, after which the group says that it runs


def ros_environment(log_folder: Path, defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the nodes; what the user set already, stays unless empty."""
    logging = {'RCUTILS_COLORIZED_OUTPUT': '0', 'ROS_LOG_DIR': str(log_folder / 'ros')}
    ours = {'PYTHONUNBUFFERED': '1', 'SIMDIST_STARTER_PID': str(os.getpid())}
    given = {
        name: value for name, value in os.environ.items() if value.strip() or name not in defaults
    }
    return {**defaults, **logging, **given, **ours}


class QuotingDumper(yaml.SafeDumper):  # type: ignore[misc]
    """Quotes every text: rcl makes numbers and bools of plain ones that PyYAML takes for texts."""


QuotingDumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar('tag:yaml.org,2002:str', text, style='"')
)


def to_yaml(parameters: Mapping[str, Any]) -> str:
    """Return a ROS parameter file in which ``1e-3``, ``off`` and ``007`` stay texts."""
    text: str = yaml.dump(parameters, Dumper=QuotingDumper, sort_keys=False, width=1_000_000)
    return text


@dataclass
class Child:
    """A running node."""

    node: NodeSpec
    process: subprocess.Popen[bytes]
    reader: threading.Thread | None
    refusal: str = ''
    respawn_at: float | None = None
    is_respawned: bool = False


class ProcessGroup:
    """All processes of one graph; use it as a context, so that none is left behind."""

    def __init__(
        self,
        nodes: Sequence[NodeSpec],
        folder: Path,
        defaults: Mapping[str, str],
        quiet_s: float = math.inf,
    ) -> None:
        """Write each node's parameters and logs into `folder`.

        Args:
            nodes: What to start.
            folder: Where parameters and logs go.
            defaults: Environment variables, where the user has not set them.
            quiet_s: Wall time without a line in the terminal after which it says that it runs [s].
        """
        self.began = self.told = time.monotonic()
        self.quiet_s = quiet_s
        self.nodes = nodes
        self.defaults = defaults
        self.folder = folder
        self.log_folder = folder / 'log'
        self.children: list[Child] = []
        self.is_interrupted = False
        self.ended_by = ''

    def __enter__(self) -> ProcessGroup:
        """Start all processes."""
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self.environment = ros_environment(self.log_folder, self.defaults)
        self.handlers = {
            number: signal.signal(number, self.interrupt)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        for node in self.nodes:
            if not self.is_interrupted:
                self.children.append(self.start(node))
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, the recorder last, and wait for them."""
        recorders = [child for child in self.children if child.node.name == 'transition_logger']
        self.end([child for child in self.children if child not in recorders])
        self.end(recorders)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Remember Ctrl-C; once is as good as twice."""
        self.is_interrupted = True

    def start(self, node: NodeSpec) -> Child:
        """Start one node in a session of its own, so that Ctrl-C reaches it only through us."""
        parameters = self.folder / f'{node.name}.yaml'
        parameters.write_text(to_yaml({'/**': {'ros__parameters': node.parameters}}))
        arguments = ['--ros-args', '-r', f'__node:={node.name}', '--params-file', str(parameters)]
        draws = node.name == 'progress'
        process = subprocess.Popen(
            [sys.executable, '-m', node.module, *arguments],
            stdout=None if draws else subprocess.PIPE,
            stderr=None if draws else subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=self.environment,
            start_new_session=True,
        )
        child = Child(node, process, None)
        if process.stdout is not None:
            child.reader = threading.Thread(target=self.read, args=(child, process.stdout))
            child.reader.start()
        return child

    def read(self, child: Child, stream: IO[bytes]) -> None:
        """Copy a node's output to its log, and what is loud to the terminal."""
        with (self.log_folder / f'{child.node.name}.log').open('ab') as log:
            for line in stream:
                log.write(line)
                log.flush()
                text = line.decode(errors='replace').rstrip()
                if text.startswith(REFUSAL):
                    child.refusal = text.removeprefix(REFUSAL).strip()
                elif child.node.speaks and text.startswith(INFO):
                    self.tell(child.node, text.partition(']: ')[2] or text)
                elif text.startswith(LOUD):
                    self.tell(child.node, text)

    def tell(self, node: NodeSpec, text: str) -> None:
        """Print what a node says on a line of its own, also where a bar is drawn."""
        clear = ''
        if any(other.name == 'progress' for other in self.nodes):
            clear = '\r\x1b[K' if sys.stderr.isatty() else '\n'
        self.say(f'{clear}[{node.name}] {text}')

    def say(self, line: str) -> None:
        """Print a line."""
        self.told = time.monotonic()
        print(line, file=sys.stderr, flush=True)

    def wait(self) -> int:
        """Wait until the graph ends; return 0, or the exit code of the node `ended_by`.

        Raises:
            ConfigError: A node refused its settings.
        """
        while not self.is_interrupted:
            time.sleep(POLL_S)
            if time.monotonic() - self.told >= self.quiet_s:
                alive = sum(child.process.poll() is None for child in self.children)
                self.say(f'{alive} nodes run, for {time.monotonic() - self.began:.0f} s')
            for child in self.children:
                code = child.process.poll()
                if code is None:
                    continue
                if code == BAD_INPUT and not child.is_respawned:
                    raise ConfigError(self.sentence_of(child))
                if child.node.ends_graph:
                    self.ended_by = child.node.name
                    return code
                self.respawn(child, code)
        return 0

    def sentence_of(self, child: Child) -> str:
        """Return the sentence with which a node refused to start."""
        if child.reader is not None:
            child.reader.join(timeout=1.0)
        general = f'node {child.node.name!r} refused its settings; see {self.log_folder}'
        return child.refusal or general

    def respawn(self, child: Child, code: int) -> None:
        """Start a dead node again after a pause, if it is to be; say so once."""
        now = time.monotonic()
        if child.respawn_at is None:
            again = child.node.respawn and code != BAD_INPUT
            what = 'starting it again' if again else 'the others go on'
            what += f' ({child.refusal})' if child.refusal else ''
            self.tell(child.node, f'ended with exit code {code}; {what}')
            child.respawn_at = now + RESPAWN_DELAY_S if again else float('inf')
        elif now >= child.respawn_at:
            fresh = self.start(child.node)
            fresh.is_respawned = True
            self.children[self.children.index(child)] = fresh

    def end(self, children: Sequence[Child]) -> None:
        """Ask politely, then firmly."""
        for number, patience in zip(
            (signal.SIGINT, signal.SIGTERM, signal.SIGKILL), PATIENCE_S, strict=True
        ):
            alive = [child for child in children if child.process.poll() is None]
            for child in alive:
                child.process.send_signal(number)
            deadline = time.monotonic() + patience
            while alive and time.monotonic() < deadline:
                time.sleep(0.01)
                alive = [child for child in alive if child.process.poll() is None]
        for child in children:
            if child.reader is not None:
                child.reader.join(timeout=1.0)
