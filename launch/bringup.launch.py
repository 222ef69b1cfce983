"""Start the graph, e.g. ``ros2 launch simdist_ros bringup.launch.py world:=slope model:=go2``."""

import os
import sys

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from simdist_ros.bringup.graph import GraphOptions, NodeSpec, describe_graph, environment_defaults
from simdist_ros.bringup.run import check_options
from simdist_ros.core.settings import describe

BAD_INPUT = 2


def generate_launch_description() -> LaunchDescription:
    """Declare the graph's options as launch arguments."""
    arguments = [
        DeclareLaunchArgument(
            info.name,
            default_value=str(info.default),
            description=info.meaning,
            choices=list(info.choices) or None,
        )
        for info in describe(GraphOptions)
    ]
    arguments.append(
        DeclareLaunchArgument(
            'params_file', default_value='', description='Further parameters, a ROS YAML file.'
        )
    )
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list:
    """Make the nodes once the arguments are known; what cannot work is refused here."""
    given = {
        info.name: LaunchConfiguration(info.name).perform(context)
        for info in describe(GraphOptions)
    }
    options = GraphOptions.from_mapping(given, 'launch arguments')
    check_options(options)
    params_file = LaunchConfiguration('params_file').perform(context)
    actions = [
        SetEnvironmentVariable(name, os.environ.get(name, value))
        for name, value in environment_defaults(options).items()
    ]
    for spec in describe_graph(options):
        node = node_of(spec, params_file)
        actions.append(node)
        actions.append(
            RegisterEventHandler(OnProcessExit(target_action=node, on_exit=on_exit(spec)))
        )
    return actions


def node_of(spec: NodeSpec, params_file: str) -> Node:
    """Start a node as a module, which works in a workspace and in a Python environment."""
    return Node(
        executable=sys.executable,
        arguments=['-m', spec.module],
        name=spec.name,
        exec_name=spec.name,
        parameters=[spec.parameters, *([params_file] if params_file else [])],
        respawn=spec.respawn,
        respawn_delay=1.0,
        output='screen',
    )


def on_exit(spec: NodeSpec):
    """End the graph with the robot, and when a node refuses its settings."""

    def handle(event, context: LaunchContext):
        if event.returncode == BAD_INPUT:
            return EmitEvent(event=Shutdown(reason=f'{spec.name} refused its settings'))
        if spec.ends_graph:
            return EmitEvent(event=Shutdown(reason=f'{spec.name} has ended'))
        return None

    return handle
