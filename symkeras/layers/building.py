"""How layers come to have their weights, by the shapes of their inputs; a base of `Layer`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import tree
from symkeras.arguments import checked, refusal, settings
from symkeras.errors import ConfigError, SymkerasError
from symkeras.graph import autocast, provenance, tracing
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import definition_context
from symkeras.layers.shapes import map_shapes, shape_of
from symkeras.layers.tracking import Tracker

if TYPE_CHECKING:
    from symkeras.layers.layer import Layer


class Building:
    """`build`, its scope, its arguments from the inputs of a call, and the shapes that files keep."""

    name: str
    path: str | None
    built: bool
    _path: str | None
    _place: str | None
    _input_shapes: Any
    _call_signature: inspect.Signature
    _tracker: Tracker

    _marks_built = True
    """Whether a call of `build` alone makes the layer built; models decide for themselves."""
    _is_closed = True
    """Whether it takes no further weights and layers once it is built; models of a graph change."""

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of `input_shape`; layers without weights need not define it."""
        if self._marks_built:
            _check_shapes(self, "build", Building.build, (input_shape,), {})
        self.built = True
        self._lock()

    def _lock(self) -> None:
        """Take no further state, unless a `build` is under way, or layers below have none yet and may come to it as they are called."""
        if self._is_closed and "_is_building" not in self.__dict__ and all(layer.built for layer in self._tracker.layers):
            self._tracker.locked_for = f"{type(self).__name__} {self.name!r}"

    def _scope(self) -> AbstractContextManager[None]:
        """What gives the nodes of a call the layer's name."""
        return provenance.layer_scope(self.name)

    @contextmanager
    def _building(self) -> Iterator[None]:
        """Weights made inside are named after the layer, once: a `build` calls that of its base class."""
        if "_is_building" in self.__dict__:
            yield
            return
        object.__setattr__(self, "_is_building", True)
        try:
            with self._scope():
                if self.path is None:
                    self._path, self._place = provenance.variable_path() or self.name, provenance.layer_path() or self.name
                yield
        finally:
            object.__delattr__(self, "_is_building")

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        shapes = self._build_shapes(args, kwargs)
        with tracing.suspended(), definition_context(), autocast.reading_as(None):
            try:
                self.build(*shapes)
            except SymkerasError as error:
                raise type(error)(
                    f"{error} (building layer {self.name!r} for input shape {shapes[0] if shapes else ()}, {provenance.user_line()})"
                ) from error
        self._input_shapes = shapes
        self.built = True
        self._lock()

    def _build_shapes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """What `build` is called with: the shape of the first input, or, by name, `query_shape` for the `query` of `call`."""
        parameters = _parameters_of_build(self)
        if len(parameters) < 2:
            bound = list(args) + [v for v in kwargs.values() if any(isinstance(t, (Tensor, np.ndarray)) for t in tree.flatten(v))]
            return [tree.map_structure(shape_of, a) for a in bound[: len(parameters)]]
        given, names = self._call_signature.bind(*args, **kwargs).arguments, self._call_signature.parameters
        shapes: list[Any] = []
        for p in parameters:
            name = p.name.removesuffix("_shape")
            if name == p.name or name not in names:
                if p.default is not p.empty:
                    break
                why = "without _shape at its end" if name == p.name else f"and call() takes no {name!r}"
                what = f"{type(self).__name__} {self.name!r}: build() takes {p.name!r}"
                raise ConfigError(f"{what}, {why}; of several each is named after an input")
            shapes.append(tree.map_structure(shape_of, given[name]) if name in given else None)
        return shapes

    def get_build_config(self) -> dict[str, Any] | None:
        """The input shapes this layer was built for."""
        if not self._input_shapes:
            return None
        if len(self._input_shapes) > 1:
            return {"shapes_dict": {p.name: shape for p, shape in zip(_parameters_of_build(self), self._input_shapes, strict=False)}}
        return {"input_shape": self._input_shapes[0]}

    @checked(config=settings)
    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes of `get_build_config`."""
        shape = config.get("input_shape")
        if "input_shape" in config and not self.built and (shape is not None or _needs_no_shape(self)):
            shape = None if shape is None else map_shapes(tuple, shape)
            with tracing.suspended():
                self.build(shape)
            self._input_shapes = [shape]
            self.built = True
        elif config.get("shapes_dict") and not self.built:
            shapes = {name: None if shape is None else map_shapes(tuple, shape) for name, shape in config["shapes_dict"].items()}
            with tracing.suspended():
                self.build(**shapes)
            self._input_shapes = list(shapes.values())
            self.built = True


def marking_built(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build`, under the layer's name, after which the layer is built however it was called."""

    @functools.wraps(build)
    def built(self: Layer, *args: Any, **kwargs: Any) -> Any:
        if self._marks_built:
            _check_shapes(self, "build", build, args, kwargs)
        with self._building():
            result = build(self, *args, **kwargs)
        if self._marks_built:
            self.built = True
            if self._input_shapes is None:
                self._input_shapes = list(inspect.signature(build).bind(self, *args, **kwargs).arguments.values())[1:] or [None]
            self._lock()
        if self._first_weights is not None and type(self).build is built:  # all of them are there
            self.set_weights(self._first_weights)
            self._first_weights = None
        return result

    return built


def _parameters_of_build(layer: Building) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(layer.build).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _needs_no_shape(layer: Building) -> bool:
    """Whether `build` makes the weights without a shape, as that of an embedding does."""
    parameters = _parameters_of_build(layer)
    return bool(parameters) and parameters[0].default is None


def given_shapes(compute: Callable[..., Any]) -> Callable[..., Any]:
    """`compute_output_shape`, which is told what is no shape."""

    @functools.wraps(compute)
    def computed(self: Layer, *args: Any, **kwargs: Any) -> Any:
        _check_shapes(self, "compute_output_shape", compute, args, kwargs)
        return compute(self, *args, **kwargs)

    return computed


def _check_shapes(layer: Building, method: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse what is no shape: as the first argument, and as every one that is named after a shape."""
    given = {**dict(zip(_names_of(function)[1:], args, strict=False)), **kwargs}
    for k, (name, shape) in enumerate(given.items()):
        if shape is not None and (k == 0 or name.endswith("_shape")) and (isinstance(shape, (str, bytes)) or not hasattr(shape, "__getitem__")):
            raise refusal(f"{type(layer).__name__}.{method}: {name}", "a shape, or several in a list, tuple or dict", shape)


@functools.cache
def _names_of(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def build_sublayer(layer: Building, input_shape: Any) -> None:
    """Make the weights of a layer held by the one that is being built, under its own name; nothing where it has them."""
    if layer.built:
        return
    layer.build(input_shape)
    layer._input_shapes = [input_shape]
    layer.built = True
