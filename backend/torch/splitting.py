"""Data parallelism on PyTorch: which values of a graph a process has by its rows alone, and where the processes must speak to each other.

A value whose first axis is the batch is *split*: a process has its own rows. All others are *whole*: every process has them. This follows from
types alone. An operation that treats rows apart runs on a process' own rows; a sum over the batch, and the products that give the gradients
of weights, are summed over the processes; for whatever else the rows are gathered, and it is computed whole. So each value is that of the whole
batch, however many rows each process has: means and batch statistics are over all rows, and random bits are drawn for the whole batch, of
which a process keeps those of its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from symkeras.backend.engine.shared import is_batch
from symkeras.backend.engine.walk import Functions, Here
from symkeras.backend.torch import elementwise
from symkeras.backend.torch.cluster import TorchCluster
from symkeras.backend.torch.functions import TorchFunctions, bits_on_host
from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType

_POINTWISE = frozenset({*elementwise.SPECIAL, "where", "relu", "sigmoid", "gelu", "stop_gradient", "boundary", "laid_out"})
_ALONG_AXIS = frozenset({"argmax", "argmin", "cumsum", "cumprod", "sort", "argsort", "softmax", "log_softmax"})
_REDUCTIONS = frozenset({"sum", "prod", "max", "min", "any", "all"})
_OF_IMAGES = frozenset({"conv", "conv_input_grad", "max_pool", "max_pool_grad", "max_pool_select", "sum_pool", "sum_pool_grad"})


def shares(rows: int, count: int) -> list[int]:
    """How many rows each process has: the first ones one more where they do not come out even."""
    return [rows // count + (k < rows % count) for k in range(count)]


def treats_rows_apart(n: Node, attrs: Mapping[str, Any]) -> bool:
    """Whether the rows of a split result follow from the same rows of split inputs, and from whole inputs."""
    name, split = n.op.name, [is_batch(i) for i in n.inputs]
    first = n.inputs[0] if n.inputs else n
    if name in _POINTWISE:
        return all(i.ndim == n.ndim if s else i.ndim < n.ndim or i.shape[0] == 1 for i, s in zip(n.inputs, split, strict=True))
    if name == "broadcast_to":
        return first.ndim == n.ndim if split[0] else first.ndim < n.ndim or first.shape[0] == 1
    if name == "matmul":
        if split[1]:  # a product for each row
            return split[0] and n.inputs[1].ndim == first.ndim > 2
        return split[0] and n.inputs[1].ndim == 2 and not (first.ndim == 2 and attrs["transpose_a"])
    if name == "gather":
        return split == [False, True]
    if name in _OF_IMAGES:
        return split[0] and all(s != (k == 1 and name.startswith("conv")) for k, s in enumerate(split))
    if not all(split):
        return False
    if name in _REDUCTIONS or name == "flip":
        return 0 not in attrs["axes"]
    if name in _ALONG_AXIS or name in ("take_along_axis", "add_along_axis", "concatenate"):
        return attrs.get("axis", -1) % first.ndim != 0
    if name == "slice":
        return attrs["starts"][0] == 0 and attrs["strides"][0] == 1 and n.shape[0] == first.shape[0]
    return {
        "reshape": True, "transpose": name == "transpose" and attrs["axes"][0] == 0, "top_k": first.ndim > 1,
        "pad": name == "pad" and not any(attrs["padding"][0]),
    }.get(name, False)  # fmt: skip


def is_sum_of_parts(n: Node, attrs: Mapping[str, Any]) -> bool:
    """Whether a whole result is the sum of what processes compute of their rows."""
    if not n.inputs or len(n.types) != 1 or is_batch(n) or not all(is_batch(i) for i in n.inputs) or n.dtype in ("bool", "int16", "uint64"):
        return False
    if n.op.name == "matmul":
        return n.ndim == 2 and n.inputs[0].ndim == n.inputs[1].ndim == 2 and attrs["transpose_a"] and not attrs["transpose_b"]
    return n.op.name in ("conv_filter_grad", "scatter_add") or (n.op.name == "sum" and 0 in attrs["axes"])


class SplitFunctions(Functions):
    """See `symkeras.backend.engine.walk.Functions`: for every op, what a process does.

    Args:
        cluster: the processes.
    """

    def __init__(self, cluster: TorchCluster):
        self.cluster = cluster
        self.inner = TorchFunctions(cluster.device, raises_at_once=False)
        if cluster.device.type == "cpu":
            self.inner.plain["random_bits"] = bits_on_host
        self.plain: Mapping[str, Callable[..., Any]] = {}
        self.special = dict.fromkeys([*self.inner.plain, *self.inner.special], self._chosen)

    def constant(self, array: Any) -> torch.Tensor:
        return self.inner.constant(array)

    def extent(self, indices: torch.Tensor) -> torch.Tensor:
        """Of this process' rows: nothing at all where it has none."""
        if indices.numel() == 0:
            most = torch.iinfo(torch.int64)
            return torch.tensor([most.max, most.min], device=indices.device)
        return self.inner.extent(indices)

    def _chosen(self, here: Here) -> Callable[..., Any]:
        n, rows = here.node, here.env.get("batch", 0)
        if not any(map(is_batch, n.inputs)) and not any(map(_is_split, n.types)):
            return self._function(here, here.env)
        own = {**here.env, "batch": shares(rows, self.cluster.count)[self.cluster.index]}
        if all(map(_is_split, n.types)) and treats_rows_apart(n, n.attrs):
            return self._function(here, own)
        if is_sum_of_parts(n, n.attrs):
            part = self._function(here, own)
            return lambda *x: self.cluster.total(part(*x).contiguous())
        return self._whole(here, rows)

    def _function(self, here: Here, env: Mapping[str, int]) -> Callable[..., Any]:
        """PyTorch's, for sizes that are all or those of a process."""
        attrs = {k: dims.evaluate(v, env) for k, v in here.node.attrs.items()}
        plain = self.inner.plain.get(here.node.op.name)
        if plain is not None:
            return lambda *x: plain(*x, **attrs)
        inner = Here(here.node, attrs, env, self.inner)
        run = self.inner.special[here.node.op.name](inner)
        here.checks += inner.checks
        here.walks += inner.walks
        return run

    def _whole(self, here: Here, rows: int) -> Callable[..., Any]:
        """On all rows, of which a process keeps its own of what is split."""
        run, types = self._function(here, here.env), here.node.types
        gathered = [is_batch(i) for i in here.node.inputs]
        counts = shares(rows, self.cluster.count)
        begin, own = sum(counts[: self.cluster.index]), counts[self.cluster.index]

        def kept(value: Any) -> Any:
            values = value if isinstance(value, (tuple, list)) else [value]
            found = [v.narrow(0, begin, own) if _is_split(t) else v for v, t in zip(values, types, strict=True)]
            return tuple(found) if isinstance(value, (tuple, list)) else found[0]

        def call(*x: torch.Tensor) -> Any:
            value = run(*(self.all_rows(a, counts) if g else a for a, g in zip(x, gathered, strict=True)))
            return (kept(value[0]), value[1]) if here.checks else kept(value)

        return call

    def all_rows(self, x: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
        """The rows of all processes, as bytes, in which every dtype travels."""
        rest = x.shape[1:]
        padded = x.new_zeros((max(counts), *rest))
        padded[: len(x)] = x
        if padded.numel() == 0:
            return x.new_zeros((sum(counts), *rest))
        parts = self.cluster.all_gather(padded.reshape(-1).view(torch.uint8))
        return torch.cat([part.view(x.dtype).reshape(padded.shape)[:n] for part, n in zip(parts, counts, strict=True)])


def _is_split(type: TensorType) -> bool:
    return len(type.shape) > 0 and type.shape[0] == dims.symbol("batch")
