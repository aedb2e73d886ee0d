"""The benchmarks' models can be built and run, and their figures are put together as they say; nothing is timed."""

from __future__ import annotations

import argparse
import importlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import symkeras
from symkeras.graph.types import parse_type
from symkeras.ops.op import OPS

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
PARAMETERS = {
    "tutorial_mlp": 7_114, "mlp": 669_706, "two_input_lstm": 5_200_610, "convnet": 34_826, "transformer_block": 651_358, "resnet20": 274_042,
}  # fmt: skip
"""The sizes that Keras gives the same models."""
MODULES = ("workloads", "other_workloads", "worker", "contenders", "report", "limits", "run", "startup", "op_cases", "ops", "engines")


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The modules of the benchmarks, which are scripts that import each other by plain names."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


def test_every_operation_is_timed_or_there_is_a_reason(benchmarks: dict[str, ModuleType]) -> None:
    cases, without = benchmarks["op_cases"].cases(), benchmarks["op_cases"].WITHOUT
    timed = {c.op for c in cases}
    assert timed | set(without) == set(OPS) and not timed & set(without)
    assert len({c.name for c in cases}) == len(cases)


def test_the_operations_that_are_timed_compute_what_their_types_promise(benchmarks: dict[str, ModuleType]) -> None:
    for case in benchmarks["op_cases"].cases():
        types = OPS[case.op].infer(*map(parse_type, case.types), **case.attrs)
        sizes = [float(np.prod(t.shape)) for t in (*(types if isinstance(types, tuple) else (types,)), *map(parse_type, case.types))]
        assert 1e5 <= max(sizes) <= 4e6, case.name
    case = next(c for c in benchmarks["op_cases"].cases() if c.name == "slice")
    function = benchmarks["ops"].ours(case, benchmarks["ops"].draw(case), "numpy")
    assert list(benchmarks["ops"].best({"numpy": function}, 1, False)) == ["numpy"]


