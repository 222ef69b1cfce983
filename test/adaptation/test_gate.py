"""The gate lets through what is better on other episodes, and nothing else."""

from __future__ import annotations

import copy
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.adaptation import adapt as adapt_module
from simdist_ros.adaptation import gate
from simdist_ros.adaptation.adapt import adapt, data_of_episodes, original_model
from simdist_ros.adaptation.finetune import FinetuneResult, finetune
from simdist_ros.adaptation.gate import (
    GateData,
    check_falls,
    check_ranks,
    check_reference,
    judge,
    merit,
)
from simdist_ros.adaptation.recorded_plans import RecordedPlans, plan_recorded
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.evaluation.intervals import jackknife, mean_interval, rank_correlation
from simdist_ros.evaluation.outcomes import (
    expected_returns,
    recorded_falls,
    recorded_following,
    recorded_outcomes,
)
from simdist_ros.evaluation.prediction import predict
from simdist_ros.planning.backends.torch_backend import TorchBackend
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.world_model.context_windows import tensor
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model

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
    assert verdict.as_plain()['checks'].keys() == {
        'error',
        'reference',
        'plans',
        'ranks',
        'falls',
    }


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
    assert 'not significant' in doubtful.sentence
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


def test_returns_that_are_all_alike_are_refused(model, data):
    windows = data.gate.judge
    outcomes = expected_returns(model, windows, 1000)
    dull = copy.deepcopy(model)
    with torch.no_grad():
        dull.heads.reward_head.output.weight.zero_()
        dull.heads.value_head.output.weight.zero_()
    assert not ranked(outcomes, model, dull, windows)


def test_a_cloned_policy_is_judged_by_its_actions(parent, robot, data):
    settings = replace(QUICK, method='policy', policy_rate=3e-3)
    found = adapt(parent, robot, data, settings, GATE)
    error, *_ = found.verdict.checks
    old, new = (
        predict(m, data.gate.judge, GATE.num_windows, 'action').by_episode('action').mean()
        for m in (parent.model, found.result.model)
    )
    assert error.figures['error_before'] == pytest.approx(old)
    assert error.figures['error_after'] == pytest.approx(new)
    assert error.passed
    by_latents = judge(parent.model, found.result.model, robot, data.gate, GATE)
    assert failed(by_latents) == ['error']  # which cloning does not change


def test_falls_are_counted_by_their_episodes_where_only_some_windows_are_looked_at(
    model, better, robot, architecture
):
    held = InMemoryEpisodes(tuple(replace(lived(n), terminated=n < 23) for n in range(20, 26)))
    windows = windows_of(held, np.arange(6), architecture)
    most = len(windows) // 3
    verdict = judge(model, better, robot, GateData(judge=windows), replace(GATE, num_windows=most))
    assert verdict.figures['judge_falls'] == 3


def test_one_episode_is_too_few_to_judge_by(model, better, robot, architecture, episodes):
    data = GateData(judge=windows_of(episodes, np.array([0]), architecture))
    verdict = judge(model, better, robot, data, GATE)
    assert failed(verdict) == ['error']
    assert 'too few for an interval: record more' in verdict.reason


def test_forgetting_more_than_allowed_is_refused(model, better, robot, data):
    reference = data.gate.judge  # here `model` knows less than `better`
    old, new = (predict(m, reference, 2000).by_episode() for m in (better, model))
    most = mean_interval(np.log(new / old)).exp().high - 1.0
    gate_data = replace(data.gate, reference=reference)
    assert most > 0.02
    for allowed, passed in ((most + 0.01, True), (most - 0.01, False)):
        settings = replace(GATE, max_forgetting=allowed)
        check = check_reference(better, model, gate_data, settings, 'latent')
        assert check.passed is passed
        assert f'{1.0 + most:.3f}, allowed {1.0 + allowed:.3f})' in check.sentence
    assert 'reference' in failed(judge(better, model, robot, gate_data, settings))


@pytest.mark.parametrize(
    ('new', 'passed'),
    [
        ([1.0, 1.02, 1.04], True),
        ([0.7, 1.0, 1.3], False),  # as good on average
        ([0.1, 0.1, 0.1], True),
        ([1.0, 1.0, math.inf], False),
        ([1.0], False),
    ],
)
def test_forgetting_is_judged_by_the_upper_end_of_its_interval(
    model, data, monkeypatch, new, passed
):
    found = iter(([1.0] * len(new), new))
    monkeypatch.setattr(gate, 'predict', lambda *_: ByEpisode(next(found)))
    reference = replace(data.gate, reference=data.gate.judge)
    check = check_reference(model, model, reference, GATE, 'latent')
    assert check.passed is passed
    assert ('too few for an interval' in check.sentence) is (len(new) < 2)


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
    assert checks['reference'].sentence == (
        'no reference data (none was given): forgetting was not measured'
    )


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
        for head in (turned.heads.reward_head, turned.heads.value_head):
            head.output.weight.neg_()
            head.output.bias.neg_()
    return turned


