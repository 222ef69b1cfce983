"""The generated pages say what the code says."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from simdist_ros.core.settings import describe
from simdist_ros.core.values import MAX_SEED
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.settings_reference import PAGES, reference

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize('name', PAGES)
def test_a_generated_page_is_what_make_docs_writes(name):
    assert (ROOT / 'doc' / name).read_text() == reference(*PAGES[name]), 'run `make docs`'


def test_every_key_of_a_recipe_is_on_its_page():
    page = (ROOT / 'doc/pretraining_settings.md').read_text()
    for field in fields(Recipe):
        assert f'`{field.name}:`' in page
    recipe = yaml.safe_load((ROOT / 'config/pretraining/go2.yaml').read_text())
    things = [*recipe['feet'].values(), *recipe['joints'].values()]
    others = [recipe[name] for name in recipe if name not in ('feet', 'joints')]
    for section in (*things, *others):
        for key in section:
            assert f'| `{key}` |' in page


def test_seeds_have_one_range_everywhere():
    classes = {cls for _, sections in PAGES.values() for *_, cls in sections}
    seeds = [info for cls in classes for info in describe(cls) if info.name == 'seed']
    odd = {'TrialSettings'}  # a benchmark's seeds stay apart from those of the training
    names = {cls.__name__ for cls in classes if 'seed' in {i.name for i in describe(cls)}} - odd
    assert len(names) >= 8
    assert len(seeds) == len(names | odd)
    assert {(info.low, info.high) for info in seeds if info.high != 800} == {(0, MAX_SEED)}
