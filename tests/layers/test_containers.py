"""Containers of layers: what is in them belongs to the layer, whenever and however deep it was put there."""

from __future__ import annotations

import contextlib
import copy
import pickle
import random
from collections import OrderedDict, defaultdict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Model, layers, metrics
from symkeras.graph.variable import Variable
from symkeras.random import SeedGenerator

Pair = namedtuple("Pair", "first second")


class Holder(layers.Layer):
    """A layer for attributes."""


def thing() -> layers.Dense:
    return layers.Dense(1)


def test_what_is_put_into_containers_later_is_owned_in_order_of_coming() -> None:
    holder = Holder()
    holder.blocks, holder.norms = [], []
    expected = []
    for _ in range(3):
        for place in (holder.blocks, holder.norms):
            expected.append(thing())
            place.append(expected[-1])
    assert holder._layers == expected


@pytest.mark.parametrize(
    "put",
    [
        lambda h, v: setattr(h, "a", [[v]]),
        lambda h, v: setattr(h, "a", {"x": [(v, 1)]}),
        lambda h, v: setattr(h, "a", Pair([v], 2)),
        lambda h, v: setattr(h, "a", {v}),
        lambda h, v: h.items.append({"x": v}),
        lambda h, v: h.items.extend([(v,)]),
        lambda h, v: h.items.insert(0, v),
        lambda h, v: h.items.__iadd__([v]),
        lambda h, v: h.items.__setitem__(slice(0, 0), [v]),
        lambda h, v: h.table.update(x=v),
        lambda h, v: h.table.setdefault("x", []).append(v),
        lambda h, v: h.table.__ior__({"x": v}),
        lambda h, v: h.table.__setitem__("x", [[v]]),
        lambda h, v: h.ordered.__setitem__("x", v),
        lambda h, v: h.groups["x"].append(v),
        lambda h, v: h.some.add(v),
        lambda h, v: h.some.__ior__({v}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["layers", "metrics", "trainable", "seeds"])
def test_every_way_into_a_container_makes_it_owned(put: Any, kind: str) -> None:
    value = {"layers": thing, "metrics": metrics.Mean, "trainable": lambda: Variable([1.0]), "seeds": SeedGenerator}[kind]()
    holder = Holder()
    holder.items, holder.table, holder.ordered, holder.groups, holder.some = [], {}, OrderedDict(), defaultdict(list), set()
    put(holder, value)
    assert [v is value for v in getattr(holder._tracker, kind)] == [True]


def reachable(value: Any) -> set[int]:
    if isinstance(value, layers.Layer):
        return {id(value)}
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*map(reachable, value)) if isinstance(value, (list, tuple, set)) else set()


CHANGES = [
    lambda h, v, item, k, key: h.items.append(item),
    lambda h, v, item, k, key: h.items.insert(k, item),
    lambda h, v, item, k, key: h.items.pop(k),
    lambda h, v, item, k, key: h.items.__delitem__(slice(k, k + 2)),
    lambda h, v, item, k, key: h.items.__setitem__(slice(0, k), [item, item]),
    lambda h, v, item, k, key: h.items.__setitem__(k, item),
    lambda h, v, item, k, key: h.items.reverse(),
    lambda h, v, item, k, key: h.items.__imul__(2) if len(h.items) < 9 else None,
    lambda h, v, item, k, key: h.items.remove(item),
    lambda h, v, item, k, key: setattr(h, "items", h.items[:4]),
    lambda h, v, item, k, key: setattr(h, "table", dict(h.table)),
    lambda h, v, item, k, key: h.table.__setitem__(key, item),
    lambda h, v, item, k, key: h.table.pop(key),
    lambda h, v, item, k, key: h.table.__delitem__(key),
    lambda h, v, item, k, key: h.table.popitem(),
    lambda h, v, item, k, key: h.some.add(v),
    lambda h, v, item, k, key: h.some.discard(v),
    lambda h, v, item, k, key: h.some.clear(),
    lambda h, v, item, k, key: setattr(h, "one", v),
    lambda h, v, item, k, key: delattr(h, "some"),
]


def test_a_layer_owns_what_its_containers_hold_after_any_changes() -> None:
    draw = random.Random(3)
    pool = [thing() for _ in range(6)]
    for _ in range(60):
        holder = Holder()
        holder.items, holder.table, holder.some = [], {}, set()
        for _ in range(25):
            v = draw.choice(pool)
            item = draw.choice([v, [v], (v, [draw.choice(pool)]), {"a": v}, 3])
            with contextlib.suppress(IndexError, KeyError, ValueError, AttributeError):
                draw.choice(CHANGES)(holder, v, item, draw.randrange(-1, 4), draw.choice("abc"))
            assert {id(v) for v in holder._layers} == reachable(list(vars(holder).values()))


def test_a_container_that_two_layers_hold_tells_both() -> None:
    first, second = Holder(), Holder()
    first.items = []
    second.items = first.items
    first.items.append(thing())
    assert first._layers == second._layers == first.items


def test_copies_of_containers_are_plain_and_tell_nobody() -> None:
    holder = Holder()
    holder.items, holder.table, holder.groups = [thing()], OrderedDict(a=1), defaultdict(list, {"a": [1]})
    for value in (holder.items, holder.table, holder.groups):
        assert type(copy.copy(value)) is type(value).plain and copy.copy(value) == value
    copied = pickle.loads(pickle.dumps(holder.groups))
    assert copied == {"a": [1]} and type(copied["a"]) is list and copied["b"] == []
    holder.items.copy().append(thing())
    assert len(holder._layers) == 1


def test_containers_of_numbers_stay_what_they_were() -> None:
    holder = Holder()
    holder.sizes, holder.shape, holder.options = [1, 2], (3, 4), {"a": [5]}
    assert (holder.sizes, holder.shape, holder.options) == ([1, 2], (3, 4), {"a": [5]})
    assert type(holder.shape) is tuple and isinstance(holder.options["a"], list)


class Deep(Model):
    """Sublayers in every kind of container, put there in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: Any = []
        self.table: Any = {"pair": []}
        self.head = layers.Dense(1)
        for _ in range(2):
            self.blocks.append(layers.Dense(3))
        self.table["pair"].append((layers.Dense(3), layers.Dense(3)))
        self.count = [metrics.Mean(name="level")]

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        for a, b in self.table["pair"]:
            x = a(x) + b(x)
        self.count[0].update_state(x)
        return self.head(x)


def test_layers_in_containers_are_trained_counted_and_saved(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(8, 3)).astype("float32"), np.ones((8, 1), "float32")
    model = Deep()
    model.compile("sgd", "mse")
    model.predict(x, verbose=0)
    assert model.count_params() == 4 * 12 + 4
    before = model.get_weights()
    history = model.fit(x, y, epochs=1, verbose=0).history
    assert set(history) == {"loss", "level"}
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    model.save_weights(tmp_path / "deep.weights.h5")
    again = Deep()
    again.predict(x, verbose=0)
    again.load_weights(tmp_path / "deep.weights.h5")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_saved_layers_in_containers_have_the_paths_of_keras(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    model = Deep()
    model.predict(np.ones((1, 3), "float32"), verbose=0)
    model.save_weights(tmp_path / "deep.weights.h5")
    found: list[str] = []
    with h5py.File(tmp_path / "deep.weights.h5") as file:
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) and name.endswith("vars/0") else None)
    paths = ["blocks/dense", "blocks/dense_1", "count/mean", "head", "layers/dense_3", "layers/dense_4"]
    assert found == [f"{path}/vars/0" for path in paths]


def test_metrics_own_what_their_containers_get_later() -> None:
    class Several(metrics.Metric):
        def __init__(self) -> None:
            super().__init__()
            self.parts: Any = {}
            self.parts["a"] = metrics.Mean()
            self.sums: Any = []
            self.sums.append((Variable([0.0]),))

    assert len(Several().variables) == 3


def test_a_list_may_hold_itself() -> None:
    layer = Holder()
    layer.blocks = []
    layer.blocks.append(layer.blocks)
    layer.blocks.append(layers.Dense(2))
    assert len(layer._layers) == 1
    other = Holder()
    other.blocks = layer.blocks
    assert other._layers == layer._layers


def test_what_two_attributes_hold_is_owned_until_neither_does() -> None:
    layer = Holder()
    layer.one = [layers.Dense(2)]
    layer.two = layer.one
    layer.two.append(layers.Dense(3))
    del layer.one
    assert len(layer._layers) == 2
    del layer.two
    assert not layer._layers
