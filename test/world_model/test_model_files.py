"""What is checked of a model before the graph starts, without PyTorch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.store.checkpoint import load_model
from simdist_ros.world_model.store.model_files import check_model

from .test_refusals import ROBOT, edit_manifest, overwrite

LOADS = """
import sys
from simdist_ros.bringup.graph import GraphOptions
from simdist_ros.bringup.run import check_options
print(check_options(GraphOptions(model='go2', mode='lockstep')).name)
print(*sorted({'torch', 'matplotlib', 'rclpy'} & set(sys.modules)))
"""


def append(folder, name):
    with (folder / name).open('ab') as file:
        file.write(b'x')


DAMAGES = {
    'weights': lambda folder: append(folder, 'dynamics.safetensors'),
    'sizes': lambda folder: append(folder, 'model.yaml'),
    'a part is missing': lambda folder: (folder / 'heads.safetensors').unlink(),
    'nothing is listed': lambda folder: edit_manifest(folder, files={}),
    'another robot': lambda folder: edit_manifest(folder, robot='spot'),
    'another task': lambda folder: edit_manifest(folder, task='reach'),
    'no manifest': lambda folder: (folder / 'manifest.yaml').unlink(),
    'no sizes': lambda folder: overwrite(folder, 'model.yaml', b'[]'),
}


def test_a_model_of_the_robot_passes(small_folder):
    check_model(small_folder, ROBOT)


@pytest.mark.parametrize('damage', DAMAGES.values(), ids=DAMAGES)
def test_what_loading_would_refuse_is_refused_in_the_same_words(small_folder, damage):
    damage(small_folder)
    with pytest.raises(CheckpointError) as loading:
        load_model(small_folder, ROBOT)
    with pytest.raises(CheckpointError) as checking:
        check_model(small_folder, ROBOT)
    assert str(checking.value) == str(loading.value)


def test_a_part_that_not_every_model_has_is_verified_too(small_folder):
    overwrite(small_folder, 'residual.safetensors', b'as listed')
    check_model(small_folder, ROBOT)
    append(small_folder, 'residual.safetensors')
    with pytest.raises(CheckpointError, match=r'residual\.safetensors: SHA-256 is'):
        check_model(small_folder, ROBOT)


def test_a_graph_is_checked_without_what_takes_seconds_to_import():
    done = subprocess.run([sys.executable, '-c', LOADS], capture_output=True, text=True)
    assert done.stdout.splitlines() == ['go2', ''], done.stderr
