"""Builds the environment of the peers: `python benchmarks/peers.py [FOLDER]`.

It is apart from the one of symkeras, and so large that only benchmarks need it.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from contenders import peers_folder

PACKAGES = ("torch==2.13.0", "jax", "tensorflow-cpu", "keras", "pytensor", "onnx", "onnxruntime")


def build(folder: Path) -> None:
    """Make the environment, or bring it up to `PACKAGES`."""
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", *PACKAGES], check=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else peers_folder())
