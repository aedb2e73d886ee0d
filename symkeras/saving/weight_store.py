"""Arrays in HDF5 files as Keras 3 lays them out: each object has a path, its arrays lie at `<path>/vars/0`, `1`, ...

Reading refuses what only a forged file has: links to elsewhere, and data sets that claim far more than the file holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.errors import DataError

if TYPE_CHECKING:
    import h5py

FLOOR = 2**28
EXPANSION = 1000
"""A data set above `FLOOR` bytes must not claim more than `EXPANSION` times what is stored of it."""


def h5() -> Any:
    """The module h5py.

    Raises:
        DataError: it is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError("HDF5 files need the package h5py: pip install h5py") from error
    return h5py


def open_file(file: Any, mode: str) -> h5py.File:
    """An HDF5 file, by path or file object.

    Raises:
        DataError: it is not one.
    """
    try:
        return h5().File(file, mode)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {str(file)!r}") from error
    except OSError as error:
        if mode != "r":
            raise
        raise DataError(f"{file} is not a readable HDF5 file: {error}") from error


def group(parent: Any, path: str) -> h5py.Group | None:
    """The group at `path` below `parent`, or None.

    Raises:
        DataError: a link leads there, or it is no group.
    """
    found = parent
    for part in path.split("/") if path else ():
        if not part or part not in found:
            return None
        found = _member(found, part)
        if not isinstance(found, h5().Group):
            raise DataError(f"HDF5 file: {path!r} is no group")
    return found


def array(parent: Any, path: str) -> np.ndarray:
    """The array at `path` below `parent`.

    Raises:
        DataError: there is none, it lies in another file, or it claims more than the file holds.
    """
    folder, _, name = path.rpartition("/")
    place = group(parent, folder)
    if place is None or name not in place:
        raise DataError(f"HDF5 file: there is no array {path!r}")
    dataset = _member(place, name)
    if not isinstance(dataset, h5().Dataset):
        raise DataError(f"HDF5 file: {path!r} is no array")
    if dataset.external or dataset.is_virtual:
        raise DataError(f"HDF5 file: array {path!r} lies in another file, which is not followed")
    claimed, stored = math.prod(dataset.shape) * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if claimed > FLOOR and claimed > EXPANSION * stored:
        raise DataError(f"HDF5 file: array {path!r} claims {claimed} bytes but {stored} are stored: refused")
    value = np.asarray(dataset)
    if dataset.attrs.get("dtype") == "bfloat16":
        return (value.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return value


def _member(parent: Any, name: str) -> Any:
    link = parent.get(name, getclass=True, getlink=True)
    if link is not h5().HardLink:
        raise DataError(f"HDF5 file: {name!r} is a link to elsewhere, which is not followed")
    return parent[name]


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
            file.require_group(self._path).attrs["name"] = name

    def __setitem__(self, key: str, value: Any) -> None:
        self._file.require_group(self._path)[key] = np.asarray(value)

    def __getitem__(self, key: str) -> np.ndarray:
        return array(self._file, f"{self._path}/{key}")

    def __delitem__(self, key: str) -> None:
        del self._file[f"{self._path}/{key}"]

    def __iter__(self) -> Iterator[str]:
        return iter([str(k) for k in group(self._file, self._path) or ()])

    def __len__(self) -> int:
        return len(group(self._file, self._path) or ())


class ReadStore(Mapping[str, Any]):
    """The arrays of one object in a file; empty where the file has none."""

    def __init__(self, file: h5py.File, path: str):
        self._group = group(file, f"{path}/vars" if path else "vars")

    def __getitem__(self, key: str) -> np.ndarray:
        if self._group is None or key not in self._group:
            raise KeyError(key)
        return array(self._group, key)

    def shape(self, key: str) -> tuple[int, ...]:
        """The shape of an array, without reading it."""
        if self._group is None or key not in self._group:
            raise KeyError(key)
        return tuple(_member(self._group, key).shape)

    def __iter__(self) -> Iterator[str]:
        return iter([str(k) for k in self._group] if self._group is not None else [])

    def __len__(self) -> int:
        return len(self._group) if self._group is not None else 0
