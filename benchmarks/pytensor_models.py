"""Three of the workloads written by hand in PyTensor: shared variables, `pytensor.grad`, and one function with updates per training step.

Parameters and numbers are those of `jax_models.py`; the data of the epoch are shared variables, and a step picks its rows itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from worker import Contender
from workloads import SEED

Shapes = dict[str, tuple[int, ...]]
Parameters = dict[str, Any]


def dense(p: Parameters, name: str, x: Any) -> Any:
    """x [B, I] to [B, O]."""
    return pt.dot(x, p[f"{name}/kernel"]) + p[f"{name}/bias"]


def relu(x: Any) -> Any:
    return pt.maximum(x, np.float32(0))


def tutorial_mlp(p: Parameters, x: Any) -> Any:
    return dense(p, "dense_1", relu(dense(p, "dense", x)))


def mlp(p: Parameters, x: Any) -> Any:
    return dense(p, "dense_2", relu(dense(p, "dense_1", relu(dense(p, "dense", x)))))


def two_input_lstm(p: Parameters, words: Any, extra: Any) -> Any:
    name, units = "lstm/lstm_cell", 32
    embedded = p["embedding/embeddings"][words.T]
    gates = pt.dot(embedded.reshape((-1, 512)), p[f"{name}/kernel"]) + p[f"{name}/bias"]
    gates = gates.reshape((embedded.shape[0], embedded.shape[1], 4 * units))

    def step(gate: Any, h: Any, c: Any, recurrent: Any) -> Any:
        gate = gate + pt.dot(h, recurrent)
        i, f, g, o = (gate[:, k * units : (k + 1) * units] for k in range(4))
        c = pt.sigmoid(f) * c + pt.sigmoid(i) * pt.tanh(g)
        return pt.sigmoid(o) * pt.tanh(c), c

    zeros = pt.zeros((words.shape[0], units), "float32")
    (h, _), _ = pytensor.scan(step, [gates], [zeros, zeros], [p[f"{name}/recurrent_kernel"]])
    x = pt.concatenate([h[-1], extra], 1)
    for layer in ("dense", "dense_1", "dense_2"):
        x = relu(dense(p, layer, x))
    return dense(p, "main_output", x), dense(p, "aux_output", h[-1])


def crossentropy(logits: Any, y: Any) -> Any:
    """Of one-hot rows."""
    return -(pt.special.log_softmax(logits, axis=1) * y).sum(1).mean()


def two_binary_crossentropies(logits: Any, main: Any, aux: Any) -> Any:
    one, two = ((pt.softplus(x) - x * y).mean() for x, y in zip(logits, (main, aux), strict=True))
    return one + np.float32(0.2) * two


def sgd(w: Any, g: Any, slots: list[Any], n: Any) -> list[tuple[Any, Any]]:
    return [(w, w - np.float32(0.01) * g)]


def rmsprop(w: Any, g: Any, slots: list[Any], n: Any) -> list[tuple[Any, Any]]:
    v = np.float32(0.9) * slots[0] + np.float32(0.1) * g * g
    return [(w, w - np.float32(1e-3) * g / pt.sqrt(v + np.float32(1e-7))), (slots[0], v)]


def adam(w: Any, g: Any, slots: list[Any], n: Any) -> list[tuple[Any, Any]]:
    m = slots[0] + (g - slots[0]) * np.float32(0.1)
    v = slots[1] + (g * g - slots[1]) * np.float32(0.001)
    rate = np.float32(1e-3) * pt.sqrt(1 - np.float32(0.999) ** n) / (1 - np.float32(0.9) ** n)
    return [(w, w - rate * m / (pt.sqrt(v) + np.float32(1e-7))), (slots[0], m), (slots[1], v)]


def shapes(name: str) -> Shapes:
    """Of the weights, by Keras' paths."""
    widths = {"tutorial_mlp": (100, 64, 10), "mlp": (784, 512, 512, 10)}
    found: Shapes = {}
    if name in widths:
        sizes = [(f"dense_{k}" if k else "dense", i, o) for k, (i, o) in enumerate(zip(widths[name], widths[name][1:], strict=False))]
    else:
        found = {"embedding/embeddings": (10_000, 512), "lstm/lstm_cell/kernel": (512, 128), "lstm/lstm_cell/recurrent_kernel": (32, 128),
                 "lstm/lstm_cell/bias": (128,)}  # fmt: skip
        sizes = [("dense", 37, 64), ("dense_1", 64, 64), ("dense_2", 64, 64), ("main_output", 64, 1), ("aux_output", 32, 1)]
    return found | {f"{n}/{w}": s for n, i, o in sizes for w, s in (("kernel", (i, o)), ("bias", (o,)))}


