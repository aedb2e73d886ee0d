"""Archives from strangers, unpacked into a folder of their own: nothing lands outside of it, and all of it or nothing is there."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from symkeras.errors import ConfigError, DataError
from symkeras.graph.escaping import printable
from symkeras.saving.places import FileError, require_file

FORMATS = ("tar", "zip")
EXPANSION, FLOOR = 1000, 2**30
"""An archive must not unpack to more than `FLOOR` bytes and `EXPANSION` times its own size."""


def formats_of(value: Any) -> tuple[str, ...]:
    """The kinds of archive that "auto", one name, a list of names or None mean.

    Raises:
        ConfigError: another name.
    """
    names = FORMATS if value == "auto" else () if value is None else (value,) if isinstance(value, str) else value
    if not isinstance(names, (tuple, list)) or any(name not in FORMATS for name in names):
        raise ConfigError(f"archive_format must be 'auto', 'tar', 'zip', a list of these, or None, received {value!r}")
    return tuple(names)


def extract_archive(file: Path, folder: Path, formats: tuple[str, ...]) -> None:
    """Unpack a tar or zip archive beside `folder`, then move its members there; members of an earlier time are replaced.

    Raises:
        DataError: it is no archive of `formats`, is damaged, unpacks to far more than is stored, or has a member that is no
            file or folder within it; nothing is unpacked then.
        FileError: the folder cannot be written.
    """
    require_file(file)
    try:
        kind = next((k for k in formats if (tarfile.is_tarfile if k == "tar" else zipfile.is_zipfile)(file)), None)
        if kind is None:
            raise DataError(f"{str(file)!r} is no archive that can be unpacked; expected {' or '.join(formats) or 'none, as archive_format says'}")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as part:
            (_untar if kind == "tar" else _unzip)(file, Path(part))
            _move(Path(part), folder)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError, RuntimeError) as error:
        raise DataError(f"{str(file)!r} cannot be unpacked: {printable(error)}") from error
    except OSError as error:
        raise FileError(f"{str(file)!r} cannot be unpacked into {str(folder)!r}: {error.strerror or error}") from error


def _most(file: Path) -> int:
    return max(FLOOR, EXPANSION * file.stat().st_size)


def _untar(file: Path, folder: Path) -> None:
    with tarfile.open(file) as archive:
        archive.extractall(folder, members=_checked_members(archive, file), filter="data")


def _checked_members(archive: tarfile.TarFile, file: Path) -> Iterator[tarfile.TarInfo]:
    """The members, read one by one, as long as they are folders and files, and few enough."""
    total, most, what = 0, _most(file), repr(str(file))
    for member in archive:
        _check_name(member.name, what)
        if member.issym() or member.islnk():
            _check_name(os.path.join(os.path.dirname(member.name), member.linkname) if member.issym() else member.linkname, what)
        elif not (member.isfile() or member.isdir()):
            raise DataError(f"{what}: member {member.name!r} is neither a file nor a folder: refused")
        total += member.size
        if total > most:
            raise DataError(f"{what} unpacks to more than {most} bytes: refused")
        yield member


def _unzip(file: Path, folder: Path) -> None:
    what, most = repr(str(file)), _most(file)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        for member in members:
            _check_name(member.filename, what)
        if sum(member.file_size for member in members) > most:
            raise DataError(f"{what} unpacks to more than {most} bytes: refused")
        archive.extractall(folder)


def _check_name(name: str, what: str) -> None:
    """Raise DataError where a name leads out of the folder."""
    parts = PurePosixPath(os.path.normpath(name.replace("\\", "/")))
    if parts.is_absolute() or name.startswith(("/", "\\")) or ".." in parts.parts or ":" in name.split("/")[0] or "\0" in name:
        raise DataError(f"{what}: member {name!r} leads out of the archive: refused")


def _move(part: Path, folder: Path) -> None:
    """Put what lies in one folder into another one, file by file where a folder is there already."""
    for entry in sorted(part.iterdir()):
        target = folder / entry.name
        if entry.is_dir() and not entry.is_symlink() and target.is_dir() and not target.is_symlink():
            _move(entry, target)
            continue
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        os.replace(entry, target)
