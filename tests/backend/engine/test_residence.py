"""Where the newest value of a variable is, whoever wrote it: at home, or at the place of an engine."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, residence
from symkeras.graph.residence import value_at, wrote_at
from symkeras.graph.variable import Pack, Variable


class Shelf:
    """A place whose values are arrays wrapped in tuples; it counts what goes to and fro."""

    def __init__(self) -> None:
        self.sent = self.fetched = 0

    def send(self, array: np.ndarray, variable: Variable) -> Any:
        self.sent += 1
        return (array.copy(),)

    def fetch(self, value: Any) -> np.ndarray:
        self.fetched += 1
        return value[0]


def ones(name: str = "v", n: int = 3) -> Variable:
    return Variable(np.ones(n, "float32"), name=name)


def test_a_value_is_sent_once_and_comes_home_when_it_is_read() -> None:
    shelf, v = Shelf(), ones()
    for _ in range(5):
        (array,) = value_at(shelf, v)
        wrote_at(shelf, {v: (array + 1,)})
    assert (shelf.sent, shelf.fetched) == (1, 0), "nothing is copied inside an epoch"
    assert v.numpy().tolist() == [6, 6, 6] and shelf.fetched == 1
    assert v.numpy().tolist() == [6, 6, 6] and shelf.fetched == 1, "it is home now"
    value_at(shelf, v)
    assert shelf.sent == 1, "and the copy elsewhere is good still"
    assert id(v) not in residence.AWAY


def test_what_is_written_at_home_goes_out_before_it_is_read_elsewhere() -> None:
    shelf, v = Shelf(), ones()
    wrote_at(shelf, {v: (np.full(3, 5, "float32"),)})
    v.assign_add(np.ones(3, "float32"))
    assert v.numpy().tolist() == [6, 6, 6]
    assert value_at(shelf, v)[0].tolist() == [6, 6, 6] and shelf.sent == 1


@pytest.mark.parametrize("name", ["numpy", "interpreter"])
def test_executables_at_home_find_what_an_engine_wrote_and_the_other_way_round(name: str) -> None:
    shelf, v, w = Shelf(), ones("v"), ones("w")
    f = compile_graph(Graph([], [(ops.as_tensor(v) + ops.as_tensor(w)).node], [(v.node, (ops.as_tensor(v) * 2.0).node)]), name)
    wrote_at(shelf, {v: (np.full(3, 4, "float32"),), w: (np.full(3, 10, "float32"),)})
    assert f()[0].tolist() == [14, 14, 14] and v.numpy().tolist() == [8, 8, 8]
    assert value_at(shelf, v)[0].tolist() == [8, 8, 8] and value_at(shelf, w)[0].tolist() == [10, 10, 10]


def test_two_places_and_a_pack_keep_the_newest_of_each_variable() -> None:
    one, two, a, b = Shelf(), Shelf(), ones("a"), ones("b")
    pack = Pack([a, b], "pack")
    wrote_at(one, {a: (np.full(3, 2, "float32"),)})
    wrote_at(two, {b: (np.full(3, 3, "float32"),)})
    assert value_at(two, a)[0].tolist() == [2, 2, 2] and value_at(one, b)[0].tolist() == [3, 3, 3]
    wrote_at(one, {a: (np.full(3, 7, "float32"),), b: (np.full(3, 8, "float32"),)})
    assert pack.flat(a, b).numpy().tolist() == [7, 7, 7, 8, 8, 8], "a flat variable brings its parts home"
    assert value_at(two, a)[0].tolist() == [7, 7, 7]


def test_variables_that_become_a_pack_bring_their_values_along() -> None:
    shelf, a, b = Shelf(), ones("a"), ones("b")
    wrote_at(shelf, {a: (np.full(3, 2, "float32"),)})
    pack = Pack([a, b], "pack")
    assert pack.array.tolist() == [2, 2, 2, 1, 1, 1] and value_at(shelf, a)[0].tolist() == [2, 2, 2]


def test_a_dropped_variable_whose_value_is_away_is_freed() -> None:
    shelf, v = Shelf(), ones()
    wrote_at(shelf, {v: (np.zeros(3, "float32"),)})
    gone, key = weakref.ref(v), id(v)
    del v
    gc.collect()
    assert gone() is None and key not in residence.AWAY
