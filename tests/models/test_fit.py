from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from symkeras import (
    Input,
    Model,
    Sequential,
    callbacks,
    config,
    constraints,
    errors,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
    tree,
    utils,
)
from symkeras.optimizers import schedules

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 4)).astype("float32")
P = RNG.normal(size=(22, 1)).astype("float32")
Q = RNG.normal(size=(22, 2)).astype("float32")
CLASSES = RNG.integers(0, 3, 22)
WEIGHTS = RNG.uniform(0.5, 2, 22).astype("float32")


def line(units: int = 1, activation: Any = None, **kwargs: Any) -> Any:
    """One dense layer with fixed weights."""
    model = Sequential([Input((4,)), layers.Dense(units, activation=activation, **kwargs)])
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) * 0.3 for w in model.get_weights()])
    return model


def fork(pack: Any = lambda p, q: [p, q]) -> Any:
    """Two outputs, "p" and "q"."""
    x = Input((4,), name="x")
    h = layers.Dense(3, activation="tanh")(x)
    model = Model(x, pack(layers.Dense(1, name="p")(h), layers.Dense(2, name="q")(h)))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) * 0.3 for w in model.get_weights()])
    return model


def fit(model: Any, y: Any, x: Any = X, **kwargs: Any) -> dict[str, list[Any]]:
    """The history of training in order, 8 rows at a time."""
    return model.fit(x, y, **{"batch_size": 8, "shuffle": False, "verbose": 0, **kwargs}).history


def values(model: Any, x: Any = X) -> np.ndarray:
    return model.predict(x, verbose=0)


# ---- names and order -----------------------------------------------------------------------------------------------


