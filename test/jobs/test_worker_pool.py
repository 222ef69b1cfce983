"""Workers end with the process they work for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE_S = 30.0
OWNER = """
import sys, time
from simdist_ros.jobs.worker_pool import worker_pool
if __name__ == '__main__':
    with worker_pool(1) as pool:
        print(pool.submit(__import__('os').getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


@pytest.mark.parametrize('end', [signal.SIGTERM, signal.SIGKILL])
def test_a_busy_worker_ends_when_its_owner_is_killed(tmp_path, end):
    script = tmp_path / 'owner.py'
    script.write_text(OWNER)
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
    ) as owner:
        assert owner.stdout is not None
        worker = Path('/proc') / owner.stdout.readline().strip()
        assert worker.is_dir()
        owner.send_signal(end)
        owner.wait()
        until = time.monotonic() + PATIENCE_S
        while worker.is_dir() and time.monotonic() < until:
            time.sleep(0.05)
        assert not worker.is_dir()
