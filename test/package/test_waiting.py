"""Threads of linear algebra sleep while they wait, whoever imports the package."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PRINT = 'import os, simdist_ros; print(os.environ["OMP_WAIT_POLICY"])'


@pytest.mark.parametrize(('given', 'used'), [(None, 'passive'), ('active', 'active')])
def test_threads_wait_passively_unless_the_user_says_otherwise(given, used):
    environment = {k: v for k, v in os.environ.items() if k != 'OMP_WAIT_POLICY'}
    if given is not None:
        environment['OMP_WAIT_POLICY'] = given
    done = subprocess.run(
        [sys.executable, '-c', PRINT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [used]
