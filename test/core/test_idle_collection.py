import gc
import weakref

import pytest

from simdist_ros.core.idle_collection import FULL_EVERY, IdleCollection


class Node:
    """Something that refers to itself, which only a collection frees."""

    def __init__(self) -> None:
        self.me = self


def make_garbage() -> weakref.ref:
    """Return a reference to garbage."""
    return weakref.ref(Node())


@pytest.fixture
def garbage():
    collection = IdleCollection()
    collection.begin()
    yield collection
    collection.end()


def test_python_does_not_collect_by_itself_between_begin_and_end():
    collection = IdleCollection()
    assert gc.isenabled()
    collection.begin()
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 1000
    collection.end()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_garbage_of_a_tick_is_freed_in_idle(garbage):
    young = make_garbage()
    assert young() is not None
    garbage.collect()
    assert young() is None


def test_garbage_that_survived_once_is_freed_now_and_then(garbage):
    node = Node()
    old = weakref.ref(node)
    garbage.collect()
    garbage.collect()
    del node
    for _ in range(FULL_EVERY):
        garbage.collect()
    assert old() is None


def test_what_was_there_at_the_beginning_is_not_looked_at():
    node = Node()
    frozen = weakref.ref(node)
    collection = IdleCollection()
    collection.begin()
    del node
    for _ in range(FULL_EVERY):
        collection.collect()
    assert frozen() is not None
    collection.end()
    gc.collect()
    assert frozen() is None
