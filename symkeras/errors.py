"""Every error symkeras raises on purpose: one family, each also the built-in a Keras user would catch."""

from __future__ import annotations


class SymkerasError(Exception):
    """The root of the family; `except SymkerasError` catches all that symkeras raises on purpose."""


class ShapeError(SymkerasError, ValueError):
    """Shapes that do not fit: the message names what was expected, what came, and where."""


class NotBuiltError(ShapeError, AttributeError):
    """A property that a model has once its input shape is known."""


class DtypeError(SymkerasError, TypeError, ValueError):
    """A dtype that an operation or a layer cannot take."""


class SymbolicValueError(SymkerasError, TypeError, ValueError):
    """A symbolic tensor was used where a value is needed (`if x > 0:`, `float(x)`)."""


class GradientError(SymkerasError, ValueError):
    """A gradient was asked for that does not exist."""


class GraphError(SymkerasError, ValueError):
    """A graph that is not closed, not well typed, or a text that does not parse."""


class CompileError(SymkerasError, RuntimeError):
    """A pass or a rule failed; the message names it. A failing rewrite is never skipped."""


class InspectionError(SymkerasError, LookupError):
    """Nothing in a compiled function is called so."""


class BackendError(SymkerasError, ValueError):
    """An unknown backend, or one that cannot run a graph; raised before anything is compiled."""


class OutOfMemoryError(SymkerasError, MemoryError):
    """The device of an engine has less memory than a graph asks for; the message says what was asked, and what is held."""


class ConfigError(SymkerasError, ValueError):
    """A setting, name or argument that is not known; the message offers the nearest known one."""


class ReservedAttributeError(SymkerasError, AttributeError):
    """A name that a class keeps for an attribute of its own."""


class ReadOnlyError(SymkerasError, TypeError):
    """What was to be set follows from something else; the message says from what."""


class NotOfferedError(ConfigError, NotImplementedError):
    """What Keras has, or a class of its kind, and this one has not; the message says the reason."""


class NotSerializableError(SymkerasError, NotImplementedError):
    """An object whose settings cannot be written without its help; the message says what it has to define."""


class ArgumentTypeError(ConfigError, TypeError):
    """An argument that is no number, or no list, where one is expected: Keras raises ValueError for some, TypeError for others."""


class DataError(SymkerasError, ValueError):
    """Training data that cannot be used: rows that do not match, NaN targets, a generator that ends early."""


class DistributionError(SymkerasError, RuntimeError):
    """A process that computes together with this one is gone, or does something else than this one."""


def nearest(name: str, known: object) -> str:
    """` Did you mean 'x'?` for the known name closest to `name`, or an empty string."""
    import difflib

    matches = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)  # type: ignore[attr-defined]
    return f" Did you mean {matches[0]!r}?" if matches else ""
