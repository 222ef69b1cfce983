from __future__ import annotations

from pathlib import Path

import pytest

from simdist_ros.bringup import demo
from simdist_ros.core.errors import ConfigError


@pytest.fixture
def share(tmp_path, monkeypatch) -> Path:
    """An installation without models, and no published checkpoint."""
    folder = tmp_path / 'share'
    folder.mkdir()
    monkeypatch.setattr(demo, 'share_folder', lambda: folder)
    monkeypatch.delenv(demo.UPSTREAM, raising=False)
    return folder


@pytest.fixture
def conversions(monkeypatch):
    """Note what is converted instead of converting it."""
    done = []

    def convert(source: Path, out: Path) -> None:
        done.append((source, out))
        out.mkdir(parents=True)
        (out / 'manifest.yaml').write_text('')

    monkeypatch.setattr(demo, 'import_upstream', convert)
    return done


def test_the_projects_own_model_comes_first(share, tmp_path, conversions):
    own = share / 'models' / 'go2'
    own.mkdir(parents=True)
    (own / 'manifest.yaml').write_text('')
    assert demo.demo_model(tmp_path / 'runs') == str(own)
    assert conversions == []


def test_else_the_published_checkpoint_is_converted_once(
    share, tmp_path, monkeypatch, conversions
):
    source = tmp_path / 'upstream'
    source.mkdir()
    monkeypatch.setenv(demo.UPSTREAM, str(source))
    converted = tmp_path / 'runs' / 'models' / 'go2_upstream'
    for _ in range(2):
        assert demo.demo_model(tmp_path / 'runs') == str(converted)
    assert conversions == [(source, converted)]


def test_with_neither_one_sentence_says_how_to_get_one(share, tmp_path):
    with pytest.raises(ConfigError) as caught:
        demo.demo_model(tmp_path / 'runs')
    sentence = str(caught.value)
    assert sentence.startswith('no model to walk with: models/go2 does not exist')
    assert demo.UPSTREAM in sentence
