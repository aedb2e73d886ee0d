import itertools
import json

import numpy as np
import pytest

from symkeras import function, ops
from symkeras.errors import BackendError, InspectionError
from symkeras.inspection.timing import copies
from tests.inspection.models import classifier, recurrent, training_step


@pytest.fixture(scope="module")
def profiled():
    model, x, y = classifier()
    c = model.executable("train")
    before = [w.numpy() for w in model.weights]
    return model, c, c.inspect.profile(x, y, repeat=3), before


def test_profiling_writes_no_variable(profiled):
    model, _, _, before = profiled
    for w, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(w.numpy(), old)


def test_every_kernel_that_has_a_line_has_a_time(profiled):
    _, c, profile, _ = profiled
    for kernel, row in zip(c.inspect.kernels, profile.kernels, strict=True):
        assert (row["seconds"] > 0) == bool(kernel.lines)
        assert row["predicted"] >= row["limit"] >= 0
    assert sum(profile.kernels.column("seconds")) <= profile.seconds * 3


def test_sums_by_layer_and_pass_are_those_of_the_kernels(profiled):
    _, c, profile, _ = profiled
    total = sum(profile.kernels.column("seconds"))
    for table in (profile.layers, profile.passes):
        assert sum(table.column("seconds")) == pytest.approx(total)
    assert {"first", "second", "optimizer/adam"} <= set(profile.layers.column("layer"))
    names = {s.name.split("{")[0] for s in c.inspect.record.stages}
    assert set(profile.passes.column("pass")) <= names
    assert "written" in profile.passes.column("pass")


def test_the_table_has_times_once_profiled(profiled):
    _, c, profile, _ = profiled
    assert c.inspect.table().column("seconds") == profile.kernels.column("seconds")


def test_a_trace_has_every_kernel_one_after_the_other(profiled, tmp_path):
    _, c, profile, _ = profiled
    text = profile.to_chrome_trace(tmp_path / "trace.json")
    events = [e for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if e["ph"] == "X"]
    assert [e["name"] for e in events] == [k.name for k in c.inspect.kernels]
    assert all(a["ts"] + a["dur"] == pytest.approx(b["ts"]) for a, b in itertools.pairwise(events))
    assert json.loads(text)
    with pytest.raises(InspectionError, match="cannot be written"):
        profile.to_chrome_trace(tmp_path / "nowhere" / "trace.json")


def test_kernels_of_loops_and_of_groups_are_timed():
    model, x, y = recurrent()
    profile = model.executable("train").inspect.profile(x, y, repeat=1)
    assert any(r["runs"] == 5 and r["seconds"] > 0 for r in profile.kernels)

    def chain(x):
        return ops.tanh(ops.exp(x * 2.0 + 1.0) - 3.0)

    big = np.zeros((512, 512), "float32")
    c = function(chain).executable(big)
    assert c.emission.groups
    profile = c.inspect.profile(big, repeat=1)
    assert all(r["seconds"] > 0 for r in profile.kernels)


def test_times_of_groups_are_those_of_the_clock_on_the_wall():
    def chain(x):
        return ops.tanh(ops.exp(x * 2.0 + 1.0) - 3.0)

    big = np.zeros((512, 512), "float32")
    profile = function(chain).executable(big).inspect.profile(big, repeat=1)
    assert sum(profile.kernels.column("seconds")) <= profile.seconds


def test_backends_that_do_not_time_say_which_do():
    step, x, y = training_step("interpreter")
    with pytest.raises(BackendError, match="'numpy' and 'native' do"):
        step.inspect.profile(x, y)
    with pytest.raises(InspectionError, match="repeat"):
        step.inspect.profile(x, y, repeat=0)


def test_copies_share_memory_where_the_originals_do():
    flat = np.arange(12.0)
    other = np.zeros(3)
    a, b, c, d = copies([flat, flat[4:8].reshape(2, 2), other, np.zeros((0, 2))])
    a[4] = -1
    assert b[0, 0] == -1
    assert flat[4] == 4
    assert not np.shares_memory(a, flat)
    assert not np.shares_memory(a, c)
    assert d.shape == (0, 2)
