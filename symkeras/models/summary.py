"""The table that `Model.summary` prints: layers, output shapes, numbers of parameters, and what is connected to what."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from symkeras import config, tree
from symkeras.errors import ConfigError
from symkeras.graph.escaping import printable
from symkeras.graph.variable import Variable
from symkeras.layers.calls import CallRecord

UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
COLUMNS = (("Layer (type)", "<"), ("Output Shape", "<"), ("Param #", ">"))
LINE_LENGTH = 108
SHARES = {
    3: (0.45, 0.80, 1.0),
    4: (0.30, 0.56, 0.74, 1.0),
    5: (0.27, 0.50, 0.66, 0.88, 1.0),
    6: (0.22, 0.42, 0.55, 0.73, 0.86, 1.0),
    7: (0.20, 0.38, 0.50, 0.66, 0.78, 0.89, 1.0),
}
"""Where columns end, as shares of a given line, by the number of columns."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    layer: str
    shape: str
    params: str
    connected: str
    trainable: str
    flops: str = ""
    moved: str = ""


def print_summary(model: Any, line_length: int | None = None, positions: Sequence[float] | None = None,
                  print_fn: Callable[[str], Any] | None = None, expand_nested: bool = False, show_trainable: bool = False,
                  layer_range: Sequence[str] | None = None, costs: int | None = None) -> None:  # fmt: skip
    """Print the layers of a model, and how many parameters it has.

    Args:
        model: any model, built or not.
        line_length: of the printed lines; as wide as needed, at most 108, when None.
        positions: where the columns end, as shares of the line or in characters.
        print_fn: gets the whole text, instead of stdout.
        expand_nested: whether layers of models inside are shown.
        show_trainable: whether a column says which layers are trainable.
        layer_range: names (or regular expressions) of the first and the last layer shown.
        costs: rows of a batch for which columns say what a layer costs as compiled: floating-point operations and bytes read and written, of the
            training step (forward and backward together) where the model is compiled, else of a prediction.

    Raises:
        ConfigError: a range that fits no layers, or columns that are too narrow.
        InspectionError: `costs` for a backend that has no kernels, or for a model with other open sizes than the batch.
    """
    text = summary_text(model, line_length, positions, expand_nested, show_trainable, layer_range, costs)
    if print_fn is not None:
        print_fn(text)
    elif not config.is_interactive_logging_enabled():
        import logging

        logging.getLogger("symkeras").info(text)
    elif sys.stdout.isatty():
        _print_in_colour(text)
    else:
        print(text)


def summary_text(model: Any, line_length: int | None = None, positions: Sequence[float] | None = None, expand_nested: bool = False,
                 show_trainable: bool = False, layer_range: Sequence[str] | None = None, costs: int | None = None) -> str:  # fmt: skip
    """What `print_summary` prints."""
    records = _records(model)
    connected = not is_chain(model)
    layers = _chosen(model.layers, layer_range)
    spent = _costs(model, costs) if costs is not None else {}
    rows = [row for layer in layers for row in _rows(layer, records, expand_nested, spent)]
    header = [*COLUMNS, *([("Connected to", "<")] if connected else []), *([("Trainable", "^")] if show_trainable else [])]
    header += [("FLOPs", ">"), ("Bytes", ">")] if costs is not None else []
    cells = [[r.layer, r.shape, r.params, *([r.connected] if connected else []), *([r.trainable] if show_trainable else []),
              *([r.flops, r.moved] if costs is not None else [])] for r in rows]  # fmt: skip
    widths = _widths(header, cells, line_length, positions)
    return "\n".join([f'Model: "{printable(model.name)}"', *_box(header, cells, widths), *_totals(model)])


# ---- what is shown -----------------------------------------------------------------------------------------------


def _records(model: Any) -> dict[int, list[CallRecord]]:
    """The calls of each layer (by id) that a functional or built sequential model is made of."""
    graph = getattr(model, "_functional", None) or model
    found: dict[int, list[CallRecord]] = {}
    for record in getattr(graph, "_records", None) or ():
        found.setdefault(id(record.layer), []).append(record)
    return found


def is_chain(model: Any) -> bool:
    """Whether every layer is called once, on the output of the layer before it alone."""
    from symkeras.models.functional import Functional

    if not isinstance(model, Functional):
        return True
    is_single = all(len(calls) == 1 and len(calls[0].inputs) == 1 for calls in _records(model).values())
    sources = [source for calls in _records(model).values() for source in _sources(calls)]
    return is_single and len(model.inputs) == 1 and len(sources) == len(set(sources))


