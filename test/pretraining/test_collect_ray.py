"""Collection by a Ray cluster: the same bytes, whoever makes them and whatever was there."""

import dataclasses
import os
import pickle
import socket
import sys

import pytest

from simdist_ros.cli import main
from simdist_ros.core.errors import ConfigError
from simdist_ros.jobs.errors import PretrainingError
from simdist_ros.pretraining.collect.part import Job
from simdist_ros.pretraining.collect.portable_files import pack, unpack
from simdist_ros.pretraining.collect.ray import (
    check_ray,
    make_part,
    order_of,
    refuse_other_versions,
)
from simdist_ros.pretraining.collect.stage import run_collect
from simdist_ros.pretraining.expert.files import EXPERT
from simdist_ros.pretraining.expert.stage import run_expert
from simdist_ros.pretraining.presets import COLLECT_PRESETS, EXPERT_PRESETS

TINY = dataclasses.replace(
    COLLECT_PRESETS['smoke'], num_robots=4, shard_steps=40, total_steps=160, episode_steps=8
)
NEEDS_RAY = 'ray is not installed'


@pytest.fixture(scope='module')
def expert(tmp_path_factory, go2):
    folder = tmp_path_factory.mktemp('ray') / 'expert'
    tiny = dataclasses.replace(
        EXPERT_PRESETS['smoke'], num_robots=4, horizon_steps=4, total_steps=48, policies_kept=2
    )
    run_expert(go2, folder, tiny, shows_progress=False)
    return folder


@pytest.fixture(scope='module')
def cluster():
    """Address of a cluster of two machines with a core each, played by this one."""
    pytest.importorskip('ray', reason=NEEDS_RAY)
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    from ray.cluster_utils import Cluster

    size = {'num_cpus': 1, 'object_store_memory': 80_000_000, 'include_dashboard': False}
    machines = Cluster(initialize_head=True, head_node_args=size)
    machines.add_node(num_cpus=1, object_store_memory=80_000_000)
    yield machines.address
    machines.shutdown()


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_files_packed_here_lie_the_same_way_elsewhere(tmp_path):
    here, there = tmp_path / 'here', tmp_path / 'there'
    (here / 'robots').mkdir(parents=True)
    (here / 'recipes').mkdir()
    (here / 'robots' / 'a.yaml').write_text('a')
    (here / 'recipes' / 'b.yaml').write_text('b')
    packed = pack([here / 'robots' / 'a.yaml', here / 'robots' / '../recipes/b.yaml'])
    unpack(packed, there)
    assert content(there) == content(here)


def test_an_order_holds_no_path_of_this_machine_and_makes_the_part(tmp_path, go2, expert):
    job = Job(go2, expert, tmp_path / 'data', TINY, 'hash')
    order = order_of(job)
    told = pickle.dumps(order)
    for path in (tmp_path, expert, go2.source.parent):
        assert str(path).encode() not in told
    files = make_part(order, 1)
    assert sorted(files) == ['manifest.yaml', 'shard-00000.safetensors']
    assert not (tmp_path / 'data').exists()


def test_a_cluster_makes_the_same_bytes_as_this_machine(tmp_path, go2, expert, cluster):
    run_collect(go2, expert, tmp_path / 'here', TINY, shows_progress=False)
    run_collect(go2, expert, tmp_path / 'ray', TINY, ray=cluster, shows_progress=False)
    here = content(tmp_path / 'here')
    assert len(here) == 1 + 4 * 2
    assert content(tmp_path / 'ray') == here
    # After a kill, what is whole stays, and the rest is the same again.
    part = tmp_path / 'ray' / 'part-0002'
    (part / 'shard-00000.safetensors').write_bytes(b'half')
    (part / 'manifest.yaml').unlink()
    (part / 'shard-00000.safetensors').rename(part / '.shard-00000.safetensors.1-2.partial')
    kept = (tmp_path / 'ray' / 'part-0001' / 'manifest.yaml').stat().st_mtime_ns
    run_collect(go2, expert, tmp_path / 'ray', TINY, ray=cluster, shows_progress=False)
    found = content(tmp_path / 'ray')
    found.pop('part-0002/.shard-00000.safetensors.1-2.partial')
    assert found == here
    assert (tmp_path / 'ray' / 'part-0001' / 'manifest.yaml').stat().st_mtime_ns == kept


def test_what_fails_on_a_worker_is_said_in_one_sentence(tmp_path, go2, cluster):
    broken = tmp_path / 'expert'
    broken.mkdir()
    (broken / EXPERT).write_bytes(b'nothing')
    with pytest.raises(PretrainingError, match='failed on a Ray worker') as refusal:
        run_collect(go2, broken, tmp_path / 'data', TINY, ray=cluster, shows_progress=False)
    assert 'not what an expert left there' in str(refusal.value)
    assert '\n' not in str(refusal.value)


def test_other_libraries_are_refused():
    refuse_other_versions({'numpy': '2.0'}, {'numpy': '2.0'})
    with pytest.raises(ConfigError, match=r'has numpy 1\.0, the collection 2\.0; install'):
        refuse_other_versions({'numpy': '2.0'}, {'numpy': '1.0'})


def pretrain(tmp_path, *arguments):
    paths = ['--out', str(tmp_path / 'model'), '--work', str(tmp_path / 'work')]
    return main(['pretrain', *arguments, *paths, '--preset', 'smoke'])


def refused(tmp_path, capsys, *arguments):
    """Return the one sentence that a command is refused with, before anything is done."""
    assert pretrain(tmp_path, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert '\n' not in error
    assert not (tmp_path / 'work').exists()
    return error


def test_a_missing_ray_is_refused_before_anything_is_done(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)  # as if not installed
    error = refused(tmp_path, capsys, '--ray', 'auto')
    assert "needs Ray, which is not installed: pip install 'simdist_ros[ray]'" in error


def test_an_address_where_nobody_listens_is_refused_before_anything_is_done(
    tmp_path, capsys, monkeypatch
):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        address = f'127.0.0.1:{free.getsockname()[1]}'
    if 'ray' not in sys.modules:
        monkeypatch.setitem(sys.modules, 'ray', object())  # nothing of it is reached
    error = refused(tmp_path, capsys, '--ray', address)
    assert f'no Ray answers at {address} (' in error
    assert 'start one with `ray start --head`' in error


@pytest.mark.parametrize('address', ['auot', 'localhost:port', 'localhost:99999999'])
def test_what_is_no_address_is_refused(address, monkeypatch):
    if 'ray' not in sys.modules:
        monkeypatch.setitem(sys.modules, 'ray', object())
    with pytest.raises(ConfigError, match=f'{address}'):
        check_ray(address)


def test_ray_is_refused_for_the_stages_that_do_not_use_it(tmp_path, capsys):
    error = refused(tmp_path, capsys, 'train', '--ray', 'auto')
    assert '--ray auto: only the stage collect uses it, not train' in error
