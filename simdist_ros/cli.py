"""The ``simdist`` command."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from simdist_ros import __version__, graph_commands
from simdist_ros.adaptation.options import EvaluateOptions, FinetuneOptions, ModelsOptions
from simdist_ros.bringup.graph import REALTIME, GraphOptions, describe_graph, parse_overrides
from simdist_ros.completion import CompletionOptions, script
from simdist_ros.core.errors import SimdistError, unknown_name
from simdist_ros.core.options import (
    BAD_INPUT,
    Parser,
    add_settings,
    option,
    override_setting,
    read_options,
)
from simdist_ros.core.settings import REQUIRED, Settings, describe, same_setting, setting
from simdist_ros.jobs.resuming import says_how_to_resume
from simdist_ros.jobs.writable import check_file, check_folder
from simdist_ros.pretraining.pretrain_options import PretrainOptions
from simdist_ros.studies.options import BenchOptions

__all__ = ['COMMANDS', 'main', 'make_parser']

INTERRUPTED = 130  # what a shell says of a program ended by Ctrl-C
Given = Sequence[str]  # what was typed after ``simdist``


@dataclass(frozen=True, kw_only=True)
class DemoOptions(Settings):
    """Where to write, and a seed."""

    runs: Path = setting(Path('runs'), 'Folder for logs and reports.')
    seed: int = same_setting(GraphOptions, 'seed')


@dataclass(frozen=True, kw_only=True)
class UpOptions(GraphOptions):
    """The graph's options, and what becomes of its run."""

    set: tuple[str, ...] = override_setting(
        'NODE.PARAMETER=VALUE', 'Any further parameter, e.g. planner.mppi.num_samples=64.'
    )
    report: Path | None = setting(None, 'File for the report as JSON.')
    runs: Path = same_setting(DemoOptions, 'runs')
    plot: bool = setting(True, 'Draw what was recorded, or do not.')
    draw: bool = setting(False, 'Render pictures of the run.', form='flag')
    progress: bool | None = setting(
        None,
        'Draw a progress bar, or say nothing.',
        absent='a bar where a terminal is attached, else a line every ten seconds',
    )


def up(options: UpOptions, _: Given) -> int:
    """Start the graph."""
    from simdist_ros.bringup.progress import ProgressDisplay
    from simdist_ros.bringup.run import check_options, new_run_folder, run_graph

    graph = GraphOptions(**{i.name: getattr(options, i.name) for i in describe(GraphOptions)})
    overrides = parse_overrides(options.set)
    as_run = dataclasses.replace(graph, bag=graph.bag or 'bag')
    nodes = describe_graph(as_run, overrides, option)
    check_options(graph, option)
    check_folder(options.runs, '--runs')
    if graph.bag:
        check_folder(Path(graph.bag), '--bag')
    if graph.models:
        check_folder(Path(graph.models), '--models')
    if options.report is not None:
        check_file(options.report, '--report')
    if graph.mode == REALTIME:
        from simdist_ros.bringup.onnx_export import export_once

        planner = next(node for node in nodes if node.name == 'planner')
        export_once(planner.parameters, lambda line: print(line, file=sys.stderr, flush=True))
    run_graph(
        graph,
        overrides,
        new_run_folder(options.runs, graph),
        report_path=options.report,
        progress=ProgressDisplay.wanted(options.progress),
        plots=options.plot,
        draws=options.draw,
    )
    return 0


def run_demo(options: DemoOptions, _: Given) -> int:
    """Walk, and show it."""
    from simdist_ros.bringup.demo import demo

    check_folder(options.runs, '--runs')
    demo(options.runs, options.seed)
    return 0


@dataclass(frozen=True, kw_only=True)
class ImportOptions(Settings):
    """The two folders."""

    source: Path = setting(REQUIRED, 'Folder of the published checkpoint.', form='positional')
    out: Path = setting(REQUIRED, 'Folder of the model to write.', form='positional')
    overwrite: bool = setting(False, 'Replace a model that is there.', form='flag')


def import_checkpoint(options: ImportOptions, _: Given) -> int:
    """Convert the published checkpoint."""
    from simdist_ros.world_model.upstream.convert import import_upstream

    import_upstream(options.source, options.out, overwrite=options.overwrite)
    print(f'wrote {options.out}')
    return 0


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Settings):
    """The model."""

    model: str = setting(REQUIRED, 'Name or folder of the world model.', form='positional')


def export_onnx(options: ExportOptions, _: Given) -> int:
    """Export a model's graphs into the cache, unless they are there."""
    from simdist_ros.planning.backends.onnx_graphs import cache_folder, graph_key, load_graphs
    from simdist_ros.world_model.store.checkpoint import find_model, load_model

    model = load_model(find_model(options.model)).model
    note = load_graphs(model, cache_folder())[1]
    print(note or f'{cache_folder() / graph_key(model)} holds the graphs')
    return 0


