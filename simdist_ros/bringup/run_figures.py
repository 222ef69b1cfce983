"""Figure and pictures of a run of the graph."""

from __future__ import annotations

from pathlib import Path

from simdist_ros.bringup.graph import LOCKSTEP, GraphOptions
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.plot import plot_run
from simdist_ros.evaluation.recording import Recording
from simdist_ros.sim.errors import RenderError
from simdist_ros.sim.footfalls import Footfalls, find_footfalls
from simdist_ros.sim.rendering.draw import RecordedWalk, draw_walk
from simdist_ros.sim.scenes.world import load_world

__all__ = ['picture_lines', 'plot', 'recorded_walk']

FOOTFALLS_S = 6.0  # a dozen strides: more cannot be told apart in a panel


def plot(options: GraphOptions, robot: Robot, recording: Recording, path: Path) -> None:
    """Write the figure of what was recorded."""
    period_ms = None if options.mode == LOCKSTEP else 1e3 * robot.period_s
    plot_run(recording, robot, period_ms, path, last_footfalls(options, robot, recording))


def picture_lines(
    options: GraphOptions, robot: Robot, recording: Recording, folder: Path
) -> list[str]:
    """Draw the walk, or say what to install."""
    if not options.use_mock_hardware:
        return []
    try:
        pictures = draw_walk(recorded_walk(options, robot, recording), folder)
    except RenderError as error:
        return [f'pictures          {error}']
    return [f'pictures          {pictures.contact_sheet}, {pictures.gif}']


def recorded_walk(options: GraphOptions, robot: Robot, recording: Recording) -> RecordedWalk:
    """Return what it takes to draw a run of the stand-in."""
    return RecordedWalk(
        robot=robot,
        world=load_world(options.world),
        seed=options.seed,
        poses=recording.poses(),
    )


def last_footfalls(options: GraphOptions, robot: Robot, recording: Recording) -> Footfalls | None:
    """Return footfalls in the last seconds of a run of the stand-in; others' ground is unknown."""
    if not options.use_mock_hardware:
        return None
    walk = recorded_walk(options, robot, recording)
    if not len(walk.poses):
        return None
    last = walk.poses[walk.poses[:, 0] >= walk.poses[-1, 0] - FOOTFALLS_S]
    return find_footfalls(robot, walk.world, walk.seed, last)
