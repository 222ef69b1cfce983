"""Which graphs of this user run on this machine: a record each, valid while its process lives."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from simdist_ros.bringup.ros_domain import DOMAIN, runtime_folder
from simdist_ros.jobs.folder_lock import open_lock

__all__ = ['GraphRecord', 'record_graph', 'running_graphs']

SHARED = (  # what another process needs to meet the graph's nodes
    DOMAIN,
    'ROS_AUTOMATIC_DISCOVERY_RANGE',
    'ROS_STATIC_PEERS',
    'ROS_DISCOVERY_SERVER',
    'RMW_IMPLEMENTATION',
    'FASTDDS_DEFAULT_PROFILES_FILE',
)


@dataclass(frozen=True, kw_only=True)
class GraphRecord:
    """A graph that runs.

    Attributes:
        pid: Of the process that started it.
        domain: ROS domain.
        started: Local time, ISO 8601.
        robot: Name of the robot.
        mode: ``realtime`` or ``lockstep``.
        folder: Where its logs and reports go, absolute.
        environment: Variables with which another process finds its nodes.
    """

    pid: int
    domain: int
    started: str
    robot: str
    mode: str
    folder: str
    environment: dict[str, str]


@contextlib.contextmanager
def record_graph(
    robot: str, mode: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[GraphRecord]:
    """Let `running_graphs` find a graph until the context, or this process, ends.

    Args:
        robot: Name of the robot.
        mode: ``realtime`` or ``lockstep``.
        folder: Where its logs and reports go.
        environment: That of its nodes.
    """
    record = GraphRecord(
        pid=os.getpid(),
        domain=int(environment.get(DOMAIN) or 0),
        started=time.strftime('%Y-%m-%dT%H:%M:%S%z'),
        robot=robot,
        mode=mode,
        folder=str(folder.resolve()),
        environment={name: environment[name] for name in SHARED if environment.get(name)},
    )
    path = runtime_folder() / f'graph_{record.pid}_{time.monotonic_ns()}.json'
    lock = open_lock(path)
    assert lock is not None, 'no other process writes a file of this name'
    try:
        os.write(lock, json.dumps(asdict(record), indent=2).encode())
        yield record
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def running_graphs() -> list[GraphRecord]:
    """Return this user's graphs that run on this machine, the newest last."""
    graphs = []
    for path in runtime_folder().glob('graph_*.json'):
        with contextlib.suppress(OSError):
            lock = open_lock(path, creates=False)
            if lock is None:
                with contextlib.suppress(ValueError):  # being written at this moment
                    graphs.append(GraphRecord(**json.loads(path.read_text())))
            else:  # its process was killed
                path.unlink(missing_ok=True)
                os.close(lock)
    return sorted(graphs, key=lambda graph: graph.started)
