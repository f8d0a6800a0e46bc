"""The codec of sealed chunks: the samples of one series over one window, exactly, in few bytes.

Times become multiples of their greatest common step. Values become scaled integers (the smallest
power of ten that gives every value back bit for bit), as differences or as they are; where no such
power exists, neighbours are XORed as in Gorilla (Pelkonen et al., VLDB 2015). What is left is laid
out byte plane by byte plane and compressed with zstd. numpy is imported with this module: the
monitor must not import it.
"""

from __future__ import annotations

import struct
import threading
from typing import TypeAlias
from zlib import crc32

import numpy as np
import structlog
import zstandard
from numpy.typing import NDArray

VERSION = 1
LEVEL = 9
# 10⁰ to 10⁶: what a metric is rounded to.
LARGEST_POWER = 6
# A sample a millisecond for two hours; a damaged header must not claim more memory than that.
MOST = 7_200_000
# CRC-32 of everything before it, at the end.
CHECKSUM = 4
# Beyond this a float does not hold every integer.
EXACT = 2.0**53
PLAIN, DIFFERENCES, XOR = range(3)
# Version, how values are laid out, power of ten, bytes a time, bytes a value, count, first time (ms),
# step of time (ms), value that the others count from, step of values.
HEADER = struct.Struct("<BBBBBIqqqq")
SIZES = (1, 2, 4, 8)
ONE = np.uint64(1)

Times: TypeAlias = "NDArray[np.int64]"
Values: TypeAlias = "NDArray[np.float64]"
Unsigned: TypeAlias = "NDArray[np.uint64]"
# Bytes a number, and the numbers byte plane by byte plane.
Planes: TypeAlias = "tuple[int, bytes]"

log = structlog.get_logger()
_local = threading.local()


class ChunkDamaged(Exception):
    """Bytes that are no chunk, or one of a version that this program does not know."""


