from __future__ import annotations

import importlib.util

import pytest
import rclpy

from simdist_ros.bringup.graph import (
    GraphOptions,
    NodeSpec,
    describe_graph,
    environment_defaults,
    parse_overrides,
)
from simdist_ros.bringup.processes import ProcessGroup, to_yaml
from simdist_ros.core.errors import ConfigError


def by_name(options, overrides=None):
    return {node.name: node for node in describe_graph(options, overrides)}


def test_the_stand_in_in_lockstep_has_five_nodes_on_one_clock():
    nodes = by_name(GraphOptions(mode='lockstep', model='m', bag='b', seed=3, duration_s=2.0))
    assert list(nodes) == [
        'supervisor', 'planner', 'transition_logger', 'operator', 'mujoco_robot',
    ]  # fmt: skip
    for name in ('supervisor', 'planner', 'mujoco_robot'):
        assert nodes[name].parameters['mode'] == 'lockstep'
    assert nodes['planner'].parameters['use_sim_time'] is True
    assert nodes['planner'].parameters['seed'] == 3
    assert 'mppi.plan_delay_steps' not in nodes['planner'].parameters
    robot = nodes['mujoco_robot'].parameters
    assert (robot['seed'], robot['duration_s'], robot['num_observers']) == (3, 2.0, 4)
    assert nodes['supervisor'].parameters['initial_mode'] == 'follow'


def test_in_realtime_a_plan_takes_effect_one_step_later_and_has_a_budget():
    planner = by_name(GraphOptions(mode='realtime', model='m'))['planner']
    assert planner.parameters['mppi.plan_delay_steps'] == 1
    assert 0.0 < planner.parameters['mppi.budget_ms'] < 20.0
    assert 'use_sim_time' not in planner.parameters


def test_real_hardware_has_no_stand_in_and_waits_for_its_operator():
    nodes = by_name(GraphOptions(use_mock_hardware=False, model='m', bag='b'))
    assert list(nodes) == ['supervisor', 'planner', 'transition_logger']
    assert nodes['supervisor'].parameters['initial_mode'] == 'off'


def test_without_a_bag_nobody_records_and_the_stand_in_waits_for_one_less():
    nodes = by_name(GraphOptions(mode='lockstep', model='m'))
    assert 'transition_logger' not in nodes
    assert nodes['mujoco_robot'].parameters['num_observers'] == 3


def test_who_finetunes_comes_last_and_the_stand_in_does_not_wait_for_it():
    options = {'mode': 'lockstep', 'model': 'm', 'bag': 'run/bag'}
    assert 'finetuner' not in by_name(GraphOptions(**options))
    nodes = by_name(GraphOptions(finetune=True, **options))
    assert list(nodes)[-1] == 'finetuner'
    assert nodes['finetuner'].parameters == {
        'robot': 'go2',
        'bag': 'run/bag',
        'model': 'm',
        'folder': 'run/models',
        'low_priority': False,
    }
    assert not nodes['finetuner'].ends_graph
    assert nodes['mujoco_robot'].parameters['num_observers'] == 4
    named = by_name(GraphOptions(finetune=True, models='elsewhere', **options))
    assert named['finetuner'].parameters['folder'] == 'elsewhere'


def test_teleop_leaves_the_velocity_to_somebody_else():
    assert 'operator' not in by_name(GraphOptions(model='m', teleop=True))


def test_the_velocity_asked_for_reaches_the_operator():
    wanted = {'vx': 0.3, 'vy': -0.1, 'yaw_rate': 0.2, 'heading_gain': 0.7}
    nodes = by_name(GraphOptions(model='m', **wanted))
    assert nodes['operator'].parameters == {'robot': 'go2', **wanted}


@pytest.mark.parametrize('options', [{'teleop': True}, {'use_mock_hardware': False}])
def test_without_the_operator_nobody_steers_and_that_is_said(options):
    with pytest.raises(ConfigError, match='heading_gain steers through the stand-in operator'):
        by_name(GraphOptions(model='m', heading_gain=1.0, **options))


def test_the_graph_ends_with_its_robot_and_what_controls_is_started_again():
    nodes = by_name(GraphOptions(model='m', bag='b')).values()
    assert [node.name for node in nodes if node.ends_graph] == ['mujoco_robot']
    assert [node.name for node in nodes if node.respawn] == ['supervisor', 'planner']


def test_every_node_is_a_module_that_exists():
    for node in describe_graph(GraphOptions(model='m', bag='b', finetune=True)):
        assert importlib.util.find_spec(node.module), node.module


def test_overrides_win_over_what_the_mode_sets_and_touch_no_other_node():
    options = GraphOptions(mode='realtime', model='m')
    nodes = by_name(options, {'planner': {'mppi.budget_ms': 8.0, 'robot': 'other'}})
    assert nodes['planner'].parameters['mppi.budget_ms'] == 8.0
    assert nodes['planner'].parameters['robot'] == 'other'
    assert nodes['supervisor'].parameters['robot'] == 'go2'


