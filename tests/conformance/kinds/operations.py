"""Operations: values and gradients of what `operand_rows.py` draws for each."""

from __future__ import annotations

import inspect
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.kinds.decompositions import DETERMINED
from tests.conformance.kinds.kind import Case, Seen, called, function_script
from tests.conformance.kinds.operand_rows import drawn_for
from tests.conformance.sides import Side
from tests.conformance.written import Code, Made, at, realised, recast


class Operations:
    """An operation on arrays."""

    def draw(self, d: Drawing) -> Case:
        inputs, keywords = drawn_for(d)
        dtype = d.dtype(0.3, "float16", "bfloat16", "float64", "int32", "uint8", "int8", "int64")
        if dtype != "float32" and takes_other_dtypes(d.name, dtype):
            inputs = recast(inputs, dtype)
        return Case(self, d.path, d.turn, d.seed, Made(d.path), inputs, keywords)

    def observe(self, case: Case, side: Side) -> Seen:
        function = at(side.keras, case.path)

        def on_tensors(inputs: Any, keywords: Any) -> Any:
            inputs, keywords = written(inputs, side.keras), written(keywords, side.keras)
            outputs = function(*inputs, **keywords)
            determined = DETERMINED.get(case.path.rpartition(".")[2])
            return outputs if determined is None else determined(side.keras.ops, inputs, keywords, outputs)

        yield from called(side, on_tensors, (case.inputs, case.keywords))

    def script(self, case: Case) -> str:
        return function_script(case)


def takes_other_dtypes(name: str, dtype: str) -> bool:
    """Whether an operation is meant for numbers of a dtype."""
    return not (name in ROUNDED and "16" in dtype)


ROUNDED = {"view", "digitize", "searchsorted", "histogram", "top_k", "in_top_k", "argpartition", "isclose", "allclose", "unique"}
"""Operations whose result hangs on the last bit."""


def written(tree: Any, keras: Any) -> Any:
    """What is code in arguments, a function or a dtype, as that of a side; tensors stay."""
    if isinstance(tree, (Code, Made)):
        return realised(tree, keras)
    if isinstance(tree, (list, tuple)) and not hasattr(tree, "dtype"):
        return type(tree)(written(v, keras) for v in tree)
    if isinstance(tree, dict):
        return {name: written(v, keras) for name, v in tree.items()}
    return tree


def signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)
