"""Installs with colcon (ament_python) and with pip; the version and the folders are found."""

import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = 'simdist_ros'
SHARED = ('launch', 'config', 'models')  # go to share/simdist_ros as they are
NODES = (
    'finetuner',
    'mujoco_robot',
    'operator',
    'planner',
    'progress',
    'supervisor',
    'transition_logger',
)

ROOT = Path(__file__).resolve().parent


def version() -> str:
    """Return the version that the package itself declares."""
    text = (ROOT / NAME / '__init__.py').read_text(encoding='utf-8')
    found = re.search(r"^__version__ = '(.+)'$", text, flags=re.MULTILINE)
    if found is None:
        raise RuntimeError(f'{NAME}/__init__.py declares no __version__')
    return found.group(1)


def pins(name: str) -> list[str]:
    """Return the lines of requirements/<name>.txt that name a package."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def shared_files() -> list[tuple[str, list[str]]]:
    """Return each folder under share/ with the files that belong in it."""
    by_folder: dict[str, list[str]] = {}
    for top in SHARED:
        for path in sorted((ROOT / top).rglob('*')):
            relative = path.relative_to(ROOT)
            if any(part.startswith(('.', '__pycache__')) for part in relative.parts):
                continue
            if path.is_file():
                folder = f'share/{NAME}/{relative.parent.as_posix()}'
                by_folder.setdefault(folder, []).append(relative.as_posix())
    return list(by_folder.items())


setup(
    name=NAME,
    version=version(),
    description='A world model that plans on a robot and corrects its own dynamics as it works',
    license='Apache-2.0',
    maintainer='simdist_ros maintainers',
    maintainer_email='maintainers@simdist-ros.org',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        *shared_files(),
    ],
    python_requires='>=3.10',
    # ROS itself is absent here: it is the sourced installation, or the extra `ros`.
    install_requires=[
        'gymnasium>=1.0,<2',
        'matplotlib>=3.8',
        'mcap>=1.6,<2',
        'mujoco>=3.4,<5',
        'numpy>=1.26',
        'pillow>=10',
        'pyyaml>=6',
        'rosbags>=0.11,<0.12',
        'safetensors>=0.4.3',
        'torch>=2.4',
        'tqdm>=4.66',
    ],
    extras_require={
        'onnx': ['onnx', 'onnxruntime>=1.22', 'onnxscript'],
        'pretrain': ['tensorboard>=2.16'],
        'ray': ['ray>=2.40'],
        'ros': pins('ros'),
        'upstream': ['tensorstore'],
        'test': ['mcap-ros2-support', 'pytest>=7.4,<8.4'],
        'dev': ['mypy', 'pre-commit', 'ruff'],
    },
    entry_points={
        'console_scripts': [
            'simdist = simdist_ros.cli:main',
            *(f'{node} = simdist_ros.nodes.{node}:main' for node in NODES),
        ],
    },
    zip_safe=False,
)
