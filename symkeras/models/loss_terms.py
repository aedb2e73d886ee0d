"""Losses as `compile` takes them, brought to one list of terms: a loss, its weight, and the outputs that it is of.

A loss is of one output, or of a whole nesting of outputs. Given a nesting of losses, one of the same kind goes part by part,
as `{"a": ..., "b": ...}` for a dict of outputs, and a list or tuple of another kind holds several losses of the same outputs,
as `[whole, (first, second)]` for a tuple of two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from symkeras import tree
from symkeras.errors import ConfigError, nearest


class Outputs(list[str]):
    """The names of a model's outputs, in order.

    Attributes:
        nesting: of the outputs, with their numbers in the place of them.
        are_numbered: whether they say no more than which output it is, since the model has no names for them.
    """

    def __init__(self, names: Sequence[str], nesting: Any, are_numbered: bool = False):
        super().__init__(names)
        self.nesting, self.are_numbered = nesting, are_numbered


class Term(NamedTuple):
    """A loss of some outputs.

    Attributes:
        name: of its outputs, for logs and messages.
        loss: as it was given, or as it is called.
        weight: what it is multiplied by.
        nesting: the number of its output, or a nesting of numbers.
    """

    name: str
    loss: Any
    weight: float
    nesting: Any

    @property
    def outputs(self) -> list[int]:
        """The numbers of its outputs."""
        return tree.flatten(self.nesting)

    def of(self, flat: Sequence[Any]) -> Any:
        """What `flat`, with one entry for every output of the model, has for the outputs of this loss, in their nesting."""
        return tree.map_structure(lambda k: flat[k], self.nesting)


def loss_terms(loss: Any, weights: Any, outputs: Outputs) -> list[Term]:
    """The losses of outputs.

    Args:
        loss: what `compile` was given: one for every output, a list or dict with one for each, or a nesting.
        weights: a number for each, in the same nesting; 1 for all when None.
        outputs: of the model.

    Raises:
        ConfigError: losses that do not fit the outputs, or weights that do not fit the losses.
    """
    if is_one(loss):
        losses: Any = loss if isinstance(outputs.nesting, int) else [loss] * len(outputs)
    elif isinstance(loss, Mapping) and not _has_keys(outputs.nesting, loss):
        losses = _in_order(loss, outputs, "loss")
    else:
        losses = loss
    return list(_terms(losses, _like(losses, weights, outputs), outputs, outputs.nesting, ()))


def named_by_loss(terms: Sequence[Term]) -> list[Term]:
    """Terms with the names of their losses in the place of the numbers of their outputs, as in Keras, where that tells them apart."""
    names = ["/".join((*term.name.split("/")[:-1], term.loss.name)) for term in terms]
    return [term._replace(name=name) for term, name in zip(terms, names, strict=True)] if len(set(names)) == len(names) else list(terms)


def is_one(loss: Any) -> bool:
    """Whether what was given is one loss, or None, and no nesting of them; a config is one thing."""
    return not isinstance(loss, (list, tuple)) and not (isinstance(loss, Mapping) and "class_name" not in loss)


def _has_keys(nesting: Any, given: Mapping[str, Any]) -> bool:
    return isinstance(nesting, Mapping) and given.keys() <= nesting.keys()


def _in_order(given: Mapping[str, Any], outputs: Outputs, what: str) -> list[Any]:
    """A dict by names of outputs as a list."""
    unknown = [k for k in given if k not in outputs]
    if unknown:
        known = ", ".join(outputs)
        raise ConfigError(f"{what}: there is no output {unknown[0]!r}; outputs: {known}.{nearest(unknown[0], outputs)}")
    return [given.get(name) for name in outputs]


def _like(losses: Any, weights: Any, outputs: Outputs) -> Any:
    """The weights in the nesting of the losses."""
    if isinstance(weights, Mapping) and not isinstance(losses, Mapping):
        weights = _in_order(weights, outputs, "loss_weights")
    if is_one(weights):
        if weights is not None and len(outputs) > 1 and len(_flat(losses)) > 1:
            raise ConfigError(f"loss_weights: give one per output ({', '.join(outputs)}), as a list or a dict; received {weights!r}")
        return _filled(losses, iter([weights] * len(_flat(losses))))
    if _fits(losses, weights):
        return weights
    if isinstance(weights, Mapping) and isinstance(losses, Mapping) and not weights.keys() <= losses.keys():
        raise ConfigError(f"loss_weights: there is no loss for {sorted(weights.keys() - losses.keys())}, but for {sorted(losses)}")
    flat = tree.flatten(weights)
    if len(flat) != len(_flat(losses)):
        count = len(_flat(losses))
        entries = f"there are {count} outputs ({', '.join(outputs)})" if count == len(outputs) else f"there are {count} losses"
        raise ConfigError(f"loss_weights: {entries}, received {len(flat)} entries")
    return _filled(losses, iter(flat))


def _flat(losses: Any) -> list[Any]:
    if is_one(losses):
        return [losses]
    return [one for part in (losses.values() if isinstance(losses, Mapping) else losses) for one in _flat(part)]


def _filled(losses: Any, values: Iterator[Any]) -> Any:
    """`values` in the nesting of the losses."""
    if is_one(losses):
        return next(values)
    if isinstance(losses, Mapping):
        found = {key: _filled(losses[key], values) for key in sorted(losses)}
        return {key: found[key] for key in losses}
    return [_filled(one, values) for one in losses]


def _fits(losses: Any, weights: Any) -> bool:
    """Whether the weights have the nesting of the losses; a dict may leave some out."""
    if is_one(losses):
        return is_one(weights)
    if isinstance(losses, Mapping):
        return isinstance(weights, Mapping) and weights.keys() <= losses.keys() and all(_fits(losses[k], w) for k, w in weights.items())
    return isinstance(weights, (list, tuple)) and len(weights) == len(losses) and all(map(_fits, losses, weights))


def _terms(loss: Any, weight: Any, outputs: Outputs, nesting: Any, path: tuple[Any, ...]) -> Iterator[Term]:
    if is_one(loss):
        if loss is not None:
            if not isinstance(nesting, int) and is_of_one(loss):
                names = ", ".join(outputs[k] for k in tree.flatten(nesting))
                raise ConfigError(f"loss: {loss!r} is of one output, and is given for {len(tree.flatten(nesting))} outputs ({names})")
            yield Term(_name(path, nesting, outputs), loss, 1.0 if weight is None else float(weight), nesting)
        return
    if isinstance(loss, Mapping):
        if not _has_keys(nesting, loss):
            where = "/".join(map(str, path)) or "the model"
            raise ConfigError(f"loss: {where} has no outputs {sorted(loss)}; outputs: {', '.join(outputs)}")
        for key, one in loss.items():
            yield from _terms(one, None if weight is None else weight.get(key), outputs, nesting[key], (*path, key))
        return
    weights = [None] * len(loss) if weight is None else weight
    leaves = list(_leaves(nesting, path))
    if len(loss) == len(leaves) and (all(map(is_one, loss)) or len(leaves) == 1):
        parts: list[tuple[tuple[Any, ...], Any]] = leaves
    elif len(leaves) == 1 and all(map(is_one, loss)):
        parts = leaves * len(loss)
    elif isinstance(nesting, type(loss)):
        if len(loss) != len(nesting):
            raise ConfigError(f"loss: there are {len(nesting)} outputs ({', '.join(outputs)}), received {len(loss)} entries")
        parts = [((*path, k), part) for k, part in enumerate(nesting)]
    else:
        if not isinstance(nesting, int) and all(is_one(one) and (one is None or is_of_one(one)) for one in loss):
            raise ConfigError(f"loss: there are {len(leaves)} outputs ({', '.join(outputs)}), received {len(loss)} entries")
        parts = [(path, nesting)] * len(loss)
    for one, own, (below, part) in zip(loss, weights, parts, strict=True):
        yield from _terms(one, own, outputs, part, below)


def is_of_one(loss: Any) -> bool:
    """Whether a loss is one of symkeras', which are of one output."""
    kind = loss if callable(loss) and hasattr(loss, "__name__") else type(loss)
    return isinstance(loss, (str, Mapping)) or str(kind.__module__).startswith("symkeras.")


def _leaves(nesting: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], int]]:
    """(path, number) of the outputs in a nesting, in their order."""
    if isinstance(nesting, Mapping):
        for key in sorted(nesting):
            yield from _leaves(nesting[key], (*path, key))
    elif isinstance(nesting, (list, tuple)):
        for k, part in enumerate(nesting):
            yield from _leaves(part, (*path, k))
    else:
        yield path, nesting


def _name(path: tuple[Any, ...], nesting: Any, outputs: Outputs) -> str:
    if isinstance(nesting, int):
        if not path or isinstance(path[-1], int):
            path = (*path[:-1], outputs[nesting])
        return "/".join(map(str, path))
    return "/".join(map(str, path)) or "_".join(nesting if isinstance(nesting, Mapping) else [outputs[k] for k in tree.flatten(nesting)])
