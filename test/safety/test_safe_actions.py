from __future__ import annotations

import math

import pytest

from simdist_ros.safety.modes import Mode
from simdist_ros.safety.safe_actions import (
    MODE_ACTION,
    SAFE_ACTION,
    Action,
    Fault,
    Readings,
    assess,
)
from simdist_ros.safety.settings import SafetySettings

MAX_TILT = 1.0

WELL = {
    'state_is_usable': True,
    'state_age_s': 0.0,
    'tilt_rad': 0.1,
    'is_standing': True,
    'was_damped': False,
    'plan_age_s': 0.0,
    'plan_is_over': False,
    'plan_is_settling': False,
    'plan_was_refused': False,
}
NO_PLAN = {'plan_age_s': math.inf, 'plan_is_over': True}


def look(mode: Mode, **changes) -> tuple[Fault, Action]:
    return assess(mode, Readings(**{**WELL, **changes}), SafetySettings(), MAX_TILT)


@pytest.mark.parametrize(
    ('changes', 'fault', 'action'),
    [
        ({}, Fault.NONE, Action.FOLLOW_PLAN),
        ({'plan_was_refused': True}, Fault.PLAN_NOT_FINITE, Action.FOLLOW_PLAN),
        (
            {'state_is_usable': False, 'state_age_s': 0.02},
            Fault.UNUSABLE_STATE,
            Action.FOLLOW_PLAN,
        ),
        ({'was_damped': True, 'is_standing': False}, Fault.NOT_STANDING, Action.STAND),
        ({'plan_is_settling': True}, Fault.SETTLING, Action.STAND),
        (NO_PLAN, Fault.NO_PLAN, Action.STAND),
        ({'plan_age_s': 0.06}, Fault.STALE_PLAN, Action.STAND),
        ({'plan_is_over': True}, Fault.STALE_PLAN, Action.STAND),
        ({'state_age_s': 0.12}, Fault.STALE_STATE, Action.DAMP),
        ({'state_is_usable': False, 'state_age_s': 0.12}, Fault.STALE_STATE, Action.DAMP),
        ({'tilt_rad': 1.1}, Fault.TILT, Action.DAMP),
    ],
)
def test_while_walking_each_fault_has_its_safe_action(changes, fault, action):
    assert look(Mode.FOLLOW, **changes) == (fault, action)


@pytest.mark.parametrize('name', ['state_age_s', 'tilt_rad', 'plan_age_s'])
def test_a_reading_that_is_no_number_is_a_fault(name):
    fault, action = look(Mode.FOLLOW, **{name: math.nan})
    assert fault is not Fault.NONE
    assert action is not Action.FOLLOW_PLAN


@pytest.mark.parametrize('mode', [Mode.OFF, Mode.STAND, Mode.RECOVER])
def test_plans_matter_only_while_walking(mode):
    assert look(mode, **NO_PLAN, plan_was_refused=True) == (Fault.NONE, MODE_ACTION[mode])


@pytest.mark.parametrize('mode', list(Mode))
def test_no_fault_makes_the_action_less_safe_than_the_mode_asks_for(mode):
    for changes in ({}, {'tilt_rad': 2.0}, {'state_age_s': 1.0}, NO_PLAN):
        _, action = look(mode, **changes)
        assert action >= MODE_ACTION[mode]


def test_of_several_faults_the_worst_counts():
    everything = {'tilt_rad': 2.0, 'state_age_s': 1.0, 'state_is_usable': False, **NO_PLAN}
    assert look(Mode.FOLLOW, **everything)[0] is Fault.TILT
    assert look(Mode.FOLLOW, **{**everything, 'tilt_rad': 0.0})[0] is Fault.STALE_STATE
    assert look(Mode.ESTOP, **everything) == (Fault.ESTOP, Action.DAMP)


@pytest.mark.parametrize('mode', list(Mode))
@pytest.mark.parametrize('of_plan', [{'plan_is_foreign': True}, {'plan_age_s': 0.06}, NO_PLAN])
@pytest.mark.parametrize('of_robot', [{'state_age_s': 0.12}, {'robot_is_foreign': True}])
def test_a_fault_of_the_robot_is_never_hidden_by_one_of_the_plan(mode, of_plan, of_robot):
    assert look(mode, **of_plan, **of_robot) == look(mode, **of_robot)
    assert look(mode, **of_plan, **of_robot)[1] is Action.DAMP


def test_the_more_severe_of_two_faults_has_the_safer_action():
    actions = [SAFE_ACTION[fault] for fault in sorted(Fault)]
    assert actions == sorted(actions)


def test_a_later_step_is_followed_until_the_plan_is_stale():
    assert look(Mode.FOLLOW, plan_age_s=0.04) == (Fault.NONE, Action.FOLLOW_PLAN)


def test_every_fault_and_every_mode_has_an_action():
    assert set(SAFE_ACTION) == set(Fault)
    assert set(MODE_ACTION) == set(Mode)
