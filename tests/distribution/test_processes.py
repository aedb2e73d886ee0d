"""Several processes that train together: the numbers of one device, whoever holds the rows; what is not alike is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distribution.processes import lines, run
from tests.distribution.small_training import expect

pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")

START = """
from tests.distribution.small_training import *
join()
distribution.set_distribution(distribution.DataParallel())
"""


@pytest.mark.parametrize(("count", "devices"), [(2, 1), (4, 2)])
def test_processes_train_as_one_device_also_where_the_last_batch_is_uneven(tmp_path: Path, count: int, devices: int) -> None:
    expect(tmp_path / "expected.npz")
    script = """
model = net()
check("expected.npz", result(model))
print(">", distribution.get_device_count(), model.predict(X[:5], verbose=0).shape)
"""
    for done in run(START + script, count=count, devices=devices, folder=tmp_path):
        assert lines(done) == [f"{count * devices} (5, 4)"]


def test_each_process_may_bring_rows_of_its_own(tmp_path: Path) -> None:
    expect(tmp_path / "expected.npz", epochs=1)
    script = """
distribution.set_distribution(None)
distribution.set_distribution(distribution.DataParallel(auto_shard_dataset=False))
rows = np.r_[0:8, 16:24, 32:38] if RANK == 0 else np.r_[8:16, 24:32, 38:43]
check("expected.npz", result(net(), 1, rows, 8))
print(">", net().predict(X[:5 - RANK], verbose=0).shape)
"""
    found = run(START + script, count=2, folder=tmp_path)
    assert [lines(done) for done in found] == [["(5, 4)"], ["(4, 4)"]]


def test_processes_whose_weights_differ_are_told_so(tmp_path: Path) -> None:
    script = """
model = net()
model.layers[0].kernel.assign_add(np.full((6, 8), RANK, "float32"))
try:
    model.predict(X[:16], verbose=0)
except DistributionError as error:
    print(">", error)
"""
    for k, done in enumerate(run(START + script, count=2, folder=tmp_path)):
        assert lines(done) == [f"processes 1 have another model, batch size or value of a weight than process 0; this is process {k}"]
