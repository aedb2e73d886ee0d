"""What goes wrong in training says what was expected, what came and where; weights and optimizer stay as they were."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, callbacks, layers, losses, ops
from symkeras.errors import ConfigError, DataError, ShapeError, SymkerasError
from symkeras.saving.places import FileError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")


def trained(loss: Any = "mse", **arguments: Any) -> Any:
    """A model that has trained for an epoch, so that its optimizer has a state."""
    model = Sequential([Input((4,), name="rows"), layers.Dense(3, name="hidden"), layers.Dense(2, name="out")])
    model.compile("adam", loss, **arguments)
    model.fit(X, Y, batch_size=4, verbose=0)
    return model


def state(model: Any) -> list[np.ndarray]:
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Weights and optimizer state must come out of the block bit by bit as they went in."""
    before = state(model)
    yield
    after = state(model)
    assert len(before) == len(after)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def with_nan() -> np.ndarray:
    y = Y.copy()
    y[7, 1] = np.nan
    return y


def two_batches() -> Iterator[Any]:
    yield X[:4], Y[:4]
    yield X[4:8], Y[4:8]


DATA: dict[str, tuple[Any, Any, dict[str, Any], type[Exception], str]] = {
    "other rows in x and y": (X, Y[:9], {}, DataError, "same number of rows; received x: 12, y: 9"),
    "other rows in the weights": (X, Y, {"sample_weight": np.ones(5)}, DataError, "x: 12, y: 12, sample_weight: 5"),
    "a wrong size": (
        X[:, :3], Y, {}, ShapeError, r"input .rows. expects arrays of shape \(batch, 4\), received shape \(12, 3\) \(.*test_bad_input.py:\d+\)",
    ),
    "a wrong number of axes": (X[:, None, :, None], Y, {}, ShapeError, r"received shape \(12, 1, 4, 1\)"),
    "targets of a wrong size": (X, Y[:, [0, 1, 0]], {}, ShapeError, r"output 'out' with predictions \(batch, 2\) and targets \(batch, 3\)"),
    "strings": (X.astype(str), Y, {}, DataError, "x: expected real numbers, received dtype <U"),
    "objects": (np.array([[1, None]] * 12, object), Y, {}, DataError, "x: expected real numbers, received dtype object"),
    "strings as targets": (X, np.array(["a"] * 12), {}, DataError, "y: expected real numbers, received dtype <U1, such as .*'a'"),
    "complex numbers": (X + 1j, Y, {}, DataError, "received dtype complex"),
    "rows of unequal length": ([[1.0, 2.0], [3.0]] * 6, Y, {}, DataError, "x: the rows make no array"),
    "NaN targets": (X, with_nan(), {}, DataError, r"target of 'out' holds NaN \(first in row 7\)"),
    "a lone number": (np.float32(1), Y, {}, DataError, "x: expected an array with a batch axis, received a scalar"),
    "no rows": (X[:0], Y[:0], {}, DataError, "no rows"),
    "no data": (None, Y, {}, DataError, "x is None"),
    "no targets": (X, None, {}, DataError, "output 'out' has the loss 'mse', but there are no targets"),
    "an unknown output": (X, {"ouy": Y}, {}, DataError, "no output 'ouy'; outputs: out. Did you mean 'out'"),
    "too many inputs": ([X, X], Y, {}, DataError, "1 inputs .rows., received 2 arrays"),
    "an unknown input": ({"row": X}, Y, {}, DataError, "inputs are rows; received data for row: 'rows' is missing"),
    "integers that do not fit": (X, np.full((12, 2), 2**40), {}, DataError, "do not fit int32"),
    "a batch of nothing": (X, Y, {"batch_size": 0}, ConfigError, "fit: batch_size must be a positive integer or None, received 0"),
    "a share that leaves nothing": (X, Y, {"validation_split": 0.95}, DataError, "leaves no rows"),
    "an unknown argument": (X, Y, {"epoch": 2}, ConfigError, "unknown argument 'epoch'. Did you mean 'epochs'"),
    "a generator and targets": (two_batches, Y, {}, DataError, "targets and weights come from it"),
    "a generator to split": (two_batches, None, {"validation_split": 0.5}, DataError, "cannot be split"),
    "an empty generator": (lambda: iter(()), None, {}, DataError, "there are no batches"),
    "a batch of four": (lambda: iter([(X, Y, Y, Y)]), None, {}, DataError, "received a tuple of 4"),
    "callbacks that are none": (X, Y, {"callbacks": [print]}, ConfigError, "instances of Callback"),
}  # fmt: skip


