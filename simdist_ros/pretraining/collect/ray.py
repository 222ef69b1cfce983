"""Parts of the data made by a Ray cluster, whose machines share no folder with ours.

What a part depends on is sent along, this package included; its files come back as bytes.
"""

from __future__ import annotations

import importlib.metadata
import os
import socket
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simdist_ros
from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.jobs.errors import PretrainingError
from simdist_ros.pretraining.collect.part import Job, collect_part, open_part
from simdist_ros.pretraining.collect.portable_files import pack, robot_files, unpack
from simdist_ros.pretraining.expert.files import policy_files
from simdist_ros.pretraining.presets import CollectSettings
from simdist_ros.transitions.shards.manifest import MANIFEST

__all__ = ['check_ray', 'make_parts_with_ray']

DECIDES_THE_BITS = ('mujoco', 'numpy', 'torch')  # whose versions must be ours everywhere
PROBE_S = 5.0
AHEAD = 2  # parts asked for, for each core of the cluster


@dataclass(frozen=True)
class Order:
    """All that a part depends on but its number; nothing of it is a path of this machine."""

    description: str
    robot: dict[str, bytes]
    expert: dict[str, bytes]
    task: str
    settings: CollectSettings
    expert_hash: str
    versions: dict[str, str]


def make_parts_with_ray(job: Job, count: int, address: str) -> Iterator[int]:
    """Make all parts that are not there yet; yield how many transitions each has.

    Args:
        job: What to make; only this process writes below `job.out`.
        count: Number of parts.
        address: ``HOST:PORT`` of a cluster that this machine has joined, ``auto`` for that one,
            ``local`` for one that is started here and ends with us.

    Raises:
        ConfigError: There is no Ray, or none at this address.
        PretrainingError: A worker cannot make a part; those that are made stay.
    """
    missing = deque[int]()
    for index in range(count):
        writer = open_part(job, index)
        if writer.is_complete or writer.num_shards:
            yield collect_part(job, index)
        else:
            missing.append(index)
    if not missing:
        return
    with ray_session(address) as ray:
        task = ray.remote(num_cpus=1)(make_part)
        order = ray.put(order_of(job))
        waiting: dict[Any, int] = {}
        while missing or waiting:
            while missing and len(waiting) < AHEAD * num_cores(ray):
                index = missing.popleft()
                waiting[task.remote(order, index)] = index
            ready, _ = ray.wait(list(waiting), num_returns=1)
            index = waiting.pop(ready[0])
            keep_part(open_part(job, index).folder, fetch(ray, ready[0], index))
            yield open_part(job, index).num_transitions


def check_ray(address: str) -> Any:
    """Return the package if it is installed and something listens at the address.

    Raises:
        ConfigError: It is not, or nothing does.
    """
    try:
        import ray
    except ImportError:
        raise ConfigError(
            f"--ray {address} needs Ray, which is not installed: pip install 'simdist_ros[ray]'"
        ) from None
    host, colon, port = address.rpartition(':')
    if not colon:
        if address not in ('auto', 'local'):
            raise ConfigError(f'--ray {address} is neither HOST:PORT, auto nor local')
        return ray
    # Ray itself tries a dead address for two minutes.
    try:
        socket.create_connection((host, int(port)), PROBE_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise no_answer(address, error) from None
    return ray


@contextmanager
def ray_session(address: str) -> Iterator[Any]:
    """Join a cluster, with this package for its workers, and leave it at the end."""
    ray = check_ray(address)
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # no usage reports
    package = str(Path(simdist_ros.__file__).parent)
    try:
        ray.init(
            address=address,
            runtime_env={'py_modules': [package], 'excludes': ['__pycache__']},
            log_to_driver=False,
            logging_level='ERROR',
        )
    except (ConnectionError, RuntimeError, ValueError, SystemExit) as error:
        raise no_answer(address, error) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def no_answer(address: str, error: BaseException) -> ConfigError:
    """Return the error of an address where there is no cluster for us."""
    return ConfigError(
        f'no Ray answers at {address} ({one_line(error)}); start one with `ray start --head`, '
        f'join it here with `ray start --address=HOST:PORT`, or check the address'
    )


def num_cores(ray: Any) -> int:
    """Return the cores of the cluster as it is now; machines may join and leave."""
    return max(1, int(ray.cluster_resources().get('CPU', 1)))


def order_of(job: Job) -> Order:
    """Gather what a worker needs."""
    robot = robot_files(job.robot)
    packed = pack(robot)
    return Order(
        description=next(name for name in packed if Path(name).name == job.robot.source.name),
        robot=packed,
        expert=pack(policy_files(job.expert)),
        task=job.robot.task,
        settings=job.settings,
        expert_hash=job.expert_hash,
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Return the versions of the libraries that decide the bits of a part."""
    return {name: importlib.metadata.version(name) for name in DECIDES_THE_BITS}


def make_part(order: Order, index: int) -> dict[str, bytes]:
    """Make a part on a worker and return its files by name.

    Raises:
        SimdistError: The worker's libraries would make other bits, or the expert is damaged.
    """
    refuse_other_versions(order.versions, versions())
    with tempfile.TemporaryDirectory(prefix='simdist_part_') as name:
        folder = Path(name)
        unpack(order.robot, folder / 'robot')
        unpack(order.expert, folder / 'expert')
        robot = load_robot(str(folder / 'robot' / order.description), order.task)
        job = Job(robot, folder / 'expert', folder, order.settings, order.expert_hash)
        collect_part(job, index)
        made = open_part(job, index).folder
        return {path.name: path.read_bytes() for path in made.iterdir()}


def refuse_other_versions(ours: dict[str, str], found: dict[str, str]) -> None:
    """Refuse to mix data of different libraries."""
    for name, version in ours.items():
        if found[name] != version:
            raise ConfigError(
                f'{socket.gethostname()} has {name} {found[name]}, the collection {version}; '
                'install the same versions on all machines'
            )


def fetch(ray: Any, part: Any, index: int) -> dict[str, bytes]:
    """Return the files of a part that is ready."""
    try:
        files: dict[str, bytes] = ray.get(part)
    except ray.exceptions.RayError as error:
        cause = getattr(error, 'cause', None) or error
        raise PretrainingError(
            f'part {index} failed on a Ray worker ({one_line(cause)}); mend that and run the '
            'same command again'
        ) from None
    return files


def keep_part(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files of a part, the manifest last: until then it counts as not made."""
    for name in sorted(files, key=lambda name: name == MANIFEST):
        write_atomic(folder / name, files[name])


def one_line(error: BaseException) -> str:
    """Return what an error says, or its kind, without line breaks."""
    return ' '.join(str(error).split()) or type(error).__name__
