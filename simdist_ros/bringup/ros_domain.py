"""A free ROS domain, held by a lock until the process that took it ends."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from simdist_ros.core.errors import ConfigError
from simdist_ros.jobs.folder_lock import open_lock

__all__ = [
    'DOMAIN',
    'HIGHEST',
    'given_domain',
    'hold_free_domain',
    'is_domain_in_use',
    'runtime_folder',
]

DOMAIN = 'ROS_DOMAIN_ID'
DOMAINS = range(1, 102)  # 0 is everybody's default; higher ones reach into the system's own ports
HIGHEST = 232  # whose ports still exist
FIRST_PORT, PORTS_PER_DOMAIN = 7400, 250  # of the DDS interoperability protocol (RTPS)
SOCKETS = (Path('/proc/net/udp'), Path('/proc/net/udp6'))


def given_domain() -> int | None:
    """Return the domain that the user has set, None without one.

    Raises:
        ConfigError: It is no domain.
    """
    text = os.environ.get(DOMAIN, '').strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) > HIGHEST:
        raise ConfigError(f'{DOMAIN} is {text!r}; it must be a whole number, 0 .. {HIGHEST}')
    return int(text)


@contextlib.contextmanager
def hold_free_domain() -> Iterator[int]:
    """Take a ROS domain that no process of this machine uses, and hold it meanwhile.

    Raises:
        ConfigError: All domains are taken.
    """
    for domain in random.sample(DOMAINS, len(DOMAINS)):
        if is_domain_in_use(domain):
            continue
        lock = open_lock(runtime_folder() / f'domain_{domain}.lock')
        if lock is None:
            continue
        try:
            yield domain
        finally:
            os.close(lock)
        return
    raise ConfigError(
        f'all ROS domains {DOMAINS[0]} .. {DOMAINS[-1]} are in use; end a graph, or set {DOMAIN}'
    )


def is_domain_in_use(domain: int) -> bool:
    """Tell whether a process of this machine listens on the ports of a domain.

    Where the system does not list its sockets nothing is found, and only locks count.
    """
    first = FIRST_PORT + PORTS_PER_DOMAIN * domain
    return any(first <= port < first + PORTS_PER_DOMAIN for port in udp_ports())


def udp_ports() -> set[int]:
    """Return the local UDP ports in use."""
    ports = set()
    for path in SOCKETS:
        with contextlib.suppress(OSError):
            for line in path.read_text().splitlines()[1:]:
                ports.add(int(line.split()[1].rpartition(':')[2], 16))
    return ports


def runtime_folder() -> Path:
    """Return this user's folder for what lives no longer than a process; make it if need be.

    Raises:
        ConfigError: It cannot be made, or belongs to another user.
    """
    given = os.environ.get('XDG_RUNTIME_DIR')
    if given and os.access(given, os.W_OK):
        folder = Path(given) / 'simdist_ros'
    else:
        folder = Path(tempfile.gettempdir()) / f'simdist_ros-{os.getuid()}'
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError as error:
        raise ConfigError(f'{folder}: cannot be made ({error.strerror}); set TMPDIR') from None
    if owner != os.getuid():
        raise ConfigError(f'{folder} belongs to another user; remove it, or set TMPDIR')
    return folder
