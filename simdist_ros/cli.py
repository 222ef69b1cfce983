"""The ``simdist`` command."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simdist_ros import __version__, graph_commands
from simdist_ros.bringup.graph import (
    REALTIME,
    GraphOptions,
    describe_graph,
    parse_overrides,
)
from simdist_ros.core.errors import SimdistError, unknown_name
from simdist_ros.core.options import (
    BAD_INPUT,
    Parser,
    add_settings,
    given_setting,
    option,
    read_options,
)
from simdist_ros.jobs.resuming import says_how_to_resume
from simdist_ros.jobs.writable import check_file, check_folder

__all__ = ['main']

INTERRUPTED = 130  # what a shell says of a program ended by Ctrl-C
RUNS = Path('runs')


def add_up(parser: argparse.ArgumentParser) -> None:
    """Take the graph's options from their one description."""
    add_settings(parser, GraphOptions)
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='NODE.PARAMETER=VALUE',
        help='Any further parameter, e.g. planner.mppi.num_samples=64.',
    )
    parser.add_argument('--report', type=Path, help='File for the report as JSON.')
    parser.add_argument('--runs', type=Path, default=RUNS, help='Folder for logs and reports.')
    parser.add_argument('--draw', action='store_true', help='Render pictures of the walk.')
    parser.add_argument(
        '--progress',
        action=argparse.BooleanOptionalAction,
        help='Draw a progress bar, or say nothing (default: a bar where a terminal is attached, '
        'else a line every ten seconds).',
    )


def up(arguments: argparse.Namespace) -> int:
    """Start the graph."""
    from simdist_ros.bringup.onnx_export import export_once
    from simdist_ros.bringup.progress import ProgressDisplay
    from simdist_ros.bringup.run import check_options, new_run_folder, run_graph

    options = read_options(GraphOptions, arguments)
    overrides = parse_overrides(arguments.set)
    as_run = dataclasses.replace(options, bag=options.bag or 'bag')
    nodes = describe_graph(as_run, overrides, option)
    check_options(options, option)
    check_folder(arguments.runs, '--runs')
    if options.bag:
        check_folder(Path(options.bag), '--bag')
    if options.models:
        check_folder(Path(options.models), '--models')
    if arguments.report is not None:
        check_file(arguments.report, '--report')
    if options.mode == REALTIME:
        planner = next(node for node in nodes if node.name == 'planner')
        export_once(planner.parameters, lambda line: print(line, file=sys.stderr, flush=True))
    run_graph(
        options,
        overrides,
        new_run_folder(arguments.runs, options),
        report_path=arguments.report,
        progress=ProgressDisplay.wanted(arguments.progress),
        draws=arguments.draw,
    )
    return 0


def add_demo(parser: argparse.ArgumentParser) -> None:
    """Take where to write and a seed."""
    parser.add_argument('--runs', type=Path, default=RUNS, help='Folder for the results.')
    parser.add_argument('--seed', default='0', help='Seed of world and planner (default: 0).')


def run_demo(arguments: argparse.Namespace) -> int:
    """Walk, and show it."""
    from simdist_ros.bringup.demo import demo

    seed = given_setting(GraphOptions, 'seed', arguments)
    check_folder(arguments.runs, '--runs')
    demo(arguments.runs, seed)
    return 0


def add_import(parser: argparse.ArgumentParser) -> None:
    """Take the two folders."""
    parser.add_argument('source', type=Path, help='Folder of the published checkpoint.')
    parser.add_argument('out', type=Path, help='Folder of the model to write.')
    parser.add_argument('--overwrite', action='store_true', help='Replace a model that is there.')


def import_checkpoint(arguments: argparse.Namespace) -> int:
    """Convert the published checkpoint."""
    from simdist_ros.world_model.upstream.convert import import_upstream

    import_upstream(arguments.source, arguments.out, overwrite=arguments.overwrite)
    print(f'wrote {arguments.out}')
    return 0


def add_export(parser: argparse.ArgumentParser) -> None:
    """Take the model."""
    parser.add_argument('model', help='Name or folder of the world model.')


def export_onnx(arguments: argparse.Namespace) -> int:
    """Export a model's graphs into the cache, unless they are there."""
    from simdist_ros.planning.backends.onnx_graphs import cache_folder, graph_key, load_graphs
    from simdist_ros.world_model.store.checkpoint import find_model, load_model

    model = load_model(find_model(arguments.model)).model
    _, note = load_graphs(model, cache_folder())
    print(note or f'{cache_folder() / graph_key(model)} holds the graphs')
    return 0


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Take model, inputs and output."""
    parser.add_argument('--model', required=True, help='Name or folder of the world model.')
    parser.add_argument('--inputs', type=Path, required=True, help='Recorded inputs, .npz.')
    parser.add_argument('--output', type=Path, required=True, help='File to write, .npz.')


def predict(arguments: argparse.Namespace) -> int:
    """Run the model on recorded inputs."""
    from simdist_ros.world_model.inference import predict_file
    from simdist_ros.world_model.store.checkpoint import find_model

    check_file(arguments.output, '--output')
    predict_file(find_model(arguments.model), arguments.inputs, arguments.output)
    print(f'wrote {arguments.output}')
    return 0


def add_pretrain(parser: argparse.ArgumentParser) -> None:
    """Take stage, robot, folders and sizes."""
    from simdist_ros.pretraining.pretrain_options import add_options

    add_options(parser)


def run_pretrain(arguments: argparse.Namespace) -> int:
    """Pretrain a world model."""
    from simdist_ros.pretraining.pretrain import pretrain
    from simdist_ros.pretraining.pretrain_options import read_options

    options = read_options(arguments)
    kept = f'finished stages and the last checkpoint of the running one are in {options.work}'
    with says_how_to_resume(arguments.given, kept):
        pretrain(options, make_walker)
    return 0


def make_walker(folder: Path, robot: Any, samples: int, iterations: int, seed: int) -> Any:
    """Return controller and model of a folder; the evaluation's processes find it by name."""
    import torch

    from simdist_ros.planning.controller import Controller
    from simdist_ros.planning.planner import Planner
    from simdist_ros.planning.settings import MppiSettings, search_for
    from simdist_ros.world_model.store.checkpoint import load_model

    model = load_model(folder, robot).model
    settings = MppiSettings(
        num_samples=samples,
        num_iterations=iterations,
        uses_expert=iterations > 0,  # without a search the policy head alone is measured
    )
    planner = Planner(model, search_for(robot, settings), torch.Generator().manual_seed(seed))
    return Controller(robot, planner), model


