"""Which part may import which, and what `import symkeras` must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import symkeras

ROOT = Path(symkeras.__file__).parent
LAYERS = ["graph", "ops", "autodiff", "compiler", "backend"]
"""Imports go from right to left. Below all: errors, config, tree, recent, locks, lazy."""
BASE = {"errors", "config", "tree", "recent", "locks", "lazy"}
FRONT = {
    "layers",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
    "callbacks",
    "models",
    "saving",
    "random",
}
"""The Keras surface: written with ops and the backend interface, never with a concrete backend."""
OPEN_BACKEND = {"interface", "theano_style", "function"}
HEAVY = [
    "h5py",
    "rich",
    "networkx",
    "jax",
    "torch",
    "tensorflow",
    "pytensor",
    "onnxruntime",
    "symkeras.backend.numpy",
    "symkeras.layers",
    "symkeras.compiler",
]


def modules() -> list[Path]:
    """Every source file of the package; backends are reached through their link."""
    found = [p for p in ROOT.rglob("*.py") if "backend" not in p.relative_to(ROOT).parts[:1]]
    return sorted(found + list((ROOT / "backend").resolve().rglob("*.py")))


def part_of(path: Path) -> tuple[str, ...]:
    """The dotted name of a file below symkeras, as a tuple."""
    backend = (ROOT / "backend").resolve()
    inside = ("backend", *path.relative_to(backend).parts) if path.is_relative_to(backend) else path.relative_to(ROOT).parts
    return tuple(p.removesuffix(".py") for p in inside if p != "__init__.py")


def imports(path: Path, at_module_level: bool) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line, dotted name below symkeras) of the imports of a file; those under TYPE_CHECKING do not count."""
    tree = ast.parse(path.read_text())
    skipped = {n for i in ast.walk(tree) if isinstance(i, ast.If) and "TYPE_CHECKING" in ast.unparse(i.test) for s in i.body for n in ast.walk(s)}
    inner = {n for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if node in skipped or (at_module_level and node in inner):
            continue
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{a.name}" for a in node.names]
        else:
            continue
        for name in names:
            head, *rest = name.split(".")
            if head == "symkeras":
                yield node.lineno, tuple(rest)
            elif head == "backend":
                yield node.lineno, ("!backend",)


@pytest.mark.parametrize("layer", LAYERS[:-1])
def test_imports_go_one_way(layer: str) -> None:
    allowed = {*LAYERS[: LAYERS.index(layer) + 1], *BASE}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports symkeras.{'.'.join(name)}"
        for path in modules() if part_of(path)[:1] == (layer,)
        for line, name in imports(path, at_module_level=True) if name and name[0] not in allowed and name != ("__version__",)
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)


def test_what_lies_below_all_imports_nothing_of_it() -> None:
    wrong = [f"{name}.py:{line}" for name in sorted(BASE) for line, n in imports(ROOT / f"{name}.py", at_module_level=True) if n and n[0] not in BASE]
    assert not wrong


def test_the_keras_surface_never_names_a_concrete_backend() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports symkeras.{'.'.join(name)}"
        for path in modules() if part_of(path)[:1] and part_of(path)[0] in FRONT
        for line, name in imports(path, at_module_level=False)
        if name[:1] == ("compiler",) or (name[:1] == ("backend",) and len(name) > 1 and name[1] not in OPEN_BACKEND)
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)


def test_one_backend_does_not_import_another() -> None:
    for path in modules():
        part = part_of(path)
        if len(part) > 2 and part[0] == "backend":
            wrong = [
                n
                for _, n in imports(path, False)
                if len(n) > 2 and n[0] == "backend" and n[1] not in {part[1], "interpreter", "emitted", "denormals"} | OPEN_BACKEND
            ]
            assert not wrong, (path, wrong)


def test_nobody_imports_the_backend_folder_by_its_second_name() -> None:
    wrong = [f"{path}:{line}" for path in modules() for line, name in imports(path, False) if name == ("!backend",)]
    assert not wrong


@pytest.mark.parametrize("statement", ["import symkeras", "import symkeras; symkeras.__version__, dir(symkeras)"])
def test_importing_symkeras_loads_nothing_heavy(statement: str) -> None:
    heavy = [name for name in HEAVY if name != "symkeras.layers"]
    code = f"{statement}; import sys; print([m for m in {heavy!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]", out.stdout


def test_ops_and_graphs_need_neither_h5py_nor_rich_nor_networkx() -> None:
    code = (
        "from symkeras import ops; from symkeras.graph import Graph; import symkeras.compiler.pipeline, symkeras.backend.interface, sys\n"
        "x = ops.placeholder('f32[3]'); Graph([x.node], [ops.exp(x).node]).to_text()\n"
        "print([m for m in ('h5py', 'rich', 'networkx') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]", out.stdout