@pytest.mark.parametrize("case", DATA)
def test_data_that_cannot_be_used_changes_nothing(case: str) -> None:
    x, y, arguments, error, message = DATA[case]
    model = trained()
    with unchanged(model), pytest.raises(error, match=message):
        model.fit(x() if callable(x) else x, y, verbose=0, **arguments)
    model.fit(X, Y, verbose=0)


def test_evaluate_predict_and_single_batches_check_their_data_as_well() -> None:
    model = trained()
    with unchanged(model):
        with pytest.raises(DataError, match="same number of rows"):
            model.evaluate(X, Y[:3], verbose=0)
        with pytest.raises(DataError, match="NaN"):
            model.train_on_batch(X, with_nan())
        with pytest.raises(ShapeError, match="expects arrays of shape"):
            model.predict(X[:, :2], verbose=0)
        with pytest.raises(DataError, match="dtype object"):
            model.predict_on_batch(np.array([[object()] * 4]))
        with pytest.raises(DataError, match="no rows"):
            model.test_on_batch(X[:0], Y[:0])


ARGUMENTS: dict[str, dict[str, tuple[Any, ...]]] = {
    "fit": {
        "batch_size": (0, -1, 1.5, "a"), "epochs": (-1, 1.5, "a", None, True), "verbose": (3, "loud", None, 0.5), "callbacks": (3, "a"),
        "validation_split": (-0.1, 1, 1.5, "a"), "validation_data": (3, X, {"x": X}), "shuffle": ("rows", None, 2), "initial_epoch": (-1, 0.5, "a"),
        "class_weight": (3, "balanced", [1, 2], {"a": 1}, {0.5: 1}, {0: "a"}, {0: np.nan}), "sample_weight": ("a", 3, {"a": 1}),
        "steps_per_epoch": (-1, 0, "a", np.nan, np.inf, True), "validation_steps": (0, -2, "a"), "validation_batch_size": (0, "a"),
        "validation_freq": (0, -1, 1.5, "a", None), "nb_epoch": ("a", -1),
    },
    "evaluate": {
        "batch_size": (0, "a"), "verbose": (3, "a"), "steps": (0, -1, "a"), "return_dict": ("a", 2), "callbacks": (3,), "sample_weight": (3,),
    },
    "predict": {"batch_size": (0, "a", 1.5, True), "verbose": (3, "a"), "steps": (0, -1, "a"), "callbacks": (3,)},
    "train_on_batch": {"class_weight": (3, {"a": 1}), "return_dict": ("a",), "sample_weight": ("a", 3)},
    "test_on_batch": {"return_dict": ("a",), "sample_weight": ("a", 3)},
    "compile": {
        "optimizer": (None, 3, object(), "a"), "loss": (3, object(), "a", ["a"]), "loss_weights": ("a", ["a"], {"out": "b"}, [1, 2], {"other": 1}),
        "metrics": (3, object(), "a", [3], {"out": 3}), "weighted_metrics": (3, "a"), "run_eagerly": ("a", None),
        "steps_per_execution": (0, "a", True), "jit_compile": ("a", 2), "auto_scale_loss": ("a",), "backend": (3, "a", ""),
        "level": ("O7", 3, [1]), "numerics": ("fast", "safe", 3, None),
        "poison": ("a",), "pipeline": (3,),
    },
}  # fmt: skip


