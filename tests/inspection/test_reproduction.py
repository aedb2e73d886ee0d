import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from symkeras import function, ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import BackendError, InspectionError
from tests.backends import missing
from tests.inspection.models import recurrent, training_step
from tests.inspection.workloads import WORKLOADS

BACKENDS = [pytest.param(b, marks=pytest.mark.skipif(bool(missing(b)), reason=f"needs {b}")) for b in ("numpy", "native")]


@pytest.fixture(scope="module")
def step():
    return training_step()[0]


def test_the_script_of_a_kernel_runs_by_itself(step, tmp_path):
    path = tmp_path / "kernel.py"
    path.write_text(step.inspect.script("first_matmul", batch=6))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "np.matmul(" in done.stdout
    assert "float32 (6, 16) 0 from the reference" in done.stdout


def test_scripts_of_the_kernels_of_a_layer_run(step, capsys):
    for kernel in step.inspect.kernels:
        if kernel.name.startswith("second"):
            exec(compile(step.inspect.script(kernel.number), "kernel.py", "exec"), {})
    assert " us" in capsys.readouterr().out


@pytest.mark.parametrize("on", BACKENDS)
@pytest.mark.parametrize("name", ["dense", "convnet", "attention"])
def test_the_script_of_a_kernel_gives_what_the_kernel_gives(name, on, capsys):
    model, *arrays = WORKLOADS[name]()
    c = compile_graph(model.executable("train").source_graph, on)
    values = c.inspect.values(*arrays)
    chosen = [k for k in c.inspect.kernels if k.step.kind in ("kernel", "fused") and all(v in values for v in k.values)]
    assert len(chosen) > 10
    for kernel in chosen[:: 1 if on == "numpy" else 30]:
        space = {}
        exec(compile(c.inspect.script(kernel.number, batch=len(arrays[0])), "kernel.py", "exec"), space)
        assert space["kernel"].backend == on
        given = [a if n.startswith("size_of_") else values[n] for n, a in zip(_inputs(space), space["inputs"], strict=True)]
        for value, output in zip(kernel.values, space["kernel"](*given), strict=True):
            np.testing.assert_allclose(output.astype(float), values[value].astype(float), rtol=1e-5, atol=1e-6)
    assert "from the reference" in capsys.readouterr().out


def _inputs(space):
    return [n.attrs["name"] for n in space["graph"].inputs]


def test_unknown_kernels_give_the_nearest(step):
    with pytest.raises(InspectionError, match="Did you mean 'first_matmul'"):
        step.inspect.script("first_matmu")
    with pytest.raises(InspectionError, match="numbers"):
        step.inspect.script(999)


def test_asm_needs_a_backend_that_makes_machine_code(step):
    with pytest.raises(BackendError, match="'native' does"):
        step.inspect.asm(0)


@pytest.mark.skipif(bool(missing("native")) or shutil.which("objdump") is None, reason="needs a C compiler and objdump")
def test_asm_is_that_of_the_functions_of_the_kernel(monkeypatch):
    big = np.zeros((64, 64), "float32")
    c = compile_graph(function(lambda x: ops.exp(x * 2.0) + 1.0).executable(big).source_graph, "native")
    assert "ret" in c.inspect.asm(0)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BackendError, match="binutils"):
        c.inspect.asm(0)


def test_hints_name_large_copies_and_what_could_be_recomputed():
    def f(x):
        return ops.concatenate([x, ops.transpose(x)], axis=1) * 1.5

    c = function(f).executable(np.zeros((256, 256), "float32"))
    found = c.inspect.hints()
    assert "large copy" in found.column("hint")
    assert all(r["why"] for r in found)
    assert "hint" in str(found)


def test_hints_name_loops_of_small_kernels():
    model, _, _ = recurrent()
    assert "small kernels in a loop" in model.executable("train").inspect.hints().column("hint")
