"""The declared API, and the facts that stand in more than one file."""

import importlib
import pkgutil
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import simdist_ros

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = {'launch', 'launch_ros', 'onnxruntime', 'tensorstore'}

MODULES = [module.name for module in pkgutil.walk_packages(simdist_ros.__path__, 'simdist_ros.')]


@pytest.mark.parametrize('name', MODULES)
def test_every_declared_name_exists(name: str):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name in OPTIONAL:
            pytest.skip(f'{name} needs {error.name}, which is not installed')
        raise
    declared = getattr(module, '__all__', [])
    assert len(declared) == len(set(declared))
    assert [entry for entry in declared if not hasattr(module, entry)] == []


def test_package_xml_has_the_version_of_the_package():
    manifest = ET.parse(ROOT / 'package.xml').getroot()
    assert manifest.findtext('version') == simdist_ros.__version__
    assert manifest.findtext('name') == 'simdist_ros'


def test_package_xml_has_a_licence_and_a_valid_maintainer_address():
    manifest = ET.parse(ROOT / 'package.xml').getroot()
    assert manifest.findtext('license') == 'Apache-2.0'
    address = manifest.find('maintainer').get('email')
    assert re.fullmatch(r'[\w.+-]+@[\w-]+(\.[\w-]+)+', address)


def test_every_direct_requirement_is_locked():
    lock = (ROOT / 'requirements/constraints.txt').read_text()
    locked = {re.sub(r'[-_.]+', '-', name) for name in re.findall(r'^([\w.-]+)==', lock, re.M)}
    files = set((ROOT / 'requirements').glob('*.txt')) - {ROOT / 'requirements/constraints.txt'}
    assert len(files) > 3
    for file in files:
        text = file.read_text()
        direct = {re.sub(r'[-_.]+', '-', name) for name in re.findall(r'^([\w.-]+)', text, re.M)}
        assert direct <= locked
