"""What `ops.py` times: for every operation inputs of about a million elements, and the same in PyTorch where it exists.

The third entry of a case is a function of the inputs as PyTorch's tensors: it gives, once they are laid out as PyTorch likes them, what to time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from symkeras.ops.elementwise import ROWS, Elementwise
from symkeras.ops.op import OPS

try:
    import torch
    import torch.nn.functional as functional
except ImportError:  # every case is then timed without
    torch = functional = None


@dataclass(frozen=True)
class Case:
    """One operation on inputs of these types, drawn between `low` and `high`."""

    op: str
    types: tuple[str, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    peer: Callable[..., Callable[[], Any]] | None = None
    low: float | tuple[float, ...] = -2.0
    high: float | tuple[float, ...] = 2.0
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.op} {self.note}".strip()


WITHOUT = {
    "placeholder": "a leaf", "variable": "a leaf", "constant": "a leaf", "dim": "a leaf", "item": "a result of another op",
    "stop_gradient": "gone before anything runs", "boundary": "gone before anything runs",
    "scan": "as fast as its body", "cond": "as fast as its branches", "while_loop": "as fast as its body",
    "max_pool_select": "second gradients only",
    **dict.fromkeys(("softmax_gradient", "relu_gradient", "gelu_gradient"), "made by a pass of PyTorch"),
    "gather_unique": "made by a pass of native", "matmul_unique": "made by a pass of native",
    "unique_indices": "made by a pass of native", "custom_gradient": "gone before anything runs", "_hypot": "a formula", "_logaddexp2": "a formula",
    **dict.fromkeys(("cholesky", "det", "eig", "eigh", "lu", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd"), "LAPACK, through NumPy"),
    "fft": "NumPy's", "ctc_beam_search": "a search in Python",
}  # fmt: skip
"""Operations that are not timed, and why."""

SPELT = {
    "rint": "round", "absolute": "abs", "power": "pow", "mod": "remainder", "left_shift": "bitwise_left_shift", "equal": "eq",
    "right_shift": "bitwise_right_shift",
}  # fmt: skip
"""Elementwise operations that PyTorch calls otherwise."""


def _elementwise() -> list[Case]:
    cases = []
    for name in ROWS:
        op = OPS[name]
        assert isinstance(op, Elementwise)
        dtype = {"bool": "bool", "int": "i32", "shift": "i32"}.get(op.promote, "f32")
        peer = getattr(torch, SPELT.get(name, name), None)
        run = (lambda *t, peer=peer: lambda: peer(*t)) if peer is not None else None
        cases.append(Case(name, (f"{dtype}[1000, 1000]",) * op.arity, {}, run, *op.domain))
    for name in ("erf", "erfinv", "exp", "tanh"):
        peer = getattr(torch, name, None)
        run = (lambda x, peer=peer: lambda: peer(x)) if peer is not None else None
        cases.append(Case(name, ("f64[1000, 1000]",), {}, run, -0.99, 0.99, note="f64"))
    return cases


def _called(name: str, **options: Any) -> Callable[..., Callable[[], Any]]:
    """A function of `torch` or of its `nn.functional` on the inputs as they are."""
    return lambda *t: lambda: (getattr(torch, name, None) or getattr(functional, name))(*t, **options)


def _first(x: Any) -> Any:
    """Channels first."""
    return x.movedim(-1, 1).contiguous()


def _kernel(w: Any) -> Any:
    """(*K, I, O) as PyTorch's (O, I, *K)."""
    return w.movedim((-1, -2), (0, 1)).contiguous()


def _conv(n: int, options: dict[str, Any]) -> Callable[..., Callable[[], Any]]:
    def peer(x: Any, w: Any) -> Callable[[], Any]:
        x, w = _first(x), _kernel(w)
        return lambda: getattr(functional, f"conv{n}d")(x, w, **options)

    return peer


