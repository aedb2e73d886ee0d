"""Arrays in HDF5 files as Keras 3 lays them out: each object has a path, its arrays lie at `<path>/vars/0`, `1`, ...

A file to be read is looked through first (`h5_check`).
"""

from __future__ import annotations

import os
import re
import reprlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.errors import ConfigError, DataError, SymkerasError
from symkeras.graph import dtypes
from symkeras.graph.escaping import printable
from symkeras.saving.h5_check import check_file, h5

if TYPE_CHECKING:
    import h5py

_NUMBERS = "biuf"
"""Kinds of dtypes that weights can have."""
_ERROR_NUMBER = re.compile(r"\berrno = (\d+)")


@contextmanager
def reading_file(file: Any, name: Any = None) -> Iterator[h5py.File]:
    """An HDF5 file to be read, by path or file object; it is looked through before anything is read of it.

    Args:
        file: a path or a file object.
        name: what errors call it; the path when None.

    Raises:
        DataError: it is not one, it is damaged, or it holds what weights do not: links to elsewhere, more than is stored.
    """
    place = str(name if name is not None else file)
    try:
        with h5().File(file, "r") as opened:
            check_file(opened, file)
            yield opened
    except FileNotFoundError as error:
        raise DataError(f"there is no file {place!r}") from error
    except DataError as error:
        raise error if place in str(error) else DataError(f"{place!r}: {error}") from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError) as error:
        if isinstance(error, SymkerasError):
            raise
        raise DataError(f"{place!r} is not a readable HDF5 file: {printable(error)}") from error


@contextmanager
def writing_file(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file.

    Raises:
        OSError: it cannot be written; what HDF5 says at length is one of the system's errors again.
    """
    try:
        with h5().File(path, "w") as opened:
            yield opened
    except (OSError, RuntimeError) as error:
        found = _ERROR_NUMBER.search(str(error))
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1]))) from error


@contextmanager
def naming(name: str, is_path: bool = True) -> Iterator[None]:
    """Context in which something in a file gets a name.

    Args:
        name: a path below some group, or a text in an attribute.
        is_path: which of the two.

    Raises:
        ConfigError: HDF5 does not take it.
    """
    try:
        if "\0" in name or (is_path and any(part in ("", ".") for part in name.split("/"))):
            raise ValueError("it has a NUL, or a part that is empty or '.'")
        yield
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, SymkerasError) or _ERROR_NUMBER.search(str(error)):
            raise
        raise ConfigError(f"{reprlib.repr(name)} is no name that an HDF5 file takes: {printable(error)}") from error


def group(parent: Any, path: str) -> h5py.Group | None:
    """The group at `path` below `parent`, or None.

    Raises:
        DataError: it is no group.
    """
    found = parent
    for part in path.split("/") if path else ():
        if not part or part not in found:
            return None
        found = found[part]
        if not isinstance(found, h5().Group):
            raise DataError(f"HDF5 file: {path!r} is no group")
    return found


def _dataset(parent: Any, path: str) -> h5py.Dataset:
    """The array at `path` below `parent`, not read yet.

    Raises:
        DataError: there is none, or it holds something else than numbers.
    """
    folder, _, name = path.rpartition("/")
    place = group(parent, folder)
    if place is None or name not in place:
        raise DataError(f"HDF5 file: there is no array {path!r}")
    dataset: Any = place[name]
    if not isinstance(dataset, h5().Dataset):
        raise DataError(f"HDF5 file: {path!r} is no array")
    if dataset.shape is None or dataset.dtype.subdtype is not None or (dataset.dtype.kind not in _NUMBERS and not _foreign(dataset)):
        raise DataError(f"HDF5 file: {dataset.name!r} holds {dataset.dtype}, weights are numbers")
    return dataset


def _foreign(dataset: h5py.Dataset) -> str:
    """The dtype that NumPy does not have whose bits a dataset holds, as Keras notes it beside them; "" for none."""
    noted = dataset.attrs.get("dtype")
    if not isinstance(noted, str) or noted not in dtypes.FOREIGN:
        return ""
    if dataset.dtype.itemsize != dtypes.itemsize(noted):
        raise DataError(f"HDF5 file: array {dataset.name!r} says it is {noted}, and holds {dataset.dtype}")
    return noted


def put(parent: Any, key: str, value: Any) -> None:
    """Write an array below `parent`; of numbers that NumPy does not have the bits, with their dtype beside them."""
    value = np.asarray(value)
    if value.dtype.name not in dtypes.FOREIGN:
        parent[key] = value
        return
    parent[key] = value.view(f"V{value.dtype.itemsize}")
    parent[key].attrs["dtype"] = value.dtype.name


def array(parent: Any, path: str) -> np.ndarray:
    """The array at `path` below `parent`.

    Raises:
        DataError: there is none, it is none of numbers, or what is stored of it is damaged.
    """
    dataset = _dataset(parent, path)
    try:
        value = np.asarray(dataset)
        foreign = _foreign(dataset)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"HDF5 file: array {dataset.name!r} cannot be read: {printable(error)}") from error
    return dtypes.wide(value.view(foreign)) if foreign else value


class WriteStore(MutableMapping[str, Any]):
    """Where one object puts its arrays: `store["0"] = value`.

    Args:
        file: open for writing.
        path: of the object.
        name: its name, noted at the group.
    """

    def __init__(self, file: h5py.File, path: str, name: str | None):
        self._path = f"{path}/vars" if path else "vars"
        self._file = file
        if name is not None:
            with naming(name, is_path=False):
                file.require_group(self._path).attrs["name"] = name

    def __setitem__(self, key: str, value: Any) -> None:
        put(self._file.require_group(self._path), key, value)

    def __getitem__(self, key: str) -> np.ndarray:
        return array(self._file, f"{self._path}/{key}")

    def __delitem__(self, key: str) -> None:
        del self._file[f"{self._path}/{key}"]

    def __iter__(self) -> Iterator[str]:
        return iter([str(k) for k in group(self._file, self._path) or ()])

    def __len__(self) -> int:
        return len(group(self._file, self._path) or ())


class StoredArrays(Mapping[str, Any]):
    """The arrays of one object, and what can be told of them without reading them."""

    @abstractmethod
    def shape(self, key: str) -> tuple[int, ...]:
        """The shape of an array."""

    @abstractmethod
    def dtype(self, key: str) -> np.dtype:
        """The dtype in which an array is read: float32 for bfloat16 and numbers of 8 bits."""


class ReadStore(StoredArrays):
    """The arrays of one object in a file; empty where the file has none."""

    def __init__(self, file: h5py.File, path: str):
        self._group = group(file, f"{path}/vars" if path else "vars")

    def __getitem__(self, key: str) -> np.ndarray:
        if self._group is None or key not in self._group:
            raise KeyError(key)
        return array(self._group, key)

    def __contains__(self, key: object) -> bool:
        return self._group is not None and key in self._group

    def shape(self, key: str) -> tuple[int, ...]:
        return tuple(self._dataset(key).shape)

    def dtype(self, key: str) -> np.dtype:
        dataset = self._dataset(key)
        return np.dtype("f4") if _foreign(dataset) else dataset.dtype

    def _dataset(self, key: str) -> h5py.Dataset:
        if self._group is None or key not in self._group:
            raise KeyError(key)
        return _dataset(self._group, key)

    def __iter__(self) -> Iterator[str]:
        return iter([str(k) for k in self._group] if self._group is not None else [])

    def __len__(self) -> int:
        return len(self._group) if self._group is not None else 0
