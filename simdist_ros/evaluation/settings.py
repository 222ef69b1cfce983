"""What a user chooses about the evaluation of a world model, and the worlds it is tried in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import Settings, seed_setting, setting
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.scenes.world import World, load_world

__all__ = [
    'EVALUATE_PRESETS',
    'EXPERT',
    'NOMINAL',
    'NONE',
    'RIVALS',
    'WORLDS',
    'EvaluateSettings',
    'evaluation_world',
    'noticed_worlds',
]

NONE = 'none'  # the planner with the model as it came
EXPERT = 'expert'
RIVALS = (EXPERT, 'expert_pi', 'policy', 'policy_pi')  # what needs neither search nor data
PUSHES = {'push_interval_s': 4.0, 'push_speed_mps': 0.3}
NOMINAL = ('nominal',)
TRAINED = ('slope_15', 'downhill_15', 'rough_6cm', 'friction_02', 'friction_12', 'payload_3kg')
# Where falls are to be foreseen, so they must announce themselves, as those by pushes do not.
BEYOND = ('slope_22', 'ice_8', 'payload_14kg')

GROUNDS = ('slope', 'rough', 'low_friction')  # worlds that a body on a fixed base never notices
WORLDS: dict[str, tuple[str, dict[str, Any]]] = {  # name: the world it changes, and how
    'nominal': ('nominal', PUSHES),
    'slope_15': ('slope', {**PUSHES, 'slope_deg': 15.0, 'friction': 0.8}),
    'downhill_15': ('slope', {**PUSHES, 'slope_deg': -15.0, 'friction': 0.8}),
    'rough_6cm': ('rough', PUSHES),
    'friction_02': ('low_friction', PUSHES),
    'friction_12': ('low_friction', {**PUSHES, 'friction': 1.2}),
    'payload_3kg': ('payload', PUSHES),
    'slope_22': ('slope', {**PUSHES, 'slope_deg': 22.0, 'friction': 0.8}),
    'ice_8': ('slope', {'slope_deg': 8.0, 'friction': 0.2}),
    'cell': ('cell', {}),
    'payload_14kg': ('payload', {**PUSHES, 'payload_kg': 14.0}),
}


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(Settings):
    """How much is tried."""

    seed: int = seed_setting(1000, 'First of the seeds; no training uses these.')
    num_seeds: int = setting(20, 'Walks in each world, at each speed.', low=1)
    seconds: float = setting(10.0, 'Length of a walk.', unit='s', low=1.5)
    speeds: tuple[float, ...] = setting((0.5, 1.0), 'Commanded speeds ahead.', unit='m/s')
    worlds: tuple[str, ...] = setting(
        NOMINAL + TRAINED, 'Names of the worlds both controllers walk in.'
    )
    hard_worlds: tuple[str, ...] = setting(
        BEYOND, 'Names of worlds beyond the trained ones, for the policy head.'
    )
    num_samples: int = setting(0, "The planner's samples, besides proposals.", low=0)
    num_iterations: int = setting(1, "The planner's iterations.", low=1)
    num_windows: int = setting(4096, 'Held-out windows for the open-loop errors.', low=8)
    num_episodes: int = setting(1000, 'Most held-out episodes for the values.', low=2)

    def __post_init__(self) -> None:
        """Check the names."""
        super().__post_init__()
        for name in (*self.worlds, *self.hard_worlds):
            if name not in WORLDS:
                raise ConfigError(unknown_name('world of the evaluation', name, WORLDS))
        if not self.speeds:
            raise ConfigError('EvaluateSettings.speeds is empty; name at least one')


EVALUATE_PRESETS = {
    'smoke': EvaluateSettings(
        num_seeds=1,
        seconds=1.5,
        speeds=(0.5,),
        worlds=('nominal',),
        hard_worlds=('ice_8',),
        num_samples=8,
        num_iterations=1,
        num_windows=64,
        num_episodes=8,
    ),
    'cpu': EvaluateSettings(),
    'gpu': EvaluateSettings(),
}


def evaluation_world(name: str, *, is_pushed: bool = True) -> World:
    """Return one of `WORLDS`, without its pushes for a base that cannot be pushed."""
    base, changes = WORLDS[name]
    kept = {key: value for key, value in changes.items() if is_pushed or key not in PUSHES}
    return dataclasses.replace(load_world(base), **kept, name=name)


def noticed_worlds(names: tuple[str, ...], robot: Robot) -> tuple[str, ...]:
    """Return those worlds that a robot would notice: on a fixed base, none that is a ground."""
    return tuple(name for name in names if robot.has_free_base or WORLDS[name][0] not in GROUNDS)
