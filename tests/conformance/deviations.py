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
        r"layers.(RandomGrayscale|SimpleRNN|GRU|LSTM|SimpleRNNCell|GRUCell|LSTMCell|RandomCrop|.*)",
        "config.*",
        "Keras' config lacks the seed, or has one that was drawn",
        lambda case, d: all("seed=" in p for p in f"{d.found}, {d.expected}".replace("(nothing more)", "seed=").split(", ")),
    ),
    Deviation("layers.*", "built", "Keras says nothing of layers that are built when made"),
    Deviation("layers.*", "config.*", "as above", lambda case, d: d.found == "build_config={}" and d.expected == "(nothing more)"),
    Deviation(
        "(activations|ops|ops.nn).sparsemax",
        "value.*|gradient.*",
        "Keras' sums to 1 for matrices alone",
        lambda case, d: case.inputs[0].value.ndim != 2 or case.keywords.get("axis", -1) not in (-1, 1),
    ),
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
    Deviation("layers.MelSpectrogram", "output shape", "Keras computes one step more than its call gives"),
    Deviation("ops.argpartition", "value.*", "symkeras sorts; the order within parts is left open"),
    Deviation("ops.(eigh|qr|svd)", "value.*|gradient.*", "vectors have no sign of their own"),
    Deviation("ops.ctc_decode", "gradient.*", "symkeras gives the gradient of the scores"),
    Deviation("ops.nextafter", "gradient.*", "a step function; TensorFlow passes the gradient on", _is_on_tensorflow),
)
"""What differs on purpose; docs/keras.md has what of it users see."""


def reason(case: Case, difference: Difference) -> str | None:
    """Why a difference is none of ours; None where it is."""
    for row in DEVIATIONS:
        if re.fullmatch(row.path, case.path) and re.fullmatch(row.label, difference.label) and row.holds(case, difference):
            return row.why
    return None
