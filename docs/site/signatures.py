"""How a function, or a class, is called: as it is written, with its defaults."""

from __future__ import annotations

import inspect
import re
from typing import Any

_WIDTH = 100
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def names_of_arguments(value: Any) -> list[str]:
    """The names of `parameters`."""
    return [p.name for p in parameters(value)]


def parameters(value: Any) -> list[inspect.Parameter]:
    """Those of a function, or of making a class's objects; none where Python does not know them."""
    try:
        found = list(inspect.signature(value).parameters.values())
        if isinstance(value, type) and {p.kind for p in found} == {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            return list(inspect.signature(value.__init__).parameters.values())[1:]  # a __new__ that takes anything
        return found
    except (ValueError, TypeError):
        return []


def written(name: str, value: Any, method: bool = False) -> str:
    """A call as it is written, with defaults; over several lines where one would be too long."""
    given = parameters(value)
    parts = _written(given[1:] if method and given and given[0].name in ("self", "cls") else given)
    line = f"{name}({', '.join(parts)})"
    if len(line) > _WIDTH:
        line = "\n".join([f"{name}(", *_lines(parts), ")"])
    return f"```python\n{line}\n```\n"


def _written(given: list[inspect.Parameter]) -> list[str]:
    parts: list[str] = []
    kinds = [p.kind for p in given]
    for place, p in enumerate(given):
        if p.kind is p.KEYWORD_ONLY and p.KEYWORD_ONLY not in kinds[:place] and p.VAR_POSITIONAL not in kinds:
            parts.append("*")
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        default = "" if p.default is p.empty else f"={_ADDRESS.sub('', repr(p.default))}"
        parts.append(f"{stars}{p.name}{default}")
        if p.kind is p.POSITIONAL_ONLY and kinds[place + 1 : place + 2] != [p.POSITIONAL_ONLY]:
            parts.append("/")
    return parts


def _lines(parts: list[str]) -> list[str]:
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) + 2 > _WIDTH - 4:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else '    '}{part},"
    return lines
