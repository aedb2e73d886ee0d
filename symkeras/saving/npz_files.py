"""`.npz` files from strangers: sizes and dtypes are looked at before an array is made."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from symkeras.errors import DataError
from symkeras.graph.escaping import printable
from symkeras.saving.archives import open_archive

_KINDS = "biufc"


def read_npz(path: Path, kinds: str = _KINDS, of_objects: Callable[[IO[bytes]], Any] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file by name.

    Args:
        path: of the file.
        kinds: of dtypes that are read, as in `numpy.dtype.kind`.
        of_objects: reads what stands for an array of objects behind its header, in at most as many bytes as the file has unpacked; None
            refuses them.

    Raises:
        DataError: it is damaged, or holds something else than arrays of these kinds.
    """
    with open_archive(path) as archive:
        return {member.filename.removesuffix(".npy"): _array(archive, member, kinds, of_objects) for member in archive.infolist()}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, kinds: str, of_objects: Callable[[IO[bytes]], Any] | None) -> np.ndarray:
    what = f"{str(archive.filename)!r}: member {member.filename!r}"
    try:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, is_fortran, dtype = read(file)
            if dtype.hasobject and of_objects is not None:
                return of_objects(file)
            size = math.prod(shape) * dtype.itemsize
            if dtype.kind not in kinds or dtype.hasobject or min(shape, default=0) < 0:
                raise DataError(f"{what} is an array {shape} of {dtype}, which is not read")
            data = file.read(size + 1) if size < member.file_size else b""
    except DataError:
        raise
    except Exception as error:  # NumPy's reader of headers is Python's own, which raises what it likes
        raise DataError(f"{what} is no array: {printable(error)}") from error
    if len(data) != size:
        raise DataError(f"{what} says it has {size} bytes of data, and has others")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C").copy()