@pytest.mark.parametrize(("method", "argument"), [(m, a) for m, arguments in ARGUMENTS.items() for a in arguments])
def test_arguments_of_a_wrong_type_or_value_say_what_is_expected(method: str, argument: str) -> None:
    model = trained()
    optimizer = model.optimizer
    for wrong in ARGUMENTS[method][argument]:
        data = {"x": X, "y": Y, "verbose": 0} if method in ("fit", "evaluate") else {"x": X} if method == "predict" else {"x": X, "y": Y}
        given = {**({} if method == "compile" else data), argument: wrong}
        with unchanged(model), pytest.raises(SymkerasError, match=r"[a-z]{3}"):
            getattr(model, method)(**given)
        assert model.optimizer is optimizer


def test_numbers_of_steps_are_rounded_up_and_numbers_of_numpy_are_taken() -> None:
    model = trained()
    history = model.fit(X, Y, batch_size=np.int64(4), epochs=np.int32(2), steps_per_epoch=len(X) / 5, verbose=False,
                        validation_data=(X, Y), validation_freq={2}, class_weight=None, validation_split=None).history  # fmt: skip
    assert int(model.optimizer.iterations.numpy()) == 3 + 2 * 3 and len(history["val_loss"]) == 1
    assert model.predict(X, batch_size=np.int64(5), verbose=False).shape == (12, 2)
    single = Sequential([Input((4,)), layers.Dense(3, activation="softmax")])
    single.compile("sgd", "sparse_categorical_crossentropy", loss_weights=2)
    single.fit(X, np.arange(12.0) % 3, class_weight=dict(zip(np.unique(np.arange(12.0) % 3), np.float32([1, 2, 3]), strict=True)), verbose=0)


def test_a_loss_of_ones_own_may_know_what_nan_means() -> None:
    model = trained(lambda t, p: ops.where(ops.isnan(t), 0.0, p - ops.where(ops.isnan(t), 0.0, t)) ** 2)
    assert np.isfinite(model.fit(X, with_nan(), verbose=0).history["loss"]).all()


NAMES: dict[str, tuple[Any, str]] = {
    "a loss": (lambda m: m.compile("sgd", "mean_squared_eror"), "loss 'mean_squared_eror'.*Did you mean 'mean_squared_error'"),
    "an optimizer": (lambda m: m.compile("adamm", "mse"), "optimizer 'adamm'.*Did you mean 'adam"),
    "a metric": (lambda m: m.compile("sgd", "mse", metrics=["acuracy"]), "metric 'acuracy'.*Did you mean"),
    "a metric of an output": (lambda m: m.compile("sgd", "mse", metrics={"out": ["mea"]}), "metric 'mea'.*Did you mean"),
    "an output": (lambda m: m.compile("sgd", {"outt": "mse"}), "no output 'outt'; outputs: out. Did you mean 'out'"),
    "an option": (lambda m: m.compile("sgd", "mse", metric=["mae"]), "unknown argument 'metric'. Did you mean 'metrics'"),
    "a backend": (lambda m: m.compile("sgd", "mse", backend="nunpy"), "backend 'nunpy'.*Did you mean 'numpy'"),
    "a layer": (lambda m: m.get_layer("hiden"), "no layer 'hiden'; it has hidden, out. Did you mean 'hidden'"),
    "an activation": (lambda m: m.add(layers.Dense(2, activation="rellu")), "'rellu'.*Did you mean 'relu"),
    "a function": (lambda m: m.executable("trian"), "received 'trian'. Did you mean 'train'"),
    "no optimizer": (lambda m: m.compile(None, "mse"), "an optimizer is needed"),
    "half a step": (lambda m: m.compile("sgd", "mse", steps_per_execution=0.5), "steps_per_execution must be a positive integer, received 0.5"),
}


@pytest.mark.parametrize("case", NAMES)
def test_unknown_names_offer_the_nearest_known_one(case: str) -> None:
    act, message = NAMES[case]
    model = trained()
    optimizer = model.optimizer
    with unchanged(model), pytest.raises(ValueError, match=message):
        act(model)
    assert model.optimizer is optimizer and len(model.layers) == 2


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_a_model_that_is_not_compiled_says_so(method: str) -> None:
    model = Sequential([Input((4,)), layers.Dense(2)])
    with pytest.raises(ConfigError, match=rf"call compile\(\) before {method}\(\)"):
        getattr(model, method)(X, Y)
    with pytest.raises(ConfigError, match="before executable"):
        model.executable("train")


