"""`ModelParallel`: weights, and the slots of the optimizer, in parts on many devices; the numbers are those of one."""

from __future__ import annotations

import pytest

from tests.distribution.processes import lines, run
from tests.distribution.test_data_parallel import COMPARED, DENSE

pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")

SPLIT = """
mesh = distribution.DeviceMesh((2, 4), ("batch", "model"))
layouts = distribution.LayoutMap(mesh)
layouts[".*kernel"] = (None, "model")
layouts[".*dense.*/bias"] = ("model",)
how = distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")
"""


def test_training_over_a_grid_of_devices_is_that_of_one() -> None:
    (done,) = run(f"{COMPARED}{DENSE}{SPLIT}\nsame(net, how)\nprint('>good')", devices=8)
    assert lines(done) == ["good"]


def test_weights_and_slots_lie_in_parts_and_say_so() -> None:
    script = """
    utils.set_random_seed(3)
    model = net()
    distribution.set_distribution(how)
    model.fit(X, Y, batch_size=16, epochs=1, verbose=0)
    from symkeras.graph.residence import value_at
    place = model.executable("train").place
    kernel = model.layers[0].kernel
    for v in (kernel, model.optimizer.slot("momentum", kernel), model.layers[1].gamma):
        print(">", v.shape, value_at(place, v).addressable_shards[0].data.shape)
    """
    (done,) = run(f"{COMPARED}{DENSE}{SPLIT}\n" + "\n".join(line[4:] for line in script.splitlines()), devices=8)
    assert lines(done) == ["(6, 8) (6, 2)", "(6, 8) (6, 2)", "(8,) (8,)"]


def test_values_inside_of_a_model_are_laid_out_as_the_map_or_distribute_tensor_says() -> None:
    script = """
    layouts[".*first/output"] = ("batch", "model")
    class Middle(layers.Layer):
        def call(self, x):
            return distribution.distribute_tensor(x * 2.0, distribution.TensorLayout((None, "model"), mesh))
    def net():
        model = Sequential([Input((6,)), layers.Dense(8, name="first"), Middle(), layers.Dense(4, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model
    same(net, how)
    model = net()
    distribution.set_distribution(how)
    model.fit(X, Y, batch_size=16, epochs=1, verbose=0)
    print(">", str(model.executable("train").graph).count("laid_out") >= 2, model.executable("train").source.count("sharding_constraint") >= 4)
    """
    (done,) = run(f"{COMPARED}{DENSE}{SPLIT}\n" + "\n".join(line[4:] for line in script.splitlines()), devices=8)
    assert lines(done) == ["True True"]
