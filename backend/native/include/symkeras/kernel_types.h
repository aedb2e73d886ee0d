/* What the large kernels are told, and their declarations for files that link to them.
 *
 * Products and convolutions take a compiler a second each. A file compiled with SK_LINKED only declares them; with
 * SK_RUNTIME they are made for others; otherwise the file has its own (exported C). */
#ifndef SYMKERAS_KERNEL_TYPES_H
#define SYMKERAS_KERNEL_TYPES_H

#include "symkeras/team.h"

#ifdef SK_RUNTIME
#define SK_KERNEL
#else
#define SK_KERNEL SK_UNUSED static
#endif

/* Addresses of cblas_sgemm and cblas_dgemm, which should use one thread each; NULL where there is none; ilp64: their integers
 * have 64 bits. */
typedef struct {
    void *sgemm, *dgemm;
    int ilp64;
} sk_blas;

/* Sizes of a convolution; `before` is the padding in front. */
typedef struct {
    int64_t batch, in[3], out[3], kernel[3], stride[3], dilation[3], before[3], channels, outputs, groups;
} sk_conv_shape;

#ifdef SK_LINKED
#define SK_DECLARE_KERNELS(T, S)                                                                                                 \
    void sk_gemm_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,          \
                     int accumulate, T *c, int64_t ldc, const sk_blas *blas);                                                    \
    void sk_matmul_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,        \
                       int accumulate, T *c, int64_t ldc, const sk_blas *blas, int threads);                                     \
    void sk_conv_##S(T *y, const T *x, const T *w, const sk_conv_shape *s, T *scratch, const sk_blas *blas, int threads);        \
    void sk_conv_input_grad_##S(T *dx, const T *dy, const T *w, const sk_conv_shape *s, T *scratch, const sk_blas *blas,         \
                                int threads);                                                                                    \
    void sk_conv_filter_grad_##S(T *dw, const T *x, const T *dy, const sk_conv_shape *s, T *scratch, const sk_blas *blas,        \
                                 int threads);
SK_DECLARE_KERNELS(float, f32)
SK_DECLARE_KERNELS(double, f64)
#endif

#endif
