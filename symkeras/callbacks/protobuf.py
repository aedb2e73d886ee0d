"""The wire format of Protocol Buffers, as far as writing needs it: a message is the bytes of its fields, one after the other."""

from __future__ import annotations

import struct


def varint(value: int) -> bytes:
    """An integer of 64 bits, seven at a time, the lowest first; negative ones in two's complement.

    >>> varint(300), len(varint(-1))
    (b'\\xac\\x02', 10)
    """
    value &= (1 << 64) - 1
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def integer(number: int, value: int) -> bytes:
    """A field of type int32, int64, bool or enum."""
    return varint(number << 3) + varint(value)


def double(number: int, value: float) -> bytes:
    """A field of type double."""
    return varint(number << 3 | 1) + struct.pack("<d", value)


def block(number: int, value: bytes | str) -> bytes:
    """A field that is a string, bytes or another message."""
    value = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value
