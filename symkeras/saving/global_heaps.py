"""The heaps of an HDF5 file, in which its strings of any length lie, looked through before the library reads one of them.

The library goes from object to object by the sizes that stand there, and does not end where a size is nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from symkeras.errors import DataError

SIGNATURE = b"GCOL"
HEADER = 16
"""Bytes of the header of a heap, and of each of its objects, where sizes have eight bytes."""
PIECE = 2**20
"""Bytes that are read at a time."""


def check_heaps(file: BinaryIO, size: int) -> None:
    """Go through the objects of every heap of a file.

    Args:
        file: its bytes.
        size: how many there are.

    Raises:
        DataError: an object has no room, or more than its heap has left.
    """
    for start in _starts(file, size):
        file.seek(start)
        head = file.read(HEADER)
        if len(head) < HEADER or head[4] != 1:
            continue  # no heap
        (room,) = struct.unpack_from("<Q", head, 8)
        if room > size - start:
            continue  # the library reads no further
        _check(file.read(room - HEADER) if room > HEADER else b"", start)


def _check(objects: bytes, start: int) -> None:
    at = 0
    while len(objects) - at >= HEADER:
        number, _, _, size = struct.unpack_from("<HHIQ", objects, at)
        taken = HEADER + (size + 7) // 8 * 8 if number else size
        if not HEADER <= taken <= len(objects) - at:
            raise DataError(f"HDF5 file: the heap at byte {start} is damaged: an object of {size} bytes where {len(objects) - at} are left")
        at += taken


def _starts(file: BinaryIO, size: int) -> Iterator[int]:
    """Where the signature of a heap stands."""
    for place in range(0, size, PIECE):
        file.seek(place)
        piece = file.read(PIECE + len(SIGNATURE) - 1)
        found = piece.find(SIGNATURE)
        while found >= 0:
            yield place + found
            found = piece.find(SIGNATURE, found + 1)
