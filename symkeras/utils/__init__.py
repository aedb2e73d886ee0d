"""Keras' utilities. Each name lives in its own module and is imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras that defines it
NAMES: dict[str, str] = {
    "CustomObjectScope": "saving.serialization", "custom_object_scope": "saving.serialization",
    "deserialize_keras_object": "saving.serialization", "get_custom_objects": "saving.serialization",
    "get_registered_name": "saving.serialization", "get_registered_object": "saving.serialization",
    "register_keras_serializable": "saving.serialization", "serialize_keras_object": "saving.serialization",
    "auto_name": "utils.naming", "get_uid": "utils.naming", "reset_uids": "utils.naming", "to_snake_case": "utils.naming",
    "clear_session": "backend.theano_style.keras_backend",
    "set_random_seed": "utils.random_seed", "Progbar": "utils.progbar", "to_categorical": "utils.numerical", "normalize": "utils.numerical",
    "pad_sequences": "utils.sequence",
    "plot_model": "models.plotting", "pack_x_y_sample_weight": "models.own_steps", "unpack_x_y_sample_weight": "models.own_steps",
    "get_file": "utils.file_cache",
    **dict.fromkeys(("array_to_img", "img_to_array", "load_img", "save_img"), "utils.images"),
    "image_dataset_from_directory": "utils.image_directory", "text_dataset_from_directory": "utils.text_directory",
    "audio_dataset_from_directory": "utils.audio_directory", "Config": "utils.settings",
    "is_keras_tensor": "layers.sources", "get_source_inputs": "layers.sources", "standardize_dtype": "graph.dtypes",
    **dict.fromkeys(("enable_interactive_logging", "disable_interactive_logging", "is_interactive_logging_enabled"), "config"),
    "model_to_dot": "models.dot",
    "timeseries_dataset_from_array": "utils.windows", "split_dataset": "utils.splitting",
    "FeatureSpace": "utils.feature_space",
    "PyDataset": "utils.dataset", "Sequence": "utils.dataset",
}  # fmt: skip
MODULES = ("bounding_boxes", "legacy")
_RENAMED = {"standardize_dtype": "standardize"}


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return importlib.import_module(f"symkeras.utils.{name}")
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.{NAMES[name]}"), _RENAMED.get(name, name))
    raise missing("symkeras.utils", name)


def __dir__() -> list[str]:
    return sorted([*NAMES, *MODULES])