def share(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(y_pred)


def rates(y_true: Any, y_pred: Any) -> dict[str, Any]:
    return {"up": ops.mean(y_pred, axis=-1), "down": -ops.mean(y_pred)}


HISTORIES: dict[str, tuple[Any, Any, dict[str, Any], list[str], list[str]]] = {
    "one output": (line, P, {"loss": "mse", "metrics": ["mae", "mse"]}, ["loss", "mae", "mse"], ["loss", "mae", "mse"]),
    "names as they were given": (
        line, P, {"loss": "MSE", "metrics": ["MAE", share, metrics.RootMeanSquaredError()]},
        ["MAE", "loss", "root_mean_squared_error", "share"], ["loss", "MAE", "share", "root_mean_squared_error"],
    ),
    "the same name twice": (
        line, P, {"loss": "mse", "metrics": ["mae", "mae"], "weighted_metrics": ["mae"]},
        ["loss", "mae", "mae_1", "weighted_mae"], ["loss", "mae", "mae_1", "weighted_mae"],
    ),
    "lists per output": (
        fork, [P, Q], {"loss": ["mse", "mae"], "metrics": [["mae"], ["mse", "mae"]]},
        ["loss", "p_loss", "p_mae", "q_loss", "q_mae", "q_mse"], ["loss", "p_loss", "q_loss", "p_mae", "q_mae", "q_mse"],
    ),
    "dicts by name": (
        fork, {"q": Q, "p": P},
        {"loss": {"q": "mae", "p": "mse"}, "metrics": {"q": "mae"}, "weighted_metrics": {"q": ["mae"], "p": "mse"}},
        ["loss", "p_loss", "p_mse", "q_loss", "q_mae", "q_weighted_mae"], ["loss", "q_loss", "p_loss", "p_mse", "q_mae", "q_weighted_mae"],
    ),
    "outputs in a dict": (
        lambda: fork(lambda p, q: {"second": q, "first": p}),
        {"first": P, "second": Q},
        {"loss": {"first": "mse", "second": "mae"}, "metrics": {"first": "mae"}},
        ["first_loss", "first_mae", "loss", "second_loss"], ["loss", "first_loss", "second_loss", "first_mae"],
    ),
    "one loss for all": (fork, [P, Q], {"loss": "mse"}, ["loss", "p_loss", "q_loss"], ["loss", "p_loss", "q_loss"]),
    "an output without loss": (fork, [P, None], {"loss": {"p": "mse"}, "metrics": {"p": ["mae"]}}, ["loss", "p_mae"], ["loss", "p_mae"]),
    "a function that gives a dict": (
        line, P, {"loss": "mse", "metrics": [rates, "mae"]}, ["down", "loss", "mae", "up"], ["loss", "mae", "down", "up"],
    ),
    "a dict of one of two outputs": (
        fork, [P, Q], {"loss": "mse", "metrics": {"p": [rates]}},
        ["down", "loss", "p_loss", "q_loss", "up"], ["loss", "p_loss", "q_loss", "down", "up"],
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the loss does not depend on the variables")
@pytest.mark.parametrize("case", HISTORIES)
def test_logs_have_the_names_and_the_order_of_keras(case: str) -> None:
    make, y, arguments, sorted_names, in_order = HISTORIES[case]
    model = make()
    model.compile("sgd", **arguments)
    history = fit(model, y)
    assert list(history) == sorted_names
    assert list(fit(model, y, validation_data=(X, y))) == sorted([*sorted_names, *(f"val_{n}" for n in sorted_names)])
    by_name = model.evaluate(X, y, verbose=0, return_dict=True)
    found = model.evaluate(X, y, verbose=0)
    assert list(by_name) == sorted_names and model.metrics_names == in_order
    assert (found if isinstance(found, list) else [found]) == [by_name[n] for n in in_order]
    assert all(type(v) is float for v in by_name.values())


def test_a_lone_loss_is_returned_without_a_list() -> None:
    model = line()
    model.compile("sgd", "mse")
    assert type(model.evaluate(X, P, verbose=0)) is float and type(model.train_on_batch(X, P)) is float


def test_histories_and_logs_answer_to_the_names_of_2017(tmp_path: Any) -> None:
    seen: list[Any] = []
    model = line(3, "softmax")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    best = callbacks.ModelCheckpoint(str(tmp_path / "{epoch:02d}-{val_acc:.2f}.keras"), monitor="val_acc", save_best_only=True)
    rate = callbacks.LearningRateScheduler(lambda epoch: 0.1)
    watch = callbacks.LambdaCallback(on_epoch_end=lambda k, logs: seen.append((logs["acc"], logs.get("val_acc"), "acc" in logs)),
                                     on_train_batch_end=lambda k, logs: seen.append(logs.get("acc")))  # fmt: skip
    history = fit(model, CLASSES, batch_size=22, validation_data=(X, CLASSES), callbacks=[best, rate, watch])
    assert list(history) == ["accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"] and history == dict(history)
    assert history["acc"] is history["accuracy"] and history["val_acc"] is history["val_accuracy"] and history["lr"] is history["learning_rate"]
    assert seen == [history["acc"][0], (history["acc"][0], history["val_acc"][0], True)]
    assert "acc" in history and "acc" not in list(history) and "val_lr" not in history and history.get("recall") is None
    assert [p.name for p in tmp_path.iterdir()] == [f"01-{history['val_acc'][0]:.2f}.keras"]
    two = fork()
    two.compile("sgd", "mse", metrics={"q": ["mae"]})
    assert fit(two, [P, Q], validation_split=0.5).keys() >= {"q_mae", "val_q_mae"}
    assert two.history.history["val_q_mean_absolute_error"] == two.history.history["val_q_mae"]
    with pytest.raises(KeyError, match="akk"):
        history["akk"]


# ---- losses and weights --------------------------------------------------------------------------------------------

LOSSES: dict[str, Any] = {
    "a name": "mse", "another name": "mean_squared_error", "a class name": "MeanSquaredError", "a function": losses.mean_squared_error,
    "an object": losses.MeanSquaredError(), "a list": ["mse"], "a dict": {"dense": "mse"}, "an own function": lambda t, p: (t - p) ** 2,
    "a function of one number": lambda t, p: ops.mean((t - p) ** 2), "a class": losses.MeanSquaredError, "a list in a dict": {"dense": ["mse"]},
    "a config": {"class_name": "MeanSquaredError", "config": {}},
}  # fmt: skip


@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_is_a_name_a_function_an_object_or_in_a_container(kind: str) -> None:
    x = Input((4,))
    model = Model(x, layers.Dense(1, name="dense")(x))
    model.compile("sgd", LOSSES[kind])
    expected = np.mean((values(model) - P) ** 2)
    assert model.evaluate(X, P, batch_size=22, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_the_mean_over_an_epoch_counts_rows_and_not_batches() -> None:
    model = line()
    model.compile(optimizers.SGD(0.0), "mse", metrics=["mae"])
    history = fit(model, P, batch_size=15)
    assert history["loss"][0] == pytest.approx(np.mean((values(model) - P) ** 2), rel=1e-5)
    assert history["mae"][0] == pytest.approx(np.abs(values(model) - P).mean(), rel=1e-5)


def test_losses_of_outputs_are_weighted_in_the_sum_only() -> None:
    model = fork()
    for weights in ([0.5, 2.0], {"p": 0.5, "q": 2.0}):
        model.compile("sgd", ["mse", "mae"], loss_weights=weights)
        total, first, second = model.evaluate(X, [P, Q], verbose=0)
        p, q = values(model)
        assert first == pytest.approx(np.mean((p - P) ** 2), rel=1e-5) and second == pytest.approx(np.abs(q - Q).mean(), rel=1e-5)
        assert total == pytest.approx(0.5 * first + 2 * second, rel=1e-5)


def total_error(t: Any, p: Any) -> Any:
    return sum(ops.mean(ops.abs(a - b)) for a, b in zip(tree.flatten(t), tree.flatten(p), strict=True))


@pytest.mark.parametrize("kind", [tuple, list, "dict"])
def test_a_loss_may_be_of_a_whole_structure_of_outputs(kind: Any) -> None:
    x = Input((4,))
    p, q = layers.Dense(1, name="p")(x), layers.Dense(2, name="q")(x)
    pair = (lambda a, b: {"p": a, "q": b}) if kind == "dict" else lambda a, b: kind([a, b])
    several = list if kind is tuple else tuple
    model = Model(x, pair(p, q))
    model.compile("sgd", several([total_error, pair("mse", "mae")]), loss_weights=several([2.0, pair(0.5, None)]))
    total, whole, first, second = model.evaluate(X, pair(P, Q), verbose=0)
    p, q = tree.flatten(model.predict(X, verbose=0))
    assert whole == pytest.approx(np.abs(p - P).mean() + np.abs(q - Q).mean(), rel=1e-5)
    assert first == pytest.approx(((p - P) ** 2).mean(), rel=1e-5) and second == pytest.approx(np.abs(q - Q).mean(), rel=1e-5)
    assert total == pytest.approx(2 * whole + 0.5 * first + second, rel=1e-5)
    assert sorted(fit(model, pair(P, Q))) == ["loss", "p_loss", "p_q_loss", "q_loss"]
    with pytest.raises(errors.DataError, match="sample weights say nothing"):
        model.evaluate(X, pair(P, Q), sample_weight=np.ones(len(X)), verbose=0)


def test_one_loss_is_of_an_output_in_a_list_or_dict() -> None:
    x = Input((4,))
    for pack in (lambda p: [p], lambda p: {"p": p}, lambda p: (p,)):
        model = Model(x, pack(layers.Dense(1, name="p")(x)))
        for loss, weights in (("mse", None), (["mse"], [1.0]), ({"p": "mse"}, {"p": 1.0}), ("mse", 1.0)):
            model.compile("sgd", loss, loss_weights=weights)
            assert list(fit(model, P)) == ["loss"]


def test_losses_and_targets_go_by_the_nesting_of_outputs() -> None:
    x = Input((4,))
    p, q, r = (layers.Dense(units, name=name)(x) for units, name in ((1, "p"), (2, "q"), (1, "r")))
    model = Model(x, {"a": (p, q), "b": {"c": r}})
    model.compile("sgd", {"a": [total_error, (None, "mae")], "b": {"c": "mse"}})
    results = model.evaluate(X, {"a": (P, Q), "b": {"c": P}}, verbose=0, return_dict=True)
    assert sorted(results) == ["a/q_loss", "a_loss", "b/c_loss", "loss"]
    assert results["b/c_loss"] == pytest.approx(((model.predict(X, verbose=0)["b"]["c"] - P) ** 2).mean(), rel=1e-5)
    for wrong in ({"a": {"b": "mse"}}, {"a": ["mse", "mse", "mse"]}, {"d": "mse"}, {"a": ["mse"]}, [total_error, "mse"]):
        with pytest.raises(errors.ConfigError, match="loss"):
            model.compile("sgd", wrong)


def test_an_output_may_have_several_losses_and_others_none() -> None:
    model = fork()
    model.compile("sgd", [None, ("mse", "mae")], loss_weights=[None, (1.0, 0.5)])
    q = values(model)[1]
    squares, distances = ((q - Q) ** 2).mean(), np.abs(q - Q).mean()
    assert model.evaluate(X, Q, verbose=0) == pytest.approx(squares + 0.5 * distances, rel=1e-5)
    model.compile("sgd", ["mse", ("mse", "mae")])
    assert model.evaluate(X, [P, Q], verbose=0, return_dict=True)["q_loss"] == pytest.approx(squares + distances, rel=1e-5)


@pytest.mark.parametrize("loss", [[None, "mae"], {"q": "mae"}])
def test_outputs_without_a_loss_need_no_targets(loss: Any) -> None:
    model = fork()
    model.compile("sgd", loss)
    expected = pytest.approx(np.abs(values(model)[1] - Q).mean(), rel=1e-5)
    for y in (Q, [Q], [None, Q], {"q": Q}):
        assert model.evaluate(X, y, verbose=0) == expected
    weighted = model.evaluate(X, Q, sample_weight=[np.full(22, 3.0)], verbose=0)
    assert weighted == pytest.approx(3 * model.evaluate(X, Q, verbose=0), rel=1e-5)
    with pytest.raises(errors.DataError, match="received 3 arrays"):
        model.evaluate(X, [P, Q, Q], verbose=0)


def test_crossentropy_and_accuracy_follow_the_shapes() -> None:
    one_hot = np.eye(3)[CLASSES]
    for y, units, activation in ((CLASSES, 3, "softmax"), (one_hot, 3, "softmax"), (CLASSES[:, None] > 0, 1, "sigmoid")):
        model = line(units, activation)
        model.compile("sgd", "crossentropy", metrics=["accuracy"])
        loss, accuracy = model.evaluate(X, y, verbose=0)
        p = values(model)
        if units == 1:
            expected, right = -np.log(np.where(y, p, 1 - p)).mean(), ((p > 0.5) == y).mean()
        else:
            expected, right = -np.log(p[np.arange(22), CLASSES]).mean(), (p.argmax(-1) == CLASSES).mean()
        assert loss == pytest.approx(expected, rel=1e-4) and accuracy == pytest.approx(right, rel=1e-5)


@pytest.mark.parametrize("how", ["fit", "train_on_batch", "evaluate"])
def test_a_metric_that_was_used_before_begins_anew_in_the_next_training(how: str) -> None:
    used = metrics.MeanAbsoluteError()
    used.update_state(np.zeros(5), np.full(5, 100.0))
    model = line()
    model.compile("sgd", "mse", metrics=[used])
    expected = np.abs(model(X).numpy() - P).mean()
    if how == "fit":
        found = model.fit(X, P, batch_size=22, verbose=0).history["mean_absolute_error"][0]
    else:
        found = getattr(model, how)(X, P, **({"verbose": 0} if how == "evaluate" else {}))[1]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_sample_weights_weigh_losses_and_weighted_metrics() -> None:
    model = line()
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    loss, plain, weighted = model.evaluate(X, P, sample_weight=WEIGHTS, batch_size=22, verbose=0)
    error = (values(model) - P)[:, 0]
    assert loss == pytest.approx(np.mean(error**2 * WEIGHTS), rel=1e-5)
    assert plain == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert weighted == pytest.approx((np.abs(error) * WEIGHTS).sum() / WEIGHTS.sum(), rel=1e-5)


def test_each_output_may_have_weights_of_its_own() -> None:
    model = fork()
    model.compile("sgd", "mse")
    ones = np.ones(22)
    total = model.evaluate(X, [P, Q], sample_weight=[2 * ones, ones], batch_size=22, verbose=0)
    by_name = model.evaluate(X, [P, Q], sample_weight={"p": 2 * ones}, batch_size=22, verbose=0)
    for_all = model.evaluate(X, [P, Q], sample_weight=2 * ones, batch_size=22, verbose=0)
    plain = model.evaluate(X, [P, Q], batch_size=22, verbose=0)
    assert total == pytest.approx(by_name) and total[1:] == pytest.approx([2 * plain[1], plain[2]])
    assert for_all == pytest.approx([2 * v for v in plain])


@pytest.mark.parametrize("is_one_hot", [True, False])
def test_class_weights_are_sample_weights_by_class(is_one_hot: bool) -> None:
    y = np.eye(3)[CLASSES] if is_one_hot else CLASSES
    loss = "categorical_crossentropy" if is_one_hot else "sparse_categorical_crossentropy"
    by_class, by_row = line(3, "softmax"), line(3, "softmax")
    for model in (by_class, by_row):
        model.compile("sgd", loss)
    table = {0: 2.0, 1: 0.5}
    a = fit(by_class, y, class_weight=table)
    b = fit(by_row, y, sample_weight=np.array([table.get(c, 1.0) for c in CLASSES]))
    assert a == b
    np.testing.assert_array_equal(by_class.get_weights()[0], by_row.get_weights()[0])


def test_class_weights_do_not_count_in_validation() -> None:
    model = line(3, "softmax")
    model.compile(optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    history = fit(model, CLASSES, class_weight={0: 5.0, 1: 5.0, 2: 5.0}, validation_split=0.5)
    assert history["loss"][0] == pytest.approx(5 * model.evaluate(X[:11], CLASSES[:11], verbose=0), rel=1e-5)
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X[11:], CLASSES[11:], verbose=0), rel=1e-5)


# ---- penalties, constraints, frozen weights ------------------------------------------------------------------------


def test_penalties_of_weights_and_activities_are_part_of_the_loss() -> None:
    model = line(kernel_regularizer=regularizers.L2(0.1), bias_regularizer="l1", activity_regularizer=regularizers.L1(0.2))
    model.compile("sgd", "mse")
    kernel, bias = model.get_weights()
    p = values(model)
    expected = np.mean((p - P) ** 2) + 0.1 * (kernel**2).sum() + 0.01 * np.abs(bias).sum() + 0.2 * np.abs(p).sum() / len(p)
    assert model.evaluate(X, P, batch_size=22, verbose=0) == pytest.approx(expected, rel=1e-5)
    frozen = line(kernel_regularizer=regularizers.L2(0.1), trainable=False)
    frozen.compile("sgd", "mse")
    assert frozen.evaluate(X, P, batch_size=22, verbose=0) == pytest.approx(np.mean((values(frozen) - P) ** 2), rel=1e-5)


def test_constraints_hold_after_every_step() -> None:
    model = line(kernel_constraint=constraints.MaxNorm(0.2), bias_constraint="non_neg")
    model.compile(optimizers.SGD(1.0), "mse")
    fit(model, P - 10)
    kernel, bias = model.get_weights()
    assert np.linalg.norm(kernel, axis=0).max() == pytest.approx(0.2, rel=1e-4) and bias.min() >= 0


def test_frozen_layers_keep_their_weights_once_compiled_as_such() -> None:
    model = Sequential([Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(1)])
    model.compile("sgd", "mse")
    fit(model, P)
    before = model.get_weights()
    model.layers[0].trainable = False
    model.layers[1].trainable = False
    model.compile("sgd", "mse")
    fit(model, P)
    after = model.get_weights()
    for k, (a, b) in enumerate(zip(before, after, strict=True)):
        assert np.array_equal(a, b) == (k < 6), model.weights[k].path
    model.layers[0].trainable = True
    model.compile("sgd", "mse")
    fit(model, P)
    assert not np.array_equal(model.get_weights()[0], after[0])
    model.trainable = False
    assert model.trainable_weights == []


def test_compiling_again_takes_a_new_optimizer_and_keeps_the_weights() -> None:
    model = line()
    model.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
    fit(model, P)
    before = model.get_weights()
    model.compile("adam", "mae", metrics=["mse"])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert list(fit(model, P)) == ["loss", "mse"] and int(model.optimizer.iterations.numpy()) == 3


def test_a_compile_that_fails_leaves_the_model_as_it_was() -> None:
    model = line()
    model.compile("sgd", "mse")
    fit(model, P)
    before = model.optimizer
    for arguments in ({"loss": "mze"}, {"optimizer": "addam"}, {"metrics": ["akkuracy"]}, {"loss": {"q": "mse"}}):
        with pytest.raises(ValueError):
            model.compile(**{"optimizer": "adam", "loss": "mse", **arguments})
    assert model.optimizer is before and list(fit(model, P)) == ["loss"]


def test_the_learning_rate_may_follow_a_schedule_or_a_callback() -> None:
    seen = []
    model = line()
    model.compile(optimizers.SGD(schedules.PiecewiseConstantDecay([2, 4], [0.1, 0.05, 0.0])), "mse")
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda k, logs: seen.append(model.get_weights()[0]))
    fit(model, P, epochs=3, callbacks=[watch])
    moves = [np.abs(b - a).max() > 0 for a, b in itertools.pairwise(seen)]
    assert moves == [True] * 4 + [False] * 4
    model.compile(optimizers.SGD(0.1), "mse")
    history = fit(model, P, epochs=3, callbacks=[callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2)])
    assert history["learning_rate"] == pytest.approx([0.05, 0.025, 0.0125]) and float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.0125)


