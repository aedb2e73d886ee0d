/* Scalar arithmetic with NumPy's meaning where C has another or none: rounding divisions, shifts beyond the width,
 * casts of floats that do not fit, and the few functions that libm lacks. */
#ifndef SYMKERAS_ARITHMETIC_H
#define SYMKERAS_ARITHMETIC_H

#include "symkeras/base.h"
#include "symkeras/vector_math.h"

/* Quotient rounded down and remainder with the sign of b, as Python has them. */
#define SK_DEFINE_FLOAT_DIVISION(T, S, FMOD, FLOOR, COPYSIGN)                      \
    SK_UNUSED static inline T sk_mod_##S(T a, T b) {                               \
        T r = FMOD(a, b);                                                          \
        if (b == 0) return r;                                                      \
        if (r == 0) return COPYSIGN((T)0, b);                                      \
        return (b < 0) != (r < 0) ? r + b : r;                                     \
    }                                                                              \
    SK_UNUSED static inline T sk_floor_divide_##S(T a, T b) {                      \
        if (b == 0) return a / b;                                                  \
        T r = FMOD(a, b), q = (a - r) / b;                                         \
        if (r != 0 && (b < 0) != (r < 0)) q -= 1;                                  \
        if (q == 0) return COPYSIGN((T)0, a / b);                                  \
        T f = FLOOR(q);                                                            \
        return q - f > (T)0.5 ? f + 1 : f;                                         \
    }
SK_DEFINE_FLOAT_DIVISION(float, f32, fmodf, floorf, copysignf)
SK_DEFINE_FLOAT_DIVISION(double, f64, fmod, floor, copysign)

/* Integers: division by zero gives 0, as in NumPy; powers are products that wrap around. An exponent
   below 0 is refused before one gets here. */
#define SK_DEFINE_POWER(T, S)                                           \
    SK_UNUSED static inline T sk_power_##S(T a, T b) {                  \
        uint64_t base = (uint64_t)a, product = 1;                       \
        for (uint64_t left = b > 0 ? (uint64_t)b : 0; left; left >>= 1) { \
            if (left & 1) product *= base;                              \
            base *= base;                                               \
        }                                                               \
        return (T)product;                                              \
    }
#define SK_DEFINE_INTEGER(T, S, U, BITS, LOWEST)                                                   \
    SK_UNUSED static inline T sk_floor_divide_##S(T a, T b) {                                      \
        if (b == 0) return 0;                                                                      \
        if (LOWEST && a == LOWEST && b == (T)-1) return LOWEST;                                    \
        T q = (T)(a / b);                                                                          \
        return (T)(q - (a % b != 0 && (a < 0) != (b < 0)));                                        \
    }                                                                                              \
    SK_UNUSED static inline T sk_mod_##S(T a, T b) {                                               \
        if (b == 0 || (LOWEST && b == (T)-1)) return 0;                                            \
        T r = (T)(a % b);                                                                          \
        return (T)(r != 0 && (r < 0) != (b < 0) ? r + b : r);                                      \
    }                                                                                              \
    SK_DEFINE_POWER(T, S)                                                                          \
    SK_UNUSED static inline T sk_left_shift_##S(T a, T b) { return (U)b < BITS ? (T)((U)a << (U)b) : 0; } \
    SK_UNUSED static inline T sk_right_shift_##S(T a, T b) { return (U)b < BITS ? (T)(a >> b) : (T)(a < 0 ? -1 : 0); }

/* Casts from floats: what does not fit gives the lowest number of the wide type, as the conversion of x86 does. */
#define SK_DEFINE_CASTS(T, S)                                                                                          \
    SK_UNUSED static inline int32_t sk_i32_from_##S(T x) {                                                             \
        return x >= (T)-2147483648.0 && x < (T)2147483648.0 ? (int32_t)x : INT32_MIN;                                  \
    }                                                                                                                  \
    SK_UNUSED static inline int64_t sk_i64_from_##S(T x) {                                                             \
        return x >= (T)-9223372036854775808.0 && x < (T)9223372036854775808.0 ? (int64_t)x : INT64_MIN;                \
    }                                                                                                                  \
    SK_UNUSED static inline uint64_t sk_u64_from_##S(T x) {                                                            \
        return x >= (T)9223372036854775808.0 && x < (T)18446744073709551616.0 ? (uint64_t)x : (uint64_t)sk_i64_from_##S(x); \
    }
