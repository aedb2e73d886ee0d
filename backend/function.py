"""`symkeras.function`: a plain Python function of tensors, traced and compiled once per signature."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from types import MethodType
from typing import Any

import numpy as np

from symkeras import config, locks, tree
from symkeras.autodiff.reverse import gradients
from symkeras.backend.interface import Executable, compile_graph
from symkeras.backend.size_check import SizeCheck
from symkeras.errors import ConfigError, DtypeError
from symkeras.foreign_dtypes import kind
from symkeras.graph import dims, dtypes, tracing
from symkeras.graph.escaping import printable
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.graph.variable import Variable
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import as_tensor
from symkeras.recent import Recent

_MOST_SHOWN = 3
"""Of what is new in a signature."""


def function(fn: Callable[..., Any] | None = None, *, backend: str | None = None, level: str = "O2", dynamic: bool = False, **options: Any) -> Any:
    """Compile a Python function of tensors; also usable as a decorator.

    The function runs once per signature, on symbolic tensors; what it built is compiled, and later calls run that.
    Arrays anywhere in the arguments (in lists, tuples and dicts too) are traced; every other argument is static: it is
    compared with `==`, and another value is another signature. Variables that the function assigns are updated, all
    together, at the end of each call. Called on symbolic tensors, or while another function is traced, it is not
    compiled but becomes part of what is being built.

    Args:
        fn: takes tensors, returns tensors in any nesting of tuples, lists and dicts.
        backend: the name of the backend, the default one at the first call of a signature when None.
        level: "O0" none, "O1" graph rewrites, "O2" everything.
        dynamic: compile once for all sizes: every axis is symbolic, except axes of size 1, which broadcast. When False,
            other sizes are another signature.
        **options: further options of the backend's `compile`.

    Returns:
        A callable that returns arrays in the nesting that `fn` returned.

    Raises:
        ConfigError: at a call, for a static argument that cannot be hashed, or a result that is no tensor.
        DtypeError: at a call, for arrays of strings or objects.

    >>> @function
    ... def distance(a, b):
    ...     return ((a - b) ** 2).sum()
    >>> distance(np.float32([1, 2]), np.float32([4, 6]))
    array(25., dtype=float32)
    >>> distance.executable(np.float32([1, 2]), np.float32([4, 6])).graph.count() > 0
    True
    """
    if fn is None:
        return functools.partial(function, backend=backend, level=level, dynamic=dynamic, **options)
    return CompiledFunction(fn, backend, dynamic, {"level": level, **options})


class CompiledFunction:
    """What `symkeras.function` returns.

    Attributes:
        fn: the Python function.
    """

    def __init__(self, fn: Callable[..., Any], backend: str | None, dynamic: bool, options: dict[str, Any]):
        self.fn = fn
        self._backend = backend
        self._dynamic = dynamic
        self._options = options
        self._signature = _signature_of(fn)
        self._traced: Recent[Any, _Traced] = Recent(config.max_compiled_functions)
        self._lock = locks.reentrant_lock()
        self._before: dict[str, str] = {}
        functools.update_wrapper(self, fn, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracing.current() is not None or any(isinstance(x, Tensor) for x in tree.flatten((args, kwargs))):
            return self.fn(*args, **kwargs)
        traced, arrays = self._lookup(args, kwargs)
        return traced(arrays)

    def executable(self, *args: Any, **kwargs: Any) -> Executable:
        """The executable for the signature of these arguments, compiled now where it is new; nothing is run."""
        return self._lookup(args, kwargs)[0].executable

    @property
    def signatures(self) -> int:
        """The number of signatures compiled so far."""
        return len(self._traced)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<symkeras.function {self._name}: {self.signatures} signatures compiled>"

    @property
    def _name(self) -> str:
        return getattr(self.fn, "__name__", type(self.fn).__name__)

    def _lookup(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[_Traced, list[np.ndarray]]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        leaves = list(_named_leaves(bound.arguments))
        arrays = [np.asarray(leaf) for _, leaf in leaves if _is_array(leaf)]
        key = (*(_structure_key(v) for v in bound.arguments.values()), *(self._leaf_key(name, leaf) for name, leaf in leaves))
        traced = self._traced.get(key)
        if traced is None:
            with self._lock:
                traced = self._traced.get(key)
                if traced is None:
                    traced = self._trace(bound, leaves)
                    traced.executable.note_why(self._reason(leaves))
                    self._traced.put(key, traced)
        return traced, arrays

    def _leaf_key(self, name: str, leaf: Any) -> Any:
        if _is_array(leaf):
            array = np.asarray(leaf)
            if self._dynamic:
                return array.dtype, tuple(1 if d == 1 else None for d in array.shape)
            return array.dtype, array.shape
        try:
            hash(leaf)
        except TypeError:
            raise ConfigError(
                f"{self._name}: argument {name!r} is a {type(leaf).__name__}, which is no array and cannot be hashed, so it can be neither "
                "traced nor part of a signature; give an array, a number, a string, or an object that is hashed by identity"
            ) from None
        # -0.0 == 0.0 == 0 == False, yet each of them is another program
        return type(leaf), repr(leaf) if isinstance(leaf, (float, complex)) else leaf

    def _reason(self, leaves: list[tuple[str, Any]]) -> str:
        """Why a signature is compiled: what is new in it since the last one that was."""
        before, self._before = self._before, {name: _shown(leaf) for name, leaf in leaves}
        news = [f"{name} is {now}, was {before.get(name, 'not there')}" for name, now in self._before.items() if before.get(name) != now]
        gone = [f"{name} is not there" for name in before if name not in self._before]
        return "; ".join([*news, *gone][:_MOST_SHOWN] or ["another object is given"]) if len(self._traced) else "first"

    def _trace(self, bound: inspect.BoundArguments, leaves: list[tuple[str, Any]]) -> _Traced:
        inputs: list[Node] = []
        symbolic = [self._placeholder(name, leaf, inputs) if _is_array(leaf) else leaf for name, leaf in leaves]
        rest = iter(symbolic)
        for name, value in bound.arguments.items():
            bound.arguments[name] = tree.map_structure(lambda _: next(rest), value) if tree.is_nested(value) else next(rest)
        with tracing.Trace() as trace:
            result = self.fn(*bound.args, **bound.kwargs)
            outputs = [self._output(x) for x in tree.flatten(result)]
        nodes = [t.node for t in outputs if t is not None]
        self._check_phase([*nodes, *(n for _, n in trace.updates())])
        graph = Graph(inputs, nodes, trace.updates(), name=re.sub(r"\W", "_", self._name))
        return _Traced(graph, compile_graph(graph, self._backend, **self._options), result, [t is not None for t in outputs])

    def _placeholder(self, name: str, leaf: Any, inputs: list[Node]) -> Tensor:
        array = np.asarray(leaf)
        if kind(array.dtype) not in "biufc":
            raise DtypeError(f"{self._name}: argument {name!r} has dtype {array.dtype}; only numbers and booleans can be traced")
        sizes: tuple[dims.Size, ...] = array.shape
        if self._dynamic:
            sizes = tuple(1 if d == 1 else dims.symbol(f"{name}_{axis}") for axis, d in enumerate(array.shape))
        inputs.append(placeholder_node(TensorType(sizes, dtypes.standardize(array.dtype)), name))
        return Tensor(inputs[-1], name)

    def _output(self, x: Any) -> Tensor | None:
        if x is None:
            return None
        if isinstance(x, (Tensor, Variable, np.ndarray, np.generic, bool, int, float, complex, dims.Dim)):
            return as_tensor(x)
        raise ConfigError(f"{self._name} must return tensors, arrays, numbers or None, in tuples, lists and dicts; it returned a {type(x).__name__}")

    def _check_phase(self, roots: list[Node]) -> None:
        if any(n.op.name == "placeholder" and n.attrs["name"] == "learning_phase" for n in reachable(roots)):
            raise ConfigError(f"{self._name} depends on the learning phase: call layers and models in it with training=True or training=False")


class _Traced:
    """One signature: its executable, and the nesting of what it returns."""

    def __init__(self, graph: Graph, executable: Executable, structure: Any, is_array: list[bool]):
        self.executable = executable
        self._check = SizeCheck(graph)
        self._structure = tree.map_structure(lambda _: None, structure)
        self._is_array = is_array

    def __call__(self, arrays: list[np.ndarray]) -> Any:
        """The outputs for `arrays`, in the nesting that the function returned."""
        self._check(arrays)
        values = self.executable(*arrays)
        if not tree.is_nested(self._structure):
            return values[0] if self._is_array[0] else None
        left = iter(values)
        return tree.pack_sequence_as(self._structure, [next(left) if is_array else None for is_array in self._is_array])


def _signature_of(fn: Callable[..., Any]) -> inspect.Signature:
    if not callable(fn):
        raise ConfigError(f"symkeras.function compiles a Python function, received {fn!r}")
    try:
        return inspect.signature(fn)
    except ValueError as error:
        raise ConfigError(f"symkeras.function needs a function whose parameters are known, received {fn!r}") from error


def _shown(leaf: Any) -> str:
    """A leaf as its type, or as its text where it is static."""
    if _is_array(leaf):
        array = np.asarray(leaf)
        return f"{array.dtype}{list(array.shape)}"
    return printable(repr(leaf), 40) if leaf is None or isinstance(leaf, (str, int, float, complex)) else f"a {type(leaf).__name__}"


def _is_array(leaf: Any) -> bool:
    if isinstance(leaf, (np.ndarray, np.generic)):
        return True
    return hasattr(leaf, "__array__") and not isinstance(leaf, (Variable, type))


def _named_leaves(arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every leaf with a name that is an identifier and that no other leaf has."""
    taken: set[str] = set(arguments)
    for name, value in arguments.items():
        if not tree.is_nested(value):
            yield name, value
            continue
        for k, leaf in enumerate(tree.flatten(value)):
            own = f"{name}_{k}"
            while own in taken:
                own += "_"
            taken.add(own)
            yield own, leaf


def _structure_key(structure: Any) -> Any:
    """The nesting of `structure` without its leaves, hashable."""
    if isinstance(structure, dict):
        return type(structure), tuple((k, _structure_key(structure[k])) for k in sorted(structure))
    if isinstance(structure, (list, tuple)):
        return type(structure), tuple(map(_structure_key, structure))
    return None


def grad(fn: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that computes the gradient of the scalar function `fn` with respect to its arguments `argnums`.

    The result is compiled once per signature, see `symkeras.function`.

    >>> import numpy as np
    >>> grad(lambda x: (x ** 2).sum())(np.float32([1.0, 2.0])).tolist()
    [2.0, 4.0]
    """
    def gradient(*arguments: Any) -> Any:
        loss = fn(*arguments)
        picked = [arguments[a] for a in argnums] if not isinstance(argnums, int) else arguments[argnums]
        return gradients(loss, picked)

    gradient.__name__ = f"grad_{getattr(fn, '__name__', 'fn')}"
    return function(gradient)
