from __future__ import annotations

import pytest

from simdist_ros.bringup.graph import GraphOptions, describe_graph
from simdist_ros.bringup.processes import QUIET_S, ProcessGroup
from simdist_ros.bringup.progress import ProgressDisplay
from simdist_ros.bringup.run import values_of, with_progress
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.nodes.mujoco_robot import progress


@pytest.mark.parametrize(
    ('is_terminal', 'is_asked', 'progress'),
    [
        (True, None, ProgressDisplay.BAR),
        (False, None, ProgressDisplay.LINES),
        (False, True, ProgressDisplay.BAR),
        (True, False, ProgressDisplay.NONE),
        (False, False, ProgressDisplay.NONE),
    ],
)
def test_a_bar_is_for_terminals_and_lines_are_for_all_else(
    monkeypatch, is_terminal, is_asked, progress
):
    monkeypatch.setattr('sys.stderr.isatty', lambda: is_terminal)
    assert ProgressDisplay.wanted(is_asked) is progress


def test_lines_come_from_the_stand_in_and_a_bar_is_a_node_of_its_own():
    options, robot = GraphOptions(finetune=True, bag='bag'), load_robot('go2')
    for shown, added, speaking in (
        (ProgressDisplay.BAR, ['progress'], {'finetuner'}),
        (ProgressDisplay.LINES, [], {'mujoco_robot', 'finetuner'}),
        (ProgressDisplay.NONE, [], {'finetuner'}),
    ):
        before = describe_graph(options)
        nodes = with_progress(before, options, robot, shown)
        assert [node.name for node in nodes] == [node.name for node in before] + added
        assert {node.name for node in nodes if node.speaks} == speaking


def test_only_where_lines_are_wanted_a_silent_graph_says_that_it_runs(tmp_path, capsys):
    assert ProgressDisplay.LINES.quiet_s == QUIET_S
    assert ProgressDisplay.BAR.quiet_s == ProgressDisplay.NONE.quiet_s == float('inf')
    with ProcessGroup([], tmp_path, {}, quiet_s=0.0) as group:
        say = group.say

        def say_and_end(line):
            say(line)
            group.is_interrupted = True

        group.say = say_and_end
        assert group.wait() == 0
    assert capsys.readouterr().err == '0 nodes run, for 0 s\n'


def test_a_walk_says_its_time_and_how_far_it_came():
    assert progress(12_340_000_000, 60.0, '5.00 m from the start') == (
        '12.3 of 60 s of robot time, 5.00 m from the start'
    )
    assert progress(1_000_000_000, 0.0, '1.00 m from the start') == (
        '1.0 s of robot time, 1.00 m from the start'
    )


def test_the_record_of_a_run_has_numbers_and_words_for_what_was_typed():
    typed = {'planner': {'a': '1e-3', 'b': '64', 'c': 'off', 'd': 'true', 'e': '[1, x]', 'f': 2.5}}
    assert values_of(typed) == {
        'planner': {'a': 0.001, 'b': 64, 'c': 'off', 'd': True, 'e': '[1, x]', 'f': 2.5}
    }
