import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def list_files() -> list[str]:
    """Return what git would commit; in a copy without git, everything but what was built."""
    command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    git = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode == 0:
        names = [name for name in git.stdout.split('\0') if name]
    else:
        built = {'.venv', '.git', 'build', 'install', 'log', 'dist', '__pycache__', 'runs'}
        paths = [path.relative_to(ROOT) for path in ROOT.rglob('*')]
        names = [str(path) for path in paths if not built & set(path.parts)]
    return sorted(name for name in names if (ROOT / name).is_file())


@pytest.fixture(scope='session')
def source_files() -> list[str]:
    return list_files()


@pytest.fixture(scope='session')
def shared_files(source_files: list[str]) -> set[str]:
    """Return all files that belong into share/simdist_ros."""
    return {name for name in source_files if name.startswith(('config/', 'launch/', 'models/'))}


@pytest.fixture(scope='session')
def export(source_files: list[str]) -> Callable[[Path], None]:
    """Copy the tree, as a fresh clone would have it, to a folder outside the checkout."""

    def copy_to(folder: Path) -> None:
        for name in source_files:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)

    return copy_to
