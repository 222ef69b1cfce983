"""What stands in a line of the tables: one model, or a rival, in one world."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from simdist_ros.adaptation.settings import METHODS
from simdist_ros.evaluation.settings import NONE
from simdist_ros.studies.jobs import Judge
from simdist_ros.studies.methods import PARTS, UNADAPTED, method_name
from simdist_ros.studies.settings import NOMINAL, world_name

__all__ = ['Cell', 'cell_of', 'in_order']


@dataclass(frozen=True)
class Cell:
    """All seeds of one model in one world.

    Attributes:
        method: How it was adapted; a rival's name.
        source: Name of the world of its data; empty for the model as it came.
        minutes: Of data.
        world: Name of the world it was judged in.
    """

    method: str
    source: str
    minutes: float
    world: str

    @property
    def is_control(self) -> bool:
        """Whether it was trained on nominal data and evaluated elsewhere."""
        return self.source == NOMINAL and self.world != NOMINAL

    @property
    def is_rival(self) -> bool:
        """Whether neither search nor data are behind it."""
        return not self.source and self.method != NONE

    @property
    def predicts(self) -> bool:
        """Whether predictions of its own belong to it."""
        return not self.is_rival and self.method not in PARTS

    @property
    def name(self) -> str:
        """Name in rows, tables and figures."""
        return method_name(self.method, is_adapted=bool(self.source), is_control=self.is_control)


def cell_of(job: Judge) -> Cell:
    """Return where a result belongs."""
    source = world_name(job.source) if job.source else ''
    return Cell(job.method, source, job.minutes, world_name(job.world))


def in_order(cells: Collection[Cell], worlds: Sequence[str]) -> list[Cell]:
    """Return the cells of some worlds and of nominal ground as tables show them."""
    places = [*worlds, NOMINAL]
    return sorted(
        (cell for cell in cells if cell.world in places and cell.source in ('', *places)),
        key=lambda cell: (
            places.index(cell.world),
            bool(cell.source),
            ((*METHODS, *PARTS) if cell.source else UNADAPTED).index(cell.method),
            cell.is_control,
            cell.source,
            cell.minutes,
        ),
    )
