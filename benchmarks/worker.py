"""One contender in a process of its own: reads commands from stdin, a JSON object a line, and answers each with one on stdout.

`python worker.py MODULE`, where MODULE is `symkeras`, `keras`, `torch`, `jax`, `pytensor` or `onnxruntime`. A command is
`{"do": NAME, ...arguments}`; the answer is `{"value": ...}` or `{"error": TEXT}`. The names are the public
methods of `KerasContender`; a contender works only between a command and its answer, so several can stay alive and take turns. What the libraries
print goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import statistics
import sys
import time
from typing import Any

if sys.argv[1:] == ["symkeras"]:
    import symkeras  # noqa: F401  (before NumPy is loaded, so that SYMKERAS_OPENBLAS has effect)

import numpy as np
from other_workloads import ALL
from workloads import SEED, Workload


def rows(data: Any, start: int, stop: int) -> Any:
    """These rows of an array, or of each array of a list."""
    return [a[start:stop] for a in data] if isinstance(data, list) else data[start:stop]


class Contender:
    """What every contender can be told to do; the data are here, the model is the subclass's."""

    workload: Workload
    x: Any
    y: Any

    def versions(self) -> dict[str, str]:
        """The versions of what computes."""
        raise NotImplementedError

    def load(self, workload: str, steps: int | None = None) -> int:
        """Build the model of a workload, with the data of so many steps (of an epoch when None); gives the number of parameters."""
        self.workload = ALL[workload]
        self.draw(steps)
        return self.build()

    def draw(self, steps: int | None = None) -> None:
        """Hold the data of so many steps, of an epoch when None."""
        self.x, self.y = self.workload.data(steps)

    def batches(self, count: int) -> list[tuple[Any, Any]]:
        """The first `count` batches of the data."""
        size = self.workload.batch
        return [(rows(self.x, k, k + size), rows(self.y, k, k + size)) for k in range(0, count * size, size)]

    def train(self) -> float:
        """Train on the data once; gives the milliseconds per step."""
        start = time.perf_counter()
        self.epoch()
        return (time.perf_counter() - start) * 1e3 / self.step_count()

    def predict(self, calls: int, count: int = 1) -> float:
        """Predict `count` rows, again and again; gives the median of the milliseconds per call."""
        x, times = self.workload.inputs(count), []
        for _ in range(calls):
            start = time.perf_counter()
            self.outputs(x)
            times.append((time.perf_counter() - start) * 1e3)
        return statistics.median(times)

    def answers(self, count: int) -> list[float]:
        """The outputs for `count` rows, one after the other."""
        found = self.outputs(self.workload.inputs(count))
        return np.concatenate([np.ravel(a) for a in (found if isinstance(found, list) else [found])]).tolist()

    def peak(self) -> float:
        """The largest resident memory of this process so far, in MiB."""
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20

    def step_count(self) -> int:
        """Training steps in an epoch of the data at hand."""
        first = self.x[0] if isinstance(self.x, list) else self.x
        return len(first) // self.workload.batch

    def build(self) -> int:
        """Make the model of `workload`; gives the number of parameters."""
        raise NotImplementedError

    def epoch(self) -> None:
        """Train on the data once, in random order."""
        raise NotImplementedError

    def outputs(self, x: Any) -> Any:
        """The model's outputs for `x`, as arrays."""
        raise NotImplementedError

    def adopt(self, path: str) -> None:
        """Take the weights of a file that `export` wrote."""
        raise NotImplementedError

    def losses(self, batches: int) -> list[float]:
        """The loss of each of the first batches, as in inference."""
        raise NotImplementedError

    def learn(self, batches: int) -> None:
        """One training step on each of the first batches, in order."""
        raise NotImplementedError


class KerasContender(Contender):
    """A package with the Keras API: `symkeras`, or `keras` with the backend that KERAS_BACKEND names."""

    def __init__(self, module: str):
        self.keras = importlib.import_module(module)
        self.model: Any = None

    def versions(self) -> dict[str, str]:
        found = {self.keras.__name__: self.keras.__version__, "numpy": np.__version__}
        backend = self.keras.config.backend()
        if self.keras.__name__ == "keras":
            found[backend] = importlib.import_module(backend).__version__
        else:
            importlib.import_module("symkeras.backend.interface").get(backend)  # an unknown one is named before anything is timed
            found["backend"] = backend
        return found

    def build(self) -> int:
        self.model = self.workload.build(self.keras)
        return self.model.count_params()

    def export(self, path: str) -> None:
        """Write the weights to an npz file, by path; `adopt` takes them by path, or by order where the paths differ.

        Vectors get some noise: biases, scales and moving averages all start alike, and one taken for another would not show.
        """
        rng = np.random.default_rng(0)
        arrays = dict(zip(self.paths(), map(np.asarray, self.model.get_weights()), strict=True))
        noisy = {p: a + 0.1 * rng.random(a.shape, "float32") if a.ndim == 1 else a for p, a in arrays.items()}
        np.savez(path, **noisy)

    def adopt(self, path: str) -> None:
        with np.load(path) as stored:
            arrays = dict(stored)
        paths = self.paths()
        by_path = set(paths) == set(arrays)
        self.model.set_weights([arrays[p] for p in paths] if by_path else list(arrays.values()))

    def paths(self) -> list[str]:
        """The paths of the weights, without the name of the model that Keras puts before those of a Sequential."""
        return [v.path.removeprefix(f"{self.model.name}/") for v in self.model.weights]

    def losses(self, batches: int) -> list[float]:
        values = []
        for x, y in self.batches(batches):
            self.model.reset_metrics()
            values.append(float(self.model.test_on_batch(x, y, return_dict=True)["loss"]))
        return values

    def learn(self, batches: int) -> None:
        for x, y in self.batches(batches):
            self.model.train_on_batch(x, y)

    def course(self, steps: int) -> list[float]:
        """The losses of the first training steps of a model that is made anew, with random numbers that are the same in every process."""
        self.keras.utils.set_random_seed(SEED)
        self.build()
        found = []
        for x, y in self.batches(steps):
            self.model.reset_metrics()
            found.append(float(self.model.train_on_batch(x, y, return_dict=True)["loss"]))
        return found

    def epoch(self) -> None:
        self.model.fit(self.x, self.y, batch_size=self.workload.batch, epochs=1, verbose=0)

    def outputs(self, x: Any) -> Any:
        return self.model.predict(x, batch_size=len(x[0] if isinstance(x, list) else x), verbose=0)


BY_HAND = {
    "torch": ("torch_models", "TorchContender"), "jax": ("jax_models", "JaxContender"), "pytensor": ("pytensor_models", "PyTensorContender"),
    "onnxruntime": ("onnx_models", "OnnxContender"),
}  # fmt: skip
"""Where the contenders without Keras' API are."""


def make(module: str) -> Contender:
    """The contender that computes with `module`."""
    if module in BY_HAND:
        place, name = BY_HAND[module]
        return getattr(importlib.import_module(place), name)()
    return KerasContender(module)


def serve(module: str) -> None:
    """Answer commands until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    contender = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if contender is None:
                contender = make(module)
            answer = {"value": getattr(contender, command.pop("do"))(**command)}
        except Exception as error:  # the driver names the contender that failed and goes on with the others
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    serve(sys.argv[1])
