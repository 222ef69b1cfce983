"""What a planner has to beat, walked in the same worlds."""

from __future__ import annotations

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.evaluation.progress import PlannedWalk
from simdist_ros.evaluation.rivals import METHODS, SpeedController, judge_rival, search_of
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.tasks.velocity.settings import velocity_goal
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import find_model, load_model

ASKED = PlannedWalk(world=load_world('nominal'), seed=3, speed=0.5, seconds=1.5)
WANTED = np.array([0.5, 0.1, -0.2], dtype=np.float32)


@pytest.mark.parametrize('method', METHODS)
def test_every_rival_walks_and_is_judged(go2, method):
    model = load_model(find_model('go2'), go2).model
    found = judge_rival(go2, load_recipe(go2), model, MppiSettings(), method, ASKED)
    assert not found.progress.fell
    assert 0.3 < found.progress.progress_m <= 0.75
    assert found.tracking_error_mps < 0.4
    assert found.reward_per_s > 2.0


def test_a_model_without_an_expert_is_refused_for_the_methods_that_need_one():
    bare = WorldModel(Architecture(latent_dim=16, dynamics_heads=4))
    for method in ('expert', 'expert_pi'):
        with pytest.raises(ConfigError, match=f"method '{method}' needs a model that carries"):
            search_of(method, MppiSettings(), bare)
    assert not search_of('policy', MppiSettings(), bare).uses_expert


def test_an_unknown_method_gets_a_suggestion():
    bare = WorldModel(Architecture(latent_dim=16, dynamics_heads=4))
    with pytest.raises(ConfigError, match="unknown method 'expert_p'; did you mean 'expert_pi'"):
        search_of('expert_p', MppiSettings(), bare)


def test_a_robot_that_is_too_slow_is_asked_for_more_and_more_until_a_limit(go2):
    pi = SpeedController(go2)
    asked = [pi.command(WANTED, 0.2)[0] for _ in range(1000)]
    assert asked[100] > asked[50] > WANTED[0]
    assert asked[-1] == pytest.approx(velocity_goal(go2).high[0])
    np.testing.assert_array_equal(pi.command(WANTED, 0.2)[1:], WANTED[1:])


def test_a_robot_that_is_as_fast_as_wanted_is_asked_for_what_is_wanted(go2):
    pi = SpeedController(go2)
    asked = [pi.command(WANTED, 0.5)[0] for _ in range(2000)]
    assert asked[-1] == pytest.approx(WANTED[0], abs=0.02)


def test_nothing_backwards_is_asked_of_a_robot_that_is_too_fast(go2):
    pi = SpeedController(go2)
    assert min(pi.command(WANTED, 3.0)[0] for _ in range(500)) == 0.0
