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

/* The inverse of erf: the normal quantile at (1 + y) / 2 by the rational approximations of Wichura (1988), Algorithm AS 241, whose
   distance from 0, 1/2 and 1 is taken from y, where nothing cancels. */
#define SK_POLYNOMIAL(x, a, b, c, d, e, f, g, h) (((((((h * x + g) * x + f) * x + e) * x + d) * x + c) * x + b) * x + a)
SK_UNUSED static inline double sk_erfinv_f64(double y) {
    if (!(y > -1 && y < 1)) return y == 1 ? INFINITY : y == -1 ? -INFINITY : NAN;
    const double half = 0.707106781186547524401;
    if (fabs(y) <= 0.85) {
        const double r = 0.180625 - y * y / 4;
        return half * (y / 2) * SK_POLYNOMIAL(r, 3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087, 33430.57558358813, 2509.0809287301227)
               / SK_POLYNOMIAL(r, 1.0, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271, 28729.085735721943, 5226.495278852854);
    }
    double r = sqrt(-log((1 - fabs(y)) / 2)), x;
    if (r <= 5) {
        r -= 1.6;
        x = SK_POLYNOMIAL(r, 1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 0.0007745450142783414)
            / SK_POLYNOMIAL(r, 1.0, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-09);
    } else {
        r -= 5;
        x = SK_POLYNOMIAL(r, 6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-05, 2.0103343992922881e-07)
            / SK_POLYNOMIAL(r, 1.0, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-05, 1.421511758316446e-07, 2.0442631033899397e-15);
    }
    return copysign(half * x, y);
}
SK_UNUSED static inline float sk_erfinv_f32(float y) { return (float)sk_erfinv_f64((double)y); }

#endif
