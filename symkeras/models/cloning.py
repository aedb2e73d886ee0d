"""`clone_model`: a model of the same architecture with layers and weights of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from symkeras import tree
from symkeras.arguments import boolean, checked, function, instance, optional
from symkeras.errors import ConfigError
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import CallRecord
from symkeras.layers.input import Input, InputLayer
from symkeras.layers.layer import Layer
from symkeras.layers.replay import Replay


@checked(model=instance(Layer, "a model"), clone_function=optional(function), call_function=optional(function), recursive=boolean)
def clone_model(model: Any, input_tensors: Any = None, clone_function: Callable[[Layer], Layer] | None = None,
                call_function: Callable[..., Any] | None = None, recursive: bool = False) -> Any:  # fmt: skip
    """A model like `model`, with fresh weights; compiled as it is, with an optimizer, losses and metrics of its own,
    unless its class has a `compile` of its own.

    Args:
        model: a functional or sequential model; one that defines `call` is made again from its config.
        input_tensors: what the clone begins with instead of new inputs (functional and sequential models).
        clone_function: layer -> layer for the clone; called for every layer but the inputs, and by default makes the
            layer again from its config.
        call_function: called as `call_function(layer, *args, **kwargs)` instead of `layer(*args, **kwargs)`
            (functional models, and those inside of them where `recursive`).
        recursive: whether models inside are cloned with `clone_function` as well.

    Returns:
        The clone.

    Raises:
        ConfigError: an argument that does not go with this kind of model, or a function that returns no layer.

    Example:
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(3, input_shape=(2,)), layers.Dense(1)])
        >>> clone = clone_model(model)
        >>> clone.layers[0].name == model.layers[0].name, clone.layers[0] is model.layers[0]
        (True, False)
    """
    from symkeras.models.model import Model

    clone = _cloned(model, input_tensors, clone_function, call_function, recursive)
    if getattr(model, "compiled", False) and not clone.compiled and type(clone).compile is Model.compile:
        compilation = model._compilation
        given = {name: copy.deepcopy(value) for name, value in compilation.config.items() if name != "optimizer"}
        clone.compile(_remade(compilation.optimizer), **given, backend=compilation.backend, **compilation.options)
        if clone.built and clone.trainable_variables:
            clone.optimizer.build(clone.trainable_variables)
    return clone


def _cloned(model: Any, input_tensors: Any, clone_function: Callable[[Layer], Layer] | None, call_function: Callable[..., Any] | None,
            recursive: bool) -> Any:  # fmt: skip
    from symkeras.models.functional import Functional
    from symkeras.models.sequential import Sequential

    if isinstance(model, Sequential):
        if call_function is not None:
            raise ConfigError("clone_model: call_function goes with functional models, a Sequential calls its layers itself")
        return _clone_sequential(model, input_tensors, _cloner(clone_function, recursive))
    if isinstance(model, Functional):
        if type(model) is not Functional and input_tensors is None and clone_function is None and call_function is None:
            return _remade(model)
        return _clone_functional(model, input_tensors, _cloner(clone_function, recursive, call_function), call_function)
    if input_tensors is not None or clone_function is not None or call_function is not None:
        raise ConfigError(f"clone_model: {type(model).__name__} defines its own call, so that nothing but the model alone can be given")
    return _remade(model)


def _remade(one: Any) -> Any:
    return type(one).from_config(one.get_config())


def _cloner(clone_function: Callable[[Layer], Layer] | None, recursive: bool,
            call_function: Callable[..., Any] | None = None) -> Callable[[Layer], Layer]:  # fmt: skip
    """What makes the layer of the clone from a layer of the model; functional models inside call their layers by `call_function`, too."""
    from symkeras.models.functional import Functional
    from symkeras.models.model import Model

    def clone(layer: Layer) -> Layer:
        if recursive and isinstance(layer, Model):
            return clone_model(layer, None, clone_function, call_function if isinstance(layer, Functional) else None, True)
        made = _remade(layer) if clone_function is None else clone_function(layer)
        if not isinstance(made, Layer):
            raise ConfigError(f"clone_model: clone_function must return a layer, received {made!r} for {layer.name!r}")
        return made

    return clone


def _clone_sequential(model: Any, input_tensors: Any, clone: Callable[[Layer], Layer]) -> Any:
    from symkeras.models.sequential import Sequential

    copies: list[Any] = []
    given = tree.flatten(input_tensors) if input_tensors is not None else []
    if len(given) > 1:
        raise ConfigError(f"clone_model: a Sequential has one input, received {len(given)} input_tensors")
    if given:
        copies.append(given[0] if isinstance(given[0], Tensor) else _as_input(given[0]))
    elif model.built:
        t = model.inputs[0]
        copies.append(Input(batch_shape=t.shape, dtype=t.dtype, name=model.input_names[0]))
    made: dict[int, Layer] = {}
    for layer in model.layers:
        copies.append(made.setdefault(id(layer), clone(layer)))
    return Sequential(copies, name=model.name, trainable=model.trainable)


def _as_input(x: Any) -> Tensor:
    import numpy as np

    array = np.asarray(x)
    return Input(batch_shape=(None, *array.shape[1:]), dtype=array.dtype)


def _clone_functional(model: Any, input_tensors: Any, clone: Callable[[Layer], Layer], call: Callable[..., Any] | None) -> Any:
    from symkeras.models.functional import Functional, run_again

    if input_tensors is None:
        own = [t._keras_history.operation for t in model.inputs]
        new_inputs = [Input(batch_shape=t.shape, dtype=t.dtype, name=i.name, optional=i.optional) for t, i in zip(model.inputs, own, strict=True)]
    elif isinstance(model.input, dict) and not isinstance(input_tensors, dict):
        raise ConfigError(f"clone_model: the inputs of the model are a dict of {', '.join(model.input)}; input_tensors must be one, too")
    else:
        new_inputs = [x if isinstance(x, Tensor) else _as_input(x) for x in tree.flatten(input_tensors)]
    if len(new_inputs) != len(model.inputs):
        raise ConfigError(f"clone_model: the model has {len(model.inputs)} inputs, received {len(new_inputs)} input_tensors")
    replay = Replay({t.node: x for t, x in zip(model.inputs, new_inputs, strict=True)})
    made: dict[int, Layer] = {}

    def call_clone(layer: Layer, *args: Any, **kwargs: Any) -> Any:
        copy = made.get(id(layer)) or made.setdefault(id(layer), clone(layer))
        return copy(*args, **kwargs) if call is None else call(copy, *args, **kwargs)

    outputs = run_again(replay, _calls(model), model.output, call_clone)
    inputs = tree.pack_sequence_as(model.input, new_inputs)
    copy = Functional(inputs, outputs, name=model.name, trainable=model.trainable)
    if model._graph_losses:
        copy.add_loss([replay.value(loss) for loss in model._graph_losses])
    return copy


def _calls(model: Any) -> list[CallRecord]:
    return [record for record in model._records if not isinstance(record.layer, InputLayer)]
