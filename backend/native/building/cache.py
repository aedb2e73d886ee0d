"""Shared objects on disk: what was compiled once is loaded again, by this process and by later ones.

They lie in `$SYMKERAS_CACHE`, otherwise in `symkeras` under `$XDG_CACHE_HOME` or `~/.cache`. The key of an entry is a digest of
all that decides what the compiler makes: source, headers, compiler, flags, processor; so a folder that is carried to another
machine is harmless. Each file ends with a digest of its name and contents, and one that does not match is built anew. Where the
folder cannot be used, a private one serves that is removed when the process ends; `describe()` says so.

Entries hold machine code that is loaded as it is. So a folder, or a file in it, that belongs to another user (but root), or that
group or others may write, is not used, unless `SYMKERAS_CACHE_TRUST=1` says that all who can are trusted.
"""

from __future__ import annotations

import _ctypes
import atexit
import ctypes
import hashlib
import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from symkeras import locks
from symkeras.backend.native.building import self_test, toolchain
from symkeras.errors import BackendError, ConfigError
from symkeras.graph import escaping

DEFAULT_LIMIT = 512
"""Size in MiB that the folder is kept under, unless `SYMKERAS_CACHE_LIMIT` says otherwise."""


@dataclass(frozen=True)
class Library:
    """Kernels that are built once for all functions: a header, what it is compiled with, and who needs it."""

    name: str
    header: str
    flags: tuple[str, ...]
    needed: re.Pattern[str]


def _kernels(header: str, number: str, names: str, *flags: str) -> Library:
    own = ("-DSK_RUNTIME", f"-DSK_ONLY_{number.upper()}", *flags)
    return Library(f"{Path(header).stem}_{number}", header, own, re.compile(rf"\bsk_({names})_{number}\("))


LIBRARIES = (
    Library("team", "team.h", ("-D_GNU_SOURCE", "-DSK_TEAM", "-DSK_TEAM_API="), re.compile("")),
    *(_kernels("gemm.h", number, r"gemm|matmul|conv\w*") for number in ("f32", "f64")),
    *(_kernels("convolution.h", number, r"conv\w*", "-DSK_LINKED_GEMM") for number in ("f32", "f64")),
)
"""Each may call those before it."""

_MARK = b"symkeras sha256:"
_FOOTER = len(_MARK) + hashlib.sha256().digest_size
_KEY_LETTERS = 32
_OURS = re.compile(rf"\.?\w+-[0-9a-f]{{{_KEY_LETTERS}}}\.(so|c|tested)(\.[0-9a-f]+\.part)?")
_IN_USE = 600.0  # seconds after its last use in which another process may be compiling or loading an entry

_loaded: weakref.WeakValueDictionary[str, _Opened] = weakref.WeakValueDictionary()
_kept: list[_Opened] = []  # what all functions link to stays: threads run in it
_locks = [locks.lock() for _ in range(256)]  # by the first letters of a key
_testing = locks.lock()
_refused: dict[Path, str] = {}
_stores: dict[Path, int] = {}  # entries that this process has stored
_SELDOM = 32
"""Every how many stores the folder is looked through: that takes as long as a compilation where there are ten thousand entries."""


@dataclass(frozen=True)
class Entry:
    """A shared object on disk.

    Attributes:
        path: the shared object.
        source: the C file that it was built from, for people and debuggers.
        was_cached: whether it was there already.
        seconds: how long finding or building it took.
    """

    path: Path
    source: Path
    was_cached: bool
    seconds: float


class _Opened(ctypes.CDLL):
    """A loaded shared object; the functions taken from it hold it, and it is closed when the last of them is gone.

    Attributes:
        entry: where it lies.
    """

    entry: Entry

    def __init__(self, path: Path, mode: int):
        super().__init__(str(path), mode=mode)
        if mode & ctypes.RTLD_GLOBAL:
            _kept.append(self)
        elif os.name == "posix":
            weakref.finalize(self, _ctypes.dlclose, self._handle).atexit = False


