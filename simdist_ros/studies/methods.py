"""What the benchmark compares, by name: rivals, the planner, what learned, and parts of that."""

from __future__ import annotations

from simdist_ros.adaptation.settings import METHODS
from simdist_ros.evaluation.settings import NONE, RIVALS

__all__ = ['ALL', 'BELIEF', 'CEILING', 'PARTS', 'UNADAPTED', 'method_name']

CEILING = 'ceiling'
BELIEF, PRACTICE = 'belief', 'practice'
PARTS = (BELIEF, PRACTICE)  # of a model finetuned by `dynamics`, walked without its search
UNADAPTED = (NONE, *RIVALS, CEILING)


def method_name(method: str, *, is_adapted: bool, is_control: bool = False) -> str:
    """Return the name in rows, tables and figures: `dynamics_nominal` is a control.

    `policy` is the rival, `policy_finetuned` the method.
    """
    name = f'{method}_finetuned' if is_adapted and method in UNADAPTED else method
    return f'{name}_nominal' if is_control else name


ALL = (
    *UNADAPTED,
    *(
        method_name(method, is_adapted=True, is_control=is_control)
        for method in METHODS
        for is_control in (False, True)
    ),
    *PARTS,
)
