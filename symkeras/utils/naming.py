"""Names that nobody gave: Keras' counters per process and its snake case."""

from __future__ import annotations

import re
from collections import Counter

from symkeras import locks

_uids: Counter[str] = Counter()
_lock = locks.lock()


def get_uid(prefix: str = "") -> int:
    """How often `prefix` was counted in this process, this time included.

    >>> first = get_uid("example_of_uid")
    >>> first, get_uid("example_of_uid")
    (1, 2)
    """
    with _lock:
        _uids[prefix] += 1
        return _uids[prefix]


def reset_uids() -> None:
    """Begin all counters again: the next automatic name of each kind has no number.

    >>> reset_uids()
    >>> auto_name("example_of_uid"), auto_name("example_of_uid")
    ('example_of_uid', 'example_of_uid_1')
    >>> reset_uids(); auto_name("example_of_uid")
    'example_of_uid'
    """
    _uids.clear()


def auto_name(prefix: str) -> str:
    """`prefix` the first time, then `prefix_1`, `prefix_2`, ...

    Args:
        prefix: usually the class name in snake case.

    >>> auto_name("example_of_name"), auto_name("example_of_name")
    ('example_of_name', 'example_of_name_1')
    """
    count = get_uid(prefix)
    return prefix if count == 1 else f"{prefix}_{count - 1}"


def to_snake_case(name: str) -> str:
    """A class name in snake case, by Keras' rules.

    >>> to_snake_case("LSTMCell"), to_snake_case("Conv2DTranspose"), to_snake_case("ReLU")
    ('lstm_cell', 'conv2d_transpose', 're_lu')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
