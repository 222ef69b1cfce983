import threading

from simdist_ros.core.priority_gate import PriorityGate


def worker(way, done):
    """A thread that does one piece of work as soon as it may."""

    def work():
        way.wait()
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_no_piece_of_work_begins_while_something_urgent_is_done():
    way, done = PriorityGate(patience_s=60.0), threading.Event()
    with way.urgent():
        thread = worker(way, done)
        assert not done.wait(0.1)
    thread.join(timeout=10.0)
    assert done.is_set()


def test_work_does_not_wait_for_ever():
    way, done = PriorityGate(patience_s=0.01), threading.Event()
    with way.urgent():
        worker(way, done).join(timeout=10.0)
    assert done.is_set()


def test_after_an_error_the_way_is_free():
    way = PriorityGate(patience_s=60.0)
    try:
        with way.urgent():
            raise ValueError
    except ValueError:
        pass
    assert way.is_free.is_set()
