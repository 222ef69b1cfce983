"""Which expert acts and what it is told: chosen, practised and judged by walks in simulation."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import pytest
import safetensors.torch
import torch

from simdist_ros.adaptation import adapt as adapting
from simdist_ros.adaptation.adapt import adapt, data_of_episodes, write
from simdist_ros.adaptation.behaviour import (
    Experts,
    believed,
    choose,
    found_by_walks,
    new_behaviour,
    options,
)
from simdist_ros.adaptation.behaviour_gate import (
    Found,
    NewBehaviour,
    check_believed,
    check_nominal,
    judge_behaviour,
)
from simdist_ros.adaptation.believed_robot import Behaviour
from simdist_ros.adaptation.believed_walks import Walked
from simdist_ros.adaptation.lineage import first_expert
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.adaptation.verdict import Check, Verdict
from simdist_ros.evaluation.intervals import mean_interval
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.world_model.detector import detector_shape
from simdist_ros.world_model.expert import BeliefPath, Expert
from simdist_ros.world_model.store.checkpoint import load_model, save_model

from ..world_model.believing import believing_expert
from .conftest import lived

GATE = GateSettings(num_walks=4, rollout_s=0.4, num_plans=2)
QUICK = FinetuneSettings(
    max_steps=10, validation_interval=5, batch_size=8, max_windows=50, practice_steps=0
)
N = 8


class StandIn:
    """Walks whose reward is known: what a behaviour of this name earns, each robot a bit else."""

    def __init__(self, **earned):
        self.earned = earned
        self.asked = []

    def walk(self, network, belief, doubt):
        self.asked.append((network, belief))
        return walked(self.earned[network])


def walked(reward, spread=0.3, seed=0):
    """Return N walks with this mean and robots that differ, or of these rewards."""
    differ = np.linspace(-spread, spread, N) + np.random.default_rng(seed).normal(0, 1e-3, N)
    reward = reward + differ if np.isscalar(reward) else np.asarray(reward, float)
    return Walked(reward, np.full(N, 0.9), np.zeros(N, bool))


class Named(str):
    """Stands in for a network."""

    belief = BeliefPath(3)


def named(name, belief=0.0, content=b''):
    """Return a behaviour whose expert's network is only its name."""
    expert = Expert.__new__(Expert)
    expert.network, expert.content = Named(name), content or name.encode()
    return Behaviour(expert, torch.full((3,), belief), name)


# Choice


@pytest.mark.parametrize(
    ('zero', 'half', 'whole', 'chosen'),
    [
        (1.2, 1.9, 2.4, 'whole'),
        (1.2, 2.4, 1.9, 'half'),
        (2.4, 1.9, 1.2, 'belief 0'),
        (1.2, 1.9, 1.9, 'half'),  # a tie goes to less
        (1.2, 1.2, 1.2, 'belief 0'),
        (1.2, 1.21, 1.2, 'belief 0'),  # not worth a change
        (1.2, 1.22, 1.2, 'half'),
        (float('nan'), 1.9, 1.2, 'belief 0'),
    ],
)
def test_what_earns_most_is_chosen_and_a_tie_goes_to_less_belief(zero, half, whole, chosen):
    said, found = [], [named(name, b) for name, b in (('belief 0', 0), ('half', 1), ('whole', 2))]
    walks = StandIn(**{'belief 0': zero, 'half': half, 'whole': whole})
    best, earned = choose(found, walks, said.append)
    assert best.name == chosen
    assert earned.reward.mean() == pytest.approx(walks.earned[chosen], abs=0.01, nan_ok=True)
    assert said == [
        f'believed walks: belief 0 {zero:.2f}, half {half:.2f}, whole {whole:.2f} a second; '
        f'{chosen} is used'
    ]
    assert [belief[0] for _, belief in walks.asked] == [0, 1, 2]


def test_a_gain_that_is_within_its_interval_is_a_tie():
    rewards = {'little': np.full(N, 1.0), 'much': 1.0 + np.linspace(-1.0, 1.4, N)}
    best, _ = choose([named('little'), named('much')], StandIn(**rewards))
    assert best.name == 'little'


def test_options_are_shares_of_the_belief_and_the_first_expert_before_the_present(weak):
    mine, first = named('mine').expert, named('first').expert
    alone = Experts(present=mine, first=mine, healthy=first)
    found = options(alone, weak)
    assert [(o.name, o.belief[0].item()) for o in found] == [
        ('belief 0', 0.0),
        ('half', pytest.approx(0.7)),
        ('whole', pytest.approx(1.4)),
    ]
    assert [o.expert for o in found] == [mine] * 3
    both = options(replace(alone, first=first), weak)
    assert [o.expert for o in both] == [first, mine] * 3


