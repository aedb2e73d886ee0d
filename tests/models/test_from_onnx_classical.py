"""Operators of scikit-learn's models give ONNX Runtime's numbers, train where they have weights, and are refused where they make no sense."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import tree
from symkeras.errors import DataError
from symkeras.models import from_onnx, load_model
from tests.models.test_from_onnx import node, saved

pytest.importorskip("onnx", reason="ONNX files are read by the package onnx")
runtime = pytest.importorskip("onnxruntime", reason="the extra onnx brings both")

ML = "ai.onnx.ml"
X = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")


def ml(kind: str, inputs: str, outputs: str, **attrs: Any) -> Any:
    return node(kind, inputs, outputs, domain=ML, **attrs)


def drawn(*shape: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).normal(size=shape).astype("float32").ravel().tolist()


def forest(levels: int = 3, trees: int = 3, mode: str = "BRANCH_LEQ", **more: Any) -> dict[str, Any]:
    """The nodes of full trees: the children of k are 2k + 1 and 2k + 2."""
    each, rng = 2 ** (levels + 1) - 1, np.random.default_rng(levels)
    inner = 2**levels - 1
    ids = list(range(each))
    return {
        "nodes_treeids": [t for t in range(trees) for _ in ids], "nodes_nodeids": ids * trees,
        "nodes_featureids": rng.integers(0, 4, each * trees).tolist(), "nodes_values": rng.normal(size=each * trees).astype("float32").tolist(),
        "nodes_modes": ([mode] * inner + ["LEAF"] * (each - inner)) * trees,
        "nodes_truenodeids": [2 * k + 1 if k < inner else 0 for k in ids] * trees,
        "nodes_falsenodeids": [2 * k + 2 if k < inner else 0 for k in ids] * trees, **more,
    }  # fmt: skip


def leaves(what: str, levels: int = 3, trees: int = 3, columns: int = 1, low: float = -1.0) -> dict[str, Any]:
    """What the leaves of `forest` are worth, for each column."""
    inner, each = 2**levels - 1, 2 ** (levels + 1) - 1
    found = [(t, n, c) for t in range(trees) for n in range(inner, each) for c in range(columns)]
    weights = np.random.default_rng(1).uniform(low, 1, len(found)).astype("float32") / trees
    named = {"treeids": [t for t, _, _ in found], "nodeids": [n for _, n, _ in found], "ids": [c for _, _, c in found], "weights": weights.tolist()}
    return {f"{what}_{k}": v for k, v in named.items()}


CLASSES, INTS = {"classlabels_int64s": [3, 5, 8]}, {"classlabels_ints": [3, 5, 8]}
SVM = {"kernel_params": [0.3, 0.1, 2.0], "support_vectors": drawn(6, 4)}
NODES: dict[str, Callable[[], list[Any]]] = {
    "linear": lambda: [ml("LinearRegressor", "x", "y", coefficients=drawn(4, 2), intercepts=[0.5, -1.0], targets=2)],
    "linear without intercepts": lambda: [ml("LinearRegressor", "x", "y", coefficients=drawn(4))],
    **{
        f"classifier {post}": lambda post=post: [
            ml("LinearClassifier", "x", "l y", coefficients=drawn(3, 4), intercepts=[0.1, 0.2, 0.3], post_transform=post, **INTS),
        ]
        for post in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO")
    },
    **{f"svr {kind}": lambda kind=kind: [ml("SVMRegressor", "x", "y", n_supports=6, coefficients=drawn(6), rho=[0.3], kernel_type=kind, **SVM)]
       for kind in ("LINEAR", "RBF", "POLY", "SIGMOID")},
    "one class": lambda: [ml("SVMRegressor", "x", "y", n_supports=6, coefficients=drawn(6), rho=[0.3], kernel_type="RBF", one_class=1, **SVM)],
    "svc": lambda: [
        ml("SVMClassifier", "x", "l y", vectors_per_class=[1, 3, 2], coefficients=drawn(2, 6), rho=[0.1, -0.2, 0.3], kernel_type="RBF",
           **SVM, **INTS),
    ],
    **{f"normalizer {norm}": lambda norm=norm: [ml("Normalizer", "x", "y", norm=norm)] for norm in ("MAX", "L1", "L2")},
    "scaler": lambda: [ml("Scaler", "x", "y", offset=drawn(4), scale=[1.0, 2.0, 3.0, 0.5])],
    "imputer": lambda: [
        node("Where", "positive x nan", "h"), ml("Imputer", "h", "y", imputed_value_floats=drawn(4), replaced_value_float=float("nan")),
    ],
    "binarizer": lambda: [ml("Binarizer", "x", "y", threshold=0.25)],
    "extractor": lambda: [ml("ArrayFeatureExtractor", "x at", "y")],
    "one hot": lambda: [node("Round", "x", "r"), node("Cast", "r", "i", to=7), ml("OneHotEncoder", "i", "y", cats_int64s=[-1, 0, 1])],
    "label encoder": lambda: [
        node("Round", "x", "r"), node("Cast", "r", "i", to=7),
        ml("LabelEncoder", "i", "y", keys_int64s=[0, 1], values_floats=[5.0, 7.0], default_float=-2.0),
    ],
    "feature vectorizer": lambda: [node("Neg", "x", "n"), ml("FeatureVectorizer", "x n", "y", inputdimensions=[4, 4])],
    **{f"trees {mode}": lambda mode=mode: [ml("TreeEnsembleRegressor", "x", "y", n_targets=2, **forest(mode=mode), **leaves("target", columns=2))]
       for mode in ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")},
    **{
        f"trees {how}": lambda how=how: [
            ml("TreeEnsembleRegressor", "x", "y", n_targets=1, aggregate_function=how, base_values=[0.5], **forest(), **leaves("target")),
        ]
        for how in ("AVERAGE", "MIN", "MAX")
    },
    "trees of three classes": lambda: [
        ml("TreeEnsembleClassifier", "x", "l y", post_transform="SOFTMAX", base_values=[0.1, 0.2, 0.0], **CLASSES, **forest(),
           **leaves("class", columns=3)),
    ],
    "trees of one of two classes": lambda: [
        ml("TreeEnsembleClassifier", "x", "l y", post_transform="LOGISTIC", classlabels_int64s=[0, 1], base_values=[0.1], **forest(),
           **leaves("class")),
    ],
    "trees of one of two classes, probabilities": lambda: [
        ml("TreeEnsembleClassifier", "x", "l y", classlabels_int64s=[4, 9], **forest(), **leaves("class", low=0.0)),
    ],
    "missing numbers": lambda: [
        node("Where", "positive x nan", "h"),
        ml("TreeEnsembleRegressor", "h", "y", n_targets=1, **forest(nodes_missing_value_tracks_true=[1, 0, 1] * 15), **leaves("target")),
    ],
}  # fmt: skip
CONSTANTS = {"at": np.array([[2, 0, 2]]), "nan": np.array(np.nan, "float32"), "positive": np.array([[True, False, True, True]])}
TRAINED = ("linear", "classifier", "svr", "svc", "trees", "missing numbers")


def built(kind: str, folder: Path) -> tuple[Path, list[str]]:
    nodes = NODES[kind]()
    outputs = [o for o in nodes[-1].output if o]
    read = {i for n in nodes for i in n.input}
    return saved(folder, nodes, {k: v for k, v in CONSTANTS.items() if k in read}, outputs=outputs, domains=[ML]), outputs


@pytest.mark.parametrize("kind", NODES)
def test_it_gives_the_numbers_of_onnx_runtime(kind: str, tmp_path: Path) -> None:
    path, outputs = built(kind, tmp_path)
    expected = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(outputs, {"x": X})
    model = from_onnx(path)
    model.save(tmp_path / "again.keras")
    for m in (model, load_model(tmp_path / "again.keras")):
        for found, e in zip(tree.flatten(m.predict(X, verbose=0)), expected, strict=True):
            np.testing.assert_allclose(found, e, rtol=1e-4, atol=1e-5)
            assert found.shape == e.shape and found.dtype == e.dtype


BY_STEPS = ("MIN", "MAX", "one class")
"""What changes by steps as weights do has no gradient."""


@pytest.mark.parametrize("kind", [k for k in NODES if k.startswith(TRAINED) and not any(word in k for word in BY_STEPS)])
def test_its_weights_train(kind: str, tmp_path: Path) -> None:
    path, outputs = built(kind, tmp_path)
    model = from_onnx(path, outputs=outputs[-1:])
    y = model.predict(X, verbose=0) * 0.5 + 0.1
    model.compile("sgd", "mse")
    losses = model.fit(X, y, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and model.trainable_variables


def test_labels_that_are_texts_are_an_error_only_where_they_are_read(tmp_path: Path) -> None:
    nodes = [
        ml("LinearClassifier", "x", "label scores", coefficients=drawn(2, 4), intercepts=[0.1, 0.2], classlabels_strings=["no", "yes"]),
        node("Softmax", "scores", "y"),
    ]  # fmt: skip
    path = saved(tmp_path, nodes, outputs=("label", "y"), domains=[ML])
    with pytest.raises(DataError, match=r"'label': its labels are texts.*outputs="):
        from_onnx(path)
    assert from_onnx(path, outputs=["y"]).predict(X, verbose=0).shape == (7, 2)


def broken(**changes: Any) -> list[Any]:
    return [ml("TreeEnsembleRegressor", "x", "y", n_targets=1, **{**forest(levels=1, trees=1), **leaves("target", 1, 1), **changes})]


@pytest.mark.parametrize(("nodes", "reason"), [
    (broken(nodes_truenodeids=[0, 0, 0]), "no trees"), (broken(nodes_truenodeids=[2, 0, 0]), "no trees"),
    (broken(nodes_truenodeids=[7, 0, 0]), "is not there"), (broken(nodes_featureids=[4, 0, 0]), "does not have"),
    (broken(nodes_featureids=[-1, 0, 0]), "does not have"), (broken(nodes_modes=["BRANCH_ODD", "LEAF", "LEAF"]), "not covered"),
    (broken(target_nodeids=[1, 5]), "is not there"), (broken(target_nodeids=[1, 0]), "no leaf"), (broken(target_ids=[0, 3]), "no leaf"),
    (broken(nodes_values=[1.0]), "do not fit"), (broken(target_weights=[1.0]), "do not fit"), (broken(nodes_nodeids=[0, 1, 1]), "do not fit"),
    ([ml("LinearRegressor", "x", "y", coefficients=drawn(5))], "LinearRegressor"),
    ([ml("LinearClassifier", "x", "l y", coefficients=drawn(4), intercepts=[0.1], classlabels_ints=[0, 1])], "one score for two labels"),
    ([ml("SVMClassifier", "x", "l y", vectors_per_class=[3, 2], coefficients=drawn(6), rho=[0.1], **SVM, classlabels_ints=[0, 1])], "do not fit"),
    ([ml("LinearRegressor", "x", "y", coefficients=drawn(4), post_transform="LOGISTIC")], "post_transform"),
    ([ml("Normalizer", "x", "y", norm="L7")], "norm is not covered"), ([ml("OneHotEncoder", "x", "y", cats_strings=["a"])], "texts"),
], ids=str)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_a_reason(nodes: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=reason):
        from_onnx(saved(tmp_path, nodes, domains=[ML]))
