"""The six workloads written by hand in JAX: functions of arrays, and one `jax.jit` per training step that reuses the memory of the state.

Parameters are a dictionary by the paths that Keras gives them in a fresh process. A step is forward, gradient and optimizer; unlike
`fit` it keeps no accuracy. It picks the rows of its batch itself from the data of the epoch, which lie in JAX' arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax, nn
from worker import Contender
from workloads import SEED, position_table

Parameters = dict[str, Array]
Shapes = dict[str, tuple[int, ...]]
MOVING = ("moving_mean", "moving_variance")


# ---- layers ------------------------------------------------------------------------------------------------------------


def dense(p: Parameters, name: str, x: Array) -> Array:
    """x [..., I] to [..., O]."""
    return x @ p[f"{name}/kernel"] + p[f"{name}/bias"]


def conv(p: Parameters, name: str, x: Array, stride: int = 1, padding: str = "VALID") -> Array:
    """x [B, H, W, I], without bias."""
    return lax.conv_general_dilated(x, p[f"{name}/kernel"], (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def max_pool(x: Array) -> Array:
    """Windows of 2x2, as a maximum over axes: XLA has a slow gradient for windows."""
    b, h, w, c = x.shape
    return x[:, : h // 2 * 2, : w // 2 * 2].reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))


def dropout(x: Array, rate: float, key: Array | None) -> Array:
    """Some of x set to zero; x itself without a key."""
    return x if key is None else jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def layer_norm(p: Parameters, name: str, x: Array) -> Array:
    """Over the last axis."""
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * (lax.rsqrt(variance + 1e-6) * p[f"{name}/gamma"]) + p[f"{name}/beta"]


def batch_norm(p: Parameters, name: str, x: Array, is_training: bool, new: Parameters) -> Array:
    """Over all axes but the last; the moving averages of training go into `new`."""
    mean, variance = (p[f"{name}/{kind}"] for kind in MOVING)
    if is_training:
        found = x.mean((0, 1, 2)), jnp.square(x).mean((0, 1, 2))
        mean, variance = found[0], found[1] - jnp.square(found[0])
        for kind, value in zip(MOVING, (mean, variance), strict=True):
            new[f"{name}/{kind}"] = p[f"{name}/{kind}"] * 0.99 + value * 0.01
    scale = lax.rsqrt(variance + 1e-3) * p[f"{name}/gamma"]
    return x * scale + (p[f"{name}/beta"] - mean * scale)


def lstm(p: Parameters, name: str, x: Array) -> Array:
    """x [B, T, I] to the last output; the products with the inputs of all steps are one."""
    gates = jnp.swapaxes(x, 0, 1) @ p[f"{name}/kernel"] + p[f"{name}/bias"]
    recurrent = p[f"{name}/recurrent_kernel"]

    def step(state: tuple[Array, Array], gate: Array) -> tuple[tuple[Array, Array], None]:
        h, c = state
        i, f, g, o = jnp.split(gate + h @ recurrent, 4, 1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        return (nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[0], recurrent.shape[0]), x.dtype)
    return lax.scan(step, (zeros, zeros), gates)[0][0]


def attention(p: Parameters, name: str, x: Array) -> Array:
    """Self-attention of x [B, T, E]; query, key and value in one product."""
    parts = ("query", "key", "value")
    kernel = jnp.stack([p[f"{name}/{part}/kernel"] for part in parts], 1)
    bias = jnp.stack([p[f"{name}/{part}/bias"] for part in parts])
    q, k, v = jnp.moveaxis(jnp.einsum("bte,ephd->btphd", x, kernel) + bias, 2, 0)
    scores = nn.softmax(jnp.einsum("bthd,bshd->bhts", q * q.shape[-1] ** -0.5, k))
    mixed = jnp.einsum("bhts,bshd->bthd", scores, v)
    return jnp.einsum("bthd,hde->bte", mixed, p[f"{name}/attention_output/kernel"]) + p[f"{name}/attention_output/bias"]


# ---- models: logits of (parameters, inputs, key of the dropout in training, new moving averages) --------------------------


def tutorial_mlp(p: Parameters, x: Array, key: Array | None, new: Parameters) -> Array:
    return dense(p, "dense_1", nn.relu(dense(p, "dense", x)))


def mlp(p: Parameters, x: Array, key: Array | None, new: Parameters) -> Array:
    return dense(p, "dense_2", nn.relu(dense(p, "dense_1", nn.relu(dense(p, "dense", x)))))


def convnet(p: Parameters, x: Array, key: Array | None, new: Parameters) -> Array:
    for name in ("conv2d", "conv2d_1"):
        x = max_pool(nn.relu(conv(p, name, x) + p[f"{name}/bias"]))
    return dense(p, "dense", dropout(x.reshape(x.shape[0], -1), 0.5, key))


def two_input_lstm(p: Parameters, words: Array, extra: Array, key: Array | None, new: Parameters) -> tuple[Array, Array]:
    summary = lstm(p, "lstm/lstm_cell", p["embedding/embeddings"][words])
    x = jnp.concatenate([summary, extra], 1)
    for name in ("dense", "dense_1", "dense_2"):
        x = nn.relu(dense(p, name, x))
    return dense(p, "main_output", x), dense(p, "aux_output", summary)


def transformer_block(p: Parameters, tokens: Array, key: Array | None, new: Parameters) -> Array:
    keys = [None] * 4 if key is None else jax.random.split(key, 4)
    x = p["embedding_1/embeddings"][tokens] + position_table((200, 32))
    x = layer_norm(p, "layer_normalization", x + dropout(attention(p, "multi_head_attention", x), 0.1, keys[0]))
    fed = dense(p, "dense", nn.relu(dense(p, "dense_1", x)))
    x = layer_norm(p, "layer_normalization_1", x + dropout(fed, 0.1, keys[1]))
    x = nn.relu(dense(p, "dense_2", dropout(x.mean(1), 0.1, keys[2])))
    return dense(p, "dense_3", dropout(x, 0.1, keys[3]))


def resnet20(p: Parameters, x: Array, key: Array | None, new: Parameters) -> Array:
    count = 0

    def normalized(x: Array, stride: int = 1) -> Array:
        nonlocal count
        number, count = f"_{count}" if count else "", count + 1
        return batch_norm(p, f"batch_normalization{number}", conv(p, f"conv2d{number}", x, stride, "SAME"), key is not None, new)

    x = nn.relu(normalized(x))
    for stage in range(3):
        for k in range(3):
            stride = 2 if stage and not k else 1
            y = normalized(nn.relu(normalized(x, stride)))
            x = nn.relu(y + (normalized(x, stride) if stride == 2 else x))
    return dense(p, "dense", x.mean((1, 2)))


# ---- shapes of the weights -------------------------------------------------------------------------------------------------


def dense_shapes(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def norm_shapes(name: str, *sizes: int) -> Shapes:
    return {f"{name}/gamma": sizes, f"{name}/beta": sizes}


def resnet_shapes() -> Shapes:
    layers = [(3, 3, 16)] + [(3, 16, 16)] * 6
    for filters in (32, 64):
        half = filters // 2
        layers += [(3, half, filters), (3, filters, filters), (1, half, filters), *[(3, filters, filters)] * 4]
    found: Shapes = {}
    for k, (size, before, filters) in enumerate(layers):
        number = f"_{k}" if k else ""
        norm = f"batch_normalization{number}"
        found |= {f"conv2d{number}/kernel": (size, size, before, filters), **norm_shapes(norm, filters)}
        found |= {f"{norm}/{kind}": (filters,) for kind in MOVING}
    return found | dense_shapes("dense", 64, 10)


def transformer_shapes() -> Shapes:
    heads = {f"multi_head_attention/{n}/{w}": s for n in ("query", "key", "value") for w, s in (("kernel", (32, 2, 32)), ("bias", (2, 32)))}
    output = {"multi_head_attention/attention_output/kernel": (2, 32, 32), "multi_head_attention/attention_output/bias": (32,)}
    return {
        "embedding_1/embeddings": (20_000, 32), **heads, **output, **norm_shapes("layer_normalization", 32),
        **norm_shapes("layer_normalization_1", 32), **dense_shapes("dense_1", 32, 32), **dense_shapes("dense", 32, 32),
        **dense_shapes("dense_2", 32, 20), **dense_shapes("dense_3", 20, 2),
    }  # fmt: skip


def lstm_shapes() -> Shapes:
    cell = {"kernel": (512, 128), "recurrent_kernel": (32, 128), "bias": (128,)}
    return {
        "embedding/embeddings": (10_000, 512), **{f"lstm/lstm_cell/{k}": s for k, s in cell.items()}, **dense_shapes("dense", 37, 64),
        **dense_shapes("dense_1", 64, 64), **dense_shapes("dense_2", 64, 64), **dense_shapes("main_output", 64, 1),
        **dense_shapes("aux_output", 32, 1),
    }  # fmt: skip


def convnet_shapes() -> Shapes:
    convs = {"conv2d/kernel": (3, 3, 1, 32), "conv2d/bias": (32,), "conv2d_1/kernel": (3, 3, 32, 64), "conv2d_1/bias": (64,)}
    return {**convs, **dense_shapes("dense", 1600, 10)}


def drawn(shapes: Shapes) -> dict[str, np.ndarray]:
    """Weights to begin with, where none are given."""
    rng = np.random.default_rng(SEED)
    ones = ("gamma", "moving_variance")
    return {k: (rng.normal(0, 0.05, s) if len(s) > 1 else np.full(s, k.endswith(ones), float)).astype("float32") for k, s in shapes.items()}


# ---- optimizers with Keras' numbers: (parameter, gradient, its slots, number of the step) to (parameter, slots) ---------------


def sgd(w: Array, g: Array, slots: tuple[Array, ...], n: Array) -> tuple[Array, tuple[Array, ...]]:
    return w - 0.01 * g, ()


def momentum(w: Array, g: Array, slots: tuple[Array, ...], n: Array) -> tuple[Array, tuple[Array, ...]]:
    m = 0.9 * slots[0] - 0.1 * g
    return w + m, (m,)


def rmsprop(w: Array, g: Array, slots: tuple[Array, ...], n: Array) -> tuple[Array, tuple[Array, ...]]:
    v = 0.9 * slots[0] + 0.1 * jnp.square(g)
    return w - 1e-3 * g * lax.rsqrt(v + 1e-7), (v,)


def adam(w: Array, g: Array, slots: tuple[Array, ...], n: Array) -> tuple[Array, tuple[Array, ...]]:
    m = slots[0] + (g - slots[0]) * 0.1
    v = slots[1] + (jnp.square(g) - slots[1]) * 0.001
    rate = 1e-3 * jnp.sqrt(1 - 0.999**n) / (1 - 0.9**n)
    return w - rate * m / (jnp.sqrt(v) + 1e-7), (m, v)


# ---- losses and outputs ------------------------------------------------------------------------------------------------------


def crossentropy(logits: Array, y: Array) -> Array:
    """Of classes, or of one-hot rows."""
    found = nn.log_softmax(logits)
    return -(jnp.take_along_axis(found, y[:, None], 1) if y.ndim == 1 else (found * y).sum(1)).mean()


def two_binary_crossentropies(logits: tuple[Array, Array], main: Array, aux: Array) -> Array:
    """The main output's, and a fifth of the auxiliary one's."""
    one, two = ((nn.softplus(x) - x * y).mean() for x, y in zip(logits, (main, aux), strict=True))
    return one + 0.2 * two


def probabilities(logits: Any) -> Any:
    """What Keras' models give: softmax of one output's logits, sigmoid of several."""
    return [nn.sigmoid(x) for x in logits] if isinstance(logits, tuple) else [nn.softmax(logits)]


# ---- the contender -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """One workload: its logits, the shapes of its weights, its optimizer with the number of slots, and its loss."""

    logits: Callable[..., Any]
    shapes: Shapes
    rule: Callable[..., Any]
    slots: int
    loss: Callable[..., Array] = crossentropy


MODELS = {
    "tutorial_mlp": Made(tutorial_mlp, {**dense_shapes("dense", 100, 64), **dense_shapes("dense_1", 64, 10)}, sgd, 0),
    "mlp": Made(mlp, {**dense_shapes("dense", 784, 512), **dense_shapes("dense_1", 512, 512), **dense_shapes("dense_2", 512, 10)}, adam, 2),
    "two_input_lstm": Made(two_input_lstm, lstm_shapes(), rmsprop, 1, two_binary_crossentropies),
    "convnet": Made(convnet, convnet_shapes(), adam, 2),
    "transformer_block": Made(transformer_block, transformer_shapes(), adam, 2),
    "resnet20": Made(resnet20, resnet_shapes(), momentum, 1),
}  # fmt: skip

State = dict[str, Any]


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def train_step(made: str, state: State, x: list[Array], y: list[Array], picked: Array, total: Array) -> tuple[State, Array]:
    """The state after one step on the rows `picked`, and `total` with its loss added."""
    model = MODELS[made]
    n = state["step"] + 1
    moving = {k: v for k, v in state["weights"].items() if k.endswith(MOVING)}
    trained = {k: v for k, v in state["weights"].items() if k not in moving}

    def loss_of(weights: Parameters) -> tuple[Array, Parameters]:
        new: Parameters = {}
        logits = model.logits({**weights, **moving}, *(a[picked] for a in x), jax.random.fold_in(state["key"], n), new)
        return model.loss(logits, *(a[picked] for a in y)), new

    (loss, new), gradients = jax.value_and_grad(loss_of, has_aux=True)(trained)
    slots = {}
    for k, w in trained.items():
        new[k], slots[k] = model.rule(w, gradients[k], state["slots"][k], n.astype("float32"))
    return {"weights": new, "slots": slots, "step": n, "key": state["key"]}, total + loss


@partial(jax.jit, static_argnums=0)
def infer(made: str, weights: Parameters, x: list[Array]) -> Any:
    """Probabilities."""
    return probabilities(MODELS[made].logits(weights, *x, None, {}))


@partial(jax.jit, static_argnums=0)
def loss_in_inference(made: str, weights: Parameters, x: list[Array], y: list[Array]) -> Array:
    """The loss as in inference."""
    return MODELS[made].loss(MODELS[made].logits(weights, *x, None, {}), *y)


class JaxContender(Contender):
    """Training steps written by hand."""

    state: State

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__, "numpy": np.__version__}

    def draw(self, steps: int | None = None) -> None:
        super().draw(steps)
        self.arrays = arrays(self.x), arrays(self.y)

    def build(self) -> int:
        shapes = MODELS[self.workload.name].shapes
        self.begin(drawn(shapes))
        return sum(int(np.prod(s)) for s in shapes.values())

    def begin(self, weights: dict[str, np.ndarray]) -> None:
        """The state before the first step."""
        made = MODELS[self.workload.name]
        slots = {k: tuple(jnp.zeros(w.shape) for _ in range(made.slots)) for k, w in weights.items() if not k.endswith(MOVING)}
        held = {k: jnp.array(w) for k, w in weights.items()}
        self.state = {"weights": held, "slots": slots, "step": jnp.zeros((), "int32"), "key": jax.random.key(SEED, impl="rbg")}

    def adopt(self, path: str) -> None:
        with np.load(path) as stored:
            self.begin({name: stored[name] for name in MODELS[self.workload.name].shapes})

    def losses(self, batches: int) -> list[float]:
        return [float(loss_in_inference(self.workload.name, self.state["weights"], arrays(x), arrays(y))) for x, y in self.batches(batches)]

    def learn(self, batches: int) -> None:
        size = self.workload.batch
        for rows in np.arange(batches * size, dtype="int32").reshape(batches, size):
            self.state, _ = train_step(self.workload.name, self.state, *self.arrays, rows, np.float32(0))

    def epoch(self) -> None:
        size = self.workload.batch
        order = np.random.permutation(len(self.arrays[0][0])).astype("int32")
        total: Any = np.float32(0)
        for k in range(0, len(order), size):
            self.state, total = train_step(self.workload.name, self.state, *self.arrays, order[k : k + size], total)
        float(total)

    def outputs(self, x: Any) -> Any:
        return [np.asarray(a) for a in infer(self.workload.name, self.state["weights"], x if isinstance(x, list) else [x])]


def arrays(data: Any) -> list[Array]:
    """An array, or a list of them, as JAX' arrays."""
    return [jnp.asarray(a) for a in (data if isinstance(data, list) else [data])]
