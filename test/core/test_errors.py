from simdist_ros.core.errors import (
    BagError,
    CheckpointError,
    ConfigError,
    SimdistError,
    unknown_name,
)


def test_a_misspelt_name_gets_the_nearest_known_one():
    message = unknown_name('setting', 'num_sample', ['num_samples', 'num_elites'])
    assert message == "unknown setting 'num_sample'; did you mean 'num_samples'?"


def test_a_strange_name_gets_the_whole_list_in_order():
    assert unknown_name('robot', 'xyz', ['go2', 'arm']) == "unknown robot 'xyz'; known: arm, go2"


def test_an_empty_list_of_known_names_reads_as_none():
    assert unknown_name('world', 'moon', []) == "unknown world 'moon'; known: none"


def test_all_errors_are_one_family():
    for error in (ConfigError, CheckpointError, BagError):
        assert issubclass(error, SimdistError)
