"""The symbolic graph: dims, dtypes, types, nodes, tensors, graphs, text and provenance. Nothing here computes."""

from symkeras.graph.dims import Dim, Size, symbol
from symkeras.graph.graph import Graph
from symkeras.graph.node import Literal, Node, make, reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType

__all__ = ["Dim", "Graph", "Literal", "Node", "Size", "Tensor", "TensorType", "make", "reachable", "symbol"]
