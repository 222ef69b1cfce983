"""The gate lets through what is better on other episodes, and nothing else."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.adaptation import gate
from simdist_ros.adaptation.adapt import data_of_episodes, windows_of
from simdist_ros.adaptation.finetune import finetune
from simdist_ros.adaptation.gate import GateData, check_reference, judge
from simdist_ros.adaptation.intervals import jackknife, mean_interval, rank_correlation
from simdist_ros.adaptation.outcomes import expected_returns, recorded_outcomes
from simdist_ros.adaptation.prediction import predict
from simdist_ros.adaptation.recorded_plans import RecordedPlans, plan_recorded
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.transitions.replay import HeldEpisodes

from .conftest import lived

QUICK = FinetuneSettings(max_steps=60, validation_interval=20, batch_size=16, dynamics_rate=3e-3)
GATE = GateSettings(num_plans=3, max_rank_loss=2.0)


@pytest.fixture
def data(episodes, architecture):
    return data_of_episodes(episodes, episodes.numbers, architecture)


@pytest.fixture
def better(model, data):
    return finetune(model, data.finetune, QUICK).model


def failed(verdict):
    return [check.name for check in verdict.checks if not check.passed]


def test_a_better_candidate_is_accepted_and_its_figures_say_why(model, better, robot, data):
    verdict = judge(model, better, robot, data.gate, GATE)
    assert verdict.accepted, verdict.reason
    assert verdict.figures['error_after'] < verdict.figures['error_before']
    assert verdict.figures['error_factor_high'] < 1.0
    assert verdict.reason.startswith('accepted: held-out error ')
    assert verdict.as_plain()['checks'].keys() == {'error', 'reference', 'plans', 'ranks'}


def test_a_candidate_that_is_the_same_is_refused(model, robot, data):
    verdict = judge(model, copy.deepcopy(model), robot, data.gate, GATE)
    assert failed(verdict) == ['error']
    assert verdict.reason.startswith('refused: held-out error ')


def test_a_worse_candidate_is_refused(model, better, robot, data):
    assert 'error' in failed(judge(better, model, robot, data.gate, GATE))


def test_a_gain_that_is_not_beyond_doubt_is_refused(model, robot, data, monkeypatch):
    def told(old, new):
        found = iter((old, new))
        monkeypatch.setattr(gate, 'predict', lambda *_: ByEpisode(next(found)))
        return gate.check_error(model, model, data.gate.judge, GATE, 'latent')

    doubtful = told([1.0, 1.0, 1.0], [0.9, 0.5, 1.1])
    assert doubtful.figures['error_factor'] < 1.0 < doubtful.figures['error_factor_high']
    assert not doubtful.passed
    assert 'not beyond doubt' in doubtful.sentence
    assert told([1.0, 1.0, 1.0], [0.9, 0.8, 0.85]).passed


class ByEpisode:
    """A prediction with given errors."""

    def __init__(self, errors):
        self.errors = errors

    def by_episode(self, kind):
        return np.array(self.errors)


@pytest.mark.parametrize(
    ('old', 'new', 'passed'),
    [
        ((5, 0, 0.0), (5, 0, 0.05), True),
        ((5, 0, 0.0), (5, 0, 0.06), False),
        ((5, 0, 0.4), (5, 0, 0.42), True),
        ((5, 1, 0.0), (5, 1, 0.0), False),
        ((5, 1, 0.0), (5, 0, 0.0), True),
    ],
)
def test_plans_that_fail_or_leave_the_limits_more_often_are_refused(
    model, robot, data, monkeypatch, old, new, passed
):
    found = iter((RecordedPlans(*old), RecordedPlans(*new)))
    monkeypatch.setattr(gate, 'plan_recorded', lambda *_: next(found))
    settings = replace(GATE, max_beyond_limits=0.05)
    assert gate.check_plans(model, model, robot, data.gate.judge, settings, 0).passed is passed


@pytest.mark.parametrize('action', [-40.0, 40.0])
def test_joint_targets_below_and_above_the_limits_count(model, robot, data, action):
    model.normalizer.action_low.fill_(action - 1.0)
    model.normalizer.action_high.fill_(action + 1.0)
    assert plan_recorded(model, robot, data.gate.judge, 2, 0).beyond_limits == 1.0


def test_returns_that_are_all_alike_are_refused(monkeypatch, model, robot, data):
    windows = data.gate.judge
    outcomes = expected_returns(model, windows, 1000)
    dull = copy.deepcopy(model)
    with torch.no_grad():
        dull.heads.reward_head.output.weight.zero_()
    assert not ranked(monkeypatch, outcomes, model, dull, robot, windows)


def test_one_episode_is_too_few_to_judge_by(model, better, robot, architecture, episodes):
    data = GateData(judge=windows_of(episodes, np.array([0]), architecture))
    verdict = judge(model, better, robot, data, GATE)
    assert failed(verdict) == ['error']
    assert 'too few for an interval: record more' in verdict.reason


def test_forgetting_more_than_allowed_is_refused(model, better, robot, data):
    reference = data.gate.judge  # here `model` knows less than `better`
    old, new = (np.mean(predict(m, reference, 2000).by_step()) for m in (better, model))
    rise = new / old - 1.0
    assert rise > 0.02
    for allowed, passed in ((rise + 0.01, True), (rise - 0.01, False)):
        settings = replace(GATE, max_forgetting=allowed)
        check = check_reference(better, model, reference, settings, 'latent')
        assert check.passed is passed
        assert f'({100 * rise:+.1f} %, allowed' in check.sentence
    gate_data = replace(data.gate, reference=reference)
    assert 'reference' in failed(judge(better, model, robot, gate_data, settings))


def test_one_prediction_that_is_not_finite_is_an_infinite_error(model, data, monkeypatch):
    predicted = model.predict

    def broken(memory, actions):
        latents = predicted(memory, actions).clone()
        latents[0, 1] = torch.nan
        return latents

    monkeypatch.setattr(model, 'predict', broken)
    errors = predict(model, data.gate.judge, 200)
    assert np.isfinite(errors.by_step()).tolist() == [True, False, True, True]
    assert errors.by_episode()[0] == math.inf


def test_without_reference_data_it_says_that_it_did_not_look(model, better, robot, data):
    checks = {c.name: c for c in judge(model, better, robot, data.gate, GATE).checks}
    assert checks['reference'].sentence == ('no reference data, so forgetting was not looked at')


def test_plans_that_are_not_finite_are_refused(model, better, robot, data):
    with torch.no_grad():
        better.dynamics.action.position[-1] = torch.nan
    verdict = judge(model, better, robot, data.gate, GATE)
    assert not verdict.accepted
    assert {'error', 'plans'} <= set(failed(verdict))
    assert all(math.isfinite(value) for value in verdict.figures.values())


def test_plans_beyond_the_joints_more_often_than_before_are_refused(model, better, robot, data):
    better.normalizer.action_low.fill_(-40.0)
    better.normalizer.action_high.fill_(-30.0)
    assert 'plans' in failed(judge(model, better, robot, data.gate, GATE))


@pytest.fixture
def turned(model):
    """The model, expecting most where it expected least."""
    turned = copy.deepcopy(model)
    with torch.no_grad():
        turned.heads.reward_head.output.weight.neg_()
        turned.heads.reward_head.output.bias.neg_()
    return turned


def ranked(monkeypatch, outcomes, before, candidate, robot, windows):
    """Tell whether the candidate is let through, where this is what happened."""
    monkeypatch.setattr(gate, 'recorded_outcomes', lambda *_: outcomes)
    settings = replace(GATE, max_rank_loss=0.1)
    return gate.check_ranks(before, candidate, robot, windows, settings).passed


def test_returns_that_no_longer_rank_what_happened_are_refused(
    monkeypatch, model, turned, robot, data
):
    windows = data.gate.judge
    outcomes = expected_returns(model, windows, 1000)
    assert len(recorded_outcomes(robot, windows, 1000)) == len(outcomes) == len(windows)
    assert not ranked(monkeypatch, outcomes, model, turned, robot, windows)
    assert ranked(monkeypatch, outcomes, turned, model, robot, windows)
    assert ranked(monkeypatch, np.ones(len(outcomes)), model, turned, robot, windows)


def test_a_loss_of_rank_that_hangs_on_single_episodes_is_no_reason(
    monkeypatch, model, turned, robot, data
):
    windows = data.gate.judge
    outcomes = expected_returns(model, windows, 1000)
    episodes = windows.episode_of(np.arange(len(windows)))
    last = episodes == episodes.max()
    outcomes[last] = expected_returns(turned, windows, 1000)[last]
    assert ranked(monkeypatch, outcomes, model, turned, robot, windows)


def test_the_jackknife_of_a_mean_is_its_interval():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found = jackknife(lambda kept: float(values[kept].mean()), np.arange(4))
    expected = mean_interval(values)
    assert (found.mean, found.low, found.high) == pytest.approx(
        (expected.mean, expected.low, expected.high)
    )
    assert jackknife(lambda kept: 0.5, np.zeros(4)).low == -math.inf


def test_an_outcome_is_how_well_the_command_was_followed(robot, architecture):
    episode = lived(0)
    episode.proprio_obs[:, 0], episode.proprio_obs[:, 1] = 0.5, 0.0  # exactly as asked for
    slower = replace(episode, proprio_obs=episode.proprio_obs.copy())
    slower.proprio_obs[:, 0] = 0.1  # 0.4 m/s too slow
    fallen = replace(episode, terminated=True)
    held = HeldEpisodes((episode, slower, fallen))
    for place, expected in ((0, 1.0), (1, math.exp(-1.0))):
        windows = windows_of(held, np.array([place]), architecture)
        np.testing.assert_allclose(recorded_outcomes(robot, windows, 1000), expected, rtol=1e-5)
    windows = windows_of(held, np.array([2]), architecture)
    np.testing.assert_allclose(recorded_outcomes(robot, windows, 1000)[-2:], [0.5, 0.25])


def test_intervals_are_students():
    found = mean_interval(np.array([1.0, 2.0, 3.0]))
    assert found.mean == 2.0
    assert found.high - 2.0 == pytest.approx(4.303 / math.sqrt(3.0))
    assert mean_interval(np.array([5.0])).high == math.inf
    many = mean_interval(np.array([0.0, 1.0] * 20))
    assert many.high - many.mean == pytest.approx(
        2.0227 * math.sqrt(10 / 39) / math.sqrt(40), 1e-3
    )


def test_rank_correlation_sees_order_alone_and_ties():
    assert rank_correlation(np.array([1.0, 5.0, 9.0]), np.array([0.1, 0.2, 90.0])) == 1.0
    assert rank_correlation(np.array([1.0, 5.0, 9.0]), np.array([3.0, 2.0, 1.0])) == -1.0
    assert rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([1.0, 1.0, 7.0])) == (
        pytest.approx(1.0)
    )
    assert math.isnan(rank_correlation(np.array([1.0, 2.0]), np.array([3.0, 3.0])))
