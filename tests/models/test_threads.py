"""Models that are built, compiled and used in several threads at once, and beside fork."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import layers, locks, models
from symkeras.compiler.passes import rules
from symkeras.graph.graph import Graph
from symkeras.lazy import lazy
from symkeras.random import SeedGenerator
from symkeras.utils import get_uid
from tests.patience import SECONDS

pytestmark = pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
"""JAX warns of it wherever it was imported; these children compute nothing on an engine."""
X = np.linspace(-1, 1, 48, dtype="float32").reshape(8, 6)
Y = np.eye(3, dtype="float32")[np.arange(8) % 3]


@pytest.fixture
def hasty() -> Iterator[None]:
    """Python changes threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[int], Any], count: int = 4) -> list[Any]:
    """What `work(k)` gives in each of several threads that begin at the same time; the first error is raised."""
    start, results, errors = threading.Barrier(count, timeout=SECONDS), [None] * count, []

    def run(k: int) -> None:
        try:
            start.wait()
            results[k] = work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return results


def trained(k: int) -> np.ndarray:
    model = models.Sequential(
        [layers.Input((6,)), layers.Dense(4, activation="gelu", kernel_initializer=symkeras.initializers.GlorotUniform(seed=k)),
         layers.BatchNormalization(), layers.Dense(3, activation="softmax", kernel_initializer=symkeras.initializers.GlorotUniform(seed=k))]
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    return model.predict(X, verbose=0)


def test_models_built_and_trained_in_four_threads_are_those_of_one(model_backend: str, hasty: None) -> None:
    expected = [trained(k) for k in range(4)]
    for found, e in zip(in_threads(trained), expected, strict=True):
        np.testing.assert_array_equal(found, e)


def test_one_model_predicts_in_four_threads_from_its_first_call_on(model_backend: str, hasty: None) -> None:
    model = models.Sequential([layers.Input((6,)), layers.Dense(5, activation="tanh"), layers.Dense(2)])
    found = in_threads(lambda k: [model.predict(X[: 8 - k % 2], verbose=0) for _ in range(5)])
    expected = model.predict(X, verbose=0)
    for k, results in enumerate(found):
        for r in results:
            np.testing.assert_allclose(r, expected[: 8 - k % 2], rtol=1e-6)


def test_rules_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trained(0)
    monkeypatch.setattr(rules, "parse", lambda text: pytest.fail(f"{text!r} is parsed again"))
    trained(1)


def test_numbers_and_draws_are_given_once(hasty: None) -> None:
    numbers = in_threads(lambda _: [get_uid("test_threads") for _ in range(500)])
    assert len({n for given in numbers for n in given}) == 2000
    generator = SeedGenerator(3)
    steps = in_threads(lambda _: [int(generator.next()[1]) for _ in range(200)])
    assert sorted(n for given in steps for n in given) == list(range(800))


FORK = """
import os, sys, threading, time
import numpy as np
import symkeras
from symkeras import blas, layers, models
model = models.Sequential([layers.Conv2D(16, 3, input_shape=(28, 28, 3)), layers.GlobalAveragePooling2D(), layers.Dense(10)])
model.compile("sgd", "mse", backend=sys.argv[1])
x = np.random.default_rng(0).random((64, 28, 28, 3), "float32")
expected, before = model.predict(x, verbose=0), blas.get_num_threads()
over = False
def predict():
    while not over:
        model.predict(x, verbose=0)
thread = threading.Thread(target=predict)
thread.start()
failed = []
for k in range(30):
    time.sleep(0.0007 * k)
    child = os.fork()
    if child == 0:
        import faulthandler
        faulthandler.dump_traceback_later(30, exit=True)
        same = np.allclose(model.predict(x, verbose=0), expected, rtol=1e-4) and blas.get_num_threads() == before
        os._exit(0 if same else 1)
    if os.waitpid(child, 0)[1]:
        failed.append(k)
over = True
thread.join()
sys.exit(f"children {failed} failed" if failed else 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_of_fork_predicts_while_another_thread_of_its_parent_does(model_backend: str) -> None:
    run = subprocess.run([sys.executable, "-c", FORK, model_backend], capture_output=True, text=True, timeout=SECONDS)
    assert run.returncode == 0, run.stderr


def held_by_another_thread(*held: Any) -> Callable[[], None]:
    """Let a thread hold locks; what lets go of them."""
    holds, end = threading.Event(), threading.Event()

    def hold() -> None:
        for one in held:
            one.acquire()
        holds.set()
        end.wait()
        for one in held:
            one.release()

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait()

    def let_go() -> None:
        end.set()
        thread.join()

    return let_go


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_every_lock_is_free_in_a_child_of_fork_unless_it_holds_it_itself() -> None:
    plain, reentrant, own = locks.lock(), locks.reentrant_lock(), locks.reentrant_lock()
    let_go = held_by_another_thread(*[one for one in list(locks._made) if one is not own])
    with own:
        child = os.fork()
        if child == 0:
            free = plain.acquire(blocking=False) and reentrant.acquire(blocking=False) and own._is_owned()
            own.release()
            os._exit(0 if free else 1)
    let_go()
    assert os.waitpid(child, 0)[1] == 0


def test_no_module_makes_a_lock_that_a_child_of_fork_could_wait_for() -> None:
    root = os.path.dirname(symkeras.__file__)
    found = []
    for base in (root, os.path.realpath(os.path.join(root, "backend"))):
        for folder, _, files in os.walk(base):
            for name in files:
                if name.endswith(".py") and name not in ("locks.py", "export_text.py"):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        found += [(name, line.strip()) for line in file if re.search(r"threading\.R?Lock\(|import cached_property", line)]
    assert found == [("team.py", "self.go, self.done = threading.Lock(), threading.Lock()")], "a child hires members of its own"


def test_a_lazy_attribute_is_computed_once_without_a_lock() -> None:
    assert isinstance(Graph.__dict__["nodes"], lazy)
    graph = Graph([], [])
    assert graph.nodes is graph.nodes
