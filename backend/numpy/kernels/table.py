"""Which op becomes what: a plain NumPy line, a prepared kernel of this package, or the op's reference value.

`LINES` gives the text of a step, or None where a kernel serves better; `PREPARED` names the kernel; what is in neither
table runs its reference value. `SCRATCH`, `CONTIGUOUS` and `IN_PLACE` tell lowering what the kernels want.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from symkeras.backend.numpy import text
from symkeras.compiler.program.fusion import FusionGroup
from symkeras.compiler.program.program import Step, Value
from symkeras.graph import dims
from symkeras.graph.dims import Dim
from symkeras.graph.graph import subgraphs
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops.elementwise import Elementwise
from symkeras.ops.op import OPS


@dataclass(frozen=True)
class Line:
    """Texts of the operands of a step."""

    at: Callable[[Value], str]
    step: Step

    @property
    def ins(self) -> list[str]:
        return [self.at(v) for v in self.step.inputs]

    @property
    def out(self) -> str:
        return self.at(self.step.outputs[0])


def _ufunc(name: str) -> Callable[[Step, Line], str]:
    return lambda step, line: f"np.{name}({', '.join(line.ins)}, out={line.out})"


def _single(name: str) -> Callable[[Step, Line], str]:
    """A kernel of this package for float32, NumPy's function for what else there is."""
    ufunc = LINES[name]
    return lambda step, line: _kernel(step, line) if step.node.dtype == "float32" else ufunc(step, line) or ""


def _kernel(step: Step, line: Line) -> str:
    """A kernel of this package that is called as a ufunc is."""
    return f"kernels.{step.node.op.name}({', '.join(line.ins)}, out={line.out})"


def _matmul(step: Step, line: Line) -> str | None:
    if not _is_small(step):
        return None
    a, b = line.ins
    a = _swapped(a, step.inputs[0]) if step.node.attrs["transpose_a"] else a
    b = _swapped(b, step.inputs[1]) if step.node.attrs["transpose_b"] else b
    return f"np.matmul({a}, {b}, out={line.out})"


def _is_small(step: Step) -> bool:
    """Whether a product is one for one thread whatever the size of the batch: a loop's step, or a few rows of a sample times few columns."""
    if step.outputs[0].loop is not None or any(v.loop is not None for v in step.inputs):
        return True
    a, b = step.inputs[0].type, step.inputs[1].type
    of_a_sample = [dims.evaluate(d, dict.fromkeys(dims.symbols_of(d), 1)) for t in (a, b) for d in t.shape]
    return a.ndim == b.ndim == 2 and math.prod(max(1, d) for d in of_a_sample) < 1 << 14


def _swapped(text: str, v: Value) -> str:
    return f"{text}.T" if v.type.ndim == 2 else f"{text}.swapaxes(-1, -2)"


def _reduction(name: str, kernel_pays: bool = False) -> Callable[[Step, Line], str | None]:
    def line(step: Step, line: Line) -> str | None:
        if kernel_pays and step.node.dtype in ("float32", "float64"):
            return None
        axes = step.node.attrs["axes"]
        return f"np.{name}({line.ins[0]}, axis={text.literal(axes[0] if len(axes) == 1 else axes)}, out={line.out})"

    return line


def _square(step: Step, line: Line) -> str:
    return f"np.multiply({line.ins[0]}, {line.ins[0]}, out={line.out})"


LINES: dict[str, Callable[[Step, Line], str | None]] = {
    name: _ufunc(op.fn.__name__) for name, op in OPS.items() if isinstance(op, Elementwise) and isinstance(op.fn, np.ufunc)
}
LINES |= {name: _single(name) for name in ("log1p", "expm1", "logaddexp", "sinh", "cosh", "tan", "arctanh", "floor_divide", "mod")}
LINES |= {
    "erf": _kernel,
    "erfinv": _kernel,
    "matmul": _matmul,
    "square": _square,
    "any": _reduction("any"),
    "all": _reduction("all"),
    "prod": _reduction("prod"),
    "sum": _reduction("sum", kernel_pays=True),
    "max": _reduction("max", kernel_pays=True),
    "min": _reduction("min", kernel_pays=True),
}

