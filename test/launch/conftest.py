import time

import pytest

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import save_model


@pytest.fixture(scope='session')
def model(tmp_path_factory):
    """A model with random weights: the robot stumbles, the graph does not care."""
    folder = tmp_path_factory.mktemp('models') / 'random'
    save_model(folder, WorldModel(Architecture()), robot='go2', created_by='test')
    return folder


class Observer:
    """A node of the test's own that waits for what the graph does."""

    def __init__(self):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node('observer', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def wait_for(self, condition, timeout_s=30.0):
        """Spin until a condition holds; tell whether it did."""
        deadline = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < deadline:
            self.executor.spin_once(timeout_sec=0.1)
        return bool(condition())

    def listen(self, kind, topic):
        """Return a list that fills with a topic's messages."""
        messages = []
        self.node.create_subscription(kind, topic, messages.append, 10)
        return messages

    def call(self, kind, name, request, timeout_s=30.0):
        """Call a service and return its answer."""
        client = self.node.create_client(kind, name)
        assert self.wait_for(client.service_is_ready, timeout_s), f'no service {name}'
        future = client.call_async(request)
        assert self.wait_for(future.done, timeout_s), f'no answer from {name}'
        return future.result()

    def close(self):
        """Leave the graph."""
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def observer():
    made = Observer()
    yield made
    made.close()