# ---- rows, epochs, steps -------------------------------------------------------------------------------------------


class Recorder(callbacks.Callback):
    """Writes down every event."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def names(self, prefix: str) -> list[str]:
        return [e for e in self.events if e.startswith(prefix)]


def _note(name: str) -> Any:
    def hook(self: Any, *args: Any, **kwargs: Any) -> None:
        self.events.append(" ".join([name, *(str(a) for a in args if isinstance(a, int))]))

    return hook


for _kind in ("train", "test", "predict"):
    for _name in (f"{_kind}_begin", f"{_kind}_end", f"{_kind}_batch_begin", f"{_kind}_batch_end"):
        setattr(Recorder, f"on_{_name}", _note(_name))
for _name in ("epoch_begin", "epoch_end"):
    setattr(Recorder, f"on_{_name}", _note(_name))


def test_callbacks_hear_everything_in_order() -> None:
    model, recorder = line(), Recorder()
    model.compile("sgd", "mse")
    fit(model, P, batch_size=11, epochs=2, validation_data=(X, P), validation_batch_size=22, callbacks=[recorder])
    batches = ["train_batch_begin 0", "train_batch_end 0", "train_batch_begin 1", "train_batch_end 1"]
    test = ["test_begin", "test_batch_begin 0", "test_batch_end 0", "test_end"]
    epochs = [e for k in range(2) for e in (f"epoch_begin {k}", *batches, *test, f"epoch_end {k}")]
    assert recorder.events == ["train_begin", *epochs, "train_end"]
    recorder.events.clear()
    model.evaluate(X, P, batch_size=11, callbacks=[recorder], verbose=0)
    assert recorder.events == [e.replace("train", "test") for e in ("train_begin", *batches, "train_end")]
    recorder.events.clear()
    model.predict(X, batch_size=11, callbacks=[recorder], verbose=0)
    assert recorder.events == [e.replace("train", "predict") for e in ("train_begin", *batches, "train_end")]


def test_batch_hooks_come_once_per_execution() -> None:
    model, recorder = line(), Recorder()
    model.compile("sgd", "mse", steps_per_execution=2)
    fit(model, P, batch_size=5, callbacks=[recorder])
    expected = ["begin 0", "end 1", "begin 2", "end 3", "begin 4", "end 5"]
    assert recorder.names("train_batch") == [f"train_batch_{e}" for e in expected]
    model.evaluate(X, P, batch_size=5, callbacks=[recorder], verbose=0)
    assert recorder.names("test_batch") == [f"test_batch_{e}" for e in expected]
    model.predict(X, batch_size=5, callbacks=[recorder], verbose=0)
    assert recorder.names("predict_batch") == [f"predict_batch_{e}" for e in expected]


def test_the_last_execution_of_unknown_length_ends(capsys: Any) -> None:
    model, recorder, rows = line(), Recorder(), []
    model.compile("sgd", "mse", steps_per_execution=2)
    batches = [(X[k : k + 8], P[k : k + 8]) for k in (0, 8, 16)]
    model.fit(iter(batches), verbose=0, callbacks=[recorder])
    assert recorder.names("train_batch") == [f"train_batch_{e}" for e in ("begin 0", "end 1", "begin 2", "end 3")]
    count = callbacks.LambdaCallback(on_predict_batch_end=lambda k, seen: rows.append(len(seen["outputs"])))
    model.predict(iter(x for x, _ in batches), callbacks=[count])
    assert rows == [16, len(X) - 16]
    capsys.readouterr()
    model.evaluate(X, P, batch_size=8, verbose=1)
    assert "3/3" in (shown := capsys.readouterr().out) and "4/3" not in shown


def test_a_callback_that_only_begins_hears_every_batch() -> None:
    seen: list[int] = []

    class Begins(callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append(batch)

    model = line()
    model.compile("sgd", "mse")
    fit(model, P, callbacks=[Begins()])
    assert seen == [0, 1, 2]


def test_logs_of_batches_are_those_of_the_epoch_so_far() -> None:
    logs: list[float] = []
    model = line()
    model.compile(optimizers.SGD(0.0), "mse")
    fit(model, P, batch_size=11, callbacks=[callbacks.LambdaCallback(on_train_batch_end=lambda k, seen: logs.append(seen["loss"]))])
    error = (values(model) - P) ** 2
    assert logs == pytest.approx([error[:11].mean(), error.mean()], rel=1e-5)


def test_stopping_ends_after_the_batch() -> None:
    model, recorder = line(), Recorder()
    model.compile("sgd", "mse")

    def stop(batch: int, logs: Any) -> None:
        model.stop_training = batch == 1

    fit(model, P, epochs=5, batch_size=4, callbacks=[recorder, callbacks.LambdaCallback(on_train_batch_end=stop)])
    assert recorder.names("train_batch_end") == ["train_batch_end 0", "train_batch_end 1"]
    assert recorder.events[-2:] == ["epoch_end 0", "train_end"] and int(model.optimizer.iterations.numpy()) == 2


def test_epochs_may_begin_later() -> None:
    model = line()
    model.compile("sgd", "mse")
    assert model.fit(X, P, initial_epoch=2, epochs=5, verbose=0).epoch == [2, 3, 4]


def test_rows_are_shuffled_anew_every_epoch_unless_told_not_to() -> None:
    seen: list[list[float]] = []

    class Peek(layers.Layer):
        def build(self, shape: Any) -> None:
            self.last = self.add_weight(shape=(4,), initializer="zeros", trainable=False)

        def call(self, x: Any) -> Any:
            self.last.assign(ops.reshape(x, (4,)))
            return x

    peek = Peek()
    model = Sequential([Input((1,)), peek, layers.Dense(1)])
    model.compile("sgd", "mse")
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda k, logs: seen.append(peek.last.numpy().tolist()))
    rows = np.arange(8.0)[:, None] / 10
    utils.set_random_seed(1)
    for shuffle in (False, True):
        model.fit(rows, rows, batch_size=4, epochs=2, shuffle=shuffle, verbose=0, callbacks=[watch])
    epochs = [np.concatenate(seen[k : k + 2]) for k in range(0, 8, 2)]
    np.testing.assert_allclose(epochs[0], rows[:, 0], rtol=1e-6)
    np.testing.assert_allclose(epochs[1], rows[:, 0], rtol=1e-6)
    assert not np.array_equal(epochs[2], epochs[0]) and not np.array_equal(epochs[2], epochs[3])
    np.testing.assert_allclose(sorted(epochs[3]), rows[:, 0], rtol=1e-6)


def test_batches_of_neighbouring_rows_may_be_shuffled_as_wholes() -> None:
    rows = np.arange(22.0)
    seen: list[float] = []
    model = Sequential([Input((1,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizers.SGD(0.0), lambda t, p: ops.max(p, axis=-1))
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda k, logs: seen.append(logs["loss"] * min(4 * (k + 1), 22)))
    utils.set_random_seed(4)
    model.fit(rows, rows, batch_size=4, epochs=2, shuffle="batch", verbose=0, callbacks=[watch])
    sums = [float(rows[k : k + 4].sum()) for k in range(0, 22, 4)]
    epochs = [np.diff(seen[k : k + 6], prepend=0).round().tolist() for k in (0, 6)]
    assert all(sorted(e[:5]) == sums[:5] and e[5] == sums[5] for e in epochs) and epochs[0] != epochs[1]


def test_epochs_of_steps_end_with_the_arrays() -> None:
    by_steps, by_rows = line(), line()
    for model in (by_steps, by_rows):
        model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="ran out of data after 1 of 2 batches") as warned:
        history = fit(by_steps, P, steps_per_epoch=2, epochs=4)
    fit(by_rows, P, epochs=2)
    assert len(warned) == 2 and len(history["loss"]) == 4 and int(by_steps.optimizer.iterations.numpy()) == 6
    np.testing.assert_array_equal(by_steps.get_weights()[0], by_rows.get_weights()[0])


def test_callbacks_hear_of_batches_that_there_are() -> None:
    model = line()
    model.compile("sgd", "mse")
    seen: list[Any] = []

    def note(event: str) -> Any:
        return lambda batch, logs: seen.append((event, batch))

    watch = callbacks.LambdaCallback(on_train_batch_begin=note("begin"), on_train_batch_end=note("end"))
    for data in ({"x": X, "y": P, "batch_size": 8}, {"x": Batches()}, {"x": Plain()}, {"x": iter(Plain())}):
        seen.clear()
        with pytest.warns(UserWarning, match="after 3 of 4 batches"):
            model.fit(**data, steps_per_epoch=4, verbose=0, callbacks=[watch])
        assert seen == [(event, k) for k in range(3) for event in ("begin", "end")]


def test_validation_takes_the_last_rows_or_data_of_its_own() -> None:
    model = line()
    model.compile("sgd", "mse")
    history = fit(model, P, validation_split=0.25)
    assert history["val_loss"] == [pytest.approx(model.evaluate(X[16:], P[16:], verbose=0), rel=1e-6)]
    for given in ((X[:5], P[:5]), [X[:5], P[:5]], (X[:5], P[:5], np.ones(5)), iter([(X[:5], P[:5])])):
        history = fit(model, P, validation_data=given)
        assert history["val_loss"] == [pytest.approx(model.evaluate(X[:5], P[:5], verbose=0), rel=1e-6)]
    two = fork()
    two.compile("sgd", "mse")
    assert "val_q_loss" in fit(two, [P, Q], validation_split=0.5, sample_weight=[WEIGHTS, None])


def test_validation_comes_when_it_is_due() -> None:
    model = line()
    model.compile("sgd", "mse")
    assert [len(fit(model, P, epochs=4, validation_data=(X, P), validation_freq=f)["val_loss"]) for f in (1, 2, [1, 4], 3)] == [4, 2, 2, 1]
    history = fit(model, P, validation_data=(X, P), validation_steps=1, validation_batch_size=4)
    assert history["val_loss"] == [pytest.approx(model.evaluate(X[:4], P[:4], verbose=0), rel=1e-6)]


def test_the_environment_may_cap_epochs_and_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_state", {k: v for k, v in config._state.items() if not k.startswith("max_")})
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "2")
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "1")
    model = line()
    model.compile("sgd", "mse")
    assert len(fit(model, P, epochs=9)["loss"]) == 2 and int(model.optimizer.iterations.numpy()) == 2
    assert len(fit(model, None, x=forever())["loss"]) == 1 and int(model.optimizer.iterations.numpy()) == 3
    assert len(model.predict(X, batch_size=4, verbose=0)) == 4
    assert model.evaluate(X, P, batch_size=4, verbose=0) == pytest.approx(model.evaluate(X[:4], P[:4], verbose=0), rel=1e-6)


# ---- streams of batches --------------------------------------------------------------------------------------------


def forever() -> Iterator[Any]:
    while True:
        for begin in range(0, 22, 8):
            yield X[begin : begin + 8], P[begin : begin + 8]


class Batches:
    """The batches of X and P by number, as Keras' Sequence and PyDataset have them."""

    def __init__(self, weights: Any = None):
        self.weights = weights
        self.ends = 0

    def __len__(self) -> int:
        return 3

    def __getitem__(self, k: int) -> Any:
        rows = slice(8 * k, 8 * k + 8)
        return (X[rows], P[rows]) if self.weights is None else (X[rows], P[rows], self.weights[rows])

    def on_epoch_end(self) -> None:
        self.ends += 1


