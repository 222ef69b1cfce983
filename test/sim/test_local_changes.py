"""What a world changes of single joints, feet and places: the right one, by the right amount."""

import dataclasses

import mujoco
import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.sim.scenes.local_changes import FootChange, JointChange
from simdist_ros.sim.scenes.world import World, load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.sim.world_fit import check_world, drives_in, foot_friction

FL_THIGH, FL_CALF = 4, 5


@pytest.fixture
def world_of(tmp_path):
    def read(text):
        path = tmp_path / 'mine.yaml'
        path.write_text(text + '\n')
        return load_world(str(path))

    return read


def joint(which='FL_thigh', **changes):
    return (JointChange(which=which, **changes),)


def test_a_name_stands_for_a_joint_a_leg_or_a_pattern(go2, world_of):
    def weak(which):
        world = world_of(f"joints: {{'{which}': {{strength: 0.5}}}}")
        model = SimulatedRobot(go2, world, 0).model
        ratio = model.actuator_forcerange[:, 1] / [
            go2.joints[go2.joint_names.index(model.actuator(i).name)].max_torque for i in range(12)
        ]
        return {model.actuator(i).name for i in np.flatnonzero(ratio < 0.75)}

    assert weak('FL_thigh_joint') == weak('FL_thigh') == {'FL_thigh_joint'}
    assert weak('FL') == weak('FL_*') == {f'FL_{part}_joint' for part in ('hip', 'thigh', 'calf')}
    assert weak('?L_thigh_joint') == {'FL_thigh_joint', 'RL_thigh_joint'}
    assert weak('*_calf_joint') == {f'{leg}_calf_joint' for leg in ('FL', 'FR', 'RL', 'RR')}


def test_a_weak_joint_gives_its_share_of_its_torque_and_the_others_all(simulate, go2):
    simulation = simulate(motor_strength=0.8, joints=joint(strength=0.4))
    largest = np.zeros(12)
    for tick in range(30):
        target = go2.per_joint('high' if tick % 2 else 'low')
        simulation.apply(JointCommand(stamp_ns=0, position=target))
        simulation.step()
        largest = np.maximum(largest, np.abs(simulation.true_state().joint_torque))
    share = largest / go2.per_joint('max_torque')
    assert share[FL_THIGH] == pytest.approx(0.8 * 0.4)
    assert (np.delete(share, FL_THIGH) > 0.49).all()
    assert share.max() == pytest.approx(0.8)


def test_gains_of_a_joint_come_on_top_of_those_of_all(simulate):
    simulation = simulate(kp_scale=0.8, kd_scale=1.4, joints=joint(kp_scale=0.5, kd_scale=3.0))
    before = simulation.true_state()
    simulation.apply(JointCommand(stamp_ns=0, position=before.joint_pos + 0.1))
    simulation.advance(1)
    kp, kd = np.full(12, 20.0), np.full(12, 0.7)
    kp[FL_THIGH], kd[FL_THIGH] = 10.0, 2.1
    expected = 0.1 * kp - kd * before.joint_vel
    assert simulation.true_state().joint_torque == pytest.approx(expected)


def test_a_joint_may_have_a_setting_of_its_own_beside_another_one_of_its_leg(go2, world_of):
    world = world_of('joints: {FL: {strength: 0.5}, FL_calf: {kp_scale: 0.4}}')
    changed, plain = drives_in(world, go2), drives_in(World(), go2)
    weak = np.isin(np.arange(12), (3, FL_THIGH, FL_CALF))
    assert changed.max_torque / plain.max_torque == pytest.approx(np.where(weak, 0.5, 1.0))
    soft = np.arange(12) == FL_CALF
    assert changed.kp / plain.kp == pytest.approx(np.where(soft, 0.4, 1.0))


def test_dry_friction_of_a_joint_adds_to_that_of_all(simulate):
    simulation = simulate(joint_friction_nm=0.2, joints=joint(friction_nm=1.5))
    found = simulation.model.dof_frictionloss[simulation.motors.qvel]
    assert found == pytest.approx(np.where(np.arange(12) == FL_THIGH, 1.7, 0.2))


def test_a_joint_with_a_wrong_zero_reads_as_told_and_is_short_of_it_by_the_error(simulate, go2):
    healthy, wrong = simulate(), simulate(joints=joint(zero_offset_rad=0.15))
    for simulation in (healthy, wrong):
        command = JointCommand(stamp_ns=0, position=go2.per_joint('stand') + 0.02)
        simulation.apply(command)
        for _ in range(100):
            simulation.step()
    assert wrong.state().joint_pos - wrong.true_state().joint_pos == pytest.approx(
        np.where(np.arange(12) == FL_THIGH, 0.15, 0.0)
    )
    read = [simulation.state().joint_pos[FL_THIGH] for simulation in (healthy, wrong)]
    true = [simulation.true_state().joint_pos[FL_THIGH] for simulation in (healthy, wrong)]
    assert read[1] == pytest.approx(read[0], abs=0.08)
    assert true[1] == pytest.approx(true[0] - 0.15, abs=0.08)


