"""Checks of the arguments that compile, fit, evaluate, predict and their one-batch forms share."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

from symkeras.arguments import (
    boolean,
    either,
    is_integer,
    is_number,
    non_negative_int,
    number,
    one_of,
    optional,
    positive_int,
    refusal,
    table_of,
    verbosity,
)  # fmt: skip


def _steps(value: Any, where: str) -> int:
    """A number of batches; rounded up, where scripts of 2017 give `len(x) / 32`."""
    if not is_number(value) or math.isinf(value) or value <= 0:
        raise refusal(where, "a positive integer", value)
    return math.ceil(value)


def _class(value: Any, where: str) -> int:
    """The number of a class, also as the float that `np.unique` of float targets gives."""
    if not is_integer(value) and not (is_number(value) and value == int(value)):
        raise refusal(where, "the number of a class", value)
    return int(value)


def _frequency(value: Any, where: str) -> Any:
    """Every so many epochs, or what holds the numbers of epochs."""
    return value if isinstance(value, Container) and not isinstance(value, (str, bytes)) else positive_int(value, where)


def _loss_weights(value: Any, where: str) -> Any:
    """A number, or a nesting of numbers, like that of the losses."""
    if isinstance(value, (dict, list, tuple)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            optional(_loss_weights)(one, f"{where}[{key!r}]")
        return value
    if not is_number(value):
        raise refusal(where, "a number, or a list or dict of numbers", value)
    return value


VERBOSITY = either(one_of("auto"), verbosity)
BATCH_SIZE = optional(positive_int)
STEPS = optional(_steps)
EPOCHS = non_negative_int
CLASS_WEIGHT = optional(table_of(_class, number()))
SPLIT = optional(number(least=0, below=1))
SHUFFLE = either(boolean, one_of("batch"))
FREQUENCY = _frequency
LOSS_WEIGHTS = optional(_loss_weights)
