/* The widest vectors the build's instruction set has (64, 32 or 16 bytes), and the few steps plain C cannot spell.
 *
 * `sk_vf32` and `sk_vf64` take + - * / and comparisons as numbers do. Whole vectors move with sk_load and sk_store at any
 * address, the first n lanes of one with sk_load_part and sk_store_part, which touch no byte beyond those lanes. */
#ifndef SYMKERAS_VECTOR_H
#define SYMKERAS_VECTOR_H

#include "symkeras/base.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define SK_VECTOR_BYTES 64
#elif defined(__AVX__)
#define SK_VECTOR_BYTES 32
#else
#define SK_VECTOR_BYTES 16
#endif

/* Registers there are to keep a tile of sums in. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define SK_VECTOR_REGISTERS 32
#else
#define SK_VECTOR_REGISTERS 16
#endif

#define SK_LANES_F32 (SK_VECTOR_BYTES / 4)
#define SK_LANES_F64 (SK_VECTOR_BYTES / 8)

typedef float sk_vf32 __attribute__((vector_size(SK_VECTOR_BYTES)));
typedef double sk_vf64 __attribute__((vector_size(SK_VECTOR_BYTES)));

/* Keeps a compiler from loading a vector again at each of its uses. */
#if defined(__x86_64__)
#define SK_IN_REGISTER(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define SK_IN_REGISTER(v) __asm__("" : "+w"(v))
#else
#define SK_IN_REGISTER(v) (void)0
#endif

/* How kernels are marked: one copy of a large function, wherever it is called, and pieces that are parts of their callers. */
#if defined(__clang__)
#define SK_APART static __attribute__((noinline, unused))
#else
#define SK_APART static __attribute__((noinline, noclone, unused))
#endif
#define SK_INLINE static inline __attribute__((always_inline))

/* a * b + c, rounded once where the machine can, else twice (a call of fma() would cost a hundred times more). */
#if defined(__AVX512F__)
#define SK_FMA_F32(a, b, c) ((sk_vf32)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define SK_FMA_F64(a, b, c) ((sk_vf64)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#elif defined(__FMA__)
#define SK_FMA_F32(a, b, c) ((sk_vf32)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define SK_FMA_F64(a, b, c) ((sk_vf64)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#elif defined(__aarch64__)
#define SK_FMA_F32(a, b, c) ((sk_vf32)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define SK_FMA_F64(a, b, c) ((sk_vf64)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#else
#define SK_FMA_F32(a, b, c) ((a) * (b) + (c))
#define SK_FMA_F64(a, b, c) ((a) * (b) + (c))
#endif

/* The same for one number, rounded as often as in a vector. */
#if defined(__FMA__) || defined(__aarch64__)
#define SK_FMA1_F32(a, b, c) __builtin_fmaf(a, b, c)
#define SK_FMA1_F64(a, b, c) __builtin_fma(a, b, c)
#else
#define SK_FMA1_F32(a, b, c) ((a) * (b) + (c))
#define SK_FMA1_F64(a, b, c) ((a) * (b) + (c))
#endif

/* Lanes of two vectors by number, those of the second counted on from the first's. */
#if defined(__clang__)
#define SK_SHUFFLE(a, b, MASK_TYPE, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SK_SHUFFLE(a, b, MASK_TYPE, ...) __builtin_shuffle(a, b, (MASK_TYPE){__VA_ARGS__})
#endif

typedef int32_t sk_lanes_f32 __attribute__((vector_size(SK_VECTOR_BYTES)));
typedef int64_t sk_lanes_f64 __attribute__((vector_size(SK_VECTOR_BYTES)));

