"""Random numbers: the bits are those of numpy.random.Philox, and depend on seed, step and stream alone."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import DtypeError
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate
from symkeras.ops.random import keep_mask, next_stream, random_bits, unit_normal, unit_uniform

STATES = [(0, 0), (1, 0), (1, 1), (2**64 - 1, 2**63), (12345, 7)]


def state(seed: int, step: int) -> np.ndarray:
    return np.array([seed, step], "uint64")


def philox(seed: int, step: int, stream: int, words: int) -> np.ndarray:
    """The stated definition: key [seed, stream], counter [0, step, 0, 0]."""
    counter = np.array([0, step, 0, 0], "uint64")
    return np.random.Philox(key=np.array([seed, stream], "uint64"), counter=counter).random_raw(words)


@pytest.mark.parametrize(("seed", "step"), STATES)
@pytest.mark.parametrize("stream", [1, 9])
def test_bits_are_those_of_numpys_philox(seed: int, step: int, stream: int, backend: str) -> None:
    s = ops.placeholder("u64[2]")
    shapes = [((5,), "uint64"), ((2, 3), "uint32"), ((9,), "uint16"), ((), "uint64"), ((0,), "uint32")]
    drawn = [random_bits(s, stream, shape, dtype) for shape, dtype in shapes]
    values = compile_graph(Graph([s.node], [t.node for t in drawn]), backend=backend)(state(seed, step))
    words = philox(seed, step, stream, 8)
    for (shape, dtype), value in zip(shapes, values, strict=True):
        count = int(np.prod(shape))
        np.testing.assert_array_equal(value, words.view(dtype)[:count].reshape(shape))
        np.testing.assert_array_equal(value, random_bits(state(seed, step), stream, shape, dtype))


def test_first_words_follow_the_published_rounds() -> None:
    """Ten rounds as Salmon et al. define them, so that a change of NumPy's generator would be noticed."""
    mask = 2**64 - 1
    counter, key = [1, 0, 0, 0], [0, 0]  # NumPy advances the counter before the first block
    for _ in range(10):
        a, b = 0xD2E7470EE14C6C93 * counter[0], 0xCA5A826395121157 * counter[2]
        counter = [(b >> 64) ^ counter[1] ^ key[0], b & mask, (a >> 64) ^ counter[3] ^ key[1], a & mask]
        key = [(key[0] + 0x9E3779B97F4A7C15) & mask, (key[1] + 0xBB67AE8584CAA73B) & mask]
    assert random_bits(state(0, 0), 0, (4,), "uint64").tolist() == counter


def test_same_seed_and_stream_give_the_same_numbers_and_others_do_not() -> None:
    draw = {
        (seed, step, stream): unit_uniform(state(seed, step), stream, (50,), "float32").tobytes()
        for seed in (0, 1) for step in (0, 1) for stream in (1, 2)
    }  # fmt: skip
    assert len(set(draw.values())) == len(draw)
    assert unit_uniform(state(1, 1), 2, (50,), "float32").tobytes() == draw[1, 1, 2]


def test_a_shorter_draw_is_the_beginning_of_a_longer_one() -> None:
    for dtype in ("uint16", "uint32", "uint64"):
        np.testing.assert_array_equal(random_bits(state(3, 0), 1, (7,), dtype), random_bits(state(3, 0), 1, (100,), dtype)[:7])


def test_streams_are_never_given_twice() -> None:
    streams = [next_stream() for _ in range(100)]
    assert len(set(streams)) == 100


def test_equal_draws_are_one_node_and_different_streams_stay_apart() -> None:
    s = ops.placeholder("u64[2]")
    a, b, c = (random_bits(s, k, (3,), "uint32") for k in (1, 1, 2))
    assert a.node is b.node and a.node is not c.node


def test_draws_of_a_symbolic_shape_are_those_of_the_size_at_hand(backend: str) -> None:
    s, x = ops.placeholder("u64[2]"), ops.placeholder("f32[batch, 3]")
    shape = (ops.shape(x)[0], 3)
    outputs = [unit_uniform(s, 4, shape, "float32"), unit_normal(s, 4, shape, "float64"), keep_mask(s, 4, shape, 0.5)]
    executable = compile_graph(Graph([s.node, x.node], [t.node for t in outputs]), backend=backend)
    for n in (1, 4, 5):
        u, z, k = executable(state(5, 2), np.zeros((n, 3), "float32"))
        np.testing.assert_array_equal(u, unit_uniform(state(5, 2), 4, (n, 3), "float32"))
        np.testing.assert_allclose(z, unit_normal(state(5, 2), 4, (n, 3), "float64"), rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(k, keep_mask(state(5, 2), 4, (n, 3), 0.5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_fill_the_unit_interval_and_normal_ones_have_their_moments(dtype: str) -> None:
    n = 40_000
    u, z = unit_uniform(state(1, 0), 1, (n,), dtype), unit_normal(state(1, 0), 1, (n,), dtype)
    assert u.dtype == z.dtype == dtype
    assert u.min() >= 0 and u.max() < 1 and np.isfinite(z).all()
    np.testing.assert_allclose([u.mean(), u.var()], [1 / 2, 1 / 12], atol=0.005)
    np.testing.assert_allclose([z.mean(), z.var(), (z**3).mean(), (z**4).mean()], [0, 1, 0, 3], atol=0.12)
    assert abs(np.corrcoef(z[: n // 2], z[n // 2 :])[0, 1]) < 0.03


def test_float16_uniform_numbers_stay_below_one() -> None:
    assert unit_uniform(state(1, 0), 1, (100_000,), "float16").max() < 1


def test_odd_counts_of_normal_numbers_are_a_prefix_of_pairs() -> None:
    assert unit_normal(state(1, 0), 1, (3, 3), "float32").shape == (3, 3)
    assert unit_normal(state(1, 0), 1, (), "float32").shape == ()
    assert unit_normal(state(1, 0), 1, (0, 2), "float32").shape == (0, 2)


@pytest.mark.parametrize("keep", [0.0, 0.25, 0.8, 1.0])
def test_keep_mask_keeps_the_stated_share(keep: float) -> None:
    mask = keep_mask(state(2, 0), 3, (20_000,), keep)
    assert mask.dtype == bool
    assert mask.mean() == keep if keep in (0.0, 1.0) else abs(mask.mean() - keep) < 0.02


def test_optimisation_does_not_change_a_drawn_bit(backend: str) -> None:
    s, x = ops.placeholder("u64[2]"), ops.placeholder("f32[4, 5]")
    y = ops.where(keep_mask(s, 1, (4, 5), 0.5), x, 0.0) * 2.0 + unit_uniform(s, 2, (4, 5), "float32")
    graph = Graph([s.node, x.node], [y.node])
    arrays = [state(9, 9), np.ones((4, 5), "float32")]
    for level in ("O0", "O2"):
        np.testing.assert_array_equal(compile_graph(graph, backend=backend, level=level)(*arrays)[0], evaluate(graph, arrays)[0][0])


def test_bits_need_a_state_of_two_words_and_an_unsigned_dtype() -> None:
    with pytest.raises(DtypeError, match=r"u64\[2\]"):
        random_bits(np.zeros(3, "uint64"), 1, (2,), "uint32")
    with pytest.raises(DtypeError, match="unsigned"):
        random_bits(state(0, 0), 1, (2,), "int32")
