"""The codec of sealed samples: exact for every float and every spacing, and small."""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.chunks import HEADER, ChunkDamaged, decode, encode

START = 1_772_000_000_000
STEPS = st.one_of(st.just(10_000), st.integers(1, 2**40))
ANY = st.floats(allow_nan=False)
ROUNDED = st.integers(-(10**9), 10**9).flatmap(
    lambda whole: st.sampled_from([whole / 10**power for power in range(7)])
)


def times(steps: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.cumsum(np.array([START, *steps], np.int64))


def same_bits(one: object, other: object) -> bool:
    return np.asarray(one, float).tobytes() == np.asarray(other, float).tobytes()


@given(st.data(), st.sampled_from([ANY, ROUNDED]), st.integers(1, 80))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_sealed_comes_back_bit_for_bit(
    data: st.DataObject, kind: st.SearchStrategy[float], count: int
) -> None:
    values = np.array(data.draw(st.lists(kind, min_size=count, max_size=count)))
    at = times(data.draw(st.lists(STEPS, min_size=count - 1, max_size=count - 1)))

    found_at, found = decode(encode(at, values))

    assert found_at.tolist() == at.tolist()
    assert same_bits(found, values)


@pytest.mark.parametrize(
    "values",
    [
        [0.0, -0.0],
        [math.inf, -math.inf, 1.0],
        [5e-324, 1.7976931348623157e308],
        [2.0**53, 2.0**53 + 2, -(2.0**63)],
        [0.1 + 0.2, 0.3],
        [7.0],
        [4096.0 * each for each in (10, 11, 500_000)],
    ],
)
def test_no_float_is_too_odd(values: list[float]) -> None:
    at = times([10_000] * (len(values) - 1))

    assert same_bits(decode(encode(at, np.array(values)))[1], values)


@pytest.mark.parametrize(
    ("at", "values"),
    [
        ([], []),
        ([1, 2], [1.0]),
        ([2, 1], [1.0, 2.0]),
        ([1, 1], [1.0, 2.0]),
        ([1, 2], [1.0, math.nan]),
    ],
)
def test_what_is_no_run_of_samples_is_refused(at: list[int], values: list[float]) -> None:
    with pytest.raises(ValueError, match="rising times"):
        encode(np.array(at, np.int64), np.array(values, float))


def test_a_gap_costs_next_to_nothing_and_stays_a_gap() -> None:
    steps = [10_000] * 300 + [3_600_000] + [10_000] * 300
    at = times(steps)
    data = encode(at, np.full(len(at), 42.5))

    assert decode(data)[0].tolist() == at.tolist()
    assert len(data) < 100


def test_a_noisy_percentage_with_aligned_ticks_takes_at_most_one_and_a_half_bytes() -> None:
    random = np.random.default_rng(8050)
    level = 40 + np.cumsum(random.normal(0, 0.4, 720))
    values = np.round(np.clip(level, 0, 100), 1)

    data = encode(times([10_000] * 719), values)

    assert len(data) / 720 <= 1.5


def test_a_version_of_tomorrow_is_refused_by_name() -> None:
    data = bytearray(encode(times([10_000]), np.array([1.0, 2.0])))
    data[0] = 2

    with pytest.raises(ChunkDamaged, match="version 2"):
        decode(bytes(data))


@given(st.binary(max_size=200), st.integers(0, 200))
def test_damage_is_told_and_never_raises_anything_else(noise: bytes, cut: int) -> None:
    whole = encode(times([10_000, 20_000]), np.array([1.5, 2.5, 3.5]))

    for data in (noise, whole[:cut] + noise, struct.pack("<B", 1) + noise):
        try:
            at, values = decode(data)
        except ChunkDamaged:
            continue
        assert len(at) == len(values)


def test_a_chunk_that_claims_to_be_huge_is_refused_without_reserving_it() -> None:
    whole = encode(times([10_000]), np.array([1.5, 2.5]))
    fields = list(HEADER.unpack_from(whole))
    fields[5] = 2**31

    claims = HEADER.pack(*fields) + whole[HEADER.size : -4]
    with pytest.raises(ChunkDamaged, match="header"):
        decode(claims + zlib.crc32(claims).to_bytes(4, "little"))


@given(st.integers(0, 10**6))
def test_one_flipped_bit_is_always_found(place: int) -> None:
    whole = bytearray(encode(times([10_000, 20_000, 10_000]), np.array([1.5, 2.5, 3.5, 9.25])))
    whole[place // 8 % len(whole)] ^= 1 << place % 8

    with pytest.raises(ChunkDamaged):
        decode(bytes(whole))
