from __future__ import annotations

from simdist_ros.nodes.throttle import Throttle, ThrottledLog


class Heard:
    """A logger that remembers."""

    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(('info', text))

    def warning(self, text):
        self.lines.append(('warning', text))

    def error(self, text):
        self.lines.append(('error', text))


def test_each_subject_is_let_through_once_a_period_whatever_others_say():
    now = [10.0]
    throttle = Throttle(2.0, clock=lambda: now[0])
    assert throttle.take('joints', 'short') == 'short'
    assert throttle.take('joints', 'short') == ''
    assert throttle.take('map', 'old') == 'old'
    now[0] = 11.9
    assert throttle.take('joints', 'short') == ''
    now[0] = 12.0
    assert throttle.take('joints', 'long') == 'long (3 times in the last 2 s)'
    assert throttle.take('joints', 'long') == ''


def test_what_comes_seldom_is_said_as_it_is():
    now = [0.0]
    throttle = Throttle(2.0, clock=lambda: now[0])
    for _ in range(3):
        now[0] += 2.0
        assert throttle.take('joints', 'short') == 'short'


def test_a_count_begins_anew_when_it_was_said():
    now = [0.0]
    throttle = Throttle(10.0, clock=lambda: now[0])
    told = []
    for tick in range(1501):  # 30 s
        now[0] = 0.02 * tick
        told.append(throttle.take('plan', 'no plan'))
    assert [text for text in told if text] == [
        'no plan',
        *['no plan (500 times in the last 10 s)'] * 3,
    ]


def test_a_log_keeps_its_levels_and_its_subjects_apart():
    heard = Heard()
    log = ThrottledLog(heard, Throttle(10.0, clock=lambda: 0.0))
    for _ in range(2):
        log.info('mode', 'walk')
        log.warning('plan', 'late')
        log.error('joints', 'short')
    assert heard.lines == [('info', 'walk'), ('warning', 'late'), ('error', 'short')]
