"""The pages of the reference, made of the docstrings while MkDocs builds the site: a hook, which `mkdocs.yml` names.

A public name without a docstring is a warning, and warnings are errors in strict mode.
"""

from __future__ import annotations

import functools
import inspect
import logging
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

from docs.site.docstrings import inline, markdown, summary
from docs.site.names import Entry, Page, entries
from docs.site.signatures import names_of_arguments, written

_log = logging.getLogger("mkdocs.plugins.reference")
_GROUPS = {"layers": "Layers", "ops": "Operations"}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages, and put them where the navigation says `reference`."""
    found = entries()
    index = _index(found)
    for page, names in found.items():
        _add(files, config, f"reference/{page.place}.md", _page(page, names, index))
    for folder, title in _GROUPS.items():
        inner = {page: names for page, names in found.items() if page.place.startswith(f"{folder}/")}
        _add(files, config, f"reference/{folder}/index.md", _contents(title, inner, folder))
    _add(files, config, "reference/index.md", _contents("Reference", found, ""))
    config.nav = [{"Reference": _nav(list(found))} if entry == "reference" else entry for entry in config.nav]
    return files


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    """Warn of a fence that is none to Markdown."""
    if "<p>```" in html:
        _log.warning("%s: a block of code is shown as text", page.file.src_uri)
    return html


def _add(files: Files, config: Any, place: str, text: str) -> None:
    files.append(File.generated(config, place, content=text))


def _nav(pages: list[Page]) -> list[Any]:
    nav: list[Any] = ["reference/index.md"]
    for page in pages:
        folder = page.place.partition("/")[0]
        if "/" not in page.place:
            nav.append({page.title: f"reference/{page.place}.md"})
            continue
        if not isinstance(nav[-1], dict) or _GROUPS[folder] not in nav[-1]:
            nav.append({_GROUPS[folder]: [f"reference/{folder}/index.md"]})
        nav[-1][_GROUPS[folder]].append({page.title: f"reference/{page.place}.md"})
    return nav


def _contents(title: str, found: dict[Page, list[Entry]], folder: str) -> str:
    """A page that lists pages with their names."""
    out = [f"# {title}\n"]
    for page, names in found.items():
        place = page.place.removeprefix(f"{folder}/") if folder else page.place
        links = ", ".join(f"[`{entry.name}`]({place}.md#{_anchor(entry.path)})" for entry in names)
        out += [f"## [{page.title}]({place}.md)\n", f"{links}\n"]
    return "\n".join(out)


# ---- where a name is ---------------------------------------------------------------------------------------------------------


def _index(found: dict[Page, list[Entry]]) -> dict[str, list[tuple[str, str]]]:
    """Name, with and without what stands before it -> (page, anchor) of each entry that is called so."""
    index: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for page, names in found.items():
        for entry in names:
            target = (page.place, _anchor(entry.path))
            for path in (entry.path, *entry.aliases):
                for name in {path, path.rpartition(".")[2], f"symkeras.{path}"}:
                    if target not in index[name]:
                        index[name].append(target)
    return index


def _linker(page: Page, own: Entry, index: dict[str, list[tuple[str, str]]]) -> Callable[[str], str | None]:
    """Addresses of names, seen from an entry: of what is called so on its page, or else alone."""
    arguments = names_of_arguments(own.value)

    def link(text: str) -> str | None:
        name = text.partition("(")[0]
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name) or text[len(name) :] not in ("", "()") or name in arguments or name == own.name:
            return None
        targets = index.get(name, [])
        near = [t for t in targets if t[0] == page.place] or targets
        if len(near) != 1:
            return None
        place, anchor = near[0]
        return f"#{anchor}" if place == page.place else f"{_relative(place, page.place)}.md#{anchor}"

    return link


def _relative(place: str, seen_from: str) -> str:
    up = len(PurePosixPath(seen_from).parts) - 1
    return "../" * up + place


def _anchor(path: str) -> str:
    return f"symkeras.{path}"


# ---- pages -------------------------------------------------------------------------------------------------------------------


def _page(page: Page, names: list[Entry], index: dict[str, list[tuple[str, str]]]) -> str:
    out = [f"# {page.title}\n", f"{page.text}\n"]
    if len(names) > 8:
        out.append(" · ".join(f"[{entry.name}](#{_anchor(entry.path)})" for entry in names) + "\n")
    for entry in names:
        out.append(_entry(page, entry, index))
    return "\n".join(out)


def _entry(page: Page, entry: Entry, index: dict[str, list[tuple[str, str]]]) -> str:
    link = _linker(page, entry, index)
    text = inspect.getdoc(entry.value) if not isinstance(entry.value, type) or entry.value.__doc__ else None
    if not text:
        _log.warning("symkeras.%s has no docstring", entry.path)
    out = [f"## {entry.name} {{: #{_anchor(entry.path)} }}\n", written(f"symkeras.{entry.path}", entry.value), markdown(text or "", link)]
    others = [path for path in sorted(entry.aliases) if not (path.startswith("ops.") and path.endswith(f".{entry.name}"))]  # the page says that
    if others:
        out.append(f"*Also* {', '.join(f'`symkeras.{path}`' for path in others)}\n{{: .also }}\n")
    if isinstance(entry.value, type):
        out += [_member(entry, name, value, link) for name, value in _members(entry.value)]
    return "\n".join(out)


def _member(entry: Entry, name: str, value: Any, link: Callable[[str], str | None]) -> str:
    anchor = f"{_anchor(entry.path)}.{name}"
    title = f"### {name} {{: #{anchor} }}\n"
    if isinstance(value, (property, functools.cached_property)):
        return f"{title}\n*Property.* {inline(summary(inspect.getdoc(value) or ''), link)}\n"
    text = inspect.getdoc(value) or ""
    return f"{title}\n{written(name, getattr(value, '__func__', value), method=True)}\n{markdown(text, link, 1)}"


def _members(kind: type) -> list[tuple[str, Any]]:
    """The documented methods and properties that a class defines itself, or has from a base that is not public."""
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        if base is not kind and (not base.__module__.startswith("symkeras") or _is_public(base)):
            continue
        for name, value in vars(base).items():
            function = getattr(value, "__func__", value)
            of_interest = inspect.isfunction(function) or isinstance(value, (property, functools.cached_property))
            if not name.startswith("_") and of_interest and getattr(value, "__doc__", None):
                found.setdefault(name, value)
    return sorted(found.items())


@functools.cache
def _public_classes() -> frozenset[type]:
    return frozenset(entry.value for names in entries().values() for entry in names if isinstance(entry.value, type))


def _is_public(kind: type) -> bool:
    return kind in _public_classes()
