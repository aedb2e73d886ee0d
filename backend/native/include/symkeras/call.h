/* What a compiled function is given. */
#ifndef SYMKERAS_CALL_H
#define SYMKERAS_CALL_H

#include "symkeras/base.h"

/* What an arena holds of what an earlier call made of the variables as they are now: what does not depend on sizes; all. */
enum { SK_KEPT_VALUES = 1, SK_KEPT_ALL = 2 };

typedef struct {
    char *arena;                  /* planned memory */
    const int64_t *at;            /* where each buffer lies, in bytes from the arena: in it, or elsewhere */
    void *const *variables;
    const void *const *constants; /* tables too large for the text */
    void *const *outputs;
    const int64_t *sizes;         /* the symbolic sizes */
    const void *blas;             /* the sk_blas of symkeras/gemm.h */
    int64_t threads;
    int64_t kept;                 /* SK_KEPT_..., else 0 */
    sk_fault fault;
} sk_call;

/* Where the rows of one input come from: rows of `bytes`, `stride` bytes apart, gathered into `to`. Where nothing is written there, rows
   in their own order and one after the other are read where they lie: `at` is then the input's place in call->at, else NULL. */
typedef struct {
    void *to;
    const void *from;
    int64_t bytes, stride;
    int64_t *at;
} sk_feed;

SK_UNUSED static inline int64_t sk_distance(const void *from, const void *to) { return (int64_t)((intptr_t)to - (intptr_t)from); }

/* `steps` calls in a row, each on the next `batch` rows from `begin` on, in the given order (as they lie where `order` is
   NULL). Ends at the first that fails. */
SK_UNUSED static int sk_run_rows(int (*run)(sk_call *), sk_call *call, const sk_feed *feeds, int64_t inputs, const int64_t *order,
                                 int64_t begin, int64_t batch, int64_t steps) {
    int failed = 0;
    for (int64_t s = 0; s < steps && !failed; s++, begin += batch) {
        for (int64_t k = 0; k < inputs; k++) {
            const sk_feed f = feeds[k];
            const char *rows = (const char *)f.from + begin * f.stride;
            if (order != NULL)
                for (int64_t r = 0; r < batch; r++)
                    memcpy((char *)f.to + r * f.bytes, (const char *)f.from + order[begin + r] * f.stride, (size_t)f.bytes);
            else if (f.stride != f.bytes)
                for (int64_t r = 0; r < batch; r++) memcpy((char *)f.to + r * f.bytes, rows + r * f.stride, (size_t)f.bytes);
            else if (f.at != NULL)
                *f.at = sk_distance(call->arena, rows);
            else
                memcpy(f.to, rows, (size_t)(batch * f.bytes));
        }
        failed = run(call);
        if (!failed) call->kept = SK_KEPT_ALL;
    }
    for (int64_t k = 0; k < inputs; k++)
        if (feeds[k].at != NULL) *feeds[k].at = sk_distance(call->arena, feeds[k].to);
    return failed;
}

/* Ends a call with a fault of kernel number `step`. */
SK_UNUSED static inline int sk_fail(sk_call *call, int64_t step) {
    call->fault.step = step;
    return 1;
}

/* Ends a call because its sizes leave an op without meaning, the `op`-th that may be left so. */
SK_UNUSED static inline int sk_refuse(sk_call *call, int64_t op) {
    call->fault.code = 2;
    call->fault.index = op;
    return 1;
}

#endif
