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
print(">", net().predict(X[:5 - RANK], verbose=0).shape, len(net().train_on_batch(X[:1], Y[:1])))
"""
    found = run(START + script, count=2, folder=tmp_path)
    assert [lines(done) for done in found] == [["(5, 4) 2"], ["(4, 4) 2"]]


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
        assert lines(done) == [f"process 1 has another model, batch size or value of a weight than process 0; this is process {k}"]


OTHER_DATA = """
n = 43 - 20 * RANK
def batches():
    for k in range(3 - RANK):
        yield X[:16], Y[:16]
model = net()
for wrong in (lambda: model.fit(X[:n], Y[:n], batch_size=16, shuffle=False, verbose=0), lambda: model.fit(batches(), epochs=2, verbose=0),
              lambda: model.evaluate(X + RANK, Y, batch_size=16, verbose=0)):
    try:
        wrong()
    except DistributionError as error:
        print(">", error, flush=True)
os.kill(os.getpid(), 15)
"""


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_processes_that_are_given_other_data_are_told_so_and_do_not_wait_for_each_other(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(engine, reason=f"{engine} is not installed: pip install 'symkeras[{engine}]'")
    for k, done in enumerate(run(START + OTHER_DATA, engine=engine, count=2, folder=tmp_path)):
        who = f"than process 0; this is process {k}"
        assert [line for line in done.out.splitlines() if line.startswith(">")] == [
            f"> process 1 has another number of batches {who}", f"> process 1 has another number of batches {who}",
            f"> process 1 has another batch of data {who}. Every process is given all data; DataParallel(auto_shard_dataset=False) takes rows of "
            "their own"], done.err[-2000:]  # fmt: skip
        assert done.code == -15, "SIGTERM ends a process"
