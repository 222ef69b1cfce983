"""What `colcon build` leaves behind in a workspace."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COLCON = Path(sys.executable).with_name('colcon')


@pytest.fixture(scope='module')
def workspace(tmp_path_factory: pytest.TempPathFactory, export) -> Path:
    """Build a clean export of the tree in a workspace; return the workspace."""
    pytest.importorskip('colcon_core', reason='colcon is not installed in this environment')
    folder = tmp_path_factory.mktemp('workspace')
    export(folder / 'src/simdist_ros')
    command = [sys.executable, str(COLCON), 'build', '--event-handlers', 'console_direct+']
    env = {**os.environ, 'COLCON_HOME': str(folder / 'home')}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f'{done.stdout}\n{done.stderr}'
    return folder


@pytest.fixture(scope='module')
def prefix(workspace: Path) -> Path:
    return workspace / 'install/simdist_ros'


def in_workspace(workspace: Path, command: str) -> str:
    """Return what a command prints in a shell that has sourced the workspace."""
    script = f'. install/setup.bash && {command}'
    done = subprocess.run(
        ['bash', '-c', script], cwd=workspace, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f'{command}\n{done.stdout}\n{done.stderr}'
    return done.stdout


def test_every_node_and_the_command_are_executables_in_lib(prefix: Path):
    sources = (prefix.parents[1] / 'src/simdist_ros/simdist_ros/nodes').glob('*.py')
    nodes = {path.stem for path in sources if 'def main(' in path.read_text()} - {'reference'}
    there = {path.name for path in (prefix / 'lib/simdist_ros').iterdir()}
    assert there == nodes | {'simdist'}


def test_share_holds_every_file_of_config_launch_and_models(prefix: Path, shared_files):
    share = prefix / 'share/simdist_ros'
    there = {path.relative_to(share).as_posix() for path in share.rglob('*') if path.is_file()}
    assert shared_files | {'package.xml'} <= there


def test_ament_index_finds_the_share_folder_of_a_sourced_workspace(workspace: Path, prefix: Path):
    show = (
        'from ament_index_python import get_package_share_directory as share; '
        'from simdist_ros.core.share import share_folder; '
        'print(share("simdist_ros")); print(share_folder())'
    )
    found = in_workspace(workspace, f"{sys.executable} -c '{show}'").split()
    assert found == [str(prefix / 'share/simdist_ros')] * 2


def test_the_built_command_says_how_it_is_used(workspace: Path, source_files: list[str]):
    if 'simdist_ros/cli.py' not in source_files:
        pytest.skip('simdist_ros/cli.py is not there yet')
    usage = in_workspace(workspace, 'install/simdist_ros/lib/simdist_ros/simdist --help')
    assert 'usage: simdist' in usage
