"""Convolutions, embeddings, loops, attention, and rows that meet: on several devices and processes as on one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.distribution.kinds_of_models import BUILD, trained
from tests.distribution.processes import lines, run

SCRIPT = """
from tests.distribution.kinds_of_models import *
if COUNT > 1:
    join()
found = trained(os.environ["MODEL"], os.environ["ENGINE"], distribution.DataParallel(), 8)
with np.load("expected.npz") as expected:
    for k, name in enumerate(expected.files):
        np.testing.assert_allclose(found[k], expected[name], rtol=1e-4, atol=2e-5)
print(">good")
"""


@pytest.mark.parametrize(("engine", "count", "devices"), [("jax", 1, 4), ("torch", 2, 1)])
@pytest.mark.parametrize("name", BUILD)
def test_every_kind_of_model_trains_as_on_one_device(tmp_path: Path, name: str, engine: str, count: int, devices: int) -> None:
    pytest.importorskip(engine, reason=f"{engine} is not installed: pip install 'symkeras[{engine}]'")
    np.savez(tmp_path / "expected.npz", *trained(name, "numpy", None, 8))
    for done in run(SCRIPT, engine=engine, count=count, devices=devices, folder=tmp_path, MODEL=name):
        assert lines(done) == ["good"]
