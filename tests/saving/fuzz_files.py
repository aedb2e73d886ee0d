"""Broken files by the thousand: `python -m tests.saving.fuzz_files --count N [--seed S] [--kind KIND]`.

Good files of every kind (`good_files`) are changed at random (`changes`) and read in child processes with little memory. What may come
of it: an object, or one of our errors, within seconds; weights that refuse a file stay as they were; what was read can be used or refuses
with one of our errors; a child ends as small as it began. Each case follows from its number alone; a case that fails is written beside its report.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.saving.changes import changed_h5, changed_json, changed_member, changed_safetensors, changed_set, changed_text, changed_zip
from tests.saving.good_files import INDEX, LARGE, NAMES, good_files, models

KINDS = tuple(NAMES)
WITH_ARRAYS = ("keras", "legacy", "weights", "legacy_weights", "npz", "shards", "safetensors")
"""What bounds by its own size how much memory it may ask for; configs and graphs may ask for what the machine has."""
MEMORY = 3 * 2**29
"""Address space of a child beyond what it has before it reads."""
ONE_FILE = 2**29
"""Resident memory that one file may take at most."""
CASES, WARM, LEFT = 4000, 500, 2**27
"""How many files a child reads; after how many it has made what is made once; what the others may leave in memory together."""
SECONDS = 20
"""Of the processor that one file may take; it may wait fifteen times as long."""
FAST = next((place for place in ("/dev/shm",) if os.access(place, os.W_OK)), None)
"""Where files cost least."""


def case(folder: Path, number: int, kinds: tuple[str, ...] = KINDS) -> tuple[str, int, bytes]:
    """The kind, model and bytes of a case."""
    rng = random.Random(number)
    kind = rng.choice(kinds)
    if kind == "graph":
        k = rng.randrange(len(os.listdir(folder / "graphs")))
        return kind, k, changed_text(rng, (folder / "graphs" / f"{k}.txt").read_bytes())
    k = rng.randrange(LARGE) if rng.random() < 0.05 else rng.randrange(LARGE, len(os.listdir(folder)) - 1)
    data = (folder / str(k) / NAMES[kind]).read_bytes()
    if kind in ("keras", "npz"):
        return kind, k, changed_zip(rng, data, changed_member)
    change = {"shards": changed_set, "safetensors": changed_safetensors}.get(kind, changed_json if kind.endswith("config") else changed_h5)
    return kind, k, change(rng, data)


class Reader:
    """Reads a case in this process, and says what was wrong about it."""

    def __init__(self, folder: Path):
        self.models = models()
        self.folder = folder

    def read(self, kind: str, k: int, data: bytes, use: bool = False) -> str:
        """What went wrong, or "read" or "refused".

        Args:
            kind: of file.
            k: number of the model that it is of.
            data: what is in it.
            use: whether what was read is used as well.
        """
        from symkeras.errors import SymkerasError

        model = self.models[k % len(self.models)]
        path = self._written(kind, data)
        own = [*model.variables, *(model.optimizer.variables if model.optimizer else ())]
        before = [v.numpy() for v in own]
        peak = _peak()
        try:
            made = self._read(kind, model, path)
            is_read = True
        except SymkerasError as error:
            made, is_read = None, False
            if isinstance(error.__cause__, MemoryError) and kind in WITH_ARRAYS:
                return f"memory: {error}"
            if kind in WITH_ARRAYS and path.name not in str(error):
                return f"the file is not named: {type(error).__name__}: {error}"
            if len(str(error)) > 20_000:
                return f"an error of {len(str(error))} characters"
        except Exception:
            return traceback.format_exc()
        if not is_read and any(v.numpy().tobytes() != b.tobytes() for v, b in zip(own, before, strict=True)):
            return "refused, and the model has changed"
        for v, b in zip(own, before, strict=True):
            v.set(b)
        if use and made is not None:
            try:
                _use(made)
            except (SymkerasError, IndexError, ValueError):
                pass  # an index out of range, the largest of nothing
            except Exception:
                return f"read, and when used: {traceback.format_exc()}"
        if _peak() - peak > ONE_FILE:
            return f"{_peak() - peak} bytes of memory"
        return "read" if is_read else "refused"

    def _written(self, kind: str, data: bytes) -> Path:
        """The file to be read."""
        if kind != "shards":
            path = self.folder / NAMES[kind]
            path.write_bytes(data)
            return path
        place = self.folder / "set"
        shutil.rmtree(place, ignore_errors=True)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(place)
        return place / INDEX

    def _read(self, kind: str, model: Any, path: Path) -> Any:
        from symkeras import models, saving
        from symkeras.callbacks import BackupAndRestore

        if kind in ("keras", "legacy"):
            return saving.load_model(path)
        if kind in ("weights", "legacy_weights", "shards", "safetensors"):
            model.load_weights(path)
        elif kind == "npz":
            backup = BackupAndRestore(path.parent)
            backup.set_model(model)
            backup.on_train_begin()
        elif kind == "graph":
            text = path.read_bytes().decode("utf-8", "replace")
            return saving.deserialize_keras_object({"module": "keras.layers", "class_name": "GraphLayer", "config": {"name": "g", "graph": text}})
        else:
            return models.model_from_json(path.read_bytes().decode("utf-8", "replace"))
        return None


def _use(made: Any) -> None:
    """Call what was read once, on ones, where its inputs are small; graphs are compiled."""
    import numpy as np

    from symkeras.backend.interface import compile_graph
    from symkeras.layers.graph_layer import GraphLayer

    if isinstance(made, GraphLayer):
        inputs = [(n.shape, n.dtype) for n in made.graph.inputs]
    else:
        inputs = [(t.shape, t.dtype) for t in getattr(made, "inputs", None) or ()]
    shapes = [[d if isinstance(d, int) else 2 for d in shape] for shape, _ in inputs]
    if not shapes or any(np.prod([float(d) for d in shape]) > 10_000 for shape in shapes):
        return
    arrays = [np.ones(shape, dtype) for shape, (_, dtype) in zip(shapes, inputs, strict=True)]
    if isinstance(made, GraphLayer):
        compile_graph(made.graph, "numpy", poison=True)(*arrays)
    else:
        made.predict(arrays if len(arrays) > 1 else arrays[0], verbose=0)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _pages(which: int) -> int:
    """Bytes of address space (0) or of resident memory (1)."""
    return int(Path("/proc/self/statm").read_text().split()[which]) * resource.getpagesize()


def child(folder: Path, log: Path, first: int, last: int, kinds: tuple[str, ...]) -> None:
    """Read cases, and write a line for each before and after it."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir=FAST) as work, log.open("a") as lines:
        reader = Reader(Path(work))
        resource.setrlimit(resource.RLIMIT_AS, (_pages(0) + MEMORY, resource.RLIM_INFINITY))
        warm = 0
        for number in range(first, last):
            print(json.dumps([number, None, ""]), file=lines, flush=True)
            kind, k, data = case(folder, number, kinds)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(15 * SECONDS)
            result = reader.read(kind, k, data, use=kind == "graph" or number % 8 == 0)
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
            if number == first + WARM:
                gc.collect()
                warm = _pages(1)
            if number == last - 1 and warm:
                gc.collect()
                if result in ("read", "refused") and _pages(1) - warm > LEFT:
                    result = f"{last - 1 - first - WARM} files have left {_pages(1) - warm} bytes in memory"
            print(json.dumps([number, result, kind]), file=lines, flush=True)


