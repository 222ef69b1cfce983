"""The planner as a lifecycle node: each state is reached and left through its services."""

from __future__ import annotations

import shutil

import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState

from simdist_ros.bringup.graph import NodeSpec
from simdist_ros.embodiment.robot import load_robot

from .handmade_robot import HandmadeRobot
from .running import running_nodes

UNCONFIGURED, INACTIVE, ACTIVE = (
    State.PRIMARY_STATE_UNCONFIGURED,
    State.PRIMARY_STATE_INACTIVE,
    State.PRIMARY_STATE_ACTIVE,
)
WAY_BACK = {
    ACTIVE: Transition.TRANSITION_DEACTIVATE,
    INACTIVE: Transition.TRANSITION_CLEANUP,
}
STEPS = {
    'configure': Transition.TRANSITION_CONFIGURE,
    'activate': Transition.TRANSITION_ACTIVATE,
    'deactivate': Transition.TRANSITION_DEACTIVATE,
}


class ManagedPlanner:
    """The node from outside, with a supervisor that asks it for plans, and a robot."""

    def __init__(self, group, observer, model, robot):
        self.group, self.observer, self.model = group, observer, model
        self.robot = HandmadeRobot(robot, observer)

    def change(self, step: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=step))
        return self.observer.call(ChangeState, 'planner/change_state', request).success

    def state(self) -> int:
        return self.observer.call(GetState, 'planner/get_state').current_state.id

    def go_back(self) -> None:
        """Go to unconfigured, from wherever the last test left it."""
        while (state := self.state()) != UNCONFIGURED:
            assert self.change(WAY_BACK[state])

    def log(self) -> str:
        return (self.group.log_folder / 'planner.log').read_text()

    def says(self, text: str) -> bool:
        """Wait for a line of the log, which may come after the answer of a service."""
        self.observer.until(lambda: text in self.log(), f'the planner says {text!r}')
        return True


@pytest.fixture(scope='module')
def managed(random_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp('lifecycle')
    model = folder / 'model'  # not there yet
    planner = NodeSpec(
        name='planner',
        parameters={
            'mode': 'lockstep',
            'model': str(model),
            'mppi.num_iterations': 0,
            'autostart': False,
        },
    )
    supervisor = NodeSpec(
        name='supervisor', parameters={'mode': 'lockstep', 'initial_mode': 'off'}
    )
    with running_nodes(folder, planner, supervisor) as (group, observer):
        yield ManagedPlanner(group, observer, model, load_robot('go2'))


@pytest.fixture
def planner(managed, random_model):
    """The planner, unconfigured, with a model where it looks for one."""
    managed.go_back()
    if not managed.model.exists():
        shutil.copytree(random_model, managed.model)
    return managed


def test_it_waits_to_be_configured_and_then_to_be_activated(planner):
    assert planner.state() == UNCONFIGURED
    assert planner.change(STEPS['configure'])
    assert planner.state() == INACTIVE
    assert planner.change(STEPS['activate'])
    assert planner.state() == ACTIVE
    stamp = planner.robot.tick()
    assert len(planner.robot.plan_of(stamp).points) == 25


def test_it_says_what_it_loaded(planner):
    planner.change(STEPS['configure'])
    assert planner.says('model model: 1 proposals, 0 samples x 0 iterations, 1 threads')


def test_without_its_model_configuring_fails_and_it_can_be_tried_again(planner):
    shutil.rmtree(planner.model)
    assert not planner.change(STEPS['configure'])
    assert planner.state() == UNCONFIGURED
    assert planner.says(f'{planner.model}: there is no such model folder; check the path')


def test_a_damaged_model_is_refused_by_the_file_that_is_damaged(planner):
    with (planner.model / 'dynamics.safetensors').open('r+b') as file:
        file.seek(-1, 2)
        file.write(b'x')
    assert not planner.change(STEPS['configure'])
    assert planner.state() == UNCONFIGURED
    assert planner.says('dynamics.safetensors: SHA-256 is')
    shutil.rmtree(planner.model)


def test_inactive_it_plans_nothing_and_active_again_it_plans_at_once(planner):
    planner.change(STEPS['configure'])
    planner.change(STEPS['activate'])
    planner.robot.tick()
    assert planner.change(STEPS['deactivate'])
    heard = len(planner.robot.plans)
    for _ in range(5):
        planner.robot.tick(wants_plan=False)
    planner.observer.listen_for(0.3)
    assert len(planner.robot.plans) == heard
    assert planner.change(STEPS['activate'])
    stamp = planner.robot.tick()
    assert len(planner.robot.plan_of(stamp).points) == 25


def test_cleaned_up_it_can_be_configured_anew(planner):
    for _ in range(2):
        assert planner.change(STEPS['configure'])
        assert planner.change(STEPS['activate'])
        planner.robot.tick()
        planner.go_back()
    assert planner.change(STEPS['configure'])
    assert planner.change(STEPS['activate'])
    stamp = planner.robot.tick()
    assert len(planner.robot.plan_of(stamp).points) == 25
    assert [child.process.poll() for child in planner.group.children] == [None, None]
    assert 'Traceback' not in planner.log()


def test_shut_down_it_plans_no_more(planner):
    """The last test: from here there is no way back."""
    assert planner.change(STEPS['configure'])
    assert planner.change(STEPS['activate'])
    planner.robot.tick()
    assert planner.change(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert planner.state() == State.PRIMARY_STATE_FINALIZED
    heard = len(planner.robot.plans)
    for _ in range(3):
        planner.robot.tick(wants_plan=False)
    planner.observer.listen_for(0.3)
    assert len(planner.robot.plans) == heard
    assert 'Traceback' not in planner.log()
