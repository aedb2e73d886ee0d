"""`KerasClassifier` and `KerasRegressor` of Keras 2."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import Sequential, layers
from symkeras.errors import ConfigError
from symkeras.wrappers.scikit_learn import KerasClassifier, KerasRegressor

X = np.random.RandomState(0).randn(40, 3).astype("float32")
KINDS = np.where(X[:, 0] > 0, "high", "low")


def build(units=4, outputs=1, loss="binary_crossentropy", rate=0.1):
    from symkeras.optimizers import Adam

    last = {"mse": None, "binary_crossentropy": "sigmoid"}.get(loss, "softmax")
    model = Sequential([layers.Dense(units, "relu", input_shape=(3,)), layers.Dense(outputs, last)])
    model.compile(Adam(rate), loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize(("outputs", "loss"), [(1, "binary_crossentropy"), (2, "categorical_crossentropy"), (2, "sparse_categorical_crossentropy")])
def test_classes_of_any_kind_are_learned(outputs, loss):
    classifier = KerasClassifier(build_fn=build, outputs=outputs, loss=loss, epochs=30, batch_size=10, verbose=0)
    assert len(classifier.fit(X, KINDS).epoch) == 30
    assert classifier.predict_proba(X).shape == (40, 2) and set(classifier.predict(X)) == {"high", "low"}
    assert classifier.score(X, KINDS) == pytest.approx((classifier.predict(X) == KINDS).mean()) and classifier.score(X, KINDS) > 0.8


def test_one_hot_targets_are_classes_by_number():
    classifier = KerasClassifier(build, outputs=2, loss="categorical_crossentropy", nb_epoch=2, verbose=0)
    classifier.fit(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    assert classifier.classes_.tolist() == [0, 1] and set(classifier.predict(X)) <= {0, 1}


def test_regressors_score_by_their_loss():
    regressor = KerasRegressor(build, loss="mse", verbose=0)
    regressor.fit(X, X[:, 0], epochs=20)
    assert regressor.predict(X).shape == (40,)
    assert regressor.score(X, X[:, 0]) == pytest.approx(-((regressor.predict(X) - X[:, 0]) ** 2).mean(), rel=1e-4)


def test_arguments_are_kept_and_those_nobody_takes_refused():
    classifier = KerasClassifier(build, units=3, epochs=2)
    assert classifier.get_params() == {"build_fn": build, "units": 3, "epochs": 2}
    assert classifier.set_params(units=5).get_params()["units"] == 5
    with pytest.raises(ConfigError, match="'unit' is an argument of neither"):
        KerasClassifier(build, unit=3)
    with pytest.raises(ConfigError, match="build_fn must be a function"):
        KerasClassifier()
    with pytest.raises(ConfigError, match="compiled model"):
        KerasClassifier(lambda: Sequential(), verbose=0).fit(X, KINDS)


def test_a_subclass_may_be_its_own_function():
    class Own(KerasRegressor):
        def __call__(self, units=2):
            return build(units, loss="mse")

    regressor = Own(units=3, verbose=0)
    regressor.fit(X, X[:, 0])
    assert regressor.model.layers[0].units == 3


def test_grids_are_searched():
    selection = pytest.importorskip("sklearn.model_selection")
    search = selection.GridSearchCV(KerasClassifier(build, epochs=1, batch_size=20, verbose=0), {"units": [2, 4]}, cv=2, n_jobs=1)
    search.fit(X, KINDS)
    assert search.best_params_["units"] in (2, 4) and search.best_estimator_.model.layers[0].units == search.best_params_["units"]
