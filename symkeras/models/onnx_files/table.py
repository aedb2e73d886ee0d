"""Which ONNX operators are covered, and what makes a value of each."""

from __future__ import annotations

from symkeras.models.onnx_files import classical, operators, products, recurrent, resizing, shapes, trees, windows
from symkeras.models.onnx_files.operators import Reader

TABLE: dict[str, Reader] = {
    **operators.TABLE, **shapes.TABLE, **windows.TABLE, **products.TABLE, **recurrent.TABLE, **resizing.TABLE, **classical.TABLE, **trees.TABLE,
}  # fmt: skip