def test_the_torque_of_a_wrong_zero_is_that_of_the_encoder(simulate):
    simulation = simulate(joints=joint(zero_offset_rad=0.1))
    before = simulation.true_state()
    simulation.apply(JointCommand(stamp_ns=0, position=before.joint_pos))
    simulation.advance(1)
    expected = -0.5 * before.joint_vel
    expected[FL_THIGH] -= 25.0 * 0.1
    assert simulation.true_state().joint_torque == pytest.approx(expected)


@pytest.mark.parametrize(
    ('which', 'slippery'),
    [
        ('left', {'FL_foot', 'RL_foot'}),
        ('right', {'FR_foot', 'RR_foot'}),
        ('FR', {'FR_foot'}),
        ('R*_foot', {'RL_foot', 'RR_foot'}),
    ],
)
def test_friction_of_a_side_or_a_foot_is_that_of_its_contacts(simulate, which, slippery):
    simulation = simulate(friction=0.7, feet=(FootChange(which=which, friction=0.1),))
    found = {
        simulation.model.geom(int(contact.geom[1])).name: contact.friction[0]
        for contact in simulation.data.contact
    }
    assert found == {
        f'{leg}_foot': pytest.approx(0.1 if f'{leg}_foot' in slippery else 0.7)
        for leg in ('FL', 'FR', 'RL', 'RR')
    }


def test_a_foot_in_the_middle_is_on_neither_side(simulate, go2):
    model = simulate().model
    for body in ('FL_hip', 'FL_thigh'):
        model.body(body).pos[1] = 0.0
    straight = [
        dataclasses.replace(joint, stand=0.0) if joint.name == 'FL_hip_joint' else joint
        for joint in go2.joints
    ]
    robot = dataclasses.replace(go2, joints=tuple(straight))
    for side, foot in (('left', 'RL_foot'), ('right', 'RR_foot')):
        world = World(feet=(FootChange(which=side, friction=0.1),))
        found = [model.geom(geom).name for geom in foot_friction(robot, world, model)]
        assert foot in found
        assert 'FL_foot' not in found


def test_a_foot_of_the_same_friction_changes_nothing_else(simulate, stand):
    softness = {'contact_time_s': 0.05, 'contact_damping': 0.7, 'friction': 0.6}
    plain = simulate(**softness)
    named = simulate(**softness, feet=(FootChange(which='*', friction=0.6),))
    one, other = (stand(simulation, 0.5, offset=0.1)[-1] for simulation in (plain, named))
    np.testing.assert_allclose(one.joint_pos, other.joint_pos, atol=1e-9)
    np.testing.assert_allclose(one.position, other.position, atol=1e-9)


def test_a_slippery_side_turns_a_robot_that_slides(simulate):
    def yaw_rate(side):
        simulation = simulate(feet=(FootChange(which=side, friction=0.02),))
        simulation.data.qvel[0] = 1.0
        rates = []
        for _ in range(15):
            simulation.step()
            rates.append(simulation.true_state().angular_velocity[2])
        return sum(rates)

    assert yaw_rate('left') < -1.0  # the right feet hold it back
    assert yaw_rate('right') > 1.0


def test_a_payload_acts_where_it_is_put_and_is_drawn_there(simulate):
    at = np.array([0.1, 0.15, 0.05])
    empty, loaded = simulate(), simulate(payload_kg=3.0, payload_at_m=tuple(at))
    for simulation in (empty, loaded):
        mujoco.mj_resetData(simulation.model, simulation.data)
        mujoco.mj_forward(simulation.model, simulation.data)
    base = loaded.data.xpos[1]
    body = loaded.model.body('payload').id
    assert loaded.data.xipos[body] - base == pytest.approx(at)
    mass = empty.model.body_subtreemass[0]
    centre = (mass * empty.data.subtree_com[1] + 3.0 * (base + at)) / (mass + 3.0)
    assert loaded.data.subtree_com[1] == pytest.approx(centre)
    box = next(
        geom
        for geom in range(loaded.model.ngeom)
        if loaded.model.geom_bodyid[geom] == body
        and loaded.model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_BOX
    )
    assert loaded.data.geom_xpos[box] - base == pytest.approx(at)


def test_a_payload_without_a_place_is_drawn_where_it_acts(simulate):
    simulation = simulate(payload_kg=3.0)
    body = simulation.model.body('payload')
    box = next(
        geom
        for geom in range(simulation.model.ngeom)
        if simulation.model.geom_bodyid[geom] == body.id
    )
    drawn, acts = simulation.data.geom_xpos[box], simulation.data.xipos[body.id]
    assert drawn == pytest.approx(acts)
    simulation.data.qpos[3:7] = 1.0, 0.0, 0.0, 0.0
    mujoco.mj_forward(simulation.model, simulation.data)
    above = simulation.data.xipos[body.id] - simulation.data.xpos[1]
    assert above == pytest.approx([0.0, 0.0, 0.22])


