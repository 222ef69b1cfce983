import dataclasses

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.plausibility import StateCheck
from simdist_ros.sim.errors import CommandError, SimulationError
from simdist_ros.sim.scenes.world import World, load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot

DAMPING = JointCommand(stamp_ns=0, position=None)


def test_it_starts_at_rest_on_all_feet_at_time_zero(simulate):
    simulation = simulate()
    state = simulation.true_state()
    assert simulation.time_ns == 0
    assert state.foot_contact.all()
    assert simulation.feet == ('FR', 'FL', 'RR', 'RL')
    assert not state.has_fallen
    assert np.linalg.norm(state.linear_velocity) < 0.02
    assert np.abs(state.joint_vel).max() < 0.1


def test_it_stands_for_five_seconds(simulate, stand, joints_of):
    states = stand(simulate(), 5.0)
    assert not any(state.has_fallen for state in states)
    assert all(state.foot_contact.all() for state in states[50:])
    assert np.ptp([state.position for state in states], axis=0).max() < 0.02
    assert np.ptp(joints_of(states), axis=0).max() < 0.05


def test_one_step_is_one_control_period(simulate, go2):
    simulation = simulate()
    simulation.step()
    assert simulation.time_ns == go2.period_ns
    assert simulation.data.time - 1.0 == pytest.approx(go2.period_s)  # settled for 1 s


def test_the_same_seed_gives_the_same_bits(go2, stand):
    runs = []
    for _ in range(2):
        simulation = SimulatedRobot(go2, load_world('rough'), 7)
        states = stand(simulation, 1.0, offset=0.1)
        runs.append((states[-1], simulation.state()))
    for first, second in zip(runs[0], runs[1], strict=True):
        for field in dataclasses.fields(first):
            left, right = getattr(first, field.name), getattr(second, field.name)
            assert np.asarray(left).tobytes() == np.asarray(right).tobytes()


def test_looking_changes_nothing(go2):
    looked, unseen = (SimulatedRobot(go2, load_world('rough'), 3) for _ in range(2))
    for _ in range(10):
        looked.step()
        looked.state()
        looked.state()
        unseen.step()
    assert looked.state().joint_pos.tobytes() == unseen.state().joint_pos.tobytes()


def test_different_seeds_differ_in_heading_joints_and_noise(go2):
    one, other = (SimulatedRobot(go2, load_world('nominal'), seed) for seed in (0, 1))
    assert abs(one.start_heading_rad - other.start_heading_rad) > 1e-3
    assert np.abs(one.true_state().joint_pos - other.true_state().joint_pos).max() > 1e-3
    assert np.abs(one.noise.joint_vel - other.noise.joint_vel).max() > 1e-3


def test_reset_goes_on_to_another_episode_and_a_seed_starts_again(go2):
    simulation = SimulatedRobot(go2, load_world('nominal'), 5)
    first = simulation.start_heading_rad
    simulation.step()
    simulation.reset()
    assert simulation.start_heading_rad != first
    assert simulation.time_ns == 0
    simulation.reset(5)
    assert simulation.start_heading_rad == first


def test_damping_alone_lets_it_sink_gently(simulate, go2):
    simulation = simulate()
    simulation.apply(DAMPING)
    fastest = 0.0
    for _ in range(100):
        simulation.step()
        fastest = max(fastest, float(np.abs(simulation.true_state().joint_vel).max()))
    state = simulation.true_state()
    assert state.height_above_ground_m < go2.fallen_height_m
    assert state.has_fallen
    assert fastest < 20.0
    assert np.abs(state.joint_vel).max() < 0.1


def test_after_damping_a_position_is_held_again(simulate, stand):
    simulation = simulate()
    simulation.apply(DAMPING)
    simulation.step()
    assert not stand(simulation, 2.0)[-1].has_fallen


def test_torque_stays_within_the_limits_of_tired_motors(simulate, go2):
    simulation = simulate(motor_strength=0.5)
    limit = 0.5 * go2.per_joint('max_torque')
    largest = np.zeros(go2.num_joints)
    for tick in range(50):
        target = go2.per_joint('high' if tick % 2 else 'low')
        simulation.apply(JointCommand(stamp_ns=0, position=target))
        simulation.step()
        largest = np.maximum(largest, np.abs(simulation.true_state().joint_torque))
    assert np.all(largest <= limit + 1e-9)
    assert np.any(largest > limit - 1e-6)


def test_torque_is_the_pd_law(simulate, go2):
    simulation = simulate()
    before = simulation.true_state()
    target = go2.per_joint('stand') + 0.05
    simulation.apply(JointCommand(stamp_ns=0, position=target))
    simulation.advance(1)
    expected = 25.0 * (target - before.joint_pos) - 0.5 * before.joint_vel
    assert simulation.true_state().joint_torque == pytest.approx(expected)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_a_target_that_is_no_number_is_refused_and_the_last_one_goes_on(simulate, stand, go2, bad):
    simulation = simulate()
    stand(simulation, 0.1)
    target = go2.per_joint('stand').copy()
    target[4] = bad
    with pytest.raises(CommandError, match=r"joint target of 'FL_thigh_joint' is not finite"):
        simulation.apply(JointCommand(stamp_ns=0, position=target))
    simulation.step()
    assert StateCheck(go2).check(simulation.state()) == ()