def encode(at: Times, values: Values) -> bytes:
    """Seal samples: `at` in milliseconds, strictly rising, `values` finite or infinite, never NaN.

    Raises ValueError for anything else.
    """
    steps = at[1:] - at[:-1]
    if len(at) == 0 or len(at) != len(values) or np.isnan(values).any() or (steps <= 0).any():
        raise ValueError(
            "a chunk holds samples at rising times, each with a value that is a number"
        )
    step = int(np.gcd.reduce(steps)) if len(steps) else 0
    times = (steps // step - 1).astype(np.uint64) if step else steps.astype(np.uint64)
    time_size, times_packed = _planes(times)
    layout, power, first, unit, (value_size, values_packed) = _laid_out(values)
    head = HEADER.pack(
        VERSION, layout, power, time_size, value_size, len(at), int(at[0]), step, first, unit
    )
    packed = times_packed + values_packed
    whole = head + _compressor().compress(packed) if packed else head
    return whole + crc32(whole).to_bytes(CHECKSUM, "little")


def decode(data: bytes) -> tuple[Times, Values]:
    """The samples of a chunk, bit for bit as they were sealed. Raises ChunkDamaged."""
    try:
        fields = HEADER.unpack_from(data)
        version, layout, power, time_size, value_size, count, start, step, first, unit = fields
        if version != VERSION:
            raise ChunkDamaged(f"the chunk has version {version}, this program knows {VERSION}")
        if crc32(data[:-CHECKSUM]).to_bytes(CHECKSUM, "little") != data[-CHECKSUM:]:
            raise ChunkDamaged("the chunk does not have the checksum that it was sealed with")
        if not (0 < count <= MOST and {time_size, value_size} <= {0, 1, 2, 4, 8}):
            raise ChunkDamaged("the chunk has a header that no chunk has")
        size = time_size * (count - 1) + value_size * _numbers(layout, count)
        packed = _unpacked(data[HEADER.size : -CHECKSUM], size)
        split = time_size * (count - 1)
        at = _times(packed[:split], time_size, start, step, count)
        numbers = _unplaned(packed[split:], value_size, _numbers(layout, count))
        return at, _values(layout, power, first, unit, numbers, count)
    except (struct.error, zstandard.ZstdError, ValueError, MemoryError) as error:
        raise ChunkDamaged(f"the chunk cannot be read: {error}") from error


def decode_or_gap(data: bytes, series_id: int) -> tuple[Times, Values] | None:
    """The samples of a chunk; None for one that is damaged, which is logged and read as a gap."""
    try:
        return decode(data)
    except ChunkDamaged as error:
        log.error("a chunk is damaged and reads as a gap", series=series_id, reason=str(error))
        return None


def _unpacked(data: bytes, size: int) -> bytes:
    packed: bytes = _decompressor().decompress(data, max_output_size=size) if size else data
    if len(packed) != size:
        raise ChunkDamaged(f"the chunk holds {len(packed)} bytes instead of {size}")
    return packed


def _times(data: bytes, size: int, start: int, step: int, count: int) -> Times:
    if size == 0:
        # The usual case: no tick is missing.
        return start + step * np.arange(count)
    at = np.empty(count, np.int64)
    at[0], at[1:] = start, (_unplaned(data, size, count - 1).astype(np.int64) + 1) * step
    return np.cumsum(at)


def _numbers(layout: int, count: int) -> int:
    """How many numbers lie beside the first, which stands in the header for differences and XOR."""
    return count if layout == PLAIN else count - 1


def _laid_out(values: Values) -> tuple[int, int, int, int, Planes]:
    scaled = _scaled(values)
    if scaled is None:
        bits = values.view(np.uint64)
        return XOR, 0, int(bits[:1].view(np.int64)[0]), 0, _planes(bits[1:] ^ bits[:-1])
    power, whole = scaled
    low = int(whole.min())
    above = whole - low
    unit = int(np.gcd.reduce(above)) or 1
    if unit > 1:
        above //= unit
    plain = _planes(above.view(np.uint64))
    zigzag = _planes(_zigzag(above[1:] - above[:-1]))
    # Noise is smaller as it is, what moves slowly as differences.
    if _packed_size(plain) <= _packed_size(zigzag):
        return PLAIN, power, low, unit, plain
    return DIFFERENCES, power, int(whole[0]), unit, zigzag


def _scaled(values: Values) -> tuple[int, Times] | None:
    """The power of ten by which all values are whole, and those; None where there is none."""
    bits = values.view(np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        for power in range(LARGEST_POWER + 1):
            scale = 10.0**power
            whole = np.rint(values * scale)
            if not max(whole.max(), -whole.min()) < EXACT:
                return None
            # By way of integers, which have no -0.
            found = whole.astype(np.int64)
            if ((found / scale).view(np.int64) == bits).all():
                return power, found
    return None


def _values(
    layout: int, power: int, first: int, unit: int, numbers: Unsigned, count: int
) -> Values:
    if layout == XOR:
        bits = np.empty(count, np.uint64)
        bits[:1].view(np.int64)[0] = first
        bits[1:] = numbers
        return np.bitwise_xor.accumulate(bits).view(np.float64)
    if layout == PLAIN:
        whole = numbers.view(np.int64)
        whole *= unit
        whole += first
    elif layout == DIFFERENCES:
        whole = np.empty(count, np.int64)
        whole[0] = first
        whole[1:] = _signed(numbers) * unit
        whole = np.cumsum(whole)
    else:
        raise ChunkDamaged(f"the chunk has values of layout {layout}, which there is not")
    return whole / 10.0**power


def _zigzag(signed: Times) -> Unsigned:
    """Small numbers of either sign as small ones without: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return ((signed << 1) ^ (signed >> 63)).astype(np.uint64)


def _signed(zigzag: Unsigned) -> Times:
    """What `_zigzag` was made of."""
    return (zigzag >> ONE).view(np.int64) ^ -(zigzag & ONE).view(np.int64)


def _packed_size(planes: Planes) -> int:
    return len(_compressor().compress(planes[1]))


def _planes(numbers: Unsigned) -> Planes:
    """The bytes a number needs (0 for zeros alone), and all first bytes, all second ones, and so on."""
    most = int(numbers.max()) if len(numbers) else 0
    if most == 0:
        return 0, b""
    size = next(size for size in SIZES if most < 1 << 8 * size)
    narrow = numbers.astype(f"<u{size}")
    return size, narrow.view(np.uint8).reshape(-1, size).T.tobytes()


def _unplaned(data: bytes, size: int, count: int) -> Unsigned:
    if size == 0:
        return np.zeros(count, np.uint64)
    planes = np.frombuffer(data, np.uint8)
    if size == 1:
        return planes.astype(np.uint64)
    numbers = np.zeros((count, 8), np.uint8)
    numbers[:, :size] = planes.reshape(size, count).T
    return numbers.view("<u8").reshape(count).astype(np.uint64, copy=False)


def _compressor() -> zstandard.ZstdCompressor:
    """This thread's own: one must not be used by two at once, and making one costs."""
    if not hasattr(_local, "compressor"):
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=False
        )
        _local.compressor = zstandard.ZstdCompressor(compression_params=parameters)
    found: zstandard.ZstdCompressor = _local.compressor
    return found


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor(format=zstandard.FORMAT_ZSTD1_MAGICLESS)
    found: zstandard.ZstdDecompressor = _local.decompressor
    return found
