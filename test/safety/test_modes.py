from __future__ import annotations

from itertools import product

import pytest

from simdist_ros.safety.modes import (
    TRANSITIONS,
    Mode,
    ModeRefused,
    Need,
    parse_mode,
    request,
)

READY: dict[Need, str] = {}
HOPELESS = {need: f'no {need.value}' for need in Need}


@pytest.mark.parametrize(('mode', 'wanted'), list(TRANSITIONS))
def test_a_listed_transition_is_granted_when_the_robot_is_ready(mode, wanted):
    assert request(mode, wanted, READY) is wanted


@pytest.mark.parametrize(
    ('mode', 'wanted'),
    [pair for pair in product(Mode, Mode) if pair not in TRANSITIONS and pair[0] is not pair[1]],
)
def test_any_other_transition_is_refused_with_what_to_do_instead(mode, wanted):
    with pytest.raises(
        ModeRefused, match=f'{wanted.value} is refused from {mode.value}: .* first'
    ):
        request(mode, wanted, READY)


@pytest.mark.parametrize('mode', list(Mode))
def test_to_stay_is_always_granted(mode):
    assert request(mode, mode, HOPELESS) is mode


@pytest.mark.parametrize('mode', list(Mode))
def test_the_emergency_stop_is_never_refused(mode):
    assert request(mode, Mode.ESTOP, HOPELESS) is Mode.ESTOP


@pytest.mark.parametrize('mode', [Mode.STAND, Mode.FOLLOW, Mode.RECOVER])
def test_off_is_granted_in_any_condition_unless_stopped_by_emergency(mode):
    assert request(mode, Mode.OFF, HOPELESS) is Mode.OFF


def test_walking_can_always_be_ended_by_standing():
    assert request(Mode.FOLLOW, Mode.STAND, HOPELESS) is Mode.STAND


def test_the_emergency_stop_is_left_only_by_recover():
    for wanted in (Mode.OFF, Mode.STAND, Mode.FOLLOW):
        with pytest.raises(ModeRefused, match='from estop: recover first'):
            request(Mode.ESTOP, wanted, READY)
    assert request(Mode.ESTOP, Mode.RECOVER, READY) is Mode.RECOVER


@pytest.mark.parametrize(
    ('need', 'words'),
    [
        (Need.FRESH_STATE, 'so it is; check that the robot publishes'),
        (Need.UPRIGHT, 'so it is; set it upright'),
        (Need.STANDING, 'so it is; wait until it stands'),
        (Need.FRESH_PLAN, 'so it is; activate the planner'),
    ],
)
def test_walking_needs_each_of_its_conditions(need, words):
    with pytest.raises(ModeRefused, match=f'follow is refused from stand: {words}$'):
        request(Mode.STAND, Mode.FOLLOW, {need: 'so it is'})


@pytest.mark.parametrize('mode', [Mode.OFF, Mode.RECOVER])
@pytest.mark.parametrize('need', [Need.FRESH_STATE, Need.UPRIGHT])
def test_standing_up_needs_a_robot_that_is_seen_upright(mode, need):
    with pytest.raises(ModeRefused, match=f'stand is refused from {mode.value}: so it is; '):
        request(mode, Mode.STAND, {need: 'so it is'})
    walking = {Need.STANDING: 'not yet', Need.FRESH_PLAN: 'none'}
    assert request(mode, Mode.STAND, walking) is Mode.STAND


@pytest.mark.parametrize('mode', [Mode.OFF, Mode.RECOVER])
def test_walk_from_a_mode_that_does_not_stand_names_first_what_standing_up_would_lack(mode):
    with pytest.raises(ModeRefused, match=r'so it lies; set it upright; stand first$'):
        request(
            mode, Mode.FOLLOW, {Need.UPRIGHT: 'so it lies', Need.FRESH_PLAN: 'none'}, 'it fell'
        )


def test_walk_after_a_fall_names_the_fall():
    with pytest.raises(
        ModeRefused, match=r'follow is refused from recover: it fell; stand first$'
    ):
        request(Mode.RECOVER, Mode.FOLLOW, READY, 'it fell')


def test_a_mode_is_read_by_name_in_any_case():
    assert parse_mode(' Follow ') is parse_mode('walk') is Mode('walk') is Mode.FOLLOW
    with pytest.raises(ModeRefused, match="unknown mode 'folow'; did you mean 'follow'"):
        parse_mode('folow')
