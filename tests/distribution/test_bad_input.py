"""What cannot be distributed is refused with an error that says what would do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, config, distribution, layers
from symkeras.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel, TensorLayout
from symkeras.errors import BackendError, ConfigError, ShapeError
from tests.distribution.processes import lines, run

FOUR = [f"cpu:{k}" for k in range(4)]
MESH = DeviceMesh((2, 2), ("batch", "model"), FOUR)


def layout_map(**layouts: Any) -> LayoutMap:
    found = LayoutMap(MESH)
    found.update({k.replace("_", ".*"): v for k, v in layouts.items()})
    return found


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: DeviceMesh((2, 3), ("a", "b"), FOUR), r"shape \(2, 3\) has 6 places, there are 4 devices: cpu:0"),
        (lambda: DeviceMesh((), (), []), "shape must be positive integers"),
        (lambda: DeviceMesh((4,), ("a", "b"), FOUR), "has 1 axes, axis_names .* names 2"),
        (lambda: DeviceMesh((2, 2), ("a", "a"), FOUR), "different names"),
        (lambda: DeviceMesh((2,), "a", ["cpu:0", "cpu:0"]), "axis_names must be a sequence"),
        (lambda: DeviceMesh((2,), ["a"], ["cpu:0", "cpu:0"]), "every device comes once"),
        (lambda: TensorLayout(("batsh",), MESH), "has no axis 'batsh'. Did you mean 'batch'"),
        (lambda: TensorLayout(("batch", "batch"), MESH), "each once"),
        (lambda: layout_map(_kernel=3), "needs a TensorLayout or a tuple"),
        (lambda: layout_map(**{"(": (None,)}), "no regular expression"),
        (lambda: layout_map(_kernel=(None,), dense_kernel=(None,))["dense/kernel"], "matches several keys"),
        (lambda: LayoutMap("mesh"), "must be a DeviceMesh"),
        (lambda: DataParallel(MESH), "must have one axis"),
        (lambda: DataParallel(MESH, FOUR), "not both"),
        (lambda: DataParallel(devices=[]), "there are 0 devices"),
        (lambda: ModelParallel(layout_map=LayoutMap()), "has no device_mesh"),
        (lambda: ModelParallel(layout_map=layout_map(), batch_dim_name="rows"), "has no axis 'rows'"),
        (lambda: ModelParallel(layout_map={}), "must be a LayoutMap"),
        (lambda: distribution.set_distribution("jax"), "expects a DataParallel, a ModelParallel or None"),
        (lambda: distribution.initialize("here", 2, 0), '"host:port" of process 0'),
        (lambda: distribution.initialize("here:1,there:2", 3, 0), "2 addresses came for 3 processes"),
        (lambda: distribution.initialize("here:1", 2, 2), "below num_processes=2"),
        (lambda: distribution.initialize("here:1", 0, 0), "num_processes .* at least 1, received 0"),
        (lambda: distribution.list_devices(3), "device_type must be"),
        (lambda: distribution.distribute_tensor(np.ones(2), ("batch",)), "layout must be a TensorLayout"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(wrong: Callable[[], Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        wrong()


def test_there_is_one_distribution_at_a_time() -> None:
    a, b = DataParallel(devices=FOUR), DataParallel(devices=FOUR[:2])
    with a.scope():
        with a.scope():
            assert distribution.distribution() is a
        with pytest.raises(ConfigError, match="one distribution at a time"), b.scope():
            pass
        with pytest.raises(ConfigError, match="one distribution at a time"):
            distribution.set_distribution(b)
        assert distribution.distribution() is a
    assert distribution.distribution() is None


@pytest.mark.parametrize(
    ("name", "how", "able"),
    [("numpy", DataParallel(devices=FOUR), "jax and torch can"), ("native", ModelParallel(layout_map=layout_map()), "jax can"),
     ("interpreter", DataParallel(devices=FOUR), "jax and torch can")],
)  # fmt: skip
def test_a_backend_that_cannot_distribute_says_which_can(name: str, how: Any, able: str) -> None:
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", backend=name)
    with how.scope(), pytest.raises(BackendError, match=f"backend '{name}' cannot run it with <{type(how).__name__} .*; {able}"):
        model.fit(np.ones((8, 3)), np.ones((8, 2)), batch_size=4, verbose=0)
    model.fit(np.ones((8, 3)), np.ones((8, 2)), batch_size=4, verbose=0)


@pytest.mark.skipif(config.backend() in ("jax", "torch"), reason="the default backend can distribute")
def test_a_default_backend_without_devices_says_how_to_choose_another() -> None:
    with pytest.raises(BackendError, match=r"'numpy' cannot distribute; jax and torch can: call symkeras.config.set_backend\('jax'\)"):
        DataParallel()


def test_a_mesh_that_does_not_divide_the_batch_is_an_error_before_anything_runs() -> None:
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", backend="jax")
    before = model.get_weights()
    with DataParallel(devices=FOUR).scope():
        with pytest.raises(ShapeError, match=r"a batch of 6 rows cannot be split over the 4 parts of mesh axis 'batch': take 4 or 8 rows"):
            model.fit(np.ones((8, 3)), np.ones((8, 2)), batch_size=6, verbose=0)
        with pytest.raises(ShapeError, match="take 4 rows"):
            model.train_on_batch(np.ones((3, 3)), np.ones((3, 2)))
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_layout_that_does_not_fit_a_variable_names_it() -> None:
    how = ModelParallel(layout_map=layout_map(_kernel=("model", None), _bias=("batch", "model")))
    dense = layers.Dense(2)
    dense.build((None, 3))
    with pytest.raises(ShapeError, match=r"'.*kernel' has shape \(3, 2\): its axis 0 cannot be split over the 2 devices of mesh axis 'model'"):
        how.get_variable_layout(dense.kernel)
    with pytest.raises(ShapeError, match=r"variable 'dense.*/kernel' has shape \(3, 2\)"):
        how.get_variable_layout(symkeras.optimizers.SGD(momentum=0.9).add_variable_from_reference(dense.kernel, "momentum"))
    with pytest.raises(ShapeError, match=r"bias' has shape \(2,\), its layout \('batch', 'model'\) is for 2 axes"):
        how.get_variable_layout(dense.bias)


def test_a_device_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")
    script = """
