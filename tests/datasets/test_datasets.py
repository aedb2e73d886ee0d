"""Data sets: the digits that come along, and readers of Keras' files on small files of the same form."""

import gzip
import io
import json
import pickle
import struct
import tarfile

import numpy as np
import pytest

from symkeras import datasets
from symkeras.datasets.local_files import read_arrays, read_cifar, read_idx, read_json
from symkeras.datasets.pickled_arrays import unpickle
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
    assert datasets.imdb.load_data(nb_words=12)[0][0].tolist() == datasets.imdb.load_data(num_words=12)[0][0].tolist()
    with pytest.raises(ConfigError, match="words"):
        datasets.imdb.load_data(words=12)
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


def _pickled(*words):
    """A pickle that asks for a name of NumPy and calls it: the sort of text that a stranger writes."""
    return b"\x80\x02" + b"".join(words) + b"."


_HUGE = b"\x8a\x05\x00\x00\x00\x00\x10"  # 2 ** 36
_RECONSTRUCT, _NDARRAY = b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n"
PICKLES = {
    "an array of a size that it does not fill": _pickled(_RECONSTRUCT, _NDARRAY, _HUGE, b"\x85U\x01b\x87R"),
    "an array made directly": _pickled(_NDARRAY, _HUGE, b"\x85\x85R"),
    "an array that says it is larger": _pickled(
        _RECONSTRUCT, _NDARRAY, b"K\x00\x85U\x01b\x87R(K\x01", _HUGE, b"\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x01atb"
    ),
    "a dtype of objects": _pickled(b"cnumpy\ndtype\n", b"]\x85R"),
    "an encoding": _pickled(b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R"),
    "a name that is not there": _pickled(b"cnumpy\nload\n"),
    "nothing": b"", "half of a word": b"\x80\x02X\xff", "another protocol": b"\x80\xff.",
}  # fmt: skip


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_takes_no_memory_that_it_does_not_fill(name):
    with pytest.raises(DataError):
        unpickle(io.BytesIO(PICKLES[name]))


def test_arrays_of_objects_and_texts_come_back_from_their_pickles():
    for protocol in range(5):
        given = {"a": np.arange(6, dtype="int16").reshape(2, 3), "b": [1.5, None, "x"], "c": np.array(["ab", "c"])}
        found = unpickle(io.BytesIO(pickle.dumps(given, protocol)))
        np.testing.assert_array_equal(found["a"], given["a"])
        assert found["b"] == given["b"] and found["c"].tolist() == ["ab", "c"]


def _with(path, content):
    path.write_bytes(content)
    return path


def test_files_that_unpack_to_far_more_than_they_are_are_refused(tmp_path):
    zeros = np.zeros(1 << 28, np.uint8)
    np.savez_compressed(tmp_path / "bomb.npz", a=zeros)
    with pytest.raises(DataError, match="unpacks"):
        read_arrays(tmp_path / "bomb.npz")
    head = b"\0\0\x08\x01" + (1 << 28).to_bytes(4, "big")
    with pytest.raises(DataError, match="unpacks"):
        read_idx(_with(tmp_path / "bomb.gz", gzip.compress(head + bytes(1 << 25))))
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        for name in ("x/other", "x/data"):
            member = tarfile.TarInfo(name)
            member.size = 1 << 25
            archive.addfile(member, io.BytesIO(bytes(1 << 25)))
    with pytest.raises(DataError, match="unpacks"):
        read_cifar(tmp_path / "bomb.tar.gz", "data", "labels")


def test_damaged_files_are_our_errors(tmp_path):
    np.savez(tmp_path / "good.npz", a=np.arange(100))
    content = (tmp_path / "good.npz").read_bytes()
    for k in range(0, len(content), 7):
        for changed in (content[:k], content[:k] + bytes([content[k] ^ 0x55]) + content[k + 1 :]):
            try:
                read_arrays(_with(tmp_path / "bad.npz", changed))
            except DataError:
                continue
    idx = gzip.compress(b"\0\0\x08\x02\0\0\0\x02\0\0\0\x03abcdef")
    assert read_idx(_with(tmp_path / "good.gz", idx)).shape == (2, 3)
    for bad in (b"", idx[:-9], gzip.compress(b""), gzip.compress(b"\0\0\x08\x02\0"), gzip.compress(b"\0\0\x08\x01\0\0\0\x02abc"), b"plain"):
        with pytest.raises(DataError):
            read_idx(_with(tmp_path / "bad.gz", bad))
    for bad in (b"", b"plain", gzip.compress(b"plain")):
        with pytest.raises(DataError):
            read_cifar(_with(tmp_path / "bad.tar", bad), "data", "labels")
    for bad in (b"{", b"[" * 100_000, b"\xff"):
        with pytest.raises(DataError):
            read_json(_with(tmp_path / "bad.json", bad))
    folder = tmp_path / "cifar"
    folder.mkdir()
    (folder / "data").write_bytes(pickle.dumps({b"data": np.zeros(7, np.uint8), b"labels": [1]}, 2))
    with pytest.raises(DataError, match="no images of CIFAR"):
        read_cifar(folder, "data", "labels")
