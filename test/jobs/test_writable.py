from __future__ import annotations

from pathlib import Path

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.jobs.writable import check_file, check_folder


def test_a_folder_that_can_be_made_is_not_made(tmp_path):
    check_folder(tmp_path / 'a' / 'b', '--out')
    check_file(tmp_path / 'a' / 'b.json', '--report')
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path):
    (tmp_path / 'r.json').write_text('kept')
    check_folder(tmp_path, '--out')
    check_file(tmp_path / 'r.json', '--report')
    assert (tmp_path / 'r.json').read_text() == 'kept'
    assert [path.name for path in tmp_path.iterdir()] == ['r.json']


@pytest.mark.parametrize('name', ['file', 'file/below', 'file/far/below', 'lost', 'lost/below'])
def test_a_file_or_a_broken_link_in_the_way_is_named(tmp_path, name):
    (tmp_path / 'file').write_text('')
    (tmp_path / 'lost').symlink_to('nowhere')
    with pytest.raises(ConfigError) as caught:
        check_folder(tmp_path / name, '--out')
    top = tmp_path / name.partition('/')[0]
    assert str(caught.value).startswith(f'--out {tmp_path / name}: {top} is ')
    assert str(caught.value).endswith('; choose another folder')


def test_a_place_where_nobody_can_write_is_refused_with_the_reason():
    with pytest.raises(ConfigError, match=r'--out /proc/x/y: cannot be written \(/proc: '):
        check_folder(Path('/proc/x/y'), '--out')
