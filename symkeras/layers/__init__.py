"""Keras' layers. Each public name lives in its own small module and is imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.layers that defines it
NAMES: dict[str, str] = {
    "Layer": "layer", "InputSpec": "input_spec", "Input": "input", "InputLayer": "input", "serialize": "registry", "deserialize": "registry",
    "Dense": "dense", "EinsumDense": "einsum_dense", "Embedding": "embedding", "Identity": "masking", "Masking": "masking",
    "Lambda": "lambda_layer", "Wrapper": "wrapper", "GraphLayer": "graph_layer", "WithWeight": "with_weight",
    **dict.fromkeys(("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU"), "activation_layers"),
    **dict.fromkeys(("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"), "merging"),
    **dict.fromkeys(("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"), "merging"),
    **dict.fromkeys(("Flatten", "Permute", "RepeatVector", "Reshape"), "reshaping"),
    **{f"{kind}{rank}D": "borders" for kind in ("ZeroPadding", "Cropping", "UpSampling") for rank in (1, 2, 3)},
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout"), "dropout"),
    "AlphaDropout": "dropout", "ActivityRegularization": "dropout",
    **{f"{kind}{rank}D": "convolution" for kind in ("Conv", "Convolution") for rank in (1, 2, 3)},
    **{f"{kind}{rank}DTranspose": "transposed_convolution" for kind in ("Conv", "Convolution") for rank in (1, 2, 3)},
    "Deconvolution2D": "transposed_convolution", "Deconvolution3D": "transposed_convolution",
    "DepthwiseConv1D": "separable_convolution", "DepthwiseConv2D": "separable_convolution",
    **{f"{kind}{rank}D": "separable_convolution" for kind in ("SeparableConv", "SeparableConvolution") for rank in (1, 2)},
    **{f"{kind}{rank}D": "pooling" for kind in (
        "MaxPooling", "MaxPool", "AveragePooling", "AvgPool", "GlobalMaxPooling", "GlobalMaxPool", "GlobalAveragePooling", "GlobalAvgPool",
    ) for rank in (1, 2, 3)},
    "StringLookup": "string_lookup", "IntegerLookup": "integer_lookup", "TextVectorization": "text_vectorization",
    "CategoryEncoding": "category_encoding", "Discretization": "discretization", "Hashing": "hashing", "HashedCrossing": "hashed_crossing",
    "Pipeline": "pipeline",
    **{f"Adaptive{kind}Pooling{rank}D": "adaptive_pooling" for kind in ("Average", "Max") for rank in (1, 2, 3)},
    "MelSpectrogram": "mel_spectrogram", "STFTSpectrogram": "stft_spectrogram",
    "Rescaling": "rescaling", "Normalization": "feature_normalization", "Resizing": "image_sizes", "CenterCrop": "image_sizes",
    **dict.fromkeys(("RandomFlip", "RandomCrop", "RandomContrast", "RandomBrightness"), "random_images"),
    **dict.fromkeys(("RandomTranslation", "RandomRotation", "RandomZoom", "RandomShear"), "random_transforms"),
    **dict.fromkeys(("RandomHue", "RandomSaturation", "RandomColorDegeneration", "RandomGrayscale", "RandomColorJitter"), "random_colors"),
    **dict.fromkeys(("AutoContrast", "Equalization", "Solarization", "RandomInvert", "RandomPosterization"), "tones"),
    "ContrastLimitedAdaptiveHistogramEqualization": "tones", **dict.fromkeys(("RandomErasing", "MixUp", "CutMix"), "mixed_images"),
    **dict.fromkeys(("RandomSharpness", "RandomGaussianBlur"), "random_filters"), "MaxNumBoundingBoxes": "bounding_box_counts",
    **dict.fromkeys(("RandomPerspective", "RandomElasticTransform"), "random_warps"),
    **dict.fromkeys(("RandAugment", "AugMix"), "augmentation_policies"),
    "BatchNormalization": "batch_normalization",
    **dict.fromkeys(("GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"), "normalization"),
    "RNN": "rnn", "SimpleRNNCell": "simple_rnn_cell", "LSTMCell": "lstm_cell", "GRUCell": "gru_cell", "StackedRNNCells": "stacked_rnn_cells",
    "SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru", "Bidirectional": "bidirectional", "TimeDistributed": "time_distributed",
    **{f"ConvLSTM{rank}D": "conv_lstm" for rank in (1, 2, 3)}, "ReversibleEmbedding": "reversible_embedding",
    "SpectralNormalization": "spectral_normalization", "LocallyConnected1D": "locally_connected", "LocallyConnected2D": "locally_connected",
    "MaxoutDense": "dense_of_2017", "Highway": "dense_of_2017", "merge": "keras_1",
    "Attention": "attention", "AdditiveAttention": "additive_attention", "MultiHeadAttention": "multi_head_attention",
    "GroupQueryAttention": "grouped_query_attention", "GroupedQueryAttention": "grouped_query_attention",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.layers.{NAMES[name]}"), name)
    raise missing("symkeras.layers", name)


def __dir__() -> list[str]:
    return sorted(NAMES)
