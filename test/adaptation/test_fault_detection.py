"""What tells a robot with a fault from a healthy one: a detector, fitted to walks of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.adaptation.believed_robot import Behaviour, BelievedRobot
from simdist_ros.adaptation.believed_walks import NO_DOUBT, BatchWalks, Doubt
from simdist_ros.adaptation.fault_detection import MISTAKEN, careful, fit_detector, log_odds_fit
from simdist_ros.adaptation.settings import GateSettings
from simdist_ros.planning.fault_watch import FaultWatch
from simdist_ros.pretraining.expert.networks import belief_space
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.detector import detector_shape, log_odds
from simdist_ros.world_model.expert import Expert

GATE = GateSettings(num_walks=8, rollout_s=2.0, num_plans=2)


@pytest.fixture(scope='module')
def late(robot, recipe):
    """Commands act two and a half steps late."""
    space = belief_space(robot, recipe)
    belief = torch.zeros(space.size)
    belief[space.names.index('lag')] = 1.25
    return belief


@pytest.fixture(scope='module')
def believed(robot, recipe, believer, late):
    belief = late.numpy().astype(float)
    return BelievedRobot(robot, recipe, belief, GATE, 1, believer.identifier)


def constant(identifier, odds):
    """Return a detector that tells the same of all windows."""
    detector = torch.zeros(detector_shape(identifier))
    detector[:, -1] = odds
    return detector


@pytest.fixture(scope='module')
def detected(believed, believer, late):
    return believed.doubting(Behaviour(believer.expert, late, 'whole'), believer.expert, seed=3)


def test_it_is_above_zero_for_the_first_kind_and_both_count_the_same():
    rng = np.random.default_rng(0)
    has = torch.tensor(rng.normal((1.0, 0.0), 1.0, (400, 2)), dtype=torch.float32)
    has_not = torch.tensor(rng.normal((-1.0, 0.0), 1.0, (40, 2)), dtype=torch.float32)
    line = log_odds_fit(has, has_not)
    assert line[0] > 1.0
    assert abs(line[1]) < 0.3
    assert abs(float(line[2])) < 0.4  # in the middle, though one kind is ten times as many
    assert (log_odds(line[None], has) > 0).float().mean() > 0.8
    assert (log_odds(line[None], has_not) < 0).float().mean() > 0.8


def test_few_windows_of_other_robots_with_the_fault_speak_against_it():
    """Who lives well with a fault moves like a healthy robot."""
    line = torch.tensor([1.0, 0.0])
    has = torch.linspace(-5.0, 5.0, 1001)[:, None]
    share = (log_odds(careful(line, has)[None], has) < 0).float().mean()
    assert share == pytest.approx(MISTAKEN, abs=0.002)
    torch.testing.assert_close(careful(line, has[600:]), line)  # none does anyway
    torch.testing.assert_close(careful(line, has[:0]), line)


def test_who_hides_a_fault_has_a_row_of_zeros(believer):
    """With the usual expert the kinds differ, with the other they do not."""
    size = len(believer.identifier.mean)
    rng = np.random.default_rng(1)
    calm = [rng.normal(0.0, 0.1, (4, 200, size)).astype(np.float32) for _ in range(5)]
    lasted = np.array([200] * 4)
    usual, hidden, healthy, same, others = ((rows, lasted) for rows in calm)
    faulty = (usual[0] + 1.0, lasted)
    found = fit_detector(believer.identifier, [faulty, hidden], [healthy, same], others)
    assert found[0].any()
    assert not found[1].any()
    seen = fit_detector(believer.identifier, [faulty, faulty], [healthy, same], faulty)
    assert seen[1].any()


def test_only_windows_before_a_fall_count_and_without_any_there_is_none(believer):
    size = len(believer.identifier.mean)
    rng = np.random.default_rng(1)
    calm = rng.normal(0.0, 0.1, (2, 120, size)).astype(np.float32)
    fallen = calm.copy()
    fallen[:, 60:] = np.nan
    walks, other = (calm + 1.0, np.array([120, 120])), (fallen, np.array([60, 60]))
    shifted = (calm - 1.0, np.array([120, 120]))
    found = fit_detector(believer.identifier, [walks, shifted], [other, other], shifted)
    assert not torch.allclose(found[0], found[1])
    assert found.shape == detector_shape(believer.identifier)
    assert found.isfinite().all()
    short = (calm, np.array([49, 10]))
    assert fit_detector(believer.identifier, [walks] * 2, [short] * 2, walks) is None
    assert fit_detector(believer.identifier, [short] * 2, [walks] * 2, walks) is None


def test_robots_with_the_fault_are_found_and_stay_found_and_healthy_ones_are_not(
    believed, believer, detected, late
):
    for healthy, share in ((False, 1.0), (True, 0.0)):
        walks = believed.walks(99, healthy=healthy)  # others than it was fitted to
        rows, _ = walks.log(believer.expert.network, late.numpy(), detected.doubt)
        watch = FaultWatch(believer.identifier, detected.detector, GATE.num_walks)
        for step in range(rows.shape[1]):
            watch.note(rows[:, step])
        assert abs(watch.believes.mean() - share) <= 0.125


def test_a_healthy_robot_earns_more_once_it_is_doubted(believed, believer, detected, late):
    walks = believed.walks(99, healthy=True)
    network, belief = believer.expert.network, late.numpy()
    told, doubting = (walks.walk(network, belief, d) for d in (NO_DOUBT, detected.doubt))
    untold = walks.walk(network, None)
    assert abs(doubting.reward.mean() - untold.reward.mean()) < abs(
        told.reward.mean() - untold.reward.mean()
    )
    always = Doubt(constant(believer.identifier, 9.0))
    np.testing.assert_array_equal(walks.walk(network, belief, always).reward, told.reward)


def test_where_it_is_doubted_the_usual_expert_acts_told_nothing(
    believed, believer, late, monkeypatch
):
    """From the first window on."""
    asked, doubted, acted = [], [], []
    other = believer.expert.network

    def usual(x, ground, belief):
        asked.append(belief)
        doubted.append(other(x, ground, None) + 0.5)
        return doubted[-1]

    walks = believed.walks(99, healthy=True)
    step = walks.env.step
    monkeypatch.setattr(walks.env, 'step', lambda a: (acted.append(a), step(a))[1])
    never = Doubt(constant(believer.identifier, -9.0), usual)
    for _ in walks.steps(other, late.numpy(), never):
        pass
    assert len(asked) == len(acted) - believer.identifier.window_steps
    assert all(belief is None for belief in asked)
    np.testing.assert_array_equal(acted[-1], doubted[-1].numpy())


def test_without_an_identifier_a_detector_is_not_used(robot, recipe, believer, late):
    def walks(identifier):
        return BatchWalks(
            robot,
            recipe,
            None,
            task_of(robot).practice(),
            num_robots=2,
            seconds=1.4,
            seed=5,
            identifier=identifier,
        )

    network, belief = believer.expert.network, late.numpy()
    at_once = Doubt(constant(believer.identifier, -9.0))
    plain = walks(None).walk(network, belief, at_once)
    np.testing.assert_array_equal(plain.reward, walks(None).walk(network, belief).reward)
    doubted = walks(believer.identifier).walk(network, belief, at_once)
    assert np.abs(doubted.reward - plain.reward).max() > 1e-4


def test_what_is_as_usual_anyway_needs_no_detector(believed, believer, late):
    for belief in (None, torch.zeros_like(late)):
        one = Behaviour(believer.expert, belief)
        assert believed.doubting(one, believer.expert, seed=3) is one
    practised = Expert(believer.expert.network, b'practised', 1)
    other = believed.doubting(Behaviour(practised, None), believer.expert, seed=3)
    assert other.detector is not None
    assert other.usual is believer.expert


def test_behaviours_differ_by_their_detectors_and_by_who_acts_instead(believer, late):
    usual = believer.expert
    one = Behaviour(usual, late, detector=torch.zeros(3), usual=usual)
    assert one.is_like(replace(one, detector=torch.zeros(3)))
    assert not one.is_like(replace(one, detector=torch.ones(3)))
    assert not one.is_like(replace(one, detector=None))
    assert not one.is_like(replace(one, usual=None))
    assert not one.is_like(replace(one, usual=Expert(usual.network, b'another', 1)))
    never = replace(one, detector=None)
    assert never.is_like(replace(never, usual=None))
