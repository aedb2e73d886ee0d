"""Operations: values and gradients of what `operand_rows.py` draws for each."""

from __future__ import annotations

import inspect
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.kinds.kind import Case, Seen, called, function_script
from tests.conformance.kinds.operand_rows import drawn_for
from tests.conformance.sides import Side
from tests.conformance.written import Code, Made, at, realised


class Operations:
    """An operation on arrays."""

    def draw(self, d: Drawing) -> Case:
        inputs, keywords = drawn_for(d)
        return Case(self, d.path, d.turn, d.seed, Made(d.path), inputs, keywords)

    def observe(self, case: Case, side: Side) -> Seen:
        function = at(side.keras, case.path)

        def on_tensors(inputs: Any, keywords: Any) -> Any:
            return function(*written(inputs, side.keras), **written(keywords, side.keras))

        yield from called(side, on_tensors, (case.inputs, case.keywords))

    def script(self, case: Case) -> str:
        return function_script(case)


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
