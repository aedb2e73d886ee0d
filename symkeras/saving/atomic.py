"""Files that are there as a whole or not at all: what is written goes beside the old file and takes its place at the end.

It is written into a folder `.<name>.<digest>.<number>.part` beside the target, which the writer keeps locked. A writer
that was killed leaves its folder unlocked; the next one for the same target removes it.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import sys
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from symkeras.saving.places import FileError, NoFolderError, kind_of

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def replacing(path: Path, members: Collection[str] = (), makes_folder: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there replaces `path` when the context ends well.

    Further files may be put beside the temporary path; they are removed in the end.

    Args:
        path: of a file or folder.
        members: what an existing folder may hold that is replaced by a folder.
        makes_folder: whether the folder of `path` is made where it is missing.

    Raises:
        FileError: the folder is missing, full or not writable, or something else than a file lies there; what was there
            is left as it was, also by any other exception.
    """
    part = None
    try:
        if makes_folder:
            Path(os.path.realpath(path)).parent.mkdir(parents=True, exist_ok=True)
        target = _target(path)
        _require_own(target, members)
        remove_left_parts(target)
        part = _Part(target)
        yield part.new
        if kind_of(target) is not None and target.is_dir() == part.new.is_dir():
            shutil.copymode(target, part.new)
        sync(part.new)
        _put(part.new, target, members)
        sync_folder(target.parent)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"cannot write {str(path)!r}: {error.strerror or error}; what was there before is unchanged") from error
    finally:
        if part is not None:
            part.remove()


class _Part:
    """The locked folder in which a new file or folder is written.

    Attributes:
        new: the path to write to.
    """

    def __init__(self, target: Path):
        while True:
            self.folder = target.with_name(f"{left_prefix(target)}{uuid.uuid4().hex[:8]}.part")
            self.folder.mkdir()
            self._lock = locked(self.folder)
            if self.folder.exists():  # else another writer took it for one left behind, before it was locked
                break
        self.new = self.folder / "new"

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def left_prefix(target: Path) -> str:
    """How the names of all parts of `target` begin; short, however long its own is."""
    name = os.fsencode(target.name)
    return f".{name[:40].decode('utf-8', 'ignore')}.{hashlib.sha256(name).hexdigest()[:8]}."


def locked(folder: Path) -> int | None:
    """A descriptor that holds the lock of `folder`; None where another one does, it is gone, or this system cannot lock folders."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def remove_left_parts(target: Path) -> None:
    """Remove what writers of `target` left that were killed, after putting back what one of them had moved aside."""
    prefix = left_prefix(target)
    with os.scandir(target.parent) as entries:
        found = [Path(entry.path) for entry in entries if entry.name.startswith(prefix) and entry.name.endswith(".part")]
    for folder in found:
        lock = locked(folder)
        if lock is not None:
            if (folder / "old").exists() and not target.exists():
                os.replace(folder / "old", target)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def restore_moved(path: Path) -> None:
    """Put back a folder that a killed writer had moved aside, where there is one."""
    with suppress(OSError):
        remove_left_parts(Path(os.path.realpath(path)))


def _target(path: Path) -> Path:
    """What `path` leads to, links followed; it must be a file, a folder, or free."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise NoFolderError(f"cannot write {str(path)!r}: there is no folder {str(target.parent)!r}")
    kind = kind_of(target, follow_links=False)
    if kind not in (None, "file", "folder"):
        raise FileError(f"cannot write {str(path)!r}: a {kind} lies there, which is not replaced")
    return target


def _require_own(folder: Path, members: Collection[str]) -> None:
    """Raise where an existing folder holds what replacing it would delete."""
    if not folder.is_dir():
        return
    if not members:
        raise IsADirectoryError("it is a folder")
    foreign = sorted(p.name for p in folder.iterdir() if p.name not in members)
    if foreign:
        raise FileExistsError(f"the folder also holds {', '.join(map(repr, foreign[:5]))}, which would be lost: name a folder of its own")


def _put(new: Path, target: Path, members: Collection[str]) -> None:
    """Put a file in the place of a file, or a folder in that of a folder."""
    if not target.is_dir():
        os.replace(new, target)
        return
    if not _exchanged(new, target):  # this file system cannot: for a moment there is neither, see `remove_left_parts`
        old = new.with_name("old")
        os.replace(target, old)
        try:
            os.replace(new, target)
        except BaseException:
            os.replace(old, target)
            raise
        new = old
    try:
        _require_own(new, members)
    except OSError:  # somebody put something into it meanwhile
        if not _exchanged(new, target):
            os.replace(target, new.with_name("unwanted"))
            os.replace(new, target)
        raise


def _exchanged(a: Path, b: Path) -> bool:
    """Let two paths change places at once; whether this system can."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    if rename(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code))


def sync(path: Path) -> None:
    if not path.is_dir():
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
        return
    for entry in path.iterdir():
        sync(entry)
    sync_folder(path)


def sync_folder(path: Path) -> None:
    with suppress(OSError):  # some systems cannot
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def may_overwrite(path: Path, overwrite: bool, others: Iterable[Path] = ()) -> bool:
    """Whether to write `path`: asks the person at the terminal, once, where something is there and `overwrite` is False.

    Args:
        path: of a file or folder.
        overwrite: whether it need not be asked.
        others: what is written with it.

    Raises:
        FileError: nobody is at the terminal.
    """
    found = next((p for p in (path, *others) if kind_of(p) is not None), None)
    if overwrite or found is None:
        return True
    if not sys.stdin.isatty():
        raise FileError(f"{str(found)!r} exists, and overwrite=False")
    answer = ""
    while answer not in ("y", "n"):
        try:
            answer = input(f"{found} exists already; overwrite it? [y/n] ").strip().lower()
        except EOFError:
            raise FileError(f"{str(found)!r} exists, and nobody said whether to overwrite it") from None
    return answer == "y"
