from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.history import History
from simdist_ros.embodiment.observation import extero_obs, proprio_obs
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.settings import (
    WORLDS,
    EvaluateSettings,
    evaluation_world,
)
from simdist_ros.evaluation.walk import Walk, WalkResult, walk
from simdist_ros.pretraining.evaluate.data import area_under_curve, calibrate, foresee, open_loop
from simdist_ros.pretraining.evaluate.expert_walker import ExpertWalker
from simdist_ros.pretraining.evaluate.report import mean_and_interval, summarise_walks, walk_table
from simdist_ros.pretraining.evaluate.stage import foresee_walks, gain
from simdist_ros.pretraining.evaluate.walks import WalkLog, list_walks
from simdist_ros.pretraining.expert.files import save_networks
from simdist_ros.pretraining.expert.networks import Actor
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.shards.dataset import ShardWriter, open_dataset
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel

from .transitions import ROBOT, TINY, make_episode, write_data

ARM = Path(__file__).parents[1] / 'bodies' / 'arm' / 'arm.yaml'
TASK = Walk(world='nominal', speed=0.5, seed=1000, seconds=2.0, num_samples=8, num_iterations=0)
RESULT = WalkResult(
    distance_m=1.0,
    command_error=0.1,
    fell=False,
    lasted_s=2.0,
    reward_per_s=2.0,
    values=[5.0] * 20,
)


def test_the_area_under_the_curve_counts_pairs_in_order():
    assert area_under_curve(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert area_under_curve(np.array([3.0]), np.array([1.0, 5.0])) == 0.5
    assert area_under_curve(np.array([1.0]), np.array([1.0])) == 0.5
    assert math.isnan(area_under_curve(np.array([]), np.array([1.0])))


def test_a_prediction_that_is_always_one_too_high_has_bias_one():
    real = np.linspace(0.0, 9.0, 100)
    found = calibrate(real + 1.0, real)
    assert found.bias == pytest.approx(1.0)
    assert found.rmse == pytest.approx(1.0)
    assert found.correlation == pytest.approx(1.0)
    assert np.allclose(np.array(found.predicted) - found.real, 1.0)


def test_a_mean_comes_with_its_interval_and_leaves_out_what_is_unknown():
    mean, half = mean_and_interval([1.0, 3.0, float('nan')])
    assert mean == 2.0
    assert half == pytest.approx(1.96 * math.sqrt(2.0) / math.sqrt(2.0))
    assert math.isnan(mean_and_interval([float('nan')])[0])


def test_every_world_of_the_evaluation_can_be_built():
    for name in WORLDS:
        assert evaluation_world(name).name == name


def test_a_world_that_does_not_exist_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="did you mean 'nominal'"):
        EvaluateSettings(worlds='nominel')


def test_policy_and_planner_walk_the_same_seeds_and_only_the_policy_in_hard_worlds(go2):
    settings = EvaluateSettings(
        num_seeds=3, speeds=(0.5,), worlds=('nominal',), hard_worlds=('ice_8',)
    )
    walks = list_walks(go2, settings)
    by = {name: [w for w in walks if w.controller == name] for name in ('policy', 'planner')}
    assert [w.seed for w in by['planner']] == [1000, 1001, 1002]
    assert {(w.world, w.seed) for w in by['policy']} == {
        (world, seed) for world in ('nominal', 'ice_8') for seed in (1000, 1001, 1002)
    }


def test_a_body_on_a_fixed_base_is_not_tried_on_grounds():
    arm = load_robot(str(Path(__file__).parents[1] / 'bodies/arm/arm.yaml'))
    assert {w.world for w in list_walks(arm, EvaluateSettings(num_seeds=1))} == {
        'nominal', 'payload_3kg', 'payload_14kg',
    }  # fmt: skip
    grounds = EvaluateSettings(num_seeds=1, worlds=('slope_15',), hard_worlds=('ice_8',))
    assert {w.world for w in list_walks(arm, grounds)} == {'nominal'}


