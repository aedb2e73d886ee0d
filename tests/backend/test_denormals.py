"""What becomes of denormal numbers: flushed to zero or kept, on every backend and thread, and the processor as it was afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import symkeras
from symkeras import config, layers, models, ops, optimizers
from symkeras.backend.denormals import Denormals, describe, this_thread_flushes
from symkeras.backend.interface import compile_graph
from symkeras.backend.numpy.team import Team
from symkeras.errors import ConfigError
from symkeras.graph.graph import Graph
from tests import backends
from tests.patience import SECONDS

EVERY = ["interpreter", "numpy", "native"]
SMALL = 1e-30

pytestmark = pytest.mark.skipif("no way" in describe("flush"), reason="no way to flush denormals is known on this system")


@pytest.fixture(params=EVERY)
def every(request: pytest.FixtureRequest) -> str:
    """Each backend there is."""
    if reason := backends.missing(request.param):
        pytest.skip(reason)
    return request.param


def product(name: str, **options: str) -> symkeras.backend.interface.Executable:
    x = ops.placeholder("f32[n]")
    return compile_graph(Graph([x.node], [(x * np.float32(1e-10)).node, (x * np.float32(0.5)).node]), name, **options)


@pytest.mark.parametrize("size", [1, 7, 2_000_000])
def test_denormals_are_flushed_or_kept_by_every_backend_and_thread(every: str, size: int) -> None:
    for way in ("flush", "keep", "flush"):
        f = product(every, denormals=way)
        made, _ = f(np.full(size, SMALL, "float32"))
        assert np.all(made == 0) if way == "flush" else np.all(made > 0), "what is written"
        _, halves = f(np.full(size, 1e-38, "float32"))
        assert np.all(halves == 0) if way == "flush" else np.all(halves > 0), "what is read"
        assert not this_thread_flushes()
        assert f"denormals: {'flushed to zero' if way == 'flush' else 'kept'}" in str(f)


def test_the_processor_is_put_back_to_what_it_was(every: str) -> None:
    x, i = ops.placeholder("f32[n]"), ops.placeholder("i32[m]")
    fails = compile_graph(Graph([x.node, i.node], [ops.take(ops.exp(x), i).node]), every)
    kept = product(every, denormals="keep")
    for before in (True, False):
        with Denormals(before):
            made = kept(np.full(4, SMALL, "float32"))[0]
            assert this_thread_flushes() is before
            with pytest.raises(IndexError):
                fails(np.ones(3, "float32"), np.array([7], "int32"))
            assert this_thread_flushes() is before
        assert np.all(made > 0), "kept, whatever the caller does"
    assert not this_thread_flushes()


def test_members_of_the_team_do_as_their_caller() -> None:
    seen: list[bool] = []
    members, ready = Team(3), threading.Barrier(3, timeout=SECONDS)

    def job() -> None:
        ready.wait()
        seen.append(this_thread_flushes())

    for flush in (True, False, True):
        seen.clear()
        with Denormals(flush):
            members.run([job, job, job])
        assert seen == [flush] * 3


def test_branches_and_loops_flush_too(every: str) -> None:
    x = ops.placeholder("f32[3]")
    loop = ops.scan(lambda c, t: (c * np.float32(1e-6), c), x, length=8)[0]
    branch = ops.cond(ops.sum(x) > 0, lambda: x * np.float32(1e-20), lambda: x)
    for way in ("flush", "keep"):
        results = compile_graph(Graph([x.node], [loop.node, branch.node]), every, denormals=way)(np.full(3, 1e-20, "float32"))
        assert all(np.all((r == 0) == (way == "flush")) for r in results[1:])


@pytest.mark.parametrize("optimizer", [optimizers.SGD(0.1, momentum=0.5), optimizers.Adam(0.1)], ids=["sgd", "adam"])
def test_slots_that_decay_are_never_denormal(every: str, optimizer: optimizers.Optimizer) -> None:
    ends = {}
    for way in ("flush", "keep"):
        symkeras.utils.set_random_seed(0)
        own = type(optimizer).from_config(optimizer.get_config())
        model = models.Sequential([layers.Dense(4, input_dim=3, use_bias=False)])
        model.compile(own, "mse", backend=every, denormals=way)
        zeros = np.zeros((2, 3), "float32")
        model.train_on_batch(zeros, np.zeros((2, 4), "float32"))
        slots = [v for v in own.variables if v.shape == (3, 4)]
        for slot in slots:
            slot.assign(np.full(slot.shape, 2e-38, "float32"))
        for _ in range(12):
            model.train_on_batch(zeros, np.zeros((2, 4), "float32"))
        ends[way] = slots[0].numpy()
    least = np.finfo("float32").tiny
    assert np.all((ends["flush"] == 0) | (ends["flush"] >= least)) and np.all((ends["keep"] > 0) & (ends["keep"] < least))


def test_the_setting_is_one_of_two_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"denormals must be one of 'flush', 'keep', received 'flsh'\. Did you mean"):
        config.set_denormals("flsh")
    with pytest.raises(ConfigError, match="denormals must be"):
        models.Sequential([layers.Dense(1)]).compile("sgd", "mse", denormals=True)
    monkeypatch.setitem(config._state, "denormals", "keep")
    assert product("numpy").denormals == "keep" and product("numpy", denormals="flush").denormals == "flush"
    text = "from symkeras import config; print(config.denormals())"
    run = subprocess.run([sys.executable, "-c", text], env={**os.environ, "SYMKERAS_DENORMALS": "keep"}, capture_output=True, text=True)
    assert run.stdout.strip() == "keep"
