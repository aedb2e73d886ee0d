"""The logits behind a probability.

A cross-entropy of sigmoid(x) or softmax(x) is computed from x where x can be seen in the graph: the probability may round
to 0 or 1, x does not. Keras on TensorFlow does the same. Arrays have no past: there probabilities are clipped.
"""

from __future__ import annotations

import warnings
from typing import Any

from symkeras import ops
from symkeras.graph.tensor import Tensor

_TRANSPARENT = ("boundary", "stop_gradient")


def logits_behind(y_pred: Any, activation: str) -> Any:
    """`x` where `y_pred` is the node activation(x), for softmax along the last axis; else None."""
    if not isinstance(y_pred, Tensor):
        return None
    node, is_constant = y_pred.node, False
    while node.op.name in _TRANSPARENT:
        is_constant = is_constant or node.op.name == "stop_gradient"
        node = node.inputs[0]
    if node.op.name != activation:
        return None
    if activation == "softmax" and node.attrs["axis"] not in (-1, node.ndim - 1):
        return None
    logits = ops.cast(Tensor(node.inputs[0]), y_pred.dtype)
    return ops.stop_gradient(logits) if is_constant else logits


def as_logits(y_pred: Any, from_logits: bool, activation: str, loss: str) -> Any:
    """The logits of `y_pred`, or None where it holds probabilities whose logits are not known."""
    logits = logits_behind(y_pred, activation)
    if logits is None:
        return y_pred if from_logits else None
    if from_logits:
        warnings.warn(
            f"{loss} has from_logits=True, but its predictions come from a {activation}: they are probabilities. "
            f"The input of the {activation} is used."
        )
    return logits
