"""`FeatureSpace`: the columns of a table as one vector, each by a preprocessing layer of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from symkeras import layers, ops, tree
from symkeras.arguments import boolean, checked, instance, one_of, optional, path, positive_int, refusal, settings, several, text
from symkeras.errors import ConfigError, DataError, nearest
from symkeras.graph import dtypes
from symkeras.graph.tensor import Tensor
from symkeras.layers.in_tensorflow import callable_in_tensorflow
from symkeras.layers.layer import Layer
from symkeras.layers.texts import is_text, text_array
from symkeras.utils.naming import auto_name

_MODULE = "keras.src.layers.preprocessing.feature_space"
_ROWS_AT_ONCE = 32
"""How many rows `adapt` takes from arrays at a time for ranges, whose quantiles depend on it."""


class Cross:
    """Features that are taken together.

    Args:
        feature_names: their names.
        crossing_dim: of how many bins their combinations get one.
        output_mode: "int" or "one_hot".
    """

    @checked(feature_names=several(text, least=2), crossing_dim=positive_int, output_mode=one_of("int", "one_hot"))
    def __init__(self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot"):
        self.feature_names, self.crossing_dim, self.output_mode = tuple(feature_names), crossing_dim, output_mode

    @property
    def name(self) -> str:
        """The names with `_X_` between them."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"feature_names": self.feature_names, "crossing_dim": self.crossing_dim, "output_mode": self.output_mode}


class Feature:
    """One column, and what becomes of it.

    Args:
        dtype: of its values; "string" for texts.
        preprocessor: the layer that it goes through.
        output_mode: "float", "int", or "one_hot" for what the layer gives as integers.
    """

    @checked(preprocessor=instance(Layer, "a layer"), output_mode=one_of("int", "one_hot", "float"))
    def __init__(self, dtype: Any, preprocessor: Any, output_mode: str):
        self.dtype, self.preprocessor, self.output_mode = dtypes.standardize(dtype), preprocessor, output_mode

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        from symkeras.saving.serialization import serialize_keras_object

        return {"dtype": self.dtype, "preprocessor": serialize_keras_object(self.preprocessor), "output_mode": self.output_mode}


