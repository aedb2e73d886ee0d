"""Philox in C against NumPy's, byte by byte."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from symkeras.ops.op import OPS
from tests.backend.native.test_indexing import BUILDS, Call, compiled, pytestmark, reference, threads
from tests.ops.check_op import draw, same_bits

__all__ = ["pytestmark"]


@pytest.fixture(scope="module", params=BUILDS)
def call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The function of random_bits.h."""
    return compiled(tmp_path_factory.mktemp(request.param), request.param, "random_bits", [], ["random_bits"])


def run(call: Call, state: np.ndarray, stream: int, shape: tuple[int, ...], dtype: str, team: int = 1) -> np.ndarray:
    """The drawn array; the bytes after it must stay as they are."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    room = np.full(size + 64, 0xA5, np.uint8)
    call("random_bits", room, size, state, ctypes.c_uint64(stream), threads(team))
    assert (room[size:] == 0xA5).all()
    return room[:size].view(dtype).reshape(shape)


@pytest.mark.parametrize("k", range(len(OPS["random_bits"].samples)))
def test_samples_give_the_reference_bits(call: Call, k: int) -> None:
    sample = OPS["random_bits"].samples[k]
    (state,) = draw(sample)
    same_bits(run(call, state, **sample.attrs), reference("random_bits", state, **sample.attrs))


@pytest.mark.parametrize(
    ("seed", "step", "stream"), [(0, 0, 0), (5, 7, 3), (2**64 - 1, 2**64 - 1, 2**64 - 1), (1337, 2**63, 1), (2**32, 2**32 - 1, 2**33 + 5)]
)
def test_every_state_and_stream_gives_the_reference_bits(call: Call, seed: int, step: int, stream: int) -> None:
    state = np.array([seed, step], np.uint64)
    sizes = {"uint16": (1, 3, 1025), "uint32": (0, 7, 777), "uint64": (4, 131)}
    for dtype, count in ((dtype, count) for dtype, counts in sizes.items() for count in counts):
        attrs = {"stream": stream, "shape": (count,), "dtype": dtype}
        same_bits(run(call, state, **attrs), reference("random_bits", state, **attrs))


@pytest.mark.parametrize("count", [65537, 200003])
def test_threads_draw_the_same_bits(call: Call, count: int) -> None:
    state = np.array([11, 12], np.uint64)
    expected = reference("random_bits", state, stream=4, shape=(count,), dtype="uint16")
    for team in (1, 2, 3):
        same_bits(run(call, state, 4, (count,), "uint16", team), expected)


def test_single_bytes_are_those_of_the_words(call: Call) -> None:
    state = np.array([3, 4], np.uint64)
    words = reference("random_bits", state, stream=9, shape=(2,), dtype="uint64")
    same_bits(run(call, state, 9, (11,), "uint8"), words.view(np.uint8)[:11])
