"""Random models: trained, evaluated and asked on the interpreter and on every backend at every level, shown as scripts where they differ.

A model is Python text, a stack of layers with branches; what is compared are the weights, the state of the optimizer, history and predictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symkeras import Model, backend_names, errors, layers, losses, metrics, models, optimizers, tree, utils
from tests.backends import poisoned
from tests.fuzz.network_statements import IMAGES, SEQUENCES, VECTORS
from tests.tolerances import TOLERANCES

ROWS, BATCH = 7, 3
_INPUTS = ["(5,)", "(4, 3)", "(6, 6, 2)", "(4,), dtype='int32'", "(None, 3)"]
_OPTIMIZERS = [
    "SGD(0.05)", "SGD(0.05, momentum=0.9, nesterov=True)", "Adam(0.01)", "Adam(0.01, amsgrad=True)", "AdamW(0.01, weight_decay=0.02)",
    "RMSprop(0.01)",
    "RMSprop(0.01, centered=True, momentum=0.5)", "Adagrad(0.05)", "Adadelta(0.5)", "Adamax(0.01)", "Nadam(0.01)", "Ftrl(0.05)", "Lion(0.001)",
    "Lamb(0.01)", "Adafactor(0.01)", "SGD(0.05, clipnorm=0.5)", "Adam(0.01, global_clipnorm=1.0)", "Adam(0.01, use_ema=True, ema_momentum=0.9)",
    "SGD(0.05, clipvalue=0.1, weight_decay=0.01)",
    "Adam(0.01, gradient_accumulation_steps=2)", "Adam(optimizers.schedules.CosineDecay(0.05, 6))",
]  # fmt: skip
_LOSSES = {
    "": ["'mse'", "'mae'", "'huber'", "'log_cosh'", "losses.CosineSimilarity(axis=-1)", "'mean_squared_logarithmic_error'"],
    "softmax": ["'categorical_crossentropy'", "'kl_divergence'", "losses.CategoricalFocalCrossentropy()", "'poisson'"],
    "sigmoid": ["'binary_crossentropy'", "losses.BinaryFocalCrossentropy()", "losses.Dice()"],
    "sparse": ["'sparse_categorical_crossentropy'"],
    "logits": ["losses.SparseCategoricalCrossentropy(from_logits=True)"],
}
_METRICS = ["None", "['mae']", "['accuracy']", "[metrics.RootMeanSquaredError(), 'mse']", "[metrics.CosineSimilarity()]"]


@dataclass(frozen=True)
class Network:
    """A model and how it is trained.

    Attributes:
        input: arguments of its input.
        lines: assignments to `h` in words of layers, in order; `g` is what came two lines before.
        head: the activation of its last layer.
        compiled: optimizer, loss and metrics.
        fit: further arguments of `fit`.
        seed: of weights and data.
    """

    input: str
    lines: tuple[str, ...]
    head: str
    compiled: tuple[str, str, str]
    fit: str
    seed: int

    @property
    def text(self) -> str:
        """The lines that make the model, `made`, not compiled yet."""
        activation = self.head if self.head in ("softmax", "sigmoid") else "softmax" if self.head == "sparse" else None
        lines = [
            f"x = layers.Input({self.input})", "h = g = x", *self.lines,
            "h = layers.Flatten()(h) if None not in h.shape[1:] else layers.GlobalAveragePooling1D()(h)",
            f"made = Model(x, layers.Dense(3, {activation!r})(h))",
        ]  # fmt: skip
        return "\n".join(lines)

    def script(self, options: dict[str, Any]) -> str:
        """A script that trains it in two ways."""
        return "\n".join([
            "from tests.fuzz.networks import *", f"network = {self!r}", f'"""\n{self.text}\n"""',
            f"for options in ({{'backend': 'interpreter'}}, {options!r}):", "    print(trained(network, **options))",
        ])  # fmt: skip


def network(seed: int) -> Network:
    """The network of a seed; its lines are tried, and those that do not fit are left out."""
    rng = np.random.default_rng(seed)
    one = lambda options: options[int(rng.integers(len(options)))]  # noqa: E731
    head = one(list(_LOSSES))
    measures = _METRICS if head not in ("sparse", "logits") else ["None", "['accuracy']", "[metrics.SparseTopKCategoricalAccuracy(2)]"]
    weights = "sample_weight=np.linspace(0.5, 1.5, len(x))"
    fit = one(["", "", weights, "class_weight={0: 0.5, 1: 2.0, 2: 1.0}" if head == "sparse" else "", "shuffle=True"])
    net = Network(one(_INPUTS), (), head, (one(_OPTIMIZERS), one(_LOSSES[head]), one(measures)), fit, seed)
    if "int32" in net.input:
        net = replace(net, lines=(f"h = layers.Embedding(9, {one([2, 4])}, mask_zero={rng.random() < 0.5})(x)",))
    for _ in range(int(rng.integers(1, 7))):
        rank = len(_output(net).shape)
        table = {2: VECTORS, 3: VECTORS + 3 * SEQUENCES + ["MultiHeadAttention(2, 2)"] * 3, 4: VECTORS + 3 * IMAGES}.get(rank, VECTORS)
        layer = one(table)
        call = "(h, h)" if "HeadAttention" in layer else "(h)"
        line = f"h = layers.{layer}{call}"
        if rng.random() < 0.2:
            line = one(["h = layers.Add()([h, g])", "h = h * 2.0 - ops.tanh(h)", "h = layers.Concatenate()([h, g])", "h = h + g", "h = h[:, ::-1]"])
        longer = replace(net, lines=(*net.lines, f"g, h = h, {line[4:]}"))
        try:
            shape = _output(longer).shape
        except errors.SymkerasError:
            continue
        if None in shape[1:] and not (len(shape) == 3 and shape[-1]):
            continue
        if len(shape) <= 4 and np.prod([d or 4 for d in shape[1:]]) <= 2000:
            net = longer
    return net


def _scope() -> dict[str, Any]:
    from symkeras import ops

    return {"layers": layers, "ops": ops, "Model": Model, "models": models, "optimizers": optimizers, "losses": losses, "metrics": metrics, "np": np}


def _output(net: Network) -> Any:
    scope = _scope()
    exec("\n".join([f"x = layers.Input({net.input})", "h = g = x", *net.lines]), scope)
    return scope["h"]


def _data(net: Network) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(net.seed)
    shape = [d or 4 for d in eval(f"dict(shape={net.input})" if "dtype" not in net.input else "dict(shape=(4,))")["shape"]]
    x = rng.integers(0, 9, (ROWS, *shape)) if "int32" in net.input else rng.uniform(-1, 1, (ROWS, *shape)).astype("float32")
    if net.head in ("sparse", "logits"):
        return x, rng.integers(0, 3, ROWS)
    y = np.eye(3, dtype="float32")[rng.integers(0, 3, ROWS)]
    return x, y if net.head else rng.uniform(0, 1, (ROWS, 3)).astype("float32")


def trained(net: Network, moved: int = 0, **options: Any) -> dict[str, np.ndarray]:
    """What two epochs leave: weights and state of the optimizer, history, evaluation and predictions.

    Args:
        net: what is trained.
        moved: a number for rounding errors in the weights and data that it begins with, 0 for none.
        options: of `compile`.
    """
    utils.set_random_seed(net.seed)
    utils.reset_uids()
    scope = _scope()
    exec(net.text, scope)
    model = scope["made"]
    x, y = _data(net)
    if moved:
        rng = np.random.default_rng(moved)
        x = _nearly(x, rng)
        for v in model.variables:
            v.set(_nearly(v.numpy(), rng))
    optimizer, loss, measures = (eval(f"optimizers.{t}" if k == 0 else t, scope) for k, t in enumerate(net.compiled))
    model.compile(optimizer, loss, metrics=measures, **options)
    fit = eval(f"dict({net.fit})", {"np": np, "x": x})
    history = model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, **{"shuffle": False, **fit}).history
    found = {f"{k} {v.path}": v.numpy() for k, v in enumerate([*model.variables, *model.optimizer.variables])}
    found |= {f"history {k}": np.asarray(v) for k, v in history.items()}
    found |= {f"evaluation {k}": np.asarray(v) for k, v in enumerate(tree.flatten(model.evaluate(x, y, batch_size=BATCH, verbose=0)))}
    return found | {"predictions": model.predict(x, batch_size=BATCH, verbose=0), "prediction of one": model.predict(x[:1], verbose=0)}


def _nearly(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return a if a.dtype.kind != "f" else (a + rng.choice([-1, 0, 1], a.shape) * 1e-6 * (np.abs(a) + 0.1)).astype(a.dtype)


def network_differences(net: Network, ways: Sequence[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], str]]:
    """Backends and levels, and where backends at levels differ from the interpreter by more than rounding errors explain."""
    try:
        expected = trained(net, backend="interpreter")
    except (errors.SymkerasError, ValueError):
        return  # what does not fit shows in training only
    spread: dict[str, np.ndarray] = {}
    for backend, level in ways:
        if backend in backend_names.WITHOUT_TRAINING:
            continue
        options = {"backend": backend, "level": level, **poisoned(backend)}
        try:
            found = trained(net, **options)
        except Exception as error:
            yield (backend, level), f"{type(error).__name__}: {str(error)[:500]}\n{net.script(options)}"
            continue
        for name, wanted in expected.items():
            if not _far(found[name], wanted, 0.0).any():
                continue
            spread = spread or _spread(net, expected)
            if found[name].shape != wanted.shape or _far(found[name], wanted, 100 * spread[name]).any():
                yield (backend, level), f"{name}: {found[name]}, expected {wanted}\n{net.script(options)}"
                break


def _far(a: np.ndarray, b: np.ndarray, allowed: Any) -> np.ndarray:
    if a.shape != b.shape or a.dtype.kind != "f":
        return np.asarray(a.shape != b.shape or a != b)
    rtol, atol = TOLERANCES["graph"]["float32"]
    with np.errstate(all="ignore"):
        return ~((np.abs(a - b) <= atol + rtol * np.abs(b) + allowed) | (a == b) | (np.isnan(a) & np.isnan(b)))


def _spread(net: Network, expected: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    runs = [trained(net, moved, backend="interpreter") for moved in (1, 2, 3)]
    with np.errstate(all="ignore"):
        return {k: np.max([np.abs(np.asarray(r[k], "float64") - v) for r in runs], axis=0, initial=0.0) for k, v in expected.items()}


def smaller(net: Network, way: tuple[str, str]) -> str:
    """The report of a network with as few lines as still differ."""
    best = next(network_differences(net, [way]))[1]
    k = len(net.lines) - 1
    while k >= 0:
        candidate = replace(net, lines=net.lines[:k] + net.lines[k + 1 :])
        try:
            found = next(network_differences(candidate, [way]), None)
        except Exception:
            found = None  # what was left out is needed
        if found is not None:
            net, best = candidate, found[1]
        k -= 1
    return best
