"""Published architectures of image classifiers, with Keras' layer names and order of weights, so that its weight files load.

Weights are read from files that are there; nothing is downloaded.
"""

from __future__ import annotations

import importlib
from typing import Any

_SIZES = ("Tiny", "Small", "Base", "Large", "XLarge")
# name -> module of symkeras.applications that defines it
NAMES: dict[str, str] = {
    **{f"ConvNeXt{size}": "convnext" for size in _SIZES},
    **{f"DenseNet{depth}": "densenet" for depth in (121, 169, 201)},
    **{f"EfficientNetB{k}": "efficientnet" for k in range(8)},
    **{f"EfficientNetV2{size}": "efficientnet_v2" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    "InceptionResNetV2": "inception_resnet_v2", "InceptionV3": "inception_v3", "MobileNet": "mobilenet", "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Large": "mobilenet_v3", "MobileNetV3Small": "mobilenet_v3", "NASNetLarge": "nasnet", "NASNetMobile": "nasnet",
    **{f"ResNet{depth}": "resnet" for depth in (50, 101, 152)}, **{f"ResNet{depth}V2": "resnet_v2" for depth in (50, 101, 152)},
    "VGG16": "vgg16", "VGG19": "vgg19", "Xception": "xception",
}  # fmt: skip
MODULES = (*dict.fromkeys(NAMES.values()), "imagenet_utils", "resnet50")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.applications.{NAMES[name]}"), name)
    if name in MODULES:
        return importlib.import_module(f"symkeras.applications.{name}")
    raise AttributeError(f"module 'symkeras.applications' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*NAMES, *MODULES})
