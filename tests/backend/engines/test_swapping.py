"""The engine is swapped in the middle of a training, and nobody can tell from the losses: weights, optimizer, metrics and random state go along."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, callbacks, layers, metrics, models, ops, optimizers, utils
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.graph.variable import Variable
from tests.backend.engines.engines import MISSING, TRAINING, chosen, each, in_a_process
from tests.tolerances import TOLERANCES

ROUTE = tuple(name for name in ("numpy", "torch", "native", "jax", "tensorflow", "pytensor") if not MISSING.get(name))
STEPS = 2 * len(ROUTE) + 2
"""Two on each, and two at last where it began."""
RTOL, ATOL = TOLERANCES["graph"]["float32"]

pytestmark = pytest.mark.skipif(len(ROUTE) < 3, reason=f"no engine is installed: {'; '.join(filter(None, MISSING.values()))}")


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The batches of a training, without end; of unequal sizes, so that metrics weigh them."""
    rng = np.random.default_rng(2)
    for k in itertools.count():
        x = rng.integers(0, 12, (6 + k % 2, 5)).astype("int32")
        yield x, (x.sum(-1) % 3).astype("int32")


def net() -> Any:
    """Words, dropout and batch normalisation, with an optimizer of many slots."""
    utils.set_random_seed(3)
    hidden = [layers.Embedding(12, 4), layers.Flatten(), layers.Dense(8, activation="relu"), layers.Dropout(0.3), layers.BatchNormalization()]
    model = Sequential([Input((5,), dtype="int32"), *hidden, layers.GaussianNoise(0.1), layers.Dense(3, activation="softmax")])
    model.compile(optimizers.Adam(0.01, amsgrad=True, clipnorm=1.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def state(model: Any) -> list[np.ndarray]:
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def assert_near(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=RTOL, atol=ATOL)


def at_step(k: int) -> str:
    """The backend of a step."""
    return ROUTE[k // 2 % len(ROUTE)]


def test_swapping_by_compile_after_every_second_step_changes_no_loss() -> None:
    data, stays, moves = list(itertools.islice(batches(), STEPS)), net(), net()
    accuracy = metrics.SparseCategoricalAccuracy(name="accuracy")
    for k, (x, y) in enumerate(data):
        if k % 2 == 0:
            moves.compile(moves.optimizer, "sparse_categorical_crossentropy", metrics=[accuracy], backend=at_step(k))
        with chosen("numpy"):
            expected = stays.train_on_batch(x, y)
        np.testing.assert_allclose(moves.train_on_batch(x, y), expected, rtol=RTOL, atol=ATOL, err_msg=f"step {k} on {at_step(k)}")
        assert moves.executable("train").backend == at_step(k)
    assert_near(state(moves), state(stays))


class Swap(callbacks.Callback):
    """Names another default backend after every second batch, within the epoch, and notes what was reported."""

    def __init__(self, moves: bool):
        super().__init__()
        self.moves = moves
        self.seen: list[dict[str, float]] = []
        self.ran: set[str] = set()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(dict(logs or {}))
        self.ran.add(self.model.executable("train").backend)
        if self.moves:
            self.model_backend(len(self.seen))

    def model_backend(self, k: int) -> None:
        from symkeras import config

        config.set_backend(at_step(k))


def test_swapping_within_an_epoch_carries_the_running_metrics_along() -> None:
    seen, after = [], []
    for moves in (False, True):
        model, swap = net(), Swap(moves)
        with chosen("numpy"):
            model.fit(batches(), steps_per_epoch=STEPS // 2, epochs=2, verbose=0, callbacks=[swap])
        assert swap.ran == (set(ROUTE) if moves else {"numpy"})
        seen.append([[logs["loss"], logs["accuracy"]] for logs in swap.seen])
        after.append(state(model))
    np.testing.assert_allclose(seen[1], seen[0], rtol=RTOL, atol=ATOL)
    assert_near(after[1], after[0])


TRAINS_TWO_STEPS = """
import json, sys
import numpy as np
from symkeras import models
model = models.load_model(sys.argv[1])
losses = [model.train_on_batch(np.array(x, "int32"), np.array(y, "int32"))[0] for x, y in json.loads(sys.argv[2])]
model.save(sys.argv[1])
print(json.dumps([model.executable("train").backend, losses]))
"""


def test_processes_that_go_on_from_a_file_on_the_backend_of_their_environment_lose_nothing(tmp_path: Path) -> None:
    path, stays, data = str(tmp_path / "model.keras"), net(), list(itertools.islice(batches(), 2 * len(ROUTE)))
    with chosen("numpy"):
        stays.save(path)
        expected = [stays.train_on_batch(x, y)[0] for x, y in data]
    losses = []
    for k, name in enumerate(ROUTE):
        given = json.dumps([[x.tolist(), y.tolist()] for x, y in data[2 * k : 2 * k + 2]])
        ran, found = json.loads(in_a_process("-c", TRAINS_TWO_STEPS, path, given, backend=name).splitlines()[-1])
        assert ran == name
        losses += found
    np.testing.assert_allclose(losses, expected, rtol=RTOL, atol=ATOL)
    assert_near(state(models.load_model(path)), state(stays))


ALL_IN_ONE = """
import importlib, json, sys
first, engines = sys.argv[1].split(","), sys.argv[2].split(",")
for name in filter(None, first):
    importlib.import_module(name)
import numpy as np
from symkeras import Input, Sequential, layers, utils
rng = np.random.default_rng(0)
x, y = rng.standard_normal((8, 3)).astype("float32"), rng.standard_normal((8, 1)).astype("float32")
models = {}
for name in engines:
    utils.set_random_seed(1)
    models[name] = Sequential([Input((3,)), layers.Dense(4, activation="tanh"), layers.Dropout(0.2), layers.Dense(1)])
    models[name].compile("adam", "mse", backend=name)
losses = {name: [] for name in engines}
for _ in range(3):
    for name, model in models.items():
        losses[name].append(float(model.train_on_batch(x, y)))
print(json.dumps(losses))
"""
INSTALLED = [name for name in ROUTE if name in MISSING]


@pytest.mark.parametrize("first, engines", [
    ([], ROUTE), ([], ROUTE[::-1]), (INSTALLED, ROUTE[1::2] + ROUTE[::2]), (INSTALLED[::-1], ROUTE),
])  # fmt: skip
def test_several_engines_share_a_process_whatever_the_order_of_imports(first: list[str], engines: tuple[str, ...]) -> None:
    losses = json.loads(in_a_process("-c", ALL_IN_ONE, ",".join(first), ",".join(engines)).splitlines()[-1])
    for name, found in losses.items():
        np.testing.assert_allclose(found, losses["numpy"], rtol=RTOL, atol=ATOL, err_msg=name)


@pytest.mark.parametrize("engine", each(TRAINING))
def test_what_was_given_may_be_written_over_as_soon_as_the_call_is_back(engine: str) -> None:
    total, x = Variable(np.zeros(1, "float32"), name="total"), ops.placeholder("f32[256, 256]", name="x")
    long = x
    for _ in range(6):  # so that an engine which computes later is behind
        long = ops.matmul(long, x) / 256.0
    step = compile_graph(Graph([x.node], [], [(total.node, (ops.as_tensor(total) + ops.mean(x) + 0.0 * ops.mean(long)).node)]), engine)
    given = np.zeros((256, 256), "float32")
    for k in range(40):
        given[...] = k
        step(given)
    assert total.numpy().tolist() == [sum(range(40))]
