"""Files that are there as a whole or not at all: what is written goes beside the old file and takes its place at the end."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from symkeras.errors import SymkerasError


class FileError(SymkerasError, OSError):
    """A file that cannot be read or written; the message names it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path`; what is written there replaces `path` when the context ends well.

    Raises:
        FileError: the folder is missing or not writable; an existing file is left as it was, also by any other exception.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        if not target.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(target.parent)!r}")
        yield temporary
        if target.exists() and target.is_file():
            shutil.copymode(target, temporary)
        _sync(temporary)
        _exchange(temporary, target)
    except OSError as error:
        raise FileError(f"cannot write {str(path)!r}: {error.strerror or error}; what was there before is unchanged") from error
    finally:
        _remove(temporary)


def _sync(path: Path) -> None:
    for file in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
        with file.open("rb") as handle:
            os.fsync(handle.fileno())


def _exchange(temporary: Path, target: Path) -> None:
    """Put a file in the place of a file, or a folder in that of a folder."""
    if not target.is_dir():
        os.replace(temporary, target)
        return
    if not temporary.is_dir():
        raise IsADirectoryError("it is a folder")
    before = target.with_name(f"{temporary.name}.old")
    os.replace(target, before)
    try:
        os.replace(temporary, target)
    except OSError:
        os.replace(before, target)
        raise
    shutil.rmtree(before)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def may_overwrite(path: Path, overwrite: bool) -> bool:
    """Whether to write `path`: asks the person at the terminal where something is there and `overwrite` is False.

    Raises:
        FileError: nobody is at the terminal.
    """
    import sys

    if overwrite or not path.exists():
        return True
    if not sys.stdin.isatty():
        raise FileError(f"{str(path)!r} exists, and overwrite=False")
    answer: Any = ""
    while answer not in ("y", "n"):
        answer = input(f"{path} exists already; overwrite it? [y/n] ").strip().lower()
    return answer == "y"
