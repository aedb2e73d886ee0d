"""Differentiation in reverse, graph to graph: gradients are ordinary nodes, so higher orders come for free, and products with a Jacobian."""

from symkeras.autodiff import loops as loops
from symkeras.autodiff.forward import jvp
from symkeras.autodiff.reverse import gradients, vjp
from symkeras.autodiff.tape import watchable

__all__ = ["gradients", "jvp", "vjp", "watchable"]
