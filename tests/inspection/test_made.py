"""How long a function took to compile, and why it was compiled again."""

import time

import numpy as np
import pytest

from symkeras import Input, Sequential, function, layers, ops
from tests.backends import missing


def small(backend="numpy"):
    model = Sequential([Input((3,)), layers.Dense(4, name="first")], name="small")
    model.compile(optimizer="adam", loss="mse", backend=backend)
    return model


def reasons(c, what="compiled"):
    return [m.reason for m in c.made if m.what == what]


@pytest.mark.parametrize("kind", ["numpy", pytest.param("native", marks=pytest.mark.skipif(bool(missing("native")), reason="needs a C compiler"))])
def test_lowering_emission_and_build_have_times(kind):
    start = time.time()
    c = small(kind).executable("predict")
    assert list(c.history.times) == ["passes", "lowering", "emission", "build"] and min(c.history.times.values()) > 0
    made = c.inspect.to_dict()["made"]
    assert list(made["milliseconds"]) == list(c.history.times)
    (one,) = made["why"]
    assert one["what"] == "compiled" and one["reason"] == "first" and start <= one["when"] <= time.time()


def test_what_runs_the_graph_itself_has_times_of_passes_alone():
    c = small("interpreter").executable("predict")
    assert list(c.history.times) == ["passes"]
    assert c.inspect.to_dict()["made"]["why"][0]["reason"] == "first"


def test_a_variable_that_moves_is_why_a_function_is_compiled_again():
    model = small()
    c = model.executable("predict")
    x = np.ones((5, 3), "float32")
    c(x)
    model.fit(x, np.ones((5, 4), "float32"), verbose=0)  # the optimizer lays the weights one after the other
    c(x)
    assert reasons(c)[0] == "first" and reasons(c)[1].startswith("variable first/") and reasons(c)[1].endswith("lay elsewhere")
    assert "compiled again: variable first/" in str(c.inspect).splitlines()[1]
    assert reasons(c, "bound") == ["batch=5", "batch=5"]


def test_sizes_that_are_new_are_noted_and_few_are_kept():
    c = small().executable("predict")
    for rows in (2, 3, 2):
        c(np.ones((rows, 3), "float32"))
    assert reasons(c, "bound") == ["batch=2", "batch=3"]
    for rows in range(4, 60):
        c(np.ones((rows, 3), "float32"))
    assert len(c.made) <= 16


def test_another_signature_says_what_is_new_in_it():
    f = function(lambda x, k=1: ops.exp(x) * k, backend="numpy")
    one, two = np.ones(3, "float32"), np.ones((2, 2), "float64")
    assert reasons(f.executable(one)) == ["first"]
    assert reasons(f.executable(two)) == ["x is float64[2, 2], was float32[3]"]
    assert reasons(f.executable(two, 2)) == ["k is 2, was 1"]
    assert reasons(f.executable(one)) == ["first"]


def test_another_kind_of_data_is_why_a_model_is_compiled_again():
    model = small()
    x, y = np.ones((5, 3), "float32"), np.ones((5, 4), "float32")
    model.fit(x, y, verbose=0)
    assert reasons(model.executable("train"))[0] == "first"
    model.fit(x, y, sample_weight=np.ones(5, "float32"), verbose=0)
    assert reasons(model.executable("train"))[0] == "another type of sample_weight than before"
