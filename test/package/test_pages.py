import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / 'doc').glob('*.md'))
GENERATED = ('_build', 'api', 'commands.md')  # by `make docs`, see doc/conf.py
LINK = re.compile(r'\]\(([^)\s]+)\)')
NAMED = re.compile(
    r'`((?:simdist_ros|config|models|test|benchmarks|scripts)/[\w./]+|\w[\w./]*/\w+\.py)`'
)


def outside(text):
    """Return a page without its blocks of code."""
    return re.sub(r'(?ms)^\s*```.*?^\s*```', '', text)


def anchors(path):
    """Return the anchors of a page's headings, as Sphinx and GitHub make them."""
    heads = re.findall(r'(?m)^#+ (.+)$', outside(path.read_text()))
    return {re.sub(r'[^\w\- ]', '', head).lower().replace(' ', '-') for head in heads}


@pytest.mark.parametrize('page', [ROOT / 'README.md', *PAGES], ids=lambda page: page.name)
def test_links_lead_to_a_file_and_a_heading_that_are_there(page):
    for link in LINK.findall(outside(page.read_text())):
        if link.startswith('http'):
            continue
        name, _, anchor = link.partition('#')
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize('page', [ROOT / 'README.md', *PAGES], ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page):
    absent = [name for name in NAMED.findall(page.read_text()) if not (ROOT / name).exists()]
    assert not absent


def test_the_index_lists_every_page():
    listed = re.findall(r'(?m)^([a-z_/0-9]+)$', (ROOT / 'doc/index.md').read_text())
    pages = {path.relative_to(ROOT / 'doc') for path in (ROOT / 'doc').rglob('*.md')}
    written = {page for page in pages if page.parts[0] not in GENERATED}
    assert sorted([*listed, 'index']) == sorted(
        ['commands', *(str(page.with_suffix('')) for page in written)]
    )
