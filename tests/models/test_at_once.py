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


def batch(rng: np.random.Generator, rows: int = 8) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((rows, 6)).astype("float32"), rng.standard_normal((rows, 2)).astype("float32")


def test_batches_trained_the_short_way_train_as_on_the_long_one(rng: np.random.Generator) -> None:
    def trained(is_short: bool) -> list[Any]:
        symkeras.utils.set_random_seed(1)
        model = Sequential([layers.Input((6,)), layers.Dense(4, activation="tanh"), layers.Dropout(0.3), layers.Dense(2)])
        model.compile("adam", "mse", metrics=["mae"])
        found = []
        for x, y in batches:
            if not is_short:
                model._batches.clear()
            found.append((model.train_on_batch(x, y), model.test_on_batch(x, y)))
            assert set(model._batches) == {"train", "test"}
        return [found, *model.get_weights()]

    batches = [batch(rng, rows) for rows in (8, 8, 3, 8, 1, 5)]
    long, short = trained(False), trained(True)
    assert long[0] == short[0]
    for a, b in zip(long[1:], short[1:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_targets_are_checked_in_every_batch(model: Any, rng: np.random.Generator) -> None:
    x, y = batch(rng)
    for _ in range(3):
        model.train_on_batch(x, y)
    weights = model.get_weights()
    y[3, 1] = np.nan
    with pytest.raises(errors.DataError, match="row 3"):
        model.train_on_batch(x, y)
    np.testing.assert_array_equal(weights[0], model.get_weights()[0])
    with pytest.raises(errors.DataError, match="rows"):
        model.train_on_batch(x, y[:4])
    with pytest.raises(errors.SymkerasError):
        model.train_on_batch(x[:, :5], y)


def test_integers_that_do_not_fit_are_refused_in_every_batch(rng: np.random.Generator) -> None:
    model = Sequential([layers.Input((6,)), layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = batch(rng)[0], np.arange(8) % 4
    for _ in range(3):
        model.train_on_batch(x, y)
    y[2] = 2**40
    with pytest.raises(errors.DataError, match="do not fit"):
        model.train_on_batch(x, y)


def test_what_is_trained_is_what_was_compiled_whatever_ran_before(model: Any, rng: np.random.Generator) -> None:
    x, y = batch(rng)
    for _ in range(2):
        model.train_on_batch(x, y)
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    for _ in range(3):
        model.train_on_batch(x, y)
    after = model.get_weights()
    assert [bool((a == b).all()) for a, b in zip(before, after, strict=True)] == [True, True, False, False]
    model.layers[1].bias.trainable = False
    before = model.get_weights()
    for _ in range(2):
        model.train_on_batch(x, y)
    after = model.get_weights()
    assert [bool((a == b).all()) for a, b in zip(before, after, strict=True)] == [True, True, False, True]


def test_weights_of_samples_and_classes_are_not_lost_after_batches_without(model: Any, rng: np.random.Generator) -> None:
    x, y = batch(rng)
    for _ in range(3):
        model.test_on_batch(x, y)
    plain = model.test_on_batch(x, y)
    weighted = model.test_on_batch(x, y, sample_weight=np.r_[np.ones(4), np.zeros(4)].astype("float32"))
    assert weighted != plain and model.test_on_batch(x, y) == plain


def test_a_models_own_trainable_weights_are_asked_for_at_every_batch(rng: np.random.Generator) -> None:
    class InTurns(Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.phase = layers.Dense(4), layers.Dense(2), 0

        def call(self, inputs: Any) -> Any:
            return self.second(self.first(inputs))

        @property
        def trainable_variables(self) -> Any:
            return (self.first if self.phase == 0 else self.second).trainable_variables

    model = InTurns()
    model.compile("sgd", "mse")
    x, y = batch(rng)
    model.train_on_batch(x, y)
    for phase in (0, 1, 0, 1):
        model.phase = phase
        before = model.get_weights()
        model.train_on_batch(x, y)
        changed = [not (a == b).all() for a, b in zip(before, model.get_weights(), strict=True)]
        assert changed == ([True, True, False, False] if phase == 0 else [False, False, True, True])
