"""Checkpoints in pieces: written by any number of devices, read by any other; never half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symkeras import distribution
from symkeras.errors import DataError
from tests.distribution.processes import lines, run
from tests.distribution.small_training import X, expect, net, result

SAVE = """
from tests.distribution.small_training import *
if COUNT > 1:
    join()
mesh = distribution.DeviceMesh((1, distribution.get_device_count()), ("batch", "model"))
layouts = distribution.LayoutMap(mesh)
layouts[".*kernel"] = (None, "model")
distribution.set_distribution(distribution.ModelParallel(layout_map=layouts))
model = net()
check("trained.npz", result(model, 1))
distribution.save_checkpoint(model, "saved")
expected = model.predict(X, verbose=0)
if RANK == 0:
    np.save("expected.npy", expected)
"""
LOAD = """
from tests.distribution.small_training import *
distribution.set_distribution(distribution.DataParallel())
model = net()
distribution.load_checkpoint(model, "saved")
np.testing.assert_allclose(model.predict(X, batch_size=33, verbose=0), np.load("expected.npy"), rtol=1e-5, atol=1e-6)
print(">", int(model.optimizer.iterations))
"""


@pytest.mark.parametrize(("count", "devices"), [(1, 4), (2, 2)])
def test_weights_in_parts_train_as_on_one_device_and_their_checkpoint_loads_on_another_number(tmp_path: Path, count: int, devices: int) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")
    expect(tmp_path / "trained.npz", 1)
    for done in run(SAVE, count=count, devices=devices, folder=tmp_path):
        lines(done)
    assert sorted(p.name for p in (tmp_path / "saved").iterdir()) == ["layout.json", *(f"pieces-{k:05}.npz" for k in range(count))]
    if count > 1:
        with np.load(tmp_path / "saved" / "pieces-00001.npz") as second:
            assert all(second[n].size < 32 for n in second.files), "each process has written its own parts alone"
    (done,) = run(LOAD, devices=3, folder=tmp_path)
    assert lines(done) == ["3"]
    model = net("numpy")
    distribution.load_checkpoint(model, tmp_path / "saved")
    np.testing.assert_allclose(model.predict(X, verbose=0), np.load(tmp_path / "expected.npy"), rtol=1e-5, atol=1e-6)


def test_without_devices_it_is_one_file_and_replaces_the_one_before(tmp_path: Path) -> None:
    model, other = net("numpy"), net("numpy")
    result(model, 1)
    for _ in range(2):
        distribution.save_checkpoint(model, tmp_path / "saved")
    distribution.load_checkpoint(other, tmp_path / "saved")
    for a, b in zip(model.get_weights() + model.optimizer.get_weights(), other.get_weights() + other.optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def _no_index(folder: Path) -> None:
    (folder / "layout.json").unlink()


def _no_pieces(folder: Path) -> None:
    (folder / "pieces-00000.npz").unlink()


def _fewer_pieces(folder: Path) -> None:
    with np.load(folder / "pieces-00000.npz") as file:
        kept = {n: file[n] for n in file.files if not n.startswith("3@")}
    np.savez(folder / "pieces-00000.npz", **kept)


def _piece_outside(folder: Path) -> None:
    with np.load(folder / "pieces-00000.npz") as file:
        moved = {n.replace("0@0_0", "0@4_4"): file[n] for n in file.files}
    np.savez(folder / "pieces-00000.npz", **moved)


def _odd_index(folder: Path) -> None:
    (folder / "layout.json").write_text('{"format": 1, "processes": [], "variables": 3}')


@pytest.mark.parametrize(
    ("damage", "said"),
    [(_no_index, "there is no checkpoint"), (_no_pieces, "pieces-00000.npz is not there"), (_fewer_pieces, "lacks pieces of"),
     (_piece_outside, "lies outside of its shape"), (_odd_index, "is no checkpoint in pieces")],
)  # fmt: skip
def test_a_damaged_checkpoint_is_an_error_and_changes_nothing(tmp_path: Path, damage: object, said: str) -> None:
    model = net("numpy")
    result(model, 1)
    distribution.save_checkpoint(model, tmp_path / "saved")
    damage(tmp_path / "saved")  # type: ignore[operator]
    before = [w * 2 for w in model.get_weights()]
    model.set_weights(before)
    with pytest.raises(DataError, match=said):
        distribution.load_checkpoint(model, tmp_path / "saved")
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_of_another_model_is_an_error(tmp_path: Path) -> None:
    from symkeras import Input, Sequential, layers

    distribution.save_checkpoint(net("numpy"), tmp_path / "saved")
    with pytest.raises(DataError, match="checkpoint of another model: it holds"):
        distribution.load_checkpoint(Sequential([Input((6,)), layers.Dense(2)]), tmp_path / "saved")
    other = Sequential([Input((6,)), layers.Dense(9), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(4)])
    with pytest.raises(DataError, match=r"checkpoint of another model: .*dense.*kernel is float32 \(6, 9\), saved is"):
        distribution.load_checkpoint(other, tmp_path / "saved")