class Plain:
    """What only iterates."""

    def __iter__(self) -> Iterator[Any]:
        return iter([(X[k : k + 8], P[k : k + 8]) for k in (0, 8, 16)])


@pytest.mark.parametrize("data", [{"x": X, "y": P, "batch_size": 8}, {"x": Batches()}, {"x": iter(Plain())}], ids=["arrays", "by number", "a stream"])
def test_epochs_have_whole_executions_where_the_data_have_them(data: Any) -> None:
    model, recorder = line(), Recorder()
    model.compile("sgd", "mse", steps_per_execution=2)
    model.fit(**data, steps_per_epoch=1, epochs=2, shuffle=False, verbose=0, callbacks=[recorder])
    assert recorder.names("train_batch") == ["train_batch_begin 0", "train_batch_end 1"] * 2
    assert int(model.optimizer.iterations.numpy()) == 3
    assert len(model.predict(X, batch_size=8, steps=1, verbose=0)) == 16


STREAMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "an endless generator": (forever, {"steps_per_epoch": 3}),
    "a sequence": (Batches, {}),
    "an iterable": (Plain, {}),
    "an iterable of as many batches as steps": (Plain, {"steps_per_epoch": 3}),
    "a list in an iterator": (lambda: iter([(X[k : k + 8], P[k : k + 8]) for k in (0, 8, 16)] * 2), {"steps_per_epoch": 3}),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_of_batches_train_like_arrays(kind: str) -> None:
    make, arguments = STREAMS[kind]
    streamed, whole = line(), line()
    for model in (streamed, whole):
        model.compile("sgd", "mse", metrics=["mae"])
    assert streamed.fit(make(), epochs=2, shuffle=False, verbose=0, **arguments).history == fit(whole, P, epochs=2)
    np.testing.assert_array_equal(streamed.get_weights()[0], whole.get_weights()[0])
    steps = arguments.get("steps_per_epoch")
    assert streamed.evaluate(make(), steps=steps, verbose=0) == pytest.approx(whole.evaluate(X, P, batch_size=8, verbose=0))
    np.testing.assert_allclose(streamed.predict(make(), steps=steps, verbose=0), values(whole), rtol=1e-5, atol=1e-6)


