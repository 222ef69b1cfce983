"""The policy head's lessons: it walks, the expert says what he would have done, it learns that."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.pretraining.expert.files import EXPERT, load_actor
from simdist_ros.pretraining.expert.networks import actor_input
from simdist_ros.pretraining.expert.stage import run_expert
from simdist_ros.pretraining.imitate import stage as imitate
from simdist_ros.pretraining.imitate.settings import IMITATE_PRESETS
from simdist_ros.pretraining.imitate.stage import Lessons, run_imitate
from simdist_ros.pretraining.imitate.student import StudentWalks
from simdist_ros.pretraining.presets import EXPERT_PRESETS
from simdist_ros.transitions.shards.dataset import ShardWriter, open_dataset
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import save_model

from .transitions import TINY, make_episode

CPU = torch.device('cpu')
SETTINGS = replace(IMITATE_PRESETS['smoke'], num_robots=4, rollout_steps=20, round_steps=3)


@pytest.fixture(scope='module')
def expert(tmp_path_factory, go2):
    folder = tmp_path_factory.mktemp('pretraining') / 'expert'
    tiny = replace(
        EXPERT_PRESETS['smoke'], num_robots=4, horizon_steps=4, total_steps=48, policies_kept=2
    )
    run_expert(go2, folder, tiny, shows_progress=False)
    return folder


@pytest.fixture(scope='module')
def trained(tmp_path_factory, go2):
    folder = tmp_path_factory.mktemp('trained') / 'model'
    save_model(folder, WorldModel(TINY), robot=go2.name, created_by='a test', metrics={})
    return folder


@pytest.fixture
def taught(go2, trained, expert, tmp_path):
    """Run the stage in a folder of its own."""

    def run(name='imitate', settings=SETTINGS, say=lambda line: None):
        return run_imitate(go2, trained, expert, tmp_path / name, settings, device='cpu', say=say)

    return run


@pytest.fixture
def walks(walkers, go2, recipe, expert):
    env = walkers(num_robots=3)
    actor = load_actor(expert / EXPERT, go2, recipe)
    return StudentWalks(env, WorldModel(TINY).eval(), actor, np.random.default_rng(0), CPU)


def test_the_expert_is_asked_about_the_state_as_it_is_and_the_head_acts(walks):
    (first, *_) = walks.episodes(8)
    seen = {
        'proprio_obs': torch.tensor(first.proprio_obs[1:-1]),
        'command': torch.tensor(first.commands[1:-1]),
        'last_action': torch.tensor(first.actions[:-1]),
    }
    with torch.inference_mode():
        wanted = walks.expert(actor_input(seen), torch.tensor(first.extero_obs[1:-1]))
    np.testing.assert_allclose(first.expert_actions[1:], wanted, atol=1e-5)
    assert np.abs(first.expert_actions - first.actions).max() > 1e-2


def test_a_robot_that_begins_anew_has_no_past(walks):
    walks.start(np.ones(3, dtype=bool))
    student = walks.student
    for _ in range(3):
        walks.env.step(student.act(walks.env.observation))
    walks.start(np.array([False, True, False]))
    student.act(walks.env.observation)
    assert not student.histories[1].actions.any()
    assert student.histories[0].actions.any()
    assert np.ptp(student.histories[1].proprio_obs, axis=0).max() == 0.0


def test_hard_ground_is_walked_more_often(walks):
    levels = []
    for _ in range(60):
        walks.start(np.ones(3, dtype=bool))
        levels.extend(walks.env.levels)
    assert np.mean(levels) == pytest.approx(2 / 3, abs=0.06)
    assert min(levels) < 0.3
    assert max(levels) <= 1.0


def test_only_the_policy_head_changes(taught, trained, go2):
    before, after = WorldModel(TINY).state_dict(), taught().model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith('heads.policy_head.') for name in changed)


def test_it_comes_nearer_to_the_expert_where_it_walks_itself(taught):
    settings = replace(SETTINGS, num_rounds=1, round_steps=120, peak_rate=5e-3)
    lines: dict[str, list[str]] = {'short': [], 'long': []}
    taught('short', replace(settings, round_steps=1), lines['short'].append)
    taught('long', settings, lines['long'].append)
    first, last = (float(said[-1].split('action ')[1]) for said in lines.values())
    assert last < 0.7 * first


@pytest.fixture
def lessons(go2, tmp_path):
    """A head that has walked; its expert would have done something else, and raw is not scaled."""
    with ShardWriter(tmp_path / 'walks', go2) as writer:
        for seed, steps in enumerate((40, *[3] * 9)):  # shorter than the horizon, but for one
            episode = make_episode(steps, seed)
            wanted = 1.0 + 0.5 * np.tanh(episode.proprio_obs[:-1, 33:34] + np.arange(12))
            writer.add(
                replace(
                    episode,
                    expert_actions=wanted.astype(np.float32),
                    rewards=None,
                    next_values=None,
                    is_expert=None,
                )
            )
    model = WorldModel(TINY)
    model.normalizer.actions_mean.fill_(0.3)
    model.normalizer.actions_std.fill_(1.7)
    settings = replace(SETTINGS, num_rounds=1, round_steps=120, peak_rate=5e-3, noise_scale=0.0)
    return Lessons(go2, model, settings, tmp_path, CPU)


@pytest.fixture
def sampler(lessons, go2, tmp_path):
    dataset = open_dataset(tmp_path / 'walks', go2)
    a = TINY
    return WindowSampler(
        dataset, np.arange(10), history_steps=a.history_steps, horizon_steps=a.horizon_steps
    )


@torch.no_grad()
def error_of(model, windows, wanted):
    """Return the mean squared error of the head in scaled units, where it is known."""
    past = TINY.history_steps
    context = model.encode(
        torch.tensor(windows.proprio_obs[:, : past + 1]),
        torch.tensor(windows.actions[:, :past]),
        torch.tensor(windows.extero_obs),
    )
    found = model.policy_prior(context, torch.tensor(windows.commands)).numpy()
    return float(np.square((found - wanted) / 1.7)[windows.is_known].mean())


def test_its_error_is_its_distance_to_the_expert_s_actions_step_by_step(lessons, sampler):
    windows = sampler.draw(SETTINGS.batch_size, np.random.default_rng([SETTINGS.seed, 0]))
    assert not windows.is_known.all()
    expected = error_of(lessons.model, windows, windows.expert_actions)
    assert lessons.do_step(sampler) == pytest.approx(expected, rel=1e-4)


def test_it_learns_with_noise_on_what_it_sees_and_at_a_rate_that_falls(
    lessons, sampler, go2, tmp_path
):
    settings = replace(lessons.settings, noise_scale=3.0)
    noisy = Lessons(go2, copy.deepcopy(lessons.model), settings, tmp_path, CPU)
    without = [one.do_step(sampler) for one in (lessons, noisy)]
    assert abs(without[0] - without[1]) > 1e-4
    for step in range(1, 60):
        lessons.do_step(sampler)
        (group,) = lessons.optimizer.param_groups
        assert group['lr'] == pytest.approx(settings.peak_rate * (1.0 - step / 120))


def test_every_round_learns_from_all_walks_so_far_and_tells_its_falls(go2, tmp_path):
    lessons = Lessons(go2, WorldModel(TINY), SETTINGS, tmp_path, CPU)
    for index, falls in enumerate((2, 1)):
        with lessons.writer(index) as writer:
            for number in range(3):
                writer.add(make_episode(25, 10 * index + number, terminated=number < falls))
    assert [lessons.walks_up_to(index).num_episodes for index in (0, 1)] == [3, 6]
    seconds = 3 * 25 * go2.period_s
    found = [lessons.falls_per_minute(index) for index in (0, 1)]
    assert found == pytest.approx([60 * 2 / seconds, 60 * 1 / seconds])


def test_it_becomes_like_the_expert_not_like_itself(lessons, sampler):
    windows = sampler.gather(np.arange(0, len(sampler), 3))
    own = windows.actions[:, TINY.history_steps :]
    before = error_of(lessons.model, windows, windows.expert_actions)
    for _ in range(60):
        lessons.do_step(sampler)
    after = error_of(lessons.model, windows, windows.expert_actions)
    assert after < 0.5 * before
    assert after < 0.3 * error_of(lessons.model, windows, own)


def test_it_walks_again_with_what_it_has_learned(taught, tmp_path, go2):
    def walked(name, index):
        folder = tmp_path / name / 'walks' / f'round-{index:04d}'
        return next(open_dataset(folder, go2).episodes()).actions

    found = taught('slow')
    taught('fast', replace(SETTINGS, peak_rate=1e-2))
    np.testing.assert_array_equal(walked('slow', 0), walked('fast', 0))  # nothing learned yet
    assert not np.array_equal(walked('slow', 1)[0], walked('fast', 1)[0])
    assert set(found.metrics) == {
        'imitate.falls_per_minute.first',
        'imitate.falls_per_minute.last',
    }


@pytest.mark.parametrize('at', [2, 3, 4])
def test_a_killed_run_ends_in_the_weights_it_would_have_had(taught, monkeypatch, at):
    whole = taught('whole').model.state_dict()
    monkeypatch.setattr(imitate, 'STATE_INTERVAL_S', 0.0)
    real = imitate.save_state

    def die(path, policy, optimizer, step):
        real(path, policy, optimizer, step)
        if step == at:
            raise KeyboardInterrupt

    monkeypatch.setattr(imitate, 'save_state', die)
    with pytest.raises(KeyboardInterrupt):
        taught('killed')
    monkeypatch.setattr(imitate, 'save_state', real)
    again = taught('killed').model.state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_walks_outlive_the_state_and_teach_in_their_order(taught, tmp_path):
    whole = taught().model.state_dict()
    (tmp_path / 'imitate' / 'state.safetensors').unlink()
    again = taught().model.state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_round_that_was_walked_is_not_walked_again(taught, tmp_path, go2):
    whole = taught().model.state_dict()
    (tmp_path / 'imitate' / 'state.safetensors').unlink()
    folder = tmp_path / 'imitate' / 'walks' / 'round-0000'
    manifest = folder / 'manifest.yaml'
    manifest.write_text(manifest.read_text().replace('complete: true', 'complete: false'))
    again = taught().model.state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert (
        open_dataset(folder, go2).num_transitions == SETTINGS.num_robots * SETTINGS.rollout_steps
    )


def test_how_often_it_fell_is_written_once_a_round_also_after_a_kill(taught, tmp_path):
    taught()
    (tmp_path / 'imitate' / 'state.safetensors').unlink()
    taught()
    lines = (tmp_path / 'imitate' / 'metrics.jsonl').read_text().splitlines()
    rows = [json.loads(line) for line in lines if 'falls_per_minute' in line]
    assert [row['step'] for row in rows] == [3, 6]


def test_what_does_not_fit_is_refused(taught, go2, trained, expert, tmp_path):
    taught()
    with pytest.raises(ConfigError, match=r'settings\.peak_rate = 0\.001, now it is 0\.002'):
        taught(settings=replace(SETTINGS, peak_rate=2e-3))
    other = tmp_path / 'other'
    save_model(other, WorldModel(TINY, seed=1), robot=go2.name, created_by='a test', metrics={})
    with pytest.raises(ConfigError, match='was begun with model ='):
        run_imitate(go2, other, expert, tmp_path / 'imitate', SETTINGS)
    for model, teacher, sentence in (
        (tmp_path / 'none', expert, 'run `simdist pretrain train` first'),
        (trained, tmp_path / 'none', 'run `simdist pretrain expert` to its end first'),
    ):
        with pytest.raises(CheckpointError, match=sentence):
            run_imitate(go2, model, teacher, tmp_path / 'new', SETTINGS)
    assert not (tmp_path / 'new').exists()
