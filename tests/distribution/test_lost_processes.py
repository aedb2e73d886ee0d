"""A process that is killed: the others say so within seconds, and training goes on from what was reported as saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distribution.processes import lines, run
from tests.distribution.small_training import expect

pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")

TRAIN = """
from tests.distribution.small_training import *
import signal, time
join()
distribution.set_distribution(distribution.DataParallel())
class Saved(callbacks.Callback):
    def __init__(self, state):
        super().__init__()
        self.state, self.reported = state, -1
    def on_epoch_end(self, epoch, logs=None):
        self.reported = epoch  # the callbacks before this one have returned
    def on_train_batch_end(self, batch, logs=None):
        if VICTIM == RANK and self.reported == 1 and batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)
VICTIM = int(os.environ.get("VICTIM", "-1"))
begin = [0.0]
model = net()
backup = callbacks.BackupAndRestore("state", delete_checkpoint=False)
saved = Saved("state")
"""
KILLED = """
try:
    result(model, 4, callbacks=[backup, saved])
except DistributionError as error:
    print(">", saved.reported, error, flush=True)
"""
RESUMED = """
found = result(model, 4, callbacks=[backup])
print(">", model._initial_epoch, len(model.history.epoch))
check("expected.npz", [*found[-len(model.get_weights()) - len(model.optimizer.get_weights()):]])
"""


@pytest.mark.parametrize(("victim", "devices"), [(1, 1), (1, 2), (0, 1)])
def test_the_others_say_who_is_gone_and_training_goes_on_from_what_was_saved(tmp_path: Path, victim: int, devices: int) -> None:
    killed = run(TRAIN + KILLED, count=2, devices=devices, folder=tmp_path, VICTIM=str(victim))
    assert killed[victim].code == -9
    left = killed[1 - victim]
    if victim == 0:  # its service is gone with it: JAX itself ends the others, often before Python can say why
        assert left.code not in (0, -9) and ("process 0 of 2 is gone" in left.out or "another task died" in left.err)
        return
    said = [line[1:].strip() for line in left.out.splitlines() if line.startswith(">")]
    gone = f"process {victim} of 2 is gone, and process {1 - victim} cannot go on without it: start all again, from the last checkpoint"
    assert said == [f"1 {gone}"], left.err[-2000:]
    assert left.seconds - killed[victim].seconds < 45, "seconds, also where the machine is busy"
    if devices > 1:
        return
    expect(tmp_path / "all.npz", epochs=4)
    import numpy as np

    with np.load(tmp_path / "all.npz") as expected:
        np.savez(tmp_path / "expected.npz", *[expected[n] for n in expected.files[2:]])
    for done in run(TRAIN + RESUMED, count=2, devices=devices, folder=tmp_path):
        assert lines(done) == ["2 2"], "the two epochs that were reported as saved are not done again"


def test_a_process_that_fails_is_gone_for_the_others_too(tmp_path: Path) -> None:
    script = """
from tests.distribution.small_training import *
join()
distribution.set_distribution(distribution.DataParallel())
model = net()
if RANK == 1:
    raise ValueError("a mistake of this process alone")
try:
    result(model)
except DistributionError as error:
    print(">", error)
"""
    first, second = run(script, count=2, folder=tmp_path)
    assert second.code == 1 and "a mistake of this process alone" in second.err
    assert lines(first) == ["process 1 of 2 is gone, and process 0 cannot go on without it: start all again, from the last checkpoint"]
