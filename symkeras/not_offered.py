"""Public names of Keras that symkeras does not have, each with the reason: what errors say, and what `docs/keras.md` lists.

`python -m symkeras.not_offered` prints the list.
"""

from __future__ import annotations

_ALL = ("*",)
REASONS: dict[str, dict[str, tuple[str, ...]]] = {
    "it runs a layer of another framework, which no compiler here can see into": {
        "layers": ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"),
    },
    "weights of 4 bits need kernels that take bytes apart within a product; `quantize('int8')` is there": {
        "quantizers": ("Int4QuantizationConfig",),
        "dtype_policies": ("Int4DTypePolicy",),
    },
    "it finds weights of few bits layer by layer, by a search over calibration data for each; `quantize('int8')` is there": {
        "quantizers": ("AWQConfig", "GPTQConfig"),
        "dtype_policies": ("AWQDTypePolicy", "GPTQDTypePolicy"),
    },
    "tensors hold real numbers; `fft` and its family take and give pairs of real and imaginary parts": {
        "ops": ("polar", "view_as_complex", "view_as_real"),
        "ops.nn": ("polar",),
    },
    "Orbax writes checkpoints of JAX alone; use `BackupAndRestore` or `ModelCheckpoint`": {"callbacks": ("OrbaxCheckpoint",)},
    "it writes a SavedModel of TensorFlow; `Model.export` writes C, a NumPy script or ONNX": {"export": _ALL},
}
"""Reason -> module below `keras` ("" for itself) -> names; "*" for a module as a whole."""
OLDER: dict[str, dict[str, tuple[str, ...]]] = {
    "a sequential model begins with one input: join the outputs of branches by `concatenate`, `add` or `dot`, and give `Model` their inputs": {
        "layers": ("Merge",), "legacy.layers": ("Merge",),
    },
    "it cut arrays: write `[x[start:stop] for x in arrays]`": {"engine.training": ("slice_X",)},
    "dense layers take sequences (B, T, I) themselves: write `Dense`": {"layers": ("TimeDistributedDense",)},
    "`Conv1D` and `Conv2D` have `dilation_rate`": {"layers": ("AtrousConvolution1D", "AtrousConvolution2D", "AtrousConv1D", "AtrousConv2D")},
}  # fmt: skip
"""The same for names that Keras 1 and 2 alone had."""


def reason(module: str, name: str = "") -> str | None:
    """Why a name of a module below `keras` is not offered; None where that is not decided.

    >>> reason("layers", "TorchModuleWrapper")
    'it runs a layer of another framework, which no compiler here can see into'
    """
    first = f"{module}.{name}".strip(".").partition(".")[0]
    for why, modules in (*REASONS.items(), *OLDER.items()):
        if name in modules.get(module, ()) or modules.get(first) == _ALL:
            return why
    return None


def mode_reason(mode: str) -> str | None:
    """Why a mode of `quantize` is not offered; None for one that is.

    >>> mode_reason("int8"), mode_reason("int4")[:17]
    (None, 'weights of 4 bits')
    """
    return reason("dtype_policies", {"int4": "Int4DTypePolicy", "gptq": "GPTQDTypePolicy", "awq": "AWQDTypePolicy"}.get(mode, mode))


def missing(package: str, name: str) -> AttributeError:
    """The error of a package of symkeras that is asked for a name it lacks, with the reason where there is one."""
    why = reason(package.partition(".")[2], name)
    shown = f"module {package!r} has no attribute {name!r}"
    return AttributeError(shown if why is None else f"{shown}: {why}", name=name)


def markdown() -> str:
    """The list, a line for each reason.

    >>> "`layers.JaxLayer`" in markdown()
    True
    """
    lines = []
    for why, modules in REASONS.items():
        names = [f"`{module}`" if given == _ALL else f"`{f'{module}.{name}'.strip('.')}`" for module, given in modules.items() for name in given]
        lines.append(f"- {', '.join(names)}: {why}.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
