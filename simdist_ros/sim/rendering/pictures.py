"""Frames of a walk as files that a report can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ['contact_sheet', 'save_gif', 'side_by_side', 'write']

Frames = NDArray[np.uint8]

BACKGROUND = (250, 250, 250)
INK = (255, 255, 255)
SHADE = (20, 24, 30)
GAP = 6
GIF_COLOURS = 96


def contact_sheet(
    frames: Frames, path: Path, labels: Sequence[str] = (), columns: int = 4
) -> None:
    """Write frames side by side as one PNG, in reading order.

    Args:
        frames: Pictures, (F, height, width, 3).
        path: The PNG to write.
        labels: What to write into the corner of each frame, F of them, or none.
        columns: Tiles in a row.
    """
    height, width = frames.shape[1:3]
    rows = math.ceil(len(frames) / columns)
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    sheet = Image.new('RGB', size, BACKGROUND)
    for place, frame in enumerate(frames):
        tile = frame.copy()
        if labels:
            write(tile, labels[place])
        row, column = divmod(place, columns)
        sheet.paste(
            Image.fromarray(tile), (GAP + column * (width + GAP), GAP + row * (height + GAP))
        )
    sheet.save(path, optimize=True)


def write(frame: NDArray[np.uint8], text: str) -> None:
    """Write a line into the lower left corner of a picture, (height, width, 3), in place."""
    picture = Image.fromarray(frame)
    font: Any = ImageFont.load_default(size=max(10, picture.height // 18))
    at = (picture.height // 24, picture.height - picture.height // 24)
    ImageDraw.Draw(picture).text(
        at, text, fill=INK, font=font, anchor='ls', stroke_width=1, stroke_fill=SHADE
    )
    frame[:] = np.asarray(picture)


def side_by_side(films: Sequence[Frames]) -> Frames:
    """Join films of one size and length, (F, height, width, 3) each, from left to right."""
    frames, height, _, channels = films[0].shape
    border = np.full((frames, height, GAP, channels), BACKGROUND, dtype=np.uint8)
    parts = [films[0]]
    for film in films[1:]:
        parts += [border, film]
    return np.concatenate(parts, axis=2)


def save_gif(frames: Frames, path: Path, rate_hz: float) -> None:
    """Write frames, (F, height, width, 3), as a GIF that repeats for ever."""
    first, *rest = shared_palette(frames)
    duration_ms = round(1000.0 / rate_hz)
    first.save(path, save_all=True, append_images=rest, duration=duration_ms, loop=0)


def shared_palette(frames: Frames) -> list[Image.Image]:
    """Reduce frames to the colours of the middle one, so that nothing flickers."""
    middle = Image.fromarray(frames[len(frames) // 2])
    palette = middle.quantize(GIF_COLOURS, method=Image.Quantize.FASTOCTREE)
    none = Image.Dither.NONE
    return [Image.fromarray(frame).quantize(palette=palette, dither=none) for frame in frames]
