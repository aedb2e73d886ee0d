"""The compiled functions a model has: which there are, when one is made, and what is known of inputs and outputs before."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from symkeras import config, tree
from symkeras.distribution.scope import distribution
from symkeras.errors import ConfigError, DtypeError, ShapeError, SymkerasError, nearest
from symkeras.foreign_dtypes import kind
from symkeras.graph import dims, provenance, tracing
from symkeras.graph.ownership import ownership_epoch
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.layers.adaptation import constants_epoch
from symkeras.layers.calls import call_context, taken_as_trainable
from symkeras.layers.layer import Layer
from symkeras.models.array_stage import Prepared
from symkeras.models.at_once import AtOnce, BatchAtOnce
from symkeras.models.eager_steps import EagerStep
from symkeras.models.feeds.checks import check_range
from symkeras.models.loss_terms import Outputs
from symkeras.models.own_steps import own_step, takes_as_given
from symkeras.models.steps import Signature, Step, batch_dtype, batch_type, weight_type
from symkeras.ops.leaves import placeholder_node
from symkeras.recent import Recent

MODES = ("train", "test", "predict")
OWN_BOOKS = frozenset({"_steps", "_last", "_example", "_known_inputs", "_at_once", "_batches", "_trained"})
"""Attributes that hold compiled functions and what belongs to them."""

_KEY = ("mode", "type of x", "type of y", "type of sample_weight", "nesting of the data", "set of trained weights", "backend", "distribution",
        "vocabulary or range of a layer")
"""What tells the functions of a model from each other."""


class Functions:
    """What lies between a model and the functions compiled for it; a base of `Trainer`."""

    name: str
    _compilation: Any
    _flatten_layers: Any
    _takes_training: bool
    built: bool
    trainable_variables: list[Any]

    def __init__(self) -> None:
        self._begin_books()

    def _begin_books(self) -> None:
        object.__setattr__(self, "_steps", Recent(config.max_compiled_functions))
        object.__setattr__(self, "_last", {})
        object.__setattr__(self, "_example", None)
        object.__setattr__(self, "_known_inputs", None)
        object.__setattr__(self, "_at_once", None)
        object.__setattr__(self, "_batches", {})
        object.__setattr__(self, "_trained", None)

    def _forget_steps(self) -> None:
        self._steps: Recent[Any, Step] = Recent(config.max_compiled_functions)
        self._last: dict[str, Step] = {}
        self._example: Any = None
        self._known_inputs: tuple[list[str], Any] | None = None
        self._at_once: AtOnce | None = None
        self._batches: dict[str, BatchAtOnce] = {}
        self._trained: tuple[int, tuple[int, ...]] | None = None
        if self._compilation is not None and self._compilation.trainable is None:  # compiled just now
            self._compilation.trainable = WeakKeyDictionary({layer: layer.trainable for layer in self._flatten_layers()})

    @property
    def _runs_eagerly(self) -> bool:
        return self._compilation is not None and self._compilation.run_eagerly

    def _as_compiled(self) -> AbstractContextManager[None]:
        """Surroundings in which the layers are as trainable as they were when the model was compiled."""
        return taken_as_trainable(self._compilation.trainable or {}) if self._compilation is not None else nullcontext()

    def _say_what_differs(self) -> None:
        """Warn, once, of layers that are no longer as trainable as they were when the model was compiled."""
        before = self._compilation.trainable
        if self._compilation.has_warned:
            return
        changed = [f"{layer.name!r} ({'' if was else 'not '}trainable then)" for layer, was in before.items() if layer.trainable != was]
        if changed:
            self._compilation.has_warned = True
            warnings.warn(
                f"model {self.name!r} trains what was trainable when it was compiled; since then that has changed for {', '.join(changed)}: "
                "compile it again for that to count"
            )

    def _trained_variables(self) -> list[Any]:
        """What training changes: the weights that were trainable when the model was compiled."""
        with self._as_compiled():
            return self.trainable_variables

    def _uids_of_trained(self) -> tuple[int, ...]:
        """Of `_trained_variables`; looked up again once what layers own or train has changed, or always where a class says it in its own way."""
        epoch = ownership_epoch()
        if self._trained is None or self._trained[0] != epoch:
            uids = tuple(v.uid for v in self._trained_variables())
            if any(_says_what_is_trained(layer) for layer in self._flatten_layers()):
                return uids
            object.__setattr__(self, "_trained", (epoch, uids))
        return self._trained[1]  # type: ignore[index]

    def _surroundings(self) -> tuple[Any, ...]:
        """What a function depends on besides the model and the data."""
        backend = self._compilation.backend if self._compilation is not None else None
        return backend or config.backend(), distribution(), constants_epoch()

    # ---- inputs and outputs --------------------------------------------------------------------------------------

    def _of_graph(self, attribute: str) -> Any:
        """An attribute that models with a graph (functional, and sequential when built) have; None for others."""
        try:
            return getattr(self, attribute)
        except (AttributeError, ShapeError, SymkerasError):
            return None

    def _inputs_by_name(self) -> tuple[list[str], Any]:
        """The names of the inputs and their nesting; no names and None for models without a graph."""
        if self._known_inputs is None:
            object.__setattr__(self, "_known_inputs", (list(self._of_graph("input_names") or []), self._of_graph("_input_structure")))
        return self._known_inputs  # type: ignore[return-value]

    def _names_of_inputs(self) -> list[str]:
        return self._inputs_by_name()[0]

    def _names_of_begins(self) -> list[str]:
        """The names of what the graph begins with: the inputs, or what is computed of them on arrays before."""
        stage = self._of_graph("_array_stage")
        return self._names_of_inputs() if stage is None else stage.names

    def _names_of_outputs(self, outputs: Any) -> Outputs:
        """One name per output: the keys of a dict, the names of the layers, else output_1, output_2; and the nesting of the outputs."""
        count = len(tree.flatten(outputs))
        nesting = tree.pack_sequence_as(outputs, range(count)) if tree.is_nested(outputs) else 0
        names = list(self._of_graph("output_names") or [])
        are_numbered = False
        if isinstance(outputs, dict) and len(outputs) == count:
            names = sorted(outputs)
        elif len(names) != count:
            names, are_numbered = [f"output_{k + 1}" for k in range(count)] if count > 1 else ["output"], True
        return Outputs(names, nesting, are_numbered)

    def _types_of_inputs(self, count: int) -> list[TensorType | None]:
        """The types of the inputs, None where they are not known; a fixed batch size binds only layers that keep states."""
        if (stage := self._of_graph("_array_stage")) is not None:
            return stage.types
        known = self._of_graph("inputs")
        if not isinstance(known, list) or len(known) != count:
            return [None] * count
        types = [t.node.tensor_type for t in known]
        is_stateful = any(getattr(layer, "stateful", False) for layer in self._flatten_layers())
        return types if is_stateful else [t.with_shape((dims.symbol("batch"), *t.shape[1:])) if t.shape else t for t in types]

    def _target_names(self, x: Sequence[np.ndarray], structure: Any) -> Outputs:
        if not self._has_own_steps():
            self._ensure_built(x, structure)
        outputs = self._of_graph("_output_structure")
        return self._names_of_outputs(self._example if outputs is None else outputs)

    def _has_own_steps(self) -> bool:
        """Whether training and testing are the model's own: these say what is called with the data, and it need not be the model."""
        return own_step(self, "train") is not None and own_step(self, "test") is not None

    def _ensure_built(self, x: Sequence[np.ndarray], structure: Any) -> None:
        """Let the weights exist, by a symbolic call for data like this where the model has no graph."""
        if self._example is not None or self._of_graph("_output_structure") is not None or type(self).call is Layer.call:  # type: ignore[attr-defined]
            return
        if self._runs_eagerly:
            stand_ins: list[Any] = [None if a is None else a[:1].astype(batch_dtype(a.dtype)) for a in x]
        else:
            stand_ins = [None if a is None else Tensor(placeholder_node(batch_type(a), "x")) for a in x]
        with _naming_the_place(), nullcontext() if self._runs_eagerly else tracing.Trace(), call_context():
            self._example = self(tree.pack_sequence_as(structure, stand_ins))  # type: ignore[operator]
        self.built = True

    def _take_sizes(self, x: Sequence[Any]) -> Exception | None:
        """Let the model be for data of these sizes, where it is not tied to those that it was built for; what a layer said that takes no others."""
        return None

    # ---- functions -----------------------------------------------------------------------------------------------

    def _step(self, mode: str, x: Sequence[np.ndarray], y: Sequence[Any], weights: Sequence[Any], structure: Any,
              nesting: tuple[Any, Any] | None = None) -> Step:  # fmt: skip
        """The function for data like this; made the first time."""
        if mode == "train":
            self._say_what_differs()
        trained = self._uids_of_trained() if mode == "train" else ()
        key = (mode, _kinds(x), _kinds(y), _kinds(weights), _nesting((structure, nesting)), trained, *self._surroundings())
        step = self._steps.get(key)
        if step is None:
            step = self._make_step(mode, x, y, weights, structure, nesting, self._compilation.backend if self._compilation is not None else None)
            before = next((k for k in reversed(list(self._steps)) if k[0] == mode), None)
            if before is not None:
                differ = [name for name, a, b in zip(_KEY, before, key, strict=True) if a != b]
                step.executable.note_why(f"another {' and '.join(differ)} than before")
            if mode == "train":  # a step of the model's own may have made its weights
                key = (*key[:5], self._uids_of_trained(), *key[6:])
            self._steps.put(key, step)
        self._last[mode] = step
        for a, t in zip((*x, *y), (*step.signature.x, *step.signature.y), strict=False):
            if a is not None and t is not None and kind(a.dtype) in "iu" and a.dtype.itemsize > 2:
                check_range(a, t.dtype, "x" if len(x) == 1 and a is x[0] else "the data")
        return step

    def _make_step(self, mode: str, x: Sequence[np.ndarray], y: Sequence[Any], weights: Sequence[Any], structure: Any,
                   nesting: tuple[Any, Any] | None, backend: str | None) -> Step:  # fmt: skip
        if mode == "predict" or not self._has_own_steps():
            self._ensure_built(x, structure)
        refusal = self._take_sizes(x) if self._of_graph("_array_stage") is None else None
        known = self._types_of_inputs(len(x))
        with because(refusal):
            for a, t, n in zip(x, known, self._names_of_begins() or ["x"] * len(x), strict=False):
                _check_input(a, t, n, self.name)
        signature = Signature(
            tuple(None if a is None else batch_type(a, t) for a, t in zip(x, known, strict=True)),
            tuple(None if a is None else batch_type(a) for a in y),
            tuple(None if a is None else weight_type(a) for a in weights),
            nesting,
        )
        compilation = self._compilation
        was_bound = compilation is not None and compilation.is_bound
        options = compilation.options if compilation is not None else {}
        if backend == "interpreter":
            options = {k: v for k, v in options.items() if k in ("denormals", "verify")}
        try:
            with _naming_the_place(), self._as_compiled():
                if self._runs_eagerly:
                    return EagerStep(self, mode, signature, structure, options)
                return Step(self, mode, signature, structure, backend, options)
        except BaseException:
            if compilation is not None and not was_bound:
                compilation.unbind()
            raise

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compilation is not None

    def executable(self, which: str = "train") -> Any:
        """The compiled function behind fit ("train"), evaluate ("test") or predict ("predict"), for inspection.

        It is the one that ran last; before any ran, one is compiled for the model's inputs and for targets shaped like
        its outputs (integers for sparse losses).

        Raises:
            ConfigError: another name, or a model that was not compiled.
            SymkerasError: the shapes of the inputs are not known yet.
        """
        if which not in MODES:
            raise ConfigError(f'executable() takes "train", "test" or "predict", received {which!r}.{nearest(which, MODES)}')
        if which not in self._last:
            self._guess_step(which)
        step = self._last[which]
        return step.traced if isinstance(step, EagerStep) else step.executable

    def _guess_step(self, which: str) -> None:
        if which != "predict":
            self._require_compiled("executable")
        inputs, outputs = self._of_graph("inputs"), self._of_graph("outputs")
        if inputs is None or outputs is None:
            raise SymkerasError(f"model {self.name!r}: the shapes of its inputs are not known yet; call fit or predict first")
        stage = self._of_graph("_array_stage")
        x = [np.zeros([1 if d is None else d for d in t.shape], t.dtype) for t in (inputs if stage is None else stage.begins)]
        structure = tree.pack_sequence_as(self._of_graph("input"), x) if stage is None else Prepared(x)
        names = self._names_of_outputs(self._of_graph("_output_structure"))
        y = [_target_like(t, self._compilation.losses_of(k, names)) for k, t in enumerate(outputs)] if which != "predict" else []
        nesting = (names.nesting, None) if which != "predict" and takes_as_given(self, which) else None
        self._step(which, x, y, [] if nesting is not None else [None] * len(y), structure, nesting)

    def _require_compiled(self, what: str) -> None:
        if self._compilation is None:
            raise ConfigError(f"model {self.name!r}: call compile() before {what}()")


