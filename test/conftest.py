"""What every test runs in: a quiet ROS domain of its own, no screen, no leftovers."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

from simdist_ros.bringup.ros_domain import hold_free_domain
from simdist_ros.core.share import share_folder

# Before rclpy, mujoco or matplotlib are imported by any test, and for the processes they start.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'  # whatever the user has set
for name in ('ROS_STATIC_PEERS', 'ROS_DISCOVERY_SERVER'):
    os.environ.pop(name, None)
DOMAIN = contextlib.ExitStack()  # held as long as this process, one of several workers, lives
os.environ['ROS_DOMAIN_ID'] = str(DOMAIN.enter_context(hold_free_domain()))
# As the graphs do it: found within a second, and no shared memory that a killed process leaves.
os.environ.setdefault('FASTDDS_DEFAULT_PROFILES_FILE', str(share_folder() / 'config/fastdds.xml'))
LOG_FOLDER = tempfile.TemporaryDirectory(prefix='simdist_ros_log_')  # removed at the end
os.environ.setdefault('ROS_LOG_DIR', LOG_FOLDER.name)
os.environ.setdefault('MPLBACKEND', 'Agg')
os.environ.setdefault('OMP_NUM_THREADS', '1')  # sums in another order are other bits

# The wheels' own share folder is found through this prefix; a sourced ROS has set its own.
prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
if sys.prefix not in prefixes:
    os.environ['AMENT_PREFIX_PATH'] = os.pathsep.join(filter(None, [*prefixes, sys.prefix]))

SLOW = ('bodies', 'bringup', 'pretraining', 'studies', 'adaptation')  # rooms of the longest files


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the longest files, so that two workers end at about the same time."""

    def rank(item):
        room = item.path.relative_to(Path(__file__).parent).parts[0]
        return SLOW.index(room) if room in SLOW else len(SLOW)

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are fastest in one thread, and results are the same on every machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='session')
def go2():
    from simdist_ros.embodiment.robot import load_robot

    return load_robot('go2')


@pytest.fixture(scope='session')
def upstream():
    """Folder of the published Go2 checkpoint and its golden outputs."""
    default = Path(__file__).parents[2] / 'shared' / 'upstream_go2'
    folder = Path(os.environ.get('SIMDIST_UPSTREAM_GO2', default))
    if not folder.is_dir():
        pytest.skip(f'the published Go2 model is not at {folder}; set SIMDIST_UPSTREAM_GO2')
    return folder


@pytest.fixture(scope='session')
def published_folder(upstream, tmp_path_factory):
    """The published model, converted."""
    pytest.importorskip('tensorstore', reason='tensorstore is not installed')
    folder = tmp_path_factory.mktemp('models') / 'go2'
    from simdist_ros.world_model.upstream.convert import import_upstream

    import_upstream(upstream, folder)
    return folder


@pytest.fixture(scope='session')
def recipe(go2):
    from simdist_ros.pretraining.recipe import load_recipe

    return load_recipe(go2)


@pytest.fixture
def walkers(go2, recipe):
    """Build a few robots, on the hardest ground where `level` is 1."""

    import numpy as np

    from simdist_ros.sim.batch.vector_env import VectorEnv

    def build(num_robots=6, seed=0, level=0.0, **options):
        env = VectorEnv(go2, recipe, num_robots=num_robots, seed=seed, **options)
        if level:
            env.levels[:] = level
            env.reset(np.ones(num_robots, dtype=bool))
        return env

    return build


@pytest.fixture(scope='session')
def small_robot():
    """Two joints, a gait of five ticks, and a height map of which the middle cell counts."""
    from dataclasses import replace

    from simdist_ros.embodiment.height_map import HeightMap
    from simdist_ros.embodiment.robot import Joint, Robot

    return Robot(
        name='two_joints',
        tasks={'velocity': {'command_low': (-1.0, -1.0, -1.0), 'command_high': (1.0, 1.0, 1.0)}},
        phase_period_s=0.1,
        joints=tuple(replace(Joint(), name=name) for name in ('left', 'right')),
        height_map=HeightMap(columns=3, rows=1, first_x_m=-0.1, first_y_m=0.0),
    )
