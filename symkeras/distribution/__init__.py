"""Training over many devices and many processes, with Keras' names. Each is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.distribution that defines it
NAMES: dict[str, str] = {
    "DeviceMesh": "layouts", "TensorLayout": "layouts", "LayoutMap": "layouts",
    "Distribution": "strategies", "DataParallel": "strategies", "ModelParallel": "strategies",
    "distribution": "scope", "set_distribution": "scope",
    "initialize": "devices", "list_devices": "devices", "get_device_count": "devices", "distribute_tensor": "devices",
    "save_checkpoint": "checkpoints", "load_checkpoint": "checkpoints",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.distribution.{NAMES[name]}"), name)
    raise missing("symkeras.distribution", name)


def __dir__() -> list[str]:
    return sorted(NAMES)
