import dataclasses

import mujoco
import numpy as np
import pytest
from PIL import Image

from simdist_ros.sim.errors import RenderError
from simdist_ros.sim.rendering import draw, render
from simdist_ros.sim.rendering.draw import RecordedWalk, draw_side_by_side, draw_walk
from simdist_ros.sim.rendering.patch_marks import add_patch_marks
from simdist_ros.sim.rendering.pictures import GAP, contact_sheet, save_gif, side_by_side
from simdist_ros.sim.scenes.scenery import SUN_TURNED_RAD, place_sun
from simdist_ros.sim.scenes.world import World, load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot


@pytest.fixture
def poses(go2):
    """Record a robot that stands for a second."""
    simulation = SimulatedRobot(go2, load_world('nominal'), 0)
    rows = []
    for _ in range(50):
        simulation.step()
        now = simulation.true_state()
        rows.append([now.time_ns * 1e-9, *now.position, *now.orientation, *now.joint_pos])
    return np.array(rows)


@pytest.fixture
def walk(go2, poses):
    return RecordedWalk(robot=go2, world=load_world('nominal'), seed=0, poses=poses)


def test_a_walk_becomes_a_contact_sheet_and_a_gif(walk, tmp_path):
    try:
        pictures = draw_walk(walk, tmp_path)
    except RenderError as error:
        pytest.skip(str(error))
    with Image.open(pictures.contact_sheet) as sheet:
        pixels = np.asarray(sheet.convert('RGB')).astype(int)
    with Image.open(pictures.gif) as gif:
        assert gif.n_frames == 12
        assert gif.size == render.SIZE
    orange = (pixels[..., 0] > 200) & (pixels[..., 2] < 90)
    assert orange.sum() > 100  # the robot's feet


def test_two_walks_become_one_film_beside_each_other_as_long_as_the_longer(walk, tmp_path):
    short = dataclasses.replace(walk, poses=walk.poses[:10])
    try:
        film = draw_side_by_side({'before': short, 'after': walk}, tmp_path)
    except RenderError as error:
        pytest.skip(str(error))
    assert film == tmp_path / 'before_after.gif'
    with Image.open(film) as gif:
        assert gif.n_frames == 12
        assert gif.size == (2 * render.SIZE[0] + GAP, render.SIZE[1])


def test_films_are_joined_from_left_to_right():
    left, right = np.zeros((2, 4, 6, 3), np.uint8), np.full((2, 4, 6, 3), 9, np.uint8)
    joined = side_by_side([left, right])
    assert joined.shape == (2, 4, 12 + GAP, 3)
    assert (joined[:, :, :6] == 0).all()
    assert (joined[:, :, -6:] == 9).all()


def test_without_graphics_the_error_says_what_to_install(walk, tmp_path, monkeypatch):
    monkeypatch.setattr(draw, 'BACKENDS', ('missing',))
    monkeypatch.setenv('MUJOCO_GL', 'absent')
    with pytest.raises(RenderError, match=r'apt install libegl1 libopengl0') as caught:
        draw_walk(walk, tmp_path)
    assert '\n' not in str(caught.value)


def test_without_poses_there_is_nothing_to_draw(walk, tmp_path):
    with pytest.raises(RenderError, match='no pose was recorded'):
        draw_walk(dataclasses.replace(walk, poses=np.zeros((0, 20))), tmp_path)


def test_stills_show_one_stride_in_even_steps_from_the_middle_of_the_walk():
    poses = np.zeros((501, 20))
    poses[:, 0] = 0.02 * np.arange(501)
    stills = render.stride_poses(poses, 0.5)
    assert len(stills) == render.STILLS
    assert stills[0, 0] == pytest.approx(4.75, abs=0.02)
    assert np.diff(stills[:, 0]) == pytest.approx(0.5 / render.STILLS, abs=0.02)
    assert stills[-1, 0] - stills[0, 0] == pytest.approx(0.5 - 0.5 / render.STILLS, abs=0.02)


