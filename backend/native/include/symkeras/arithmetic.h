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

/* Integers: division by zero gives 0, as in NumPy; a whole number to a power goes through double. */
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
    SK_UNUSED static inline T sk_power_##S(T a, T b) { return (T)sk_##S##_from_power(pow((double)a, (double)b)); } \
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

#define sk_i8_from_power sk_i32_from_f64
#define sk_i16_from_power sk_i32_from_f64
#define sk_i32_from_power sk_i32_from_f64
#define sk_i64_from_power sk_i64_from_f64
#define sk_u8_from_power sk_i32_from_f64
#define sk_u16_from_power sk_i32_from_f64
#define sk_u32_from_power sk_i64_from_f64
#define sk_u64_from_power sk_u64_from_f64

SK_DEFINE_INTEGER(int8_t, i8, uint8_t, 8, INT8_MIN)
SK_DEFINE_INTEGER(int16_t, i16, uint16_t, 16, INT16_MIN)
SK_DEFINE_INTEGER(int32_t, i32, uint32_t, 32, INT32_MIN)
SK_DEFINE_INTEGER(int64_t, i64, uint64_t, 64, INT64_MIN)

#define SK_DEFINE_UNSIGNED(T, S, BITS)                                                                          \
    SK_UNUSED static inline T sk_floor_divide_##S(T a, T b) { return b == 0 ? 0 : (T)(a / b); }                 \
    SK_UNUSED static inline T sk_mod_##S(T a, T b) { return b == 0 ? 0 : (T)(a % b); }                          \
    SK_UNUSED static inline T sk_power_##S(T a, T b) { return (T)sk_##S##_from_power(pow((double)a, (double)b)); } \
    SK_UNUSED static inline T sk_left_shift_##S(T a, T b) { return b < BITS ? (T)(a << b) : 0; }                \
    SK_UNUSED static inline T sk_right_shift_##S(T a, T b) { return b < BITS ? (T)(a >> b) : 0; }
SK_DEFINE_UNSIGNED(uint8_t, u8, 8)
SK_DEFINE_UNSIGNED(uint16_t, u16, 16)
SK_DEFINE_UNSIGNED(uint32_t, u32, 32)
SK_DEFINE_UNSIGNED(uint64_t, u64, 64)

/* log(exp(a) + exp(b)) without overflow; equal infinities give themselves. */
SK_UNUSED static inline double sk_logaddexp_f64(double a, double b) {
    double d = a - b;
    if (a == b) return a + 0.693147180559945309417;
    return d > 0 ? a + sk_log1p_f64(sk_exp_f64(-d)) : d <= 0 ? b + sk_log1p_f64(sk_exp_f64(d)) : d;
}
SK_UNUSED static inline float sk_logaddexp_f32(float a, float b) {
    float d = a - b;
    if (a == b) return a + 0.69314718056f;
    return d > 0 ? a + sk_log1p_f32(sk_exp_f32(-d)) : d <= 0 ? b + sk_log1p_f32(sk_exp_f32(d)) : d;
}

/* The inverse of erf: the approximation of Giles (Approximating the erfinv function, 2010) for a start, then two steps
 * of Newton's method on erf, or on erfc near the ends. */
SK_UNUSED static inline double sk_erfinv_f64(double y) {
    if (!(y > -1 && y < 1)) return y == 1 ? INFINITY : y == -1 ? -INFINITY : NAN;
    if (fabs(y) < 1e-9) return y * 0.886226925452758013649;
    double w = -log((1 - y) * (1 + y)), x;
    if (w < 5) {
        w -= 2.5;
        x = ((((((((2.81022636e-08 * w + 3.43273939e-07) * w - 3.5233877e-06) * w - 4.39150654e-06) * w + 0.00021858087) * w
               - 0.00125372503) * w - 0.00417768164) * w + 0.246640727) * w + 1.50140941) * y;
    } else {
        w = sqrt(w) - 3;
        x = ((((((((-0.000200214257 * w + 0.000100950558) * w + 0.00134934322) * w - 0.00367342844) * w + 0.00573950773) * w
               - 0.0076224613) * w + 0.00943887047) * w + 1.00167406) * w + 2.83297682) * y;
    }
    for (int k = 0; k < 2; k++) {
        double error = y > 0.5 ? (1 - y) - erfc(x) : y < -0.5 ? erfc(-x) - (1 + y) : erf(x) - y;
        x -= error / (1.12837916709551257390 * exp(-x * x));
    }
    return x;
}
SK_UNUSED static inline float sk_erfinv_f32(float y) { return (float)sk_erfinv_f64((double)y); }

#endif
