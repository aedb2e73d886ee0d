"""`DataParallel` on torch.distributed: two and four processes train as one device."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distribution.processes import lines, run
from tests.distribution.small_training import expect
from tests.distribution.test_lost_processes import KILLED, RESUMED, TRAIN
from tests.distribution.test_processes import START

pytest.importorskip("torch", reason="torch is not installed: pip install 'symkeras[torch]'")


@pytest.mark.parametrize("count", [2, 4])
def test_processes_train_as_one_device_also_where_the_last_batch_is_uneven(tmp_path: Path, count: int) -> None:
    expect(tmp_path / "expected.npz")
    script = """
model = net()
check("expected.npz", result(model))
print(">", distribution.list_devices()[-1], model.predict(X[:5], verbose=0).shape, model.predict(X[:1], verbose=0).shape)
"""
    for done in run(START.replace("join()", "distribution.initialize()") + script, engine="torch", count=count, folder=tmp_path):
        assert lines(done) == [f"cpu:{count - 1} (5, 4) (1, 4)"]


def test_a_killed_process_is_named_and_training_goes_on_from_what_was_saved(tmp_path: Path) -> None:
    import numpy as np

    left, killed = run(TRAIN + KILLED, engine="torch", count=2, folder=tmp_path, VICTIM="1")
    assert killed.code == -9
    said = [line[1:].strip() for line in left.out.splitlines() if line.startswith(">")]
    assert said == ["1 process 1 of 2 is gone, and process 0 cannot go on without it: start all again, from the last checkpoint"], left.err[-2000:]
    expect(tmp_path / "all.npz", epochs=4)
    with np.load(tmp_path / "all.npz") as expected:
        np.savez(tmp_path / "expected.npz", *[expected[n] for n in expected.files[2:]])
    for done in run(TRAIN + RESUMED, engine="torch", count=2, folder=tmp_path):
        assert lines(done) == ["2 2"], "the two epochs that were reported as saved are not done again"
