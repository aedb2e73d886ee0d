"""Indices that inputs alone decide are looked at before an engine runs; the others by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.engine.walk import Functions, Walk
from symkeras.graph.graph import Graph
from symkeras.ops.leaves import placeholder


class Names(Functions):
    """Functions that are never called."""

    plain = dict.fromkeys(("gather", "transpose", "reshape", "cast", "where", "less", "add", "multiply", "argmax", "slice", "broadcast_to"), max)

    def constant(self, array: Any) -> Any:
        return array


def walk_of(indices: Any, inputs: list[Any], table: Any) -> Walk:
    found = ops.take(table, indices, axis=0)
    return Walk(Graph([i.node for i in inputs], [found.node], (), "rows"), Names(), {}, looks_first=True)


@pytest.fixture
def table() -> Any:
    return placeholder("f32[5, 2]", "table")


@pytest.fixture
def words() -> Any:
    return placeholder("i32[2, 3]", "words")


KEPT = {
    "as they are": lambda w: w,
    "transposed and reshaped": lambda w: ops.reshape(ops.transpose(w), (6,)),
    "through floats": lambda w: ops.cast(ops.cast(w, "float32"), "int32"),
    "by a choice": lambda w: ops.where(ops.less(w, 0), 0, w),
    "a part": lambda w: w[:, 1:],
    "moved": lambda w: ops.add(w, 1),
}


@pytest.mark.parametrize("how", KEPT)
def test_what_inputs_decide_is_looked_at_first(how: str, table: Any, words: Any) -> None:
    walk = walk_of(KEPT[how](words), [table, words], table)
    assert walk.checks == []
    rows, good = np.zeros((5, 2), "float32"), np.array([[0, 1, 2], [3, 0, 3]], "int32")
    walk.first([rows, good])
    with pytest.raises(IndexError, match="index 7 is out of range for an axis of size 5"):
        walk.first([rows, np.where(good == 2, 7 - (how == "moved"), good).astype("int32")])


def test_what_is_not_read_may_be_anything(table: Any, words: Any) -> None:
    walk = walk_of(words[:, 1:], [table, words], table)
    walk.first([np.zeros((5, 2), "float32"), np.array([[99, 1, 2], [99, 0, 3]], "int32")])


def test_what_is_computed_from_more_than_single_elements_is_left_to_the_engine(table: Any, words: Any) -> None:
    scores = placeholder("f32[4, 5]", "scores")
    assert len(walk_of(ops.argmax(scores, axis=1), [table, scores], table).checks) == 1


def test_arithmetic_of_floats_is_left_to_the_engine_which_rounds_in_its_own_way(table: Any) -> None:
    places = placeholder("f32[6]", "places")
    assert len(walk_of(ops.cast(places * 4.9, "int32"), [table, places], table).checks) == 1
    assert walk_of(ops.cast(places, "int32"), [table, places], table).checks == []


def test_what_grows_large_is_left_to_the_engine(table: Any, words: Any) -> None:
    many = ops.add(ops.broadcast_to(ops.reshape(words, (6, 1)), (6, 1 << 20)), np.arange(1 << 20, dtype="int32"))
    assert len(walk_of(many, [table, words], table).checks) == 1


def test_a_walk_that_nobody_looks_before_has_all_checks(table: Any, words: Any) -> None:
    found = ops.take(table, words, axis=0)
    assert len(Walk(Graph([table.node, words.node], [found.node], (), "rows"), Names(), {}).checks) == 1


def test_many_operations_are_left_to_the_engine(table: Any, words: Any) -> None:
    indices = words
    for _ in range(20):
        indices = ops.add(indices, 1)
    assert len(walk_of(indices, [table, words], table).checks) == 1
