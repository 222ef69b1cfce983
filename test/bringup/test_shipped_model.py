"""models/go2, as it ships: whole, small, of known origin, and it walks."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from simdist_ros.cli import make_walker
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.walk import Walk, walk
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.pretraining.evaluate.expert_walker import ExpertWalker
from simdist_ros.pretraining.expert.files import EXPERT, load_actor
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.world_model.store.checkpoint import find_model, load_model

SEED = 7


@pytest.fixture(scope='module')
def robot():
    return load_robot('go2')


def test_it_says_which_command_seed_and_commit_made_it(robot):
    manifest = load_model(find_model('go2'), robot).manifest
    assert re.fullmatch(
        r'simdist pretrain --robot go2 --preset cpu, seed 0, commit [0-9a-f]{7,40}; '
        r'expert trained on in wider worlds, commit [0-9a-f]{7,40}',
        manifest.created_by,
    )


def test_with_its_expert_it_takes_less_than_ten_megabytes(robot):
    folder = find_model('go2')
    load_actor(folder / EXPERT, robot, load_recipe(robot))
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10e6


@pytest.mark.parametrize('iterations', [0, 1])
@pytest.mark.parametrize('speed', [0.5, 1.0])
def test_it_walks_as_fast_as_it_is_told(robot, speed, iterations):
    task = Walk(
        world='nominal',
        speed=speed,
        seed=SEED,
        seconds=5.0,
        num_samples=0,
        num_iterations=iterations,
    )
    walker, model = make_walker(find_model('go2'), robot, 0, iterations, SEED)
    result = walk(robot, load_recipe(robot), walker, model, task)
    assert not result.fell
    assert result.command_error < 0.15
    assert result.distance_m > 0.75 * speed * task.seconds


def test_its_prior_does_what_its_expert_does_bit_for_bit(robot):
    folder = find_model('go2')
    planner = Planner(
        load_model(folder, robot).model,
        MppiSettings(num_iterations=0),
        torch.Generator().manual_seed(SEED),
    )
    prior = Controller(robot, planner)
    expert = ExpertWalker(robot, load_recipe(robot), folder / EXPERT)
    simulation = SimulatedRobot(robot, load_world('rough'), SEED)
    velocity = np.array([0.5, 0.0, 0.0], dtype=np.float32)
    for _ in range(50):
        state = simulation.state()
        planned, asked = (walker.tick(state, velocity).positions[0] for walker in (prior, expert))
        np.testing.assert_array_equal(planned, asked)
        command = JointCommand(stamp_ns=state.stamp_ns, position=planned)
        simulation.apply(command)
        for walker in (prior, expert):
            walker.note_executed(command, state.joint_pos)
        simulation.step()
