/* Reductions and running results that are not one fused loop: argmax, argmin, cumsum and cumprod.

   x is (A, N, B), outer to inner, and the axis is the middle one. A file instantiates SK_DEFINE_ARG(T, S) and
   SK_DEFINE_CUMULATIVE(T, S) for the element types it uses, each once. */
#ifndef SYMKERAS_REDUCTIONS_H
#define SYMKERAS_REDUCTIONS_H

#include "symkeras/base.h"

/* a * b as a T, in unsigned words for integers: products of u16 would overflow an int. */
#define SK_TIMES(T, TS, a, b) ((T)0.5 != (T)0 ? (T)((a) * (b)) : (T)((uint64_t)(a) * (uint64_t)(b)))

#define SK_IS_NAN(v) ((v) != (v))
#define SK_MORE(v, best) ((v) > (best))
#define SK_LESS(v, best) ((v) < (best))

/* Lines that argmax walks along together, and the length up to which it does so where they do not lie side by side. */
#define SK_ARG_LINES 64
#define SK_ARG_SHORT 64

/* NAME(out (A, B), x (A, N, B)): the place of the first element v for which BEATS(v, any other) or, before all, of the
   first NaN. N must not be 0; out is then 0.

   Lines that lie side by side, or are short, are walked along together. Of a long row, one pass finds the extreme value in
   as many lanes as a vector has, which have no order to keep, and another one its first place. */
#define SK_DEFINE_ARG_EXTREME(T, S, NAME, BEATS)                                                                                \
    SK_UNUSED static inline __attribute__((always_inline)) void NAME##_lines_##S(                                               \
        int32_t *restrict at, const T *restrict x, int64_t n, int64_t next, int64_t line, int64_t lines) {                      \
        T best[SK_ARG_LINES];                                                                                                   \
        for (int64_t b = 0; b < lines; b++) {                                                                                   \
            best[b] = x[b * line];                                                                                              \
            at[b] = 0;                                                                                                          \
        }                                                                                                                       \
        for (int64_t k = 1; k < n; k++) {                                                                                       \
            const T *const row = x + k * next;                                                                                  \
            SK_SIMD()                                                                                                           \
            for (int64_t b = 0; b < lines; b++) {                                                                               \
                const T v = row[b * line];                                                                                      \
                const int wins = BEATS(v, best[b]) | (SK_IS_NAN(v) & !SK_IS_NAN(best[b]));                                      \
                best[b] = wins ? v : best[b];                                                                                   \
                at[b] = wins ? (int32_t)k : at[b];                                                                              \
            }                                                                                                                   \
        }                                                                                                                       \
    }                                                                                                                           \
    SK_UNUSED static int32_t NAME##_row_##S(const T *x, int64_t n) {                                                            \
        enum { lanes = 64 / sizeof(T) };                                                                                        \
        const int64_t rest = n - n % lanes;                                                                                     \
        T best[lanes], odd[lanes] = {0};                                                                                        \
        for (int l = 0; l < lanes; l++) best[l] = x[0];                                                                         \
        for (int64_t k = 0; k < rest; k += lanes) {                                                                             \
            SK_SIMD()                                                                                                           \
            for (int l = 0; l < lanes; l++) {                                                                                   \
                best[l] = BEATS(x[k + l], best[l]) ? x[k + l] : best[l];                                                        \
                odd[l] = SK_IS_NAN(x[k + l]) ? (T)1 : odd[l];                                                                   \
            }                                                                                                                   \
        }                                                                                                                       \
        for (int64_t k = rest; k < n; k++) {                                                                                    \
            best[0] = BEATS(x[k], best[0]) ? x[k] : best[0];                                                                    \
            odd[0] = SK_IS_NAN(x[k]) ? (T)1 : odd[0];                                                                           \
        }                                                                                                                       \
        for (int half = lanes / 2; half > 0; half /= 2)                                                                         \
            for (int l = 0; l < half; l++) {                                                                                    \
                best[l] = BEATS(best[l + half], best[l]) ? best[l + half] : best[l];                                            \
                odd[l] = odd[l] != 0 ? odd[l] : odd[l + half];                                                                  \
            }                                                                                                                   \
        const T top = best[0];                                                                                                  \
        const int has_nan = odd[0] != 0;                                                                                        \
        int64_t k = 0;                                                                                                          \
        for (; k < rest && !has_nan; k += lanes) {                                                                              \
            int found = 0;                                                                                                      \
            SK_SIMD(reduction(| : found))                                                                                       \
            for (int l = 0; l < lanes; l++) found |= x[k + l] == top;                                                           \
            if (found) break;                                                                                                   \
        }                                                                                                                       \
        while (has_nan ? !SK_IS_NAN(x[k]) : x[k] != top) k++;                                                                   \
        return (int32_t)k;                                                                                                      \
    }                                                                                                                           \
    SK_UNUSED static void NAME##_##S(int32_t *out, const T *x, int64_t outer, int64_t n, int64_t inner) {                       \
        if (n <= 0) {                                                                                                           \
            for (int64_t k = 0; k < outer * inner; k++) out[k] = 0;                                                             \
        } else if (inner > 1) {                                                                                                 \
            for (int64_t a = 0; a < outer; a++)                                                                                 \
                for (int64_t b = 0; b < inner; b += SK_ARG_LINES)                                                               \
                    NAME##_lines_##S(out + a * inner + b, x + a * n * inner + b, n, inner, 1, sk_min(SK_ARG_LINES, inner - b)); \
        } else if (inner == 1 && n <= SK_ARG_SHORT) {                                                                           \
            for (int64_t a = 0; a < outer; a += SK_ARG_LINES)                                                                   \
                NAME##_lines_##S(out + a, x + a * n, n, 1, n, sk_min(SK_ARG_LINES, outer - a));                                 \
        } else if (inner == 1) {                                                                                                \
            for (int64_t a = 0; a < outer; a++) out[a] = NAME##_row_##S(x + a * n, n);                                          \
        }                                                                                                                       \
    }