def _conv_gradient(of_input: bool, options: dict[str, Any], x: Any, w: Any) -> Callable[..., Callable[[], Any]]:
    n = len(x) - 2

    def peer(a: Any, b: Any) -> Callable[[], Any]:
        first = _first(torch.zeros(x)) if of_input else _first(a)
        kernel = _kernel(b) if of_input else _kernel(torch.zeros(w))
        dy = _first(a) if of_input else _first(b)
        full = [[v] * n for v in (options["stride"], options["padding"], 1)]
        given = (dy, first, kernel, None, *full, False, [0] * n, options["groups"], [of_input, not of_input, False])
        return lambda: torch.ops.aten.convolution_backward(*given)

    return peer


def _convolutions() -> list[Case]:
    kinds = (  # x, kernel, stride, groups
        ("3x3", (16, 32, 32, 64), (3, 3, 64, 64), 1, 1), ("5x5 stride 2", (16, 32, 32, 32), (5, 5, 32, 64), 2, 1),
        ("grouped", (16, 32, 32, 64), (3, 3, 16, 64), 1, 4), ("depthwise", (16, 32, 32, 64), (3, 3, 1, 64), 1, 64),
        ("depthwise stride 2", (16, 32, 32, 64), (3, 3, 1, 64), 2, 64), ("1x1", (16, 32, 32, 64), (1, 1, 64, 128), 1, 1),
        ("depthwise small", (32, 7, 7, 512), (3, 3, 1, 512), 1, 512), ("1-d", (16, 2000, 32), (5, 32, 64), 1, 1),
        ("3-d", (4, 16, 16, 16, 16), (3, 3, 3, 16, 32), 1, 1), ("3-d stride 2", (4, 16, 16, 16, 16), (3, 3, 3, 16, 32), 2, 1),
        ("2x2 stride 2", (16, 32, 32, 64), (2, 2, 64, 128), 2, 1),
    )  # fmt: skip
    cases = []
    for note, x, w, stride, groups in kinds:
        n = len(x) - 2
        pad = 0 if w[0] == 2 else w[0] // 2
        spatial = tuple((s + 2 * pad - k) // stride + 1 for s, k in zip(x[1:-1], w[:n], strict=True))
        attrs = {"strides": (stride,) * n, "padding": ((pad, pad),) * n, "dilation": (1,) * n, "groups": groups}
        options = {"stride": stride, "padding": pad, "groups": groups}
        tx, tw, ty = (f"f32{list(s)}" for s in (x, w, (x[0], *spatial, w[-1])))
        cases.append(Case("conv", (tx, tw), attrs, _conv(n, options), note=note))
        dx, dw = _conv_gradient(True, options, x, w), _conv_gradient(False, options, x, w)
        cases.append(Case("conv_input_grad", (ty, tw), {"spatial": x[1:-1], **attrs}, dx, note=note))
        cases.append(Case("conv_filter_grad", (tx, ty), {"kernel": w[:n], **attrs}, dw, note=note))
    return cases


def _pools() -> list[Case]:
    cases = []
    for note, x, size, stride in (
        ("2x2", (16, 32, 32, 64), 2, 2), ("3x3 stride 2", (16, 32, 32, 64), 3, 2), ("3x3 stride 1", (16, 32, 32, 64), 3, 1),
        ("2x2x2", (4, 16, 32, 32, 16), 2, 2),
    ):  # fmt: skip
        n = len(x) - 2
        attrs = {"window": (size,) * n, "strides": (stride,) * n, "padding": ((0, 0),) * n}
        y = (x[0], *((s - size) // stride + 1 for s in x[1:-1]), x[-1])
        tx, ty = (f"f32{list(s)}" for s in (x, y))

        def forward(x: Any, name: str, n: int = n, size: int = size, stride: int = stride) -> Callable[[], Any]:
            x = _first(x)
            return lambda: getattr(functional, f"{name}_pool{n}d")(x, size, stride)

        def backward(x: Any, name: str, n: int = n, size: int = size, stride: int = stride) -> Callable[[], Any]:
            x = _first(x).requires_grad_()
            y = getattr(functional, f"{name}_pool{n}d")(x, size, stride)
            dy = torch.ones_like(y)
            return lambda: torch.autograd.grad(y, x, dy, retain_graph=True)

        cases += [
            Case("max_pool", (tx,), attrs, lambda x, f=forward: f(x, "max"), note=note),
            Case("sum_pool", (tx,), attrs, lambda x, f=forward: f(x, "avg"), note=note),
            Case("max_pool_grad", (tx, ty, ty), attrs, lambda x, y, dy, b=backward: b(x, "max"), note=note),
            Case("sum_pool_grad", (ty,), {"spatial": x[1:-1], **attrs}, lambda dy, b=backward, x=x: b(torch.zeros(x), "avg"), note=note),
        ]
    return cases


def _copied(view: Callable[..., Any]) -> Callable[..., Callable[[], Any]]:
    return lambda *t: lambda: view(*t).clone(memory_format=torch.contiguous_format)


def _reductions() -> list[Case]:
    cases = []
    for note, shape, axes in (
        ("all", (1000, 1000), (0, 1)), ("columns", (1000, 1000), (0,)), ("rows", (1000, 1000), (1,)), ("short rows", (100_000, 10), (1,)),
        ("middle", (100, 100, 100), (1,)), ("outer two", (100, 100, 100), (0, 2)),
    ):  # fmt: skip
        for name, peer in (("sum", "sum"), ("prod", "prod"), ("max", "amax"), ("min", "amin"), ("any", "any"), ("all", "all")):
            run: Any = lambda x, peer=peer, axes=axes: lambda: getattr(torch, peer)(x, axes)  # noqa: E731
            if name == "prod":  # which PyTorch takes over one axis only
                run = {1: lambda x, a=axes: lambda: torch.prod(x, a[0]), len(shape): lambda x: lambda: torch.prod(x)}.get(len(axes))
            kind = "bool" if name in ("any", "all") else "f32"
            cases.append(Case(name, (f"{kind}{list(shape)}",), {"axes": axes}, run, note=note))
        if len(axes) == 1:
            along = {"axis": axes[0]}
            for name in ("argmax", "argmin", "cumsum", "cumprod"):
                cases.append(Case(name, (f"f32{list(shape)}",), along, lambda x, name=name, a=axes[0]: lambda: getattr(torch, name)(x, a), note=note))
    return cases


def _orders() -> list[Case]:
    cases = []
    for note, shape, axis in (("rows", (1000, 1000), 1), ("columns", (1000, 1000), 0), ("short rows", (100_000, 10), 1), ("flat", (1_000_000,), 0)):
        for name in ("sort", "argsort"):
            run = lambda x, name=name, a=axis: lambda: getattr(torch, name)(x, dim=a, stable=True)  # noqa: E731
            cases.append(Case(name, (f"f32{list(shape)}",), {"axis": axis}, run, note=note))
        if axis == len(shape) - 1:
            cases.append(Case("top_k", (f"f32{list(shape)}",), {"k": 5}, lambda x: lambda: torch.topk(x, 5), note=note))
    return cases


def _rows() -> list[Case]:
    low, high = (-2.0, 0), (2.0, 10_000)
    table, indices, values = "f32[10000, 128]", "i32[8000]", "f32[8000, 128]"

    def add(i: Any, v: Any) -> Callable[[], Any]:
        return lambda: torch.zeros(10_000, *v.shape[1:]).index_add_(0, i, v)

    def place(t: Any, i: Any, v: Any) -> Callable[[], Any]:
        i = i.long()
        return lambda: t.index_copy(0, i, v)

    def along(axis: int, size: int) -> Callable[..., Callable[[], Any]]:
        def peer(i: Any, v: Any) -> Callable[[], Any]:
            i = i.long()
            shape = [size if k == axis else d for k, d in enumerate(v.shape)]
            return lambda: torch.zeros(shape).scatter_add_(axis, i, v)

        return peer

    def taken(axis: int) -> Callable[..., Callable[[], Any]]:
        def peer(x: Any, i: Any) -> Callable[[], Any]:
            i = i.long()
            return lambda: torch.gather(x, axis, i)

        return peer

    cases = [
        Case("gather", (table, indices), {}, lambda t, i: lambda: torch.index_select(t, 0, i), low, high),
        Case("gather", ("f32[1000000]", "i32[1000000]"), {}, lambda t, i: lambda: torch.index_select(t, 0, i), low, (2.0, 1_000_000), "of numbers"),
        Case("scatter_add", (indices, values), {"rows": 10_000}, add, (0, -2.0), (10_000, 2.0)),
        Case("scatter_add", (indices, values), {"rows": 10_000}, add, (0, -2.0), (50, 2.0), "few rows"),
        Case("scatter_add", ("i32[1000000]", "f32[1000000]"), {"rows": 10_000}, add, (0, -2.0), (10_000, 2.0), "of numbers"),
        Case("scatter_add", ("i32[100000]", "f32[100000, 8]"), {"rows": 10_000}, add, (0, -2.0), (10_000, 2.0), "narrow rows"),
        Case("combine_rows", (indices, values), {"rows": 10_000}, None, (0, -2.0), (10_000, 2.0)),
        Case("set_rows", (table, indices, values), {}, place, (-2.0, 0, -2.0), (2.0, 10_000, 2.0)),
    ]
    for axis, note in ((0, "columns"), (1, "rows")):
        shape = "f32[1000, 1000]"
        cases.append(Case("take_along_axis", (shape, "i32[1000, 1000]"), {"axis": axis}, taken(axis), (-2.0, 0), (2.0, 1000), note))
        attrs = {"axis": axis, "size": 1000}
        cases.append(Case("add_along_axis", ("i32[1000, 1000]", shape), attrs, along(axis, 1000), (0, -2.0), (1000, 2.0), note))
    return cases


def _plain() -> list[Case]:
    a, half = "f32[1000, 1000]", (500, 1000)
    cases = [
        Case("cast", (a,), {"dtype": "int32"}, lambda x: lambda: x.int()),
        Case("cast", ("u8[1000, 1000]",), {"dtype": "float32"}, lambda x: lambda: x.float(), 0, 255, "of bytes"),
        Case("cast", ("bool[1000, 1000]",), {"dtype": "float32"}, lambda x: lambda: x.float(), note="of bools"),
        Case("where", ("bool[1000, 1000]", a, a), {}, _called("where")),
        Case("where", ("bool[1000, 1]", a, "f32[]"), {}, _called("where"), note="broadcast"),
        Case("reshape", (a,), {"shape": (500, 2000)}, _copied(lambda x: x.reshape(500, 2000))),
        Case("transpose", (a,), {"axes": (1, 0)}, _copied(lambda x: x.T)),
        Case("transpose", ("f32[16, 64, 8, 128]",), {"axes": (0, 2, 1, 3)}, _copied(lambda x: x.permute(0, 2, 1, 3)), note="of heads"),
        Case("broadcast_to", ("f32[1, 1000]",), {"shape": (1000, 1000)}, _copied(lambda x: x.expand(1000, 1000))),
        Case("slice", (a,), {"starts": (0, 0), "stops": (999, 1000), "strides": (2, 1)}, _copied(lambda x: x[0:999:2])),
        Case("slice", (a,), {"starts": (0, 0), "stops": (1000, 999), "strides": (1, 2)}, _copied(lambda x: x[:, 0:999:2]), note="of columns"),
        Case("pad", ("f32[16, 30, 30, 64]",), {"padding": ((0, 0, 0), (1, 1, 0), (1, 1, 0), (0, 0, 0)), "value": 0.0},
             lambda x: lambda: functional.pad(x, (0, 0, 1, 1, 1, 1))),
        Case("pad", ("f32[16, 15, 15, 64]",), {"padding": ((0, 0, 0), (1, 1, 1), (1, 1, 1), (0, 0, 0)), "value": 0.0}, None, note="with gaps"),
        Case("concatenate", (f"f32{list(half)}",) * 2, {"axis": 1}, lambda x, y: lambda: torch.cat((x, y), 1)),
        Case("flip", (a,), {"axes": (1,)}, lambda x: lambda: x.flip(1)),
        Case("matmul", ("f32[500, 500]",) * 2, {"transpose_a": False, "transpose_b": False}, _called("matmul")),
        Case("matmul", ("f32[64, 128, 64]",) * 2, {"transpose_a": False, "transpose_b": True}, lambda x, y: lambda: x @ y.mT, note="of batches"),
    ]  # fmt: skip
    for dtype in ("uint16", "uint32", "uint64"):
        attrs = {"stream": 3, "shape": (1000, 1000), "dtype": dtype}
        words = {"uint16": 250, "uint32": 500, "uint64": 1000}[dtype]
        peer = lambda s, words=words: lambda: torch.empty(words, 1000, dtype=torch.int64).random_()  # noqa: E731
        cases.append(Case("random_bits", ("u64[2]",), attrs, peer, 0, 99, note=dtype))
    return cases


def _composites() -> list[Case]:
    a = "f32[1000, 1000]"
    spelt = {"log_sigmoid": "logsigmoid", "hard_sigmoid": "hardsigmoid", "hard_silu": "hardswish", "hard_tanh": "hardtanh",
             "hard_shrink": "hardshrink", "soft_shrink": "softshrink", "tanh_shrink": "tanhshrink"}  # fmt: skip
    cases = [
        Case("gelu", (a,), {"approximate": False}, lambda x: lambda: functional.gelu(x), note="exact"),
        Case("softmax", (a,), {"axis": -1}, _called("softmax", dim=-1)),
        Case("softmax", ("f32[100000, 10]",), {"axis": -1}, _called("softmax", dim=-1), note="short rows"),
        Case("log_softmax", (a,), {"axis": -1}, _called("log_softmax", dim=-1)),
    ]
    for name, op in OPS.items():
        s = op.samples[0] if op.is_composite else None
        if s is not None and s.types == ("f32[2, 3]",) and name not in ("softmax", "log_softmax", "glu", "sparsemax"):
            options = {"threshold": {"threshold": 1.0, "value": 0.0}}.get(name, {})
            peer = spelt.get(name, name)
            known = torch is not None and (hasattr(functional, peer) or hasattr(torch, peer))
            cases.append(Case(name, (a,), dict(s.attrs), _called(peer, **options) if known else None, s.low, s.high))
    rest = [("glu", {"axis": -1}, _called("glu", dim=-1)), ("sparsemax", {"axis": -1}, None)]
    cases += [Case(name, (a,), attrs, peer) for name, attrs, peer in rest]
    wide = "f32[1000]"
    cases += [
        Case("layer_normalization", (a, wide, wide), {"axes": (1,), "epsilon": 0.001},
             lambda x, g, b: lambda: functional.layer_norm(x, (1000,), g, b)),
        Case("batch_normalization", (a, *(wide,) * 4), {"axis": 1, "epsilon": 0.001},
             lambda x, m, v, g, b: lambda: functional.batch_norm(x, m, v, g, b), 0.1, 2.0),
    ]  # fmt: skip
    return cases


def cases() -> list[Case]:
    """All of them."""
    return [*_elementwise(), *_plain(), *_reductions(), *_orders(), *_rows(), *_composites(), *_convolutions(), *_pools()]