def test_sequences_bring_weights_and_hear_of_epochs() -> None:
    streamed, whole = line(), line()
    for model in (streamed, whole):
        model.compile("sgd", "mse")
    source = Batches(WEIGHTS)
    assert streamed.fit(source, epochs=2, shuffle=False, verbose=0).history == fit(whole, P, epochs=2, sample_weight=WEIGHTS)
    assert source.ends == 2
    assert list(streamed.fit(Batches(), validation_data=Batches(), verbose=0).history) == ["loss", "val_loss"]


def test_the_generator_methods_of_2017_are_there() -> None:
    model = line()
    model.compile("sgd", "mse")
    assert len(model.fit_generator(forever(), steps_per_epoch=3, epochs=2, verbose=0, validation_data=(X, P)).history["val_loss"]) == 2
    assert type(model.evaluate_generator(forever(), steps=2)) is float
    assert model.predict_generator(forever(), steps=2).shape == (16, 1)


def test_generators_of_keras_1_count_samples() -> None:
    class Rows:
        batch_size = 8

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> Any:
            return X[:8], P[:8]

    model = line()
    model.compile("sgd", "mse")
    seen: list[int] = []
    note = callbacks.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(batch))
    model.fit_generator(Rows(), samples_per_epoch=20, nb_epoch=1, nb_worker=1, max_q_size=3, verbose=0, callbacks=[note])
    assert seen == [0, 1, 2]
    assert model.predict_generator(Rows(), val_samples=16, verbose=0).shape == (16, 1)
    with pytest.raises(errors.ConfigError, match="no batch_size"):
        model.fit_generator(iter([(X, P)]), samples_per_epoch=20)
    with pytest.raises(errors.ConfigError, match="unknown argument 'steps_per_epoch'"):
        model.predict_generator(Rows(), steps_per_epoch=3)


