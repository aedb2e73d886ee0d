"""Cross-entropies, CTC, blocks of images, adaptive pooling and transposed convolution, against plain NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import losses, ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import Graph
from tests.backends import skip_without
from tests.ops.check_op import check_gradient_of, placeholders

RNG = np.random.default_rng(2)


def compiled(function: Callable[..., Any], arrays: list[np.ndarray], types: list[str], backend: str = "numpy") -> list[np.ndarray]:
    inputs = [ops.placeholder(t, f"x{k}") for k, t in enumerate(types)]
    found = function(*inputs)
    outputs = found if isinstance(found, (tuple, list)) else (found,)
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), backend=backend)(*arrays)


def check(function: Callable[[Any], Any], x: np.ndarray, expected: np.ndarray, backend: str, gradient: bool = True) -> None:
    """At once, compiled for an unknown batch, and the gradient."""
    np.testing.assert_allclose(function(x), expected, atol=1e-12)
    type = f"f64[batch, {', '.join(map(str, x.shape[1:]))}]"
    np.testing.assert_allclose(compiled(function, [x], [type], backend)[0], expected, atol=1e-12)
    if gradient:
        inputs = placeholders([x[:1]])
        out = function(inputs[0])
        check_gradient_of(inputs, ops.sum(out * RNG.normal(size=tuple(map(int, out.dims)))), [x[:1]])


# ---- cross-entropies -----------------------------------------------------------------------------------------------


def test_crossentropies_are_those_of_the_losses_without_the_mean() -> None:
    p = RNG.uniform(0.1, 0.9, (4, 3))
    hot = np.eye(3)[[0, 2, 1, 1]]
    share = p / p.sum(-1, keepdims=True)
    logits = np.log(share)
    np.testing.assert_allclose(ops.binary_crossentropy(hot, p), -(hot * np.log(p) + (1 - hot) * np.log(1 - p)))
    np.testing.assert_allclose(ops.binary_crossentropy(hot, np.log(p / (1 - p)), from_logits=True), ops.binary_crossentropy(hot, p))
    expected = -np.log(share[np.arange(4), [0, 2, 1, 1]])
    for given, from_logits in ((p, False), (logits, True)):
        np.testing.assert_allclose(ops.categorical_crossentropy(hot, given, from_logits), expected)
        np.testing.assert_allclose(ops.categorical_crossentropy(hot.T, given.T, from_logits, axis=0), expected)
        np.testing.assert_allclose(ops.sparse_categorical_crossentropy(np.array([0, 2, 1, 1]), given, from_logits), expected)
        np.testing.assert_allclose(ops.sparse_categorical_crossentropy(np.array([[0], [2], [1], [1]]), given, from_logits), expected)
    assert ops.sparse_categorical_crossentropy(np.array([7]), p[:1]).tolist() == [0.0]


def test_crossentropies_refuse_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match="one shape"):
        ops.categorical_crossentropy(np.ones(3), np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"labels of shape \(2,\)"):
        ops.sparse_categorical_crossentropy(np.ones(3, int), np.ones((2, 3)))
    with pytest.raises(ShapeError, match="scalars"):
        ops.categorical_crossentropy(np.float32(1), np.float32(1))


# ---- CTC -----------------------------------------------------------------------------------------------------------


def spelled(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(k for k, _ in itertools.groupby(path) if k != blank)


def likelihoods(p: np.ndarray, blank: int) -> dict[tuple[int, ...], float]:
    """The probability of every label sequence, by all alignments."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        key = spelled(path, blank)
        found[key] = found.get(key, 0.0) + float(np.prod(p[np.arange(len(p)), list(path)]))
    return found


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("blank", [0, 2])
def test_ctc_loss_sums_over_all_alignments(blank: int, backend: str) -> None:
    logits = RNG.normal(size=(3, 4, 3))
    one, two = (k for k in range(3) if k != blank)
    labels, counts, steps = np.array([[one, two], [two, two], [one, 0]]), np.array([2, 2, 1]), np.array([4, 4, 3])
    expected = [-np.log(likelihoods(softmax(x)[:n], blank)[tuple(t[:c])]) for x, t, c, n in zip(logits, labels, counts, steps, strict=True)]

    def loss(target: Any, output: Any, c: Any, n: Any) -> Any:
        return ops.ctc_loss(target, output, c, n, mask_index=blank)

    np.testing.assert_allclose(loss(labels, logits, counts, steps), expected, rtol=1e-10)
    for count in ("2", "count"):
        types = [f"i64[batch, {count}]", "f64[batch, time, 3]", "i64[batch]", "i64[batch]"]
        np.testing.assert_allclose(compiled(loss, [labels, logits, counts, steps], types, backend)[0], expected, rtol=1e-10)
    inputs = placeholders([logits])
    check_gradient_of(inputs, ops.sum(loss(labels, inputs[0], counts, steps)), [logits])


