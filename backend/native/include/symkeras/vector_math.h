/* Elementary functions that compilers turn into vector instructions: no calls, no tables, no branches, one straight line of arithmetic.
 *
 * Called from a `#pragma omp simd` loop, each becomes one vector computation of the width the machine has. Conditions are selections (?:);
 * exponents and signs are handled as integers. Compile with -fno-trapping-math (else selections stay branches) and -ffp-contract=off, never
 * with -ffast-math: NaN, infinities, denormal numbers and signed zeros come out as C99 Annex F says; only the exception flags are not kept.
 *
 * The largest errors found, in units in the last place and rounded up, with and without fused multiply-adds. f32: of all 2^32 floats, so that
 * these are bounds (pow: of 6e7 pairs). f64: of 1.2e7 numbers each, random and around every turn. The tests read this table.
 *
 * | function | f32  | f64  | how                                                                                         |
 * |----------|------|------|---------------------------------------------------------------------------------------------|
 * | exp      | 1.00 | 1.00 | x = n ln 2 + r, a polynomial, n added to the exponent in two steps                          |
 * | expm1    | 1.50 | 1.90 | the same, 2^n - 1 apart                                                                     |
 * | exp2     | 1.10 | 1.10 | x = n + r                                                                                   |
 * | log      | 0.85 | 0.85 | x = 2^k m, a polynomial in m - 1 (f64: in (m - 1) / (m + 1))                                |
 * | log1p    | 1.40 | 1.40 | the same, m - 1 from x without the rounding of 1 + x                                        |
 * | log2     | 0.51 | 0.51 | f32: in doubles; f64: in pairs of doubles with fused multiply-adds, else libm               |
 * | log10    | 0.51 | 0.51 | from log2                                                                                   |
 * | pow      | 0.51 | 1.40 | 2^(y log2|x|), f32 in doubles; f64: in pairs of doubles with fused multiply-adds, else libm |
 * | tanh     | 1.40 | 1.40 | an odd polynomial, from |x| = 0.6 on by exp                                                 |
 * | erf      | 1.40 | 1.40 | an odd polynomial, from |x| = 1 on by exp of a polynomial                                   |
 * | sin      | 0.56 | 1.10 | f32: any x, in doubles; f64: |x| <= SK_TURNS_F64, libm beyond                               |
 * | cos      | 0.56 | 1.10 | the same                                                                                    |
 *
 * Five have loops that stay scalar: sin and cos in f64, whose calls of libm for large x need a branch (sk_sin_near_f64 and sk_cos_near_f64 are
 * the vector forms for loops known to stay within SK_TURNS_F64), and log2, log10 and pow in f64 on machines without fused multiply-adds.
 * The same argument gives the same result in every lane, in loops of every length.
 *
 * Coefficients are minimax fits made for this file (Remez exchange, rounded with the later ones refitted).
 */
#ifndef SYMKERAS_VECTOR_MATH_H
#define SYMKERAS_VECTOR_MATH_H

#include "symkeras/base.h"

#define SK_MATH SK_UNUSED static inline

/* ---- Bits, fused multiply-adds, polynomials ---- */

