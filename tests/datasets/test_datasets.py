"""Data sets: the digits that come along, and readers of Keras' files on small files of the same form."""

import gzip
import io
import json
import pickle
import struct

import numpy as np
import pytest

from symkeras import datasets
from symkeras.errors import ConfigError, DataError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = tmp_path / "datasets"
    folder.mkdir()
    return folder


def ragged(*rows):
    out = np.empty(len(rows), object)
    out[:] = [list(r) for r in rows]
    return out


def test_the_digits_are_those_of_uci():
    (x_train, y_train), (x_test, y_test) = datasets.digits.load_data()
    assert x_train.shape == (1437, 8, 8) and x_test.shape == (360, 8, 8) and x_train.dtype == y_test.dtype == np.uint8
    assert x_train[0].tolist()[0] == [0, 0, 5, 13, 9, 1, 0, 0] and y_train[:10].tolist() == list(range(10))
    assert np.bincount(np.concatenate([y_train, y_test])).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert int(x_train.sum(dtype=int) + x_test.sum(dtype=int)) == 561718


@pytest.mark.parametrize("name", sorted(set(datasets.NAMES) - {"digits"}))
def test_an_absent_file_is_named_with_the_place_it_is_looked_for(home, name):
    with pytest.raises(DataError, match=r"downloads nothing: put https?://\S+ there") as caught:
        getattr(datasets, name).load_data()
    assert str(home) in str(caught.value)


def test_mnist(home):
    x, y = np.arange(2 * 28 * 28, dtype="uint8").reshape(2, 28, 28), np.uint8([3, 4])
    np.savez(home / "mnist.npz", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1])
    (x_train, y_train), (x_test, _) = datasets.mnist.load_data()
    assert np.array_equal(x_train, x) and y_train.tolist() == [3, 4] and x_test.shape == (1, 28, 28)
    assert datasets.mnist.load_data(home / "mnist.npz")[0][1].tolist() == [3, 4]


def test_fashion_mnist(home):
    folder = home / "fashion-mnist"
    folder.mkdir()
    for kind, rows in (("train", 3), ("t10k", 2)):
        for name, head, size in (("images-idx3", (0x803, rows, 28, 28), 28 * 28), ("labels-idx1", (0x801, rows), 1)):
            with gzip.open(folder / f"{kind}-{name}-ubyte.gz", "wb") as file:
                file.write(struct.pack(f">{len(head)}i", *head) + bytes(range(rows)) * size)
    (x_train, y_train), (x_test, _) = datasets.fashion_mnist.load_data()
    assert x_train.shape == (3, 28, 28) and y_train.tolist() == [0, 1, 2] and x_test.shape == (2, 28, 28)


def test_cifar10_from_its_folder(home):
    folder = home / "cifar-10-batches-py"
    folder.mkdir()
    for k, name in enumerate([*(f"data_batch_{b}" for b in range(1, 6)), "test_batch"]):
        data = np.full((2, 3072), k, np.uint8)
        data[:, :1024] = 9
        (folder / name).write_bytes(pickle.dumps({b"data": data, b"labels": [k, k + 1]}, protocol=2))
    (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data()
    assert x_train.shape == (10, 32, 32, 3) and x_test[0, 0, 0].tolist() == [9, 5, 5]
    assert y_train.ravel().tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5] and y_test.shape == (2, 1)


def test_imdb_limits_words_as_keras_does(home):
    x_train, x_test = ragged([1, 2, 50], [4]), ragged([7, 8], [9, 10, 11, 12])
    np.savez(home / "imdb.npz", x_train=x_train, y_train=np.array([1, 0]), x_test=x_test, y_test=np.array([0, 1]))
    (x_train, y_train), (x_test, _) = datasets.imdb.load_data(num_words=12)
    by_label = dict(zip(y_train.tolist(), x_train.tolist(), strict=True))
    assert by_label == {1: [1, 4, 5, 2], 0: [1, 7]}
    assert sorted(map(len, x_test)) == [3, 5]
    assert sorted(datasets.imdb.load_data(num_words=12, start_char=None, oov_char=None, index_from=0)[0][0].tolist()) == [[1, 2], [4]]
    assert [len(part[0]) for part in datasets.imdb.load_data(maxlen=4)] == [1, 1]
    with pytest.raises(DataError, match="maxlen"):
        datasets.imdb.load_data(maxlen=1)
    (home / "imdb_word_index.json").write_text(json.dumps({"the": 1}))
    assert datasets.imdb.get_word_index() == {"the": 1}


def test_reuters_is_split_and_shuffled(home):
    np.savez(home / "reuters.npz", x=ragged(*([k] for k in range(1, 11))), y=np.arange(10))
    (x_train, y_train), (x_test, y_test) = datasets.reuters.load_data(test_split=0.3, num_words=100)
    assert len(x_train) == 7 and len(x_test) == 3
    assert sorted([*y_train, *y_test]) == list(range(10))
    assert all(x[1] == y + 4 for x, y in zip(x_train, y_train, strict=True))
    assert len(datasets.reuters.get_label_names()) == 46


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_tables_of_houses(home, name):
    np.savez(home / f"{name}.npz", x=np.arange(1000.0)[:, None], y=np.arange(1000.0))
    (x_train, y_train), (x_test, _) = getattr(datasets, name).load_data()
    assert len(x_train) == 800 and len(x_test) == 200 and np.array_equal(x_train[:, 0], y_train)
    assert y_train[:2].tolist() != [0, 1]
    with pytest.raises(ConfigError, match="test_split"):
        getattr(datasets, name).load_data(test_split=1.0)


def test_california_has_a_small_version(home):
    np.savez(home / "california_housing.npz", x=np.zeros((1000, 8)), y=np.zeros(1000))
    assert len(datasets.california_housing.load_data("small")[0][0]) == 480
    with pytest.raises(ConfigError, match="version"):
        datasets.california_housing.load_data("medium")


def test_a_pickle_that_asks_for_more_than_arrays_is_refused(home):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    buffer = io.BytesIO()
    array = np.empty(1, object)
    array[0] = Evil()
    np.savez(buffer, x=array, y=np.zeros(1))
    (home / "reuters.npz").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"builtins\.print"):
        datasets.reuters.load_data()
