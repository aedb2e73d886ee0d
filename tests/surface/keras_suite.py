"""Keras' own unit tests, where they use public names, against symkeras and against Keras itself.

    python -m tests.surface.keras_suite FOLDER [PART ...] [--of symkeras keras] [--jobs 2] [--seconds 600]

`make keras-suite` fetches the wheel of Keras, which ships its tests, into FOLDER/wheel; nothing of it is kept here. The tests are written anew with
their imports led to `under_test` (`under_test.py`), and each file runs in a process of its own. PART chooses files: `layers/core`. What Keras itself
passes by the same way is what there is to reach.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORDED = "error of the type asked for, in other words"
"""How the failure of a test begins that fails for the words of a message alone."""


ENGINES = ("tensorflow", "jax", "torch")


class _Led(ast.NodeTransformer):
    """Imports of `keras` become imports of `under_test`, and what a test holds ready for each engine goes for symkeras, too."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.module is not None and node.module.split(".")[0] == "keras":
            node.module = f"under_test{node.module[5:]}"
        elif node.module == "conftest":
            node.module = "tests.surface.under_test"
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        """Of packages that few tests of a file use, one that is not installed fails those tests alone."""
        if [name.name for name in node.names] == ["grain"]:
            return ast.ImportFrom("under_test.src.utils.module_utils", [ast.alias("grain")], level=0)
        for name in node.names:
            if name.name == "keras":
                name.name, name.asname = "under_test", name.asname or "keras"
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        """Who is none of the engines asked for has the first branch, in the place of an error of the whole file.

        And what is done for the results of NumPy, JAX and PyTorch alike is done for those of symkeras.
        """
        last = node
        while len(last.orelse) == 1 and isinstance(last.orelse[0], ast.If):
            last = last.orelse[0]
        if "backend.backend()" in ast.unparse(node.test) and last.orelse and "raise ImportError" in ast.unparse(last.orelse[0]):
            last.orelse = list(node.body)
        if isinstance(node.test, ast.Compare) and isinstance(engines := node.test.comparators[0], ast.Tuple | ast.List) and not _leaves_out(node):
            named = {e.value for e in engines.elts if isinstance(e, ast.Constant)}
            if ast.unparse(node.test.left) == "backend.backend()" and {"numpy", "jax", "torch"} <= named:
                engines.elts.append(ast.Constant("symkeras"))
        return self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        """A table with a row for each engine has one for symkeras: that of JAX."""
        names = [key.value for key in node.keys if isinstance(key, ast.Constant)]
        if set(ENGINES) == set(names):
            node.keys.append(ast.Constant("symkeras"))
            node.values.append(node.values[names.index("jax")])
        return self.generic_visit(node)


def _leaves_out(node: ast.If) -> bool:
    """Whether a test is skipped here."""
    return any("skip" in ast.unparse(line).lower() for line in node.body)


def prepare(wheel: Path, suite: Path) -> list[Path]:
    """Write the tests, and a mark for every module of Keras; the test files, relative to `suite`."""
    source = wheel / "keras" / "src"
    found = []
    for file in sorted(source.rglob("*.py")):
        path = file.relative_to(source)
        mark = suite / "paths" / path.with_suffix("")
        (mark.parent if path.name == "__init__.py" else mark).mkdir(parents=True, exist_ok=True)
        if not (path.name.endswith("_test.py") or path.parts[0] == "testing"):
            continue
        text = ast.unparse(_Led().visit(ast.parse(file.read_text())))
        written = suite / "src" / path
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text)
        if path.name.endswith("_test.py"):
            found.append(Path("src", path))
    return found


def outcomes(suite: Path, file: Path, of: str, seconds: float) -> dict[str, str]:
    """Test -> "passed", "failed", "worded" or "skipped"; {} where the file wants names that are not public, or did not end in time."""
    report = suite / "reports" / of / file.with_suffix(".xml")
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    env = {**os.environ, "UNDER_TEST": of, "SUITE": str(suite), "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(suite), "-c", os.devnull, "--import-mode=importlib",
               "-p", "tests.surface.under_test", "-p", "no:cacheprovider", f"--junitxml={report}", str(suite / file)]  # fmt: skip
    with (report.with_suffix(".txt")).open("wb") as log:
        try:
            subprocess.run(command, env=env, stdout=log, stderr=log, timeout=seconds, check=False, cwd=suite)
        except subprocess.TimeoutExpired:
            return {}
    return dict(_cases(report)) if report.exists() else {}


def _cases(report: Path) -> Iterator[tuple[str, str]]:
    for case in xml.parse(report).iter("testcase"):
        kinds = {child.tag: child.get("message") or "" for child in case}
        if case.get("classname"):
            how = "failed" if kinds.keys() & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
            if WORDED in kinds.get("failure", ""):
                how = "worded"
            yield f"{case.get('classname')}.{case.get('name')}", how


def table(results: dict[str, dict[str, dict[str, str]]]) -> str:
    """Passes by area; `results` is of whom -> file -> test -> outcome."""
    areas: dict[str, dict[str, Counter[str]]] = {}
    for of, files in results.items():
        for file, tests in files.items():
            area = "/".join(Path(file).parts[1:-1]) or "top"
            areas.setdefault(area, {}).setdefault(of, Counter()).update(tests.values())
    everyone = list(results)
    lines = [f"{'area':44}" + "".join(f"{of:>12}" for of in everyone)]
    for area, found in sorted(areas.items()):
        lines.append(f"{area:44}" + "".join(f"{found.get(of, Counter())['passed']:12}" for of in everyone))
    total = {of: sum(how == "passed" for tests in results[of].values() for how in tests.values()) for of in everyone}
    lines.append(f"{'all':44}" + "".join(f"{total[of]:12}" for of in everyone))
    if total.get("keras"):
        both = sum(results["symkeras"].get(file, {}).get(test) == "passed" for file, tests in results["keras"].items() for test, how in tests.items()
                   if how == "passed")  # fmt: skip
        worded = sum(results["symkeras"].get(file, {}).get(test) == "worded" for file, tests in results["keras"].items() for test in tests
                     if tests[test] == "passed")  # fmt: skip
        lines.append(f"of what Keras passes, symkeras passes {both} of {total['keras']}: {100 * both / total['keras']:.1f} %")
        lines.append(f"{worded} more ask for the words of an error's message, and get the error in other words")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--of", nargs="+", default=["symkeras", "keras"], choices=["symkeras", "keras"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=600, help="what a file may take")
    given = parser.parse_args(arguments)
    suite = given.folder.absolute() / "suite"
    files = [f for f in prepare(given.folder / "wheel", suite) if not given.parts or any(f"src/{part}" in f.as_posix() for part in given.parts)]
    for of in given.of:
        saved = suite / f"{of}.json"
        results = json.loads(saved.read_text()) if saved.exists() else {}
        with ThreadPoolExecutor(given.jobs) as pool:
            for k, (file, found) in enumerate(zip(files, pool.map(lambda f, of=of: outcomes(suite, f, of, given.seconds), files), strict=True)):
                results[file.as_posix()] = found
                print(f"\r{of} {k + 1}/{len(files)} {file.as_posix()[4:]:70}", end="", file=sys.stderr, flush=True)
                saved.write_text(json.dumps(results))
        print(file=sys.stderr)
    everyone = {of: json.loads((suite / f"{of}.json").read_text()) for of in ("symkeras", "keras") if (suite / f"{of}.json").exists()}
    print(table(everyone))


if __name__ == "__main__":
    main()
