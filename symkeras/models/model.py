"""`Model`: a layer that can be trained. `Model(inputs, outputs)` makes a functional model, a subclass defines `call`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from symkeras.arguments import boolean, checked, function, integer, number, optional, path, positive_int, settings, several, text
from symkeras.errors import ConfigError, ReservedAttributeError, nearest
from symkeras.graph import provenance, tracing
from symkeras.layers.calls import call_context
from symkeras.layers.input import symbolic_input
from symkeras.layers.layer import Layer
from symkeras.layers.shapes import map_shapes
from symkeras.layers.state_names import state_names
from symkeras.models.functions import OWN_BOOKS
from symkeras.models.state_trees import StateTrees
from symkeras.models.trainer import Trainer

_OF_MODULES = frozenset({"zero_grad", "parameters", "named_parameters", "state_dict", "load_state_dict", "modules", "register_buffer", "cuda", "cpu"})
"""What `torch.nn.Module` has and scripts written for Keras on PyTorch call."""


class Model(Trainer, StateTrees, Layer):
    """A trainable composition of layers.

    Args:
        inputs: symbolic inputs (one, a list or a dict) of a functional model.
        outputs: its symbolic outputs.
        name: made from the class name when None.

    Without arguments this is the base of models that define `call`. A subclass may also hand inputs and outputs to
    `super().__init__`: it is then a functional model with methods of its own.

    Example:
        >>> from symkeras import Input, Model, layers
        >>> x = Input((4,))
        >>> Model(x, layers.Dense(2)(x)).output_shape
        (None, 2)
    """

    _marks_built = False
    _made_anew = Layer._made_anew | OWN_BOOKS

    _is_replayed = False
    """Whether calls of its layers that were made outside of it are made again when it is called."""

    def __getattr__(self, name: str) -> Any:
        if name in _OF_MODULES:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}: a model of symkeras is no module of PyTorch; write the step in "
                "symkeras.ops with symkeras.GradientTape, and give the gradients to self.optimizer.apply"
            )
        return self.__getattribute__(name)  # which says what is wrong

    def _scope(self) -> AbstractContextManager[None]:
        if self._is_replayed and provenance.is_outermost():
            return provenance.outermost_scope()  # the name of the whole says nothing of a place in it; its layers were built without it as well
        return super()._scope()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _is_graph(args, kwargs):
            from symkeras.models.functional import Functional

            return Functional(*args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        from symkeras.models.functional import Functional

        if _is_graph(args, kwargs) and not isinstance(self, Functional):
            make_functional(type(self))
            Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]
            return
        Trainer.__init__(self)
        Layer.__init__(self, *args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._begin_books()

    @property
    def layers(self) -> list[Layer]:
        """The layers this model is made of, in order."""
        return list(self._layers)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise ReservedAttributeError(f"the `Model.layers` attribute is reserved for what model {self.name!r} is made of; call yours otherwise")

    @checked(name=optional(text), index=optional(integer()))
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """One layer by its name or place.

        Raises:
            ConfigError: there is no such layer.
        """
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ConfigError(f"model {self.name!r} has {len(layers)} layers, there is no layer {index}")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ConfigError(f"model {self.name!r} has no layer {name!r}; it has {', '.join(names)}.{nearest(str(name), names)}")

    @checked(
        line_length=optional(positive_int), positions=optional(several(number())), print_fn=optional(function), expand_nested=boolean,
        show_trainable=boolean, layer_range=optional(several(text, count=2)), costs=optional(positive_int),
    )  # fmt: skip
    def summary(self, line_length: int | None = None, positions: Any = None, print_fn: Callable[[str], Any] | None = None,
                expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None, costs: int | None = None) -> None:  # fmt: skip
        """Print the layers with their output shapes and numbers of parameters; with `costs=32`, what each costs as compiled for 32 rows."""
        from symkeras.models.summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range, costs)

    def _repr_html_(self) -> str:
        from symkeras.graph.notebook import as_html
        from symkeras.models.summary import summary_text

        return as_html(f"<{type(self).__name__} {self.name}>", summary_text(self))

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write architecture, weights and compile settings to a `.keras` or `.h5` file."""
        from symkeras.saving.model_files import save_model

        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the weights to a `.weights.h5` file, shards (`.weights.json`) or a `.safetensors` file; see `saving.save_weights`."""
        from symkeras.saving.model_files import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read weights from a `.weights.h5`, `.weights.json`, `.safetensors`, `.keras` or old `.h5` file."""
        from symkeras.saving.model_files import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    @checked(filepath=path, format=optional(text))
    def export(self, filepath: Any, format: str | None = None, verbose: Any = None, input_signature: Any = None, **kwargs: Any) -> Any:
        """Write what `predict` computes to files that run without symkeras.

        "c" gives one C file with the runtime it needs, its header, and the weights in it or in a file beside it;
        "numpy" a Python script that needs NumPy alone, with its weights in a `.npz`. All sizes but the number of rows
        are fixed. The arithmetic is that of `predict` on the backends "native" and "numpy". "onnx" gives a model that
        other tools run, with any number of rows, and with sizes that the model leaves open.

        Args:
            filepath: the C file, script or ONNX model; what lies beside it has the same stem.
            format: "c", "numpy" or "onnx"; by the suffix of `filepath` when None. Keras' "tf_saved_model" and "litert"
                are not offered.
            verbose: whether to print what was written.
            input_signature: a shape, `InputSpec`, tensor or array per input, for sizes that the model leaves open.
            **kwargs: `batch` (32): rows computed at a time, for which memory is planned. For "c": `weights` ("auto":
                in the C file below a MiB; "embedded"; "file"), `threads` (1): the most that a build with `-pthread` uses.
                For "onnx" none of these but `opset` (18): the version of ONNX' operators; with `numerics="fast"` maximum
                pooling and recurrent layers become ONNX' own operators, in which engines lose a NaN.

        Returns:
            The paths of the files.

        Raises:
            ConfigError: a format or option that is not offered, or a size that is not known.
            BackendError: the model changes variables when it predicts, or has an op that the format cannot hold.

        Example:
            >>> import tempfile, os
            >>> from symkeras import Input, Sequential, layers
            >>> model = Sequential([Input((4,)), layers.Dense(2)])
            >>> folder = tempfile.mkdtemp()
            >>> [f.name for f in model.export(os.path.join(folder, "scorer.c"))]
            ['scorer.c', 'scorer.h']
            >>> [f.name for f in model.export(os.path.join(folder, "scorer.py"))]
            ['scorer.py', 'scorer.npz']
        """
        from symkeras.models.export import export_model

        return export_model(self, filepath, format, verbose, input_signature, kwargs)

    def _state_names(self) -> list[str]:
        return state_names(self, Layer, ("layers", "optimizer"))

    def quantize(self, mode: Any = None, config: Any = None, filters: Any = None, type_check: bool = True, **kwargs: Any) -> None:
        """Keep the weights of all layers that can do it in few bits, and forget the functions compiled before.

        Args:
            mode: "int8"; or "float8", for training with products of 8 bits.
            config: a `QuantizationConfig` with quantizers of your own.
            filters: which layers: a regular expression that is found in a name, a list of such, or a function of a layer.
            type_check: whether subclasses of layers of Keras are left out, with a warning.

        Raises:
            ConfigError: a mode or argument that is not known, or a layer that is not built or is quantized already.
            NotOfferedError: a mode of Keras that symkeras does not have.

        Example:
            >>> from symkeras import Input, Sequential, layers
            >>> model = Sequential([Input((4,)), layers.Dense(8), layers.Dense(2, name="head")])
            >>> model.quantize("int8", filters="dense")
            >>> [layer.quantization_mode for layer in model.layers]
            ['int8', None]
        """
        from symkeras.models.quantization import quantize_model

        quantize_model(self, mode, config, filters, type_check, kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as text; `models.model_from_json` reads it back."""
        from symkeras.saving.serialization import serialize_keras_object

        return json.dumps(serialize_keras_object(self), **kwargs)

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A model from its config."""
        if cls is Model:
            from symkeras.models.functional import Functional

            return Functional.from_config(config, custom_objects)
        return super().from_config(config)

    @checked(config=optional(settings))
    def build_from_config(self, config: dict[str, Any]) -> None:
        if not config:
            return
        if "input_shape" in config:
            super().build_from_config(config)
        elif "shapes_dict" in config:
            self.build(**config["shapes_dict"])
            self.built = True

    def build(self, input_shape: Any = None) -> None:
        """Make the weights by calling the model on a symbolic input of this shape (with the batch axis)."""
        if self.built or type(self).call is Layer.call:
            self.built = True
            return
        if input_shape is None:
            return
        self.built = True
        inputs = map_shapes(lambda s: symbolic_input(s, self.compute_dtype), input_shape)
        try:
            with tracing.Trace(), call_context():
                self.call(inputs)
        except BaseException:
            self.built = False
            raise

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self.built and self._runs_eagerly and type(self).build is Model.build:
            self._input_shapes = self._build_shapes(args, kwargs)
            self.built = True  # its layers make their weights when they are called
            return
        super()._build_for(args, kwargs)

    def reset_states(self) -> None:
        """Set the states of stateful layers back to zero."""
        for layer in self._flatten_layers(include_self=False):
            reset = getattr(layer, "reset_state", None) or getattr(layer, "reset_states", None)
            if reset is not None and getattr(layer, "stateful", False):
                reset()


def _is_graph(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the arguments of a model are inputs and outputs, rather than those of a layer."""
    return len(args) >= 2 or any(names <= kwargs.keys() for names in ({"inputs", "outputs"}, {"input", "output"})) or (
        len(args) == 1 and bool({"outputs", "output"} & kwargs.keys())
    )


def make_functional(cls: type) -> None:
    """Put `Functional` in the place of `Model` among the bases of a class, the first time it is given a graph."""
    from symkeras.models.functional import Functional

    for c in cls.__mro__:
        if Model in c.__bases__ and c is not Functional:
            c.__bases__ = tuple(Functional if base is Model else base for base in c.__bases__)
            return


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """The model that `to_json` wrote, with fresh weights.

    Args:
        json_string: what `to_json` gave.
        custom_objects: name -> class or function, for those that are not registered.

    Raises:
        ConfigError: no text, or none that describes a model.

    >>> from symkeras import Sequential, layers
    >>> model = Sequential([layers.Dense(3, input_shape=(2,))])
    >>> model_from_json(model.to_json()).output_shape
    (None, 3)
    """
    from symkeras.saving import json_text
    from symkeras.saving.model_files import model_of_config

    if not isinstance(json_string, (str, bytes)):
        raise ConfigError(f"model_from_json takes a text, received {json_string!r} of type {type(json_string).__name__}")
    text = json_string if isinstance(json_string, bytes) else json_string.encode("utf-8", "surrogatepass")
    return model_of_config(json_text.parse(text, "the text of the model"), custom_objects)