@dataclass(frozen=True, kw_only=True)
class PredictOptions(Settings):
    """Model, inputs and output."""

    model: str = setting(REQUIRED, 'Name or folder of the world model.')
    inputs: Path = setting(REQUIRED, 'Recorded inputs, .npz.')
    output: Path = setting(REQUIRED, 'File to write, .npz.')


def predict(options: PredictOptions, _: Given) -> int:
    """Run the model on recorded inputs."""
    from simdist_ros.world_model.inference import predict_file
    from simdist_ros.world_model.store.checkpoint import find_model

    check_file(options.output, '--output')
    predict_file(find_model(options.model), options.inputs, options.output)
    print(f'wrote {options.output}')
    return 0


def run_pretrain(options: PretrainOptions, given: Given) -> int:
    """Pretrain a world model."""
    from simdist_ros.pretraining.pretrain import pretrain

    kept = f'finished stages and the last checkpoint of the running one are in {options.work}'
    with says_how_to_resume(given, kept):
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


def finetune(options: FinetuneOptions, given: Given) -> int:
    """Adapt a model to bags."""
    from simdist_ros.adaptation import commands

    kept = f'nothing was written to {options.out}, the bags are as they were'
    with says_how_to_resume(given, kept, 'begin again'):
        return commands.run_finetune(options)


def evaluate(options: EvaluateOptions, _: Given) -> int:
    """Measure models on bags."""
    from simdist_ros.adaptation import commands

    return commands.run_evaluate(options)


def models(options: ModelsOptions, _: Given) -> int:
    """Show where models come from."""
    from simdist_ros.adaptation import commands

    return commands.run_models(options)


def bench(options: BenchOptions, given: Given) -> int:
    """Run a benchmark of the whole loop."""
    from simdist_ros.studies.adaptation import bench_adaptation

    kept = f'finished tasks are in {options.work}; those that ran will be begun again'
    with says_how_to_resume(given, kept):
        bench_adaptation(options, shlex.join(['simdist', *given]))
    return 0


def complete(options: CompletionOptions, _: Given) -> int:
    """Print the script that completes the commands."""
    print(script(options.shell, {name: one.options for name, one in COMMANDS.items()}), end='')
    return 0


class Command(NamedTuple):
    """What a command does, its options, and the function that does it."""

    text: str
    options: type[Settings]
    run: Callable[[Any, Given], int]


COMMANDS = {
    'up': Command('start the graph, with MuJoCo or a real robot', UpOptions, up),
    'demo': Command('see a Go2 adapt to a world outside its training', DemoOptions, run_demo),
    'import-upstream': Command(
        'convert the published Go2 checkpoint', ImportOptions, import_checkpoint
    ),
    'export-onnx': Command(
        'make the graphs that backend onnxruntime runs', ExportOptions, export_onnx
    ),
    'pretrain': Command('learn a world model in simulation', PretrainOptions, run_pretrain),
    'finetune': Command(
        'adapt a model to bags; exits with 3 if the gate rejects the candidate',
        FinetuneOptions,
        finetune,
    ),
    'evaluate': Command(
        'measure the prediction error of models on bags', EvaluateOptions, evaluate
    ),
    'models': Command('show which model was adapted from which', ModelsOptions, models),
    'bench': Command('measure what adaptation gains, walk by walk', BenchOptions, bench),
    'completion': Command(
        'print what completes these commands in a shell', CompletionOptions, complete
    ),
    'predict': Command('run a model on recorded inputs', PredictOptions, predict),
    'status': Command(
        'show the state of the running graph',
        graph_commands.OperatorOptions,
        graph_commands.status,
    ),
    **{
        name: Command(what, graph_commands.OperatorOptions, graph_commands.ask)
        for name, (_, what) in graph_commands.SERVICES.items()
    },
}


def make_parser() -> Parser:
    """Build the parser of all commands."""
    parser = Parser(prog='simdist', description='Plan with a latent world model through ROS 2.')
    parser.add_argument('--version', action='version', version=f'simdist_ros {__version__}')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', parser_class=Parser)
    for name, (text, options, _) in COMMANDS.items():
        description = text[0].upper() + text[1:] + '.'
        add_settings(commands.add_parser(name, help=text, description=description), options)
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
        if parsed.command is None:
            parser.print_help()
            return 0
        _, options, run = COMMANDS[parsed.command]
        return run(read_options(options, parsed), given)
    except SimdistError as error:
        print(f'error: {error}', file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:  # before the graph was started, or after it has ended
        return INTERRUPTED


if __name__ == '__main__':
    sys.exit(main())
