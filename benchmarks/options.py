"""The options of ``python -m benchmarks``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simdist_ros.core.options import override_setting
from simdist_ros.core.settings import Settings, setting

NAMES = (
    'beliefs',
    'faulty_walks',
    'finetune',
    'gate',
    'plan_quality',
    'planner_latency',
    'precision',
    'pretraining',
    'ranking',
    'realtime',
    'rivals',
    'round_trip',
    'stopping',
    'turnaround',
    'walking',
)


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions(Settings):
    """Which benchmarks to run, and how."""

    names: tuple[str, ...] = setting(
        (), 'Benchmarks.', choices=NAMES, noun='benchmark', form='positional', absent='all'
    )
    model: str = setting('go2', 'Name or folder of a model.')
    world: str = setting('nominal', 'World.')
    seeds: int = setting(
        5,
        'Seeds of `walking`, `gate`, `rivals` and `beliefs`, states of `ranking`, walks of '
        '`faulty_walks`.',
    )
    seconds: float = setting(
        0.0,
        'Length of `realtime`, of a walk of `rivals` and `beliefs`, of a measurement of '
        '`pretraining`, and of the walk that `turnaround` learns from.',
        unit='s',
        low=0.0,
        absent='60, 10, 10, 10, 300',
    )
    delays: tuple[int, ...] = setting(
        (0,),
        '`rivals`: steps until a plan begins (`mppi.plan_delay_steps`); 1 is as in realtime.',
        form='words',
    )
    speeds: tuple[float, ...] = setting(
        (),
        'Speeds ahead of `rivals` and `beliefs`.',
        unit='m/s',
        form='words',
        absent='1.0; 1.0 and 0.5',
    )
    worlds: tuple[str, ...] = setting(
        (),
        'Names or files of the worlds of `rivals`.',
        form='words',
        metavar='WORLD',
        absent='four hard ones',
    )
    methods: tuple[str, ...] = setting((), 'Who walks in `rivals`.', form='words', absent='all')
    robots: int = setting(256, 'Robots of `pretraining`.', low=1)
    expert: Path | None = setting(
        None,
        "Folder of an expert for `pretraining`'s collection, or to walk in `beliefs` in place of "
        "the model's.",
        absent="a beginner; the model's",
    )
    threads: int = setting(2, 'CPU threads of `plan_quality`.', low=1)
    sizes: tuple[str, ...] = setting(
        (),
        'Samples x iterations of `planner_latency` and `plan_quality`.',
        form='words',
        metavar='KxI',
        absent='many',
    )
    walks: int = setting(1, 'Walks of `plan_quality` per search.', low=0)
    ablations: bool = setting(
        False,
        '`plan_quality`: one change at a time, not sizes; `gate`: without rehearsal too.',
        form='flag',
    )
    set: tuple[str, ...] = override_setting(
        'NAME=VALUE', 'Setting of the search that `plan_quality` starts from.'
    )
    plans_s: float = setting(4.0, 'Time for one size of `planner_latency`.', unit='s', low=0.0)
    out: Path = setting(Path('runs/bench'), 'Folder for JSON.')

    @property
    def searches(self) -> list[tuple[int, int]]:
        """Samples and iterations of `sizes`."""
        pairs = (size.split('x') for size in self.sizes)
        return [(int(samples), int(iterations)) for samples, iterations in pairs]
