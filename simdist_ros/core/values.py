"""Values as people write them: words stay words, numbers may have any usual form."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

__all__ = [
    'LARGEST_INT',
    'MAX_SEED',
    'NotAValue',
    'as_bool',
    'as_list',
    'as_number',
    'as_path',
    'as_text',
    'as_whole',
    'guess',
]

T = TypeVar('T')

LARGEST_INT = 2**63 - 1  # what a ROS parameter holds
MAX_SEED = 2**32 - 1
WORDS = {
    **dict.fromkeys(('true', 'yes', 'on'), True),
    **dict.fromkeys(('false', 'no', 'off'), False),
}
WHOLE = re.compile(r'[-+]?\d+(_\d+)*')
NUMBER = re.compile(r'[-+]?(\d+(_\d+)*\.?\d*|\.\d+)([eE][-+]?\d+)?')
NOT_FINITE = re.compile(r'[-+]?\.?(nan|inf|infinity)', re.IGNORECASE)
BRACKETS = {'[': ']', '(': ')'}


class NotAValue(ValueError):  # noqa: N818  named for what it says
    """A value is not of the kind that is wanted; the message says which kind that is."""


def as_bool(value: Any) -> bool:
    """Return true or false; ``on``, ``off``, ``yes`` and ``no`` in any case are these words too.

    Raises:
        NotAValue: It is something else; a number is.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in WORDS:
        return WORDS[value.strip().lower()]
    raise NotAValue('true or false')


def as_number(value: Any) -> float:
    """Return a finite number.

    Args:
        value: A number, or a text such as ``50``, ``.5``, ``1e-3`` or ``1_000``.

    Raises:
        NotAValue: It is something else, a bool, or not finite.
    """
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if NUMBER.fullmatch(text) else None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise NotAValue('a finite number')
    return float(value)


def as_whole(value: Any) -> int:
    """Return a whole number; ``1e3`` and ``4.0`` are, ``4.5`` is not.

    Raises:
        NotAValue: It is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        return int(value)
    try:
        number = as_number(value)
    except NotAValue:
        raise NotAValue('a whole number') from None
    if number != int(number):
        raise NotAValue('a whole number')
    return int(number)


def as_text(value: Any) -> str:
    """Return a text.

    Raises:
        NotAValue: It is something else.
    """
    if not isinstance(value, str):
        raise NotAValue('a text')
    return value


def as_path(value: Any) -> Path:
    """Return a path.

    Raises:
        NotAValue: It is neither one nor a text.
    """
    return value if isinstance(value, Path) else Path(as_text(value))


LISTS: dict[Any, str] = {  # of items: what a list of them is called
    as_number: 'a list of numbers, e.g. 0.5,1.0',
    as_whole: 'a list of whole numbers, e.g. 16,32',
    as_text: 'a list of texts, e.g. nominal,soft',
    as_path: 'a list of paths',
}


def as_list(value: Any, as_item: Callable[[Any], T]) -> tuple[T, ...]:
    """Return the items of a list.

    Args:
        value: A list, or a text with commas or spaces between the items, in brackets or not; one
            item is a list of one.
        as_item: Makes an item of what is given: `as_number`, `as_whole` or `as_text`.

    Raises:
        NotAValue: It is something else, or one of the items is.
    """
    items = split(value) if isinstance(value, str) else value
    if isinstance(items, (int, float)):
        items = [items]
    try:
        if isinstance(items, Sequence):
            return tuple(as_item(item) for item in items)
    except NotAValue:
        pass
    raise NotAValue(LISTS[as_item])


def split(text: str) -> list[str]:
    """Return the items of a list that is written as a text."""
    text = text.strip()
    if text and BRACKETS.get(text[0]) == text[-1]:
        text = text[1:-1].strip().removesuffix(',')  # the last one of (1.0,)
    return [item.strip() for item in text.split(',')] if ',' in text else text.split()


def guess(text: str) -> Any:
    """Return what a text most probably is where its purpose is unknown.

    Only ``true`` and ``false`` are bools here: ``on`` and ``off`` are names of modes.

    Raises:
        NotAValue: It looks like a list and is none, or its items are of several types.
    """
    plain = text.strip()
    if plain.lower() in ('true', 'false'):
        return plain.lower() == 'true'
    if WHOLE.fullmatch(plain):
        return int(plain)
    if NUMBER.fullmatch(plain):
        return float(plain)
    if NOT_FINITE.fullmatch(plain):
        return float(plain.replace('.', ''))
    if plain[:1] == '[':
        return guess_list(plain)
    if plain[:1] in ('"', "'") and plain[-1:] == plain[:1] and len(plain) > 1:
        return plain[1:-1]
    return text


def guess_list(text: str) -> list[Any]:
    """Return a list of one type; whole numbers among others become floats."""
    try:
        items = yaml.load(text, yaml.BaseLoader)
    except yaml.YAMLError:
        raise NotAValue('a list, e.g. [1.0, 2.0]') from None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise NotAValue('a list of numbers, of texts, or of true and false')
    found = [guess(item) for item in items]
    kinds = {type(item) for item in found}
    if kinds == {int, float}:
        return [float(item) for item in found]
    if len(kinds) > 1:
        raise NotAValue('a list of numbers, of texts, or of true and false')
    return found
