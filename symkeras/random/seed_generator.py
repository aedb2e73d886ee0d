"""`SeedGenerator`: a variable [seed, step] whose step moves on with every draw."""

from __future__ import annotations

import random as python_random
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

from symkeras import locks
from symkeras.errors import ConfigError
from symkeras.graph import provenance, tracing
from symkeras.graph.variable import Variable
from symkeras.utils.naming import auto_name, to_snake_case

_ONE_STEP = np.array([0, 1], np.uint64)
_WORD = 2**64 - 1

_global: SeedGenerator | None = None
_making, _drawing = locks.reentrant_lock(), locks.reentrant_lock()


class SeedGenerator:
    """A source of states for random draws, each different from the one before.

    Args:
        seed: an int; drawn from Python's `random` when None, so that `random.seed` or `set_random_seed` fix it.
        name: shown in graphs and summaries.

    Attributes:
        state: the variable uint64[2] that holds the seed and the number of draws so far.

    Raises:
        ConfigError: a seed that is no integer.

    >>> generator = SeedGenerator(7)
    >>> generator.next().tolist(), generator.next().tolist()
    ([7, 0], [7, 1])
    """

    _tracked_as = "seeds"

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise ConfigError(f"SeedGenerator: Unrecognized keyword arguments {sorted(kwargs)}")
        if seed is not None and not is_int(seed):
            raise ConfigError(f"SeedGenerator expects an int as seed, received {seed!r}")
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self._initial_seed = None if seed is None else int(seed)
        with provenance.layer_scope(self.name):
            self.state = Variable(state_of(make_default_seed() if seed is None else seed), trainable=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """The state for one draw; the next call gives another one.

        Args:
            ordered: accepted for Keras' signature: states always come in order.
        """
        with _drawing:  # two threads never get the same
            value = self.state.value
            self.state.assign(value + _ONE_STEP)
        return value

    def reset(self, seed: int) -> None:
        """Begin again at step 0 of `seed`."""
        self.state.set(state_of(seed))

    _state_kind = "seed"

    def _state_names(self) -> tuple[str, ...]:
        """Nothing lies below a seed generator."""
        return ()

    def _state_variables(self) -> None:
        """Keras has its state in 32 bits: it is read and written in its own way."""
        return None

    def _variables_written(self) -> list[Variable]:
        """What reading this generator from a file may write."""
        return [self.state]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write seed and step, in 32 bits where they fit, as Keras has them."""
        state = self.state.numpy()
        store["0"] = state.astype(np.uint32) if state.max() < 2**32 else state

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read seed and step; a file that has none, or a state of another kind of generator, changes nothing."""
        found = np.asarray(store["0"]) if "0" in store else None
        if found is not None and found.shape == (2,) and found.dtype.kind in "ui":
            self.state.set(found.astype(np.uint64))

    def get_config(self) -> dict[str, Any]:
        """The seed as it was given, and the name."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator at its first step."""
        return cls(**config)


def is_int(seed: Any) -> bool:
    """Whether `seed` is a whole number of Python or NumPy."""
    return isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)


def state_of(seed: int) -> np.ndarray:
    """The state [seed, 0]; seeds outside 64 bits are taken modulo 2**64."""
    return np.array([int(seed) & _WORD, 0], np.uint64)


def make_default_seed() -> int:
    """A seed from Python's `random`."""
    return python_random.randint(1, int(1e9))


def global_seed_generator() -> SeedGenerator:
    """The generator behind draws without a seed.

    >>> global_seed_generator() is global_seed_generator()
    True
    """
    global _global
    with _making:
        if _global is None:
            with tracing.suspended():
                generator = SeedGenerator(name="global_seed_generator")
            generator.state.path = "global_seed_generator/seed_generator_state"
            _global = generator
        return _global


def forget_global_seed_generator() -> None:
    """Draws without a seed begin again, with a seed from Python's `random`; what is compiled keeps the generator it has."""
    global _global
    with _making:
        _global = None


def draw_seed(seed: Any) -> Any:
    """The state uint64[2] of one draw: for an int always the same, for a generator its next, for None the global generator's.

    Args:
        seed: an int, a `SeedGenerator`, or None for the generator of the process.

    Raises:
        ConfigError: anything else.

    >>> draw_seed(7).dtype, (draw_seed(7) == draw_seed(7)).all().item()
    (dtype('uint64'), True)
    """
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if is_int(seed):
        return state_of(seed)
    raise ConfigError(f"a seed is None, an int or a SeedGenerator, received {seed!r}")
