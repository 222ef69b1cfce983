"""A planner that plans is given other models: good, refused, damaged, and one that is worse."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from std_srvs.srv import Trigger

from simdist_ros.bringup.graph import NodeSpec
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.store.manifest import read_manifest

from .handmade_robot import HandmadeRobot
from .running import running_nodes

WINDOW = 60  # ticks, more than history and horizon


def model_parameter(value) -> Parameter:
    if isinstance(value, str):
        kind = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value)
    else:
        kind = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value)
    return Parameter(name='model', value=kind)


class Swapping:
    """The planner from outside, and a robot that goes on while it loads."""

    def __init__(self, observer, folder):
        self.observer, self.folder = observer, folder
        self.robot = HandmadeRobot(load_robot('go2'), observer)
        self.heard = observer.listen(DiagnosticArray, '/diagnostics')
        self.client = observer.node.create_client(SetParameters, 'planner/set_parameters')

    def set_model(self, value):
        """Set the parameter; return the result, and how many ticks were answered meanwhile."""
        self.observer.until(self.client.service_is_ready, 'the planner has parameters')
        request = SetParameters.Request(parameters=[model_parameter(value)])
        future, ticks = self.client.call_async(request), 0
        while not future.done():
            self.robot.tick()
            ticks += 1
        (result,) = future.result().results
        return SimpleNamespace(ok=result.successful, reason=result.reason, ticks=ticks)

    def rollback(self):
        return self.observer.call(Trigger, 'planner/rollback')

    def told(self, **wanted) -> dict[str, str]:
        """Wait for diagnostics of the planner with some values, and return them all."""
        self.heard.clear()

        def found():
            for message in self.heard:
                if message.status[0].name == 'planner':
                    values = {pair.key: pair.value for pair in message.status[0].values}
                    if wanted.items() <= values.items():
                        return values
            return None

        return self.observer.until(found, f'the planner says {wanted}')

    def parameter(self) -> str:
        request = GetParameters.Request(names=['model'])
        (value,) = self.observer.call(GetParameters, 'planner/get_parameters', request).values
        return value.string_value

    def identity(self, name: str) -> str:
        return read_manifest(self.folder / name).identity


@pytest.fixture(scope='module')
def folder(random_model, tmp_path_factory):
    """A model and its children."""
    folder = tmp_path_factory.mktemp('swapped')
    loaded = load_model(random_model).model

    def save(name, scale, **adaptation):
        model = copy.deepcopy(loaded)
        generator = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for weight in model.dynamics.parameters():
                weight += scale * torch.randn(weight.shape, generator=generator)
        parent = '' if name == 'base' else '../base'
        save_model(
            folder / name, model, robot='go2', created_by='a test', parent=parent,
            adaptation=adaptation,
        )  # fmt: skip

    save('base', 0.0)
    save('good', 1e-4, verdict={'accepted': True, 'reason': 'accepted: it is better'})
    save('refused', 2e-4, verdict={'accepted': False, 'reason': 'refused: it is worse'})
    save('damaged', 3e-4)
    save('worse', 1.0)
    with (folder / 'damaged' / 'dynamics.safetensors').open('r+b') as file:
        file.seek(-1, 2)
        file.write(b'x')
    return folder


@pytest.fixture(scope='module')
def swapping(folder):
    parameters = {
        'mode': 'lockstep',
        'model': str(folder / 'base'),
        'mppi.num_iterations': 1,
        'mppi.num_samples': 4,
        'watch.period_s': 0.2,
        'watch.window_s': 0.02 * WINDOW,
    }
    nodes = (
        NodeSpec(name='planner', parameters=parameters),
        NodeSpec(name='supervisor', parameters={'mode': 'lockstep', 'initial_mode': 'walk'}),
    )
    with running_nodes(folder / 'run', *nodes) as (group, observer):
        swapping = Swapping(observer, folder)
        for _ in range(3):
            swapping.robot.tick()
        yield swapping
        assert [child.process.poll() for child in group.children] == [None, None]
        assert 'Traceback' not in (group.log_folder / 'planner.log').read_text()


@pytest.fixture
def planner(swapping):
    """The planner on its first model."""
    while swapping.told()['models_to_go_back_to'] != '0':
        assert swapping.rollback().success
    swapping.told(model='base')
    return swapping


def test_another_model_is_swapped_in_while_it_plans_and_goes_back_on_request(planner):
    folder = planner.folder
    assert planner.told()['model_identity'] == planner.identity('base')
    result = planner.set_model(str(folder / 'good'))
    assert (result.ok, result.reason) == (True, '')
    assert result.ticks > 0
    told = planner.told(model='good')
    assert told['model_identity'] == planner.identity('good') != planner.identity('base')
    assert told['model_folder'] == planner.parameter() == str(folder / 'good')
    stamp = planner.robot.tick()
    assert len(planner.robot.plan_of(stamp).points) == 25
    answer = planner.rollback()
    assert answer.success
    assert answer.message.startswith(f'base [{planner.identity("base")}] plans again')
    assert planner.told(model='base')['model_identity'] == planner.identity('base')
    assert planner.parameter() == str(folder / 'base')
    planner.robot.tick()


def test_without_a_model_before_there_is_nothing_to_go_back_to(planner):
    answer = planner.rollback()
    assert not answer.success
    assert answer.message.startswith('there is no model before base')


@pytest.mark.parametrize(
    ('value', 'reason'),
    [
        ('refused', 'the gate did not accept this model (refused: it is worse)'),
        ('damaged', 'dynamics.safetensors: SHA-256 is'),
        ('nowhere', 'there is no such model folder'),
        (3, 'model is 3; it must be a name or a folder'),
    ],
)
def test_a_model_that_is_refused_leaves_the_running_one(planner, value, reason):
    name = str(planner.folder / value) if isinstance(value, str) else value
    result = planner.set_model(name)
    assert not result.ok
    assert reason in result.reason
    assert planner.told()['model_identity'] == planner.identity('base')
    assert planner.parameter() == str(planner.folder / 'base')
    stamp = planner.robot.tick()
    assert len(planner.robot.plan_of(stamp).points) == 25


def test_a_model_is_not_set_together_with_other_parameters(planner):
    parameters = [model_parameter(str(planner.folder / 'good'))]
    answer = planner.observer.call(
        SetParametersAtomically,
        'planner/set_parameters_atomically',
        SetParametersAtomically.Request(parameters=parameters),
    )
    assert not answer.result.successful
    assert answer.result.reason == 'model cannot be set together with others; set it by itself'
    assert planner.parameter() == str(planner.folder / 'base')


def test_a_model_that_predicts_worse_what_happens_is_taken_back_by_itself(planner):
    rollbacks = int(planner.told()['model_rollbacks'])
    assert planner.set_model(str(planner.folder / 'worse')).ok
    for _ in range(WINDOW + 20):
        planner.robot.tick()
    told = planner.told(model='base')
    assert int(told['model_rollbacks']) == rollbacks + 1
    assert 'its live prediction error is' in told['last_model_change']
    assert planner.parameter() == str(planner.folder / 'base')