def test_stills_of_a_walk_shorter_than_a_stride_are_all_that_there_is():
    poses = np.zeros((3, 20))
    poses[:, 0] = 0.02 * np.arange(3)
    assert 1 <= len(render.stride_poses(poses, 0.5)) <= 3


def test_a_long_walk_is_drawn_with_fewer_frames_a_second():
    poses = np.zeros((5000, 20))
    poses[:, 0] = 0.02 * np.arange(5000)
    chosen, rate_hz = render.sample_poses(poses)
    assert len(chosen) == render.MAX_FRAMES
    assert rate_hz == pytest.approx(render.MAX_FRAMES / 99.98)
    assert np.diff(chosen[:, 0]).max() < 0.7


def test_a_single_pose_is_enough():
    chosen, rate_hz = render.sample_poses(np.zeros((1, 20)))
    assert chosen.shape == (1, 20)
    assert rate_hz > 0.0


def test_a_contact_sheet_is_read_like_a_page(tmp_path):
    frames = np.zeros((6, 40, 60, 3), dtype=np.uint8)
    frames[..., 0] = np.arange(6)[:, None, None] * 40
    contact_sheet(frames, tmp_path / 'sheet.png', columns=3)
    with Image.open(tmp_path / 'sheet.png') as image:
        sheet = np.asarray(image)
    assert sheet.shape[:2] == (2 * 46 + 6, 3 * 66 + 6)
    assert [sheet[20, x, 0] for x in (30, 96, 162)] == [0, 40, 80]
    assert sheet[70, 30, 0] == 120


def test_a_gif_has_every_frame_and_its_rate(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (5, 20, 30, 3)).astype(np.uint8)
    save_gif(frames, tmp_path / 'walk.gif', rate_hz=10.0)
    with Image.open(tmp_path / 'walk.gif') as gif:
        assert gif.n_frames == 5
        assert gif.info['duration'] == 100


@pytest.mark.parametrize('azimuth', [0.0, 2.0, -3.0])
def test_the_sun_stands_on_the_same_side_of_every_picture(walk, azimuth):
    simulation = SimulatedRobot(walk.robot, walk.world, 0)
    place_sun(simulation.data, azimuth)
    x, y, z = simulation.data.light('sun').xdir
    assert np.hypot(np.hypot(x, y), z) == pytest.approx(1.0)
    assert z < 0.0
    turned = np.arctan2(y, x) - azimuth
    assert np.cos(turned - SUN_TURNED_RAD) == pytest.approx(1.0)


def test_patches_are_drawn_where_they_lie(go2):
    world = World(patch_share=0.5, start_heading_rad=1.0)
    simulation = SimulatedRobot(go2, world, 0)
    scene = mujoco.MjvScene(simulation.model, maxgeom=300)
    place = np.array([2.0, 1.0, 0.3])
    add_patch_marks(scene, simulation, place)
    assert scene.ngeom > 20
    for tile in scene.geoms[: scene.ngeom]:
        assert simulation.grip.patches.contain(tile.pos[:2].astype(float))
        assert tile.pos[2] == pytest.approx(0.0, abs=1e-5)
        ahead = tile.mat[:, 0]
        heading = simulation.start_heading_rad
        assert ahead == pytest.approx([np.cos(heading), np.sin(heading), 0.0], abs=1e-5)
    plain = mujoco.MjvScene(simulation.model, maxgeom=300)
    add_patch_marks(plain, SimulatedRobot(go2, World(), 0), place)
    assert plain.ngeom == 0


def test_a_gif_keeps_small_spots_of_colour(tmp_path):
    grey = np.random.default_rng(0).integers(60, 200, (3, 60, 90, 1))
    frames = np.repeat(grey, 3, axis=-1).astype(np.uint8)
    frames[:, 20:24, 30:34] = (230, 100, 30)
    save_gif(frames, tmp_path / 'walk.gif', rate_hz=10.0)
    with Image.open(tmp_path / 'walk.gif') as gif:
        pixels = np.asarray(gif.convert('RGB')).astype(int)
    red, _, blue = pixels[22, 32]
    assert red - blue > 150
