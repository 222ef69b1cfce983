from __future__ import annotations

import pytest

from simdist_ros.adaptation.ending import MOST_IDLE_S, Ending, EndSettings

PERIOD_S = 0.5
WALK_ON = 4  # ticks
IDLE = round(MOST_IDLE_S / PERIOD_S)


def make(**given) -> Ending:
    return Ending(EndSettings(walk_on_s=WALK_ON * PERIOD_S, **given), PERIOD_S)


def walk(ending, ticks, *, is_following=True, is_busy=False):
    for _ in range(ticks):
        ending.note_tick(is_following=is_following, is_busy=is_busy)


def over(ending, *, is_busy=False, has_new_data=False) -> bool:
    return ending.is_over(is_busy=is_busy, has_new_data=has_new_data)


def test_by_default_it_never_ends():
    ending = make()
    for _ in range(9):
        ending.note_training()
        ending.note_swap()
    walk(ending, 100)
    walk(ending, 100, is_following=False)
    assert ending.trains_on
    assert not ending.stands_still
    assert not over(ending)


def test_it_walks_on_after_the_exchange_and_then_ends():
    ending = make(after_swaps=1)
    walk(ending, 100)
    assert ending.trains_on
    assert not over(ending)
    ending.note_swap()
    assert not ending.trains_on
    walk(ending, WALK_ON - 1)
    assert not over(ending)
    walk(ending, 1)
    assert over(ending)


def test_it_waits_for_as_many_exchanges_as_were_asked_for():
    ending = make(after_swaps=2)
    ending.note_swap()
    walk(ending, WALK_ON)
    assert ending.trains_on
    assert not over(ending)


@pytest.mark.parametrize('walked', [0, WALK_ON - 1])
def test_a_model_that_is_taken_back_does_not_count_and_it_learns_on(walked):
    ending = make(after_swaps=1, after_trainings=4)
    ending.note_training()
    ending.note_swap()
    walk(ending, walked)
    ending.note_rollback()
    walk(ending, 10 * WALK_ON)
    assert ending.trains_on
    assert not over(ending)
    ending.note_swap()
    walk(ending, WALK_ON - 1)
    assert not over(ending)
    walk(ending, 1)
    assert over(ending)


def test_learning_on_is_bounded_by_the_trainings():
    ending = make(after_swaps=1, after_trainings=2)
    for is_last in (False, True):
        assert ending.trains_on
        ending.note_training()
        assert ending.trains_on is not is_last
    walk(ending, WALK_ON, is_busy=True)  # the last of them
    assert not over(ending, is_busy=True)
    assert not over(ending)
    walk(ending, WALK_ON)
    assert over(ending)


def test_after_a_fall_it_learns_from_what_there_is_and_then_ends():
    ending = make(after_swaps=1)
    walk(ending, 100)
    walk(ending, IDLE, is_following=False)
    assert not ending.stands_still
    walk(ending, 1, is_following=False)
    assert ending.stands_still
    assert ending.trains_on
    assert not over(ending, has_new_data=True)
    ending.note_training()
    assert not over(ending, is_busy=True)
    assert over(ending)  # nothing came of it


def test_what_was_learned_after_a_fall_plans_for_a_while_before_the_end():
    ending = make(after_swaps=1)
    walk(ending, 100)
    walk(ending, IDLE + 1, is_following=False)
    ending.note_swap()
    assert not over(ending)
    walk(ending, WALK_ON, is_following=False)
    assert over(ending)


def test_a_robot_that_gets_up_again_has_not_stopped_walking():
    ending = make(after_swaps=1)
    walk(ending, IDLE + 1, is_following=False)
    walk(ending, 1)
    assert not ending.stands_still
    assert not over(ending)
