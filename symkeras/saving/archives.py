"""Zip archives from strangers: names stay inside, sizes are checked before anything is unpacked."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from symkeras.errors import DataError
from symkeras.graph.escaping import printable
from symkeras.saving.places import require_file

FLOOR = 2**24
EXPANSION = 100
"""The members of an archive together must not unpack to more than `FLOOR` bytes and `EXPANSION` times what is stored of them."""
MEMBERS = 10_000


@contextmanager
def open_archive(path: Path | IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The archive, with the sizes and names of its members checked.

    Raises:
        DataError: it is damaged, unpacks to far more than is stored, holds a name twice, or one that leads out of it.
    """
    if isinstance(path, Path):
        require_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive)
            yield archive
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, UnicodeError) as error:
        raise DataError(f"{str(path)!r} is not a readable archive: {printable(error)}") from error


def _check(archive: zipfile.ZipFile) -> None:
    where, members = repr(str(archive.filename)), archive.infolist()
    if len(members) > MEMBERS:
        raise DataError(f"{where} has {len(members)} members: refused")
    names = [m.filename for m in members]
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in member.filename:
            raise DataError(f"{where}: member {member.filename!r} leads out of the archive: refused")
        if member.flag_bits & 1:
            raise DataError(f"{where}: member {member.filename!r} is encrypted")
        _check_sizes(f"{where}: member {member.filename!r}", member.file_size, member.compress_size)
    if len({*names}) != len(names):
        raise DataError(f"{where} holds {next(n for n in names if names.count(n) > 1)!r} twice: refused")
    _check_sizes(where, sum(m.file_size for m in members), sum(m.compress_size for m in members))


def _check_sizes(what: str, unpacked: int, stored: int) -> None:
    if unpacked > max(FLOOR, EXPANSION * stored):
        raise DataError(f"{what} unpacks from {stored} to {unpacked} bytes: refused")
