"""Matrix products: which views a gemm reads as they are, and the call or the loop over stacked matrices."""

from __future__ import annotations

from dataclasses import dataclass

from symkeras.backend.native import text
from symkeras.backend.native.emission import Emitter
from symkeras.backend.native.text import FunctionText
from symkeras.compiler.program.addressing import place
from symkeras.compiler.program.batch_tiling import counted, window
from symkeras.compiler.program.program import Step, Value
from symkeras.graph import dims
from symkeras.graph.dims import Dim, Size
from symkeras.graph.dtypes import itemsize
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType


def accepts_matrix(node: Node, value: Value) -> bool:
    """Whether the matrices of a view have one axis whose elements are neighbours: then a gemm reads them in place."""
    if node.dtype not in ("float32", "float64"):
        return True
    rows, columns = place(value).strides[-2:]
    m, n = value.type.shape[-2:]
    by_rows = (columns == 1 or n == 1) and (m == 1 or _reaches(rows, n))
    return by_rows or ((rows == 1 or m == 1) and (n == 1 or _reaches(columns, m)))


def _reaches(distance: Size, width: Size) -> bool:
    """Whether rows at this distance do not overlap, as BLAS asks."""
    return distance >= width if isinstance(distance, int) and isinstance(width, int) else distance != 0


def _layout(v: Value, swapped: bool) -> tuple[int, Size]:
    """Whether a gemm must read the matrices of `v` transposed, and the distance of their rows (or columns)."""
    rows, columns = place(v).strides[-2:]
    m, n = v.type.shape[-2:]
    if (columns == 1 or n == 1) and (m == 1 or _reaches(rows, n)):
        return int(swapped), rows if m != 1 else n
    return int(not swapped), columns


@dataclass(frozen=True)
class Gemm:
    """A product as a gemm computes it: its operands, and the sizes and distances of its arguments but the pointers."""

    a: Value
    b: Value
    turn_a: int
    turn_b: int
    m: Size
    n: Size
    k: Size
    lda: Size
    ldb: Size
    ldc: Size

    def text(self, function: str, a: str, b: str, c: str, m: str = "") -> str:
        """The call without what follows C, with other rows of A and C where `m` is given."""
        sizes = f"{self.turn_a}, {self.turn_b}, {m or text.size(self.m)}, {text.size(self.n)}, {text.size(self.k)}"
        return f"{function}({sizes}, {a}, {text.size(self.lda)}, {b}, {text.size(self.ldb)}, 0, {c}, {text.size(self.ldc)}"


def gemm_of(s: Step) -> Gemm:
    """The gemm of a step's matrices. Where the columns of a result lie together it is that of the transposed matrices."""
    a, b = s.inputs
    out = s.outputs[0]
    ta, tb = s.node.attrs["transpose_a"], s.node.attrs["transpose_b"]
    m, n = out.type.shape[-2:]
    k = a.type.shape[-2] if ta else a.type.shape[-1]
    (turn_a, lda), (turn_b, ldb) = _layout(a, ta), _layout(b, tb)
    rows, columns = place(out).strides[-2:]
    if n != 1 and columns != 1:
        return Gemm(b, a, 1 - turn_b, 1 - turn_a, n, m, k, ldb, lda, columns)
    return Gemm(a, b, turn_a, turn_b, m, n, k, lda, ldb, rows if m != 1 else n)


IN_PLACE = 8192
"""Elements of the other matrix up to which it is read in place, and few rows of the result are worth a call."""
ROWS_IN_PLACE, ROWS_TO_JOIN, ROWS_COPIED = 16, 32, 192
"""Rows that a call should have where the other matrix is read in place; from which a single sample has enough; and where it is copied."""


