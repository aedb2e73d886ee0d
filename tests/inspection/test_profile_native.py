"""Profiles of the native backend: every kernel has a time, of a build of its own, and nothing of the model is touched."""

import json

import numpy as np
import pytest

from symkeras import function, layers, models, ops
from symkeras.backend.native.emission import emit
from symkeras.backend.native.timed_emission import emit_timed
from symkeras.compiler.program.program import BatchTile, RowPass, flat
from tests.backends import missing
from tests.inspection.models import classifier, recurrent

pytestmark = pytest.mark.skipif(bool(missing("native")), reason=missing("native"))


@pytest.fixture(scope="module")
def profiled():
    model, x, y = classifier("native")
    c = model.executable("train")
    before, source = [w.numpy() for w in model.weights], c.source
    return model, c, c.inspect.profile(x, y, repeat=1), before, source


def test_every_kernel_of_a_training_step_that_has_a_line_has_a_time(profiled):
    _, c, profile, _, _ = profiled
    assert profile.backend == "native"
    for kernel, row in zip(c.inspect.kernels, profile.kernels, strict=True):
        assert (row["seconds"] > 0) == bool(kernel.lines), kernel
    assert sum(profile.kernels.column("seconds")) <= profile.seconds


def test_profiling_writes_no_variable_and_leaves_the_normal_build(profiled):
    model, c, _, before, source = profiled
    for w, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(w.numpy(), old)
    assert c.source == source == emit(c.program, denormals=c.denormals).source
    assert "sk_clock" not in source


def test_the_timed_text_is_the_normal_one_with_a_clock(profiled):
    _, c, _, _, _ = profiled
    timed = emit_timed(c.program, c.denormals).emission
    assert [n.attrs["variable"] for n in timed.variables] == [n.attrs["variable"] for n in c.emission.variables]
    assert timed.constants == c.emission.constants
    own = [line for line in timed.source.splitlines() if not any(word in line for word in ("clock", "since", "spent"))]
    assert own == c.source.splitlines()


def test_sums_traces_and_tables_are_made_of_native_times(profiled, tmp_path):
    _, c, profile, _, _ = profiled
    total = sum(profile.kernels.column("seconds"))
    for table in (profile.layers, profile.passes):
        assert sum(table.column("seconds")) == pytest.approx(total)
    assert c.inspect.table().column("seconds") == profile.kernels.column("seconds")
    profile.to_chrome_trace(tmp_path / "trace.json")
    events = [e for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if e["ph"] == "X"]
    assert [e["name"] for e in events] == [k.name for k in c.inspect.kernels]
    assert "on native" in str(profile) and profile.to_dict()["backend"] == "native"


def test_kernels_of_loops_add_up():
    model, x, y = recurrent("native")
    profile = model.executable("train").inspect.profile(x, y, repeat=1)
    assert any(r["runs"] == 5 and r["seconds"] > 0 for r in profile.kernels)
    assert sum(profile.kernels.column("seconds")) <= profile.seconds


def test_kernels_of_batch_tiles_share_the_time_of_the_tile():
    model = models.Sequential([layers.Input((64,)), layers.Dense(64, activation="relu"), layers.Dense(64, activation="tanh"), layers.Dense(8)])
    model.compile(optimizer="sgd", loss="mse", backend="native")
    c = model.executable("predict")
    tiles = [s for s in c.program.steps if isinstance(s, BatchTile)]
    assert tiles
    x = np.random.default_rng(0).standard_normal((2048, 64)).astype("float32")
    for rows in (2048, 2):  # some samples at a time, and step after step
        profile = c.inspect.profile(x[:rows], repeat=1)
        inside = {id(s) for tile in tiles for s in flat(tile.steps)}
        rows_of = [r for r, k in zip(profile.kernels, c.inspect.kernels, strict=True) if id(k.step) in inside]
        assert rows_of and all(r["seconds"] > 0 for r in rows_of)
        assert sum(profile.kernels.column("seconds")) <= profile.seconds


def test_kernels_of_row_passes_share_the_time_of_the_pass():
    model = models.Sequential([layers.Input((6,), dtype="int32"), layers.Embedding(500, 8), layers.Flatten(), layers.Dense(2)])
    model.compile(optimizer="rmsprop", loss="mse", backend="native")
    x, y = np.arange(60).reshape(10, 6).astype("int32"), np.zeros((10, 2), "float32")
    model.fit(x, y, verbose=0)
    c = model.executable("train")
    passes = [s for s in c.program.steps if isinstance(s, RowPass)]
    assert passes
    profile = c.inspect.profile(x, y, repeat=1)
    inside = {id(s) for one in passes for s in one.steps}
    assert all(r["seconds"] > 0 for r, k in zip(profile.kernels, c.inspect.kernels, strict=True) if id(k.step) in inside)
    assert sum(profile.kernels.column("seconds")) <= profile.seconds


def test_an_error_of_a_timed_kernel_names_its_line():
    c = function(lambda table, i: ops.take(table, i, axis=0), backend="native").executable(np.ones((3, 2), "float32"), np.zeros(2, "int32"))
    with pytest.raises(IndexError, match=r"out of range .*test_profile_native\.py"):
        c.inspect.profile(np.ones((3, 2), "float32"), np.array([0, 7], "int32"))


def test_a_function_compiled_again_since_is_profiled_as_it_is_now():
    first = layers.Dense(4, name="first")
    model = models.Sequential([layers.Input((3,)), first])
    model.compile(optimizer="adam", loss="mse", backend="numpy")
    c = model.executable("predict")
    before = c.inspect
    x, y = np.ones((5, 3), "float32"), np.ones((5, 4), "float32")
    model.fit(x, y, verbose=0)  # the optimizer lays the weights one after the other
    for inspector in (c.inspect, before):
        assert sum(inspector.profile(x, repeat=1).kernels.column("seconds")) > 0