def test_rows_may_be_lists_of_numbers() -> None:
    model = line()
    model.compile("sgd", "mse")
    assert model.evaluate(X.tolist(), P.tolist(), verbose=0) == pytest.approx(model.evaluate(X, P, verbose=0), rel=1e-6)
    np.testing.assert_allclose(model.predict([[1, 2, 3, 4]], verbose=0), model(np.array([[1, 2, 3, 4]])), rtol=1e-6)
    assert model.evaluate(X.astype("float64"), P[:, 0], verbose=0) == pytest.approx(model.evaluate(X, P, verbose=0), rel=1e-6)
    assert Sequential([layers.Dense(1)]).predict([[1, 2], [3, 4]], verbose=0).shape == (2, 1)  # a model that is not built yet


# ---- one batch, backends, repeats ----------------------------------------------------------------------------------


def test_one_batch_methods_report_that_batch_only() -> None:
    model = line()
    model.compile(optimizers.SGD(0.1), "mse", metrics=["mae"])
    first = model.test_on_batch(X[:3], P[:3])
    assert first == pytest.approx([np.mean((values(model, X[:3]) - P[:3]) ** 2), np.abs(values(model, X[:3]) - P[:3]).mean()], rel=1e-5)
    before = model.get_weights()[0]
    assert model.train_on_batch(X[:3], P[:3]) == pytest.approx(first)
    assert not np.array_equal(model.get_weights()[0], before)
    assert model.train_on_batch(X[:3], P[:3])[0] < first[0]
    assert list(model.train_on_batch(X[:3], P[:3], sample_weight=np.ones(3), return_dict=True)) == ["loss", "mae"]
    np.testing.assert_allclose(model.predict_on_batch(X[:3]), values(model, X[:3]), rtol=1e-6)
    weighted = line(3, "softmax")
    weighted.compile("sgd", "sparse_categorical_crossentropy")
    assert weighted.train_on_batch(X, CLASSES, class_weight={0: 0.0, 1: 0.0, 2: 0.0}) == 0


