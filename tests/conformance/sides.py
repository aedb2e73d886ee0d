"""symkeras and Keras behind one face."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Function = Callable[..., Any]


def flat(value: Any) -> list[Any]:
    """The leaves of lists, tuples and dicts, keys in order."""
    if isinstance(value, dict):
        return [leaf for name in sorted(value) for leaf in flat(value[name])]
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in flat(v)]
    return [value]


def is_floating(dtype: Any) -> bool:
    return "float" in str(dtype)


def weighting(k: int, shape: Any) -> np.ndarray:
    """What the elements of the k-th output count in the number whose gradient is taken."""
    return np.random.default_rng([k, *shape]).normal(size=shape).astype("float32")


class Side:
    """A library under test.

    `differentiated` gives the outputs of a function of arrays, the gradients of their weighted sum with respect to floating arrays and to
    variables (None where there is no way), and the values that state has afterwards.
    """

    name: str
    keras: Any
    has_wide_integers = False

    def tensor(self, array: Any) -> Any:
        return array

    def numpy(self, value: Any) -> np.ndarray:
        return np.asarray(value)

    def lacking(self, shown: str) -> str:
        """What a case needs that this side has not; nothing, most often."""
        return ""

    def seed(self, number: int) -> None:
        """Fix what is drawn from now on."""
        self.keras.utils.set_random_seed(number)

    def build(self, layer: Any, inputs: Any, keywords: Any) -> None:
        """Give a layer its weights, by symbolic tensors like those that it will be called with: nothing is computed."""
        layer(*self._symbolic(inputs), **self._symbolic(keywords))

    def apply(self, optimizer: Any, gradients: Sequence[np.ndarray], variables: Sequence[Any]) -> None:
        """A step of an optimizer."""
        optimizer.apply_gradients(list(zip(map(self.tensor, gradients), variables, strict=True)))

    def update(self, metric: Any, *values: Any, sample_weight: Any) -> None:
        """Show a batch to a metric."""
        metric.update_state(*values, sample_weight=sample_weight)

    def result(self, metric: Any) -> Any:
        """What a metric says."""
        return metric.result()

    def _symbolic(self, tree: Any) -> Any:
        if isinstance(tree, dict):
            return {name: self._symbolic(value) for name, value in tree.items()}
        if isinstance(tree, (list, tuple)):
            return type(tree)(map(self._symbolic, tree))
        return self.keras.KerasTensor(tuple(tree.shape), self.keras.backend.standardize_dtype(tree.dtype)) if hasattr(tree, "dtype") else tree

    def differentiated(self, function: Function, arrays: Sequence[Any], variables: Sequence[Any], state: Sequence[Any] = ()) -> tuple[Any, Any, Any]:
        raise NotImplementedError


class Symkeras(Side):
    """symkeras: by reference values, op by op, or compiled."""

    name = "symkeras"

    def __init__(self, compiled: bool = False):
        self.keras = importlib.import_module("symkeras")
        self.is_compiled = compiled

    def tensor(self, array: Any) -> Any:
        return np.asarray(array)

    def differentiated(self, function: Function, arrays: Sequence[Any], variables: Sequence[Any], state: Sequence[Any] = ()) -> tuple[Any, Any, Any]:
        watched = [k for k, a in enumerate(arrays) if is_floating(a.dtype)]
        sk = self.keras

        def step(*given: Any) -> tuple[Any, Any]:
            with sk.GradientTape() as tape:
                given = tuple(sk.autodiff.watchable(a) if k in watched and isinstance(a, np.ndarray) else a for k, a in enumerate(given))
                for k in watched:
                    tape.watch(given[k])
                outputs = [sk.ops.convert_to_tensor(o) if not hasattr(o, "dtype") else o for o in flat(function(*given))]
                terms = [sk.ops.sum(sk.ops.cast(o, "float32") * weighting(k, o.shape)) for k, o in enumerate(outputs) if is_floating(o.dtype)]
                total = sum(terms[1:], terms[0]) if terms else None
            sources = [given[k] for k in watched] + list(variables)
            return outputs, tape.gradient(total, sources) if sources and total is not None else []

        outputs, gradients = (sk.function(step) if self.is_compiled else step)(*arrays)
        return outputs, gradients, [np.array(v.numpy()) for v in state]


class KerasOnJax(Side):
    """JAX compiles each operation for each shape: steps are compiled as one, which is how Keras trains on JAX, too."""

    name = "keras"

    def __init__(self) -> None:
        self.keras = importlib.import_module("keras")
        self.jax = importlib.import_module("jax")
        self._compiled: tuple[Any, Function] | None = None

    def tensor(self, array: Any) -> Any:
        return self.jax.numpy.asarray(array)

    def lacking(self, shown: str) -> str:
        return "numbers of 64 bits" if "float64" in shown or "'int64'" in shown else ""

    def seed(self, number: int) -> None:
        """As `set_random_seed`, which would import TensorFlow."""
        attributes = self.keras.src.backend.common.global_state
        attributes.set_global_attribute("global_random_seed", number)
        attributes.set_global_attribute("global_seed_generator", None)
        random.seed(number)
        np.random.seed(number)

    def apply(self, optimizer: Any, gradients: Sequence[np.ndarray], variables: Sequence[Any]) -> None:
        step = self._once(optimizer, optimizer.stateless_apply)
        after = step([v.value for v in optimizer.variables], [self.tensor(g) for g in gradients], [v.value for v in variables])
        for v, value in zip([*variables, *optimizer.variables], [*after[0], *after[1]], strict=True):
            v.assign(value)

    def update(self, metric: Any, *values: Any, sample_weight: Any) -> None:
        if not metric.variables:  # those of some are made by the first batch
            metric.update_state(*values, sample_weight=sample_weight)
            return
        update = self._once(metric, lambda state, given, weights: metric.stateless_update_state(state, *given, sample_weight=weights))
        for v, value in zip(metric.variables, update([v.value for v in metric.variables], values, sample_weight), strict=True):
            v.assign(value)

    def result(self, metric: Any) -> Any:
        return self.jax.jit(metric.stateless_result)([v.value for v in metric.variables])

    def _once(self, thing: Any, function: Function) -> Function:
        """A function of a thing, compiled when it is first asked for."""
        if self._compiled is None or self._compiled[0] is not thing:
            self._compiled = (thing, self.jax.jit(function))
        return self._compiled[1]

    def differentiated(self, function: Function, arrays: Sequence[Any], variables: Sequence[Any], state: Sequence[Any] = ()) -> tuple[Any, Any, Any]:
        jax, jnp = self.jax, self.jax.numpy
        watched = [k for k, a in enumerate(arrays) if is_floating(a.dtype)]

        def total(floats: Any, values: Any, rest: Any) -> Any:
            given = list(rest)
            for k, x in zip(watched, floats, strict=True):
                given[k] = x
            with self.keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)), collect_losses=True) as scope:
                outputs = [jnp.asarray(o) for o in flat(function(*given))]
            terms = [jnp.sum(o * weighting(k, o.shape)) for k, o in enumerate(outputs) if is_floating(o.dtype)]
            after = [scope.get_current_value(v) for v in state]
            return sum(terms) if terms else jnp.zeros(()), (outputs, [v.value if a is None else a for v, a in zip(state, after, strict=True)])

        arguments = [self.tensor(arrays[k]) for k in watched], [v.value for v in variables], [self.tensor(a) for a in arrays]
        whole = jax.grad(total, (0, 1), has_aux=True)
        try:
            gradients, (outputs, after) = jax.jit(whole)(*arguments)
        except (jax.errors.ConcretizationTypeError, jax.errors.NonConcreteBooleanIndexError, NotImplementedError, TypeError):
            gradients, (outputs, after) = whole(*arguments)
        return outputs, [*gradients[0], *gradients[1]], after


class KerasOnTensorFlow(Side):
    """Its "int" has 64 bits, which on JAX and here has 32: integers of both sides are compared in 32."""

    name = "keras"
    has_wide_integers = True

    def __init__(self) -> None:
        self.keras = importlib.import_module("keras")
        self.tf = importlib.import_module("tensorflow")

    def tensor(self, array: Any) -> Any:
        return self.tf.convert_to_tensor(array)

    def numpy(self, value: Any) -> np.ndarray:
        return np.asarray(value.numpy() if hasattr(value, "numpy") else value)

    def differentiated(self, function: Function, arrays: Sequence[Any], variables: Sequence[Any], state: Sequence[Any] = ()) -> tuple[Any, Any, Any]:
        tf = self.tf
        given = [self.tensor(a) for a in arrays]
        watched = [x for x in given if x.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            outputs = [tf.convert_to_tensor(o) for o in flat(function(*given))]
            terms = [tf.reduce_sum(tf.cast(o, "float32") * weighting(k, o.shape)) for k, o in enumerate(outputs) if o.dtype.is_floating]
            total = tf.add_n(terms) if terms else None
        sources = watched + [v.value for v in variables]
        try:
            gradients = tape.gradient(total, sources) if sources and total is not None else []
        except LookupError:  # TensorFlow has no gradient of an operation that was used
            gradients = []
        return outputs, [tf.convert_to_tensor(g) if g is not None else None for g in gradients], [v.numpy() for v in state]


def keras_side(backend: str) -> Side:
    """Keras on a backend; the environment has to say the same before Keras is first imported."""
    return {"jax": KerasOnJax, "tensorflow": KerasOnTensorFlow}[backend]()
