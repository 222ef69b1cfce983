"""The lists of faults to plant follow the code: each changes one place that is there."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LISTS = sorted((ROOT / 'test' / 'faults').glob('*.yaml'))


@pytest.mark.parametrize('path', LISTS, ids=lambda path: path.stem)
def test_each_fault_changes_one_place_of_the_code(path):
    lost = []
    for fault in yaml.safe_load(path.read_text()):
        file = ROOT / fault['file']
        count = file.read_text().count(fault['old']) if file.is_file() else 0
        if count != 1 or fault['old'] == fault['new']:
            lost.append(f'{fault["file"]}: {fault["what"]} ({count} places)')
        lost += [f'{test} is not there' for test in fault.get('tests', ()) if not exists(test)]
    assert lost == []


def exists(test):
    return (ROOT / test.split('::')[0].split(' ')[0]).exists()