def test_the_first_expert_is_the_oldest_that_takes_such_beliefs(
    tmp_path, model, architecture, robot
):
    """The line began without beliefs; the present expert has practised."""
    assert first_expert(saved(tmp_path / 'a', model), robot) is None
    model.expert = believing_expert(architecture)
    first = model.expert.content
    saved(tmp_path / 'b', model, parent='../a')
    with torch.no_grad():
        model.expert.network.trot.add_(1.0)
    model.expert.content = content_of(model.expert.network)
    present = saved(tmp_path / 'c', model, parent='../b')
    assert present.model.expert.content != first
    assert first_expert(present, robot).content == first
    assert first_expert(load_model(tmp_path / 'b'), robot).content == first


def saved(folder, model, **kwargs):
    save_model(folder, model, robot='go2', created_by='a test', **kwargs)
    return load_model(folder)


def content_of(network):
    arrays = {f'actor.{name}': x for name, x in network.state_dict().items()}
    return safetensors.torch.save(arrays)


# Gate


@dataclass
class Trials:
    """Stands in for the simulated robot: what each behaviour earns, as believed and healthy."""

    as_believed: dict
    healthy: dict
    gate: GateSettings = GATE

    def walks(self, seed, *, healthy=False):
        return StandIn(**(self.healthy if healthy else self.as_believed))


def judged(as_believed, healthy, *names):
    said = []
    trials = Trials({'before': 1.0, **as_believed}, {'usual': 3.0, **healthy})
    before, usual = named('before', content=b'plain'), named('usual')
    chosen, *practised = [replace(named(name, 1.0), name=name) for name in names]
    found = Found(chosen=chosen, least=chosen, practised=(practised or [None])[0])
    return judge_behaviour(trials, before, usual, found, 0, said.append), said


def test_practice_is_taken_where_it_earns_more_and_healthy_robots_lose_nothing():
    found, said = judged(
        {'plain': 2.0, 'practised': 3.0}, {'practised': 2.99}, 'plain', 'practised'
    )
    assert found.behaviour.name == 'practised'
    assert [check.passed for check in found.checks] == [True, True]
    assert '(+2.00, 95 % ' in found.checks[0].sentence
    assert not said


@pytest.mark.parametrize(
    ('practised', 'healthy', 'why'),
    [
        (1.9, 3.0, 'it earns -0.10 a second'),
        (2.0, 3.0, 'it earns +0.00 a second'),
        (3.0, 2.8, 'nominal walks 3.00 a second, 0 of 8 fall -> 2.80'),
    ],
)
def test_else_what_was_not_practised_is_taken(practised, healthy, why):
    found, said = judged(
        {'plain': 2.0, 'practised': practised},
        {'plain': 3.0, 'practised': healthy},
        'plain',
        'practised',
    )
    assert found.behaviour.name == 'plain'
    assert said[0].startswith(f'practice is not used: {why}')


def test_what_fails_as_believed_or_healthy_is_refused():
    for as_believed, healthy, passed in ((0.9, 3.0, [False, True]), (2.0, 2.8, [True, False])):
        found, _ = judged({'plain': as_believed}, {'plain': healthy}, 'plain')
        assert found.behaviour is None
        assert [check.passed for check in found.checks] == passed


@pytest.mark.parametrize(
    ('behaviour', 'words'),
    [(None, ' (not used)'), ('whole', ''), ('practised, belief 0', ' (practised, belief 0)')],
)
def test_a_model_says_what_is_believed_and_how_much_of_it_is_told(shipped, weak, behaviour, words):
    model = copy.copy(shipped.model)
    model.belief = None
    new = NewBehaviour(None if behaviour is None else named(behaviour), identified=weak)
    assert believed(model, new).startswith('FR_hip_joint has 0.30 of its torque, ')
    assert believed(model, new).endswith(f'of its torque{words}')
    assert believed(model, NewBehaviour(None)) == ''


