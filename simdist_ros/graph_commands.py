"""The commands ``simdist status``, ``estop``, ``follow`` and the like."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simdist_ros.bringup.graph_records import GraphRecord, running_graphs
from simdist_ros.bringup.ros_domain import DOMAIN, HIGHEST, given_domain
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting

if TYPE_CHECKING:
    from simdist_ros.nodes.graph_client import Heard, TopicHealth

__all__ = ['SERVICES', 'OperatorOptions', 'ask', 'choose_graph', 'status', 'status_lines']

REFUSED = 3  # exit code of what a node does not do
UNWELL = 1  # exit code of `status` where a node reports an error

SERVICES = {  # by command: service, and what it does
    'estop': ('supervisor/estop', 'damp the joints (an arm holds) until `recover`'),
    'off': ('supervisor/off', 'damp the joints (an arm holds)'),
    'stand': ('supervisor/stand', 'go to the stand pose and hold it'),
    'follow': ('supervisor/follow', 'follow the plans'),
    'walk': ('supervisor/follow', 'the same as `follow`, its name of before'),
    'recover': ('supervisor/recover', 'leave an e-stop, joints damped, until `stand`'),
    'rollback': ('planner/rollback', 'plan with the model before the last exchange'),
    'finetune-now': ('finetuner/finetune', 'start to adapt the model at once'),
}


@dataclass(frozen=True, kw_only=True)
class OperatorOptions(Settings):
    """Which graph is meant, and how long to wait for it."""

    domain: int | None = setting(
        None, 'ROS domain of the graph, where several run here.', low=0, high=HIGHEST
    )
    namespace: str = setting('', "The robot's namespace.")
    timeout_s: float = setting(
        10.0, 'Longest wait for an answer.', unit='s', above=0.0, high=600.0
    )


def choose_graph(graphs: Sequence[GraphRecord], domain: int | None) -> GraphRecord | None:
    """Return the graph of this machine that is meant; None for one that was started elsewhere.

    Args:
        graphs: Those that run.
        domain: As given with ``--domain``; without it ROS_DOMAIN_ID says, if it is set.

    Raises:
        ConfigError: Several are possible, or ROS_DOMAIN_ID is no domain.
    """
    if domain is not None:
        os.environ[DOMAIN] = str(domain)
    wanted = given_domain()
    possible = [graph for graph in graphs if wanted in (None, graph.domain)]
    if len(possible) > 1 and len({graph.domain for graph in possible}) > 1:
        found = '; '.join(f'{g.domain}: {g.robot}, {g.mode}, {g.folder}' for g in possible)
        raise ConfigError(f'several graphs run here; choose one with --domain ({found})')
    return possible[-1] if possible else None


def enter(options: OperatorOptions) -> GraphRecord | None:
    """Take over the environment of the graph that is meant, before ROS is loaded."""
    graph = choose_graph(running_graphs(), options.domain)
    if graph is not None:
        os.environ.update(graph.environment)
    return graph


def ask(options: OperatorOptions, given: Sequence[str]) -> int:
    """Call the service of a command; return 0, or `REFUSED` where the node refuses."""
    enter(options)
    from simdist_ros.nodes.graph_client import graph_client

    with graph_client(options.namespace) as one:
        done, said = one.ask(SERVICES[given[0]][0], options.timeout_s)
    print(said or ('done' if done else 'refused'))
    return 0 if done else REFUSED


def status(options: OperatorOptions, _: Sequence[str]) -> int:
    """Show how the graph is; return 0, or `UNWELL` where a node reports an error."""
    graph = enter(options)
    from simdist_ros.nodes.graph_client import graph_client

    with graph_client(options.namespace) as one:
        heard = one.listen(options.timeout_s)
    if graph is not None:
        print(
            f'{"graph":18}{graph.robot}, {graph.mode}, domain {graph.domain}, since '
            f'{graph.started}, {graph.folder}'
        )
    print('\n'.join(status_lines(heard)))
    return UNWELL if any(node.level == 'error' for node in heard.nodes.values()) else 0


def status_lines(heard: Heard) -> list[str]:
    """Say how a graph is."""
    lines = [('mode', heard.mode or 'unknown')]
    lines += [(name, f'{node.level}: {node.summary}') for name, node in heard.nodes.items()]
    planner = heard.nodes.get('planner')
    if planner is not None and 'model' in planner.values:
        values = planner.values
        lines.append(
            ('model', f'{values["model"]}, {values.get("model_folder", "")}'.rstrip(', '))
        )
    finetuner = heard.nodes.get('finetuner')
    if finetuner is not None:
        lines.append(('adaptation', adaptation(finetuner.values)))
    lines.append(('faults', counted(heard, ('fault_', 'unusable ')) or 'none'))
    if limited := counted(heard, ('limited_',)):
        lines.append(('limited', limited))
    lines += [(name, topic(heard, health)) for name, health in heard.topics.items()]
    return [f'{name:18}{text}' for name, text in lines]


def adaptation(values: dict[str, str]) -> str:
    """Say what the finetuner does and what came of it."""
    counts = (f'{values.get(name, "0")} {name}' for name in ('trainings', 'accepted', 'refused'))
    progress = values.get('progress', '')
    state = values.get('state', '') + (f' ({progress})' if progress else '')
    return f'{state}; {", ".join(counts)}; {values.get("new_data_s", "0")} s of new data'


def counted(heard: Heard, starts: tuple[str, ...]) -> str:
    """Return the counters that are not 0 and whose names start so, of all nodes."""
    found = [
        f'{key.removeprefix(starts[0]).replace("_", " ")} {value} ({name})'
        for name, node in heard.nodes.items()
        for key, value in node.values.items()
        if key.startswith(starts) and value != '0' and not key.startswith('fault_none')
    ]
    return ', '.join(found)


def topic(heard: Heard, health: TopicHealth) -> str:
    """Say how a topic is."""
    if not health.publishers:
        return 'no publisher'
    if health.misfit:
        return health.misfit
    if not health.messages:
        return f'no message in {heard.seconds:.1f} s'
    rate = f'{health.rate_hz:.1f} Hz, ' if health.rate_hz else ''
    return f'{rate}the last {heard.ended - health.last:.2f} s ago'
