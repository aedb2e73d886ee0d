"""A case from its number, run on both sides."""

from __future__ import annotations

import shutil
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.conformance import deviations, names
from tests.conformance.compare import Difference, as_in_a_file, differences, narrow, plain, tolerance_of
from tests.conformance.drawing import Drawing
from tests.conformance.kinds.kind import Case
from tests.conformance.sides import Side


@dataclass
class Outcome:
    """What came of a case: differences, and apart from them those of `deviations.py`; or what Keras said where it did not compute."""

    case: Case
    differences: list[Difference] = field(default_factory=list)
    meant: list[Difference] = field(default_factory=list)
    refused: str = ""

    @property
    def is_equal(self) -> bool:
        return not self.refused and not self.differences


def case(path: str, turn: int, seed: int = 0) -> Case:
    """The case of a name's turn: the same whenever it is asked for."""
    return names.kind_of(path).draw(Drawing(path, seed, turn))


def run(given: Case, ours: Side, keras: Side) -> Outcome:
    """The case on both sides."""
    if lacking := keras.lacking(given.shown):
        return Outcome(given, refused=lacking)
    expected, error = _observed(given, keras)
    if error:
        return Outcome(given, refused=error)
    found, error = _observed(given, ours)
    _cross(found, expected, ours, keras)
    _resume(given, found, expected, ours, keras)
    if keras.has_wide_integers:
        found, expected = narrow(found), narrow(expected)
    outcome = Outcome(given)
    for difference in differences(*_comparable(found, expected, error), tolerance_of(given.shown)):
        why = deviations.reason(given, difference)
        (outcome.differences if why is None else outcome.meant).append(difference)
    if error:
        outcome.differences.append(Difference("raises", error, "computes"))
    return outcome


def _observed(given: Case, side: Side) -> tuple[dict[str, Any], str]:
    seen: dict[str, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            side.seed(1)
            for label, value in given.observe(side):
                seen[label] = value
    except Exception as error:
        return seen, _told(error)
    return seen, ""


def _comparable(found: dict[str, Any], expected: dict[str, Any], error: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Without what came after an error, and without gradients where a side has none: on the other one they are zeros, or it has more."""
    if error:
        expected = {label: value for label, value in expected.items() if label in found}
    ours, theirs = ([label for label in seen if label.startswith("gradient")] for seen in (found, expected))
    if not theirs or (not ours and not any(np.any(expected[label]) for label in theirs)):
        found, expected = ({k: v for k, v in seen.items() if not k.startswith("gradient")} for seen in (found, expected))
    return found, expected


def _told(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]} ({place.filename.rpartition('/')[2]}:{place.lineno})"


def _cross(found: dict[str, Any], expected: dict[str, Any], ours: Side, keras: Side) -> None:
    """Configs read by the other side, and written again."""
    for label in [label for label in expected if label == "config" and label in found]:
        left, right = found[label], expected[label]
        found[label], expected[label] = plain(left), plain(right)
        itself = _again(right, keras)
        if not isinstance(itself, str):
            for reader, written, read in ((ours, right, "read from Keras"), (keras, left, "read by Keras")):
                found[f"{label} {read}"], expected[f"{label} {read}"] = _again(written, reader), itself


def _resume(given: Case, found: dict[str, Any], expected: dict[str, Any], ours: Side, keras: Side) -> None:
    """What is computed from files, each read by the other side, against what Keras computes from its own."""
    left, right = found.pop("file", None), expected.pop("file", None)
    if left is not None and right is not None:
        itself = _resumed(given, right, keras)
        for reader, path, read in ((ours, right, "read from Keras"), (keras, left, "read by Keras")):
            for labels, values in ((found, _resumed(given, path, reader)), (expected, itself)):
                labels.update({f"{label}, {read}": value for label, value in values.items()})
    for path in (left, right):
        if path is not None:
            shutil.rmtree(path.parent)


def _resumed(given: Case, path: Path, side: Side) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return given.kind.resumed(given, path, side)
    except Exception as error:
        return {"file": _told(error)}


def _again(config: Mapping[str, Any], reader: Side) -> Any:
    saving = reader.keras.saving
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return plain(saving.serialize_keras_object(saving.deserialize_keras_object(as_in_a_file(config), safe_mode=False)))
    except Exception as error:
        return _told(error)


def chosen(count: int, first: int = 0, seed: int = 0, only: Sequence[str] = ("",), single: Sequence[str] = ()) -> Iterator[Case]:
    """Cases in their order, every name in turn; or single ones by their labels."""
    if single:
        for label in single:
            path, _, turn = label.partition("/")
            yield case(path, int(turn), seed)
        return
    paths = [path for path in names.tested() if path.startswith(tuple(only))]
    for k in range(count if paths else 0):
        yield case(paths[k % len(paths)], first + k // len(paths), seed)