@pytest.mark.parametrize(
    ('options', 'overrides', 'sentence'),
    [
        (
            {'mode': 'lockstep', 'use_mock_hardware': False},
            None,
            'mode lockstep needs the stand-in; a real robot does not wait',
        ),
        (
            {'mode': 'lockstep', 'teleop': True},
            None,
            'mode lockstep needs a command for each stamp; teleop has none',
        ),
        ({'finetune': True}, None, 'finetune needs a bag as training data; name one with bag'),
        ({}, {'planer': {'seed': 1}}, "unknown node 'planer'; did you mean 'planner'?"),
        (
            {'use_mock_hardware': False},
            {'mujoco_robot': {'seed': 1}},
            "unknown node 'mujoco_robot'; known: planner, supervisor",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(options, overrides, sentence):
    with pytest.raises(ConfigError) as caught:
        describe_graph(GraphOptions(model='m', **options), overrides)
    assert str(caught.value) == sentence


def test_overrides_stay_texts_for_the_node_that_knows_their_type_except_rclpys_own():
    texts = [
        'planner.mppi.num_samples=64',
        'planner.mppi.gamma=0.9',
        'planner.autostart=false',
        'supervisor.initial_mode=stand',
        'planner.list=[1.0, 2.0]',
        'planner.use_sim_time=true',
        'mujoco_robot.world=a=b',
    ]
    assert parse_overrides(texts) == {
        'planner': {
            'mppi.num_samples': '64',
            'mppi.gamma': '0.9',
            'autostart': 'false',
            'list': '[1.0, 2.0]',
            'use_sim_time': True,
        },
        'supervisor': {'initial_mode': 'stand'},
        'mujoco_robot': {'world': 'a=b'},
    }


@pytest.mark.parametrize('text', ['planner', 'planner.seed', 'seed=3', ''])
def test_an_override_of_another_form_is_refused(text):
    with pytest.raises(ConfigError, match=r'is not of the form node\.parameter=value'):
        parse_overrides([text])


@pytest.mark.parametrize(
    ('value', 'why'),
    [
        ('[', 'the value must be a list, e.g.'),
        ('[1, a]', 'the value must be a list of numbers'),
        ('[[1]]', 'the value must be'),
    ],
)
def test_a_value_that_no_parameter_can_hold_is_refused_with_its_text(value, why):
    with pytest.raises(ConfigError) as caught:
        parse_overrides([f'planner.use_sim_time={value}'])
    assert str(caught.value).startswith(f"--set 'planner.use_sim_time={value}': {why}")


def test_only_the_stand_in_is_kept_on_this_machine():
    network = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
    assert environment_defaults(GraphOptions(model='m'))[network] == 'LOCALHOST'
    assert network not in environment_defaults(GraphOptions(model='m', use_mock_hardware=False))


def test_a_duration_for_a_real_robot_is_refused():
    with pytest.raises(ConfigError, match='duration_s ends the stand-in only'):
        describe_graph(GraphOptions(model='m', use_mock_hardware=False, duration_s=5.0))


def test_an_override_without_a_value_is_refused():
    with pytest.raises(ConfigError, match=r"--set 'planner\.mppi\.gamma=' has no value"):
        parse_overrides(['planner.mppi.gamma='])


def test_what_contradicts_itself_is_named_as_the_user_wrote_it():
    with pytest.raises(ConfigError) as caught:
        describe_graph(GraphOptions(model='m', finetune=True), spell=lambda name: f'--{name}')
    assert str(caught.value) == '--finetune needs a bag as training data; name one with --bag'


def test_texts_in_a_parameter_file_are_texts_to_rcl_too(tmp_path):
    values = {'a': 'off', 'b': '1e-3', 'c': '007', 'd': 0.5, 'e': True, 'f': 3, 'g': [1.0, 2.0]}
    file = tmp_path / 'p.yaml'
    file.write_text(to_yaml({'/**': {'ros__parameters': values}}))
    context = rclpy.Context()
    rclpy.init(args=['--ros-args', '--params-file', str(file)], context=context)
    node = rclpy.create_node('reader', context=context)
    found = {name: node._parameter_overrides[name].value for name in values}
    node.destroy_node()
    rclpy.shutdown(context=context)
    assert {**found, 'g': list(found['g'])} == values
    assert {name: type(found[name]) for name in 'abcdef'} == {n: type(values[n]) for n in 'abcdef'}


def test_what_a_node_says_stands_on_a_line_of_its_own_below_a_bar(tmp_path, capsys):
    for names, start in ((('planner',), ''), (('planner', 'progress'), '\n')):
        nodes = [NodeSpec(name=name) for name in names]
        ProcessGroup(nodes, tmp_path, {}).tell(nodes[0], 'ended')
        assert capsys.readouterr().err == f'{start}[planner] ended\n'
