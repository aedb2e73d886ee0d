"""`ResNet50` under the path it had in Keras 2."""

from __future__ import annotations

from symkeras.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
