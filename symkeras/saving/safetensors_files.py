"""Weights in files of the format safetensors: eight bytes that tell the length of a header in JSON, the header, and the bytes of all arrays.

The header gives each array by name its dtype, shape, and `data_offsets`, from where to where its bytes lie behind the header;
`__metadata__` holds strings. Weights go by their paths (`dense/kernel`). The state of an optimizer is not in such files.
"""

from __future__ import annotations

import json
import math
import os
import reprlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from symkeras.errors import ConfigError, DataError, nearest
from symkeras.foreign_dtypes import provide
from symkeras.graph import dtypes
from symkeras.saving import json_text
from symkeras.saving.state_files import complaint, misfit

METADATA = "__metadata__"
DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32", "U64": "uint64",
    "I64": "int64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64",
    "C64": "complex64",
}  # fmt: skip
_CODES = {dtype: code for code, dtype in DTYPES.items()}
_LENGTH = 8
_DIMENSIONS = 32


class _Entry(NamedTuple):
    """Where an array lies, counted from the beginning of the file, and what it is."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def write_safetensors(model: Any, path: Path) -> None:
    """Write the weights of a model.

    Raises:
        ConfigError: a weight has a dtype that the format does not have.
    """
    arrays = {name: _of_format(name, v.numpy(), v.dtype) for name, v in _names(model.weights).items()}
    header: dict[str, Any] = {METADATA: {"format": "keras"}}
    order = sorted(arrays, key=lambda name: (-arrays[name][1].itemsize, name))  # so each begins at a multiple of its items' size
    begin = 0
    for name in order:
        code, array = arrays[name]
        header[name] = {"dtype": code, "shape": [*array.shape], "data_offsets": [begin, begin + array.nbytes]}
        begin += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    text += b" " * (-len(text) % _LENGTH)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(_LENGTH, "little"))
        file.write(text)
        for name in order:
            file.write(arrays[name][1].tobytes())


def _of_format(name: str, array: np.ndarray, dtype: str) -> tuple[str, np.ndarray]:
    if dtype not in _CODES:
        raise ConfigError(f"weight {name} has dtype {dtype}, which safetensors files do not have")
    array = dtypes.converted(np.asarray(array), dtype)
    return _CODES[dtype], array if dtype in dtypes.FOREIGN else array.astype(array.dtype.newbyteorder("<"), copy=False)


def _names(weights: Sequence[Any]) -> dict[str, Any]:
    """Weights by their paths within the model; of several with the same, all but the first get a number behind it."""
    found: dict[str, Any] = {}
    paths = {METADATA, *(v.place for v in weights)}
    for v in weights:
        name, count = v.place, 0
        while name in found or name == METADATA or (count and name in paths):
            count += 1
            name = f"{v.place}_{count}"
        found[name] = v
    return found


def read_safetensors(model: Any, path: Path, skip_mismatch: bool = False) -> None:
    """Give a model the weights in a file, by their names; what else the file holds is left.

    Args:
        model: a built model.
        path: of the file.
        skip_mismatch: leave weights that do not fit, or are not there, as they are, with a warning.

    Raises:
        DataError: the file is damaged, lacks a weight, or holds another shape or dtype; the model is unchanged then.
    """
    with path.open("rb") as file:
        entries = _entries(file)
        own = _names(model.weights)
        wrong = {name: reason for name, v in own.items() if (reason := _misfit(name, v, entries)) is not None}
        if wrong and not skip_mismatch:
            raise DataError(complaint(model, wrong, "weights"))
        values = [(v, _array(file, name, entries[name])) for name, v in own.items() if name not in wrong]
    for variable, value in values:
        variable.set(value)
    if wrong:
        warnings.warn(complaint(model, wrong, "weights"))


def _misfit(name: str, variable: Any, entries: Mapping[str, _Entry]) -> str | None:
    if name not in entries:
        return f"the file has no such array.{nearest(name, entries)}"
    entry = entries[name]
    return misfit(variable, entry.shape, np.dtype("f4" if entry.dtype in dtypes.FOREIGN else entry.dtype))


def _array(file: IO[bytes], name: str, entry: _Entry) -> np.ndarray:
    """An array, read once; bfloat16 and numbers of 8 bits as float32."""
    data = np.empty(entry.end - entry.begin, np.uint8)
    file.seek(entry.begin)
    if file.readinto(data.data) != data.size:  # type: ignore[attr-defined]  (files have it)
        raise DataError(f"array {reprlib.repr(name)} ends before its end: the file has changed meanwhile")
    if entry.dtype == "bool" and data.size and data.max() > 1:
        raise DataError(f"array {reprlib.repr(name)} is of BOOL, and holds bytes that are neither 0 nor 1")
    if entry.dtype in dtypes.FOREIGN:
        provide()
        return dtypes.wide(data.view(entry.dtype).reshape(entry.shape))
    return data.view(np.dtype(entry.dtype).newbyteorder("<")).reshape(entry.shape).astype(entry.dtype, copy=False)


# ---- the header ------------------------------------------------------------------------------------------------------


def _entries(file: IO[bytes]) -> dict[str, _Entry]:
    """The arrays that a file holds, by name: all of it but the header, each byte once.

    Raises:
        DataError: with the place, for anything else.
    """
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_LENGTH), "little")
    if size < _LENGTH or length > min(size - _LENGTH, json_text.SIZE):
        raise DataError(f"no safetensors file: of {size} bytes, a header of {length} is said to begin it; at most {json_text.SIZE} are read")
    header = json_text.parse(file.read(length), "the header")
    if not isinstance(header, dict):
        raise DataError(f"the header is no object but {type(header).__name__}")
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DataError(f"{METADATA} in the header holds something else than strings")
    start = _LENGTH + length
    found = {name: _entry(name, value, start) for name, value in header.items()}
    end = start
    for name, entry in sorted(found.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != end:
            what = "overlaps the array before it" if entry.begin < end else f"leaves a gap of {entry.begin - end} bytes before it"
            raise DataError(f"array {reprlib.repr(name)} {what}: refused")
        end = entry.end
    if end != size:
        raise DataError(f"the arrays take {end - start} bytes behind the header, the file has {size - start}")
    return found


def _entry(name: str, value: Any, start: int) -> _Entry:
    what = f"array {reprlib.repr(name)} in the header"
    if not isinstance(value, dict) or {*value} != {"dtype", "shape", "data_offsets"}:
        raise DataError(f"{what} has not dtype, shape and data_offsets, but {reprlib.repr(value)}")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise DataError(f"{what} has dtype {reprlib.repr(dtype)}; expected one of {', '.join(DTYPES)}")
    if not _are_sizes(shape) or len(shape) > _DIMENSIONS:
        raise DataError(f"{what} has shape {reprlib.repr(shape)}; expected at most {_DIMENSIONS} sizes")
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise DataError(f"{what} has data_offsets {reprlib.repr(offsets)}; expected a begin and an end behind it")
    size = math.prod(shape) * dtypes.itemsize(DTYPES[dtype])
    if size != offsets[1] - offsets[0]:
        raise DataError(f"{what} has shape {reprlib.repr(shape)} of {dtype}, and data_offsets {reprlib.repr(offsets)}, which are other sizes")
    return _Entry(DTYPES[dtype], tuple(shape), start + offsets[0], start + offsets[1])


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(v) is int and 0 <= v < 2**63 for v in value)
