"""Tables of what an inspector knows: rows that print, sort, and go to CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from symkeras.errors import InspectionError, nearest
from symkeras.graph.escaping import printable

_WIDEST = 44
_SECONDS = frozenset({"seconds", "limit", "predicted"})
_SHARES = frozenset({"share", "reached"})


class Table:
    """Rows with the same columns.

    Args:
        columns: their names, in the order in which they print.
        rows: a dict for each row; lists among the values print with commas.

    >>> print(Table(["name", "flops"], [{"name": "a", "flops": 10}, {"name": "b", "flops": 20_000}]).sorted("flops"))
    name   flops
    b     20 000
    a         10
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[dict[str, Any]]):
        self.columns = list(columns)
        self.rows = list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, k: int) -> dict[str, Any]:
        return self.rows[k]

    def column(self, name: str) -> list[Any]:
        """The values of a column.

        Raises:
            InspectionError: there is no such column.
        """
        self._check(name)
        return [row[name] for row in self.rows]

    def sorted(self, by: str, largest_first: bool = True) -> Table:
        """The same rows ordered by a column; rows that have nothing there come last.

        Raises:
            InspectionError: there is no such column.
        """
        self._check(by)
        known = [r for r in self.rows if r[by] is not None]
        known.sort(key=lambda r: r[by], reverse=largest_first)
        return Table(self.columns, [*known, *(r for r in self.rows if r[by] is None)])

    def first(self, count: int) -> Table:
        """The first rows."""
        return Table(self.columns, self.rows[:count])

    def to_csv(self, path: str | Path | None = None) -> str:
        """The table as CSV, written to `path` where one is given.

        Raises:
            InspectionError: the file cannot be written.
        """
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_flat(row[c]) for c in self.columns] for row in self.rows)
        if path is not None:
            write(path, out.getvalue())
        return out.getvalue()

    def _check(self, name: str) -> None:
        if name not in self.columns:
            raise InspectionError(f"the table has no column {name!r}; its columns are {', '.join(self.columns)}.{nearest(name, self.columns)}")

    def __str__(self) -> str:
        cells = [self.columns, *([shown(c, row[c]) for c in self.columns] for row in self.rows)]
        widths = [max(len(line[k]) for line in cells) for k in range(len(self.columns))]
        right = [all(isinstance(row[c], (int, float, type(None))) for row in self.rows) and bool(self.rows) for c in self.columns]
        lines = ["  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in zip(line, widths, right, strict=True)).rstrip() for line in cells]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<table of {len(self.rows)} rows: {', '.join(self.columns)}>"


def shown(column: str, value: Any) -> str:
    """A cell as it prints."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if column in _SECONDS:
            return f"{value * 1e6:.1f} us" if value < 1e-3 else f"{value * 1e3:.2f} ms"
        return f"{value:.1%}" if column in _SHARES else f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    text = printable(_flat(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def _flat(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(v) for v in value)
    return "" if value is None else value


def write(path: str | Path, text: str) -> None:
    """Write a text file.

    Raises:
        InspectionError: it cannot be written; the message says why.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InspectionError(f"{path} cannot be written: {error.strerror or error}") from error
