"""The six workloads written by hand in PyTorch: modules, losses and training steps, run eagerly, images channels-last.

Weights come from Keras by the paths that a fresh process gives them; `PLACES` says which module takes which layer's. A step is
forward, loss, backward and optimizer; unlike `fit` it keeps no accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from worker import Contender

Arrays = dict[str, np.ndarray]
Name = str | tuple[str, ...]


# ---- models: logits of inputs as Keras takes them ----------------------------------------------------------------------


class TutorialMLP(nn.Sequential):
    """100-64-10."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(100, 64), nn.ReLU(), nn.Linear(64, 10))


class MLP(nn.Sequential):
    """784-512-512-10."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


class Convnet(nn.Module):
    """Two convolutions, flattened in Keras' order H W C."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3), nn.Linear(1600, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = image.permute(0, 3, 1, 2)
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.head(F.dropout(x.permute(0, 2, 3, 1).flatten(1), 0.5, self.training))


class TwoInputLSTM(nn.Module):
    """Logits of the main and of the auxiliary output."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(10_000, 512), nn.LSTM(512, 32, batch_first=True)
        self.lstm.bias_hh_l0.requires_grad_(False)  # Keras has one bias where PyTorch adds two
        self.hidden = nn.Sequential(nn.Linear(37, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.main, self.aux = nn.Linear(64, 1), nn.Linear(32, 1)

    def forward(self, words: Tensor, extra: Tensor) -> tuple[Tensor, Tensor]:
        summary = self.lstm(self.embedding(words))[1][0][0]
        return self.main(self.hidden(torch.cat([summary, extra], 1))), self.aux(summary)


class TransformerBlock(nn.Module):
    """One block of self-attention, query, key and value in one product."""

    def __init__(self) -> None:
        from workloads import position_table

        super().__init__()
        self.tokens = nn.Embedding(20_000, 32)
        self.register_buffer("positions", torch.from_numpy(position_table((200, 32))))
        self.qkv, self.projection = nn.Linear(32, 3 * 64), nn.Linear(64, 32)
        self.norm1, self.norm2 = nn.LayerNorm(32, eps=1e-6), nn.LayerNorm(32, eps=1e-6)
        self.feed = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32))
        self.hidden, self.head = nn.Linear(32, 20), nn.Linear(20, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions
        q, k, v = self.qkv(x).unflatten(2, (3, 2, 32)).permute(2, 0, 3, 1, 4)
        attended = self.projection(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        x = self.norm1(x + self.dropout(attended))
        x = self.norm2(x + self.dropout(self.feed(x)))
        return self.head(self.dropout(F.relu(self.hidden(self.dropout(x.mean(1))))))

    def dropout(self, x: Tensor) -> Tensor:
        """A tenth dropped, in training."""
        return F.dropout(x, 0.1, self.training)


class ResNet20(nn.Module):
    """Convolutions and batch normalizations in the order in which the Keras model makes them."""

    def __init__(self) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        self.add(3, 16, 3, 1)
        self.blocks: list[tuple[int, int, int | None]] = []
        before = 16
        for stage, filters in enumerate((16, 32, 64)):
            for k in range(3):
                stride = 2 if stage and not k else 1
                first, second = self.add(before, filters, 3, stride), self.add(filters, filters, 3, 1)
                self.blocks.append((first, second, self.add(before, filters, 1, stride) if stride == 2 else None))
                before = filters
        self.head = nn.Linear(64, 10)

    def add(self, before: int, filters: int, size: int, stride: int) -> int:
        """A convolution with its normalization; gives their number."""
        self.convs.append(SameConv2d(before, filters, size, stride, bias=False))
        self.norms.append(nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01))
        return len(self.convs) - 1

    def normalized(self, x: Tensor, k: int) -> Tensor:
        """Convolution and normalization number `k`."""
        return self.norms[k](self.convs[k](x))

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu_(self.normalized(image.permute(0, 3, 1, 2), 0))
        for first, second, projection in self.blocks:
            y = self.normalized(F.relu_(self.normalized(x, first)), second)
            x = F.relu_(y + (x if projection is None else self.normalized(x, projection)))
        return self.head(x.mean((2, 3)))


class SameConv2d(nn.Conv2d):
    """A convolution with Keras' padding "same": where the padding is odd, the one more is at the end."""

    def forward(self, x: Tensor) -> Tensor:
        size, stride = self.kernel_size[0], self.stride[0]
        if size == 1:
            return super().forward(x)
        if stride == 1:
            return F.conv2d(x, self.weight, None, 1, size // 2)
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight, None, stride)


