"""What both sides were seen to do, held against each other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOLERANCE = {"float16": 1e-2, "bfloat16": 5e-2, "float32": 5e-4, "float64": 1e-7, "complex64": 5e-4}
"""Relative to the number itself and to the greatest one of its array: both sides add in orders of their own."""


NOTHING = "(nothing)"


@dataclass(frozen=True)
class Difference:
    """One thing that differs: its label, both values as text, and the values."""

    label: str
    found: str
    expected: str
    left: Any = field(default=None, compare=False, repr=False)
    right: Any = field(default=None, compare=False, repr=False)

    @property
    def places(self) -> set[str]:
        """Where two trees differ, as dotted paths."""
        mine, theirs = dict(_leaves(self.left)), dict(_leaves(self.right))
        paths = {path for path in {*mine, *theirs} - {""} if path not in mine or path not in theirs or mine[path] != theirs[path]}
        return {path for path in paths if not any(other.startswith((f"{path}.", f"{path}[")) for other in paths)}


def tolerance_of(code: str) -> float:
    """How far numbers may be apart that come of code: as the narrowest dtype in it says; of float64 what computes in float32 makes less."""
    seen = max([0.0, *(TOLERANCE[name] for name in ("float16", "bfloat16") if re.search(rf"(?<!b){name}", code))])
    is_wide = "ops." in code or (re.search("dtype'?[=:] ?'float64'", code) and code.count("keras.layers.") < 2)
    return seen or (1e-5 if "float64" in code and not is_wide else 0.0)


def differences(found: Mapping[str, Any], expected: Mapping[str, Any], tolerance: float = 0.0) -> Iterator[Difference]:
    """What differs, label by label; a label of the one that the other lacks differs, too."""
    for label, right in expected.items():
        if label not in found:
            yield Difference(label, NOTHING, shown(right), None, right)
            continue
        left = found[label]
        alike = similar(left, right, 0.3 if label.startswith("gradient") else 1e-3, tolerance) if isinstance(right, np.ndarray) else left == right
        if not alike:
            yield Difference(label, shown(left, right), shown(right, left), left, right)
    for label in found.keys() - expected.keys():
        yield Difference(label, shown(found[label]), NOTHING, found[label], None)


def similar(left: Any, right: np.ndarray, floor: float = 1e-3, tolerance: float = 0.0) -> bool:
    """Equal but for rounding; numbers below `floor` are taken for sums that cancel."""
    if not isinstance(left, np.ndarray) or left.shape != right.shape or str(left.dtype) != str(right.dtype):
        return False
    if right.dtype.kind in "biuSUO":
        return bool(np.array_equal(left, right))
    tolerance = max(tolerance, TOLERANCE[str(right.dtype)])
    left, right = (x.astype("complex128" if x.dtype.kind == "c" else "float64") for x in (left, right))
    usual = np.abs(right[np.isfinite(right)])
    scale = usual.max() if usual.size else 0.0
    scale = scale if tolerance > TOLERANCE["float32"] else min(scale, 1.0)
    return bool(np.allclose(left, right, rtol=tolerance, atol=tolerance * max(scale, floor), equal_nan=True))


def narrow(value: Any) -> Any:
    """Integers of 64 bits, and what names them, as those of 32."""
    if isinstance(value, np.ndarray):
        return value.astype("int32") if value.dtype == "int64" else value
    if isinstance(value, dict):
        return {name: narrow(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(narrow(v) for v in value)
    return "int32" if value == "int64" and isinstance(value, str) else value


def shown(value: Any, other: Any = None) -> str:
    """A value as text: an array with dtype and shape, a tree by the leaves in which it is not the other one."""
    if isinstance(value, np.ndarray):
        text = " ".join(np.array2string(value, threshold=24, precision=6, edgeitems=2).split())
        return f"{value.dtype}{list(value.shape)} {_worst(value, other)}{text[:300]}"
    if isinstance(value, (dict, list)):
        mine, theirs = dict(_leaves(value)), dict(_leaves(other))
        return ", ".join(f"{path}={leaf!r}" for path, leaf in mine.items() if path not in theirs or theirs[path] != leaf)[:600] or "(nothing more)"
    return str(value)


def _worst(value: np.ndarray, other: Any) -> str:
    """Where in a large array the two are farthest apart, and what is there."""
    if value.size < 12 or not isinstance(other, np.ndarray) or other.shape != value.shape or value.dtype.kind not in "fiu":
        return ""
    apart = np.abs(value.astype("float64") - other.astype("float64"))
    place = np.unravel_index(int(np.nanargmax(np.where(np.isnan(apart), np.inf, apart))), value.shape)
    return f"at {[int(k) for k in place]} {value[place]:.7g} of "


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict) and tree:
        for name, value in tree.items():
            yield from _leaves(value, f"{path}.{name}".lstrip("."))
    elif isinstance(tree, list) and tree:
        for k, value in enumerate(tree):
            yield from _leaves(value, f"{path}[{k}]")
    else:
        yield path, tree


def as_in_a_file(config: Any) -> Any:
    """A config as JSON would give it back."""
    return json.loads(json.dumps(config, default=_number))


def plain(config: Any) -> Any:
    """A config as in a file, without what counts objects up: trailing numbers of names, ids of shared objects."""
    return _without_counts(as_in_a_file(config))


def _number(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "numpy"):
        return np.asarray(value).tolist()
    raise TypeError(f"{type(value).__name__} {value!r} in a config")


def _without_counts(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {
            name: re.sub(r"_\d+$", "", value) if name == "name" and isinstance(value, str) else _without_counts(value)
            for name, value in sorted(tree.items())
            if name != "shared_object_id"
        }
    if isinstance(tree, list):
        return [_without_counts(value) for value in tree]
    return round(tree, 6) if isinstance(tree, float) and abs(tree) > 1e-3 and np.isfinite(tree) else tree