def test_where_what_was_chosen_fails_the_least_unusual_is_judged():
    """As after a repair: what was believed before must not stay for want of better."""
    healthy = {'usual': 3.0, 'chosen': 2.5, 'least': 3.0}
    trials = Trials({'before': 1.0, 'chosen': 2.0, 'least': 1.1}, healthy)
    before, usual, least = named('before'), named('usual'), named('least')
    found = Found(chosen=named('chosen'), least=least)
    assert judge_behaviour(trials, before, usual, found, 0, print).behaviour is least
    stays = judge_behaviour(trials, least, usual, found, 0, print)
    assert stays.behaviour is None
    assert [check.passed for check in stays.checks] == [True, False]


def test_where_neither_passes_the_reasons_are_those_of_what_was_chosen():
    trials = Trials(
        {'before': 1.0, 'chosen': 2.0, 'least': 0.5}, {'usual': 3.0, 'chosen': 2.5, 'least': 3.0}
    )
    found = Found(chosen=named('chosen'), least=named('least'))
    judged = judge_behaviour(trials, named('before'), named('usual'), found, 0, print)
    assert judged.behaviour is None
    assert [check.passed for check in judged.checks] == [True, False]
    assert 'chosen' in judged.checks[0].sentence


class Searched:
    """Stands in for the simulated robot while something is sought to do about a belief."""

    gate = GATE

    def __init__(self, reward):
        self.reward, self.seeds, self.practised = reward, [], []

    def walks(self, seed, *, healthy=False):
        self.seeds.append(seed)
        return Searching(lambda told: self.reward(told, healthy))

    def doubting(self, behaviour, first, seed):
        self.seeds.append(seed)
        return behaviour

    def practise(self, start, settings, model, say):
        self.practised.append(start.name)


class Searching:
    def __init__(self, reward):
        self.reward = reward

    def walk(self, network, belief, doubt):
        return walked(self.reward(belief is not None and np.any(belief)))


def search(shipped, weak, reward, **changes):
    mine = shipped.model.expert
    experts, robot = Experts(present=mine, first=mine, healthy=mine), Searched(reward)
    found_by_walks(experts, robot, shipped.model, weak, replace(QUICK, **changes), print)
    return robot


def test_walks_that_judge_are_others_than_those_that_anything_was_chosen_by(shipped, weak):
    robot = search(shipped, weak, lambda told, healthy: 1.0, seed=5)
    assert len(robot.seeds) == len(set(robot.seeds)) == 5
    assert all(seed % 1000 == 5 for seed in robot.seeds)


@pytest.mark.parametrize(('earned', 'practised'), [(2.0, ['half']), (2.84, ['half']), (2.86, [])])
def test_practice_is_for_robots_that_earn_less_than_healthy_ones(shipped, weak, earned, practised):
    def reward(told, healthy):
        return 3.0 if healthy else earned if told else 1.0

    assert search(shipped, weak, reward, practice_steps=100).practised == practised
    assert not search(shipped, weak, reward).practised


def test_a_verdict_has_the_figures_that_it_was_made_by():
    old, new = walked(3.0), replace(walked(3.5, 0.6), fell=np.arange(N) < 2)
    change = mean_interval(new.reward - old.reward)
    assert change.low < change.high
    believed, nominal = check_believed(old, new, named('new')), check_nominal(old, new, GATE)
    assert believed.figures == {
        'believed_reward_before': pytest.approx(old.reward.mean()),
        'believed_reward_after': pytest.approx(new.reward.mean()),
        'believed_gain_low': change.low,
        'believed_gain_high': change.high,
    }
    assert nominal.figures == {
        'nominal_reward_before': pytest.approx(old.reward.mean()),
        'nominal_reward_after': pytest.approx(new.reward.mean()),
        'nominal_gain_high': change.high,
        'nominal_tracking_before': pytest.approx(0.9),
        'nominal_tracking_after': pytest.approx(0.9),
        'nominal_falls': 2.0,
    }


def test_where_nothing_would_change_nothing_is_judged():
    same = named('plain')
    trials = Trials({'plain': 1.0}, {'plain': 1.0})
    untold, other = replace(same, belief=None), named('plain', 1.0)
    for before, is_new in ((same, False), (untold, False), (other, True)):
        one = Found(chosen=same, least=same)
        found = judge_behaviour(trials, before, same, one, 0, lambda line: None)
        assert (found.behaviour is not None) == bool(found.checks) == is_new


