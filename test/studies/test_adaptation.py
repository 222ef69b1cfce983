"""The whole command, with a model that has learned nothing."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from simdist_ros.adaptation.settings import METHODS, FinetuneSettings
from simdist_ros.cli import main
from simdist_ros.core.errors import SimdistError
from simdist_ros.pretraining.expert.files import load_actor, save_networks
from simdist_ros.pretraining.expert.networks import Actor
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.studies.ceilings import ceiling_file, with_ceiling
from simdist_ros.studies.collect import collect, first_minutes
from simdist_ros.studies.finetuning import adapt_model, finetuning_of
from simdist_ros.studies.fitting import fit_settings
from simdist_ros.studies.job_pool import Setup, do_jobs
from simdist_ros.studies.jobs import Adapt, Collect, Judge, list_jobs
from simdist_ros.studies.judging import judged_walks, latent_errors
from simdist_ros.studies.methods import ALL, PARTS
from simdist_ros.studies.results import ResultLog
from simdist_ros.studies.settings import bench_world
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.store.manifest import read_manifest

from .conftest import TINY


def write_expert(path, robot, seed):
    """Write an expert that has learned nothing."""
    torch.manual_seed(seed)
    save_networks(path, Actor(robot, load_recipe(robot)), None, {'robot': robot.name})


@pytest.fixture(scope='module')
def ceilings(robot, tmp_path_factory):
    folder = tmp_path_factory.mktemp('ceilings')
    write_expert(folder / 'soft.safetensors', robot, seed=7)
    return folder


@pytest.fixture(scope='module')
def command(model_folder, small_options, ceilings, tmp_path_factory):
    """The command with all that it takes but the number of processes."""
    work = tmp_path_factory.mktemp('bench') / 'work'
    arguments = ['bench', 'adaptation', '--preset', 'smoke', '--model', str(model_folder)]
    arguments += ['--work', str(work), *small_options]
    arguments += ['--set', f'grid.ceilings={ceilings}', '--processes', '1']
    return work, arguments


@pytest.fixture(scope='module')
def done(command):
    work, arguments = command
    assert main(arguments) == 0
    return work, arguments


def refused(capsys, *arguments):
    """Return the sentence with which a command is refused."""
    capsys.readouterr()
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith('error: ')
    assert err.count('\n') == 1, err
    return err.removeprefix('error: ').rstrip('\n')


def test_all_of_it_is_done_and_reported(done, small, ceilings):
    work, _ = done
    log = ResultLog(work / 'results.jsonl')
    methods = tuple(name for name in ALL if name not in PARTS)  # nothing identifies the robot
    grid = dataclasses.replace(small.grid, ceilings=str(ceilings), methods=methods)
    assert set(log.results) == set(list_jobs(grid, small.trial))
    for job, result in log.results.items():
        if isinstance(job, Judge):
            assert len(result.error) == (TINY.horizon_steps if job.predicts else 0)
            assert np.isfinite(result.error).all()
            assert np.isfinite(result.slip_error).all()
    text = (work / 'report' / 'report.md').read_text()
    assert 'simdist bench adaptation --preset smoke' in text
    assert read_manifest(work / 'models' / 'dynamics-soft-0.05min-0').parent
    assert (work / 'report' / 'soft.png').exists()
    assert '### 0.3 m/s' in text
    assert '### 0.5 m/s' in text
    rows = json.loads((work / 'report' / 'report.json').read_text())['rows']
    assert {(row['world'], row['speed']) for row in rows} == {
        (world, speed) for world in ('soft', 'nominal') for speed in (0.3, 0.5)
    }
    assert {row['method'] for row in rows if row['world'] == 'soft'} >= {
        'none',
        'policy_pi',
        'ceiling',
        'dynamics',
        'dynamics_nominal',
        'residual',
    }


def test_a_killed_benchmark_does_only_what_is_missing(done, capsys):
    work, arguments = done
    path = work / 'results.jsonl'
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(''.join(lines[:-1]) + lines[-1][:20])
    capsys.readouterr()
    assert main(arguments) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == 'bench: tiny carries no identifier, so nothing is believed'
    assert said[1] == f'bench: {len(lines) - 1} of {len(lines)} jobs are done'
    assert len(said) == 4  # the one job, and the report
    again = path.read_text().splitlines(keepends=True)
    assert again[:-1] == lines[:-1]
    assert json.loads(again[-1])['result'] == json.loads(lines[-1])['result']


def test_its_worlds_are_files_that_the_graph_reads(done, small):
    work, _ = done
    for name in ('soft', 'nominal'):
        world = load_world(str(work / 'worlds' / name / 'stage.yaml'))
        assert dataclasses.replace(world, name=name) == bench_world(name, small.trial)
        assert world.push_speed_mps == 3.0


def test_the_report_alone_can_be_asked_for(done, tmp_path):
    work, arguments = done
    before = (work / 'results.jsonl').read_bytes()
    assert main([*arguments, '--only-report', '--out', str(tmp_path / 'out')]) == 0
    assert (tmp_path / 'out' / 'report.json').exists()
    assert (work / 'results.jsonl').read_bytes() == before


def test_the_folder_of_another_benchmark_is_refused(done, capsys, tmp_path):
    work, arguments = done
    other = tmp_path / 'other'
    save_model(other, WorldModel(TINY, seed=2), robot='go2', created_by='a test')
    before = (work / 'results.jsonl').read_bytes()
    sentence = refused(capsys, *arguments, '--model', str(other))
    assert sentence.startswith(f'{work} was begun with model = ')
    sentence = refused(capsys, *arguments, '--set', 'trial.judged_walks=3')
    assert 'was begun with trial.judged_walks = 1, now it is 3' in sentence
    (tmp_path / 'soft.yaml').write_text('contact_time_s: 0.2\n')
    sentence = refused(capsys, *arguments, '--set', f'grid.worlds={tmp_path / "soft.yaml"}')
    assert f'{work / "worlds" / "soft"} was begun with contact_damping = 0.6' in sentence
    assert (work / 'results.jsonl').read_bytes() == before


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (('adaption',), "unknown benchmark 'adaption'; did you mean 'adaptation'?"),
        (('adaptation', '--preset', 'gpu'), "unknown preset 'gpu'; did you mean 'cpu'?"),
        (('adaptation', '--model', 'gone2'), "unknown model 'gone2'"),
        (('adaptation', '--set', 'grid.worlds=sof'), "unknown world 'sof'; did you mean 'soft'?"),
        (('adaptation', '--set', 'gird.worlds=soft'), "unknown section 'gird'; did you mean"),
        (('adaptation', '--set', 'grid.speeds=4'), 'is beyond the range of robot'),
        (('adaptation', '--set', 'grid.ceilings=top'), "there is no folder 'top'"),
        (('adaptation', '--processes', '0'), '--processes is 0; allowed: 1 .. '),
        (('adaptation', '--only-report'), 'holds no results yet'),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence_and_writes_nothing(
    arguments, sentence, model_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    given = ['bench', arguments[0], '--model', str(model_folder), *arguments[1:]]
    assert sentence in refused(capsys, *given)
    assert not list(tmp_path.iterdir())


def test_a_world_that_does_not_fit_the_robot_is_refused(model_folder, tmp_path, capsys):
    (tmp_path / 'mine.yaml').write_text('joints: {XL_hip: {strength: 0.5}}\n')
    arguments = (
        'bench',
        'adaptation',
        '--model',
        str(model_folder),
        '--work',
        str(tmp_path / 'w'),
    )
    sentence = refused(capsys, *arguments, '--set', f'grid.worlds={tmp_path / "mine.yaml"}')
    assert sentence.startswith("world 'mine': joints: unknown joint 'XL_hip'")
    assert not (tmp_path / 'w').exists()


def test_a_model_of_another_robot_is_refused(tmp_path, capsys):
    other = tmp_path / 'other'
    save_model(other, WorldModel(TINY, seed=2), robot='spot', created_by='a test')
    arguments = ('bench', 'adaptation', '--model', str(other), '--robot', 'go2')
    assert 'spot' in refused(capsys, *arguments, '--work', str(tmp_path / 'work'))
    assert not (tmp_path / 'work').exists()


def test_processes_find_the_same_as_one_alone(done, small, model_folder, robot, tmp_path):
    work, _ = done
    setup = Setup(robot=str(robot.source), model=model_folder, work=tmp_path, settings=small)
    log = ResultLog(tmp_path / 'results.jsonl')
    jobs = dict(list(list_jobs(small.grid, small.trial).items())[:9])
    assert {type(job) for job in jobs} == {Collect, Adapt, Judge}
    said = []
    do_jobs(setup, jobs, log, processes=2, say=lambda job, _: said.append(job))
    assert set(said) == set(jobs)
    alone = ResultLog(work / 'results.jsonl').results
    for job in jobs:
        if not isinstance(job, Adapt):  # which also says how long it took
            assert log.results[job] == alone[job], job


def test_only_dynamics_practise():
    usual = FinetuneSettings(practice_steps=70)
    steps = {}
    for method in METHODS:
        found = finetuning_of(usual, Adapt(method=method, source='soft', minutes=1.0, seed=3))
        assert (found.method, found.seed) == (method, 3)
        steps[method] = found.practice_steps
    assert steps == {'dynamics': 70, 'residual': 0, 'all': 0, 'policy': 0}


def test_data_from_which_nothing_can_be_learned_leave_the_model_as_it_is(
    robot, parent, small, tmp_path
):
    few = Collect(world='soft', seed=0, minutes=0.001)
    data, out = tmp_path / 'data', tmp_path / 'model'
    collect(robot, parent.model, small, few, data)
    job = Adapt(method='dynamics', source='soft', minutes=0.001, seed=0)
    found = adapt_model(robot, parent, small, job, data, out)
    assert found.num_steps == 0
    assert not found.accepted
    assert 'record' in found.reason
    adapted = load_model(out, robot)
    assert adapted.manifest.files == parent.manifest.files


def test_the_walks_for_data_end_where_there_can_be_none(robot, parent, small, tmp_path):
    short = dataclasses.replace(small.trial, walk_s=1.0)
    settings = dataclasses.replace(
        small, trial=short, bags=dataclasses.replace(small.bags, episode_s=4.0, min_episode_s=3.9)
    )
    calm = dataclasses.replace(short, push_interval_s=0.0)
    settings = dataclasses.replace(settings, trial=calm)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('simdist_ros.studies.collect.MAX_WALKS', 2)
        with pytest.raises(SimdistError, match='2 walks gave 0 of 30 transitions'):
            collect(
                robot,
                parent.model,
                settings,
                Collect(world='nominal', seed=0, minutes=0.01),
                tmp_path / 'data',
            )


def test_slips_are_the_windows_in_which_the_command_was_followed_worst(done, robot, parent, small):
    from simdist_ros.adaptation.whole_windows import windows_of
    from simdist_ros.evaluation.outcomes import recorded_following
    from simdist_ros.evaluation.prediction import predict

    work, _ = done
    episodes = first_minutes(work / 'data' / 'soft-held_out', robot, 0.02)
    windows = windows_of(episodes, np.array(episodes.numbers), TINY)
    error, slip_error = latent_errors(robot, parent.model, windows, 40)
    share = predict(parent.model, windows, 40).share()
    outcomes = recorded_following(robot, windows, 40)
    worst = outcomes <= np.sort(outcomes)[round(0.25 * len(outcomes)) - 1]
    assert np.allclose(error, np.nanmean(share, axis=0))
    assert np.allclose(slip_error, np.nanmean(share[worst], axis=0))


def test_other_rivals_or_speeds_make_it_another_benchmark(done, capsys):
    _, arguments = done
    sentence = refused(capsys, *arguments, '--set', 'grid.rivals=policy')
    assert 'was begun with rivals = policy_pi, now it is policy;' in sentence
    sentence = refused(capsys, *arguments, '--set', 'grid.speeds=0.5')
    assert 'was begun with speeds = 0.3,0.5, now it is 0.5;' in sentence


def test_other_ceilings_make_it_another_benchmark(done, ceilings, capsys, tmp_path, robot):
    work, arguments = done
    sentence = refused(capsys, *arguments, '--set', 'grid.ceilings=')
    assert sentence.startswith(f'{work} was begun with a ceiling for soft, and now grid.ceilings')
    write_expert(tmp_path / 'soft.safetensors', robot, seed=8)
    sentence = refused(capsys, *arguments, '--set', f'grid.ceilings={tmp_path}')
    assert sentence.startswith(f'{work / "ceilings" / "soft"} was begun with sha256 = ')
    (tmp_path / 'soft.safetensors').write_bytes(b'no expert')
    sentence = refused(capsys, *arguments, '--set', f'grid.ceilings={tmp_path}')
    assert 'soft.safetensors: not a safetensors file' in sentence


def test_the_ceiling_walks_as_the_expert_of_its_file(robot, parent, ceilings, small):
    grid = dataclasses.replace(small.grid, ceilings=str(ceilings))
    job = Judge(method='ceiling', world='soft', seed=0)
    path = ceiling_file(grid, job.world)
    expert = load_actor(path, robot, load_recipe(robot))
    carried = with_ceiling(parent.model, path)
    assert parent.model.expert is None
    rng = np.random.default_rng(0)
    proprio, action, ground = rng.normal(size=35), rng.normal(size=12), rng.normal(size=315)
    proprio, action, ground = (x.astype(np.float32) for x in (proprio, action, ground))
    command = torch.tensor([[0.5, 0.0, 0.0]])
    acted = carried.expert.act(proprio, action, ground, command)
    seen = torch.cat([torch.tensor(proprio)[None], command, torch.tensor(action)[None]], dim=-1)
    with torch.inference_mode():
        wanted = expert(seen, torch.tensor(ground)[None])
    np.testing.assert_allclose(acted, wanted, atol=1e-6)
    walks = judged_walks(robot, carried, small, job)
    unadapted = judged_walks(robot, parent.model, small, Judge(world='soft', seed=0))
    assert [walk.reward_per_s for _, walk in walks] != [x.reward_per_s for _, x in unadapted]


def test_a_model_without_an_expert_is_judged_without_one(robot, parent, small):
    grid = dataclasses.replace(small.grid, rivals='expert policy expert_pi policy_pi')
    found, left_out = fit_settings(dataclasses.replace(small, grid=grid), robot, parent)
    assert found.grid.rivals == ('policy', 'policy_pi')
    assert 'tiny carries no expert, so none walks beside it' in left_out


def test_a_robot_that_does_not_measure_its_velocity_is_refused(robot, parent, small):
    blind = dataclasses.replace(robot, proprio_obs=('joint_pos',))
    with pytest.raises(SimdistError, match="has no 'base_lin_vel' in proprio_obs"):
        fit_settings(small, blind, parent)
