"""Arguments of a wrong type or value: every public constructor raises one of our errors that names the argument's class."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import (
    Input,
    Model,
    Sequential,
    arguments,
    callbacks,
    constraints,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    quantizers,
    regularizers,
    utils,
)
from symkeras.arguments import boolean, either, integer, non_negative, number, one_of, optional, path, positive_int, several, table_of, text
from symkeras.errors import ConfigError, SymkerasError
from symkeras.optimizers import schedules

NAN = float("nan")

# ---- the vocabulary ------------------------------------------------------------------------------------------------

CHECKS: dict[str, tuple[Any, tuple[Any, ...], tuple[Any, ...], str]] = {
    "a positive integer": (positive_int, (1, np.int64(3)), (0, 1.0, True, "1", None, [1]), "w must be a positive integer, received"),
    "an integer within bounds": (integer(0, 2), (0, 2), (-1, 3), "w must be an integer from 0 to 2, received"),
    "an integer below": (integer(most=0), (-5, 0), (1,), "w must be an integer of at most 0, received"),
    "a number": (
        number(), (1, 0.5, np.float32(2), np.array(3.0), float("inf")), (NAN, True, "1", None, 1j, np.zeros(1)), "w must be a number, received",
    ),
    "a number from": (non_negative, (0, 0.5), (-0.1,), "w must be a number of at least 0, received"),
    "a number between": (number(above=0, below=1), (0.5,), (0, 1), "w must be a number above 0 and below 1, received"),
    "a switch": (boolean, (True, 0, 1, np.True_), (2, "yes", None, 0.0), "w must be True or False, received"),
    "a text": (text, ("a",), ("", 3, None), "w must be a text, received"),
    "a word": (one_of("same", "valid", None), ("SAME", None), ("sam", 3, []), "w must be 'same', 'valid' or None, received"),
    "a number or a word": (either(positive_int, one_of("auto")), (3, "Auto"), (0, "b"), "w must be a positive integer, or 'auto', received"),
    "something or nothing": (optional(positive_int), (None, 3), (0, "a"), "w must be a positive integer or None, received"),
    "several": (several(positive_int, least=1), ([1, 2], (3,), np.array([4])), ([], 3, "ab", [0]), "w.* must be .*, received"),
    "a table": (table_of(text, positive_int), ({"a": 1}, {}), ({"a": 0}, {1: 1}, [1], None), "w.* must be .*, received"),
    "a path": (path, ("a", __import__("pathlib").Path("b")), ("", 3, None), "w must be a path, received"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHECKS)
def test_a_check_takes_what_it_says_and_says_what_it_takes(kind: str) -> None:
    check, right, wrong, message = CHECKS[kind]
    for value in right:
        check(value, "w")
    for value in wrong:
        with pytest.raises(ConfigError, match=message):
            check(value, "w")


def test_a_wrong_word_offers_the_nearest_one_and_long_values_are_cut() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'valid'"):
        one_of("same", "valid")("vaild", "w")
    with pytest.raises(ConfigError) as caught:
        positive_int("x" * 10_000, "w")
    assert len(str(caught.value)) < 300


def test_checked_arguments_are_converted_wherever_they_stand() -> None:
    class Thing:
        @arguments.checked(size=positive_int, names=optional(several(text)))
        def __init__(self, size: int, names: Any = None):
            self.size, self.names = size, names

    class Special(Thing):
        pass

    thing = Special(np.int64(3), names=["a"])
    assert type(thing.size) is int and thing.names == ("a",) and Thing(size=2).names is None
    assert list(inspect.signature(Thing).parameters) == ["size", "names"]
    with pytest.raises(ConfigError, match="Special: size must be a positive integer, received 'a'"):
        Special("a")
    with pytest.raises(TypeError, match="size"):
        Thing()
    with pytest.raises(TypeError, match="has no arguments"):
        arguments.checked(other=text)(lambda size: size)


# ---- every constructor ---------------------------------------------------------------------------------------------

COUNTS, SWITCHES, WORDS = (0, -1, 1.5, "3", True, [3.5]), (2, "yes", None, 0.5), ("nonsense", 3, 0.5)
FRACTIONS, POSITIVE, FROM_ZERO, NUMBERS = (-0.1, 1.1, "a", NAN, [0.5]), (0, -1, "a", NAN), (-1, "a", NAN), ("a", NAN, [1.0])
TEXTS, FUNCTIONS, AXES, PATHS = (3, "", ["a"]), (3, "nonsense"), (1.5, "a", [0.5]), (3, "", None)


def _named(names: str, wrong: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    return dict.fromkeys(names.split(), wrong)


WRONG: dict[str, tuple[Any, ...]] = {
    **_named("units filters input_dim output_dim num_heads key_dim value_dim head_dim num_query_heads num_key_value_heads n k num_classes period "
             "depth_multiplier groups batch_size top_k ema_overwrite_frequency num_labels sliding_window", COUNTS),
    **_named("kernel_size strides pool_size dilation_rate size save_freq", (*COUNTS[:4], [1, 2, 3, 4, 5], [0, 0])),
    **_named("patience cooldown start_from_epoch num_regressors ndim min_ndim max_ndim", (-1, 1.5, "3")),
    **_named("num_thresholds gradient_accumulation_steps", (0, -1, 1.5, "a")),
    **_named("use_bias unit_forget_bias reset_after return_sequences return_state go_backwards stateful unroll zero_output_for_mask center keepdims "
             "mask_zero use_scale use_gate normalize from_logits apply_class_balancing remove_diagonal from_sorted_ids multi_label sparse_y_true "
             "sparse_y_pred nesterov centered amsgrad relative_step use_ema staircase cycle save_best_only save_weights_only restore_best_weights "
             "double_checkpoint delete_checkpoint append raise_error swap_on_epoch trainable autocast allow_last_axis_squeeze optional add_history "
             "add_progbar is_first", SWITCHES),
    **_named("sparse ragged renorm synchronized", (2, "yes", 0.5)),
    **_named("dropout recurrent_dropout rate label_smoothing rho ema_momentum momentum renorm_momentum recall precision sensitivity specificity q",
             FRACTIONS),
    **_named("beta_1 beta_2", (-0.1, 2, "a", NAN)), "thresholds": (-0.1, 2, "a", [2.0], [NAN]), **_named("factor stddev", (-0.1, "a", NAN)),
    **_named("epsilon epsilon_1 epsilon_2 delta gamma beta max_value min_value negative_slope l1 l2 l1_regularization_strength "
             "l2_regularization_strength l2_shrinkage_regularization_strength initial_accumulator_value weight_decay min_lr warmup_steps", FROM_ZERO),
    **_named("decay_steps first_decay_steps t_mul clipnorm clipvalue global_clipnorm loss_scale_factor clip_threshold", POSITIVE),
    **_named("learning_rate_power beta_2_decay", (0.5, "a", NAN)),
    **_named("alpha margin mean minval maxval gain mask_value threshold initial_learning_rate end_learning_rate decay_rate power m_mul warmup_target "
             "min_delta baseline initial_value_threshold", ("a", [object()])),
    "learning_rate": ("a", NAN, "0.1", [0.1, 0.2]), "scale": (-1, "a", NAN), "value": ("a", object), "values": (3, ["a"]), "boundaries": (3, ["a"]),
    **_named("axis axes shared_axes attention_axes input_axes output_axes", AXES), "dims": (2, [0, 1], [1.5], "a"), "noise_shape": (3, [0], ["a"]),
    "target_shape": (None, 3, [1.5], [-2], ["a"], [-1, -1]), "shape": (-1, 1.5, "a", [-1], [1.5], ["a"]), "batch_shape": (3, "a", [-1], [1.5]),
    "output_shape": (-1, 1.5, "a", [1.5], ["a"]), "output_padding": (-1, 1.5, "a", [1, 2, 3, 4]), "cropping": (-1, 1.5, "a", [1, 2, 3, 4]),
    **_named("seed ignore_class class_id", (1.5, "a", [1])), "target_class_ids": (3, ["a"], [1.5], [-1]), "label_weights": (3, "a", ["a"]),
    **_named("padding data_format mode merge_mode curve summation_method average class_aggregation reduction score_mode interpolation distribution",
             WORDS),
    **_named("name monitor separator equation bias_axes", TEXTS), "dtype": ("nonsense", 3, {"a": 1}, {"config": 3}, ["float32"]),
    **_named("fn function schedule on_epoch_begin on_epoch_end on_train_begin on_train_end on_train_batch_begin on_train_batch_end", FUNCTIONS),
    **_named("activation recurrent_activation", ("nonsense", 3)), **_named("filepath filename backup_dir", PATHS),
    "verbose": (3, -1, "a", None), "arguments": (3, "ab", {1: 2}), "mask": (3, "a"), "weights": (3, "a", ["a"]),
    **_named("layer backward_layer cell cells", (3, "a", [3])), "callbacks": (3, "a", [print], callbacks.History), "graph": (3, "nonsense"),
    **_named("quantization_config gptq_unpacked_column_size renorm_clipping", (3,)), "lora_rank": COUNTS, "lora_alpha": POSITIVE,
    **_named("height width", COUNTS), **_named("height_factor width_factor", (-2, 1.5, "a", NAN, [0.1], [0, 2])), "variance": ("a", [object()]),
    **_named("crop_to_aspect_ratio pad_to_aspect_ratio antialias invert", SWITCHES), **_named("fill_mode", WORDS), "fill_value": ("a", NAN, [1.0]),
    "value_range": (3, "a", [1], [1, "a"], [NAN, 1]), "offset": ("a", [object()]),
    "max_tokens": (1, 1.5, "a"), **_named("num_oov_indices output_sequence_length", (-1, 1.5, "a")), **_named("num_tokens num_bins", COUNTS[1:]),
    **_named("mask_token oov_token", (0.5, ["a"])), "vocabulary": (3, 0.5), "vocabulary_dtype": ("int32", 3), "idf_weights": ("a", [object()]),
    **_named("output_mode oov_method standardize split", WORDS), "pad_to_max_tokens": SWITCHES, "encoding": TEXTS,
    "salt": ("a", 0.5, [1], [1, 2, 3]), "ngrams": (0, "a", [0]), "bin_boundaries": (3, ["a"], [2, 1]), "layers": (3, [3], "a"),
    **_named("adam_beta_1 adam_beta_2", (-0.1, 2, "a", NAN)), **_named("adam_weight_decay adam_lr_ratio", FROM_ZERO),
    "exclude_layers": (3, "a", [3], ["("]),
    "exclude_embeddings": SWITCHES, **_named("muon_a muon_b muon_c", NUMBERS), **_named("ns_steps dynamic_growth_steps", (0, -1, 1.5, "a")),
    **_named("rms_rate initial_scale", POSITIVE), **_named("inner_optimizer default_optimizer", (3, "sgd", None)), "optimizer_map": (3, "a"),
    "theta": FROM_ZERO, "tie_weights": SWITCHES, "reverse_dtype": ("nonsense", 3), "logit_soft_cap": POSITIVE, "implementation": (0, 4, "a", None),
    **_named("power_iterations nb_feature", COUNTS),
    "default_policy": ("nonsense", 3), "policy_map": (3, "a", {"a": 3}, {3: "float32"}),
    **_named("addition_factor threshold_factor x_factor y_factor brightness_factor contrast_factor saturation_factor hue_factor",
             (-2, 1.5, "a", NAN, [0.1])),
    **_named("bins num_ops num_chains chain_depth max_number", COUNTS), "all_ops": SWITCHES,
    "sigma": (-0.1, 1.5, "a", NAN), "clip_limit": FROM_ZERO, "tile_grid_size": (0, -1, 1.5, "a", [1, 2, 3]),
    **_named("log_dir", PATHS), **_named("histogram_freq embeddings_freq", (-1, 1.5, "a")), "profile_batch": (-1, 1, (1, 2), "a"),
    **_named("write_graph write_images write_steps_per_second send_as_json", SWITCHES), "update_freq": (0, -1, 1.5, "a", None),
    "embeddings_layer_names": (3, "a", [3]), "write_grads": (True, 1, "a"), "embeddings_data": (3, "a"),
    "embeddings_metadata": (3, [3], {3: "a"}, {"a": 3}), **_named("path field root", TEXTS), "headers": (3, "a", {"a": 3}),
    **_named("fft_length frame_length frame_step sequence_stride sequence_length sampling_rate num_mel_bins", COUNTS),
    "output_size": (0, -1, 1.5, "a", [1, 2, 3, 4]), **_named("min_freq", FROM_ZERO), **_named("max_freq min_power", POSITIVE),
    **_named("top_db mag_exp ref_power", NUMBERS), **_named("power_to_db periodic expand_dims", SWITCHES), **_named("side scaling", WORDS),
    "window": ("nonsense", [object()]),
    "source_name": ("nonsense", 3), "amax_history_length": COUNTS, "output_dtype": TEXTS,
    **_named("weight_quantizer activation_quantizer", FUNCTIONS),
    "operation": ("nonsense", 3, ["add"]), "flash_attention": (3, "a"), "use_cudnn": ("a", 3), "input_tensor": (3, "a"),
}  # fmt: skip
"""Argument -> values that no constructor takes for it."""

ACCEPTED: dict[tuple[str, str], Any] = {
    ("Embedding", "weights"): (3,),  # a number is an array without axes; `build` says which shape is needed
    ("ZeroPadding1D", "padding"): (3,), ("ZeroPadding2D", "padding"): (3,), ("ZeroPadding3D", "padding"): (3,),  # rows of zeros, not a word
    ("GroupNormalization", "groups"): (-1,),  # one group per channel
    ("RandomRotation", "factor"): (-0.1,), ("RandomBrightness", "factor"): (-0.1,),  # to both sides
    ("RandomColorDegeneration", "factor"): (-0.1,), ("RandAugment", "num_ops"): (0,),
    ("Rescaling", "scale"): (-1, NAN),
    ("Hashing", "mask_value"): ("a",), ("StringLookup", "mask_token"): ("",), ("StringLookup", "oov_token"): ("",),
    ("CallbackList", "model"): ...,  # whatever trains
    **{(name, "mode"): ("nonsense",) for name in ("EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau")},  # "auto", with a warning
}  # fmt: skip
"""(Class, argument) -> values of `WRONG` that it does take; ... for all."""

NEEDED: dict[str, Any] = {
    "units": 3, "filters": 4, "kernel_size": 2, "activation": "relu", "equation": "ab,bc->ac", "output_shape": 3, "input_dim": 4, "output_dim": 3,
    "head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1, "function": abs, "axes": 1, "num_heads": 2, "key_dim": 2, "target_shape": (2, 2),
    "dims": (2, 1), "n": 2, "rate": 0.5, "stddev": 0.1, "num_classes": 3, "target_class_ids": [0], "sensitivity": 0.5, "specificity": 0.5,
    "precision": 0.5, "recall": 0.5, "learning_rate": 0.1, "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "boundaries": [1],
    "values": [0.1, 0.2], "first_decay_steps": 10, "schedule": abs, "filepath": "x.keras", "filename": "x.csv", "backup_dir": "folder", "fn": abs,
    "operation": "add", "shape": (3,), "height": 3, "width": 4, "height_factor": 0.1, "width_factor": 0.1, "factor": 0.1, "scale": 0.5, "num_bins": 3,
    "mode": "int8",
    "layers": lambda: [layers.Dense(2)], "layer": lambda: layers.LSTM(2), "cell": lambda: layers.LSTMCell(2), "cells": lambda: [layers.LSTMCell(2)],
    "inner_optimizer": optimizers.SGD(), "default_optimizer": optimizers.SGD(), "optimizer_map": abs, "output_size": 2, "max_number": 2,
}  # fmt: skip
"""Arguments without a default, as functions where each constructor needs its own."""

FAMILIES = (layers, losses, metrics, optimizers, schedules, regularizers, constraints, initializers, callbacks, dtype_policies, quantizers)
OPTIONS = {"initializer": ("nonsense", 3), "regularizer": ("nonsense", 3), "constraint": ("nonsense", 3)}


def constructors() -> Iterator[Any]:
    seen: set[type] = set()
    for family in FAMILIES:
        for name in family.NAMES:
            cls = getattr(family, name)
            if isinstance(cls, type) and cls not in seen:
                seen.add(cls)
                yield pytest.param(cls, id=f"{family.__name__.removeprefix('symkeras.')}.{cls.__name__}")


def parameters(cls: type) -> list[inspect.Parameter]:
    found = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def needed(cls: type) -> dict[str, Any]:
    if cls is layers.InputLayer:
        return {"shape": (3,)}
    if cls is layers.GraphLayer:
        return {"graph": "graph g(%x: f32[batch]):\n  return %x"}
    if cls in (layers.TimeDistributed, layers.Wrapper):
        return {"layer": layers.Dense(2)}
    values = {p.name: NEEDED[p.name] for p in parameters(cls) if p.default is p.empty}
    return {name: value() if name in ("layer", "layers", "cell", "cells") else value for name, value in values.items()}


@pytest.mark.parametrize("cls", list(constructors()))
def test_every_argument_of_every_constructor_refuses_what_it_cannot_be(cls: type) -> None:
    faults = []
    for parameter in parameters(cls):
        name = parameter.name
        wrong = next((values for ending, values in OPTIONS.items() if name.endswith(ending)), None) or WRONG.get(name)
        taken = ACCEPTED.get((cls.__name__, name), ())
        if taken is ...:
            continue
        if wrong is None:
            faults.append(f"{name} is not in the table of wrong values")
        for value in (object(), [object()], *(wrong or ())):
            if value in taken:
                continue
            try:
                cls(**{**needed(cls), name: value})
            except SymkerasError as error:
                if not str(error):
                    faults.append(f"{name}={value!r} gives an empty message")
            except Exception as error:
                faults.append(f"{name}={value!r} raises {type(error).__name__}: {error}")
            else:
                faults.append(f"{name}={value!r} is accepted")
    assert not faults, "\n".join(faults)


def test_what_an_input_cannot_be_is_said() -> None:
    for given in ({"shape": -1}, {"shape": (3,), "dtype": "text"}, {"shape": (1.5,)}, {"shape": (3,), "batch_size": 0}, {"shape": "abc"}):
        with pytest.raises(SymkerasError):
            Input(**given)


def small() -> Any:
    return Sequential([Input((3,)), layers.Dense(2)])


CALLS: dict[str, tuple[Any, ...]] = {
    "models": (
        lambda: Sequential(3), lambda: Sequential("a"), lambda: Sequential([3]), lambda: Sequential(name=3), lambda: Sequential().add(3),
        lambda: Model(3, 4), lambda: Model(Input((3,)), 3), lambda: Model((x := Input((3,))), x, trainable="a"), lambda: Sequential(trainable="a"),
    ),
    "layers of a model": (lambda: small().get_layer(index="a"), lambda: small().get_layer(3), lambda: small().get_layer(index=7)),
    "summary": (
        lambda: small().summary(line_length="a"), lambda: small().summary(positions=3), lambda: small().summary(layer_range=3),
        lambda: small().summary(print_fn=3), lambda: small().summary(expand_nested="a"),
        lambda: small().summary(costs=0),
    ),
    "weights": (lambda: small().set_weights(3), lambda: small().set_weights([1]), lambda: small().set_weights(["a", "b"])),
    "copies": (
        lambda: models.clone_model(3), lambda: models.clone_model(small(), clone_function=3), lambda: models.clone_model(small(), recursive="a"),
    ),
    "export": (lambda: small().export(3), lambda: small().export("a.c", format=3)),
    "utilities": (
        lambda: utils.to_categorical("a"), lambda: utils.to_categorical([0.5]), lambda: utils.to_categorical([1], 0), lambda: utils.normalize("a"),
        lambda: utils.to_categorical([3], "a"), lambda: utils.Progbar("a"), lambda: utils.Progbar(3, width=0), lambda: utils.set_random_seed("a"),
    ),
}  # fmt: skip


UNFIT = (3, -1.5, "a", object(), [object()], {"a": 1}, b"x", np.nan)
METHODS: dict[str, tuple[Any, ...]] = {
    "add_loss": ("a", object(), {"a": 1}, b"x", ["a"], None, [None]),
    "add_weight.initializer": (3, "a", object(), {"a": 1}, {"class_name": 3}), "add_weight.regularizer": (3, "a", object(), {"a": 1}),
    "add_weight.constraint": (3, "a", object(), {"a": 1}), "add_weight.trainable": ("a", 2, None), "add_weight.autocast": ("a", object()),
    "add_weight.name": (3, object(), [3]), "add_weight.aggregation": (3, "all", object()), "add_weight.dtype": (3, "a", object()),
    "add_weight.shape": ("a", 1.5, (None,), object(), {"a": 1}), "from_config": UNFIT, "build_from_config": (3, -1.5, object(), b"x", np.nan),
    "load_own_variables": (3, "a", object(), [3], {"a": 1}), "save_own_variables": (3, "a", object(), [3]), "set_weights": UNFIT,
}  # fmt: skip
OF_LAYERS = {"build": (3, -1.5, "a", object(), b"x", np.nan), "compute_output_shape": (3, -1.5, "a", object(), b"x", np.nan)}
OF_MODELS = {"compile_from_config": UNFIT, "load_weights": UNFIT, "save_weights": (3, object()), "save": (3, object()), "get_layer": (3, "a", None)}


def _dense() -> Any:
    return layers.Dense(2)


@pytest.mark.parametrize("make", [small, _dense, lambda: layers.LSTM(2), lambda: layers.Bidirectional(layers.LSTM(2)), lambda: layers.Lambda(abs)])
def test_methods_of_layers_and_models_refuse_what_they_cannot_use(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    of_kind = OF_MODELS if isinstance(make(), Sequential) else OF_LAYERS
    faults = []
    for place, wrong in {**METHODS, **of_kind}.items():
        name, _, argument = place.partition(".")
        for value in wrong:
            one = make()
            try:
                getattr(one, name)(**{argument: value}) if argument else getattr(one, name)(value)
                faults.append(f"{type(one).__name__}.{place} takes {value!r}")
            except SymkerasError:
                pass
            except Exception as error:
                faults.append(f"{type(one).__name__}.{place} of {value!r}: {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults)


INDICES = (0.5, "a", object(), np.float32(1), np.nan, (0, 0.5), [0.5], [1, "a"], np.array([0.5]), 1j, {1: 2}, b"a", True, (0,) * 5, (..., ...),
           slice(0.5, 2), slice("a", None), slice(0, 3, 0.5), slice(None, None, 0), ops.placeholder("f32[]"), ops.placeholder("f32[2]"),
           slice(ops.placeholder("i32[]"), None), slice(object(), None))  # fmt: skip


@pytest.mark.parametrize("sizes", ["5, 4", "n, m"])
@pytest.mark.parametrize("k", range(len(INDICES)))
def test_an_index_that_is_none_is_refused(k: int, sizes: str) -> None:
    with pytest.raises(SymkerasError, match=r"[a-z]{3}"):
        ops.placeholder(f"f32[{sizes}]")[INDICES[k]]


@pytest.mark.parametrize("kind", CALLS)
def test_public_calls_refuse_what_they_cannot_use(kind: str) -> None:
    for call in CALLS[kind]:
        with pytest.raises(SymkerasError):
            call()


@pytest.mark.parametrize("make", [
    lambda: layers.RepeatVector(2.5), lambda: layers.Embedding("3", 2), lambda: layers.LayerNormalization(axis={"a": 1}),
    lambda: layers.UpSampling1D(None), lambda: layers.RepeatVector.from_config({"n": 2.5}),
])  # fmt: skip
def test_an_argument_of_another_type_is_a_type_error_as_well(make: Any) -> None:
    with pytest.raises(ConfigError, match=r"must be an? ") as refused:
        make()
    assert isinstance(refused.value, TypeError) and isinstance(refused.value, ValueError)


def test_an_argument_out_of_bounds_is_no_type_error() -> None:
    with pytest.raises(ConfigError, match="Dense: units must be a positive integer, received 0") as refused:
        layers.Dense(0)
    assert not isinstance(refused.value, TypeError)
