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
BASE = {
    "errors", "arguments", "recent", "locks", "lazy", "tree", "config", "backend_names", "blas", "foreign_data", "utils.naming", "not_offered",
    "foreign_dtypes",
}  # fmt: skip
_CORE = {"graph", "ops"}
_KERAS = {
    *_CORE, "random", "saving", "dtype_policies", "quantizers", "activations", "initializers", "regularizers", "constraints", "layers", "losses",
}  # fmt: skip
ORDER: dict[str, set[str]] = {
    "errors": set(),
    "arguments": {"errors", "foreign_dtypes"},
    "recent": {"locks"},
    "locks": set(),
    "lazy": set(),
    "tree": set(),
    "foreign_data": {"tree", "errors"},
    "blas": {"locks"},
    "backend_names": {"errors"},
    "foreign_dtypes": {"errors"},
    "onnx_marks": set(),
    "config": {"errors", "backend_names", "foreign_dtypes"},
    "utils.naming": {"locks"},
    "graph": set(),
    "ops": {"graph"},
    "autodiff": {*_CORE, "compiler"},
    "compiler": _CORE,
    "distribution": {*_CORE, "backend", "random", "saving", "utils"},
    "backend": {*_CORE, "autodiff", "compiler", "onnx_marks"},
    "inspection": {*_CORE, "compiler", "backend"},
    "inspection.command": {*_CORE, "inspection", "saving"},
    "random": _CORE,
    "utils": {*_CORE, "random", "saving", "utils.bounding_boxes"},
    "utils.bounding_boxes": _CORE,
    "utils.feature_space": {*_KERAS, "utils"},  # layers for the columns of a table
    "saving": {"graph"},
    "dtype_policies": {*_CORE, "saving"},
    "quantizers": {*_CORE, "saving", "dtype_policies"},
    "legacy": {"saving"},
    "mixed_precision": {"dtype_policies", "optimizers"},
    "activations": {*_CORE, "saving"},
    "constraints": {*_CORE, "saving"},
    "regularizers": {*_CORE, "saving"},
    "initializers": {*_CORE, "saving", "random"},
    "layers": {*_KERAS, "distribution", "utils.bounding_boxes"} - {"losses", "layers"},
    "layers.lambda_layer": (_KERAS - {"losses"}) | {"backend"},  # a lambda from a file knows K
    "losses": _KERAS - {"losses"},
    "metrics": _KERAS,
    "optimizers": {*_CORE, "saving", "initializers"},
    "callbacks": {"ops", "utils", "saving", "graph", "distribution"},
    "callbacks.tensorboard": {"ops", "utils", "saving", "graph", "distribution", "callbacks", "layers"},  # which of the layers are embeddings
    "datasets": {"graph", "saving"},
    "preprocessing": {"graph", "ops", "saving", "utils"},
    "models": {*_KERAS, "metrics", "optimizers", "callbacks", "autodiff", "backend", "distribution", "utils", "onnx_marks"},
    "applications": {*_KERAS - {"losses"}, "models", "utils"},
    "backend.tensorflow": {*_CORE, "compiler", "backend", "keras_alias"},  # beside the aliases the real one
    "backend.theano_style": {*_KERAS, "autodiff", "backend", "utils", "models"},
    "wrappers": {"models", "utils"},
    "visualization": {"utils", "utils.bounding_boxes"},
    "distillation": {*_KERAS, "metrics", "models"},
    "tensorflow_names": {*_CORE, "random", "autodiff", "backend", "utils", ""},
    "keras_alias": {"saving", "tensorflow_names", ""},
    "demo": {"datasets", "layers", "optimizers", "utils", ""},
    "cli": {"demo", "keras_alias", "backend", "inspection.command"},
    "__main__": {"cli"},
    "not_offered": set(),
    "": {"blas"},
}
"""Part of symkeras -> the parts that it may import, inside of functions too, beside itself and `BASE`. A part that has parts of its own
in the table is the rest of the folder. "" is `symkeras/__init__.py`."""
BY_NAME = {
    "",
    "config",
    "mixed_precision",
    "saving.registration",
    "layers.weight_options",
    "legacy.saving",
    "optimizers.legacy",
    "utils.legacy",
    "utils",
    "keras_alias",
    "backend.interface",
    "backend.numpy.sources",
    "graph.dtypes",
    "ops",
    "ops.image",
}
"""Modules that import by names which are no constants: a config's class is looked up in the public packages, wherever they stand; Keras'
`ops` has some names that need gradients or a generator of seeds."""
FRONT = {
    "layers",
    "activations",
    "initializers",
    "quantizers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
    "callbacks",
    "models",
    "saving",
    "random",
    "wrappers",
    "distillation",
}
"""The Keras surface: written with ops and the backend interface, never with a concrete backend."""
OPEN_BACKEND = {"interface", "theano_style", "function"}
SHARED = {"size_check", "interpreter", "cluster", "emitted", "engine", "onnx", "denormals", "taken"}
"""What several backends are built on."""
HEAVY = [
    "h5py",
    "rich",
    "networkx",
    "sklearn",
    "matplotlib",
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


def owner(name: tuple[str, ...]) -> str:
    """The part of the table that a dotted name belongs to."""
    found = [part for part in (".".join(name[:k]) for k in range(len(name), 0, -1)) if part in ORDER]
    return found[0] if found else ""


def test_every_package_imports_only_what_the_table_says() -> None:
    wrong = [
        f"{path.relative_to(ROOT.parent) if path.is_relative_to(ROOT) else path}:{line}: {part or 'symkeras'} imports symkeras.{'.'.join(name)}"
        for path in modules() for part in [owner(part_of(path))]
        for line, name in imports(path, at_module_level=False)
        if name not in (("__version__",), ("!backend",)) and owner(name) not in ORDER[part] | {part} | (BASE if part not in BASE else set())
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)


def test_the_table_of_packages_has_no_circles_and_no_gaps() -> None:
    done: set[str] = set()
    while len(done) < len(ORDER):
        ready = {part for part, allowed in ORDER.items() if part not in done and allowed - {part} <= done}
        assert ready, f"circle among {sorted(set(ORDER) - done)}"
        done |= ready
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {path.stem for path in ROOT.glob("*.py") if path.stem != "__init__"}
    assert folders <= {part.split(".")[0] for part in ORDER}


def test_imports_by_name_stay_inside_the_table() -> None:
    for path in modules():
        own = part_of(path)
        for call in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call) and ast.unparse(n.func).endswith("import_module")):
            text = ast.unparse(call.args[0]).strip("f'\"")
            name = tuple(text.removeprefix("symkeras.").split("{")[0].strip(".").split("."))
            if ".".join(own) not in BY_NAME:
                assert text.startswith("symkeras."), (path, call.lineno)
                assert owner(name) in ORDER[owner(own)] | {owner(own), ".".join(own)} or name[0] == own[0], (path, call.lineno)


def test_the_keras_surface_never_names_a_concrete_backend() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports symkeras.{'.'.join(name)}"
        for path in modules() if part_of(path)[:1] and part_of(path)[0] in FRONT
        for line, name in imports(path, at_module_level=False)
        if name[:1] == ("compiler",) or (name[:1] == ("backend",) and len(name) > 1 and name[1] not in OPEN_BACKEND)
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)


LENDS = {"pytensor": {"numpy"}}
"""What PyTensor has no operation for runs by the kernels of the NumPy backend."""


def test_one_backend_does_not_import_another() -> None:
    for path in modules():
        part = part_of(path)
        if len(part) > 2 and part[0] == "backend":
            wrong = [
                n
                for _, n in imports(path, False)
                if len(n) > 2 and n[0] == "backend" and n[1] not in SHARED | OPEN_BACKEND | LENDS.get(part[1], set()) | {part[1]}
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


def test_the_first_name_asked_for_brings_the_operators_along() -> None:
    code = "import symkeras; print((symkeras.Variable([1.0]) + 1).tolist())"
    out = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[2.0]"
