"""The generated page says what the code says."""

from pathlib import Path

from simdist_ros.reference import reference

PAGE = Path(__file__).resolve().parents[1] / 'doc' / 'parameters.md'


def test_the_page_of_parameters_is_what_make_docs_writes():
    assert PAGE.read_text() == reference(), 'run `make docs`'
