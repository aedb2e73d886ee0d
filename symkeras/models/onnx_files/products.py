"""ONNX operators with weights: products and normalisations, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import ops
from symkeras.graph import dtypes
from symkeras.graph.tensor import Tensor
from symkeras.layers.activation_layers import PReLU
from symkeras.layers.batch_normalization import BatchNormalization
from symkeras.layers.dense import Dense
from symkeras.layers.normalization import LayerNormalization
from symkeras.layers.with_weight import WithWeight
from symkeras.models.onnx_files.operators import Reader

if TYPE_CHECKING:
    from symkeras.models.onnx_files.building import Call


def _is_constant(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _dense(c: Call, x: Any, kernel: np.ndarray, bias: np.ndarray | None) -> Any:
    layer = Dense(kernel.shape[1], use_bias=bias is not None, name=c.name(), dtype=str(kernel.dtype))
    return c.layer(layer, x, [kernel, *([] if bias is None else [bias])])


def _gemm(c: Call) -> Any:
    a, b, bias = c.input(0), c.input(1), c.input(2)
    alpha, beta = c.attribute("alpha", 1.0), c.attribute("beta", 1.0)
    flip_a, flip_b = bool(c.attribute("transA", 0)), bool(c.attribute("transB", 0))
    is_row = bias is None or (_is_constant(bias) and bias.size in (1, np.shape(b)[0 if flip_b else 1]) and np.shape(bias)[:-1] in ((), (1,)))
    if isinstance(a, Tensor) and _is_constant(b) and not flip_a and is_row:
        kernel = (b.T if flip_b else b) * np.asarray(alpha, b.dtype)
        vector = None if bias is None else np.broadcast_to(bias.reshape(-1) * np.asarray(beta, b.dtype), (kernel.shape[1],))
        return _dense(c, a, kernel, vector)

    def product(a: Any, b: Any, *rest: Any) -> Any:
        y = ops.matmul(ops.transpose(a) if flip_a else a, ops.transpose(b) if flip_b else b) * alpha
        return y + rest[0] * beta if rest else y

    return c.apply(product, *(c.tensor(k) for k in range(3 if bias is not None else 2)))


def _matmul(c: Call) -> Any:
    a, b = c.input(0), c.input(1)
    if isinstance(a, Tensor) and _is_constant(b) and b.ndim == 2:
        bias = _bias_behind(c, b.shape[1])
        return _dense(c, a, b, bias)
    for k in range(2):
        x, other = c.inputs[k], c.inputs[1 - k]
        if _is_constant(x) and c.node.input[k] in c.builder.weights and isinstance(other, Tensor) and dtypes.is_float(other.dtype):
            return c.layer(WithWeight("matmul", x.shape, is_first=k == 0, name=c.name(), dtype=str(x.dtype)), other, [x])
    return c.apply(ops.matmul, c.tensor(0), c.tensor(1))


def _bias_behind(c: Call, units: int) -> np.ndarray | None:
    """The vector that the one reader of a product adds to it: both are one layer, and the sum passes on what it is given."""
    reader = c.builder.only_reader(c.outputs[0])
    if reader is None or reader.op_type != "Add" or reader.domain not in ("", "ai.onnx"):
        return None
    other = [i for i in reader.input if i != c.outputs[0]]
    if len(other) != 1 or other[0] not in c.builder.weights:
        return None
    vector = c.builder.value(other[0])
    if not _is_constant(vector) or vector.shape != (units,):
        return None
    c.builder.taken[reader.output[0]] = c.outputs[0]
    c.weight_names.append(other[0])
    return vector


def _batch_normalization(c: Call) -> Any:
    x = c.tensor()
    c.require(not c.attribute("training_mode", 0), "its training mode is not covered")
    c.require(all(not o for o in c.outputs[1:]), "its further results are not covered")
    weights = [c.constant(k) for k in range(1, 5)]
    c.require(isinstance(x, Tensor) and x.ndim >= 2, "it normalises no tensor with channels")
    options = {"momentum": c.attribute("momentum", 0.9), "epsilon": c.attribute("epsilon", 1e-5)}
    layer = BatchNormalization(axis=1, **options, name=c.name(), dtype=str(weights[0].dtype))
    return c.layer(layer, x, weights)


def _layer_normalization(c: Call) -> Any:
    x, gamma = c.tensor(), c.constant(1)
    beta = c.constant(2) if c.input(2) is not None else None
    c.require(isinstance(x, Tensor), "it reads no input of the model")
    c.require(not any(o in c.builder.readers for o in c.outputs[1:] if o), "its mean and deviation as results are not covered")
    axis = c.attribute("axis", -1) % x.ndim
    axes = list(range(axis, x.ndim))
    c.require(gamma.shape == x.shape[axis:], f"a scale of shape {gamma.shape} for {x.shape} is not covered")
    layer = LayerNormalization(axis=axes, epsilon=c.attribute("epsilon", 1e-5), center=beta is not None, name=c.name(), dtype=str(gamma.dtype))
    return c.layer(layer, x, [gamma, *([] if beta is None else [beta])])


def _prelu(c: Call) -> Any:
    x, slope = c.tensor(), c.input(1)
    if isinstance(x, Tensor) and _is_constant(slope) and slope.ndim <= x.ndim:
        shape = (1,) * (x.ndim - slope.ndim) + slope.shape
        if shape[0] == 1:
            layer = PReLU(shared_axes=[k for k in range(1, x.ndim) if shape[k] == 1], name=c.name(), dtype=str(slope.dtype))
            return c.layer(layer, x, [slope.reshape(shape[1:])])
    return c.apply(lambda x, s: ops.where(ops.less(x, 0), x * s, x), x, c.tensor(1))


def _instance_normalization(c: Call) -> Any:
    epsilon = c.attribute("epsilon", 1e-5)

    def normalized(x: Any) -> Any:
        axes = tuple(range(2, x.ndim))
        centred = x - ops.mean(x, axes, True)
        return centred * ops.rsqrt(ops.mean(ops.square(centred), axes, True) + epsilon)

    x = c.tensor()
    return _scaled(c, c.apply(normalized, x), {1: "multiply", 2: "add"}, (-1, *(1,) * (len(x.shape) - 2)))


def _scaled(c: Call, y: Any, scales: dict[int, str], shape: Any) -> Any:
    """y with the inputs that are vectors, as weights of this shape, multiplied or added."""
    for k, operation in scales.items():
        w = c.constant(k).reshape(shape)
        y = c.layer(WithWeight(operation, w.shape, name=c.name(), dtype=str(w.dtype)), y, [w])
    return y


def _group_normalization(c: Call) -> Any:
    x, groups, epsilon = c.tensor(), c.needed("num_groups"), c.attribute("epsilon", 1e-5)
    c.require(c.opset >= 21, "its form before version 21 is not covered")
    c.require(isinstance(x, Tensor) and isinstance(x.dims[1], int) and groups >= 1 and x.dims[1] % groups == 0, "its groups do not fit its channels")

    def normalized(x: Any) -> Any:
        parts = ops.reshape(x, (x.dims[0], groups, x.dims[1] // groups, *x.dims[2:]))
        axes = tuple(range(2, parts.ndim))
        centred = parts - ops.mean(parts, axes, True)
        return ops.reshape(centred * ops.rsqrt(ops.mean(ops.square(centred), axes, True) + epsilon), x.dims)

    return _scaled(c, c.apply(normalized, x), {1: "multiply", 2: "add"}, (-1, *(1,) * (x.ndim - 2)))


def _rms_normalization(c: Call) -> Any:
    x, scale, epsilon = c.tensor(), c.constant(1), c.attribute("epsilon", 1e-5)
    c.require(isinstance(x, Tensor), "it reads no input of the model")
    axes = tuple(range(c.attribute("axis", -1) % x.ndim, x.ndim))
    y = c.apply(lambda x: x * ops.rsqrt(ops.mean(ops.square(x), axes, True) + epsilon), x)
    return _scaled(c, y, {1: "multiply"}, scale.shape)


TABLE: dict[str, Reader] = {
    "Gemm": _gemm, "MatMul": _matmul, "BatchNormalization": _batch_normalization, "LayerNormalization": _layer_normalization, "PRelu": _prelu,
    "InstanceNormalization": _instance_normalization, "GroupNormalization": _group_normalization, "RMSNormalization": _rms_normalization,
}  # fmt: skip
