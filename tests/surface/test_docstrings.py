"""Public docstrings: every argument is explained, every error that a function raises itself is named, every example is run.

The names are those of the reference (`docs/site/names.py`), so every public name has its entry there once.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import sys
import textwrap
from functools import cache
from typing import Any

import pytest

from docs.site.names import Entry, entries, public
from docs.site.signatures import parameters
from tests.surface.names import recorded

OPERANDS = frozenset(["x", "x1", "x2", "y", "inputs", "y_true", "y_pred", "name"])
"""What a function computes with, so that its first sentence is about it; and the name of a layer, loss, metric or operation, everywhere the same."""
K_FUNCTIONS = "backend."
"""Their first sentence leads to an operation; arguments are those of Keras 2.0.4."""
GENERATED = frozenset({"applications"})
"""Modules that make functions with docstrings: examples are those of a maker, which `tests/applications` runs."""
SHOWN = ("losses", "metrics", "utils", "activations", "initializers", "regularizers", "constraints", "schedules", "callbacks",
         "optimizers", "saving", "random", *(page.place for page in entries() if page.place.startswith(("layers/", "ops/"))))
"""Pages on which every name has an example."""
_REFERENCE = re.compile(r"(?:those of|as for|as in|[Ss]ee|name for) `(\w+)`")

ENTRIES = [entry for page in entries().values() for entry in page]
BY_NAME = {entry.name: entry for entry in reversed(ENTRIES)}


@cache
def documentation(path: str) -> str:
    """A docstring, with those of the names that it refers to for its arguments."""
    own = inspect.getdoc(_at(path)) or ""
    return "\n".join([own, *(inspect.getdoc(BY_NAME[name].value) or "" for name in _REFERENCE.findall(own) if name in BY_NAME)])


@cache
def _paths() -> dict[str, Entry]:
    return {entry.path: entry for entry in ENTRIES}


def _at(path: str) -> Any:
    return _paths()[path].value


def named(path: str) -> set[str]:
    """The words of a docstring."""
    return set(re.findall(r"\w+", documentation(path)))


def arguments(value: Any) -> set[str]:
    """The names of what a function, or the making of a class's objects, takes."""
    return {p.name for p in parameters(value) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def raised(value: Any) -> set[str]:
    """The errors that a function, or the making of a class's objects, raises in its own body."""
    function = vars(value).get("__init__") if isinstance(value, type) else value
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError):
        return set()
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name) and call.func.id[0].isupper()}


@cache
def collected(module: str) -> str:
    """What the examples of a module run, as pytest collects them."""
    found = doctest.DocTestFinder().find(sys.modules[module])
    return "".join(example.source for test in found for example in test.examples)


def test_every_public_name_has_a_docstring() -> None:
    assert not [e.path for e in ENTRIES if not (e.value.__doc__ if isinstance(e.value, type) else inspect.getdoc(e.value))]


def test_every_name_of_keras_that_is_there_is_in_the_reference() -> None:
    from symkeras import not_offered

    there = {path for e in ENTRIES for path in (e.path, *e.aliases)}
    assert len(there) == sum(1 + len(e.aliases) for e in ENTRIES), "a name stands twice"
    names = [(module, name) for module, names in recorded().items() for name in names]
    assert not [f"{m}.{n}" for m, n in names if f"{m}.{n}".removeprefix(".") not in there and not not_offered.reason(m, n)]


def test_every_argument_is_explained() -> None:
    unexplained = {e.path: sorted(arguments(e.value) - named(e.path) - OPERANDS) for e in ENTRIES if not e.path.startswith(K_FUNCTIONS)}
    assert not {path: names for path, names in unexplained.items() if names}


def test_every_error_that_is_raised_is_named() -> None:
    unnamed = {e.path: sorted(raised(e.value) - named(e.path)) for e in ENTRIES if not e.path.startswith(K_FUNCTIONS)}
    assert not {path: names for path, names in unnamed.items() if names}


@pytest.mark.parametrize("place", SHOWN)
def test_every_name_of_a_page_has_an_example(place: str) -> None:
    names = next(names for page, names in entries().items() if page.place == place)
    assert not [e.path for e in names if not doctest.DocTestParser().get_examples(inspect.getdoc(e.value) or "")]


@pytest.mark.parametrize("module", ["preprocessing.text", "preprocessing.image", "preprocessing.sequence", "wrappers.scikit_learn"])
def test_modules_of_keras_2_are_in_the_reference(module: str) -> None:
    own = importlib.import_module(f"symkeras.{module}")
    there = {id(e.value) for e in ENTRIES}
    assert [name for name, _ in public(own)] and not [name for name, value in public(own) if id(value) not in there]


def test_every_example_is_run_by_pytest() -> None:
    lost = []
    for e in ENTRIES:
        examples = doctest.DocTestParser().get_examples(inspect.getdoc(e.value) or "")
        module = getattr(e.value, "__module__", "")
        if examples and e.path.partition(".")[0] not in GENERATED and examples[-1].source not in collected(module):
            lost.append(e.path)
    assert not lost


def test_errors_are_found_in_a_body() -> None:
    def refuses(given: str) -> None:
        if given:
            raise ValueError(given)
        raise error

    error = KeyError()
    assert raised(refuses) == {"ValueError"}
