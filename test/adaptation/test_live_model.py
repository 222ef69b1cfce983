"""A model is swapped in, watched on the same ticks as the one before, and taken back."""

from __future__ import annotations

import copy
from concurrent.futures import wait
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch

from simdist_ros.adaptation.live_error import RecentTicks, WatchSettings, live_errors
from simdist_ros.adaptation.live_model import LiveModel
from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.planning.candidate_model import load_candidate
from simdist_ros.planning.plan import Observation
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.expert import Expert
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.residual import Residual
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.store.manifest import MANIFEST

from ..world_model.believing import belief_of, believing_expert
from .conftest import H, T, lived

WATCH = WatchSettings(period_s=0.1, window_s=0.2, duration_s=2.0)  # 5, 10 and 100 ticks


def observation(episode, step):
    """What a planner is shown at a step of an episode, once its history is whole."""
    return Observation(
        step=step,
        proprio_obs_hist=episode.proprio_obs[step - H : step + 1],
        acts_hist=episode.actions[step - H : step],
        extero_obs=episode.extero_obs[step],
        command=episode.commands[step],
        committed=np.zeros((0, 12), np.float32),
    )


def changed(model, scale):
    """Return the model with dynamics that are off by `scale`."""
    other = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for weight in other.dynamics.parameters():
            weight += scale * torch.randn(weight.shape, generator=generator)
    return other


@pytest.fixture
def save(parent):
    """Write a child of the parent and return its folder."""

    def save(name, model, **adaptation):
        folder = parent.folder.with_name(name)
        save_model(
            folder, model, robot='go2', created_by='a test', parent='../parent',
            adaptation=adaptation,
        )  # fmt: skip
        return str(folder)

    return save


def make_live(parent, robot):
    settings = MppiSettings(num_samples=8, num_iterations=1)
    planner = Planner(parent.model, settings, torch.Generator().manual_seed(0))
    return LiveModel(planner, parent, robot, WATCH, waits=True)


@pytest.fixture
def live(parent, robot):
    live = make_live(parent, robot)
    yield live
    live.close()


def swap_in(live, name):
    return live.use(live.load(name).result())


def load_candidate_of(live, name):
    """Read a candidate without the thread that measures."""
    swappable = live.running.manifest.swappable
    return load_candidate(name, live.robot, live.planner.backend, swappable)


def walk(live, steps, number=3):
    """Let time pass, and return all that was said."""
    episode = lived(number, steps + H)
    return [
        said for step in range(H, steps + H) if (said := live.note(observation(episode, step)))
    ]


# Recent ticks


def test_recent_ticks_are_those_of_the_episode_and_no_aliases_of_it():
    episode, recent = lived(1), RecentTicks(10)
    expected = copy.deepcopy(episode)
    for step in range(H, 30):
        recent.add(observation(episode, step))
    episode.proprio_obs[:] = np.nan
    assert recent.is_full
    ticks = recent.copy()
    np.testing.assert_array_equal([t.proprio_obs for t in ticks], expected.proprio_obs[20:30])
    np.testing.assert_array_equal([t.action_before for t in ticks], expected.actions[19:29])


def test_a_missed_tick_starts_anew_and_a_repeated_one_counts_once():
    episode, recent = lived(1), RecentTicks(10)
    for step in (5, 6, 7, 7):
        recent.add(observation(episode, step))
    assert len(recent.copy()) == 3
    recent.add(observation(episode, 9))
    assert len(recent.copy()) == 1


def test_the_live_error_of_one_window_is_what_one_works_out_by_hand(model):
    episode, recent = lived(1), RecentTicks(H + T + 1)
    for step in range(H, 2 * H + T + 1):
        recent.add(observation(episode, step))
    obs = torch.from_numpy(episode.proprio_obs[H : 2 * H + T + 1])
    acts = torch.from_numpy(episode.actions[H : 2 * H + T])
    ground = torch.zeros(1, 315)
    with torch.inference_mode():
        memory = model.memory(model.encode(obs[None, : H + 1], acts[None, :H], ground))
        true = model.encode_latent(obs[H + 1 :], ground)
        error = (model.predict(memory, acts[None, H:])[0] - true).square().mean()
    expected = float(error / true.var(dim=0, correction=0).mean())
    assert live_errors([model], recent.copy(), 5) == [pytest.approx(expected, rel=1e-4)]


# Swap and rollback


def test_what_was_swapped_in_plans_and_goes_back_on_request(live, parent, save):
    child = changed(parent.model, 0.1)
    said = swap_in(live, save('child', child))
    assert said.startswith('child [')
    assert torch.equal(
        live.planner.model.state_dict()['dynamics.action.position'],
        child.state_dict()['dynamics.action.position'],
    )
    assert live.values()['model'] == 'child'
    assert 'parent [' in live.roll_back('asked for')
    assert live.planner.model is parent.model
    assert live.values()['model_identity'] == parent.manifest.identity
    with pytest.raises(ConfigError, match='there is no model before parent'):
        live.roll_back('asked for')


