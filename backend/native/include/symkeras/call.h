/* What a compiled function is given. */
#ifndef SYMKERAS_CALL_H
#define SYMKERAS_CALL_H

#include "symkeras/base.h"

typedef struct {
    char *arena;                  /* planned memory */
    const int64_t *at;            /* where each buffer lies in the arena, in bytes */
    void *const *variables;
    const void *const *constants; /* tables too large for the text */
    void *const *outputs;
    const int64_t *sizes;         /* the symbolic sizes */
    const void *blas;             /* the sk_blas of symkeras/gemm.h */
    int64_t threads;
    sk_fault fault;
} sk_call;

/* Ends a call with a fault of kernel number `step`. */
SK_UNUSED static inline int sk_fail(sk_call *call, int64_t step) {
    call->fault.step = step;
    return 1;
}

#endif
