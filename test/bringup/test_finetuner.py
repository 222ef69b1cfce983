"""While a Go2 walks in lockstep its model is adapted; then the process that does so is killed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from std_srvs.srv import Trigger

from simdist_ros.bringup.graph import NodeSpec
from simdist_ros.messages import topics
from simdist_ros.world_model.store.checkpoint import load_model
from simdist_ros.world_model.store.manifest import read_manifest

from .running import (
    SMALL_FINETUNING,
    observed,
    parent_of,
    running_graph,
    running_nodes,
    wait_until,
)

LOWEST = 19  # niceness
LONGEST_S = 500.0  # a training beside processes that keep the cores busy
SETTINGS = {
    **SMALL_FINETUNING,
    'planner.mppi.num_iterations': 0,
    'finetuner.finetune.max_steps': 40,
}


def trainers_of(pid: int) -> list[int]:
    """Return the children of a process."""
    folders = [folder for folder in Path('/proc').iterdir() if folder.name.isdigit()]
    return [int(folder.name) for folder in folders if parent_of(folder) == pid]


class Walk:
    """A graph that walks, and what it says of itself."""

    def __init__(self, graph, observer):
        self.graph, self.observer = graph, observer
        self.heard = observer.listen(DiagnosticArray, '/diagnostics')
        self.ticks = observer.listen(DiagnosticArray, topics.PLANNER_TICK)

    def until(self, node, condition, what):
        """Wait for diagnostics of a node that fulfil a condition; return its values."""
        start = len(self.heard)

        def found():
            assert self.graph.process.poll() is None, self.graph.stderr.read_text()
            for message in self.heard[start:]:
                status = message.status[0]
                values = {pair.key: pair.value for pair in status.values}
                if status.name == node and condition(values | {'message': status.message}):
                    return values | {'message': status.message}
            return None

        return self.observer.until(found, what, LONGEST_S)

    def walk_on(self, ticks):
        wanted = len(self.ticks) + ticks
        self.observer.until(lambda: len(self.ticks) >= wanted, 'it walks on')

    def finetune(self):
        return self.observer.call(Trigger, 'finetuner/finetune')


def session_niceness(pid: int) -> int | None:
    """Return that of a process's session; None where sessions have none."""
    file = Path(f'/proc/{pid}/autogroup')
    return int(file.read_text().rpartition(' ')[2]) if file.exists() else None


