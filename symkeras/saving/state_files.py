"""The state of a model into an HDF5 file of Keras 3's layout, and back.

Every object is checked before any is written: where something does not fit, the model stays as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.errors import DataError, SymkerasError
from symkeras.optimizers.optimizer import Optimizer
from symkeras.random.seed_generator import SeedGenerator
from symkeras.saving.state_paths import objects_with_state, own_variables
from symkeras.saving.weight_store import ReadStore, WriteStore

if TYPE_CHECKING:
    import h5py


def write_state(model: Any, file: h5py.File, include_optimizer: bool = True) -> None:
    """Write the weights, seeds and optimizer of `model`."""
    for path, obj in objects_with_state(model):
        if isinstance(obj, Optimizer) and not include_optimizer:
            continue
        store = WriteStore(file, path, obj.name if isinstance(getattr(obj, "name", None), str) else None)
        if isinstance(obj, SeedGenerator):
            store["0"] = _written_seed(obj)
        else:
            obj.save_own_variables(store)


def _written_seed(generator: SeedGenerator) -> np.ndarray:
    """Seed and step as Keras has them, in 32 bits, where they fit."""
    state = generator.state.numpy()
    return state.astype(np.uint32) if state.max() < 2**32 else state


def read_state(model: Any, file: h5py.File, skip_mismatch: bool = False) -> None:
    """Give `model` the state in a file.

    Args:
        skip_mismatch: leave objects that do not fit as they are, with a warning.

    Raises:
        DataError: the file lacks what the model has, or a shape differs; nothing has changed then.
    """
    found = [(path, obj, ReadStore(file, path)) for path, obj in objects_with_state(model)]
    wrong = {path: reason for path, obj, store in found if (reason := _mismatch(obj, store)) is not None}
    if wrong and not skip_mismatch:
        raise DataError(_complaint(model, wrong))
    for path, obj, store in found:
        if path not in wrong:
            try:
                _read(obj, store)
            except (SymkerasError, KeyError, ValueError, TypeError) as error:
                if not skip_mismatch:
                    raise DataError(f"model {model.name!r}: {path or 'the model itself'} does not take its state from the file: {error}") from error
                wrong[path] = str(error)
    if wrong:
        warnings.warn(_complaint(model, wrong))


def _complaint(model: Any, wrong: dict[str, str]) -> str:
    lines = [f"  {path or '(the model itself)'}: {reason}" for path, reason in list(wrong.items())[:10]]
    rest = [f"  and {len(wrong) - 10} more"] if len(wrong) > 10 else []
    return "\n".join([f"{len(wrong)} objects of model {model.name!r} do not fit the file:", *lines, *rest])


def _mismatch(obj: Any, store: ReadStore) -> str | None:
    """Why the stored arrays do not fit, or None."""
    own = own_variables(obj)
    if own is None or (isinstance(obj, Optimizer) and len(own) != len(store)):
        return None
    if len(own) != len(store):
        return f"it has {len(own)} variables, the file holds {len(store)}"
    return next(_wrong_shapes(own, store), None)


def _wrong_shapes(own: Any, store: ReadStore) -> Iterator[str]:
    for k, v in enumerate(own):
        if str(k) not in store:
            yield f"the file has no array {k} for {v.path}"
        elif store.shape(str(k)) != v.shape:
            yield f"{v.path} has shape {v.shape}, the file {store.shape(str(k))}"


def _read(obj: Any, store: ReadStore) -> None:
    if isinstance(obj, SeedGenerator):
        if "0" in store and store.shape("0") == (2,):
            obj.state.set(store["0"].astype(np.uint64))
    elif not isinstance(obj, Optimizer) or len(store):
        obj.load_own_variables(store)
