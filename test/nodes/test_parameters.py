from __future__ import annotations

import math

import pytest
import yaml
from rclpy.parameter import Parameter

from simdist_ros.adaptation.ending import EndSettings
from simdist_ros.adaptation.live_error import WatchSettings
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings, NominalSettings
from simdist_ros.adaptation.triggers import TriggerSettings
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import describe
from simdist_ros.nodes.finetuner import FinetunerSettings
from simdist_ros.nodes.mujoco_robot import MujocoRobotSettings
from simdist_ros.nodes.operator import OperatorSettings
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.planner_settings import PlannerSettings
from simdist_ros.nodes.progress import ProgressSettings
from simdist_ros.nodes.supervisor import SupervisorSettings
from simdist_ros.nodes.transition_logger import TransitionLoggerSettings
from simdist_ros.planning.backends.choice import BackendSettings
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.transitions.assembly import AssemblySettings

ALL_SETTINGS = [
    AssemblySettings,
    BackendSettings,
    EndSettings,
    FinetuneSettings,
    FinetunerSettings,
    GateSettings,
    MppiSettings,
    MujocoRobotSettings,
    OperatorSettings,
    PlannerSettings,
    ProgressSettings,
    SafetySettings,
    SupervisorSettings,
    TransitionLoggerSettings,
    TriggerSettings,
    WatchSettings,
]


@pytest.fixture
def refused(make_node):
    """Declare settings with a value from outside and return the sentence that refuses it."""

    def refused(cls, name, value) -> str:
        node = make_node({name: value})
        with pytest.raises(ConfigError) as caught:
            declare(node, cls)
        return str(caught.value)

    return refused


@pytest.mark.parametrize('cls', ALL_SETTINGS)
def test_every_parameter_says_what_it_does_in_which_unit_and_range(make_node, cls):
    node = make_node()
    declare(node, cls, 'part.')
    for info in describe(cls):
        descriptor = node.describe_parameter(f'part.{info.name}')
        assert descriptor.description == info.doc + (f' [{info.unit}]' if info.unit else '')
        assert info.doc.endswith(('.', ')')), info.name
        assert descriptor.read_only
        if info.low is not None or info.high is not None:
            (bounds,) = descriptor.integer_range or descriptor.floating_point_range
            assert bounds.from_value == (
                info.low if info.low is not None else pytest.approx(-1e308)
            )
            assert info.high is None or bounds.to_value == info.high
        for choice in info.choices:
            assert choice in descriptor.additional_constraints


@pytest.mark.parametrize('cls', ALL_SETTINGS)
def test_without_values_the_defaults_of_the_class_are_declared(make_node, cls):
    assert declare(make_node(), cls) == cls()


def test_values_from_outside_replace_defaults(make_node):
    node = make_node({'mppi.num_samples': 64, 'mppi.gamma': 0.9})
    settings = declare(node, MppiSettings, 'mppi.')
    refuse_unknown(node)
    assert settings == MppiSettings(num_samples=64, gamma=0.9)


def test_values_from_a_parameter_file_arrive(make_node, tmp_path):
    file = tmp_path / 'planner.yaml'
    values = {'mppi.num_samples': 32, 'use_sim_time': True}
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': values}}))
    node = make_node(arguments=['--params-file', str(file)])
    assert declare(node, MppiSettings, 'mppi.').num_samples == 32
    refuse_unknown(node)  # rclpy's own use_sim_time is none of ours, and known


def test_a_renamed_parameter_is_refused_with_its_name_of_now(make_node):
    node = make_node({'nominal.walk_s': 4.0})
    declare(node, NominalSettings, 'nominal.')
    with pytest.raises(ConfigError, match=r"'nominal.walk_s' is called 'nominal.rollout_s' now"):
        refuse_unknown(node)


def test_a_misspelt_parameter_is_refused_with_the_right_spelling(make_node):
    node = make_node({'mppi.num_sample': 64})
    declare(node, MppiSettings, 'mppi.')
    with pytest.raises(ConfigError) as caught:
        refuse_unknown(node)
    assert str(caught.value) == (
        "node 'planner': unknown parameter 'mppi.num_sample'; did you mean 'mppi.num_samples'?"
    )


@pytest.mark.parametrize(
    ('cls', 'name', 'given', 'meant'),
    [
        (MppiSettings, 'gamma', 1, 1.0),
        (MppiSettings, 'gamma', '5e-1', 0.5),
        (MppiSettings, 'num_samples', 64.0, 64),
        (MppiSettings, 'num_samples', '1e3', 1000),
        (MppiSettings, 'reuses_elites', 'on', True),
        (SupervisorSettings, 'initial_mode', 'off', 'off'),
        (PlannerSettings, 'model', '007', '007'),
    ],
)
def test_a_value_of_another_type_that_says_the_same_is_taken(make_node, cls, name, given, meant):
    node = make_node({name: given})
    found = getattr(declare(node, cls), name)
    assert (found, type(found)) == (meant, type(meant))
    assert node.get_parameter(name).value == meant


@pytest.mark.parametrize('value', [-1, 100_001, -3])
def test_a_value_out_of_range_is_refused_with_the_range(refused, value):
    assert refused(MppiSettings, 'num_samples', value) == (
        f"parameter 'num_samples' of node 'planner' is {value}; allowed: 0 .. 100000"
    )


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_what_is_no_finite_number_passes_no_range(refused, value):
    assert f'is {value}; it must be' in refused(MppiSettings, 'gamma', value)
    assert 'it must be' in refused(OperatorSettings, 'vx', value)  # without a range


@pytest.mark.parametrize('value', ['many', 64.5, True, [1, 2]])
def test_a_wrong_type_is_refused_with_the_right_one(refused, value):
    assert refused(MppiSettings, 'num_samples', value) == (
        f"parameter 'num_samples' of node 'planner' is {value!r}; it must be a whole number"
    )


def test_an_unknown_choice_is_refused_with_the_nearest(refused):
    assert refused(PlannerSettings, 'mode', 'lockstp').endswith(
        "unknown choice 'lockstp'; did you mean 'lockstep'?"
    )


def test_a_rule_between_two_parameters_names_the_node(refused):
    sentence = refused(SafetySettings, 'stale_plan_s', 0.5)
    assert sentence.startswith("parameters of node 'planner': stale_plan_s is 0.5")


def test_a_parameter_cannot_change_under_a_running_node(make_node):
    node = make_node()
    declare(node, MppiSettings)
    (result,) = node.set_parameters([Parameter('num_samples', value=64)])
    assert not result.successful
    assert node.get_parameter('num_samples').value == MppiSettings().num_samples


def test_only_a_settable_parameter_can_change_later(make_node):
    node = make_node()
    declare(node, PlannerSettings, settable=('model',))
    assert not node.describe_parameter('model').read_only
    assert node.describe_parameter('mode').read_only
    (changed,) = node.set_parameters([Parameter('model', value='other')])
    assert changed.successful
    (kept,) = node.set_parameters([Parameter('seed', value=3)])
    assert not kept.successful
