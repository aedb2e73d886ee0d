"""What the native backend emits, built with sanitizers and run: `python -m tests.backend.native.sanitize [WORD ...]`.

Every op with all of its samples and their first two gradients, products and convolutions of many sizes, work that threads
share, and training of the six workloads are compiled with AddressSanitizer and UndefinedBehaviorSanitizer, each buffer in an allocation of its own
(`symkeras.backend.native.building.sanitized`), run, and compared with the interpreter. What threads share, and the workloads, once more with
ThreadSanitizer. WORDs choose the rows that contain one of them. A sanitizer ends the process at its first finding, so the work is done by
a child with the sanitizer's library preloaded; after a finding another child takes over. Before all else, code with mistakes put into it
must be stopped.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

THREADS = "2"
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Watch:
    """Sanitizers that go together: the backend that builds with them, their library, and their settings."""

    backend: str
    kind: str
    library: str
    settings: Mapping[str, str]


WATCHES = {
    "memory": Watch("native-sanitized", "SanitizedBackend", "libasan.so", {
        "ASAN_OPTIONS": "detect_leaks=0:malloc_fill_byte=255:max_malloc_fill_size=1073741824:quarantine_size_mb=64:detect_odr_violation=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }),
    "races": Watch("native-raced", "RaceBackend", "libtsan.so", {"TSAN_OPTIONS": "halt_on_error=1", "OPENBLAS_NUM_THREADS": "1"}),
}  # fmt: skip
BACKEND = ""
"""The backend of the watch that a child is run under."""

MISTAKES = {
    "sound": ("", ""),
    "past a buffer": ("((volatile char *)call->arena)[call->at[0] + 20] = 1;", "heap-buffer-overflow"),
    "before a buffer": ("((volatile char *)call->arena)[call->at[0] - 1] = 1;", "heap-buffer-overflow"),
    "past a variable": ("((volatile char *)call->variables[0])[20] = 1;", "heap-buffer-overflow"),
    "past a result": ("((volatile char *)call->outputs[0])[20] = 1;", "heap-buffer-overflow"),
    "past an array": ("volatile int k = 5; volatile char local[5]; local[k] = 1;", "runtime error: index 5 out of bounds"),
    "a shift too far": ("volatile int64_t one = 1, far = 64; one = one << far;", "runtime error: shift exponent 64 is too large"),
    "a cast that does not fit": ("volatile float x = 1e30f; volatile int i = (int)x; (void)i;", "is outside the range"),
    "a pointer astray": ("volatile int64_t k = 1; *(volatile float *)(call->arena + call->at[0] + k) = 1;", "misaligned address"),
}
"""Name -> a statement that is put before the end of a function over arrays of five floats, and what must be found."""
RACES = {
    "sound": ("", ""),
    "threads that write one place": ("sk_share(2, 1 << 20, INT64_MAX, mistaken, call->arena);", "data race"),
}
"""The same for threads; `mistaken` adds 1 to a number of the arena at each step."""
MISTAKEN = """
static void mistaken(const void *what, int member, int64_t begin, int64_t end) {
    (void)member;
    for (int64_t i = begin; i < end; i++) *(volatile int *)what += 1;
}
"""


# ---- in the child --------------------------------------------------------------------------------------------------


def run_mistake(name: str) -> str:
    """x + variable, with a mistake; the right sum where there is none."""
    import dataclasses

    import numpy as np

    from symkeras import ops
    from symkeras.backend.interface import compile_graph
    from symkeras.backend.native.building import executable
    from symkeras.graph import Graph
    from symkeras.graph.variable import Variable

    emit, end, entry = executable.emit, "\n    return 0;\n}", "\nint symkeras_run(sk_call *call);\n"
    statement = {**MISTAKES, **RACES}[name][0]

    def mistaken(*args: Any) -> Any:
        emission = emit(*args)
        source = emission.source
        assert source.count(end) == 1 and source.count(entry) == 1
        source = source.replace(entry, (MISTAKEN if "mistaken" in statement else "") + entry)
        return dataclasses.replace(emission, source=source.replace(end, f"\n    {{ {statement} }}{end}"))

    executable.emit = mistaken
    try:
        x, v = ops.placeholder("f32[5]", "x"), Variable(np.arange(5, dtype="float32"), name="v")
        y = ops.tanh(x) + v
        compiled = compile_graph(Graph([x.node], [y.node], name="mistake"), BACKEND)
        share_all()
        found = compiled(np.ones(5, "float32"))[0]
    finally:
        executable.emit = emit
    np.testing.assert_allclose(found, np.tanh(1) + np.arange(5), rtol=1e-6)
    return ""


def run_op(name: str, level: str) -> str:
    """All samples of an op in one graph, against the reference."""
    from symkeras import ops
    from symkeras.backend.interface import compile_graph
    from symkeras.backend.native.text import TYPES
    from symkeras.graph import Graph, TensorType, dtypes
    from symkeras.graph.node import reachable
    from symkeras.ops.evaluation import evaluate
    from symkeras.ops.op import OPS
    from tests.ops.check_op import draw, with_gradients
    from tests.tolerances import assert_alike

    op = OPS[name]
    inputs, outputs, arrays, left_out = [], [], [], 0
    for k, sample in enumerate(op.samples):
        drawn = draw(sample)
        own = [ops.placeholder(TensorType(a.shape, dtypes.standardize(a.dtype)), f"s{k}_x{j}") for j, a in enumerate(drawn)]
        results = with_gradients(op, sample, own)
        if any(t.dtype not in TYPES for n in reachable([r.node for r in results]) for t in n.types):
            left_out += 1
            continue
        inputs += own
        outputs.append(results)
        arrays += drawn
    graph = Graph([t.node for t in inputs], [t.node for results in outputs for t in results], name=name)
    expected = evaluate(graph, arrays)[0]
    found = compile_graph(graph, BACKEND, level=level)(*arrays)
    rows = ["layer" if k else "op" for results in outputs for k in range(len(results))]
    for k, (a, e, row) in enumerate(zip(found, expected, rows, strict=True)):
        assert_alike(a, e, row, BACKEND, f"result {k} of {name}")
    return f"{len(outputs)} samples" + (f", {left_out} of dtypes that native refuses" if left_out else "")


def run_large(kind: str, name: str) -> str:
    """A row of `many_shapes` or `shared_work`, by one thread and by two."""
    from symkeras.backend.interface import compile_graph
    from symkeras.ops.evaluation import evaluate
    from tests.backend.native import many_shapes, shared_work
    from tests.tolerances import assert_alike

    graph, arrays = (shared_work if kind == "shared" else many_shapes).build(name)
    compiled = compile_graph(graph, BACKEND)
    share_all()
    expected = compiled(*arrays) if name in shared_work.UNDEFINED else evaluate(graph, arrays)[0]
    for threads in _threads():
        for k, (a, e) in enumerate(zip(compiled(*arrays), expected, strict=True)):
            assert_alike(a, e, "graph", BACKEND, f"result {k} with {threads} threads")
    return ""


def run_workload(name: str, level: str) -> str:
    """Predictions and two training steps of a small model, the last batch smaller, and a larger batch by two threads."""
    import numpy as np

    from symkeras import tree
    from symkeras.utils import set_random_seed
    from tests.models.small_workloads import WORKLOADS, data
    from tests.models.test_same_training import OPTIMIZERS
    from tests.tolerances import TOLERANCES

    rtol, atol = TOLERANCES["graph"]["float32"]
    make = next(w for w in WORKLOADS if w.__name__ == name)
    (x, y, loss), (many, many_y, _) = data(name), data(name, 301)
    expected: dict[str, Any] = {}
    for backend in ("interpreter", BACKEND):
        set_random_seed(3)
        model = make()
        model.compile(OPTIMIZERS[name](), loss, backend=backend, **({} if backend == "interpreter" else {"level": level}))
        found: dict[str, Any] = {"predict": model.predict(x, verbose=0)}
        if backend == BACKEND:
            share_all()
        for _ in _threads():
            model.fit(x, y, batch_size=6, verbose=0)
            model.fit(many, many_y, batch_size=301, verbose=0)
        found |= {f"variable {k}": v.numpy() for k, v in enumerate([*model.variables, *model.optimizer.variables])}
        found |= {"evaluate": model.evaluate(x, y, verbose=0), "predict many": model.predict(many, batch_size=301, verbose=0)}
        expected = expected or found
        for key, values in expected.items():
            for a, e in zip(tree.flatten(found[key]), tree.flatten(values), strict=True):
                assert np.isfinite(a).all(), key
                np.testing.assert_allclose(a, e, rtol=rtol, atol=atol, err_msg=key)
    return ""


def share_all() -> None:
    """Let the team share even what is not worth it."""
    import ctypes

    ctypes.CDLL(None).sk_team_be_eager(1)


def _threads() -> Iterator[int]:
    from symkeras.backend.native.building import executable

    for executable._threads in (1, int(THREADS)):
        yield executable._threads


def run_fault(name: str) -> str:
    """An index out of range ends the call before anything is written or read."""
    import numpy as np

    from symkeras import ops
    from symkeras.backend.interface import compile_graph
    from symkeras.graph import Graph

    x, i = ops.placeholder("f32[5, 3]", "x"), ops.placeholder("i32[4]", "i")
    y = ops.take(x, i, axis=0) * 2.0
    compiled = compile_graph(Graph([x.node, i.node], [y.node], name="fault"), BACKEND)
    for index in (5, -6, 2**31 - 1, -(2**31)):
        try:
            compiled(np.ones((5, 3), "float32"), np.array([0, 1, index, 2], "int32"))
        except IndexError:
            continue
        raise AssertionError(f"index {index} was taken")
    return ""


RUNS: dict[str, Callable[..., str]] = {
    "mistake": run_mistake, "op": run_op, "fault": run_fault, "shapes": partial(run_large, "shapes"), "shared": partial(run_large, "shared"),
    "workload": run_workload,
}  # fmt: skip


def child(watch: Watch) -> None:
    """Do the rows that come in, one line each; answer each with a line."""
    from symkeras.backend import interface

    global BACKEND
    BACKEND = watch.backend
    os.environ.pop("LD_PRELOAD", None)  # not for the compiler
    interface.register(BACKEND, f"symkeras.backend.native.building.sanitized:{watch.kind}")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        kind, *words = line.rstrip("\n").split("\t")
        try:
            answers.write(f"ok\t{RUNS[kind](*words)}\n")
        except Exception as error:
            import traceback

            traceback.print_exc()
            answers.write(f"wrong\t{str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}\n")


# ---- in the parent -------------------------------------------------------------------------------------------------


class Watched:
    """The child: started when needed, and again after it was stopped; `errors` takes what it prints."""

    def __init__(self, name: str, errors: IO[str]) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._name, self._errors = name, errors

    def run(self, row: Sequence[str]) -> tuple[str, str, str]:
        """How a row went ("ok", "wrong" or "stopped"), a word on it, and what the child printed meanwhile."""
        if self._child is None or self._child.poll() is not None:
            command = [*fixed_addresses(), sys.executable, "-m", "tests.backend.native.sanitize", "--child", self._name]
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=ROOT, env=environment(WATCHES[self._name])
            )
        assert self._child.stdin is not None and self._child.stdout is not None
        start = self._errors.seek(0, os.SEEK_END)
        try:
            self._child.stdin.write("\t".join(row) + "\n")
            self._child.stdin.flush()
            answer = self._child.stdout.readline()
        except BrokenPipeError:
            answer = ""
        how, _, note = answer.rstrip("\n").partition("\t") if answer else ("stopped", "", f"exit status {self._child.wait()}")
        self._errors.seek(start)
        return how, note, self._errors.read()

    def close(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
            self._child.wait()


def fixed_addresses() -> list[str]:
    """A command that runs another without random addresses, with which ThreadSanitizer's map of memory does not always agree."""
    setarch = shutil.which("setarch")
    return [setarch, "-R"] if setarch else []


