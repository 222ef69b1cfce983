import numpy as np
import pytest
from PIL import Image

from simdist_ros.sim import render
from simdist_ros.sim.errors import RenderError
from simdist_ros.sim.pictures import contact_sheet, save_gif
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.sim.world import load_world


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


def test_a_walk_becomes_a_contact_sheet_and_a_gif(go2, poses, tmp_path):
    try:
        pictures = render.draw_walk(go2, load_world('nominal'), 0, poses, tmp_path)
    except RenderError as error:
        pytest.skip(str(error))
    with Image.open(pictures.contact_sheet) as sheet:
        pixels = np.asarray(sheet.convert('RGB')).astype(int)
    with Image.open(pictures.gif) as gif:
        assert gif.n_frames == 12
        assert gif.size == render.SIZE
    orange = (pixels[..., 0] > 200) & (pixels[..., 2] < 90)
    assert orange.sum() > 100  # the robot's feet


def test_without_graphics_the_error_says_what_to_install(go2, poses, tmp_path, monkeypatch):
    monkeypatch.setattr(render, 'BACKENDS', ('missing',))
    monkeypatch.setenv('MUJOCO_GL', 'absent')
    with pytest.raises(RenderError, match=r'apt install libegl1 libopengl0') as caught:
        render.draw_walk(go2, load_world('nominal'), 0, poses, tmp_path)
    assert '\n' not in str(caught.value)


def test_without_poses_there_is_nothing_to_draw(go2, tmp_path):
    with pytest.raises(RenderError, match='no pose was recorded'):
        render.draw_walk(go2, load_world('nominal'), 0, np.zeros((0, 20)), tmp_path)


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
    contact_sheet(frames, tmp_path / 'sheet.png', tiles=6, columns=3)
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
