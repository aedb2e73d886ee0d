"""The public names of Keras, by module: `keras_names.txt`, a line for each module.

Where Keras is installed, `python -m tests.surface.names` writes the file anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

FILE = Path(__file__).with_name("keras_names.txt")


def recorded() -> dict[str, list[str]]:
    """Module path below `keras` ("" for itself) -> its names."""
    lines = [line.partition(":") for line in FILE.read_text().splitlines() if not line.startswith("#")]
    return {module.removeprefix("keras").removeprefix("."): names.split() for module, _, names in lines}


def public_names(module: ModuleType, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """The names of a module and of the modules within it, without those that begin with an underscore."""
    members = {name: value for name, value in sorted(vars(module).items()) if not name.startswith("_") and name != "src"}
    inner = {name: value for name, value in members.items() if isinstance(value, ModuleType)}
    yield path, [name for name in members if name not in inner]
    for name, value in inner.items():
        if value.__name__ == f"{module.__name__}.{name}":
            yield from public_names(value, f"{path}.{name}".removeprefix("."))


def main() -> None:
    import keras

    lines = [f"{'.'.join(filter(None, ('keras', path)))}: {' '.join(names)}" for path, names in public_names(keras)]
    FILE.write_text("\n".join([f"# Public names of Keras {keras.__version__}, by `python -m tests.surface.names`.", *lines]) + "\n")


if __name__ == "__main__":
    main()
