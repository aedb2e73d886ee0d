"""The backends that `--backend` names, and graphs evaluated by the reference and by all of them at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import pytest

import symkeras.backend.interface as interface
from symkeras import errors
from symkeras.backend.engine.backend import EngineBackend
from symkeras.graph import Graph, dtypes
from symkeras.ops.evaluation import evaluate
from tests.tolerances import assert_alike

named: list[str] = []
"""The names behind `--backend`; filled when pytest starts."""


def levels(name: str) -> tuple[str, ...]:
    """At which a backend is held against the reference; what lies between "O0" and "O2" are passes, the same for an engine as for NumPy."""
    if name == "interpreter":
        return ()
    return ("O0", "O2") if isinstance(interface.get(name), EngineBackend) else ("O0", "O1", "O2")


def missing(name: str) -> str:
    """Why backend `name` cannot run here, "" if it can."""
    try:
        interface.get(name)
    except (ImportError, AttributeError, errors.BackendError) as error:
        return f"backend {name!r} is not available: {error}"
    return ""


def plans(name: str) -> bool:
    """Whether backend `name` runs a program of ours, with a memory plan; the interpreter goes by nodes, and engines plan by themselves."""
    return name != "interpreter" and not isinstance(interface.get(name), EngineBackend)


def kept(name: str) -> dict[str, str]:
    """The option that keeps denormals, where backend `name` can."""
    return {"denormals": "keep"} if "keep" in interface.get(name).denormals() else {}


def poisoned(name: str) -> dict[str, bool]:
    """The option that fills memory which nobody may read with NaN, where backend `name` has such memory."""
    return {"poison": True} if "poison" in interface.options_of(name) else {}


@functools.lru_cache(maxsize=8)  # loops over steps or batches come back with the same graph
def compiled(graph: Graph, name: str, level: str) -> interface.Executable:
    """`graph` compiled by backend `name`."""
    return interface.compile_graph(graph, backend=name, level=level)


def evaluate_on_all(graph: Graph, arrays: Sequence[Any], row: str = "layer") -> tuple[list[Any], list[Any]]:
    """What `evaluate` gives, after every backend of `--backend` gave the same at its `levels`, updates included.

    The variables keep their values. The interpreter is not asked: it calls `evaluate`. The test is skipped where a backend cannot
    be imported.

    Args:
        row: of the table of tolerances.
    """
    expected, news = evaluate(graph, arrays)
    variables = [n.attrs["variable"] for n, _ in graph.updates]
    before = [v.numpy() for v in variables]
    for name in named:
        if missing(name):
            pytest.skip(missing(name))
        for level in levels(name):
            found = compiled(graph, name, level)(*arrays)
            for k, (a, e) in enumerate(zip([*found, *(v.numpy() for v in variables)], [*expected, *news], strict=True)):
                assert_alike(a, e, row, name, f"result {k} on {name} at {level}")
            for v, value in zip(variables, before, strict=True):
                v.set(value)
    return expected, news


def refused_by_some() -> set[str]:
    """Operations that a backend takes where it has them, and refuses elsewhere: decompositions of matrices, Fourier transforms, beam search."""
    from symkeras.ops.matrices import OfMatrices
    from symkeras.ops.op import OPS

    return {name for name, op in OPS.items() if isinstance(op, OfMatrices)} | {"fft", "ctc_beam_search"}


def skip_without(backend: str, *names: str) -> None:
    """Skip a test of operations that a backend may lack, where it does; that it refuses them is seen by `test_matrices.py` and `test_fourier.py`."""
    from symkeras.backend import interface

    assert set(names) <= refused_by_some()
    lacking = [name for name in names if not interface.get(backend).takes(name)]
    if lacking:
        pytest.skip(f"{backend} has no {', '.join(lacking)}, and refuses it")


def given(name: str) -> frozenset[str]:
    """The dtypes of `ml_dtypes` that backend `name` can be given; ONNX has one of them between its operators alone."""
    backend = interface.get(name)
    held = set(backend.holds) if isinstance(backend, EngineBackend) else {"bfloat16"} if name == "native" else dtypes.FOREIGN
    return frozenset(held) - ({"bfloat16"} if name == "onnxruntime" else set())


def skip_without_dtype(backend: str, dtype: str) -> None:
    """Skip a test of numbers that a backend refuses; that it does is seen by `tests/backend/test_narrow_floats.py`."""
    if dtype not in given(backend):
        pytest.skip(f"{backend} is given no {dtype}, and refuses it")


def skip_without_training(backend: str) -> None:
    """Skip a test that changes weights on a backend that predicts; that it refuses to is seen by `tests/backend/onnxruntime`."""
    if backend == "onnxruntime":
        pytest.skip(f"{backend} predicts and evaluates, it does not train")


FREE_SIGNS = ("eig", "eigh", "qr", "svd")
"""Decompositions whose vectors may have either sign: an engine has its own, and `tests/ops/test_matrices.py` multiplies them out."""
