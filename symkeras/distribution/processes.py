"""What several processes do once, together: files that one of them writes, and values that all take over from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from symkeras.errors import DistributionError

_joined: list[Any] = [None]


def joined() -> Any:
    """The processes that `initialize` has joined (a `symkeras.backend.cluster.Cluster`); None for one alone."""
    return _joined[0]


def note(cluster: Any) -> None:
    """Let `joined` give these."""
    _joined[0] = cluster if cluster.count > 1 else None


def written_by_first(variables: Iterable[Any], write: Callable[[], None]) -> None:
    """Let process 0 write a file that holds values of variables; the others go on when it is there.

    Args:
        variables: all processes bring them home, in this order.
        write: writes the file.
    """
    cluster = joined()
    if cluster is None:
        write()
        return
    for v in variables:
        v.array  # noqa: B018 (for a value that lies in parts all processes must ask)
    if cluster.index == 0:
        write()
    cluster.wait()


def taken_from_first(variables: Callable[[], Iterable[Any]], read: Callable[[], int | None]) -> int | None:
    """Let process 0 read values of variables from a file, and the others take them over, so that they need not see the file.

    Args:
        variables: gives what is read.
        read: sets them, and gives a number that goes with them; None where there is no file.

    Returns:
        The number.

    Raises:
        DistributionError: process 0 could not read it.
    """
    cluster = joined()
    if cluster is None:
        return read()
    found, error = -2, None
    if cluster.index == 0:
        try:
            number = read()
            found = -1 if number is None else number
        except Exception as raised:
            error = raised
    found = int(cluster.from_first(np.array([found], np.int64))[0])
    if error is not None:
        raise error
    if found == -2:
        raise DistributionError("process 0 could not read the state of training, see its error")
    if found == -1:
        return None
    for v in variables():
        v.set(cluster.from_first(v.array))
    return found