def test_the_ctc_loss_counts_labels_that_are_not_0_and_goes_through_a_config() -> None:
    logits = RNG.normal(size=(2, 4, 3))
    labels = np.array([[1, 2], [2, 0]])
    expected = [-np.log(likelihoods(softmax(x), 0)[t]) for x, t in zip(logits, [(1, 2), (2,)], strict=True)]
    np.testing.assert_allclose(losses.ctc(labels, logits), expected)
    loss = losses.get("ctc")
    again = losses.CTC.from_config(losses.CTC(reduction="sum").get_config())
    assert loss is losses.ctc and float(again(labels, logits)) == pytest.approx(sum(expected))
    with pytest.raises(ShapeError, match="y_true"):
        losses.ctc(labels[0], logits)


@pytest.mark.parametrize("merge", [True, False])
def test_greedy_decoding_takes_the_likeliest_class_of_each_step(merge: bool, backend: str) -> None:
    logits, lengths = RNG.normal(size=(5, 7, 3)), np.array([7, 3, 0, 5, 7])
    expected, scores = np.full((1, 5, 7), -1), np.zeros((5, 1))
    for row, (x, n) in enumerate(zip(logits, lengths, strict=True)):
        best = tuple(x[:n].argmax(-1))
        labels = spelled(best, 0) if merge else tuple(k for k in best if k != 0)
        expected[0, row, : len(labels)] = labels
        scores[row, 0] = -x[:n].max(-1).sum()

    def decode(x: Any, n: Any) -> Any:
        return ops.ctc_decode(x, n, merge_repeated=merge)

    for found in (decode(logits, lengths), compiled(decode, [logits, lengths], ["f64[batch, 7, 3]", "i64[batch]"], backend)):
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_allclose(found[1], scores)
        assert found[0].dtype == np.int32


def test_beam_search_finds_the_likeliest_sequences(backend: str) -> None:
    skip_without(backend, "ctc_beam_search")
    logits, lengths = RNG.normal(size=(3, 4, 3)), np.array([4, 2, 3])

    def decode(x: Any, n: Any) -> Any:
        return ops.ctc_decode(x, n, "beam_search", beam_width=100, top_paths=3)

    for paths, scores in (decode(logits, lengths), compiled(decode, [logits, lengths], ["f64[batch, 4, 3]", "i64[batch]"], backend)):
        for row, (x, n) in enumerate(zip(logits, lengths, strict=True)):
            ranked = sorted(likelihoods(softmax(x)[:n], 0).items(), key=lambda item: -item[1])[:3]
            for k, (labels, p) in enumerate(ranked):
                assert tuple(v for v in paths[k, row].tolist() if v >= 0) == labels
                assert float(np.exp(scores[row, k])) == pytest.approx(p)


