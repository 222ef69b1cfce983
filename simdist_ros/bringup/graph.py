"""The node list: one description for ``ros2 launch`` and for ``simdist up``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.overrides import read_overrides
from simdist_ros.core.settings import Settings, Spelling, seed_setting, setting
from simdist_ros.core.share import share_folder
from simdist_ros.core.values import NotAValue, guess

__all__ = [
    'GraphOptions',
    'NodeSpec',
    'describe_graph',
    'environment_defaults',
    'parse_overrides',
]

LOCKSTEP, REALTIME = 'lockstep', 'realtime'
RCLPY_OWN = ('use_sim_time', 'start_type_description_service')  # read by rclpy, so typed here
REALTIME_BUDGET_MS = 12.0  # of a 20 ms tick; the rest is for transport and the other processes


@dataclass(frozen=True, kw_only=True)
class GraphOptions(Settings):
    """What a user chooses when starting the graph."""

    robot: str = setting('go2', 'Name or file of the robot.')
    task: str = setting('', 'What it is to do; empty is the first task that the robot names.')
    world: str = setting('nominal', 'Name or file of the world (stand-in only).')
    model: str = setting('go2', 'Name of a world model that ships, or a folder.')
    mode: str = setting(
        REALTIME, 'Clock: wall clock, or wait for each answer.', choices=(LOCKSTEP, REALTIME)
    )
    seed: int = seed_setting(0, 'Seed of the world and of the planner.')
    episodes: int = setting(
        0,
        'Trials of a task that has an end, each with a start and a goal of its own, in lockstep; '
        'the run ends after them. 0: one run of `duration_s`.',
        low=0,
    )
    duration_s: float = setting(0.0, 'Robot time; 0 runs until stopped.', unit='s', low=0.0)
    goal: tuple[float, ...] = setting(
        (),
        'Numbers of the command asked for; empty is vx, vy, yaw_rate, or what a task without them '
        'begins with.',
    )
    vx: float = setting(0.5, 'Forward velocity asked for.', unit='m/s')
    vy: float = setting(0.0, 'Velocity to the left asked for.', unit='m/s')
    yaw_rate: float = setting(0.0, 'Turning rate asked for.', unit='rad/s')
    heading_gain: float = setting(
        0.0,
        'Yaw rate per angle with which the robot is turned back to the heading of its start; 0: '
        'no heading control. By the stand-in operator only.',
        unit='1/s',
        low=0.0,
        high=5.0,
    )
    bag: str = setting('', 'Folder of the bag; empty records none.')
    use_mock_hardware: bool = setting(
        True, 'MuJoCo stands in for the robot; false expects a real one on the same topics.'
    )
    finetune: bool = setting(
        False, 'Adapt the model while it works (node finetuner); needs a bag as training data.'
    )
    models: str = setting(
        '', 'Folder for adapted models; empty is a folder `models` beside the bag.'
    )
    teleop: bool = setting(
        False,
        'Leave commands to another node, e.g. a teleop, not to goal, vx, vy, yaw_rate.',
    )


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """One process.

    Attributes:
        name: ROS name, also the module under ``simdist_ros.nodes``.
        parameters: Values that differ from the node's defaults.
        ends_graph: Whether the whole graph ends when it does.
        respawn: Whether it is started again when it dies.
        speaks: Whether all that it says reaches the terminal, not only warnings and errors.
    """

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    ends_graph: bool = False
    respawn: bool = False
    speaks: bool = False

    @property
    def module(self) -> str:
        """Python module to run."""
        return f'simdist_ros.nodes.{self.name}'


def describe_graph(
    options: GraphOptions,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    spell: Spelling = str,
) -> list[NodeSpec]:
    """List the nodes to start, with their parameters.

    Args:
        options: What the user chose.
        overrides: Further parameters by node name; they win.
        spell: How the user wrote an option's name, for the error message.

    Raises:
        ConfigError: Options contradict each other, or an override names no node.
    """
    check_together(options, spell)
    given = (overrides or {}).get('finetuner', {})
    ends = any(
        str(given.get(name, 0)) != '0' for name in ('end.after_swaps', 'end.after_trainings')
    )
    common: dict[str, Any] = {'robot': options.robot}
    if options.task:
        common |= {'task': options.task}
    clocked = common | {'mode': options.mode}
    if options.mode == LOCKSTEP:
        clocked |= {'use_sim_time': True}
    nodes = [
        NodeSpec(
            name='supervisor', parameters=clocked | supervisor_parameters(options), respawn=True
        ),
        NodeSpec(name='planner', parameters=clocked | planner_parameters(options), respawn=True),
    ]
    if options.bag:
        about = {'folder': options.bag, 'model': options.model, 'world': options.world}
        nodes.append(NodeSpec(name='transition_logger', parameters=common | about))
    if not options.teleop and options.use_mock_hardware and not options.episodes:
        wanted = {
            name: getattr(options, name) for name in ('vx', 'vy', 'yaw_rate', 'heading_gain')
        }
        if options.goal:
            wanted |= {'goal': list(options.goal)}
        nodes.append(NodeSpec(name='operator', parameters=common | wanted))
    if options.use_mock_hardware:
        parameters = common | {
            'world': options.world,
            'seed': options.seed,
            'mode': options.mode,
            'duration_s': options.duration_s,
            'trials': options.episodes,
            'num_observers': len(nodes),
        }
        if options.goal:
            parameters |= {'goal': list(options.goal)}
        nodes.append(NodeSpec(name='mujoco_robot', parameters=parameters, ends_graph=True))
    if options.finetune:
        parameters = common | finetuner_parameters(options)
        nodes.append(
            NodeSpec(name='finetuner', parameters=parameters, ends_graph=ends, speaks=True)
        )
    return with_overrides(nodes, overrides or {})


def check_together(options: GraphOptions, spell: Spelling) -> None:
    """Refuse options that contradict each other.

    Raises:
        ConfigError: They do.
    """
    mode = f'{spell("mode")} {LOCKSTEP}'
    if options.mode == LOCKSTEP and not options.use_mock_hardware:
        raise ConfigError(f'{mode} needs the stand-in; a real robot does not wait')
    if options.mode == LOCKSTEP and options.teleop:
        raise ConfigError(f'{mode} needs a command for each stamp; {spell("teleop")} has none')
    if options.episodes and options.mode != LOCKSTEP:
        raise ConfigError(f'{spell("episodes")} {options.episodes} needs {mode}')
    if options.episodes and options.duration_s:
        raise ConfigError(
            f'{spell("duration_s")} and {spell("episodes")} both say when it ends; give one'
        )
    if options.duration_s and not options.use_mock_hardware:
        raise ConfigError(
            f'{spell("duration_s")} ends the stand-in only; a real robot is ended with Ctrl-C'
        )
    if options.heading_gain and (options.teleop or not options.use_mock_hardware):
        raise ConfigError(
            f'{spell("heading_gain")} steers through the stand-in operator, which is not started'
        )
    if options.finetune and not options.bag:
        raise ConfigError(
            f'{spell("finetune")} needs a bag as training data; name one with {spell("bag")}'
        )


def environment_defaults(options: GraphOptions) -> dict[str, str]:
    """Return environment variables that the user may override.

    The stand-in stays on this machine: it publishes commands that a real robot would obey.
    """
    profiles = {'FASTDDS_DEFAULT_PROFILES_FILE': str(share_folder() / 'config' / 'fastdds.xml')}
    if not options.use_mock_hardware:
        return profiles
    return profiles | {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


def supervisor_parameters(options: GraphOptions) -> dict[str, Any]:
    """A stand-in walks at once; a real robot waits for its operator."""
    return {'initial_mode': 'follow' if options.use_mock_hardware else 'off'}


def planner_parameters(options: GraphOptions) -> dict[str, Any]:
    """In realtime a plan takes effect one step later and has a budget."""
    parameters: dict[str, Any] = {'model': options.model, 'seed': options.seed}
    if options.mode == REALTIME:
        parameters |= {'mppi.plan_delay_steps': 1, 'mppi.budget_ms': REALTIME_BUDGET_MS}
    return parameters


def finetuner_parameters(options: GraphOptions) -> dict[str, Any]:
    """What to learn from and where the results go; the bag's own folder holds nothing else."""
    models = options.models or str(Path(options.bag).parent / 'models')
    return {
        'bag': options.bag,
        'model': options.model,
        'folder': models,
        'low_priority': options.mode == REALTIME,
    }


