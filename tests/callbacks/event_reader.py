"""Reads event files anew: records, checksums and messages, by the published formats and by no code of symkeras."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np


def crc32c(data: bytes) -> int:
    """Bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
    return crc ^ 0xFFFFFFFF


def records(path: Path) -> list[bytes]:
    """The records of a file, whose checksums must hold."""
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        data = content[12 : 12 + length]
        for part, stored in ((content[:8], content[8:12]), (data, content[12 + length : 16 + length])):
            crc = crc32c(part)
            assert struct.unpack("<I", stored)[0] == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32
        found.append(data)
        content = content[16 + length :]
    return found


def fields(message: bytes) -> dict[int, list[Any]]:
    """Number of a field -> its values: integers, floats, bytes."""
    found: dict[int, list[Any]] = {}
    at = 0

    def integer() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value - 2**64 if value >= 2**63 else value

    while at < len(message):
        key = integer()
        if key & 7 == 0:
            value: Any = integer()
        elif key & 7 == 2:
            length = integer()
            value, at = message[at : at + length], at + length
        else:
            size, form = {1: (8, "<d"), 5: (4, "<f")}[key & 7]
            value, at = struct.unpack(form, message[at : at + size])[0], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def tensor(message: bytes) -> Any:
    """A TensorProto as an array, or a list of bytes."""
    of = fields(message)
    shape = [fields(d).get(1, [0])[0] for d in fields(of[2][0]).get(2, [])]
    if of[1] == [7]:
        return of[8] if shape else of[8][0]
    return np.frombuffer(of[4][0], {1: "<f4", 2: "<f8"}[of[1][0]]).reshape(shape)


class Events:
    """What the files of a folder say.

    Attributes:
        values: tag -> list of (step, value).
        plugins: tag -> name of the plugin.
        graphs: GraphDefs, as lists of (name, op, inputs).
    """

    def __init__(self, folder: Path):
        self.values: dict[str, list[tuple[int, Any]]] = {}
        self.plugins: dict[str, str] = {}
        self.graphs: list[list[tuple[str, str, list[str]]]] = []
        for path in sorted(folder.glob("*tfevents*")):
            first, *rest = map(fields, records(path))
            assert first[3] == [b"brain.Event:2"]
            for event in rest:
                self._take(event)

    def _take(self, event: dict[int, list[Any]]) -> None:
        for graph in event.get(4, []):
            nodes = [fields(n) for n in fields(graph)[1]]
            self.graphs.append([(n[1][0].decode(), n[2][0].decode(), [i.decode() for i in n.get(3, [])]) for n in nodes])
        for summary in event.get(5, []):
            for value in map(fields, fields(summary)[1]):
                tag = value[1][0].decode()
                self.values.setdefault(tag, []).append((event[2][0], tensor(value[8][0])))
                self.plugins[tag] = fields(fields(value[9][0])[1][0])[1][0].decode()

    def series(self, tag: str) -> list[tuple[int, float]]:
        """Steps and numbers of a scalar."""
        return [(step, float(value)) for step, value in self.values[tag]]
