"""Convolutions of PyTorch against the reference values, in the forms for which PyTorch has kernels of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from symkeras.backend.torch import convolution  # noqa: E402
from symkeras.ops.op import OPS  # noqa: E402

FORMS = {
    "one element, strides": ((4, 8, 8, 4), (1, 1, 4, 6), {"strides": (2, 2), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}),
    "one element, groups": ((2, 7, 6), (1, 3, 4), {"strides": (2,), "padding": ((0, 0),), "dilation": (1,), "groups": 2}),
    "one element, padded": ((3, 7, 7, 1), (1, 1, 1, 3), {"strides": (1, 2), "padding": ((0, 1), (0, 1)), "dilation": (1, 1), "groups": 1}),
    "one side": ((3, 6, 7, 2), (3, 3, 2, 3), {"strides": (2, 2), "padding": ((0, 1), (1, 0)), "dilation": (1, 1), "groups": 1}),
    "depthwise": ((2, 6, 6, 3), (3, 3, 1, 6), {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 3}),
    "of nothing": ((3, 0, 2), (1, 2, 3), {"strides": (2,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}),
    "of nothing along an axis": ((3, 0, 4, 2), (1, 3, 2, 3), {"strides": (1, 1), "padding": ((0, 0), (1, 1)), "dilation": (1, 1), "groups": 1}),
    "of padding": ((3, 0, 2), (1, 2, 3), {"strides": (1,), "padding": ((1, 1),), "dilation": (1,), "groups": 1}),
    "dilated": ((2, 9, 2), (3, 2, 3), {"strides": (1,), "padding": ((2, 0),), "dilation": (2,), "groups": 1}),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_convolutions_and_their_gradients_are_the_reference_every_time(form: str, dtype: str) -> None:
    x_shape, w_shape, attrs = FORMS[form]
    for seed in range(20):  # one kernel of oneDNN errs at some places in memory only
        rng = np.random.default_rng(seed)
        x, w = rng.standard_normal(x_shape).astype(dtype), rng.standard_normal(w_shape).astype(dtype)
        dy = rng.standard_normal(OPS["conv"].value(x, w, **attrs).shape).astype(dtype)  # type: ignore[attr-defined]
        calls: list[tuple[str, tuple[Any, Any], dict[str, Any]]] = [
            ("conv", (x, w), {}), ("conv_input_grad", (dy, w), {"spatial": x_shape[1:-1]}), ("conv_filter_grad", (x, dy), {"kernel": w_shape[:-2]}),
        ]  # fmt: skip
        for name, arrays, more in calls:
            found = getattr(convolution, name)(*map(torch.tensor, arrays), **more, **attrs).numpy()
            expected = OPS[name].value(*arrays, **more, **attrs)  # type: ignore[attr-defined]
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4, err_msg=f"{name}, seed {seed}")


def test_a_convolution_of_channels_last_tensors_copies_nothing() -> None:
    x = torch.zeros(2, 6, 6, 4)
    assert convolution.channels_first(x).is_contiguous(memory_format=torch.channels_last)
    assert convolution.channels_last(convolution.channels_first(x)).is_contiguous()
