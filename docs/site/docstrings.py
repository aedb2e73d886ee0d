"""A docstring as Markdown: sections become headed lists, examples become code, the names of others become links."""

from __future__ import annotations

import re
from collections.abc import Callable

_TITLES = "Args|Call arguments|Shapes|Dtypes|Input shape|Output shape|Returns|Yields|Raises|Attributes|Example|Examples|Reference"
_SECTION = re.compile(rf"^({_TITLES}):(.*)$")
_ITEM = re.compile(r"^(\**\w[\w.*, ]*): (.*)$")
_CODE = re.compile(r"(`+)(.+?)\1", re.S)
_SPECIAL = re.compile(r"([\\*_\[\]#|])")
LISTS = ("Args", "Call arguments", "Raises", "Attributes")


def markdown(text: str, link: Callable[[str], str | None], level: int = 0) -> str:
    """The Markdown of a docstring (as `inspect.getdoc` gives it).

    Args:
        text: the docstring.
        link: the address of a name in backticks, None where it is no name of the reference.
        level: of detail; in a method's docstring headings are smaller.
    """
    out: list[str] = []
    for title, lines in _sections(text):
        if title:
            out.append(f"**{title}**\n" if not level else f"*{title}*\n")
        out.append(_items(lines, link) if title in LISTS else _prose(lines, link))
    return "\n".join(out)


def summary(text: str) -> str:
    """The first paragraph."""
    return " ".join(text.strip().split("\n\n")[0].split())


def sections(text: str) -> dict[str, list[str]]:
    """The sections of a docstring by title; "" is what stands before them."""
    found: dict[str, list[str]] = {}
    for title, lines in _sections(text):
        found.setdefault(title, []).extend(lines)
    return found


def items(lines: list[str]) -> list[tuple[str, str]]:
    """The names that a section explains, with what it says of them."""
    found: list[tuple[str, str]] = []
    for line in lines:
        match = _ITEM.match(line)
        if match:
            found.append((match[1], match[2]))
        elif found and line.strip():
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found


def inline(text: str, link: Callable[[str], str | None]) -> str:
    """Prose with backticks as Markdown in which nothing else has a meaning."""
    parts, place = [], 0
    for match in _CODE.finditer(text):
        address = link(match[2])
        parts += [_plain(text[place : match.start()]), f"[{match[0]}]({address})" if address else match[0]]
        place = match.end()
    return "".join([*parts, _plain(text[place:])])


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text).replace("<", "&lt;").replace(">", "&gt;")


def _sections(text: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = [("", [])]
    inside = False
    for line in text.splitlines():
        match = _SECTION.match(line)
        if match:
            found.append((match[1], [match[2].strip()] if match[2].strip() else []))
            inside = True
        elif inside and line and not line.startswith(" "):
            found.append(("", [line]))
            inside = False
        else:
            found[-1][1].append(line[4:] if inside and line.startswith("    ") else line)
    return found


def _items(lines: list[str], link: Callable[[str], str | None]) -> str:
    if lines and not _ITEM.match(lines[0]):
        return _prose(lines, link)
    return "".join(f"- {', '.join(f'`{n}`' for n in names.split(', '))}: {inline(text, link)}\n" for names, text in items(lines))


def _prose(lines: list[str], link: Callable[[str], str | None]) -> str:
    """Paragraphs, examples that begin with `>>>` until the next empty line, and indented code."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = block.splitlines()
        start = next((k for k, row in enumerate(rows) if row.lstrip().startswith(">>>")), None)
        if not block.strip():
            continue
        if start is None and rows[0].startswith("    "):
            out.append(_fenced(rows, "python"))
        elif start is None:
            out.append(_listed(rows, link))
        else:
            if start:
                out.append(inline("\n".join(rows[:start]), link) + "\n")
            out.append(_fenced(rows[start:], "pycon"))
    return "\n".join(out)


def _listed(rows: list[str], link: Callable[[str], str | None]) -> str:
    """A paragraph; lines that begin with "- " stay items of a list."""
    item = re.compile(r"( *- )?(.*)", re.S)
    text = "\n".join((m[1] or "") + inline(m[2], link) for m in map(item.match, rows) if m)
    return re.sub(r"(?m)^(?!- )(.*)\n- ", r"\1\n\n- ", text, count=1) + "\n"


def _fenced(rows: list[str], language: str) -> str:
    width = min(len(row) - len(row.lstrip()) for row in rows if row.strip())
    return "\n".join([f"```{language}", *(row[width:] for row in rows), "```", ""])
