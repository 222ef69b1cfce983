"""Actions as joint targets and as motions of the tool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import JointTarget, action_space_of
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.executed_actions import ExecutedActions
from simdist_ros.embodiment.joint_mirror import JointMirror
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.embodiment.tool_delta import ToolDeltaSettings

BODIES = Path(__file__).parents[1] / 'bodies'
AXES = ('x', 'y', 'z', 'rx', 'ry', 'rz')
MIRRORS = {
    'pan_joint': JointMirror(mirror='pan_joint', sign=-1.0),
    'shoulder_joint': JointMirror(mirror='shoulder_joint'),
    'elbow_joint': JointMirror(mirror='elbow_joint'),
}
BEFORE = np.array([0.4, 0.5, 1.2])


@pytest.fixture(scope='module')
def arm():
    return load_robot(str(BODIES / 'arm/arm.yaml'))


def moving(arm, **settings):
    """Return the action space of the arm, moved by its tool."""
    return action_space_of(replace(arm, tool_delta=ToolDeltaSettings(**settings)))


def test_an_action_is_a_joint_target_unless_the_robot_says_otherwise(arm):
    space = action_space_of(arm)
    assert isinstance(space, JointTarget)
    np.testing.assert_allclose(space.to_joints(np.array([0.0, 0.1, -0.2])), [0.0, 0.6, 1.0])
    np.testing.assert_allclose(space.from_joints(np.array([0.0, 0.6, 1.0])), [0.0, 0.1, -0.2])


@pytest.mark.parametrize('axes', [AXES[:3], ('x', 'rz'), AXES])
def test_a_step_is_that_of_mink(arm, axes):
    mink = pytest.importorskip('mink', reason='mink is not installed; requirements/dev.txt')
    space = moving(arm, axes=axes, damping=0.05, step_m=1e-3, step_rad=1e-3)
    action = np.random.default_rng(1).uniform(-1.0, 1.0, len(axes))
    model = mujoco.MjModel.from_xml_path(str(arm.mjcf_path))
    configuration = mink.Configuration(model, BEFORE)
    start = configuration.get_transform_frame_to_world('tool', 'site')
    wanted = np.zeros(6)
    wanted[[AXES.index(axis) for axis in axes]] = 1e-3 * action
    costs = np.array([float(axis in axes) for axis in AXES])
    # mink's task works in the frame of the tool: it is told the costs where that is the base's.
    task = mink.FrameTask('tool', 'site', position_cost=1.0, orientation_cost=1.0)
    turned = mink.SO3.exp(wanted[3:]) @ start.rotation()
    task.set_target(
        mink.SE3.from_rotation_and_translation(turned, start.translation() + wanted[:3])
    )
    error, jacobian = task.compute_error(configuration), task.compute_jacobian(configuration)
    into_base = np.kron(np.eye(2), start.rotation().as_matrix())
    if len(axes) == 6:
        moved = mink.solve_ik(configuration, [task], 1.0, 'daqp', damping=0.05**2)
    else:  # what mink minimises, for some of the axes
        rows = np.diag(costs) @ into_base
        a, b = rows @ -jacobian, rows @ error
        moved = np.linalg.solve(a.T @ a + 0.05**2 * np.eye(3), a.T @ b)
    np.testing.assert_allclose(space.to_joints(action, BEFORE) - BEFORE, moved, atol=2e-6)


def test_what_joints_do_to_the_tool_is_what_mujoco_says(arm):
    model = mujoco.MjModel.from_xml_path(str(arm.mjcf_path))
    data = mujoco.MjData(model)
    data.qpos[:] = BEFORE
    mujoco.mj_forward(model, data)
    expected = np.zeros((6, 3))
    mujoco.mj_jacSite(model, data, expected[:3], expected[3:], data.site('tool').id)
    place, _, jacobian = moving(arm).chain.motion(BEFORE)
    np.testing.assert_allclose(jacobian, expected, atol=1e-12)
    np.testing.assert_allclose(place, data.site('tool').xpos, atol=1e-12)


def test_an_action_moves_the_tool_by_its_step_and_is_found_again(arm):
    space = moving(arm, axes=AXES[:3], damping=1e-3)
    before = np.tile(BEFORE, (2, 4, 1)) + 0.05 * np.random.default_rng(0).normal(size=(2, 4, 3))
    action = np.random.default_rng(1).uniform(-1.0, 1.0, (2, 4, 3))
    target = space.to_joints(action, before)
    moved = space.chain.position(target) - space.chain.position(before)
    np.testing.assert_allclose(moved, 0.01 * action, atol=5e-4)
    np.testing.assert_allclose(space.from_joints(target, before), 100.0 * moved, atol=1e-9)
    np.testing.assert_allclose(space.to_joints(action[1, 2], before[1, 2]), target[1, 2])


def test_a_turn_is_about_an_axis_of_the_base(arm):
    space = moving(arm, axes=('rz',), damping=1e-3)
    target = space.to_joints(np.array([1.0]), BEFORE)
    np.testing.assert_allclose(target - BEFORE, [0.05, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(space.from_joints(target, BEFORE), [1.0], atol=1e-4)


def test_no_joint_goes_faster_than_it_may_nor_beyond_its_limits(arm):
    space = moving(arm, axes=AXES[:3], step_m=0.5)
    action = np.array([0.2, 0.5, -0.3])
    step = space.to_joints(action, BEFORE) - BEFORE
    slow = moving(arm, axes=AXES[:3]).to_joints(50.0 * 0.01 * action, BEFORE) - BEFORE
    assert np.abs(step).max() == pytest.approx(3.0 / 50.0)
    np.testing.assert_allclose(np.cross(step, slow), 0.0, atol=1e-9)  # the same direction
    at_end = np.array([2.6, 0.5, 1.2])
    assert space.to_joints(np.array([0.0, -9.0, 0.0]), at_end)[0] <= 2.6


def test_a_larger_action_than_the_limit_is_cut(arm):
    space = moving(arm, axes=AXES[:3], limit=0.5)
    np.testing.assert_array_equal(
        space.to_joints(np.array([0.0, 0.0, 0.5]), BEFORE),
        space.to_joints(np.array([0.0, 0.0, 7.0]), BEFORE),
    )


def test_near_a_singular_pose_no_joint_races(arm):
    stretched = np.array([0.0, 0.6, 0.0])
    outward = np.array([np.sin(0.6), 0.0, np.cos(0.6)])
    step = moving(arm, axes=AXES[:3]).to_joints(outward, stretched) - stretched
    assert np.abs(step).max() < 1e-3


def test_joints_go_to_their_posture_as_far_as_the_tool_does_not_notice(arm):
    free, pulled = (moving(arm, axes=('z',), posture=posture) for posture in (0.0, 0.2))
    before, rest = np.array([0.8, 0.9, 0.4]), arm.per_joint('default')
    still = np.zeros(1)
    np.testing.assert_array_equal(free.to_joints(still, before), before)
    target = pulled.to_joints(still, before)
    assert np.linalg.norm(target - rest) < np.linalg.norm(before - rest) - 0.03
    assert abs(pulled.from_joints(target, before)[0]) < 0.2


def test_actions_follow_each_other(arm):
    space = moving(arm, axes=AXES[:3], damping=1e-3)
    targets = space.sequence(np.tile([0.0, 0.0, -1.0], (10, 1)), BEFORE)
    fell = space.chain.position(BEFORE)[2] - space.chain.position(targets)[:, 2]
    np.testing.assert_allclose(fell, 0.01 * np.arange(1, 11), atol=1e-3)
    np.testing.assert_array_equal(space.repeated(np.ones(3)), np.zeros(3))


def test_the_mirror_image_of_an_action_moves_the_mirror_image_of_the_arm(arm):
    space = moving(arm)
    index, sign = space.mirror(MIRRORS)
    signs = np.array([MIRRORS[name].sign for name in arm.joint_names])
    action = np.array([0.3, -0.8, 0.5, 0.2, 0.4, -0.6])
    image = space.to_joints(np.array(sign) * action[index], signs * BEFORE)
    np.testing.assert_allclose(image, signs * space.to_joints(action, BEFORE), atol=1e-12)


def test_executed_actions_start_from_what_the_joints_were_told_before(arm):
    space = moving(arm, axes=AXES[:3])
    executed = ExecutedActions(space, kept_steps=3)
    first = space.to_joints(np.array([1.0, 0.0, 0.0]), BEFORE)
    second = space.to_joints(np.array([0.0, 1.0, 0.0]), first)
    sagged = first + 0.02  # where the joints are does not matter
    executed.note(0, JointCommand(stamp_ns=0, position=first), BEFORE)
    executed.note(1, JointCommand(stamp_ns=20, position=second), sagged)
    executed.note(1, JointCommand(stamp_ns=25, position=BEFORE), sagged)  # too late to count
    np.testing.assert_allclose(executed.get(0).action, [1.0, 0.0, 0.0], atol=0.03)
    np.testing.assert_allclose(executed.get(1).action, [0.0, 1.0, 0.0], atol=0.03)
    executed.note(2, JointCommand(stamp_ns=40, position=None), sagged)
    assert executed.get(2).is_damped
    third = JointCommand(stamp_ns=60, position=sagged)
    executed.note(3, third, sagged + 0.1)
    np.testing.assert_array_equal(executed.get(3).action, np.zeros(3))
    executed.note(9, third, sagged)
    assert executed.get(3) is None


@pytest.mark.parametrize(
    ('changed', 'sentence'),
    [
        ('tool_delta: {axes: [x, roll]}', r"unknown axis 'roll'"),
        ('tool_delta: {axes: [x, x]}', r'axes is \[.x., .x.\]; name at least one axis, and none'),
        ('tool_delta: {step_m: 0}', r'tool_delta: step_m is 0'),
    ],
)
def test_a_wrong_description_is_refused_in_one_sentence(arm, tmp_path, changed, sentence):
    (tmp_path / 'arm.yaml').write_text(f'{arm.source.read_text()}{changed}\n')
    with pytest.raises(ConfigError, match=sentence):
        load_robot(str(tmp_path / 'arm.yaml'))


def test_a_tool_that_is_not_there_is_named(arm):
    with pytest.raises(ConfigError, match="robot 'arm' names no tool"):
        action_space_of(replace(arm, tool='', tool_delta=ToolDeltaSettings()))
