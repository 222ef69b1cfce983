"""A belief that explains the walks: simulated robots that have it are identified the same."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from simdist_ros.adaptation import indirect_inference as inferring
from simdist_ros.adaptation.believed_robot import Behaviour
from simdist_ros.adaptation.believed_walks import BatchWalks
from simdist_ros.adaptation.indirect_inference import (
    explaining,
    fall_share,
    goals_of,
    identified_in_simulation,
    refined,
)
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.observation_terms import proprio_obs_dim, term_slice
from simdist_ros.pretraining.expert.networks import belief_space
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.world_model.expert import Expert

TRUTH = np.array([1.6, 0.0, -0.8, 0.3])
MIXED = np.array([[0.5, 0, 0, 0], [0, 0.9, 0, 0], [0.1, 0, 0.6, 0], [0, 0, 0.2, 0.8]])


def shrinking(candidates):
    """An identifier that tells too little and takes one fault for a bit of another."""
    return candidates @ MIXED.T, np.zeros(len(candidates))


def test_the_bias_of_an_identifier_is_undone():
    identified = MIXED @ TRUTH
    said = []
    found = explaining(identified, shrinking, 0.0, 12, said.append)
    assert np.linalg.norm(found - TRUTH) < 0.1 * np.linalg.norm(identified - TRUTH)
    (line,) = said
    first, best = line.split('with what')
    assert f'an error of {np.linalg.norm(identified - MIXED @ identified):.2f}; ' in first
    assert '0.0' in best


def test_where_all_candidates_go_too_far_the_way_is_shortened():
    """An identifier that tells ten times too much; a quarter of the way overshoots."""

    def loud(candidates):
        return 10.0 * candidates, np.zeros(len(candidates))

    found = explaining(np.array([1.0]), loud, 0.0, 12, print)
    assert found == pytest.approx([0.1], abs=0.02)


def test_what_explains_the_walks_already_stays():
    def exact(candidates):
        return candidates.copy(), np.zeros(len(candidates))

    np.testing.assert_array_equal(explaining(TRUTH, exact, 0.0, 5, print), TRUTH)


def test_robots_that_fall_as_often_as_the_real_one_explain_it_better():
    """Both identify alike; beyond 1.2 they fall, and so did the real one or not."""

    def insensitive(candidates):
        return np.ones_like(candidates), (candidates[:, 0] > 1.2).astype(float)

    start = np.array([1.0])
    assert explaining(start, insensitive, 0.0, 1, print)[0] <= 1.2
    assert explaining(start, insensitive, 1.0, 1, print)[0] > 1.2


def test_where_nobody_can_be_identified_the_belief_stays():
    def nothing(candidates):
        return np.full(candidates.shape, np.nan), np.ones(len(candidates))

    np.testing.assert_array_equal(explaining(TRUTH, nothing, 0.0, 5, print), TRUTH)


def test_candidates_stay_within_what_experts_are_trained_with():
    seen = []

    def spy(candidates):
        seen.append(candidates)
        return 0.1 * candidates, np.zeros(len(candidates))

    explaining(np.array([2.5, -2.5]), spy, 0.0, 6, print)
    assert np.abs(np.concatenate(seen)).max() == 3.0


def walk_of(commands, terminated, robot=0):
    """One episode of a walk, as windows hold it."""
    commands = np.asarray(commands, dtype=np.float32)
    table = SimpleNamespace(
        state=np.array([0]),
        num_steps=np.array([len(commands)]),
        shard=np.array([robot]),
        terminated=np.array([terminated]),
    )
    table.take = lambda index: table
    read = lambda name, shard, rows: {'commands': commands}[name][rows]  # noqa: E731
    return SimpleNamespace(table=table, read=read), 0


def test_goals_are_those_of_the_walks_over_time():
    slow, fast = [[0.5, 0.0, 0.0]] * 40, [[1.0, 0.0, 0.2]] * 20
    found = goals_of([walk_of(slow, False), walk_of(fast, False)])
    np.testing.assert_allclose(found, [*slow[:4], *fast[:2]], rtol=1e-6)
    found = goals_of([walk_of(fast[:4], False), walk_of(slow, False), walk_of(fast[:16], False)])
    np.testing.assert_allclose(found, [*slow[:4], *fast[:2]], rtol=1e-6)


def test_the_share_of_falls_is_that_of_walks_as_long():
    walks = [walk_of([[0.0]] * 100, True), walk_of([[0.0]] * 300, False)]
    assert fall_share(walks, 400.0) == pytest.approx(1.0 - math.exp(-1.0))
    assert fall_share(walks, 4.0) == pytest.approx(0.01, rel=0.01)
    assert fall_share([walk_of([[0.0]] * 100, False)], 400.0) == 0.0


def test_each_robot_of_a_batch_has_its_own_belief(robot, recipe):
    space = belief_space(robot, recipe)
    beliefs = np.zeros((3, space.size))
    beliefs[1, 0], beliefs[2, 0] = 0.5, 1.0
    known = KnownRobots(space=space, belief=beliefs)
    drawn = known.draw(np.array([2, 0, 1]), np.random.default_rng(0))
    np.testing.assert_allclose(drawn['joint_strength'][:, 0], [0.5, 1.0, 0.75])
    lag = space.names.index('lag')
    beliefs[1, lag] = 1.0
    assert known.most_lag_steps == 2


def test_what_robots_log_is_what_they_saw_and_did(robot, recipe, believer):
    space = belief_space(robot, recipe)
    limp = np.zeros((2, space.size))
    limp[1, :12] = 2.0  # without torque it falls at once
    walks = BatchWalks(
        robot,
        recipe,
        KnownRobots(space=space, belief=limp),
        [np.array([0.5, 0.0, 0.0])],
        num_robots=2,
        seconds=1.0,
        seed=1,
    )
    logged, lasted = walks.log(believer.expert.network, None)
    size = proprio_obs_dim(robot)
    assert logged.shape == (2, walks.num_steps, size + robot.num_joints)
    assert lasted[0] == walks.num_steps
    assert lasted[1] < walks.num_steps
    np.testing.assert_allclose(logged[:, -1, size:], walks.env.executed, rtol=1e-6)
    phase = logged[0, :, term_slice(robot, 'cos_sin_phase')]
    np.testing.assert_allclose(np.linalg.norm(phase, axis=1), 1.0, atol=1e-5)
    before = logged[0, 0, :size]
    walks.begin()
    np.testing.assert_array_equal(before, walks.env.observation.proprio_obs[0])


def test_a_weaker_robot_is_identified_as_weaker_and_falls_more(robot, believer):
    size = believer.identifier.belief_dim
    candidates = np.zeros((3, size))
    candidates[1, :12], candidates[2, :12] = 1.4, 2.0  # 0.3 and none of the torque
    walker = Behaviour(believer.expert, None)
    goals = np.array([[0.5, 0.0, 0.0]] * 6)
    found, fell = identified_in_simulation(candidates, believer.identifier, walker, robot, goals)
    assert found[0, :12].mean() < 0.15 < 0.3 < found[1, :12].mean()
    assert fell[0] < 0.2
    assert fell[2] == 1.0
    assert np.isnan(found[2]).all()  # what lies on the ground is not looked at


def test_robots_walk_with_who_acted_and_what_it_was_told(robot, believer, monkeypatch):
    seen = []

    class Spy(BatchWalks):
        def __init__(self, *arguments, plan_delay_steps, **named):
            seen.append(plan_delay_steps)
            super().__init__(*arguments, plan_delay_steps=plan_delay_steps, **named)

        def log(self, network, told, doubt):
            seen.append((network, told, self.asked))
            n, size = self.env.num_robots, self.env.observation.proprio_obs.shape[1]
            return np.zeros((n, 1, size + 12), np.float32), np.zeros(n, int)

    monkeypatch.setattr(inferring, 'BatchWalks', Spy)
    belief = torch.linspace(-1.0, 1.0, believer.identifier.belief_dim)
    late = Expert(believer.expert.network, believer.expert.content, 1)
    goals = np.linspace([0.1, 0.0, 0.0], [0.6, 0.0, 0.0], 6)
    arguments = (np.zeros((2, len(belief))), believer.identifier)
    found, fell = identified_in_simulation(*arguments, Behaviour(late, belief), robot, goals)
    assert seen[0] == 1
    assert seen[1][0] is late.network
    np.testing.assert_array_equal(seen[1][1], belief.numpy())
    np.testing.assert_array_equal(seen[1][2], [*goals, *goals])
    assert np.isnan(found).all()
    assert fell.tolist() == [1.0, 1.0]


def test_candidates_walk_as_the_real_one_did(robot, believer, monkeypatch):
    """Asked for the same, and expected to fall as often in walks as long."""
    seen = []

    def walk(candidates, identifier, walker, robot, goals):
        seen.append(goals)
        return np.array(candidates), np.zeros(len(candidates))

    def explain(belief, identify_as, fell, rounds, say):
        identify_as(belief[None])
        seen.append((fell, rounds))
        return belief + 1.0

    monkeypatch.setattr(inferring, 'identified_in_simulation', walk)
    monkeypatch.setattr(inferring, 'explaining', explain)
    walks, _ = walk_of([[0.5, 0.0, 0.0]] * 200, True)
    walks.table.step = np.array([0])
    belief = torch.zeros(believer.identifier.belief_dim)
    found = refined(
        belief,
        believer.identifier,
        Behaviour(believer.expert, None),
        robot,
        [walks],
        newest=200,
        rounds=3,
        say=print,
    )
    np.testing.assert_allclose(seen[0], [[0.5, 0.0, 0.0]] * 6)
    assert seen[1] == (pytest.approx(1.0 - math.exp(-2.0)), 3)  # 400 steps each; 1 fall in 200
    assert found.tolist() == [1.0] * len(belief)


@pytest.mark.parametrize('rounds', [0, 2])
def test_without_rounds_or_simulator_the_belief_is_what_the_identifier_tells(
    robot, believer, monkeypatch, rounds
):
    def refuse(*_):
        raise ConfigError('no.xml is not there')

    monkeypatch.setattr(
        'simdist_ros.adaptation.indirect_inference.identified_in_simulation', refuse
    )
    belief, said = torch.full((believer.identifier.belief_dim,), 0.3), []
    walks, _ = walk_of([[0.5, 0.0, 0.0]] * 60, False)
    walks.table.step = np.array([0])
    found = refined(
        belief,
        believer.identifier,
        Behaviour(believer.expert, None),
        robot,
        [walks],
        newest=100,
        rounds=rounds,
        say=said.append,
    )
    assert torch.equal(found, belief)
    assert len(said) == (1 if rounds else 0)
    assert not rounds or 'no.xml' in said[0]
