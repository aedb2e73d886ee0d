"""A small vocabulary of checks of arguments, for every public constructor and call.

A check is a function of a value and of where it came from ("Dense: units"). It gives the value as it is to be used, or raises
`ConfigError`, saying what was expected and what came. `checked` puts checks before a function, one per argument:

>>> class Scale:
...     @checked(factor=number(least=0), mode=one_of("row", "column"))
...     def __init__(self, factor, mode="row"):
...         self.factor = factor
>>> Scale(-1)
Traceback (most recent call last):
symkeras.errors.ConfigError: Scale: factor must be a number of at least 0, received -1
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from symkeras.errors import ArgumentTypeError, ConfigError, nearest
from symkeras.foreign_dtypes import kind

Check = Callable[[Any, str], Any]
F = TypeVar("F", bound=Callable[..., Any])


def refusal(where: str, expected: str, value: Any, hint: str = "", has_type: bool = True) -> ConfigError:
    """The error for an argument that is not what was expected; a TypeError as well where it is of another type."""
    shown = repr(value)
    kind = ConfigError if has_type else ArgumentTypeError
    return kind(f"{where} must be {expected}, received {shown if len(shown) <= 200 else shown[:197] + '...'}.{hint}".removesuffix("."))


# ---- numbers -------------------------------------------------------------------------------------------------------


def integers(value: Any, count: int, what: str, least: int = 1) -> tuple[int, ...]:
    """`value` as `count` integers, repeated when it is a single one.

    >>> integers(3, 2, "kernel_size")
    (3, 3)

    Raises:
        ConfigError: another number of integers, or one below `least`.
    """
    is_row = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)
    items = (value,) * count if isinstance(value, (int, np.integer)) else tuple(value) if is_row else ()
    are_integers = all(is_integer(v) for v in items)
    if len(items) != count or not are_integers or any(v < least for v in items):
        one = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise refusal(what, one if count == 1 else f"{one}, or {count} of them", value, has_type=len(items) == count and are_integers)
    return tuple(int(v) for v in items)


def integer(least: int | None = None, most: int | None = None) -> Check:
    """An int within bounds; no bool, and no float.

    >>> integer(least=1)(np.int64(3), "Dense: units")
    3
    """
    expected = "a positive integer" if least == 1 and most is None else f"an integer{_bounds(least, most)}"

    def check(value: Any, where: str) -> int:
        if not is_integer(value) or (least is not None and value < least) or (most is not None and value > most):
            raise refusal(where, expected, value, has_type=is_integer(value))
        return operator.index(value)

    return check


def number(least: float | None = None, most: float | None = None, above: float | None = None, below: float | None = None) -> Check:
    """A real number within bounds, as it came; no bool, and no NaN.

    Args:
        least, most: bounds that are allowed themselves.
        above, below: bounds that are not.

    >>> number(above=0)(0.5, "Adam: epsilon")
    0.5
    """
    expected = "a positive number" if above == 0 and most is below is None else f"a number{_bounds(least, most, above, below)}"

    def check(value: Any, where: str) -> Any:
        if not is_number(value) or not _lies_within(value, least, most, above, below):
            raise refusal(where, expected, value, has_type=is_number(value))
        return value if isinstance(value, (int, float)) else float(value)

    return check


def is_integer(value: Any) -> bool:
    """Whether a value is an int of Python or NumPy, and no bool."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a real number of Python or NumPy (also as an array without axes), and neither a bool nor NaN."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and not math.isnan(value)


def _lies_within(value: Any, least: Any, most: Any, above: Any, below: Any) -> bool:
    return ((least is None or value >= least) and (most is None or value <= most)) and (
        (above is None or value > above) and (below is None or value < below))  # fmt: skip


def _bounds(least: Any = None, most: Any = None, above: Any = None, below: Any = None) -> str:
    low = f"of at least {least}" if least is not None else f"above {above}" if above is not None else ""
    high = f"of at most {most}" if most is not None else f"below {below}" if below is not None else ""
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return "".join(f" {part}" for part in (low, "and" if low and high else "", high) if part)


positive_int = integer(least=1)
non_negative_int = integer(least=0)
positive = number(above=0)
non_negative = number(least=0)
fraction = number(least=0, most=1)


def real_numbers(value: Any, where: str) -> Any:
    """A real number or an array, or nested lists, of them, as it came."""
    try:
        found = kind(np.asarray(value).dtype)
    except (TypeError, ValueError):
        found = "O"
    if found not in "biuf":
        raise refusal(where, "a number or an array of numbers", value)
    return value


# ---- words, switches, functions ------------------------------------------------------------------------------------


def boolean(value: Any, where: str) -> bool:
    """True or False, also as 1 or 0."""
    if isinstance(value, (bool, np.bool_)) or (is_integer(value) and value in (0, 1)):
        return bool(value)
    raise refusal(where, "True or False", value)


