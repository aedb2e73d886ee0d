"""Models as scikit-learn's estimators, which pass scikit-learn's own checks; without it they say what to install."""

from __future__ import annotations

import pickle
import unittest
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, utils, wrappers
from symkeras.errors import ConfigError
from symkeras.wrappers.estimators import ScikitLearnMissingError

HAS_SKLEARN = find_spec("sklearn") is not None
needs_sklearn = pytest.mark.skipif(not HAS_SKLEARN, reason="scikit-learn is not installed")

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.5]


def network(X: Any, y: Any, loss: str = "mse", activation: str = "linear", widths: Any = (10,)) -> Any:
    utils.set_random_seed(0)  # so that one fit is as the other
    inputs = hidden = Input(X.shape[1:])
    for width in widths:
        hidden = layers.Dense(width, activation="relu")(hidden)
    model = Model(inputs, layers.Dense(y.shape[1], activation=activation)(hidden))
    model.compile("rmsprop", loss)
    return model


def line(optimizer: Any = "sgd") -> Any:
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


ESTIMATORS: list[Any] = []
FAILS = {
    "SKLearnClassifier": {
        "check_classifiers_one_label_sample_weights": "a sample of weight 0 still says that there is a class",
        "check_classifiers_classes": "some few steps do not separate all classes",
        "check_classifiers_train": "decision_function gives a column for each of two classes",
    },
    "SKLearnRegressor": {"check_regressor_multioutput": "predictions have the dtype of the model, float32"},
}  # fmt: skip
if HAS_SKLEARN:
    from sklearn.utils.estimator_checks import parametrize_with_checks  # type: ignore[import-not-found]

    CLASSES = {"loss": "categorical_crossentropy", "activation": "softmax", "widths": [20, 20, 20]}
    ESTIMATORS = [
        wrappers.SKLearnClassifier(network, model_kwargs=CLASSES, fit_kwargs={"epochs": 5, "verbose": 0}),
        wrappers.SKLearnRegressor(network, fit_kwargs={"verbose": 0}), wrappers.SKLearnTransformer(network, fit_kwargs={"verbose": 0}),
    ]  # fmt: skip

    @parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda estimator: FAILS.get(type(estimator).__name__, {}))
    def test_estimators_pass_the_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
        try:
            check(estimator)
        except unittest.SkipTest as skip:
            pytest.skip(str(skip))


@pytest.mark.skipif(HAS_SKLEARN, reason="scikit-learn is installed")
@pytest.mark.parametrize("name", wrappers.NAMES)
def test_without_scikit_learn_the_estimators_say_what_to_install(name: str) -> None:
    with pytest.raises(ScikitLearnMissingError, match=rf'{name} needs scikit-learn.*pip install "symkeras\[sklearn\]"'):
        getattr(wrappers, name)(line())
    assert issubclass(ScikitLearnMissingError, ImportError)


@needs_sklearn
def test_a_model_is_cloned_for_each_fit_and_trained_itself_with_warm_start() -> None:
    utils.set_random_seed(0)
    model = line()
    before = [w.numpy() for w in model.weights]
    estimator = wrappers.SKLearnRegressor(model, fit_kwargs={"epochs": 60, "verbose": 0}).fit(X, Y)
    assert estimator.model_ is not model and all((a == w.numpy()).all() for a, w in zip(before, model.weights, strict=True))
    assert estimator.score(X, Y) > 0.9 and estimator.predict(X).shape == (40,) and estimator.epoch_ == 60
    assert estimator.model_.optimizer is not model.optimizer and not int(np.asarray(model.optimizer.iterations))
    warm = wrappers.SKLearnRegressor(model, warm_start=True).fit(X, Y, epochs=1, verbose=0)
    kept = warm.model_
    assert kept is model and warm.fit(X, Y, verbose=0).model_ is kept and warm.fit_kwargs is None


@needs_sklearn
def test_classes_of_any_kind_come_back() -> None:
    words = np.where(Y > 0, "above", "below")
    kwargs = {"loss": "categorical_crossentropy", "activation": "softmax"}
    estimator = wrappers.SKLearnClassifier(network, model_kwargs=kwargs, fit_kwargs={"epochs": 150, "verbose": 0}).fit(X, words)
    assert estimator.classes_.tolist() == ["above", "below"] and estimator.score(X, words) > 0.8
    assert (estimator.classes_[estimator.decision_function(X).argmax(1)] == estimator.predict(X)).all()
    again = pickle.loads(pickle.dumps(wrappers.SKLearnRegressor(line()).fit(X, Y, verbose=0)))
    assert again.predict(X).shape == (40,)


@needs_sklearn
def test_several_targets_and_new_columns() -> None:
    two = np.stack([Y, -Y], 1)
    assert wrappers.SKLearnRegressor(network).fit(X, two, verbose=0).predict(X).shape == (40, 2)
    assert wrappers.SKLearnTransformer(network).fit(X, two, verbose=0).transform(X).shape == (40, 2)


@needs_sklearn
def test_what_is_no_compiled_model_is_said() -> None:
    for model, message in ((3, "model must be a Model"), (lambda X, y: 3, "must give a Model"), (Sequential([layers.Dense(1)]), "must be compiled")):
        with pytest.raises(ConfigError, match=message):
            wrappers.SKLearnRegressor(model).fit(X, Y)
    with pytest.raises(RuntimeError, match="enable_metadata_routing"):
        wrappers.SKLearnRegressor(line()).set_fit_request(sample_weight=True)


@needs_sklearn
def test_clones_keep_all_arguments() -> None:
    from sklearn.base import clone  # type: ignore[import-not-found]

    made = clone(wrappers.SKLearnRegressor(network, True, {"widths": [2]}, {"verbose": 0}))
    assert made.get_params(deep=False) == {"model": network, "warm_start": True, "model_kwargs": {"widths": [2]}, "fit_kwargs": {"verbose": 0}}
