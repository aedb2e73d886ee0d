"""The state of a model into HDF5 files of Keras 3's layout, and back: where the arrays of each path lie is said by who calls.

Every array is read and checked before any is assigned: where something does not fit, the model stays as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from symkeras.errors import DataError
from symkeras.foreign_dtypes import kind
from symkeras.graph import dtypes
from symkeras.graph.variable import Variable
from symkeras.saving.interface import HasState
from symkeras.saving.state_paths import objects_with_state, other_paths
from symkeras.saving.weight_store import StoredArrays


def write_state(model: Any, store_at: Callable[[str, str | None], MutableMapping[str, Any]], include_optimizer: bool = True,
                skipped: Iterable[Any] = ()) -> None:  # fmt: skip
    """Write the weights, seeds, metrics among the attributes, and optimizer of `model`.

    Args:
        model: the model.
        store_at: for the path and the name of an object, where it puts its arrays.
        include_optimizer: whether the optimizer's state is written.
        skipped: objects that are left out.
    """
    for path, obj in objects_with_state(model, skipped):
        if obj._state_kind == "optimizer" and not include_optimizer:
            continue
        name = getattr(obj, "name", None)
        obj.save_own_variables(store_at(path, name if isinstance(name, str) else None))


def read_state(model: Any, store_at: Callable[[str], StoredArrays], skip_mismatch: bool = False, skipped: Iterable[Any] = ()) -> None:
    """Give `model` the state in a file.

    Args:
        model: the model.
        store_at: for the path of an object, its arrays in the file.
        skip_mismatch: leave objects that do not fit as they are, with a warning.
        skipped: objects that are left as they are.

    Raises:
        DataError: the file lacks what the model has, or a shape or dtype differs; nothing has changed then.
    """
    wrong: dict[str, str] = {}
    values: list[tuple[Variable, np.ndarray]] = []
    in_their_way: list[tuple[str, HasState, StoredArrays]] = []
    others = cache(lambda: other_paths(model))
    for path, obj in objects_with_state(model, skipped):
        store = store_at(path)
        own = obj._state_variables()
        if own and not len(store):
            store = next((found for other in others().get(id(obj), ()) if len(found := store_at(other)) == len(own)), store)
        if obj._state_kind == "optimizer" and own is not None and len(own) != len(store):
            if len(store):
                in_their_way.append((path, obj, store))  # which warns that it does not fit
        elif obj._state_kind == "metric" and not len(store):
            continue
        elif own is None:
            in_their_way.append((path, obj, store))
        elif (reason := _mismatch(own, store)) is not None:
            wrong[path] = reason
        else:
            values += [(v, store[str(k)]) for k, v in enumerate(own)]
    if wrong and not skip_mismatch:
        raise DataError(complaint(model, wrong))
    _let_read(model, in_their_way, wrong, skip_mismatch)
    for variable, value in values:
        variable.set(value)
    if wrong:
        warnings.warn(complaint(model, wrong))


def _let_read(model: Any, objects: Sequence[tuple[str, HasState, StoredArrays]], wrong: dict[str, str], skip_mismatch: bool) -> None:
    """Let objects with a way of their own read; when one fails, all get their values back."""
    before: list[tuple[Variable, np.ndarray]] = []
    for path, obj, store in objects:
        own = [(v, v.numpy()) for v in obj._variables_written()]
        before += own
        try:
            obj.load_own_variables(store)
        except BaseException as error:  # whatever a user's method raises
            is_interrupted = not isinstance(error, Exception)
            for variable, value in own if skip_mismatch and not is_interrupted else before:
                variable.set(value)
            if is_interrupted:
                raise
            if not skip_mismatch:
                raise DataError(f"model {model.name!r}: {path or 'the model itself'} does not take its state from the file: {error!r}") from error
            wrong[path] = repr(error)


def complaint(model: Any, wrong: dict[str, str], what: str = "objects") -> str:
    """That some objects or weights of a model do not fit a file, with the reasons of the first ones."""
    lines = [f"  {path or '(the model itself)'}: {reason}" for path, reason in list(wrong.items())[:10]]
    rest = [f"  and {len(wrong) - 10} more"] if len(wrong) > 10 else []
    return "\n".join([f"{len(wrong)} {what} of model {model.name!r} do not fit the file:", *lines, *rest])


def _mismatch(own: Sequence[Variable], store: StoredArrays) -> str | None:
    """Why the stored arrays do not fit, or None."""
    if len(own) != len(store):
        return f"it has {len(own)} variables, received {len(store)} variables from the file"
    return next(_differences(own, store), None)


def _differences(own: Sequence[Variable], store: StoredArrays) -> Iterator[str]:
    for k, v in enumerate(own):
        if str(k) not in store:
            yield f"the file has no array {k} for {v.path}"
        elif (reason := misfit(v, store.shape(str(k)), store.dtype(str(k)))) is not None:
            yield reason


def misfit(variable: Variable, shape: tuple[int, ...], dtype: Any) -> str | None:
    """Why an array of a file cannot be the value of a variable, or None."""
    if shape != variable.shape:
        return f"{variable.path} has shape {variable.shape}, the file {shape}, which must match"
    is_float = variable.dtype in dtypes.FOREIGN and kind(np.dtype(dtype)) == "f"
    if not is_float and not np.can_cast(dtype, variable.dtype, "same_kind"):
        return f"{variable.path} has dtype {variable.dtype}, the file {dtype}"
    return None
