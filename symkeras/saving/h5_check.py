"""Looking through an HDF5 file before anything is read of it.

Refused is what only a forged file has: links, data in other files, one array under several names, arrays that claim far
more than is stored, depth and counts without end.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symkeras.errors import DataError
from symkeras.graph import room
from symkeras.saving.global_heaps import check_heaps

if TYPE_CHECKING:
    import h5py

FLOOR = 2**26
EXPANSION = 100
"""All arrays of a file together must not claim more than `FLOOR` bytes and `EXPANSION` times what is stored of them."""
OBJECTS = 200_000
"""Groups and arrays in a file."""
DEPTH = 64
"""Groups inside of groups."""
ATTRIBUTES = 1_000
"""Attributes of one object."""
ROOM_FLOOR, ROOM_FACTOR = 2**28, 8
"""Building a model from a file may take `ROOM_FLOOR` bytes and `ROOM_FACTOR` times those of the file's arrays."""


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


def check_file(file: h5py.File, source: Any) -> None:
    """Go through the groups and arrays of a file; nothing of the arrays is read.

    Args:
        file: as h5py has opened it.
        source: its path, or the file object that it is read from.

    Raises:
        DataError: with the place, for what is refused.
    """
    count, claimed, stored, has_texts = 1, 0, 0, _has_texts(file)
    todo: list[tuple[Any, int]] = [(file, 0)]
    while todo:
        place, depth = todo.pop()
        count += len(place)
        if depth > DEPTH:
            raise DataError(f"HDF5 file: groups lie more than {DEPTH} deep: refused")
        if count > OBJECTS:
            raise DataError(f"HDF5 file: it holds more than {OBJECTS} groups and arrays: refused")
        for name in place:
            found = _member(place, name)
            has_texts |= _has_texts(found)
            if isinstance(found, h5().Group):
                todo.append((found, depth + 1))
            elif isinstance(found, h5().Dataset):
                claimed += _claimed(found)
                stored += found.id.get_storage_size()
            else:
                raise DataError(f"HDF5 file: {found.name!r} is neither a group nor an array")
    _check_claim("HDF5 file", claimed, stored)
    if has_texts:
        _check_heaps(file, source)


def check_together(files: Collection[h5py.File]) -> None:
    """Hold what all arrays of several files claim, each of which was looked through, against what is stored of them.

    Raises:
        DataError: as for one file.
    """
    _check_claim(f"{len(files)} HDF5 files", sum(_sum(f, _claimed) for f in files), sum(_sum(f, lambda d: d.id.get_storage_size()) for f in files))


def _check_claim(what: str, claimed: int, stored: int) -> None:
    if claimed > max(FLOOR, EXPANSION * stored):
        raise DataError(f"{what}: its arrays claim {claimed} bytes but {stored} are stored: refused")


def _has_texts(found: Any) -> bool:
    """Whether an attribute is anything but numbers and strings of one length: then the library reads a heap."""
    if len(found.attrs) > ATTRIBUTES:
        raise DataError(f"HDF5 file: {found.name!r} has {len(found.attrs)} attributes: refused")
    plain = (h5().h5t.INTEGER, h5().h5t.FLOAT, h5().h5t.ENUM)
    types = [h5().h5a.open(found.id, name.encode("utf-8", "surrogateescape")).get_type() for name in found.attrs]
    return not all(t.get_class() in plain or (t.get_class() == h5().h5t.STRING and not t.is_variable_str()) for t in types)


def _check_heaps(file: h5py.File, source: Any) -> None:
    if file.id.get_create_plist().get_sizes() != (8, 8):
        raise DataError("HDF5 file: its sizes do not have eight bytes: refused")
    if hasattr(source, "read"):
        check_heaps(source, source.seek(0, os.SEEK_END))
        return
    with Path(source).open("rb") as opened:
        check_heaps(opened, opened.seek(0, os.SEEK_END))


def building_for(file: h5py.File) -> AbstractContextManager[None]:
    """Context in which layers may make weights as large as those of a file that was checked, and an optimizer its slots for them."""
    return room.at_most(ROOM_FLOOR + ROOM_FACTOR * _sum(file, _claimed), "the file's own arrays allow")


def heap_bound(file: h5py.File, enough: int) -> int:
    """A length that no string in a file exceeds: that of the file, and where this is not `enough`, of what lies beside the arrays."""
    size = file.id.get_filesize()
    return size if size <= enough else size - _sum(file, lambda dataset: dataset.id.get_storage_size())


def _sum(file: h5py.File, size: Callable[[h5py.Dataset], int]) -> int:
    total = 0

    def add(_: str, found: Any) -> None:
        nonlocal total
        total += size(found) if isinstance(found, h5().Dataset) else 0

    file.visititems(add)
    return total


def _member(parent: Any, name: str) -> Any:
    link = parent.get(name, getclass=True, getlink=True)
    if link is not h5().HardLink:
        kind = getattr(link, "__name__", "member that is not there")
        raise DataError(f"HDF5 file: {parent.name!r}: {name!r} is a {kind}, a link to elsewhere, which is not followed")
    found = parent[name]
    if h5().h5o.get_info(found.id).rc != 1:
        raise DataError(f"HDF5 file: {found.name!r} has several names: refused")
    return found


def _claimed(dataset: h5py.Dataset) -> int:
    """The bytes that reading an array takes: its own, or those of one piece of it, if that is larger."""
    if dataset.external or dataset.is_virtual:
        raise DataError(f"HDF5 file: array {dataset.name!r} lies in another file, which is not followed")
    size = math.prod(dataset.shape or ())
    return max(size, math.prod(dataset.chunks or ()) if size else 0) * dataset.dtype.itemsize
