"""What becomes of raw messages: transitions where all is there, and a counted reason elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.robot import load_robot
from simdist_ros.transitions.assembly import AssemblySettings, TransitionAssembler

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
    _, assembler = assemble(with_message(walk(ROBOT, 20), 'height_map', 8, small))
    assert assembler.discarded['message does not fit the robot'] == 1
    assert assembler.first_misfit.startswith('height_map is 3 x 15 32FC1; expected 21 x 15')


def test_velocity_commands_of_another_clock_count_when_they_arrive():
    entries = with_message(walk(ROBOT, 10), 'cmd_vel', 0, velocity(stamp_of(0), 0.5))
    entries = [
        replace(e, message=velocity(1_700_000_000_000_000_000, 0.25))
        if e.topic == 'cmd_vel'
        else e
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
    assert episode.commands[0, 0] == ROBOT.command_high[0]


def test_the_shortest_episode_cannot_be_longer_than_the_longest():
    with pytest.raises(ConfigError, match='must not exceed episode_s'):
        AssemblySettings(episode_s=1.0, min_episode_s=2.0)


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
