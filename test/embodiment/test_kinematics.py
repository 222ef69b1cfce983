"""Where a tool is, computed without MuJoCo, against MuJoCo."""

from __future__ import annotations

import dataclasses

import mujoco
import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.robot import Joint, Robot

MJCF = """<mujoco><compiler angle="{angle}" {more}/>
<worldbody><body name="base" pos="0.3 -0.2 0.5" quat="0.7 0.1 0.2 0.3">
  <geom size="0.1"/>
  <body pos="0.1 0 0.2" {first}><joint name="a" axis="0 1 2" pos="0.01 0.02 0.03"/>
    <geom size="0.1"/>
    <body pos="0 0.3 0" {second}><joint name="c" axis="1 0 0"/><joint name="b"/>
      <geom size="0.1"/><site name="tip" pos="0.05 0.06 0.4"/>
    </body></body></body></worldbody></mujoco>"""
TURNED = {
    'not at all': ('radian', '', '', ''),
    'quaternion': ('radian', '', 'quat="0.9 0.3 -0.2 0.1"', ''),
    'angle about an axis': ('degree', '', 'axisangle="1 2 0 40"', 'axisangle="0 0 -1 70"'),
    'angles': ('degree', '', 'euler="10 20 30"', 'euler="-40 0 90"'),
    'angles of an odd order': ('radian', 'eulerseq="ZyX"', 'euler="0.1 0.2 0.3"', 'euler="1 2 3"'),
}


def robot_of(folder, text) -> Robot:
    (folder / 'toy.xml').write_text(text)
    joints = tuple(Joint(name=name) for name in 'abc')
    return Robot(name='toy', mjcf='toy.xml', tool='tip', joints=joints, source=folder / 'toy.yaml')


@pytest.mark.parametrize(('angle', 'more', 'first', 'second'), TURNED.values(), ids=TURNED)
def test_the_tool_is_where_mujoco_says(tmp_path, angle, more, first, second):
    robot = robot_of(tmp_path, MJCF.format(angle=angle, more=more, first=first, second=second))
    model = mujoco.MjModel.from_xml_path(str(robot.mjcf_path))
    data = mujoco.MjData(model)
    poses = np.random.default_rng(0).uniform(-2.0, 2.0, (5, 3))
    found = tool_chain(robot).position(poses)
    for pose, place in zip(poses, found, strict=True):
        for joint, value in zip(robot.joint_names, pose, strict=True):
            data.joint(joint).qpos[0] = value
        mujoco.mj_kinematics(model, data)
        base = data.body('base')
        wanted = base.xmat.reshape(3, 3).T @ (data.site('tip').xpos - base.xpos)
        np.testing.assert_allclose(place, wanted, atol=1e-9)


def test_leading_axes_are_kept(tmp_path):
    robot = robot_of(tmp_path, MJCF.format(angle='radian', more='', first='', second=''))
    poses = np.random.default_rng(0).uniform(-2.0, 2.0, (4, 2, 3))
    found = tool_chain(robot).position(poses)
    assert found.shape == (4, 2, 3)
    np.testing.assert_allclose(found[3, 1], tool_chain(robot).position(poses[3, 1]))


REFUSED = {
    'no tool': (('toy', 'toy'), {'tool': ''}, "robot 'toy' names no tool; name a site"),
    'an unknown site': (
        ('toy', 'toy'),
        {'tool': 'tp'},
        "toy.xml: unknown site 'tp'; did you mean 'tip'?",
    ),
    'no file': (('toy', 'toy'), {'mjcf': 'tiy.xml'}, 'tiy.xml: there is no such file'),
    'damaged': (('</mujoco>', ''), {}, 'toy.xml: cannot be read'),
    'an axis in the defaults': (
        ('<worldbody>', '<default><joint axis="1 0 0"/></default><worldbody>'),
        {},
        'the place of a joint in its defaults is not understood',
    ),
    'a sliding joint': (('name="b"', 'name="b" type="slide"'), {}, "joint 'b', which is no hinge"),
    'another joint': (('name="b"', 'name="d"'), {}, "joint 'd', which is no hinge of the descr"),
    'an included file': (('<worldbody>', '<include file="a"/><worldbody>'), {}, 'an <include>'),
    'axes': (('pos="0 0.3 0"', 'pos="0 0.3 0" zaxis="0 1 0"'), {}, 'zaxis of body'),
}


@pytest.mark.parametrize(('change', 'fields', 'said'), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_refused(tmp_path, change, fields, said):
    text = MJCF.format(angle='radian', more='', first='', second='').replace(*change)
    robot = dataclasses.replace(robot_of(tmp_path, text), **fields)
    with pytest.raises(ConfigError) as error:
        tool_chain(robot)
    assert said in str(error.value)
