"""Every elementwise op as a C expression, as a table.

A row gives the expression of scalar operands of one dtype. Operands are names or numbers, so they may be written twice.
Booleans are `int` while they are computed with; `numerics` of the functions called is stated in `vector_math.h`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symkeras.backend.native.text import SUFFIXES, TYPES
from symkeras.errors import BackendError
from symkeras.graph import dtypes, provenance
from symkeras.graph.graph import Graph, every_node
from symkeras.graph.node import Node

Row = Callable[[Sequence[str], str], str]


def _infix(sign: str) -> Row:
    return lambda a, dtype: f"{a[0]} {sign} {a[1]}"


def _call(name: str) -> Row:
    """A function of the headers, by dtype."""
    return lambda a, dtype: f"sk_{name}_{SUFFIXES[dtype]}({', '.join(a)})"


def _libm(name: str) -> Row:
    return lambda a, dtype: f"{name}{'f' if dtype == 'float32' else ''}({', '.join(a)})"


def _by_kind(floats: Row, ints: Row, bools: Row | None = None) -> Row:
    def row(a: Sequence[str], dtype: str) -> str:
        if dtype == "bool" and bools is not None:
            return bools(a, dtype)
        return floats(a, dtype) if dtypes.is_float(dtype) else ints(a, dtype)

    return row


def _maximum(sign: str) -> Row:
    """NaN where either is NaN: the first operand wins if it compares so or is NaN itself."""
    def floats(a: Sequence[str], dtype: str) -> str:
        return f"(({a[0]} {sign} {a[1]}) | ({a[0]} != {a[0]})) ? {a[0]} : {a[1]}"

    return _by_kind(floats, lambda a, d: f"{a[0]} {sign} {a[1]} ? {a[0]} : {a[1]}")


def _sign(a: Sequence[str], dtype: str) -> str:
    steps = f"({TYPES[dtype]})(({a[0]} > 0) - ({a[0]} < 0))"
    return f"{a[0]} != {a[0]} ? {a[0]} : {steps}" if dtypes.is_float(dtype) else steps


def _absolute(a: Sequence[str], dtype: str) -> str:
    return _libm("fabs")(a, dtype) if dtypes.is_float(dtype) else a[0] if dtype[0] in "ub" else f"{a[0]} < 0 ? -{a[0]} : {a[0]}"


EXPRESSIONS: dict[str, Row] = {
    "add": _by_kind(_infix("+"), _infix("+"), _infix("|")),
    "subtract": _infix("-"),
    "multiply": _by_kind(_infix("*"), _infix("*"), _infix("&")),
    "divide": _infix("/"),
    "floor_divide": _call("floor_divide"), "mod": _call("mod"), "power": _by_kind(_call("pow"), _call("power")),
    "negative": lambda a, d: f"-{a[0]}",
    "absolute": _absolute, "sign": _sign,
    "square": lambda a, d: f"{a[0]} * {a[0]}",
    "reciprocal": lambda a, d: f"1 / {a[0]}",
    "maximum": _maximum(">"), "minimum": _maximum("<"),
    "exp": _call("exp"), "expm1": _call("expm1"), "exp2": _call("exp2"), "log": _call("log"), "log1p": _call("log1p"),
    "log2": _call("log2"), "log10": _call("log10"), "logaddexp": _call("logaddexp"), "sqrt": _libm("sqrt"),
    "sin": _call("sin"), "cos": _call("cos"), "tan": _libm("tan"), "arcsin": _libm("asin"), "arccos": _libm("acos"),
    "arctan": _libm("atan"), "arctan2": _libm("atan2"), "sinh": _libm("sinh"), "cosh": _libm("cosh"), "tanh": _call("tanh"),
    "arcsinh": _libm("asinh"), "arccosh": _libm("acosh"), "arctanh": _libm("atanh"), "erf": _call("erf"), "erfinv": _call("erfinv"),
    "floor": _libm("floor"), "ceil": _libm("ceil"), "rint": _libm("rint"), "trunc": _libm("trunc"),
    "equal": _infix("=="), "not_equal": _infix("!="), "less": _infix("<"), "less_equal": _infix("<="), "greater": _infix(">"),
    "greater_equal": _infix(">="),
    "logical_and": _infix("&"), "logical_or": _infix("|"), "logical_xor": _infix("^"), "logical_not": lambda a, d: f"!{a[0]}",
    "isnan": lambda a, d: f"{a[0]} != {a[0]}", "isinf": lambda a, d: f"{_libm('fabs')(a, d)} == INFINITY",
    "isfinite": lambda a, d: f"{a[0]} - {a[0]} == 0",
    "bitwise_and": _infix("&"), "bitwise_or": _infix("|"), "bitwise_xor": _infix("^"),
    "bitwise_not": lambda a, d: f"!{a[0]}" if d == "bool" else f"~{a[0]}",
    "left_shift": _call("left_shift"), "right_shift": _call("right_shift"),
    "where": lambda a, d: f"{a[0]} ? {a[1]} : {a[2]}",
}  # fmt: skip

HEAVY = frozenset({
    "divide", "power", "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "logaddexp", "sqrt", "sin", "cos", "tan", "arcsin", "arccos",
    "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "erf", "erfinv", "reciprocal", "mod", "floor_divide",
})  # fmt: skip
"""What is kept rather than computed again in the next pass over a row."""


def expression(node: Node, operands: Sequence[str]) -> str:
    """The value of an elementwise node at one point."""
    dtype = node.inputs[-1].dtype
    if node.op.name == "cast":
        return cast(operands[0], node.inputs[0].dtype, node.dtype)
    return EXPRESSIONS[node.op.name](operands, dtype)


def cast(x: str, source: str, target: str) -> str:
    """`x` in another dtype; a float outside of an integer's range gives what NumPy gives on x86 for it."""
    if source == target:
        return x
    if source == "bfloat16":
        return cast(f"sk_f32_from_bf16({x})", "float32", target)
    if target == "bfloat16":
        return f"sk_bf16_from_f32({cast(x, source, 'float32')})"
    if target == "bool":
        return x if source == "bool" else f"{x} != 0"
    if dtypes.is_float(source) and dtypes.is_int(target):
        wide = "i32" if target in ("int32", "int16", "int8", "uint8", "uint16") else "u64" if target == "uint64" else "i64"
        return f"({TYPES[target]})sk_{wide}_from_{SUFFIXES[source]}({x})"
    return f"({TYPES[target]}){x}"


def local_type(dtype: str) -> str:
    """The C type in which values of a dtype are computed with."""
    return "int" if dtype == "bool" else TYPES[dtype]


def check_dtypes(graph: Graph) -> None:
    """Raise BackendError for a dtype that this backend has no arithmetic for, in a graph or those within."""
    for n in every_node(graph):
        for t in n.types:
            if t.dtype not in TYPES:
                what = f"{n.op.name}{provenance.where(n.origins)} has dtype {t.dtype}"
                raise BackendError(f"{graph.name}: the native backend computes in {', '.join(TYPES)}; {what}: choose backend='numpy'")
