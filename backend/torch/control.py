"""Loops and branches: Python's own, over tensors that are computed at once.

What cannot be refused at once, on a device or where PyTorch compiles, is noted as the extent of indices over all turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from symkeras.backend.engine.walk import HARMLESS, Here
from symkeras.backend.torch.dtypes import HELD, Tensor


def scan(here: Here) -> Callable[..., Any]:
    inner = here.walk(here.attrs["body"])
    c, s, length = here.attrs["carries"], here.attrs["sequences"], here.attrs["length"]
    empty = [(shape, HELD[dtype]) for shape, dtype in zip(here.shapes[c:], here.dtypes[c:], strict=True)]
    backwards = here.attrs["reverse"]
    has_checks, body = bool(here.checks), inner.run

    def run(*given: Tensor) -> Any:
        state, outer = list(given[:c]), given[c + s :]
        slices = list(zip(*(x.unbind(0) for x in given[c : c + s]), strict=True)) if s else [()] * length
        turns, noted = [], []
        for t in reversed(range(length)) if backwards else range(length):
            results, extents = body((*state, *slices[t], *outer), ())
            state = results[:c]
            turns.append(results[c:])
            if has_checks:
                noted.append(extents)
        if backwards:
            turns.reverse()
        ys = [torch.stack(y) for y in zip(*turns, strict=True)] if turns else [torch.empty(n, dtype=d, device=_device(given)) for n, d in empty]
        found = (*state, *ys)
        return (found, _widest(noted, len(here.checks), given)) if has_checks else found

    return run


def cond(here: Here) -> Callable[..., Any]:
    then, otherwise = here.walk(here.attrs["then"]), here.walk(here.attrs["otherwise"])
    a, b = len(then.checks), len(otherwise.checks)

    def run(predicate: Tensor, *given: Tensor) -> Any:
        is_true = bool(predicate)
        results, extents = (then if is_true else otherwise).run(given, ())
        if not a + b:
            return results
        nothing = [_nothing(_device((predicate,)))]
        return results, [*extents, *nothing * b] if is_true else [*nothing * a, *extents]

    return run


def while_loop(here: Here) -> Callable[..., Any]:
    predicate, body = here.walk(here.attrs["predicate"]), here.walk(here.attrs["body"])
    count, a, b = here.attrs["state"], len(predicate.checks), len(body.checks)
    low, high = map(torch.from_numpy, here.bounds)

    def run(*given: Tensor) -> Any:
        state, outer, noted = list(given[:count]), given[count:], []
        while True:
            (holds,), extents = predicate.run((*state, *outer), ())
            if not holds:
                break
            state, more = body.run((*state, *outer), ())
            if a + b:
                noted.append([*extents, *more])
                found = torch.stack(noted[-1]).cpu()
                if not bool(((low <= found[:, 0]) & (found[:, 1] <= high)).all()):
                    break
        if not a + b:
            return state
        noted.append([*extents, *[_nothing(_device(given))] * b])
        return state, _widest(noted, a + b, given)

    return run


def _device(given: Sequence[Tensor]) -> torch.device:
    return given[0].device if given else torch.device("cpu")


def _nothing(device: torch.device) -> Tensor:
    """An extent that breaks no bounds."""
    return torch.tensor(HARMLESS, device=device)


def _widest(noted: Sequence[Sequence[Tensor]], count: int, given: Sequence[Tensor]) -> list[Tensor]:
    """The extent of each check over all turns."""
    out = []
    for k in range(count):
        all_turns = torch.stack([_nothing(_device(given)), *(extents[k] for extents in noted)])
        out.append(torch.stack([all_turns[:, 0].amin(), all_turns[:, 1].amax()]))
    return out
