"""What Keras keeps of its second version: `legacy.saving`."""

from symkeras.legacy import saving

__all__ = ["saving"]
