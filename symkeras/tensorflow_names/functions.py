"""The table of TensorFlow's functions: its names and arguments, by operations of symkeras.

They take arrays and symbolic tensors. `tf.math.add` and `tf.add` are one entry; where a name stands under several modules, `PLACES` says so.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import ops, random, tree
from symkeras.errors import ConfigError
from symkeras.ops.op import dtype_of
from symkeras.tensorflow_names.images import FILES, IMAGES, read_file
from symkeras.tensorflow_names.images import seed_of as _seed
from symkeras.tensorflow_names.texts import TEXTS

Function = Callable[..., Any]


def _unary(op: Function) -> Function:
    return lambda x, name=None: op(x)


def _binary(op: Function) -> Function:
    return lambda x, y, name=None: op(x, y)


def _reduction(op: Function) -> Function:
    return lambda input_tensor, axis=None, keepdims=False, name=None: op(input_tensor, axis=axis, keepdims=keepdims)


def _activation(op: Function) -> Function:
    return lambda features, name=None: op(features)


UNARY: dict[str, Function] = {
    "abs": ops.absolute, "square": ops.square, "sqrt": ops.sqrt, "exp": ops.exp, "sign": ops.sign, "floor": ops.floor, "ceil": ops.ceil,
    "round": ops.rint, "negative": ops.negative, "log": ops.log, "log1p": ops.log1p, "expm1": ops.expm1, "rsqrt": ops.rsqrt,
    "reciprocal": ops.reciprocal, "sin": ops.sin, "cos": ops.cos, "tan": ops.tan, "asin": ops.arcsin, "acos": ops.arccos, "atan": ops.arctan,
    "sinh": ops.sinh, "cosh": ops.cosh, "tanh": ops.tanh, "erf": ops.erf, "erfinv": ops.erfinv, "sigmoid": ops.sigmoid,
    "log_sigmoid": ops.log_sigmoid, "softplus": ops.softplus, "is_nan": ops.isnan, "is_inf": ops.isinf, "is_finite": ops.isfinite,
    "logical_not": ops.logical_not, "stop_gradient": ops.stop_gradient, "identity": ops.convert_to_tensor,
}  # fmt: skip
BINARY: dict[str, Function] = {
    "add": ops.add, "subtract": ops.subtract, "multiply": ops.multiply, "divide": ops.divide, "truediv": ops.divide, "pow": ops.power,
    "floordiv": ops.floor_divide, "mod": ops.mod, "floormod": ops.mod, "maximum": ops.maximum, "minimum": ops.minimum, "atan2": ops.arctan2,
    "equal": ops.equal, "not_equal": ops.not_equal, "less": ops.less, "less_equal": ops.less_equal, "greater": ops.greater,
    "greater_equal": ops.greater_equal, "logical_and": ops.logical_and, "logical_or": ops.logical_or, "logical_xor": ops.logical_xor,
}  # fmt: skip
REDUCTIONS: dict[str, Function] = {
    "reduce_sum": ops.sum, "reduce_mean": ops.mean, "reduce_max": ops.max, "reduce_min": ops.min, "reduce_prod": ops.prod,
    "reduce_any": ops.any, "reduce_all": ops.all, "reduce_std": ops.std, "reduce_variance": ops.var, "reduce_logsumexp": ops.logsumexp,
}  # fmt: skip
ACTIVATIONS: dict[str, Function] = {
    "relu": ops.relu, "relu6": ops.relu6, "elu": ops.elu, "selu": ops.selu, "silu": ops.silu, "swish": ops.silu, "softsign": ops.softsign,
}  # fmt: skip


# ---- shapes ----------------------------------------------------------------------------------------------------------


def shape(input: Any, out_type: Any = "int32", name: str | None = None) -> Any:
    """The sizes; those of arrays are numbers, those of symbolic tensors may be dims."""
    return ops.shape(input)


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None) -> Any:
    """The product of matrices, either turned over first."""
    return ops.matmul(_turned(a) if transpose_a else a, _turned(b) if transpose_b else b)


def _turned(x: Any, name: str | None = None) -> Any:
    return ops.swapaxes(x, -1, -2)


def gather(params: Any, indices: Any, validate_indices: Any = None, axis: int | None = None, batch_dims: int = 0, name: str | None = None) -> Any:
    """The slices of `params` along an axis at some places; `batch_dims=1` takes a list of places for each row."""
    if not batch_dims:
        return ops.take(params, indices, axis=0 if axis is None else axis)
    if batch_dims != 1 or axis not in (None, 1) or len(ops.shape(indices)) != 2:
        raise ConfigError("tf.gather with batch_dims takes places of shape (B, K) along axis 1; use symkeras.ops.take_along_axis for more")
    for _ in ops.shape(params)[2:]:
        indices = ops.expand_dims(indices, -1)
    wide = (*ops.shape(indices)[:2], *ops.shape(params)[2:])
    return ops.take_along_axis(params, ops.broadcast_to(indices, wide), axis=1)


def split(value: Any, num_or_size_splits: Any, axis: int = 0, num: Any = None, name: str | None = None) -> list[Any]:
    """So many equal parts, or parts of the sizes given."""
    if isinstance(num_or_size_splits, (int, np.integer)):
        return ops.split(value, int(num_or_size_splits), axis=axis)
    sizes: list[Any] = [int(s) for s in num_or_size_splits]
    if -1 in sizes:
        sizes[sizes.index(-1)] = ops.shape(value)[axis] - sum(s for s in sizes if s >= 0)
    return ops.split(value, [sum(sizes[:k]) for k in builtins.range(1, len(sizes))], axis=axis)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str | None = None) -> list[Any]:
    """The slices along an axis of known size."""
    count = ops.shape(value)[axis] if num is None else num
    return [ops.squeeze(part, axis) for part in ops.split(value, count, axis=axis)]


def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Any:
    """With borders; `paddings` is a pair of widths for each axis."""
    widths = [tuple(int(w) for w in pair) for pair in paddings]
    return ops.pad(tensor, widths, mode=mode.lower(), constant_values=constant_values if mode.lower() == "constant" else None)


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None) -> Any:
    """Numbers from `start` (from 0 where there is no `limit`) up to `limit`."""
    return ops.arange(start, limit, delta, dtype) if limit is not None else ops.arange(0, start, delta, dtype)


def fill(dims: Any, value: Any, name: str | None = None) -> Any:
    """A tensor of one value."""
    return ops.broadcast_to(ops.convert_to_tensor(value), dims)


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """Scaled down to a norm where it is larger."""
    norm = ops.sqrt(ops.sum(ops.square(t), axis=axes, keepdims=True))
    return ops.divide(ops.multiply(t, clip_norm), ops.maximum(norm, clip_norm))


def clip_by_global_norm(t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None) -> tuple[list[Any], Any]:
    """Several tensors scaled by one factor, so that their norm together is at most `clip_norm`; and that norm."""
    norm = use_norm if use_norm is not None else ops.sqrt(sum(ops.sum(ops.square(t)) for t in t_list if t is not None))
    return [None if t is None else t * (clip_norm / ops.maximum(norm, clip_norm)) for t in t_list], norm


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """`x` where the condition holds, else `y`; of the condition alone the places where it holds, one row each."""
    return ops.where(condition, x, y) if x is not None else ops.stack(ops.where(condition), axis=-1)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """An array; Python numbers are float32 and int32."""
    found = convert_to_tensor(value, dtype)
    return found if shape is None else ops.broadcast_to(found, shape) if not ops.shape(found) else ops.reshape(found, shape)


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Any:
    """`value` as an array, texts among them, or as it is where it is symbolic."""
    first = next(iter(tree.flatten(value)), None)
    if dtype in (None, "string") and (isinstance(first, (str, bytes)) or (isinstance(first, np.ndarray) and first.dtype.kind in "USO")):
        return np.array(value, object)
    return ops.convert_to_tensor(value, dtype)


# ---- random numbers --------------------------------------------------------------------------------------------------


def uniform(shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", seed: Any = None, name: str | None = None) -> Any:
    """Numbers between two bounds, which whole dtypes need."""
    if str(dtype).startswith(("int", "uint")):
        if maxval is None:
            raise ConfigError("tf.random.uniform of whole numbers needs maxval")
        return random.randint(shape, minval, maxval, dtype, _seed(seed))
    return random.uniform(shape, minval, 1 if maxval is None else maxval, dtype, _seed(seed))


def _draw(fn: Function) -> Function:
    return lambda shape, mean=0.0, stddev=1.0, dtype="float32", seed=None, name=None: fn(shape, mean, stddev, dtype, _seed(seed))


# ---- networks --------------------------------------------------------------------------------------------------------


def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Any:
    """Of each element, from logits."""
    labels = ops.cast(labels, dtype_of(logits))
    return ops.maximum(logits, 0) - logits * labels + ops.log1p(ops.exp(-ops.absolute(logits)))


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """Of each row, from logits and probabilities of classes."""
    return -ops.sum(ops.cast(labels, dtype_of(logits)) * ops.log_softmax(logits, axis=axis), axis=axis)


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """Of each row, from logits and numbers of classes."""
    return -ops.squeeze(ops.take_along_axis(ops.log_softmax(logits, axis=-1), ops.expand_dims(ops.cast(labels, "int32"), -1), axis=-1), -1)


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None) -> Any:
    """Divided by its norm along axes."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon))


