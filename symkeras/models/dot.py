"""`model_to_dot`: the layers of a model as text for Graphviz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from symkeras.arguments import boolean, checked, one_of, positive_int
from symkeras.errors import ConfigError
from symkeras.graph.drawing import DIRECTIONS, Drawing
from symkeras.graph.escaping import printable
from symkeras.models.plotting import plot_model


class Dot:
    """A graph in the language of Graphviz; `to_string`, `write` and `write_raw` are those of pydot's `Dot`."""

    def __init__(self, text: str):
        self._text = text

    def to_string(self) -> str:
        """The graph as text."""
        return self._text

    __str__ = to_string

    def write(self, path: Any, prog: Any = None, format: str = "raw", encoding: str = "utf-8") -> bool:
        """Write the text to a file.

        Raises:
            ConfigError: another format than "raw", for which Graphviz itself is needed.
        """
        if format not in ("raw", "dot"):
            raise ConfigError(f"Dot.write gives the text for Graphviz, format 'raw', received {format!r}; plot_model draws without Graphviz")
        Path(path).write_text(self._text, encoding=encoding)
        return True

    write_raw = write


@checked(
    show_shapes=boolean, show_dtype=boolean, show_layer_names=boolean, rankdir=one_of(*DIRECTIONS), expand_nested=boolean, dpi=positive_int,
    subgraph=boolean, show_layer_activations=boolean, show_trainable=boolean,
)  # fmt: skip
def model_to_dot(model: Any, show_shapes: bool = False, show_dtype: bool = False, show_layer_names: bool = True, rankdir: str = "TB",
                 expand_nested: bool = False, dpi: int = 200, subgraph: bool = False, show_layer_activations: bool = False,
                 show_trainable: bool = False) -> Dot:  # fmt: skip
    """The layers of a model as text for Graphviz, which nothing needs to be installed for.

    Args:
        model: built, so that its layers are known.
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, show_layer_activations, show_trainable: as for `plot_model`.
        subgraph: whether the text is a cluster for another graph.

    Raises:
        ConfigError: a model that is not built.

    Example:
        >>> from symkeras import Input, Sequential, layers
        >>> print(model_to_dot(Sequential([Input((4,), name="x"), layers.Dense(2, name="y")], name="m")))
        digraph "m" {
          rankdir="TB"; dpi=200; node [shape="box"];
          0 [label="x (InputLayer)"];
          1 [label="y (Dense)"];
          0 -> 1;
        }
    """
    drawing: Drawing = plot_model(model, None, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, show_layer_activations,
                                  show_trainable)  # fmt: skip
    name = _quoted(f"cluster_{model.name}" if subgraph else model.name)
    lines = [f"{'subgraph' if subgraph else 'digraph'} {name} {{", f'  rankdir="{rankdir}"; dpi={dpi}; node [shape="box"];']
    lines += [f"  {k} [label={_quoted(*box.lines)}];" for k, box in enumerate(drawing.boxes)]
    lines += [f"  {a} -> {b};" for a, b in drawing.edges]
    return Dot("\n".join([*lines, "}"]))


def _quoted(*lines: str) -> str:
    """Lines as one text of the language, whatever is in them."""
    return '"' + "\\n".join(printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'