LOSSES: dict[str, tuple[Any, type[Exception], str]] = {
    "not a scalar": (losses.MeanSquaredError(reduction="none"), ShapeError, r"'mean_squared_error' of output 'out' must be a scalar, .*\(batch,\)"),
    "without a gradient": (lambda t, p: ops.cast(ops.argmax(p, -1), "float32") + 0 * ops.sum(t, -1), SymkerasError, "no gradient"),
    "of the targets alone": (lambda t, p: ops.mean(t**2, -1), SymkerasError, "no gradient"),
    "for no output": (None, ConfigError, "there is no loss"),
    "for another output": ({"other": "mse"}, ConfigError, "loss: there is no output 'other'"),
}


@pytest.mark.parametrize("case", LOSSES)
def test_a_loss_that_cannot_be_minimised_changes_nothing(case: str) -> None:
    loss, error, message = LOSSES[case]
    model = trained()
    before = model.get_weights()
    with pytest.raises(error, match=message):
        model.compile("adam", loss)
        model.fit(X, Y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)


def test_a_shape_error_inside_of_a_layer_names_layer_and_line() -> None:
    class Wrong(layers.Layer):
        def call(self, x: Any) -> Any:
            return ops.matmul(x, np.ones((7, 2), "float32"))

    model = Sequential([layers.Dense(3), Wrong(name="wrong")])
    model.compile("sgd", "mse")
    with pytest.raises(ShapeError, match=r"inner sizes 3 and 7 .*\(in layer '.*wrong', (models/)?test_bad_input.py:\d+\)"):
        model.fit(X, Y, verbose=0)
    with pytest.raises(ShapeError, match=r"layer 'conv' expects 4 axes, received shape \('batch', 4\) from 'rows' \(.*test_bad_input.py:\d+\)"):
        layers.Conv2D(2, 3, name="conv")(Input((4,), name="rows"))


