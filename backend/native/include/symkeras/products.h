/* Matrix products of element types that BLAS has not: integers and booleans. */
#ifndef SYMKERAS_PRODUCTS_H
#define SYMKERAS_PRODUCTS_H

#include "symkeras/base.h"

/* C (M, N) = op(A) op(B), with any strides; JOIN(sum, a, b) adds a product to a sum. */
#define SK_DEFINE_PRODUCT(T, S, JOIN)                                                                                  \
    SK_UNUSED static void sk_product_##S(int64_t m, int64_t n, int64_t k, const T *a, int64_t ai, int64_t ap, const T *b, \
                                         int64_t bp, int64_t bj, T *c) {                                               \
        for (int64_t i = 0; i < m; i++)                                                                                \
            for (int64_t j = 0; j < n; j++) {                                                                          \
                T sum = 0;                                                                                             \
                for (int64_t p = 0; p < k; p++) sum = (T)JOIN(sum, a[i * ai + p * ap], b[p * bp + j * bj]);            \
                c[i * n + j] = sum;                                                                                    \
            }                                                                                                          \
    }

#define SK_ADD_PRODUCT(sum, a, b) ((sum) + (a) * (b))
#define SK_OR_PRODUCT(sum, a, b) ((sum) | ((a) & (b)))

#endif
