"""Composites that ONNX has whole; in other forms they are written by their decomposition."""

from __future__ import annotations

from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph.node import Node

_SINGLE = ("Elu", "LeakyRelu", "Selu", "Softplus")
"""Operators with numbers among their attributes, which are in single precision, or whose kernel in double loses digits."""


def _of_floats(kind: str, **names: str) -> Expression:
    """An operator of one floating tensor, with attributes of other names."""

    def write(w: Writer, n: Node, x: Term) -> Term:
        if x.dtype != n.dtype or (x.dtype == "float64" and kind in _SINGLE):
            return w.decomposed(n, (x,))
        return w.op(kind, x, **{theirs: n.attrs[ours] for ours, theirs in names.items()})

    return write


def _relu(w: Writer, n: Node, x: Term) -> Term:
    return w.op("Relu", x) if x.dtype in ("float16", "float32", "float64") else w.decomposed(n, (x,))


def _normalized(kind: str) -> Expression:
    def write(w: Writer, n: Node, x: Term) -> Term:
        if x.dtype != n.dtype or not n.ndim:
            return w.decomposed(n, (x,))
        return w.op(kind, x, axis=n.attrs["axis"])

    return write


def _layer_normalization(w: Writer, n: Node, *inputs: Term) -> Term:
    (x, gamma, beta), axes = n.inputs, n.attrs["axes"]
    is_last = axes == tuple(range(x.ndim - len(axes), x.ndim)) and gamma.shape == beta.shape == x.shape[x.ndim - len(axes) :]
    is_one_dtype = gamma.dtype == beta.dtype == x.dtype
    if not is_last or not axes or 0 in x.shape or not is_one_dtype or x.dtype == "float64":  # epsilon is in single precision
        return w.decomposed(n, inputs)
    return w.op("LayerNormalization", *inputs, axis=axes[0], epsilon=n.attrs["epsilon"])


TABLE: dict[str, Expression] = {
    "relu": _relu, "sigmoid": _of_floats("Sigmoid"), "softplus": _of_floats("Softplus"),
    "elu": _of_floats("Elu", alpha="alpha"), "leaky_relu": _of_floats("LeakyRelu", negative_slope="alpha"), "selu": _of_floats("Selu"),
    "softmax": _normalized("Softmax"), "log_softmax": _normalized("LogSoftmax"), "layer_normalization": _layer_normalization,
}  # fmt: skip
