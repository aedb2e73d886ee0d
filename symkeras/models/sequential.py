"""`Sequential`: layers one after the other, built when the shape of the input is known."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from symkeras import tree
from symkeras.arguments import checked, either, settings, several
from symkeras.errors import ConfigError, NotBuiltError, ReservedAttributeError, ShapeError, SymkerasError
from symkeras.graph import provenance, tracing
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import call_context, definition_context
from symkeras.layers.in_tensorflow import callable_in_tensorflow
from symkeras.layers.input import Input, InputLayer, symbolic_input
from symkeras.layers.layer import Layer
from symkeras.layers.shapes import map_shapes
from symkeras.models.array_stage import Prepared
from symkeras.models.functional import Functional
from symkeras.models.functions import because
from symkeras.models.model import Model
from symkeras.models.steps import batch_dtype


class Sequential(Model):
    """A stack of layers.

    Args:
        layers: the layers, the first of which may be an `Input`; more come with `add`.
        name: made from the class name when None.
        trainable: whether the weights receive gradients.

    Example:
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(3, input_dim=2), layers.Dense(1)])
        >>> model.output_shape
        (None, 1)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None):
        super().__init__(trainable=trainable, name=name, autocast=False)
        object.__setattr__(self, "_stack", [])
        object.__setattr__(self, "_chain", [])
        object.__setattr__(self, "_functional", None)
        object.__setattr__(self, "_graph_losses", [])
        if layers is not None:
            for layer in layers if isinstance(layers, (list, tuple)) else [layers]:
                self._append(layer)
            self._extend()

    _is_replayed = True
    _is_closed = False
    _made_anew = Model._made_anew | {"_chain", "_functional", "_graph_losses"}

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state["attributes"]["_init_arguments"] = ((), {})
        return {**state, "functional": self._functional}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        functional = state["functional"]
        chain = [] if functional is None else [functional.input]
        for layer in self.layers if chain else ():
            below = tree.flatten(chain[-1])[0].node
            chain.append(next(r.outputs[0] for r in layer._inbound_nodes if r.inputs and r.inputs[0].node is below))
        losses = [] if functional is None else list(functional._graph_losses)
        for name, value in {"_functional": functional, "_chain": chain, "_graph_losses": losses}.items():
            object.__setattr__(self, name, value)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top; nothing changes when it does not fit.

        Raises:
            ConfigError: not a layer, or the name of one that is there.
            ShapeError: the layer does not take what the one below gives.
        """
        self._append(layer)
        if rebuild:
            try:
                self._extend()
            except BaseException:
                self._tracker.forget(self._stack.pop())
                raise

    def _append(self, layer: Any) -> None:
        if isinstance(layer, Tensor) and layer._keras_history is not None and isinstance(layer._keras_history.operation, InputLayer):
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            raise ConfigError(f"model {self.name!r}: only layers can be added, received {layer!r} (a {type(layer).__name__})")
        if isinstance(layer, InputLayer) and self._stack:
            raise ConfigError(f"the input of model {self.name!r} has already been configured; {layer.name!r} must be the first")
        if any(layer.name == other.name for other in self._stack):
            raise ConfigError(f"model {self.name!r} has a layer called {layer.name!r} already; layers should have unique names")
        self._stack.append(layer)
        if not isinstance(layer, InputLayer):
            self._tracker.add(layer)

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off."""
        if not self.layers:
            raise ConfigError(f"model {self.name!r} has no layer to pop")
        layer = self._stack.pop()
        self._tracker.forget(layer)
        del self._chain[len(self.layers) + 1 if self.layers else 0 :]
        self._forget_steps()
        if rebuild:
            self._extend()
        return layer

    @property
    def layers(self) -> list[Layer]:
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @layers.setter
    def layers(self, value: Any) -> None:
        raise ReservedAttributeError(f"model {self.name!r}: its layers are no attribute to set. Use `add()` and `pop()`")

    @property
    def _layers(self) -> list[Layer]:
        return [layer for layer in getattr(self, "_stack", []) if not isinstance(layer, InputLayer)]

    # ---- the names of 2017 -------------------------------------------------------------------------------------------

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: Any = "auto") -> Any:
        """The predictions, as Keras 2 called them for classifiers."""
        return self.predict(x, batch_size=batch_size, verbose=verbose)

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: Any = "auto") -> Any:
        """The class of each row: the place of the largest output, or whether the only one is above one half.

        >>> import numpy as np
        >>> from symkeras import layers
        >>> model = Sequential([layers.Input((3,)), layers.Activation("softmax")])
        >>> model.predict_classes(np.eye(3, dtype="float32"), verbose=0).tolist()
        [0, 1, 2]
        """
        found = self.predict(x, batch_size=batch_size, verbose=verbose)
        return found.argmax(axis=-1) if found.shape[-1] > 1 else (found > 0.5).astype("int32")

    # ---- building ------------------------------------------------------------------------------------------------

    def _extend(self, x: Any = None) -> None:
        """Call the layers that were not called yet, from the input `x` on; nothing where no input is known."""
        layers = self.layers
        if not self._chain:
            x = self._known_input() if x is None else x
            if x is None or not layers:
                self._settle(None)
                return
            self._chain.append(x)
        with tracing.suspended(), definition_context(), self._scope_of_layers():
            for layer in layers[len(self._chain) - 1 :]:
                with provenance.at_lines(layer._lines), self._naming_inputs_of(layer):
                    self._chain.append(layer(self._chain[-1]))
            self._settle(Functional(self._chain[0], self._chain[-1], name=self.name) if layers else None)

    @contextmanager
    def _naming_inputs_of(self, layer: Layer) -> Iterator[None]:
        """Say of a layer that takes no input, or needs more than one argument, that it has no place here."""
        try:
            yield
        except TypeError as error:
            given = inspect.signature(layer.call).parameters.values()
            needed = [p.name for p in given if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
            if isinstance(error, SymkerasError) or len(needed) == 1:
                raise
            takes = ", ".join(needed) or "nothing"
            raise ConfigError(f"model {self.name!r}: a layer of a Sequential takes one input, call() of {layer.name!r} needs {takes}") from error

    def _scope_of_layers(self) -> AbstractContextManager[None]:
        """What gives the weights of the layers the model's name, once: a model that is built within another one has it there."""
        return nullcontext() if provenance.variable_path().rpartition("/")[2] == self.name else provenance.path_scope(self.name)

    def _settle(self, functional: Functional | None) -> None:
        if functional is not None:
            for loss in self._graph_losses:
                functional._add_loss_of_graph(loss)
        object.__setattr__(self, "_functional", functional)
        self.built = functional is not None
        self._forget_steps()

    def _known_input(self) -> Any:
        """The input that the first layer says or has, a list where it has several, None where it says nothing."""
        first = self._stack[0] if self._stack else None
        if isinstance(first, InputLayer):
            return first._inbound_nodes[0].outputs[0]
        if isinstance(first, Model):
            known = first.inputs if first.built and hasattr(first, "inputs") else []
            if len(known) == 1:
                return Input(batch_shape=known[0].shape, dtype=known[0].dtype)
            return list(known) or None  # of models that were merged, which others may begin with as well
        if first is None or first._batch_input_shape is None:
            return None
        return Input(batch_shape=first._batch_input_shape, name=f"{first.name}_input")

    def _build_on(self, x: Any) -> None:
        self._chain.clear()
        try:
            self._extend(x)
        except BaseException:
            self._chain.clear()
            raise

    def build(self, input_shape: Any = None) -> None:
        """Build for a shape with the batch axis."""
        if self._functional is not None:
            self._check_built_for(input_shape)
            return
        if not self.layers:
            raise ConfigError(f"model {self.name!r} has no layers")
        known = self._known_input()
        if known is None and input_shape is None:
            raise ShapeError(f"model {self.name!r}: build needs an input shape, for example model.build((None, 784))")
        self._build_on(map_shapes(lambda shape: Input(batch_shape=shape), input_shape) if known is None else known)

    def _check_built_for(self, input_shape: Any) -> None:
        """Refuse another shape than that which the model is built for."""
        own = self.input_shape
        if input_shape is None or not isinstance(own, tuple):
            return
        given = tuple(map_shapes(tuple, input_shape))
        if len(given) != len(own) or any(None not in (a, b) and a != b for a, b in zip(given, own, strict=True)):
            raise ShapeError(f"model {self.name!r} has already been configured for inputs of shape {own}, received {given}")

    def _build_for_data(self, x: Any) -> None:
        """Build for an array or tensor, or a nesting of them: the sizes behind the batch axis, and the dtypes."""
        known = self._known_input()
        self._build_on(tree.map_structure(_input_like, x) if known is None else known)

    def _take_sizes(self, x: Sequence[Any]) -> Exception | None:
        """Leave the sizes of the input open in which `x` differs, where the layers take any: the shape of a first batch is no promise.

        Returns:
            What a layer said that does not take them; None where there is no such layer.
        """
        functional = self._built_model()
        if len(x) != 1 or len(functional.inputs) != 1 or self._graph_losses or not hasattr(x[0], "shape"):
            return None
        own, given = functional.inputs[0], tuple(x[0].shape)
        if len(given) != own.ndim or all(known in (None, size) for known, size in zip(own.shape[1:], given[1:], strict=True)):
            return None
        kept = list(self._chain), list(self._stack), [(layer, list(layer._inbound_nodes)) for layer in self.layers]
        try:
            self._call_layers_on((own.shape[0], *given[1:]), own.dtype)
            self._build_on(self._input_in_place_of(own, given))
            return None
        except Exception as error:  # the layers need those sizes: what does not fit is said of the model as it was
            self._chain[:], self._stack[:], records = kept
            for layer, nodes in records:
                layer._inbound_nodes[:] = nodes
            self._settle(functional)
            return error

    def _call_layers_on(self, shape: Sequence[Any], dtype: str) -> None:
        """Let an error be raised by the layer that does not take such an input."""
        with tracing.suspended(), definition_context(), tracing.Trace(), call_context():
            x = symbolic_input(shape, dtype)
            for layer in self.layers:
                x = layer(x)

    def _input_in_place_of(self, own: Tensor, given: Sequence[Any]) -> Tensor:
        """An input that leaves open where the sizes of `own` and `given` differ; the calls on `own` are no longer those of the layers."""
        for layer, below in zip(self.layers, self._chain, strict=False):
            at = tree.flatten(below)[0].node
            layer._inbound_nodes[:] = [r for r in layer._inbound_nodes if not r.inputs or r.inputs[0].node is not at]
        sizes = [known if known == size else None for known, size in zip(own.shape[1:], given[1:], strict=True)]
        wider = Input(batch_shape=(own.shape[0], *sizes), dtype=own.dtype, name=own._keras_history.operation.name)
        if isinstance(self._stack[0], InputLayer):
            self._stack[0] = wider._keras_history.operation
        return wider

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        refusal = None if isinstance(inputs, Prepared) else self._take_sizes(tree.flatten(inputs))
        with because(refusal):
            return self._built_model()._call_as(self, inputs, training, mask)

    def _fitted(self, flat: Sequence[Any]) -> list[Any]:
        with because(self._take_sizes(flat)):
            return self._built_model()._fitted(flat)

    def _add_loss_of_graph(self, loss: Tensor) -> None:
        self._built_model()._add_loss_of_graph(loss)
        self._graph_losses.append(loss)
        self._forget_steps()

    @callable_in_tensorflow
    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.layers:
            raise ConfigError(f"model {self.name!r} has no layers: add some before calling it")
        if isinstance(inputs, (list, tuple)) and not isinstance(inputs, Prepared) and len(inputs) == 1 and hasattr(inputs[0], "shape"):
            inputs = inputs[0]
        leaves = tree.flatten(inputs) if self._functional is None else []
        if leaves and all(hasattr(x, "shape") for x in leaves):
            self._build_for_data(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _built_model(self) -> Functional:
        if self._functional is None:
            raise NotBuiltError(f"model {self.name!r} is not built yet: its input shape is not known. Begin with Input(shape), or call build or fit")
        return self._functional

    inputs = property(lambda self: self._built_model().inputs, doc="The symbolic inputs.")
    outputs = property(lambda self: self._built_model().outputs, doc="The symbolic outputs.")
    input = property(lambda self: self._built_model().input, doc="The symbolic input.")
    output = property(lambda self: self._built_model().output, doc="The symbolic output.")
    input_shape = property(lambda self: self._built_model().input_shape, doc="The shape of the input.")
    output_shape = property(lambda self: self._built_model().output_shape, doc="The shape of the output.")
    operations = property(lambda self: self._built_model().operations, doc="The layers, with the input.")
    input_names = property(lambda self: self._built_model().input_names, doc="The name of the input.")
    output_names = property(lambda self: self._built_model().output_names, doc="The name of the output.")
    _input_structure = property(lambda self: self._built_model()._input_structure)
    _array_stage = property(lambda self: self._built_model()._array_stage)
    _output_structure = property(lambda self: self._built_model()._output_structure)

    def _state_names(self) -> list[str]:
        return ["layers", *super()._state_names()]

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        stack = list(self._stack)
        if self._functional is not None and len(self._functional.inputs) == 1 and not isinstance(stack[0], InputLayer):
            stack.insert(0, self._functional.inputs[0]._keras_history.operation)
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": Layer.get_config(self)["dtype"]}
        config["layers"] = [serialize_keras_object(layer) for layer in stack]
        if self._functional is not None and len(self._functional.inputs) == 1:
            config["build_input_shape"] = self.input_shape
        return config

    @classmethod
    @checked(config=either(settings, several(settings)))
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        from symkeras.models.functional_config import layer_from_config

        if isinstance(config, tuple):  # of Keras 1
            config = {"layers": config}
        if not isinstance(config.get("layers"), (list, tuple)):
            raise ConfigError(f"Sequential.from_config: expected a list called 'layers', received {config.get('layers')!r}")
        model = cls(name=config.get("name"))
        for layer in config["layers"]:
            model._append(layer_from_config(layer, custom_objects))
        model._extend()
        if not model.built and config.get("build_input_shape"):
            model.build(map_shapes(tuple, config["build_input_shape"]))
        if config.get("trainable") is False:
            model.trainable = False
        return model


def _input_like(x: Any) -> Tensor:
    return Input(batch_shape=(None, *x.shape[1:]), dtype=batch_dtype(x.dtype))
