"""Several files that belong together and change together: an index, and the shards that it names.

The index is put last, over the one before. The shards of the old set keep their names until then, and the new ones have the same: so the
new set is put twice. First under passing names (`<part>_00000.weights.h5`, see `atomic`), with an index of these; then under its own, with
the index that stays. Whenever the writer is killed, the index names files that are there, all of one set. Its other files are removed by
the next writer to the same place: those under passing names can be told by these, the others are listed in the first index as `replaces`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from symkeras.errors import DataError
from symkeras.saving.atomic import left_prefix, locked, sync, sync_folder
from symkeras.saving.places import FileError, kind_of

SUFFIX = ".weights.h5"
Index = Callable[[Sequence[str], Sequence[str]], bytes]
"""From the names of the shards, and of files that they replace, to the text of an index."""


def shard_name(index: Path, number: int) -> str:
    """The name that a shard has beside its index.

    >>> shard_name(Path("m.weights.json"), 3)
    'm_00003.weights.h5'
    """
    return f"{_base(index)}_{number:05}{SUFFIX}"


def _base(index: Path) -> str:
    return index.stem.replace(".weights", "")


def shards_beside(index: Path) -> list[Path]:
    """The files beside an index that have the names of its shards, whether or not it names them."""
    target = Path(os.path.realpath(index))
    with suppress(OSError), os.scandir(target.parent) as entries:
        return sorted(Path(entry.path) for entry in entries if _is_own(target, entry.name))
    return []


def put_shards(shards: Sequence[Path], index: Path, target: Path, text: Index, earlier: Sequence[str]) -> None:
    """Put shards beside `target`, first under passing names with an index of these; leave the last index to be put.

    Args:
        shards: the new files, in a part of `target`.
        index: where the last index is written, in the same part.
        target: the place of the index.
        text: makes it.
        earlier: files that the index at `target` names: those that are shards of it are removed.

    Raises:
        FileError: something else than a file lies at the place of a shard.
    """
    names = [shard_name(target, k) for k in range(len(shards))]
    for name in names:
        kind = kind_of(target.with_name(name), follow_links=False)
        if kind not in (None, "file"):
            raise FileError(f"cannot write {str(target.with_name(name))!r}: a {kind} lies there, which is not replaced")
    part = index.parent
    passing = [f"{part.name}_{k:05}{SUFFIX}" for k in range(len(shards))]
    outdated = [name for name in dict.fromkeys(earlier) if name not in names and _is_own(target, name)]
    first, again = part / "first", [shard.with_name(f"{shard.name}.again") for shard in shards]
    first.write_bytes(text(passing, [*names, *outdated]))
    index.write_bytes(text(names, ()))
    for shard, second, name in zip(shards, again, names, strict=True):
        if (target.with_name(name)).exists():
            shutil.copymode(target.with_name(name), shard)
        _link(shard, second)
    if target.exists():
        shutil.copymode(target, first)
    sync(part)  # from here on nothing takes room
    for shard, name in zip(shards, passing, strict=True):
        os.replace(shard, target.with_name(name))
    sync_folder(target.parent)
    os.replace(first, target)
    sync_folder(target.parent)
    try:
        for second, name in zip(again, names, strict=True):
            os.replace(second, target.with_name(name))
        for name in outdated:
            target.with_name(name).unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"{str(target)!r} is written, but names shards {passing[0]!r} and so on, not {names[0]!r}: {error}") from error
    sync_folder(target.parent)


def _link(file: Path, second: Path) -> None:
    """Give a file a second name, or where the file system has no such, copy it."""
    try:
        os.link(file, second)
    except OSError:
        shutil.copy2(file, second)


def _is_own(target: Path, name: str) -> bool:
    return re.fullmatch(rf"{re.escape(_base(target))}_\d{{5,}}{re.escape(SUFFIX)}", name) is not None


def remove_left_shards(target: Path, names_of: Callable[[Path], Sequence[str]]) -> None:
    """Remove shards under passing names that the index at `target` does not name, unless their writer is at work.

    Args:
        target: the place of the index.
        names_of: the names in it; raises DataError where it is none.
    """
    try:
        named = {*names_of(target)}
    except DataError:
        named = set()
    pattern = re.compile(rf"({re.escape(left_prefix(target))}[0-9a-f]{{8}}\.part)_\d{{5,}}{re.escape(SUFFIX)}")
    with os.scandir(target.parent) as entries:
        found = [(entry.name, match[1]) for entry in entries if (match := pattern.fullmatch(entry.name)) and entry.name not in named]
    for name, part in found:
        if not _is_at_work(target.with_name(part)):
            target.with_name(name).unlink(missing_ok=True)


def _is_at_work(part: Path) -> bool:
    if not part.exists():
        return False
    lock = locked(part)
    if lock is not None:
        os.close(lock)
    return lock is None


@contextmanager
def taking_turns(folder: Path) -> Iterator[None]:
    """Context in which no other writer puts a set into `folder`; where the system cannot lock folders, nothing is held."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
