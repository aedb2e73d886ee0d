"""A count of changes in what layers own and train, so that what follows from it need not be worked out before every step."""

from __future__ import annotations

_epoch = 0


def ownership_epoch() -> int:
    """A number that is another one once any layer owns other things than before, or something was made trainable or not."""
    return _epoch


def note_change() -> None:
    """What some layer owns, or whether it is trained, is another thing from now on."""
    global _epoch
    _epoch += 1
