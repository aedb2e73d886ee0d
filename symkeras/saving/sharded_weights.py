"""Weights in several HDF5 files and an index of them, as Keras 3 shares them out: `m.weights.json`, `m_00000.weights.h5`, ...

The index holds `metadata.total_size`, the bytes of all arrays, and `weight_map`: for each group of arrays (`/layers/dense/vars`) the name of
the shard that has it, or of the several that have a part of its arrays each. Names come from strangers: they are those of files beside
the index, and nothing else.
"""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.errors import ConfigError, DataError
from symkeras.saving import json_text
from symkeras.saving.atomic import replacing
from symkeras.saving.h5_check import check_together
from symkeras.saving.places import kind_of, read_small, require_file
from symkeras.saving.shard_sets import SUFFIX, put_shards, remove_left_shards, taking_turns
from symkeras.saving.state_files import read_state, write_state
from symkeras.saving.weight_store import ReadStore, StoredArrays, WriteStore, reading_file, writing_file

if TYPE_CHECKING:
    import h5py

INDEX = ".weights.json"
SHARDS = 512
"""Files of a set, all of which are open at once."""
GB = 2**30
_RETRIES = 3


def write_sharded(model: Any, path: Path, max_shard_size: float, skipped: Iterable[Any] = ()) -> None:
    """Write the state of a model into shards and their index.

    Args:
        model: a built model.
        path: of the index.
        max_shard_size: the most GB (2**30 bytes) that the arrays of a shard take together.

    Raises:
        ConfigError: an array is larger than a shard may be, or there would be too many.
        FileError: the files cannot be written; the old ones are unchanged.
    """
    target = Path(os.path.realpath(path))
    try:
        with ExitStack() as turn, replacing(path) as index:  # which is put before the turn ends
            remove_left_shards(target, _named)
            with ExitStack() as files:
                writer = _Writer(index.parent, max_shard_size, files)
                write_state(model, writer.store_at, skipped=skipped)
            turn.enter_context(taking_turns(target.parent))
            put_shards(writer.paths, index, target, writer.index, _earlier(target))
    finally:
        with suppress(OSError):  # as with what lies in a part
            remove_left_shards(target, _named)


def read_sharded(model: Any, path: Path, skip_mismatch: bool = False, skipped: Iterable[Any] = ()) -> None:
    """Give a model the state in shards.

    Args:
        model: a built model.
        path: of the index.
        skip_mismatch: leave objects that do not fit as they are, with a warning.

    Raises:
        DataError: the index or a shard is damaged or missing, or does not fit; the model is unchanged then.
    """
    with _reading(Path(os.path.realpath(path))) as shards:
        read_state(model, shards.store_at, skip_mismatch, skipped)


# ---- writing ---------------------------------------------------------------------------------------------------------


class _Writer:
    """Shares arrays out to files, in the order in which they come."""

    def __init__(self, folder: Path, max_shard_size: float, files: ExitStack):
        self.paths: list[Path] = []
        self._folder, self._limit, self._opened = folder, max_shard_size, files
        self._files: list[h5py.File] = []
        self._shards_of: dict[str, list[int]] = {}
        self._total = self._size = 0
        self._begin()

    def store_at(self, path: str, name: str | None) -> MutableMapping[str, Any]:
        """Where the object at a path puts its arrays."""
        return _ShardedWriteStore(self, path, name)

    def index(self, names: Sequence[str], replaces: Sequence[str]) -> bytes:
        """The text of an index."""
        lists = {path: [names[k] for k in shards] for path, shards in self._shards_of.items()}
        metadata = {"total_size": self._total} | ({"replaces": [*replaces]} if replaces else {})
        return json.dumps({"metadata": metadata, "weight_map": {p: n if len(n) > 1 else n[0] for p, n in lists.items()}}, indent=2).encode()

    def shard_for(self, path: str, key: str, size: int) -> tuple[int, h5py.File]:
        """The number and the file of the shard that an array of so many bytes goes into."""
        group = f"/{path}/vars" if path else "/vars"
        if size > self._limit * GB:
            raise ConfigError(f"array {group}/{key} has {size} bytes, more than a shard may have by max_shard_size={self._limit} (GB)")
        if self._size + size > self._limit * GB:
            self._begin()
        self._size += size
        self._total += size
        number, found = len(self._files) - 1, self._shards_of.setdefault(group, [])
        if number not in found:
            found.append(number)
        return number, self._files[-1]

    def _begin(self) -> None:
        if len(self._files) == SHARDS:
            raise ConfigError(f"max_shard_size={self._limit} (GB) makes more than {SHARDS} files of the weights")
        self.paths.append(self._folder / f"{len(self.paths)}{SUFFIX}")
        self._files.append(self._opened.enter_context(writing_file(self.paths[-1])))
        self._size = 0


class _ShardedWriteStore(MutableMapping[str, Any]):
    """Where one object puts its arrays."""

    def __init__(self, writer: _Writer, path: str, name: str | None):
        self._writer, self._path, self._name = writer, path, name
        self._parts: dict[int, WriteStore] = {}
        self._shard_of: dict[str, int] = {}

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self._shard_of:
            raise ConfigError(f"{self._path or 'the model itself'} writes its array {key!r} twice")
        value = np.asarray(value)
        number, file = self._writer.shard_for(self._path, key, value.nbytes)
        if number not in self._parts:
            self._parts[number] = WriteStore(file, self._path, self._name)
        self._parts[number][key] = value
        self._shard_of[key] = number

    def __getitem__(self, key: str) -> np.ndarray:
        return self._parts[self._shard_of[key]][key]

    def __delitem__(self, key: str) -> None:
        del self._parts[self._shard_of.pop(key)][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shard_of)

    def __len__(self) -> int:
        return len(self._shard_of)


