"""Operations as functions of PyTorch's tensors: the table of the PyTorch backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from symkeras.backend.engine import philox
from symkeras.backend.engine.tables import NOTHING
from symkeras.backend.engine.walk import Functions, Here
from symkeras.backend.torch import control, convolution, dtypes, elementwise
from symkeras.backend.torch.dtypes import HELD, Tensor
from symkeras.backend.torch.selection import select
from symkeras.graph.node import Node

# ---- moving elements -----------------------------------------------------------------------------------------------


def _slice(here: Here) -> Callable[..., Tensor]:
    """By `narrow` where one axis is cut, which costs PyTorch least."""
    (x,) = here.node.inputs
    sizes = [d if isinstance(d, int) else d.evaluate(here.env) for d in x.shape]
    cuts = list(zip(here.attrs["starts"], here.attrs["stops"], here.attrs["strides"], strict=True))
    cut = [k for k, (c, n) in enumerate(zip(cuts, sizes, strict=True)) if c != (0, n, 1)]
    if not all(0 <= a <= b <= n for (a, b, _), n in zip(cuts, sizes, strict=True)):
        raise ValueError(f"slice {cuts} of sizes {sizes}: the bounds lie outside")
    if len(cut) == 1 and cuts[cut[0]][2] == 1:
        axis, (start, stop, _) = cut[0], cuts[cut[0]]
        return lambda x: x.narrow(axis, start, stop - start)
    where = tuple(slice(*c) for c in cuts)
    return lambda x: x[where]


def _pad(x: Tensor, padding: Any, value: Any) -> Tensor:
    is_a_double = x.dtype.is_floating_point or int(float(value)) == value  # what `functional.pad` makes of it
    if is_a_double and not any(g for _, _, g in padding):
        return functional.pad(x, [n for a, b, _ in reversed(padding) for n in (a, b)], value=value)
    shape = [a + n + b + (n - 1) * g for n, (a, b, g) in zip(x.shape, padding, strict=True)]
    out = torch.full(shape, value, dtype=x.dtype, device=x.device)
    out[tuple(slice(a, max(a + (n - 1) * (g + 1) + 1, a), g + 1) for n, (a, _, g) in zip(x.shape, padding, strict=True))] = x
    return out


# ---- reductions ----------------------------------------------------------------------------------------------------


def _of_sizes(here: Here) -> list[int]:
    return [d if isinstance(d, int) else d.evaluate(here.env) for d in here.node.inputs[0].shape]


def _sum(here: Here) -> Callable[..., Tensor]:
    axes, dtype = here.attrs["axes"], here.node.dtype
    own = HELD[dtype]
    if not axes:
        return lambda x: x
    return dtypes.wraps(lambda x: torch.sum(x, axes, dtype=own), dtype)


def _prod(here: Here) -> Callable[..., Tensor]:
    axes, dtype = here.attrs["axes"], here.node.dtype
    own = HELD[dtype]

    def run(x: Tensor) -> Tensor:
        for axis in reversed(axes):
            x = torch.prod(x, axis, dtype=own)
        return x

    return dtypes.wraps(run, dtype)


def _extremum(fn: Callable[..., Tensor]) -> Callable[[Here], Callable[..., Tensor]]:
    def chosen(here: Here) -> Callable[..., Tensor]:
        axes, sizes = here.attrs["axes"], _of_sizes(here)
        if any(sizes[a] == 0 for a in axes):
            return _of_nothing(here)
        if not axes:
            return lambda x: x
        run = lambda x: fn(x, axes)  # noqa: E731
        return dtypes.ordered(run) if here.node.dtype == "uint64" else run

    return chosen


def _some(fn: Callable[..., Tensor], extremum: Callable[..., Tensor]) -> Callable[[Here], Callable[..., Tensor]]:
    """Of booleans: the extremum of their bytes takes a tenth of the time, where there are some."""

    def chosen(here: Here) -> Callable[..., Tensor]:
        axes, sizes = here.attrs["axes"], _of_sizes(here)
        if not axes:
            return lambda x: x
        if any(sizes[a] == 0 for a in axes) or here.node.inputs[0].dtype != "bool":
            return lambda x: fn(x, axes)
        return lambda x: extremum(x.view(torch.uint8), axes).view(torch.bool)

    return chosen


def _of_nothing(here: Here) -> Callable[..., Tensor]:
    def run(x: Tensor) -> Tensor:
        raise ValueError(f"{here.node.op.name} of nothing: the sizes are {tuple(x.shape)}")

    return run


def _arg(fn: Callable[..., Tensor]) -> Callable[[Here], Callable[..., Tensor]]:
    def chosen(here: Here) -> Callable[..., Tensor]:
        axis, dtype = here.attrs["axis"], here.node.inputs[0].dtype
        if _of_sizes(here)[axis] == 0:
            return _of_nothing(here)
        if dtype == "bool":
            return lambda x: fn(x.to(torch.uint8), axis).to(torch.int32)
        if dtype == "uint64":
            return lambda x: fn(x ^ -(1 << 63), axis).to(torch.int32)
        return lambda x: fn(x, axis).to(torch.int32)

    return chosen


def _cumulative(fn: Callable[..., Tensor]) -> Callable[[Here], Callable[..., Tensor]]:
    def chosen(here: Here) -> Callable[..., Tensor]:
        axis, dtype = here.attrs["axis"], here.node.dtype
        own = HELD[dtype]
        if dtype == "bool":
            return lambda x: fn(x, axis, dtype=torch.int32) != 0
        return dtypes.wraps(lambda x: fn(x, axis, dtype=own), dtype)

    return chosen


# ---- sorting and indexing ------------------------------------------------------------------------------------------


def _sort(here: Here) -> Callable[..., Tensor]:
    axis = here.attrs["axis"]
    run = lambda x: torch.sort(x, dim=axis, stable=True)[0]  # noqa: E731
    return dtypes.ordered(run) if here.node.dtype == "uint64" else run


def _in_order(here: Here) -> Callable[[Tensor], Tensor]:
    """A tensor as one that PyTorch sorts as NumPy does its values."""
    return (lambda x: x ^ -(1 << 63)) if here.node.inputs[0].dtype == "uint64" else lambda x: x


def _argsort(here: Here) -> Callable[..., Tensor]:
    axis, ordered = here.attrs["axis"], _in_order(here)
    return lambda x: torch.sort(ordered(x), dim=axis, stable=True)[1].to(torch.int32)


def _top_k(here: Here) -> Callable[..., tuple[Tensor, Tensor]]:
    k, ordered = here.attrs["k"], _in_order(here)

    def run(x: Tensor) -> tuple[Tensor, Tensor]:
        keys = ordered(x)
        found = _greatest(keys, k) if _pays(keys) else _falling(keys)[..., :k]
        return torch.take_along_dim(x, found, -1), found.to(torch.int32)

    return run


def _falling(keys: Tensor) -> Tensor:
    """Where the elements of rows lie from the greatest on, of equal ones the first first; NaN is greater than all numbers."""
    rising = torch.sort(torch.flip(keys, (-1,)), dim=-1, stable=True)[1]
    return torch.flip(keys.shape[-1] - 1 - rising, (-1,))


_MANY = 256
"""Elements in a row from which on it pays not to sort it."""


def _pays(keys: Tensor) -> bool:
    """Whether the greatest are found by `_greatest`: on the processor, where nothing is traced, and without NaN."""
    if keys.device.type != "cpu" or torch.compiler.is_compiling() or keys.shape[-1] < _MANY or not keys.numel():
        return False
    return not (keys.is_floating_point() and torch.isnan(keys).any())


def _greatest(keys: Tensor, k: int) -> Tensor:
    """The first k of `_falling`: all above the k-th, and as many of those that equal it as are needed, the first ones; they alone are sorted."""
    if not k:
        return torch.zeros((*keys.shape[:-1], 0), dtype=torch.int64)
    last = torch.topk(keys, k, dim=-1)[0][..., -1:]
    above, level = keys > last, keys == last
    level &= level.cumsum(-1) <= k - above.sum(-1, keepdim=True)
    places = (above | level).nonzero()[:, -1].reshape(*keys.shape[:-1], k)
    return torch.take_along_dim(places, _falling(torch.take_along_dim(keys, places, -1)), -1)


class Indexing:
    """Functions that read and write at indices.

    Args:
        is_safe: whether indices have been looked at before; if not, those out of range are brought within it, and refused afterwards.
    """

    def __init__(self, is_safe: bool):
        self.is_safe = is_safe

    def positive(self, indices: Tensor, size: int) -> Tensor:
        """Those from 0 on, in int64."""
        indices = indices.to(torch.int64)
        indices = torch.where(indices < 0, indices + size, indices)
        return indices if self.is_safe else indices.clamp(0, max(size - 1, 0))

    def gather(self, table: Tensor, indices: Tensor) -> Tensor:
        where = self.positive(indices, table.shape[0])
        if not self.is_safe and table.shape[0] == 0:
            return table.new_zeros((*indices.shape, *table.shape[1:]))
        return torch.index_select(table, 0, where.reshape(-1)).reshape((*indices.shape, *table.shape[1:]))

    def scatter_add(self, indices: Tensor, values: Tensor, rows: int) -> Tensor:
        shape = values.shape[indices.ndim :]
        out = values.new_zeros((rows, *shape))
        if not self.is_safe and rows == 0:
            return out
        return out.index_put_((self.positive(indices, rows),), values, accumulate=True)

    def combine_rows(self, indices: Tensor, values: Tensor, rows: int) -> Tensor:
        flat = self.positive(indices, rows).reshape(-1)
        each = values.reshape(flat.shape[0], *values.shape[indices.ndim :])
        first = torch.searchsorted(torch.sort(flat)[0], flat)  # a number for each row that occurs
        return torch.zeros_like(each).index_put_((first,), each, accumulate=True)[first].reshape(values.shape)

    def set_rows(self, table: Tensor, indices: Tensor, rows: Tensor, guard: Tensor | None = None) -> Tensor:
        if not self.is_safe and table.shape[0] == 0:
            return table
        if guard is not None and not (self.is_safe and not torch.isnan(guard).any()):
            table = torch.where(torch.isnan(guard), guard, table)
        return table.index_put((self.positive(indices, table.shape[0]),), rows)

    def take_along_axis(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        if not self.is_safe and x.shape[axis] == 0:
            return x.new_zeros(indices.shape)
        return torch.gather(x, axis, self.positive(indices, x.shape[axis]))

    def add_along_axis(self, indices: Tensor, values: Tensor, axis: int, size: int) -> Tensor:
        out = values.new_zeros((*values.shape[:axis], size, *values.shape[axis + 1 :]))
        if not self.is_safe and size == 0:
            return out
        return out.scatter_add_(axis, self.positive(indices, size), values)


# ---- random bits ---------------------------------------------------------------------------------------------------

_WORDS = philox.Words(dtypes.signed, dtypes.shifted_by)


def bits_on_host(state: Tensor, stream: int, shape: tuple[int, ...], dtype: str) -> Tensor:
    """Where numbers are on the host anyway."""
    return torch.from_numpy(dtypes.held(philox.on_host(state.numpy().view(np.uint64), stream, shape, dtype)))


def bits_on_device(state: Tensor, stream: int, shape: tuple[int, ...], dtype: str) -> Tensor:
    """Where the state is, in int64 that stand for uint64 bit by bit."""
    count, words, blocks = philox.sizes(shape, dtype)
    first = torch.arange(1, blocks + 1, dtype=torch.int64, device=state.device)
    zero = torch.zeros_like(first)
    key = [state[0], torch.full((), dtypes.signed(stream), dtype=torch.int64, device=state.device)]
    drawn = torch.stack(_WORDS.block([first, zero + state[1], zero, zero], key), 1).reshape(-1)[:words]
    bits = 8 * np.dtype(dtype).itemsize
    if bits < 64:  # the parts of each word, the lowest first
        parts = [(drawn >> by) & ((1 << bits) - 1) for by in range(0, 64, bits)]
        drawn = torch.stack(parts, 1).reshape(-1).to(torch.int32 if bits == 16 else torch.int64)
    return drawn[:count].reshape(shape)


# ---- products and activations --------------------------------------------------------------------------------------


def _matmul(here: Here) -> Callable[..., Tensor]:
    swap_a, swap_b, dtype = here.attrs["transpose_a"], here.attrs["transpose_b"], here.node.dtype
    if dtype == "bool":
        return lambda a, b: _product(a.to(torch.int32), b.to(torch.int32), swap_a, swap_b) != 0
    if len(here.node.shape) == 2 and not swap_a and not swap_b and dtype not in dtypes.WIDE:
        return torch.mm
    return dtypes.wraps(lambda a, b: _product(a, b, swap_a, swap_b), dtype)


def _product(a: Tensor, b: Tensor, swap_a: bool, swap_b: bool) -> Tensor:
    return torch.matmul(a.mT if swap_a else a, b.mT if swap_b else b)


def _gelu(x: Tensor, approximate: bool = True) -> Tensor:
    if approximate:
        return functional.gelu(x, approximate="tanh")
    return functional.gelu(x)


def _relu_gradient(dy: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """Where y is NaN PyTorch's own lets the gradient through."""
    known = torch.nan_to_num(y, nan=0.0)
    if out is None:
        return torch.ops.aten.threshold_backward(dy, known, 0)
    return torch.ops.aten.threshold_backward.grad_input(dy, known, 0, grad_input=out)