def ranked(outcomes, before, candidate, windows):
    """Tell whether the candidate is let through, where this is what happened."""
    returns = tuple(expected_returns(one, windows, 1000) for one in (before, candidate))
    episodes = windows.episode_of(np.arange(len(windows)))
    return check_ranks(returns, outcomes, episodes, replace(GATE, max_rank_loss=0.1)).passed


def test_returns_that_no_longer_rank_what_happened_are_refused(model, turned, robot, data):
    windows = data.gate.judge
    outcomes = expected_returns(model, windows, 1000)
    assert len(recorded_outcomes(robot, windows, 1000)) == len(outcomes) == len(windows)
    assert not ranked(outcomes, model, turned, windows)
    assert ranked(outcomes, turned, model, windows)
    assert ranked(np.ones(len(outcomes)), model, turned, windows)


def test_a_loss_of_rank_that_hangs_on_single_episodes_is_no_reason(model, turned, data):
    windows = data.gate.judge
    outcomes = expected_returns(model, windows, 1000)
    episodes = windows.episode_of(np.arange(len(windows)))
    last = episodes == episodes.max()
    outcomes[last] = expected_returns(turned, windows, 1000)[last]
    assert ranked(outcomes, model, turned, windows)


def test_the_jackknife_of_a_mean_is_its_interval():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found = jackknife(lambda kept: float(values[kept].mean()), np.arange(4))
    expected = mean_interval(values)
    assert (found.mean, found.low, found.high) == pytest.approx(
        (expected.mean, expected.low, expected.high)
    )
    assert jackknife(lambda kept: 0.5, np.zeros(4)).low == -math.inf


def test_following_is_how_near_the_velocity_is_to_the_command(robot, architecture):
    episode = lived(0)
    episode.proprio_obs[:, 0], episode.proprio_obs[:, 1] = 0.5, 0.0  # exactly as asked for
    slower = replace(episode, proprio_obs=episode.proprio_obs.copy())
    slower.proprio_obs[:, 0] = 0.1  # 0.4 m/s too slow
    fallen = replace(episode, terminated=True)
    held = InMemoryEpisodes((episode, slower, fallen))
    for place, expected in ((0, 1.0), (1, math.exp(-1.0))):
        windows = windows_of(held, np.array([place]), architecture)
        np.testing.assert_allclose(recorded_following(robot, windows, 1000), expected, rtol=1e-5)
    windows = windows_of(held, np.array([2]), architecture)
    np.testing.assert_allclose(recorded_following(robot, windows, 1000)[-2:], [0.5, 0.25])


def test_a_fall_is_worth_less_than_any_walk_and_less_the_sooner_it_comes(robot, architecture):
    fallen = replace(lived(0), terminated=True)
    fallen.proprio_obs[:, :2], fallen.proprio_obs[:, 6:9] = (0.5, 0.0), (0.0, 0.0, -1.0)
    windows = windows_of(InMemoryEpisodes((fallen,)), np.array([0]), architecture)
    outcomes = recorded_outcomes(robot, windows, 1000)
    np.testing.assert_allclose(outcomes[-5:], [1.0, -0.25, -0.5, -0.75, -1.0], rtol=1e-5)
    assert recorded_falls(windows, 1000).tolist() == [False] * (len(windows) - 4) + [True] * 4
    walked = InMemoryEpisodes((replace(fallen, terminated=False),))
    walked = windows_of(walked, np.array([0]), architecture)
    assert not recorded_falls(walked, 1000).any()
    np.testing.assert_allclose(recorded_outcomes(robot, walked, 1000), 1.0, rtol=1e-5)


@pytest.mark.parametrize('share', [0.0, 0.5, 1.0, 1.2])
@pytest.mark.parametrize('axis', [0, 1])
def test_the_nearer_a_tilt_is_to_a_fall_the_less_a_walk_is_worth(robot, architecture, share, axis):
    robot = replace(robot, max_tilt_rad=0.6)
    episode, angle = lived(0), share * robot.max_tilt_rad
    gravity = [0.0, 0.0, -math.cos(angle)]
    gravity[axis] = math.sin(angle)
    episode.proprio_obs[:, :2], episode.proprio_obs[:, 6:9] = (0.5, 0.0), gravity
    windows = windows_of(InMemoryEpisodes((episode,)), np.array([0]), architecture)
    found = recorded_outcomes(robot, windows, 1000)
    np.testing.assert_allclose(found, max(0.0, 1.0 - share**2), atol=1e-5)
    np.testing.assert_allclose(recorded_following(robot, windows, 1000), 1.0, rtol=1e-5)