def _costs(model: Any, batch: int) -> dict[str, tuple[int, int]]:
    """Layer path -> floating-point operations and bytes, of the layer and all within it."""
    layers = model.executable("train" if model.compiled else "predict").inspect.cost(batch=batch).layers
    found: dict[str, tuple[int, int]] = {}
    for row in layers:
        parts = row["layer"].split("/")
        for k in range(1, len(parts) + 1):
            flops, moved = found.get(path := "/".join(parts[:k]), (0, 0))
            found[path] = flops + row["flops"], moved + row["read"] + row["written"]
    return found


def _rows(
    layer: Any, records: dict[int, list[CallRecord]], expand_nested: bool, costs: dict[str, tuple[int, int]], outer: tuple[str, ...] = ()
) -> Iterator[Row]:
    depth = len(outer)
    calls = records.get(id(layer), [])
    prefix = "   " * depth + "└ " if depth else ""
    params = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)" if _makes_weights(layer) else "0"
    sources = ", ".join(_sources(calls))
    trainable = ("Y" if layer.trainable else "N") if layer.weights else "-"
    flops, moved = costs.get("/".join([*outer, layer.name]), (0, 0))
    title = f"{prefix}{printable(layer.name)} ({type(layer).__name__})"
    yield Row(title, _shape(layer, calls), params, sources or "-", trainable, f"{flops:,}", f"{moved:,}")
    inner = getattr(layer, "layers", None)
    if expand_nested and inner:
        for one in inner:
            yield from _rows(one, _records(layer), True, costs, (*outer, layer.name))


def _sources(calls: Sequence[CallRecord]) -> list[str]:
    """`layer[call][output]` for every output of a layer that the calls read, also through plain operations."""
    from symkeras.models.layer_order import parents_of

    names: dict[str, None] = {}
    for call in calls:
        for t in call.inputs:
            if t._keras_history is not None:
                h = t._keras_history
                names[f"{printable(h.operation.name)}[{h.node_index}][{h.tensor_index}]"] = None
            else:
                for parent in parents_of(t.node):
                    names[f"{printable(parent.layer.name)}[{parent.layer._inbound_nodes.index(parent)}][0]"] = None
    return list(names)


def _makes_weights(layer: Any) -> bool:
    from symkeras.layers.layer import Layer

    return type(layer).build is not Layer.build


def _shape(layer: Any, calls: Sequence[CallRecord]) -> str:
    calls = calls or layer._inbound_nodes
    try:
        shapes = tree.map_structure(lambda t: tuple(t.shape), calls[-1].output_structure) if calls else _computed_shape(layer)
    except Exception:
        return "?"
    return "?" if shapes is None else str(shapes)


def _computed_shape(layer: Any) -> Any:
    """The output shape of a layer that was only built, for the batch size it was built with left open."""
    shapes = layer._input_shapes
    if not shapes:
        return None
    from symkeras.layers.shapes import map_shapes

    return layer.compute_output_shape(map_shapes(lambda s: (None, *s[1:]), shapes[0]))


def _chosen(layers: Sequence[Any], layer_range: Sequence[str] | None) -> list[Any]:
    """The layers from the first that fits the first name to the last that fits the second."""
    if layer_range is None:
        return list(layers)
    if len(layer_range) != 2 or not all(isinstance(n, str) for n in layer_range):
        raise ConfigError(f"layer_range is two names, of the first and the last layer, received {layer_range!r}")
    starts, ends = ([k for k, layer in enumerate(layers) if re.match(pattern, layer.name)] for pattern in layer_range)
    if not starts or not ends:
        raise ConfigError(f"layer_range {list(layer_range)} fits no layer among {', '.join(layer.name for layer in layers)}")
    first, last = min(starts), max(ends)
    return list(layers[min(first, last) : max(first, last) + 1])


# ---- totals ------------------------------------------------------------------------------------------------------


def count_params(weights: Iterable[Variable]) -> int:
    """Number of elements in all weights, each weight once.

    >>> import numpy as np
    >>> count_params([Variable(np.zeros((2, 3))), Variable(np.zeros(4))])
    10
    """
    return sum(v.size for v in {v.uid: v for v in weights}.values())


