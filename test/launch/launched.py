"""The launch file under test, and the processes it starts."""

import os
from pathlib import Path

import launch_pytest
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription

LAUNCH_FILE = Path(__file__).parents[2] / 'launch' / 'bringup.launch.py'
NODES = ('planner', 'supervisor', 'operator', 'mujoco_robot')


def bringup(model, **arguments):
    given = {'model': str(model), 'mode': 'realtime', 'robot': 'go2', 'world': 'nominal'}
    given |= arguments
    return LaunchDescription(
        [
            IncludeLaunchDescription(str(LAUNCH_FILE), launch_arguments=given.items()),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


def pid_of(name):
    """Return the process that runs a node of this test's domain."""
    domain = f'ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'.encode()
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            command = (folder / 'cmdline').read_bytes().split(b'\0')
            environment = (folder / 'environ').read_bytes().split(b'\0')
        except OSError:
            continue
        if f'simdist_ros.nodes.{name}'.encode() in command and domain in environment:
            return int(folder.name)
    return None
