"""How the ground grips a robot where a foot or a patch has a friction of its own."""

from __future__ import annotations

import mujoco
import numpy as np

from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.scenes.patches import Patches
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.world_fit import foot_friction, touching_geoms

__all__ = ['Grip', 'prefer_geoms']

OVER_GROUND = 2  # priority of a geom whose friction holds, not that of the ground


def prefer_geoms(model: mujoco.MjModel, geoms: list[int], ground: int) -> None:
    """Let the friction of geoms hold in contacts with the ground; all else stays the ground's."""
    for geom in geoms:
        model.geom_priority[geom] = OVER_GROUND
        for name in ('condim', 'friction', 'solref', 'solimp'):
            values = getattr(model, f'geom_{name}')
            values[geom] = values[ground]


class Grip:
    """Sets the friction of what touches the ground, in patches anew at each physics step."""

    def __init__(self, model: mujoco.MjModel, robot: Robot, world: World) -> None:
        """Look up what touches the ground.

        Raises:
            ConfigError: The world names a foot or a side that the robot does not have.
        """
        self.model, self.world = model, world
        own = foot_friction(robot, world, model)
        geoms = touching_geoms(model) if world.patch_share else list(own)
        prefer_geoms(model, geoms, ground=int(np.flatnonzero(model.geom_contype & 1)[0]))
        for geom, friction in own.items():
            model.geom_friction[geom, 0] = friction
        self.geoms = np.array(geoms, dtype=np.intp)
        self.patches: Patches | None = None

    def begin(self, heading_rad: float, rng: np.random.Generator) -> None:
        """Draw where the patches of an episode lie, which starts on none.

        Nothing is drawn in a world without any.
        """
        if self.world.patch_share:
            self.patches = Patches(self.world, heading_rad, rng)
            self.model.geom_friction[self.geoms, 0] = self.world.friction

    def update(self, data: mujoco.MjData) -> None:
        """Set the friction of each geom by where its centre is."""
        if self.patches is None:
            return
        slippery = self.patches.contain(data.geom_xpos[self.geoms, :2])
        self.model.geom_friction[self.geoms, 0] = np.where(
            slippery, self.world.patch_friction, self.world.friction
        )
