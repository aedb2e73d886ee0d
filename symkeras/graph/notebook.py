"""What notebooks show of an object: its text, and more of it to be unfolded."""

from __future__ import annotations

from symkeras.graph.escaping import markup

MOST_CHARACTERS = 200_000
"""Of a text that a notebook keeps: a cell is no place for a program of megabytes."""


def as_html(title: str, text: str, *details: tuple[str, str]) -> str:
    """`text` as it is, and below it each (title, text) of `details`, folded; empty ones are left out.

    >>> print(as_html("<a>", "one"))
    <details open><summary>&lt;a&gt;</summary><pre>one</pre></details>
    """
    folded = "".join(f"<details><summary>{markup(t)}</summary><pre>{_cut(x)}</pre></details>" for t, x in details if x)
    return f"<details open><summary>{markup(title)}</summary><pre>{_cut(text)}</pre>{folded}</details>"


def _cut(text: str) -> str:
    rest = len(text) - MOST_CHARACTERS
    return markup(text if rest <= 0 else f"{text[:MOST_CHARACTERS]}\nand {rest:,} more characters")
