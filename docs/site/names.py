"""Which names are public, and on which page of the reference each of them stands: once, with its other names beside it.

`PAGES` says what stands where. A page takes the names of modules, or those that some files of a module define; a name that an earlier
page has is an alias there.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Page:
    """A page of the reference.

    Args:
        place: file, below `reference`, without suffix.
        title: in the list of pages.
        text: what it is about.
        modules: below `symkeras`, whose names it has; "ops: conv unfold" for some of its names, "layers/dense lstm" for those that
            the files `dense` and `lstm` define.
    """

    place: str
    title: str
    text: str
    modules: tuple[str, ...]


@dataclass
class Entry:
    """A public name with what it stands for, and the other names of the same."""

    path: str
    value: Any
    aliases: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


_LAYERS = {
    "core": ("Core layers", "What other layers are made of, products, embeddings, and functions as layers.",
             "layer input_spec input dense einsum_dense embedding reversible_embedding masking lambda_layer wrapper graph_layer with_weight "
             "registry"),
    "activation": ("Activation layers", "Activations that are layers; as functions they are in `activations`.", "activation_layers"),
    "convolution": ("Convolution layers", "In one, two and three spatial dims.",
                    "convolution transposed_convolution separable_convolution locally_connected"),
    "pooling": ("Pooling layers", "Maxima and means of windows, of everything, or of as many windows as asked for.", "pooling adaptive_pooling"),
    "recurrent": ("Recurrent layers", "Layers over time, their cells, and what goes around them.",
                  "rnn simple_rnn_cell lstm_cell gru_cell stacked_rnn_cells simple_rnn lstm gru bidirectional time_distributed conv_lstm"),
    "attention": ("Attention layers", "", "attention additive_attention multi_head_attention grouped_query_attention"),
    "normalization": ("Normalization layers", "", "batch_normalization normalization spectral_normalization"),
    "regularization": ("Regularization layers", "Layers that do something while the model is trained only.", "dropout"),
    "reshaping": ("Reshaping layers", "", "reshaping borders"),
    "merging": ("Merging layers", "Several tensors become one; each also as a function.", "merging"),
    "features": ("Text, category and number layers", "Preprocessing of columns: [data and preprocessing](../../guide/data.md).",
                 "string_lookup integer_lookup text_vectorization category_encoding discretization hashing hashed_crossing feature_normalization "
                 "pipeline"),
    "images": ("Image layers", "Preprocessing of images.", "rescaling image_sizes bounding_box_counts"),
    "augmentation": ("Augmentation layers", "Images are changed at random while a model is trained.",
                     "random_images random_transforms random_colors tones mixed_images random_filters random_warps augmentation_policies"),
    "audio": ("Audio layers", "", "mel_spectrogram stft_spectrogram"),
    "of_2017": ("Layers of 2017", "Layers that Keras dropped.", "dense_of_2017 keras_1"),
}  # fmt: skip

_OPS = ("ops.numpy", "ops.nn", "ops.linalg")
"""Their names stand in `ops` too, and are called so."""
_WITHIN = ("backend.function", "autodiff.tape")
"""Modules whose names are asked of `symkeras`."""

PAGES = (
    Page("models", "Models", "Layers put together, trained, used and saved: [getting started](../guide/getting_started.md), "
         "[training](../guide/training.md).", ("models",)),
    *(Page(f"layers/{place}", title, text, (f"layers/{files}",)) for place, (title, text, files) in _LAYERS.items()),
    Page("ops/numpy", "NumPy's operations", "NumPy's functions on arrays and on symbolic tensors. They stand in `ops.numpy` too.", ("ops.numpy",)),
    Page("ops/nn", "Neural network operations", "They stand in `ops.nn` too.", ("ops.nn",)),
    Page("ops/linalg", "Linear algebra", "It stands in `ops.linalg` too.", ("ops.linalg",)),
    Page("ops/image", "Image operations", "", ("ops.image",)),
    Page("ops/core", "Core operations", "Loops, branches, scatter and gather, Fourier transforms, segments, casts.", ("ops",)),
    Page("losses", "Losses", "Each as a class and as a function.", ("losses",)),
    Page("metrics", "Metrics", "What is measured while training and evaluating; losses are metrics too.", ("metrics",)),
    Page("optimizers", "Optimizers", "", ("optimizers", "optimizers.legacy")),
    Page("schedules", "Schedules", "Learning rates that follow the step.", ("optimizers.schedules",)),
    Page("callbacks", "Callbacks", "What happens around steps and epochs: [training](../guide/training.md#callbacks).", ("callbacks",)),
    Page("activations", "Activations", "", ("activations",)),
    Page("initializers", "Initializers", "How weights begin.", ("initializers",)),
    Page("regularizers", "Regularizers", "Penalties on weights and outputs.", ("regularizers",)),
    Page("constraints", "Constraints", "What weights are held to after every step.", ("constraints",)),
    Page("random", "Random numbers", "Draws from a seed: the same numbers on every backend.", ("random",)),
    Page("autodiff", "Functions and gradients", "Plain functions compiled, and their gradients.",
         ("backend.function", "autodiff", "autodiff.tape")),
    Page("utils", "Utilities", "Data sets, files, images, seeds.", ("utils", "utils.bounding_boxes", "utils.legacy", "tree")),
    Page("datasets", "Data sets", "Digits come with symkeras, the others are read from local files.", tuple(f"datasets.{name}" for name in (
        "digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "imdb", "reuters", "boston_housing", "california_housing"))),
    Page("applications", "Applications", "Architectures with Keras' names, layer names and weight order.", ("applications", "applications.*")),
    Page("preprocessing", "Preprocessing of Keras 2", "", ("preprocessing", "preprocessing.image", "preprocessing.sequence", "preprocessing.text")),
    Page("saving", "Saving", "Files and configs: [saving and loading](../guide/saving.md).", ("saving", "legacy.saving")),
    Page("quantizers", "Quantizers", "Numbers of few bits: `quantize` of layers and models, and what it uses.", ("quantizers",)),
    Page("dtype_policies", "Dtype policies", "Mixed precision: [the guide](../guide/precision.md).", ("dtype_policies", "mixed_precision")),
    Page("config", "Settings", "Of the process.", ("config",)),
    Page("distribution", "Distribution", "Many devices and processes: [distribution](../distribution.md).", ("distribution",)),
    Page("distillation", "Distillation", "", ("distillation",)),
    Page("wrappers", "scikit-learn", "Models as estimators of scikit-learn.", ("wrappers", "wrappers.scikit_learn")),
    Page("visualization", "Visualization", "", ("visualization",)),
    Page("inspection", "Inspection", "What a compiled function is made of: [looking inside](../guide/inspecting.md).", (
        "backend.interface: Executable", "inspection.inspector: Inspector", "inspection.thing: Thing", "inspection.compare: compare",
        "inspection.bisect: bisect", "inspection.minimise: minimise", "inspection.model_diff: diff")),
    Page("backends", "Backends", "What runs graphs, and how one is added: [backends](../guide/backends.md), "
         "[writing a backend](../writing_a_backend.md).", (
        "backend.interface: Backend register registered get compile_graph", "backend.engine.at_once: BackendAtOnce", "backend: report", "blas")),
    Page("graph", "Graphs", "What the compiler works on.", ("graph", "graph.variable: Variable")),
    Page("backend", "K functions", "`from symkeras import backend as K`: the functions of 2017, and those of Keras 3.", ("backend",)),
    Page("errors", "Errors", "Every error is a `SymkerasError`, and the built-in error that Keras would raise.", ("errors",)),
    Page("symkeras", "Top-level names", "Names that stand in `symkeras` alone; most others of its names are those of its modules.", ("",)),
)  # fmt: skip


def entries() -> dict[Page, list[Entry]]:
    """The names of every page, in order. What two names stand for is the entry of the first.

    Raises:
        LookupError: a page that asks for what is not there, or files of layers that no page has.
    """
    found: dict[Page, list[Entry]] = {}
    known: dict[int, Entry] = {}
    for page in PAGES:
        members = list(_members(page))
        places = {f"{module}.{name}".removeprefix("."): place for place, (module, name, _) in reversed(list(enumerate(members)))}
        here: list[Entry] = []
        for module, name, value in sorted(members, key=lambda m: m[1] != getattr(m[2], "__name__", m[1])):  # its own name first
            path = f"{module}.{name}".removeprefix(".")
            entry = known.get(id(value))
            if entry is None:
                entry = known[id(value)] = Entry(path, value)
                here.append(entry)
            elif path not in (entry.path, *entry.aliases):
                entry.aliases.append(path)
        found[page] = sorted(here, key=lambda e: places[e.path])
    _check_layers(known)
    return found


def _check_layers(known: dict[int, Entry]) -> None:
    layers = importlib.import_module("symkeras.layers")
    lost = [name for name in layers.NAMES if id(getattr(layers, name)) not in known]
    if lost:
        raise LookupError(f"docs/site/names.py: no page has the layers {', '.join(lost)}: name the files that define them")


def _members(page: Page) -> Iterator[tuple[str, str, Any]]:
    for source in page.modules:
        if ":" in source:
            path, _, names = source.partition(": ")
            module = _module(path)
            yield from ((_shown(path, name), name, getattr(module, name)) for name in names.split())
        elif "/" in source:
            path, _, files = source.partition("/")
            for file in files.split():
                module = _module(path)
                yield from ((path, name, value) for name, value in public(module) if module.NAMES.get(name) == file)
        elif source.endswith(".*"):
            module = _module(source[:-2])
            inner = [name for name in dir(module) if inspect.ismodule(getattr(module, name))]
            yield from ((f"{source[:-2]}.{part}", name, value) for part in inner for name, value in public(_module(f"{source[:-2]}.{part}")))
        else:
            for name, value in public(_module(source)):
                if source in _OPS:
                    yield "ops", name, value
                yield _shown(source, name) if source in _WITHIN else source, name, value


def _shown(path: str, name: str) -> str:
    """The module that a name is asked of: `symkeras` itself where it has it."""
    top = importlib.import_module("symkeras")
    if path.count(".") and name in dir(top) and getattr(top, name) is getattr(_module(path), name):
        return ""
    return path


def _module(path: str) -> Any:
    return importlib.import_module(f"symkeras.{path}".removesuffix("."))


def public(module: Any) -> Iterator[tuple[str, Any]]:
    """The names of a module that are public: those it lists, or else defines, and no modules among them; in the order of its table, if any."""
    listed = dir(module) if "__getattr__" in vars(module) else getattr(module, "__all__", None)
    order = list(getattr(module, "NAMES", ()))
    for name in sorted(set(listed or dir(module)), key=lambda n: (order.index(n) if n in order else len(order), n.lower(), n)):
        value = None if name.startswith("_") else getattr(module, name)
        if not callable(value):
            continue
        home = getattr(value, "__module__", "")
        if home == module.__name__ or (listed and home.startswith("symkeras")):
            yield name, value
