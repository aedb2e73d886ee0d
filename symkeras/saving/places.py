"""Names of files as users give them, and what may lie there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from symkeras.errors import ConfigError, DataError, SymkerasError
from symkeras.saving import json_text


class FileError(SymkerasError, OSError):
    """A file that cannot be read or written; the message names it."""


class NoFolderError(FileError, FileNotFoundError):
    """A file that cannot be written, since there is no such folder."""


def place(filepath: Any) -> Path:
    """The path that a user means.

    Raises:
        ConfigError: it is no string or path, empty, or holds a NUL.
    """
    if not isinstance(filepath, (str, os.PathLike)):
        raise ConfigError(f"a file is named by a string or path, received {filepath!r} of type {type(filepath).__name__}")
    text = os.fspath(filepath)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ConfigError(f"a file is named by a string that is not empty and has no NUL in it, received {text!r}")
    return Path(text)


def kind_of(path: Path, follow_links: bool = True) -> str | None:
    """"file", "folder", "link", or what else lies at `path`; None where nothing does.

    Raises:
        FileError: it cannot be told, because the name is too long or a folder above it may not be read.
    """
    try:
        mode = os.stat(path, follow_symlinks=follow_links).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileError(f"{str(path)!r} cannot be looked at: {error.strerror or error}") from error
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")


_KINDS = (
    (stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"),
)  # fmt: skip


def require_file(path: Path) -> None:
    """Raise DataError where `path` is no plain file: a pipe or a device might never end."""
    kind = kind_of(path)
    if kind is None:
        raise DataError(f"File not found: there is no file {str(path)!r}")
    if kind != "file":
        raise DataError(f"{str(path)!r} is a {kind}, no file")


def read_small(path: Path) -> bytes:
    """A text that a file holds, which has at most as many bytes as are parsed.

    Raises:
        DataError: it has more.
    """
    with path.open("rb") as file:
        text = file.read(json_text.SIZE + 1)
    if len(text) > json_text.SIZE:
        raise DataError(f"{str(path)!r} has more than {json_text.SIZE} bytes: refused")
    return text
