"""Collecting data: bursts of noise, episodes cut where they end, parts that survive a kill."""

import dataclasses
import shutil

import numpy as np
import pytest

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.pretraining.collect import stage as collect
from simdist_ros.pretraining.collect.action_noise import NoiseBursts
from simdist_ros.pretraining.collect.episode_recorder import EpisodeRecorder
from simdist_ros.pretraining.collect.part import collect_part
from simdist_ros.pretraining.collect.stage import run_collect
from simdist_ros.pretraining.collect.walkers import Walkers
from simdist_ros.pretraining.expert.files import EXPERT, POLICIES
from simdist_ros.pretraining.expert.stage import run_expert
from simdist_ros.pretraining.presets import COLLECT_PRESETS, EXPERT_PRESETS
from simdist_ros.rl.step import Observation, StepResult
from simdist_ros.tasks.command_bursts import CommandBursts
from simdist_ros.tasks.velocity.settings import velocity_goal
from simdist_ros.transitions.shards.dataset import open_dataset

TINY = dataclasses.replace(
    COLLECT_PRESETS['smoke'], num_robots=4, shard_steps=40, total_steps=80, episode_steps=8
)


@pytest.fixture(scope='module')
def expert(tmp_path_factory, go2):
    folder = tmp_path_factory.mktemp('pretraining') / 'expert'
    tiny = dataclasses.replace(
        EXPERT_PRESETS['smoke'], num_robots=4, horizon_steps=4, total_steps=48, policies_kept=2
    )
    run_expert(go2, folder, tiny, shows_progress=False)
    return folder


def observation(value):
    """One number per field and robot, two robots."""
    fields = [field.name for field in dataclasses.fields(Observation)]
    row = np.array([[value], [value + 100.0]], dtype=np.float32)
    return Observation(**dict.fromkeys(fields, row))


def result(value, terminated=(), truncated=(), diverged=()):
    masks = (np.isin([0, 1], list(who)) for who in (terminated, truncated, diverged))
    reward = np.array([value, value + 100.0], dtype=np.float32)
    return StepResult(observation(value), reward, *masks, tracking=reward, terms={})


def record(recorder, t, after):
    number = np.array([t, t + 100.0], dtype=np.float32)
    return recorder.add(
        observation(10.0 * t),
        after,
        actions=number[:, None],
        rewards=number,
        next_values=number,
        is_expert=np.array([True, False]),
    )


def test_an_episode_has_what_it_saw_and_then_where_it_ended():
    recorder = EpisodeRecorder(4)
    assert record(recorder, 0, result(1.0)) == []
    (fallen,) = record(recorder, 1, result(2.0, terminated=[0]))
    assert fallen.terminated
    assert fallen.proprio_obs.ravel().tolist() == [0.0, 10.0, 2.0]
    assert fallen.rewards.tolist() == [0.0, 1.0]
    last = result(3.0)
    assert record(recorder, 2, last) == []
    short, long = recorder.rest(last)
    assert short.proprio_obs.ravel().tolist() == [20.0, 3.0]
    assert long.actions.ravel().tolist() == [100.0, 101.0, 102.0]
    assert long.proprio_obs.ravel().tolist() == [100.0, 110.0, 120.0, 103.0]
    assert not short.terminated
    assert recorder.rest(last) == []


def test_an_episode_ends_before_the_step_whose_physics_failed():
    recorder = EpisodeRecorder(3)
    record(recorder, 0, result(1.0))
    (episode,) = record(recorder, 1, result(9.0, diverged=[1]))
    assert episode.proprio_obs.ravel().tolist() == [100.0, 110.0]
    assert episode.num_steps == 1
    assert record(recorder, 2, result(9.0, diverged=[1])) == []  # nothing of it is worth keeping


def test_noise_comes_in_bursts_between_clean_stretches():
    bursts = NoiseBursts(200, 0.05, 2.5, 0.1, np.random.default_rng(0))
    noisy = np.array([bursts.next(3)[1] for _ in range(2000)])
    never = ~noisy.any(axis=0)
    assert 0.03 < never.mean() < 0.2
    for robot in np.flatnonzero(~never)[:50]:
        edges = np.flatnonzero(np.diff(noisy[:, robot].astype(int)))
        lengths = np.diff(edges)
        starts_noisy = noisy[edges[:-1] + 1, robot]
        assert (lengths[starts_noisy] <= 50).all()
        assert (lengths[~starts_noisy] >= 25).all()
        assert (lengths[~starts_noisy] <= 500).all()


def test_robots_begin_anywhere_in_a_clean_stretch_and_each_with_its_own_strength():
    bursts = NoiseBursts(4000, 0.5, 2.5, 0.0, np.random.default_rng(0))
    assert (bursts.left >= 1).all()
    assert np.percentile(bursts.left, 1) < 10
    assert bursts.left.mean() == pytest.approx(0.5 * (25 + 500) / 2, rel=0.05)
    assert bursts.std.min() == pytest.approx(0.5, abs=0.02)
    assert bursts.std.max() == pytest.approx(2.5, abs=0.02)


def test_noise_is_as_strong_as_each_robot_s_own_and_absent_between():
    bursts = NoiseBursts(50, 0.05, 2.5, 0.0, np.random.default_rng(1))
    steps = [bursts.next(12) for _ in range(3000)]
    noise, noisy = (np.array(part) for part in zip(*steps, strict=True))
    assert not noise[~noisy].any()
    for robot in range(50):
        assert noise[noisy[:, robot], robot].std() == pytest.approx(bursts.std[robot], rel=0.2)


