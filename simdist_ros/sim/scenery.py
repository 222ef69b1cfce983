"""Light, sky and the ground's pattern: for the eye only."""

from __future__ import annotations

import mujoco

__all__ = ['add_scenery']

DARK = (0.21, 0.24, 0.28)
LIGHT = (0.27, 0.31, 0.36)


def add_scenery(spec: mujoco.MjSpec) -> None:
    """Add what a picture needs; physics ignores all of it."""
    add_sky(spec)
    add_materials(spec)
    spec.visual.global_.offwidth = 1280
    spec.visual.global_.offheight = 720
    spec.visual.headlight.ambient = [0.32, 0.32, 0.34]
    spec.visual.headlight.diffuse = [0.35, 0.35, 0.35]
    spec.visual.headlight.specular = [0.1, 0.1, 0.1]
    spec.visual.quality.shadowsize = 4096
    spec.visual.map.znear = 0.02


def add_sky(spec: mujoco.MjSpec) -> None:
    """Add a sky that fades towards the horizon."""
    spec.add_texture(
        name='sky',
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.60, 0.70, 0.80],
        rgb2=[0.90, 0.93, 0.96],
        width=256,
        height=1536,
    )


def add_materials(spec: mujoco.MjSpec) -> None:
    """Add the checkered ground and the payload's colour."""
    spec.add_texture(
        name='checker',
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        mark=mujoco.mjtMark.mjMARK_EDGE,
        rgb1=list(DARK),
        rgb2=list(LIGHT),
        markrgb=[0.45, 0.50, 0.56],
        width=512,
        height=512,
    )
    ground = spec.add_material(name='ground', texuniform=True, texrepeat=[1.0, 1.0])
    ground.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = 'checker'
    spec.add_material(name='payload', rgba=[0.85, 0.65, 0.25, 1.0])
