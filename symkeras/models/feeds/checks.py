"""What is checked of data as a whole before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.errors import DataError
from symkeras.foreign_dtypes import kind


def check_rows(x: Sequence[Any], y: Sequence[Any], weights: Sequence[Any]) -> int:
    """The common number of rows.

    Raises:
        DataError: they differ, or there are none.
    """
    if len(x) == 1 and not y and len(x[0]):
        return len(x[0])
    sizes = {f"{what}{f'[{k}]' if len(group) > 1 else ''}": len(a) for what, group in (("x", x), ("y", y), ("sample_weight", weights))
             for k, a in enumerate(group) if a is not None}  # fmt: skip
    if len(set(sizes.values())) != 1:
        raise DataError(f"all arrays must have the same number of rows; received {', '.join(f'{k}: {n}' for k, n in sizes.items())}")
    rows = next(iter(sizes.values()))
    if rows == 0:
        raise DataError("the data has no rows")
    return rows


def check_numbers(a: np.ndarray, name: str) -> None:
    """Raise DataError where a target is NaN."""
    if kind(a.dtype) != "f":
        return
    with np.errstate(all="ignore"):
        is_suspect = np.isnan(a.sum())
    if is_suspect and (where := np.isnan(a)).any():
        row = int(np.argwhere(where)[0][0])
        raise DataError(f"the target of {name!r} holds NaN (first in row {row}): the loss would be NaN and so would all weights")


def check_range(a: np.ndarray, dtype: str, name: str) -> None:
    """Raise DataError where integers do not fit the smaller integers that the model computes with."""
    if kind(a.dtype) not in "iu" or dtype[:3] not in ("int", "uin") or not a.size:
        return
    expected = np.iinfo(dtype)
    given = np.iinfo(a.dtype)
    if (given.min < expected.min or given.max > expected.max) and (a.min() < expected.min or a.max() > expected.max):
        raise DataError(f"{name}: values from {a.min()} to {a.max()} do not fit {dtype}, which the model computes with")
