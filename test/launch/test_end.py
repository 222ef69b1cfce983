import pytest

launch_pytest = pytest.importorskip(
    'launch_pytest', reason='launch_pytest comes with a ROS 2 installation, not from PyPI'
)

from .launched import NODES, bringup, pid_of  # noqa: E402


@launch_pytest.fixture
def short_graph(model):
    return bringup(model, mode='lockstep', duration_s='0.5')


@pytest.mark.launch(fixture=short_graph)
def test_the_graph_ends_with_the_robot(observer):
    assert observer.wait_for(lambda: pid_of('mujoco_robot') is not None)
    assert observer.wait_for(lambda: all(pid_of(name) is None for name in NODES))
