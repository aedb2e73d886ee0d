"""Text from outside in Python, C, shell commands and names of files: it is never more than text there."""

from __future__ import annotations

import ast
import io
import shlex
import tokenize
from collections.abc import Iterator

import pytest

from symkeras.graph import escaping
from tests.hostile_names import HOSTILE, LINE_ENDS, WORDS, broken_in


@pytest.fixture(autouse=True)
def _nothing_ran() -> Iterator[None]:
    yield
    assert not broken_in()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_python_literal_is_the_text_itself(text: str) -> None:
    literal = escaping.python_literal(text)
    assert ast.literal_eval(literal) == text and literal.isascii() and literal.isprintable()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_comment_of_python_reaches_to_the_end_of_its_line(text: str) -> None:
    source = f"a = 1  # {escaping.comment(text)}\nb = 2\n"
    source.encode()
    assert len(source.splitlines()) == 2
    tokens = [t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type in (tokenize.NAME, tokenize.NUMBER)]
    assert tokens == ["a", "1", "b", "2"]
    assert len(ast.parse(source).body) == 2


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_docstring_holds_the_text_as_one_line(text: str) -> None:
    source = f'"""Model "{escaping.docstring(text)}" and more."""\nb = 2\n'
    body = ast.parse(source).body
    assert len(body) == 2 and len(source.splitlines()) == 2
    assert ast.literal_eval(source.splitlines()[0]) == f'Model "{escaping.printable(text)}" and more.'


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_comment_of_c_ends_where_we_end_it(text: str) -> None:
    inside = escaping.c_comment(text)
    comment = f"/* {inside} */"
    assert comment.index("*/") == len(comment) - 2 and "/*" not in comment[2:]
    assert "??" not in comment and len(comment.splitlines()) == 1


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_word_of_a_shell_is_one_word(text: str) -> None:
    assert shlex.split(f"cc {escaping.shell_word(text)} -o x") == ["cc", escaping.printable(text), "-o", "x"]


@pytest.mark.parametrize("text", [*HOSTILE, *WORDS], ids=ascii)
def test_a_file_name_is_short_plain_and_never_empty(text: str) -> None:
    name = escaping.file_name(text)
    assert 0 < len(name) <= escaping.MOST_IN_NAME and name.isascii() and name.replace("_", "a").isalnum()


@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
def test_nothing_that_ends_a_line_is_left(end: str) -> None:
    assert len(escaping.printable(f"a{end}b").splitlines()) == 1 and end not in escaping.printable(f"a{end}b")


def test_long_text_is_cut() -> None:
    assert len(escaping.printable("x" * 10**6)) == escaping.MOST_SHOWN
    assert len(escaping.ascii_words("x" * 10**6)) == escaping.MOST_IN_NAME


def test_no_two_dims_share_an_identifier() -> None:
    language = escaping.Language(["lambda", "int"], r"[a-z]\d+")
    names = ["lambda", "dim_lambda", "dim_dim_lambda", "x0", "dim_x0", "é", "e\u0301", "ﬁ", "fi", "x" * 100, "x" * 101, "dim_u78", "batch"]
    found = [language.symbol(n) for n in names]
    assert len(set(found)) == len(names)
    assert all(n.isidentifier() and n.isascii() and n not in language.words for n in found)
