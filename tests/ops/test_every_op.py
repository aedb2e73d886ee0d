"""Walks the table of operations: every op on every one of its samples."""

from __future__ import annotations

import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend import interface
from symkeras.errors import GradientError
from symkeras.ops.elementwise import ROWS
from symkeras.ops.matrices import OfMatrices
from symkeras.ops.op import OPS, Op, Sample
from tests.backends import FREE_SIGNS, refused_by_some

from .check_op import check_backend, check_gradient, check_inference

WITHOUT_SAMPLES = {
    "placeholder": "a leaf", "variable": "a leaf", "constant": "a leaf", "dim": "a leaf",
    "item": "tested with the ops of several results", "boundary": "tested with the graph",
    "scan": "test_control.py", "cond": "test_control.py", "while_loop": "test_control.py",
    "custom_gradient": "test_mapping.py",
    "max_pool_grad": "the first gradient of max_pool", "max_pool_select": "the second gradient of max_pool",
}  # fmt: skip

CASES = [(op, s) for op in OPS.values() for s in op.samples]
IDS = [f"{op.name}-{' '.join(s.types)}-{' '.join(f'{k}={v}' for k, v in s.attrs.items())}".replace(", ", ",") for op, s in CASES]
every_sample = pytest.mark.parametrize(("op", "sample"), CASES, ids=IDS)
DIFFERENTIABLE = [(op, s) for op, s in CASES if s.grad]
DIFFERENTIABLE_IDS = [i for i, (_, s) in zip(IDS, CASES, strict=True) if s.grad]


def test_every_op_has_samples_and_a_docstring() -> None:
    for name, op in OPS.items():
        assert bool(op.samples) != (name in WITHOUT_SAMPLES), f"{name}: samples, or a reason why not"
        if not op.is_leaf:
            assert op.function.__doc__ if op.is_composite else op.__doc__, f"{name} says nothing about itself"  # type: ignore[attr-defined]


def test_samples_of_elementwise_ops_hold_a_scalar_and_an_empty_array() -> None:
    for op in (f.op for f in ROWS.values()):  # type: ignore[attr-defined]
        texts = [t for s in op.samples for t in s.types]
        assert any("[]" in t for t in texts) and any("[0" in t for t in texts), op.name


@every_sample
def test_inference_and_the_two_ways_of_evaluating_agree(op: Op, sample: Sample) -> None:
    check_inference(op, sample)


@pytest.mark.parametrize(("op", "sample"), DIFFERENTIABLE, ids=DIFFERENTIABLE_IDS)
def test_gradient_is_that_of_finite_differences(op: Op, sample: Sample) -> None:
    check_gradient(op, sample, second=all(t.startswith("f64") or not t.startswith("f") for t in sample.types))


OF_NATIVE_PASSES = {"unique_indices", "gather_unique", "matmul_unique"}
"""Ops that only passes of the native backend make: others need not run them."""

NEEDED_BY_GRADIENTS = ("solve", "solve_triangular")
"""What gradients of decompositions are written with."""


@every_sample
def test_backend_gives_the_reference_value_and_gradients(op: Op, sample: Sample, backend: str) -> None:
    if op.name in OF_NATIVE_PASSES and not interface.get(backend).takes(op.name):
        pytest.skip(f"{backend} has no {op.name}, which only passes of the native backend make")
    needed = NEEDED_BY_GRADIENTS if isinstance(op, OfMatrices) else ()
    if op.name in refused_by_some() and not all(interface.get(backend).takes(n) for n in (op.name, *needed)):
        pytest.skip(f"{backend} has no {op.name}, and refuses it: tests/ops/test_matrices.py")
    if op.name in FREE_SIGNS and backend not in ("interpreter", "numpy"):
        pytest.skip(f"{backend} gives the vectors of {op.name} signs of its own: tests/ops/test_matrices.py")
    check_backend(op, sample, backend)


def test_an_op_that_is_not_differentiable_says_so() -> None:
    x, i = ops.placeholder("f32[3, 2]"), ops.placeholder("i32[3]")
    y = ops.op.apply(OPS["combine_rows"], [i, x], {"rows": 3})
    with pytest.raises(GradientError, match="combine_rows has no gradient"):
        gradients(ops.sum(y), x)
