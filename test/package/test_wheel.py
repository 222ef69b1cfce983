"""What `pip install .` leaves behind, looked at from outside the checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import simdist_ros

found, missing = {}, {}
for module in pkgutil.walk_packages(simdist_ros.__path__, 'simdist_ros.'):
    try:
        found[module.name] = importlib.import_module(module.name).__file__
    except ModuleNotFoundError as error:
        missing[module.name] = error.name
json.dump({'found': found, 'missing': missing}, sys.stdout)
"""

OPTIONAL = {'launch', 'launch_ros', 'tensorstore'}  # not needed to import the rest


def run(*command: str, cwd: Path) -> str:
    """Return what a command printed; its environment has no path into the checkout."""
    env = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    ros = [p for p in os.environ.get('PYTHONPATH', '').split(os.pathsep) if p.startswith('/opt/')]
    if ros:
        env['PYTHONPATH'] = os.pathsep.join(ros)
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f'{" ".join(command)}\n{done.stdout}\n{done.stderr}'
    return done.stdout


@pytest.fixture(scope='module')
def installed(tmp_path_factory: pytest.TempPathFactory, export) -> Path:
    """Install the wheel of a clean export into an environment of its own; return its prefix."""
    tree = tmp_path_factory.mktemp('wheel')
    export(tree / 'export')
    build = ['wheel', '-q', '--no-deps', '--no-build-isolation', '-w', 'dist', './export']
    run(sys.executable, '-m', 'pip', *build, cwd=tree)
    (wheel,) = (tree / 'dist').glob('*.whl')
    prefix = tree / 'venv'
    run(sys.executable, '-m', 'venv', str(prefix), cwd=tree)
    python = str(prefix / 'bin/python')
    run(python, '-m', 'pip', 'install', '-q', '--no-deps', '--no-index', str(wheel), cwd=tree)
    # The dependencies are those of this environment, behind the new one's own packages. The
    # entries of a .pth file are not searched for more of them, so an editable install of this
    # project, if there is one, stays out.
    site = run(python, '-c', 'import site; print(site.getsitepackages()[0])', cwd=tree).strip()
    ours = [path for path in sys.path if path.endswith(('site-packages', 'dist-packages'))]
    (Path(site) / 'zz_dependencies.pth').write_text('\n'.join(ours) + '\n')
    return prefix


def test_every_module_is_in_the_wheel_and_imports(installed: Path, source_files: list[str]):
    python = str(installed / 'bin/python')
    outcome = json.loads(run(python, '-c', IMPORT_ALL, cwd=installed))
    assert all(Path(file).is_relative_to(installed) for file in outcome['found'].values())
    assert set(outcome['missing'].values()) <= OPTIONAL, outcome['missing']
    shipped = {
        name.removesuffix('.py').removesuffix('/__init__').replace('/', '.')
        for name in source_files
        if name.startswith('simdist_ros/') and name.endswith('.py')
    }
    assert shipped - {'simdist_ros'} == set(outcome['found']) | set(outcome['missing'])


def test_share_holds_every_file_of_config_launch_and_models(installed: Path, shared_files):
    share = installed / 'share/simdist_ros'
    files = [path for path in share.rglob('*') if path.is_file() and path.suffix != '.pyc']
    there = {path.relative_to(share).as_posix() for path in files}
    assert there == shared_files | {'package.xml'}
    assert (installed / 'share/ament_index/resource_index/packages/simdist_ros').is_file()


def test_the_installed_package_finds_its_own_robot(installed: Path):
    show = (
        'from simdist_ros.embodiment.robot import load_robot; r = load_robot("go2"); '
        'print(r.source); print(r.mjcf_path.is_file())'
    )
    source, has_mjcf = run(str(installed / 'bin/python'), '-c', show, cwd=installed).split()
    assert Path(source) == installed / 'share/simdist_ros/config/robots/go2.yaml'
    assert has_mjcf == 'True'


def test_the_command_says_how_it_is_used(installed: Path, source_files: list[str]):
    if 'simdist_ros/cli.py' not in source_files:
        pytest.skip('simdist_ros/cli.py is not there yet')
    assert 'usage: simdist' in run(str(installed / 'bin/simdist'), '--help', cwd=installed)
