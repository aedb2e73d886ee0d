"""Connectionist temporal classification (Graves et al. 2006): the likelihood of label sequences over all alignments, and likely sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DtypeError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops import elementwise as ew
from symkeras.ops.control import scan
from symkeras.ops.indexing import take_along_axis
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import log_softmax, logsumexp
from symkeras.ops.numpy import arange, pad, repeat, swapaxes, zeros
from symkeras.ops.op import OPS, Op, Sample, apply, as_tensor, dtype_of, is_symbolic, register
from symkeras.ops.reductions import argmax, max, sum
from symkeras.ops.shaping import broadcast_to, concatenate, expand_dims, reshape, stack
from symkeras.ops.sizes import whole
from symkeras.ops.sorting import argsort

_NEVER = -1e30
"""The logarithm of a probability that is zero; finite, so that gradients are."""


def negative_log_likelihood(labels: Any, log_p: Any, label_length: Any, output_length: Any, blank: int, what: str) -> Any:
    """-log of the probability that each row of `log_p` spells the labels of that row, over all alignments.

    Args:
        labels: (B, L) class numbers; what is beyond `label_length` does not count.
        log_p: (B, T, V) logarithms of probabilities.
        label_length, output_length: (B,) how many labels and steps of each row count.
        blank: the class that stands for none; -1 for the last one.
        what: for messages.

    Returns:
        (B,) costs; 1e30 where the labels do not fit into the steps.
    """
    if len(shape(log_p)) != 3 or len(shape(labels)) != 2:
        raise ShapeError(f"{what} takes (B, L) labels and (B, T, V) outputs, received {shape(labels)} and {shape(log_p)}")
    batch, steps, classes = shape(log_p)
    count = shape(labels)[1]
    if not isinstance(classes, int):
        raise ShapeError(f"{what} needs a known number of classes, received outputs {shape(log_p)}")
    labels, lengths = cast(labels, "int32"), cast(reshape(label_length, (batch, 1)), "int32")
    lengths_t = cast(reshape(output_length, (batch, 1)), "int32")
    size = 2 * count + 1
    places = arange(size, dtype="int32")
    is_label = ew.equal(ew.mod(places, 2), 1)
    is_empty = isinstance(count, int) and count == 0
    spelled = zeros((batch, 0), "int32") if is_empty else repeat(ew.minimum(ew.maximum(labels, 0), classes - 1), 2, 1)
    path = ew.where(is_label, pad(spelled, ((0, 0), (0, 1))), blank % classes)  # blank, label, blank, label, ..., blank
    before = pad(path, ((0, 0), (2, 0)), constant_values=-1)[:, :-2]
    may_skip = ew.logical_and(ew.logical_and(is_label, ew.greater(places, 1)), ew.not_equal(path, before))
    emitted = take_along_axis(log_p, broadcast_to(expand_dims(path, 1), (batch, steps, size)), axis=-1)
    emitted = swapaxes(emitted, 0, 1)  # (T, B, S)

    def shifted(alpha: Any, n: int) -> Any:
        return pad(alpha, ((0, 0), (n, 0)), constant_values=_NEVER)[:, :-n]

    def step(alpha: Any, x: Any) -> tuple[Any, None]:
        t, row = x
        come = stack([alpha, shifted(alpha, 1), ew.where(may_skip, shifted(alpha, 2), _NEVER)])
        return ew.where(ew.less(t, lengths_t), ew.add_(logsumexp(come, axis=0), row), alpha), None

    first = ew.where(ew.less(places, 2), emitted[0], _NEVER)
    times = arange(steps, dtype="int32")
    alpha, _ = scan(step, first, (times[1:], emitted[1:]))
    ends = concatenate([2 * lengths, ew.maximum(2 * lengths - 1, 0)], axis=1)
    last = take_along_axis(alpha, ends, axis=1)
    last = ew.where(ew.logical_and(np.array([[False, True]]), ew.equal(lengths, 0)), _NEVER, last)
    return ew.negative(logsumexp(last, axis=1))


def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """-log of the probability that each row of `output` spells the labels of that row, over all alignments.

    Args:
        target: (B, L) class numbers; what is beyond `target_length` does not count.
        output: (B, T, V) logits.
        target_length: (B,) how many labels each row has.
        output_length: (B,) how many steps of each row count.
        mask_index: the class that stands for none.

    Returns:
        (B,) costs; 1e30 where the labels do not fit into the steps.

    Raises:
        ShapeError: other shapes, or an unknown number of classes.
        ConfigError: no such class.

    >>> ctc_loss(np.array([[1]]), np.zeros((1, 1, 2)), np.array([1]), np.array([1])).round(4).tolist()
    [0.6931]
    """
    output = cast(output, dtypes.result_type(dtype_of(output), "float32"))
    if len(shape(output)) != 3:
        raise ShapeError(f"ctc_loss takes (B, L) labels and (B, T, V) outputs, received {shape(target)} and {shape(output)}")
    blank = _class(mask_index, shape(output)[-1], "ctc_loss")
    labels, counts, steps = (t if is_symbolic(t) else np.asarray(t) for t in (target, target_length, output_length))
    return negative_log_likelihood(labels, log_softmax(output, axis=-1), counts, steps, blank, "ctc_loss")


def _class(index: Any, classes: Any, what: str) -> int:
    index = whole(index, f"{what}: mask_index")
    if isinstance(classes, int) and not -classes <= index < classes:
        raise ConfigError(f"{what}: mask_index {index} is none of {classes} classes")
    return index % classes if isinstance(classes, int) else index


@register
class CtcBeamSearch(Op):
    """The `top` likeliest label sequences of logarithms of probabilities (B, T, V), of which the first `lengths` (B) steps count.

    Of all prefixes the likeliest `width` are followed from step to step (Graves 2012). Results: labels (top, B, T) in int32, -1 behind the
    last, and logarithms of their probabilities (B, top), -inf where there are fewer sequences.
    """

    name = "ctc_beam_search"
    attributes = {"width": at.integer(1), "top": at.integer(1), "blank": at.integer(0)}
    samples = (
        Sample(("f64[2, 4, 3]", "i32[2]"), {"width": 5, "top": 2, "blank": 0}, low=(-2.0, 0), high=(0.0, 5), grad=False),
        Sample(("f32[0, 2, 2]", "i32[0]"), {"width": 1, "top": 1, "blank": 1}, grad=False),
    )

    def infer(self, log_p: TensorType, lengths: TensorType, *, width: int, top: int, blank: int) -> tuple[TensorType, ...]:  # type: ignore[override]
        if not dtypes.is_float(log_p.dtype) or not dtypes.is_int(lengths.dtype):
            raise DtypeError(f"ctc_beam_search takes logarithms of probabilities and lengths, received {log_p} and {lengths}")
        if log_p.ndim != 3 or lengths.ndim != 1 or not dims.same(log_p.shape[0], lengths.shape[0]):
            raise ShapeError(f"ctc_beam_search takes (B, T, V) logarithms and (B,) lengths, received {log_p} and {lengths}")
        batch, steps, _ = log_p.shape
        return TensorType((top, batch, steps), "int32"), log_p.with_shape((batch, top))

    def value(self, log_p: Any, lengths: Any, *, width: int, top: int, blank: int) -> Any:  # type: ignore[override]
        paths = np.full((top, *log_p.shape[:2]), -1, np.int32)
        scores = np.full((len(log_p), top), -np.inf, log_p.dtype)
        for row, (steps, length) in enumerate(zip(log_p, lengths, strict=True)):
            for k, (prefix, score) in enumerate(_beams(steps[: np.maximum(length, 0)], width, blank)[:top]):
                paths[k, row, : len(prefix)] = prefix
                scores[row, k] = score
        return paths, scores

    def flops(self, node: Any) -> dims.Size:
        return node.inputs[0].tensor_type.size * node.attrs["width"] * 4


def _beams(steps: Any, width: int, blank: int) -> list[tuple[tuple[int, ...], float]]:
    """The likeliest prefixes after all steps, likeliest first, with the logarithm of their probability."""
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}  # of alignments that end in a blank, and in the last label
    for row in steps:
        grown: dict[tuple[int, ...], tuple[float, float]] = {}

        def add(prefix: tuple[int, ...], on_blank: float, on_label: float, grown: Any = grown) -> None:
            a, b = grown.get(prefix, (-np.inf, -np.inf))
            grown[prefix] = float(np.logaddexp(a, on_blank)), float(np.logaddexp(b, on_label))

        for prefix, (on_blank, on_label) in beams.items():
            either = float(np.logaddexp(on_blank, on_label))
            add(prefix, either + row[blank], (on_label + row[prefix[-1]]) if prefix else -np.inf)
            for label, p in enumerate(row):
                if label != blank:
                    again = bool(prefix) and prefix[-1] == label
                    add((*prefix, label), -np.inf, (on_blank if again else either) + p)
        ranked = sorted(grown.items(), key=lambda item: -np.logaddexp(*item[1]))
        beams = dict(ranked[:width])
    return [(prefix, float(np.logaddexp(*both))) for prefix, both in beams.items()]


def ctc_decode(inputs: Any, sequence_lengths: Any, strategy: str = "greedy", beam_width: int = 100, top_paths: int = 1, merge_repeated: bool = True,
               mask_index: int = 0) -> tuple[Any, Any]:  # fmt: skip
    """Likely label sequences of the outputs of a model that was trained with `ctc_loss`.

    Args:
        inputs: (B, T, V) logits.
        sequence_lengths: (B,) how many steps of each row count.
        strategy: "greedy" takes the likeliest class of each step; "beam_search" adds up the alignments of the likeliest prefixes.
        beam_width: how many prefixes are followed, for "beam_search".
        top_paths: how many sequences are given, for "beam_search".
        merge_repeated: whether equal classes of neighbouring steps are one label, for "greedy".
        mask_index: the class that stands for none.

    Returns:
        Labels (1 or `top_paths`, B, T) in int32, -1 behind the last, and scores: for "greedy" (B, 1), minus the sum of the largest logits; for
        "beam_search" (B, top_paths), logarithms of probabilities.

    Raises:
        ShapeError: other shapes.
        ConfigError: another strategy, no such class, or no positive numbers.

    >>> logits = np.array([[[0.0, 3.0], [0.0, 3.0], [3.0, 0.0], [0.0, 3.0]]])
    >>> ctc_decode(logits, np.array([4]))[0].tolist()
    [[[1, 1, -1, -1]]]
    """
    inputs = cast(inputs, dtypes.result_type(dtype_of(inputs), "float32"))
    if len(shape(inputs)) != 3 or len(shape(sequence_lengths)) != 1:
        raise ShapeError(f"ctc_decode takes (B, T, V) logits and (B,) lengths, received {shape(inputs)} and {shape(sequence_lengths)}")
    blank = _class(mask_index, shape(inputs)[-1], "ctc_decode")
    lengths = cast(as_tensor(sequence_lengths) if is_symbolic(sequence_lengths) else np.asarray(sequence_lengths), "int32")
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, blank)
    if strategy != "beam_search":
        raise ConfigError(f"ctc_decode: Invalid strategy {strategy!r}; it is 'greedy' or 'beam_search'")
    width, top = whole(beam_width, "ctc_decode: beam_width"), whole(top_paths, "ctc_decode: top_paths")
    if not 1 <= top <= width:
        raise ConfigError(f"ctc_decode: top_paths goes from 1 to beam_width, received {top_paths} of {beam_width}")
    return apply(OPS["ctc_beam_search"], [log_softmax(inputs, axis=-1), lengths], {"width": width, "top": top, "blank": blank})


def _greedy(inputs: Any, lengths: Any, merge_repeated: bool, blank: int) -> tuple[Any, Any]:
    steps = shape(inputs)[1]
    counts = ew.less(arange(steps, dtype="int32"), expand_dims(lengths, 1))
    labels = ew.where(counts, argmax(inputs, -1), blank)
    scores = ew.negative(sum(ew.where(counts, max(inputs, -1), 0), 1, True))
    is_none = ew.equal(labels, blank)
    if merge_repeated:
        before = concatenate([ew.add_(ew.multiply(labels[:, :1], 0), -1), labels[:, :-1]], 1)
        is_none = ew.logical_or(is_none, ew.equal(labels, before))
    labels = cast(ew.where(is_none, -1, labels), "int32")
    order = argsort(cast(is_none, "int32"), 1)
    return expand_dims(take_along_axis(labels, order, 1), 0), cast(scores, dtype_of(inputs))
