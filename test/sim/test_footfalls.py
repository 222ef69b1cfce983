"""Contacts from poses against those of the simulation."""

import numpy as np

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.sim.footfalls import find_footfalls


def poses_of(states):
    return np.array(
        [[s.time_ns * 1e-9, *s.position, *s.orientation, *s.joint_pos] for s in states]
    )


def test_all_feet_of_a_standing_robot_are_on_the_ground(go2, simulate, stand):
    simulation = simulate()
    poses = poses_of(stand(simulation, 0.2))
    footfalls = find_footfalls(go2, simulation.world, 0, poses)
    assert footfalls.feet == simulation.feet
    assert footfalls.contact.shape == (10, 4)
    assert footfalls.contact.all()


def test_a_lifted_foot_is_found_where_the_simulation_has_it(go2, simulate):
    simulation = simulate()
    target = go2.per_joint('stand').copy()
    calf = go2.joint_names.index('FL_calf_joint')
    target[calf - 1] += 0.6
    target[calf] -= 1.0
    simulation.apply(JointCommand(stamp_ns=0, position=target))
    states = []
    for _ in range(15):
        simulation.step()
        states.append(simulation.true_state())
    footfalls = find_footfalls(go2, simulation.world, 0, poses_of(states))
    lifted = footfalls.feet.index('FL')
    truth = np.array([state.foot_contact for state in states])
    assert not truth[:10, lifted].any()
    assert not footfalls.contact[:10, lifted].any()
    assert np.mean(footfalls.contact == truth) >= 0.9


def test_on_a_slope_the_ground_is_where_the_slope_is(go2, simulate, stand):
    simulation = simulate(terrain='slope', slope_deg=10.0)
    poses = poses_of(stand(simulation, 0.1))
    raised = poses.copy()
    raised[:, 1] += 4.0  # on level ground by its height, but inside the slope
    assert find_footfalls(go2, simulation.world, 0, raised).contact.all()
    raised[:, 3] += 2.0
    assert not find_footfalls(go2, simulation.world, 0, raised).contact.any()
