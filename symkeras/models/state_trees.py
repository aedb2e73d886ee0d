"""The state of a model as dicts within dicts, by the paths of variables; a base of `Model`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras.arguments import checked, one_of
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph.variable import Variable

KINDS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")


class StateTrees:
    """`get_state_tree` and `set_state_tree`."""

    name: str

    def _variables_of(self, kind: str) -> Sequence[Variable]:
        if kind == "optimizer_variables":
            optimizer = getattr(self, "optimizer", None)
            return [] if optimizer is None else optimizer.variables
        return getattr(self, kind)

    @checked(value_format=one_of("backend_tensor", "numpy_array"))
    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """The values of all variables: those that train, others, the optimizer's and those of metrics, nested by their paths.

        Args:
            value_format: "backend_tensor" or "numpy_array"; both are arrays here, outside of traces.

        Raises:
            ConfigError: two variables of one kind have the same path, or one the path of another's folder.

        Example:
            >>> from symkeras import Input, Sequential, layers
            >>> model = Sequential([Input((2,)), layers.Dense(1, name="head")], name="one")
            >>> model.get_state_tree()["trainable_variables"]["one"]["head"].keys()
            dict_keys(['kernel', 'bias'])
        """
        found: dict[str, Any] = {}
        for kind in KINDS:
            tree: dict[str, Any] = {}
            for v in self._variables_of(kind):
                *folders, last = v.path.split("/")
                place = tree
                for folder in folders:
                    place = place.setdefault(folder, {})
                    if not isinstance(place, dict):
                        raise ConfigError(f"model {self.name!r}: variable {v.path!r} lies below another one; give layers names of their own")
                if last in place:
                    raise ConfigError(f"model {self.name!r}: several {kind} have the path {v.path!r}; give layers names of their own")
                place[last] = v.numpy() if value_format == "numpy_array" else v.value
            found[kind] = tree
        return found

    def set_state_tree(self, state_tree: Mapping[str, Any]) -> None:
        """Give variables the values of a tree that `get_state_tree` gave; those it does not name keep theirs.

        Args:
            state_tree: kind of variable -> dicts by the parts of paths.

        Raises:
            ConfigError: a kind that there is not, or a path that no variable has; nothing changes then.
            ShapeError: a value has another shape than its variable; nothing changes then.
        """
        values: list[tuple[Variable, Any]] = []
        if not isinstance(state_tree, Mapping):
            raise ConfigError(f"set_state_tree takes what get_state_tree gives, received {state_tree!r}")
        for kind, tree in state_tree.items():
            if kind not in KINDS:
                raise ConfigError(f"set_state_tree: there are {', '.join(KINDS)}, received {kind!r}")
            own = {v.path: v for v in self._variables_of(kind)}
            for path, value in _leaves(tree, ""):
                if path not in own:
                    raise ConfigError(f"model {self.name!r} has no variable {path!r} among its {kind}")
                if (shape := _shape(value)) != own[path].shape:
                    raise ShapeError(f"set_state_tree: variable {path!r} expects shape {own[path].shape}, received {shape}")
                values.append((own[path], value))
        for variable, value in values:
            variable.assign(value)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(tree, Mapping):
        yield path, tree
        return
    for key, value in tree.items():
        yield from _leaves(value, f"{path}/{key}" if path else str(key))
