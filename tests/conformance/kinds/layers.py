"""Layers: what they compute, in training too, with gradients, weights, state, shapes and configs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.conformance.arguments import dimensions, draw_arguments
from tests.conformance.drawing import Drawing
from tests.conformance.kinds.kind import Case, Seen, called, function_script, reference, script_of
from tests.conformance.sides import Side, flat
from tests.conformance.written import Array, Code, Made, at, realised, recast

Inputs = Callable[[Drawing], tuple[tuple[Any, ...], dict[str, Any]]]


def steps(d: Drawing) -> tuple[int, int, int]:
    return (d.batch, d.integer(1, 5), d.channels)


def any_rank(d: Drawing) -> Any:
    return (d.array((d.batch, *(d.integer(1, 5) for _ in range(d.rank - 1)), d.channels)),), {}


def images(d: Drawing) -> Any:
    space = tuple(d.integer(4, 8) for _ in range(dimensions(d)))
    first = d.chosen.get("data_format") == "channels_first"
    return (d.array((d.batch, d.channels, *space) if first else (d.batch, *space, d.channels)),), {}


def colours(d: Drawing) -> Any:
    return (d.between((d.batch, d.integer(4, 8), d.integer(4, 8), 3), 0, 255),), {}


def sequences(d: Drawing) -> Any:
    shape = steps(d)
    more = {"mask": Array(f"np.arange({shape[1]}) < {d.source()}.integers(1, {shape[1] + 1}, size=({shape[0]}, 1))")} if d.chance(0.3) else {}
    return (d.array(shape),), more


def moving_images(d: Drawing) -> Any:
    space = tuple(d.integer(4, 6) for _ in range(dimensions(d)))
    first = d.chosen.get("data_format") == "channels_first"
    return (d.array((d.batch, 2, d.channels, *space) if first else (d.batch, 2, *space, d.channels)),), {}


def several(d: Drawing) -> Any:
    shape = (d.batch, *(d.integer(1, 4) for _ in range(d.rank)))
    return ([d.array(shape) for _ in range(2 if d.name == "Subtract" else d.integer(2, 4))],), {}


def joined(d: Drawing) -> Any:
    shape = (d.batch, *(d.integer(1, 4) for _ in range(d.rank)))
    axis = d.chosen.get("axis", -1) % len(shape)
    return ([d.array((*shape[:axis], d.integer(1, 4), *shape[axis + 1 :])) for _ in range(d.integer(2, 4))],), {}


def two_of(d: Drawing) -> Any:
    shape = (d.batch, d.integer(1, 4), d.channels)
    return ([d.array(shape), d.array(shape)],), {}


def attended(d: Drawing) -> Any:
    query, key, width = d.integer(1, 4), d.integer(1, 4), d.channels
    given = [d.array((d.batch, query, width)), d.array((d.batch, key, width)), d.array((d.batch, key, width))][: d.integer(2, 3)]
    more: dict[str, Any] = {}
    if d.chance(0.3):
        more["mask"] = [d.booleans((d.batch, query)), Array(f"np.arange({key}) < {d.source()}.integers(1, {key + 1}, size=({d.batch}, 1))")]
    if d.chance(0.3):
        more["return_attention_scores"] = True
    if d.chance(0.3):
        more["use_causal_mask"] = True
    return (given,), more


def headed(d: Drawing) -> Any:
    query, key = d.integer(1, 4), d.integer(1, 4)
    more: dict[str, Any] = {}
    if d.chance(0.3):
        more["attention_mask"] = Array(f"{d.source()}.random(size={(d.batch, query, key)}) < 0.8")
    if d.chance(0.3):
        more["use_causal_mask"] = True
    if d.chance(0.3):
        more["return_attention_scores"] = True
    return tuple(d.array((d.batch, n, d.channels)) for n in (query, key, key)[: d.integer(2, 3)]), more


def numbers(d: Drawing) -> Any:
    return (d.integers((d.batch, *d.shape(0, 2)), 0, d.chosen["input_dim"] - 1),), {}


def matrix(d: Drawing) -> Any:
    return (d.array((d.batch, d.channels)),), {}


def cell_state(d: Drawing) -> Any:
    units = d.chosen["units"]
    states = [d.array((d.batch, units)) for _ in range(2 if d.name == "LSTMCell" else 1)]
    return (d.array((d.batch, d.channels)), states), {}


def stacked_state(d: Drawing) -> Any:
    states = [[d.array((d.batch, c.arguments["units"])) for _ in range(2 if "LSTM" in c.path else 1)] for c in d.chosen["cells"]]
    return (d.array((d.batch, d.channels)), states), {}


def categories(d: Drawing) -> Any:
    return (d.integers((d.batch, d.integer(1, 4)), 0, 5, d.one(["int32", "int64"])),), {}


def words(d: Drawing) -> Any:
    return (Array(f"np.array(['a', 'b', 'c', 'd', 'e'], dtype=object)[{d.source()}.integers(0, 5, size={(d.batch, d.integer(1, 4))})]"),), {}


def texts(d: Drawing) -> Any:
    return (Array(f"np.array([['a B c'], ['b, b!'], ['c d a a']], dtype=object)[{d.source()}.integers(0, 3, size=({d.batch},))]"),), {}


def crossed(d: Drawing) -> Any:
    return ([d.integers((d.batch,), 0, 9), d.integers((d.batch,), 0, 9)],), {}


def signal(d: Drawing) -> Any:
    return (d.array((d.batch, d.integer(40, 64))),), {}


def channel_signal(d: Drawing) -> Any:
    return (d.array((d.batch, d.integer(40, 64), 1)),), {}


def einsum(d: Drawing) -> Any:
    equation, shape, bias, rank = d.one(
        [
            ("ab,bc->ac", 3, "c", 2),
            ("abc,cd->abd", (None, 4), "d", 3),
            ("abc,cde->abde", (None, 2, 3), "de", 3),
            ("...x,xy->...y", 4, "y", 3),
            ("abc,cd->abd", (None, 2), None, 3),
        ]
    )
    d.chosen.update(equation=equation, output_shape=shape, bias_axes=bias)
    return (d.array((d.batch, *(d.integer(1, 4) for _ in range(rank - 1)))),), {}


INPUTS: dict[str, Inputs] = {
    **dict.fromkeys(
        [
            "Dense",
            "Activation",
            "ELU",
            "LeakyReLU",
            "ReLU",
            "Softmax",
            "PReLU",
            "ActivityRegularization",
            "Identity",
            "Dropout",
            "AlphaDropout",
            "GaussianDropout",
            "GaussianNoise",
            "Flatten",
            "Masking",
            "Rescaling",
            "UnitNormalization",
            "BatchNormalization",
            "LayerNormalization",
            "GroupNormalization",
            "RMSNormalization",
            "Normalization",
            "Permute",
            "Reshape",
        ],
        any_rank,
    ),
    **dict.fromkeys(
        ["SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", "TimeDistributed", "SpectralNormalization", "GlobalAveragePooling1D"], sequences
    ),
    **dict.fromkeys(["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"], several),
    **dict.fromkeys(["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"], moving_images),
    **dict.fromkeys(["Attention", "AdditiveAttention"], attended),
    **dict.fromkeys(["MultiHeadAttention", "GroupQueryAttention"], headed),
    **dict.fromkeys(["SimpleRNNCell", "LSTMCell", "GRUCell"], cell_state),
    **dict.fromkeys(
        [
            "CenterCrop",
            "Resizing",
            "AutoContrast",
            "Equalization",
            "Solarization",
            "AugMix",
            "ContrastLimitedAdaptiveHistogramEqualization",
            "CutMix",
            "MixUp",
            "RandAugment",
            "Pipeline",
            "RandomBrightness",
            "RandomColorDegeneration",
            "RandomColorJitter",
            "RandomContrast",
            "RandomCrop",
            "RandomElasticTransform",
            "RandomErasing",
            "RandomFlip",
            "RandomGaussianBlur",
            "RandomGrayscale",
            "RandomHue",
            "RandomInvert",
            "RandomPerspective",
            "RandomPosterization",
            "RandomRotation",
            "RandomSaturation",
            "RandomSharpness",
            "RandomShear",
            "RandomTranslation",
            "RandomZoom",
        ],
        colours,
    ),
    "StackedRNNCells": stacked_state,
    "Lambda": any_rank,
    "EinsumDense": einsum,
    "Discretization": any_rank,
    "MelSpectrogram": signal,
    "STFTSpectrogram": channel_signal,
    "TextVectorization": texts,
    "StringLookup": words,
    **dict.fromkeys(["CategoryEncoding", "Hashing", "IntegerLookup"], categories),
    "HashedCrossing": crossed,
    "Concatenate": joined,
    "Dot": two_of,
    "Embedding": numbers,
    "ReversibleEmbedding": numbers,
    "RepeatVector": matrix,
}
"""Layer -> what it is called with; layers with 1D, 2D or 3D in their name take images."""

DRAWS_NUMBERS = {"Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
"""Layers that draw numbers in training: those are compared in use only."""


DRAWS_IMAGES = {"AugMix", "CutMix", "MixUp", "RandAugment", "Solarization"} | {n for n in INPUTS if n.startswith("Random")}
"""And those that do so to images."""


def takes_inputs(name: str) -> bool:
    """Whether it is known what a layer, or the function that calls it, is called with."""
    return name in INPUTS or name.title() in INPUTS or any(f"{k}D" in name for k in (1, 2, 3))


class Layers:
    """A layer from its arguments, called on random inputs with random weights."""

    def draw(self, d: Drawing) -> Case:
        thing = at(reference(), d.path)
        arguments = draw_arguments(d, inspect.signature(thing), p=0.35)
        inputs, keywords = INPUTS.get(d.name, images)(d)
        arguments = {
            **arguments,
            **{n: v for n, v in d.chosen.items() if n in inspect.signature(thing).parameters},
            **RELATED.get(d.name, lambda d, inputs: {})(d, inputs),
        }
        random = d.name in DRAWS_NUMBERS or any(arguments.get(n) for n in ("dropout", "recurrent_dropout"))
        if "training" in inspect.signature(thing.call).parameters and not random and d.chance():
            keywords = {**keywords, "training": d.chance()}
        if d.name in DRAWS_IMAGES:
            arguments, keywords = {n: v for n, v in arguments.items() if n != "data_format"}, {"training": False}
        inputs = self._of_other_dtypes(d, arguments, inputs)
        return Case(self, d.path, d.turn, d.seed, Made(d.path, {**arguments, "name": "it"}), inputs, keywords)

    def _of_other_dtypes(self, d: Drawing, arguments: dict[str, Any], inputs: Any) -> Any:
        """Now and then another policy, floating inputs of another dtype, or whole numbers."""
        policy = d.dtype(0.2, "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
        if policy != "float32" and "dtype" not in LACKING.get(d.name, ()):
            arguments["dtype"] = policy
        dtype = d.dtype(0.2, "float16", "bfloat16", "float64", "int32", "uint8")
        return inputs if dtype == "float32" else recast(inputs, dtype)

    def observe(self, case: Case, side: Side) -> Seen:
        if has_texts(case):
            yield from self._on_texts(case, side)
            return
        layer = realised(case.subject, side.keras)
        yield "config", side.keras.saving.serialize_keras_object(layer)
        inputs, keywords = realised((case.inputs, case.keywords), side.keras, side.tensor)
        side.build(layer, inputs, keywords)
        yield "weights", [[w.path, list(w.shape), str(w.dtype), bool(w.trainable)] for w in layer.weights]
        for w in layer.weights:
            yield f"initial {w.path}", constant(side.numpy(w.value))
        layer.set_weights([drawn_weight(k, w.path, tuple(w.shape)) for k, w in enumerate(layer.weights)])

        def penalised(inputs: Any, keywords: Any) -> Any:
            return layer(*inputs, **keywords), sum(layer.losses[1:], layer.losses[0]) if layer.losses else []

        computed = dict(called(side, penalised, (case.inputs, case.keywords), layer.trainable_weights, stateful(layer)))
        yield from computed.items()
        if "mask" in keywords or hasattr(layer, "mask_zero") or hasattr(layer, "mask_value"):
            for k, mask in enumerate(flat(layer.compute_mask(inputs[0], keywords.get("mask")))):
                yield f"mask {k}", None if mask is None else side.numpy(mask)
        yield "built", layer.get_build_config()
        if hasattr(layer, "compute_output_shape"):
            shapes = [a.value.shape for a in flat(list(case.inputs))]
            if len(case.inputs) == 1:
                nested = case.inputs[0]
                yield "output shape", plain_shape(layer.compute_output_shape(shapes if isinstance(nested, list) else shapes[0]))
        open_inputs, open_keywords = open_batch((case.inputs, case.keywords), side)
        symbolic = flat(layer(*open_inputs, **open_keywords))
        yield "symbolic output", [list(o.shape) for o in symbolic]
        dtypes = [side.keras.backend.standardize_dtype(o.dtype) for o in symbolic], [str(computed[f"value {k}"].dtype) for k in range(len(symbolic))]
        yield "symbolic dtypes", AS_COMPUTED if dtypes[0] == dtypes[1] else f"{dtypes[0]}, computed {dtypes[1]}"

    def _on_texts(self, case: Case, side: Side) -> Seen:
        """Layers that read texts have neither weights nor gradients."""
        layer = realised(case.subject, side.keras)
        yield "config", side.keras.saving.serialize_keras_object(layer)
        yield "value", side.numpy(layer(*realised(case.inputs, side.keras)))

    def script(self, case: Case) -> str:
        return script_of(case)


class Merging:
    """A function that makes a layer and calls it."""

    def draw(self, d: Drawing) -> Case:
        keywords = draw_arguments(d, inspect.signature(at(reference(), d.path)), skip=("inputs",))
        merged = Drawing(f"layers.{d.name.title()}", d.seed, d.turn)
        merged.chosen = d.chosen
        return Case(self, d.path, d.turn, d.seed, Made(d.path), INPUTS[merged.name](merged)[0], keywords)

    def observe(self, case: Case, side: Side) -> Seen:
        function = at(side.keras, case.path)
        yield from called(side, lambda inputs, keywords: function(*inputs, **keywords), (case.inputs, case.keywords))

    def script(self, case: Case) -> str:
        return function_script(case)


def has_texts(case: Case) -> bool:
    return any(leaf.value.dtype.kind in "OUS" for leaf in flat(list(case.inputs)) if isinstance(leaf, Array))


def plain_shape(shape: Any) -> Any:
    if hasattr(shape, "shape"):
        return list(shape.shape)
    return [plain_shape(s) if isinstance(s, (list, tuple)) or hasattr(s, "shape") else s for s in shape]


def open_batch(tree: Any, side: Side) -> Any:
    """Symbolic tensors of a batch of any size in place of arrays."""
    if isinstance(tree, Array):
        return side.keras.KerasTensor((None, *tree.value.shape[1:]), str(tree.value.dtype))
    if isinstance(tree, dict):
        return {name: open_batch(v, side) for name, v in tree.items()}
    return type(tree)(open_batch(v, side) for v in tree) if isinstance(tree, (list, tuple)) else tree


def constant(value: np.ndarray) -> Any:
    """Values that were not drawn: of which there are one or two."""
    different = np.unique(value.astype("float64"))
    return value if len(different) <= min(2, value.size - 1) and np.isfinite(different).all() else "drawn"


def stateful(layer: Any) -> list[Any]:
    return [w for w in layer.non_trainable_weights if "seed" not in w.path]


def drawn_weight(k: int, path: str, shape: tuple[int, ...]) -> np.ndarray:
    """The k-th weight: around 0, or positive where it is a variance."""
    rng = np.random.default_rng([k, *shape])
    return (rng.uniform(0.5, 2, shape) if "variance" in path or "stddev" in path else rng.normal(size=shape) * 0.7).astype("float32")


def _reshape(d: Drawing, inputs: Any) -> dict[str, Any]:
    sizes = inputs[0].value.shape[1:]
    return {"target_shape": d.one([(-1,), tuple(reversed(sizes)), (*sizes, 1), (1, -1)])}


def _dot(d: Drawing, inputs: Any) -> dict[str, Any]:
    return {"axes": d.one([1, 2, -1, (1, 1), (2, 2)])}


RELATED: dict[str, Callable[[Drawing, Any], dict[str, Any]]] = {"Reshape": _reshape, "Dot": _dot}
"""Layer -> arguments that follow from the inputs."""

AS_COMPUTED = "those of values"

LACKING: dict[str, tuple[str, ...]] = dict.fromkeys(["HashedCrossing", "IntegerLookup", "StringLookup", "TextVectorization"], ("dtype",))
"""Layer -> arguments of every layer that it does not take."""

__all__ = ["Code", "Layers"]
