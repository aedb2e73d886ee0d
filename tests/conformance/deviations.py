"""Differences that are meant, or Keras' own mistakes: these are not counted against us. Each row says why, and hides no more than it says."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.conformance.compare import Difference, similar
from tests.conformance.kinds.kind import Case
from tests.conformance.kinds.layers import AS_COMPUTED
from tests.conformance.sides import flat
from tests.conformance.written import Array

Holds = Callable[[Case, Difference], bool]


@dataclass(frozen=True)
class Deviation:
    """Names and labels, as patterns, and what else has to hold of a case."""

    path: str
    label: str
    why: str
    holds: Holds = lambda case, difference: True


def on_tensorflow(case: Case, d: Difference) -> bool:
    return os.environ.get("KERAS_BACKEND") == "tensorflow"


def on_jax(case: Case, d: Difference) -> bool:
    return os.environ.get("KERAS_BACKEND") == "jax"


def all_of(*conditions: Holds) -> Holds:
    return lambda case, d: all(holds(case, d) for holds in conditions)


def given(**wanted: Any) -> Holds:
    """Arguments, or keywords of the call, that a case has."""
    return lambda case, d: all({**case.subject.arguments, **case.keywords}.get(name) == value for name, value in wanted.items())


def only(*names: str) -> Holds:
    """Trees that differ below these names alone."""
    return lambda case, d: isinstance(d.left, dict) and isinstance(d.right, dict) and all(set(re.split(r"[].[]", p)) & set(names) for p in d.places)


def lacking(*names: str) -> Holds:
    """Configs in which Keras has nothing under these names."""

    def holds(case: Case, d: Difference) -> bool:
        return only(*names)(case, d) and all(_at(d.right, place) is None for place in d.places)

    return holds


def _at(tree: Any, place: str) -> Any:
    for name in place.split("."):
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def agreeing(seen: Callable[[np.ndarray, np.ndarray], Any]) -> Holds:
    """Arrays of one shape that are as `seen` says."""
    return lambda case, d: isinstance(d.left, np.ndarray) and d.left.shape == getattr(d.right, "shape", None) and bool(seen(d.left, d.right))


def of_whole_numbers(case: Case, d: Difference) -> bool:
    return case.inputs[0].value.dtype.kind in "iu"


keras_has_zeros = agreeing(lambda left, right: not right.any())
symkeras_has_zeros = agreeing(lambda left, right: not left.any())


def _halved_where_it_differs(left: np.ndarray, right: np.ndarray) -> bool:
    return similar(np.where(np.isclose(left, right, 1e-3, 1e-6), left, left / 2).astype(left.dtype), right)


def _infinite_at_the_greatest(left: np.ndarray, right: np.ndarray) -> bool:
    greatest = np.abs(right) == np.finfo(right.dtype).max
    return similar(left, np.where(greatest, np.sign(right) * np.inf, right).astype(right.dtype))


def _one_permutation(left: np.ndarray, right: np.ndarray) -> bool:
    """Exchanges one after the other, and the order that they give."""

    def order(exchanges: np.ndarray) -> list[int]:
        rows = list(range(len(exchanges)))
        for k, other in enumerate(exchanges):
            rows[k], rows[other] = rows[other], rows[k]
        return rows

    return all(order(one) == list(other) for one, other in zip(left.reshape(-1, left.shape[-1]), right.reshape(-1, right.shape[-1]), strict=True))


def _known_where_keras_knows(case: Case, d: Difference) -> bool:
    ours, theirs = flat(d.left), flat(d.right)
    return len(ours) == len(theirs) and all(right in (None, left) for left, right in zip(ours, theirs, strict=True))


def _on_the_simplex(case: Case, d: Difference) -> bool:
    """Points of which all numbers have sum 1, and gradients across which they have sum 0."""
    axis, total = case.keywords.get("axis", -1), float(d.label.startswith("value"))
    left, right = (np.asarray(x, "float64").sum(axis) for x in (d.left, d.right))
    return bool(np.allclose(left, total, atol=0.05)) and (total == 0 or not np.allclose(right, total, atol=1e-3))


def _one_step_more(case: Case, d: Difference) -> bool:
    ours, theirs = flat(d.left), flat(d.right)
    return ours[:-1] == theirs[:-1] and ours[-1] + 1 == theirs[-1]


def _slots_of_equal_shape(case: Case, d: Difference) -> bool:
    return [shape for _, shape, _ in d.left] == [shape for _, shape, _ in d.right]


def _cropped(case: Case, d: Difference) -> bool:
    shape = list(d.left.shape) if isinstance(d.left, np.ndarray) else d.left
    return shape[1:3] == [case.subject.arguments[name] for name in ("height", "width")] or d.label.startswith("gradient")


def _near(share: float) -> Holds:
    """Rounding of this share of the greatest number."""
    return agreeing(lambda left, right: np.allclose(left, right, rtol=share, atol=share * np.abs(right).max()))


def _of_all_weak(case: Case, d: Difference) -> bool:
    """Decibels of bands that hardly reach a frequency: equal but for some of them, which are near."""
    return agreeing(lambda left, right: np.isclose(left, right, 1e-3).mean() > 0.5 and np.allclose(left, right, atol=3))(case, d)


DEVIATIONS = (
    Deviation(
        "(losses|metrics).CosineSimilarity", "config.*", "Keras' config lacks the axis, so that what it reads back has another one", lacking("axis")
    ),
    Deviation("losses.Huber", "config.*", "Keras' config lacks delta", lacking("delta")),
    Deviation("initializers.Identity(Initializer)?", "config.*", "Keras' config lacks the gain", lacking("gain")),
    Deviation(
        "layers.*",
        "config.*",
        "Keras' config lacks the seed, or has one that was drawn",
        lambda case, d: lacking("seed")(case, d) or (only("seed")(case, d) and case.subject.arguments.get("seed") is None),
    ),
    Deviation("layers.*", "built", "Keras says nothing of layers that are built when made", lambda case, d: d.right is None),
    Deviation("layers.*", "config.*", "as above", lambda case, d: d.found == "build_config={}" and d.expected == "(nothing more)"),
    Deviation("layers.(Hashing|HashedCrossing)", "built|config.*", "symkeras has nothing to build in them", only("input_shape")),
    Deviation(
        "layers.HashedCrossing",
        "output shape",
        "Keras takes a batch of one for no batch, which its call does not",
        lambda case, d: d.left == [1, *d.right],
    ),
    Deviation(
        "layers.Group(ed)?QueryAttention",
        "value.*|gradient.*",
        "Keras penalises what comes out twice: once as that of the last projection, once as that of the layer",
        lambda case, d: case.subject.arguments.get("activity_regularizer") is not None and (d.label.startswith("gradient") or not np.shape(d.left)),
    ),
    Deviation(
        "models.*",
        "config.*",
        "Keras writes shapes, an `optional` that is none and what an engine does; the axis of a built LayerNormalization is a list",
        only("build_config", "jit_compile", "registered_name", "optional", "axis", "kwargs", "mask", "training"),
    ),
    Deviation(
        "layers.CategoryEncoding",
        "value.*",
        "of the policy's numbers, as Keras' symbolic output is; its value is of those of variables",
        lambda case, d: "mixed" in str(case.subject.arguments.get("dtype")) and np.array_equal(d.left.astype(d.right.dtype), d.right),
    ),
    Deviation("layers.*", "symbolic dtypes", "Keras' is not that of its own values", lambda case, d: d.left == AS_COMPUTED),
    Deviation(
        "layers.*",
        "value.*",
        "penalties of outputs are summed in float32",
        lambda case, d: (
            "float16" in str(case.subject.arguments.get("dtype"))
            and case.subject.arguments.get("activity_regularizer") is not None
            and not np.shape(d.left)
            and similar(d.left.astype(d.right.dtype), d.right)
        ),
    ),
    Deviation("(activations|ops).sparsemax", "value.*|gradient.*", "Keras' does not sum to 1", _on_the_simplex),
    Deviation("optimizers.(Adafactor|Nadam)", "weights", "Keras calls several slots by one name, and u_product `variable`", _slots_of_equal_shape),
    Deviation(
        "optimizers.Adafactor",
        "state.*",
        "a number that is never used is a whole one in Keras",
        agreeing(lambda left, right: not left.shape and not left and not right),
    ),
    Deviation(
        "optimizers.ScheduleFreeAdamW",
        "variable.*|state.*",
        "on TensorFlow Keras reads the iterate from before the step after it has changed it",
        all_of(on_tensorflow, lambda case, d: d.label.startswith("variable") or case.subject.arguments.get("use_ema") is True),
    ),
    Deviation(
        "(layers.AdaptiveMaxPooling.*|ops.adaptive_max_pool)",
        "gradient.*",
        "on TensorFlow Keras takes the greatest of memory that it has not written",
        on_tensorflow,
    ),
    Deviation(
        "layers.RandomCrop",
        "value.*|gradient.*|output shape",
        "in use symkeras gives the size that was asked for, as documented; Keras the image as it is",
        _cropped,
    ),
    Deviation(
        "layers.(TextVectorization|StringLookup|IntegerLookup|Hashing)",
        "value.*",
        "vectors of a lookup are of floatx; in Keras of int64",
        agreeing(lambda left, right: left.dtype == "float32" and right.dtype == "int32" and (left == right).all()),
    ),
    Deviation(
        "layers.(Random.*|MixUp|Equalization|ContrastLimitedAdaptiveHistogramEqualization)",
        "value.*",
        "what comes out has the layer's dtype; in Keras some of these leave whole numbers alone while they do nothing",
        agreeing(lambda left, right: left.dtype.kind not in "iu" and right.dtype.kind in "iu" and (left == right).all()),
    ),
    Deviation("layers.EinsumDense", "output shape|symbolic output", "symkeras knows sizes that Keras leaves open", _known_where_keras_knows),
    Deviation("layers.MelSpectrogram", "output shape|symbolic output", "Keras computes one step more than its call gives", _one_step_more),
    Deviation("layers.MelSpectrogram", "value.*|gradient.*", "the ramps of bands are differences, which Keras takes in float32", _of_all_weak),
    Deviation(
        "ops.(batch|layer|rms|group)_normalization",
        "value.*",
        "of whole numbers Keras gives whole numbers",
        agreeing(lambda left, right: left.dtype.kind == "f" and right.dtype.kind in "iu"),
    ),
    Deviation("ops.histogram", "value.*", "on TensorFlow Keras places whole numbers among whole edges", all_of(on_tensorflow, of_whole_numbers)),
    Deviation(
        "ops.(vstack|row_stack)",
        "value.*|gradient.*",
        "on TensorFlow Keras joins vectors, which JAX and NumPy stack",
        all_of(on_tensorflow, lambda case, d: all(a.value.ndim == 1 for a in case.inputs[0])),
    ),
    Deviation(
        "ops.(svd|qr)",
        "raises",
        "vectors beyond the size of the matrix have no gradient, as on JAX",
        lambda case, d: "GradientError" in d.found and ("full_matrices" in d.found or "complete" in d.found),
    ),
    Deviation(
        "ops.*",
        "value.*",
        "of int64 a few operations of Keras on TensorFlow give float64; symkeras floatx, as most do",
        all_of(
            on_tensorflow,
            agreeing(lambda left, right: left.dtype == "float32" and right.dtype == "float64" and similar(left, right.astype("float32"))),
        ),
    ),
    Deviation(
        "(ops|layers).*",
        "gradient.*",
        "of nothing TensorFlow gives memory that it has not written",
        all_of(on_tensorflow, symkeras_has_zeros, lambda case, d: any(0 in a.value.shape for a in flat(list(case.inputs)) if isinstance(a, Array))),
    ),
    Deviation(
        "layers.UpSampling2D",
        "gradient.*",
        "of 16 bits TensorFlow's resizing has no gradient",
        all_of(on_tensorflow, keras_has_zeros, lambda case, d: "float16" in str(case.subject.arguments.get("dtype"))),
    ),
    Deviation(
        "(ops.image.resize|layers.Resizing)",
        "value.*",
        "of whole numbers: half of one is rounded up or down, as the last bit says",
        all_of(of_whole_numbers, agreeing(lambda left, right: np.abs(left.astype("int64") - right.astype("int64")).max() <= 1)),
    ),
    Deviation(
        "(losses|metrics).*",
        "gradient.*",
        "in float16 the square of epsilon is nothing, by which Keras divides",
        agreeing(
            lambda left, right: (
                np.isnan(right).any() and np.isfinite(left).all() and similar(np.where(np.isnan(right), right, left), right, 0.3, 1e-2)
            )
        ),
    ),
    Deviation(
        "layers.SpectralNormalization",
        "value.*",
        "of whole numbers Keras gives whole numbers",
        all_of(of_whole_numbers, agreeing(lambda left, right: (np.trunc(left) == right).all())),
    ),
    Deviation("ops.psnr", "value.*", "on TensorFlow Keras takes a mean of whole numbers as one", all_of(on_tensorflow, of_whole_numbers)),
    Deviation(
        "(ops|activations).relu6",
        "value.*",
        "on JAX Keras gives floats of small whole numbers, against its own symbolic output",
        all_of(on_jax, of_whole_numbers, agreeing(lambda left, right: (left == right).all())),
    ),
    Deviation("ops.ctc_decode", "gradient.*", "symkeras gives the gradient of the scores", keras_has_zeros),
    Deviation("ops.nextafter", "gradient.*", "a step function; TensorFlow passes the gradient on", all_of(on_tensorflow, symkeras_has_zeros)),
    Deviation(
        "layers.RandomSaturation",
        "config.*",
        "of one number symkeras draws from 0 up, as documented; Keras from as much below 0",
        only("factor"),
    ),
    Deviation(
        "ops.image.(sobel_edges|gaussian_blur)", "value.*|gradient.*", "TensorFlow pads otherwise than JAX, which symkeras follows", on_tensorflow
    ),
    Deviation("ops.image.hsv_to_rgb", "gradient.*", "TensorFlow gives zeros", all_of(on_tensorflow, keras_has_zeros)),
    Deviation("ops.istft", "value.*|gradient.*", "TensorFlow sums the window otherwise at the ends than JAX, which symkeras follows", on_tensorflow),
    Deviation(
        "ops.eigh",
        "gradient.*",
        "TensorFlow reads the lower triangle alone",
        all_of(on_tensorflow, agreeing(lambda left, right: similar(left + left.swapaxes(-1, -2), right + right.swapaxes(-1, -2)))),
    ),
    Deviation("ops.argpartition", "value.*|gradient.*", "on TensorFlow Keras' parts are not those of the place", on_tensorflow),
    Deviation(
        "ops.lu_factor",
        "value 1",
        "TensorFlow gives a permutation, JAX exchanges one after the other, as LAPACK",
        all_of(on_tensorflow, agreeing(_one_permutation)),
    ),
    Deviation(
        "ops.segment_(max|min)",
        "value.*",
        "of nothing: infinity, as on JAX; TensorFlow gives the greatest number there is",
        all_of(on_tensorflow, agreeing(_infinite_at_the_greatest)),
    ),
    Deviation(
        "(ops.image.resize|layers.Resizing|layers.UpSampling2D)",
        "value.*|gradient.*",
        "TensorFlow's bicubic weights are rounded to a table",
        all_of(on_tensorflow, given(interpolation="bicubic"), _near(0.02)),
    ),
    Deviation(
        "ops.image.(affine|perspective)_transform",
        "gradient.*",
        "TensorFlow's gradient is that of a transform back, without one of the transform",
        on_tensorflow,
    ),
    Deviation(
        "ops.image.affine_transform",
        "gradient of input 1",
        "JAX leaves out the projective part, which TensorFlow and symkeras divide by",
        agreeing(lambda left, right: similar(left[..., :6], right[..., :6])),
    ),
    Deviation(
        "ops.(depth_to_space|space_to_depth)",
        "value.*|gradient.*",
        "channels first, TensorFlow lays blocks before channels, JAX and symkeras channels before blocks",
        all_of(on_tensorflow, given(data_format="channels_first")),
    ),
    Deviation("ops.unravel_index", "value.*", "on TensorFlow Keras divides by the wrong sizes", on_tensorflow),
    Deviation(
        "layers.RMSNormalization",
        "value.*|gradient.*|output shape",
        "Keras lays the scale along the last axis, whatever `axis` says",
        lambda case, d: case.subject.arguments.get("axis", -1) not in (-1, case.inputs[0].value.ndim - 1),
    ),
    Deviation("layers.SimpleRNN", "config.*", "Keras' config lacks seed and activity_regularizer", lacking("seed", "activity_regularizer")),
    Deviation(
        "layers.SimpleRNN",
        "value.*|gradient.*",
        "Keras' SimpleRNN forgets its activity_regularizer",
        lambda case, d: case.subject.arguments.get("activity_regularizer") is not None and (d.label.startswith("gradient") or not np.shape(d.left)),
    ),
    Deviation(
        "layers.SeparableConv(olution)?1D",
        "value.*|gradient.*",
        "on TensorFlow Keras adds the bias along the last axis where that is as long",
        all_of(
            on_tensorflow,
            given(data_format="channels_first"),
            lambda case, d: d.label.startswith("gradient") or (d.left.ndim == 3 and d.left.shape[1] == d.left.shape[2]),
        ),
    ),
    Deviation(
        "layers.Conv(olution)?3DTranspose",
        "gradient of input 0",
        "TensorFlow's gradient is another one where a stride is longer than the kernel",
        all_of(on_tensorflow, lambda case, d: np.size(case.subject.arguments.get("strides", 1)) > 1),
    ),
    Deviation(
        "losses.*",
        "value.*|gradient.*",
        "weights (B,) of losses (B, T) count per sample; Keras lays them along the last axis where B is T",
        lambda case, d: (
            case.inputs[1].value.ndim > 2
            and 1 < case.inputs[1].value.shape[0] == case.inputs[1].value.shape[1]
            and "sample_weight" in case.keywords
            and case.keywords["sample_weight"].value.ndim == 1
        ),
    ),
    Deviation(
        "losses.CategoricalGeneralizedCrossEntropy",
        "value.*|gradient.*",
        "of labels (B, 1) Keras takes each with each prediction",
        lambda case, d: case.inputs[0].value.ndim == case.inputs[1].value.ndim,
    ),
    Deviation(
        "(losses|metrics).(KLDivergence|kl_divergence)",
        "gradient of input 0",
        "at an end of a clip JAX gives half of the gradient, TensorFlow and symkeras the whole one",
        all_of(on_jax, agreeing(_halved_where_it_differs)),
    ),
    Deviation("ops.*", "raises", "compiled: the shape or the Python value depends on numbers", lambda case, d: "symbolic" in d.found.lower()),
)
"""What differs on purpose; docs/keras.md has what of it users see."""


def reason(case: Case, difference: Difference) -> str | None:
    """Why a difference is none of ours; None where it is."""
    for row in DEVIATIONS:
        if re.fullmatch(row.path, case.path) and re.fullmatch(row.label, difference.label) and row.holds(case, difference):
            return row.why
    return None