/* zip_low: a0 b0 a1 b1 ... of the lower halves of two vectors; zip_high: of their upper halves. */
SK_UNUSED static inline sk_vf32 sk_zip_low_f32(sk_vf32 a, sk_vf32 b) {
#if SK_LANES_F32 == 16
    return SK_SHUFFLE(a, b, sk_lanes_f32, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif SK_LANES_F32 == 8
    return SK_SHUFFLE(a, b, sk_lanes_f32, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return SK_SHUFFLE(a, b, sk_lanes_f32, 0, 4, 1, 5);
#endif
}
SK_UNUSED static inline sk_vf32 sk_zip_high_f32(sk_vf32 a, sk_vf32 b) {
#if SK_LANES_F32 == 16
    return SK_SHUFFLE(a, b, sk_lanes_f32, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif SK_LANES_F32 == 8
    return SK_SHUFFLE(a, b, sk_lanes_f32, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return SK_SHUFFLE(a, b, sk_lanes_f32, 2, 6, 3, 7);
#endif
}
SK_UNUSED static inline sk_vf64 sk_zip_low_f64(sk_vf64 a, sk_vf64 b) {
#if SK_LANES_F64 == 8
    return SK_SHUFFLE(a, b, sk_lanes_f64, 0, 8, 1, 9, 2, 10, 3, 11);
#elif SK_LANES_F64 == 4
    return SK_SHUFFLE(a, b, sk_lanes_f64, 0, 4, 1, 5);
#else
    return SK_SHUFFLE(a, b, sk_lanes_f64, 0, 2);
#endif
}
SK_UNUSED static inline sk_vf64 sk_zip_high_f64(sk_vf64 a, sk_vf64 b) {
#if SK_LANES_F64 == 8
    return SK_SHUFFLE(a, b, sk_lanes_f64, 4, 12, 5, 13, 6, 14, 7, 15);
#elif SK_LANES_F64 == 4
    return SK_SHUFFLE(a, b, sk_lanes_f64, 2, 6, 3, 7);
#else
    return SK_SHUFFLE(a, b, sk_lanes_f64, 1, 3);
#endif
}

#define SK_DEFINE_VECTOR(T, S, LANES)                                                                                 \
    SK_UNUSED static inline sk_v##S sk_load_##S(const T *p) {                                                         \
        sk_v##S v;                                                                                                    \
        memcpy(&v, p, sizeof v);                                                                                      \
        return v;                                                                                                     \
    }                                                                                                                 \
    SK_UNUSED static inline void sk_store_##S(T *p, sk_v##S v) { memcpy(p, &v, sizeof v); }                           \
    SK_UNUSED static inline sk_v##S sk_splat_##S(T x) { return x - (sk_v##S){0}; }                                    \
    /* The lanes added two by two, halves first: an order that depends on nothing but the width. */                    \
    SK_UNUSED static inline T sk_sum_##S(sk_v##S v) {                                                                 \
        _Pragma("GCC unroll 4") for (int half = LANES / 2; half > 0; half /= 2) {                                     \
            const sk_v##S zero = {0};                                                                                 \
            v = sk_zip_low_##S(v, zero) + sk_zip_high_##S(v, zero);                                                   \
        }                                                                                                             \
        return v[0];                                                                                                  \
    }                                                                                                                 \
    /* Lane i is the sum of x[i]'s lanes, added in the order of sk_sum; x is used up. */                              \
    SK_UNUSED static inline sk_v##S sk_sums_##S(sk_v##S *x) {                                                         \
        _Pragma("GCC unroll 8") for (int i = 0; i < 8; i++)                                                           \
            if (LANES > 8) x[i] = sk_zip_low_##S(x[i], x[i + 8]) + sk_zip_high_##S(x[i], x[i + 8]);                   \
        _Pragma("GCC unroll 8") for (int i = 0; i < 4; i++)                                                           \
            if (LANES > 4) x[i] = sk_zip_low_##S(x[i], x[i + 4]) + sk_zip_high_##S(x[i], x[i + 4]);                   \
        _Pragma("GCC unroll 8") for (int i = 0; i < 2; i++)                                                           \
            if (LANES > 2) x[i] = sk_zip_low_##S(x[i], x[i + 2]) + sk_zip_high_##S(x[i], x[i + 2]);                   \
        _Pragma("GCC unroll 8") for (int i = 0; i < 1; i++)                                                           \
            if (LANES > 1) x[i] = sk_zip_low_##S(x[i], x[i + 1]) + sk_zip_high_##S(x[i], x[i + 1]);                   \
        return x[0];                                                                                                  \
    }                                                                                                                 \
    /* x[i][j] becomes x[j][i]: zipping the first half of the vectors with the second, log2(LANES) times. */          \
    SK_UNUSED static inline void sk_transpose_##S(sk_v##S *x) {                                                       \
        _Pragma("GCC unroll 4") for (int width = 1; width < LANES; width *= 2) {                                      \
            sk_v##S y[LANES];                                                                                         \
            _Pragma("GCC unroll 8") for (int i = 0; i < LANES / 2; i++) {                                             \
                y[2 * i] = sk_zip_low_##S(x[i], x[i + LANES / 2]);                                                    \
                y[2 * i + 1] = sk_zip_high_##S(x[i], x[i + LANES / 2]);                                               \
            }                                                                                                         \
            _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) x[i] = y[i];                                     \
        }                                                                                                             \
    }