@pytest.mark.parametrize('check', ['believed', 'nominal'])
def test_only_a_significant_loss_is_refused(check):
    """The interval decides, not the mean; what is not a number is refused."""
    old = walked(3.0)

    def passes(new):
        if check == 'believed':
            return check_believed(old, new, named('new')).passed
        return check_nominal(old, new, GATE).passed

    scattered = old.reward - 0.4 + np.linspace(-2.0, 2.0, N)
    assert passes(walked(scattered))
    assert not passes(walked(old.reward - 0.4))
    assert passes(walked(old.reward + 0.4))
    assert not passes(walked(np.full(N, np.nan)))


def test_a_healthy_robot_may_lose_what_the_setting_allows():
    old, new = walked(3.0), walked(2.8)
    assert not check_nominal(old, new, GATE).passed
    assert check_nominal(old, new, replace(GATE, max_nominal_loss=0.08)).passed


# All of it


def test_a_belief_that_cannot_be_tried_is_refused(robot, shipped):
    """Even one that is true can make a robot fall."""
    said = []
    mine = shipped.model.expert
    experts = Experts(present=mine, first=mine, healthy=mine)
    belief = torch.ones(3)
    found = new_behaviour(experts, shipped.model, belief, robot, QUICK, GATE, said.append)
    assert found.behaviour is None
    assert 'the belief is not used, for it could not be tried in simulation: ' in said[0]
    assert "a belief about 'go2' has 68 numbers, and the identifier tells 3" in said[0]
    assert [(check.name, check.passed) for check in found.checks] == [('believed_walks', False)]


def test_where_dynamics_are_refused_and_a_behaviour_is_not_the_parents_dynamics_stay(
    robot, shipped, weak, tmp_path, monkeypatch
):
    """And the other way round: a refused behaviour leaves the parent's in the candidate."""
    walks = InMemoryEpisodes(tuple(lived(number, 100) for number in range(10)))
    data = data_of_episodes(walks, walks.numbers, shipped.model.architecture)
    save_model(tmp_path / 'parent', shipped.model, robot='go2', created_by='a test')
    parent = load_model(tmp_path / 'parent', robot)
    expert = shipped.model.expert
    detector = torch.ones(detector_shape(shipped.model.identifier))
    new = Behaviour(expert, weak, 'whole', detector, expert)
    written = {}
    for name, check, found in (('taken', BETTER, new), ('left', WORSE, None)):
        behaviour = NewBehaviour(found, (check,))
        monkeypatch.setattr(adapting, 'behaviour_of', lambda *_, b=behaviour: b)
        still = replace(QUICK, dynamics_rate=1e-8)
        adaptation = adapt(parent, robot, data, still, GATE)
        assert not adaptation.verdict.takes_dynamics
        write(tmp_path / name, parent, robot, adaptation, still, GATE, data.about)
        written[name] = load_model(tmp_path / name, robot)
    taken, left = written['taken'], written['left']
    assert taken.manifest.adaptation['verdict']['accepted']
    assert 'dynamics refused' in taken.manifest.adaptation['verdict']['reason']
    assert torch.equal(taken.model.belief, weak)
    files = {path.name for path in taken.folder.iterdir()}
    told = {f'{name}.safetensors' for name in ('belief', 'detector', 'usual_expert')}
    assert files == {*told, 'manifest.yaml'}
    assert torch.equal(taken.model.detector, detector)
    assert taken.model.usual_expert.content == expert.content
    assert taken.manifest.parent == '../parent'
    assert not left.manifest.adaptation['verdict']['accepted']
    assert left.model.belief is None


# Verdict

GOOD, BAD = Check('error', True, 'less error'), Check('error', False, 'more error')
BETTER, WORSE = Check('believed_walks', True, 'more'), Check('believed_walks', False, 'less')


@pytest.mark.parametrize(
    ('checks', 'behaviour', 'accepted', 'reason'),
    [
        ((GOOD,), (), True, 'accepted: less error'),
        ((BAD,), (), False, 'refused: more error'),
        ((GOOD,), (BETTER,), True, 'accepted: less error; belief and expert accepted: more'),
        ((GOOD,), (WORSE,), True, 'accepted: less error; belief and expert refused: less'),
        (
            (BAD,),
            (BETTER,),
            True,
            'dynamics refused, those of the parent stay: more error; belief and expert accepted: '
            'more',
        ),
        ((BAD,), (WORSE,), False, 'refused: more error; belief and expert refused: less'),
    ],
)
def test_dynamics_and_behaviour_are_judged_for_themselves(checks, behaviour, accepted, reason):
    verdict = Verdict(checks, behaviour)
    assert (verdict.accepted, verdict.reason) == (accepted, reason)
    assert verdict.as_plain()['accepted'] == accepted