def load(source: str, name: str = "program", portable: bool = False, sanitize: Sequence[str] = (), linked: bool = False) -> tuple[ctypes.CDLL, Entry]:
    """The shared object of a C file, compiled unless it is in the cache, and loaded once per process.

    Args:
        source: the text of the C file.
        name: begins the names of the files, for people.
        portable: see `toolchain.flags`.
        sanitize: see `toolchain.flags`.
        linked: take the kernels that compile slowly (`LIBRARIES`) from libraries built once, instead of from the headers.

    Raises:
        BackendError: there is no compiler, it failed, or what it made cannot be loaded.
        ConfigError: `SYMKERAS_CACHE_LIMIT` or `SYMKERAS_COMPILE_SECONDS` is none.
    """
    start = time.perf_counter()
    compiler = toolchain.compiler()
    caution = 0 if sanitize else _caution(compiler)
    flags = toolchain.flags(compiler, portable, sanitize, caution=caution)
    wanted = [_Wanted(source, name, (*flags, "-DSK_LINKED") if linked else flags, ctypes.DEFAULT_MODE)]
    for one in reversed(LIBRARIES) if linked else ():
        if one.needed.search(source):
            fast = toolchain.flags(compiler, portable, sanitize, level="-O3", caution=caution)
            wanted.insert(0, _Wanted(f'#include "symkeras/{one.header}"\n', one.name, (*fast, *one.flags), ctypes.RTLD_GLOBAL))
    fresh = _build_ahead(wanted, compiler)
    for one in wanted[:-1]:
        _load(one, compiler)
    library, entry = _load(wanted[-1], compiler)
    return library, replace(entry, was_cached=entry.was_cached and not fresh, seconds=time.perf_counter() - start)


@dataclass(frozen=True)
class _Wanted:
    """A file to compile and load: its text, the begin of its name, flags, and how it is opened."""

    source: str
    name: str
    flags: tuple[str, ...]
    mode: int


def _build_ahead(wanted: Sequence[_Wanted], compiler: toolchain.Compiler) -> bool:
    """Build at the same time what is missing of several files; whether any was. What fails is met again when it is loaded."""
    place = folder()
    if place is None or place in _refused or len(wanted) < 2 or _distrusted(place):
        return False
    paths = [place / _file_name(w, compiler) for w in wanted]
    missing = [(w, path) for w, path in zip(wanted, paths, strict=True) if not path.exists()]

    def build(w: _Wanted, path: Path) -> None:
        with suppress(BackendError, OSError):
            toolchain.build(w.source, path, compiler, w.flags, seal=partial(_seal, path.name))

    if len(missing) > 1:
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ThreadPoolExecutor(len(missing)) as pool:
            for _ in pool.map(build, *zip(*missing, strict=True)):
                pass
    return bool(missing)


def _file_name(w: _Wanted, compiler: toolchain.Compiler) -> str:
    return f"{escaping.file_name(w.name)}-{_key(w.source, compiler, w.flags)}.so"


def _load(w: _Wanted, compiler: toolchain.Compiler) -> tuple[ctypes.CDLL, Entry]:
    key = _key(w.source, compiler, w.flags)
    with _locks[int(key[:2], 16)]:
        library, cached = _loaded.get(key), True
        if library is None:
            library, path, cached = _from_disk(w.source, _file_name(w, compiler), compiler, w.flags, w.mode)
            library.entry = Entry(path, path.with_suffix(".c"), cached, 0.0)
            _loaded[key] = library
    return library, replace(library.entry, was_cached=cached)


def folder() -> Path | None:
    """The folder of the entries, which need not exist yet; None where there is no place for it."""
    chosen, general = os.environ.get("SYMKERAS_CACHE"), os.environ.get("XDG_CACHE_HOME", "")
    try:
        if chosen:
            return Path(os.path.abspath(Path(chosen).expanduser()))
        return (Path(general) if os.path.isabs(general) else Path.home() / ".cache") / "symkeras"
    except RuntimeError:  # no home
        return None