MODELS: dict[str, tuple[Callable[..., Any], Callable[..., Any], int, Callable[..., Any]]] = {
    "tutorial_mlp": (tutorial_mlp, sgd, 0, crossentropy),
    "mlp": (mlp, adam, 2, crossentropy),
    "two_input_lstm": (two_input_lstm, rmsprop, 1, two_binary_crossentropies),
}
"""For each workload its logits, its optimizer with the number of slots, and its loss."""


class PyTensorContender(Contender):
    """Training steps written by hand."""

    data: list[Any] = []

    def versions(self) -> dict[str, str]:
        return {"pytensor": pytensor.__version__, "numpy": np.__version__}

    def draw(self, steps: int | None = None) -> None:
        super().draw(steps)
        arrays = [*listed(self.x), *listed(self.y)]
        if [(d.type.ndim, d.type.dtype) for d in self.data] != [(a.ndim, a.dtype.name) for a in arrays]:
            self.data = [pytensor.shared(a) for a in arrays]
        for shared, a in zip(self.data, arrays, strict=True):  # the function that was compiled reads the same ones
            shared.set_value(a, borrow=True)

    def build(self) -> int:
        logits_of, rule, count, loss_of = MODELS[self.workload.name]
        rng = np.random.default_rng(SEED)
        all_shapes = shapes(self.workload.name)
        drawn = {k: rng.normal(0, 0.05, s) if len(s) > 1 else np.zeros(s) for k, s in all_shapes.items()}
        self.weights = {k: pytensor.shared(a.astype("float32"), k) for k, a in drawn.items()}
        xs = [pt.tensor(f"x{k}", dtype=a.dtype.name, shape=(None, *a.shape[1:])) for k, a in enumerate(listed(self.x))]
        ys = [pt.tensor(f"y{k}", dtype=a.dtype.name, shape=(None, *a.shape[1:])) for k, a in enumerate(listed(self.y))]
        logits = logits_of(self.weights, *xs)
        loss = loss_of(logits, *ys)
        step = pytensor.shared(np.float32(0))
        updates = [(step, step + np.float32(1))]
        for (k, w), g in zip(self.weights.items(), pytensor.grad(loss, list(self.weights.values())), strict=True):
            slots = [pytensor.shared(np.zeros(all_shapes[k], "float32")) for _ in range(count)]
            updates += rule(w, g, slots, step + np.float32(1))
        picked = pt.ivector("picked")
        rows = {x: a[picked] for x, a in zip((*xs, *ys), self.data, strict=True)}
        self.step = pytensor.function([picked], loss, updates=updates, givens=rows)
        self._inference = (xs, ys, logits, loss)
        self._made: dict[str, Any] = {}
        return sum(int(np.prod(s)) for s in all_shapes.values())

    def _function(self, kind: str) -> Any:
        """Made when it is first asked for: compiling takes seconds."""
        xs, ys, logits, loss = self._inference
        if kind not in self._made:
            several = isinstance(logits, tuple)
            outputs = [pt.sigmoid(a) for a in logits] if several else pt.special.softmax(logits, axis=1)
            self._made[kind] = pytensor.function(xs, outputs) if kind == "outputs" else pytensor.function([*xs, *ys], loss)
        return self._made[kind]

    def adopt(self, path: str) -> None:
        with np.load(path) as stored:
            for name, w in self.weights.items():
                w.set_value(stored[name])

    def losses(self, batches: int) -> list[float]:
        return [float(self._function("loss")(*listed(x), *listed(y))) for x, y in self.batches(batches)]

    def learn(self, batches: int) -> None:
        for rows in np.arange(batches * self.workload.batch, dtype="int32").reshape(batches, -1):
            self.step(rows)

    def epoch(self) -> None:
        order = np.random.permutation(self.step_count() * self.workload.batch).astype("int32")
        for rows in order.reshape(self.step_count(), -1):
            self.step(rows)

    def outputs(self, x: Any) -> Any:
        return self._function("outputs")(*listed(x))


def listed(data: Any) -> list[np.ndarray]:
    return data if isinstance(data, list) else [data]
