"""How Sphinx builds the pages, see ``make docs``."""

import argparse
import pkgutil
from pathlib import Path

from sphinx.application import Sphinx

import simdist_ros
from simdist_ros.cli import make_parser

project = 'simdist_ros'
author = 'simdist_ros maintainers'
copyright = f'2026, {author}'  # noqa: A001
release = version = simdist_ros.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
]
exclude_patterns = ['_build']
html_theme = 'furo'
html_title = f'simdist_ros {release}'
myst_heading_anchors = 3
default_role = 'code'  # docstrings name code in single backticks

# The pages are built where ROS is not installed, too.
autodoc_mock_imports = [
    'builtin_interfaces',
    'diagnostic_msgs',
    'geometry_msgs',
    'launch',
    'launch_ros',
    'lifecycle_msgs',
    'nav_msgs',
    'rcl_interfaces',
    'rclpy',
    'rosgraph_msgs',
    'sensor_msgs',
    'std_msgs',
    'std_srvs',
    'trajectory_msgs',
]
autodoc_typehints = 'signature'
autodoc_member_order = 'bysource'
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # fields of a dataclass are described once
napoleon_custom_sections = ['Source']
suppress_warnings = ['ref.python']  # one name in several modules


def commands_page() -> str:
    """Return the help of every command, Markdown."""
    parser = make_parser()
    parts = ['# Commands', 'Also from `simdist --help` and `simdist COMMAND --help`.']
    parts.append(f'```text\n{parser.format_help()}```')
    for name, command in subparsers(parser).items():
        parts.append(f'## simdist {name}\n\n```text\n{command.format_help()}```')
    return '\n\n'.join(parts) + '\n'


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def packages() -> dict[str, list[str]]:
    """Return the modules of each package by its name, those in the root under the root's."""
    found: dict[str, list[str]] = {}
    for module in pkgutil.walk_packages(simdist_ros.__path__, f'{simdist_ros.__name__}.'):
        if module.ispkg:
            found.setdefault(module.name, [module.name])
        else:
            found.setdefault(module.name.rpartition('.')[0], []).append(module.name)
    return found


def api_page(package: str, modules: list[str]) -> str:
    """Return the page of a package, reStructuredText; ``__all__`` says what is described."""
    parts = [f'{package}\n{"=" * len(package)}']
    for module in modules:
        if module != package:
            parts.append(f'{module.rpartition(".")[2]}\n{"-" * len(module)}')
        parts.append(f'.. automodule:: {module}\n   :members:\n   :show-inheritance:')
    return '\n\n'.join(parts) + '\n'


def generated() -> dict[str, str]:
    """Return the pages that no file in git holds, by their path."""
    pages = {f'api/{name}.rst': api_page(name, of) for name, of in packages().items()}
    return {'commands.md': commands_page(), **pages}


def write_pages(app: Sphinx) -> None:
    """Write the generated pages; those that did not change are not built again."""
    pages = {Path(app.srcdir) / name: text for name, text in generated().items()}
    for old in (Path(app.srcdir) / 'api').glob('*.rst'):
        if old not in pages:
            old.unlink()
    for page, text in pages.items():
        page.parent.mkdir(exist_ok=True)
        if not page.is_file() or page.read_text() != text:
            page.write_text(text)


def setup(app: Sphinx) -> None:
    """Register the generated pages."""
    app.connect('builder-inited', write_pages)
