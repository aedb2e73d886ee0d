"""Predictions of a single batch, again and again: whatever changes between two of them is noticed."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Model, Sequential, errors, layers


@pytest.fixture
def model() -> Any:
    made = Sequential([layers.Input((6,)), layers.Dense(4, activation="tanh"), layers.Dense(2)])
    made.compile("sgd", "mse")
    return made


def reference(model: Any, x: Any) -> np.ndarray:
    """In batches of two, which always go the long way."""
    return model.predict(x, batch_size=2, verbose=0)


def test_the_same_kind_of_data_takes_the_short_way(model: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((5, 6)).astype("float32")
    assert model._at_once is None
    first = model.predict(x, verbose=0)
    short = model._at_once
    np.testing.assert_array_equal(model.predict(x, verbose=0), first)
    for rows in (1, 5, 3, 32):
        other = rng.standard_normal((rows, 6)).astype("float32")
        np.testing.assert_allclose(model.predict(other, verbose=0), reference(model, other), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(model.predict_on_batch(other), reference(model, other), rtol=1e-6, atol=1e-6)
    assert short(x, 32) is not None


def test_results_are_the_callers_own(model: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 6)).astype("float32")
    model.predict(x, verbose=0)
    first = model.predict(x, verbose=0)
    kept = first.copy()
    second = model.predict(x + 1, verbose=0)
    np.testing.assert_array_equal(first, kept)
    second[:] = 0
    np.testing.assert_array_equal(model.predict(x, verbose=0), kept)


def test_training_and_new_weights_are_seen(model: Any, rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((8, 6)).astype("float32"), rng.standard_normal((8, 2)).astype("float32")
    changes = {
        "fit": lambda: model.fit(x, y, verbose=0),
        "set_weights": lambda: model.set_weights([w * 2 for w in model.get_weights()]),
        "compile": lambda: model.compile("adam", "mse"),
        "fit again": lambda: model.fit(x, y, verbose=0),
    }
    for name, change in changes.items():
        model.predict(x, verbose=0)
        before = model.predict(x, verbose=0)
        change()
        after = model.predict(x, verbose=0)
        np.testing.assert_allclose(after, reference(model, x), rtol=1e-6, atol=1e-6, err_msg=name)
        assert (before == after).all() == (name == "compile")


def test_another_backend_is_taken_when_it_is_asked_for(model: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 6)).astype("float32")
    model.predict(x, verbose=0)
    model.predict(x, verbose=0)
    before = symkeras.config.backend()
    try:
        symkeras.config.set_backend("interpreter")
        assert model._at_once(x, 32) is None
        model.predict(x, verbose=0)
        assert model.executable("predict").backend == "interpreter"
    finally:
        symkeras.config.set_backend(before)


@pytest.mark.parametrize("kind", ["float64", "list", "columns", "a column too many"])
def test_other_data_go_the_long_way(model: Any, kind: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 6)).astype("float32")
    model.predict(x, verbose=0)
    short = model._at_once
    changed = {"float64": x.astype("float64"), "list": x.tolist(), "columns": np.asfortranarray(x), "a column too many": np.ones((3, 7), "float32")}
    other: Any = changed[kind]
    if kind == "a column too many":
        with pytest.raises(errors.ShapeError, match="expects arrays of shape"):
            model.predict(other, verbose=0)
        return
    np.testing.assert_allclose(model.predict(other, verbose=0), reference(model, x), rtol=1e-6, atol=1e-6)
    assert (short(other, 32) is None) == (kind != "columns")


def test_more_rows_than_a_batch_has_go_the_long_way(model: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((40, 6)).astype("float32")
    model.predict(x[:3], verbose=0)
    assert model.predict(x, verbose=0).shape == (40, 2)
    assert model.predict(x[:3], batch_size=2, verbose=0).shape == (3, 2)
    with pytest.raises(errors.ConfigError, match="batch_size"):
        model.predict(x[:3], batch_size=0, verbose=0)


def test_several_inputs_and_outputs_keep_their_nesting(rng: np.random.Generator) -> None:
    a, b = layers.Input((3,), name="a"), layers.Input((4,), dtype="int32", name="b")
    h = layers.concatenate([a, layers.Flatten()(layers.Embedding(7, 2)(b))])
    model = Model([a, b], {"sum": layers.Dense(1)(h), "all": h})
    x = [rng.standard_normal((5, 3)).astype("float32"), rng.integers(0, 7, (5, 4), dtype="int32")]
    first = model.predict(x, verbose=0)
    assert model._at_once(x, 32) is not None and model._at_once(dict(zip("ab", x, strict=True)), 32) is None
    for found in (model.predict(x, verbose=0), model.predict({"b": x[1], "a": x[0]}, verbose=0)):
        assert found.keys() == first.keys()
        for name in first:
            np.testing.assert_array_equal(found[name], first[name])
    with pytest.raises(errors.DataError):
        model.predict([x[0], x[1][:4]], verbose=0)
    with pytest.raises((IndexError, errors.DataError)):
        model.predict([x[0], x[1] + 7], verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0)["all"], first["all"])


def test_several_threads_may_predict_at_the_same_time(model: Any, rng: np.random.Generator) -> None:
    arrays = [rng.standard_normal((4, 6)).astype("float32") for _ in range(4)]
    expected = [reference(model, a) for a in arrays]
    model.predict(arrays[0], verbose=0)
    wrong: list[int] = []

    def work(k: int) -> None:
        wrong.extend(k for _ in range(100) if not np.allclose(model.predict(arrays[k], verbose=0), expected[k], rtol=1e-5, atol=1e-6))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
