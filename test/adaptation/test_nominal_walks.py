"""Walks in the nominal world: made once, some rehearsed, others judging; or a reason."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import yaml

from simdist_ros.adaptation.lineage import original
from simdist_ros.adaptation.nominal_walks import (
    divide,
    keep,
    key,
    nominal_walks,
    search,
)
from simdist_ros.adaptation.settings import NominalSettings
from simdist_ros.core.errors import ConfigError
from simdist_ros.transitions.episode import Episode
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.store.manifest import read_manifest

from ..transitions.walk_messages import walk, write_bag
from .conftest import lived
from .test_adapt import finetune

SHORT = NominalSettings(rounds=2, rollout_s=1.2)
TWO_ROUNDS = ('--set', 'nominal.rounds=2', '--set', 'nominal.rollout_s=1.2')


@pytest.fixture(scope='module')
def untaught(tmp_path_factory, architecture):
    folder = tmp_path_factory.mktemp('models') / 'untaught'
    save_model(folder, WorldModel(architecture, seed=1), robot='go2', created_by='a test')
    return load_model(folder)


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp('cache')


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    monkeypatch.setenv('SIMDIST_CACHE', str(cache))


@pytest.fixture(scope='module')
def made(cache, untaught, robot):
    """The walks, and what was said when they were made."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SIMDIST_CACHE', str(cache))
        return nominal_walks(untaught, robot, SHORT, said.append), said


def content(windows):
    return {windows.gather(np.array([n])).actions.tobytes() for n in range(len(windows))}


def commands_of(windows):
    found = windows.gather(np.arange(len(windows))).commands[:, 0, [0, 2]]
    return {tuple(np.round(command, 3).tolist()) for command in found}


def test_a_walk_that_is_rehearsed_never_judges_and_both_know_every_command(made, robot):
    walks, _ = made
    assert not content(walks.rehearsed) & content(walks.judging)
    asked = {(0.5, 0.0), (1.0, 0.0), (0.5, 0.5), (1.0, -0.5)}
    assert commands_of(walks.rehearsed) == commands_of(walks.judging) == asked
    assert walks.missing == ''


@pytest.mark.parametrize(('rounds', 'last'), [(1, 0), (3, 8)])
def test_the_last_round_judges_and_the_others_are_rehearsed(robot, architecture, rounds, last):
    walks = [[lived(number)] for number in range(4 * rounds)]
    found = divide(walks, robot, NominalSettings(rounds=rounds), architecture)
    actions = [episodes[0].actions[3] for episodes in walks]

    def contained(windows):
        present = [] if windows is None else windows.gather(np.arange(len(windows))).actions[:, 3]
        return [n for n, action in enumerate(actions) if any((action == x).all() for x in present)]

    assert contained(found.rehearsed) == list(range(last))
    assert contained(found.judging) == list(range(last, last + 4))


@pytest.mark.parametrize(
    ('horizon', 'share', 'steps'), [(4, 0.0, 16), (12, 0.5, 8), (25, 0.5, 16)]
)
def test_half_of_the_ticks_try_proposals_out_as_far_as_the_horizon_permits(
    architecture, horizon, share, steps
):
    found = search(dataclasses.replace(architecture, horizon_steps=horizon))
    assert (found.explore_share, found.explore_steps) == (share, steps)


def test_walks_without_a_window_to_judge_by_are_none(robot, architecture):
    walks: list[list[Episode]] = [[lived(0)], [lived(1)], [], []] + [[]] * 4
    with pytest.raises(ConfigError, match=r'^walks in the nominal world .* fails at once'):
        divide(walks, robot, SHORT, architecture)


def test_walks_are_made_once_and_read_again_as_they_were(made, untaught, robot):
    walks, said = made
    assert len(said) == 8
    again = []
    found = nominal_walks(untaught, robot, SHORT, again.append)
    assert again == []
    for one, other in ((walks.rehearsed, found.rehearsed), (walks.judging, found.judging)):
        assert content(one) == content(other)


def test_a_damaged_walk_is_made_anew_and_a_missing_one_too(made, untaught, robot, cache):
    walks, _ = made
    folder = cache / 'nominal' / key(untaught, robot, SHORT)
    (shard,) = (folder / 'walk_003').glob('shard*')
    data = bytearray(shard.read_bytes())
    data[-7] ^= 1
    shard.write_bytes(data)
    (folder / 'walk_006' / 'manifest.yaml').unlink()
    said = []
    found = nominal_walks(untaught, robot, SHORT, said.append)
    assert [line.split()[1] for line in said] == ['4', '7']
    assert content(found.rehearsed) == content(walks.rehearsed)
    assert content(found.judging) == content(walks.judging)
    assert sorted(path.name for path in folder.iterdir()) == [f'walk_{n:03d}' for n in range(8)]


