"""Strings of any length in HDF5 files lie in heaps; a damaged one is refused before the library, which would not end, reads it."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import h5py
import pytest

from symkeras.errors import DataError
from symkeras.saving.global_heaps import PIECE, check_heaps
from tests.saving.test_foreign_files import all_refused, archive, dense_model

FREE = struct.pack("<HHIQ", 0, 0, 0, 0)
"""A free place of no bytes, after which the library looks for the next object at the same place."""


def heap(*objects: bytes, room: int = 64) -> bytes:
    return struct.pack("<4sB3xQ", b"GCOL", 1, 16 + room) + b"".join(objects).ljust(room, b"\0")


def checked(data: bytes) -> None:
    check_heaps(io.BytesIO(data), len(data))


def test_heaps_whose_objects_have_no_room_are_refused() -> None:
    checked(heap(struct.pack("<HHIQ", 1, 0, 0, 5) + b"hello\0\0\0", struct.pack("<HHIQ", 0, 0, 0, 40)))
    for bad in (FREE, struct.pack("<HHIQ", 0, 0, 0, 8), struct.pack("<HHIQ", 0, 0, 0, 65), struct.pack("<HHIQ", 1, 0, 0, 49), b"\1" + b"\xff" * 15):
        with pytest.raises(DataError, match="the heap at byte 3 is damaged"):
            checked(b"xxx" + heap(bad.ljust(64, b"\0")))


def test_a_heap_across_two_pieces_is_seen_and_what_only_looks_like_one_is_not() -> None:
    with pytest.raises(DataError, match="damaged"):
        checked(b"x" * (PIECE - 2) + heap(FREE))
    checked(b"GCOL" + b"x" * 40 + b"GCOL\1\0\0\0" + b"\xff" * 8 + b"GCOL")


def test_models_with_a_damaged_heap_are_refused_at_once(tmp_path: Path) -> None:
    model = dense_model()
    paths = [tmp_path / "m.h5", tmp_path / "m.weights.h5"]
    model.save(paths[0])
    model.save_weights(paths[1])
    with h5py.File(paths[1], "a") as file:
        file["layers/dense/vars/0"].attrs["dtype"] = "float32"
    for path in paths:
        data = bytearray(path.read_bytes())
        start = data.index(b"GCOL") + 16
        (size,) = struct.unpack_from("<Q", data, start + 8)
        after = start + 16 + (size + 7) // 8 * 8
        data[after : after + 16] = FREE
        path.write_bytes(data)
    all_refused(*paths, archive(tmp_path / "m.keras", model.to_json().encode(), paths[1].read_bytes()))
