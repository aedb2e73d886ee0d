"""Source text of functions of symkeras with all that they rest on, for scripts that run without it.

A definition is taken as it stands in its file, after those it names. What it imports from NumPy and Python is imported in
the script; the team of threads is replaced by one that has one member; anything else of symkeras cannot be taken along.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
import textwrap
from dataclasses import dataclass
from functools import cache

from symkeras.backend.numpy.export_text import RESERVED, STAND_INS


class Unavailable(Exception):
    """A definition rests on what a script cannot hold; the message says on what."""


@dataclass(frozen=True)
class _Module:
    """What a file defines and imports by name.

    Attributes:
        documented: name -> the text that follows its definition.
        imports: name -> (module, name there, or None for the module itself).
    """

    source: str
    definitions: dict[str, ast.stmt]
    documented: dict[str, ast.stmt]
    imports: dict[str, tuple[str, str | None]]


@cache
def _module(name: str) -> _Module:
    source = inspect.getsource(importlib.import_module(name))
    body = ast.parse(source).body
    found = _Module(source, {}, {}, {})
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.definitions[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found.definitions[target.id] = node
                    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                        found.documented[target.id] = after
        elif isinstance(node, ast.Import):
            found.imports.update({a.asname or a.name: (a.name, None) for a in node.names})
        elif isinstance(node, ast.ImportFrom):
            found.imports.update({a.asname or a.name: (node.module or "", a.name) for a in node.names})
    return found


class Sources:
    """Collects definitions; `texts` and `imports` give what a script must hold."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._order: list[tuple[str, str]] = []
        self._taken: set[str] = set(RESERVED.split())
        self._imports: dict[str, set[str]] = {}
        self._stand_ins: dict[str, None] = {}

    def add(self, module: str, name: str) -> str:
        """Take a definition along; `Class.method` gives a method that does without its object. Returns its name in the script.

        Raises:
            Unavailable: it rests on something of symkeras that is no plain function, class or value.
        """
        key = (module, name)
        if key in self._names:
            return self._names[key]
        own = _snake(name)
        while own in self._taken:
            own = f"{own}_{module.rsplit('.', 1)[-1]}"
        self._taken.add(own)
        self._names[key] = own
        for used in sorted(self._used(module, name)):
            self._need(module, used)
        self._order.append(key)
        return own

    def texts(self) -> list[str]:
        """All definitions, each after those it names."""
        return [*self._stand_ins, *(self._text(module, name) for module, name in self._order)]

    def imports(self) -> list[str]:
        """The import statements they need; NumPy is there as `np`."""
        plain = [line for line, names in self._imports.items() if not names]
        return sorted(plain) + sorted(f"from {source} import {', '.join(sorted(names))}" for source, names in self._imports.items() if names)

    # ---- names -----------------------------------------------------------------------------------------------------

    def _used(self, module: str, name: str) -> set[str]:
        """The names of its module that a definition reads, those of its annotations only where they are Python's own."""
        node = _definition(module, name)
        found = _module(module)
        evaluated = {n.id for n in _evaluated(node) if isinstance(n, ast.Name)} - _local(node)
        for inner in ast.walk(node):
            if isinstance(inner, (ast.Import, ast.ImportFrom)) and "symkeras" in ast.unparse(inner):
                raise Unavailable(f"{name} needs `{ast.unparse(inner)}`")
        if "self" in evaluated and "." in name:
            raise Unavailable(f"{name} needs its object")
        annotated = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - evaluated
        own = {n for n in annotated if n in found.imports and not found.imports[n][0].startswith("symkeras")}
        known = {n for n in evaluated if n in found.definitions or n in found.imports}
        return {n for n in known | own if n != name and not (hasattr(builtins, n) and n not in found.definitions)}

    def _need(self, module: str, used: str) -> None:
        found = _module(module)
        if used in found.definitions:
            self.add(module, used)
            return
        source, name = found.imports[used]
        if not source.startswith("symkeras"):
            if name is not None:
                self._imports.setdefault(source, set()).add(name if name == used else f"{name} as {used}")
            elif source != "numpy":
                self._imports.setdefault(f"import {source}" if source == used else f"import {source} as {used}", set())
            return
        place = f"{source}.{name}"
        if place in STAND_INS:
            self._stand_ins[STAND_INS[place]] = None
        elif name is not None and name in _module(source).definitions:
            if self.add(source, name) != used:
                raise Unavailable(f"{module} names {source}.{name} otherwise")
        else:
            raise Unavailable(f"it needs {place}")

    # ---- text ------------------------------------------------------------------------------------------------------

    def _text(self, module: str, name: str) -> str:
        node, found = _definition(module, name), _module(module)
        last = found.documented.get(name, node)
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        text = textwrap.dedent("\n".join(found.source.splitlines()[first - 1 : last.end_lineno]))
        if "." in name:
            text = re.sub(r"def \w+\(self(, )?", f"def {self._names[module, name]}(", text, count=1).replace("  # type: ignore[override]", "")
        for (other, old), new in self._names.items():
            if other == module and old != new and "." not in old:
                text = re.sub(rf"(?<![\w.]){re.escape(old)}(?!\w)", new, text)
        return text


def _definition(module: str, name: str) -> ast.stmt:
    owner, _, method = name.partition(".")
    found = _module(module)
    node = found.definitions.get(owner)
    if node is None:
        raise Unavailable(f"{module} defines no {owner}")
    if not method:
        return node
    for inner in node.body if isinstance(node, ast.ClassDef) else ():
        if isinstance(inner, ast.FunctionDef) and inner.name == method:
            return inner
    raise Unavailable(f"{owner} inherits {method}")


def _local(node: ast.stmt) -> set[str]:
    """The names that a function or class binds itself."""
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return set()
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {n.arg for n in ast.walk(node) if isinstance(n, ast.arg) and n.arg != "self"}


def _evaluated(node: ast.AST) -> list[ast.AST]:
    """The nodes below `node` without annotations."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = [node]
    while todo:
        n = todo.pop()
        found.append(n)
        for field, value in ast.iter_fields(n):
            if field not in ("annotation", "returns"):
                todo += [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, ast.AST)]
    return found


def _snake(name: str) -> str:
    """`Class.method` as a name of a function: `TopK.value` is `top_k_value`."""
    return name if "." not in name else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace(".", "_").lower()
