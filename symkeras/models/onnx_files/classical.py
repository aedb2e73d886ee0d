"""Operators of `ai.onnx.ml`, in which scikit-learn's models are written: linear models, support vectors, scaling and codes of features.

Coefficients become the weights of `Dense` layers, which train; what a scaler or an encoder has learned stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import ops
from symkeras.graph import dtypes
from symkeras.graph.tensor import Tensor
from symkeras.layers.dense import Dense
from symkeras.models.onnx_files.operators import Reader

if TYPE_CHECKING:
    from symkeras.models.onnx_files.building import Call

TEXTS = "its labels are texts, which no tensor holds: leave them out, from_onnx(path, outputs=[...])"


class Refusal:
    """Stands for a result that is not covered: an error where something reads it, and none where nothing does."""

    def __init__(self, why: str):
        self.why = why


def word(c: Call, name: str, otherwise: str) -> str:
    """An attribute that is a word; some writers give it as a list of its characters."""
    value = c.attribute(name, otherwise)
    return value if isinstance(value, str) else bytes(value).decode("ascii", "replace")


def numbers(c: Call, name: str, dtype: Any = np.float32) -> np.ndarray:
    """An attribute that is a vector, empty where it is left out; also in the form for double precision."""
    value = c.attribute(f"{name}_as_tensor")
    return np.array(c.attribute(name, []) if value is None else value, dtype if value is None else None).reshape(-1)


def as_floats(x: Any) -> Any:
    """What the operators compute with: floats as they are, and integers and booleans in float32."""
    return x if dtypes.is_float(ops.op.dtype_of(x)) else ops.cast(x, "float32")


def labels_of(c: Call, ints: str) -> np.ndarray | Refusal:
    """The labels of a classifier."""
    if c.attribute("classlabels_strings"):
        return Refusal(TEXTS)
    return np.array(c.attribute(ints, []), np.int64)


def label_count(c: Call, ints: str) -> int:
    return len(c.attribute("classlabels_strings") or c.attribute(ints, []))


def chosen(labels: np.ndarray | Refusal, place: Any) -> Any:
    """The labels at places (B) of int32."""
    return labels if isinstance(labels, Refusal) else ops.take(labels, place, 0)


def transformed(c: Call, scores: Any) -> Any:
    """Scores by `post_transform`."""
    name = word(c, "post_transform", "NONE")
    functions = {"NONE": lambda x: x, "LOGISTIC": ops.sigmoid, "SOFTMAX": lambda x: ops.softmax(x, axis=-1), "SOFTMAX_ZERO": _softmax_of_others}
    c.require(name in functions, f"post_transform {name!r} is not covered")
    return functions[name](scores)


def require_plain(c: Call) -> None:
    """Refuse a `post_transform` of a regressor, which ONNX Runtime leaves out."""
    c.require(word(c, "post_transform", "NONE") == "NONE", "a post_transform is not covered")


def _softmax_of_others(x: Any) -> Any:
    """Softmax over what is not 0, which stays 0."""
    is_zero = ops.equal(x, 0)
    powers = ops.where(is_zero, 0, ops.exp(x - ops.max(x, axis=-1, keepdims=True)))
    return powers / ops.maximum(ops.sum(powers, axis=-1, keepdims=True), np.finfo(np.float32).tiny)


def rows(c: Call) -> Any:
    """The input, which must be a tensor with features along its last axis."""
    x = c.tensor()
    c.require(isinstance(x, Tensor) and x.ndim == 2, "it reads no input of the model with rows of features")
    return as_floats(x)


def dense(c: Call, x: Any, kernel: np.ndarray, bias: np.ndarray | None) -> Any:
    layer = Dense(kernel.shape[1], use_bias=bias is not None, name=c.name(), dtype="float32")
    return c.layer(layer, x, [kernel.astype(np.float32), *([] if bias is None else [bias.astype(np.float32)])])


def _linear_scores(c: Call, count: int) -> Any:
    x, coefficients, intercepts = rows(c), numbers(c, "coefficients"), numbers(c, "intercepts")
    c.require(count >= 1 and coefficients.size % count == 0, f"{coefficients.size} coefficients do not fit {count} results")
    c.require(intercepts.size in (0, count), f"{intercepts.size} intercepts do not fit {count} results")
    return dense(c, x, coefficients.reshape(count, -1).T, intercepts if intercepts.size else None)


def _linear_regressor(c: Call) -> Any:
    require_plain(c)
    return _linear_scores(c, c.attribute("targets", 1))


def _linear_classifier(c: Call) -> tuple[Any, Any]:
    count = label_count(c, "classlabels_ints")
    c.require(count > 1 and numbers(c, "intercepts").size in (0, count), "one score for two labels is not covered")
    scores = _linear_scores(c, count)
    return chosen(labels_of(c, "classlabels_ints"), ops.argmax(scores, axis=-1)), transformed(c, scores)


# ---- support vectors ---------------------------------------------------------------------------------------------------


def _kernels(c: Call, x: Any, vectors: np.ndarray) -> Any:
    """(B, vectors): how much rows are like vectors."""
    kind = word(c, "kernel_type", "LINEAR")
    gamma, coef0, degree = (float(p) for p in (c.attribute("kernel_params") or (0.0, 0.0, 0.0)))
    if kind == "RBF":
        difference = ops.expand_dims(x, 1) - vectors
        return ops.exp(ops.sum(ops.square(difference), axis=-1) * -gamma)
    product = ops.matmul(x, vectors.T)
    forms = {"LINEAR": lambda p: p, "POLY": lambda p: ops.power(p * gamma + coef0, degree), "SIGMOID": lambda p: ops.tanh(p * gamma + coef0)}
    c.require(kind in forms, f"kernel_type {kind!r} is not covered")
    return forms[kind](product)


def _vectors(c: Call, count: int) -> np.ndarray:
    flat = numbers(c, "support_vectors")
    c.require(count >= 1 and flat.size % count == 0 and flat.size > 0, f"{flat.size} numbers of vectors do not fit {count} of them")
    return flat.reshape(count, -1)


def _svm_regressor(c: Call) -> Any:
    x, count, coefficients, rho = rows(c), c.attribute("n_supports", 0), numbers(c, "coefficients"), numbers(c, "rho")
    c.require(count > 0 and coefficients.size == count and rho.size == 1, "a form without support vectors is not covered")
    score = dense(c, _kernels(c, x, _vectors(c, count)), coefficients.reshape(-1, 1), rho)
    require_plain(c)
    return ops.where(ops.greater(score, 0), 1.0, -1.0) if c.attribute("one_class", 0) else score


def _svm_classifier(c: Call) -> tuple[Any, Any]:
    x, sizes = rows(c), c.attribute("vectors_per_class") or []
    n, total = label_count(c, "classlabels_ints"), sum(sizes)
    c.require(n > 1 and len(sizes) == n and min(sizes) >= 0, "a form without support vectors of each class is not covered")
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    rho, coefficients, a, b = (numbers(c, k) for k in ("rho", "coefficients", "prob_a", "prob_b"))
    c.require(rho.size == len(pairs) and coefficients.size == (n - 1) * total, "its coefficients do not fit its vectors")
    c.require(n == 2 or not a.size, "probabilities of more than two classes are not covered")
    c.require(n > 2 or a.size == b.size == 1, "two classes without probabilities are not covered")
    require_plain(c)
    starts, by_rank = np.cumsum([0, *sizes]), coefficients.reshape(n - 1, total)
    kernel = np.zeros((total, len(pairs)), np.float32)
    for k, (i, j) in enumerate(pairs):
        kernel[starts[i] : starts[i + 1], k] = by_rank[j - 1, starts[i] : starts[i + 1]]
        kernel[starts[j] : starts[j + 1], k] = by_rank[i, starts[j] : starts[j + 1]]
    scores = dense(c, _kernels(c, x, _vectors(c, total)), kernel, rho)
    labels = labels_of(c, "classlabels_ints")
    if a.size:
        first = ops.sigmoid(-(scores * a + b))
        both = ops.concatenate([first, 1 - first], -1)
        return chosen(labels, ops.argmax(both, axis=-1)), both
    is_first = ops.cast(ops.greater(scores, 0), "int32")
    wins = [sum(is_first[:, k] if i == m else 1 - is_first[:, k] for k, (i, j) in enumerate(pairs) if m in (i, j)) for m in range(n)]
    return chosen(labels, ops.argmax(ops.stack(wins, -1), axis=-1)), scores


# ---- features ----------------------------------------------------------------------------------------------------------


def _scaler(c: Call) -> Any:
    offset, scale = numbers(c, "offset"), numbers(c, "scale")
    return c.apply(lambda x: (ops.cast(x, "float32") - (offset if offset.size else 0.0)) * (scale if scale.size else 1.0), c.tensor())


def _normalizer(c: Call) -> Any:
    sizes = {
        "MAX": lambda x: ops.max(x, axis=-1, keepdims=True), "L1": lambda x: ops.sum(ops.absolute(x), axis=-1, keepdims=True),
        "L2": lambda x: ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True)),
    }  # fmt: skip
    size_of = sizes.get(word(c, "norm", "MAX"))

    def normalized(x: Any) -> Any:
        c.require(size_of is not None, "its norm is not covered")
        x = ops.cast(x, "float32")
        size = size_of(x)  # type: ignore[misc]
        return x / ops.where(ops.equal(size, 0), 1, size)

    return c.apply(normalized, c.tensor())


def _imputer(c: Call) -> Any:
    is_float = c.attribute("imputed_value_floats") is not None
    value = np.array(c.attribute("imputed_value_floats" if is_float else "imputed_value_int64s", []), np.float32 if is_float else np.int64)
    missing = c.attribute("replaced_value_float", 0.0) if is_float else c.attribute("replaced_value_int64", 0)
    c.require(value.size > 0, "it has no values to put in")

    def filled(x: Any) -> Any:
        is_missing = ops.isnan(x) if missing != missing else ops.equal(x, missing)
        return ops.where(is_missing, value.astype(x.dtype), x)

    return c.apply(filled, c.tensor())


def _binarizer(c: Call) -> Any:
    return c.apply(lambda x: ops.cast(ops.greater(x, np.asarray(c.attribute("threshold", 0.0), x.dtype)), x.dtype), c.tensor())


def _extractor(c: Call) -> Any:
    x, places = c.input(0), c.input(1)
    if isinstance(x, Refusal):
        return x

    def extracted(x: Any, at: Any) -> Any:
        found = ops.take(x, ops.reshape(at, (-1,)), -1)
        return ops.expand_dims(found, 0) if x.ndim == 1 else found

    return c.apply(extracted, c.tensor(0), c.tensor(1) if isinstance(places, Tensor) else places)


def _one_hot(c: Call) -> Any:
    c.require(c.attribute("cats_strings") is None, "codes of texts are not covered")
    c.require(c.attribute("zeros", 1) == 1, "an error where a category is unknown is not covered")
    categories = np.array(c.needed("cats_int64s"), np.int64)
    return c.apply(lambda x: ops.cast(ops.equal(ops.expand_dims(ops.cast(x, "int64"), -1), categories), "float32"), c.tensor())


def _feature_vectorizer(c: Call) -> Any:
    return c.apply(lambda *x: ops.concatenate([ops.cast(v, "float32") for v in x], -1), *(c.tensor(k) for k in range(len(c.inputs))))


_CODES = {"int64s": np.int64, "floats": np.float32}


def _label_encoder(c: Call) -> Any:
    keys = [np.array(v, t) for kind, t in _CODES.items() if (v := c.attribute(f"keys_{kind}")) is not None]
    found = [(np.array(v, t), kind) for kind, t in _CODES.items() if (v := c.attribute(f"values_{kind}")) is not None]
    c.require(len(keys) == len(found) == 1 and keys[0].shape == found[0][0].shape, "codes of texts, or in tensors, are not covered")
    values, kind = found[0]
    otherwise = np.asarray(c.attribute("default_int64", -1) if kind == "int64s" else c.attribute("default_float", 0.0), values.dtype)

    def coded(x: Any) -> Any:
        is_key = ops.equal(ops.expand_dims(x, -1), keys[0])
        return ops.where(ops.any(is_key, axis=-1), ops.take(values, ops.argmax(ops.cast(is_key, "int32"), axis=-1), 0), otherwise)

    return c.apply(coded, c.tensor())


TABLE: dict[str, Reader] = {
    f"ai.onnx.ml::{kind}": reader
    for kind, reader in {
        "LinearRegressor": _linear_regressor, "LinearClassifier": _linear_classifier, "SVMRegressor": _svm_regressor,
        "SVMClassifier": _svm_classifier, "Scaler": _scaler, "Normalizer": _normalizer, "Imputer": _imputer, "Binarizer": _binarizer,
        "ArrayFeatureExtractor": _extractor, "OneHotEncoder": _one_hot, "FeatureVectorizer": _feature_vectorizer, "LabelEncoder": _label_encoder,
    }.items()
}  # fmt: skip