def dropout(x: Any, rate: float, noise_shape: Any = None, seed: Any = None, name: str | None = None) -> Any:
    """With a share of the elements set to zero, the others scaled."""
    return random.dropout(x, rate, noise_shape, _seed(seed))


def conv2d(input: Any, filters: Any, strides: Any, padding: str, data_format: str = "NHWC", dilations: Any = None, name: str | None = None) -> Any:
    """A convolution of images (B, H, W, C)."""
    return ops.conv(input, filters, _pair(strides), padding.lower(), _format(data_format), _pair(dilations or 1))


def _pool2d(op: Function) -> Function:
    return lambda input, ksize, strides, padding, data_format="NHWC", name=None: op(
        input, _pair(ksize), _pair(strides), padding.lower(), _format(data_format)
    )


def _pair(sizes: Any) -> Any:
    """Sizes of the two axes of an image, also from a list for all four."""
    sizes = [sizes] if isinstance(sizes, int) else list(sizes)
    return tuple(sizes * 2 if len(sizes) == 1 else sizes[1:3] if len(sizes) == 4 else sizes)


def _format(data_format: str | None) -> str:
    return "channels_first" if data_format == "NCHW" else "channels_last"


# ---- counts ----------------------------------------------------------------------------------------------------------


def bincount(arr: Any, weights: Any = None, minlength: Any = None, maxlength: Any = None, dtype: Any = "int32", name: str | None = None) -> Any:
    """How often each number comes."""
    counts = ops.bincount(arr, weights, 0 if minlength is None else int(minlength))
    return counts if maxlength is None else counts[: int(maxlength)]


