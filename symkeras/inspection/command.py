"""`symkeras inspect FILE`: what became of a saved model, as text or JSON."""

from __future__ import annotations

import os
import sys
from typing import Any

from symkeras.errors import SymkerasError
from symkeras.graph.escaping import printable
from symkeras.inspection.data import SCHEMA, to_json, write


def inspect_file(file: str, as_json: bool = False, out: str | None = None, find: str | None = None) -> int:
    """Print what the functions of a saved model were compiled to: predict, and of a compiled model train as well.

    Args:
        file: a `.keras` or `.h5` file, or a folder saved with `zipped=False`.
        as_json: whether JSON is written instead of screens of text.
        out: the file to write to; stdout when None.
        find: a layer, line, value, kernel, pass or rule, to be shown instead of the whole.

    Returns:
        The exit status: 2, with a line on stderr, for a file that cannot be read, a name that is not there, or a place that cannot be written.
    """
    try:
        text = _text(file, as_json, find)
        if out is not None:
            write(text, out)
    except (SymkerasError, OSError) as error:
        print(f"symkeras inspect: {printable(error, 2000)}", file=sys.stderr)
        return 2
    if out is None:
        print(text, end="")
    return 0


def _text(file: str, as_json: bool, find: str | None) -> str:
    from symkeras.saving.model_files import load_model

    if not os.path.exists(file):
        raise FileNotFoundError(f"there is no file {file!r}")
    model: Any = load_model(file)
    functions = {which: model.executable(which).inspect for which in ("predict", *(["train"] if model.compiled else []))}
    shown: dict[str, Any] = functions
    if find is not None:
        shown = _found(functions, find)
    if as_json:
        parts = {which: thing.to_dict() for which, thing in shown.items()}
        return to_json({"schema": SCHEMA, "model": model.name, "functions": parts})
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