def test_some_walk_at_another_velocity_than_told_within_the_robot_s_range(go2):
    bursts = CommandBursts(velocity_goal(go2), 60, np.random.default_rng(2))
    told = np.tile([1.4, 0.0, 0.0], (60, 1)).astype(np.float32)
    steps = [bursts.next(told) for _ in range(1500)]
    walked, others = (np.array(part) for part in zip(*steps, strict=True))
    assert (walked[~others] == told[0]).all()
    assert 0.1 < others.mean() < 0.4
    difference = np.abs(walked[others] - told[0])
    assert (difference.max(axis=0) > 0.3).all()
    assert (walked <= np.float32(velocity_goal(go2).high)).all()
    assert (walked >= np.float32(velocity_goal(go2).low)).all()
    edges = np.flatnonzero(np.diff(others[:, 0].astype(int)))
    assert (np.diff(edges) >= 25).all()


def test_data_are_whole_labelled_and_of_this_robot(tmp_path, go2, expert):
    run_collect(go2, expert, tmp_path / 'data', TINY, shows_progress=False)
    data = open_dataset(tmp_path / 'data', go2)
    assert data.num_transitions == 80
    assert data.is_complete
    episodes = list(data.episodes())
    assert max(episode.num_steps for episode in episodes) == 8
    first, second = episodes[0].actions, episodes[len(episodes) // 2].actions
    assert not np.array_equal(first, second)  # each part is another walk
    expert_shares = {float(np.mean(episode.is_expert)) for episode in episodes}
    assert 0.0 in expert_shares
    for episode in episodes:
        assert np.isfinite(episode.proprio_obs).all()
        assert (episode.rewards >= 0.0).all()
        if episode.terminated:
            assert episode.rewards[-1] == episode.next_values[-1] == 0.0


def test_the_action_kept_is_the_one_executed(go2, expert):
    (first, *_) = Walkers(go2, expert, TINY, 0).episodes()
    target = JointTarget(go2).to_joints(first.actions)
    assert (target >= go2.per_joint('low') - 1e-5).all()
    assert (target <= go2.per_joint('high') + 1e-5).all()


def test_after_a_kill_what_is_whole_stays_and_the_rest_is_the_same_again(tmp_path, go2, expert):
    run_collect(go2, expert, tmp_path / 'a', TINY, shows_progress=False)
    whole = open_dataset(tmp_path / 'a', go2).fingerprint()
    (shard,) = (tmp_path / 'a/part-0001').glob('shard-*')
    shard.unlink()
    (tmp_path / 'a/part-0001/manifest.yaml').unlink()
    (tmp_path / 'a/part-0001/.shard.1-2.partial').write_bytes(b'half')
    kept = (tmp_path / 'a/part-0000/manifest.yaml').stat().st_mtime_ns
    run_collect(go2, expert, tmp_path / 'a', TINY, shows_progress=False)
    assert open_dataset(tmp_path / 'a', go2).fingerprint() == whole
    assert (tmp_path / 'a/part-0000/manifest.yaml').stat().st_mtime_ns == kept


def test_data_are_not_complete_before_their_last_part_is(tmp_path, go2, expert, monkeypatch):
    def killed(job, index):
        if index:
            raise KeyboardInterrupt
        return collect_part(job, index)

    monkeypatch.setattr(collect, 'collect_part', killed)
    with pytest.raises(KeyboardInterrupt):
        run_collect(go2, expert, tmp_path / 'data', TINY, shows_progress=False)
    data = open_dataset(tmp_path / 'data', go2)
    assert data.num_transitions == 40
    assert not data.is_complete


def test_two_processes_make_the_same_data_as_one(tmp_path, go2, expert):
    for name, processes in (('one', 1), ('two', 2)):
        run_collect(go2, expert, tmp_path / name, TINY, processes=processes, shows_progress=False)
    one, two = (open_dataset(tmp_path / name, go2) for name in ('one', 'two'))
    assert one.fingerprint() == two.fingerprint()


def test_a_missing_expert_changed_settings_and_another_expert_are_refused(tmp_path, go2, expert):
    with pytest.raises(CheckpointError, match=f'{EXPERT} is missing; run'):
        run_collect(go2, tmp_path, tmp_path / 'data', TINY, shows_progress=False)
    assert not (tmp_path / 'data').exists()
    run_collect(go2, expert, tmp_path / 'data', TINY, shows_progress=False)
    louder = dataclasses.replace(TINY, noise_high=3.0)
    with pytest.raises(ConfigError, match=r'begun with settings.noise_high = 2.5, now it is 3.0'):
        run_collect(go2, expert, tmp_path / 'data', louder, shows_progress=False)
    other = tmp_path / 'other'
    other.mkdir()
    (other / EXPERT).write_bytes((expert / EXPERT).read_bytes())
    with pytest.raises(ConfigError, match='was begun with expert ='):
        run_collect(go2, other, tmp_path / 'data', TINY, shows_progress=False)
    same, changed = tmp_path / 'same', tmp_path / 'changed'
    for folder in (same, changed):
        shutil.copytree(expert, folder)
    earlier = sorted((changed / POLICIES).iterdir())[-1]
    earlier.write_bytes(earlier.read_bytes()[:-1] + b'x')
    run_collect(go2, same, tmp_path / 'data', TINY, shows_progress=False)
    with pytest.raises(ConfigError, match='was begun with expert ='):
        run_collect(go2, changed, tmp_path / 'data', TINY, shows_progress=False)