def test_a_worse_model_is_taken_back_once_a_window_has_been_seen(live, parent, save):
    swap_in(live, save('worse', changed(parent.model, 1.0)))
    assert walk(live, 9) == []
    (said,) = walk(live, 20)
    assert said.startswith('parent [')
    assert 'its live prediction error is' in said
    assert live.planner.model is parent.model
    assert (live.num_swaps, live.num_rollbacks) == (1, 1)


def test_a_model_that_is_hardly_worse_stays_and_is_compared_for_a_while_only(live, parent, save):
    swap_in(live, save('alike', changed(parent.model, 1e-4)))
    assert walk(live, 50) == []
    assert live.error == pytest.approx(live.error_before, rel=0.01)
    assert walk(live, 60) == []
    assert live.values()['model'] == 'alike'
    assert live.error is not None
    assert live.error_before is None


def test_a_measurement_of_the_model_before_does_not_judge_the_new_one(live, parent, save):
    live.waits = False
    live.way.patience_s = 60.0
    with live.way.urgent():  # so that it has begun, and is not done
        walk(live, 11)
        started = live.measuring
        assert started is not None
        assert not started.done()
        swap = live.use(load_candidate_of(live, save('alike', changed(parent.model, 1e-4))))
    assert 'alike' in swap
    assert not wait([started], timeout=30.0).not_done
    assert live.measuring is None
    assert live.note(observation(lived(3, 60), 30)) == ''
    assert live.error is None
    assert live.num_rollbacks == 0


def test_ticks_before_a_swap_say_nothing_of_the_new_model(live, parent, save):
    episode = lived(3, 60)
    for step in range(H, 25):
        live.note(observation(episode, step))
    assert live.error is not None
    swap_in(live, save('alike', changed(parent.model, 1e-4)))
    for step in range(25, 34):
        live.note(observation(episode, step))
        assert live.error is None
    live.note(observation(episode, 34))
    assert live.error is not None


def test_the_error_is_measured_once_a_period(live):
    episode = lived(3, 60)
    errors = []
    for step in range(H, H + 25):
        live.note(observation(episode, step))
        errors.append(live.error)
    assert errors[:9] == [None] * 9  # the window is not full yet
    first, second, third = (set(errors[begin : begin + 5]) for begin in (9, 14, 19))
    assert [len(first), len(second), len(third)] == [1, 1, 1]
    assert len(first | second | third) == 3


def test_the_shortest_window_still_holds_a_history_and_a_horizon(live, parent, robot):
    short = WatchSettings(period_s=0.1, window_s=0.1)  # 5 ticks; one window takes 8
    watched = LiveModel(live.planner, parent, robot, short, waits=True)
    episode = lived(3, 60)
    for step in range(H, H + 8):
        assert watched.note(observation(episode, step)) == ''
    watched.close()
    assert watched.error is not None
    assert np.isfinite(watched.error)


def test_a_residual_is_watched_like_dynamics(live, parent, save, architecture):
    worse = copy.deepcopy(parent.model)
    worse.residual = Residual(architecture, 4)
    torch.nn.init.constant_(worse.residual.output.bias, 5.0)
    swap_in(live, save('residual', worse))
    assert len(walk(live, 20)) == 1
    assert live.planner.model.residual is None


def test_a_measurement_that_is_not_finite_counts_against_the_new_model(live, parent, save):
    swap_in(live, save('child', changed(parent.model, 1e-4)))
    with torch.no_grad():
        live.running.model.dynamics.action.position.fill_(torch.nan)
    assert len(walk(live, 20)) == 1
    assert live.planner.model is parent.model


def test_a_model_is_compared_with_the_one_before_it_and_no_earlier_one(live, parent, save):
    bad = changed(parent.model, 3.0)
    swap_in(live, save('bad', bad))
    swap_in(live, save('alike', changed(parent.model, 1e-4)))
    assert walk(live, 10) == []
    expected = live_errors([bad], live.recent.copy(), WATCH.num_windows)
    assert live.error_before == pytest.approx(expected[0])
    assert live.error < 0.5 * live.error_before


def test_what_came_back_is_not_compared_with_the_one_before_it(live, parent, save):
    swap_in(live, save('bad', changed(parent.model, 1.0)))
    swap_in(live, save('worse', changed(parent.model, 3.0)))
    assert len(walk(live, 110)) == 1
    assert live.values()['model'] == 'bad'


def test_a_model_that_its_gate_refused_is_not_loaded(live, parent, save):
    refused = {'accepted': False, 'reason': 'refused: it got worse'}
    name = save('refused', changed(parent.model, 0.1), verdict=refused)
    with pytest.raises(CheckpointError, match='the gate did not accept this model'):
        live.load(name).result()
    assert live.running is parent


def test_a_model_of_another_robot_is_not_loaded(live, parent, tmp_path):
    save_model(tmp_path / 'other', parent.model, robot='a1', created_by='a test')
    with pytest.raises(CheckpointError, match='a1'):
        live.load(str(tmp_path / 'other')).result()
    assert live.running is parent