PREPARED: dict[str, str] = {
    "cast": "cast", "where": "select", "matmul": "matmul", 
    "sum": "sum_over", "max": "maximum_over", "argmax": "argmax", "argmin": "argmin",
    "min": "minimum_over", "cumsum": "cumsum", "cumprod": "cumprod", "top_k": "top_k",
    "take_along_axis": "take_along_axis", "add_along_axis": "add_along_axis",
    "pad": "pad",
    "gather": "gather", "scatter_add": "scatter_add", "combine_rows": "combine_rows", "set_rows": "set_rows", "random_bits": "random_bits",
    "conv": "conv", "conv_input_grad": "conv_input_grad", "conv_filter_grad": "conv_filter_grad",
    "max_pool": "max_pool", "max_pool_grad": "max_pool_grad", "sum_pool": "sum_pool", "sum_pool_grad": "sum_pool_grad",
}  # fmt: skip


def _conv_scratch(node: Node) -> list[TensorType]:
    from symkeras.backend.numpy.kernels.convolution import scratch_types

    return scratch_types(node)


def _select_scratch(node: Node) -> list[TensorType]:
    width = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}.get(np.dtype(node.dtype).itemsize)
    return [node.inputs[0].tensor_type.with_dtype(width)] if width is not None else []


def _pool_scratch(node: Node) -> list[TensorType]:
    from symkeras.backend.numpy.kernels.pooling import scratch_types

    return scratch_types(node)


SCRATCH: dict[str, Callable[[Node], list[TensorType]]] = {
    "conv": _conv_scratch, "conv_input_grad": _conv_scratch, "conv_filter_grad": _conv_scratch, "where": _select_scratch,
    "max_pool": _pool_scratch, "max_pool_grad": _pool_scratch, "sum_pool": _pool_scratch, "sum_pool_grad": _pool_scratch,
}  # fmt: skip

CONTIGUOUS: dict[str, tuple[int, ...]] = {
    "conv": (0, 1), "conv_input_grad": (0, 1), "conv_filter_grad": (0, 1), "scatter_add": (0, 1), "combine_rows": (0, 1),
    "take_along_axis": (0,), "add_along_axis": (1,), "top_k": (0,),
}  # fmt: skip

IN_PLACE: dict[str, tuple[int, ...]] = {"set_rows": (0,), "where": (1, 2)}


class NumpyKernels:
    """What lowering asks of this backend (see `symkeras.compiler.program.kernels.Kernels`)."""

    def scratch(self, node: Node) -> Sequence[TensorType]:
        make = SCRATCH.get(node.op.name)
        return make(node) if make is not None else ()

    def writes_pieces(self, step: Step) -> bool:
        return False

    def least_samples(self, step: Step, samples: Dim) -> int:
        return 0

    members = 1

    def writes_strided(self, node: Node) -> bool:
        return False

    def fused_scratch(self, fused: FusionGroup) -> Sequence[TensorType]:
        return ()

    def accepts(self, node: Node, position: int, value: Value) -> bool:
        return position not in CONTIGUOUS.get(node.op.name, ())

    def in_place(self, node: Node) -> Sequence[int]:
        if node.op.name in IN_PLACE:
            return IN_PLACE[node.op.name]
        return range(len(node.inputs)) if node.op.is_elementwise else ()

    def may_group(self, node: Node) -> bool:
        return node.op.is_elementwise and (node.op.name in LINES or node.op.name in ("where", "cast"))

    def group_pays(self, steps: Sequence[Step]) -> bool:
        """From some thousand operations per row on, or where the number of rows is known to be large; an unknown size counts as 4."""
        shape = steps[0].outputs[0].type.shape
        row = float(np.prod([d if isinstance(d, int) else 4 for d in shape[1:]], initial=1.0))
        rows = shape[0] if isinstance(shape[0], int) else 1
        return row * len(steps) >= 8192 or row * rows * len(steps) >= 1 << 19

    def may_fuse(self, node: Node) -> bool:
        return False

    def keeps(self) -> bool:
        return False

    def ready_input(self, step: Step) -> int | None:
        return None

    def ready_scratch(self, step: Step) -> Sequence[TensorType]:
        return ()

    def checks(self, node: Node) -> bool:
        return False

    def row_passes(self) -> bool:
        return False

    def inline_control(self, node: Node) -> bool:
        """Loops whose bodies hold no graphs themselves; others are functions of their own."""
        return node.op.name == "scan" and not any(subgraphs(n) for n in node.attrs["body"].nodes)
