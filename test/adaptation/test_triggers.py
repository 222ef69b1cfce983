"""A finetuning starts after so much walking, or when the error has risen, and not before."""

from __future__ import annotations

import math

from simdist_ros.adaptation.triggers import Triggers, TriggerSettings

PERIOD_S = 0.5


def walked(settings: TriggerSettings, ticks: int, *errors: float) -> Triggers:
    triggers = Triggers(settings, PERIOD_S)
    for _ in range(ticks):
        triggers.note_following()
    for error in errors:
        triggers.note_error(error)
    return triggers


def test_it_starts_once_so_much_was_walked_and_not_a_tick_before():
    settings = TriggerSettings(every_s=5.0)
    assert walked(settings, 9).reason() == ''
    assert walked(settings, 10).reason() == '5 s of new data'
    assert walked(settings, 10).walked_s == 5.0


def test_a_risen_error_starts_it_against_the_smallest_one_and_after_enough_walking():
    settings = TriggerSettings(rise_factor=2.0, min_s=5.0)
    assert walked(settings, 10, 0.3, 0.1, 0.2).reason() == ''
    assert walked(settings, 9, 0.3, 0.1, 0.21).reason() == ''
    risen = walked(settings, 10, 0.3, 0.1, 0.21)
    assert risen.reason() == 'prediction error risen from 0.10000 to 0.21000'
    risen.note_error(math.nan)
    assert risen.reason()
    risen.note_error(math.inf)
    assert risen.reason()
    risen.note_error(0.15)
    assert risen.reason() == ''


def test_nothing_starts_by_itself_unless_it_was_asked_for():
    assert walked(TriggerSettings(), 100_000, 0.1, 9.0).reason() == ''


def test_a_start_forgets_walking_and_errors():
    triggers = walked(TriggerSettings(every_s=5.0, rise_factor=2.0, min_s=0.0), 10, 0.1, 0.5)
    triggers.restart()
    assert triggers.walked_s == 0.0
    assert triggers.reason() == ''
    triggers.note_error(0.4)
    assert triggers.reason() == ''
    triggers.note_error(0.9)
    assert triggers.reason()