def test_an_expert_walks_the_same_seeds_where_the_model_was_trained(go2):
    settings = EvaluateSettings(
        num_seeds=2, speeds=(0.5,), worlds=('nominal',), hard_worlds=('ice_8',)
    )
    walks = [w for w in list_walks(go2, settings, has_expert=True) if w.controller == 'expert']
    assert [(w.world, w.seed) for w in walks] == [('nominal', 1000), ('nominal', 1001)]


def test_walks_are_summed_up_by_controller_world_and_speed():
    other = replace(RESULT, distance_m=3.0, fell=True, command_error=float('nan'))
    (summary,) = summarise_walks({TASK: RESULT, replace(TASK, seed=1001): other})
    assert (summary.walks, summary.falls, summary.success_rate) == (2, 1, None)
    assert summary.distance_m[0] == 2.0
    assert summary.command_error[0] == pytest.approx(0.1)


def test_successes_are_told_where_the_task_has_an_end(go2):
    done, not_done = (replace(RESULT, succeeded=value) for value in (True, False))
    walks = {replace(TASK, seed=seed): done for seed in (1, 2, 3)} | {TASK: not_done}
    summaries = summarise_walks(walks)
    assert summaries[0].success_rate == 0.75
    head, _, line = walk_table(summaries, task_of(load_robot(str(ARM))))
    assert '| trials | success rate | error [m] |' in head
    assert '| 4 | 0.75 | 0.100 ' in line
    assert 'success' not in walk_table(summaries, task_of(go2))[0]


def test_the_planner_is_compared_with_the_policy_on_the_same_seed():
    planned = replace(TASK, num_iterations=2)
    walks = {TASK: RESULT, planned: replace(RESULT, reward_per_s=2.5)}
    assert gain(walks, 'planner', over='policy')['nominal'][0] == pytest.approx(0.5)
    assert gain(walks, 'policy', over='expert') == {}


def test_a_fall_is_foreseen_by_the_value_one_second_before_it():
    falling = replace(RESULT, fell=True, lasted_s=1.5, values=[5.0] * 5 + [1.0] * 10)
    falling = replace(falling, values=[0.0] * 5 + [1.0] + [9.0] * 9)
    found = foresee_walks({TASK: RESULT, replace(TASK, seed=1): falling}, ROBOT)
    assert found.falls == [1.0]
    assert found.successes == [5.0]
    assert found.auc == 1.0


def test_a_killed_evaluation_keeps_what_it_has(tmp_path):
    path = tmp_path / 'walks.jsonl'
    WalkLog(path, 'abc').add(TASK, RESULT)
    with path.open('a') as file:
        file.write('{"walk": {"wor')
    log = WalkLog(path, 'abc')
    assert log.results == {TASK: RESULT}
    log.add(replace(TASK, seed=1), RESULT)
    assert len(WalkLog(path, 'abc').results) == 2
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_walks_of_another_model_are_refused_and_left_alone(tmp_path):
    path = tmp_path / 'walks.jsonl'
    WalkLog(path, 'abc').add(TASK, RESULT)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match='holds results of abc, expected xyz'):
        WalkLog(path, 'xyz')
    assert path.read_bytes() == before


class Statue:
    """Holds the standing pose."""

    def __init__(self, robot, architecture):
        self.robot = robot
        self.history = History(architecture.history_steps, 35, 12)
        self.noted = 0

    def tick(self, state, command):
        pose = self.robot.per_joint('stand')
        return SimpleNamespace(positions=np.tile(pose, (5, 1)))

    def note_executed(self, command, joint_pos):
        self.noted += 1


def test_a_robot_that_stands_goes_nowhere_and_does_not_fall():
    robot, sizes = load_robot('go2'), Architecture()
    statue = Statue(robot, sizes)
    result = walk(robot, load_recipe(robot), statue, WorldModel(sizes).eval(), TASK)
    assert not result.fell
    assert result.distance_m < 0.3
    assert result.command_error == pytest.approx(0.5, abs=0.15)
    assert result.lasted_s == pytest.approx(2.0)
    assert statue.noted == 100
    assert len(result.values) == 20


