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
    int64_t is_ready;             /* the arena holds what an earlier call made of these variables */
    sk_fault fault;
} sk_call;

/* Where the rows of one input come from: rows of `bytes`, gathered into `to`. */
typedef struct {
    void *to;
    const void *from;
    int64_t bytes;
} sk_feed;

/* `steps` calls in a row, each on the next `batch` rows from `begin` on, in the given order (as they lie where `order` is
   NULL). Ends at the first that fails. */
SK_UNUSED static int sk_run_rows(int (*run)(sk_call *), sk_call *call, const sk_feed *feeds, int64_t inputs, const int64_t *order,
                                 int64_t begin, int64_t batch, int64_t steps) {
    for (int64_t s = 0; s < steps; s++, begin += batch) {
        for (int64_t k = 0; k < inputs; k++) {
            const sk_feed f = feeds[k];
            if (order == NULL) {
                memcpy(f.to, (const char *)f.from + begin * f.bytes, (size_t)(batch * f.bytes));
                continue;
            }
            for (int64_t r = 0; r < batch; r++)
                memcpy((char *)f.to + r * f.bytes, (const char *)f.from + order[begin + r] * f.bytes, (size_t)f.bytes);
        }
        if (run(call)) return 1;
        call->is_ready = 1;
    }
    return 0;
}

/* Ends a call with a fault of kernel number `step`. */
SK_UNUSED static inline int sk_fail(sk_call *call, int64_t step) {
    call->fault.step = step;
    return 1;
}

#endif
