import sys
import sysconfig

import pytest

from simdist_ros.core import share
from simdist_ros.core.errors import ConfigError


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let the code look as if it ran from an environment in which nothing is installed."""
    monkeypatch.setattr(share, '__file__', str(tmp_path / 'lib/simdist_ros/core/share.py'))
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'environment'))
    monkeypatch.setattr(sysconfig, 'get_path', lambda name: str(tmp_path / 'data'))
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path / "overlay"}:{tmp_path / "underlay"}')
    return tmp_path


def put(prefix):
    folder = prefix / 'share/simdist_ros'
    (folder / 'config/robots').mkdir(parents=True)
    return folder


def test_the_source_tree_serves_itself():
    assert (share.share_folder() / 'config/robots/go2.yaml').is_file()


def test_the_first_prefix_of_ament_wins(installed):
    put(installed / 'underlay')
    put(installed / 'environment')
    overlay = put(installed / 'overlay')
    assert share.share_folder() == overlay


@pytest.mark.parametrize('prefix', ['environment', 'data'])
def test_without_ament_the_python_environment_is_searched(installed, monkeypatch, prefix):
    monkeypatch.delenv('AMENT_PREFIX_PATH')
    folder = put(installed / prefix)
    assert share.share_folder() == folder


def test_an_incomplete_installation_is_refused_with_the_remedy(installed):
    with pytest.raises(ConfigError, match='install the package again or source the workspace'):
        share.share_folder()


def test_a_name_is_looked_up_and_a_path_is_taken_as_it_is(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('name: own\n')
    assert share.find_config('robots', str(own)) == own
    assert share.find_config('robots', 'go2').name == 'go2.yaml'


def test_an_unknown_name_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="unknown robot 'g02'; did you mean 'go2'"):
        share.find_config('robots', 'g02')


@pytest.mark.parametrize('name', ['none.yaml', 'folder/none'])
def test_a_path_that_does_not_exist_is_refused(name):
    with pytest.raises(ConfigError, match=f"world file '{name}' does not exist"):
        share.find_config('worlds', name)