@pytest.fixture(scope='module')
def story(random_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp('finetuned') / 'graph'
    given = [f'{name}={value}' for name, value in SETTINGS.items()]
    arguments = ['--model', str(random_model), '--mode', 'lockstep', '--finetune']
    arguments += [word for text in given for word in ('--set', text)]
    seen = SimpleNamespace(folder=folder)
    with running_graph(folder, *arguments) as graph, observed(graph.domain) as observer:
        walk = Walk(graph, observer)
        observer.until(lambda: walk.ticks, 'it plans')
        walk.until('finetuner', lambda v: float(v['new_data_s']) > 16.0, 'it has walked')
        seen.started, seen.again = walk.finetune(), walk.finetune()
        seen.verdict = walk.until(
            'finetuner',
            lambda v: v['accepted'] == '1' or v['refused'] == '1',
            'there is a verdict',
        )
        if seen.verdict['accepted'] == '1':
            seen.swapped = walk.until('planner', lambda v: v['model'] != 'random', 'it is used')
        seen.second = walk.finetune()
        (trainer,) = trainers_of(graph.pids()['finetuner'])
        graph.kill('finetuner')
        observer.until(
            lambda: parent_of(Path(f'/proc/{trainer}')) is None, 'the training ends with its node'
        )
        walk.walk_on(50)
        seen.after = walk.until('planner', lambda v: True, 'the planner goes on')
        graph.process.send_signal(signal.SIGINT)
        seen.code = graph.wait()
        seen.stderr = graph.stderr.read_text()
        seen.log = graph.log('finetuner')
        yield seen


def test_a_finetuning_starts_when_asked_for_and_no_second_one_beside_it(story):
    assert story.started.success
    assert story.started.message == 'training random_1 from random: asked for'
    assert not story.again.success
    assert story.again.message == 'random_1 is in training already; wait for it'
    assert story.second.success


def test_the_candidate_is_a_model_with_its_verdict(story):
    manifest = read_manifest(story.folder / 'models' / 'random_1')
    verdict = manifest.adaptation['verdict']
    assert verdict['reason'] in story.log
    assert verdict['accepted'] == (story.verdict['accepted'] == '1')
    assert manifest.adaptation['bags'][0]['path'] == str(story.folder / 'bag')
    load_model(story.folder / 'models' / 'random_1')


def test_what_was_accepted_plans_and_goes_on_planning_without_the_finetuner(story):
    assert story.verdict['accepted'] == '1', story.verdict['message']
    identity = read_manifest(story.folder / 'models' / 'random_1').identity
    assert story.swapped['model_identity'] == identity
    assert story.after['model_identity'] == identity


def test_killed_while_it_trains_it_does_not_stop_the_walk(story):
    assert story.code == 0, story.stderr
    assert '[finetuner] ended with exit code -9; the others go on' in story.stderr
    assert [path.name for path in (story.folder / 'models').glob('*/manifest.yaml')] == [
        'manifest.yaml'
    ]


def test_it_trains_behind_everything_else(random_model, tmp_path):
    """Beside a walk such a training may take as long as it likes, so that here nothing waits."""
    parameters = {
        'bag': str(tmp_path / 'bag'),
        'model': str(random_model),
        'folder': str(tmp_path / 'models'),
    }
    node = NodeSpec(name='finetuner', parameters=parameters)
    with running_nodes(tmp_path / 'run', node) as (group, observer):
        assert observer.call(Trigger, 'finetuner/finetune').success
        (trainer,) = trainers_of(group.children[0].process.pid)
        wait_until(lambda: os.sched_getscheduler(trainer) == os.SCHED_IDLE, 'it steps back')
        assert os.getpriority(os.PRIO_PROCESS, trainer) == LOWEST
        assert session_niceness(trainer) in (None, LOWEST)


def test_a_second_finetuner_on_the_same_folder_is_refused(random_model, tmp_path):
    parameters = {
        'bag': str(tmp_path / 'bag'),
        'model': str(random_model),
        'folder': str(tmp_path / 'models'),
        'low_priority': False,
    }
    with running_nodes(tmp_path / 'run', NodeSpec(name='finetuner', parameters=parameters)) as (
        group,
        observer,
    ):
        answer = observer.call(Trigger, 'finetuner/finetune')
        assert answer.success
        heard = observer.listen(DiagnosticArray, '/diagnostics')
        observer.until(
            lambda: any("bag' does not exist" in m.status[0].message for m in heard),
            'it says that there is no bag',
        )
        second = group.start(NodeSpec(name='finetuner', parameters=parameters))
        group.children.append(second)
        assert second.process.wait(60.0) == 2
        second.reader.join(10.0)
        assert second.refusal.startswith(f'{tmp_path / "models"} is being written by another')
        assert observer.call(Trigger, 'finetuner/finetune').success


HOPELESS = {
    'hangs': ({'longest_training_s': 0.2}, r'the training of random_1 was ended after 0\.2 s'),
    'cannot be started': ({'bag': 200_000 * 'x'}, r'the training cannot be started \(.*too long'),
    'fails': ({}, r"random_1 came to nothing, exit code 2: .*bag' does not exist"),
}


@pytest.mark.parametrize('kind', HOPELESS)
def test_a_training_that_comes_to_nothing_is_counted_and_the_last_of_them_ends_the_node(
    random_model, tmp_path, kind, capfd
):
    given, sentence = HOPELESS[kind]
    parameters = {
        'bag': str(tmp_path / 'bag'),
        'model': str(random_model),
        'folder': str(tmp_path / 'models'),
        'end.after_trainings': 1,
        'low_priority': False,
        **given,
    }
    node = NodeSpec(name='finetuner', parameters=parameters, ends_graph=True)
    with running_nodes(tmp_path / 'run', node) as (group, observer):
        client = observer.node.create_client(Trigger, 'finetuner/finetune')
        observer.until(client.service_is_ready, 'it can be asked')
        client.call_async(Trigger.Request())
        process = group.children[0].process
        observer.until(lambda: process.poll() is not None, 'it ends')
        assert group.wait() == 0
        assert group.ended_by == 'finetuner'
    assert re.search(sentence, capfd.readouterr().err)