def limit() -> int:
    """The size in bytes that the folder is kept under.

    Raises:
        ConfigError: `SYMKERAS_CACHE_LIMIT` is not a number of MiB.
    """
    text = os.environ.get("SYMKERAS_CACHE_LIMIT") or str(DEFAULT_LIMIT)
    try:
        mebibytes = float(text)
    except ValueError:
        mebibytes = -1.0
    if not 0 <= mebibytes < float("inf"):
        raise ConfigError(f"SYMKERAS_CACHE_LIMIT is a size in MiB, such as {DEFAULT_LIMIT}; received {text!r}")
    return int(mebibytes * 2**20)


def describe() -> str:
    """One line on the cache: where it is, its size, and whether it can be used."""
    place = folder()
    if place is None:
        return "native cache: private to this process, since there is no home folder; set SYMKERAS_CACHE"
    problem = _distrusted(place) or _refused.get(place, "")
    if problem:
        return f"native cache: private to this process, since {place} cannot be used ({problem}); set SYMKERAS_CACHE"
    files = _files(place)
    entries, size = sum(path.suffix == ".so" for path, _ in files), sum(stat.st_size for _, stat in files)
    return f"native cache: {place}, {entries} entries, {size / 2**20:.1f} of {limit() / 2**20:g} MiB"


def _key(source: str, compiler: toolchain.Compiler, flags: Sequence[str]) -> str:
    """A digest of all that decides what the compiler makes."""
    headers = [
        part for path in sorted(toolchain.INCLUDE.rglob("*.h")) for part in (path.relative_to(toolchain.INCLUDE).as_posix(), path.read_text("utf-8"))
    ]
    parts = [source, *compiler.command, compiler.version, *flags, toolchain.processor(), *headers]
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:_KEY_LETTERS]


def _caution(compiler: toolchain.Compiler) -> int:
    """What the self-test of a compiler says (see `toolchain.CAUTIONS`): it runs once for each compiler and processor, and is written down."""
    with _testing:
        if compiler not in toolchain.cautions:
            place = folder()
            path = None if place is None or place in _refused or _distrusted(place) else place / _tested_name(compiler)
            written = None if path is None else _contents(path)
            if written is None or written.decode("ascii") not in map(str, range(len(toolchain.CAUTIONS))):
                written = str(self_test.caution(compiler)).encode("ascii")
                if path is not None:
                    with suppress(OSError):
                        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                        with toolchain.whole_file(path) as part:
                            part.write_bytes(written)
                            _seal(path.name, part)
            toolchain.cautions[compiler] = int(written)
        return toolchain.cautions[compiler]


def _tested_name(compiler: toolchain.Compiler) -> str:
    return f"self_test-{_key(self_test.SOURCE, compiler, toolchain.flags(compiler))}.tested"


def _distrusted(path: Path) -> str:
    """Why what lies at `path` may be another user's work, "" where it is ours or root's alone, or is not there."""
    if os.name != "posix" or os.environ.get("SYMKERAS_CACHE_TRUST") == "1":
        return ""
    try:
        found = path.stat()
    except OSError:
        return ""
    if found.st_uid not in (os.geteuid(), 0):
        return f"it belongs to user {found.st_uid}; SYMKERAS_CACHE_TRUST=1 takes it all the same"
    if found.st_mode & 0o022:
        return f"other users can write it, mode {found.st_mode & 0o777:o}; SYMKERAS_CACHE_TRUST=1 takes it all the same"
    return ""


