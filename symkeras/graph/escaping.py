"""Text from outside on its way into text that something else reads.

Names of models, layers, inputs, variables, outputs, dims and files, and users' lines, may come from a file that a stranger
wrote. Into emitted Python and C, exported files, pages, drawings, the text of graphs, shell commands and file names they go
through these functions only: as an escaped literal, in a comment that they cannot end, or as an identifier that means nothing else there.
"""

from __future__ import annotations

import hashlib
import html
import re
import shlex
from collections.abc import Iterable

MOST_SHOWN = 200
"""Characters of a text that a comment or a title keeps."""
MOST_IN_NAME = 60
"""Characters of an identifier or a file name made from a text."""


def printable(text: object, most: int = MOST_SHOWN) -> str:
    r"""`text` on one line: what is not printable (line ends of all kinds, NUL, marks of direction, lone surrogates) is escaped.

    >>> printable("two\nlines\u2028")
    'two\\nlines\\u2028'
    """
    text = str(text)
    if len(text) > most:
        text = f"{text[: most - 3]}..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def python_literal(text: str) -> str:
    """`text` as a Python string literal in ASCII.

    >>> print(python_literal("it's"), python_literal("ü"))
    "it's" '\\xfc'
    """
    return ascii(str(text))


def comment(text: object) -> str:
    """`text` behind `#`, which reaches to the end of a line."""
    return printable(text)


def docstring(text: object) -> str:
    """`text` within a Python string in three double quotes: neither a quote nor a backslash of it is one there.

    >>> print(docstring('say "x"'))
    say \\"x\\"
    """
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def c_comment(text: object) -> str:
    """`text` within a comment of C: it does not end there, begins no other, and has no trigraph.

    >>> c_comment("a */ b /* c ??/")
    'a * / b / * c ? ?/'
    """
    shown = printable(text).replace("*/", "* /").replace("/*", "/ *")
    return re.sub(r"\?(?=\?)", "? ", shown)


def markup(text: object) -> str:
    r"""`text` within an element or a quoted attribute of HTML, SVG or XML: it ends neither, and what is not printable but line ends is escaped.

    >>> print(markup('</pre><a b="\\x00">'))
    &lt;/pre&gt;&lt;a b=&quot;\\x00&quot;&gt;
    """
    return html.escape("\n".join(printable(line, most=len(line)) for line in str(text).split("\n")))


def shell_word(text: object) -> str:
    """`text` as one word of a shell command, on one line."""
    return shlex.quote(printable(text))


def ascii_words(text: object) -> str:
    """The ASCII letters, digits and underscores of `text`, what lies between as one underscore; "" where there are none.

    >>> ascii_words("dense (1)/kernel"), ascii_words("größe"), ascii_words("::")
    ('dense_1_kernel', 'gr_e', '')
    """
    shown = str(text)[: 4 * MOST_IN_NAME]
    return re.sub(r"\W+", "_", shown, flags=re.ASCII)[:MOST_IN_NAME].strip("_")


def file_name(text: object, otherwise: str = "program") -> str:
    """`text` as the beginning of a file's name, `otherwise` where nothing of it can stand there.

    >>> file_name("../train step"), file_name("\\u2028")
    ('train_step', 'program')
    """
    return ascii_words(text) or otherwise


class Language:
    """How names from outside become identifiers of a language.

    Args:
        words: what means something in emitted text: no name becomes one of them.
        shapes: a regular expression of further names that the text gives itself.
    """

    def __init__(self, words: Iterable[str], shapes: str = r"(?!)"):
        self.words = frozenset(words)
        self._shapes = re.compile(shapes)

    def symbol(self, name: str) -> str:
        """The identifier of a dim: its own name where that is free, otherwise one with `dim_` in front; no two dims share one.

        >>> names = Language(["lambda"])
        >>> names.symbol("batch"), names.symbol("lambda"), names.symbol("größe")
        ('batch', 'dim_lambda', 'dim_u6772c3b6c39f65')
        """
        if not name.isascii() or not name.isidentifier() or len(name) > MOST_IN_NAME:
            data = name.encode("utf-8", "surrogatepass")  # letters of other alphabets are one to Python, or none to C
            return f"dim_u{data.hex()}" if len(data) <= MOST_IN_NAME else f"dim_v{hashlib.sha256(data).hexdigest()}"
        return f"dim_{name}" if name in self.words or name.startswith("dim_") or self._shapes.fullmatch(name) else name
