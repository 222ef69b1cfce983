"""What the demonstration makes of its three walks."""

from __future__ import annotations

import dataclasses
import math
import shutil

import numpy as np
import pytest

from simdist_ros.adaptation.evaluate import BagEvaluation
from simdist_ros.bringup import demo
from simdist_ros.bringup.demo import WALK, check_gain, comparison
from simdist_ros.bringup.demo_plot import draw_demo, plot_demo, progress_series, swap_times
from simdist_ros.bringup.demo_rivals import RivalWalk, distance_ahead, walk_rivals
from simdist_ros.bringup.graph import describe_graph
from simdist_ros.bringup.learning_walk import (
    DATA_S,
    LEARNING,
    MOST_TRAININGS,
    MOST_WALKS,
    learn,
    model_at_the_end,
    why_no_model,
)
from simdist_ros.core.errors import SimdistError
from simdist_ros.evaluation.judged_walk import JudgedWalk
from simdist_ros.evaluation.recording import read_recording
from simdist_ros.evaluation.report import make_report
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import find_model, load_model, save_model
from simdist_ros.world_model.store.manifest import read_manifest

from ..evaluation.recorded import PERIOD_NS, START_NS, MadeUpRun

TICKS = 1001  # 20 s: 0.3 m/s for the first half, 0.5 m/s for the second
SWAP = 600


@pytest.fixture
def bag(tmp_path, small_robot):
    run = MadeUpRun(tmp_path / 'bag', small_robot)
    for tick in range(TICKS):
        now = START_NS + tick * PERIOD_NS
        way = 0.006 * min(tick, 500) + 0.01 * max(0, tick - 500)
        run.joints(now)
        run.odometry('ground_truth/odom', now, position=(way, 0.0, 0.3), linear=(0.3, 0.0, 0.0))
        run.height_map(now, (0.3, 0.3, 0.3))
        run.command(now, 0.5)
        run.plan(now, model_identity='first' if tick < SWAP else 'second')
        run.decision(now)
    run.close()
    return tmp_path / 'bag'


def evaluation(name, slip_error):
    return BagEvaluation(
        model=name,
        identity=name,
        error=slip_error,
        slip_error=slip_error,
        held=[1.0] * len(slip_error),
        mean=0.5,
        low=0.4,
        high=0.6,
        episodes=4,
        windows=100,
        has_seen=[],
    )


def rival(name, way, fell):
    """Return a walk of 2 s along y, where the robot looks."""
    quarter = math.sqrt(0.5)
    poses = [
        [t, 3.0, 1.0 + way * t / 2.0, 0.3, quarter, 0.0, 0.0, quarter, 0.1] for t in (0, 1, 2)
    ]
    walked = JudgedWalk(
        progress_m=way,
        line_m=1.0,
        distance_m=way,
        fell=fell,
        lasted_s=2.0,
        command_error=0.1,
        reward_per_s=math.nan,
        succeeded=None,
    )
    return RivalWalk(name=name, result=walked, poses=np.array(poses))


RIVALS = [rival('expert', 2.0, False), rival('expert + PI', 1.0, True)]
ERRORS = [evaluation('before', [0.9, 1.2, 2.0]), evaluation('after', [0.3, 0.3, 0.2])]


def test_progress_is_told_in_pieces_of_ten_seconds(bag, small_robot):
    times, progress = progress_series(read_recording(bag, small_robot), small_robot)
    assert times.tolist() == pytest.approx([10.0, 20.0])
    assert progress.tolist() == pytest.approx([3.0, 5.0])


def test_it_is_known_when_another_model_took_over(bag, small_robot):
    times = swap_times(read_recording(bag, small_robot))
    assert times == pytest.approx([SWAP * PERIOD_NS * 1e-9])


