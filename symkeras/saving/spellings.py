"""`Spellings`: the table that a lazy package's names and aliases make, for looking things up by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Spellings(Mapping[str, Any]):
    """Every spelling of a name of a package -> what it means, imported when it is asked for.

    Args:
        package: a module with `NAMES` (name -> module) and `ALIASES` (spelling -> name); what its module `registry` defines is left out.

    >>> from symkeras import regularizers
    >>> Spellings(regularizers)["l2"].__name__
    'L2'
    """

    def __init__(self, package: Any):
        self.package = package

    def __getitem__(self, name: str) -> Any:
        known = self.package.ALIASES.get(name, name)
        if self.package.NAMES.get(known, "registry") == "registry":
            raise KeyError(name)
        return getattr(self.package, known)

    def __iter__(self) -> Iterator[str]:
        yield from (name for name, module in self.package.NAMES.items() if module != "registry")
        yield from self.package.ALIASES

    def __len__(self) -> int:
        return sum(1 for _ in self)
