"""MJCF files as users have them: driven by us, or refused in one sentence that names the file."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.sim.mjcf_check import check_mjcf
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot

ARM = Path(__file__).resolve().parents[1] / 'bodies' / 'arm'
STILL = World(start_heading_rad=0.0, start_joint_offset_rad=0.0)


@pytest.fixture
def variant(go2, tmp_path):
    """Return a Go2 whose MJCF is changed by pairs of a pattern and what replaces it."""

    def make(*changes):
        xml = go2.mjcf_path.read_text()
        for pattern, replacement in changes:
            xml, count = re.subn(pattern, replacement, xml)
            assert count, pattern
        (tmp_path / 'own.xml').write_text(xml)
        description = re.sub(r'(?m)^mjcf: .*', 'mjcf: own.xml', go2.source.read_text())
        (tmp_path / 'own.yaml').write_text(description)
        return load_robot(str(tmp_path / 'own.yaml'))

    return make


MOTORS = (
    (r'<position name', '<motor name'),
    (r'<position kp="25" kv="0.5" forcerange', '<motor forcerange'),
)
DRIVE = r'<position kp="25" kv="0.5" forcerange="-23.7 23.7"/>'


def crouch(robot):
    """Bend the knees and return where the robot is afterwards."""
    simulation = SimulatedRobot(robot, STILL, 0)
    target = robot.per_joint('stand') - 0.3 * (np.arange(12) % 3 == 2)
    simulation.apply(JointCommand(stamp_ns=0, position=target))
    for _ in range(50):
        simulation.step()
    return simulation.true_state()


@pytest.mark.parametrize(
    'limits',
    [(), ((r'<motor forcerange="[^"]*"', '<motor ctrlrange="-1 1"'),)],
    ids=['as shipped', 'with limits of the signal'],
)
def test_motors_are_driven_like_position_drives(go2, variant, limits):
    robot = variant(*MOTORS, *limits)
    check_mjcf(robot)
    ours, theirs = crouch(go2), crouch(robot)
    assert np.array_equal(ours.joint_pos, theirs.joint_pos)
    assert np.array_equal(ours.joint_torque, theirs.joint_torque)
    assert ours.position[2] < 0.3  # it did crouch


def test_motors_are_driven_in_training_too(variant, go2):
    from simdist_ros.sim.batch.training_model import build_training_model

    feet = [f'{leg}_foot' for leg in ('FR', 'FL', 'RR', 'RL')]
    ours, theirs = (build_training_model(robot, feet, None) for robot in (go2, variant(*MOTORS)))
    assert np.array_equal(ours.actuator_biastype, theirs.actuator_biastype)
    assert np.array_equal(ours.actuator_ctrllimited, theirs.actuator_ctrllimited)


def test_actuators_may_come_in_another_order(go2, variant):
    xml = go2.mjcf_path.read_text()
    lines = re.findall(r'    <position name=.*\n', xml)
    swapped = ''.join([*lines[5:], *lines[:5]])
    robot = variant((r'(?s)<actuator>.*</actuator>', f'<actuator>\n{swapped}</actuator>'))
    assert np.array_equal(crouch(go2).joint_pos, crouch(robot).joint_pos)


def test_a_robot_in_a_file_of_its_own_may_be_included(go2, variant, tmp_path):
    robot = variant()
    (tmp_path / 'own.xml').rename(tmp_path / 'body.xml')
    (tmp_path / 'own.xml').write_text('<mujoco><include file="body.xml"/></mujoco>')
    assert np.array_equal(crouch(go2).joint_pos, crouch(robot).joint_pos)


def test_keyframes_and_sensors_of_the_file_change_nothing(go2, variant):
    more = """<sensor><accelerometer site="imu"/></sensor>
      <keyframe><key name="home" qpos="0 0 0.1 1 0 0 0 0 1 -2 0 1 -2 0 1 -2 0 1 -2"/></keyframe>
      </mujoco>"""
    robot = variant((r'</mujoco>', more), (r'<site name="imu"[^>]*>', '<site name="imu"/>'))
    assert np.array_equal(crouch(go2).joint_pos, crouch(robot).joint_pos)


FREE = '<freejoint name="base"/>'
JOINT = '<joint name="FR_hip_joint" class="abduction"/>'
REFUSED = {
    'a fixed base': ([(FREE, '')], r'no body has a free joint, so that the base is fixed'),
    'another body first': (
        [('<worldbody>', '<worldbody><body name="table"/>')],
        r"body 'base' floats, but 'table' comes first",
    ),
    'a ball beside it': (
        [('</worldbody>', '<body name="ball"><freejoint/><geom size="1"/></body></worldbody>')],
        r'2 bodies float \(base, ball\)',
    ),
    'a base with more joints': (
        [(FREE, '<joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/>')],
        r'no body has a free joint',
    ),
    'a joint without an actuator': (
        [('<position name="RL_calf_joint".*/>', '')],
        r"actuators: joint names do not match robot 'go2': missing \['RL_calf_joint'\]",
    ),
    'two actuators on a joint': (
        [('</actuator>', '<position joint="RL_calf_joint" kp="1"/></actuator>')],
        r'actuators: .* 13 given, 12 expected',
    ),
    'a missing joint': (
        [(JOINT, ''), ('<position name="FR_hip_joint".*/>', '')],
        r"joints: joint names do not match robot 'go2': missing \['FR_hip_joint'\]",
    ),
    'a joint that the description does not know': (
        [(JOINT, JOINT + '<joint name="spring" axis="1 0 0"/>')],
        r"joints: .* unknown \['spring'\]",
    ),
    'names with a prefix': (
        [(r'((?:name|joint))="(\w+_joint)"', r'\1="left/\2"')],
        r"the names in the file begin with 'left/'",
    ),
    'a joint that slides': (
        [(JOINT, '<joint name="FR_hip_joint" class="abduction" type="slide"/>')],
        r"joint 'FR_hip_joint' is no hinge",
    ),
    'a velocity drive': (
        [
            ('<position name="FR_hip_joint".*/>', '<velocity joint="FR_hip_joint" kv="1"/>'),
        ],
        r"actuator 'number 0' is a velocity drive; use <motor> or <position>",
    ),
    'a drive with dynamics': (
        [
            (
                '<position name="FR_hip_joint".*/>',
                '<position name="slow" joint="FR_hip_joint" kp="25" timeconst="0.1"/>',
            )
        ],
        r"actuator 'slow' is one with dynamics of its own",
    ),
    'a general actuator with a law of its own': (
        [
            (
                '<position name="FR_hip_joint".*/>',
                '<general name="odd" joint="FR_hip_joint" biastype="affine" biasprm="3 -1 0"/>',
            )
        ],
        r"actuator 'odd' is one with an affine law of its own",
    ),
    'a gear': (
        [('<position name="FR_hip_joint"', '<position gear="6.33" name="FR_hip_joint"')],
        r"actuator 'FR_hip_joint' has a gear of 6\.33; it must be 1",
    ),
    'a tendon': (
        [
            (
                '</actuator>',
                '<motor name="pull" tendon="t"/></actuator><tendon><fixed name="t">'
                '<joint joint="FR_hip_joint" coef="1"/></fixed></tendon>',
            )
        ],
        r"actuator 'pull' does not drive a joint",
    ),
    'a torque limit below that of the description': (
        [(JOINT, JOINT.replace('class', 'actuatorfrcrange="-5 5" class'))],
        r"joint 'FR_hip_joint' has actuatorfrcrange -5 .. 5 N m, which cuts off max_torque 23.7",
    ),
    'radians read as degrees': (
        [('angle="radian" ', '')],
        r"joint 'FR_hip_joint' has the range -0\.01827 .. 0\.01827 rad, without the default pose",
    ),
    'degrees read as radians': (
        [('range="-1.047 1.047"', 'range="-60 60"')],
        r"joint 'FR_hip_joint' has the range -60 .. 60 rad, which no joint has; is `compiler",
    ),
    'feet that touch nothing': (
        [(r'name="FL_foot" class="foot"', r'name="FL_foot" class="foot" conaffinity="0"')],
        r"foot 'FL_foot' cannot touch the ground; its conaffinity must be odd, not 0",
    ),
    'a ground of its own': (
        [('<worldbody>', '<worldbody><geom name="floor" type="plane" size="1 1 1"/>')],
        r"geom 'floor' belongs to the ground, which the world supplies",
    ),
    'no gravity': ([('<option', '<option gravity="0 0 0"')], r'gravity is \[0.0, 0.0, 0.0\]'),
    'no contacts': (
        [('<option ([^/]*)/>', r'<option \1><flag contact="disable"/></option>')],
        r'contact is disabled',
    ),
    'a step that does not divide the period': (
        [('timestep="0.005"', 'timestep="0.003"')],
        r'a control period of 0\.02 s is no whole number of physics steps of 0\.003 s',
    ),
    'a mass of zero': (
        [(r'mass="0.678"', 'mass="0"'), (r'diaginertia="0.00048 0.00088 0.0006"', '')],
        r'mass and inertia of moving bodies must be larger',
    ),
    'a mass in grams': (
        [(r'mass="6.921"', 'mass="6921"')],
        r'does not stand in its stand pose: after a second',
    ),
    'legs that are too long by ten': (
        [('pos="0 0 -0.213"', 'pos="0 0 -2.13"')],
        r'does not stand in its stand pose|diverged',
    ),
    'no such include': ([('<worldbody>', '<include file="lost.xml"/><worldbody>')], r'lost\.xml'),
    'no XML': ([(r'(?s).*', 'wheels')], r'own\.xml'),
}


@pytest.mark.parametrize('case', REFUSED)
def test_refused_in_one_sentence_that_names_the_file(variant, case):
    changes, sentence = REFUSED[case]
    with pytest.raises(ConfigError, match=sentence) as refusal:
        check_mjcf(variant(*changes))
    assert '\n' not in str(refusal.value)
    assert str(refusal.value).startswith(('robot', f'{variant().mjcf_path}: '))


def test_a_robot_whose_drives_cannot_hold_it_is_refused(go2):
    weak = tuple(dataclasses.replace(joint, max_torque=1.0) for joint in go2.joints)
    with pytest.raises(
        ConfigError, match=r"go2\.xml: robot 'go2' does not stand .* its base is at"
    ):
        check_mjcf(dataclasses.replace(go2, joints=weak))


@pytest.mark.parametrize(
    ('changes', 'sentence'),
    [
        (
            [
                ('contype="0" conaffinity="1"', 'contype="1" conaffinity="1"'),
                ('<geom fromto="0 0 0 0 0 0.3"/>', '<geom fromto="0.2 0 -0.2 0 0 0.3"/>'),
            ],
            r"joint 'shoulder_joint' is .*bodies 'turret' and 'base' touch",
        ),
        (
            [('integrator="implicitfast"', ''), ('armature="0.05"', 'armature="0"')],
            r"joint '\w+' is .* it moves at .* rad/s: if it oscillates, set integrator",
        ),
    ],
    ids=['links in contact', 'gains too high for the time step'],
)
def test_an_arm_that_does_not_hold_its_pose_is_refused_with_the_cause(tmp_path, changes, sentence):
    xml = (ARM / 'arm.xml').read_text()
    for old, new in changes:
        assert old in xml
        xml = xml.replace(old, new)
    (tmp_path / 'arm.xml').write_text(xml)
    (tmp_path / 'arm.yaml').write_text((ARM / 'arm.yaml').read_text())
    with pytest.raises(ConfigError, match=sentence):
        check_mjcf(load_robot(str(tmp_path / 'arm.yaml')))


def test_a_description_that_names_no_mjcf_is_refused(go2):
    with pytest.raises(ConfigError, match=r'go2\.yaml: mjcf is missing; name the MuJoCo model'):
        check_mjcf(dataclasses.replace(go2, mjcf=''))


def test_the_shipped_robot_fits_its_file(go2):
    check_mjcf(go2)
