"""The devices of ONNX Runtime: what it calls execution providers."""

from __future__ import annotations

from typing import Any

import onnxruntime

from symkeras.errors import BackendError, nearest

_REMOTE = ("AzureExecutionProvider",)
"""Providers that are no device of this machine."""


def names() -> dict[str, str]:
    """The provider behind each kind of device: "cpu", "cuda", ..., the processor first."""
    found = {p.removesuffix("ExecutionProvider").lower(): p for p in onnxruntime.get_available_providers() if p not in _REMOTE}
    return {"cpu": found.pop("cpu", "CPUExecutionProvider"), **found}


def providers(device: str | None) -> list[Any]:
    """What a session is given for a device such as "cpu" or "cuda:1"; the processor when None, and for what a device lacks.

    Raises:
        BackendError: there is no such device.
    """
    kind, _, number = (device or "cpu").partition(":")
    known = names()
    if kind not in known or (number and not number.isdigit()) or (kind == "cpu" and number not in ("", "0")):
        raise BackendError(f"onnxruntime has no device {device!r}; it has {', '.join(known)}.{nearest(kind, known)}")
    processor = known["cpu"]
    return [processor] if kind == "cpu" else [(known[kind], {"device_id": int(number or 0)}), processor]
