/* The clock that timed builds read around every kernel. */
#ifndef SYMKERAS_CLOCK_H
#define SYMKERAS_CLOCK_H

#include <time.h>

#include "symkeras/base.h"

/* Nanoseconds since some moment. */
SK_UNUSED static inline int64_t sk_clock(void) {
    struct timespec t;
#if defined(_WIN32)
    timespec_get(&t, TIME_UTC);
#else
    clock_gettime(CLOCK_MONOTONIC, &t);
#endif
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