class FeatureSpace(Layer):
    """The columns of a table as one vector, or as a dict of vectors, each by a preprocessing layer of its own.

    Args:
        features: name -> "float", "float_normalized", "float_rescaled", "float_discretized", "integer_categorical", "string_categorical",
            "integer_hashed", "string_hashed", or what the methods of these names give, which take arguments.
        output_mode: "concat" for one vector, "dict" for one of each feature.
        crosses: tuples of names that are taken together as well, or what `FeatureSpace.cross` gives.
        crossing_dim: how many bins a tuple gets.
        hashing_dim: how many bins the hashed features get.
        num_discretization_bins: how many ranges "float_discretized" makes.
        name: made from the class name when None.

    Call arguments:
        data: name -> values, of shape (), (B,) or (B, 1).

    Output shape:
        (B, V), those of features first, then those of crosses, each by name; for a single row (V,)

    Raises:
        ConfigError: features or crosses that are not known, a call before `adapt`, or integers that are to be concatenated.
        DataError: data that are no dict of the features.

    Example:
        >>> space = FeatureSpace({"age": "float_normalized", "town": "string_categorical"})
        >>> space.adapt({"age": [20.0, 40.0], "town": ["Rome", "Bern"]})
        >>> space({"age": [40.0], "town": ["Rome"]}).tolist()
        [[1.0, 0.0, 1.0, 0.0]]
        >>> space.get_encoded_features().shape
        (None, 4)
    """

    @checked(output_mode=one_of("concat", "dict"), crosses=optional(several(lambda value, where: value)), crossing_dim=positive_int,
             hashing_dim=positive_int, num_discretization_bins=positive_int)  # fmt: skip
    def __init__(self, features: Any, output_mode: str = "concat", crosses: Any = None, crossing_dim: int = 32, hashing_dim: int = 32,
                 num_discretization_bins: int = 32, name: str | None = None):  # fmt: skip
        super().__init__(name=name)
        if not isinstance(features, Mapping) or not features:
            raise refusal("FeatureSpace: features", "a dict of names and features, with one at least", features)
        self.output_mode, self.crossing_dim, self.hashing_dim = output_mode, crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {str(key): self._feature(str(key), value) for key, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses}
        self.one_hot_encoders: dict[str, Any] = {}
        self._columns = {key: layers.Input((1,), dtype=feature.dtype, name=key) for key, feature in self.features.items()}
        self._encoded: Any = None
        self._is_adapted = not self._adaptable()

    # ---- kinds of features -------------------------------------------------------------------------------------------

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Features that are taken together, as one of `crossing_dim` bins."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: Any, preprocessor: Any, output_mode: str) -> Feature:
        """A feature that goes through a layer of the user."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """A number as it is."""
        return Feature("float32", layers.Identity(name=_name(name, "float")), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """A number times `scale` plus `offset`."""
        return Feature("float32", layers.Rescaling(scale=scale, offset=offset, name=_name(name, "float_rescaled")), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """A number with mean 0 and variance 1."""
        return Feature("float32", layers.Normalization(axis=-1, name=_name(name, "float_normalized")), "float")

    @classmethod
    def float_discretized(cls, num_bins: Any, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """The range that a number lies in."""
        layer = layers.Discretization(num_bins=num_bins, bin_boundaries=bin_boundaries, name=_name(name, "float_discretized"))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
                            name: str | None = None) -> Feature:  # fmt: skip
        """An integer by its place in a vocabulary."""
        layer = layers.IntegerLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=_name(name, "integer_categorical"))
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
                           name: str | None = None) -> Feature:  # fmt: skip
        """A text by its place in a vocabulary."""
        layer = layers.StringLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=_name(name, "string_categorical"))
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """A text by the bin of its hash."""
        return Feature("string", layers.Hashing(num_bins, name=_name(name, "string_hashed")), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """An integer by the bin of its hash."""
        return Feature("int32", layers.Hashing(num_bins, name=_name(name, "integer_hashed")), output_mode)

    def _feature(self, name: str, given: Any) -> Feature:
        if isinstance(given, Feature):
            return given
        if isinstance(given, dict):
            return _feature_from(given)
        kinds: dict[str, Any] = {
            **dict.fromkeys(("float", "float_normalized", "float_rescaled", "integer_categorical", "string_categorical"), ()),
            **dict.fromkeys(("integer_hashed", "string_hashed"), (self.hashing_dim,)), "float_discretized": (self.num_discretization_bins,),
        }  # fmt: skip
        if not isinstance(given, str) or given not in kinds:
            hint = nearest(given, kinds) if isinstance(given, str) else ""
            raise refusal(f"FeatureSpace: features[{name!r}]", f"one of {', '.join(map(repr, kinds))}, or a feature", given, hint)
        return getattr(self, given)(*kinds[given], name=name)

    def _cross(self, given: Any) -> Cross:
        if isinstance(given, dict):
            given = Cross(**_config_of(given, "Cross"))
        cross = given if isinstance(given, Cross) else Cross(given, self.crossing_dim)
        unknown = [name for name in cross.feature_names if name not in self.features]
        if unknown:
            hint = nearest(unknown[0], self.features)
            raise ConfigError(f"FeatureSpace: the cross {cross.feature_names} names {unknown[0]!r}, which is no feature.{hint}")
        return cross

    # ---- adapting ----------------------------------------------------------------------------------------------------

    def _adaptable(self) -> list[str]:
        """The features whose layers learn from data."""

        def is_given(layer: Any) -> bool:
            own = vars(layer)
            fixed = isinstance(layer, layers.Discretization) and layer.num_bins is None
            lookup = own.get("_lookup_layer", layer)
            return own.get("input_mean") is not None or fixed or bool(vars(lookup).get("_has_input_vocabulary"))

        return [key for key, layer in self.preprocessors.items() if hasattr(layer, "adapt") and not is_given(layer)]

    def adapt(self, dataset: Any) -> None:
        """Let the layers of the features learn from data.

        Args:
            dataset: a dict of arrays or lists, or what gives such dicts, one for each batch or row: a `PyDataset`, a list, a generator.

        Raises:
            DataError: something else, or a feature is missing.
        """
        if not isinstance(dataset, Mapping):
            if not hasattr(dataset, "__iter__") and not hasattr(dataset, "__getitem__"):
                raise DataError(f"FeatureSpace {self.name!r}: adapt expects a dict of arrays or batches of them, received {type(dataset).__name__}")
            dataset = list(dataset) if hasattr(dataset, "__next__") else dataset
        for key in self._adaptable():
            layer = self.preprocessors[key]
            layer.adapt(self._values(dataset, key, isinstance(layer, layers.Discretization)))
        self._is_adapted, self._encoded = True, None
        self.one_hot_encoders = {}
        self.get_encoded_features()

    def _values(self, dataset: Any, key: str, in_batches: bool) -> Iterator[np.ndarray]:
        """The values of one feature, batch by batch."""
        if isinstance(dataset, Mapping):
            whole = self._column(dataset, key)
            size = _ROWS_AT_ONCE if in_batches else max(1, len(whole))
            yield from (whole[k : k + size] for k in range(0, len(whole), size))
            return
        single: list[np.ndarray] = []
        for batch in dataset if hasattr(dataset, "__iter__") else (dataset[k] for k in range(len(dataset))):
            column = self._column(batch[0] if isinstance(batch, tuple) else batch, key)
            if column.ndim == 0:
                single.append(column.reshape(1))
                if len(single) == _ROWS_AT_ONCE:
                    yield np.stack(single)
                    single = []
            else:
                yield column
        if single:
            yield np.stack(single)

    def _column(self, data: Any, key: str) -> np.ndarray:
        if not isinstance(data, Mapping) or key not in data:
            came = sorted(data) if isinstance(data, Mapping) else type(data).__name__
            raise DataError(f"FeatureSpace {self.name!r} expects a dict of {', '.join(self.features)}, received {came}")
        values = data[key]
        array = text_array(values, f"FeatureSpace {self.name!r}: {key!r}") if is_text(values) else np.asarray(values)
        return array[:, None] if array.ndim == 1 else array

    # ---- encoding ----------------------------------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, Tensor]:
        """The symbolic inputs, by name: with `get_encoded_features` a model of raw data."""
        self.get_encoded_features()
        return dict(self._columns)

    def get_encoded_features(self) -> Any:
        """The symbolic vector, or dict of vectors, for `get_inputs`."""
        self._require_adapted()
        if self._encoded is None:
            self._encoded = self._merged(self._columns)
            self.built = True
        return self._encoded

    def get_preprocessed_inputs(self) -> dict[str, Tensor]:
        """What the layer of each feature gives for `get_inputs`, before one-hot vectors and crosses."""
        self._require_adapted()
        return {key: self.preprocessors[key](column) for key, column in self._columns.items()}

    def _require_adapted(self) -> None:
        if not self._is_adapted:
            raise ConfigError(f"FeatureSpace {self.name!r} has not seen data yet: call adapt(dataset) first")

    @callable_in_tensorflow
    def __call__(self, data: Any) -> Any:  # type: ignore[override]
        self.get_encoded_features()
        if not isinstance(data, Mapping):
            raise DataError(f"FeatureSpace {self.name!r} expects a dict, received {type(data).__name__}")
        if unknown := [key for key in data if key not in self.features]:
            raise DataError(f"FeatureSpace {self.name!r} has no feature {unknown[0]!r}; it has {', '.join(self.features)}")
        is_symbolic = any(isinstance(x, Tensor) for x in data.values())
        columns = {key: data[key] if is_symbolic else self._column(data, key) for key in self.features}
        is_one_row = all(column.ndim == 0 for column in columns.values())
        merged = self._merged({key: _as_column(column) for key, column in columns.items()})
        return tree.map_structure(lambda x: x[0], merged) if is_one_row else merged

    def _merged(self, columns: Mapping[str, Any]) -> Any:
        found = {key: self.preprocessors[key](x) for key, x in columns.items()}
        crossed = {cross.name: self.crossers[cross.name]([found[name] for name in cross.feature_names]) for cross in self.crosses}
        modes = {**{key: feature.output_mode for key, feature in self.features.items()}, **{c.name: c.output_mode for c in self.crosses}}
        encoded = {key: self._one_hot(key, x) if modes[key] == "one_hot" else x for part in (found, crossed) for key, x in sorted(part.items())}
        if self.output_mode == "dict":
            return encoded
        for key, x in encoded.items():
            if not dtypes.is_float(dtypes.standardize(x.dtype)):
                raise ConfigError(f"FeatureSpace {self.name!r}: {key!r} is {x.dtype}, which is not concatenated: use output_mode='dict'")
        parts = list(encoded.values())
        return self._concatenated(parts) if len(parts) > 1 else parts[0]

    def _concatenated(self, parts: list[Any]) -> Any:
        if "_concat" not in vars(self):
            self._concat = layers.Concatenate(axis=-1)
        return self._concat(parts)

    def _one_hot(self, key: str, x: Any) -> Any:
        if not dtypes.is_int(dtypes.standardize(x.dtype)):
            raise ConfigError(f"FeatureSpace {self.name!r}: {key!r} has output_mode='one_hot', for which its layer must give integers, not {x.dtype}")
        if key not in self.one_hot_encoders:
            self.one_hot_encoders[key] = layers.CategoryEncoding(self._cardinality(key), output_mode="multi_hot")
        return self.one_hot_encoders[key](x)

    def _cardinality(self, key: str) -> int:
        layer = self.preprocessors.get(key) or self.crossers[key]
        if isinstance(layer, layers.Discretization):
            return layer.num_bins if layer.num_bins is not None else len(layer.bin_boundaries) + 1
        if hasattr(layer, "vocabulary_size"):
            return layer.vocabulary_size()
        size = vars(layer).get("num_tokens") or vars(layer).get("num_bins")
        if size is None:
            raise ConfigError(f"FeatureSpace {self.name!r}: of {key!r} it is not known how many integers there are; use output_mode='int' for it")
        return size

    # ---- configs and files -------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {
            "features": {key: _as_config(feature) for key, feature in self.features.items()}, "output_mode": self.output_mode,
            "crosses": [_as_config(cross) for cross in self.crosses], "crossing_dim": self.crossing_dim, "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }  # fmt: skip

    def get_build_config(self) -> dict[str, Any]:
        return {key: layer.get_build_config() for key, layer in self.preprocessors.items()}

    @checked(config=settings)
    def build_from_config(self, config: dict[str, Any]) -> None:
        for key, own in config.items():
            if key not in self.preprocessors:
                raise ConfigError(f"FeatureSpace {self.name!r} has no feature {key!r}")
            if own and not self.preprocessors[key].built:
                self.preprocessors[key].build_from_config(own)
        self._is_adapted = True

    @checked(filepath=path, overwrite=boolean)
    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Write features and what they learnt to a `.keras` file, which `models.load_model` reads."""
        from symkeras.saving.model_files import save_model

        save_model(self, filepath, overwrite=overwrite)


