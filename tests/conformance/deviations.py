"""Differences that are meant, or Keras' own mistakes: these are not counted against us. Each row says why."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.compare import Difference
from tests.conformance.kinds.kind import Case


@dataclass(frozen=True)
class Deviation:
    """Names and labels, as patterns, and what else has to hold of a case."""

    path: str
    label: str
    why: str
    holds: Callable[[Case, Difference], bool] = lambda case, difference: True


def _is_on_tensorflow(case: Case, difference: Difference) -> bool:
    return os.environ.get("KERAS_BACKEND") == "tensorflow"


DEVIATIONS = (
    Deviation("(losses|metrics).CosineSimilarity", "config.*", "Keras' config lacks the axis, so that what it reads back has another one"),
    Deviation("losses.Huber", "config.*", "Keras' config lacks delta"),
    Deviation("initializers.Identity(Initializer)?", "config.*", "Keras' config lacks the gain"),
    Deviation(
        "layers.*",
        "config.*",
        "Keras' config lacks the seed, or has one that was drawn",
        lambda case, d: all("seed=" in p for p in f"{d.found}, {d.expected}".replace("(nothing more)", "seed=").split(", ")),
    ),
    Deviation("layers.*", "built", "Keras says nothing of layers that are built when made"),
    Deviation("layers.*", "config.*", "as above", lambda case, d: d.found == "build_config={}" and d.expected == "(nothing more)"),
    Deviation("(activations|ops).sparsemax", "value.*|gradient.*", "Keras' does not sum to 1"),
    Deviation("optimizers.(Adafactor|Nadam)", "weights", "Keras calls several slots by one name, and u_product `variable`"),
    Deviation(
        "optimizers.ScheduleFreeAdamW",
        "variable.*",
        "on TensorFlow Keras reads the iterate from before the step after it has changed it",
        _is_on_tensorflow,
    ),
    Deviation(
        "(layers.AdaptiveMaxPooling.*|ops.adaptive_max_pool)",
        "gradient.*",
        "on TensorFlow Keras takes the greatest of memory that it has not written",
        _is_on_tensorflow,
    ),
    Deviation(
        "layers.RandomCrop",
        "value.*|gradient.*|output shape",
        "in use symkeras gives the size that was asked for, as documented; Keras the image as it is",
    ),
    Deviation(
        "layers.(TextVectorization|StringLookup|IntegerLookup|Hashing)",
        "value.*",
        "vectors of a lookup are of floatx; in Keras of int64",
        lambda case, d: "float32[" in d.found and "int32[" in d.expected,
    ),
    Deviation("layers.EinsumDense", "output shape", "symkeras knows sizes that Keras leaves open", lambda case, d: "None" in d.expected),
    Deviation("layers.MelSpectrogram", "output shape", "Keras computes one step more than its call gives"),
    Deviation("ops.argpartition", "value.*", "symkeras sorts; the order within parts is left open"),
    Deviation("ops.(eigh|qr|svd)", "value.*|gradient.*", "vectors have no sign of their own"),
    Deviation("ops.ctc_decode", "gradient.*", "symkeras gives the gradient of the scores"),
    Deviation("ops.nextafter", "gradient.*", "a step function; TensorFlow passes the gradient on", _is_on_tensorflow),
    Deviation(
        "layers.RandomSaturation",
        "config.*",
        "of one number symkeras draws from 0 up, as documented; Keras from as much below 0",
        lambda case, d: "factor[0]" in d.found,
    ),
    Deviation(
        "ops.image.(sobel_edges|gaussian_blur)", "value.*|gradient.*", "TensorFlow pads otherwise than JAX, which symkeras follows", _is_on_tensorflow
    ),
    Deviation("ops.image.hsv_to_rgb", "gradient.*", "TensorFlow gives zeros", _is_on_tensorflow),
    Deviation(
        "ops.istft", "value.*|gradient.*", "TensorFlow sums the window otherwise at the ends than JAX, which symkeras follows", _is_on_tensorflow
    ),
    Deviation("ops.lu_factor", "value 1", "TensorFlow gives a permutation, JAX exchanges one after the other, as LAPACK", _is_on_tensorflow),
    Deviation(
        "ops.segment_(max|min)", "value.*", "of nothing: infinity, as on JAX; TensorFlow gives the greatest number there is", _is_on_tensorflow
    ),
    Deviation("(ops.image.resize|layers.Resizing)", "value.*|gradient.*", "TensorFlow's bicubic weights are rounded to a table", _is_on_tensorflow),
    Deviation(
        "ops.image.(affine|perspective)_transform",
        "gradient.*",
        "TensorFlow's gradient is that of a transform back, without one of the transform",
        _is_on_tensorflow,
    ),
    Deviation("ops.image.affine_transform", "gradient of input 1", "JAX leaves out the projective part, which TensorFlow and symkeras divide by"),
    Deviation(
        "ops.(depth_to_space|space_to_depth)",
        "value.*|gradient.*",
        "channels first, TensorFlow lays blocks before channels, JAX and symkeras channels before blocks",
        lambda case, d: _is_on_tensorflow(case, d) and case.keywords.get("data_format") == "channels_first",
    ),
    Deviation("ops.unravel_index", "value.*", "on TensorFlow Keras divides by the wrong sizes", _is_on_tensorflow),
    Deviation(
        "layers.RMSNormalization",
        "value.*|gradient.*|output shape",
        "Keras lays the scale along the last axis, whatever `axis` says",
        lambda case, d: case.subject.arguments.get("axis", -1) not in (-1, case.inputs[0].value.ndim - 1),
    ),
    Deviation(
        "layers.SimpleRNN",
        ".*",
        "Keras' SimpleRNN forgets its activity_regularizer",
        lambda case, d: case.subject.arguments.get("activity_regularizer") is not None,
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