def test_walks_belong_to_a_model_a_robot_and_a_length(untaught, robot, tmp_path, architecture):
    other = tmp_path / 'other'
    save_model(other, WorldModel(architecture, seed=2), robot='go2', created_by='a test')
    keys = [
        key(untaught, robot, SHORT),
        key(load_model(other), robot, SHORT),
        key(untaught, dataclasses.replace(robot, base_height_m=0.31), SHORT),
        key(untaught, robot, NominalSettings(rounds=2, rollout_s=1.4)),
    ]
    assert len(set(keys)) == 4
    assert key(untaught, robot, NominalSettings(rounds=5, rollout_s=1.2)) == keys[0]


def test_an_adapted_model_has_the_walks_of_the_model_its_line_began_with(
    made, untaught, robot, architecture, tmp_path
):
    child, grandchild = tmp_path / 'child', tmp_path / 'grandchild'
    for number, (folder, parent) in enumerate(((child, untaught.folder), (grandchild, child))):
        model = WorldModel(architecture, seed=3 + number)
        save_model(folder, model, robot='go2', created_by='a test', parent=str(parent))
    adapted = load_model(grandchild)
    assert original(adapted, robot).folder == untaught.folder
    said = []
    found = nominal_walks(adapted, robot, SHORT, said.append)
    assert said == []
    assert content(found.judging) == content(made[0].judging)


def test_without_the_mujoco_model_one_line_says_why(untaught, robot, tmp_path):
    said = []
    alone = dataclasses.replace(robot, source=tmp_path / 'go2.yaml')
    found = nominal_walks(untaught, alone, SHORT, said.append)
    assert (found.rehearsed, found.judging) == (None, None)
    assert found.missing == f'{tmp_path / "go2.xml"}, the MuJoCo model of the robot, is not there'
    assert said == [
        f'no walks in the nominal world to rehearse and to judge forgetting by: {found.missing}'
    ]


def test_a_cache_that_cannot_be_written_is_done_without(robot, tmp_path):
    (tmp_path / 'file').write_text('')
    keep(tmp_path / 'file' / 'walk_000', robot, [lived(0)])
    assert (tmp_path / 'file').read_text() == ''


@pytest.fixture(scope='module')
def bag(tmp_path_factory, robot):
    return write_bag(tmp_path_factory.mktemp('bags') / 'walk', walk(robot, 250))


@pytest.fixture
def folder(made, untaught):
    return untaught.folder.parent


def test_the_command_rehearses_some_walks_and_judges_by_the_others(folder, bag, tmp_path):
    verdicts, weights = [], []
    for share in (0.25, 0.75):
        out = tmp_path / f'share_{share}'
        more = (*TWO_ROUNDS, '--set', f'finetune.rehearsal={share}')
        finetune(folder, bag, *more, out=out, model='untaught')
        manifest = read_manifest(out)
        verdicts.append(manifest.adaptation['verdict'])
        weights.append(manifest.files['dynamics.safetensors'])
    assert [verdict['figures']['reference_episodes'] for verdict in verdicts] == [4, 4]
    assert weights[0] != weights[1]


def test_the_command_goes_on_without_them_and_the_verdict_says_why(
    folder, bag, robot, tmp_path, capsys
):
    values = yaml.safe_load(robot.source.read_text())
    values['mjcf'] = 'gone.xml'
    (tmp_path / 'go2.yaml').write_text(yaml.safe_dump(values))
    given = (*TWO_ROUNDS, '--robot', str(tmp_path / 'go2.yaml'))
    assert finetune(folder, bag, *given, out=tmp_path / 'child', model='untaught') in (0, 3)
    sentence = read_manifest(tmp_path / 'child').adaptation['verdict']['checks']['reference']
    assert sentence == (
        f'no reference data ({tmp_path / "gone.xml"}, the MuJoCo model of the robot, is not '
        'there): forgetting was not measured'
    )
    assert capsys.readouterr().out.count('no walks in the nominal world') == 1


def test_in_the_nominal_world_the_expert_is_told_that_the_robot_is_as_described(architecture):
    for horizon in (4, 20):
        sizes = dataclasses.replace(architecture, horizon_steps=horizon)
        assert not search(sizes).uses_belief
