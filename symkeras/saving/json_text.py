"""JSON from strangers: looked through before anything is made of it."""

from __future__ import annotations

import json
import re
import reprlib
from collections import Counter
from typing import Any

from symkeras.errors import DataError
from symkeras.graph.escaping import printable

SIZE = 2**26
"""Bytes of a text."""
VALUES = 2**20
"""Values in it: each takes some hundred bytes of memory, and may have two bytes of text."""
DEPTH = 200
"""Lists and dicts inside of each other."""
_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]|,', re.DOTALL)


def parse(text: bytes, what: str) -> Any:
    """The value that a text in JSON stands for.

    Args:
        text: in UTF-8.
        what: it is, for messages.

    Raises:
        DataError: it is not JSON, names something twice, or is too long, too deep or too many values.
    """
    if len(text) > SIZE:
        raise DataError(f"{what} has {len(text)} bytes, more than {SIZE}: refused")
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{what} is not JSON: {printable(error)}") from error
    values = depth = deepest = 0
    for match in _STRUCTURE.finditer(decoded):
        sign = match[0][0]
        values += sign != '"'
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
        if values > 2 * VALUES or deepest > DEPTH:
            raise DataError(f"{what} is not JSON of at most {VALUES} values, at most {DEPTH} inside of each other: refused")
    try:
        return json.loads(decoded, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{what} is not JSON: {printable(error)}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of the members of an object, whose names must differ: which of two is meant, readers do not agree on."""
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"{reprlib.repr(max(counts, key=lambda name: counts[name]))} comes twice in one object")
    return found
