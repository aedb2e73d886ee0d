"""What the conformance suite found to differ from Keras, as plain expectations."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import ops


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_trunc_leaves_whole_numbers_as_they_are(dtype: str) -> None:
    x = np.array([0, 1, 3], dtype)
    found = ops.trunc(x)
    assert found.dtype == dtype and found.tolist() == x.tolist()
    assert ops.trunc(np.float32([-1.5, 2.5])).tolist() == [-1.0, 2.0]
