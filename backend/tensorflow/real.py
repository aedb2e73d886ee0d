"""The TensorFlow that is installed, also where `symkeras run` lets the name `tensorflow` mean symkeras; its chatter at import is kept back."""

from __future__ import annotations

import os
import warnings

from symkeras import keras_alias

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_before = os.environ.get(_LEVEL)
os.environ.setdefault(_LEVEL, "3")
try:
    with keras_alias.set_aside(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow as tf

        tf.config.list_physical_devices()  # logs what it finds
finally:
    if _before is None:
        os.environ.pop(_LEVEL, None)

__all__ = ["tf"]