def test_a_command_for_another_robot_is_refused(simulate):
    with pytest.raises(CommandError, match=r"6 joint targets; robot 'go2' has 12 joints"):
        simulate().apply(JointCommand(stamp_ns=0, position=np.zeros(6)))


def test_diverged_physics_is_an_error_and_never_a_silent_restart(simulate):
    simulation = simulate()
    simulation.data.qvel[6] = 1e12
    with pytest.raises(SimulationError, match=r'physics diverged at 0\.0'):
        simulation.step()


def test_a_command_acts_after_its_delay(simulate, go2):
    simulation = simulate(command_delay_s=0.01)
    target = go2.per_joint('stand') + 0.2
    simulation.apply(JointCommand(stamp_ns=0, position=target))
    simulation.advance(2)
    assert not np.allclose(simulation.data.ctrl[simulation.motors.index], target)
    simulation.advance(1)
    assert np.allclose(simulation.data.ctrl[simulation.motors.index], target)


def test_a_command_is_copied_so_that_its_sender_may_reuse_the_array(simulate, go2):
    simulation = simulate(command_delay_s=0.02)
    target = go2.per_joint('stand').copy()
    simulation.apply(JointCommand(stamp_ns=0, position=target))
    target[:] = 1.0
    simulation.step()
    simulation.step()
    assert np.allclose(simulation.data.ctrl[simulation.motors.index], go2.per_joint('stand'))


def test_velocity_is_that_of_the_base_origin_in_the_base_frame(simulate):
    simulation = simulate(start_heading_rad=0.0)
    half = np.pi / 4  # turned left by 90 degrees: world y is ahead
    simulation.data.qpos[2] += 1.0
    simulation.data.qpos[3:7] = np.cos(half), 0.0, 0.0, np.sin(half)
    simulation.data.qvel[:6] = 0.1, 0.5, 0.0, 0.0, 0.0, 0.7
    simulation.past.append(simulation.snapshot())
    for state in (simulation.true_state(), simulation.state()):
        assert state.linear_velocity == pytest.approx([0.5, -0.1, 0.0])
        assert state.angular_velocity == pytest.approx([0.0, 0.0, 0.7])


def test_velocity_is_how_fast_the_position_changes(simulate, stand):
    simulation = simulate()
    simulation.data.qvel[:2] = 0.4, 0.2
    before = simulation.true_state().position
    simulation.advance(1)
    moved = (simulation.true_state().position - before) / 0.005
    assert simulation.true_state().linear_velocity == pytest.approx(moved, abs=0.03)


def test_tipping_over_is_a_fall(simulate):
    simulation = simulate()
    simulation.data.qpos[3:7] = np.cos(0.6), np.sin(0.6), 0.0, 0.0
    simulation.data.qpos[2] += 0.5
    simulation.past.append(simulation.snapshot())
    state = simulation.true_state()
    assert state.tilt_rad == pytest.approx(1.2)
    assert state.has_fallen


def test_a_payload_weighs_on_the_base(simulate):
    light, heavy = simulate(), simulate(payload_kg=3.0)
    assert heavy.model.body_subtreemass[0] - light.model.body_subtreemass[0] == pytest.approx(3.0)
    assert heavy.true_state().position[2] < light.true_state().position[2] - 0.003


def test_less_grip_slides_further(simulate):
    def slide(friction):
        simulation = simulate(friction=friction)
        simulation.data.qvel[0] = 1.0
        for _ in range(50):
            simulation.step()
        return float(simulation.true_state().position[0])

    assert slide(0.05) > slide(0.8) + 0.1


def test_softer_ground_gives_way(simulate):
    depths = [-simulate(contact_time_s=seconds).data.contact.dist.min() for seconds in (0.02, 0.1)]
    assert depths[1] > 5.0 * depths[0]


def test_an_mjcf_with_other_joints_is_refused(go2):
    fewer = dataclasses.replace(go2, joints=go2.joints[:11])
    with pytest.raises(ConfigError, match=r"go2\.xml.*unknown \['RL_calf_joint'\]"):
        SimulatedRobot(fewer, World(), 0)


def test_a_control_period_between_physics_steps_is_refused(go2):
    odd = dataclasses.replace(go2, control_rate_hz=60.0)
    with pytest.raises(ConfigError, match=r"robot 'go2': a control period of 0\.0166667 s is no"):
        SimulatedRobot(odd, World(), 0)


def test_a_missing_mjcf_is_refused(go2):
    lost = dataclasses.replace(go2, mjcf='nowhere.xml')
    with pytest.raises(ConfigError, match=r'nowhere\.xml'):
        SimulatedRobot(lost, World(), 0)


def test_a_trot_without_feedback_goes_where_its_legs_swing(simulate, go2):
    simulation = simulate()
    for tick in range(150):
        target = go2.per_joint('stand').copy()
        for leg, name in enumerate(simulation.feet):
            phase = 2.0 * np.pi * (tick / 20.0 + (0.5 if name in ('FL', 'RR') else 0.0))
            lift = max(0.0, np.sin(phase))
            target[3 * leg + 1] += 0.25 * np.cos(phase - 0.8) + 0.35 * lift
            target[3 * leg + 2] -= lift
        simulation.apply(JointCommand(stamp_ns=0, position=target))
        simulation.step()
        assert not simulation.true_state().has_fallen
    assert simulation.true_state().position[0] < -1.0