def test_ctc_refuses_what_it_cannot_take() -> None:
    with pytest.raises(ConfigError, match="'greedy' or 'beam_search'"):
        ops.ctc_decode(np.zeros((1, 2, 3)), np.array([2]), "best")
    with pytest.raises(ConfigError, match="none of 3 classes"):
        ops.ctc_loss(np.array([[1]]), np.zeros((1, 2, 3)), np.array([1]), np.array([2]), mask_index=3)
    with pytest.raises(ConfigError, match="top_paths"):
        ops.ctc_decode(np.zeros((1, 2, 3)), np.array([2]), "beam_search", beam_width=2, top_paths=3)
    with pytest.raises(ShapeError, match=r"\(B, L\) labels"):
        ops.ctc_loss(np.array([1]), np.zeros((1, 2, 3)), np.array([1]), np.array([2]))


# ---- blocks --------------------------------------------------------------------------------------------------------


def test_depth_becomes_blocks_of_space_and_comes_back(backend: str) -> None:
    x = RNG.normal(size=(2, 2, 3, 8))
    last = np.zeros((2, 4, 6, 2))
    for i, j in itertools.product(range(2), repeat=2):
        last[:, i::2, j::2] = x[..., (2 * i + j) * 2 : (2 * i + j) * 2 + 2]
    check(lambda t: ops.depth_to_space(t, 2, "channels_last"), x, last, backend)
    check(lambda t: ops.space_to_depth(t, 2, "channels_last"), last, x, backend)
    y = RNG.normal(size=(2, 8, 2, 3))
    first = np.zeros((2, 2, 4, 6))
    for i, j in itertools.product(range(2), repeat=2):
        first[:, :, i::2, j::2] = y[:, 2 * i + j :: 4]
    check(lambda t: ops.depth_to_space(t, 2, "channels_first"), y, first, backend)
    check(lambda t: ops.space_to_depth(t, 2, "channels_first"), first, y, backend)


def test_blocks_refuse_sizes_that_do_not_divide() -> None:
    with pytest.raises(ShapeError, match="6 does not divide by 4"):
        ops.depth_to_space(np.zeros((1, 2, 2, 6)), 2)
    with pytest.raises(ShapeError, match="3 does not divide by 2"):
        ops.space_to_depth(np.zeros((1, 3, 2, 1)), 2)
    with pytest.raises(ConfigError, match="block_size"):
        ops.depth_to_space(np.zeros((1, 2, 2, 4)), 0)
    with pytest.raises(ConfigError, match="data_format"):
        ops.depth_to_space(np.zeros((1, 2, 2, 4)), 2, "last")


WINDOWS = [{"kernel_size": 2}, {"kernel_size": (2, 3), "stride": 2, "padding": 1}, {"kernel_size": 2, "dilation": (2, 1), "stride": (1, 2)}]


def places(shape: tuple[int, ...], window: dict[str, Any]) -> list[list[tuple[int, int]]]:
    """For each place of a window the pixels under it, in the padded image."""
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = (
        v if isinstance(v, tuple) else (v, v)
        for v in (window["kernel_size"], window.get("dilation", 1), window.get("padding", 0), window.get("stride", 1))
    )
    rows = range(0, shape[0] + 2 * ph - (kh - 1) * dh, sh)
    columns = range(0, shape[1] + 2 * pw - (kw - 1) * dw, sw)
    return [[(i + a * dh, j + b * dw) for a in range(kh) for b in range(kw)] for i in rows for j in columns]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_unfold_takes_windows_apart_and_fold_adds_them_up(window: dict[str, Any], backend: str) -> None:
    x = RNG.normal(size=(2, 3, 5, 6))
    pad = window.get("padding", 0)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    where = places((5, 6), window)
    expected = np.stack([np.stack([padded[:, :, i, j] for i, j in pixels], 2).reshape(2, -1) for pixels in where], 2)
    check(lambda t: ops.unfold(t, **window), x, expected, backend)
    total = np.zeros_like(padded)
    for column, pixels in enumerate(where):
        for k, (i, j) in enumerate(pixels):
            total[:, :, i, j] += expected.reshape(2, 3, len(pixels), -1)[:, :, k, column]
    check(lambda t: ops.fold(t, (5, 6), **window), expected, total[:, :, pad : pad + 5, pad : pad + 6], backend)