def environment(watch: Watch) -> dict[str, str]:
    """With the sanitizer's library before all others, memory filled with NaN, and entries in a folder of their own."""
    from symkeras.backend.native.building import cache, toolchain

    found = toolchain.compiler()
    if found.name != "gcc":
        raise SystemExit(f"this preloads the sanitizers of gcc, and the compiler is {found.version}: set CC to a gcc")
    command = [*found.command, f"-print-file-name={watch.library}"]
    library = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not os.path.isabs(library):
        raise SystemExit(f"{found.version} has no {watch.library}: install it, on Debian libgcc-{found.version.split()[-1].partition('.')[0]}-dev")
    place = cache.folder()
    own = {"SYMKERAS_CACHE": str(place / "sanitized")} if place is not None else {}
    return {**os.environ, "LD_PRELOAD": library, "SYMKERAS_THREADS": THREADS, **watch.settings, **own}


def rows(levels: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Everything there is to run, and under which watch."""
    from symkeras.ops.op import OPS
    from tests.backend.native.many_shapes import SHAPES
    from tests.backend.native.shared_work import WORK
    from tests.backends import refused_by_some
    from tests.models.small_workloads import WORKLOADS

    here = [name for name, op in OPS.items() if op.samples and name not in refused_by_some()]
    named: list[tuple[str, ...]] = [("op", name, level) for level in levels for name in here]
    named += [("fault", "index"), *(("shapes", name) for name in SHAPES)]
    shared: list[tuple[str, ...]] = [("shared", name) for name in WORK]
    shared += [("workload", w.__name__, level) for level in levels for w in WORKLOADS]
    return [*(("memory", r) for r in (*named, *shared)), *(("races", r) for r in shared)]


def main() -> int:
    """The exit status: 1 where anything was found, or a mistake was not."""
    parser = argparse.ArgumentParser(description="Run what the native backend emits under sanitizers of memory, arithmetic and threads.")
    parser.add_argument("words", nargs="*", help="run the rows that contain one of these")
    parser.add_argument("--levels", default="O2", help="levels of the compiler, with commas; default O2")
    parser.add_argument("--child", choices=WATCHES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(WATCHES[given.child])
        return 0
    chosen = [(w, r) for w, r in rows(given.levels.split(",")) if not given.words or any(word in " ".join((w, *r)) for word in given.words)]
    if not chosen:
        parser.error(f"no row contains {' or '.join(given.words)}")
    start, findings = time.perf_counter(), []
    for name in WATCHES:
        own = [r for w, r in chosen if w == name]
        mistakes = [("mistake", m) for m in (RACES if name == "races" else MISTAKES)] if own else []
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            watched = Watched(name, errors)
            findings += [f"{name} {' '.join(row)}" for row in (*mistakes, *own) if not passes(watched, name, row)]
            watched.close()
    print(f"{len(chosen)} rows in {time.perf_counter() - start:.0f} s: {len(findings)} findings" + "".join(f"\n  {f}" for f in findings))
    return 1 if findings else 0


def passes(watched: Watched, name: str, row: Sequence[str]) -> bool:
    """Whether a row went as it must; prints how it went."""
    start = time.perf_counter()
    how, note, printed = watched.run(row)
    seconds = time.perf_counter() - start
    mark = (RACES if name == "races" else MISTAKES)[row[1]][1] if row[0] == "mistake" else ""
    is_right = how == "stopped" and mark in printed if mark else how == "ok"
    text = "found, as it must be" if is_right and mark else f"{how} {note}" if is_right else f"{how.upper()} {note}"
    print(f"{name} {' '.join(row):48} {seconds:6.1f} s  {text}", flush=True)
    for line in [] if is_right else printed.strip().splitlines()[:60]:
        print(f"    {line}", flush=True)
    return is_right


if __name__ == "__main__":
    sys.exit(main())