def with_overrides(
    nodes: list[NodeSpec], overrides: Mapping[str, Mapping[str, Any]]
) -> list[NodeSpec]:
    """Return the nodes with further parameters.

    Raises:
        ConfigError: An override names a node that is not in the graph.
    """
    names = [node.name for node in nodes]
    for name in overrides:
        if name not in names:
            raise ConfigError(unknown_name('node', name, names))
    for node in nodes:
        node.parameters.update(overrides.get(node.name, {}))
    return nodes


def parse_overrides(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read ``planner.mppi.num_samples=64`` into node, parameter and value.

    Raises:
        ConfigError: A text has another form, or a value that no parameter can hold.
    """
    return {
        node: {
            name: parameter_value(f'{node}.{name}={value}', name, value)
            for name, value in given.items()
        }
        for node, given in read_overrides(texts, 'node.parameter=value').items()
    }


def parameter_value(text: str, name: str, value: str) -> Any:
    """Return the value of an override.

    It stays a text, since its node knows the type; rclpy's own parameters are not read there.
    """
    if not value.strip():
        raise ConfigError(f'--set {text!r} has no value; write one, or leave the override away')
    if name not in RCLPY_OWN and not name.startswith('qos_overrides'):
        return value
    try:
        return guess(value)
    except NotAValue as error:
        raise ConfigError(f'--set {text!r}: the value must be {error}') from None
