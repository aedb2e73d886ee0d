"""`K.function`: from symbolic inputs, outputs and updates to a compiled function, with the meaning Theano gave updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.autodiff import reverse
from symkeras.backend.interface import compile_graph
from symkeras.backend.size_check import SizeCheck
from symkeras.backend.theano_style.symbolic_phase import fixed_phase, phase_placeholder
from symkeras.errors import ConfigError, DataError, DtypeError, ShapeError
from symkeras.graph import dtypes, tracing
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node, reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import as_tensor
from symkeras.ops.untraced_draws import is_seed, state_after

_ONE_DRAW = np.array([0, 1], np.uint64)


class Function:
    """A compiled function of symbolic tensors; see `function`.

    Call it with a list of arrays, or with one argument per input; it returns a list of arrays.
    """

    def __init__(self, inputs: Sequence[Any], outputs: Any, updates: Any = None, name: str | None = None, backend: str | None = None,
                 **options: Any):  # fmt: skip
        self.name = name or "function"
        with tracing.suspended():
            self.inputs = [self._input(x) for x in _listed(inputs)]
            self.outputs = [self._output(x) for x in _listed(outputs)]
            pairs = self._pairs(updates)
            graph = self._graph(pairs)
            self.executable = compile_graph(graph, backend, **options)
        self._check_sizes = SizeCheck(graph)
        phase = phase_placeholder().node
        self._phases = [k for k, t in enumerate(self.inputs) if t.node is phase]

    def __call__(self, *inputs: Any) -> list[np.ndarray]:
        values = list(inputs[0]) if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)) else list(inputs)
        if len(values) != len(self.inputs):
            names = ", ".join(t.name for t in self.inputs) or "none"
            raise DataError(f"{self.name} takes {len(self.inputs)} inputs ({names}), received {len(values)}")
        for k in self._phases:
            values[k] = np.asarray(values[k]).astype(bool).reshape(())
        self._check_sizes(values)
        return self.executable(*values)

    @property
    def graph(self) -> Graph:
        """The graph that runs, after all passes."""
        return self.executable.graph

    @property
    def source_graph(self) -> Graph:
        """The graph as it was built."""
        return self.executable.source_graph

    @property
    def history(self) -> Any:
        """What each pass of the compiler did."""
        return self.executable.history

    @property
    def source(self) -> str:
        """The program that the backend generated."""
        return self.executable.source

    @property
    def memory(self) -> Any:
        """The largest memory plan so far, None before the first call."""
        return self.executable.memory

    def to_networkx(self) -> Any:
        """The optimised graph as a `networkx.MultiDiGraph`."""
        return self.graph.to_networkx()

    def __repr__(self) -> str:
        takes = ", ".join(f"{t.name}: {t.node.type}" for t in self.inputs)
        gives = ", ".join(str(t.node.type) for t in self.outputs) or "nothing"
        count = len(self.source_graph.updates)
        return f"<K.function {self.name}({takes}) -> {gives}; {count} update{'' if count == 1 else 's'}; {self.executable.backend}>"

    # ---- what was given ----------------------------------------------------------------------------------------------

    def _input(self, x: Any) -> Tensor:
        if isinstance(x, Tensor):
            return x
        if isinstance(x, Variable):
            raise ConfigError(f"{self.name}: variable {x.path!r} cannot be an input; its value is read when the function runs (see K.set_value)")
        if isinstance(x, (bool, int)) and fixed_phase() is not None:
            raise ConfigError(f"{self.name}: K.set_learning_phase fixed the learning phase to {fixed_phase()}; it can no longer be an input")
        raise ConfigError(f"{self.name}: inputs are placeholders or other symbolic tensors, received {x!r}")

    def _output(self, x: Any) -> Tensor:
        if isinstance(x, (Tensor, Variable, np.ndarray, np.generic, bool, int, float)):
            return as_tensor(x)
        raise ConfigError(f"{self.name}: outputs are tensors or variables, received {x!r}")

    def _pairs(self, updates: Any) -> dict[Variable, Tensor]:
        """New values by variable; where one is named twice the first counts."""
        found: dict[Variable, Tensor] = {}
        for pair in updates.items() if isinstance(updates, Mapping) else updates or ():
            if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[0], Variable)):
                raise ConfigError(f"{self.name}: an update is a pair (variable, new value), as K.update gives it; received {pair!r}")
            variable, value = pair
            if variable not in found:
                found[variable] = self._fitted(variable, as_tensor(value, variable.dtype))
        return found

    def _fitted(self, variable: Variable, value: Tensor) -> Tensor:
        if dtypes.is_inexact(value.dtype) and not dtypes.is_inexact(variable.dtype):
            raise DtypeError(f"{self.name}: variable {variable.path!r} holds {variable.dtype}; its update has dtype {value.dtype}")
        value = ops.cast(value, variable.dtype)
        if value.dims != variable.shape:
            if value.ndim not in (0, variable.ndim) or any(d not in (None, n) for d, n in zip(value.shape, variable.shape, strict=False)):
                raise ShapeError(f"{self.name}: variable {variable.path!r} has shape {variable.shape}; its update has type {value.node.type}")
            value = ops.broadcast_to(value, variable.shape) if value.ndim == 0 else ops.reshape(value, variable.shape)
        return value

    # ---- the graph ---------------------------------------------------------------------------------------------------

    def _graph(self, pairs: dict[Variable, Tensor]) -> Graph:
        given: dict[Node, Node] = {}
        for t in self.inputs:
            if t.node in given:
                raise ConfigError(f"{self.name}: {t!r} is an input twice")
            given[t.node] = t.node if t.node.op.name == "placeholder" else placeholder_node(t.node.tensor_type, t.name)
        roots = [t.node for t in (*self.outputs, *pairs.values())]
        reached = set(reachable(roots))
        ends = {n: end for n in reached if _is_seed(n) and (end := state_after(n.attrs["variable"], reached)) is not None}
        roots += ends.values()
        seeds: dict[Node, Node] = {}
        if (phase_placeholder().node in given or fixed_phase()) and _calls_layers(roots):
            roots, seeds = self._in_phase(roots, given)
        else:
            new = substitute(roots, given)
            roots = [new[n] for n in roots]
        self._check_phase(roots, given)
        updates = dict(zip([*(v.node for v in pairs), *ends], roots[len(self.outputs) :], strict=True))
        for node in reachable(roots):
            if _is_seed(node) and node not in updates:
                updates[node] = seeds.get(node) or ops.add(Tensor(node), _ONE_DRAW).node
        return Graph(given.values(), roots[: len(self.outputs)], updates.items(), name=self.name)

    def _in_phase(self, roots: list[Node], given: dict[Node, Node]) -> tuple[list[Node], dict[Node, Node]]:
        """`roots` with the layers they come from called again, training or not as the learning phase says."""
        from symkeras.models.functional import Functional

        phase = phase_placeholder()
        wanted = {n: new for n, new in given.items() if n is not phase.node}
        model = Functional([Tensor(n) for n in wanted], [Tensor(n) for n in roots], name=self.name, autocast=False)

        def values(training: bool) -> list[Tensor]:
            return [as_tensor(y) for y in tree.flatten(model([Tensor(n) for n in wanted.values()], training=training))]

        with tracing.Trace() as trace:
            train, test = values(True), values(False)
        if any(o.gradient_of for n in reachable(roots) for o in n.origins) and any(a.node is not b.node for a, b in zip(train, test, strict=True)):
            raise ConfigError(
                f"{self.name}: gradients were taken through layers that behave differently in training. Call the model with training=True, "
                "y = model(x, training=True), and take the gradients of what that gives"
            )
        if fixed_phase():
            chosen = [t.node for t in train]
        else:
            chosen = [a.node if a.node is b.node else ops.where(phase, a, b).node for a, b in zip(train, test, strict=True)]
        return chosen, {v.node: t.node for v, t in trace.pending.items() if _is_seed(v.node)}

    def _check_phase(self, roots: list[Node], given: dict[Node, Node]) -> None:
        phase = phase_placeholder().node
        if phase not in given and phase in reachable(roots):
            raise ConfigError(
                f"{self.name}: the outputs depend on the learning phase, which is not among the inputs. Add K.learning_phase() to the inputs "
                "and pass 0 (test) or 1 (train) for it, or fix it with K.set_learning_phase before building the graph"
            )


def _listed(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) else [x]


def _is_seed(node: Node) -> bool:
    """Whether a node is the state of a seed generator, which moves on with every call."""
    return node.op.name == "variable" and is_seed(node.attrs["variable"])


def _calls_layers(roots: Iterable[Node]) -> bool:
    """Whether a node among the roots' ancestors is what a layer returned."""
    return any(n.call is not None for n in reachable(roots))


