"""VGG of 19 layers with weights."""

from __future__ import annotations

from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.standard import standard
from symkeras.applications.vgg import architecture

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

VGG19 = standard(architecture("VGG19", (2, 2, 4, 4, 4)), "vgg19")
preprocess_input = preprocessing("caffe")