def test_a_generator_that_ends_early_leaves_the_steps_it_gave() -> None:
    early, whole = trained(), trained()
    whole.set_weights(early.get_weights())
    whole.optimizer.set_weights(early.optimizer.get_weights())
    with pytest.warns(UserWarning, match="ran out of data after 2 of 3 batches of this epoch"):
        early.fit(two_batches(), steps_per_epoch=3, verbose=0)
    whole.fit(two_batches(), steps_per_epoch=2, verbose=0)
    for a, b in zip(state(early), state(whole), strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_ends_with_the_epoch_that_uses_a_generator_up() -> None:
    model = trained()
    with pytest.warns(UserWarning, match="ran out of data before this epoch, which has no batches"):
        history = model.fit(two_batches(), epochs=5, verbose=0).history
    assert len(history["loss"]) == 1
    with pytest.warns(UserWarning, match="ran out of data before this epoch"):
        history = model.fit(X, Y, epochs=3, validation_data=two_batches(), verbose=0).history
    assert (len(history["loss"]), len(history["val_loss"])) == (3, 1)
    with pytest.raises(DataError, match="there are no batches"):
        model.fit(iter([]), epochs=2, verbose=0)


def test_an_error_in_a_generator_comes_through() -> None:
    def broken() -> Iterator[Any]:
        yield X, Y
        raise RuntimeError("the disk is on fire")

    model = trained()
    with pytest.raises(RuntimeError, match="on fire"):
        model.fit(broken(), verbose=0)
    model.fit(X, Y, verbose=0)


# ---- interruptions -------------------------------------------------------------------------------------------------


class PressCtrlC(callbacks.Callback):
    """Sends SIGINT around batch `batch`, and keeps the weights that every batch left."""

    def __init__(self, batch: int, begin: bool):
        super().__init__()
        self.batch, self.begin = batch, begin
        self.left: list[list[np.ndarray]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.begin and batch == self.batch:
            os.kill(os.getpid(), signal.SIGINT)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left.append(state(self.model))
        if not self.begin and batch == self.batch:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("begin", [True, False])
def test_an_interruption_leaves_the_weights_of_the_last_whole_step(begin: bool) -> None:
    model, press = trained(), PressCtrlC(1, begin)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=3, epochs=3, verbose=0, callbacks=[press])
    assert len(press.left) == 2
    for a, b in zip(state(model), press.left[-1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert signal.getsignal(signal.SIGINT) is handler
    model.fit(X, Y, verbose=0)


def test_an_interruption_from_outside_waits_for_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained()
    steps: list[int] = []
    iterations = int(model.optimizer.iterations.numpy())

    def endless() -> Iterator[Any]:
        while True:
            steps.append(1)
            if len(steps) == 5:
                threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGINT)).start()
            yield X, Y

    with pytest.raises(KeyboardInterrupt):
        model.fit(endless(), steps_per_epoch=10**7, verbose=0)
    assert len(steps) >= 5
    done = int(model.optimizer.iterations.numpy()) - iterations
    assert done == len(steps)
    again = trained()
    again.set_weights(model.get_weights())


def test_a_handler_of_the_program_is_called_after_the_step() -> None:
    heard: list[int] = []
    model = trained()
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[PressCtrlC(1, False)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


def test_a_second_interruption_does_not_wait() -> None:
    class Impatient(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("not reached")

    with pytest.raises(KeyboardInterrupt):
        trained().fit(X, Y, verbose=0, callbacks=[Impatient()])


def test_training_works_outside_of_the_main_thread() -> None:
    model = trained()
    thread = threading.Thread(target=lambda: model.fit(X, Y, verbose=0))
    before = int(model.optimizer.iterations.numpy())
    thread.start()
    thread.join()
    assert int(model.optimizer.iterations.numpy()) == before + 1


def test_an_exception_in_a_callback_leaves_whole_steps() -> None:
    class Fails(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                raise RuntimeError("enough")

    model = trained()
    before = int(model.optimizer.iterations.numpy())
    with pytest.raises(RuntimeError, match="enough"):
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[Fails()])
    assert int(model.optimizer.iterations.numpy()) == before + 2
    model.fit(X, Y, verbose=0)


def test_a_checkpoint_that_cannot_be_written_is_an_error_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = trained()
    checkpoint = callbacks.ModelCheckpoint(str(tmp_path / "file" / "model.keras"))
    with unchanged(model), pytest.raises((SymkerasError, OSError), match="file"):
        model.fit(X, Y, verbose=0, callbacks=[checkpoint])
    for write in (model.save, model.save_weights, model.export):
        for suffix in {"save": (".keras",), "save_weights": (".weights.h5", ".safetensors"), "export": (".c", ".py", ".onnx")}[write.__name__]:
            with unchanged(model), pytest.raises(FileError, match="no folder") as caught:
                write(tmp_path / "missing" / f"model{suffix}")
            assert isinstance(caught.value, FileNotFoundError)


def test_the_folder_of_a_legacy_file_is_made_as_keras_does(tmp_path: Path) -> None:
    trained().save(tmp_path / "a" / "b" / "model.h5")
    assert [file.name for file in (tmp_path / "a" / "b").iterdir()] == ["model.h5"]
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"model\.h5"):
        trained().save(tmp_path / "file" / "model.h5")


def test_values_that_overflow_are_reported_not_raised() -> None:
    model = Model(x := Input((1,)), layers.Dense(1, kernel_initializer="ones")(x))
    model.compile("sgd", "mse")
    history = model.fit(np.full((2, 1), 1e30), np.zeros((2, 1)), verbose=0).history
    assert np.isinf(history["loss"]).all()


def test_an_input_that_is_none_is_named() -> None:
    x = Input((3,), name="pixels")
    model = Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    for call in (lambda: model.fit([None], np.ones((4, 1))), lambda: model.predict([None])):
        with pytest.raises(DataError, match="'pixels' is not optional"):
            call()