def run(count: int, seed: int = 0, kinds: tuple[str, ...] = KINDS, keep: Path | None = None, report: Callable[[str], Any] = print) -> dict[int, str]:
    """Read `count` cases in children; number -> "read", "refused", or what went wrong.

    Args:
        count: of cases.
        seed: number of the first one.
        kinds: of files.
        keep: a folder for the files that fail.
        report: takes lines for people.
    """
    results: dict[int, str] = {}
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=FAST) as place:
        folder, log = Path(place, "good"), Path(place, "log")
        folder.mkdir()
        good_files(folder)
        number, end = seed, seed + count
        while number < end:
            first, last = number, min(end, number + CASES)
            log.write_text("")
            command = [sys.executable, "-m", "tests.saving.fuzz_files", "--child", str(folder), str(log), str(first), str(last), ",".join(kinds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            if not lines:
                raise RuntimeError(f"the child does not begin: {done.stderr}")
            read = {n: result for n, result, _ in lines if result is not None}
            counts.update(kind for *_, kind in lines if kind)
            number = lines[-1][0] + 1
            if lines[-1][1] is None:
                read[lines[-1][0]] = f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
            for n in failures(read):
                _show(folder, n, kinds, read[n], keep, report)
            results |= read
            report(f"{number - seed} of {count}: {len(failures(results))} failures, {[*results.values()].count('read')} read, {dict(counts)}")
    return results


def _show(folder: Path, n: int, kinds: tuple[str, ...], result: str, keep: Path | None, report: Callable[[str], Any]) -> None:
    """Report a case that went wrong, and keep its file."""
    kind, k, data = case(folder, n, kinds)
    report(f"---- case {n}, {kind} of model {k}: {result}")
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{n}_{NAMES[kind]}").write_bytes(data)


def failures(results: dict[int, str]) -> list[int]:
    """The numbers of the cases that went wrong."""
    return [n for n, result in results.items() if result not in ("read", "refused")]


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        folder, log, first, last, kinds = sys.argv[2:]
        child(Path(folder), Path(log), int(first), int(last), tuple(kinds.split(",")))
        return
    parser = argparse.ArgumentParser(description="Read broken files.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    sys.exit(1 if failures(run(given.count, given.seed, tuple(given.kind or KINDS), given.keep)) else 0)


if __name__ == "__main__":
    main()
