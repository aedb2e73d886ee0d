"""`Sequential`: layers one after the other, built when the shape of the input is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import tracing
from symkeras.graph.tensor import Tensor
from symkeras.layers.input import Input, InputLayer
from symkeras.layers.layer import Layer, map_shapes
from symkeras.models.functional import Functional
from symkeras.models.model import Model


class Sequential(Model):
    """A stack of layers.

    Args:
        layers: the layers, the first of which may be an `Input`; more come with `add`.
        name: made from the class name when None.

    Example:
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(3, input_dim=2), layers.Dense(1)])
        >>> model.output_shape
        (None, 1)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None):
        super().__init__(trainable=trainable, name=name)
        object.__setattr__(self, "_stack", [])
        object.__setattr__(self, "_functional", None)
        if layers is not None:
            for layer in layers if isinstance(layers, (list, tuple)) else [layers]:
                self._append(layer)
            self._maybe_build()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top."""
        self._append(layer)
        if rebuild:
            self._maybe_build()

    def _append(self, layer: Any) -> None:
        if isinstance(layer, Tensor) and layer._keras_history is not None and isinstance(layer._keras_history.operation, InputLayer):
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            raise ConfigError(f"model {self.name!r}: only layers can be added, received {layer!r} (a {type(layer).__name__})")
        if isinstance(layer, InputLayer) and self._stack:
            raise ConfigError(f"model {self.name!r} has its input already; {layer.name!r} must be the first")
        if any(layer.name == other.name for other in self._stack):
            raise ConfigError(f"model {self.name!r} has a layer called {layer.name!r} already; names must be unique")
        self._stack.append(layer)
        if not isinstance(layer, InputLayer):
            self._tracker._add_owned(layer)

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off."""
        if not self._stack:
            raise ConfigError(f"model {self.name!r} has no layer to pop")
        layer = self._stack.pop()
        self._tracker.forget(layer)
        object.__setattr__(self, "_functional", None)
        self.built = False
        if rebuild:
            self._maybe_build()
        return layer

    @property
    def layers(self) -> list[Layer]:
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @property
    def _layers(self) -> list[Layer]:
        return [layer for layer in getattr(self, "_stack", []) if not isinstance(layer, InputLayer)]

    def _maybe_build(self) -> None:
        object.__setattr__(self, "_functional", None)
        first = self._stack[0] if self._stack else None
        if isinstance(first, InputLayer):
            if len(self._stack) > 1:
                self._build_on(first._inbound_nodes[0].outputs[0])
        elif isinstance(first, Model) and first.built and isinstance(getattr(first, "inputs", None), list) and len(first.inputs) == 1:
            shape = first.inputs[0].shape
            self._build_on(Input(batch_shape=shape, dtype=first.inputs[0].dtype))
        elif first is not None and first._batch_input_shape is not None:
            dtype = getattr(first, "input_dtype", None)
            self._build_on(Input(batch_shape=first._batch_input_shape, dtype=dtype, name=f"{first.name}_input"))

    def _build_on(self, x: Tensor) -> None:
        source = x
        with _outside():
            for layer in self._layers:
                x = layer(x)
        object.__setattr__(self, "_functional", Functional(source, x, name=self.name))
        self.built = True

    def build(self, input_shape: Any = None) -> None:
        """Build for a shape with the batch axis."""
        if self._functional is not None:
            return
        if input_shape is None:
            raise ShapeError(f"model {self.name!r}: build needs an input shape, for example model.build((None, 784))")
        if isinstance(self._stack[0] if self._stack else None, InputLayer):
            self._maybe_build()
            return
        if not self._stack:
            raise ConfigError(f"model {self.name!r} has no layers")
        self._build_on(Input(batch_shape=map_shapes(tuple, input_shape)))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if self._functional is not None:
            return self._functional.call(inputs, training=training, mask=mask)
        x = inputs
        for layer in self._layers:
            x = layer(x)
        return x

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not self._stack:
            raise ConfigError(f"model {self.name!r} has no layers: add some before calling it")
        return super().__call__(inputs, *args, **kwargs)

    def _built_model(self) -> Functional:
        if self._functional is None:
            raise ShapeError(f"model {self.name!r} is not built yet: its input shape is not known. Begin with Input(shape), or call build or fit")
        return self._functional

    inputs = property(lambda self: self._built_model().inputs, doc="The symbolic inputs.")
    outputs = property(lambda self: self._built_model().outputs, doc="The symbolic outputs.")
    input = property(lambda self: self._built_model().input, doc="The symbolic input.")
    output = property(lambda self: self._built_model().output, doc="The symbolic output.")
    input_shape = property(lambda self: self._built_model().input_shape, doc="The shape of the input.")
    output_shape = property(lambda self: self._built_model().output_shape, doc="The shape of the output.")
    input_names = property(lambda self: self._built_model().input_names, doc="The name of the input.")
    output_names = property(lambda self: self._built_model().output_names, doc="The name of the output.")

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        stack = list(self._stack)
        if self._functional is not None and not isinstance(stack[0], InputLayer):
            stack.insert(0, self._functional.inputs[0]._keras_history.operation)
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": Layer.get_config(self)["dtype"]}
        config["layers"] = [serialize_keras_object(layer) for layer in stack]
        if self._functional is not None:
            config["build_input_shape"] = self.input_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        if isinstance(config, list):
            config = {"layers": config}
        model = cls(name=config.get("name"))
        for layer in config["layers"]:
            model._append(_restored(layer, deserialize_keras_object, custom_objects))
        model._maybe_build()
        if not model.built and config.get("build_input_shape"):
            model.build(map_shapes(tuple, config["build_input_shape"]))
        if config.get("trainable") is False:
            model.trainable = False
        return model


def _restored(layer: Any, deserialize: Any, custom_objects: Any) -> Any:
    if "module" not in layer:
        from symkeras import layers as table
        from symkeras.saving.lookup import _complete

        layer = _complete(layer, _Attributes(table), "layer")
    return deserialize(layer, custom_objects=custom_objects)


class _Attributes(dict[str, Any]):
    """The layers package as a table."""

    def __init__(self, module: Any):
        super().__init__(dict.fromkeys(dir(module)))
        self._module = module

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self._module, key, default) if key in self else default


class _outside:
    """Context that leaves every trace and every layer call: what is built inside is a definition of its own."""

    def __enter__(self) -> None:
        from symkeras.layers.layer import definition_context

        self._contexts = (tracing.suspended(), definition_context())
        for c in self._contexts:
            c.__enter__()

    def __exit__(self, *exc: Any) -> None:
        for c in reversed(self._contexts):
            c.__exit__(*exc)
