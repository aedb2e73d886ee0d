"""The record as JSON: complete, the same in every process, and safe whatever layers are called."""

import json
import subprocess
import sys

import pytest

from symkeras import Input, Sequential, layers, ops
from symkeras.errors import ConfigError
from symkeras.inspection.data import SCHEMA
from tests.hostile_names import HOSTILE
from tests.inspection.test_screen import MODEL


def compiled(*stack, shape=(4,), which="train"):
    model = Sequential([Input(shape), *stack], name="small")
    model.compile(optimizer="sgd", loss="mse", backend="numpy")
    return model.executable(which)


@pytest.fixture(scope="module")
def data():
    return json.loads(compiled(layers.Dense(8, activation="relu", name="hidden"), layers.Dense(2, name="scores")).inspect.json())


def test_every_stage_is_a_graph_of_named_values(data):
    assert data["schema"] == SCHEMA and [s["number"] for s in data["stages"]] == list(range(-1, len(data["times"])))
    for stage in data["stages"]:
        graph = data["graphs"][stage["graph"]]
        names = [data["values"][k]["name"] for k in dict.fromkeys(graph["values"])]
        assert len(names) == len(set(names)), "two values of a stage have one name"
        present = set(graph["values"])
        assert present.issuperset(i for k in present for i in data["values"][k]["inputs"])
        assert present.issuperset(graph["outputs"]) and present.issuperset(v for pair in graph["updates"] for v in pair)


def test_the_last_stage_has_the_names_and_types_of_the_printed_graph():
    c = compiled(layers.Dense(8, activation="relu", name="hidden"), layers.Dense(2, name="scores"))
    data = c.inspect.to_dict()
    for k in data["graphs"][data["stages"][-1]["graph"]]["values"]:
        v = data["values"][k]
        assert f"%{v['name']}" in str(c.graph) and v["type"] in str(c.graph)


def test_every_emitted_line_leads_to_its_kernels_and_back(data):
    for line in data["emitted"]:
        for k in line["kernels"]:
            assert any(first <= line["number"] <= last for first, last in data["kernels"][k]["lines"])
    assert {k for line in data["emitted"] for k in line["kernels"]} >= {k["number"] for k in data["kernels"] if k["lines"]}


def test_rewrites_and_refusals_point_to_values(data):
    assert any(r["rule"] == "equal" for r in data["rewrites"]) and data["refusals"]
    count = len(data["values"])
    assert all(0 <= r[side] < count for r in data["rewrites"] for side in ("old", "new"))
    assert all(0 <= r["value"] < count and r["reason"] for r in data["refusals"])


def test_origins_name_layer_file_and_line(data):
    origin = next(o for o in data["origins"] if o["layer"].endswith("hidden"))
    assert origin["lines"][0][0].endswith("test_data.py") and isinstance(origin["lines"][0][1], int)
    assert any(o["gradient_of"] for o in data["origins"])


def test_graphs_within_are_graphs_of_their_own():
    data = compiled(layers.LSTM(3), shape=(5, 2), which="predict").inspect.to_dict()
    loops = [v for v in data["values"] if v["op"] == "scan"]
    assert loops and all(v["graphs"] and data["graphs"][v["graphs"][0]]["values"] for v in loops)


def test_json_is_the_same_in_two_processes_but_for_times():
    code = f"{MODEL}\nprint(model.executable('train').inspect.json())"
    texts = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    first, second = ({k: v for k, v in json.loads(t).items() if k not in ("times", "made")} for t in texts)
    assert first == second


def test_names_of_strangers_come_back_as_they_were():
    for name in [n for n in HOSTILE if n and "/" not in n][::3]:
        data = json.loads(compiled(layers.Activation("relu", name=name), which="predict").inspect.json())
        assert any(o["layer"].endswith(name) for o in data["origins"])


def test_a_large_constant_is_not_in_the_data():
    import numpy as np

    table = np.arange(1000, dtype="float32")
    c = compiled(layers.Lambda(lambda x: x[:, :1] + ops.cast(table, "float32")), which="predict")
    assert len(c.inspect.json()) < 50_000


def test_json_is_written_to_a_path_and_says_where_it_cannot_be(tmp_path, data):
    c = compiled(layers.Dense(1), which="predict")
    text = c.inspect.json(tmp_path / "c.json")
    assert (tmp_path / "c.json").read_text() == text
    with pytest.raises(ConfigError, match="cannot be written"):
        c.inspect.json(tmp_path / "none" / "c.json")