def function(inputs: Sequence[Any], outputs: Any, updates: Any = None, name: str | None = None, backend: str | None = None,
             **options: Any) -> Function:  # fmt: skip
    """Compile a function from symbolic inputs to symbolic outputs, which may update variables.

    Every read of a variable, in outputs and in updates, sees the value from before the call; all updates land together
    after the outputs are computed, and an exception before that changes nothing. Random draws are new at every call.

    Args:
        inputs: placeholders, the inputs of models, or tensors in the middle of a graph: what is behind those is cut off.
            `K.learning_phase()` among them lets calls choose between training (1) and testing (0).
        outputs: tensors or variables; a single one is taken for a list of one.
        updates: pairs (variable, new value), such as K.update and its like give, or a dict; where a variable comes twice,
            the first counts.
        name: shown in messages and in the generated source.
        backend: the name of the backend, the default one when None.
        **options: options of the backend's `compile`, such as `level`.

    Raises:
        ConfigError: the outputs depend on the learning phase and it is not among the inputs; or something else than tensors.
        GraphError: the outputs depend on a placeholder that is not among the inputs.
        ShapeError, DtypeError: an update does not fit its variable.

    >>> from symkeras import backend as K
    >>> x, total = K.placeholder((None,)), K.variable(0.0)
    >>> add = K.function([x], [total], updates=[K.update_add(total, K.sum(x))])
    >>> add([[1.0, 2.0]]), add([[4.0]]), float(K.get_value(total))
    ([array(0., dtype=float32)], [array(3., dtype=float32)], 7.0)
    """
    return Function(inputs, outputs, updates, name, backend, **options)