def test_every_workload_is_known(benchmarks: dict[str, ModuleType]) -> None:
    assert set(benchmarks["workloads"].WORKLOADS) == set(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_workload_has_the_size_of_keras_and_takes_its_data(benchmarks: dict[str, ModuleType], name: str) -> None:
    workload = benchmarks["workloads"].WORKLOADS[name]
    model = workload.build(symkeras)
    assert model.count_params() == PARAMETERS[name]
    x, y = workload.data(steps=1)
    inputs, targets = (v if isinstance(v, list) else [v] for v in (x, y))
    assert {len(a) for a in (*inputs, *targets)} == {workload.batch}
    assert [t.shape[1:] for t in model.inputs] == [a.shape[1:] for a in inputs]
    assert len(model.outputs) == len(targets)


OTHER_NAMES = ("tagger", "autoencoder", "depthwise", "gpt", "siamese", "controlled", "mixer", "volumes", "table", "unet")


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_another_workload_takes_its_data(benchmarks: dict[str, ModuleType], name: str) -> None:
    assert set(benchmarks["other_workloads"].OTHERS) == set(OTHER_NAMES)
    workload = benchmarks["other_workloads"].OTHERS[name]
    model = workload.build(symkeras)
    x, y = workload.draw(np.random.default_rng(0), 2)
    assert np.isfinite(model.train_on_batch(x, y, return_dict=True)["loss"])


def test_a_worker_trains_and_its_weights_give_another_the_same_losses(benchmarks: dict[str, ModuleType], tmp_path: Path) -> None:
    first, second = (benchmarks["worker"].KerasContender("symkeras") for _ in range(2))
    for one in (first, second):
        one.load("tutorial_mlp", steps=3)
    path = str(tmp_path / "weights.npz")
    first.export(path)
    for one in (first, second):
        one.adopt(path)
    assert first.losses(3) == second.losses(3)
    assert len(set(first.losses(3))) == 3, "each loss is that of its own batch"
    second.train()
    assert first.losses(3) != second.losses(3)


def test_a_run_compares_losses_and_times_every_contender(benchmarks: dict[str, ModuleType]) -> None:
    contenders, run = benchmarks["contenders"], benchmarks["run"]
    names = ["symkeras", "symkeras-interpreter"]
    there, versions, absent = contenders.present(names)
    assert (list(there), absent) == (names, {})
    assert versions["symkeras-interpreter"]["backend"] == "interpreter"
    options = argparse.Namespace(steps=2, rounds=2, calls=1)
    entry = run.measure(benchmarks["workloads"].WORKLOADS["tutorial_mlp"], there, options)
    assert entry["failed"] == {}
    assert set(entry["largest_relative_difference"]) == {"outputs", "inference", "training"}
    for task in ("train_ms_per_step", "predict_1_rows_ms", "predict_256_rows_ms"):
        assert {name: len(rounds) for name, rounds in entry[task]["rounds"].items()} == dict.fromkeys(names, 2)


def test_a_peer_without_an_environment_is_absent(benchmarks: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SYMKERAS_PEERS", str(tmp_path))
    there, _, absent = benchmarks["contenders"].present(["keras-jax"])
    assert not there
    assert str(tmp_path) in absent["keras-jax"]
    there, _, absent = benchmarks["contenders"].present(["symkeras-abacus"])
    assert not there and "unknown backend 'abacus'" in absent["symkeras-abacus"]
    with pytest.raises(benchmarks["contenders"].ContenderError, match="keras-jxa"):
        benchmarks["contenders"].contender("keras-jxa")


def test_a_worker_says_what_failed_and_goes_on(benchmarks: dict[str, ModuleType]) -> None:
    contenders = benchmarks["contenders"]
    with contenders.Worker(contenders.contender("symkeras")) as worker:
        with pytest.raises(contenders.ContenderError, match="load: KeyError: 'nothing'"):
            worker("load", workload="nothing")
        assert worker("load", workload="tutorial_mlp", steps=1) == PARAMETERS["tutorial_mlp"]


class Answering:
    """A worker that gives the same answers again and again."""

    def __init__(self, **answers: object):
        self.answers = {"export": None, "adopt": None, **answers}
        self.asked: list[str] = []

    def __call__(self, do: str, **arguments: object) -> object:
        self.asked.append(do)
        return self.answers[do]


def test_a_contender_with_other_losses_is_not_timed(benchmarks: dict[str, ModuleType], tmp_path: Path) -> None:
    run, workload = benchmarks["run"], benchmarks["workloads"].WORKLOADS["convnet"]
    workers = {
        "symkeras": Answering(answers=[0.25, -0.5], losses=[1.0, 2.0, 4.0]),
        "torch": Answering(answers=[0.25, -0.5], losses=[1.0, 2.0, 4.1]),
        "jax": Answering(answers=[0.5, -0.5], losses=[1.0, 2.0, 4.0]),
        "onnxruntime": Answering(answers=[0.25, -0.5]),
    }
    failed: dict[str, str] = {}
    differences = run.check(workload, workers, failed, tmp_path / "weights.npz")
    assert differences["outputs"] == {"torch": 0.0, "jax": 0.5, "onnxruntime": 0.0}
    assert np.isclose(differences["inference"]["torch"], 0.025)
    assert list(workers) == ["symkeras", "onnxruntime"]
    assert failed["torch"].startswith("other losses in inference than symkeras")
    assert failed["jax"].startswith("other outputs than symkeras, by 5.0e-01")
    assert workers["onnxruntime"].asked == ["adopt", "answers"], "it cannot train"


def test_ratios_are_medians_over_rounds_against_the_fastest_keras_backend(benchmarks: dict[str, ModuleType]) -> None:
    times = {"symkeras": [1.0, 3.0, 1.0], "keras-jax": [2.0, 4.0, 4.0], "keras-torch": [9.0, 9.0, 9.0], "torch": [0.5, 0.5, 0.5]}
    found = benchmarks["run"].summary(times, {"symkeras": 0.7})
    assert found["fastest"] == {"keras": "keras-jax", "by_hand": "torch"}
    assert found["median"]["symkeras"] == 1.0
    assert found["ratio_to_fastest"]["keras"]["symkeras"] == 0.5
    assert found["ratio_to_fastest"]["by_hand"]["symkeras"] == 2.0
    alone = benchmarks["run"].summary({"symkeras": [1.0]}, {})
    assert alone["fastest"] == alone["ratio_to_fastest"] == {}


def test_ratios_are_printed_beside_targets_and_the_limit(benchmarks: dict[str, ModuleType], capsys: pytest.CaptureFixture[str]) -> None:
    times = {"symkeras": [2.0], "symkeras-native": [1.0], "keras-jax": [2.0], "torch": [1.0], "jax": [0.5]}
    entry = {"batch": 32, "failed": {}, "train_ms_per_step": benchmarks["run"].summary(times, {"symkeras": 0.7, "symkeras-native": 0.25})}
    results = {"versions": dict.fromkeys(times), "workloads": {"mlp": entry}, "limits": {"workloads": {"mlp": {"limit_ms": 0.25}}}}
    benchmarks["report"].show_ratios("training", "train_ms_per_step", results)
    *_, ours, native = (" ".join(line.split()) for line in capsys.readouterr().out.splitlines())
    assert ours == "mlp (32) symkeras 1 (keras-jax) 4 (jax) 0.7 no 0.25 12%"
    assert native == "mlp (32) symkeras-native 0.5 (keras-jax) 2 (jax) 0.25 no 0.25 25%"


def swapped(times: dict[str, list[float]], **failed: str) -> dict[str, object]:
    """An entry of the results, with these times of training steps."""
    return {"train_ms_per_step": {"rounds": times}, "first_step_s": {n: [2.0, 1.5] for n in times}, "failed": failed}


def test_tables_of_engines_are_markdown_with_medians_and_minima(benchmarks: dict[str, ModuleType]) -> None:
    engines = benchmarks["engines"]
    entry = swapped({"symkeras-jax": [2.0, 3.0, 2.0], "keras-jax": [4.0, 4.0, 2.0]}, jax="other losses")
    head, line, row = engines.engine_table("jax", {"jax/mlp": entry}).splitlines()
    assert head.startswith("| workload | symkeras-jax | keras-jax | jax | to keras-jax (0.9) | to jax (1.05) | first step: symkeras-jax |")
    assert line.count("---") == head.count("|") - 1
    assert row == "| mlp | 2 (2) | 4 (2) | failed | 0.75 (1) | - | 1.5 | 1.5 | - |"
    losses = {"symkeras-numpy": [2.0, 1.5, *[1.0] * 6], "symkeras-jax": [2.0, 1.5, *[1.0] * 6]}
    rows = engines.swap_table({**swapped({"symkeras-numpy": [2.0], "symkeras-jax": [0.5]}), "losses": losses}).splitlines()
    assert rows[2] == '| `"numpy"` | 2 | 2.000000 | 1.500000 | 1.000000 |'
    assert len(rows) == 2 + len(engines.SWAPPED)


def test_what_was_measured_is_not_measured_again(benchmarks: dict[str, ModuleType]) -> None:
    engines = benchmarks["engines"]
    options = engines.parse(["--engines", "jax", "pytensor", "--workloads", "mlp", "gpt", "--swap", "convnet"])
    keys = [key for _, key, _ in engines.tasks(options, {"swap": {}, "entries": {"jax/mlp": {}}})]
    assert keys == ["convnet", "jax/gpt", "pytensor/mlp", "pytensor/gpt"]
    assert engines.taking_part("pytensor", "gpt") == ("symkeras-pytensor",)
    assert engines.taking_part("jax", "mlp") == ("symkeras-jax", "keras-jax", "jax")


def test_the_limit_counts_operations_and_the_bytes_that_must_move(benchmarks: dict[str, ModuleType]) -> None:
    found = benchmarks["limits"].step(benchmarks["workloads"].WORKLOADS["mlp"])
    rows, sizes = 128, (784, 512, 512, 10)
    products = sum(2 * rows * i * o for i, o in itertools.pairwise(sizes))
    first = 2 * rows * sizes[0] * sizes[1]
    assert 3 * products - first < found["flops"] < 3.1 * products, "the gradient of the inputs is not computed"
    assert found["bytes"]["inputs"] == 4 * rows * (784 + 10)
    parameters = 3 * 2 * 4 * PARAMETERS["mlp"]
    assert parameters < found["bytes"]["variables"] < parameters + 100, "weights and two slots, read and written"
    hidden = 2 * 4 * rows * (512 + 512)
    assert hidden < found["bytes"]["activations"] < 1.1 * hidden, "each hidden layer once; relu is done again"


def test_a_table_of_which_rows_are_changed_moves_those_rows(benchmarks: dict[str, ModuleType]) -> None:
    found = benchmarks["limits"].step(benchmarks["workloads"].WORKLOADS["two_input_lstm"])
    table, rows = 4 * 10_000 * 512, 4 * 32 * 100 * 512
    assert 2 * (table + rows) < found["bytes"]["variables"] < 2 * (table + rows) + 2e6, "its slot moves as a whole: it decays everywhere"


def test_a_table_is_aligned_and_small_numbers_keep_their_digits(benchmarks: dict[str, ModuleType]) -> None:
    report = benchmarks["report"]
    assert report.table(["a", "value"], [["row", report.number(12345.6)], ["x", report.number(None)]]).splitlines() == [
        "a    value",
        "---  -----",
        "row  12346",
        "x        -",
    ]
    assert report.number(1.234e-8) == "1.23e-08"
