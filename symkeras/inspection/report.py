"""`executable.inspect.report("out.html")`: everything about a compiled function on one page that needs nothing from elsewhere.

The page is `symkeras/inspection/page`: markup, style and script as they stand there, joined here. What it shows is the data of
`inspect.to_dict()`, with places, the user's files, memory and a profile beside it, deflated; the browser opens it. Text from
outside is text there and nothing else: the script makes elements, never markup, and the page's policy runs no other script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symkeras.errors import InspectionError, nearest
from symkeras.graph.escaping import markup, printable
from symkeras.inspection.data import to_dict, write
from symkeras.inspection.memory import Memory
from symkeras.inspection.places import Places
from symkeras.inspection.record import Record
from symkeras.inspection.traffic import flops_of, known_sizes

if TYPE_CHECKING:
    from symkeras.inspection.inspector import Inspector

SCRIPTS = ("record", "state", "elements", "picture", "layers", "thing", "panes", "keys", "main")
"""The files of the page's script, in the order in which they are joined."""
MOST_OF_A_FILE = 1 << 18
"""Characters of a user's file that the page keeps."""


class Report:
    """A page; notebooks show it in a frame.

    Attributes:
        html: the whole page.
        path: where it was written; None where it was not.
    """

    def __init__(self, html: str, path: Path | None):
        self.html = html
        self.path = path

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{markup(self.html)}" sandbox="allow-scripts" style="width:100%;height:760px;border:1px solid #ccc"></iframe>'

    def __repr__(self) -> str:
        return f"<report of {len(self.html)} characters{'' if self.path is None else f' in {str(self.path)!r}'}>"


def report(inspector: Inspector, path: Any = None, values: Mapping[str, float] | None = None) -> Report:
    """The page of a compiled function, written to `path` where one is given.

    Args:
        values: layer or value -> a number of your own, one more way to colour by.

    Raises:
        InspectionError: `values` names something that is not there.
        ConfigError: the page cannot be written there.
    """
    data = page_data(inspector, values or {})
    packed = base64.b64encode(zlib.compress(json.dumps(data, allow_nan=False, separators=(",", ":")).encode(), 9)).decode()
    style, script = _text("page.css"), _script()
    page = _text("page.html").format(
        title=markup(printable(f"{data['name']} on {data['backend']}")),
        style=style, script=script, data=packed, style_hash=_hash(style), script_hash=_hash(script),
    )
    write(page, path)
    return Report(page, None if path is None else Path(path))


def page_data(inspector: Inspector, own: Mapping[str, float]) -> dict[str, Any]:
    """What the page shows: `to_dict()`, and beside it

        "boxes", "box_of", "slot_of": places of the picture (see `symkeras.inspection.places`),
        "weights": for each kernel the operations of each of its values, "files": {path: text},
        "variables": {name: [bytes, shape]}, "memory", "profile": as their `to_dict()`, or null, "own": [[value or layer, number]].
    """
    record = inspector.record
    data = to_dict(inspector)
    places = Places(data)
    sizes = known_sizes(record)
    profile = inspector.last_profile
    data |= {
        "boxes": places.rows(), "box_of": places.box_of, "slot_of": places.slot_of,
        "weights": [[flops_of(k.step, n, sizes) for n in k.nodes] for k in record.kernels],
        "files": user_files(data["origins"]), "memory": Memory(record, sizes=sizes).to_dict() if record.program is not None else None,
        "profile": None if profile is None else profile.to_dict(), "own": _own(record, own),
    }  # fmt: skip
    return data


def user_files(origins: list[dict[str, Any]]) -> dict[str, str]:
    """The text of every file that has a line of the user's; what cannot be read (a notebook's cell is no file) is left out."""
    found = {}
    for name in dict.fromkeys(line[0] for o in origins for line in o["lines"]):
        try:
            text = Path(name).read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError):
            continue
        if len(text) <= MOST_OF_A_FILE:
            found[name] = text
    return found


def _own(record: Record, values: Mapping[str, float]) -> list[list[Any]]:
    known = {*record.nodes_named, *(o.layer for o in record.origins)}
    for name, value in values.items():
        if name not in known:
            raise InspectionError(f"report(values=): there is no layer or value {name!r}.{nearest(str(name), sorted(known))}")
        if not isinstance(value, (int, float)) or value != value or value in (float("inf"), float("-inf")):
            raise InspectionError(f"report(values=): {name!r} needs a finite number, received {value!r}")
    return [[name, float(value)] for name, value in values.items()]


@cache
def _text(name: str) -> str:
    return (files("symkeras.inspection") / "page" / name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    """The page's script: its files joined, in a scope of their own."""
    return '(() => {\n"use strict";\n' + "\n".join(_text(f"{name}.js") for name in SCRIPTS) + "\n})();\n"


def _hash(text: str) -> str:
    """How a policy names a text that may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
