"""Attributes that are computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):
    """A method as an attribute, computed once for each object.

    As `functools.cached_property` is from Python 3.12 on: without a lock, which all objects would share, and which a child of fork would
    find held by a thread that it does not have. Two threads may both compute the value.

    >>> class Circle:
    ...     def __init__(self, radius): self.radius = radius
    ...     @lazy
    ...     def area(self): return 3 * self.radius**2
    >>> circle = Circle(2); circle.area; circle.radius = 5; circle.area
    12
    12
    """

    def __init__(self, compute: Callable[[Any], T]):
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
