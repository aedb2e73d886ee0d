"""`get_file`: a file of the web, or of this machine, kept in a folder of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from symkeras.arguments import boolean, checked, one_of, optional, path, text
from symkeras.errors import ConfigError, DataError
from symkeras.saving.atomic import replacing
from symkeras.saving.places import FileError, kind_of, require_file
from symkeras.utils.extraction import extract_archive, formats_of

_SCHEMES = ("http", "https", "ftp", "file", "data")
_TIMEOUT = 60.0


@checked(untar=boolean, extract=boolean, force_download=boolean, file_hash=optional(text), md5_hash=optional(text), cache_dir=optional(path),
         hash_algorithm=one_of("auto", "sha256", "md5"))  # fmt: skip
def get_file(fname: Any = None, origin: str | None = None, untar: bool = False, md5_hash: str | None = None, file_hash: str | None = None,
             cache_subdir: Any = "datasets", hash_algorithm: str = "auto", extract: bool = False, archive_format: Any = "auto",
             cache_dir: Any = None, force_download: bool = False) -> str:  # fmt: skip
    """The path of a file that is fetched once and kept.

    A file that is there already is taken as it is, so that what was put there by hand needs no network.

    Args:
        fname: the name it is kept under; that of the URL when None. For an archive without a suffix the name of the folder.
            An absolute path is where it is kept instead of the cache.
        origin: its URL; `file://` ones and what `urllib` opens.
        untar: an older name of `extract`, for tar archives.
        md5_hash: an older name of `file_hash`.
        file_hash: the SHA-256 or MD5 of the file in hexadecimal digits; what has another one is fetched again, once.
        cache_subdir: the folder within `cache_dir`.
        hash_algorithm: "sha256", "md5", or "auto", which tells them by their length.
        extract: whether the archive is unpacked; then the path is that of the folder.
        archive_format: "auto", "tar", "zip", a list of these, or None for none.
        cache_dir: `$KERAS_HOME`, or `~/.keras`, when None.
        force_download: whether the file is fetched also where it is there.

    Raises:
        ConfigError: no origin, or a name with a folder in it that is no absolute path.
        DataError: another hash, no readable archive, or one with a member that leads out of the folder.
        FileError: the URL gives nothing; says where the file may be put.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = pathlib.Path(folder, "a.txt").write_text("hello")
        ...     kept = get_file("b.txt", pathlib.Path(folder, "a.txt").as_uri(), cache_dir=folder, cache_subdir="kept")
        ...     pathlib.Path(kept).read_text()
        'hello'
    """
    if not isinstance(origin, str) or not origin:
        raise ConfigError(f"get_file: origin must be the URL of the file, received {origin!r}")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    formats = formats_of("tar" if untar else archive_format)
    folder = home(cache_dir) / os.fspath(cache_subdir)
    if isinstance(fname, (str, os.PathLike)) and os.path.isabs(fname):
        folder, fname = Path(fname).parent, os.path.basename(fname)
    name, unpacked = _names(fname, origin, extract or untar)
    target = folder / name
    _make(folder)
    if force_download or kind_of(target) is None or not _has_hash(target, file_hash, hash_algorithm):
        _fetch(origin, target)
        if not _has_hash(target, file_hash, hash_algorithm):
            raise DataError(f"get_file: {origin} has another {hash_algorithm} hash than {file_hash}: it is incomplete, or another file")
    if unpacked is None:
        return str(target)
    extract_archive(target, folder / unpacked, formats)
    return str(folder / unpacked)


def home(given: Any = None) -> Path:
    """The folder that files are kept in: `given`, else `$KERAS_HOME`, else `~/.keras`."""
    if given is not None:
        return Path(given).expanduser()
    named = os.environ.get("KERAS_HOME")
    return Path(named if named else Path.home() / ".keras")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"get_file cannot make {str(folder)!r}: {error.strerror or error}; cache_dir or KERAS_HOME name another folder") from error


def _names(fname: Any, origin: str, extract: bool) -> tuple[str, str | None]:
    """The name of the file in the cache, and that of the folder it is unpacked into, as Keras has them."""
    given = os.fspath(fname) if isinstance(fname, (str, os.PathLike)) else fname
    if given is not None and not isinstance(given, str):
        raise ConfigError(f"get_file: fname must be a name or None, received {fname!r}")
    name = given or os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(origin).path))
    if not name or name in (".", "..") or "\0" in name:
        raise ConfigError(f"get_file: {origin!r} gives no name for the file; fname does")
    if "/" in name or os.sep in name:
        raise ConfigError(f"get_file: fname must be a name without folders, received {name!r}; cache_dir and cache_subdir name the folder")
    if not extract:
        return name, None
    if given and "." in given:
        return given, f"{given[: given.find('.')]}_extracted"
    return f"{name}_archive", name


def _has_hash(file: Path, expected: str | None, algorithm: str) -> bool:
    if expected is None:
        return True
    require_file(file)
    if algorithm == "auto":
        algorithm = "sha256" if len(expected) == 64 else "md5"
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest() == expected.lower()


def _fetch(origin: str, target: Path) -> None:
    """Write what `origin` gives to `target`, whole or not at all."""
    scheme = urllib.parse.urlsplit(origin).scheme.lower()
    if scheme not in _SCHEMES:
        raise ConfigError(f"get_file: origin must begin with {', '.join(s + ':' for s in _SCHEMES)}, received {origin!r}")
    if scheme != "file":
        print(f"Downloading data from {origin}")
    try:
        with urllib.request.urlopen(origin, timeout=_TIMEOUT) as answer, replacing(target) as part:
            length = answer.headers.get("Content-Length")
            with part.open("wb") as file:
                shutil.copyfileobj(answer, file, 1 << 20)
                written = file.tell()
            if length is not None and length.isdigit() and written != int(length):
                raise FileError(f"get_file: {origin} ended after {written} of {length} bytes")
    except FileError:
        raise
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise FileError(f"get_file: {origin} cannot be fetched: {reason}. Without a network, put the file at {str(target)!r}") from error
