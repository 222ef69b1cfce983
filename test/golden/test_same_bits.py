"""Code that only moves computes what it computed, to the bit; see `same_bits` for the limits."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

from . import same_bits

RECORDED = json.loads(same_bits.GOLDEN.read_text())


@functools.cache
def found(name):
    if name in same_bits.NEEDS_UPSTREAM:
        pytest.importorskip('tensorstore', reason='tensorstore is not installed')
        if not same_bits.UPSTREAM.is_dir():
            pytest.skip(f'the published Go2 model is not at {same_bits.UPSTREAM}')
    return same_bits.run_case(name)


@pytest.mark.parametrize('name', same_bits.CASES)
def test_the_same_seed_gives_the_same_bits_as_before(name):
    here = same_bits.machine()
    other = {key: (x, here[key]) for key, x in RECORDED['machine'].items() if here[key] != x}
    if other:
        pytest.skip(f'the digests are of another machine (recorded, here): {other}')
    digests = {key: same_bits.digest(array) for key, array in found(name).items()}
    assert digests == {key: entry[0] for key, entry in RECORDED['cases'][name].items()}


@pytest.mark.parametrize('name', same_bits.CASES)
def test_the_same_seed_gives_nearly_the_same_beginning_on_any_machine(name):
    arrays, recorded = found(name), RECORDED['cases'][name]
    assert set(arrays) == set(recorded)
    for key, array in arrays.items():
        np.testing.assert_allclose(
            same_bits.sample(array), recorded[key][1:], **same_bits.TOLERANCE, err_msg=key
        )
