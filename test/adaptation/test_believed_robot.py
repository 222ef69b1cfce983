"""A robot as it is believed, in simulation: how it walks, and practice as it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch

from simdist_ros.adaptation.believed_robot import Behaviour, BelievedRobot
from simdist_ros.adaptation.believed_walks import BatchWalks
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.pretraining.expert import practice
from simdist_ros.rl.step import StepResult
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.expert import Expert

GATE = GateSettings(num_walks=4, rollout_s=0.4, num_plans=2)
QUICK = FinetuneSettings(
    max_steps=10, validation_interval=5, batch_size=8, max_windows=50, practice_steps=0
)


def walks_of(robot, recipe, known, seed=1, **changes):
    settings = {'num_robots': 4, 'seconds': 0.4, **changes}
    return BatchWalks(robot, recipe, known, task_of(robot).practice(), seed=seed, **settings)


def test_the_same_robots_walk_for_each_expert_and_are_told_what_it_says(
    robot, recipe, shipped, space, weak
):
    walks = walks_of(robot, recipe, KnownRobots(space=space, belief=weak.numpy()))
    network = shipped.model.expert.network
    first, told, again = (walks.walk(network, b) for b in (None, weak.numpy(), None))
    np.testing.assert_array_equal(first.reward, again.reward)
    assert np.abs(first.reward - told.reward).max() > 1e-3
    zeros = walks.walk(network, np.zeros(space.size))
    np.testing.assert_array_equal(first.reward, zeros.reward)
    other = walks_of(robot, recipe, walks.env.known, seed=2).walk(network, None)
    assert np.abs(first.reward - other.reward).max() > 1e-3


def test_robots_follow_the_tasks_commands_all_the_time(robot, recipe, shipped):
    walks = walks_of(robot, recipe, None, num_robots=6)
    asked = task_of(robot).practice()
    walks.walk(shipped.model.expert.network, None)
    expected = [asked[i % len(asked)] for i in range(6)]
    np.testing.assert_array_equal(walks.env.commands, expected)
    np.testing.assert_allclose(walks.env.observation.command, expected, rtol=1e-6)


def test_nothing_is_earned_after_a_fall(robot, recipe, shipped, space):
    """Without any torque they fall at once: no more is earned in twice the time."""
    limp = np.zeros(space.size)
    limp[:12] = 2.0
    known = KnownRobots(space=space, belief=limp)
    network = shipped.model.expert.network
    short, long = (walks_of(robot, recipe, known, seconds=s).walk(network, None) for s in (2, 4))
    assert short.fell.all()
    np.testing.assert_allclose(2.0 * short.reward, 4.0 * long.reward, rtol=1e-6)
    sound = walks_of(robot, recipe, None, seconds=2).walk(network, None)
    assert not sound.fell.any()
    assert sound.reward.mean() > short.reward.mean() + 1.0


def test_who_rises_after_a_fall_earns_nothing_any_more(robot, recipe, shipped, monkeypatch):
    walks, step = walks_of(robot, recipe, None), 0  # 20 steps of 4 robots

    def fall(action):
        nonlocal step
        step += 1
        falls = np.array([step == 5, False, False, False])
        ones, no = np.ones(4, np.float32), np.zeros(4, bool)
        return StepResult(walks.env.observation, ones, falls, no, no, ones, {})

    monkeypatch.setattr(walks.env, 'step', fall)
    found = walks.walk(shipped.model.expert.network, None)
    assert found.reward.tolist() == pytest.approx([5 / 0.4, 50.0, 50.0, 50.0])
    assert found.tracking.tolist() == pytest.approx([0.25, 1.0, 1.0, 1.0])
    assert found.fell.tolist() == [True, False, False, False]
    assert found.told() == f'{np.mean(found.reward):.2f} a second, 1 of 4 fall'
    step = 0
    logged, lasted = walks.log(shipped.model.expert.network, None)
    assert lasted.tolist() == [4, 20, 20, 20]  # the step of the fall is none of a walk
    assert logged.shape[:2] == (4, 20)


def test_practice_makes_another_expert_that_is_told_what_was_chosen(
    robot, recipe, shipped, weak, monkeypatch, tmp_path
):
    monkeypatch.setattr(practice, 'ROBOTS', 8)
    monkeypatch.setenv('SIMDIST_CACHE', str(tmp_path))
    believed = BelievedRobot(robot, recipe, weak.numpy().astype(float), GATE, 1)
    start = Behaviour(shipped.model.expert, 0.5 * weak, 'half')
    said = []
    settings = replace(QUICK, practice_steps=200)
    found = believed.practise(start, settings, shipped.model, said.append)
    assert found.name == 'practised, half'
    assert torch.equal(found.belief, start.belief)
    assert found.expert.content != start.expert.content
    assert found.expert.plan_delay_steps == shipped.model.expert.plan_delay_steps
    assert said[-1].startswith('practice step 200 of 200: ')
    assert not list((tmp_path / 'practice').iterdir())  # done, so there is nothing to take up


def test_practice_from_an_expert_without_a_critic_comes_to_nothing(
    robot, recipe, shipped, weak, monkeypatch, tmp_path
):
    monkeypatch.setenv('SIMDIST_CACHE', str(tmp_path))
    arrays = safetensors.torch.load(shipped.model.expert.content)
    bare = safetensors.torch.save({n: a for n, a in arrays.items() if n.startswith('actor.')})
    start = Behaviour(Expert(shipped.model.expert.network, bare, 1), weak, 'whole')
    believed = BelievedRobot(robot, recipe, weak.numpy().astype(float), GATE, 1)
    said = []
    settings = replace(QUICK, practice_steps=200)
    assert believed.practise(start, settings, shipped.model, said.append) is None
    assert said[-1].startswith('the practice came to nothing, the expert stays as it was: ')
