"""What becomes of raw messages: transitions where all is there, and a counted reason elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.observation_terms import term_slice
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.tasks.velocity.settings import velocity_goal
from simdist_ros.transitions.assembly import AssemblySettings, TransitionAssembler
from simdist_ros.transitions.episode_cutter import EpisodeCutter

from .walk_messages import (
    Entry,
    action_value,
    height_map,
    imu,
    joint_command,
    joint_state,
    joint_value,
    make,
    odometry,
    one_step,
    stamp_of,
    velocity,
    walk,
)

ROBOT = load_robot('go2')
SETTINGS = AssemblySettings(min_episode_s=0.04)


def assemble(entries, settings=SETTINGS):
    assembler = TransitionAssembler(ROBOT, settings)
    episodes = [e for entry in entries for e in assembler.add(entry.topic, entry.message)]
    return episodes + assembler.finish(), assembler


def lengths(entries, settings=SETTINGS):
    episodes, assembler = assemble(entries, settings)
    return [episode.num_steps for episode in episodes], dict(assembler.discarded)


def without(entries, topic, *steps):
    return [e for e in entries if not (e.topic == topic and e.step in steps)]


def with_message(entries, topic, step, message):
    return [
        replace(e, message=message) if (e.topic, e.step) == (topic, step) else e for e in entries
    ]


def test_a_walk_is_one_episode_of_states_and_the_commands_that_were_sent_between_them():
    (episode,), assembler = assemble(walk(ROBOT, 10))
    assert episode.num_steps == 10
    assert not assembler.discarded
    assert not episode.terminated
    for step in range(10):
        np.testing.assert_allclose(episode.actions[step], action_value(ROBOT, step), atol=1e-6)
    positions = episode.proprio_obs[:, 9:21] + ROBOT.per_joint('default')
    for step in range(11):
        np.testing.assert_allclose(positions[step], joint_value(ROBOT, step), atol=1e-6)
    np.testing.assert_allclose(episode.extero_obs[:, 0], 0.001 * np.arange(11), atol=1e-6)
    np.testing.assert_array_equal(episode.commands, np.tile([0.5, 0.0, 0.0], (11, 1)))
    np.testing.assert_allclose(episode.proprio_obs[:, 0], 0.5)


def test_the_order_in_which_the_transport_mixes_topics_does_not_matter():
    entries = walk(ROBOT, 30)
    (straight,), _ = assemble(entries)
    generator = np.random.default_rng(0)
    delay = {e.topic: generator.integers(0, 8) for e in entries}  # steps, within the window
    mixed = sorted(entries, key=lambda e: (e.step + delay[e.topic], generator.random()))
    assert [e.topic for e in mixed] != [e.topic for e in entries]
    (other,), assembler = assemble(mixed)
    assert not assembler.discarded
    np.testing.assert_array_equal(other.proprio_obs, straight.proprio_obs)
    np.testing.assert_array_equal(other.actions, straight.actions)


@pytest.mark.parametrize('topic', ['joint_states', 'imu/data', 'odom', 'height_map'])
def test_a_dropped_message_cuts_and_nothing_is_put_in_its_place(topic):
    found, discarded = lengths(without(walk(ROBOT, 20), topic, 8))
    assert found == [7, 11]
    assert discarded == {'missing state': 2}


def test_a_dropped_command_costs_one_transition():
    assert lengths(without(walk(ROBOT, 20), 'joint_command', 8)) == (
        [8, 11],
        {'missing command': 1},
    )


def test_a_pause_of_the_recording_cuts():
    found, discarded = lengths(walk(ROBOT, 9) + walk(ROBOT, 9, first=500))
    assert found == [9, 9]
    assert discarded == {'missing state': 491}


def test_a_clock_that_jumps_back_cuts():
    found, discarded = lengths(walk(ROBOT, 9, first=500) + walk(ROBOT, 9))
    assert found == [9, 9]
    assert discarded == {'clock jump': 1}


@pytest.mark.parametrize('steps', [5, 8, 20, 45])
def test_a_clock_that_is_set_back_by_less_than_a_second_cuts_too(steps):
    """Two clocks are not mixed: what the second says of a time is another thing."""
    before, after = walk(ROBOT, 60, first=500), walk(ROBOT, 60, first=561 - steps)
    later = [
        replace(e, message=odometry(stamp_of(e.step), 0.01 * e.step, vx=0.25))
        if e.topic == 'odom'
        else e
        for e in after
    ]
    episodes, assembler = assemble(before + later, replace(SETTINGS, reorder_s=0.2))
    assert assembler.discarded['clock jump'] == 1
    first, second = episodes
    assert first.num_steps == 60
    assert second.num_steps >= 58
    at = term_slice(ROBOT, 'base_lin_vel').start
    np.testing.assert_allclose(second.proprio_obs[:, at], 0.25, atol=1e-6)


@pytest.mark.parametrize('late', [1, 3])
def test_joints_that_come_late_are_no_clock_that_was_set_back(late):
    entries = walk(ROBOT, 20)
    index = next(i for i, e in enumerate(entries) if (e.topic, e.step) == ('joint_states', 8))
    moved = entries.pop(index)
    behind = max(i for i, e in enumerate(entries) if e.step == 8 + late)
    entries.insert(behind + 1, moved)
    assert lengths(entries) == ([20], {})


@pytest.mark.parametrize('has_ticks', [True, False])
def test_only_walking_counts(has_ticks):
    entries = []
    for step in range(31):
        mode = 'walk' if 10 <= step < 20 else 'stand'
        tick = one_step(ROBOT, step, mode)
        if not has_ticks:  # the mode is said once when it changes, as the topic does
            tick = [e for e in tick if e.topic != 'supervisor/tick']
            if step in (0, 10, 20):
                message = make('std_msgs/msg/String', data=mode)
                tick.insert(0, Entry('mode', message, step))
        entries += tick
    settings = replace(SETTINGS, reorder_s=0.0)  # nothing to compare arrival with
    found, discarded = lengths(entries, settings)
    assert sum(found) + sum(discarded.values()) == 30
    (walked,) = found
    assert walked == 10 if has_ticks else 9 <= walked <= 11
    assert set(discarded) == {'not walking'}


def test_nan_costs_the_two_transitions_it_is_part_of():
    bad = odometry(stamp_of(8), 0.08, vx=float('nan'))
    found, discarded = lengths(with_message(walk(ROBOT, 20), 'odom', 8, bad))
    assert found == [7, 11]
    assert discarded == {'impossible odom: linear velocity of x': 2}


def test_a_state_that_is_missing_before_an_unusable_one_is_counted_too():
    bad = odometry(stamp_of(9), 0.09, vx=float('nan'))
    entries = without(with_message(walk(ROBOT, 20), 'odom', 9, bad), 'joint_states', 8)
    found, discarded = lengths(entries)
    assert found == [7, 10]
    assert discarded == {'impossible odom: linear velocity of x': 3}


def test_a_single_step_into_a_fall_is_no_episode():
    entries = [e for e in fall_at(4) if 3 <= e.step <= 4]
    assert lengths(entries, AssemblySettings(min_episode_s=0.2)) == ([], {'episode too short': 1})


def test_a_command_that_is_not_finite_is_no_action():
    bad = joint_command(ROBOT, stamp_of(8), np.full(12, np.nan))
    assert lengths(with_message(walk(ROBOT, 20), 'joint_command', 8, bad)) == (
        [8, 11],
        {'not finite': 1},
    )


def test_damping_is_no_action():
    damped = joint_command(ROBOT, stamp_of(8), [])
    assert lengths(with_message(walk(ROBOT, 20), 'joint_command', 8, damped)) == (
        [8, 11],
        {'damped': 1},
    )


def test_a_robot_that_was_put_elsewhere_cuts():
    moved = [
        replace(e, message=odometry(stamp_of(e.step), 5.0 + 0.01 * e.step))
        if e.topic == 'odom' and e.step > 8
        else e
        for e in walk(ROBOT, 20)
    ]
    assert lengths(moved) == ([8, 11], {'reset': 1})


def test_joints_that_were_set_elsewhere_cut():
    jumped = joint_state(ROBOT, stamp_of(9), 2000)
    assert lengths(with_message(walk(ROBOT, 20), 'joint_states', 9, jumped)) == (
        [8, 10],
        {'impossible joint_states: position of FR_hip_joint': 2},
    )


def test_a_fall_ends_its_episode_and_what_comes_after_is_discarded():
    fallen = [
        replace(e, message=imu(stamp_of(e.step), min(1.5, 0.75 * (e.step - 13))))
        if e.topic == 'imu/data' and e.step >= 14
        else e
        for e in walk(ROBOT, 20)
    ]
    (episode,), assembler = assemble(fallen)
    assert episode.terminated
    assert episode.num_steps == 15
    assert dict(assembler.discarded) == {'fallen': 5}


def test_a_robot_that_lies_on_its_belly_has_fallen_too():
    low = height_map(ROBOT, stamp_of(10), 0.1)
    episodes, _ = assemble(with_message(walk(ROBOT, 20), 'height_map', 10, low))
    assert [e.terminated for e in episodes] == [True, False]


def test_a_long_walk_gives_several_episodes_that_share_no_transition():
    entries = walk(ROBOT, 50)
    episodes, assembler = assemble(entries, AssemblySettings(episode_s=0.4, min_episode_s=0.1))
    assert [e.num_steps for e in episodes] == [20, 20, 10]
    np.testing.assert_array_equal(episodes[0].proprio_obs[-1], episodes[1].proprio_obs[0])
    actions = np.concatenate([e.actions for e in episodes])
    np.testing.assert_allclose(actions[:, 0], 0.01 * np.arange(50), atol=1e-6)
    assert not assembler.discarded


def test_what_is_too_short_is_counted():
    settings = AssemblySettings(min_episode_s=0.2)
    assert lengths(without(walk(ROBOT, 20), 'joint_command', 5), settings) == (
        [14],
        {'missing command': 1, 'episode too short': 5},
    )


def test_a_message_that_does_not_fit_is_counted_and_remembered():
    small = replace(walk(ROBOT, 0)[3].message, width=3)
    narrow = replace(small, width=2)
    entries = with_message(walk(ROBOT, 20), 'height_map', 8, small)
    _, assembler = assemble(with_message(entries, 'height_map', 12, narrow))
    assert assembler.discarded['message does not fit the robot'] == 2
    assert assembler.first_misfit.startswith('height_map is 3 x 15 32FC1; expected 21 x 15')


@pytest.mark.parametrize('stamp_ns', [1_700_000_000_000_000_000, 7])
def test_velocity_commands_of_another_clock_count_when_they_arrive(stamp_ns):
    entries = with_message(walk(ROBOT, 10), 'cmd_vel', 0, velocity(stamp_of(0), 0.5))
    entries = [
        replace(e, message=velocity(stamp_ns, 0.25)) if e.topic == 'cmd_vel' else e
        for e in entries
    ]
    (episode,), assembler = assemble(entries)
    assert not assembler.discarded
    assert episode.commands[-1, 0] == 0.25


def test_a_velocity_command_is_clipped_to_what_the_robot_can_be_asked_for():
    entries = [
        replace(e, message=velocity(stamp_of(e.step), 9.0)) if e.topic == 'cmd_vel' else e
        for e in walk(ROBOT, 5)
    ]
    (episode,), _ = assemble(entries)
    assert episode.commands[0, 0] == velocity_goal(ROBOT).high[0]


@pytest.mark.parametrize('asked', [-9.0, 9.0])
def test_a_robot_may_be_slower_backwards_than_forwards(asked):
    bounds = {'command_low': (-0.25, -0.5, -0.5), 'command_high': (0.75, 0.5, 0.5)}
    robot = replace(ROBOT, tasks={'velocity': bounds})
    assembler = TransitionAssembler(robot, SETTINGS)
    for e in walk(robot, 5):
        message = velocity(stamp_of(e.step), asked) if e.topic == 'cmd_vel' else e.message
        assembler.add(e.topic, message)
    (episode,) = assembler.finish()
    assert episode.commands[0, 0] == (-0.25 if asked < 0.0 else 0.75)


def test_the_shortest_episode_cannot_be_longer_than_the_longest():
    with pytest.raises(ConfigError, match='must not exceed episode_s'):
        AssemblySettings(episode_s=1.0, min_episode_s=2.0)


def test_two_stamps_that_are_far_ahead_are_no_other_clock():
    entries = walk(ROBOT, 20)
    for step in (8, 9):
        far = imu(stamp_of(step) + 5_000_000_000)
        entries = with_message(entries, 'imu/data', step, far)
    _, assembler = assemble(entries)
    assert assembler.clock_offsets_s == {}


def test_ticks_of_the_supervisor_tell_the_mode_and_its_topic_only_without_them():
    entries = walk(ROBOT, 20)
    index = next(i for i, entry in enumerate(entries) if entry.step == 10)
    entries.insert(index, Entry('mode', make('std_msgs/msg/String', data='stand'), 10))
    assert lengths(entries) == ([20], {})


def test_a_topic_on_another_clock_leaves_nothing_and_is_named():
    other = 1_700_000_000_000_000_000
    entries = [
        replace(e, message=imu(other + stamp_of(e.step))) if e.topic == 'imu/data' else e
        for e in walk(ROBOT, 10)
    ]
    episodes, assembler = assemble(entries)
    assert episodes == []
    assert assembler.discarded['message of another clock on imu/data'] >= 7
    assert assembler.clock_offsets_s == {'imu/data': pytest.approx(1.7e9)}


def test_each_state_has_the_velocity_that_was_asked_for_at_its_stamp():
    entries = [
        replace(e, message=velocity(stamp_of(e.step), 0.01 * e.step))
        if e.topic == 'cmd_vel'
        else e
        for e in walk(ROBOT, 10)
    ]
    (episode,), _ = assemble(entries)
    np.testing.assert_allclose(episode.commands[:, 0], 0.01 * np.arange(11), atol=1e-6)


def test_a_velocity_that_is_not_finite_changes_nothing():
    entries = with_message(walk(ROBOT, 10), 'cmd_vel', 5, velocity(stamp_of(5), float('nan')))
    (episode,), _ = assemble(entries)
    np.testing.assert_array_equal(episode.commands[:, 0], np.full(11, 0.5, np.float32))


def second_commands(offset_ns):
    """A walk in whose ticks a second command follows after a time."""
    entries = []
    for e in walk(ROBOT, 10):
        entries.append(e)
        if e.topic == 'joint_command':
            message = joint_command(ROBOT, stamp_of(e.step) + offset_ns, np.zeros(12))
            entries.append(replace(e, message=message))
    return entries


@pytest.mark.parametrize('offset_ms', [2, 8, 15])
def test_of_several_commands_in_a_tick_the_first_was_executed(offset_ms):
    (episode,), _ = assemble(second_commands(offset_ms * 1_000_000))
    expected = [action_value(ROBOT, step) for step in range(10)]
    np.testing.assert_allclose(episode.actions, expected, atol=1e-6)


@pytest.mark.parametrize('late', [5, 9, 11, 40])
def test_a_message_counts_if_it_is_not_later_than_the_others_may_be_waited_for(late):
    entries = walk(ROBOT, 60)
    (moved,) = [e for e in entries if (e.topic, e.step) == ('joint_command', 10)]
    entries.remove(moved)
    place = next(i for i, e in enumerate(entries) if e.step == 10 + late)
    entries.insert(place + 1, moved)  # after the joints of that step
    found, discarded = lengths(entries)
    if late * 0.02 <= SETTINGS.reorder_s:
        assert (found, discarded) == ([60], {})
    else:
        assert found == [10, 49]
        assert discarded == {'message came too late': 1, 'missing command': 1}


def fall_at(step):
    """A walk that is tilted too far at one step, on the way there half as far."""
    entries = with_message(walk(ROBOT, 60), 'imu/data', step, imu(stamp_of(step), 1.3))
    for beside in (step - 1, step + 1):
        entries = with_message(entries, 'imu/data', beside, imu(stamp_of(beside), 0.65))
    return entries


def test_a_short_walk_that_ends_in_a_fall_is_kept():
    settings = AssemblySettings(min_episode_s=0.2)
    entries = [e for e in fall_at(4) if e.step <= 4]
    (episode,), assembler = assemble(entries, settings)
    assert (episode.num_steps, episode.terminated) == (4, True)
    assert not assembler.discarded


def test_a_fall_is_of_the_step_at_which_it_was_measured():
    episodes, assembler = assemble(fall_at(20))
    assert [(e.num_steps, e.terminated) for e in episodes] == [(20, True), (39, False)]
    assert assembler.discarded == {'fallen': 1}


@pytest.mark.parametrize('where', ['centre', 'corner'])
def test_the_height_of_the_base_is_that_above_the_ground_below_it(where):
    grid = ROBOT.height_map
    cells = np.full(grid.size, 0.3, dtype='<f4')
    below = np.hypot(*grid.cells().T).argmin()  # of the base
    cells[0 if where == 'corner' else below] = 0.05
    message = replace(
        height_map(ROBOT, stamp_of(10), 0.3), data=np.frombuffer(cells.tobytes(), dtype=np.uint8)
    )
    episodes, _ = assemble(with_message(walk(ROBOT, 20), 'height_map', 10, message))
    assert [e.terminated for e in episodes] == ([True, False] if where == 'centre' else [False])


@pytest.mark.parametrize(
    ('angle_rad', 'has_fallen'),
    [(ROBOT.max_tilt_rad - 0.02, False), (ROBOT.max_tilt_rad + 0.02, True)],
)
def test_a_fall_is_a_tilt_beyond_the_robots_limit(angle_rad, has_fallen):
    entries = with_message(walk(ROBOT, 20), 'imu/data', 20, imu(stamp_of(20), angle_rad))
    entries = with_message(entries, 'imu/data', 19, imu(stamp_of(19), angle_rad / 2))
    (episode,), _ = assemble(entries)
    assert episode.terminated == has_fallen


def test_joint_states_at_500_hz_give_one_transition_a_tick():
    entries = []
    for e in walk(ROBOT, 20):
        if e.topic != 'joint_states':
            entries.append(e)
            continue
        entries += [
            replace(e, message=joint_state(ROBOT, stamp_of(e.step) + 2_000_000 * k, e.step))
            for k in range(10)
        ]
    (episode,), assembler = assemble(entries)
    assert episode.num_steps == 20
    assert not assembler.discarded
    actions = [action_value(ROBOT, step) for step in range(20)]
    np.testing.assert_allclose(episode.actions, actions, atol=1e-6)


@pytest.mark.parametrize('age_s', [0.03, 0.05])
def test_a_slow_height_map_serves_as_long_as_its_setting_allows(age_s):
    every = round(age_s / 0.02) + 1
    entries = [e for e in walk(ROBOT, 20) if e.topic != 'height_map' or e.step % every == 0]
    settings = replace(SETTINGS, height_map_max_age_s=age_s + 0.011)
    assert lengths(entries, settings) == ([20], {})
    found, _ = lengths(entries, SETTINGS)
    assert sum(found) < 20


def test_what_a_robot_can_do_between_two_ticks_of_a_slow_control_is_no_reset():
    slow = replace(ROBOT, control_rate_hz=5.0)
    cutter = EpisodeCutter(slow, min_steps=1, max_steps=100)
    thigh = np.where([name == 'FR_thigh_joint' for name in slow.joint_names], 2.0, 0.0)
    for step in range(6):  # at 9 m/s of the 10 it may have, a joint at 10 of its 45 rad/s
        state = RobotState(
            stamp_ns=step * slow.period_ns,
            joint_pos=slow.per_joint('default') + step % 2 * thigh,
            joint_vel=np.zeros(12),
            orientation=np.array([1.0, 0.0, 0.0, 0.0]),
            angular_velocity=np.zeros(3),
            linear_velocity=np.array([9.0, 0.0, 0.0]),
            height_map=np.full(315, 0.3),
        )
        assert not cutter.add(state, np.zeros(3), np.array([9.0 * step / 5.0, 0.0, 0.3]))
        cutter.note_command(
            JointCommand(stamp_ns=state.stamp_ns, position=slow.per_joint('default'))
        )
    (episode,) = cutter.cut()
    assert episode.num_steps == 5
    assert not cutter.discarded