def _name(name: str | None, kind: str) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _as_config(thing: Feature | Cross) -> dict[str, Any]:
    kind = type(thing).__name__
    return {"module": _MODULE, "class_name": kind, "config": thing.get_config(), "registered_name": kind}


def _config_of(config: dict[str, Any], kind: str) -> dict[str, Any]:
    if config.get("class_name") != kind or not isinstance(config.get("config"), dict):
        raise ConfigError(f"FeatureSpace: expected the config of a {kind}, received {config!r}")
    return config["config"]


def _feature_from(config: dict[str, Any]) -> Feature:
    from symkeras.saving.serialization import deserialize_keras_object

    arguments = dict(_config_of(config, "Feature"))
    layer = arguments.get("preprocessor")
    if isinstance(layer, dict) and layer.get("class_name") == "TFDIdentity":
        layer = {**layer, "module": "keras.layers", "class_name": "Identity", "registered_name": None}
    return Feature(**{**arguments, "preprocessor": deserialize_keras_object(layer) if isinstance(layer, dict) else layer})


def _as_column(x: Any) -> Any:
    """One value, or a row of them, as values of (B, 1); anything else as it is."""
    return x if x.ndim > 1 else ops.reshape(x, (-1, 1)) if isinstance(x, Tensor) else x.reshape(-1, 1)