def add_finetune(parser: argparse.ArgumentParser) -> None:
    """Take bags, model and settings."""
    from simdist_ros.adaptation import options

    options.add_finetune(parser)


def finetune(arguments: argparse.Namespace) -> int:
    """Adapt a model to bags."""
    from simdist_ros.adaptation import commands

    kept = f'nothing was written to {arguments.out}, the bags are as they were'
    with says_how_to_resume(arguments.given, kept, 'begin again'):
        return commands.run_finetune(arguments)


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Take bags and models."""
    from simdist_ros.adaptation import options

    options.add_evaluate(parser)


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure models on bags."""
    from simdist_ros.adaptation import commands

    return commands.run_evaluate(arguments)


def add_models(parser: argparse.ArgumentParser) -> None:
    """Take the folder."""
    from simdist_ros.adaptation import options

    options.add_models(parser)


def models(arguments: argparse.Namespace) -> int:
    """Show where models come from."""
    from simdist_ros.adaptation import commands

    return commands.run_models(arguments)


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Take the benchmark, model, folders and sizes."""
    from simdist_ros.studies.options import add_options

    add_options(parser)


def bench(arguments: argparse.Namespace) -> int:
    """Run a benchmark of the whole loop."""
    import shlex

    from simdist_ros.studies.adaptation import bench_adaptation
    from simdist_ros.studies.options import read_options

    command = shlex.join(['simdist', *arguments.given])
    options = read_options(arguments)
    kept = f'finished tasks are in {options.work}; those that ran will be begun again'
    with says_how_to_resume(arguments.given, kept):
        bench_adaptation(options, command)
    return 0


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Take the shell."""
    parser.add_argument('shell', choices=('bash', 'zsh'), help='Which shell is to read it.')


def complete(arguments: argparse.Namespace) -> int:
    """Print the script that completes the commands."""
    from simdist_ros import completion

    parsers = {name: Parser(prog=name) for name in COMMANDS}
    for name, parser in parsers.items():
        COMMANDS[name][1](parser)
    print(completion.script(arguments.shell, parsers), end='')
    return 0


COMMANDS = {
    'up': ('start the graph, with MuJoCo or a real robot', add_up, up),
    'demo': ('see a Go2 adapt to a world outside its training', add_demo, run_demo),
    'import-upstream': ('convert the published Go2 checkpoint', add_import, import_checkpoint),
    'export-onnx': ('make the graphs that backend onnxruntime runs', add_export, export_onnx),
    'pretrain': ('learn a world model in simulation', add_pretrain, run_pretrain),
    'finetune': (
        'adapt a model to bags; exits with 3 if the gate rejects the candidate',
        add_finetune,
        finetune,
    ),
    'evaluate': ('measure the prediction error of models on bags', add_evaluate, evaluate),
    'models': ('show which model was adapted from which', add_models, models),
    'bench': ('measure what adaptation gains, walk by walk', add_bench, bench),
    'completion': ('print what completes these commands in a shell', add_completion, complete),
    'predict': ('run a model on recorded inputs', add_predict, predict),
    'status': (
        'show the state of the running graph',
        graph_commands.add_options,
        graph_commands.status,
    ),
    **{
        name: (what, graph_commands.add_options, graph_commands.ask)
        for name, (_, what) in graph_commands.SERVICES.items()
    },
}


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = Parser(prog='simdist', description='Plan with a latent world model through ROS 2.')
    parser.add_argument('--version', action='version', version=f'simdist_ros {__version__}')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', parser_class=Parser)
    for name, (text, add, _) in COMMANDS.items():
        add(commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + '.'))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 2 with one sentence on stderr for what the user can mend; 130 after Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and not given[0].startswith('-') and given[0] not in COMMANDS:
        print(f'error: {unknown_name("command", given[0], COMMANDS)}', file=sys.stderr)
        return BAD_INPUT
    try:
        parser = make_parser()
        parsed = parser.parse_args(given)
        parsed.given = given
        if parsed.command is None:
            parser.print_help()
            return 0
        return COMMANDS[parsed.command][2](parsed)
    except SimdistError as error:
        print(f'error: {error}', file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:  # before the graph was started, or after it has ended
        return INTERRUPTED


if __name__ == '__main__':
    sys.exit(main())