def _from_disk(
    source: str, file_name: str, compiler: toolchain.Compiler, flags: Sequence[str], mode: int
) -> tuple[_Opened, Path, bool]:
    """The library, its path, and whether it was there: from the folder, or from a private one where that cannot be used."""
    place, bound, problem = folder(), limit(), ""
    if place is not None and not _distrusted(place):
        path = place / file_name
        library = _open_checked(path, mode)
        if library is not None:
            with suppress(OSError):
                os.utime(path)
            return library, path, True
        if place not in _refused:
            try:
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
                library = _build(source, path, compiler, flags, mode)
            except OSError as error:
                problem = error.strerror or str(error)
            else:
                if _stores.get(place, 0) % _SELDOM == 0:
                    _shrink(place, bound, keep=file_name)
                _stores[place] = _stores.get(place, 0) + 1
                return library, path, False
    path = _private.path() / file_name
    try:
        library = _build(source, path, compiler, flags, mode)
    except OSError as error:
        _private.kept = True
        raise BackendError(f"what the C compiler made cannot be stored or loaded: {error}; the source is {path.with_suffix('.c')}") from error
    except BackendError:
        _private.kept = True
        raise
    if place is not None and problem:
        _refused[place] = problem
    return library, path, False


def _build(source: str, path: Path, compiler: toolchain.Compiler, flags: Sequence[str], mode: int) -> _Opened:
    toolchain.build(source, path, compiler, flags, seal=partial(_seal, path.name))
    return _Opened(path, mode)


def _footer(name: str, body: bytes) -> bytes:
    """What a file ends with: it belongs to these contents, and to the key in this name."""
    key = name.rpartition("-")[2]
    return _MARK + hashlib.sha256(key.encode() + b"\0" + body).digest()


def _seal(name: str, path: Path) -> None:
    """End the file at `path`, which will be called `name`, and let nobody else write it."""
    footer = _footer(name, path.read_bytes())
    with path.open("ab") as file:
        file.write(footer)
    path.chmod(0o755)


def _contents(path: Path) -> bytes | None:
    """What the file at `path` holds before its end, None where there is none, or not a whole one, or one that is not ours."""
    try:
        data = path.read_bytes()
        body, footer = data[:-_FOOTER], data[-_FOOTER:]
        return body if footer == _footer(path.name, body) and not _distrusted(path) else None
    except OSError:
        return None


def _open_checked(path: Path, mode: int = ctypes.DEFAULT_MODE) -> _Opened | None:
    """The library at `path`, None where there is none or not a whole one: opening half a file can end the process."""
    try:
        return _Opened(path, mode) if _contents(path) is not None else None
    except OSError:
        return None


def _files(place: Path) -> list[tuple[Path, os.stat_result]]:
    """The files of the cache in a folder; others that lie there are left alone."""
    found = []
    with suppress(OSError), os.scandir(place) as items:
        for item in items:
            if _OURS.fullmatch(item.name):
                with suppress(OSError):
                    found.append((Path(item.path), item.stat(follow_symlinks=False)))
    return found


def _shrink(place: Path, bound: int, keep: str) -> None:
    """Remove what was used longest ago, until `bound` bytes are left; never what may be in use, nor the file called `keep`."""
    entries: dict[str, list[tuple[Path, os.stat_result]]] = {}
    for path, stat in _files(place):
        entries.setdefault(path.stem, []).append((path, stat))
    by_last_use = sorted((max(stat.st_mtime for _, stat in files), stem) for stem, files in entries.items())
    total, now = sum(stat.st_size for files in entries.values() for _, stat in files), time.time()
    for last, stem in by_last_use:
        files = entries[stem]
        left_behind = files[0][0].suffix == ".part"
        if now - last < _IN_USE or stem == Path(keep).stem or (total <= bound and not left_behind):
            continue
        for path, stat in files:
            with suppress(OSError):
                path.unlink()
                total -= stat.st_size


class _PrivateFolder:
    """A temporary folder of this process, made when first needed and removed at its end, unless a source in it should be read."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._owner = 0
        self.kept = False

    def path(self) -> Path:
        if self._path is None or self._owner != os.getpid():
            try:
                self._path, self._owner = Path(tempfile.mkdtemp(prefix="symkeras-")), os.getpid()
            except OSError as error:
                raise BackendError(f"there is no folder for what the C compiler makes: {error}") from error
        return self._path

    def remove(self) -> None:
        if self._path is not None and self._owner == os.getpid() and not self.kept:
            shutil.rmtree(self._path, ignore_errors=True)


_private = _PrivateFolder()
atexit.register(_private.remove)