def confusion_matrix(labels: Any, predictions: Any, num_classes: int | None = None, weights: Any = None, dtype: Any = "int32",
                     name: str | None = None) -> Any:  # fmt: skip
    """How often each class was taken for each."""
    labels, predictions = np.asarray(labels, "int64"), np.asarray(predictions, "int64")
    count = int(max(labels.max(initial=-1), predictions.max(initial=-1)) + 1) if num_classes is None else num_classes
    matrix = np.zeros((count, count))
    np.add.at(matrix, (labels, predictions), 1 if weights is None else np.asarray(weights))
    return matrix.astype(str(dtype))


def unsorted_segment_mean(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The mean of the rows of each segment; 0 of none."""
    total = ops.segment_sum(data, segment_ids, num_segments)
    count = ops.segment_sum(ops.ones_like(ops.cast(segment_ids, dtype_of(data))), segment_ids, num_segments)
    return total / ops.reshape(ops.maximum(count, 1), (-1, *[1] * (len(ops.shape(data)) - 1)))


def gamma(shape: Any, alpha: Any, beta: Any = None, dtype: Any = "float32", seed: Any = None, name: str | None = None) -> Any:
    """Draws of the gamma distribution: `shape` for each `alpha`."""
    drawn = random.gamma((*tuple(int(s) for s in np.ravel(shape)), *ops.shape(alpha)), alpha, dtype, _seed(seed))
    return drawn if beta is None else drawn / beta


FUNCTIONS: dict[str, Function] = {
    **{name: _unary(op) for name, op in UNARY.items()}, **{name: _binary(op) for name, op in BINARY.items()},
    **{name: _reduction(op) for name, op in REDUCTIONS.items()}, **{name: _activation(op) for name, op in ACTIVATIONS.items()},
    "shape": shape, "matmul": matmul, "gather": gather, "split": split, "unstack": unstack, "pad": pad, "range": range, "fill": fill,
    "clip_by_norm": clip_by_norm, "clip_by_global_norm": clip_by_global_norm, "where": where, "constant": constant,
    "convert_to_tensor": convert_to_tensor, "l2_normalize": l2_normalize,
    "cast": lambda x, dtype, name=None: ops.cast(x, dtype),
    "reshape": lambda tensor, shape, name=None: ops.reshape(tensor, shape),
    "transpose": lambda a, perm=None, conjugate=False, name=None: ops.transpose(a, perm),
    "concat": lambda values, axis, name=None: ops.concatenate(values, axis),
    "stack": lambda values, axis=0, name=None: ops.stack(values, axis),
    "expand_dims": lambda input, axis, name=None: ops.expand_dims(input, axis),
    "squeeze": lambda input, axis=None, name=None: ops.squeeze(input, axis),
    "tile": lambda input, multiples, name=None: ops.tile(input, multiples),
    "repeat": lambda input, repeats, axis=None, name=None: ops.repeat(input, repeats, axis),
    "reverse": lambda tensor, axis, name=None: ops.flip(tensor, axis),
    "broadcast_to": lambda input, shape, name=None: ops.broadcast_to(input, shape),
    "rank": lambda input, name=None: np.int32(len(ops.shape(input))),
    "size": lambda input, out_type="int32", name=None: ops.cast(ops.size(input), out_type),
    "zeros": lambda shape, dtype="float32", name=None, layout=None: ops.zeros(shape, dtype),
    "ones": lambda shape, dtype="float32", name=None, layout=None: ops.ones(shape, dtype),
    "zeros_like": lambda input, dtype=None, name=None, layout=None: ops.zeros_like(input, dtype),
    "ones_like": lambda input, dtype=None, name=None, layout=None: ops.ones_like(input, dtype),
    "eye": lambda num_rows, num_columns=None, batch_shape=None, dtype="float32", name=None: ops.eye(num_rows, num_columns, dtype=dtype),
    "linspace": lambda start, stop, num, name=None, axis=0: ops.linspace(start, stop, num, axis=axis),
    "one_hot": lambda indices, depth, on_value=1, off_value=0, axis=-1, dtype="float32", name=None: (
        ops.one_hot(indices, depth, axis=axis, dtype=dtype) * (on_value - off_value) + off_value
        if (on_value, off_value) != (1, 0) else ops.one_hot(indices, depth, axis=axis, dtype=dtype)),
    "clip_by_value": lambda t, clip_value_min, clip_value_max, name=None: ops.clip(t, clip_value_min, clip_value_max),
    "argmax": lambda input, axis=0, output_type="int64", name=None: ops.cast(ops.argmax(input, axis), output_type),
    "argmin": lambda input, axis=0, output_type="int64", name=None: ops.cast(ops.argmin(input, axis), output_type),
    "sort": lambda values, axis=-1, direction="ASCENDING", name=None: (
        ops.sort(values, axis) if direction == "ASCENDING" else ops.flip(ops.sort(values, axis), axis)),
    "argsort": lambda values, axis=-1, direction="ASCENDING", stable=False, name=None: (
        ops.argsort(values if direction == "ASCENDING" else ops.negative(values), axis)),
    "cumsum": lambda x, axis=0, name=None: ops.cumsum(x, axis), "cumprod": lambda x, axis=0, name=None: ops.cumprod(x, axis),
    "tensordot": lambda a, b, axes, name=None: ops.tensordot(a, b, axes),
    "einsum": lambda equation, *inputs, **_: ops.einsum(equation, *inputs),
    "norm": lambda tensor, ord="euclidean", axis=None, keepdims=False, name=None: (
        ops.sqrt(ops.sum(ops.square(tensor), axis=axis, keepdims=keepdims)) if ord in ("euclidean", 2) and axis is None
        else ops.norm(tensor, None if ord == "euclidean" else ord, axis, keepdims)),
    "add_n": lambda inputs, name=None: sum(inputs[1:], inputs[0]),
    "squared_difference": lambda x, y, name=None: ops.square(ops.subtract(x, y)),
    "divide_no_nan": lambda x, y, name=None: ops.where(ops.equal(y, 0), 0.0, ops.divide(x, ops.where(ops.equal(y, 0), 1.0, y))),
    "cond": lambda pred, true_fn, false_fn, name=None: ops.cond(pred, true_fn, false_fn),
    "while_loop": lambda cond, body, loop_vars, maximum_iterations=None, name=None, **_: ops.while_loop(cond, body, loop_vars, maximum_iterations),
    "random.normal": _draw(random.normal), "random.truncated_normal": _draw(random.truncated_normal), "random.uniform": uniform,
    "random.shuffle": lambda value, seed=None, name=None: random.shuffle(value, seed=_seed(seed)),
    "random.categorical": lambda logits, num_samples, dtype="int64", seed=None, name=None: (
        random.categorical(logits, num_samples, dtype, _seed(seed))),
    "nn.softmax": lambda logits, axis=-1, name=None: ops.softmax(logits, axis=axis),
    "nn.log_softmax": lambda logits, axis=-1, name=None: ops.log_softmax(logits, axis=axis),
    "nn.leaky_relu": lambda features, alpha=0.2, name=None: ops.leaky_relu(features, negative_slope=alpha),
    "nn.gelu": lambda features, approximate=False, name=None: ops.gelu(features, approximate=approximate),
    "nn.moments": lambda x, axes, shift=None, keepdims=False, name=None: ops.moments(x, axes, keepdims),
    "nn.bias_add": lambda value, bias, data_format=None, name=None: ops.add(value, bias),
    "nn.embedding_lookup": lambda params, ids, max_norm=None, name=None: ops.take(params, ids, axis=0),
    "top_k": lambda input, k=1, sorted=True, name=None: ops.top_k(input, k, sorted),
    "nn.sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy_with_logits,
    "nn.softmax_cross_entropy_with_logits": softmax_cross_entropy_with_logits,
    "nn.sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy_with_logits,
    "nn.dropout": dropout, "nn.conv2d": conv2d, "nn.max_pool2d": _pool2d(ops.max_pool), "nn.avg_pool2d": _pool2d(ops.average_pool),
    "linalg.matrix_transpose": _turned,
    **{f"image.{name}": fn for name, fn in {**IMAGES, **FILES}.items()}, **{f"io.{name}": fn for name, fn in FILES.items()},
    "io.read_file": read_file, **{f"strings.{name}": fn for name, fn in TEXTS.items()},
    "roll": lambda input, shift, axis, name=None: ops.roll(input, shift, axis),
    "slice": lambda input_, begin, size, name=None: input_[tuple(
        builtins.slice(int(b), None if int(n) == -1 else int(b) + int(n)) for b, n in zip(begin, size, strict=True))],
    "random.gamma": gamma, "math.bincount": bincount, "math.confusion_matrix": confusion_matrix,
    "math.unsorted_segment_sum": lambda data, segment_ids, num_segments, name=None: ops.segment_sum(data, segment_ids, num_segments),
    "math.unsorted_segment_max": lambda data, segment_ids, num_segments, name=None: ops.segment_max(data, segment_ids, num_segments),
    "math.unsorted_segment_mean": unsorted_segment_mean,
}  # fmt: skip
"""TensorFlow's name, without `tf.`, to a function with TensorFlow's arguments."""

PLACES: dict[str, tuple[str, ...]] = {
    "math": (*UNARY, *BINARY, *REDUCTIONS, "l2_normalize", "argmax", "argmin", "cumsum", "cumprod", "add_n", "squared_difference", "divide_no_nan",
             "top_k"),
    "nn": (*ACTIVATIONS, "tanh", "sigmoid", "softplus", "log_sigmoid", "l2_normalize", "top_k"),
    "linalg": ("matmul", "norm", "eye", "einsum", "tensordot"),
}  # fmt: skip
"""Modules in which functions of the first level stand, too."""


def by_path() -> dict[str, Function]:
    """Every name in every place."""
    found = dict(FUNCTIONS)
    for place, names in PLACES.items():
        found.update((f"{place}.{name}", FUNCTIONS[name]) for name in names)
    return found
