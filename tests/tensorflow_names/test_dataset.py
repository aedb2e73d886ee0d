"""The small tf.data: elements, counts and orders are those of TensorFlow, as far as it fixes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers
from symkeras.errors import ConfigError, DataError
from symkeras.tensorflow_names.dataset import AUTOTUNE, Dataset


def values(data: Any) -> list[Any]:
    return [[np.asarray(part).tolist() for part in e] if isinstance(e, tuple) else np.asarray(e).tolist() for e in data]


def test_elements_come_as_they_are_asked_for() -> None:
    rows = Dataset.from_tensor_slices((np.arange(4), {"b": np.arange(8).reshape(4, 2)}))
    assert [(int(a), b["b"].tolist()) for a, b in rows] == [(0, [0, 1]), (1, [2, 3]), (2, [4, 5]), (3, [6, 7])]
    numbers = Dataset.range(10)
    assert values(numbers.skip(2).take(5).batch(2)) == [[2, 3], [4, 5], [6]]
    assert values(numbers.batch(4, drop_remainder=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert values(numbers.batch(4).unbatch()) == list(range(10))
    assert values(numbers.map(lambda x: x * 2, num_parallel_calls=AUTOTUNE).filter(lambda x: x > 10).prefetch(AUTOTUNE)) == [12, 14, 16, 18]
    assert values(Dataset.zip((numbers, numbers.map(lambda x: -x))).take(2)) == [[0, 0], [1, -1]]
    assert values(Dataset.zip(numbers, Dataset.range(2))) == [[0, 0], [1, 1]]
    assert values(numbers.take(2).concatenate(Dataset.range(7, 9)).enumerate()) == [[0, 0], [1, 1], [2, 7], [3, 8]]
    assert values(numbers.shard(3, 1)) == [1, 4, 7] and values(Dataset.range(2).repeat(2)) == [0, 1, 0, 1]
    assert values(Dataset.range(1, 3).flat_map(lambda x: Dataset.range(int(x)))) == [0, 0, 1]
    assert int(numbers.reduce(0, lambda a, b: a + b)) == 45
    assert values(Dataset.from_generator(lambda: iter([[1], [2, 3]])).padded_batch(2)) == [[[1, 0], [2, 3]]]


def test_counts_are_known_where_they_can_be() -> None:
    numbers = Dataset.range(10)
    assert [len(d) for d in (numbers.batch(3), numbers.batch(3, drop_remainder=True), numbers.skip(12), numbers.repeat(3).take(25))] == [4, 3, 0, 25]
    assert [int(d.cardinality()) for d in (numbers.repeat(), numbers.filter(bool), numbers.repeat().take(3))] == [-1, -2, 3]
    with pytest.raises(TypeError, match="infinite"):
        len(numbers.repeat())


def test_orders_follow_from_the_seed() -> None:
    data = Dataset.range(20).shuffle(20, seed=3)
    first, second = values(data), values(data)
    assert first != second and sorted(first) == sorted(second) == list(range(20))
    assert values(Dataset.range(20).shuffle(20, seed=3)) == first
    fixed = Dataset.range(20).shuffle(20, seed=3, reshuffle_each_iteration=False)
    assert values(fixed) == values(fixed)
    assert max(k - v for k, v in enumerate(values(Dataset.range(20).shuffle(3, seed=1)))) >= 0
    assert all(v <= k + 2 for k, v in enumerate(values(Dataset.range(20).shuffle(3, seed=1)))), "none comes before it is in the buffer"


def test_what_is_cached_is_made_once() -> None:
    made: list[int] = []
    data = Dataset.range(3).map(lambda x: (made.append(int(x)), x)[1]).cache()
    assert values(data) == values(data) == [0, 1, 2] and made == [0, 1, 2]


def test_generators_have_the_dtypes_that_were_named() -> None:
    data = Dataset.from_generator(lambda: ((k, k * 0.5) for k in range(3)), output_types=("int64", "float32"))
    assert values(data) == [[0, 0], [1, 0.5], [2, 1]] and [a.dtype.name for a in next(iter(data))] == ["int64", "float32"]


def test_a_model_trains_and_evaluates_on_it() -> None:
    x = np.random.default_rng(0).standard_normal((40, 3)).astype("float32")
    y = x.sum(1, keepdims=True)
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    data = Dataset.from_tensor_slices((x, y)).shuffle(40).batch(8).prefetch(AUTOTUNE)
    history = model.fit(data, epochs=2, verbose=0, validation_data=data).history
    assert len(history["val_loss"]) == 2
    model.fit(data.repeat(), steps_per_epoch=3, epochs=2, verbose=0)
    plain = Dataset.from_tensor_slices(x).batch(8)
    np.testing.assert_allclose(model.predict(plain, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
    normal = layers.Normalization()
    normal.adapt(plain)
    np.testing.assert_allclose(normal.mean[0], x.mean(0), atol=1e-5)


def test_texts_are_elements_too() -> None:
    rows = Dataset.from_tensor_slices({"kind": np.array(["a", "bcd"]), "size": [1, 2]})
    assert [(e["kind"].numpy(), int(e["size"])) for e in rows] == [(b"a", 1), (b"bcd", 2)]
    look = layers.StringLookup(vocabulary=["bcd", "a"])
    assert [int(look(e["kind"])) for e in rows] == [2, 1]
    assert [look(e).tolist() for e in rows.map(lambda e: e["kind"]).batch(2)] == [[2, 1]]


def test_what_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="one number of rows"):
        Dataset.from_tensor_slices((np.ones(2), np.ones(3)))
    with pytest.raises(ConfigError, match="batch_size"):
        Dataset.range(3).batch(0)
    with pytest.raises(ConfigError, match="data sets"):
        Dataset.zip(np.ones(3))
    with pytest.raises(ConfigError, match="in memory"):
        Dataset.range(3).cache("file")
