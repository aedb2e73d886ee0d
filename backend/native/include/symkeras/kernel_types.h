/* What the large kernels are told, and their declarations for files that link to them.
 *
 * Products and convolutions take a compiler a second and more, so they are built as libraries, each for one type of numbers: with
 * SK_RUNTIME kernels are made for others, with SK_ONLY_F32 or SK_ONLY_F64 those of one type, with SK_LINKED_GEMM convolutions call the
 * products of another library. A file compiled with SK_LINKED calls kernels of libraries. Without any of these a file has its own
 * (exported C). */
#ifndef SYMKERAS_KERNEL_TYPES_H
#define SYMKERAS_KERNEL_TYPES_H

#include "symkeras/team.h"

#ifdef SK_ONLY_F64
#define SK_F32(...)
#else
#define SK_F32(...) __VA_ARGS__
#endif
#ifdef SK_ONLY_F32
#define SK_F64(...)
#else
#define SK_F64(...) __VA_ARGS__
#endif

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

/* Elements at the head of what is made of a convolution's w, for what is to be done (see convolution.h). */
enum { SK_CONV_JOB = 256 };

#if defined(SK_LINKED) || defined(SK_LINKED_GEMM)
#define SK_DECLARE_GEMM(T, S)                                                                                                    \
    void sk_gemm_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,          \
                     int accumulate, T *c, int64_t ldc, const sk_blas *blas);                                                    \
    void sk_matmul_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,        \
                       int accumulate, T *c, int64_t ldc, const sk_blas *blas, int threads);                                     \
    void sk_matmul_ready_##S(int tb, int64_t n, int64_t k, const T *b, int64_t ldb, T *laid, int threads);                       \
    void sk_matmul_kept_##S(int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,           \
                            const T *laid, T *c, int64_t ldc, const sk_blas *blas, int threads);
SK_DECLARE_GEMM(float, f32)
SK_DECLARE_GEMM(double, f64)
#endif

#ifdef SK_LINKED
#define SK_DECLARE_CONV(T, S)                                                                                                    \
    SK_DECLARE_CONV_BY_IMAGES(T, S, conv)                                                                                        \
    SK_DECLARE_CONV_BY_IMAGES(T, S, conv_input_grad)                                                                             \
    void sk_conv_filter_grad_##S(T *dw, const T *x, const T *dy, const sk_conv_shape *s, T *scratch, const sk_blas *blas,        \
                                 int threads);
#define SK_DECLARE_CONV_BY_IMAGES(T, S, NAME)                                                                                    \
    void sk_##NAME##_##S(T *y, const T *x, const T *w, const sk_conv_shape *s, T *laid, T *room, const sk_blas *blas, int threads); \
    void sk_##NAME##_ready_##S(const T *w, const sk_conv_shape *s, T *laid, int threads);                                        \
    void sk_##NAME##_kept_##S(T *y, const T *x, const T *w, const T *laid, T *room, const sk_blas *blas, int threads);           \
    void sk_##NAME##_images_##S(T *y, const T *x, const T *w, const T *laid, T *room, const sk_blas *blas, int member, int64_t begin, \
                                int64_t end);
SK_DECLARE_CONV(float, f32)
SK_DECLARE_CONV(double, f64)
#endif

#endif
