"""VGG of 16 layers with weights."""

from __future__ import annotations

from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.standard import standard
from symkeras.applications.vgg import architecture

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

VGG16 = standard(architecture("VGG16", (2, 2, 3, 3, 3)), "vgg16")
preprocess_input = preprocessing("caffe")
