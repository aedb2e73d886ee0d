"""Devices of engines: one way to name them, and what they do with denormals."""

from __future__ import annotations

import pytest

from symkeras.backend.engine.device import Device, device_name
from symkeras.errors import BackendError

KNOWN = {"jax": ["cpu:0", "gpu:0", "gpu:1"], "torch": ["cpu", "cuda:0", "cuda:1"], "tensorflow": ["CPU:0", "GPU:0", "GPU:1"]}


@pytest.mark.parametrize("engine", KNOWN)
def test_a_device_has_the_same_names_on_every_engine(engine: str) -> None:
    known = KNOWN[engine]
    for asked, place in (("cpu", 0), ("CPU:0", 0), ("gpu", 1), ("cuda", 1), ("GPU:1", 2), ("cuda:1", 2)):
        assert device_name(engine, asked, known) == known[place]
    assert device_name(engine, None, known) == known[1] and device_name(engine, None, known[:1]) == known[0]
    for asked in ("gpu:2", "tpu", "cpu:1", "gpu:x", ""):
        with pytest.raises(BackendError, match=f"{engine} has no device {asked!r}; it has {', '.join(known)}"):
            device_name(engine, asked, known)


def test_what_a_device_cannot_do_with_denormals_is_refused_where_it_is_asked_for_and_reported_where_it_is_the_setting() -> None:
    device = Device("cpu:0")
    device.denormals = ("flush",)
    assert device.way("flush", "keep", "jax") == device.way(None, "keep", "jax") == "flush"
    assert device.about_denormals("flush") == "denormals: flushed to zero"
    with pytest.raises(BackendError, match="jax on cpu:0 cannot keep denormals: denormals='keep' is not offered there, it takes 'flush'"):
        device.way("keep", "flush", "jax")