SK_MATH uint32_t sk_bits_f32(float x) { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
SK_MATH uint64_t sk_bits_f64(double x) { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
SK_MATH float sk_float_f32(uint32_t u) { float x; memcpy(&x, &u, sizeof x); return x; }
SK_MATH double sk_float_f64(uint64_t u) { double x; memcpy(&x, &u, sizeof x); return x; }

SK_MATH float sk_abs_f32(float x) { return sk_float_f32(sk_bits_f32(x) & 0x7fffffffu); }
SK_MATH double sk_abs_f64(double x) { return sk_float_f64(sk_bits_f64(x) & 0x7fffffffffffffffu); }

/* magnitude, which must not be negative, with the sign of x. */
SK_MATH float sk_signed_f32(float magnitude, float x) { return sk_float_f32(sk_bits_f32(magnitude) | (sk_bits_f32(x) & 0x80000000u)); }
SK_MATH double sk_signed_f64(double magnitude, double x) {
    return sk_float_f64(sk_bits_f64(magnitude) | (sk_bits_f64(x) & 0x8000000000000000u));
}

/* a * b + c, rounded once where the machine can, twice elsewhere: every bound above holds for both. */
#if defined(__FMA__) || defined(__FP_FAST_FMA) || defined(__ARM_FEATURE_FMA)
#define SK_HAS_FMA 1
SK_MATH float sk_fma_f32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
SK_MATH double sk_fma_f64(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
#define SK_HAS_FMA 0
SK_MATH float sk_fma_f32(float a, float b, float c) { return a * b + c; }
SK_MATH double sk_fma_f64(double a, double b, double c) { return a * b + c; }
#endif

/* SK_POLYn(fma, x, c0, c1, ..., cn) = c0 + c1 x + ... + cn x^n by Horner's rule. */
#define SK_POLY1(F, x, a, b) F(b, x, a)
#define SK_POLY2(F, x, a, ...) F(SK_POLY1(F, x, __VA_ARGS__), x, a)
#define SK_POLY3(F, x, a, ...) F(SK_POLY2(F, x, __VA_ARGS__), x, a)
#define SK_POLY4(F, x, a, ...) F(SK_POLY3(F, x, __VA_ARGS__), x, a)
#define SK_POLY5(F, x, a, ...) F(SK_POLY4(F, x, __VA_ARGS__), x, a)
#define SK_POLY6(F, x, a, ...) F(SK_POLY5(F, x, __VA_ARGS__), x, a)
#define SK_POLY7(F, x, a, ...) F(SK_POLY6(F, x, __VA_ARGS__), x, a)
#define SK_POLY8(F, x, a, ...) F(SK_POLY7(F, x, __VA_ARGS__), x, a)
#define SK_POLY9(F, x, a, ...) F(SK_POLY8(F, x, __VA_ARGS__), x, a)
#define SK_POLY10(F, x, a, ...) F(SK_POLY9(F, x, __VA_ARGS__), x, a)
#define SK_POLY11(F, x, a, ...) F(SK_POLY10(F, x, __VA_ARGS__), x, a)
#define SK_POLY12(F, x, a, ...) F(SK_POLY11(F, x, __VA_ARGS__), x, a)
#define SK_POLY13(F, x, a, ...) F(SK_POLY12(F, x, __VA_ARGS__), x, a)
#define SK_POLY14(F, x, a, ...) F(SK_POLY13(F, x, __VA_ARGS__), x, a)
#define SK_POLY15(F, x, a, ...) F(SK_POLY14(F, x, __VA_ARGS__), x, a)
#define SK_POLY16(F, x, a, ...) F(SK_POLY15(F, x, __VA_ARGS__), x, a)
#define SK_POLY17(F, x, a, ...) F(SK_POLY16(F, x, __VA_ARGS__), x, a)

/* Adding and taking away 1.5 * 2^(mantissa bits) rounds to the nearest integer, whose low bits stand in the sum's. NaN goes through. */
#define SK_ROUND_F32 0x1.8p23f
#define SK_ROUND_F64 0x1.8p52

/* p * 2^n for results anywhere from denormal to overflow: in two steps, the first of them exact. n is a two's complement integer, at
 * least -254 (f64: -2046), so that the sum of the two biased exponents is none below 0. */
SK_MATH float sk_scale_f32(float p, uint32_t n) {
    uint32_t both = n + 254u, half = both >> 1;
    return p * sk_float_f32(half << 23) * sk_float_f32((both - half) << 23);
}
SK_MATH double sk_scale_f64(double p, uint64_t n) {
    uint64_t both = n + 2046u, half = both >> 1;
    return p * sk_float_f64(half << 52) * sk_float_f64((both - half) << 52);
}

/* ---- exp, expm1, exp2 ---- */

/* exp(x) = 2^n (1 + e): gives e, |e| < 0.42, of relative precision; |x| < 1000 or NaN. ln 2 in two parts, n * (the first) exact. */
SK_MATH float sk_exp_split_f32(float x, uint32_t *n) {
    float t = x * 0x1.715476p0f + SK_ROUND_F32, k = t - SK_ROUND_F32;
    *n = sk_bits_f32(t) - sk_bits_f32(SK_ROUND_F32);
    float r = sk_fma_f32(k, 2.1219444e-4f, sk_fma_f32(k, -0.693359375f, x));
    float q = SK_POLY5(sk_fma_f32, r, 0.5f, 1.6666666e-01f, 4.166648e-02f, 8.333488e-03f, 1.3933734e-03f, 1.9824225e-04f);
    return sk_fma_f32(r * r, q, r);
}
SK_MATH double sk_exp_split_f64(double x, uint64_t *n) {
    double t = x * 1.4426950408889634 + SK_ROUND_F64, k = t - SK_ROUND_F64;
    *n = sk_bits_f64(t) - sk_bits_f64(SK_ROUND_F64);
    double r = sk_fma_f64(k, -0x1.473de6af278edp-34, sk_fma_f64(k, -0x1.62e42fefp-1, x));
    double q = SK_POLY10(sk_fma_f64, r, 0.5, 0.16666666666666677, 0.04166666666666651, 0.008333333333321667, 0.0013888888888962515,
                         0.00019841269886036272, 2.4801587172359527e-05, 2.7557244295552874e-06, 2.755740271034012e-07,
                         2.5109008777338143e-08, 2.087533478594373e-09);
    return sk_fma_f64(r * r, q, r);
}

SK_MATH float sk_exp_f32(float x) {
    uint32_t n;
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    float e = sk_exp_split_f32(x, &n);
    return sk_scale_f32(1.0f + e, n);
}
SK_MATH double sk_exp_f64(double x) {
    uint64_t n;
    x = x < -746.0 ? -746.0 : x;
    x = x > 710.0 ? 710.0 : x;
    double e = sk_exp_split_f64(x, &n);
    return sk_scale_f64(1.0 + e, n);
}

/* 2^n (1 + e) - 1 = 2 (e h + (h - 1/2)) with h = 2^(n-1), which does not overflow before the result does. */
SK_MATH float sk_expm1_f32(float x) {
    uint32_t n;
    float c = x < -18.0f ? -18.0f : x;
    c = c > 89.0f ? 89.0f : c;
    float e = sk_exp_split_f32(c, &n), h = sk_float_f32((n + 126u) << 23);
    float r = 2.0f * sk_fma_f32(e, h, h - 0.5f);
    return sk_abs_f32(x) < 0x1p-25f ? x : r;
}
SK_MATH double sk_expm1_f64(double x) {
    uint64_t n;
    double c = x < -38.0 ? -38.0 : x;
    c = c > 710.0 ? 710.0 : c;
    double e = sk_exp_split_f64(c, &n), h = sk_float_f64((n + 1022u) << 52);
    double r = 2.0 * sk_fma_f64(e, h, h - 0.5);
    return sk_abs_f64(x) < 0x1p-54 ? x : r;
}

SK_MATH float sk_exp2_f32(float x) {
    x = x < -151.0f ? -151.0f : x;
    x = x > 129.0f ? 129.0f : x;
    float t = x + SK_ROUND_F32, r = x - (t - SK_ROUND_F32);
    float q = SK_POLY5(sk_fma_f32, r, 6.931472e-01f, 2.4022648e-01f, 5.5503592e-02f, 9.6185105e-03f, 1.339121e-03f, 1.5323897e-04f);
    return sk_scale_f32(sk_fma_f32(r, q, 1.0f), sk_bits_f32(t) - sk_bits_f32(SK_ROUND_F32));
}

/* 2^(x + lo): lo, up to 2^-10 in size, is what x leaves of a longer number. */
SK_MATH double sk_exp2_long_f64(double x, double lo) {
    x = x < -1100.0 ? -1100.0 : x;
    x = x > 1100.0 ? 1100.0 : x;
    double t = x + SK_ROUND_F64, r = (x - (t - SK_ROUND_F64)) + lo;
    double q = SK_POLY10(sk_fma_f64, r, 0.6931471805599453, 0.24022650695910108, 0.05550410866482172, 0.00961812910760158,
                         0.0013333558146546112, 0.0001540353044908721, 1.5252733634126563e-05, 1.3215438803785468e-06,
                         1.0178159971373567e-07, 7.073239461179788e-09, 4.438878103168665e-10);
    return sk_scale_f64(sk_fma_f64(r, q, 1.0), sk_bits_f64(t) - sk_bits_f64(SK_ROUND_F64));
}
SK_MATH double sk_exp2_f64(double x) { return sk_exp2_long_f64(x, 0.0); }

/* ---- log, log1p ---- */

/* x = 2^k m for a positive normal x, m in [sqrt(1/2), sqrt(2)): returns m. */
SK_MATH float sk_log_split_f32(float x, float *k) {
    uint32_t u = sk_bits_f32(x) + (0x3f800000u - 0x3f3504f3u);
    *k = (float)((int32_t)(u >> 23) - 127);
    return sk_float_f32((u & 0x007fffffu) + 0x3f3504f3u);
}
SK_MATH double sk_log_split_f64(double x, double *k) {
    uint64_t u = sk_bits_f64(x) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
    *k = sk_float_f64((u >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0); /* an integer to a double without a conversion */
    return sk_float_f64((u & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
}

/* log(1 + f) + k ln 2 for 1 + f in [sqrt(1/2), sqrt(2)). In f64 by s = f / (2 + f), log(1 + f) = 2 atanh(s), arranged as fdlibm's e_log.c. */
SK_MATH float sk_log_join_f32(float f, float k) {
    float z = f * f;
    float p = SK_POLY8(sk_fma_f32, f, 3.3333313e-01f, -2.499999e-01f, 2.0002016e-01f, -1.6667081e-01f, 1.4219542e-01f, -1.244077e-01f,
                       1.19427375e-01f, -1.14250936e-01f, 6.252325e-02f);
    float y = sk_fma_f32(z * f, p, k * -2.1219444e-4f);
    return sk_fma_f32(k, 0.693359375f, f + sk_fma_f32(z, -0.5f, y));
}
SK_MATH double sk_log_join_f64(double f, double k) {
    double half = 0.5 * f * f, s = f / (2.0 + f), z = s * s;
    double r = z * SK_POLY6(sk_fma_f64, z, 0.6666666666666734, 0.3999999999941654, 0.28571428742065474, 0.22222198600022797,
                            0.18183563165298205, 0.15314075631781762, 0.1479573608173108);
    return sk_fma_f64(k, 0x1.62e42fefp-1, f - (half - sk_fma_f64(s, half + r, k * 0x1.473de6af278edp-34)));
}

/* What every logarithm gives at NaN, infinity, zero and below; r elsewhere. x is 1 + the argument for log1p. */
SK_MATH float sk_log_limits_f32(float x, float r) {
    r = x < INFINITY ? r : x;
    r = x < 0.0f ? NAN : r;
    return x == 0.0f ? -INFINITY : r;
}
SK_MATH double sk_log_limits_f64(double x, double r) {
    r = x < INFINITY ? r : x;
    r = x < 0.0 ? NAN : r;
    return x == 0.0 ? -INFINITY : r;
}

SK_MATH float sk_log_f32(float x) {
    float k, m = sk_log_split_f32(x < 0x1p-126f ? x * 0x1p24f : x, &k);
    return sk_log_limits_f32(x, sk_log_join_f32(m - 1.0f, x < 0x1p-126f ? k - 24.0f : k));
}
SK_MATH double sk_log_f64(double x) {
    double k, m = sk_log_split_f64(x < 0x1p-1022 ? x * 0x1p54 : x, &k);
    return sk_log_limits_f64(x, sk_log_join_f64(m - 1.0, x < 0x1p-1022 ? k - 54.0 : k));
}

/* 1 + x = 2^k (1 + f): f = 2^-k x + (2^-k - 1) is rounded once, unlike 1 + x itself; for a large x the 1 no longer matters. */
SK_MATH float sk_log1p_f32(float x) {
    float k, u = 1.0f + x, m = sk_log_split_f32(u, &k), s = sk_float_f32((uint32_t)(127 - (int32_t)k) << 23);
    float r = sk_log_limits_f32(u, sk_log_join_f32(u < 0x1p20f ? sk_fma_f32(x, s, s - 1.0f) : m - 1.0f, k));
    return sk_abs_f32(x) < 0x1p-25f ? x : r;
}
SK_MATH double sk_log1p_f64(double x) {
    double k, u = 1.0 + x, m = sk_log_split_f64(u, &k);
    double s = sk_float_f64((1023u - (sk_bits_f64(k + SK_ROUND_F64) - sk_bits_f64(SK_ROUND_F64))) << 52);
    double r = sk_log_limits_f64(u, sk_log_join_f64(u < 0x1p50 ? sk_fma_f64(x, s, s - 1.0) : m - 1.0, k));
    return sk_abs_f64(x) < 0x1p-54 ? x : r;
}

/* ---- log2, log10, pow ---- */

/* log2(x) of a positive normal x, relative error 2^-37: what float results need. */
SK_MATH double sk_log2_short_f64(double x) {
    double k, m = sk_log_split_f64(x, &k), s = (m - 1.0) / (m + 1.0), z = s * s;
    return sk_fma_f64(s, SK_POLY4(sk_fma_f64, z, 2.8853900817900864, 0.9617966733420458, 0.5770835848768149, 0.4116727257736575,
                                  0.3407299624031209), k);
}
/* 2^x for |x| < 1000, relative error 2^-34. */
SK_MATH double sk_exp2_short_f64(double x) {
    double t = x + SK_ROUND_F64, r = x - (t - SK_ROUND_F64);
    double p = SK_POLY7(sk_fma_f64, r, 0.9999999999616247, 0.6931471807287215, 0.2402265119874006, 0.055504103528401495,
                        0.009618027174329094, 0.0013333922853080273, 0.00015469316863698005, 1.5201900373394291e-05);
    return p * sk_float_f64((sk_bits_f64(t) - sk_bits_f64(SK_ROUND_F64) + 1023u) << 52);
}

/* log2|x| at 0, infinity and NaN; r elsewhere. */
SK_MATH double sk_pow_log_limits_f64(double magnitude, double r) {
    r = magnitude < INFINITY ? r : magnitude;
    return magnitude == 0.0 ? -INFINITY : r;
}
/* pow(x, y) from r = |x|^y: the sign of odd powers, NaN for fractional powers of negative numbers, and the cases that are 1 (C99 F.9.4.4).
 * From WHOLE on every number is an integer, below it t = |y| + WHOLE has y's integer as low bits: the last one is moved to the sign. */
#define SK_DEFINE_POW_LIMITS(T, S, U, WHOLE)                                          \
    SK_MATH T sk_pow_limits_##S(T x, T y, T r) {                                      \
        T a = sk_abs_##S(y), t = a + WHOLE, whole = a < WHOLE ? t - WHOLE : a;        \
        U odd = sk_bits_##S(a < WHOLE ? t : a) << (8 * sizeof(U) - 1);                \
        odd = whole == a ? odd : 0;                                                   \
        odd = a < 2 * WHOLE ? odd : 0;                                                \
        T root = whole == a ? r : (T)NAN, real = x < 0 ? root : r;                    \
        r = x == (T)-INFINITY ? r : real;                                             \
        r = sk_float_##S(sk_bits_##S(r) ^ (sk_bits_##S(x) & odd));                    \
        T unit = a == (T)INFINITY ? 1 : r;                                            \
        r = sk_abs_##S(x) == 1 ? unit : r;                                            \
        r = x == 1 ? 1 : r;                                                           \
        return y == 0 ? 1 : r;                                                        \
    }
SK_DEFINE_POW_LIMITS(float, f32, uint32_t, 0x1p23f)
SK_DEFINE_POW_LIMITS(double, f64, uint64_t, 0x1p52)

#if SK_HAS_FMA
/* a * b = the result + lo, exactly. */
SK_MATH double sk_product_f64(double a, double b, double *lo) {
    double p = a * b;
    *lo = __builtin_fma(a, b, -p);
    return p;
}
/* a + b = the result + lo, exactly, where a is 0 or |a| >= |b|. */
SK_MATH double sk_two_sum_f64(double a, double b, double *lo) {
    double s = a + b;
    *lo = b - (s - a);
    return s;
}

/* log2(x) of a positive x as the result + lo, relative error about 2^-63: s = f / (2 + f) and s + s^3 / 3 in pairs of doubles, the rest
 * of atanh(s) in one, all times 2 / ln 2. */
SK_MATH double sk_log2_long_f64(double x, double *lo) {
    double k, m = sk_log_split_f64(x < 0x1p-1022 ? x * 0x1p54 : x, &k);
    k = x < 0x1p-1022 ? k - 54.0 : k;
    double f = m - 1.0, d = m + 1.0, dl = m - (d - 1.0), inverse = 1.0 / d;
    double sh = f * inverse, pl, ph = sk_product_f64(sh, d, &pl), sl = (((f - ph) - pl) - sh * dl) * inverse;
    double zl, zh = sk_product_f64(sh, sh, &zl);
    zl = sk_fma_f64(2.0 * sh, sl, zl);
    double cl, ch = sk_product_f64(zh, sh, &cl);
    cl += zl * sh + zh * sl;
    double bl, bh = sk_product_f64(ch, 0x1.5555555555555p-2, &bl);
    double rest = sk_fma_f64(zh, SK_POLY6(sk_fma_f64, zh, 0.20000000000001128, 0.1428571428504979, 0.1111111125996223, 0.09090892183456649,
                                          0.07693378671011256, 0.0662840874591238, 0.06598165509488205), 0x1.5555555555555p-56);
    double al, ah = sk_two_sum_f64(sh, bh, &al);
    al += sl + sk_fma_f64(cl, 0x1.5555555555555p-2, bl) + ch * rest;
    double ll, lh = sk_product_f64(ah, 0x1.71547652b82fep+1, &ll);
    ll += sk_fma_f64(ah, 0x1.777d0ffda0d24p-55, al * 0x1.71547652b82fep+1);
    double el, sum = sk_two_sum_f64(k, lh, &el);
    return sk_two_sum_f64(sum, el + ll, lo);
}

SK_MATH double sk_log2_f64(double x) {
    double lo, hi = sk_log2_long_f64(x, &lo);
    return sk_log_limits_f64(x, hi);
}
SK_MATH double sk_log10_f64(double x) {
    double lo, hi = sk_log2_long_f64(x, &lo), pl, ph = sk_product_f64(hi, 0x1.34413509f79ffp-2, &pl);
    return sk_log_limits_f64(x, ph + (pl + sk_fma_f64(hi, -0x1.9dc1da994fd21p-59, lo * 0x1.34413509f79ffp-2)));
}
SK_MATH double sk_pow_f64(double x, double y) {
    double a = sk_abs_f64(x), lo, hi = sk_pow_log_limits_f64(a, sk_log2_long_f64(a, &lo));
    double pl, ph = sk_product_f64(y, hi, &pl), rest = sk_fma_f64(y, lo, pl);
    return sk_pow_limits_f64(x, y, sk_exp2_long_f64(ph, sk_abs_f64(ph) < 1100.0 ? rest : 0.0));
}
#else /* exact products would cost seventeen operations each: libm is faster, though its calls keep a loop scalar */
SK_MATH double sk_log2_f64(double x) { return log2(x); }
SK_MATH double sk_log10_f64(double x) { return log10(x); }
SK_MATH double sk_pow_f64(double x, double y) { return pow(x, y); }
#endif

SK_MATH float sk_log2_f32(float x) { return sk_log_limits_f32(x, (float)sk_log2_short_f64((double)x)); }
SK_MATH float sk_log10_f32(float x) { return sk_log_limits_f32(x, (float)(0.3010299956639812 * sk_log2_short_f64((double)x))); }
SK_MATH float sk_pow_f32(float x, float y) {
    double a = (double)sk_abs_f32(x), p = (double)y * sk_pow_log_limits_f64(a, sk_log2_short_f64(a));
    p = p < -200.0 ? -200.0 : p;
    p = p > 200.0 ? 200.0 : p;
    return sk_pow_limits_f32(x, y, (float)sk_exp2_short_f64(p));
}

/* ---- tanh, erf ---- */

/* An odd polynomial where |x| is small, 1 - 2 / (exp(2|x|) + 1) elsewhere. */
SK_MATH float sk_tanh_f32(float x) {
    uint32_t n;
    float a = sk_abs_f32(x), z = a * a;
    float near = sk_fma_f32(a * z, SK_POLY4(sk_fma_f32, z, -3.33333e-01f, 1.3331936e-01f, -5.3784717e-02f, 2.0798625e-02f, -5.897966e-03f), a);
    float e = sk_exp_split_f32(a > 10.0f ? 20.0f : a + a, &n), s = sk_float_f32((n + 127u) << 23);
    float far = 1.0f - 2.0f / (sk_fma_f32(e, s, s) + 1.0f);
    return sk_signed_f32(a < 0.6f ? near : far, x);
}
SK_MATH double sk_tanh_f64(double x) {
    uint64_t n;
    double a = sk_abs_f64(x), z = a * a;
    double near = sk_fma_f64(a * z, SK_POLY10(sk_fma_f64, z, -0.33333333333333126, 0.13333333333299766, -0.05396825394933419,
                                              0.021869488003321537, -0.008863226786381517, 0.0035920374459440284, -0.001455215686749551,
                                              0.000587189425435547, -0.0002303988205580353, 7.931620175005828e-05,
                                              -1.717981966969303e-05), a);
    double e = sk_exp_split_f64(a > 20.0 ? 40.0 : a + a, &n), s = sk_float_f64((n + 1023u) << 52);
    double far = 1.0 - 2.0 / (sk_fma_f64(e, s, s) + 1.0);
    return sk_signed_f64(a < 0.6 ? near : far, x);
}

/* An odd polynomial where |x| < 1, 1 - exp(a polynomial near log erfc|x|) elsewhere. */
SK_MATH float sk_erf_f32(float x) {
    uint32_t n;
    float a = sk_abs_f32(x), z = a * a, c = a > 4.0f ? 4.0f : a;
    float near = sk_fma_f32(a, SK_POLY6(sk_fma_f32, z, 1.2837917e-01f, -3.7612626e-01f, 1.1283579e-01f, -2.6853347e-02f, 5.187162e-03f,
                                        -7.997853e-04f, 7.806902e-05f), a);
    float e = sk_exp_split_f32(SK_POLY6(sk_fma_f32, c, -3.4155336e-04f, -1.127089e+00f, -6.381452e-01f, -1.0310632e-01f, 2.1837793e-02f,
                                        -2.9475724e-03f, 1.8636828e-04f), &n);
    float s = sk_float_f32((n + 127u) << 23);
    return sk_signed_f32(a < 1.0f ? near : 1.0f - sk_fma_f32(e, s, s), x);
}
SK_MATH double sk_erf_f64(double x) {
    uint64_t n;
    double a = sk_abs_f64(x), z = a * a, c = a > 6.0 ? 6.0 : a;
    double near = sk_fma_f64(a, SK_POLY11(sk_fma_f64, z, 0.12837916709551256, -0.37612638903183343, 0.11283791670936949,
                                          -0.02686617064195855, 0.005223977596726426, -0.0008548325484217677, 0.00012055280459268379,
                                          -1.4924464557446063e-05, 1.644413129441624e-06, -1.6183786128316782e-07,
                                          1.361550815925907e-08, -7.604914013273046e-10), a);
    double e = sk_exp_split_f64(SK_POLY17(sk_fma_f64, c, -5.028881507462764e-07, -1.128374089110216, -0.6366436297018702,
                                          -0.10270343514856972, 0.01899017071850993, 0.0004106389699768072, -0.0019159547464679626,
                                          0.0007706523061875076, -0.00013505603019286233, -2.026391304592617e-05, 2.282147058626214e-05,
                                          -8.666868037117545e-06, 2.1356138020099186e-06, -3.7329297200512366e-07, 4.642184085453323e-08,
                                          -3.934195300918973e-09, 2.0449488964504783e-10, -4.928659868408939e-12), &n);
    double s = sk_float_f64((n + 1023u) << 52);
    return sk_signed_f64(a < 1.0 ? near : 1.0 - sk_fma_f64(e, s, s), x);
}

/* ---- sin, cos ---- */

/* sin(x + n pi/2), given sin(x) and cos(x), with the sign bit of `sign` turned over. */
SK_MATH double sk_select_turn(double odd, double even, uint64_t n, uint64_t sign) {
    uint64_t use_even = (uint64_t)0 - (n & 1u), u = (sk_bits_f64(even) & use_even) | (sk_bits_f64(odd) & ~use_even);
    return sk_float_f64(u ^ (((n << 62) ^ sign) & 0x8000000000000000u));
}
/* x in quarter turns: the nearest integer n (its low two bits count) and the rest, |rest| < 0.57, for every finite float x >= 0.
 * 2 / pi is cut into pieces of 28 bits, so that x * piece is exact in a double; pieces whose product is a multiple of 4 are passed over. */
SK_MATH double sk_quarter_turns_f32(double x, uint64_t *n) {
    double a = 0xa2f9836p-28, b = 0xe4e4415p-56, c = 0x29fc275p-84, d = 0x7d1f534p-112, e = 0xddc0db6p-140, f = 0x295993cp-168,
           g = 0x439041fp-196;
    double c0 = x < 0x1p53 ? a : x < 0x1p81 ? b : x < 0x1p109 ? c : d, c1 = x < 0x1p53 ? b : x < 0x1p81 ? c : x < 0x1p109 ? d : e;
    double c2 = x < 0x1p53 ? c : x < 0x1p81 ? d : x < 0x1p109 ? e : f, c3 = x < 0x1p53 ? d : x < 0x1p81 ? e : x < 0x1p109 ? f : g;
    double p = x * c0, s = (p - ((p + 0x1.8p54) - 0x1.8p54)) + x * c1, t = s + SK_ROUND_F64; /* 1.5 * 2^54 rounds to multiples of 4 */
    *n = sk_bits_f64(t);
    return ((s - (t - SK_ROUND_F64)) + x * c2) + x * c3;
}
SK_MATH float sk_turned_sine_f32(double r, uint64_t n, uint64_t sign) {
    double z = r * r;
    double odd = r * SK_POLY4(sk_fma_f64, z, 1.5707963267714318, -0.6459640938822506, 0.07969253596192227, -0.004680962951361744,
                              0.00015759944036417519);
    double even = SK_POLY4(sk_fma_f64, z, 0.9999999998092769, -1.2337005222108315, 0.25366883682821023, -0.020857750999181777,
                           0.0008990769450372786);
    return (float)sk_select_turn(odd, even, n, sign);
}
SK_MATH float sk_sin_f32(float x) {
    uint64_t n;
    double r = sk_quarter_turns_f32(sk_abs_f64((double)x), &n);
    return sk_turned_sine_f32(r, n, sk_bits_f64((double)x));
}
SK_MATH float sk_cos_f32(float x) {
    uint64_t n;
    double r = sk_quarter_turns_f32(sk_abs_f64((double)x), &n);
    return sk_turned_sine_f32(r, n + 1u, 0);
}

/* sin(x + n pi/2), its sign turned over by the sign bit of `sign`, for 0 <= x <= SK_TURNS_F64: x - k pi/2 as a pair of doubles, pi/2 in
 * three parts of which the first two times k are exact. Beyond, the result is meaningless. */
#define SK_TURNS_F64 1.6e6
SK_MATH double sk_turned_sine_f64(double x, uint64_t n, uint64_t sign) {
    double t = x * 0.6366197723675814 + SK_ROUND_F64, k = t - SK_ROUND_F64;
    n += sk_bits_f64(t);
    double a = x - k * 0x1.921fb544p+0, b = k * 0x1.0b4611a6p-34, c = a - b, rest = ((a - c) - b) - k * 0x1.3198a2e037073p-69;
    double r = c + rest, rl = (c - r) + rest, z = r * r;
    double odd = SK_POLY5(sk_fma_f64, z, -0.16666666666666632, 0.008333333333322462, -0.0001984126982982241, 2.7557313691541667e-06,
                          -2.5050757438529225e-08, 1.5896728696093848e-10);
    odd = r + sk_fma_f64(r * z, odd, rl * (1.0 - 0.5 * z));
    double even = SK_POLY5(sk_fma_f64, z, 0.0416666666666666, -0.0013888888888874448, 2.4801587289643503e-05, -2.7557314390277205e-07,
                           2.0875727523748663e-09, -1.1359830241819086e-11);
    double h = 0.5 * z, w = 1.0 - h;
    even = w + (((1.0 - w) - h) + sk_fma_f64(z * z, even, -r * rl));
    return sk_select_turn(odd, even, n, sign);
}
/* |x| <= SK_TURNS_F64 only: for loops known to stay there. */
SK_MATH double sk_sin_near_f64(double x) { return sk_turned_sine_f64(sk_abs_f64(x), 0, sk_bits_f64(x)); }
SK_MATH double sk_cos_near_f64(double x) { return sk_turned_sine_f64(sk_abs_f64(x), 1, 0); }
/* Any x: libm beyond SK_TURNS_F64, therefore a branch and a call, which keep a loop scalar. */
SK_MATH double sk_sin_f64(double x) { return sk_abs_f64(x) <= SK_TURNS_F64 ? sk_sin_near_f64(x) : sin(x); }
SK_MATH double sk_cos_f64(double x) { return sk_abs_f64(x) <= SK_TURNS_F64 ? sk_cos_near_f64(x) : cos(x); }

#endif
