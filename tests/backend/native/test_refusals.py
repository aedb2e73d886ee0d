"""What the native backend refuses, wherever in a graph it stands: before anything is lowered, with the operation and its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph, export_graph
from symkeras.errors import BackendError
from symkeras.graph import Graph

HALVES: dict[str, Callable[[Any], Any]] = {
    "computed with": lambda x: ops.exp(ops.cast(x, "float16")),
    "copied in another order": lambda x: ops.reshape(ops.transpose(ops.cast(x[:, 1:3], "float16"), (1, 0)), (-1,)),
    "within a loop": lambda x: ops.scan(lambda c, row: (c + ops.cast(ops.cast(row, "float16"), "float32"), row), np.zeros(4, "float32"), x)[0],
}


@pytest.mark.parametrize("level", ["O0", "O1", "O2"])
@pytest.mark.parametrize("how", HALVES)
def test_numbers_of_16_bits_are_refused_with_the_line(how: str, level: str) -> None:
    x = ops.placeholder("f32[n, 4]", name="x")
    graph = Graph([x.node], [HALVES[how](x).node])
    with pytest.raises(BackendError, match=r"computes in .*cast \((\S*/)?test_refusals\.py:\d+\) has dtype float16: choose backend='numpy'"):
        compile_graph(graph, "native", level=level)


def test_an_exported_file_has_no_numbers_of_16_bits(tmp_path: Path) -> None:
    x = ops.placeholder("f32[batch, 4]", name="x")
    with pytest.raises(BackendError, match="has dtype float16"):
        export_graph(Graph([x.node], [HALVES["computed with"](x).node]), tmp_path / "half.c", "c")