SK_DEFINE_CASTS(float, f32)
SK_DEFINE_CASTS(double, f64)

/* bfloat16 is the upper half of a float: rounded to the nearest, ties to even; a NaN stays one, with its sign. */
SK_UNUSED static inline float sk_f32_from_bf16(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}
SK_UNUSED static inline uint16_t sk_bf16_from_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = (bits >> 16 & 0x8000) | 0x7fc0;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

SK_DEFINE_INTEGER(int8_t, i8, uint8_t, 8, INT8_MIN)
SK_DEFINE_INTEGER(int16_t, i16, uint16_t, 16, INT16_MIN)
SK_DEFINE_INTEGER(int32_t, i32, uint32_t, 32, INT32_MIN)
SK_DEFINE_INTEGER(int64_t, i64, uint64_t, 64, INT64_MIN)

#define SK_DEFINE_UNSIGNED(T, S, BITS)                                                                          \
    SK_UNUSED static inline T sk_floor_divide_##S(T a, T b) { return b == 0 ? 0 : (T)(a / b); }                 \
    SK_UNUSED static inline T sk_mod_##S(T a, T b) { return b == 0 ? 0 : (T)(a % b); }                          \
    SK_DEFINE_POWER(T, S)                                                                                       \
    SK_UNUSED static inline T sk_left_shift_##S(T a, T b) { return b < BITS ? (T)(a << b) : 0; }                \
    SK_UNUSED static inline T sk_right_shift_##S(T a, T b) { return b < BITS ? (T)(a >> b) : 0; }
SK_DEFINE_UNSIGNED(uint8_t, u8, 8)
SK_DEFINE_UNSIGNED(uint16_t, u16, 16)
SK_DEFINE_UNSIGNED(uint32_t, u32, 32)
SK_DEFINE_UNSIGNED(uint64_t, u64, 64)

/* log(exp(a) + exp(b)) without overflow; equal infinities, whose difference is no number, give themselves. No branches: for vectors. */
SK_UNUSED static inline double sk_logaddexp_f64(double a, double b) {
    const double d = a - b, more = sk_log1p_f64(sk_exp_f64(-fabs(d)));
    return (d > 0 ? a : b) + (a == b ? 0.693147180559945309417 : more);
}
SK_UNUSED static inline float sk_logaddexp_f32(float a, float b) {
    const float d = a - b, more = sk_log1p_f32(sk_exp_f32(-fabsf(d)));
    return (d > 0 ? a : b) + (a == b ? 0.69314718056f : more);
}

/* The inverse of erf, by the fits of symkeras/ops/special.py: y + y P/Q of 0.64 - y^2 inside, s - P/Q of s = sqrt(-log(1 - |y|)) near the ends. */
SK_UNUSED static inline double sk_erfinv_f64(double y) {
    if (!(y > -1 && y < 1)) return y == 1 ? INFINITY : y == -1 ? -INFINITY : NAN;
    double a = fabs(y);
    if (a <= 0.8) {
        double r = 0.64 - y * y;
        double p = (((((((-0.07621987655685838) * r - 1.3777681915796482) * r - 6.1218982310863055) * r -
                   10.11655881312916) * r - 6.7023291049387534) * r - 1.155147370521249) * r +
                   0.43901605098627244) * r + 0.13274225304602902;
        double q = (((((((0.09096143796156912) * r + 2.263576263644381) * r + 14.360567738156593) * r +
                   36.68896794037613) * r + 44.93094007555595) * r + 27.951725404648432) * r +
                   8.497239487027201) * r + 1.0;
        return copysign(a + a * (p / q), y);
    }
    double s = sqrt(-log(1 - a));
    double p = ((((((((1.8328569313912223e-06) * s + 0.001788468584781137) * s + 0.07423016750129922) * s +
               0.7149040912211331) * s + 2.164916113227431) * s + 2.593579671692116) * s + 1.7442040021651506) *
               s + 0.9902251064179325) * s + 0.0008695567399269429;
    double q = ((((((((0.0006264090097949928) * s + 0.038480421437197675) * s + 0.542100111294418) * s +
               2.5654193707506385) * s + 5.169960712949777) * s + 5.872175367209018) * s + 5.036423727871717) *
               s + 2.5798978902447005) * s + 1.0;
    return copysign(s - p / q, y);
}
SK_UNUSED static inline float sk_erfinv_f32(float y) { return (float)sk_erfinv_f64((double)y); }

#endif
