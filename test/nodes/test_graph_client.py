"""The operator's commands against a node that really answers, in a domain of its own."""

from __future__ import annotations

import threading

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Twist
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Imu
from std_msgs.msg import String
from std_srvs.srv import Trigger

from simdist_ros.bringup.ros_domain import hold_free_domain
from simdist_ros.graph_commands import status_lines
from simdist_ros.messages.to_messages import diagnostics
from simdist_ros.messages.topics import COMMAND_VELOCITY, IMU, MODE
from simdist_ros.nodes.graph_client import NoAnswerError, graph_client
from simdist_ros.nodes.qos import LATCHED, RELIABLE

PATIENCE_S = 60.0  # ends at once when all goes well


class Answering(Node):
    """Says how it is, publishes an IMU, and answers two services and a third never."""

    def __init__(self, context: Context) -> None:
        super().__init__('supervisor', context=context, enable_rosout=False)
        self.asked: list[str] = []
        self.create_service(Trigger, '~/estop', self.on_estop)
        self.create_service(Trigger, '~/walk', self.on_walk)
        self.mode = self.create_publisher(String, MODE, LATCHED)
        self.mode.publish(String(data='stand'))
        self.health = self.create_publisher(DiagnosticArray, '/diagnostics', RELIABLE)
        self.imu = self.create_publisher(Imu, IMU, RELIABLE)
        self.create_publisher(Twist, COMMAND_VELOCITY, RELIABLE)
        self.create_timer(0.05, self.say)

    def say(self) -> None:
        stamp = self.get_clock().now().to_msg()
        values = {'fault_none': 7, 'fault_stale_plan': 3, 'fault_no_plan': 0, 'limited_rate': 2}
        self.health.publish(
            diagnostics(stamp, 'supervisor', 'mode stand', values, DiagnosticStatus.WARN)
        )
        self.imu.publish(Imu())

    def on_estop(self, _, response):
        self.asked.append('estop')
        response.success, response.message = True, 'mode is estop'
        return response

    def on_walk(self, _, response):
        self.asked.append('walk')
        response.message = 'walk is refused from estop: recover first'
        return response


@pytest.fixture(scope='module')
def domain():
    with hold_free_domain() as free:
        yield free


@pytest.fixture(scope='module')
def supervisor(domain):
    context = Context()
    rclpy.init(context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
    node = Answering(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    over = threading.Event()

    def spin():
        while not over.is_set():
            executor.spin_once(timeout_sec=0.05)

    thread = threading.Thread(target=spin)
    thread.start()
    yield node
    over.set()
    thread.join()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def test_a_request_is_done_and_what_the_node_says_comes_back(supervisor, domain):
    with graph_client(domain=domain) as one:
        assert one.ask('supervisor/estop', PATIENCE_S) == (True, 'mode is estop')
        refusal = 'walk is refused from estop: recover first'
        assert one.ask('supervisor/walk', PATIENCE_S) == (False, refusal)
    assert supervisor.asked == ['estop', 'walk']


def test_the_status_shows_mode_health_faults_and_topics(supervisor, domain):
    with graph_client(domain=domain) as one:
        heard = one.listen(PATIENCE_S)
    assert heard.mode == 'stand'
    assert heard.nodes['supervisor'].level == 'warning'
    assert heard.topics[IMU].messages > 2
    assert heard.topics[IMU].publishers == 1
    lines = dict(line.split(maxsplit=1) for line in status_lines(heard))
    assert lines['supervisor'] == 'warning: mode stand'
    assert lines['faults'] == 'stale plan 3 (supervisor)'
    assert lines['limited'] == 'rate 2 (supervisor)'
    assert lines['imu/data'].endswith(' s ago')
    assert lines['odom'] == 'no publisher'
    assert lines['cmd_vel'].startswith('/cmd_vel is published as geometry_msgs/msg/Twist by ')


def test_where_nobody_is_that_is_said_and_what_to_do():
    with hold_free_domain() as empty, graph_client(domain=empty) as one:
        with pytest.raises(NoAnswerError, match=r'no finetuner offers /finetuner/finetune within'):
            one.ask('finetuner/finetune', 0.2)
        with pytest.raises(NoAnswerError, match=r'no graph was heard of within 0\.2 s; start one'):
            one.listen(0.2)


def test_a_robot_in_a_namespace_is_asked_there(supervisor, domain):
    with (
        graph_client('spot', domain) as one,
        pytest.raises(NoAnswerError, match='offers /spot/supervisor/estop within'),
    ):
        one.ask('supervisor/estop', 0.2)
