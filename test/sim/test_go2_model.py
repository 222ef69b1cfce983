import math

import mujoco
import numpy as np
import pytest

from simdist_ros.sim.model import build_model
from simdist_ros.sim.scenes.world import World

LEGS = ('FR', 'FL', 'RR', 'RL')


@pytest.fixture(scope='module')
def model(go2):
    return build_model(go2, World())


def test_its_parts_weigh_what_the_real_ones_do(model):
    assert model.body('base').mass[0] == pytest.approx(6.921)
    for leg in LEGS:
        masses = [model.body(f'{leg}_{part}').mass[0] for part in ('hip', 'thigh', 'calf')]
        assert masses == pytest.approx([0.678, 1.152, 0.241], abs=5e-4)
    assert model.body('base').subtreemass[0] == pytest.approx(15.206, abs=5e-4)


@pytest.mark.parametrize('leg', LEGS)
def test_its_links_are_as_long_as_the_real_ones(model, leg):
    front, left = leg[0] == 'F', leg[1] == 'L'
    side = 1.0 if left else -1.0
    hip = [0.1934 if front else -0.1934, 0.0465 * side, 0.0]
    assert model.body(f'{leg}_hip').pos == pytest.approx(hip)
    assert model.body(f'{leg}_thigh').pos == pytest.approx([0.0, 0.0955 * side, 0.0])
    assert model.body(f'{leg}_calf').pos == pytest.approx([0.0, 0.0, -0.213])
    foot = model.geom(f'{leg}_foot')
    assert foot.pos == pytest.approx([0.0, 0.0, -0.213])
    assert foot.size[0] == pytest.approx(0.022)


def test_joint_ranges_are_those_of_the_description(model, go2):
    for joint in go2.joints:
        assert model.joint(joint.name).range == pytest.approx([joint.low, joint.high])


def test_the_file_for_a_viewer_has_the_gains_and_limits_of_the_description(go2):
    plain = mujoco.MjModel.from_xml_path(str(go2.mjcf_path))
    for joint in go2.joints:
        drive = plain.actuator(joint.name)
        assert drive.forcerange == pytest.approx([-joint.max_torque, joint.max_torque])
        assert drive.gainprm[0] == pytest.approx(joint.kp)
        assert drive.biasprm[:3] == pytest.approx([0.0, -joint.kp, -joint.kd])


def test_joints_have_armature_and_no_damping_of_their_own(model):
    assert np.all(model.dof_damping == 0.0)
    assert model.dof_armature[6:] == pytest.approx(0.01)


def test_physics_steps_take_five_milliseconds_with_faithful_contact(model):
    assert model.opt.timestep == pytest.approx(0.005)
    assert model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
    assert model.opt.impratio == pytest.approx(100.0)


def test_inertias_are_those_of_a_rigid_body(model):
    for inertia in model.body_inertia[1:]:
        largest = inertia.max()
        assert largest <= inertia.sum() - largest


def test_left_and_right_mirror_each_other(model):
    mirror = np.array([1.0, -1.0, 1.0])
    for pair in (('FR', 'FL'), ('RR', 'RL')):
        for part in ('hip', 'thigh', 'calf'):
            right, left = (model.body(f'{leg}_{part}') for leg in pair)
            assert right.ipos == pytest.approx(mirror * left.ipos)
            assert right.inertia == pytest.approx(left.inertia)


def test_standing_pose_puts_the_base_where_trigonometry_says(model, go2):
    data = mujoco.MjData(model)
    data.qpos[:7] = 0, 0, 1, 1, 0, 0, 0
    for joint in go2.joints:
        data.joint(joint.name).qpos[0] = joint.stand if 'hip' not in joint.name else 0.0
    mujoco.mj_kinematics(model, data)
    depth = 0.213 * (math.cos(0.8) + math.cos(0.8 - 1.5))
    assert 1.0 - data.geom('FL_foot').xpos[2] == pytest.approx(depth)
