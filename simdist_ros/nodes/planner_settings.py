"""What a user chooses about the planner node itself."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import Settings, seed_setting, setting

__all__ = ['PlannerSettings']


@dataclass(frozen=True, kw_only=True)
class PlannerSettings(Settings):
    """Settings of the node; the search's own are under ``mppi.``."""

    robot: str = setting('go2', 'Name or file of the robot.')
    task: str = setting('', 'What it is to do; empty is the first task that the robot names.')
    model: str = setting(
        '',
        'Name or folder of the world model. Set while it plans, the parts of that model that may '
        'change (`swappable`) are swapped in between two ticks.',
    )
    mode: str = setting(
        'realtime',
        'realtime answers the newest state; lockstep waits for everything of the same stamp.',
        choices=('realtime', 'lockstep'),
    )
    seed: int = seed_setting(0, 'Seed of all random draws.')
    autostart: bool = setting(True, 'Configure and activate without being asked.')
    command_timeout_s: float = setting(
        0.5,
        'Age at which a command counts no more, so that a walker stops (realtime).',
        unit='s',
        low=0.0,
    )
    height_map_max_age_s: float = setting(
        0.01, 'How far the stamp of the height map may be from the state.', unit='s', low=0.0
    )