@contextmanager
def _naming_the_place() -> Iterator[None]:
    """Let shapes and dtypes that do not fit say in which layer and on which line of the user."""
    try:
        yield
    except (ShapeError, DtypeError) as error:
        layers, line, trace = [], "", error.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            if frame.f_code is Layer.__call__.__code__:
                layers.append(frame.f_locals["self"].name)
            if not provenance._belongs_to_package(frame.f_code.co_filename):
                line = str(provenance.Line(frame.f_code.co_filename, trace.tb_lineno))
            trace = trace.tb_next
        place = ", ".join(part for part in (f"in layer {'/'.join(layers)!r}" if layers else "", line) if part)
        if place and not _LINE.search(str(error)):
            error.args = (f"{error} ({place})",)
        raise


_LINE = re.compile(r"\.py:\d+")


def _kinds(arrays: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(None if a is None else (kind(a.dtype), a.shape[1:]) for a in arrays)


def _nesting(structure: Any) -> Any:
    """What tells one nesting from another; None for a single array."""
    if isinstance(structure, dict):
        return tuple((key, _nesting(structure[key])) for key in sorted(structure))
    if isinstance(structure, (list, tuple)):
        return (type(structure), *map(_nesting, structure))
    return None


def _says_what_is_trained(layer: Any) -> bool:
    """Whether a layer's class, written elsewhere, lists its weights by itself."""
    foreign = [kind for kind in type(layer).__mro__ if not kind.__module__.startswith("symkeras.")]
    return any(name in vars(kind) for kind in foreign for name in ("trainable_variables", "trainable_weights"))


def _check_input(a: np.ndarray, expected: TensorType | None, name: str, model: str) -> None:
    if expected is None or a is None:
        return
    shape = expected.shape
    rows = a.shape[1:]
    if a.ndim == len(shape) - 1 and shape[-1] == 1:
        rows = (*rows, 1)
    elif a.ndim == len(shape) + 1 and rows[-1] == 1:
        rows = rows[:-1]
    if len(rows) != len(shape) - 1 or any(isinstance(s, int) and s != n for s, n in zip(shape[1:], rows, strict=True)):
        shown = ", ".join(map(str, shape))
        raise ShapeError(f"model {model!r}: input {name!r} expects arrays of shape ({shown}), received shape {a.shape} ({provenance.user_line()})")
    if expected.dtype == "bool" and kind(a.dtype) == "f":
        raise DtypeError(f"model {model!r}: input {name!r} expects booleans, received dtype {a.dtype} ({provenance.user_line()})")


def _target_like(output: Tensor, losses: Sequence[Any]) -> np.ndarray | None:
    """A stand-in for the targets of an output; None for one without a loss."""
    if not losses:
        return None
    shape = [1 if d is None else d for d in output.shape]
    if any("sparse" in str(one if isinstance(one, str) else getattr(one, "name", getattr(one, "__name__", ""))) for one in losses):
        return np.zeros(shape[:-1], "int32")
    return np.zeros(shape, "float32")


@contextmanager
def because(refusal: Exception | None) -> Iterator[None]:
    """Let an error about sizes have what a layer said as its cause."""
    try:
        yield
    except SymkerasError as error:
        if refusal is None:
            raise
        raise error from refusal