def test_the_gate_scores_executed_actions_as_the_planner_does(model, data):
    windows = data.gate.judge
    taken = windows.gather(np.array([0]))
    with torch.inference_mode():
        backend = TorchBackend(model)
        past = (taken.proprio_obs[:, :4], taken.actions[:, :3], taken.extero_obs)
        backend.observe(*map(tensor, past), tensor(taken.commands))
        backend.remember()
        planned = backend.score(tensor(taken.actions[:, 3:]), MppiSettings().gamma)
    assert expected_returns(model, windows, 1000)[0] == pytest.approx(float(planned), rel=1e-4)
    more = copy.deepcopy(model)
    with torch.no_grad():
        more.heads.value_head.output.bias.add_(1.0)
    gain = expected_returns(more, windows, 1000) - expected_returns(model, windows, 1000)
    np.testing.assert_allclose(gain, 0.99**4 * float(model.normalizer.values_std), rtol=1e-3)


def fall_check(old, new, falls, episodes, **settings):
    returns = (np.array(old, float), np.array(new, float))
    return check_falls(
        returns, np.array(falls, bool), np.array(episodes), replace(GATE, **settings)
    )


WALKED, FELL = [9.0, 11.0] * 3, [5.0, 4.0, 3.0]  # mean 10, deviation 1
FALLS, EPISODES = [0] * 6 + [1] * 3, [0] * 6 + [1, 2, 3]


@pytest.mark.parametrize(
    ('fell', 'passed'),
    [
        ([5.0, 4.0, 3.0], True),
        ([1.0, 0.0, 0.0], True),  # thought worse of
        ([5.4, 4.4, 3.4], True),
        ([5.6, 4.6, 3.6], False),
        ([5.0, 4.0, 3.6], False),  # one of few is enough
        ([5.0, 4.0, math.nan], False),
        ([5.0, 4.0, math.inf], False),
    ],
)
def test_a_candidate_that_thinks_better_of_falls_is_refused(fell, passed):
    check = fall_check(WALKED + FELL, WALKED + fell, FALLS, EPISODES, max_fall_rise=0.5)
    assert check.passed is passed


def test_constant_returns_of_one_episode_are_refused_too():
    returns = (np.array([1.0, 2.0, 3.0]), np.ones(3))
    episodes = np.zeros(3, int)
    assert not check_ranks(returns, np.array([1.0, 2.0, 3.0]), episodes, GATE).passed


def test_falls_are_compared_in_units_of_each_models_own_returns():
    old = np.array(WALKED + FELL)
    for factor in (0.1, 7.0):
        assert fall_check(old, factor * old + 9.0, FALLS, EPISODES, max_fall_rise=0.0001).passed
    assert not fall_check(old, 0.0 * old, FALLS, EPISODES).passed  # constant


def test_of_many_falls_a_single_one_says_little():
    count = 40
    falls, episodes = [0] * 6 + [1] * count, [0] * 6 + list(range(1, count + 1))
    new = [5.0] * (count - 1) + [5.8]
    check = fall_check(WALKED + [5.0] * count, WALKED + new, falls, episodes, max_fall_rise=0.1)
    assert check.passed
    assert 0.02 < check.figures['fall_rise_high'] < 0.1
    new = [5.2] * count
    assert not fall_check(
        WALKED + [5.0] * count, WALKED + new, falls, episodes, max_fall_rise=0.1
    ).passed


def test_windows_of_one_fall_count_as_one():
    fell, episodes = [5.0] * 9 + [4.0], [0] * 6 + [1] * 9 + [2]
    new = [5.1] * 9 + [4.4]
    check = fall_check(WALKED + fell, WALKED + new, [0] * 6 + [1] * 10, episodes)
    assert check.figures['judge_falls'] == 2
    assert check.figures['fall_rise_high'] == pytest.approx(0.4)


def test_without_falls_the_gate_says_that_it_saw_none(model, better, robot, data):
    checks = {c.name: c for c in judge(model, better, robot, data.gate, GATE).checks}
    assert checks['falls'].passed
    assert checks['falls'].sentence.startswith('no falls in the data')