def text(value: Any, where: str) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise refusal(where, "a text", value)
    return value


def path(value: Any, where: str) -> Any:
    """The path of a file or folder, as it came."""
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise refusal(where, "a path", value)
    return value


def one_of(*choices: Any) -> Check:
    """One of some values; words in any case, and given in the case of the choice."""
    words = {c.lower(): c for c in choices if isinstance(c, str)}
    listed = [repr(c) for c in choices]
    expected = " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)

    def check(value: Any, where: str) -> Any:
        if isinstance(value, str) and value.lower() in words:
            return words[value.lower()]
        if any(value is c or (is_number(value) and is_number(c) and value == c) for c in choices):
            return value
        raise refusal(where, expected, value, nearest(value, words) if isinstance(value, str) else "")

    return check


def function(value: Any, where: str) -> Any:
    """Something that can be called."""
    if not callable(value):
        raise refusal(where, "a function", value, has_type=False)
    return value


def anything(value: Any, where: str) -> Any:
    """Whatever it is: for what is checked elsewhere."""
    return value


def instance(kind: type, name: str) -> Check:
    """An object of a class, called `name` in messages."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, kind):
            raise refusal(where, name, value)
        return value

    return check


# ---- combinations --------------------------------------------------------------------------------------------------


def optional(check: Check) -> Check:
    """What a check takes, or None."""

    def checked_unless_none(value: Any, where: str) -> Any:
        if value is None:
            return None
        try:
            return check(value, where)
        except ConfigError as error:
            raise type(error)(str(error).replace(", received ", " or None, received ", 1)) from None

    return checked_unless_none


def either(*checks: Check) -> Check:
    """What one of some checks takes; the first that does."""

    def check(value: Any, where: str) -> Any:
        refused: list[str] = []
        has_type = False
        for one in checks:
            try:
                return one(value, where)
            except ConfigError as error:
                refused.append(str(error).removeprefix(f"{where} must be ").partition(", received ")[0])
                has_type = has_type or not isinstance(error, TypeError)
        raise refusal(where, ", or ".join(refused), value, has_type=has_type)

    return check


def as_given(check: Check) -> Check:
    """What a check takes, as it came, and not as the check gives it."""

    def checked_only(value: Any, where: str) -> Any:
        check(value, where)
        return value

    return checked_only


def several(check: Check, count: int | None = None, least: int = 0) -> Check:
    """A list, tuple or array axis of values that a check takes, as a tuple."""
    expected = f"{count} values" if count is not None else f"a list or tuple of at least {least} values" if least else "a list or tuple"

    def checked_each(value: Any, where: str) -> tuple[Any, ...]:
        items = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value
        if not isinstance(items, (list, tuple)) or (count is not None and len(items) != count) or len(items) < least:
            raise refusal(where, expected, value, has_type=isinstance(items, (list, tuple)))
        return tuple(check(item, f"{where}[{k}]") for k, item in enumerate(items))

    return checked_each


settings = instance(dict, "a dict, as get_config gives it")
verbosity = either(boolean, integer(0, 2))
axis_number = integer()
axis_numbers = either(axis_number, several(axis_number, least=1))
axis_size = optional(integer(least=0))
"""The size of an axis; None for one that varies."""
axis_sizes = either(non_negative_int, several(axis_size))


def table_of(keys: Check, values: Check) -> Check:
    """A dict whose keys and values checks take."""

    def check(value: Any, where: str) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            raise refusal(where, "a dict", value)
        return {keys(k, f"{where}: a key"): values(v, f"{where}[{k!r}]") for k, v in value.items()}

    return check


# ---- functions with checked arguments ------------------------------------------------------------------------------


def checked(**checks: Check) -> Callable[[F], F]:
    """A decorator: arguments of these names are checked, and converted, before the function runs; defaults are taken as they are.

    What went wrong is said to be in the class of the first argument, or in the function where it is none of a class.
    """

    def decorate(f: F) -> F:
        names = list(inspect.signature(f).parameters)
        unknown = checks.keys() - set(names)
        if unknown:
            raise TypeError(f"{f.__qualname__} has no arguments {sorted(unknown)}")
        places = [(names.index(name), name, check) for name, check in checks.items()]
        is_constructor, is_method = f.__name__ == "__init__", names[:1] == ["self"]

        @functools.wraps(f)
        def with_checks(*args: Any, **kwargs: Any) -> Any:
            positional = list(args)
            owner = (type(args[0]).__name__ if is_constructor else f.__name__) if is_method else f.__name__
            for place, name, check in places:
                if place < len(positional):
                    positional[place] = check(positional[place], f"{owner}: {name}")
                elif name in kwargs:
                    kwargs[name] = check(kwargs[name], f"{owner}: {name}")
            return f(*positional, **kwargs)

        return with_checks  # type: ignore[return-value]

    return decorate
