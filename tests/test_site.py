"""The reference's pages: docstrings as Markdown, and calls as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docs.site.docstrings import items, markdown, sections
from docs.site.signatures import written

ROOT = Path(__file__).parents[1]
DOCSTRING = """The sum of (B, *S), see `add` and a[0] < b_c.

Args:
    x, y: operands,
        which are broadcast.
    **kwargs: those of `Layer`.

Input shape:
    (B, *S)

Raises:
    ShapeError: they do not fit.

Example:
    >>> add(1,
    ...     2)
    3
"""


def link(name: str) -> str | None:
    return "ops.md#add" if name == "add" else None


def test_sections_become_lists_and_code() -> None:
    assert markdown(DOCSTRING, link).splitlines() == [
        r"The sum of (B, \*S), see [`add`](ops.md#add) and a\[0\] &lt; b\_c.", "",
        "**Args**", "", "- `x`, `y`: operands, which are broadcast.", "- `**kwargs`: those of `Layer`.", "",
        "**Input shape**", "", r"(B, \*S)", "",
        "**Raises**", "", "- `ShapeError`: they do not fit.", "",
        "**Example**", "", "```pycon", ">>> add(1,", "...     2)", "3", "```",
    ]  # fmt: skip


def test_arguments_that_are_explained_together_are_one_item() -> None:
    assert items(sections(DOCSTRING)["Args"]) == [("x, y", "operands, which are broadcast."), ("**kwargs", "those of `Layer`.")]


def test_an_example_after_a_sentence_is_code_and_the_sentence_is_not() -> None:
    assert markdown("One.\n\nIt gives:\n>>> 1\n1\n\nMore.", link) == "One.\n\nIt gives:\n\n```pycon\n>>> 1\n1\n```\n\nMore.\n"


def test_calls_have_their_defaults_and_stars() -> None:
    def call(a: int, /, b: Any = 1.0, *, c: str = "x", **options: Any) -> None: ...

    assert written("f", call) == "```python\nf(a, /, b=1.0, *, c='x', **options)\n```\n"


def test_a_class_that_takes_anything_in_new_shows_its_init() -> None:
    class Kind:
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return super().__new__(cls)

        def __init__(self, units: int, name: str = "kind"): ...

        def method(self, other: int) -> None: ...

    assert written("Kind", Kind) == "```python\nKind(units, name='kind')\n```\n"
    assert written("method", Kind.method, method=True) == "```python\nmethod(other)\n```\n"


def test_every_page_is_in_the_list_of_the_site() -> None:
    docs, listed = ROOT / "docs", (ROOT / "mkdocs.yml").read_text()
    pages = [page.relative_to(docs).as_posix() for page in docs.rglob("*.md")]
    assert pages and not [page for page in pages if page not in listed]
