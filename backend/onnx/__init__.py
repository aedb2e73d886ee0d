"""ONNX: a graph as a model that other tools run.

`writer` holds an ONNX graph while it grows; the tables in `elementwise`, `movement`, `indexing`, `reductions`, `windows`, `control` and `composites`
say which ONNX operators an operation becomes; `export` writes the file. The package `onnx` is imported when something is written.
"""
