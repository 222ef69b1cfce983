"""The mirror: twice is never, and the physics agrees with it."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.joint_mirror import check_mirror
from simdist_ros.pretraining.expert.first_path import trot
from simdist_ros.pretraining.expert.networks import (
    Actor,
    actor_input,
    critic_input,
    make_mirrors,
    make_ppo,
    to_tensor,
)
from simdist_ros.rl.ppo import PpoSettings
from simdist_ros.sim.batch.vector_env import VectorEnv


@pytest.fixture
def mirrors(go2, recipe):
    return make_mirrors(go2, recipe, 'cpu')


@pytest.mark.parametrize('name', ['actor', 'critic', 'extero', 'action'])
def test_the_image_of_an_image_is_the_original(mirrors, name):
    mirror = getattr(mirrors, name)
    x = torch.randn(3, len(mirror.index))
    assert torch.equal(mirror(mirror(x)), x)
    assert not torch.equal(mirror(x), x)


def mirror_robot(env, mirrors):
    """Make robot 1 the mirror image of robot 0."""
    joints = mirrors.action
    index, sign = joints.index.numpy(), joints.sign.numpy()
    at = env.layout.velocity_at
    env.state[1] = env.state[0]
    env.state[1, 2] *= -1.0
    env.state[1, 4:8] *= [1.0, -1.0, 1.0, -1.0]
    env.state[1, at : at + 6] *= [1.0, -1.0, 1.0, -1.0, 1.0, -1.0]
    for start in (1 + env.models.qpos, at + env.models.qvel):
        env.state[1, start] = (env.state[0, start][index]) * sign
    env.stamp_ns[1] = env.stamp_ns[0] + 250_000_000
    env.commands[1] = env.commands[0] * [1.0, -1.0, -1.0]
    env.last_action[1] = env.last_action[0][index] * sign


def test_the_mirror_of_an_observation_is_what_the_mirrored_robot_observes(walkers, mirrors):
    env = walkers(num_robots=2)
    for values in env.parameters.values():
        values[1] = values[0]
    env.state[0, 4:8] = [math.cos(0.1), math.sin(0.1), 0.0, 0.0]  # leaning to one side
    mirror_robot(env, mirrors)
    seen = to_tensor(env.observe(env.state, env.stamp_ns), 'cpu')
    seen['proprio_obs'] = seen['true_proprio_obs']
    for name, x in (('actor', actor_input(seen)), ('critic', critic_input(seen))):
        assert getattr(mirrors, name)(x[0]) == pytest.approx(x[1], abs=1e-5)
    extero = seen['true_extero_obs']
    assert mirrors.extero(extero[0]) == pytest.approx(extero[1], abs=1e-5)


def test_a_mirrored_robot_with_mirrored_actions_earns_the_same(walkers, mirrors):
    env = walkers(num_robots=2)
    for name, values in env.parameters.items():
        values[1] = values[0]
        values[:] = values * ([1.0, 0.0, 1.0] if name == 'shift_m' else 1.0)
    env.parameters['up'][:] = [0.0, 0.0, 1.0]
    for i in range(2):
        env.set_model(i)
        model = env.models.models[i]  # the left legs' inertia is not quite the right's mirror
        model.body_inertia[:] = model.body_inertia.round(3) + 1e-3
        model.body_iquat[:] = [1.0, 0.0, 0.0, 0.0]
        model.body_ipos[:, 1] = 0.0
    env.next_push[:] = env.next_command[:] = 10_000
    mirror_robot(env, mirrors)
    rng = np.random.default_rng(0)
    for _ in range(5):
        action = rng.normal(scale=0.3, size=12)
        image = mirrors.action(torch.tensor(action)).numpy()
        result = env.step(np.stack([action, image]))
    assert result.reward[0] == pytest.approx(result.reward[1], abs=1e-4)


@torch.no_grad()
def test_the_policy_starts_as_a_trot_that_is_its_own_mirror_image(go2, recipe, mirrors):
    actor = Actor(go2, recipe)
    torch.nn.init.zeros_(actor.body.net[-1].weight)
    x = torch.randn(4, len(mirrors.actor.index))
    extero = torch.randn(4, 315)
    action = actor(x, extero)
    image = actor(mirrors.actor(x), mirrors.extero(extero))
    assert mirrors.action(action) == pytest.approx(image, abs=1e-6)
    x[:, actor.phase_index] = torch.tensor([0.0, 1.0])  # a quarter of the period
    calf = go2.joint_names.index('FL_calf_joint')
    assert actor(x, extero)[0, calf].item() == pytest.approx(-1.0)  # in mid-swing: bent
    calf = go2.joint_names.index('FR_calf_joint')
    assert actor(x, extero)[0, calf].item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize('start', [0.0, 0.25, 0.6])
def test_a_foot_is_lifted_most_in_the_middle_of_its_swing_whenever_that_begins(go2, recipe, start):
    feet = {
        name: dataclasses.replace(foot, swing_start=start) for name, foot in recipe.feet.items()
    }
    weights = trot(dataclasses.replace(recipe, feet=feet))
    middle = 2.0 * math.pi * (start + 0.25)
    lifted = weights @ torch.tensor([math.cos(middle), math.sin(middle)])
    expected = [joint.lift for joint in recipe.joints.values()]
    assert lifted.tolist() == pytest.approx(expected, abs=1e-5)
    assert any(expected)


def test_both_sides_explore_alike(go2, recipe, mirrors):
    actor = Actor(go2, recipe)
    torch.nn.init.normal_(actor.log_std)
    std = actor.std()
    assert torch.equal(std[mirrors.action.index], std)


def test_a_robot_without_feet_gait_clock_and_map_is_trained_in_the_same_batch(go2, recipe):
    bare = dataclasses.replace(
        go2, proprio_obs=('joint_vel', 'projected_gravity'), height_map=None
    )
    joints = {name: dataclasses.replace(j, foot='') for name, j in recipe.joints.items()}
    footless = dataclasses.replace(recipe, feet={}, joints=joints)
    env = VectorEnv(bare, footless, num_robots=2, seed=0)
    ppo = make_ppo(bare, footless, PpoSettings(), seed=0)
    seen = to_tensor(env.observation, 'cpu')
    action = ppo.actor(actor_input(seen), seen['extero_obs']).detach().numpy()
    assert np.isfinite(env.step(action).reward).all()


def test_a_robot_without_gait_clock_and_map_has_networks_and_mirrors_too(go2, recipe):
    bare = dataclasses.replace(
        go2, proprio_obs=('joint_vel', 'projected_gravity'), height_map=None
    )
    actor, mirrors = Actor(bare, recipe), make_mirrors(bare, recipe, 'cpu')
    x = torch.randn(3, len(mirrors.actor.index))
    assert actor(x, torch.zeros(3, 0)).shape == (3, bare.num_joints)
    assert torch.equal(mirrors.actor(mirrors.actor(x)), x)


def test_a_mirror_that_does_not_lead_back_is_refused():
    with pytest.raises(ConfigError, match="mirror image of foot 'a' is 'b', whose own is 'c'"):
        check_mirror('foot', {'a': 'b', 'b': 'c', 'c': 'b'}, Path('r.yaml'))
