"""`DataParallel` over eight devices: losses, weights, metrics and random bits are those of one device."""

from __future__ import annotations

import pytest

from tests.distribution.processes import lines, run

pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")

COMPARED = """
rng = np.random.default_rng(0)
X, Y = rng.standard_normal((83, 6)).astype("float32"), rng.integers(0, 3, 83)
W = rng.uniform(0, 2, 83).astype("float32")
def trained(build, how, **arguments):
    utils.set_random_seed(3)
    model = build()
    distribution.set_distribution(how)
    history = model.fit(X, Y, batch_size=16, epochs=2, verbose=0, **arguments)
    found = [*history.history.values(), *model.get_weights(), *model.optimizer.get_weights(), model.predict(X[:37], verbose=0),
             *np.atleast_1d(model.evaluate(X, Y, verbose=0, batch_size=32))]
    distribution.set_distribution(None)
    return found
def same(build, how, **arguments):
    one, many = trained(build, None, **arguments), trained(build, how, **arguments)
    worst = 0
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
"""
DENSE = """
def net():
    model = Sequential([Input((6,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3),
                        layers.Dense(4, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""


def test_losses_and_weights_are_those_of_one_device_also_where_the_last_batch_is_uneven() -> None:
    script = "assert distribution.get_device_count() == 8\nsame(net, distribution.DataParallel())\nprint('>good')"
    (done,) = run(f"{COMPARED}{DENSE}{script}", devices=8)
    assert lines(done) == ["good"]
