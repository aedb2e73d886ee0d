"""The fixed parts of an exported script; `$name` stands for what `symkeras.backend.numpy.export` fills in."""

SCRIPT = '''\
"""Model "$title" on NumPy alone, written by symkeras $version.

$ports

    $usage

computes the outputs from files of NumPy arrays: inputs first, then outputs; or `from $module import predict`. Needs Python 3.10
and NumPy 2$needs; the weights are in $weights, beside this file.

The kernels are symkeras' own: Copyright the symkeras authors, Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0.
The weights, and the model, are their owner's.
"""

from __future__ import annotations

import os
import sys
import threading
import types
$imports

import numpy as np
$registering
BATCH = $batch
"""Rows computed at a time."""
ARENA_BYTES = $bytes
OFFSETS = $offsets
"""Where each piece of working memory begins, in bytes, for `BATCH` rows or less."""
INPUTS = $inputs
"""Name: shape of a row, and dtype."""
OUTPUTS = $outputs

with np.load(os.path.splitext(os.path.abspath(__file__))[0] + ".npz") as _file:
    WEIGHTS = {name: _file[name] for name in _file.files}

# ---- kernels: each takes its arrays once and returns a function that computes ----


$definitions


kernels = $kernels
NODES = $nodes
"""Ops without a kernel, as functions of the number of rows and their inputs."""
VARIABLES = $variables
CONSTANTS = $constants
for _array in (*VARIABLES, *CONSTANTS):
    _array.flags.writeable = False

# ---- the model: `bind` makes views of working memory for so many rows, `step` is one line per kernel ----


$bind


# ---- predict ----

_memory = np.empty(ARENA_BYTES + 64, np.uint8)
_memory = _memory[-_memory.ctypes.data % 64 :]
_bound: dict[int, tuple] = {}
_lock = threading.Lock()


def _arena(place: int, shape: tuple[int, ...], dtype: str, start: int = 0) -> np.ndarray:
    """The array of `shape` that begins `start` elements into a piece of working memory."""
    item = np.dtype(dtype)
    begin = OFFSETS[place] + start * item.itemsize
    size = int(np.prod(shape, dtype=np.int64)) * item.itemsize
    return _memory[begin : begin + size].view(item).reshape(shape)


def _run(rows: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs for `BATCH` rows or less."""
    count = len(rows[0])
    if count not in _bound:
        _bound[count] = bind(np, kernels, _arena, VARIABLES, CONSTANTS, NODES, {$symbol: count})
    targets, step, outputs, _ = _bound[count]
    for target, x in zip(targets, rows):
        np.copyto(target, x, casting="unsafe")
    step()
    return outputs()


def predict(*inputs):
    """The outputs for rows of each input, in the order of `INPUTS`: an array, or a list in the order of `OUTPUTS`."""
    if len(inputs) != len(INPUTS):
        raise TypeError(f"predict takes {len(INPUTS)} inputs ({', '.join(INPUTS)}), received {len(inputs)}")
    arrays = [np.asarray(x) for x in inputs]
    for (name, (row, _)), x in zip(INPUTS.items(), arrays):
        if x.shape[1:] != row or x.ndim == 0 or len(x) != len(arrays[0]):
            raise ValueError(f"input {name!r} expects the shape {('batch', *row)} with one number of rows for all, received {x.shape}")
    with _lock, np.errstate(all="ignore"):
        parts = [_run([x[k : k + BATCH] for x in arrays]) for k in range(0, len(arrays[0]), BATCH)]
    results = [np.concatenate(p) for p in zip(*parts)] or [np.empty((0, *tail), dtype) for tail, dtype in OUTPUTS.values()]
    return results if len(results) > 1 else results[0]


def main(paths: list[str]) -> None:
    """Read the inputs, write the outputs."""
    count = len(INPUTS)
    if len(paths) != count + len(OUTPUTS):
        sys.exit(f"usage: python {os.path.basename(__file__)} {' '.join(f'{name}.npy' for name in (*INPUTS, *OUTPUTS))}")
    results = predict(*(np.load(path) for path in paths[:count]))
    for path, result in zip(paths[count:], results if len(OUTPUTS) > 1 else [results]):
        np.save(path, result)


if __name__ == "__main__":
    main(sys.argv[1:])
'''

SERVICES = {
    "reference": '''\
def reference(node, dims, inputs, outputs):
    """The value of an op without a kernel, copied into `outputs`."""
    def run():
        results = node(*dims.values(), *inputs)
        for out, r in zip(outputs, results if len(outputs) > 1 else [results]):
            np.copyto(out, r, casting="unsafe")

    return run''',
    "value": '''\
def value(node, dims):
    """A number made of sizes and constants."""
    return np.asarray(node(*dims.values()))''',
}
"""Kernels that are others in a script."""

STAND_INS = {
    "symkeras.backend.numpy.team": '''\
class team:
    """The team of threads that kernels hand equal parts of their work to: it has one member."""

    WORTH, MOST_PARTS = float("inf"), 1

    class TEAM:
        @staticmethod
        def run(jobs):
            for job in jobs:
                job()

    @staticmethod
    def parts(total, cost, most=1):
        return 1

    @staticmethod
    def stretches(total, cost):
        return [slice(0, total)]

    @staticmethod
    def shared(total, cost, job):
        whole = slice(0, total)
        return lambda: job(whole)''',
    "symkeras.backend.emitted.threads": '''\
class threads:
    """How many threads compute."""

    @staticmethod
    def count():
        return 1''',
}
"""By module: what takes its place."""

RESERVED = """
BATCH ARENA_BYTES OFFSETS INPUTS OUTPUTS WEIGHTS NODES VARIABLES CONSTANTS kernels bind predict main team threads reference value np os sys
threading types name _file _array _memory _bound _lock _arena _run
"""
"""Names of the script."""
