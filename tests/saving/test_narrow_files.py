"""Files of weights in bfloat16 and in 8 bits: as Keras writes them, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, callbacks, layers
from symkeras.errors import DataError
from symkeras.saving.weight_store import put
from tests.keras_reference import reference

pytest.importorskip("ml_dtypes")
h5py = pytest.importorskip("h5py")

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def model_of(lib: Any) -> Any:
    model = lib.Sequential([lib.Input((3,)), lib.layers.Dense(4, dtype="bfloat16", activation="relu"), lib.layers.Dense(1, dtype="mixed_bfloat16")])
    model.compile(lib.optimizers.SGD(0.05, momentum=0.5), "mse")
    return model


def numbers(model: Any) -> list[np.ndarray]:
    return [np.asarray(getattr(v, "value", v)).astype("float32") for v in (*model.weights, *model.optimizer.variables)]


def test_bits_of_bfloat16_and_of_8_bits_come_back_from_every_kind_of_file(tmp_path: Path) -> None:
    model = model_of(symkeras)
    model.fit(X, Y, verbose=0)
    before = numbers(model)
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        again = symkeras.saving.load_model(tmp_path / name)
        assert [w.dtype for w in again.weights] == ["bfloat16", "bfloat16", "float32", "float32"]
        assert all(map(np.array_equal, before, numbers(again)))
    eight = symkeras.Sequential([Input((3,)), layers.Dense(2, dtype="float8_e4m3fn")])
    eight.save_weights(tmp_path / "eight.weights.h5")
    kernel = eight.layers[0].kernel.numpy()
    eight.layers[0].kernel.assign(np.zeros_like(kernel))
    eight.load_weights(tmp_path / "eight.weights.h5")
    assert eight.layers[0].kernel.dtype == "float8_e4m3fn" and np.array_equal(eight.layers[0].kernel.numpy(), kernel)


def test_a_training_in_bfloat16_goes_on_where_it_stopped(tmp_path: Path) -> None:
    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    whole, model = model_of(symkeras), model_of(symkeras)
    model.set_weights(whole.get_weights())
    whole.fit(X, Y, epochs=4, verbose=0, shuffle=False)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=4, verbose=0, shuffle=False, callbacks=[callbacks.BackupAndRestore(tmp_path), Stop()])
    other = model_of(symkeras)
    other.fit(X, Y, epochs=4, verbose=0, shuffle=False, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    assert other.optimizer.iterations.numpy() >= 2 and not any(np.isnan(a).any() for a in numbers(other))


def test_a_file_that_says_bfloat16_of_something_else_is_refused(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), layers.Dense(2, dtype="bfloat16")])
    path = tmp_path / "m.weights.h5"
    for stored in (np.zeros((3, 2), "float32"), np.zeros((3, 2), "V3")):
        model.save_weights(path)
        with h5py.File(path, "r+") as file:
            place = file["layers/dense/vars"] if "layers/dense/vars" in file else next(iter(file["layers"].values()))["vars"]
            del place["0"]
            place["0"] = stored
            place["0"].attrs["dtype"] = "bfloat16"
        with pytest.raises(DataError, match="says it is bfloat16"):
            model.load_weights(path)


def test_what_is_put_into_a_file_has_the_layout_of_keras(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        put(file, "a", np.ones(3, "bfloat16"))
        put(file, "b", np.ones(3, "float32"))
        assert (file["a"].dtype, file["a"].attrs["dtype"], file["b"].dtype, dict(file["b"].attrs)) == (np.dtype("V2"), "bfloat16", np.dtype("f4"), {})


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_opens_our_files_and_we_open_its_own(tmp_path: Path) -> None:
    keras = reference()
    for writer, reader in ((symkeras, keras), (keras, symkeras)):
        model = model_of(writer)
        model.fit(X, Y, verbose=0)
        model.save(tmp_path / "m.keras")
        again = reader.saving.load_model(tmp_path / "m.keras")
        assert [str(w.dtype) for w in again.weights] == [str(w.dtype) for w in model.weights]
        assert all(map(np.array_equal, numbers(model), numbers(again)))
        histories = [m.fit(X, Y, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (model, again)]
        np.testing.assert_allclose(*histories, rtol=0.02)


