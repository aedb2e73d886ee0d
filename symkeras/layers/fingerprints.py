"""Hashes of texts, many at once: FarmHash's 64-bit fingerprint, SipHash-2-4, and how a fingerprint takes in another one.

Texts come in as their bytes. Those of one length are computed together, as columns of 64-bit words; sums and products are modulo 2**64.

Sources: Pike and Alakuijala's FarmHash (its `Fingerprint64`); Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_U = np.uint64
_K0, _K1, _K2 = _U(0xC3A5C85C97CB3127), _U(0xB492B66FBE98F273), _U(0x9AE16A3B2F90404F)
_CAT = _U(0xC6A4A7935BD1E995)


def farm_hashes(texts: Sequence[bytes]) -> np.ndarray:
    """The FarmHash fingerprint of each text.

    >>> farm_hashes([b"", b"abc"]).tolist()
    [11160318154034397263, 2640714258260161385]
    """
    return _by_length(texts, _farm)


def sip_hashes(texts: Sequence[bytes], key: tuple[int, int]) -> np.ndarray:
    """SipHash-2-4 of each text under a key of two 64-bit numbers.

    >>> sip_hashes([bytes(range(15))], (0x0706050403020100, 0x0F0E0D0C0B0A0908)).tolist() == [0xA129CA6149BE45E5]
    True
    """
    return _by_length(texts, lambda rows: _sip(rows, key))


def concatenated(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The fingerprint of two things one after the other, from the fingerprint of each."""
    mixed = (first ^ _CAT) ^ (_shift_mix(second * _CAT) * _CAT)
    return _shift_mix(_shift_mix(mixed * _CAT) * _CAT)


def hashes_of(values: np.ndarray, key: Sequence[int] | None = None) -> np.ndarray:
    """The hash of each of an array of texts (`str` dtype or objects) or integers, which count as their digits; SipHash where there is a key.

    >>> hashes_of(np.array(["abc", ""])).tolist() == farm_hashes([b"abc", b""]).tolist()
    True
    """
    fn = _farm if key is None else lambda rows: _sip(rows, (key[0], key[1]))
    flat = values.ravel()
    if flat.dtype.kind == "U" and flat.size and flat.dtype.itemsize:
        codes = flat.view(np.uint32).reshape(flat.size, -1)
        if codes.max() < 128:
            octets = codes.astype(np.uint8)
            return _each_length(np.strings.str_len(flat), lambda places, size: octets[places, :size], fn).reshape(values.shape)
    distinct, places = once_each(flat)
    return _by_length([str(v).encode("utf-8", "surrogatepass") for v in distinct], fn)[places].reshape(values.shape)


