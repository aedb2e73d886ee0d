"""The benchmarks' models can be built and run, and their figures are put together as they say; nothing is timed."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import symkeras

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
PARAMETERS = {
    "tutorial_mlp": 7_114, "mlp": 669_706, "two_input_lstm": 5_200_610, "convnet": 34_826, "transformer_block": 651_358, "resnet20": 274_042,
}  # fmt: skip
"""The sizes that Keras gives the same models."""
MODULES = ("workloads", "worker", "contenders", "report", "run", "startup")


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The modules of the benchmarks, which are scripts that import each other by plain names."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


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
    assert set(entry["largest_relative_difference_of_losses"]) == {"inference", "training"}
    assert {name: len(rounds) for name, rounds in entry["train_ms_per_step"]["rounds"].items()} == dict.fromkeys(names, 2)


def test_a_peer_without_an_environment_is_absent(benchmarks: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SYMKERAS_PEERS", str(tmp_path))
    there, _, absent = benchmarks["contenders"].present(["keras-jax"])
    assert not there
    assert str(tmp_path) in absent["keras-jax"]
    with pytest.raises(benchmarks["contenders"].ContenderError, match="keras-jxa"):
        benchmarks["contenders"].contender("keras-jxa")


def test_a_worker_says_what_failed_and_goes_on(benchmarks: dict[str, ModuleType]) -> None:
    contenders = benchmarks["contenders"]
    with contenders.Worker(contenders.contender("symkeras")) as worker:
        with pytest.raises(contenders.ContenderError, match="load: KeyError: 'nothing'"):
            worker("load", workload="nothing")
        assert worker("load", workload="tutorial_mlp", steps=1) == PARAMETERS["tutorial_mlp"]


def test_a_contender_with_other_losses_is_not_timed(benchmarks: dict[str, ModuleType], tmp_path: Path) -> None:
    run, workload = benchmarks["run"], benchmarks["workloads"].WORKLOADS["convnet"]
    answers = {"export": None, "adopt": None}
    workers = {
        "symkeras": lambda do, **_: {**answers, "losses": [1.0, 2.0, 4.0]}[do],
        "torch": lambda do, **_: {**answers, "losses": [1.0, 2.0, 4.1]}[do],
    }
    failed: dict[str, str] = {}
    differences = run.check(workload, workers, failed, tmp_path / "weights.npz")
    assert np.isclose(differences["inference"]["torch"], 0.025)
    assert list(workers) == ["symkeras"]
    assert failed["torch"].startswith("other losses in inference than symkeras")


def test_ratios_are_medians_over_rounds_against_the_fastest_keras_backend(benchmarks: dict[str, ModuleType]) -> None:
    times = {"symkeras": [1.0, 3.0, 1.0], "keras-jax": [2.0, 4.0, 4.0], "keras-torch": [9.0, 9.0, 9.0], "torch": [0.5, 0.5, 0.5]}
    found = benchmarks["run"].summary(times, 0.7)
    assert found["fastest_keras"] == "keras-jax"
    assert found["median"]["symkeras"] == 1.0
    assert found["ratio_to_fastest_keras"]["symkeras"] == 0.5
    alone = benchmarks["run"].summary({"symkeras": [1.0]}, 0.7)
    assert alone["fastest_keras"] is None
    assert alone["ratio_to_fastest_keras"] == {}


def test_a_table_is_aligned_and_small_numbers_keep_their_digits(benchmarks: dict[str, ModuleType]) -> None:
    report = benchmarks["report"]
    assert report.table(["a", "value"], [["row", report.number(12345.6)], ["x", report.number(None)]]).splitlines() == [
        "a    value",
        "---  -----",
        "row  12346",
        "x        -",
    ]
    assert report.number(1.234e-8) == "1.23e-08"