def least_rows(s: Step, samples: Dim) -> int:
    """The fewest samples that a call of a product is worth; 0 where it cannot be cut by samples, or where that would cost more."""
    out = s.outputs[0]
    if any(d != 1 for d in out.type.shape[:-2]):
        is_by_samples = counted(dims.product(out.type.shape[:-2]), samples) is not None
        return int(is_by_samples and all(_has_stack(v, out, samples) for v in s.inputs))
    g = gemm_of(s)
    rows, other = counted(g.m, samples), g.n * g.k
    if not isinstance(rows, int) or not isinstance(other, int) or g.turn_a or g.a is not s.inputs[0] or out.type.dtype not in ("float32", "float64"):
        return 0
    if other > IN_PLACE:
        return int(rows >= ROWS_COPIED)
    return 1 if rows >= ROWS_TO_JOIN else -(-ROWS_IN_PLACE // rows)


def _has_stack(v: Value, out: Value, samples: Dim) -> bool:
    """Whether the samples of an operand, if it has any, are in the axes over which matrices are stacked, and lie as the result's."""
    stack, own = out.type.shape[:-2], v.type.shape[:-2]
    is_alike = own == stack or (len(own) == len(stack) and own[0] == stack[0] and counted(own[0], samples) is not None)
    return is_alike or window(v, samples) is None


def matmul(e: Emitter, s: Step) -> None:
    """The product of the matrices in the last two axes of two values."""
    out = s.outputs[0]
    if out.type.dtype not in ("float32", "float64"):
        k = s.inputs[0].type.shape[-2 if s.node.attrs["transpose_a"] else -1]
        _stacked(e, s, _plain_product(e, s, *out.type.shape[-2:], k))
        return
    e.include("gemm.h")
    suffix, g = text.SUFFIXES[out.type.dtype], gemm_of(s)
    if all(d == 1 for d in out.type.shape[:-2]) and e.span is not None:
        a_rows, c_rows = (f"{e.pointer(v)} + {e.span.first(g.m)}*{text.factor(stride)}" for v, stride in ((g.a, g.lda), (out, g.ldc)))
        e.say(f"{g.text(f'sk_gemm_{suffix}', a_rows, e.pointer(g.b), c_rows, m=e.span.length(g.m))}, call->blas);", s)
    elif s.is_ready:
        sizes = ", ".join(map(text.size, (g.m, g.n, g.k)))
        b = f"{e.pointer(g.b)}, {text.size(g.ldb)}, {e.pointer(s.scratch[0])}"
        c = f"{e.pointer(out)}, {text.size(g.ldc)}"
        e.say(f"sk_matmul_kept_{suffix}({g.turn_b}, {sizes}, {e.pointer(g.a)}, {text.size(g.lda)}, {b}, {c}, call->blas, threads);", s)
    elif all(d == 1 for d in out.type.shape[:-2]):
        e.say(f"{g.text(f'sk_matmul_{suffix}', *map(e.pointer, (g.a, g.b, out)))}, call->blas, threads);", s)
    else:
        first, second = ("{a}", "{b}") if g.a is s.inputs[0] else ("{b}", "{a}")
        _stacked(e, s, f"{g.text(f'sk_gemm_{suffix}', first, second, '{c}')}, blas)")


LAID_OUT = (64 * 1024, 16 * 1024 * 1024)
"""Bytes of a matrix between which it is kept laid out for products with few rows: less comes fast enough as it is, more takes too much room."""


def may_be_laid_out(s: Step) -> bool:
    """Whether a product is one of rows, of which there may be few, with a matrix worth laying out."""
    a, b = s.inputs
    out = s.outputs[0]
    if out.type.dtype not in ("float32", "float64") or a.type.ndim != 2 or b.type.ndim != 2 or isinstance(out.type.shape[0], int):
        return False
    g, size = gemm_of(s), b.type.nbytes
    return g.a is a and not g.turn_a and isinstance(size, int) and LAID_OUT[0] <= size <= LAID_OUT[1]


def laid_out(s: Step) -> list[TensorType]:
    """Room for the matrix in pairs of vectors, as wide as they may be."""
    g, t = gemm_of(s), s.inputs[1].type
    vectors = 2 * 64 // itemsize(t.dtype)
    return [t.with_shape((dims.floor_divide(g.n + vectors - 1, vectors) * vectors * g.k,))]


def matmul_ready(e: Emitter, s: Step) -> None:
    """Lay the matrix out, for calls that find it there."""
    if not s.is_ready:
        return
    g, suffix = gemm_of(s), text.SUFFIXES[s.outputs[0].type.dtype]
    e.include("gemm.h")
    b = f"{e.pointer(g.b)}, {text.size(g.ldb)}, {e.pointer(s.scratch[0])}"
    e.say(f"sk_matmul_ready_{suffix}({g.turn_b}, {text.size(g.n)}, {text.size(g.k)}, {b}, threads);", s)


def matmul_unique(e: Emitter, s: Step) -> None:
    """A product over as many rows as there are, which is known when it runs; the rows beyond are zero."""
    a, b, count = s.inputs
    out, ta, tb = s.outputs[0], s.node.attrs["transpose_a"], s.node.attrs["transpose_b"]
    e.include("gemm.h")
    rows, given, (m, n) = text.counted(e.pointer(count), a.type.shape[0]), ", ".join, out.type.shape
    sizes = [text.size(m), text.size(n), rows] if ta else [rows, text.size(n), text.size(a.type.shape[1])]
    lead = [text.size(v.type.shape[1]) for v in (a, b, out)]
    call = given([str(int(ta)), str(int(tb)), *sizes, e.pointer(a), lead[0], e.pointer(b), lead[1], "0", e.pointer(out), lead[2]])
    e.say(f"sk_matmul_{text.SUFFIXES[out.type.dtype]}({call}, call->blas, threads);", s)
    if not ta:
        e.zero_from(out, rows)


def _plain_product(e: Emitter, s: Step, m: Size, n: Size, k: Size) -> str:
    dtype = s.outputs[0].type.dtype
    e.include("products.h")
    e.define(f"SK_DEFINE_PRODUCT({text.TYPES[dtype]}, {text.SUFFIXES[dtype]}, {'SK_OR_PRODUCT' if dtype == 'bool' else 'SK_ADD_PRODUCT'})")
    (a_row, a_column), (b_row, b_column) = e.strides(s.inputs[0])[-2:], e.strides(s.inputs[1])[-2:]
    if s.node.attrs["transpose_a"]:
        a_row, a_column = a_column, a_row
    if s.node.attrs["transpose_b"]:
        b_row, b_column = b_column, b_row
    sizes = ", ".join(map(text.size, (m, n, k)))
    a, b = f"{{a}}, {text.size(a_row)}, {text.size(a_column)}", f"{{b}}, {text.size(b_row)}, {text.size(b_column)}"
    return f"sk_product_{text.SUFFIXES[dtype]}({sizes}, {a}, {b}, {{c}})"


def _stacked(e: Emitter, s: Step, call: str) -> None:
    """A function that runs over all matrices; their number is its length."""
    out = s.outputs[0]
    batch = out.type.shape[:-2]
    count, dtype = dims.product(batch), text.TYPES[out.type.dtype]
    names = [f"i{k}" for k in range(len(batch))]
    lines = ["    for (int64_t i = begin; i < end; i++) {"]
    rest: Size = 1
    for name, d in reversed(list(zip(names, batch, strict=True))):
        over = f"i / {text.divisor(rest)}" if rest != 1 else "i"
        whole = name == names[0]
        lines.append(f"        const int64_t {name} = {over if whole else f'({over}) % {text.divisor(d)}'};")
        rest = rest * d
    lines += [f"        (void){name};" for name in names]
    offsets = {}
    for letter, v in zip("abc", (*s.inputs, out), strict=True):
        own = (*(0,) * (len(batch) - v.type.ndim + 2), *(0 if d == 1 else st for d, st in zip(v.type.shape[:-2], e.strides(v)[:-2], strict=True)))
        terms = [n if st == 1 else f"{text.factor(st)}*{n}" for n, st in zip(names, own, strict=True) if st != 0]
        offsets[letter] = " + ".join([letter, *terms])
    lines += [f"        {call.format(**offsets)};", "    }"]
    parameters = [f"const {dtype} *a", f"const {dtype} *b", f"{dtype} *c", "const void *blas"]
    if "blas" not in call:
        lines.insert(0, "    (void)blas;")
    k = s.inputs[0].type.shape[-2 if s.node.attrs["transpose_a"] else -1]
    function = FunctionText(parameters, lines, count, out.type.size * k)
    e.call(function, "matmul", [*(e.pointer(v) for v in (*s.inputs, out)), "call->blas"], s)
