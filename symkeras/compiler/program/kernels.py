"""What lowering must know of a backend's kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from symkeras.compiler.program.fusion import FusionGroup
from symkeras.compiler.program.program import Step, Value
from symkeras.graph.dims import Dim
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType


class Kernels(Protocol):
    """Answers of a backend, for lowering."""

    def scratch(self, node: Node) -> Sequence[TensorType]:
        """Working storage the kernel of `node` wants."""
        ...

    def fused_scratch(self, fused: FusionGroup) -> Sequence[TensorType]:
        """Working storage the kernel of a fusion group wants."""
        ...

    def writes_pieces(self, step: Step) -> bool:
        """Whether the results of a step may be pieces of rows of a larger one (not contiguous)."""
        ...

    def writes_strided(self, node: Node) -> bool:
        """Whether the result may lie in another order of axes, one of its last two innermost."""
        ...

    def accepts(self, node: Node, position: int, value: Value) -> bool:
        """Whether the kernel of `node` takes this view that is not contiguous as an input."""
        ...

    def in_place(self, node: Node) -> Sequence[int]:
        """The inputs whose storage the result may take over, where the types are equal."""
        ...

    def may_group(self, node: Node) -> bool:
        """Whether the kernel of an elementwise node can run on stretches of rows."""
        ...

    def group_pays(self, steps: Sequence[Step]) -> bool:
        """Whether steps over one shape are worth running stretch by stretch."""
        ...

    def least_samples(self, step: Step, samples: Dim) -> int:
        """The fewest samples that a call of a step's kernel is worth; 0 where it cannot be told which samples to do (see `batch_tiling`)."""
        ...

    @property
    def members(self) -> int:
        """The most threads that share a kernel."""
        ...

    def may_fuse(self, node: Node) -> bool:
        """Whether a node can be part of a fusion group that one kernel computes (see `fusion`)."""
        ...

    def checks(self, node: Node) -> bool:
        """Whether an elementwise op that it does not fuse is computed alone, behind a step "check" that looks at its last input."""
        ...

    def row_passes(self) -> bool:
        """Whether updates of tables can be made row by row (see `row_updates`)."""
        ...

    def keeps(self) -> bool:
        """Whether an arena keeps from call to call what depends on variables alone (see `Preparation`)."""
        ...

    def ready_input(self, step: Step) -> int | None:
        """The input from which alone a kernel makes its first scratch, which then is good for many calls; None where there is none."""
        ...

    def ready_scratch(self, step: Step) -> Sequence[TensorType]:
        """Working storage that comes first where a kernel is made ready, and that it does without elsewhere."""
        ...

    def inline_control(self, node: Node) -> bool:
        """Whether a scan, branch or while loop becomes steps of the program (else it is one kernel)."""
        ...


def overwritable(step: Step, out: Value, kernels: Kernels) -> Sequence[int]:
    """The inputs whose storage a result of a step may take over, where the types are equal."""
    if step.fused is not None:
        return step.fused.overwritable(step.fused.results[step.outputs.index(out)])
    if step.kind == "combine":
        return (1,) if out is step.outputs[0] else ()
    return kernels.in_place(step.node) if step.kind == "kernel" else ()
