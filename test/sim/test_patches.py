"""Patches of the ground: where they lie, what they do to what touches them, how they are drawn."""

import mujoco
import numpy as np
import pytest

from simdist_ros.sim.scenes.patches import Patches
from simdist_ros.sim.scenes.world import World


def test_patches_are_slippery_where_they_lie_and_nowhere_else(simulate):
    simulation = simulate(
        patch_share=0.5, patch_friction=0.05, patch_size_m=0.5, start_heading_rad=1.0, seed=3
    )
    patches, feet = simulation.grip.patches, simulation.contacts.foot_geoms
    seen = set()
    for x in np.arange(0.0, 6.0, 0.1):
        simulation.data.qpos[0] = x
        mujoco.mj_forward(simulation.model, simulation.data)
        simulation.grip.update(simulation.data)
        inside = patches.contain(simulation.data.geom_xpos[feet, :2])
        expected = np.where(inside, 0.05, 0.8)
        assert simulation.model.geom_friction[feet, 0] == pytest.approx(expected)
        seen |= set(inside.tolist())
    assert seen == {True, False}


def test_patches_turn_with_the_heading_of_the_start(simulate):
    simulation = simulate(patch_share=0.5, start_heading_rad=3.0, seed=3)
    assert abs(simulation.start_heading_rad) > 0.3
    expected = Patches(simulation.world, simulation.start_heading_rad, np.random.default_rng(0))
    expected.pattern = simulation.grip.patches.pattern
    places = np.random.default_rng(0).uniform(-5.0, 5.0, (500, 2))
    assert np.array_equal(simulation.grip.patches.contain(places), expected.contain(places))


def test_an_episode_starts_the_same_wherever_the_one_before_ended(simulate):
    fresh, used = (simulate(patch_share=1.0, patch_friction=0.02, seed=3) for _ in range(2))
    used.data.qpos[0] = 10.0
    mujoco.mj_forward(used.model, used.data)
    used.step()
    assert used.model.geom_friction[used.contacts.foot_geoms, 0] == pytest.approx(0.02)
    for simulation in (fresh, used):
        simulation.reset(5)
    assert used.data.qpos.tobytes() == fresh.data.qpos.tobytes()


def test_the_ground_without_patches_is_a_circle_around_the_start():
    patches = Patches(World(patch_share=1.0, level_start_m=1.0), 0.7, np.random.default_rng(1))
    places = np.random.default_rng(0).uniform(-1.5, 1.5, (2000, 2))
    assert np.array_equal(patches.contain(places), np.linalg.norm(places, axis=1) > 1.0)


def test_a_picture_has_each_patch_around_its_place_once():
    world = World(patch_share=0.4, patch_size_m=0.5)
    patches = Patches(world, 0.7, np.random.default_rng(1))
    place, reach = np.array([-7.0, 5.0]), 2.0
    centres = patches.near(place, reach)
    assert len(np.unique(centres.round(6), axis=0)) == len(centres)
    around = place + np.random.default_rng(0).uniform(-reach, reach, (2000, 2))
    around = around[np.linalg.norm(around - place, axis=1) < reach]
    offset = (around[:, None] - centres) @ patches.turned  # along the sides of the squares
    covered = (np.abs(offset) <= 0.25).all(axis=2).any(axis=1)
    assert np.array_equal(covered, patches.contain(around))


def test_patches_cover_their_share_lie_still_and_leave_the_start_out():
    world = World(patch_share=0.3, patch_size_m=0.5, level_start_m=1.0)
    patches = Patches(world, 0.7, np.random.default_rng(1))
    places = np.random.default_rng(0).uniform(-15.0, 15.0, (20_000, 2))
    inside = patches.contain(places)
    far = np.linalg.norm(places, axis=1) > 1.0
    assert not inside[~far].any()
    assert inside[far].mean() == pytest.approx(0.3, abs=0.03)
    assert np.array_equal(Patches(world, 0.7, np.random.default_rng(1)).contain(places), inside)
    assert not np.array_equal(
        Patches(world, 0.7, np.random.default_rng(2)).contain(places), inside
    )
    # A square around the middle of a patch, turned with the ground, is one patch.
    cos, sin = np.cos(0.7), np.sin(0.7)
    for middle in patches.near(np.array([4.0, -2.0]), 1.5):
        for x, y in ((0.24, 0.24), (-0.24, 0.24), (0.24, -0.24)):
            assert patches.contain(middle + np.array([cos * x - sin * y, sin * x + cos * y]))


def test_the_pattern_turns_with_the_start():
    world = World(patch_share=0.5, patch_size_m=0.5)
    straight, turned = (Patches(world, h, np.random.default_rng(1)) for h in (0.0, np.pi / 2))
    places = np.random.default_rng(0).uniform(-5.0, 5.0, (200, 2))
    quarter = np.stack([-places[:, 1], places[:, 0]], axis=1)
    assert np.array_equal(straight.contain(places), turned.contain(quarter))


def test_each_episode_has_patches_of_its_own(simulate):
    simulation = simulate(patch_share=0.5, seed=1)
    first = simulation.grip.patches.pattern
    simulation.reset()
    assert not np.array_equal(simulation.grip.patches.pattern, first)
    simulation.reset(1)
    assert np.array_equal(simulation.grip.patches.pattern, first)
