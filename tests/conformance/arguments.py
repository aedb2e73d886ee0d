"""How a value is drawn for an argument: by its name, or by "Owner.name" where the name does not say it.

A row is a function of the `Drawing`, which knows the sizes of the input and what was chosen before. Every optional argument is given in half of
all cases and left to its default in the others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.written import Array, Code, Made

Draw = Callable[[Drawing], Any]

LEFT_ALONE = {
    "name": "given by the suite", "dtype": "a column of its own: every case is in float32", "seed": "both sides draw numbers of their own",
    "quantization_config": "weights of less than 16 bits are not offered", "gptq_unpacked_column_size": "as quantization_config",
    "lora_rank": "weights are named after it; tests/layers/test_low_rank.py", "lora_alpha": "as lora_rank", "flash_attention": "not offered",
    "weights": "both sides are given the same weights", "sparse": "sparse tensors are not offered", "ragged": "ragged tensors are not offered",
    "stateful": "needs a fixed batch; tests/layers", "loss_scale_factor": "scales gradients that the suite does not scale",
    "ema_overwrite_frequency": "drawn with use_ema", "synchronized": "one process", "reverse_dtype": "as dtype", "retstep": "a pair of other types",
    "vocabulary_dtype": "as dtype", "encoding": "texts are UTF-8", "trainable": "given by the suite",
}
"""Arguments that always keep their default, with the reason."""

ACTIVATIONS = ("relu", "tanh", "sigmoid", "softmax", "elu", "selu", "softplus", "softsign", "gelu", "silu", "linear", "hard_sigmoid", "mish", "leaky_relu",
               "exponential", "log_softmax", "relu6", "hard_silu")  # fmt: skip


def initializer(d: Drawing) -> Any:
    return d.one(["zeros", "ones", "glorot_uniform", "he_normal", "lecun_uniform", "random_normal", "truncated_normal", "variance_scaling",
                  Made("initializers.Constant", {"value": d.number(-1, 1)}), Made("initializers.RandomUniform", {"minval": -0.1, "maxval": 0.2, "seed": 3}),
                  Made("initializers.VarianceScaling", {"scale": 2.0, "mode": "fan_avg", "distribution": "uniform", "seed": d.integer(0, 9)}),
                  Made("initializers.GlorotNormal", {"seed": d.integer(0, 9)})])  # fmt: skip


def regularizer(d: Drawing) -> Any:
    return d.one([None, "l2", "l1", "L1L2", Made("regularizers.L1", {"l1": d.number(0, 0.1)}), Made("regularizers.L2", {"l2": d.number(0, 0.1)}),
                  Made("regularizers.L1L2", {"l1": d.number(0, 0.1), "l2": d.number(0, 0.1)})])  # fmt: skip


def constraint(d: Drawing) -> Any:
    return d.one([None, "non_neg", "unit_norm", Made("constraints.MaxNorm", {"max_value": d.number(0.5, 2), "axis": 0}), Made("constraints.NonNeg"),
                  Made("constraints.MinMaxNorm", {"min_value": 0.5, "max_value": 1.5, "rate": d.number(0.1, 1), "axis": 0})])  # fmt: skip


def dimensions(d: Drawing) -> int:
    """The spatial axes of a layer, by its name."""
    return next((k for k in (1, 2, 3) if f"{k}D" in d.name), 2)


def strides(d: Drawing) -> Any:
    return d.sizes(dimensions(d), 1, 3)


def dilation(d: Drawing) -> Any:
    given = d.chosen.get("strides", 1)
    return d.sizes(dimensions(d), 1, 2) if given == 1 or given is None or (isinstance(given, tuple) and set(given) == {1}) else 1


def pairs(d: Drawing, most: int) -> Any:
    """Borders: one number, one for each axis, or a pair for each; one axis has a pair."""
    rank = dimensions(d)
    if rank == 1:
        return d.one([d.integer(0, most), (d.integer(0, most), d.integer(0, most))])
    return d.one([d.integer(0, most), tuple(d.integer(0, most) for _ in range(rank)),
                  tuple((d.integer(0, most), d.integer(0, most)) for _ in range(rank))])  # fmt: skip


def axis_of(d: Drawing) -> int:
    """An axis of the input but the batch, from either end."""
    axis = d.integer(1, d.rank)
    return axis if d.chance() else axis - d.rank - 1


def norm_axis(d: Drawing) -> Any:
    return axis_of(d) if d.chance(0.7) or d.rank < 2 else sorted([d.rank - 1, d.rank])


def divisor(d: Drawing, n: int) -> int:
    return d.one([k for k in range(1, n + 1) if n % k == 0])


def conv_groups(d: Drawing) -> int:
    both = [k for k in range(1, 7) if d.channels % k == 0 and d.chosen["filters"] % k == 0]
    return d.one(both)


def cell(d: Drawing, *names: str) -> Made:
    name = d.one(names or ("SimpleRNNCell", "LSTMCell", "GRUCell"))
    return Made(f"layers.{name}", {"units": d.integer(1, 4), "name": "cell", **({"activation": d.one(ACTIVATIONS[:3])} if d.chance(0.3) else {})})


def inner_layer(d: Drawing) -> Made:
    """A layer to be wrapped, for inputs of steps of vectors."""
    return d.one([Made("layers.Dense", {"units": d.integer(1, 4), "activation": d.one(ACTIVATIONS), "name": "inner"}),
                  Made("layers.LayerNormalization", {"name": "inner"}), Made("layers.Activation", {"activation": "tanh", "name": "inner"})])  # fmt: skip


def recurrent_layer(d: Drawing) -> Made:
    name = d.one(["LSTM", "GRU", "SimpleRNN"])
    more = {"return_sequences": d.chance(), **({"use_bias": False} if d.chance(0.2) else {}), **({"go_backwards": True} if d.chance(0.2) and d.name != "Bidirectional" else {})}
    return Made(f"layers.{name}", {"units": d.integer(1, 4), **more, "name": "inner"})


def flag(d: Drawing) -> bool:
    return d.chance()


def optional(draw: Draw, p: float = 0.3) -> Draw:
    """None with some chance."""
    return lambda d: None if d.chance(p) else draw(d)


def within(low: float, high: float) -> Draw:
    return lambda d: d.number(low, high)


def whole(low: int, high: int) -> Draw:
    return lambda d: d.integer(low, high)


def of(*choices: Any) -> Draw:
    return lambda d: d.one(choices)


ROWS: dict[str, Draw] = {
    # layers
    "units": whole(1, 5), "filters": whole(1, 6), "output_dim": whole(1, 5), "input_dim": whole(2, 9), "n": whole(1, 4),
    "kernel_size": lambda d: d.sizes(dimensions(d), 1, 3), "pool_size": lambda d: d.sizes(dimensions(d), 1, 3), "strides": strides,
    "padding": of("valid", "same"), "dilation_rate": dilation, "groups": conv_groups, "depth_multiplier": whole(1, 3),
    "output_padding": of(None), "data_format": of(None, "channels_last", "channels_first"), "activation": of(None, *ACTIVATIONS),
    "recurrent_activation": of("sigmoid", "hard_sigmoid", "tanh", "relu"), "use_bias": flag, "unit_forget_bias": flag, "size": lambda d: d.sizes(dimensions(d), 1, 3),
    "cropping": lambda d: pairs(d, 1), "output_size": lambda d: d.sizes(dimensions(d), 1, 4), "interpolation": of("nearest", "bilinear", "bicubic"),
    "return_sequences": flag, "return_state": flag, "go_backwards": flag, "unroll": flag, "zero_output_for_mask": flag, "reset_after": flag,
    "dropout": of(0.0, 0.3), "recurrent_dropout": of(0.0, 0.3), "rate": within(0.05, 0.9), "stddev": within(0.1, 1), "noise_shape": of(None), "use_causal_mask": flag,
    "axis": axis_of, "axes": of(-1), "normalize": flag, "momentum": within(0.1, 0.99), "epsilon": of(1e-3, 1e-5, 0.1), "center": flag, "scale": flag,
    "renorm": of(False), "renorm_clipping": of(None), "renorm_momentum": of(0.9),
    "mask_zero": flag, "mask_value": of(0.0, 1.0), "keepdims": flag, "alpha": within(0.1, 2), "negative_slope": within(0, 0.5), "max_value": of(None, 1.0, 6.0),
    "threshold": within(0, 1), "shared_axes": lambda d: sorted({d.integer(1, d.rank) for _ in range(2)}), "use_scale": flag, "score_mode": of("dot", "concat"),
    "num_heads": whole(1, 3), "key_dim": whole(1, 4), "value_dim": optional(whole(1, 4)), "output_shape": of(None), "attention_axes": of(None),
    "sliding_window": of(None), "head_dim": whole(1, 4), "num_query_heads": lambda d: d.one([2, 4]), "num_key_value_heads": lambda d: d.one([1, 2]),
    "use_gate": flag, "l1": within(0, 0.2), "l2": within(0, 0.2), "tie_weights": flag, "logit_soft_cap": of(None, 2.0), "merge_mode": of("concat", "sum", "mul", "ave", None),
    "backward_layer": of(None), "layer": inner_layer, "cell": lambda d: cell(d), "cells": lambda d: [cell(d) for _ in range(d.integer(1, 3))], "power_iterations": whole(1, 3),
    "implementation": of(1, 2), "use_cudnn": of("auto"), "return_attention_scores": flag, "offset": within(-1, 1),
    "mean": within(-1, 1), "variance": within(0.5, 2), "invert": flag, "height": whole(1, 6), "width": whole(1, 6),
    "crop_to_aspect_ratio": of(False), "pad_to_aspect_ratio": of(False), "fill_mode": of("constant"), "fill_value": within(0, 1), "antialias": flag,
    # images, numbers and texts before a network
    "value_range": of((0, 255), (0.0, 1.0)), "num_chains": whole(1, 3), "chain_depth": whole(1, 3), "all_ops": flag, "bins": of(256, 64), "clip_limit": within(1, 5), "tile_grid_size": of((2, 2)),
    "num_ops": whole(1, 2), "brightness_factor": within(0, 1), "contrast_factor": within(0, 1), "saturation_factor": within(0, 1), "hue_factor": within(0, 1), "sigma": within(0.5, 2),
    "x_factor": within(0, 0.5), "y_factor": within(0, 0.5), "height_factor": within(0, 0.5), "width_factor": within(0, 0.5), "addition_factor": within(0, 100), "threshold_factor": within(0, 200),
    "num_tokens": whole(6, 8), "output_mode": of("int", "multi_hot", "one_hot", "count"), "bin_boundaries": of([-1.0, 0.0, 0.5]), "num_bins": whole(3, 20), "salt": of(None, 7),
    "max_tokens": of(None, 12), "num_oov_indices": whole(1, 2), "mask_token": of(None), "oov_token": of("[UNK]", "?"), "vocabulary": of(["a", "b", "c"], ["c", "a"]), "idf_weights": of(None),
    "pad_to_max_tokens": flag, "oov_method": of("floormod", "farmhash"), "standardize": of("lower_and_strip_punctuation", "lower", None), "split": of("whitespace", "character"), "ngrams": of(None, 2),
    "output_sequence_length": of(None, 3, 6), "max_number": whole(1, 5), "function": of(Code("lambda x: x * 2.0")), "arguments": of(None), "mask": of(None), "layers": lambda d: [Made("layers.Rescaling", {"scale": 0.5, "name": "half"})],
    "fft_length": of(16, 32), "sequence_stride": of(4, 8), "sequence_length": of(None, 16), "sampling_rate": of(100, 400), "num_mel_bins": whole(3, 8), "min_freq": within(1, 10), "max_freq": of(None), "power_to_db": flag,
    "top_db": of(80.0, 20.0), "mag_exp": of(1.0, 2.0), "min_power": of(1e-10, 1e-3), "ref_power": within(0.5, 2), "frame_length": of(16), "frame_step": of(None, 4), "expand_dims": flag,
    "target_shape": of((-1,)), "dims": of((1,)), "equation": of(None), "bias_axes": of(None),
    # losses and metrics
    "from_logits": flag, "label_smoothing": of(0.0, 0.1, 0.3), "reduction": of("sum_over_batch_size", "sum", "mean", "none", None, "mean_with_sample_weight"),
    "gamma": within(0.5, 4), "apply_class_balancing": flag, "q": within(0.1, 1), "delta": within(0.3, 2), "beta": within(0.1, 2), "margin": within(0.1, 0.6),
    "remove_diagonal": flag, "ignore_class": of(None, 0, 1, -1), "num_thresholds": whole(3, 30), "curve": of("ROC", "PR"),
    "summation_method": of("interpolation", "minoring", "majoring"), "thresholds": of(None), "multi_label": of(False), "num_labels": of(None), "label_weights": of(None),
    "top_k": of(None), "class_id": of(None), "k": whole(1, 3), "average": of(None, "micro", "macro", "weighted"), "class_aggregation": of(None, "uniform_average", "variance_weighted_average"),
    "num_regressors": whole(0, 2), "recall": within(0.1, 0.9), "precision": within(0.1, 0.9), "specificity": within(0.1, 0.9), "sensitivity": within(0.1, 0.9),
    "from_sorted_ids": of(False), "sparse_y_true": of(True), "sparse_y_pred": of(True), "num_classes": whole(2, 4),
    "target_class_ids": lambda d: sorted({d.integer(0, 1) for _ in range(2)}),
    # optimizers and schedules
    "learning_rate": lambda d: d.number(0.001, 0.2), "beta_1": within(0.5, 0.99), "beta_2": within(0.5, 0.999), "rho": within(0.5, 0.99),
    "nesterov": flag, "amsgrad": flag, "centered": flag, "weight_decay": of(None, 0.01, 0.1), "clipnorm": of(None, 0.5), "clipvalue": of(None), "global_clipnorm": of(None),
    "use_ema": flag, "ema_momentum": within(0.3, 0.99), "gradient_accumulation_steps": of(None, 2), "initial_accumulator_value": within(0.05, 0.5),
    "learning_rate_power": within(-0.9, -0.1), "l1_regularization_strength": within(0, 0.1), "l2_regularization_strength": within(0, 0.1),
    "l2_shrinkage_regularization_strength": within(0, 0.1), "beta_2_decay": within(-0.9, -0.5), "epsilon_1": of(1e-30, 1e-10), "epsilon_2": of(1e-3, 1e-2),
    "clip_threshold": within(0.5, 2), "relative_step": flag, "warmup_steps": whole(0, 3), "initial_scale": of(8.0, 1024.0), "dynamic_growth_steps": whole(1, 3),
    "adam_beta_1": within(0.5, 0.99), "adam_beta_2": within(0.5, 0.999), "adam_weight_decay": of(0.0, 0.01), "exclude_layers": of([]), "exclude_embeddings": of(False),
    "muon_a": of(3.4445), "muon_b": of(-4.775), "muon_c": of(2.0315), "adam_lr_ratio": within(0.1, 1), "ns_steps": whole(1, 4), "rms_rate": of(0.2, None), "caution": flag,
    "initial_learning_rate": within(0.01, 1), "decay_steps": whole(1, 9), "decay_rate": within(0.3, 0.99), "staircase": flag, "first_decay_steps": whole(1, 5), "t_mul": of(1.0, 1.5, 2.0),
    "m_mul": within(0.5, 1), "end_learning_rate": within(0.0001, 0.01), "power": of(0.5, 1.0, 2.0), "cycle": flag, "warmup_target": of(None, 0.9),
    # initializers, regularizers, constraints
    "value": within(-2, 2), "gain": within(0.5, 2), "minval": within(-2, 0), "maxval": within(0.1, 2), "mode": of("fan_in", "fan_out", "fan_avg"),
    "distribution": of("normal", "truncated_normal", "untruncated_normal", "uniform"), "input_axes": of(None), "output_axes": of(None),
    "side": of("real", "imag"), "window": of("hann", "hamming", None), "scaling": of("density", "spectrum", None), "periodic": flag, "factor": within(0.001, 0.5),
    "min_value": within(0, 0.8), "approximate": flag, "default_value": within(-1, 1), "b": within(0.5, 6),
}
"""Argument -> how it is drawn."""

OWN_ROWS: dict[str, Draw] = {
    "Conv1D.padding": of("valid", "same", "causal"), "DepthwiseConv1D.padding": of("valid", "same", "causal"), "SeparableConv1D.padding": of("valid", "same", "causal"),
    "ZeroPadding1D.padding": lambda d: pairs(d, 2), "ZeroPadding2D.padding": lambda d: pairs(d, 2), "ZeroPadding3D.padding": lambda d: pairs(d, 2),
    "STFTSpectrogram.mode": of("log", "magnitude", "psd", "real", "imag", "angle", "stft"), "STFTSpectrogram.fft_length": of(None, 16, 32), "RandomFlip.mode": of("horizontal", "vertical", "horizontal_and_vertical"),
    "IntegerLookup.vocabulary": of([1, 2, 3], [12, 36]), "IntegerLookup.oov_token": of(-1), "IntegerLookup.mask_token": of(None, 0), "IntegerLookup.max_tokens": of(None, 9), "RandomCrop.height": whole(1, 4), "RandomCrop.width": whole(1, 4),
    "RandomGaussianBlur.kernel_size": of(3, 5), "Discretization.num_bins": of(None), "CategoryEncoding.output_mode": of("multi_hot", "count", "one_hot"), "StringLookup.mask_token": of(None, ""), "Resizing.fill_mode": of("constant"),
    "TextVectorization.output_mode": of("int", "multi_hot", "count"), "Resizing.interpolation": of("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), "Resizing.crop_to_aspect_ratio": flag, "RandomErasing.fill_value": of(None, 0.5),
    "RandomErasing.scale": of((0.02, 0.3)), "RandomElasticTransform.scale": within(0.1, 1), "RandomPerspective.scale": within(0.1, 1), "RandomElasticTransform.fill_mode": of("reflect"), "CutMix.factor": within(0.1, 1),
    "StringLookup.pad_to_max_tokens": of(False), "IntegerLookup.pad_to_max_tokens": of(False), "TextVectorization.pad_to_max_tokens": of(False), "RandomPosterization.factor": whole(1, 8),
    "Solarization.addition_factor": within(0, 1), "Solarization.threshold_factor": within(0, 1), "STFTSpectrogram.data_format": of(None, "channels_last"), "Hashing.mask_value": of(None, 3), "Hashing.output_mode": of("int", "one_hot", "multi_hot", "count"), "HashedCrossing.output_mode": of("int", "one_hot"), "MelSpectrogram.scaling": of(None), "RandomZoom.width_factor": of(None, 0.2),
    "StringLookup.vocabulary": of(["a", "b", "c"], ["c", "a"]), "Hashing.salt": of(None, 7, [3, 4]), "StringLookup.salt": of(None), "IntegerLookup.salt": of(None), "StringLookup.invert": of(False), "IntegerLookup.invert": of(False),
    "UpSampling1D.size": whole(1, 3), "GroupNormalization.groups": lambda d: d.one([-1, divisor(d, d.channels)]), "GroupNormalization.axis": of(-1),
    "LayerNormalization.axis": norm_axis, "UnitNormalization.axis": norm_axis, "Softmax.axis": axis_of,
    "BatchNormalization.axis": axis_of, "BatchNormalization.renorm": flag,
    "Bidirectional.layer": recurrent_layer, "Permute.dims": lambda d: tuple(int(k) + 1 for k in d.rng.permutation(d.rank)),
    "SpectralNormalization.layer": lambda d: Made("layers.Dense", {"units": d.integer(1, 4), "name": "inner"}),
    "Rescaling.scale": within(0.1, 2), "ELU.alpha": within(0.1, 2), "Normalization.axis": of(-1), "Normalization.mean": within(-1, 1),
    "STFT.window": of("hann", "hamming", None), "OrthogonalRegularizer.mode": of("rows", "columns"), "orthogonal_regularizer.mode": of("rows", "columns"),
    "MaxNorm.axis": of(0, [0]), "UnitNorm.axis": of(0, [0]), "MinMaxNorm.axis": of(0, [0]), "RandomNormal.mean": within(-1, 1), "TruncatedNormal.mean": within(-1, 1),
    "VarianceScaling.scale": within(0.5, 3), "variance_scaling.scale": within(0.5, 3), "MaxNorm.max_value": within(0.3, 2), "MinMaxNorm.max_value": within(1, 2),
    "MinMaxNorm.rate": within(0.1, 1), "max_norm.max_value": within(0.3, 2), "min_max_norm.max_value": within(1, 2), "min_max_norm.rate": within(0.1, 1),
    "max_norm.axis": of(0), "unit_norm.axis": of(0), "min_max_norm.axis": of(0),
    "CosineDecay.alpha": within(0, 0.5), "CosineDecayRestarts.alpha": within(0, 0.5), "PiecewiseConstantDecay.boundaries": lambda d: [2, 2 + d.integer(1, 3)],
    "PiecewiseConstantDecay.values": lambda d: [d.number(0.5, 1), d.number(0.1, 0.5), d.number(0.01, 0.1)],
    "relu.max_value": of(None, 1.0, 6.0), "relu.threshold": within(0, 1), "threshold.threshold": within(-0.5, 0.5), "threshold.default_value": within(-1, 1),
    "Ftrl.beta": within(0, 0.5), "SGD.momentum": of(0.0, 0.9), "RMSprop.momentum": of(0.0, 0.9), "Nadam.epsilon": of(1e-7, 1e-3),
    "Circle.gamma": within(1, 80), "circle.gamma": within(1, 80), "circle.ref_labels": of(None), "circle.ref_embeddings": of(None),
    "BinaryFocalCrossentropy.alpha": within(0, 1), "binary_focal_crossentropy.alpha": within(0, 1), "sparse_categorical_crossentropy.axis": of(-1),
    "SparseCategoricalCrossentropy.axis": of(-1), "FBetaScore.beta": within(0.5, 3), "F1Score.threshold": of(None, 0.4), "FBetaScore.threshold": of(None, 0.4), "BinaryAccuracy.threshold": within(0.1, 0.9), "BinaryIoU.threshold": within(0.1, 0.9),
    "FalsePositives.thresholds": of(None, 0.3, [0.2, 0.6]), "FalseNegatives.thresholds": of(None, 0.3, [0.2, 0.6]), "TruePositives.thresholds": of(None, 0.3, [0.2, 0.6]),
    "TrueNegatives.thresholds": of(None, 0.3, [0.2, 0.6]), "Precision.thresholds": of(None, 0.3, [0.2, 0.6]), "Recall.thresholds": of(None, 0.3, [0.2, 0.6]),
    "AUC.multi_label": flag, "AUC.from_logits": flag, "Dice.axis": of(None, -1, (1,)), "Tversky.axis": of(None, -1), "dice.axis": of(None, -1), "tversky.axis": of(None, -1),
}
"""Owner and argument -> how it is drawn, where the name alone does not say it."""


ALWAYS: dict[str, tuple[str, ...]] = {
    "MelSpectrogram": ("fft_length", "sequence_stride"), "STFTSpectrogram": ("frame_length",), "IntegerLookup": ("vocabulary",), "StringLookup": ("vocabulary",),
    "TextVectorization": ("vocabulary",), "Normalization": ("mean", "variance"), "Discretization": ("bin_boundaries",), "CategoryEncoding": ("num_tokens",),
}
"""Owner -> optional arguments without which nothing can be computed for small inputs."""


def row(owner: str, argument: str) -> Draw | None:
    """How an argument is drawn; None where there is no way."""
    for name, draw in (("_initializer", initializer), ("_regularizer", regularizer), ("_constraint", constraint)):
        if argument.endswith(name):
            return draw
    return OWN_ROWS.get(f"{owner}.{argument}", ROWS.get(argument))


def draw_arguments(d: Drawing, signature: inspect.Signature, skip: tuple[str, ...] = (), p: float = 0.5) -> dict[str, Any]:
    """Values for a signature: what is required, and of what is optional a share of p.

    Raises:
        LookupError: an argument that no row draws and that is not left alone.
    """
    for name, parameter in signature.parameters.items():
        if name in skip or name in LEFT_ALONE or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        draw = row(d.name, name)
        if draw is None:
            raise LookupError(f"no row of tests/conformance/arguments.py draws {d.path}({name}=)")
        if parameter.default is parameter.empty or name in ALWAYS.get(d.name, ()) or d.chance(p):
            d.chosen[name] = draw(d)
    return {name: value for name, value in d.chosen.items() if name in signature.parameters}


__all__ = ["Array", "draw_arguments", "row"]
