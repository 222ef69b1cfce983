from __future__ import annotations

import pytest

from simdist_ros.safety.modes import Mode
from simdist_ros.safety.safe_actions import Action, Fault
from simdist_ros.safety.supervision import Supervision

PERIOD_NS = 20_000_000


@pytest.fixture
def walk(robot, settings, state, plan):
    """A supervision and a function that answers its tick k."""
    supervision = Supervision(robot, settings, Mode.FOLLOW)

    def tick(k):
        supervision.on_state(state(k))
        supervision.on_plan(plan(k))
        return supervision.command(k * PERIOD_NS)

    tick(0)
    return supervision, tick


@pytest.mark.parametrize(
    ('of_plan', 'of_robot', 'fault', 'action'),
    [
        (True, False, Fault.FOREIGN_PLAN, Action.STAND),
        (False, True, Fault.FOREIGN_ROBOT, Action.DAMP),
        (True, True, Fault.FOREIGN_ROBOT, Action.DAMP),
    ],
)
def test_a_foreign_publisher_has_a_safe_action_is_counted_once_and_forgotten_when_gone(
    walk, of_plan, of_robot, fault, action
):
    supervision, tick = walk
    supervision.on_other_publishers(of_plan=of_plan, of_robot=of_robot)
    for k in (1, 2, 3):
        decision = tick(k)
        assert (decision.fault, decision.action) == (fault, action)
        assert (decision.command.position is None) == (action is Action.DAMP)
    assert supervision.counters.faults == {fault: 1}
    supervision.on_other_publishers(of_plan=False, of_robot=False)
    assert tick(4).fault is Fault.NONE


def test_a_foreign_plan_matters_only_while_walking_a_foreign_robot_always(robot, settings, state):
    supervision = Supervision(robot, settings, Mode.STAND)
    supervision.on_state(state(0))
    supervision.on_other_publishers(of_plan=True, of_robot=False)
    assert supervision.command(0).fault is Fault.NONE
    supervision.on_other_publishers(of_plan=False, of_robot=True)
    assert supervision.command(0).action is Action.DAMP
    supervision.restart()  # as when the robot's clock starts anew
    supervision.on_state(state(0))
    assert supervision.command(0).fault is Fault.FOREIGN_ROBOT
