import numpy as np
import pytest

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot


@pytest.fixture
def simulate(go2):
    """Build a simulated Go2 in a world of these settings, still and straight unless told."""

    def build(seed=0, **settings):
        still = {'start_heading_rad': 0.0, 'start_joint_offset_rad': 0.0}
        return SimulatedRobot(go2, World(**{**still, **settings}), seed)

    return build


@pytest.fixture
def stand(go2):
    """Hold the standing pose for a while and return the true states, one per period."""

    def run(simulation, duration_s, offset=0.0):
        simulation.apply(JointCommand(stamp_ns=0, position=go2.per_joint('stand') + offset))
        states = []
        for _ in range(round(duration_s / go2.period_s)):
            simulation.step()
            states.append(simulation.true_state())
        return states

    return run


@pytest.fixture
def joints_of():
    """Stack joint positions of states, (time, num_joints)."""
    return lambda states: np.stack([state.joint_pos for state in states])
