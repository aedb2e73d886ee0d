"""What the conformance suite found to differ from Keras, as plain expectations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import GradientTape, ops
from symkeras.autodiff import watchable


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_trunc_leaves_whole_numbers_as_they_are(dtype: str) -> None:
    x = np.array([0, 1, 3], dtype)
    found = ops.trunc(x)
    assert found.dtype == dtype and found.tolist() == x.tolist()
    assert ops.trunc(np.float32([-1.5, 2.5])).tolist() == [-1.0, 2.0]


@pytest.mark.parametrize(
    "copied",
    [
        ops.array,
        ops.copy,
        lambda x: ops.array(x, "float32"),
        lambda x: ops.convert_to_tensor(x, "float32"),
        lambda x: ops.cast(x, "float32"),
        np.copy,
    ],
)
def test_a_copy_has_the_gradient_of_what_was_copied(copied: Any) -> None:
    x = watchable(np.float32([1.0, 2.0]))
    with GradientTape() as tape:
        tape.watch(x)
        y = copied(x) * np.float32(3.0)
    assert tape.gradient(y, x).tolist() == [3.0, 3.0]
