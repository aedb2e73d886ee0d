"""Where data sets lie on disk, and how their files are read without running what is in them.

Files are looked for in `$KERAS_HOME/datasets` (`~/.keras/datasets` when `KERAS_HOME` is not set), where Keras keeps
them. symkeras downloads nothing.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from symkeras.errors import ConfigError, DataError

# What pickled NumPy arrays are made of, under the names of old and new NumPy and of Python 2.
_ALLOWED = {
    **{(module, "_reconstruct"): np._core.multiarray._reconstruct  # type: ignore[attr-defined]
       for module in ("numpy.core.multiarray", "numpy._core.multiarray")},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): lambda text, encoding: text.encode(encoding),
}  # fmt: skip
Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(x_train, y_train), (x_test, y_test)."""

SOURCE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def folder() -> Path:
    """The folder of data sets."""
    home = os.environ.get("KERAS_HOME")
    return Path(home if home else Path.home() / ".keras") / "datasets"


def find(*names: str | os.PathLike[str], source: str = SOURCE) -> Path:
    """The first of `names` that exists: as it is where it is absolute, else in the folder of data sets.

    Raises:
        DataError: none does; says where each was looked for, and where it can be had.
    """
    places = [folder() / Path(name).expanduser() for name in names]
    for place in places:
        if place.exists():
            return place
    address = source if not source.endswith("/") else source + Path(names[0]).name
    raise DataError(f"no data set at {' or '.join(map(str, places))}; symkeras downloads nothing: put {address} there, or set KERAS_HOME")


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise DataError(f"the file holds more than arrays: it asks for {module}.{name}, which is not loaded") from None


def unpickle(file: IO[bytes], encoding: str = "ASCII") -> Any:
    """A pickle of plain values and NumPy arrays; anything else is refused."""
    try:
        return _ArraysOnly(file, encoding=encoding).load()
    except (pickle.UnpicklingError, EOFError, IndexError, KeyError, TypeError) as error:
        raise DataError(f"not a pickle of arrays: {error}") from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file, also those of lists that differ in length."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _read_array(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"{path} is not an npz file of arrays: {error}") from error


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else np.lib.format.read_array_header_2_0(file)
        if header[2].hasobject:
            return unpickle(file)
    return np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)


def read_json(path: Path) -> Any:
    """The contents of a JSON file."""
    return json.loads(path.read_text("utf-8"))


def read_idx(path: Path) -> np.ndarray:
    """A gzipped file of bytes in the IDX format of MNIST."""
    with gzip.open(path, "rb") as file:
        data = file.read()
    rank = data[3]
    shape = np.frombuffer(data, ">i4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read_cifar(path: Path, member: str, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (B, 3, 32, 32) and labels uint8 (B, 1) of one file of a CIFAR set, in its tar archive or in its folder."""
    if path.is_file():
        with tarfile.open(path) as archive:
            inner = next((m for m in archive.getmembers() if m.isfile() and m.name.endswith("/" + member)), None)
            file = archive.extractfile(inner) if inner is not None else None
            if file is None:
                raise DataError(f"{path} has no member {member}")
            content = unpickle(file, encoding="bytes")
    else:
        place = next((p for p in sorted(path.rglob(member)) if p.is_file()), None)
        if place is None:
            raise DataError(f"there is no file {member} below {path}")
        with place.open("rb") as file:
            content = unpickle(file, encoding="bytes")
    images, labels = content[b"data"], content[key.encode()]
    return np.asarray(images, np.uint8).reshape(-1, 3, 32, 32), np.asarray(labels, np.uint8)[:, None]


def shuffled(seed: int, *arrays: np.ndarray) -> list[np.ndarray]:
    """The rows of all arrays in one random order, that of Keras for this seed."""
    order = np.arange(len(arrays[0]))
    np.random.RandomState(seed).shuffle(order)
    return [a[order] for a in arrays]


def check_split(test_split: float) -> None:
    """Raise ConfigError unless the share of the test rows lies in [0, 1)."""
    if not 0 <= test_split < 1:
        raise ConfigError(f"test_split must lie in [0, 1), received {test_split!r}")