def once_each(flat: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """The distinct values of an array of one axis, and the place of each element among them."""
    if flat.dtype.kind not in "OU":
        distinct, places = np.unique(flat, return_inverse=True)
        return distinct.tolist(), places.reshape(-1)
    texts = flat.tolist()
    found = {t: k for k, t in enumerate(dict.fromkeys(texts))}
    return list(found), np.fromiter(map(found.__getitem__, texts), np.int64, flat.size)


def _by_length(texts: Sequence[bytes], fn: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`fn` of a matrix of bytes for each length, the results in the order of the texts."""

    def rows(places: np.ndarray, size: int) -> np.ndarray:
        return np.frombuffer(b"".join([texts[k] for k in places.tolist()]), np.uint8).reshape(len(places), size)

    return _each_length(np.fromiter(map(len, texts), np.int64, len(texts)), rows, fn)


def _each_length(lengths: np.ndarray, rows: Callable[[np.ndarray, int], np.ndarray], fn: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`fn` of the rows of each length, in their places."""
    found = np.empty(len(lengths), np.uint64)
    narrow = lengths.astype(np.uint16) if lengths.max(initial=0) < 2**16 else lengths  # sorted by their digits, not by comparing
    order = np.argsort(narrow, kind="stable")
    ordered = narrow[order]
    starts = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist()] if len(lengths) else []
    for start, stop in zip(starts, [*starts[1:], len(lengths)], strict=bool(starts)):
        size = int(ordered[start])
        with np.errstate(over="ignore"):
            found[order[start:stop]] = fn(rows(order[start:stop], size))
    return found


def _word(rows: np.ndarray, at: int, size: int = 8) -> np.ndarray:
    """The little-endian number of `size` bytes that begins at a place of each row."""
    return np.ascontiguousarray(rows[:, at : at + size]).view(f"<u{size}")[:, 0].astype(np.uint64)


def _rotated(x: np.ndarray, right: int) -> np.ndarray:
    return (x >> _U(right)) | (x << _U(64 - right))


def _shift_mix(x: np.ndarray) -> np.ndarray:
    return x ^ (x >> _U(47))


def _mixed(u: np.ndarray, v: np.ndarray, factor: np.ndarray | np.uint64) -> np.ndarray:
    """Two words mixed into one."""
    a = _shift_mix((u ^ v) * factor)
    return _shift_mix((v ^ a) * factor) * factor


# ---- FarmHash ------------------------------------------------------------------------------------------------------


def _farm(rows: np.ndarray) -> np.ndarray:
    size = rows.shape[1]
    return _farm_to_16(rows) if size <= 16 else _farm_to_32(rows) if size <= 32 else _farm_to_64(rows) if size <= 64 else _farm_long(rows)


def _factor(size: int) -> np.uint64:
    return _U((int(_K2) + 2 * size) % 2**64)


def _farm_to_16(rows: np.ndarray) -> np.ndarray:
    count, size = rows.shape
    if size >= 8:
        factor = _factor(size)
        a, b = _word(rows, 0) + _K2, _word(rows, size - 8)
        return _mixed(_rotated(b, 37) * factor + a, (_rotated(a, 25) + b) * factor, factor)
    if size >= 4:
        return _mixed(_U(size) + (_word(rows, 0, 4) << _U(3)), _word(rows, size - 4, 4), _factor(size))
    if size == 0:
        return np.full(count, _K2)
    first, middle, last = (rows[:, k].astype(np.uint64) for k in (0, size >> 1, size - 1))
    return _shift_mix(((first + (middle << _U(8))) * _K2) ^ ((_U(size) + (last << _U(2))) * _K0)) * _K2


def _ends(rows: np.ndarray, scale: np.uint64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What texts of 17 to 64 bytes have in common: two words of their first and last sixteen bytes, and the first word scaled."""
    size = rows.shape[1]
    factor = _factor(size)
    a, b, c, d = _word(rows, 0) * scale, _word(rows, 8), _word(rows, size - 8) * factor, _word(rows, size - 16) * _K2
    return _rotated(a + b, 43) + _rotated(c, 30) + d, a + _rotated(b + _K2, 18) + c, a


def _farm_to_32(rows: np.ndarray) -> np.ndarray:
    u, v, _ = _ends(rows, _K1)
    return _mixed(u, v, _factor(rows.shape[1]))


def _farm_to_64(rows: np.ndarray) -> np.ndarray:
    size = rows.shape[1]
    factor = _factor(size)
    y, v, a = _ends(rows, _K2)
    z = _mixed(y, v, factor)
    e, f = _word(rows, 16) * factor, _word(rows, 24)
    g, h = (y + _word(rows, size - 32)) * factor, (z + _word(rows, size - 24)) * factor
    return _mixed(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, factor)


Pair = tuple[np.ndarray, np.ndarray]


def _weak(rows: np.ndarray, at: int, a: np.ndarray, b: np.ndarray) -> Pair:
    """Two words that take in 32 bytes."""
    w, x, y, z = (_word(rows, at + 8 * k) for k in range(4))
    a = a + w
    b = _rotated(b + a + z, 21)
    total = a + x + y
    return total + z, b + _rotated(total, 44) + a


def _farm_round(rows: np.ndarray, at: int, state: tuple[np.ndarray, np.ndarray, np.ndarray, Pair, Pair], factor: np.ndarray | np.uint64,
                scale: np.uint64) -> tuple[np.ndarray, np.ndarray, np.ndarray, Pair, Pair]:  # fmt: skip
    """The state after 64 more bytes."""
    x, y, z, v, w = state
    x = (_rotated(x + y + v[0] + _word(rows, at + 8), 37) * factor) ^ (w[1] * scale)
    y = _rotated(y + v[1] + _word(rows, at + 48), 42) * factor + v[0] * scale + _word(rows, at + 40)
    z = _rotated(z + w[0], 33) * factor
    v = _weak(rows, at, v[1] * factor, x + w[0])
    w = _weak(rows, at + 32, z + w[1], y + _word(rows, at + 16))
    return z, y, x, v, w


def _farm_long(rows: np.ndarray) -> np.ndarray:
    count, size = rows.shape
    seed, none = np.full(count, _U(81)), np.zeros(count, np.uint64)
    y = seed * _K1 + _U(113)
    state = (seed * _K2 + _word(rows, 0), y, _shift_mix(y * _K2 + _U(113)) * _K2, (none, none), (none, none))
    for at in range(0, (size - 1) // 64 * 64, 64):
        state = _farm_round(rows, at, state, _K1, _U(1))
    x, y, z, v, w = state
    factor = _K1 + ((z & _U(0xFF)) << _U(1))
    w = (w[0] + _U((size - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _farm_round(rows, size - 64, (x, y, z, v, w), factor, _U(9))
    return _mixed(_mixed(v[0], w[0], factor) + _shift_mix(y) * _K0 + z, _mixed(v[1], w[1], factor) + x, factor)


# ---- SipHash -------------------------------------------------------------------------------------------------------


def _sip(rows: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    count, size = rows.shape
    k0, k1 = (_U(k % 2**64) for k in key)
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state: list[np.ndarray] = [np.full(count, _U(c) ^ k) for c, k in zip(constants, (k0, k1, k0, k1), strict=True)]
    padded = np.zeros((count, size // 8 * 8 + 8), np.uint8)
    padded[:, :size] = rows
    padded[:, -1] = size % 256
    for at in range(0, padded.shape[1], 8):
        word = _word(padded, at)
        state[3] = state[3] ^ word
        state = _sip_round(_sip_round(state))
        state[0] = state[0] ^ word
    state[2] = state[2] ^ _U(0xFF)
    for _ in range(4):
        state = _sip_round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_round(state: list[np.ndarray]) -> list[np.ndarray]:
    a, b, c, d = state
    a, c = a + b, c + d
    b, d = _rotated(b, 51) ^ a, _rotated(d, 48) ^ c
    a = _rotated(a, 32)
    c, a = c + b, a + d
    b, d = _rotated(b, 47) ^ c, _rotated(d, 43) ^ a
    return [a, b, _rotated(c, 32), d]
