import pytest

from simdist_ros.jobs.resuming import says_how_to_resume


def test_an_interrupted_command_says_what_is_kept_and_what_to_type(capsys):
    given = ['pretrain', '--out', 'my models/go2']
    with pytest.raises(KeyboardInterrupt), says_how_to_resume(given, 'stages are in work'):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == (
        "\ninterrupted: stages are in work; go on with\n  simdist pretrain --out 'my models/go2'\n"
    )


def test_a_command_that_ends_says_nothing(capsys):
    with says_how_to_resume(['bench'], 'all'):
        pass
    assert capsys.readouterr().err == ''
