/* What every emitted file rests on: integer types, faults, and how kernels are marked. */
#ifndef SYMKERAS_BASE_H
#define SYMKERAS_BASE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not every file uses every kernel. */
#define SK_UNUSED __attribute__((unused))

/* A long function of calls with many addresses at hand: optimising it would take most of the compiler's time and gain nothing. */
#if defined(__clang__)
#define SK_PLAIN __attribute__((optnone, noinline))
#elif defined(__GNUC__)
#define SK_PLAIN __attribute__((optimize("O0")))
#else
#define SK_PLAIN
#endif

/* Why a call gave up: code 0 none, 1 index out of range (`index` on an axis of `size`), raised by kernel number `step`, 2 sizes
   for which op number `index` has no meaning. */
typedef struct {
    int64_t code, step, index, size;
} sk_fault;

/* a / b rounded down, for b > 0: sizes of windows and strides. */
SK_UNUSED static inline int64_t sk_floor_div(int64_t a, int64_t b) {
    int64_t q = a / b;
    return q - (a % b != 0 && a < 0);
}

/* Loops whose steps are independent but for the reductions named, e.g. SK_SIMD(reduction(+:sum)): for compilers that were told
 * -fopenmp-simd, and this file with SK_LOOPS_AS_SIMD that they were. */
#if defined(_OPENMP) || defined(SK_LOOPS_AS_SIMD)
#define SK_PRAGMA(...) _Pragma(#__VA_ARGS__)
#define SK_SIMD(...) SK_PRAGMA(omp simd __VA_ARGS__)
#else
#define SK_SIMD(...)
#endif

/* The largest and smallest element, NaN where one is NaN, as reductions. */
#define SK_MAX(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))
#define SK_MIN(a, b) ((((a) < (b)) | ((a) != (a))) ? (a) : (b))
#if defined(_OPENMP) || defined(SK_LOOPS_AS_SIMD)
#pragma omp declare reduction(sk_max : float, double, int, int8_t, int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t \
                              : omp_out = SK_MAX(omp_in, omp_out)) initializer(omp_priv = omp_orig)
#pragma omp declare reduction(sk_min : float, double, int, int8_t, int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t \
                              : omp_out = SK_MIN(omp_in, omp_out)) initializer(omp_priv = omp_orig)
#endif

/* Where maxima and minima start. */
#define SK_LOWEST_bool 0
#define SK_LOWEST_i8 INT8_MIN
#define SK_LOWEST_i16 INT16_MIN
#define SK_LOWEST_i32 INT32_MIN
#define SK_LOWEST_i64 INT64_MIN
#define SK_LOWEST_u8 0
#define SK_LOWEST_u16 0
#define SK_LOWEST_u32 0
#define SK_LOWEST_u64 0
#define SK_LOWEST_f32 (-INFINITY)
#define SK_LOWEST_f64 (-INFINITY)
#define SK_HIGHEST_bool 1
#define SK_HIGHEST_i8 INT8_MAX
#define SK_HIGHEST_i16 INT16_MAX
#define SK_HIGHEST_i32 INT32_MAX
#define SK_HIGHEST_i64 INT64_MAX
#define SK_HIGHEST_u8 UINT8_MAX
#define SK_HIGHEST_u16 UINT16_MAX
#define SK_HIGHEST_u32 UINT32_MAX
#define SK_HIGHEST_u64 UINT64_MAX
#define SK_HIGHEST_f32 INFINITY
#define SK_HIGHEST_f64 INFINITY

/* a + b as a T; the sum of bools (suffix bool) is whether one is true, as in NumPy. */
#define SK_PLUS(T, TS, a, b) (#TS[0] == 'b' ? (T)((a) || (b)) : (T)((a) + (b)))

SK_UNUSED static inline int64_t sk_min(int64_t a, int64_t b) { return a < b ? a : b; }
SK_UNUSED static inline int64_t sk_max(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