def test_a_payload_on_the_left_presses_on_the_left(simulate, stand):
    def left_beyond_right(y):
        simulation = simulate(payload_kg=4.0, payload_at_m=(0.0, y, 0.05))
        stand(simulation, 1.0)
        pressed = {'L': 0.0, 'R': 0.0}
        for number, contact in enumerate(simulation.data.contact):
            force = np.zeros(6)
            mujoco.mj_contactForce(simulation.model, simulation.data, number, force)
            pressed[simulation.model.geom(int(contact.geom[1])).name[1]] += force[0]
        return pressed['L'] - pressed['R']

    # Feet are 0.142 m off the middle; what leans over presses some more.
    least = 4.0 * 9.81 * 0.15 / 0.142
    assert 0.9 * least < left_beyond_right(0.15) < 1.6 * least
    assert -0.9 * least > left_beyond_right(-0.15) > -1.6 * least
    assert left_beyond_right(0.0) == pytest.approx(0.0, abs=3.0)


def test_a_lag_of_several_ticks_is_exact(simulate, go2):
    simulation = simulate(command_delay_s=0.07)
    told = []
    for tick in range(8):
        target = go2.per_joint('stand') + 0.001 * (tick + 1)
        told.append(target)
        simulation.apply(JointCommand(stamp_ns=0, position=target))
        for step in range(simulation.steps_per_period):
            simulation.advance(1)
            acts = 4 * tick + step - 14  # physics steps since the first command began to act
            expected = told[acts // 4] if acts >= 0 else None
            found = simulation.data.ctrl[simulation.motors.index]
            if expected is None:
                assert not np.allclose(found, told[0], atol=1e-6)
            else:
                assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ('text', 'sentence'),
    [
        ('joints: {FL_knee: {strength: 0.5}}', r"world 'mine': joints: unknown joint 'FL_knee'"),
        ('joints: {F: {strength: 0.5}}', r"world 'mine': joints: unknown joint 'F'"),
        ('joints: {FL_th: {strength: 0.5}}', r"world 'mine': joints: unknown joint 'FL_th'"),
        (
            "joints: {'X*': {strength: 0.5}}",
            r"world 'mine': joints: unknown joint 'X\*'; known: FL",
        ),
        ('feet: {XL: {friction: 0.1}}', r"world 'mine': feet: unknown foot 'XL'"),
        (
            'joints: {FL: {strength: 0.5}, FL_calf: {strength: 0.4}}',
            r"strength of 'FL_calf_joint' is set by 'FL' and by 'FL_calf'; set it once",
        ),
        ('feet: {left: {friction: 0.1}, FL: {friction: 0.2}}', r"'FL_foot' is named twice, by"),
    ],
)
def test_a_world_that_does_not_fit_the_robot_is_refused_in_one_sentence(
    world_of, go2, text, sentence
):
    world = world_of(text)
    for refused in (lambda: check_world(go2, world), lambda: SimulatedRobot(go2, world, 0)):
        with pytest.raises(ConfigError, match=sentence) as caught:
            refused()
        assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'sentence'),
    [
        ('joints: {FL: {strength: -0.1}}', r'joints: FL: strength is -0\.1; allowed: 0\.0 \.\. 2'),
        ('joints: {FL: {zero_offset_rad: 2}}', r'zero_offset_rad is 2\.0 rad; allowed: -1\.0'),
        ('joints: {FL: {kp_scale: .nan}}', r"kp_scale is '\.nan'; it must be a finite number"),
        ('joints: {FL: {strenght: 0.5}}', r"unknown setting 'strenght'; did you mean 'strength'"),
        ('joints: {FL: }', r'joints: FL: nothing is set; leave it out'),
        ('joints: {FL: 0.5}', r"joints: FL: expected names and values, got '0\.5'"),
        ('joints: [FL]', r'joints: expected names and their settings'),
        ('feet: {left: {friction: 0}}', r'feet: left: friction is 0\.0; allowed: 0\.01'),
        ('payload_at_m: [0, 0, 0.1]', r'payload_at_m without payload_kg places nothing'),
        ('payload_kg: 1\npayload_at_m: [0, 0]', r'payload_at_m has 2 numbers; it takes three'),
        ('payload_kg: 1\npayload_at_m: [0, 0, 3]', r'payload_at_m is 3\.0 m; allowed: -1\.0'),
        ('patch_share: 1.5', r'patch_share is 1\.5; allowed'),
        ('patch_share: 0.5\nfeet: {left: {friction: 0.1}}', r'both set the friction below a foot'),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(world_of, text, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        world_of(text)
    assert '\n' not in str(caught.value)


def test_a_world_goes_through_a_record_and_back(world_of):
    world = world_of(
        'joints: {FL: {strength: 0.5}, RR_calf: {zero_offset_rad: 0.1}}\n'
        'feet: {left: {friction: 0.1}}\npayload_kg: 2\npayload_at_m: [0.1, 0.0, 0.1]\n'
        'sensors: {delay_s: 0.01}'
    )
    assert World.from_file(world.as_mapping(), 'record', 'mine') == world
    plain = World(name='plain')
    assert World.from_file(plain.as_mapping(), 'record', 'plain') == plain
