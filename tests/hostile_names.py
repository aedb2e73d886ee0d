"""Names as a stranger would choose them, to be tried wherever a name goes into text: each tries to get out of a literal, comment or name."""

from __future__ import annotations

import builtins

PYTHON = "import builtins; builtins.broken_in = True"
LINE_ENDS = ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]

HOSTILE = [
    f'x"""; {PYTHON}; """', f"x'''; {PYTHON}; '''", f"'); {PYTHON}; ('", f'"); {PYTHON}; ("', f"\\\"\"\"; {PYTHON} #", "a\\", 'a"', "a'",
    *(f"x{end}{PYTHON}{end}#" for end in LINE_ENDS), *(f"x{end}#error broken in{end}/*" for end in LINE_ENDS[:3]),
    "*/ #error broken in /*", "**//", "*\\\n/", "??/\n#error broken in", "a ??/", "/*", "//", "a */", "*", "/",
    "${title}", "$stem", "{}", "{0}", "{", "}", "{PYTHON!r}", "%s %d", "a  # b", "a # b", "$(touch broken_in)",
    "`touch broken_in`", "; touch broken_in", "--help",
    "../../broken_in", "/etc/passwd", "nul\0here", "\0", "", " ", "größe", "ﬁ", "名前", "\u202etxt", "\ud800", "\x1b[2J", "x" * 5000, "é" * 5000,
    "<script>broken_in()</script>", "&amp;", "kernels.broken", "def bind(", "int symkeras_run(sk_call *call)", "#include \"symkeras/no.h\"",
]  # fmt: skip
"""Names of models, layers, inputs, variables, outputs and files."""

_IN_LANGUAGES = """
dims int64_t memcpy T rows np self bind int lambda x t step outputs kernels arena range float
size_t uint8_t memset NULL NAN EOF linux call threads dim_int x0 dim_x y1 sk_min sk_call loop_exp_given class match
type _ __ None true signal index gamma exp begin member dim_batch dim_t what c k chunk tanh_0
size_dim_int i j b e
"""
WORDS = _IN_LANGUAGES.split()  # fmt: skip
"""Names that mean something in one of the languages, or in the text that is emitted."""


def broken_in() -> bool:
    """Whether code in a name has run; forgotten from now on."""
    return vars(builtins).pop("broken_in", False)
