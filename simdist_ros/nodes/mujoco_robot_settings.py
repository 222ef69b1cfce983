"""Settings of the stand-in."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import Settings, seed_setting, setting

__all__ = ['MujocoRobotSettings']


@dataclass(frozen=True, kw_only=True)
class MujocoRobotSettings(Settings):
    """Settings of the stand-in."""

    robot: str = setting('go2', 'Name or file of the robot.')
    task: str = setting('', 'What it is to do; empty is the first task that the robot names.')
    world: str = setting('nominal', 'Name or file of the world.')
    seed: int = seed_setting(0, 'Seed of start, ground, pushes and sensor noise.')
    mode: str = setting(
        'realtime',
        'realtime follows the wall clock; lockstep waits for the answer to each state.',
        choices=('realtime', 'lockstep'),
    )
    duration_s: float = setting(
        0.0, 'Robot time after which it ends, counted from the first answer; 0: never.', low=0.0
    )
    trials: int = setting(
        0,
        'Trials of the task, each from a start and with a goal of its own, after which it ends; '
        'it says itself what is asked for (lockstep). 0: none.',
        low=0,
    )
    trial_s: float = setting(10.0, 'Longest trial.', unit='s', above=0.0)
    goal: tuple[float, ...] = setting(
        (), 'Where a fixture is at first, or in all trials; empty: what the task begins with.'
    )
    num_observers: int = setting(
        0, 'Subscribers of the joint states to wait for before the first state.', low=0
    )
    patience_s: float = setting(
        60.0, 'Wall time without an answer after which it gives up (lockstep).', unit='s', low=1.0
    )
    tell_every_s: float = setting(
        10.0,
        'Wall time between two lines that say how far it is; 0: none. Where `simdist up` draws no '
        'bar they reach the terminal.',
        unit='s',
        low=0.0,
    )