/* sk_argmax_S and sk_argmin_S (int32_t *out, const T *x, outer, n, inner). */
#define SK_DEFINE_ARG(T, S)                         \
    SK_DEFINE_ARG_EXTREME(T, S, sk_argmax, SK_MORE) \
    SK_DEFINE_ARG_EXTREME(T, S, sk_argmin, SK_LESS)

/* NAME(out (A, N, B), x (A, N, B)): x joined up to and including each place, in order. `out` may be x. */
#define SK_DEFINE_RUNNING(T, S, NAME, JOIN)                                                         \
    SK_UNUSED static void NAME##_##S(T *out, const T *x, int64_t outer, int64_t n, int64_t inner) { \
        if (n <= 0 || inner <= 0) return;                                                           \
        for (int64_t a = 0; a < outer; a++, out += n * inner, x += n * inner) {                     \
            if (inner == 1) {                                                                       \
                T joined = out[0] = x[0];                                                           \
                for (int64_t k = 1; k < n; k++) out[k] = joined = JOIN(T, S, joined, x[k]);         \
                continue;                                                                           \
            }                                                                                       \
            if (out != x) memcpy(out, x, (size_t)inner * sizeof(T));                                \
            for (int64_t k = inner; k < n * inner; k += inner) {                                    \
                SK_SIMD()                                                                           \
                for (int64_t b = k; b < k + inner; b++) out[b] = JOIN(T, S, out[b - inner], x[b]);  \
            }                                                                                       \
        }                                                                                           \
    }

/* sk_cumsum_S and sk_cumprod_S (T *out, const T *x, outer, n, inner). */
#define SK_DEFINE_CUMULATIVE(T, S)              \
    SK_DEFINE_RUNNING(T, S, sk_cumsum, SK_PLUS) \
    SK_DEFINE_RUNNING(T, S, sk_cumprod, SK_TIMES)

#endif