def gradients(loss: Any, variables: Any) -> list[Tensor | None]:
    """The gradients of a scalar with respect to each of `variables`, as a list also for a single one.

    Args:
        loss: a floating scalar.
        variables: one or several tensors or variables; None comes back for those the loss does not depend on.

    Raises:
        ShapeError: the loss has axes; the message names its shape.

    >>> from symkeras import backend as K
    >>> x = K.variable([3.0])
    >>> K.eval(K.gradients(K.sum(x * x), x)[0]).tolist()
    [6.0]
    """
    loss = as_tensor(loss)
    if loss.ndim:
        raise ShapeError(f"K.gradients needs a scalar loss, received one of type {loss.node.type}; reduce it with K.sum or K.mean")
    return reverse.gradients(loss, _listed(variables))


def stop_gradient(variables: Any) -> Any:
    """One tensor, or several, as constants to differentiation."""
    return [ops.stop_gradient(v) for v in variables] if isinstance(variables, (list, tuple)) else ops.stop_gradient(variables)


def eval(x: Any) -> np.ndarray:
    """The value of a tensor that depends on no placeholder, of a variable, or of an array.

    >>> eval(as_tensor([1.0, 2.0]) * 2).tolist()
    [2.0, 4.0]
    """
    return evaluated(x, "K.eval")


def evaluated(x: Any, what: str) -> np.ndarray:
    """The value of `x`; `what` asks for it."""
    if isinstance(x, Variable):
        return x.numpy()
    if not isinstance(x, Tensor):
        return np.asarray(x)
    missing = [n.attrs["name"] for n in reachable([x.node]) if n.op.name == "placeholder"]
    if missing:
        raise ConfigError(f"{what}: {x!r} depends on {', '.join(missing)}; use K.function([inputs], [outputs]) and give the values of its inputs")
    return Function([], [x], name="eval", backend="interpreter")()[0]