# ---- reading ---------------------------------------------------------------------------------------------------------


class _Index:
    """What an index names.

    Attributes:
        weight_map: the shards of each group of arrays.
        names: of all shards.
        replaces: files that the writer of this index has not removed yet.
        written: tells this index from any other that takes its place, also one with the same text.

    Raises:
        DataError: it is none, or names anything but shards beside it.
    """

    def __init__(self, text: bytes, place: Path, written: tuple[int, int]):
        value = json_text.parse(text, f"the index {str(place)!r}")
        weight_map = value.get("weight_map") if isinstance(value, dict) else None
        metadata = value.get("metadata", {}) if isinstance(value, dict) else None
        if not isinstance(weight_map, dict) or not isinstance(metadata, dict):
            raise DataError(f"the index {str(place)!r} has no weight_map from groups of arrays to shards: it is none of sharded weights")
        self.weight_map = {path: _shards(place, path, found) for path, found in weight_map.items()}
        self.names = list(dict.fromkeys(name for names in self.weight_map.values() for name in names))
        replaces = metadata.get("replaces", [])
        self.replaces = [name for name in replaces if isinstance(name, str)] if isinstance(replaces, list) else []
        self.written = written
        if len(self.names) > SHARDS:
            raise DataError(f"the index {str(place)!r} names {len(self.names)} shards, more than {SHARDS}: refused")


def _shards(place: Path, path: str, found: Any) -> list[str]:
    names = found if isinstance(found, list) else [found]
    if not names:
        raise DataError(f"the index {str(place)!r}: {reprlib.repr(path)} names no shard")
    for name in names:
        if not isinstance(name, str) or not name.endswith(SUFFIX) or len(name) > 255 or any(sign in name for sign in "/\\:\0"):
            raise DataError(f"the index {str(place)!r}: {reprlib.repr(path)} lies in {reprlib.repr(name)}, "
                            f"which is no name of a file beside it that ends in {SUFFIX}: refused")  # fmt: skip
    return list(dict.fromkeys(names))


def _index_at(place: Path) -> _Index:
    require_file(place)
    found = place.stat()
    return _Index(read_small(place), place, (found.st_ino, found.st_mtime_ns))


def _named(place: Path) -> list[str]:
    return _index_at(place).names if kind_of(place) is not None else []


def _earlier(place: Path) -> list[str]:
    """The files that an index names and says it replaces; none where there is no index that can be read."""
    try:
        index = _index_at(place)
    except DataError:
        return []
    return [*index.names, *index.replaces]


class _Shards:
    """The opened files of a set."""

    def __init__(self, files: Mapping[str, h5py.File], weight_map: Mapping[str, Sequence[str]]):
        self._files, self._weight_map = files, weight_map

    def store_at(self, path: str) -> StoredArrays:
        """The arrays of the object at a path; where the index does not name it, none."""
        names = self._weight_map.get(path or "/vars") or self._weight_map.get(f"/{path}/vars") or ()
        return _ShardedReadStore(path, {name: self._files[name] for name in names})


class _ShardedReadStore(StoredArrays):
    """The arrays of one object, in one shard or several.

    Raises:
        DataError: an array is in two of them.
    """

    def __init__(self, path: str, files: Mapping[str, h5py.File]):
        self._shard_of: dict[str, tuple[str, ReadStore]] = {}
        for name, file in files.items():
            with _naming_shard(name):
                part = ReadStore(file, path)
                for key in part:
                    if key in self._shard_of:
                        raise DataError(f"array {key!r} of {path or 'the model itself'} is also in {self._shard_of[key][0]!r}: refused")
                    self._shard_of[key] = name, part

    def __getitem__(self, key: str) -> np.ndarray:
        name, part = self._shard_of[key]
        with _naming_shard(name):
            return part[key]

    def shape(self, key: str) -> tuple[int, ...]:
        name, part = self._shard_of[key]
        with _naming_shard(name):
            return part.shape(key)

    def dtype(self, key: str) -> np.dtype:
        name, part = self._shard_of[key]
        with _naming_shard(name):
            return part.dtype(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shard_of)

    def __len__(self) -> int:
        return len(self._shard_of)


@contextmanager
def _naming_shard(name: str) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"shard {name!r}: {error}") from error


@contextmanager
def _reading(place: Path) -> Iterator[_Shards]:
    """All shards, opened and looked through; when another set has taken the place meanwhile, those of that one."""
    with ExitStack() as files:
        yield _opened(place, files)


def _opened(place: Path, files: ExitStack) -> _Shards:
    for _ in range(_RETRIES):
        index = _index_at(place)
        failure = None
        with ExitStack() as opened:
            try:
                found = {name: opened.enter_context(_reading_shard(place.with_name(name))) for name in index.names}
                check_together(found.values())
            except DataError as error:
                failure, found = error, {}
            if _index_at(place).written != index.written:
                continue
            if failure is not None:
                raise failure
            files.enter_context(opened.pop_all())
            return _Shards(found, index.weight_map)
    raise DataError(f"{str(place)!r} is written over again and again while it is read")


def _reading_shard(place: Path) -> Any:
    kind = kind_of(place, follow_links=False)
    if kind != "file":
        raise DataError(f"shard {str(place)!r} is {'missing' if kind is None else f'a {kind}, no file'}")
    return reading_file(place)
