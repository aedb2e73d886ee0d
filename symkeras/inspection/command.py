"""`symkeras inspect FILE`: what became of a saved model, as text, JSON or a page."""

from __future__ import annotations

import os
import sys
from typing import Any

from symkeras.errors import ConfigError, SymkerasError
from symkeras.graph.escaping import printable
from symkeras.inspection.data import SCHEMA, to_json, write


def inspect_file(
    file: str, as_json: bool = False, out: str | None = None, find: str | None = None, html: str | None = None, function: str | None = None
) -> int:
    """Print what the functions of a saved model were compiled to: predict, and of a compiled model train as well.

    Args:
        file: a `.keras` or `.h5` file, or a folder saved with `zipped=False`.
        as_json: whether JSON is written instead of screens of text.
        out: the file to write to; stdout when None.
        find: a layer, line, value, kernel, pass or rule, to be shown instead of the whole.
        html: the file to which the page of one function is written, instead of text.
        function: "predict" or "train" alone.

    Returns:
        The exit status: 2, with a line on stderr, for a file that cannot be read, a name that is not there, or a place that cannot be written.
    """
    try:
        if html is not None and (find is not None or out is not None):
            raise ConfigError("--html takes neither --find nor --out: the page has a search, and its path is that of --html")
        name, functions = _functions(file, function)
        if html is not None:
            which = "train" if "train" in functions else "predict"
            functions[which].report(html)
            text = f"{which}: {printable(html)}\n"
        else:
            text = _text(name, functions, as_json, find)
        if out is not None:
            write(text, out)
    except (SymkerasError, OSError) as error:
        print(f"symkeras inspect: {printable(error, 2000)}", file=sys.stderr)
        return 2
    if out is None:
        print(text, end="")
    return 0


def _functions(file: str, function: str | None) -> tuple[str, dict[str, Any]]:
    """The model's name, and name -> inspector of the functions asked for.

    Raises:
        ConfigError: training of a model that was saved without an optimizer and a loss.
    """
    from symkeras.saving.model_files import load_model

    if not os.path.exists(file):
        raise FileNotFoundError(f"there is no file {file!r}")
    model: Any = load_model(file)
    if function == "train" and not model.compiled:
        raise ConfigError(f"model {model.name!r} was saved without optimizer and loss: it has no training step")
    names = [function] if function is not None else ["predict", *(["train"] if model.compiled else [])]
    return model.name, {which: model.executable(which).inspect for which in names}


def _text(name: str, functions: dict[str, Any], as_json: bool, find: str | None) -> str:
    shown: dict[str, Any] = functions
    if find is not None:
        shown = _found(functions, find)
    if as_json:
        parts = {which: thing.to_dict() for which, thing in shown.items()}
        return to_json({"schema": SCHEMA, "model": name, "functions": parts})
    return "\n\n".join(f"{which}: {thing}" for which, thing in shown.items()) + "\n"


def _found(functions: dict[str, Any], find: str) -> dict[str, Any]:
    """What is called so, in the functions that have it.

    Raises:
        InspectionError: none has.
    """
    found, problem = {}, None
    for which, inspector in functions.items():
        try:
            found[which] = inspector.find(find)
        except SymkerasError as error:
            problem = error
    if not found and problem is not None:
        raise problem
    return found