def _solve_triangular(a: Tensor, b: Tensor, lower: bool, transpose: bool) -> Tensor:
    """By the general solver, which refuses a zero on the diagonal."""
    t = torch.tril(a) if lower else torch.triu(a)
    return torch.linalg.solve(t.mT if transpose else t, b)


def _lu(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Also of singular matrices; PyTorch counts rows from 1."""
    both, pivots, _ = torch.linalg.lu_factor_ex(x)
    rows = torch.lu_unpack(both, pivots, unpack_data=False)[0].argmax(-2)
    return both, pivots - 1, rows.to(torch.int32)


def _fft(real: Tensor, imaginary: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
    if not real.numel():  # MKL refuses no rows
        return real, imaginary
    x = torch.complex(real, imaginary)
    y = torch.fft.ifft(x, norm="forward") if inverse else torch.fft.fft(x)
    return y.real, y.imag


MATRICES: dict[str, Callable[..., Any]] = {
    "cholesky": lambda x: torch.linalg.cholesky((x + x.mT) / 2), "solve": torch.linalg.solve, "solve_triangular": _solve_triangular,
    "det": torch.linalg.det, "slogdet": lambda x: tuple(torch.linalg.slogdet(x)), "pinv": lambda x, rcond: torch.linalg.pinv(x, rtol=rcond),
    "eigh": lambda x: tuple(torch.linalg.eigh((x + x.mT) / 2)), "eig": lambda x: tuple(torch.linalg.eig(x)),
    "svd": lambda x, full: tuple(torch.linalg.svd(x, full_matrices=full)),
    "qr": lambda x, complete: tuple(torch.linalg.qr(x, mode="complete" if complete else "reduced")), "lu": _lu,
}  # fmt: skip
TAKE_OUT = frozenset({
    "add", "subtract", "multiply", "divide", "negative", "absolute", "square", "reciprocal", "maximum", "minimum", "exp", "expm1", "log", "log1p",
    "sqrt", "tanh", "sin", "cos", "where", "sigmoid", "relu", "relu_gradient",
})  # fmt: skip
"""Ops whose functions PyTorch lets write where they are told."""
_APART = frozenset({
    "matmul", "conv", "conv_input_grad", "conv_filter_grad", "max_pool", "max_pool_grad", "sum_pool", "sum_pool_grad", "gather", "scatter_add",
    "softmax", "log_softmax", "relu", "sigmoid", "gelu", "softmax_gradient", "relu_gradient", "gelu_gradient", "argmax", "argmin", "random_bits",
})  # fmt: skip
"""Ops that give storage of their own, beside elementwise ones."""


class TorchFunctions(Functions):
    """See `symkeras.backend.engine.walk.Functions`.

    Args:
        device: where constants live.
        raises_at_once: whether indices are looked at before they are used: where numbers are on the host, and nothing is traced.
        takes_out: whether results may be written over operands: where nothing is traced.
    """

    def __init__(self, device: torch.device, raises_at_once: bool, takes_out: bool = False):
        self.device = device
        self.raises_at_once = raises_at_once
        self.takes_out = TAKE_OUT if takes_out else frozenset()
        at = Indexing(raises_at_once)
        self.plain: dict[str, Callable[..., Any]] = {
            **NOTHING, "laid_out": lambda x, **_: x, "where": select if raises_at_once else torch.where,
            "reshape": lambda x, shape: x.reshape(shape), "transpose": lambda x, axes: x.permute(axes),
            "broadcast_to": lambda x, shape: x.expand(shape), "flip": lambda x, axes: torch.flip(x, axes), "pad": _pad,
            "concatenate": lambda *x, axis: torch.cat(x, axis),
            "gather": at.gather, "scatter_add": at.scatter_add, "combine_rows": at.combine_rows, "set_rows": at.set_rows,
            "take_along_axis": at.take_along_axis, "add_along_axis": at.add_along_axis,
            "conv": convolution.conv, "conv_input_grad": convolution.conv_input_grad, "conv_filter_grad": convolution.conv_filter_grad,
            "max_pool": convolution.max_pool, "max_pool_grad": convolution.max_pool_grad, "max_pool_select": convolution.max_pool_select,
            "sum_pool": convolution.sum_pool, "sum_pool_grad": convolution.sum_pool_grad,
            "random_bits": bits_on_host if raises_at_once else bits_on_device,
            "softmax": lambda x, axis=-1: torch.softmax(x, axis), "log_softmax": lambda x, axis=-1: torch.log_softmax(x, axis),
            "relu": lambda x, out=None: torch.clamp_min(x, 0, out=out), "sigmoid": torch.sigmoid, "gelu": _gelu,
            "softmax_gradient": lambda dy, y, axis=-1: torch.ops.aten._softmax_backward_data(dy, y, axis, y.dtype),
            "relu_gradient": _relu_gradient, "gelu_gradient": torch.ops.aten.gelu_backward,
            **MATRICES, "fft": _fft,
        }  # fmt: skip
        self.special: dict[str, Callable[[Here], Callable[..., Any]]] = {
            **elementwise.SPECIAL, "slice": _slice, "sum": _sum, "prod": _prod, "max": _extremum(torch.amax), "min": _extremum(torch.amin),
            "any": _some(torch.any, torch.amax), "all": _some(torch.all, torch.amin),
            "argmax": _arg(torch.argmax), "argmin": _arg(torch.argmin), "cumsum": _cumulative(torch.cumsum),
            "cumprod": _cumulative(torch.cumprod), "sort": _sort, "argsort": _argsort, "top_k": _top_k, "matmul": _matmul,
            "scan": control.scan, "cond": control.cond, "while_loop": control.while_loop,
        }  # fmt: skip

    def is_apart(self, node: Node) -> bool:
        if node.op.name == "cast":
            return HELD[node.dtype] != HELD[node.inputs[0].dtype]
        if node.op.name == "sum":
            return bool(node.attrs["axes"])
        return node.op.name in _APART or (node.op.name in elementwise.SPECIAL and not node.inputs[0].dtype.startswith("u")) or node.op.name == "where"

    def constant(self, array: Any) -> Tensor:
        return dtypes.tensor(np.asarray(array), self.device)

    def extent(self, indices: Tensor) -> Any:
        if self.raises_at_once:
            low, high = torch.aminmax(indices)
            return low.item(), high.item()
        return torch.stack(torch.aminmax(indices)).to(torch.int64)