def test_a_model_with_another_encoder_is_not_loaded(live, parent, tmp_path, architecture):
    other = copy.deepcopy(parent.model)
    with torch.no_grad():
        next(other.encoder.parameters()).add_(0.1)
    save_model(tmp_path / 'other', other, robot='go2', created_by='a test')
    parts = 'dynamics, residual, belief, expert'
    with pytest.raises(CheckpointError, match=f'lets only {parts} be swapped'):
        live.load(str(tmp_path / 'other')).result()


def test_measuring_changes_no_weight(live, parent):
    before = copy.deepcopy(parent.model.state_dict())
    walk(live, 30)
    assert live.error is not None
    after = load_model(parent.folder).model.state_dict()
    for name, weight in parent.model.state_dict().items():
        assert torch.equal(weight, before[name])
        assert torch.equal(weight, after[name])


# Giving way


@pytest.mark.parametrize('task', ['load', 'measure'])
def test_the_thread_that_reads_and_measures_waits_while_a_plan_is_made(live, save, parent, task):
    live.waits, live.way.patience_s = False, 60.0
    child = save('child', changed(parent.model, 0.01))
    with live.way.urgent():
        if task == 'load':
            work = live.load(child)
        else:
            step = H
            while live.measuring is None:
                live.note(observation(lived(3, 60), step))
                step += 1
            work = live.measuring
        assert not wait([work], timeout=0.2).done
    assert wait([work], timeout=30.0).done


# Parts


def test_with_another_encoder_errors_are_not_compared_for_its_latents_are_others(
    tmp_path, parent, robot
):
    parts = ['dynamics', 'residual', 'encoder']
    free = replace(parent, manifest=replace(parent.manifest, swappable=parts))
    other = changed(parent.model, 5.0)  # far worse dynamics, which would be taken back
    other.encoder.load_state_dict(WorldModel(other.architecture, seed=5).encoder.state_dict())
    save_model(tmp_path / 'student', other, robot='go2', created_by='a test')
    live = make_live(free, robot)
    swap_in(live, str(tmp_path / 'student'))
    assert walk(live, 40) == []
    assert live.num_rollbacks == 0
    assert live.error > 1.0
    assert live.error_before is None
    live.roll_back('asked for')
    assert live.planner.model is parent.model
    live.close()


def test_an_expert_that_practised_comes_and_goes_with_its_belief(
    tmp_path, model, robot, architecture
):
    """It was accepted with the dynamics of its parent, which alone are no change."""
    model.expert = believing_expert(architecture)
    save_model(tmp_path / 'parent', model, robot='go2', created_by='a test')
    live = make_live(load_model(tmp_path / 'parent'), robot)
    practised = copy.deepcopy(live.running.model)
    network = practised.expert.network
    with torch.no_grad():
        network.body.net[-1].weight.mul_(0.5)  # half of what the belief says
    content = safetensors.torch.save({f'actor.{k}': v for k, v in network.state_dict().items()})
    practised.expert, practised.belief = Expert(network, content), belief_of(0.8)
    save_model(
        tmp_path / 'child', practised, robot='go2', created_by='a test', parent='../parent',
        adaptation={'verdict': {'accepted': True}},
    )  # fmt: skip
    assert set(live.load(str(tmp_path / 'child')).result().new.changed) == {'expert', 'belief'}
    observed, answers = observation(lived(3, 60), H), []

    def answer():
        live.planner.reset()
        answers.append(live.planner.observe(observed)[0, 0, :2].tolist())

    answer()
    swap_in(live, str(tmp_path / 'child'))
    answer()
    live.roll_back('asked for')
    answer()
    assert answers == [pytest.approx([x, -x], abs=1e-6) for x in (0.0, 0.4, 0.0)]
    live.close()


def test_an_adapted_model_inherits_what_may_be_swapped(tmp_path, parent):
    first = tmp_path / 'first'
    save_model(first, parent.model, robot='go2', created_by='a test')
    assert load_model(first).manifest.swappable == ['dynamics', 'residual', 'belief', 'expert']
    manifest = first / MANIFEST
    manifest.write_text(manifest.read_text().replace('- residual\n', '- residual\n- heads\n'))
    child = save_model(
        tmp_path / 'child', changed(parent.model, 0.1), robot='go2', created_by='a test',
        parent='../first',
    )  # fmt: skip
    assert child.swappable == ['dynamics', 'residual', 'heads', 'belief', 'expert']
    assert load_model(tmp_path / 'child').manifest.swappable == child.swappable


@pytest.mark.parametrize(
    ('entry', 'said'),
    [
        ('heads', 'it must list parts: encoder'),
        ('[haeds]', "did you mean 'heads'"),
        ('[normalizer]', 'unknown swappable part'),
    ],
)
def test_a_manifest_that_declares_no_part_is_refused(tmp_path, parent, entry, said):
    folder = tmp_path / 'model'
    save_model(folder, parent.model, robot='go2', created_by='a test')
    manifest = folder / MANIFEST
    text = manifest.read_text()
    manifest.write_text(text[: text.index('swappable:')] + f'swappable: {entry}\n')
    with pytest.raises(CheckpointError, match=said):
        load_model(folder)
