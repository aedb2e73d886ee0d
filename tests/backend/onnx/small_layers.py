"""One small configuration or more of every layer, with the shapes of a row of its inputs: what can be exported is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import layers, ops

VECTOR, SEQUENCE, IMAGE, VOLUME = (6,), (5, 4), (7, 6, 3), (5, 4, 6, 2)
OF_RANK = {1: (9, 3), 2: IMAGE, 3: VOLUME}
SAME = {"padding": "same", "strides": 2}
Case = tuple[Callable[[], Any], list[Any]]


def _each(name: str, options: list[dict[str, Any]], *shapes: Any, **more: Any) -> list[tuple[str, Case]]:
    return [(name, (lambda o=o: getattr(layers, name)(**more, **o), list(shapes))) for o in options]


def _over_space() -> list[tuple[str, Case]]:
    found = []
    for rank, shape in OF_RANK.items():
        for kind in ("MaxPooling", "AveragePooling"):
            found += _each(f"{kind}{rank}D", [{}, {"pool_size": 3, **SAME}, {"padding": "same", "data_format": "channels_first"}], shape)
        for kind in ("GlobalMaxPooling", "GlobalAveragePooling"):
            found += _each(f"{kind}{rank}D", [{}, {"keepdims": True}], shape)
        conv = [{"activation": "relu"}, SAME, {"padding": "same", "dilation_rate": 2}, {"groups": shape[-1], "data_format": None}]
        found += _each(f"Conv{rank}D", conv, shape, filters=6, kernel_size=3 if rank < 3 else 2)
        found += _each(f"Conv{rank}DTranspose", [{}, {"strides": 2}, SAME, {**SAME, "output_padding": 1}], shape, filters=3, kernel_size=3)
        found += _each(f"ZeroPadding{rank}D", [{}], shape) + _each(f"Cropping{rank}D", [{}], shape) + _each(f"UpSampling{rank}D", [{}], shape)
        found += _each(f"SpatialDropout{rank}D", [{"rate": 0.3}], shape)
        if rank < 3:
            found += _each(f"DepthwiseConv{rank}D", [{"kernel_size": 2, "depth_multiplier": 2}, {"kernel_size": 3, **SAME}], shape)
            found += _each(f"SeparableConv{rank}D", [{}, SAME], shape, filters=4, kernel_size=3)
    return [*found, *_each("Conv1D", [{"padding": "causal"}], (9, 3), filters=2, kernel_size=3)]


def _recurrent() -> list[tuple[str, Case]]:
    options = [{}, {"return_sequences": True}, {"go_backwards": True, "return_sequences": True}, {"unroll": True}, {"return_state": True}]
    found = [case for name in ("SimpleRNN", "LSTM", "GRU") for case in _each(name, options, SEQUENCE, units=3)]
    found += _each("GRU", [{"reset_after": False}], SEQUENCE, units=3)
    found.append(("RNN", (lambda: layers.RNN(layers.StackedRNNCells([layers.LSTMCell(3), layers.GRUCell(2)])), [SEQUENCE])))
    for cell in ("SimpleRNNCell", "LSTMCell", "GRUCell"):
        found.append((cell, (lambda cell=cell: layers.RNN(getattr(layers, cell)(3), return_sequences=True), [SEQUENCE])))
    found.append(("StackedRNNCells", (lambda: layers.RNN(layers.StackedRNNCells([layers.SimpleRNNCell(3), layers.LSTMCell(2)])), [SEQUENCE])))
    for mode in ("concat", "sum", None):
        found.append(("Bidirectional", (lambda mode=mode: layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode=mode), [SEQUENCE])))
    return [*found, ("TimeDistributed", (lambda: layers.TimeDistributed(layers.Dense(2)), [SEQUENCE]))]


def _merging() -> list[tuple[str, Case]]:
    names = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
    found = [case for name in names for case in _each(name, [{}], SEQUENCE, SEQUENCE)]
    return found + _each("Dot", [{"axes": 2}, {"axes": 2, "normalize": True}], SEQUENCE, SEQUENCE)


class _Attended:
    """An attention layer on separate inputs."""

    def __init__(self, layer: Any):
        self.layer = layer

    def __call__(self, x: list[Any]) -> Any:
        return self.layer(*x) if not isinstance(self.layer, (layers.Attention, layers.AdditiveAttention)) else self.layer(x)


def _attention() -> list[tuple[str, Case]]:
    pair = [SEQUENCE, (3, 4)]
    return [
        ("Attention", (lambda: _Attended(layers.Attention(use_scale=True)), pair)),
        ("AdditiveAttention", (lambda: _Attended(layers.AdditiveAttention()), pair)),
        ("MultiHeadAttention", (lambda: _Attended(layers.MultiHeadAttention(2, 3)), pair)),
        ("GroupQueryAttention", (lambda: _Attended(layers.GroupQueryAttention(3, 4, 2)), pair)),
    ]


def _of_images() -> list[tuple[str, Case]]:
    """Preprocessing and augmentation, which changes nothing in inference."""
    found = _each("Rescaling", [{"scale": 0.5, "offset": 1.0}], IMAGE) + _each("Resizing", [{"height": 4, "width": 9}], IMAGE)
    found += _each("Resizing", [{"interpolation": "nearest"}], IMAGE, height=9, width=5) + _each("CenterCrop", [{"height": 4, "width": 3}], IMAGE)
    found += _each("Normalization", [{"mean": 0.5, "variance": 4.0}], IMAGE) + _each("Discretization", [{"bin_boundaries": [-0.5, 0.5]}], VECTOR)
    found.append(("CategoryEncoding", (lambda: layers.CategoryEncoding(num_tokens=9), [("int32", (5,))])))
    plain = ("RandomFlip", "Equalization", "AutoContrast", "MixUp", "CutMix", "RandomGrayscale", "AugMix", "RandAugment",
             "ContrastLimitedAdaptiveHistogramEqualization")
    of_factor = ("RandomContrast", "RandomBrightness", "RandomRotation", "RandomHue", "RandomPosterization", "RandomErasing", "RandomSharpness")
    for name in plain:
        found += _each(name, [{}], IMAGE)
    for name in of_factor:
        found += _each(name, [{"factor": 3 if name == "RandomPosterization" else 0.5}], IMAGE)
    found += _each("RandomCrop", [{"height": 4, "width": 3}], IMAGE) + _each("RandomTranslation", [{}], IMAGE, height_factor=0.2, width_factor=0.2)
    found += _each("RandomZoom", [{"height_factor": 0.2}], IMAGE) + _each("RandomShear", [{"x_factor": 0.2}], IMAGE)
    return found


def _of_rank() -> list[tuple[str, Case]]:
    found = []
    for rank, shape in OF_RANK.items():
        for kind in ("AdaptiveAveragePooling", "AdaptiveMaxPooling"):
            found += _each(f"{kind}{rank}D", [{"output_size": 2}], shape)
        frames = {1: (3, 5, 2), 2: (3, 5, 4, 2), 3: (3, 3, 3, 3, 2)}[rank]
        found += _each(f"ConvLSTM{rank}D", [{}, {"return_sequences": True}], frames, filters=2, kernel_size=2)
        if rank < 3:
            found += _each(f"LocallyConnected{rank}D", [{}], shape, filters=2, kernel_size=3)
    return found


CASES: list[tuple[str, Case]] = [
    *_each("Dense", [{"activation": a} for a in ("relu", "sigmoid", "tanh", "softmax", "gelu", "selu", "elu", "softplus", "hard_sigmoid", "mish",
                                                  "log_softmax", "sparsemax", "softsign", "exponential", None)], VECTOR, units=3),
    *_each("Dense", [{}], SEQUENCE, units=3), *_each("EinsumDense", [{"bias_axes": "d"}], SEQUENCE, equation="abc,cd->abd", output_shape=(None, 2)),
    ("Embedding", (lambda: layers.Embedding(9, 3), [("int32", (5,))])), *_each("Identity", [{}], VECTOR), *_each("Masking", [{}], SEQUENCE),
    ("Lambda", (lambda: layers.Lambda(lambda x: ops.exp(x) + 1), [VECTOR])), *_each("Activation", [{"activation": "silu"}], VECTOR),
    *_each("ELU", [{"alpha": 0.5}], VECTOR), *_each("LeakyReLU", [{}], VECTOR), *_each("PReLU", [{"alpha_initializer": "ones"}], VECTOR),
    *_each("ReLU", [{}, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}], VECTOR), *_each("Softmax", [{}, {"axis": 1}], SEQUENCE),
    *_each("Flatten", [{}, {"data_format": "channels_first"}], IMAGE), *_each("Permute", [{"dims": (2, 1)}], SEQUENCE),
    *_each("RepeatVector", [{"n": 3}], VECTOR), *_each("Reshape", [{"target_shape": (4, -1)}], SEQUENCE),
    *_each("Dropout", [{"rate": 0.5}], VECTOR), *_each("GaussianNoise", [{"stddev": 1.0}], VECTOR),
    *_each("GaussianDropout", [{"rate": 0.5}], VECTOR), *_each("AlphaDropout", [{"rate": 0.5}], VECTOR),
    *_each("ActivityRegularization", [{}], VECTOR),
    *_each("BatchNormalization", [{}, {"axis": 1}], IMAGE), *_each("GroupNormalization", [{"groups": 3}], IMAGE),
    *_each("LayerNormalization", [{}, {"axis": (1, 2)}, {"center": False}], SEQUENCE), *_each("RMSNormalization", [{}], SEQUENCE),
    *_each("UnitNormalization", [{}], SEQUENCE),
    *_each("WithWeight", [{}, {"is_first": True}], VECTOR, operation="subtract", shape=(6,)),
    *_each("ThresholdedReLU", [{"theta": 0.5}], VECTOR), *_each("MaxoutDense", [{"output_dim": 3}], VECTOR), *_each("Highway", [{}], VECTOR),
    ("ReversibleEmbedding", (lambda: layers.ReversibleEmbedding(9, 3), [("int32", (5,))])),
    ("SpectralNormalization", (lambda: layers.SpectralNormalization(layers.Dense(3)), [VECTOR])),
    ("Pipeline", (lambda: layers.Pipeline([layers.Rescaling(0.5), layers.Rescaling(2.0, 1.0)]), [VECTOR])),
    *_over_space(), *_recurrent(), *_merging(), *_attention(), *_of_images(), *_of_rank(),
]  # fmt: skip
NO_LAYERS = {
    "Layer": "a base class", "InputSpec": "no layer", "Input": "in every model here", "InputLayer": "in every model here",
    "Wrapper": "a base class", "GraphLayer": "what functional models keep between layers",
    **dict.fromkeys(("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"), "functions of layers that are here"),
    **dict.fromkeys(("serialize", "deserialize", "merge"), "functions"),
    **dict.fromkeys(("Convolution2D", "Convolution3D", "Deconvolution2D", "Deconvolution3D", "SeparableConvolution2D"), "other names of layers"),
    **dict.fromkeys(("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"), "on arrays, before a graph begins"),
    **dict.fromkeys(("MelSpectrogram", "STFTSpectrogram"), "ONNX has no Fourier transform that is offered"),
    **dict.fromkeys(("RandomSaturation", "RandomColorDegeneration", "RandomColorJitter", "Solarization", "RandomInvert", "RandomGaussianBlur",
                     "RandomPerspective", "RandomElasticTransform", "MaxNumBoundingBoxes"), "as the augmentation that is here"),
}  # fmt: skip
