"""Reverse-mode differentiation, graph to graph: gradients are ordinary nodes, so higher orders come for free."""

from symkeras.autodiff import loops as loops
from symkeras.autodiff.reverse import gradients, vjp
from symkeras.autodiff.tape import watchable

__all__ = ["gradients", "vjp", "watchable"]
