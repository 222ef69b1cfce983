"""Frames of a walk as files that a report can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ['contact_sheet', 'save_gif']

Frames = NDArray[np.uint8]

BACKGROUND = (250, 250, 250)
INK = (255, 255, 255)
SHADE = (20, 24, 30)
GAP = 6
GIF_COLOURS = 96


def contact_sheet(
    frames: Frames, path: Path, labels: Sequence[str] = (), tiles: int = 12, columns: int = 3
) -> None:
    """Write evenly spaced frames side by side as one PNG, in reading order.

    Args:
        frames: Pictures, (F, height, width, 3).
        path: The PNG to write.
        labels: What to write into the corner of each frame, F of them, or none.
        tiles: How many frames to show, if there are that many.
        columns: Tiles in a row.
    """
    chosen = np.linspace(0, len(frames) - 1, min(tiles, len(frames))).round().astype(int)
    height, width = frames.shape[1:3]
    rows = math.ceil(len(chosen) / columns)
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    sheet = Image.new('RGB', size, BACKGROUND)
    for place, index in enumerate(chosen.tolist()):
        tile = Image.fromarray(frames[index])
        if labels:
            write(tile, labels[index])
        row, column = divmod(place, columns)
        sheet.paste(tile, (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    sheet.save(path, optimize=True)


def write(tile: Image.Image, text: str) -> None:
    """Write a line into the lower left corner, in place."""
    font: Any = ImageFont.load_default(size=max(10, tile.height // 18))
    draw = ImageDraw.Draw(tile)
    at = (tile.height // 24, tile.height - tile.height // 24)
    draw.text(at, text, fill=INK, font=font, anchor='ls', stroke_width=1, stroke_fill=SHADE)


def save_gif(frames: Frames, path: Path, rate_hz: float) -> None:
    """Write frames, (F, height, width, 3), as a GIF that repeats for ever."""
    first, *rest = shared_palette(frames)
    duration_ms = round(1000.0 / rate_hz)
    first.save(path, save_all=True, append_images=rest, duration=duration_ms, loop=0)


def shared_palette(frames: Frames) -> list[Image.Image]:
    """Reduce frames to the colours of the middle one, so that nothing flickers."""
    middle = Image.fromarray(frames[len(frames) // 2])
    palette = middle.quantize(GIF_COLOURS, method=Image.Quantize.MEDIANCUT)
    none = Image.Dither.NONE
    return [Image.fromarray(frame).quantize(palette=palette, dither=none) for frame in frames]
