"""Light, sky and the ground's pattern: for the eye only."""

from __future__ import annotations

import math

import mujoco

__all__ = ['add_scenery', 'place_sun']

DARK = (0.50, 0.56, 0.62)
LIGHT = (0.66, 0.71, 0.76)
LINE = (0.80, 0.84, 0.88)
SUN_AT_M = (-0.3, -0.7, 2.0)  # from the robot
SUN_TURNED_RAD = math.radians(-50.0)  # its light on the ground, from the line of sight


def add_scenery(spec: mujoco.MjSpec) -> None:
    """Add what a picture needs; physics ignores all of it."""
    add_sky(spec)
    add_materials(spec)
    spec.visual.global_.offwidth = 1280
    spec.visual.global_.offheight = 720
    spec.visual.headlight.ambient = [0.42, 0.42, 0.44]
    spec.visual.headlight.diffuse = [0.30, 0.30, 0.30]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]
    spec.visual.quality.shadowsize = 2048
    spec.stat.extent = 1.0
    spec.visual.map.znear = 0.02
    spec.visual.map.zfar = 60.0
    spec.visual.map.shadowclip = 1.5
    add_sun(spec)


def add_sun(spec: mujoco.MjSpec) -> None:
    """Add a light that casts the robot's shadow and moves along with it."""
    spec.worldbody.first_body().add_light(
        name='sun',
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM,
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=SUN_AT_M,
        dir=[-at for at in SUN_AT_M],
        diffuse=[0.62, 0.60, 0.56],
        specular=[0.25, 0.25, 0.25],
        castshadow=True,
    )


def place_sun(data: mujoco.MjData, azimuth_rad: float) -> None:
    """Let the sun stand on the same side of every picture.

    Beyond the shadow map's far plane the ground is speckled; that is kept behind the camera.

    Args:
        data: Of a model with `add_scenery`, after its kinematics.
        azimuth_rad: Of the camera's line of sight.
    """
    level = math.hypot(*SUN_AT_M[:2])
    angle = azimuth_rad + SUN_TURNED_RAD
    sun = data.light('sun')
    sun.xdir = [level * math.cos(angle), level * math.sin(angle), -SUN_AT_M[2]]
    sun.xdir /= math.hypot(level, SUN_AT_M[2])


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
        markrgb=list(LINE),
        width=512,
        height=512,
    )
    ground = spec.add_material(name='ground', texuniform=True, texrepeat=[1.0, 1.0])
    ground.specular, ground.shininess, ground.reflectance = 0.1, 0.1, 0.0
    ground.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = 'checker'
    spec.add_material(name='payload', rgba=[0.85, 0.65, 0.25, 1.0])
