"""Reverse-mode differentiation, graph to graph: gradients are ordinary nodes, so higher orders come for free."""

from symkeras.autodiff import loops as loops
from symkeras.autodiff.reverse import gradients, vjp

__all__ = ["gradients", "vjp"]