def test_windows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="does not fit"):
        ops.unfold(np.zeros((1, 1, 2, 2)), 3)
    with pytest.raises(ShapeError, match="4 places"):
        ops.fold(np.zeros((1, 4, 3)), 3, 2)
    with pytest.raises(ShapeError, match="5 does not divide by 4"):
        ops.fold(np.zeros((1, 5, 4)), 3, 2)


# ---- pooling, convolution, normalisation ---------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 9])
def test_adaptive_pooling_has_as_many_windows_as_it_is_told(count: int, backend: str) -> None:
    x = RNG.normal(size=(2, 7, 3))
    bounds = [(i * 7 // count, -(-(i + 1) * 7 // count)) for i in range(count)]
    for pool, reduce in ((ops.adaptive_average_pool, np.mean), (ops.adaptive_max_pool, np.max)):
        expected = np.stack([reduce(x[:, a:b], axis=1) for a, b in bounds], 1)
        check(lambda t, pool=pool: pool(t, count, "channels_last"), x, expected, backend)
        np.testing.assert_allclose(pool(x.swapaxes(1, 2), count, "channels_first"), expected.swapaxes(1, 2))


def test_adaptive_pooling_of_volumes_goes_axis_by_axis() -> None:
    x = RNG.normal(size=(1, 4, 5, 6, 2))
    found = ops.adaptive_max_pool(x, (2, 5, 1), "channels_last")
    np.testing.assert_array_equal(found, x.reshape(1, 2, 2, 5, 6, 2).max((2, 4))[:, :, :, None])
    with pytest.raises(ShapeError, match="known"):
        ops.adaptive_max_pool(ops.placeholder("f32[2, time, 3]"), 2, "channels_last")
    with pytest.raises(ConfigError, match="output_size"):
        ops.adaptive_average_pool(x, 0)


@pytest.mark.parametrize(("padding", "size"), [("valid", 11), ("same", 8)])
def test_conv_transpose_spreads_kernels(padding: str, size: int, backend: str) -> None:
    x, kernel = RNG.normal(size=(2, 4, 2)), RNG.normal(size=(5, 3, 2))
    expected = np.zeros((2, 11, 3))
    for t, k in itertools.product(range(4), range(5)):
        expected[:, 2 * t + k] += x[:, t] @ kernel[k].T
    expected = expected[:, 1:9] if padding == "same" else expected
    assert expected.shape[1] == size
    check(lambda t: ops.conv_transpose(t, kernel, 2, padding, data_format="channels_last"), x, expected, backend)
    first = ops.conv_transpose(x.swapaxes(1, 2), kernel, 2, padding, data_format="channels_first")
    np.testing.assert_allclose(first, expected.swapaxes(1, 2), atol=1e-12)


def test_conv_transpose_refuses_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="kernel"):
        ops.conv_transpose(np.zeros((1, 4, 2)), np.zeros((2, 2)))
    with pytest.raises(ShapeError, match="output_padding"):
        ops.conv_transpose(np.zeros((1, 4, 2)), np.zeros((2, 3, 2)), 2, output_padding=2)
    with pytest.raises(ShapeError, match="padding"):
        ops.conv_transpose(np.zeros((1, 4, 2)), np.zeros((2, 3, 2)), padding="causal")


def test_rms_normalization_divides_by_the_root_of_the_mean_square(backend: str) -> None:
    x = RNG.normal(size=(3, 4))
    expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + 0.1) * np.arange(4.0)
    check(lambda t: ops.rms_normalization(t, np.arange(4.0), epsilon=0.1), x, expected, backend)
    assert ops.rms_normalization(x.astype("float16")).dtype == np.float16
