"""Ensembles of decision trees of `ai.onnx.ml`: all trees go down together, one level at a time, and their leaves are rows of a table that trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import ops
from symkeras.layers.embedding import Embedding
from symkeras.models.onnx_files.classical import chosen, label_count, labels_of, numbers, require_plain, rows, transformed, word
from symkeras.models.onnx_files.operators import Reader

if TYPE_CHECKING:
    from symkeras.models.onnx_files.building import Call

_TESTS = {
    "BRANCH_LEQ": ops.less_equal, "BRANCH_LT": ops.less, "BRANCH_GTE": ops.greater_equal, "BRANCH_GT": ops.greater, "BRANCH_EQ": ops.equal,
    "BRANCH_NEQ": ops.not_equal,
}  # fmt: skip
MOST_LEVELS = 256


class _Trees:
    """The nodes of all trees, one after the other.

    Attributes:
        place: where the node of a tree stands, by both numbers.
        leaf: the row of each node among the leaves; 0 for nodes that are none.
        roots: where the trees begin.
        levels: how many tests lie above the deepest leaf.
    """

    def __init__(self, c: Call):
        self.call = c
        trees, nodes = c.needed("nodes_treeids"), c.needed("nodes_nodeids")
        self.modes = c.needed("nodes_modes")
        self.place = {key: k for k, key in enumerate(zip(trees, nodes, strict=True))}
        count = len(self.modes)
        c.require(0 < count == len(self.place) == len(trees), "its lists of nodes do not fit each other")
        self.features, self.values = np.array(c.needed("nodes_featureids"), np.int32), numbers(c, "nodes_values")
        follows = numbers(c, "nodes_missing_value_tracks_true", np.int64).astype(bool)
        self.takes_nan = follows if follows.size else np.zeros(count, bool)
        c.require(self.features.size == self.values.size == self.takes_nan.size == count, "its lists of nodes do not fit each other")
        is_leaf = np.array([m == "LEAF" for m in self.modes])
        c.require(set(self.modes) <= {*_TESTS, "LEAF"}, "a mode of its nodes is not covered")
        self.leaf = np.where(is_leaf, np.cumsum(is_leaf) - 1, 0).astype(np.int32)
        self.leaves = int(is_leaf.sum())
        self.sides = [self._children(trees, c.needed(f"nodes_{side}nodeids"), is_leaf) for side in ("true", "false")]
        self._look_through(is_leaf)

    def _children(self, trees: list[int], nodes: list[int], is_leaf: np.ndarray) -> np.ndarray:
        """Where the children on one side stand; a leaf is its own."""
        found = [k if leaf else self.place.get((t, n), -1) for k, (t, n, leaf) in enumerate(zip(trees, nodes, is_leaf, strict=True))]
        self.call.require(min(found) >= 0, "a child of its nodes is not there")
        return np.array(found, np.int32)

    def _look_through(self, is_leaf: np.ndarray) -> None:
        """Find roots and levels; every node must be under one root, once."""
        inner = np.flatnonzero(~is_leaf)
        parents = np.bincount(np.concatenate([side[inner] for side in self.sides]), minlength=is_leaf.size)
        self.roots = np.flatnonzero(parents == 0).astype(np.int32)
        level, seen, self.levels = self.roots, self.roots.size, 0
        while (inside := level[~is_leaf[level]]).size:
            level = np.concatenate([side[inside] for side in self.sides])
            seen += level.size
            self.levels += 1
            self.call.require(seen <= is_leaf.size and self.levels <= MOST_LEVELS, f"its nodes are no trees of at most {MOST_LEVELS} levels")
        self.call.require(seen == is_leaf.size, "its nodes are no trees")

    def reached(self, x: Any) -> Any:
        """The leaves (B, trees) that rows of features (B, I) come to."""
        x = ops.stop_gradient(x)
        self.call.require(self.features.min() >= 0 and self.features.max() < x.shape[-1], "it tests a feature that its input does not have")
        kinds = sorted(set(self.modes) - {"LEAF"})
        kind_of = np.array([kinds.index(m) if m in kinds else 0 for m in self.modes], np.int32)
        at = ops.broadcast_to(self.roots, (x.dims[0], len(self.roots)))
        for _ in range(self.levels):
            value = ops.take_along_axis(x, ops.take(self.features, at, 0), 1)
            bound = ops.take(self.values.astype(x.dtype), at, 0)
            holds = _TESTS[kinds[0]](value, bound)
            for k, other in enumerate(kinds[1:], 1):
                holds = ops.where(ops.equal(ops.take(kind_of, at, 0), k), _TESTS[other](value, bound), holds)
            if self.takes_nan.any():
                holds = ops.logical_or(holds, ops.logical_and(ops.isnan(value), ops.take(self.takes_nan, at, 0)))
            at = ops.where(holds, ops.take(self.sides[0], at, 0), ops.take(self.sides[1], at, 0))
        return ops.take(self.leaf, at, 0)

    def scores(self, what: str, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """What leaves are worth (leaves, columns), and which column each of the weights that are given is of."""
        c = self.call
        keys = list(zip(c.needed(f"{what}_treeids"), c.needed(f"{what}_nodeids"), strict=True))
        column, weight = np.array(c.needed(f"{what}_ids")), numbers(c, f"{what}_weights")
        c.require(len(keys) == column.size == weight.size > 0, "its lists of leaves do not fit each other")
        c.require(all(key in self.place for key in keys), "a leaf that it weighs is not there")
        places = np.array([self.place[key] for key in keys])
        is_fit = all(self.modes[p] == "LEAF" for p in places) and column.min() >= 0 and column.max() < columns
        c.require(bool(is_fit), "what it weighs is no leaf, or no class or target that it has")
        table = np.zeros((self.leaves, columns), np.float32)
        np.add.at(table, (self.leaf[places], column), weight.astype(np.float32))
        return table, column

    def of_each(self, x: Any, table: np.ndarray) -> Any:
        """(B, trees, columns): what the leaf that a row reaches in each tree is worth."""
        c = self.call
        return c.layer(Embedding(*table.shape, name=c.name(), dtype="float32"), self.reached(x), [table])


def _with_base(c: Call, scores: Any) -> Any:
    base = numbers(c, "base_values").astype(np.float32)
    c.require(base.size in (0, 1, scores.shape[-1]), f"{base.size} base values do not fit {scores.shape[-1]} scores")
    return scores + base if base.size else scores


def _regressor(c: Call) -> Any:
    x, trees, targets = rows(c), _Trees(c), c.needed("n_targets")
    require_plain(c)
    joined = {"SUM": ops.sum, "AVERAGE": lambda x, axis: ops.sum(x, axis=axis) / len(trees.roots), "MIN": ops.min, "MAX": ops.max}
    how = word(c, "aggregate_function", "SUM")
    c.require(how in joined, f"aggregate_function {how!r} is not covered")
    table, _ = trees.scores("target", targets)
    return _with_base(c, joined[how](trees.of_each(x, table), axis=1))


def _classifier(c: Call) -> tuple[Any, Any]:
    x, trees, count = rows(c), _Trees(c), label_count(c, "classlabels_int64s")
    c.require(count > 0, "it has no labels")
    labels = labels_of(c, "classlabels_int64s")
    table, column = trees.scores("class", count)
    if count != 2 or len(set(column)) > 1:
        scores = _with_base(c, ops.sum(trees.of_each(x, table), axis=1))
        return chosen(labels, ops.argmax(scores, axis=-1)), transformed(c, scores)
    only = column[:1]  # scores of one class of two: probabilities where none is below 0, else what is summed before a sigmoid
    score = _with_base(c, ops.sum(trees.of_each(x, table[:, only]), axis=1))
    if numbers(c, "class_weights").min() >= 0:
        is_second, both = score > 0.5, ops.concatenate([1 - score, score], -1)
    else:
        is_second, both = score > 0, ops.concatenate([-score, score], -1)
        both = ops.sigmoid(both) if word(c, "post_transform", "NONE") == "LOGISTIC" else both
    return chosen(labels, ops.cast(is_second[:, 0], "int32")), both


TABLE: dict[str, Reader] = {"ai.onnx.ml::TreeEnsembleRegressor": _regressor, "ai.onnx.ml::TreeEnsembleClassifier": _classifier}
