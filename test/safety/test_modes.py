from __future__ import annotations

from itertools import product

import pytest

from simdist_ros.safety.modes import (
    TRANSITIONS,
    Conditions,
    Mode,
    ModeRefused,
    parse_mode,
    request,
)

READY = {'fresh_state': True, 'upright': True, 'standing': True, 'fresh_plan': True}
HOPELESS = dict.fromkeys(READY, False)


def conditions(**changes) -> Conditions:
    return Conditions(**{**READY, **changes})


@pytest.mark.parametrize(('mode', 'wanted'), list(TRANSITIONS))
def test_a_listed_transition_is_granted_when_the_robot_is_ready(mode, wanted):
    assert request(mode, wanted, conditions()) is wanted


@pytest.mark.parametrize(
    ('mode', 'wanted'),
    [pair for pair in product(Mode, Mode) if pair not in TRANSITIONS and pair[0] is not pair[1]],
)
def test_any_other_transition_is_refused_with_what_to_do_instead(mode, wanted):
    with pytest.raises(
        ModeRefused, match=f'{wanted.value} is refused from {mode.value}: .* first'
    ):
        request(mode, wanted, conditions())


@pytest.mark.parametrize('mode', list(Mode))
def test_to_stay_is_always_granted(mode):
    assert request(mode, mode, Conditions(**HOPELESS)) is mode


@pytest.mark.parametrize('mode', list(Mode))
def test_the_emergency_stop_is_never_refused(mode):
    assert request(mode, Mode.ESTOP, Conditions(**HOPELESS)) is Mode.ESTOP


@pytest.mark.parametrize('mode', [Mode.STAND, Mode.WALK, Mode.RECOVER])
def test_off_is_granted_in_any_condition_unless_stopped_by_emergency(mode):
    assert request(mode, Mode.OFF, Conditions(**HOPELESS)) is Mode.OFF


def test_walking_can_always_be_ended_by_standing():
    assert request(Mode.WALK, Mode.STAND, Conditions(**HOPELESS)) is Mode.STAND


def test_the_emergency_stop_is_left_only_by_recover():
    for wanted in (Mode.OFF, Mode.STAND, Mode.WALK):
        with pytest.raises(ModeRefused, match='from estop: recover first'):
            request(Mode.ESTOP, wanted, conditions())
    assert request(Mode.ESTOP, Mode.RECOVER, conditions()) is Mode.RECOVER


@pytest.mark.parametrize(
    ('need', 'words'),
    [
        ('fresh_state', 'no fresh robot state; check that the robot publishes'),
        ('upright', 'the robot is tilted; set it upright first'),
        ('standing', 'not near the stand pose; wait until it stands'),
        ('fresh_plan', 'no fresh plan; activate the planner first'),
    ],
)
def test_walking_needs_each_of_its_conditions(need, words):
    with pytest.raises(ModeRefused, match=f'walk is refused from stand: .*{words}'):
        request(Mode.STAND, Mode.WALK, conditions(**{need: False}))


@pytest.mark.parametrize('mode', [Mode.OFF, Mode.RECOVER])
@pytest.mark.parametrize('need', ['fresh_state', 'upright'])
def test_standing_up_needs_a_robot_that_is_seen_upright(mode, need):
    with pytest.raises(ModeRefused, match='stand is refused'):
        request(mode, Mode.STAND, conditions(**{need: False}))
    assert request(mode, Mode.STAND, conditions(standing=False, fresh_plan=False)) is Mode.STAND


def test_a_mode_is_read_by_name_in_any_case():
    assert parse_mode(' Walk ') is Mode.WALK
    with pytest.raises(ModeRefused, match="unknown mode 'walkk'; did you mean 'walk'"):
        parse_mode('walkk')
