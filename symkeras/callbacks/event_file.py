"""Event files: records with checksums, one for each event, as TensorBoard reads them while they grow."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from pathlib import Path

from symkeras.callbacks import event_messages as messages
from symkeras.saving.places import FileError

_numbers = itertools.count()


def _checksums() -> list[int]:
    """The CRC32C (Castagnoli) of each byte."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _checksums()


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """A checksum that may stand beside what it is the checksum of: turned by 15 bits, and a number added."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """Length, its checksum, data, their checksum."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(crc32c(length))) + data + struct.pack("<I", masked(crc32c(data)))


class EventFile:
    """A new file of events in a folder, which is made.

    Args:
        folder: of one run.

    Raises:
        FileError: the folder cannot be made or written to; also later, when the disk is full.
    """

    def __init__(self, folder: str):
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}.v2"
        self.path = Path(folder) / name
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "xb")  # noqa: SIM115 (it is open as long as training goes on)
        except OSError as error:
            raise FileError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from error
        self._add(0, file_version="brain.Event:2")
        self.flush()

    def add(self, step: int, summary: bytes) -> None:
        """Write a Summary for a step."""
        self._add(step, summary=summary)

    def add_graph(self, graph: bytes) -> None:
        """Write a GraphDef."""
        self._add(0, graph=graph)

    def _add(self, step: int, **what: object) -> None:
        try:
            self._file.write(record(messages.event(time.time(), step, **what)))  # type: ignore[arg-type]
        except OSError as error:
            raise FileError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from error

    def flush(self) -> None:
        """Let readers see what was written."""
        try:
            self._file.flush()
        except OSError as error:
            raise FileError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from error

    def close(self) -> None:
        """End the file."""
        self.flush()
        self._file.close()
