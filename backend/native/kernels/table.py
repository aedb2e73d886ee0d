"""Which op calls which C kernel, and what lowering must know of them.

A row writes the lines of one step into the emitter. Everything elementwise, and sums and extremes, come in fusion groups
(`symkeras.backend.native.loops.fusion_group`) and are not here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symkeras.backend.emitted import threads
from symkeras.backend.native import text
from symkeras.backend.native.emission import Emitter
from symkeras.backend.native.kernels import convolution
from symkeras.backend.native.kernels.matmul import accepts_matrix, laid_out, least_rows, matmul, matmul_ready, matmul_unique, may_be_laid_out
from symkeras.backend.native.loops import totals
from symkeras.backend.native.loops.copying import copied_loop
from symkeras.backend.native.loops.expressions import EXPRESSIONS, cast
from symkeras.backend.native.loops.fusion_group import loop_over_samples
from symkeras.compiler.program.addressing import dense
from symkeras.compiler.program.batch_tiling import counted
from symkeras.compiler.program.fusion import REDUCTIONS, FusionGroup
from symkeras.compiler.program.program import Step, Value
from symkeras.graph import dims
from symkeras.graph.dims import Dim, Size
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops.elementwise import checks_exponents

Row = Callable[[Emitter, Step], None]


def _count(v: Value) -> str:
    return text.size(v.type.size)


def _row_of(v: Value) -> Size:
    """Elements of a row: all axes but the first."""
    return dims.product(v.type.shape[1:])


def _bytes(elements: Size, dtype: str) -> str:
    return f"({text.size(elements)}) * (int64_t)sizeof({text.TYPES[dtype]})"


def _middle(shape: Sequence[Size], axis: int) -> tuple[str, str, str]:
    """The sizes before, of and after an axis."""
    return text.size(dims.product(shape[:axis])), text.size(shape[axis]), text.size(dims.product(shape[axis + 1 :]))


def _may_fail(e: Emitter, s: Step, call: str) -> None:
    e.say(f"if ({call}) return sk_fail(call, {s.position});", s)


def _types(v: Value) -> tuple[str, str]:
    return text.TYPES[v.type.dtype], text.SUFFIXES[v.type.dtype]


# ---- movement ------------------------------------------------------------------------------------------------------


def _concatenate(e: Emitter, s: Step) -> None:
    out, axis = s.outputs[0], s.node.attrs["axis"]
    strides, start = e.strides(out), 0
    for v in s.inputs:
        if v.base is not out and v.buffer.inside is not out.buffer:
            offset = start * strides[axis]
            to = e.pointer(out) + (f" + {text.size(offset)}" if offset != 0 else "")
            e.move(v.type.shape, v.type.dtype, e.pointer(v), e.strides(v), to, strides, s)
        start = start + v.type.shape[axis]


def _pad(e: Emitter, s: Step) -> None:
    x, out = s.inputs[0], s.outputs[0]
    padding, value = s.node.attrs["padding"], text.literal(s.node.attrs["value"], out.type.dtype)
    e.say(f"for (int64_t k = 0; k < {_count(out)}; k++) ({e.pointer(out)})[k] = {value};", s)
    strides = e.strides(out)
    offset: Size = 0
    for (before, _, _), stride in zip(padding, strides, strict=True):
        offset = offset + before * stride
    to = tuple(stride * (between + 1) for (_, _, between), stride in zip(padding, strides, strict=True))
    e.move(x.type.shape, x.type.dtype, e.pointer(x), e.strides(x), f"{e.pointer(out)} + {text.size(offset)}", to, s)


def _nothing_reduced(e: Emitter, s: Step) -> None:
    """A reduction over no axes; all others are fusion groups."""
    e.copy(s.inputs[0], s.outputs[0], s)


# ---- indices -------------------------------------------------------------------------------------------------------


def _gather(e: Emitter, s: Step) -> None:
    table, indices = s.inputs
    e.include("indexing.h")
    t, suffix = _types(indices)
    e.define(f"SK_DEFINE_GATHER({t}, {suffix})")
    pointers = ", ".join(map(e.pointer, (s.outputs[0], table, indices)))
    sizes = f"{_count(indices)}, {text.size(table.type.shape[0])}, {_bytes(_row_of(table), table.type.dtype)}"
    _may_fail(e, s, f"sk_gather_{suffix}({pointers}, {sizes}, &call->fault, threads)")


def _unique_indices(e: Emitter, s: Step) -> None:
    indices = s.inputs[0]
    e.include("indexing.h")
    i, suffix = _types(indices)
    e.define(f"SK_DEFINE_UNIQUE({i}, {suffix})")
    pointers = ", ".join(map(e.pointer, (*s.outputs, indices)))
    _may_fail(e, s, f"sk_unique_{suffix}({pointers}, {_count(indices)}, {s.node.attrs['rows']}, &call->fault)")


def _gather_unique(e: Emitter, s: Step) -> None:
    table, listed, count = s.inputs
    e.include("indexing.h")
    e.define("SK_DEFINE_GATHER(int32_t, i32)")
    pointers = ", ".join(map(e.pointer, (s.outputs[0], table, listed)))
    rows = text.counted(e.pointer(count), listed.type.shape[0])
    sizes = f"{rows}, {text.size(table.type.shape[0])}, {_bytes(_row_of(table), table.type.dtype)}"
    _may_fail(e, s, f"sk_gather_i32({pointers}, {sizes}, &call->fault, threads)")
    e.zero_from(s.outputs[0], rows)


def _scatter_add(e: Emitter, s: Step) -> None:
    indices, values = s.inputs
    out = s.outputs[0]
    e.include("indexing.h")
    (t, ts), (i, suffix) = _types(values), _types(indices)
    e.define(f"SK_DEFINE_SCATTER_ADD({t}, {ts}, {i}, {suffix})")
    sizes = f"{_count(indices)}, {text.size(out.type.shape[0])}, {text.size(_row_of(out))}"
    _may_fail(e, s, f"sk_scatter_add_{ts}_{suffix}({e.pointer(out)}, {e.pointer(indices)}, {e.pointer(values)}, {sizes}, &call->fault, threads)")


def _take_along(e: Emitter, s: Step) -> None:
    x, indices = s.inputs
    axis = s.node.attrs["axis"]
    e.include("indexing.h")
    i, suffix = _types(indices)
    e.define(f"SK_DEFINE_TAKE_ALONG({i}, {suffix})")
    outer, n, inner = _middle(x.type.shape, axis)
    sizes = f"{outer}, {n}, {text.size(indices.type.shape[axis])}, {inner}, {_bytes(1, x.type.dtype)}"
    _may_fail(e, s, f"sk_take_along_{suffix}({e.pointer(s.outputs[0])}, {e.pointer(x)}, {e.pointer(indices)}, {sizes}, &call->fault)")


def _add_along(e: Emitter, s: Step) -> None:
    indices, values = s.inputs
    out, axis = s.outputs[0], s.node.attrs["axis"]
    e.include("indexing.h")
    (t, ts), (i, suffix) = _types(values), _types(indices)
    e.define(f"SK_DEFINE_ADD_ALONG({t}, {ts}, {i}, {suffix})")
    outer, n, inner = _middle(out.type.shape, axis)
    sizes = f"{outer}, {n}, {text.size(indices.type.shape[axis])}, {inner}"
    _may_fail(e, s, f"sk_add_along_{ts}_{suffix}({e.pointer(out)}, {e.pointer(indices)}, {e.pointer(values)}, {sizes}, &call->fault)")


def _combine_rows(e: Emitter, s: Step) -> None:
    indices, values = s.inputs
    e.include("indexing.h")
    (t, ts), (i, suffix) = _types(values), _types(indices)
    e.define(f"SK_DEFINE_COMBINE_ROWS({t}, {ts}, {i}, {suffix})")
    width = text.size(dims.product(values.type.shape[indices.type.ndim :]))
    pointers = f"{e.pointer(s.outputs[0])}, {e.pointer(indices)}, {e.pointer(values)}"
    e.say(f"sk_combine_rows_{ts}_{suffix}({pointers}, {_count(indices)}, {text.size(s.node.attrs['rows'])}, {width}, {e.pointer(s.scratch[0])});", s)


def combine_first(e: Emitter, s: Step) -> None:
    """The kernel of a "combine" step (see `Step`)."""
    indices, values = s.inputs
    out, first = s.outputs
    e.include("indexing.h")
    (t, ts), (i, suffix) = _types(values), _types(indices)
    e.define(f"SK_DEFINE_COMBINE_FIRST({t}, {ts}, {i}, {suffix})")
    width = dims.product(values.type.shape[len(indices.type.shape) :])
    pointers = ", ".join(map(e.pointer, (first, out, indices, values)))
    _may_fail(e, s, f"sk_combine_first_{ts}_{suffix}({pointers}, {_count(indices)}, {text.size(first.type.size)}, {text.size(width)}, &call->fault)")


def check_exponents(e: Emitter, s: Step) -> None:
    """The kernel of a "check" step (see `Step`); where nothing is to be raised no exponent counts."""
    exponents = s.inputs[0]
    e.include("indexing.h")
    count = f"{text.size(s.node.tensor_type.size)} > 0 ? {_count(exponents)} : 0"
    _may_fail(e, s, f"sk_check_exponents_{text.SUFFIXES[exponents.type.dtype]}({e.pointer(exponents)}, {count}, &call->fault)")


def _set_rows(e: Emitter, s: Step) -> None:
    table, indices, rows, *guards = s.inputs
    out = s.outputs[0]
    e.include("indexing.h")
    i, suffix = _types(indices)
    e.define(f"SK_DEFINE_SET_ROWS({i}, {suffix})")
    if e.pointer(table) != e.pointer(out):
        e.copy(table, out, s)
    sizes = f"{_count(indices)}, {text.size(table.type.shape[0])}, {_bytes(_row_of(table), table.type.dtype)}"
    guard = e.pointer(guards[0]) if guards else ""
    number = cast(f"*({guard})", out.type.dtype, "float64" if out.type.dtype == "float64" else "float32")
    fill = f"isnan({number}) ? (const void *)({guard}) : NULL, sizeof({text.TYPES[out.type.dtype]})" if guards else "NULL, 0"
    _may_fail(e, s, f"sk_set_rows_{suffix}({e.pointer(out)}, {e.pointer(indices)}, {e.pointer(rows)}, {sizes}, {fill}, &call->fault)")


# ---- order and running results -------------------------------------------------------------------------------------


def _along_axis(macro: str) -> Row:
    """A kernel of `reductions.h`, told the sizes before, of and after the axis."""

    def row(e: Emitter, s: Step) -> None:
        x = s.inputs[0]
        e.include("reductions.h")
        t, suffix = _types(x)
        e.define(f"{macro}({t}, {suffix})")
        sizes = ", ".join(_middle(x.type.shape, s.node.attrs["axis"]))
        e.say(f"sk_{s.node.op.name}_{suffix}({e.pointer(s.outputs[0])}, {e.pointer(x)}, {sizes});", s)

    return row


def _sort(e: Emitter, s: Step) -> None:
    """Rows are sorted: another axis is moved to the end and back."""
    x, out, axis = s.inputs[0], s.outputs[0], s.node.attrs["axis"]
    e.include("sorting.h")
    t, suffix = _types(x)
    e.define(f"SK_DEFINE_SORT({t}, {suffix})")
    n = text.size(x.type.shape[axis])
    rows = text.size(dims.product(tuple(d for k, d in enumerate(x.type.shape) if k != axis)))
    if axis == x.type.ndim - 1:
        e.say(f"sk_{s.node.op.name}_{suffix}({e.pointer(out)}, {e.pointer(x)}, {rows}, {n}, {e.pointer(s.scratch[0])});", s)
        return
    order = [k for k in range(x.type.ndim) if k != axis] + [axis]
    shape = tuple(x.type.shape[k] for k in order)
    strides = tuple(e.strides(x)[k] for k in order)
    source, target = s.scratch[1], s.scratch[2]
    e.move(shape, x.type.dtype, e.pointer(x), strides, e.pointer(source), dense(shape), s)
    e.say(f"sk_{s.node.op.name}_{suffix}({e.pointer(target)}, {e.pointer(source)}, {rows}, {n}, {e.pointer(s.scratch[0])});", s)
    e.move(shape, out.type.dtype, e.pointer(target), dense(shape), e.pointer(out), tuple(e.strides(out)[k] for k in order), s)


def _sort_scratch(node: Node) -> list[TensorType]:
    x, out, axis = node.inputs[0].tensor_type, node.tensor_type, node.attrs["axis"]
    spare = out.with_shape((x.shape[axis],))
    return [spare] if axis == x.ndim - 1 else [spare, x, out]


def _top_k(e: Emitter, s: Step) -> None:
    x = s.inputs[0]
    values, indices = s.outputs
    e.include("sorting.h")
    t, suffix = _types(x)
    e.define(f"SK_DEFINE_SORT({t}, {suffix})")
    rows, n = text.size(dims.product(x.type.shape[:-1])), text.size(x.type.shape[-1])
    sizes = f"{rows}, {n}, {s.node.attrs['k']}, {e.pointer(s.scratch[0])}"
    e.say(f"sk_top_k_{suffix}({e.pointer(values)}, {e.pointer(indices)}, {e.pointer(x)}, {sizes});", s)


# ---- random numbers --------------------------------------------------------------------------


def _random_bits(e: Emitter, s: Step) -> None:
    e.include("random_bits.h")
    out = s.outputs[0]
    size = _bytes(out.type.size, out.type.dtype)
    e.say(f"sk_random_bits({e.pointer(out)}, {size}, {e.pointer(s.inputs[0])}, UINT64_C({s.node.attrs['stream']}), threads);", s)


KERNELS: dict[str, Row] = {
    "concatenate": _concatenate, "pad": _pad, "matmul": matmul,
    "gather": _gather, "scatter_add": _scatter_add, "take_along_axis": _take_along, "add_along_axis": _add_along,
    "combine_rows": _combine_rows, "set_rows": _set_rows,
    "unique_indices": _unique_indices, "gather_unique": _gather_unique, "matmul_unique": matmul_unique,
    "argmax": _along_axis("SK_DEFINE_ARG"), "argmin": _along_axis("SK_DEFINE_ARG"),
    "cumsum": _along_axis("SK_DEFINE_CUMULATIVE"), "cumprod": _along_axis("SK_DEFINE_CUMULATIVE"), "sort": _sort, "argsort": _sort, "top_k": _top_k,
    "random_bits": _random_bits,
    **dict.fromkeys(("max_pool", "max_pool_grad", "max_pool_select", "sum_pool", "sum_pool_grad"), convolution.pool),
    **dict.fromkeys(("conv", "conv_input_grad", "conv_filter_grad"), convolution.conv),
    **dict.fromkeys(REDUCTIONS, _nothing_reduced),
}  # fmt: skip

SCRATCH: dict[str, Callable[[Node], list[TensorType]]] = {
    "combine_rows": lambda n: [TensorType((n.inputs[0].tensor_type.size * 3,), "int64")],
    "sort": _sort_scratch, "argsort": _sort_scratch,
    "top_k": lambda n: [TensorType((n.inputs[0].shape[-1] * 2,), "int32")],
    "conv": convolution.scratch_types, "conv_input_grad": convolution.scratch_types, "conv_filter_grad": convolution.scratch_types,
}  # fmt: skip

LEAST_SAMPLES: dict[str, Callable[[Step, Dim], int]] = {
    "matmul": least_rows,
    **dict.fromkeys(("max_pool", "max_pool_grad", "max_pool_select", "sum_pool", "sum_pool_grad"), convolution.least_images),
    **dict.fromkeys(("conv", "conv_input_grad"), convolution.least_images),
}
"""What can be told which samples to do, and how many it should be told at the least; fusion groups and copies can as well."""

READY: dict[str, Row] = {"conv": convolution.ready, "conv_input_grad": convolution.ready, "matmul": matmul_ready}
"""What is made of the second input in the first working storage: once before parts of the samples are done, or once for many calls."""
READY_FOR_SIZES = ("conv", "conv_input_grad")
"""Those that write down symbolic sizes there as well: again for other sizes."""

_CONTROL = ("scan", "cond", "while_loop")


def takes(op: str) -> bool:
    """Whether there is C for an op."""
    from symkeras.ops.op import OPS

    known = op in KERNELS or op in EXPRESSIONS or op in _CONTROL or op == "cast"
    return known or (op in OPS and (OPS[op].is_leaf or OPS[op].is_view) and not OPS[op].is_composite)


class NativeKernels:
    """What lowering asks of this backend (see `symkeras.compiler.program.kernels.Kernels`)."""

    def scratch(self, node: Node) -> Sequence[TensorType]:
        make = SCRATCH.get(node.op.name)
        return make(node) if make is not None else ()

    def fused_scratch(self, fused: FusionGroup) -> Sequence[TensorType]:
        return totals.scratch_types(fused)

    def writes_pieces(self, step: Step) -> bool:
        return step.fused is not None

    def writes_strided(self, node: Node) -> bool:
        return node.op.name == "matmul" and node.dtype in ("float32", "float64") and node.ndim > 2

    def least_samples(self, step: Step, samples: Dim) -> int:
        if step.fused is not None:
            length = loop_over_samples(step, samples)
        elif step.kind == "copy":
            length = copied_loop(step.inputs[0], step.outputs[0])
        else:
            least = LEAST_SAMPLES.get(step.node.op.name) if step.kind == "kernel" else None
            return least(step, samples) if least is not None else 0
        return int(length is not None and counted(length, samples) is not None)

    @property
    def members(self) -> int:
        return threads.count()

    def accepts(self, node: Node, position: int, value: Value) -> bool:
        if node.op.name in ("concatenate", "pad", *REDUCTIONS):
            return True
        return node.op.name == "matmul" and accepts_matrix(node, value)

    def in_place(self, node: Node) -> Sequence[int]:
        return (0,) if node.op.name == "set_rows" else ()

    def may_group(self, node: Node) -> bool:
        return False

    def group_pays(self, steps: Sequence[Step]) -> bool:
        return False

    def may_fuse(self, node: Node) -> bool:
        if node.op.name in REDUCTIONS:
            return bool(node.attrs["axes"])
        return node.op.is_elementwise and not checks_exponents(node)

    def checks(self, node: Node) -> bool:
        return checks_exponents(node)

    def row_passes(self) -> bool:
        return True

    def keeps(self) -> bool:
        return True

    def ready_input(self, step: Step) -> int | None:
        if step.kind != "kernel" or step.node.op.name not in READY:
            return None
        return 1 if step.node.op.name != "matmul" or may_be_laid_out(step) else None

    def ready_scratch(self, step: Step) -> Sequence[TensorType]:
        return laid_out(step) if step.node.op.name == "matmul" else ()

    def inline_control(self, node: Node) -> bool:
        return True


__all__ = ["KERNELS", "NativeKernels", "takes"]

