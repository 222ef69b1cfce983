"""What a user chooses about the benchmark of adaptation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simdist_ros.adaptation.settings import (
    METHODS,
    FinetuneSettings,
    GateSettings,
    NominalSettings,
)
from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.overrides import override
from simdist_ros.core.settings import Settings, setting
from simdist_ros.evaluation.settings import RIVALS
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.sim.scenes.world import World, load_world
from simdist_ros.studies.methods import ALL
from simdist_ros.transitions.assembly import AssemblySettings

__all__ = [
    'NOMINAL',
    'PRESETS',
    'SECTIONS',
    'BenchSettings',
    'GridSettings',
    'TrialSettings',
    'bench_world',
    'read_settings',
    'world_name',
]

ONE_GAP = (
    'weak_torque',
    'weak_gains',
    'weak_leg',
    'soft_leg',
    'wrong_zero',
    'payload_rear',
    'slippery_left',
    'ice_patches',
    'lag',
)
NOMINAL = 'nominal'  # where the model was trained: the controls' data, and what may be forgotten
MAX_SEEDS = 100
OF_THE_TRIAL = ('method', 'seed')  # of the finetuning's settings; each trial has its own


def world_name(world: str) -> str:
    """Return a world's name, given that or a file."""
    return Path(world).stem


def check_names(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse what is not known, or is there twice."""
    for name in names:
        if name not in known:
            raise ConfigError(f'grid.{kind}s: {unknown_name(kind, name, known)}')
        if names.count(name) > 1:
            raise ConfigError(f'grid.{kind}s names {name!r} twice; name each {kind} once')


@dataclass(frozen=True, kw_only=True)
class GridSettings(Settings):
    """Which trials there are; more may be asked for later, and what is done stays."""

    worlds: tuple[str, ...] = setting(
        ONE_GAP,
        'Names or files of the worlds to adapt to; those that ship each perturb one thing.',
    )
    speeds: tuple[float, ...] = setting(
        (0.5, 1.0),
        'Speeds ahead of the evaluation walks, each with a table of its own; a task without '
        'speeds has one.',
        unit='m/s',
        low=0.01,
    )
    rivals: tuple[str, ...] = setting(
        RIVALS,
        'What walks beside the planner, without a search and without data: the expert and the '
        'policy head, each also with a PI on the command; the expert only where a model carries '
        'one, the PI only where sensors tell what is commanded.',
    )
    ceilings: str = setting(
        '',
        'Folder of experts that were trained on in one world each, `<world>.safetensors`, as the '
        'ceiling of what can be reached there; a world without a file has none.',
    )
    methods: tuple[str, ...] = setting(
        ALL,
        'Those to do now, by their names in the tables; what is done already is reported anyway.',
    )
    num_seeds: int = setting(
        8, 'Seeds of `none` and `dynamics`, and of its control.', low=1, high=MAX_SEEDS
    )
    dynamics_minutes: tuple[float, ...] = setting(
        (1.0,), 'Amounts of data for `dynamics`.', unit='min', low=0.01
    )
    residual_seeds: int = setting(4, 'Seeds of `residual`; 0: none.', low=0, high=MAX_SEEDS)
    residual_minutes: tuple[float, ...] = setting(
        (1.0,), 'Amounts of data for `residual`.', unit='min', low=0.01
    )
    all_seeds: int = setting(0, 'Seeds of `all`; 0: none.', low=0, high=MAX_SEEDS)
    all_minutes: tuple[float, ...] = setting(
        (1.0,), 'Amounts of data for `all`.', unit='min', low=0.01
    )
    policy_seeds: int = setting(0, 'Seeds of `policy`; 0: none.', low=0, high=MAX_SEEDS)
    policy_minutes: tuple[float, ...] = setting(
        (1.0,), 'Amounts of data for `policy`.', unit='min', low=0.01
    )
    further_minutes: tuple[float, ...] = setting(
        (4.0,),
        'Further amounts of data for `dynamics` and `residual`, without controls.',
        unit='min',
        low=0.01,
    )
    further_seeds: int = setting(0, 'Seeds that get those; 0: none.', low=0, high=MAX_SEEDS)
    every_control: bool = setting(
        False,
        'Controls for each of the `*_minutes` of a method; else for the largest of them.',
    )

    def __post_init__(self) -> None:
        """Check what concerns more than one setting."""
        super().__post_init__()
        names = [world_name(world) for world in self.worlds]
        if not names:
            raise ConfigError('grid.worlds is empty; name at least one world')
        for name in names:
            if name == NOMINAL:
                raise ConfigError(f'grid.worlds names {NOMINAL!r}, which is the control; leave it')
            if names.count(name) > 1:
                raise ConfigError(f'grid.worlds names {name!r} twice; name each world once')
        check_names('rival', self.rivals, RIVALS)
        check_names('method', self.methods, ALL)
        if not self.speeds or len(set(self.speeds)) < len(self.speeds):
            raise ConfigError(f'grid.speeds is {list(self.speeds)}; name each speed once')
        for method in METHODS:
            if not self.minutes(method):
                raise ConfigError(f'grid.{method}_minutes is empty; name at least one amount')
            if self.seeds(method) > self.num_seeds:
                raise ConfigError(
                    f'grid.{method}_seeds is {self.seeds(method)}, more than the {self.num_seeds} '
                    'of grid.num_seeds that there is something to compare with; raise that too'
                )
        if self.further_seeds > self.num_seeds:
            raise ConfigError(
                f'grid.further_seeds is {self.further_seeds}, more than the {self.num_seeds} of '
                'grid.num_seeds; raise that too'
            )

    def seeds(self, method: str) -> int:
        """Return how many seeds a method has."""
        return self.num_seeds if method == 'dynamics' else int(getattr(self, f'{method}_seeds'))

    def minutes(self, method: str) -> list[float]:
        """Return a method's amounts of data of all its seeds, smallest first [min]."""
        return sorted(set(getattr(self, f'{method}_minutes')))


@dataclass(frozen=True, kw_only=True)
class TrialSettings(Settings):
    """What a trial is; results with other values do not compare."""

    seed: int = setting(0, 'The first seed.', low=0, high=800)
    walk_s: float = setting(20.0, 'Longest walk that gives data.', unit='s', low=1.0)
    walk_speeds: tuple[float, ...] = setting(
        (0.5,),
        'Speeds ahead of those walks, one after the other; slow walks cost fewer falls.',
        unit='m/s',
    )
    explore_share: float = setting(
        0.0,
        'mppi.explore_share of those walks, those with nominal data too. With 0 the data hold '
        'only plans that were corrected at every step, which teach a search little; but what is '
        'different about a robot is identified from walks like that.',
        low=0.0,
        high=0.9,
    )
    judged_walks: int = setting(
        1, 'Evaluation walks of a model in a world at each speed.', low=1, high=1000
    )
    judged_s: float = setting(10.0, 'Length of those.', unit='s', low=1.0)
    heading_gain: float = setting(
        1.0,
        'Yaw rate per angle with which the heading is controlled; 0: no heading control, as for a '
        'task without a heading.',
        unit='1/s',
        low=0.0,
        high=5.0,
    )
    push_interval_s: float = setting(
        4.0,
        'Mean time between pushes in worlds without any of their own; 0: never. Without pushes '
        'the walks of all seeds are nearly one.',
        unit='s',
        low=0.0,
    )
    push_speed_mps: float = setting(
        0.3, 'Speed that such a push adds.', unit='m/s', low=0.0, high=3.0
    )
    held_out_minutes: float = setting(
        1.0,
        'Data of each world for the test split, on which prediction errors are measured.',
        unit='min',
        low=0.01,
    )
    held_out_windows: int = setting(1000, 'Most windows of them, evenly spaced.', low=8)

    def __post_init__(self) -> None:
        """Check that there are speeds."""
        super().__post_init__()
        if not self.walk_speeds:
            raise ConfigError('trial.walk_speeds is empty; name at least one speed')


@dataclass(frozen=True, kw_only=True)
class BenchSettings:
    """All of it, by section.

    Attributes:
        grid: Which trials.
        trial: What a trial is.
        mppi: The planner of all walks.
        finetune: The finetuning; its method and seed are the trial's.
        gate: What gives the verdict that is noted; whatever it is, the model is tried.
        bags: How walks become episodes.
        nominal: Walks to rehearse, and to judge forgetting by.
    """

    grid: GridSettings
    trial: TrialSettings
    mppi: MppiSettings
    finetune: FinetuneSettings
    gate: GateSettings
    bags: AssemblySettings
    nominal: NominalSettings

    def of_results(self) -> dict[str, Any]:
        """Return what a single result depends on, plain values by section and name."""
        found = {name: dataclasses.asdict(getattr(self, name)) for name in SECTIONS[1:]}
        for name in OF_THE_TRIAL:
            del found['finetune'][name]
        return found


SECTIONS = tuple(field.name for field in dataclasses.fields(BenchSettings))
PRESETS = {
    'smoke': BenchSettings(
        grid=GridSettings(
            worlds=('slippery_slope',),
            speeds=(0.5,),
            num_seeds=2,
            dynamics_minutes=(0.1,),
            residual_seeds=1,
            residual_minutes=(0.1,),
            all_seeds=0,
            policy_seeds=0,
            further_seeds=0,
        ),
        trial=TrialSettings(
            walk_s=3.0,
            walk_speeds=(0.5,),
            judged_walks=1,
            judged_s=2.0,
            held_out_minutes=0.05,
            held_out_windows=64,
        ),
        mppi=MppiSettings(num_samples=8, num_iterations=1, num_policy_samples=2),
        finetune=FinetuneSettings(max_steps=20, validation_interval=10),
        gate=GateSettings(num_windows=32, num_plans=2),
        bags=AssemblySettings(episode_s=1.0, min_episode_s=0.6),
        nominal=NominalSettings(rounds=2, rollout_s=2.0),
    ),
    'cpu': BenchSettings(  # its cost: doc/benchmark_adaptation.md
        grid=GridSettings(),
        trial=TrialSettings(),
        mppi=MppiSettings(),
        finetune=FinetuneSettings(),
        gate=GateSettings(),
        bags=AssemblySettings(),
        nominal=NominalSettings(),
    ),
}


def bench_world(world: str, trial: TrialSettings) -> World:
    """Return a world with its pushes.

    Raises:
        ConfigError: It does not exist or breaks a rule.
    """
    loaded = load_world(world)
    if loaded.push_interval_s or not trial.push_interval_s:
        return loaded
    return dataclasses.replace(
        loaded, push_interval_s=trial.push_interval_s, push_speed_mps=trial.push_speed_mps
    )


def read_settings(preset: str, overrides: Mapping[str, Mapping[str, str]]) -> BenchSettings:
    """Return a preset with some settings changed.

    Args:
        preset: Its name.
        overrides: Value by section and setting, as text.

    Raises:
        ConfigError: There is no such preset or setting, or a value is out of range.
    """
    if preset not in PRESETS:
        raise ConfigError(unknown_name('preset', preset, PRESETS))
    for name in OF_THE_TRIAL:
        if name in overrides.get('finetune', {}):
            raise ConfigError(f'--set finetune.{name}: each trial has its own; choose with grid')
    if 'explore_share' in overrides.get('mppi', {}):
        raise ConfigError(
            '--set mppi.explore_share: only walks for data try; set trial.explore_share'
        )
    return BenchSettings(
        **{
            name: override(getattr(PRESETS[preset], name), overrides.get(name, {}), name)
            for name in SECTIONS
        }
    )
