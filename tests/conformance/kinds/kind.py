"""What a kind of thing is to the suite."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tests.conformance.drawing import Drawing
from tests.conformance.sides import Side, flat
from tests.conformance.written import Array, Made

Seen = Iterator[tuple[str, Any]]


@dataclass
class Case:
    """One configuration of one public name.

    Args:
        kind: how it is observed.
        path: public name below `keras`.
        turn, seed: from which it follows.
        subject: what is made or called; for functions with no arguments of their own a `Made` that is not called.
        inputs: what it is called with.
        keywords: and by name.
        extra: what else the kind needs to know.
    """

    kind: Kind
    path: str
    turn: int
    seed: int
    subject: Made
    inputs: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.path}/{self.turn}"

    def observe(self, side: Side) -> Seen:
        return self.kind.observe(self, side)

    @property
    def call(self) -> str:
        """The call as code, with `thing` for what was made."""
        return f"thing({', '.join([*map(repr, self.inputs), *(f'{n}={v!r}' for n, v in self.keywords.items())])})"

    @property
    def shown(self) -> str:
        """Thing and call in one line."""
        if self.extra:
            return f"{self.subject!r}({', '.join(map(repr, self.inputs))}, **{ {**self.keywords, **self.extra}!r})"
        is_function = self.path.rpartition(".")[2][0].islower()
        return self.call.replace("thing", self.path, 1) if is_function else self.call.replace("thing", repr(self.subject), 1)

    def script(self) -> str:
        return self.kind.script(self)


class Kind(Protocol):
    def draw(self, d: Drawing) -> Case: ...

    def observe(self, case: Case, side: Side) -> Seen: ...

    def script(self, case: Case) -> str: ...

    def resumed(self, case: Case, path: Path, side: Side) -> dict[str, Any]:
        """What is computed from a file; of those that write one."""
        raise NotImplementedError


def script_of(case: Case) -> str:
    """What every kind prints: the thing, and its call."""
    return "\n".join(
        [
            "import numpy as np",
            "import keras, symkeras",
            "for keras in (symkeras, keras):",
            f"    thing = {case.subject!r}",
            f"    print({case.call})",
        ]
    )


def function_script(case: Case) -> str:
    """The call of a function, for either side."""
    return "\n".join(
        [
            "import numpy as np",
            "import keras, symkeras",
            "for keras in (symkeras, keras):",
            f"    thing = keras.{case.path}",
            f"    print({case.call})",
        ]
    )


def reference() -> Any:
    """Keras itself, whose signatures say what there is to draw."""
    return importlib.import_module("keras")


def gradients_of(side: Side, gradients: Any, sources: list[np.ndarray]) -> list[Any]:
    """Gradients as arrays; what does not depend on a source has zeros."""
    return [np.zeros_like(source) if g is None else side.numpy(g) for g, source in zip(gradients, sources, strict=True)]


def called(side: Side, function: Any, inputs: Any, variables: Any = (), state: Any = ()) -> Seen:
    """Values and gradients of a function of written inputs: `function(*inputs)`, arrays in whatever nesting."""
    arrays = [leaf.value for leaf in flat(list(inputs)) if isinstance(leaf, Array)]

    def on_arrays(*given: Any) -> Any:
        left = iter(given)
        return function(*_filled(list(inputs), left))

    outputs, gradients, after = side.differentiated(on_arrays, arrays, list(variables), list(state))
    for k, output in enumerate(flat(outputs)):
        yield f"value {k}", side.numpy(output)
    floats = [a for a in arrays if "float" in str(a.dtype)]
    if len(gradients):
        sources = floats + [side.numpy(v.value) for v in variables]
        for k, gradient in enumerate(gradients_of(side, gradients, sources)):
            yield f"gradient {f'of input {k}' if k < len(floats) else f'of {variables[k - len(floats)].path}'}", np.asarray(gradient)
    for v, value in zip(state, after, strict=True):
        yield f"state {v.path}", side.numpy(value)


def _filled(tree: Any, left: Iterator[Any]) -> Any:
    if isinstance(tree, Array):
        return next(left)
    if isinstance(tree, (list, tuple)):
        return type(tree)(_filled(v, left) for v in tree)
    if isinstance(tree, dict):
        return {name: _filled(tree[name], left) for name in sorted(tree)}
    return tree
