"""What Keras 1 and 2 meant by names and arguments that Keras 3 dropped or gave another meaning: one table.

Configs say nothing of it; the version that wrote the file does. Only classes of Keras are changed, users' own are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from symkeras.errors import ConfigError
from symkeras.saving.registration import custom_object, is_public

Version = tuple[int, ...]
Rule = Callable[[dict[str, Any], str, str], None]
"""Changes a config in place, given the key and the class."""


class Change(NamedTuple):
    """One meaning that is another since some version.

    Attributes:
        classes: it concerns; all when empty.
        key: of their configs.
        rule: from the old meaning to the new one.
        since: the version from which on configs mean what they mean today.
    """

    classes: tuple[str, ...]
    key: str
    rule: Rule
    since: Version = (3,)


def dropped(*values: Any) -> Rule:
    """The argument is gone: it may have these values, under which it did nothing, or any when none is given."""

    def rule(config: dict[str, Any], key: str, kind: str) -> None:
        if key in config and values and config[key] not in values:
            raise ConfigError(f"{kind}: {key}={config[key]!r} of Keras 2 has no counterpart")
        config.pop(key, None)

    return rule


def missing(value: Any) -> Rule:
    """The default was another one: it is written where the argument is missing."""

    def rule(config: dict[str, Any], key: str, kind: str) -> None:
        config.setdefault(key, value)

    return rule


def renamed(new: str) -> Rule:
    """The argument has another name."""

    def rule(config: dict[str, Any], key: str, kind: str) -> None:
        if key in config:
            config[new] = config.pop(key)

    return rule


def replaced(**values: Any) -> Rule:
    """A value has another meaning; one that a custom object has the name of stays."""

    def rule(config: dict[str, Any], key: str, kind: str) -> None:
        value = config.get(key)
        is_function = isinstance(value, Mapping) and value.get("class_name") == "function"
        name = value["config"] if is_function else value  # type: ignore[index]
        if isinstance(name, str) and name in values and custom_object(name) is None:
            config[key] = values[name]

    return rule


_GATED = ("LSTM", "LSTMCell", "GRU", "GRUCell")
_RECURRENT = ("RNN", "SimpleRNN", "LSTM", "GRU")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "Deconvolution2D", "Deconvolution3D")
_BY_CHANNEL = ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "SeparableConvolution2D")
_DROPOUTS = ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout")
_INITIALIZERS = ("Zeros", "Ones", "Constant", "RandomUniform", "RandomNormal", "TruncatedNormal", "VarianceScaling", "Orthogonal", "Identity",
                 "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal")  # fmt: skip
_NORM = ("BatchNormalization",)
_HARD = replaced(hard_sigmoid="hard_sigmoid_keras_2")  # 0.2 x + 0.5; today x / 6 + 0.5

CHANGES: tuple[Change, ...] = (
    # gates
    Change(_GATED, "inner_activation", renamed("recurrent_activation")),
    Change(_GATED, "recurrent_activation", missing("hard_sigmoid"), since=(2, 3)),
    Change((), "recurrent_activation", _HARD),
    Change((), "activation", _HARD),
    Change(("GRU", "GRUCell"), "reset_after", missing(False)),
    # recurrent layers
    Change((), "implementation", dropped()),
    Change((), "consume_less", dropped()),
    Change(_RECURRENT, "time_major", dropped(False, None)),
    Change(_RECURRENT, "zero_output_for_mask", dropped(False, None)),
    # convolutions, dropout, normalisation
    Change((*_TRANSPOSED, *_BY_CHANNEL), "groups", dropped(1, None)),
    Change(_DROPOUTS, "noise_shape", dropped(None)),
    Change(_NORM, "fused", dropped()),
    Change(_NORM, "renorm", dropped(False, None)),
    Change(_NORM, "renorm_clipping", dropped()),
    Change(_NORM, "renorm_momentum", dropped()),
    Change(_NORM, "virtual_batch_size", dropped(None)),
    Change(_NORM, "adjustment", dropped(None)),
    # attention
    Change(("MultiHeadAttention",), "query_shape", dropped()),
    Change(("MultiHeadAttention",), "key_shape", dropped()),
    Change(("MultiHeadAttention",), "value_shape", dropped()),
    Change(("Attention", "AdditiveAttention"), "causal", dropped(False, None)),
    # others
    Change(("Lambda",), "function_type", dropped()),
    Change(("Lambda",), "module", dropped()),
    Change(("Lambda",), "output_shape_type", dropped()),
    Change(("Lambda",), "output_shape_module", dropped()),
    Change(("LeakyReLU",), "alpha", renamed("negative_slope")),
    Change(_INITIALIZERS, "dtype", dropped()),
    Change((), "init", dropped()),
    Change((), "input_dtype", dropped()),
    Change((), "experimental_autocast", dropped()),
    Change((), "experimental_run_tf_function", dropped()),
    Change((), "reduction", replaced(auto="sum_over_batch_size")),
)
"""In the order in which they are applied."""


def parse_version(text: Any) -> Version:
    """The numbers of a version; Keras 2 where a file has none, as the oldest do.

    >>> parse_version("2.4.0-tf"), parse_version(None)
    ((2, 4, 0), (2,))
    """
    text = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    found = re.match(r"\d{1,4}(\.\d{1,4}){0,3}", text) if isinstance(text, str) else None
    return tuple(map(int, found[0].split("."))) if found else (2,)


def with_present_meaning(kind: str, config: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """The config of a class of Keras that some version wrote, as Keras 3 would write it.

    Raises:
        ConfigError: it asks for what is no longer there.

    >>> with_present_meaning("LSTM", {"units": 2, "time_major": False}, (2, 2, 4))
    {'units': 2, 'recurrent_activation': 'hard_sigmoid_keras_2'}
    """
    out = dict(config)
    if is_public(kind):
        for change in CHANGES:
            if version < change.since and (not change.classes or kind in change.classes):
                change.rule(out, change.key, kind)
    return out