def test_the_gate_refuses_a_model_that_expects_most_of_the_falls_it_was_shown(
    model, better, robot, architecture
):
    held = InMemoryEpisodes(tuple(replace(lived(n), terminated=n % 2 == 0) for n in range(20, 26)))
    data = GateData(judge=windows_of(held, np.arange(6), architecture))
    falls = recorded_falls(data.judge, 1000)
    assert falls.sum() == 3 * 4
    settings = replace(GATE, max_fall_rise=0.0)
    returns = [expected_returns(m, data.judge, 1000) for m in (model, better)]
    rise = np.subtract(*(merit(found, falls) for found in returns[::-1])).reshape(3, 4).mean(1)
    for two, rises in (((model, better), rise), ((better, model), -rise)):
        refused = min(rises.max(), mean_interval(rises).high) > 0.0
        assert ('falls' in failed(judge(*two, robot, data, settings))) == refused
    assert rise.max() > 0.0 > rise.min()


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


def test_following_looks_at_the_velocity_that_a_step_led_to(robot, architecture):
    episode = lived(0, steps=7)  # the only window has its present at step 3
    episode.proprio_obs[:, :2] = (0.5, 0.0)
    episode.proprio_obs[3, 0] = 9.0
    windows = windows_of(InMemoryEpisodes((episode,)), np.array([0]), architecture)
    np.testing.assert_allclose(recorded_following(robot, windows, 10), [1.0], rtol=1e-5)


def test_each_observation_without_a_finite_plan_counts_as_failed(model, robot, data):
    assert plan_recorded(model, robot, data.gate.judge, 3, 0).num_failed == 0
    with torch.no_grad():
        model.dynamics.action.position[-1] = torch.nan
    assert plan_recorded(model, robot, data.gate.judge, 3, 0).num_failed == 3


def test_forgetting_adds_up_over_a_line_and_is_judged_from_its_beginning(
    tmp_path, architecture, robot, data, monkeypatch
):
    """Each generation is 10 % better on new data and forgets 4 % of 10 % allowed."""

    def generation(number):
        model = WorldModel(architecture, seed=1).eval()
        next(model.parameters()).data.fill_(0.01 * number)
        return model

    def number_of(model):
        return round(100.0 * float(next(model.parameters()).detach().flatten()[0]))

    def predicted(model, windows, *_):
        factor = 0.9 if windows is data.gate.judge else 1.04
        return ByEpisode([factor ** number_of(model)] * 3)

    def made(model, *_):
        errors = {0: 1.0, 1: 0.9}
        return FinetuneResult(
            model=generation(number_of(model) + 1),
            num_steps=1,
            best_step=1,
            errors=errors,
            ended='',
            seconds=1,
        )

    monkeypatch.setattr(gate, 'predict', predicted)
    monkeypatch.setattr(adapt_module, 'finetune', made)
    both = replace(
        data,
        gate=replace(
            data.gate,
            reference=windows_of(InMemoryEpisodes((lived(50),)), np.array([0]), architecture),
        ),
    )
    save_model(tmp_path / '0', generation(0), robot='go2', created_by='a test')
    allowed = replace(GATE, max_beyond_limits=1.0)
    verdicts = []
    for number in range(3):
        parent = load_model(tmp_path / str(number))
        found = adapt(parent, robot, both, QUICK, allowed)
        verdicts.append(found.verdict)
        adapt_module.write(
            tmp_path / str(number + 1), parent, robot, found, QUICK, allowed, both.about
        )
    assert [failed(verdict) for verdict in verdicts] == [[], [], ['original']]
    assert 'original' not in verdicts[0].as_plain()['checks']  # that is its parent
    assert verdicts[1].figures['original_factor'] == pytest.approx(1.04**2)
    assert verdicts[2].figures['reference_factor'] == pytest.approx(1.04)
    assert 'of the model as it came 1.00000 -> 1.12486 in 3 episodes' in verdicts[2].reason


def test_where_the_first_model_is_lost_one_line_says_what_was_not_measured(model, robot, tmp_path):
    save_model(tmp_path / 'first', model, robot='go2', created_by='a test')
    parent = str(tmp_path / 'first')
    save_model(tmp_path / 'second', model, robot='go2', created_by='a test', parent=parent)
    second = load_model(tmp_path / 'second')
    said = []
    assert original_model(second, robot, said.append) is not None
    assert original_model(load_model(tmp_path / 'first'), robot, said.append) is None
    assert said == []
    shutil.rmtree(tmp_path / 'first')
    assert original_model(second, robot, said.append) is None
    (line,) = said
    assert line.startswith('what was forgotten since the first adaptation was not measured: ')
    assert str(tmp_path / 'first') in line
