"""Somebody else publishes what is this robot's alone: refused at the start, safe while walking."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.bringup.graph import NodeSpec
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import plan_to_msg, stamp_ns

from .handmade_robot import REPEAT_S, HandmadeRobot
from .running import PATIENCE_S, RunningGraph, hold_free_domain, observed, running_nodes


class WalkByHand:
    """A robot and its planner, both made by hand, and what the supervisor says of each tick."""

    def __init__(self, observer):
        self.observer, self.robot = observer, load_robot('go2')
        self.by_hand = HandmadeRobot(self.robot, observer)
        self.heard = observer.listen(DiagnosticArray, topics.SUPERVISOR_TICK)
        self.diagnostics = observer.listen(DiagnosticArray, '/diagnostics')

    def tick(self, value=None):
        """Publish a state and its plan until both are answered; return what was decided."""
        by_hand, published = self.by_hand, -REPEAT_S
        targets = np.tile(self.robot.per_joint('stand'), (25, 1))
        if value is not None:
            targets[:] = value
        plan = plan_to_msg(self.robot, by_hand.stamp, 0, targets)

        def decided():
            nonlocal published
            if time.monotonic() - published > REPEAT_S:
                by_hand.publish()
                by_hand.plan_publisher.publish(plan)
                published = time.monotonic()
            for message in self.heard:
                if stamp_ns(message) == by_hand.stamp and by_hand.command_of(by_hand.stamp):
                    return message
            return None

        message = self.observer.until(decided, 'a tick is answered')
        decision = {pair.key: pair.value for pair in message.status[0].values}
        (point,) = by_hand.command_of(by_hand.stamp).points
        decision['is_damped'] = not point.positions
        by_hand.tick_count += 1
        return decision

    def tick_until(self, fault):
        """Walk on until a fault is decided upon."""
        end = time.monotonic() + PATIENCE_S
        while (decision := self.tick())['fault'] != fault:
            assert time.monotonic() < end, f'{fault} is not seen, but {decision}'
        return decision

    def values(self, condition):
        """Return the supervisor's next diagnostics that fulfil a condition."""
        self.diagnostics.clear()

        def found():
            for message in self.diagnostics:
                values = {pair.key: pair.value for pair in message.status[0].values}
                if message.status[0].name == 'supervisor' and condition(values):
                    return values
            return None

        return self.observer.until(found, 'the diagnostics say so')


@pytest.fixture(scope='module')
def story(tmp_path_factory):
    parameters = {'mode': 'lockstep', 'initial_mode': 'walk'}
    supervisor = NodeSpec(name='supervisor', parameters=parameters)
    seen = SimpleNamespace()
    with running_nodes(tmp_path_factory.mktemp('others'), supervisor) as (group, observer):
        walk = WalkByHand(observer)
        seen.alone = walk.tick_until('none')
        seen.not_finite = walk.tick(np.nan)
        seen.after_not_finite = walk.tick()
        foreign = Node('foreign', namespace='other', context=observer.context)
        foreign.create_publisher(JointState, topics.JOINT_STATES, 10)
        seen.other_namespace = walk.values(lambda values: True)
        intruder = Node('intruder', context=observer.context)
        for kind, topic in (
            (JointTrajectory, topics.PLAN),
            (JointState, topics.JOINT_STATES),
            (JointTrajectory, topics.JOINT_COMMAND),
        ):
            fault = 'foreign_plan' if topic == topics.PLAN else 'foreign_robot'
            publisher = intruder.create_publisher(kind, topic, 10)
            decision = walk.tick_until(fault)
            values = walk.values(lambda values: values['other_publishers'])
            setattr(seen, topic, (decision, values))
            intruder.destroy_publisher(publisher)
            walk.values(lambda values: not values['other_publishers'])
            seen.afterwards = walk.tick_until('none')
        second = group.start(NodeSpec(name='supervisor', parameters=parameters))
        group.children.append(second)
        seen.second_code = second.process.wait(PATIENCE_S)
        second.reader.join(PATIENCE_S)
        seen.refusal = second.refusal
        seen.last = walk.tick()
        seen.log = (group.log_folder / 'supervisor.log').read_text()
        yield seen


def test_a_plan_that_is_not_finite_is_refused_and_the_one_before_goes_on(story):
    assert story.alone['fault'] == 'none'
    assert story.not_finite['fault'] == 'plan_not_finite'
    assert story.not_finite['action'] == 'follow_plan'
    assert story.after_not_finite['fault'] == 'none'


def test_another_namespace_is_another_robot(story):
    assert story.other_namespace['other_publishers'] == ''


def test_with_a_second_planner_the_robot_stands(story):
    decision, values = getattr(story, topics.PLAN)
    assert decision['action'] == 'stand'
    assert not decision['is_damped']
    assert values['other_publishers'] == 'plan:/intruder'
    assert values['fault_foreign_plan'] == '1'
    assert '/plan by /intruder' in story.log


@pytest.mark.parametrize('topic', [topics.JOINT_STATES, topics.JOINT_COMMAND])
def test_with_a_second_source_of_states_or_commands_the_joints_are_damped(story, topic):
    decision, values = getattr(story, topic)
    assert decision['action'] == 'damp'
    assert decision['is_damped']
    assert values['other_publishers'] == f'{topic}:/intruder'
    assert int(values['fault_foreign_robot']) >= 1
    assert f'/{topic} by /intruder' in story.log


def test_once_it_is_alone_again_it_walks_on(story):
    assert story.afterwards['action'] == 'follow_plan'


def test_a_second_supervisor_refuses_to_start_and_the_first_goes_on(story):
    assert story.second_code == 2
    assert '/joint_command is published by /supervisor already' in story.refusal
    assert story.last['fault'] == 'none'


def test_a_second_graph_is_refused_and_the_first_ends_when_its_results_mean_nothing(
    random_model, tmp_path
):
    arguments = ('--model', str(random_model), '--mode', 'lockstep')
    with hold_free_domain() as domain, observed(domain) as observer:
        first = RunningGraph(tmp_path / 'first', domain, *arguments)
        try:
            ticks = observer.listen(DiagnosticArray, topics.SUPERVISOR_TICK)
            observer.until(lambda: len(ticks) > 5, 'the first walks')
            second = RunningGraph(tmp_path / 'second', domain, *arguments)
            assert second.wait() == 2
            assert 'already, so that node' in second.stderr.read_text()
            ticks.clear()
            observer.until(lambda: len(ticks) > 5, 'the first walks on')
            assert all('foreign' not in str(message) for message in ticks)
            intruder = Node('intruder', context=observer.context)
            intruder.create_publisher(JointState, topics.JOINT_STATES, 10)
            assert first.wait() == 2
            sentence = 'this robot has other publishers: /joint_states by /intruder'
            assert sentence in first.stderr.read_text()
        finally:
            first.close()