def memory_of(weights: Iterable[Variable]) -> int:
    """Bytes of all weights, each weight once."""
    return sum(v.array.nbytes for v in {v.uid: v for v in weights}.values())


def readable_size(size: float) -> str:
    """Bytes in the largest unit that leaves at least one.

    >>> readable_size(3 * 1024 * 1024)
    '3.00 MB'
    """
    k = 0
    while size >= 1024 and k < len(UNITS) - 1:
        size, k = size / 1024, k + 1
    return f"{size:.2f} {UNITS[k]}"


def _totals(model: Any) -> Iterator[str]:
    optimizer = getattr(model, "optimizer", None)
    slots = list(optimizer.variables) if optimizer is not None and optimizer.built else []
    trainable, others = list(model.trainable_weights), list(model.non_trainable_weights)
    groups = [("Total", [*trainable, *others, *slots]), ("Trainable", trainable), ("Non-trainable", others)]
    for name, weights in groups + ([("Optimizer", slots)] if slots else []):
        yield f" {name} params: {count_params(weights):,} ({readable_size(memory_of(weights))})"


# ---- the box -----------------------------------------------------------------------------------------------------


def _widths(header: Sequence[tuple[str, str]], cells: Sequence[Sequence[str]], line_length: int | None,
            positions: Sequence[float] | None) -> list[int]:  # fmt: skip
    """Characters per column: what the contents need, the widest columns narrowed until the line fits, or what `positions` says."""
    if positions is None and line_length is None:
        widths = [max(len(title), *(len(row[k]) for row in cells)) if cells else len(title) for k, (title, _) in enumerate(header)]
        space = min(LINE_LENGTH, shutil.get_terminal_size().columns if sys.stdout.isatty() else LINE_LENGTH) - 3 * len(header) - 1
        while sum(widths) > space:
            widths[widths.index(max(widths))] -= 1
        return _checked(widths, space)
    line_length = line_length or LINE_LENGTH
    ends = list(positions or SHARES[len(header)])
    if len(ends) != len(header):
        raise ConfigError(f"summary: positions has {len(ends)} entries, the table {len(header)} columns")
    stops = [int(p * line_length) if max(ends) <= 1 else int(p) for p in ends]
    return _checked([stop - start - 3 for start, stop in zip([1, *stops], stops, strict=False)], line_length)


def _checked(widths: list[int], length: int) -> list[int]:
    if min(widths) < 4:
        raise ConfigError(f"summary: a line of {length} characters is too narrow for {len(widths)} columns")
    return widths


def _box(header: Sequence[tuple[str, str]], cells: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    def rule(left: str, line: str, cross: str, right: str) -> str:
        return left + cross.join(line * (w + 2) for w in widths) + right

    yield rule("┏", "━", "┳", "┓")
    yield from _lines([title for title, _ in header], header, widths, "┃")
    yield rule("┡", "━", "╇", "┩")
    for k, row in enumerate(cells):
        if k:
            yield rule("├", "─", "┼", "┤")
        yield from _lines(row, header, widths, "│")
    yield rule("└", "─", "┴", "┘")


def _lines(row: Sequence[str], header: Sequence[tuple[str, str]], widths: Sequence[int], bar: str) -> Iterator[str]:
    """A row of cells, over as many lines as its longest cell needs."""
    wrapped = [_wrapped(cell, w) for cell, w in zip(row, widths, strict=True)]
    for k in range(max(map(len, wrapped))):
        parts = [f"{lines[k] if k < len(lines) else '':{align}{w}}" for lines, (_, align), w in zip(wrapped, header, widths, strict=True)]
        yield f"{bar} " + f" {bar} ".join(parts) + f" {bar}"


def _wrapped(cell: str, width: int) -> list[str]:
    indent = cell[: len(cell) - len(cell.lstrip())]
    return textwrap.wrap(cell.strip(), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _print_in_colour(text: str) -> None:
    import rich.console
    import rich.text

    coloured = rich.text.Text(text)
    for pattern, style in ((r"^Model: .*$", "bold"), (r"(?m)^ [A-Z][\w-]* params:", "bold"), (r"(?<=\()[A-Z]\w+(?=\))", "color(33)"),
                           (r"\bNone\b", "color(45)"), (r"\b\d[\d,.]*\b", "color(34)"), (r"(?m)^┃.*┃$", "bold")):  # fmt: skip
        coloured.highlight_regex(pattern, style)
    rich.console.Console(highlight=False, soft_wrap=True).print(coloured)
