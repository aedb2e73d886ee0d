"""What is not collected: the modules of engines, and of packages that their examples need, that are not installed."""

from importlib.util import find_spec

ENGINES = ("jax", "torch", "tensorflow", "pytensor", "onnx", "onnxruntime")
collect_ignore = [f"symkeras/backend/{name}" for name in ENGINES if find_spec(name) is None]
if find_spec("sklearn") is None:
    collect_ignore.append("symkeras/wrappers/estimators.py")
if find_spec("onnx") is None:
    collect_ignore.append("symkeras/models/onnx_files/reading.py")
if find_spec("PIL") is None:
    collect_ignore += ["symkeras/utils/images.py", "symkeras/utils/image_directory.py"]