def _noisy() -> Any:
    return Sequential([Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.3), layers.Dense(3, activation="softmax")])


def test_the_same_seed_gives_the_same_bits() -> None:
    runs = []
    for _ in range(2):
        utils.set_random_seed(7)
        model = _noisy()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(X, CLASSES, epochs=3, batch_size=8, verbose=0).history
        runs.append((history, model.get_weights()))
    assert runs[0][0] == runs[1][0]
    for a, b in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("how", [{"backend": "interpreter"}, {"run_eagerly": True}, {"level": "O0"}, {"level": "O1"}])
def test_other_ways_to_run_give_the_same_training(how: dict[str, Any]) -> None:
    histories = []
    for arguments in ({}, how):
        utils.set_random_seed(7)
        model = _noisy()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **arguments)
        histories.append(model.fit(X, CLASSES, epochs=3, batch_size=8, verbose=0).history)
    assert histories[0]["loss"] == pytest.approx(histories[1]["loss"], rel=1e-4)


def test_ema_weights_take_the_place_of_weights_when_training_ends() -> None:
    model = line()
    model.compile(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    last: list[np.ndarray] = []
    fit(model, P, callbacks=[callbacks.LambdaCallback(on_epoch_end=lambda k, logs: last.append(model.get_weights()[0]))])
    assert not np.allclose(last[0], model.get_weights()[0])


def test_functions_are_compiled_once() -> None:
    model = line()
    model.compile("sgd", "mse")
    for _ in range(2):
        fit(model, P, epochs=2)
        model.evaluate(X, P, verbose=0)
        values(model)
    assert len(model._steps) == 3
    executable = model.executable("train")
    fit(model, P[:11], x=X[:11])
    assert model.executable("train") is executable
    fit(model, P, sample_weight=WEIGHTS)
    assert model.executable("train") is not executable


def test_predictions_do_not_change_with_later_calls() -> None:
    model = line()
    first = values(model)
    copy = first.copy()
    values(model, -X)
    np.testing.assert_array_equal(first, copy)
