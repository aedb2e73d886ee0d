"""Checkpoints in pieces: every process writes the parts of weights that its devices hold, and any number of devices reads them again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symkeras.distribution.processes import joined
from symkeras.errors import DataError
from symkeras.graph import dtypes
from symkeras.saving.atomic import replacing
from symkeras.saving.json_text import parse
from symkeras.saving.npz_files import read_npz

_INDEX = "layout.json"
_FORMAT = 1


def save_checkpoint(model: Any, folder: Any) -> None:
    """Write the variables of a model and of its optimizer; all processes call it, and see one folder.

    A folder is there as a whole or not at all: until the last process has written its part, the one of before stays. When the call returns,
    it is on disk.

    Args:
        model: built; its optimizer counts if it is built.
        folder: a new one, or one of the checkpoint before, which is replaced.

    Raises:
        FileError: it cannot be written; what was there is unchanged.
        DistributionError: another process is gone.
    """
    variables = _variables_of(model)
    cluster = joined()
    count, index = (1, 0) if cluster is None else (cluster.count, cluster.index)
    target = Path(os.fspath(folder))
    members = {_INDEX, *(p.name for p in target.glob("pieces-*.npz"))} if target.is_dir() else {_INDEX}
    members |= {_piece_file(k) for k in range(count)}
    if cluster is None or index == 0:
        with replacing(target, members) as unfinished:
            unfinished.mkdir()
            _tell(cluster, str(unfinished))
            _write_pieces(unfinished / _piece_file(0), variables, True)
            about = {"format": _FORMAT, "processes": count, "variables": [[v.path, list(v.shape), v.dtype] for v in variables]}
            (unfinished / _INDEX).write_text(json.dumps(about))
            if cluster is not None:
                cluster.wait()
    else:
        place = Path(_tell(cluster, ""))
        _write_pieces(place / _piece_file(index), variables, False)
        cluster.wait()
    if cluster is not None:
        cluster.wait()  # until it has its name


def load_checkpoint(model: Any, folder: Any) -> None:
    """Give a model and its optimizer the values of a checkpoint, whatever number of devices and processes wrote it.

    Args:
        model: built as the one that was saved; an optimizer that is not built yet is.
        folder: what `save_checkpoint` wrote; every process reads it.

    Raises:
        DataError: it is none, it is of another model, or pieces are missing; nothing has changed then.
    """
    target = Path(os.fspath(folder))
    about = _read_index(target)
    optimizer = model.optimizer
    if optimizer is not None and not optimizer.built and len(about["variables"]) > len(model.variables):
        optimizer.build(model.trainable_variables)
    variables = _variables_of(model)
    _check_variables(target, variables, about["variables"])
    values = [np.zeros(v.shape, v.dtype) for v in variables]
    missing = [np.ones(v.shape, bool) for v in variables]
    for k in range(about["processes"]):
        for number, start, piece in _read_pieces(target / _piece_file(k), len(variables)):
            where = tuple(slice(a, a + n) for a, n in zip(start, piece.shape, strict=False))
            if len(start) != values[number].ndim or values[number][where].shape != piece.shape:
                raise DataError(f"{str(target)!r}: a piece of {variables[number].path} lies outside of its shape {variables[number].shape}")
            values[number][where] = piece
            missing[number][where] = False
    lacking = [v.path for v, m in zip(variables, missing, strict=True) if m.any()]
    if lacking:
        raise DataError(f"{str(target)!r} lacks pieces of {', '.join(lacking[:5])}")
    for v, value in zip(variables, values, strict=True):
        v.set(value)


def _variables_of(model: Any) -> list[Any]:
    optimizer = model.optimizer
    own = optimizer.variables if optimizer is not None and optimizer.built else []
    return list(dict.fromkeys([*model.variables, *own]))


def _piece_file(process: int) -> str:
    return f"pieces-{process:05}.npz"


def _tell(cluster: Any, path: str) -> str:
    """The path that process 0 writes to."""
    if cluster is None:
        return path
    text = np.zeros(4096, np.uint8)
    raw = os.fsencode(path)
    text[: len(raw)] = np.frombuffer(raw, np.uint8)
    return os.fsdecode(bytes(cluster.from_first(text)).rstrip(b"\0"))


def _write_pieces(path: Path, variables: Sequence[Any], is_first: bool) -> None:
    """What this process has of the variables: name of an array is the number of its variable and where the piece begins."""
    arrays = {f"{k}@{'_'.join(map(str, start))}": dtypes.wide(piece) for k, v in enumerate(variables) for start, piece in _pieces_of(v, is_first)}
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())


def _pieces_of(variable: Any, is_first: bool) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """(where it begins, numbers) of the pieces that this process is to write."""
    for place, held in variable.storage.copies.items():
        if held.is_good and variable in held.values and hasattr(place, "pieces"):
            return place.pieces(held.values[variable])
    return [((0,) * variable.ndim, variable.array)] if is_first else []


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        about = parse((folder / _INDEX).read_bytes(), f"{str(folder / _INDEX)!r}")
        variables = [(str(p), tuple(map(int, s)), str(d)) for p, s, d in about["variables"]]
        count = int(about["processes"])
        if about["format"] != _FORMAT or not 0 < count <= 1 << 16:
            raise ValueError(f"format {about['format']}, {count} processes")
    except FileNotFoundError as error:
        raise DataError(f"there is no checkpoint in {str(folder)!r}: no file {_INDEX!r}") from error
    except DataError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{str(folder)!r} is no checkpoint in pieces: {error}") from error
    lacking = [_piece_file(k) for k in range(count) if not (folder / _piece_file(k)).is_file()]
    if lacking:
        raise DataError(f"{str(folder)!r} was written by {count} processes; {', '.join(lacking[:5])} is not there")
    return {"variables": variables, "processes": count}


def _check_variables(folder: Path, variables: Sequence[Any], saved: Sequence[tuple[str, tuple[int, ...], str]]) -> None:
    if len(variables) != len(saved):
        raise DataError(f"{str(folder)!r} is the checkpoint of another model: it holds {len(saved)} variables, this model has {len(variables)}")
    for v, (path, shape, dtype) in zip(variables, saved, strict=True):
        if (v.shape, v.dtype) != (shape, dtype):
            raise DataError(f"{str(folder)!r} is the checkpoint of another model: {v.path} is {v.dtype} {v.shape}, saved is {path}, {dtype} {shape}")


def _read_pieces(path: Path, count: int) -> Iterator[tuple[int, tuple[int, ...], np.ndarray]]:
    for name, piece in read_npz(path, "biuf").items():
        number, _, start = name.partition("@")
        parts = start.split("_") if start else []
        if not number.isdigit() or int(number) >= count or not all(p.isdigit() for p in parts):
            raise DataError(f"{str(path)!r}: {name!r} is no name of a piece")
        yield int(number), tuple(map(int, parts)), piece
