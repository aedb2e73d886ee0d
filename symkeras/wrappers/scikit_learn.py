"""`KerasClassifier` and `KerasRegressor`: models as estimators of scikit-learn, as scripts of Keras 2 write them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DataError
from symkeras.models import Model
from symkeras.utils import to_categorical
from symkeras.wrappers.estimators import BaseEstimator, ClassifierMixin, RegressorMixin

_METHODS = ("fit", "predict", "evaluate")


class _Wrapper(BaseEstimator):
    """What both share: a function that builds the model, and arguments for it and for the methods of the model."""

    def __init__(self, build_fn: Any = None, **sk_params: Any):
        self.build_fn, self.sk_params = build_fn, sk_params
        known = {*_arguments(self._builder()), *(name for method in _METHODS for name in _arguments(getattr(Model, method)))}
        for name in sk_params.keys() - known - {"nb_epoch"}:
            raise ConfigError(f"{type(self).__name__}: {name!r} is an argument of neither the function that builds the model nor fit and predict")

    def _builder(self) -> Any:
        if self.build_fn is not None:
            return self.build_fn if inspect.isfunction(self.build_fn) or inspect.ismethod(self.build_fn) else self.build_fn.__call__
        own = getattr(self, "__call__", None)  # noqa: B004 -- a subclass may be the function
        if own is None:
            raise ConfigError(f"{type(self).__name__}: build_fn must be a function that gives a compiled model")
        return own

    def _for(self, fn: Any, given: dict[str, Any]) -> dict[str, Any]:
        """Those of the arguments that a function takes, and `given`."""
        names = _arguments(fn)
        return {**{k: v for k, v in self.sk_params.items() if k in names}, **given}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """`build_fn` and the arguments."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Any:
        """Other arguments; the estimator."""
        merged = {**self.get_params(), **params}
        self.__init__(**merged)
        return self

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build the model and train it.

        Args:
            x: (B, ...).
            y: (B,) or (B, O).
            **kwargs: of `Model.fit`; they go before those the estimator was made with.

        Returns:
            The history.
        """
        builder = self._builder()
        self.model = builder(**self._for(builder, {}))
        if not isinstance(self.model, Model) or not self.model.compiled:
            raise ConfigError(f"{type(self).__name__}: build_fn must give a compiled model, received {self.model!r}")
        given = self._for(Model.fit, kwargs)
        if "nb_epoch" in self.sk_params:
            given.setdefault("epochs", self.sk_params["nb_epoch"])
        return self.model.fit(np.asarray(x), self._one_hot(np.asarray(y)), **given)

    def _one_hot(self, y: np.ndarray) -> np.ndarray:
        loss = self.model.loss
        name = loss if isinstance(loss, str) else getattr(loss, "__name__", getattr(loss, "name", ""))
        return to_categorical(y) if name == "categorical_crossentropy" and y.ndim != 2 else y

    def _outputs(self, x: Any, kwargs: dict[str, Any]) -> np.ndarray:
        if not hasattr(self, "model"):
            raise DataError(f"{type(self).__name__} has no model before fit")
        return np.asarray(self.model.predict(np.asarray(x), **self._for(Model.predict, {"verbose": 0, **kwargs})))


def _arguments(fn: Any) -> set[str]:
    return {name for name, p in inspect.signature(fn).parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}


class KerasClassifier(ClassifierMixin, _Wrapper):
    """A model as a classifier of scikit-learn, in the form of Keras 2; `SKLearnClassifier` is today's.

    Args:
        build_fn: a function that gives a compiled model.
        **sk_params: arguments of it, and of `fit`, `predict` and `evaluate`.

    Attributes:
        model: what `build_fn` gave at the last `fit`.
        classes_: (C,), the classes.

    Raises:
        ConfigError: an argument that nothing takes, or a function that gives no compiled model.

    Example:
        >>> from symkeras import Sequential, layers
        >>> def build(units=2):
        ...     model = Sequential([layers.Dense(units, input_shape=(1,)), layers.Dense(1, activation="sigmoid")])
        ...     model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        ...     return model
        >>> classifier = KerasClassifier(build, units=3, epochs=1, verbose=0)
        >>> history = classifier.fit([[0.0], [1.0]], ["low", "high"])
        >>> classifier.predict_proba([[0.0]]).shape, classifier.classes_.tolist()
        ((1, 2), ['high', 'low'])
    """

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """As the base says; classes of any kind."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_, y = np.unique(y, return_inverse=True)
            y = y.reshape(-1)
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The class of each row."""
        y = self._outputs(x, kwargs)
        return self.classes_[y.argmax(-1) if y.shape[-1] > 1 else (y[..., 0] > 0.5).astype(int)]

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The probability of each class: (B, C)."""
        y = self._outputs(x, kwargs)
        return np.hstack([1 - y, y]) if y.shape[1] == 1 else y

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The accuracy.

        Raises:
            ConfigError: the model has no such metric.
        """
        y = np.asarray(y)
        if not (y.ndim == 2 and y.shape[1] > 1):
            y = np.searchsorted(self.classes_, y.reshape(-1))
        logs = self.model.evaluate(np.asarray(x), self._one_hot(y), return_dict=True, **self._for(Model.evaluate, {"verbose": 0, **kwargs}))
        for name in ("accuracy", "acc"):
            if name in logs:
                return float(logs[name])
        raise ConfigError('KerasClassifier.score needs a model that was compiled with metrics=["accuracy"]')


class KerasRegressor(RegressorMixin, _Wrapper):
    """A model as a regressor of scikit-learn, in the form of Keras 2; `SKLearnRegressor` is today's.

    Args:
        build_fn: a function that gives a compiled model.
        **sk_params: arguments of it, and of `fit`, `predict` and `evaluate`.

    Raises:
        ConfigError: an argument that nothing takes, or a function that gives no compiled model.

    Example:
        >>> from symkeras import Sequential, layers
        >>> def build():
        ...     model = Sequential([layers.Dense(1, input_shape=(1,))])
        ...     model.compile("sgd", "mse")
        ...     return model
        >>> regressor = KerasRegressor(build, epochs=1, verbose=0)
        >>> history = regressor.fit([[0.0], [1.0]], [1.0, 2.0])
        >>> regressor.predict([[0.0], [1.0]]).shape
        (2,)
    """

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The predictions, (B,) for a single output."""
        y = self._outputs(x, kwargs)
        return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Minus the loss, so that more is better."""
        logs = self.model.evaluate(np.asarray(x), np.asarray(y), return_dict=True, **self._for(Model.evaluate, {"verbose": 0, **kwargs}))
        return -float(logs["loss"])
