"""Where data sets lie on disk, and how their files are read without running what is in them.

Files are looked for in `$KERAS_HOME/datasets` (`~/.keras/datasets` when `KERAS_HOME` is not set), where Keras keeps
them. symkeras downloads nothing.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from symkeras.datasets.pickled_arrays import unpickle
from symkeras.errors import ConfigError, DataError
from symkeras.graph.escaping import printable
from symkeras.saving import archives, json_text
from symkeras.saving.npz_files import read_npz
from symkeras.saving.places import require_file

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


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file, also those of lists that differ in length.

    Raises:
        DataError: it is damaged, unpacks to far more than is stored, or holds more than arrays.
    """
    return read_npz(path, of_objects=unpickle)


def read_json(path: Path) -> Any:
    """The contents of a JSON file."""
    with path.open("rb") as file:
        return json_text.parse(file.read(json_text.SIZE + 1), repr(str(path)))


def read_idx(path: Path) -> np.ndarray:
    """A gzipped file of bytes in the IDX format of MNIST.

    Raises:
        DataError: it is damaged, or has not as many bytes as it says.
    """
    what = repr(str(path))
    most = _most_unpacked(path)
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(4)
            rank = head[3] if len(head) == 4 else 0
            sizes = file.read(4 * rank)
            if head[:3] != b"\0\0\x08" or not 1 <= rank <= 4 or len(sizes) != 4 * rank:
                raise DataError(f"{what} is no file of bytes in the IDX format")
            shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
            size = math.prod(shape)
            if size > most:
                raise DataError(f"{what} unpacks to {size} bytes: refused")
            data = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{what} is no file of bytes in the IDX format: {printable(error)}") from error
    if len(data) != size:
        raise DataError(f"{what} says it has {size} bytes of data, and has others")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _most_unpacked(path: Path) -> int:
    require_file(path)
    return max(archives.FLOOR, archives.EXPANSION * path.stat().st_size)


def read_cifar(path: Path, member: str, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (B, 3, 32, 32) and labels uint8 (B, 1) of one file of a CIFAR set, in its tar archive or in its folder.

    Raises:
        DataError: there is no such file, or it is damaged, or holds something else.
    """
    if path.is_dir():
        place = next((p for p in sorted(path.rglob(member)) if p.is_file()), None)
        if place is None:
            raise DataError(f"there is no file {member} below {path}")
        with place.open("rb") as file:
            content = unpickle(file, encoding="bytes")
    else:
        content = unpickle(io.BytesIO(_member(path, member)), encoding="bytes")
    try:
        images, labels = content[b"data"], content[key.encode()]
        return np.asarray(images, np.uint8).reshape(-1, 3, 32, 32), np.asarray(labels, np.uint8)[:, None]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(f"{member} of {str(path)!r} holds no images of CIFAR: {printable(error)}") from error


def _member(path: Path, member: str) -> bytes:
    """A file of a tar archive, which is read no further than it may unpack to."""
    most, what = _most_unpacked(path), repr(str(path))
    try:
        with tarfile.open(path) as archive:
            for found in archive:
                if found.offset_data + found.size > most:
                    raise DataError(f"{what} unpacks to more than {most} bytes: refused")
                file = archive.extractfile(found) if found.isfile() and found.name.endswith("/" + member) else None
                if file is not None:
                    return file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{what} is not a readable archive: {printable(error)}") from error
    raise DataError(f"{what} has no member {member}")


def shuffled(seed: int, *arrays: np.ndarray) -> list[np.ndarray]:
    """The rows of all arrays in one random order, that of Keras for this seed."""
    order = np.arange(len(arrays[0]))
    np.random.RandomState(seed).shuffle(order)
    return [a[order] for a in arrays]


def check_split(test_split: float) -> None:
    """Raise ConfigError unless the share of the test rows lies in [0, 1)."""
    if not 0 <= test_split < 1:
        raise ConfigError(f"test_split must lie in [0, 1), received {test_split!r}")
