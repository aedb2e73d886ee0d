"""`symkeras.backend.report()`: which backends there are, and what each of them can run."""

from __future__ import annotations

from dataclasses import dataclass

import symkeras.ops  # noqa: F401 - fills the table of operations
from symkeras.backend import interface
from symkeras.backend_names import provider
from symkeras.errors import BackendError
from symkeras.ops.op import OPS

_LEAVES = frozenset({"placeholder", "variable", "constant", "dim", "item", "custom_gradient"})
"""Those, and what every pipeline removes."""


@dataclass(frozen=True)
class Row:
    """One backend.

    Attributes:
        name: what `compile(backend=...)` calls it.
        version: of the package behind it; symkeras' own for its own backends.
        devices: where it can compute.
        own: operations that it runs itself; expanded, those that it runs by their decomposition; borrowed, those that run by code of ours
            in NumPy for want of its own; missing, those that it cannot run.
        problem: why it cannot be loaded, and what to install; "" if it can.
    """

    name: str
    version: str = ""
    devices: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    expanded: tuple[str, ...] = ()
    borrowed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str = ""


class Report(tuple[Row, ...]):
    """Rows that print as a table."""

    def __str__(self) -> str:
        lines = [f"{'backend':<13} {'version':<12} {'own':>4} {'expanded':>8} {'borrowed':>8} {'missing':>7}  devices"]
        for r in self:
            if r.problem:
                lines.append(f"{r.name:<13} {r.problem}")
                continue
            counts = f"{len(r.own):>4} {len(r.expanded):>8} {len(r.borrowed):>8} {len(r.missing):>7}"
            lines.append(f"{r.name:<13} {r.version:<12} {counts}  {', '.join(r.devices)}")
        lacking = [f"{r.name} lacks {', '.join(r.missing)}" for r in self if r.missing]
        return "\n".join([*lines, *lacking])

    __repr__ = __str__


def report() -> Report:
    """The backends that are registered, each loaded to ask it; those that cannot be loaded say what to install.

    >>> [row.name for row in report() if not row.problem and not row.missing][:2]
    ['interpreter', 'numpy']
    """
    return Report(_row(name) for name in interface.registered() if name != "auto")


def _row(name: str) -> Row:
    try:
        backend = interface.get(name)
    except BackendError as error:
        title = f"backend {name!r} of {provider(name)} " if provider(name) else f"backend {name!r} "
        return Row(name, problem=str(error).removeprefix(title))
    ops = [op for n, op in OPS.items() if n not in _LEAVES]
    taken = {op.name for op in ops if backend.takes(op.name)}
    borrowed = tuple(op.name for op in ops if op.name in taken and backend.borrows(op.name))
    own = tuple(op.name for op in ops if op.name in taken and op.name not in borrowed)
    expanded = tuple(op.name for op in ops if op.is_composite and op.name not in taken)
    missing = tuple(op.name for op in ops if op.name not in taken and not op.is_composite)
    return Row(name, backend.version, tuple(backend.devices()), own, expanded, borrowed, missing)
