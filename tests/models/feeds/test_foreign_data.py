"""Data of other libraries in fit, evaluate, predict and adapt: the real libraries where they are installed, else what is shaped like them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, foreign_data, layers
from symkeras.errors import DataError

X = np.arange(60, dtype="float32").reshape(20, 3) / 60
Y = X.sum(1, keepdims=True)


def model() -> Any:
    net = Sequential([Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    net.compile("sgd", "mse")
    return net


def trained(x: Any, y: Any = None, **options: Any) -> list[np.ndarray]:
    net = model()
    net.fit(x, y, epochs=2, verbose=0, shuffle=False, **options)
    return net.get_weights()


def equal_to_arrays(x: Any, y: Any = None, **options: Any) -> None:
    for a, b in zip(trained(x, y, **options), trained(X, Y, batch_size=8), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


class Restartable:
    """What the tests below make look like a data set of TensorFlow."""

    def as_numpy_iterator(self) -> Iterator[Any]:
        return ((X[k : k + 8], Y[k : k + 8]) for k in range(0, 20, 8))

    def __iter__(self) -> Any:
        raise AssertionError("its arrays are asked for")


class Samples:
    """What the tests below make look like a data set of PyTorch."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, k: int) -> Any:
        return X[k], Y[k]


class Stream:
    def __iter__(self) -> Iterator[Any]:
        return zip(X, Y, strict=True)


class Tensor:
    def __init__(self, array: np.ndarray):
        self.own = array

    def detach(self) -> Any:
        return self

    def cpu(self) -> np.ndarray:
        return self.own


def named(kind: type[Any], name: str, module: str) -> Any:
    return type(kind.__name__, (type(name, (kind,), {"__module__": module}),), {})


def test_a_data_set_of_tensorflow_gives_its_arrays() -> None:
    data = named(Restartable, "DatasetV2", "tensorflow.python.data.ops")()
    equal_to_arrays(data)
    net = model()
    assert net.evaluate(data, verbose=0) == pytest.approx(net.evaluate(X, Y, verbose=0))
    normal = layers.Normalization()
    normal.adapt(data)
    np.testing.assert_allclose(normal.mean[0], X.mean(0), rtol=1e-5)


def test_samples_of_pytorch_are_put_together() -> None:
    data = named(Samples, "Dataset", "torch.utils.data.dataset")()
    equal_to_arrays(data, batch_size=8)
    equal_to_arrays(named(Stream, "Dataset", "torch.utils.data.dataset")(), batch_size=8)
    net = model()
    net.fit(data, batch_size=8, epochs=2, verbose=0, validation_data=data)
    normal = layers.Normalization()
    normal.adapt(data)
    np.testing.assert_allclose(normal.mean[0], X.mean(0), rtol=1e-5)


def test_tensors_of_pytorch_are_taken_from_where_they_are() -> None:
    kind = named(Tensor, "Tensor", "torch")
    equal_to_arrays(Loader(kind))


class Loader:
    def __init__(self, kind: Any):
        self._kind = kind

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[Any]:
        return iter([[self._kind(X[k : k + 8]), self._kind(Y[k : k + 8])] for k in range(0, 20, 8)])


def test_the_real_pytorch_too() -> None:
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.from_numpy(X).requires_grad_(), torch.from_numpy(Y))
    equal_to_arrays(data, batch_size=8)
    equal_to_arrays(torch.utils.data.DataLoader(data, batch_size=8))


def test_the_real_tensorflow_too() -> None:
    tf = pytest.importorskip("tensorflow")
    equal_to_arrays(tf.data.Dataset.from_tensor_slices((X, Y)).batch(8))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_are_arrays(library: str) -> None:
    frames = pytest.importorskip(library)
    table, column = frames.DataFrame({f"c{k}": X[:, k] for k in range(3)}), frames.Series(Y[:, 0])
    equal_to_arrays(table, column, batch_size=8)
    np.testing.assert_allclose(model().predict(table, verbose=0), model().predict(X, verbose=0))
    assert foreign_data.array(frames.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]})).tolist() == [[1, 1, 0.5], [2, 0, 1.5]]
    assert np.isnan(foreign_data.array(frames.Series([1.0, None]))).tolist() == [False, True]
    with pytest.raises(DataError, match="column 'b' has dtype"):
        model().predict(frames.DataFrame({"a": [1], "b": ["x"], "c": [2]}), verbose=0)


def test_missing_integers_of_pandas_are_nan() -> None:
    pandas = pytest.importorskip("pandas")
    assert foreign_data.array(pandas.array([1, None], dtype="Int64").to_numpy("float64", na_value=np.nan)).tolist()[0] == 1
    found = foreign_data.array(pandas.Series([1, None], dtype="Int64"))
    assert found.dtype == "float64" and np.isnan(found[1])
    assert foreign_data.array(pandas.Series([1, 2], dtype="Int64")).dtype == "int64"


def test_a_lazy_table_is_refused() -> None:
    polars = pytest.importorskip("polars")
    with pytest.raises(DataError, match=r"give frame\.collect\(\)"):
        model().predict(polars.DataFrame({"a": [1.0]}).lazy(), verbose=0)