# ---- optimizers with Keras' numbers --------------------------------------------------------------------------------------


class RMSprop(torch.optim.Optimizer):
    """Keras' rule, with epsilon under the root (PyTorch's own adds it to the root)."""

    def __init__(self, parameters: Iterable[Tensor]):
        super().__init__(parameters, {"lr": 1e-3, "rho": 0.9, "epsilon": 1e-7})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["velocity"] = torch.zeros_like(p)
                v = state["velocity"].mul_(group["rho"]).addcmul_(p.grad, p.grad, value=1 - group["rho"])
                p.addcdiv_(p.grad, v.add(group["epsilon"]).sqrt_(), value=-group["lr"])


def sgd(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Keras' default SGD."""
    return torch.optim.SGD(parameters, lr=0.01, fused=True)


def momentum(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """SGD(0.1, momentum=0.9)."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, fused=True)


def adam(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Keras' default Adam."""
    return torch.optim.Adam(parameters, lr=1e-3, eps=1e-7, fused=True)


# ---- losses ----------------------------------------------------------------------------------------------------------------


def crossentropy(logits: Tensor, y: Tensor) -> Tensor:
    """Of classes (int64) or of one-hot rows (float32)."""
    return F.cross_entropy(logits, y)


def two_binary_crossentropies(logits: tuple[Tensor, Tensor], main: Tensor, aux: Tensor) -> Tensor:
    """The main output's, and a fifth of the auxiliary one's."""
    return F.binary_cross_entropy_with_logits(logits[0], main) + 0.2 * F.binary_cross_entropy_with_logits(logits[1], aux)


def probabilities(logits: Any) -> list[np.ndarray]:
    """What Keras' models give: softmax of one output's logits, sigmoid of several."""
    return [t.sigmoid().numpy() for t in logits] if isinstance(logits, tuple) else [logits.softmax(1).numpy()]


# ---- weights ---------------------------------------------------------------------------------------------------------------

PLACES: dict[str, dict[str, Name]] = {
    "tutorial_mlp": {"0": "dense", "2": "dense_1"},
    "mlp": {"0": "dense", "2": "dense_1", "4": "dense_2"},
    "convnet": {"conv1": "conv2d", "conv2": "conv2d_1", "head": "dense"},
    "two_input_lstm": {
        "embedding": "embedding", "lstm": "lstm/lstm_cell", "hidden.0": "dense", "hidden.2": "dense_1", "hidden.4": "dense_2",
        "main": "main_output", "aux": "aux_output",
    },
    "transformer_block": {
        "tokens": "embedding_1", "qkv": tuple(f"multi_head_attention/{n}" for n in ("query", "key", "value")),
        "projection": "multi_head_attention/attention_output", "norm1": "layer_normalization", "norm2": "layer_normalization_1",
        "feed.0": "dense_1", "feed.2": "dense", "hidden": "dense_2", "head": "dense_3",
    },
    "resnet20": {
        "head": "dense", **{f"convs.{k}": f"conv2d{f'_{k}' if k else ''}" for k in range(21)},
        **{f"norms.{k}": f"batch_normalization{f'_{k}' if k else ''}" for k in range(21)},
    },
}  # fmt: skip
"""For each workload, the Keras layer whose weights a module takes; several layers go side by side into one Linear."""


@torch.no_grad()
def fill(module: nn.Module, name: Name, arrays: Arrays) -> None:
    """Copy the weights of Keras layer `name` into a module."""
    get: Callable[[str], Tensor] = lambda key: torch.from_numpy(arrays[f"{name}/{key}"])  # noqa: E731
    if isinstance(module, nn.Linear):
        names = name if isinstance(name, tuple) else (name,)
        kernels = [torch.from_numpy(arrays[f"{n}/kernel"]).reshape(module.in_features, -1) for n in names]
        module.weight.copy_(torch.cat(kernels, 1).T)
        module.bias.copy_(torch.cat([torch.from_numpy(arrays[f"{n}/bias"]).flatten() for n in names]))
    elif isinstance(module, nn.Conv2d):
        module.weight.copy_(get("kernel").permute(3, 2, 0, 1))
        if module.bias is not None:
            module.bias.copy_(get("bias"))
    elif isinstance(module, nn.Embedding):
        module.weight.copy_(get("embeddings"))
    elif isinstance(module, nn.LSTM):
        module.weight_ih_l0.copy_(get("kernel").T)
        module.weight_hh_l0.copy_(get("recurrent_kernel").T)
        module.bias_ih_l0.copy_(get("bias"))
        module.bias_hh_l0.zero_()
    elif isinstance(module, (nn.LayerNorm, nn.BatchNorm2d)):
        module.weight.copy_(get("gamma"))
        module.bias.copy_(get("beta"))
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(get("moving_mean"))  # type: ignore[union-attr]
            module.running_var.copy_(get("moving_variance"))  # type: ignore[union-attr]


# ---- the contender ---------------------------------------------------------------------------------------------------------

MODELS: dict[str, tuple[type[nn.Module], Callable[..., torch.optim.Optimizer], Callable[..., Tensor]]] = {
    "tutorial_mlp": (TutorialMLP, sgd, crossentropy),
    "mlp": (MLP, adam, crossentropy),
    "convnet": (Convnet, adam, crossentropy),
    "two_input_lstm": (TwoInputLSTM, RMSprop, two_binary_crossentropies),
    "transformer_block": (TransformerBlock, adam, crossentropy),
    "resnet20": (ResNet20, momentum, crossentropy),
}


def tensors(data: Any) -> list[Tensor]:
    """Arrays as tensors, class numbers and words as int64."""
    found = [torch.from_numpy(a) for a in (data if isinstance(data, list) else [data])]
    return [t.long() if t.dtype == torch.int32 else t for t in found]


class TorchContender(Contender):
    """Training steps written by hand."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Callable[..., Tensor]

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__, "numpy": np.__version__}

    def draw(self, steps: int | None = None) -> None:
        super().draw(steps)
        self.tensors = tensors(self.x), tensors(self.y)

    def build(self) -> int:
        make, optimizer, self.loss = MODELS[self.workload.name]
        self.model = make().to(memory_format=torch.channels_last)
        self.optimizer = optimizer([p for p in self.model.parameters() if p.requires_grad])
        return sum(p.numel() for p in self.model.parameters())

    def adopt(self, path: str) -> None:
        with np.load(path) as stored:
            arrays = dict(stored)
        for place, name in PLACES[self.workload.name].items():
            fill(self.model.get_submodule(place), name, arrays)

    def losses(self, batches: int) -> list[float]:
        self.model.eval()
        with torch.inference_mode():
            return [float(self.loss(self.model(*tensors(x)), *tensors(y))) for x, y in self.batches(batches)]

    def learn(self, batches: int) -> None:
        self.model.train()
        for x, y in self.batches(batches):
            self.step(tensors(x), tensors(y))

    def step(self, x: list[Tensor], y: list[Tensor]) -> Tensor:
        """One training step; gives the loss."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(*x), *y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def epoch(self) -> None:
        self.model.train()
        x, y = self.tensors
        total = torch.zeros(())
        for picked in torch.randperm(len(x[0])).split(self.workload.batch):
            total += self.step([t[picked] for t in x], [t[picked] for t in y])
        float(total)

    def outputs(self, x: Any) -> Any:
        self.model.eval()
        with torch.inference_mode():
            return probabilities(self.model(*tensors(x)))