def test_the_figure_compares_before_and_after(bag, small_robot, tmp_path):
    _, recording = make_report(bag, small_robot)
    shorter = dataclasses.replace(
        recording,
        supervisor=dict(sorted(recording.supervisor.items())[:501]),
    )
    walks = (shorter, recording)
    figure = draw_demo(walks, RIVALS, recording, small_robot, (0.5, 0.3), ERRORS)
    distance, velocity, learning, error = figure.axes
    lines = [line.get_ydata() for line in distance.get_lines()]
    before, after, steady, falling, fall, asked = lines
    assert (steady[-1], falling[-1], fall[0]) == pytest.approx((2.0, 1.0, 1.0))
    assert (before[-1], after[-1]) == pytest.approx((3.0, 8.0))
    assert asked[-1] == pytest.approx(10.0)
    labels = ['before', 'after', 'asked']
    assert [line.get_label() for line in velocity.get_lines()] == labels
    assert len(learning.get_lines()) == 3  # progress, one exchange, what was asked for
    assert list(learning.get_lines()[-1].get_ydata()) == pytest.approx([3.0, 3.0])
    assert [line.get_ydata().tolist() for line in error.get_lines()] == [
        [0.9, 1.2, 2.0],
        [0.3, 0.3, 0.2],
    ]
    plot_demo(walks, RIVALS, recording, small_robot, (0.5, 0.3), ERRORS, tmp_path / 'demo.png')
    assert (tmp_path / 'demo.png').read_bytes().startswith(b'\x89PNG')


def test_the_terminal_says_what_was_gained(bag, small_robot):
    before, _ = make_report(bag, small_robot)
    after = dataclasses.replace(before, distance_m=4.8, tracking_error_mps=0.05)
    before = dataclasses.replace(before, distance_m=2.5, tracking_error_mps=0.25, falls=2)
    assert comparison(WALK, before, 1, after, ERRORS, RIVALS) == [
        'progress          2.50 m before, 4.80 m after, of 10.00 m',
        'without planning  expert 2.00 m, expert + PI 1.00 m and a fall',
        'tracking error    0.250 m/s before, 0.050 m/s after',
        'falls             2 before, one while learning, none after',
        'prediction error  divided by 3.0 to 10.0 during slips of the first walk, which is not '
        'in the training data',
    ]


@pytest.fixture
def models(tmp_path):
    for seed, accepted in ((1, False), (2, True)):
        model, verdict = WorldModel(Architecture(), seed=seed), {'accepted': accepted}
        save_model(
            tmp_path / f'models/go2_{seed}',
            model,
            robot='go2',
            created_by='a test',
            adaptation={'verdict': verdict},
        )
    return tmp_path / 'models'


def test_the_model_at_the_end_is_the_one_that_made_the_last_plan(models):
    wanted = read_manifest(models / 'go2_2').identity
    assert model_at_the_end(models, wanted) == models / 'go2_2'
    assert model_at_the_end(models, 'the first one') is None
    assert model_at_the_end(models / 'nowhere', wanted) is None


def test_without_such_a_model_it_says_why(models):
    accepted = 'a model was accepted, but the planner did not keep it'
    assert why_no_model(models, 0) == accepted
    assert why_no_model(models, 1) == f'the robot fell while it learned, and {accepted}'
    shutil.rmtree(models / 'go2_2')
    refused = 'the gate rejected every adapted model'
    assert why_no_model(models, 0) == refused
    none = 'no training came to an end; the warnings above say why'
    assert why_no_model(models / 'nowhere', 0) == none


class Walks:
    """Stands for graphs: each walk leaves the recorded bag and so many falls."""

    def __init__(self, bag, report, falls):
        self.bag, self.report, self.falls, self.seeds = bag, report, falls, []

    def run(self, options, place):
        shutil.copytree(self.bag, place / 'bag')
        self.seeds.append(options.seed)
        falls = self.falls[len(self.seeds) - 1]
        return dataclasses.replace(self.report, falls=falls)


