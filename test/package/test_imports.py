"""Who may import whom: the architecture, as a test."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = 'simdist_ros'
SOURCE = Path(__file__).resolve().parents[2] / PACKAGE

ORDER = (  # each imports rooms before it alone
    'core',
    'embodiment',
    'tasks',
    'messages',
    'jobs',
    'rl',
    'safety',
    'sim',
    'transitions',
    'world_model',
    'planning',
    'evaluation',
    'pretraining',
    'adaptation',
    'studies',
    'nodes',
    'bringup',
    'graph_commands',
    'completion',
    'cli',
    'settings_reference',
)
PURE = {  # what must work without most of the others
    'rl': {'core', 'jobs'},
    'messages': {'core', 'embodiment', 'tasks'},
    'safety': {'core', 'embodiment'},
    'world_model': {'core', 'embodiment', 'tasks', 'jobs'},
    'planning': {'core', 'embodiment', 'tasks', 'world_model'},
}
MAY_IMPORT = {room: PURE.get(room, set(ORDER[:index])) for index, room in enumerate(ORDER)}
ONLY_IN = {'rclpy': {'nodes'}, 'mujoco': {'sim'}}
LIGHT = (  # start in a second and take little memory
    'graph_client',
    'mujoco_robot',
    'operator',
    'supervisor',
    'transition_logger',
)

MODULES = sorted(SOURCE.rglob('*.py'))


def part_of(path: Path) -> str:
    """Return the folder of the package that a module is in, or the name of a lone module."""
    return path.relative_to(SOURCE).parts[0].removesuffix('.py')


def imported(path: Path) -> Iterator[str]:
    """Yield the absolute name of every module a file imports, inside functions too."""
    package = [PACKAGE, *path.relative_to(SOURCE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = '.'.join([*base, *([node.module] if node.module else [])])
            yield from (f'{module}.{alias.name}' for alias in node.names)


def uses(path: Path) -> set[str]:
    """Return the parts of our package that a file imports, its own left out."""
    names = (name.split('.') for name in imported(path))
    return {n[1] for n in names if n[0] == PACKAGE and len(n) > 1} - {part_of(path)}


def test_the_rules_name_every_part_of_the_package():
    parts = {part_of(path) for path in MODULES} - {'__init__'}
    assert parts <= set(MAY_IMPORT)


@pytest.mark.parametrize('part', sorted(MAY_IMPORT))
def test_arrows_point_downward(part: str):
    beyond = {
        str(path.relative_to(SOURCE)): sorted(up)
        for path in MODULES
        if part_of(path) == part and (up := uses(path) - MAY_IMPORT[part] - {'__version__'})
    }
    assert not beyond, f'{part}/ may import only {sorted(MAY_IMPORT[part])}'


@pytest.mark.parametrize('library', sorted(ONLY_IN))
def test_a_library_is_imported_only_where_it_belongs(library: str):
    guests = [
        str(path.relative_to(SOURCE))
        for path in MODULES
        if part_of(path) not in ONLY_IN[library]
        and any(name.split('.')[0] == library for name in imported(path))
    ]
    assert not guests, f'{library} belongs into {sorted(ONLY_IN[library])}'


@pytest.mark.parametrize('module', LIGHT)
def test_a_node_that_uses_no_model_starts_without_pytorch(module: str):
    code = (
        'import sys\n'
        f'import simdist_ros.nodes.{module}\n'
        "print(*sorted({'torch', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    command = [sys.executable, '-c', code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.split() == []


def test_the_reader_of_imports_sees_every_form(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), 'SOURCE', tmp_path)
    module = tmp_path / 'sim' / 'a.py'
    module.parent.mkdir()
    module.write_text(
        'import numpy as np, os.path\n'
        'from . import b\n'
        'from ..core.robot import Robot\n'
        'def late():\n    from simdist_ros import planning\n'
    )
    assert list(imported(module)) == [
        'numpy',
        'os.path',
        'simdist_ros.sim.b',
        'simdist_ros.core.robot.Robot',
        'simdist_ros.planning',
    ]
    assert uses(module) == {'core', 'planning'}
