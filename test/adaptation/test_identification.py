"""The belief that a finetuning gives its candidate: what the identifier makes of the walks."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.adaptation.adapt import adapt, data_of_episodes, write
from simdist_ros.adaptation.commands import run_models
from simdist_ros.adaptation.finetune import finetune
from simdist_ros.adaptation.identification import (
    belief_words,
    disagreement,
    identified,
    identify,
    walked_windows,
)
from simdist_ros.adaptation.options import ModelsOptions
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.embodiment.belief import BeliefSpace
from simdist_ros.transitions.shards.replay import InMemoryEpisodes, Role, episodes_by_role
from simdist_ros.world_model.store.checkpoint import load_model, save_model, serialise
from simdist_ros.world_model.store.manifest import read_manifest

from ..world_model.believing import belief_of, believing_expert, random_identifier
from .conftest import lived

QUICK = FinetuneSettings(max_steps=10, validation_interval=5, batch_size=8, max_windows=50)
PERIOD_S = 0.02
STEPS = 75  # of an episode: 3 windows of 50, 10 steps apart


@pytest.fixture(scope='module')
def names(robot):
    return BeliefSpace(robot.joint_names).names


@pytest.fixture(scope='module')
def walks():
    return InMemoryEpisodes(tuple(lived(number, STEPS) for number in range(10)))


@pytest.fixture
def data(walks, architecture):
    return data_of_episodes(walks, walks.numbers, architecture)


@pytest.fixture
def believer(model, architecture, names):
    model.expert = believing_expert(architecture, len(names))
    model.identifier = random_identifier(architecture, names)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # so that parts of the same walks tell about the same
        model.identifier.head[-1].weight.mul_(0.1)
        model.identifier.head[-1].bias.copy_(0.6 * torch.randn(len(names), generator=generator))
    return model


def by_hand(identifier, episodes, begins=(0, 10, 20)):
    """Return what an identifier answers for windows that are cut by hand."""
    windows = [
        np.concatenate([e.proprio_obs[b : b + 50], e.actions[b : b + 50]], axis=1)
        for e in episodes
        for b in begins
    ]
    return identifier.identify(identifier.features(torch.from_numpy(np.stack(windows))))


def belief_from(model, data, settings=QUICK, say=lambda line: None):
    """Return the belief that the training and early-stopping splits tell."""
    return identified(model, (data.finetune.train, data.finetune.stop), settings, PERIOD_S, say)


def answer(identifier, walks):
    return identify(identifier, walked_windows(walks, identifier.window_steps))


def test_the_belief_is_the_identifiers_answer_for_all_windows_but_those_that_judge(
    believer, walks, data
):
    belief = belief_from(believer, data)
    roles = episodes_by_role(walks.numbers)
    learned = [walks.episodes[n] for role in (Role.TRAIN, Role.STOP) for n in roles[role]]
    assert 0 < len(learned) < len(walks.episodes)
    expected = by_hand(believer.identifier, learned).clamp(-3.0, 3.0)
    torch.testing.assert_close(belief, expected)
    assert expected.abs().max() > 0.1
    judged = by_hand(believer.identifier, walks.episodes).clamp(-3.0, 3.0)
    assert not torch.allclose(belief, judged)


def test_the_parents_belief_does_not_matter_and_off_identifies_nothing(believer, data):
    said = []
    fresh = belief_from(believer, data)
    believer.belief = belief_of(2.0, len(fresh))
    assert torch.equal(belief_from(believer, data, say=said.append), fresh)
    assert any(line.startswith('belief: ') for line in said)
    assert belief_from(believer, data, replace(QUICK, identifies=False)) is None


def test_only_what_is_trained_changes_in_a_finetuning(believer, data):
    before = serialise(believer)
    after = serialise(finetune(believer, data.finetune, QUICK).model)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {'dynamics.safetensors'}


def test_no_number_is_beyond_what_experts_are_trained_with(believer, walks, architecture):
    with torch.no_grad():
        believer.identifier.head[-1].bias[0] = 50.0
        believer.identifier.head[-1].bias[1] = -50.0
    belief = answer(believer.identifier, [windows_of(walks, np.arange(10), architecture)])
    assert belief[:2].tolist() == [3.0, -3.0]
    assert belief[2:].abs().max() < 3.0


def test_what_lies_in_two_splits_counts_as_if_it_were_in_one(believer, walks, architecture):
    split = [windows_of(walks, np.array(part), architecture) for part in ([0, 1, 3], [2])]
    whole = windows_of(walks, np.arange(4), architecture)
    np.testing.assert_array_equal(walked_windows(split, 50), walked_windows([whole], 50))


def test_windows_do_not_reach_from_one_episode_into_the_next(believer, architecture):
    lengths = (50, 49, 60)  # 1, 0 and 2 windows
    walks = InMemoryEpisodes(tuple(lived(n, steps) for n, steps in enumerate(lengths)))
    found = walked_windows([windows_of(walks, np.arange(3), architecture)], 50)
    episodes = walks.episodes
    cut = [(episodes[0], 0), (episodes[2], 0), (episodes[2], 10)]
    windows = [np.hstack([e.proprio_obs[b : b + 50], e.actions[b : b + 50]]) for e, b in cut]
    np.testing.assert_array_equal(found, np.stack(windows))


@pytest.mark.parametrize(('seconds', 'episodes'), [(1.0, 1), (1.5, 1), (1.6, 2), (100.0, 10)])
def test_a_robot_is_identified_from_its_newest_walking(
    believer, walks, architecture, seconds, episodes
):
    split = [windows_of(walks, np.array(part), architecture) for part in (range(8), [8, 9])]
    believer.identifier.head[-1].weight.mul_(0.1)  # so that they tell of one robot
    belief = identified(believer, split, replace(QUICK, identify_s=seconds), PERIOD_S)
    newest = walks.episodes[-episodes:]
    torch.testing.assert_close(belief, by_hand(believer.identifier, newest).clamp(-3.0, 3.0))


def test_halves_of_the_walks_that_tell_different_beliefs_tell_none(believer, architecture):
    """Once the pushes of the made-up world change, the robot is another one."""
    said = []
    changed = [lived(n, STEPS, push=0.5 if n < 5 else 4.0) for n in range(10)]
    sampler = windows_of(InMemoryEpisodes(tuple(changed)), np.arange(10), architecture)
    halves = [by_hand(believer.identifier, part) for part in (changed[:5], changed[5:])]
    apart, most = disagreement(*(half.clamp(-3.0, 3.0) for half in halves))
    assert apart > most
    assert identified(believer, [sampler], QUICK, PERIOD_S, said.append) is None
    assert any('tell different beliefs' in line for line in said)


@pytest.mark.parametrize(
    ('one', 'other', 'agree'),
    [
        ([4.0, 0.0], [4.0, 0.9], True),
        ([4.0, 0.0], [4.0, 1.2], False),  # apart by more than a quarter of the longer one
        ([4.0, 0.0], [-4.0, 0.0], False),
        ([0.2, 0.0], [-0.2, 0.1], True),  # as walks of one healthy robot differ
    ],
)
def test_beliefs_agree_that_are_near_each_other_for_their_length(one, other, agree):
    apart, most = disagreement(torch.tensor(one), torch.tensor(other))
    assert (apart <= most) == agree
    assert disagreement(torch.tensor(other), torch.tensor(one)) == (apart, most)


def test_walks_that_are_too_short_tell_nothing(believer, architecture):
    walks = InMemoryEpisodes(tuple(lived(number, 40) for number in range(10)))
    said = []
    assert (
        belief_from(
            believer, data_of_episodes(walks, walks.numbers, architecture), say=said.append
        )
        is None
    )
    assert any('no walk is long enough to identify the robot' in line for line in said)


def test_a_model_without_an_identifier_has_no_belief(model, data):
    said = []
    assert belief_from(model, data, say=said.append) is None
    assert not said


def test_a_belief_that_cannot_be_tried_is_told_in_words_and_not_used(
    believer, robot, data, names, tmp_path, capsys
):
    with torch.no_grad():
        believer.identifier.head[-1].weight.zero_()
        believer.identifier.head[-1].bias.zero_()
        believer.identifier.head[-1].bias[names.index('strength.FL_hip_joint')] = 1.3
    save_model(tmp_path / 'parent', believer, robot='go2', created_by='a test')
    parent = load_model(tmp_path / 'parent', robot)
    said, gate = [], GateSettings(num_plans=2)
    found = adapt(parent, robot, data, QUICK, gate, said.append)
    words = 'FL_hip_joint has 0.35 of its torque'  # 1 - 1.3 / 2
    assert f'belief: {words}' in said
    write(tmp_path / 'child', parent, robot, found, QUICK, gate, data.about)
    files = {path.name for path in (tmp_path / 'child').iterdir()}
    assert files == {'dynamics.safetensors', 'manifest.yaml'}
    assert load_model(tmp_path / 'child', robot).model.belief is None
    assert read_manifest(tmp_path / 'child').adaptation['belief'] == f'{words} (not used)'
    run_models(ModelsOptions(folder=tmp_path))
    assert f'; belief: {words} (not used)\n' in capsys.readouterr().out


def test_the_gate_refuses_a_belief_that_is_not_finite(believer, robot, data, tmp_path):
    save_model(tmp_path / 'parent', believer, robot='go2', created_by='a test')
    parent = load_model(tmp_path / 'parent', robot)
    verdicts = []
    for bias in (0.0, torch.nan):
        other = copy.deepcopy(parent)
        other.model.identifier.head[-1].bias[0] = bias
        verdicts.append(adapt(other, robot, data, QUICK, GateSettings(num_plans=2)).verdict)
    plans = [
        next(check for check in verdict.checks if check.name == 'plans') for verdict in verdicts
    ]
    assert [check.passed for check in plans] == [True, False]
    assert plans[1].sentence.startswith('0 of 2 plans are finite')
    assert not verdicts[1].accepted


@pytest.mark.parametrize(
    ('belief', 'words'),
    [
        (None, ''),
        (torch.zeros(3), 'the robot is as described'),
        (torch.tensor([torch.nan, 0.0, 0.0]), 'not finite'),
        (torch.tensor([0.0, -0.5, 0.1]), 'encoder of b reads -0.10 rad too much'),
        (torch.tensor([0.4, -0.5, 0.1]), 'encoder of b reads -0.10 rad too much, a has 0.80'),
    ],
)
def test_a_belief_in_words_names_what_is_large(model, architecture, belief, words):
    model.identifier = random_identifier(architecture, ('strength.a', 'zero_offset.b', 'lag'))
    model.belief = belief
    assert belief_words(model).startswith(words)
    assert bool(belief_words(model)) == bool(words)


def test_a_belief_without_names_is_counted(model, architecture):
    model.belief = torch.tensor([0.4, -0.5, 0.1])
    assert belief_words(model) == '2 of 3 numbers are not as described'