@pytest.mark.parametrize('falls', [(0,), (1, 0), (1, 2, 1)])
def test_after_a_fall_that_left_no_model_it_walks_again_from_another_start(
    bag, small_robot, tmp_path, falls
):
    walks = Walks(bag, make_report(bag, small_robot)[0], falls)
    walk, folder = dataclasses.replace(WALK, seed=5), tmp_path / 'demo'
    folder.mkdir()
    with pytest.raises(SimdistError, match='no training came to an end'):
        learn(walk, small_robot, folder, walks.run)
    assert walks.seeds == [6, 7, 8][: len(falls)]
    assert len(falls) <= MOST_WALKS


def test_the_rivals_walk_where_the_robot_is_to_walk(go2):
    model = load_model(find_model('go2'), go2).model
    walk = dataclasses.replace(WALK, world='nominal', duration_s=2.0, vx=0.8)
    expert, with_pi = walk_rivals(go2, model, walk)
    assert (expert.name, with_pi.name) == ('expert', 'expert + PI')
    for found in (expert, with_pi):
        assert 0.8 < found.result.progress_m < 1.8
        assert distance_ahead(found.poses)[-1] == pytest.approx(found.result.progress_m, abs=0.02)
        assert found.poses.shape == (101, 8 + go2.num_joints)
    assert not np.array_equal(expert.poses, with_pi.poses)
    model.expert = None
    assert walk_rivals(go2, model, walk) == []


def test_a_walk_that_was_interrupted_ends_the_demonstration(bag, small_robot, monkeypatch):
    report, _ = make_report(bag, small_robot)
    for ended in (None, dataclasses.replace(report, was_interrupted=True)):
        monkeypatch.setattr(demo, 'run_graph', lambda *_, ended=ended, **__: ended)
        with pytest.raises(KeyboardInterrupt):
            demo.run(WALK, bag)


def test_its_walks_can_be_started():
    assert load_world(WALK.world).motor_strength < 1.0
    options = dataclasses.replace(WALK, finetune=True, bag='bag')
    nodes = {node.name: node.parameters for node in describe_graph(options, LEARNING)}
    assert 'mppi.explore_share' not in nodes['planner']  # trials blur what is identified
    assert nodes['finetuner']['trigger.every_s'] == DATA_S


def test_the_walk_that_learns_ends_with_an_exchange_and_not_with_a_time():
    options = dataclasses.replace(WALK, finetune=True, bag='bag', duration_s=0.0)
    nodes = {node.name: node for node in describe_graph(options, LEARNING)}
    assert nodes['mujoco_robot'].parameters['duration_s'] == 0.0
    assert nodes['finetuner'].ends_graph
    assert nodes['finetuner'].parameters['end.after_swaps'] == 1
    assert nodes['finetuner'].parameters['end.after_trainings'] == MOST_TRAININGS
    without = {node.name: node for node in describe_graph(options)}
    assert not without['finetuner'].ends_graph


def test_in_lockstep_the_training_shares_the_processor_and_in_realtime_gives_way():
    for mode, is_low in (('lockstep', False), ('realtime', True)):
        options = dataclasses.replace(WALK, mode=mode, finetune=True, bag='bag')
        nodes = {node.name: node.parameters for node in describe_graph(options)}
        assert nodes['finetuner']['low_priority'] is is_low


@pytest.mark.parametrize(('further_m', 'falls'), [(0.5, 0), (-1.0, 0), (2.0, 1), (math.nan, 0)])
def test_a_walk_that_is_not_clearly_better_is_no_success(bag, small_robot, further_m, falls):
    before, _ = make_report(bag, small_robot)
    distance = before.distance_m + further_m
    after = dataclasses.replace(before, distance_m=distance, falls=before.falls + falls)
    with pytest.raises(SimdistError, match='after learning the robot came'):
        check_gain(before, after, [])


def test_a_rival_that_comes_further_is_told(bag, small_robot):
    before, _ = make_report(bag, small_robot)
    after = dataclasses.replace(before, distance_m=before.distance_m + 2.0)
    check_gain(before, after, [rival('expert', after.distance_m - 0.1, False)])
    with pytest.raises(SimdistError, match=r'and expert comes .* m without learning'):
        check_gain(before, after, [rival('expert', after.distance_m + 0.1, False)])