SK_DEFINE_VECTOR(float, f32, SK_LANES_F32)
SK_DEFINE_VECTOR(double, f64, SK_LANES_F64)

/* The first n lanes, 0 < n <= lanes; the others are zero when loaded and left alone when stored. */
#if defined(__AVX512F__)
#define SK_DEFINE_PARTS(T, S, LANES, MASK, V, OP)                                                                     \
    SK_UNUSED static inline sk_v##S sk_load_part_##S(const T *p, int n) {                                             \
        return (sk_v##S)_mm512_maskz_loadu_##OP((MASK)((1u << n) - 1), p);                                            \
    }                                                                                                                 \
    SK_UNUSED static inline void sk_store_part_##S(T *p, sk_v##S v, int n) {                                          \
        _mm512_mask_storeu_##OP(p, (MASK)((1u << n) - 1), (V)v);                                                      \
    }
SK_DEFINE_PARTS(float, f32, 16, __mmask16, __m512, ps)
SK_DEFINE_PARTS(double, f64, 8, __mmask8, __m512d, pd)
#elif defined(__AVX2__)
#define SK_DEFINE_PARTS(T, S, LANES, INT, V, OP)                                                                      \
    SK_UNUSED static inline __m256i sk_first_##S(int n) {                                                             \
        static const INT ones[2 * LANES] = {[0 ... LANES - 1] = -1};                                                  \
        return _mm256_loadu_si256((const __m256i *)(ones + LANES - n));                                               \
    }                                                                                                                 \
    SK_UNUSED static inline sk_v##S sk_load_part_##S(const T *p, int n) {                                             \
        return (sk_v##S)_mm256_maskload_##OP(p, sk_first_##S(n));                                                     \
    }                                                                                                                 \
    SK_UNUSED static inline void sk_store_part_##S(T *p, sk_v##S v, int n) {                                          \
        if (n >= LANES) /* a masked store takes a Zen 3 twelve cycles */                                              \
            _mm256_storeu_##OP(p, (V)v);                                                                              \
        else                                                                                                          \
            _mm256_maskstore_##OP(p, sk_first_##S(n), (V)v);                                                          \
    }
SK_DEFINE_PARTS(float, f32, 8, int32_t, __m256, ps)
SK_DEFINE_PARTS(double, f64, 4, int64_t, __m256d, pd)
#else
#define SK_DEFINE_PARTS(T, S, LANES)                                                                                  \
    SK_UNUSED static inline sk_v##S sk_load_part_##S(const T *p, int n) {                                             \
        T x[LANES] = {0};                                                                                             \
        for (int i = 0; i < LANES; i++) x[i] = i < n ? p[i] : 0;                                                      \
        return sk_load_##S(x);                                                                                        \
    }                                                                                                                 \
    SK_UNUSED static inline void sk_store_part_##S(T *p, sk_v##S v, int n) {                                          \
        for (int i = 0; i < LANES; i++)                                                                               \
            if (i < n) p[i] = v[i];                                                                                   \
    }
SK_DEFINE_PARTS(float, f32, SK_LANES_F32)
SK_DEFINE_PARTS(double, f64, SK_LANES_F64)
#endif

#endif
