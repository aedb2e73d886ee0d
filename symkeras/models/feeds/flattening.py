"""Data in every nesting that fit takes, as flat lists of arrays in the model's order."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import foreign_data, tree
from symkeras.errors import DataError, nearest
from symkeras.foreign_dtypes import kind


def flat_inputs(x: Any, names: Sequence[str], structure: Any = None, takes_texts: bool = False) -> tuple[list[Any], Any]:
    """The arrays of x in the model's order, None for an input that is left out, and their nesting.

    Args:
        x: an array, or lists or dicts of arrays; a dict may be keyed by the names of the model's inputs.
        names: of the model's inputs; empty where they are not known.
        structure: the nesting of the model's inputs, None where it is not known.
        takes_texts: whether an input may be texts.
    """
    if isinstance(x, np.ndarray) and len(names) <= 1:
        return [_array(x, "x", takes_texts)], x
    if x is None:
        raise DataError("there is no data: x is None")
    if names:
        warn_of_other_nesting(x, names, structure)
        if _is_list_for_dict(x, structure):
            x = dict(zip(structure, x, strict=True))
    if isinstance(x, Mapping) and names:
        is_nested_alike = isinstance(structure, Mapping) and structure.keys() <= x.keys()
        missing = [n for n in names if n not in x]
        if not missing and not is_nested_alike:
            x = [x[n] for n in names]
            x = x if len(names) > 1 else x[0]
        elif not is_nested_alike:
            known = ", ".join(sorted(structure) if isinstance(structure, Mapping) else names)
            received = ", ".join(map(str, x))
            raise DataError(f"the model's inputs are {known}; received data for {received}: {missing[0]!r} is missing.{nearest(missing[0], list(x))}")
        else:
            x = {k: x[k] for k in structure}
    if isinstance(x, (list, tuple)) and len(x) == len(names) == 1 and x[0] is None:
        raise DataError(f"input {names[0]!r} is not optional, received None")
    leaves = tree.flatten(x)
    is_rows = isinstance(x, (list, tuple)) and not any(hasattr(a, "shape") or hasattr(a, "__array__") for a in leaves)
    if is_rows and x and (len(names) <= 1 or not any(tree.is_nested(a) for a in x)):
        x = _array(x, "x", takes_texts)
    leaves = tree.flatten(x)
    may_lack = len(names) > 1 and any(a is not None for a in leaves)  # the model says which of its inputs are optional
    flat = [None if a is None and may_lack else _array(a, f"x[{k}]" if len(leaves) > 1 else "x", takes_texts) for k, a in enumerate(leaves)]
    if names and len(flat) != len(names):
        raise DataError(f"the model has {len(names)} inputs ({', '.join(names)}), received {len(flat)} arrays")
    if not flat:
        raise DataError("there is no data: x is empty")
    return flat, x


def warn_of_other_nesting(x: Any, names: Sequence[str], structure: Any) -> None:
    """Say where a dict has more than a model's inputs take, and where a list is given for a dict of inputs.

    Args:
        x: what is given for the inputs.
        names: of the inputs.
        structure: their nesting.
    """
    if isinstance(x, Mapping):
        taken = structure if isinstance(structure, Mapping) and structure.keys() <= x.keys() else names
        left = [key for key in x if key not in taken]
        if left and all(key in x for key in taken):
            warnings.warn(f"the data have {', '.join(map(repr, left))}, which no input of the model takes; its inputs are {', '.join(taken)}")
    elif _is_list_for_dict(x, structure):
        order = ", ".join(structure)
        warnings.warn(f"the model's inputs are a dict of {order}, and a {type(x).__name__} is given: its parts are taken in this order")


def _is_list_for_dict(x: Any, structure: Any) -> bool:
    """Whether a list has a part for each of a dict of inputs, whose order is that of both; in another order a list is refused."""
    if not isinstance(x, (list, tuple)) or not isinstance(structure, Mapping):
        return False
    return len(x) == len(structure) > 1 and list(structure) == sorted(structure)


def _array(a: Any, what: str, takes_texts: bool = False) -> np.ndarray:
    """An array with a batch axis.

    Raises:
        DataError: strings, objects, complex numbers, rows of unequal length, or a single number.
    """
    try:
        array = foreign_data.array(a)
    except DataError as error:
        raise DataError(f"{what}: {error}") from error
    except ValueError as error:
        raise DataError(f"{what}: the rows make no array: {error}") from error
    if kind(array.dtype) not in ("biufUSO" if takes_texts else "biuf"):
        example = f", such as {array.ravel()[0]!r}" if array.size else ""
        hint = "; rows of unequal length need padding" if kind(array.dtype) == "O" else _FOR_TEXTS if kind(array.dtype) in "US" else ""
        raise DataError(f"{what}: expected real numbers, received dtype {array.dtype}{example}{hint}")
    if array.ndim == 0:
        raise DataError(f"{what}: expected an array with a batch axis, received a scalar")
    return array


_FOR_TEXTS = "; a layer such as TextVectorization or StringLookup turns texts into numbers, before or as the first of the model"


def flat_targets(y: Any, names: Sequence[str], nesting: Any = 0, with_loss: Sequence[int] = (), what: str = "y") -> list[Any]:
    """One array (or None) per output, from one array, a list, a dict by output names, or the nesting of the outputs.

    Args:
        y: what was given.
        names: of the outputs.
        nesting: of the outputs.
        with_loss: the numbers of those that have a loss; as many arrays are for these.
        what: it is, for messages.
    """
    if y is None:
        return [None] * len(names)
    if _is_deep(nesting) and _fits(y, nesting):
        return [None if a is None else _array(a, f"{what}[{n!r}]") for a, n in zip(_flat_like(y, nesting), names, strict=True)]
    if isinstance(y, Mapping):
        unknown = [k for k in y if k not in names]
        if unknown:
            raise DataError(f"{what}: there is no output {unknown[0]!r}; outputs: {', '.join(names)}.{nearest(unknown[0], names)}")
        return [None if y.get(n) is None else _array(y[n], f"{what}[{n!r}]") for n in names]
    if len(names) == 1:
        if isinstance(y, (list, tuple)) and len(y) == 1 and (y[0] is None or hasattr(y[0], "shape")):
            y = y[0]
        return [None if y is None else _array(y, what)]
    if not isinstance(y, (list, tuple)):
        if what == "sample_weight":
            return [_array(y, what)] * len(names)
        if len(with_loss) == 1:
            return [_array(y, what) if k in with_loss else None for k in range(len(names))]
        raise DataError(f"{what}: the model has {len(names)} outputs ({', '.join(names)}), received one array")
    if len(y) != len(names) and any(isinstance(a, (list, tuple, Mapping)) for a in y):
        y = tree.flatten(y)
    if len(y) != len(names) and len(y) == len(with_loss):
        given = dict(zip(with_loss, y, strict=True))
        y = [given.get(k) for k in range(len(names))]
    if len(y) != len(names):
        raise DataError(f"{what}: the model has {len(names)} outputs ({', '.join(names)}), received {len(y)} arrays")
    return [None if a is None else _array(a, f"{what}[{k}]") for k, a in enumerate(y)]


def nested_targets(y: Any, what: str) -> tuple[list[Any], Any]:
    """The arrays of targets or weights as they were given, and their nesting, None for none.

    Args:
        y: None, an array, or any nesting of arrays and Nones.
        what: it is, for messages.
    """
    leaves = tree.flatten(y)
    if all(a is None for a in leaves):
        return [], None
    if not any(hasattr(a, "shape") or hasattr(a, "__array__") for a in leaves):  # the rows themselves are lists
        return [_array(y, what)], 0
    flat = [None if a is None else _array(a, f"{what}[{k}]" if len(leaves) > 1 else what) for k, a in enumerate(leaves)]
    return flat, tree.map_structure(lambda a: 0, y)


def _is_deep(nesting: Any) -> bool:
    """Whether a nesting has more than one level."""
    parts = nesting.values() if isinstance(nesting, Mapping) else nesting if isinstance(nesting, (list, tuple)) else ()
    return any(map(tree.is_nested, parts))


def _fits(y: Any, nesting: Any) -> bool:
    """Whether `y` has a part for every part of a nesting; a dict may leave some out."""
    if isinstance(nesting, Mapping):
        return isinstance(y, Mapping) and y.keys() <= nesting.keys() and all(_fits(part, nesting[key]) for key, part in y.items() if part is not None)
    if isinstance(nesting, (list, tuple)):
        return isinstance(y, (list, tuple)) and len(y) == len(nesting) and all(map(_fits, y, nesting))
    return True


def _flat_like(y: Any, nesting: Any) -> list[Any]:
    """The parts of `y` in the order of the outputs."""
    if isinstance(nesting, Mapping):
        return [leaf for key in sorted(nesting) for leaf in _flat_like(None if y is None else y.get(key), nesting[key])]
    if isinstance(nesting, (list, tuple)):
        return [leaf for k, part in enumerate(nesting) for leaf in _flat_like(None if y is None else y[k], part)]
    return [y]