model = Sequential([Input((3,)), layers.Dense(2)])
model.compile("sgd", "mse")
for wrong in (lambda: distribution.list_devices("gpu"), lambda: model.predict(np.ones((4, 3)), batch_size=4, verbose=0)):
    try:
        with distribution.DataParallel(devices=["cpu:0", "cpu:7"]).scope():
            wrong()
    except BackendError as error:
        print(">", error)
print(">", distribution.list_devices(), distribution.distribute_tensor(np.ones((4, 2)), distribution.TensorLayout(
    ("batch", None), distribution.DataParallel().device_mesh)).addressable_shards[0].data.shape)
"""
    (done,) = run(script, devices=2, folder=tmp_path)
    assert lines(done) == [
        "jax has no devices of the kind 'gpu'; it has cpu:0, cpu:1", "jax has no device 'cpu:7'; it has cpu:0, cpu:1", "['cpu:0', 'cpu:1'] (2, 2)",
    ]  # fmt: skip


def test_torch_needs_a_process_for_each_device(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'symkeras[torch]'")
    script = """
model = Sequential([Input((3,)), layers.Dense(2)])
try:
    with distribution.DataParallel(devices=["cpu:0", "cpu:1"]).scope():
        model.predict(np.ones((4, 3)), verbose=0)
except BackendError as error:
    print(">", error)
"""
    (done,) = run(script, engine="torch", folder=tmp_path)
    (said,) = lines(done)
    assert "one device for each process, here cpu:0; the mesh names cpu:0, cpu:1" in said and "initialize() in as many processes" in said


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_an_index_out_of_range_in_the_rows_of_one_process_is_an_error_in_all_and_writes_nothing(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(engine, reason=f"{engine} is not installed: pip install 'symkeras[{engine}]'")
    script = """
join()
distribution.set_distribution(distribution.DataParallel())
model = Sequential([Input((2,), dtype="int32"), layers.Embedding(4, 3), layers.Flatten(), layers.Dense(2)])
model.compile("sgd", "mse")
before = model.get_weights()
try:
    model.train_on_batch(np.array([[0, 1], [2, 3], [3, 9], [1, 2]]), np.ones((4, 2)))
except IndexError as error:
    print(">", str(error).partition(" (")[0], all((a == b).all() for a, b in zip(before, model.get_weights())))
"""
    for done in run(script, engine=engine, count=2, folder=tmp_path):
        assert lines(done) == ["index 9 is out of range for an axis of size 4 True"]


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_a_process_that_comes_alone_gives_up_after_the_time_that_was_said(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(engine, reason=f"{engine} is not installed: pip install 'symkeras[{engine}]'")
    script = """
try:
    distribution.initialize(f"127.0.0.1:{PORT}", 2, 0)
except DistributionError as error:
    print(">", error, flush=True)
"""
    (done,) = run(script, engine=engine, folder=tmp_path, SYMKERAS_DISTRIBUTION_JOIN_SECONDS="3")
    assert done.out.startswith("> process 0 of 2 did not meet the others at 127.0.0.1:")
