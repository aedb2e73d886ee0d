"""Models as classifiers, regressors and transformers of scikit-learn."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DataError, SymkerasError
from symkeras.models import Model, clone_model


def _bases() -> tuple[Any, ...]:
    """Whether scikit-learn is installed, and its classes; without it others, so that the estimators are there, but cannot be made."""
    try:
        from sklearn import base  # type: ignore[import-not-found]
    except ImportError:
        return False, *(type(name, (), {}) for name in ("BaseEstimator", "ClassifierMixin", "RegressorMixin", "TransformerMixin"))
    return True, base.BaseEstimator, base.ClassifierMixin, base.RegressorMixin, base.TransformerMixin


is_installed, BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin = _bases()


class ScikitLearnMissingError(SymkerasError, ImportError):
    """scikit-learn is not installed."""


class _Estimator(BaseEstimator):
    """What the estimators share: the model, `fit` and `predict`."""

    _takes_many_targets = True

    def __init__(self, model: Any, warm_start: bool = False, model_kwargs: dict[str, Any] | None = None, fit_kwargs: dict[str, Any] | None = None):
        if not is_installed:
            raise ScikitLearnMissingError(f'{type(self).__name__} needs scikit-learn, which is not installed: pip install "symkeras[sklearn]"')
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train.

        Args:
            X: (B, I).
            y: (B,), or (B, O) where there may be several targets.
            **kwargs: for `Model.fit`; they go before those of `fit_kwargs`.

        Returns:
            The estimator.

        Raises:
            ConfigError: the model is none, or is not compiled with a loss.
            ValueError: data that scikit-learn does not take.
        """
        from sklearn.utils.validation import validate_data  # type: ignore[import-not-found]

        X, y = validate_data(self, X, y, multi_output=self._takes_many_targets)
        y = self._targets(y)
        model = self._model_for(X, y)
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def predict(self, X: Any) -> Any:
        """The predictions for rows X (B, I), in the form of the targets.

        Raises:
            NotFittedError: before `fit`.
        """
        return self._predictions(self._raw(X))

    @property
    def epoch_(self) -> int:
        """The number of epochs of the last `fit`."""
        return len(self.history_.epoch) if hasattr(self, "history_") else 0

    def set_fit_request(self, **kwargs: Any) -> Any:
        """Ask a meta-estimator to pass arguments on to `fit`.

        Args:
            **kwargs: argument -> True, False, None, or the name by which the meta-estimator gets it.

        Raises:
            RuntimeError: scikit-learn's metadata routing is off.
        """
        import sklearn  # type: ignore[import-not-found]
        from sklearn.utils.metadata_routing import MetadataRequest  # type: ignore[import-not-found]

        if not sklearn.get_config().get("enable_metadata_routing"):
            raise RuntimeError("set_fit_request needs sklearn.set_config(enable_metadata_routing=True)")
        self._metadata_request = MetadataRequest(owner=type(self).__name__)
        for name, alias in kwargs.items():
            self._metadata_request.fit.add_request(param=name, alias=alias)
        return self

    def __sklearn_clone__(self) -> Any:
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        given = {"warm_start": self.warm_start, "model_kwargs": copy.deepcopy(self.model_kwargs), "fit_kwargs": copy.deepcopy(self.fit_kwargs)}
        clone = type(self)(model, **given)
        if hasattr(self, "_metadata_request"):
            clone._metadata_request = copy.deepcopy(self._metadata_request)
        return clone

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.non_deterministic = True
        return tags

    def _raw(self, X: Any) -> Any:
        from sklearn.utils.validation import check_is_fitted, validate_data  # type: ignore[import-not-found]

        check_is_fitted(self, "model_")
        return self.model_.predict(validate_data(self, X, reset=False), verbose=0)

    def _model_for(self, X: Any, y: Any) -> Any:
        model: Any
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            model = self.model if self.warm_start else clone_model(self.model)
        elif callable(self.model):
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        else:
            raise ConfigError(f"{type(self).__name__}: model must be a Model, or a function of X and y that gives one, received {self.model!r}")
        if not isinstance(model, Model):
            raise ConfigError(f"{type(self).__name__}: the function `model` must give a Model, received {model!r}")
        if not model.compiled or model.optimizer is None or not model.loss:
            raise ConfigError(f"{type(self).__name__}: the model must be compiled with an optimizer and a loss")
        return model

    def _targets(self, y: Any) -> Any:
        """The targets that the model trains on."""
        from sklearn.utils.multiclass import type_of_target  # type: ignore[import-not-found]

        type_of_target(y, input_name="y", raise_unknown=True)
        self._is_flat = y.ndim == 1
        return y.reshape(-1, 1) if self._is_flat else y

    def _predictions(self, y: Any) -> Any:
        return np.squeeze(y, 1) if self._is_flat and y.ndim == 2 else y


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A model as a classifier of scikit-learn; it trains on one column for each class.

    Args:
        model: a compiled model, of which each `fit` trains a clone with fresh weights; or a function of X and y that gives a compiled model.
        warm_start: whether `fit` goes on with the model that the last one trained, and trains `model` itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`.

    Attributes:
        model_: the trained model.
        history_: what `Model.fit` gave.
        classes_: (C,), the classes.

    Raises:
        ScikitLearnMissingError: scikit-learn is not installed.

    Example:
        >>> from symkeras import Sequential, layers, wrappers
        >>> def model(X, y):
        ...     net = Sequential([layers.Dense(y.shape[1], activation="softmax", input_shape=X.shape[1:])])
        ...     net.compile("adam", "categorical_crossentropy")
        ...     return net
        >>> X, y = [[0.0], [1.0], [2.0]], ["low", "low", "high"]
        >>> classifier = wrappers.SKLearnClassifier(model, fit_kwargs={"verbose": 0}).fit(X, y)
        >>> classifier.classes_.tolist(), classifier.predict(X).shape
        (['high', 'low'], (3,))
    """

    _takes_many_targets = False

    def decision_function(self, X: Any) -> Any:
        """The outputs (B, C) of the model for rows X (B, I)."""
        return self._raw(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _targets(self, y: Any) -> Any:
        from sklearn.utils.multiclass import check_classification_targets, type_of_target  # type: ignore[import-not-found]

        check_classification_targets(y)
        if type_of_target(y) not in ("binary", "multiclass"):
            raise DataError(
                f"Only binary and multiclass targets are offered. SKLearnClassifier: received targets of the kind {type_of_target(y)!r}"
            )
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"SKLearnClassifier: there must be more than one class, received {self.classes_[0]!r} alone")
        return np.eye(len(self.classes_))[numbers]

    def _predictions(self, y: Any) -> Any:
        return self.classes_[np.argmax(y, 1)]


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A model as a regressor of scikit-learn.

    Args:
        model: a compiled model, of which each `fit` trains a clone with fresh weights; or a function of X and y that gives a compiled model.
        warm_start: whether `fit` goes on with the model that the last one trained, and trains `model` itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`.

    Attributes:
        model_: the trained model.
        history_: what `Model.fit` gave.

    Raises:
        ScikitLearnMissingError: scikit-learn is not installed.

    Example:
        >>> from symkeras import Sequential, layers, wrappers
        >>> net = Sequential([layers.Dense(1, input_shape=(1,))])
        >>> net.compile("sgd", "mse")
        >>> wrappers.SKLearnRegressor(net, fit_kwargs={"verbose": 0}).fit([[0.0], [1.0]], [1.0, 2.0]).predict([[0.0]]).shape
        (1,)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A model as a transformer of scikit-learn: its outputs are the new columns.

    Args:
        model: a compiled model, of which each `fit` trains a clone with fresh weights; or a function of X and y that gives a compiled model.
        warm_start: whether `fit` goes on with the model that the last one trained, and trains `model` itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`.

    Attributes:
        model_: the trained model.
        history_: what `Model.fit` gave.

    Raises:
        ScikitLearnMissingError: scikit-learn is not installed.

    Example:
        >>> from symkeras import Sequential, layers, wrappers
        >>> net = Sequential([layers.Dense(2, input_shape=(1,))])
        >>> net.compile("sgd", "mse")
        >>> wrappers.SKLearnTransformer(net, fit_kwargs={"verbose": 0}).fit([[0.0], [1.0]], [[1.0, 2.0], [0.0, 1.0]]).transform([[0.0]]).shape
        (1, 2)
    """

    def transform(self, X: Any) -> Any:
        """The outputs of the model for rows X (B, I)."""
        return self._raw(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.target_tags.multi_output = True
        return tags