@pytest.fixture(scope='module')
def sampler(tmp_path_factory):
    dataset = open_dataset(
        write_data(tmp_path_factory.mktemp('data'), episodes=6, steps=80), ROBOT
    )
    return WindowSampler(
        dataset,
        np.arange(6),
        history_steps=TINY.history_steps,
        horizon_steps=TINY.horizon_steps,
    )


def test_open_loop_errors_have_one_number_for_each_step_ahead(sampler):
    errors, calibration = open_loop(WorldModel(TINY).eval(), ROBOT, sampler, sampler, 100)
    for name, numbers in vars(errors).items():
        assert len(numbers) == TINY.horizon_steps, name
        assert np.isfinite(numbers).all(), name
    assert errors.held_pos_rad[0] < errors.held_pos_rad[-1]
    assert len(calibration.predicted) == 10


def test_falls_and_successes_of_the_data_are_told_apart_by_their_episodes(sampler):
    found = foresee(WorldModel(TINY).eval(), ROBOT, sampler, 6, seed=0)
    assert len(found.falls) == 1
    assert len(found.successes) == 5
    ordered = [fall < success for fall in found.falls for success in found.successes]
    assert found.auc == np.mean(ordered)


def test_what_is_predicted_before_a_fall_is_predicted_one_second_before_it(tmp_path):
    with ShardWriter(tmp_path / 'data', ROBOT) as writer:
        for seed in range(3):
            episode = make_episode(100, seed, terminated=seed == 1)
            episode.extero_obs[:, :] = -1.0 if seed == 1 else 1.0
            writer.add(episode)
    dataset = open_dataset(tmp_path / 'data', ROBOT)
    sampler = WindowSampler(dataset, np.arange(3), history_steps=3, horizon_steps=4)
    gathered = []
    real = sampler.gather
    sampler.gather = lambda numbers: gathered.append(real(numbers)) or gathered[-1]
    found = foresee(WorldModel(TINY).eval(), ROBOT, sampler, 3, seed=0)
    (windows,) = gathered
    (fall,) = np.flatnonzero(windows.extero_obs[:, 0] < 0.0)
    episode = make_episode(100, 1, terminated=True)
    np.testing.assert_allclose(windows.proprio_obs[fall, 3], episode.proprio_obs[100 - 50])
    assert (len(found.falls), len(found.successes)) == (1, 2)


def test_an_expert_walks_by_what_it_sees_and_by_what_was_executed(tmp_path):
    recipe, path = load_recipe(ROBOT), tmp_path / 'expert.safetensors'
    actor = Actor(ROBOT, recipe)
    save_networks(path, actor, None, {'robot': ROBOT.name})
    expert = ExpertWalker(ROBOT, recipe, path)
    state = SimulatedRobot(ROBOT, evaluation_world('nominal'), 0).state()
    command = np.array([0.5, 0.0, 0.0], dtype=np.float32)
    expert.tick(state, command)
    executed = np.linspace(-1.0, 1.0, ROBOT.num_joints)
    sent = JointCommand(stamp_ns=0, position=JointTarget(ROBOT).to_joints(executed))
    expert.note_executed(sent, state.joint_pos)
    target = expert.tick(state, command).positions[0]
    seen = np.concatenate([proprio_obs(ROBOT, state), command, executed]).astype(np.float32)
    with torch.inference_mode():
        wanted = actor(torch.tensor(seen)[None], torch.tensor(extero_obs(ROBOT, state))[None])
    np.testing.assert_allclose(JointTarget(ROBOT).from_joints(target), wanted[0], atol=1e-5)
    walked = walk(ROBOT, recipe, expert, None, replace(TASK, is_expert=True))
    assert walked.values == []
    assert walked.lasted_s > 0.2
