"""One screen says what a compiled function is, and but for times is the same in every process."""

import re
import subprocess
import sys

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, layers
from symkeras.inspection.screen import MOST_KERNELS, readable

MODEL = """
from symkeras import Input, Sequential, layers
model = Sequential([Input((4,)), layers.Dense(8, activation="relu", name="hidden"), layers.Dense(2, name="scores")], name="small")
model.compile(optimizer="sgd", loss="mse", backend="numpy")
"""


@pytest.fixture(scope="module")
def train():
    model = Sequential([Input((4,)), layers.Dense(8, activation="relu", name="hidden"), layers.Dense(2, name="scores")], name="small")
    model.compile(optimizer="sgd", loss="mse", backend="numpy")
    return model.executable("train")


def test_the_screen_says_what_it_is_and_how_to_go_on(train):
    text = str(train.inspect)
    assert text.startswith("small_train on numpy, level O2: 42 operations written, ")
    assert "passes that changed something" in text and "flatten-updates" in text
    assert "variables" in text and "find('hidden')" in text and "json()" in text
    assert len(text.splitlines()) <= 45 and max(map(len, text.splitlines())) <= 150


def test_every_call_that_the_screen_offers_works(train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    offered = str(train.inspect).split("go on with")[1].splitlines()[1:]
    calls = [re.split(r"  +", line.strip())[0] for line in offered]
    assert len(calls) == 6
    for call in calls:
        assert eval(f"inspector.{call}", {"inspector": train.inspect}) is not None


def test_kernels_are_those_of_most_operations(train):
    rows = str(train.inspect).split("computes\n")[1].splitlines()[:MOST_KERNELS]
    shown = [int(row.split()[0]) for row in rows]
    flops = train.inspect.cost(batch=1).kernels.column("flops")
    assert [flops[k] for k in shown] == sorted(flops, reverse=True)[:MOST_KERNELS]
    assert {train.inspect.kernels[k].name for k in shown[:2]} == {"hidden_matmul", "d_hidden_matmul"}


def test_the_screen_is_for_the_sizes_that_ran_last():
    f = symkeras.function(lambda x: symkeras.ops.exp(x) @ symkeras.ops.transpose(x), backend="numpy")
    c = f.executable(np.ones((3, 5), "float32"))
    c(np.ones((3, 5), "float32"))
    assert "matmul" in str(c.inspect)


def test_names_of_strangers_stay_on_their_line():
    model = Sequential([Input((3,)), layers.Dense(2, name="a\nb\u2028<script>")], name="m\r\nn")
    text = str(model.executable("predict").inspect)
    assert "<script>" in text and not any(c in text for c in "\r\u2028") and "\nb" not in text


def test_an_executable_without_a_program_has_a_screen_too():
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile(backend="interpreter")
    assert "no kernels: interpreter runs the graph itself" in str(model.executable("predict").inspect)


def test_the_screen_is_the_same_in_two_processes_but_for_times():
    code = f"{MODEL}\nprint(model.executable('train').inspect)"
    texts = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    first, second = (re.sub(r"\d+\.\d\d(?= (ms|passes|lowering|emission|build))", "..", text) for text in texts)
    assert first == second and "compiled in .. ms: .. passes, .. lowering, .. emission, .. build\n" in first


def test_numbers_are_readable():
    assert [readable(n) for n in (0, 9, 999, 1000, 99_949, 999_499, 999_500, 10**9)] == ["0", "9", "999", "1.00k", "99.9k", "999k", "1.00M", "1.00G"]


def test_the_screen_counts_every_step_of_a_loop_as_cost_does():
    def summed(x):
        return symkeras.ops.scan(lambda c, v: (symkeras.ops.tanh(c @ np.eye(8, dtype="float32")) + v, c), np.zeros((4, 8), "float32"), x)[0]

    c = symkeras.function(summed, backend="numpy").executable(np.ones((20, 4, 8), "float32"))
    most = max(c.inspect.cost().kernels.rows, key=lambda row: row["flops"])
    assert most["runs"] == 20
    first = str(c.inspect).split("computes\n")[1].splitlines()[0].split()
    assert first[:3] == [str(most["number"]), most["name"], readable(most["flops"])]
