"""Words that no value of a graph is named, in whatever language it is written out, so that it has one name in all of them."""

from __future__ import annotations

import keyword
import re

_C = """
alignas alignof asm auto bool break case char const constexpr continue default do double else enum extern false float for goto if inline int long
nullptr register restrict return short signed sizeof static static_assert struct switch thread_local true typedef typeof typeof_unqual union
unsigned void volatile while linux unix i386
"""
"""Those of C to C23, and what GNU C defines without an underscore."""

_C_LIBRARY = """
int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t size_t ptrdiff_t wchar_t memcpy memset memmove memcmp malloc
calloc free abort exp log tanh sin cos tan pow sqrt floor ceil rint trunc fabs erf gamma asin acos atan atan2 sinh cosh asinh acosh atanh fmod
ldexp index j0 j1 jn y0 y1 yn signal time clock read write remove errno math_errhandling assert offsetof
complex isnan isinf isfinite signbit isnormal fpclassify
isgreater isgreaterequal isless islessequal islessgreater isunordered stdin stdout stderr sched_priority sa_handler sa_sigaction
"""
"""Of C's library what the headers and the emitted text use, and its macros in small letters."""

_IN_C = """
main call begin end threads what member given count slices slice chunk chunks block stop rows b c e i j k r
"""
"""What emitted functions of C name themselves."""

_IN_PYTHON = """
np kernels arena variables constants nodes dims step outputs commit bind t range reversed float max inputs extents more file allow_pickle
"""
"""The same of Python, and what files of weights name."""

_FUNCTIONS = re.compile(r"(sk|symkeras|loop|copy|total|run|group)_\w*|(samples|rows)(_\w*)?")

PYTHON = frozenset((*keyword.kwlist, *_IN_PYTHON.split()))
C = frozenset((*_C.split(), *_C_LIBRARY.split(), *_IN_C.split()))
RESERVED = PYTHON | C


def of_a_value(suggested: str) -> str:
    """A name as a value may have it: none that emitted functions have.

    >>> of_a_value("dense_kernel"), of_a_value("sk_min"), of_a_value("loop_exp_given")
    ('dense_kernel', 'own_sk_min', 'own_loop_exp_given')
    """
    return f"own_{suggested}" if _FUNCTIONS.fullmatch(suggested) else suggested
