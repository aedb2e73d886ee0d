"""Models that define `train_step`, `test_step` or `predict_step`: traced once, equal to the model's own where they say the same."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Model, Sequential, layers, losses, metrics, ops, optimizers, random
from symkeras.autodiff.reverse import gradients
from symkeras.errors import ConfigError, GradientError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((48, 5)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")


def classifier(kind: type[Any], **options: Any) -> Any:
    symkeras.utils.set_random_seed(1)
    inputs = Input((5,))
    model = kind(inputs, layers.Dense(1, activation="sigmoid")(layers.Dense(8, activation="relu")(inputs)))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], **options)
    return model


class Extended(Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)

    def test_step(self, data: Any) -> Any:
        return super().test_step(data)


class ByHand(Model):
    def train_step(self, data: Any) -> Any:
        x, y, weight = (*data, None)[:3]
        with symkeras.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True))
        for m in self.metrics:
            if m.name == "loss":
                m.update_state(loss)
            else:
                m.update_state(y, y_pred, sample_weight=weight)
        return {m.name: m.result() for m in self.metrics}


@pytest.mark.parametrize("kind", [Extended, ByHand])
def test_a_step_that_does_the_same_gives_the_same_bits(kind: type[Any]) -> None:
    found, expected = classifier(kind), classifier(Model)
    histories = [m.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0).history for m in (found, expected)]
    assert histories[0] == histories[1]
    for a, b in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert found.evaluate(X, Y, verbose=0, return_dict=True) == expected.evaluate(X, Y, verbose=0, return_dict=True)


@pytest.mark.usefixtures("_planned")
def test_losses_and_metrics_of_a_step_of_ones_own_have_their_parts() -> None:
    model = classifier(Extended)
    model.fit(X, Y, batch_size=16, verbose=0)
    found = {row["layer"] for row in model.executable("train").inspect.cost(batch=16).layers}
    assert {"loss/binary_crossentropy", "metrics/accuracy", f"optimizer/{model.optimizer.name}"} <= found


def test_sample_weights_come_third_and_several_targets_as_a_list() -> None:
    seen: list[Any] = []

    class Looks(Extended):
        def train_step(self, data: Any) -> Any:
            seen.append([None if part is None else len(part) if isinstance(part, list) else part.shape for part in data])
            return super().train_step(data)

    classifier(Looks).fit(X, Y, sample_weight=np.ones(48, "float32"), batch_size=16, verbose=0)
    inputs = Input((5,))
    model = Looks(inputs, [layers.Dense(1)(inputs), layers.Dense(2)(inputs)])
    model.compile("sgd", "mse")
    model.fit(X, [Y, np.ones((48, 2), "float32")], batch_size=16, verbose=0)
    assert seen == [[(None, 5), (None, 1), (None,)], [(None, 5), 2]]


class Picks(Model):
    """Trains on the first of its targets, whatever they are in."""

    def __init__(self, pick: Any, nested: bool) -> None:
        super().__init__()
        self.inner, self.pick, self.nested = layers.Dense(1), pick, nested

    def call(self, x: Any) -> Any:
        y = self.inner(x)
        return {"p": y, "q": y} if self.nested else y

    def _loss(self, data: Any) -> Any:
        x, y, weight = (*data, None)[:3]
        p = self(x, training=True)
        error = ops.square((p["p"] if self.nested else p) - self.pick(y))
        return ops.mean(error if weight is None else error * ops.reshape(self.pick(weight), (-1, 1)))

    def train_step(self, data: Any) -> Any:
        with symkeras.GradientTape() as tape:
            loss = self._loss(data)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}

    def test_step(self, data: Any) -> Any:
        return {"loss": self._loss(data)}


Z = np.ones((48, 2), "float32")
TARGETS: dict[str, tuple[Any, Any]] = {
    "a dict": ({"boxes": Y, "classes": Z}, lambda y: y["boxes"]),
    "a dict like the outputs": ({"p": Y, "q": Z}, lambda y: y["p"]),
    "a tuple": ((Y, Z), lambda y: y[0]),
    "a nesting": ({"a": [Z, {"b": Y}]}, lambda y: y["a"][1]["b"]),
    "an array": (Y, lambda y: y),
    "lists of numbers": (Y.tolist(), lambda y: y),
}


@pytest.mark.parametrize("run_eagerly", [False, True])
@pytest.mark.parametrize("kind", TARGETS)
def test_targets_of_a_step_of_ones_own_are_nested_as_they_were_given(kind: str, run_eagerly: bool) -> None:
    y, pick = TARGETS[kind]
    losses = []
    for nested in (False, True):
        model = Picks(pick, nested)
        model(X)
        model.set_weights([np.full((5, 1), 0.1, "float32"), np.zeros(1, "float32")])
        model.compile("sgd", run_eagerly=run_eagerly)
        history = model.fit(X, y, validation_data=(X, y), batch_size=48, verbose=0).history
        losses.append([history["loss"][0], history["val_loss"][0], model.train_on_batch(X, y), model.evaluate(X, y, verbose=0)])
    expected = np.mean(np.square(X.sum(1, keepdims=True) * 0.1 - Y))
    assert losses[0][0] == pytest.approx(expected, rel=1e-5) and losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_weights_of_a_step_of_ones_own_are_nested_as_they_were_given() -> None:
    model = Picks(lambda y: y["a"] if isinstance(y, dict) else y, False)
    model.compile("sgd")
    weights = {"a": np.zeros(48, "float32"), "b": np.ones(48, "float32")}
    assert model.fit(X, {"a": Y, "b": Z}, sample_weight=weights, verbose=0).history["loss"] == [0.0]
    assert model.fit(X, Y, class_weight={0: 0.0, 1: 0.0}, verbose=0).history["loss"] == [0.0]


def test_targets_by_name_and_in_order_train_alike_through_steps_of_ones_own() -> None:
    histories = []
    for y in ([Y, Z], {"p": Y, "q": Z}, {"q": Z, "p": Y}):
        inputs = Input((5,))
        model = Extended(inputs, [layers.Dense(k, name=n, kernel_initializer="ones")(inputs) for k, n in ((1, "p"), (2, "q"))])
        model.compile("sgd", ["mse", "mae"], metrics=[["mae"], None])
        histories.append(model.fit(X, y, sample_weight=np.linspace(0, 1, 48), batch_size=16, shuffle=False, verbose=0).history)
    assert histories[0] == histories[1] == histories[2]


class Adversarial(Model):
    """A generator against a discriminator that is trained twice per step (Goodfellow et al. 2014)."""

    def __init__(self, rounds: int = 2) -> None:
        super().__init__()
        self.judge = Sequential([Input((5,)), layers.Dense(6, activation="tanh"), layers.Dense(1)])
        self.forger = Sequential([Input((3,)), layers.Dense(5)])
        self.rounds = rounds
        self.of_judge, self.of_forger = metrics.Mean(name="judge"), metrics.Mean(name="forger")

    def compile(self, judge_optimizer: Any, forger_optimizer: Any, loss: Any, **options: Any) -> None:  # type: ignore[override]
        super().compile(**options)
        self.judge_optimizer, self.forger_optimizer, self.criterion = judge_optimizer, forger_optimizer, loss

    @property
    def metrics(self) -> list[Any]:
        return [self.of_judge, self.of_forger]

    def train_step(self, data: Any) -> Any:
        real = data
        rows = ops.shape(real)[0]
        both = ops.concatenate([self.forger(random.normal((rows, 3), seed=7)), real], axis=0)
        labels = ops.concatenate([ops.ones((rows, 1)), ops.zeros((rows, 1))], axis=0)
        for _ in range(self.rounds):
            with symkeras.GradientTape() as tape:
                judged = self.criterion(labels, self.judge(both))
            self.judge_optimizer.apply(tape.gradient(judged, self.judge.trainable_weights), self.judge.trainable_weights)
        with symkeras.GradientTape() as tape:
            forged = self.criterion(ops.zeros((rows, 1)), self.judge(self.forger(random.normal((rows, 3), seed=8))))
        self.forger_optimizer.apply(tape.gradient(forged, self.forger.trainable_weights), self.forger.trainable_weights)
        self.of_judge.update_state(judged)
        self.of_forger.update_state(forged)
        return {m.name: m.result() for m in self.metrics}


def adversarial(rounds: int, rate: float) -> Adversarial:
    symkeras.utils.set_random_seed(3)
    model = Adversarial(rounds)
    model.compile(optimizers.SGD(rate), optimizers.SGD(rate), losses.BinaryCrossentropy(from_logits=True))
    return model


def test_two_optimizers_take_turns_in_one_graph() -> None:
    model = adversarial(2, 0.1)
    before = [w.copy() for w in model.get_weights()]
    history = model.fit(X, batch_size=16, epochs=2, verbose=0).history
    assert sorted(history) == ["forger", "judge"]
    assert all(np.isfinite(v) for values in history.values() for v in values)
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert len(model._steps) == 1


def test_what_is_assigned_is_read_afterwards() -> None:
    """A second round sees the weights of the first: the same as one step of each in turn."""
    twice, once = adversarial(2, 0.5), adversarial(1, 0.5)
    twice.train_on_batch(X[:16])
    other = adversarial(1, 0.5)
    other.forger_optimizer.learning_rate = 0.0
    for _ in range(2):
        other.train_on_batch(X[:16])
    once.train_on_batch(X[:16])
    for a, b, c in zip(twice.judge.get_weights(), other.judge.get_weights(), once.judge.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        assert not np.allclose(a, c, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("trainable", [False, True])
def test_a_gradient_ends_at_what_was_assigned_before(trainable: bool) -> None:
    """The judge's new weight was computed from a forgery: the forger's gradient does not go that way, traced or on arrays."""

    def slope(x: Any) -> Any:
        judge.assign(judge - forger * x)
        with symkeras.GradientTape() as tape:
            loss = judge * (forger * x)
        return tape.gradient(loss, forger)

    slopes = []
    for step in (symkeras.function(slope), slope):
        judge, forger = symkeras.Variable(7.0, trainable=trainable, name="judge"), symkeras.Variable(2.0, name="forger")
        slopes.append(float(step(np.float32(3.0))))
    assert slopes == [(7.0 - 2.0 * 3.0) * 3.0] * 2


def test_own_test_and_predict_steps_are_what_evaluate_and_predict_run() -> None:
    class Own(Model):
        def test_step(self, data: Any) -> Any:
            return {"largest": ops.max(self(data[0]))}

        def predict_step(self, data: Any) -> Any:
            return {"doubled": 2 * self(data)}

    model = classifier(Own)
    model.fit(X, Y, verbose=0)
    plain = np.asarray(model(X))
    assert model.evaluate(X, Y, batch_size=48, verbose=0, return_dict=True) == {"largest": pytest.approx(plain.max())}
    np.testing.assert_allclose(model.predict(X, verbose=0)["doubled"], 2 * plain, rtol=1e-6)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_model_whose_steps_are_its_own_is_not_called_with_a_part_of_a_batch(run_eagerly: bool) -> None:
    """Three inputs come as a tuple, which would be inputs, targets and weights to others; `call` takes all three."""

    class Apart(Model):
        def __init__(self) -> None:
            super().__init__()
            self.place = Sequential([layers.Dense(2)])

        def call(self, inputs: Any) -> Any:
            anchor, near, far = (self.place(x) for x in inputs)
            return ops.sum(ops.square(anchor - near)) - ops.sum(ops.square(anchor - far))

        def train_step(self, data: Any) -> Any:
            with symkeras.GradientTape() as tape:
                loss = self(data)
            self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
            return {"loss": loss}

        def test_step(self, data: Any) -> Any:
            return {"loss": self(data)}

    model = Apart()
    model.compile("sgd", run_eagerly=run_eagerly)
    batch = (X[:16], X[:16] + 0.1, X[16:32])
    endless, steps = itertools.repeat(batch), {"steps_per_epoch": 2, "validation_steps": 1}
    history = model.fit(endless, validation_data=endless, epochs=2, verbose=0, **steps).history
    assert history["loss"][1] < history["loss"][0] and sorted(history) == ["loss", "val_loss"]


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_inputs_alone_are_the_batch_and_a_list_of_them_its_only_part(run_eagerly: bool) -> None:
    seen: list[Any] = []

    class Looks(Model):
        def __init__(self) -> None:
            super().__init__()
            self.top = layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.top(x[0] if isinstance(x, list) else x)

        def train_step(self, data: Any) -> Any:
            seen.append((type(data), len(data) if isinstance(data, tuple) else data.shape[1:]))
            x = data[0] if isinstance(data, tuple) else data
            return {"loss": ops.sum(self(x))}

    for x in (X, [X, X]):
        model = Looks()
        model.compile("sgd", run_eagerly=run_eagerly)
        model.fit(x, batch_size=len(X), verbose=0)
    assert seen[0][0] is not tuple and tuple(seen[0][1]) == X.shape[1:] and seen[-1] == (tuple, 1)


def test_logs_that_are_none_are_refused() -> None:
    class Nothing(Model):
        def train_step(self, data: Any) -> Any:
            return None

    class Vector(Model):
        def train_step(self, data: Any) -> Any:
            return {"each": self(data[0])}

    with pytest.raises(ConfigError, match=r"Nothing.train_step\(\) must return a dict"):
        classifier(Nothing).fit(X, Y, verbose=0)
    with pytest.raises(ShapeError, match=r"Vector.train_step\(\): log 'each' must be a scalar"):
        classifier(Vector).fit(X, Y, verbose=0)


def test_a_failing_step_changes_nothing() -> None:
    class Fails(Model):
        def train_step(self, data: Any) -> Any:
            super().train_step(data)
            raise RuntimeError("half way")

    model = classifier(Fails)
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(RuntimeError, match="half way"):
        model.fit(X, Y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# ---- tapes -------------------------------------------------------------------------------------------------------------


def test_a_tape_gives_what_gradients_gives() -> None:
    w = symkeras.Variable(np.array([1.0, 2.0, 3.0], "float32"))

    def f(x: Any) -> Any:
        with symkeras.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = ops.square(x) * w
        own = tape.gradient(y, {"x": x, "w": w})
        weighted = tape.gradient(y, x, output_gradients=ops.convert_to_tensor(np.array([0.0, 1.0, 2.0], "float32")))
        return own["x"], own["w"], weighted, gradients(ops.sum(y), x)

    x = np.array([1.0, -2.0, 0.5], "float32")
    by_x, by_w, weighted, expected = symkeras.function(f)(x)
    np.testing.assert_array_equal(by_x, expected)
    np.testing.assert_allclose(by_w, x**2)
    np.testing.assert_allclose(weighted, np.array([0, 1, 2]) * expected)


def test_what_is_not_watched_has_no_gradient() -> None:
    w = symkeras.Variable(np.ones(3, "float32"))

    def f(x: Any) -> Any:
        with symkeras.GradientTape(watch_accessed_variables=False) as tape:
            y = x * w
        none, zeros = tape.gradient(y, [x, w]), symkeras.GradientTape(persistent=True).gradient(y, [x, w], unconnected_gradients="zero")
        assert none == [None, None]
        return zeros[0], zeros[1]

    zeros, by_w = symkeras.function(f)(np.arange(3, dtype="float32"))
    assert zeros.tolist() == [0, 0, 0]
    assert by_w.tolist() == [0, 1, 2]


def test_a_tape_is_asked_once_and_within_a_trace() -> None:
    def twice(x: Any) -> Any:
        with symkeras.GradientTape() as tape:
            tape.watch(x)
            y = x * x
        tape.gradient(y, x)
        return tape.gradient(y, x)

    with pytest.raises(GradientError, match="persistent=True"):
        symkeras.function(twice)(np.ones(2, "float32"))
    with pytest.raises(GradientError, match="not computed under the tape"):
        symkeras.GradientTape().gradient(np.ones(2), symkeras.Variable(np.ones(2, "float32")))
    with pytest.raises(ConfigError, match="unconnected_gradients"):
        symkeras.GradientTape().gradient(1, 2, unconnected_gradients="one")


# ---- run_eagerly -------------------------------------------------------------------------------------------------------


def test_run_eagerly_runs_python_on_arrays_for_every_batch() -> None:
    seen: list[Any] = []

    class Looks(ByHand):
        def train_step(self, data: Any) -> Any:
            seen.append(float(np.sum(data[0])))
            return super().train_step(data)

    class Branches(Model):
        def __init__(self) -> None:
            super().__init__()
            self.top = layers.Dense(1)

        def call(self, x: Any) -> Any:
            seen.append(type(x))
            return self.top(x * 2 if np.asarray(x).sum() > 0 else x)

    found, expected = classifier(Looks, run_eagerly=True), classifier(Model)
    histories = [m.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0).history for m in (found, expected)]
    assert seen == [pytest.approx(float(X[k : k + 16].sum()), rel=1e-4) for k in (0, 16, 32)] * 2
    for name, values in histories[0].items():
        assert values == pytest.approx(histories[1][name], rel=1e-4), name
    seen.clear()
    model = Branches()
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(X, Y, batch_size=16, verbose=0)
    assert len(seen) >= 3 and all(issubclass(kind, np.ndarray) for kind in seen)
    assert model.predict(X, verbose=0).shape == (48, 1) and isinstance(model.evaluate(X, Y, verbose=0), float)


def test_run_eagerly_takes_what_a_traced_step_takes() -> None:
    results = []
    for eagerly in (True, False):
        inputs = {"a": Input((5,), name="a"), "b": Input((5,), name="b")}
        both = layers.concatenate([layers.Dropout(0.2, seed=1)(inputs["a"]), inputs["b"]])
        symkeras.utils.set_random_seed(2)
        model = Model(inputs, [layers.Dense(1, name="p")(both), layers.Dense(2, name="q")(both)])
        model.set_weights([np.full(w.shape, 0.1, "float32") for w in model.get_weights()])
        model.compile("adam", ["mse", "mae"], metrics=[["mae"], None], run_eagerly=eagerly)
        x, y = {"a": X, "b": X + 1}, [Y, np.ones((48, 2), "float32")]
        model.fit(x, y, sample_weight=np.linspace(0, 1, 48), epochs=2, batch_size=20, verbose=0, shuffle=False)
        results.append([*model.evaluate(x, y, verbose=0), *(p.sum() for p in model.predict(x, verbose=0))])
    assert results[0] == pytest.approx(results[1], rel=1e-3)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_steps_for_other_engines_are_told_what_to_write(run_eagerly: bool) -> None:
    class OnJax(Model):
        def train_step(self, state: Any, data: Any) -> Any:
            return {}, state

    class OnTorch(Model):
        def train_step(self, data: Any) -> Any:
            self.zero_grad()
            return {}

    with pytest.raises(ConfigError, match=r"train_step\(self, data\) here"):
        classifier(OnJax, run_eagerly=run_eagerly).fit(X, Y, verbose=0)
    with pytest.raises(AttributeError, match="no module of PyTorch"):
        classifier(OnTorch, run_eagerly=run_eagerly).fit(X, Y, verbose=0)
    with pytest.raises(AttributeError, match="'OnTorch' object has no attribute 'nothing'"):
        _ = classifier(OnTorch).nothing
