/* The gradient of a convolution with respect to its kernel: blocks of dw in registers, summed over the pixels of a piece. */
#ifndef SYMKERAS_CONVOLUTION_FILTER_H
#define SYMKERAS_CONVOLUTION_FILTER_H

#include "symkeras/convolution_direct.h"

/* The most numbers of x in a block of dw, alone and with three taps each. */
enum { SK_CONV_COUNT = SK_CONV_PIXELS, SK_CONV_COUNT_ROLLED = SK_VECTOR_REGISTERS == 32 ? 8 : 4 };

/* Slices of the batch with a partial sum each: `SK_CONV_MOST_SLICES`, fewer where these would have more elements than SK_CONV_EASILY
 * together, two where they have no more than SK_CONV_PARTIAL; beyond, one. */
enum { SK_CONV_MOST_SLICES = 8 };
#define SK_CONV_EASILY (1 << 18)
#define SK_CONV_PARTIAL (1 << 20)

/* How a block walks: the pixels of a piece; places between rows and pixels of x and of dy, between rows of dw and from one
 * tap to the next; the lanes that are stored; tiles that wait (convolution_winograd.h); whether three taps are
 * taken at once; whether sums are added to dw. */
typedef struct {
    int64_t rows, columns, x_row, x_pixel, dy_row, dy_pixel, dw_row, next, lanes, held;
    int rolls, add;
} sk_conv_sums;

/* sk_conv_block: `count` neighbouring numbers of x by `vectors` vectors of dy.
 * sk_conv_block_rolled: for stride 1 and two columns or more, `count` numbers of x, at three taps of a row, by one vector
 * of dy. The number at column j meets dy at j, j - 1 and j - 2, which stay in registers: one load for three products. The
 * first and last two columns stand apart, where fewer meet: a product with a zero in their place makes NaN of Inf.
 * sk_conv_blocks: every `parts`-th block of dw from number `part` on, over one piece. */
#define SK_DEFINE_CONV_BLOCK(T, S, U)                                                                                                      \
    SK_INLINE void sk_conv_add_##S(T *dw, sk_v##S sum, int add) { sk_store_##S(dw, add ? sk_load_##S(dw) + sum : sum); }                   \
    SK_INLINE void sk_conv_block_##S(const int count, const int vectors, T *dw, const T *x, const T *dy, const sk_conv_sums *k) {          \
        enum { L = SK_LANES_##U };                                                                                                         \
        sk_v##S sum[16], d[2];                                                                                                             \
        SK_UNROLL for (int i = 0; i < count * vectors; i++) sum[i] = (sk_v##S){0};                                                         \
        for (int64_t r = 0; r < k->rows; r++) {                                                                                            \
            const T *from = x + r * k->x_row, *of = dy + r * k->dy_row;                                                                    \
            for (int64_t j = 0; j < k->columns; j++, from += k->x_pixel, of += k->dy_pixel) {                                              \
                SK_UNROLL for (int v = 0; v < vectors; v++) d[v] = sk_load_##S(of + v * L);                                                \
                SK_UNROLL for (int v = 0; v < vectors; v++) SK_IN_REGISTER(d[v]);                                                          \
                SK_UNROLL for (int i = 0; i < count; i++) {                                                                                \
                    sk_v##S value = sk_splat_##S(from[i]);                                                                                 \
                    SK_UNROLL for (int v = 0; v < vectors; v++)                                                                            \
                        sum[i * vectors + v] = SK_FMA_##U(value, d[v], sum[i * vectors + v]);                                              \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
        SK_UNROLL for (int i = 0; i < count * vectors; i++)                                                                                \
            sk_conv_add_##S(dw + i / vectors * k->dw_row + i % vectors * L, sum[i], k->add);                                               \
    }                                                                                                                                      \
    SK_INLINE void sk_conv_column_##S(const int count, const int first, const int last, const T *x, const sk_v##S *d,                      \
                                      sk_v##S *sum) {                                                                                      \
        SK_UNROLL for (int i = 0; i < count; i++) {                                                                                        \
            sk_v##S value = sk_splat_##S(x[i]);                                                                                            \
            SK_UNROLL for (int q = first; q <= last; q++) sum[q * count + i] = SK_FMA_##U(value, d[q], sum[q * count + i]);                \
        }                                                                                                                                  \
    }                                                                                                                                      \
    SK_INLINE void sk_conv_block_rolled_##S(const int count, T *dw, const T *x, const T *dy, const sk_conv_sums *k) {                      \
        sk_v##S sum[24], d[3];                                                                                                             \
        SK_UNROLL for (int i = 0; i < 3 * count; i++) sum[i] = (sk_v##S){0};                                                               \
        for (int64_t r = 0; r < k->rows; r++) {                                                                                            \
            const T *from = x + r * k->x_row, *of = dy + r * k->dy_row;                                                                    \
            d[0] = sk_load_##S(of);                                                                                                        \
            sk_conv_column_##S(count, 0, 0, from, d, sum);                                                                                 \
            d[1] = d[0], d[0] = sk_load_##S(of += k->dy_pixel);                                                                            \
            sk_conv_column_##S(count, 0, 1, from += k->x_pixel, d, sum);                                                                   \
            for (int64_t j = 2; j < k->columns; j++) {                                                                                     \
                d[2] = d[1], d[1] = d[0], d[0] = sk_load_##S(of += k->dy_pixel);                                                           \
                sk_conv_column_##S(count, 0, 2, from += k->x_pixel, d, sum);                                                               \
            }                                                                                                                              \
            d[2] = d[1], d[1] = d[0];                                                                                                      \
            sk_conv_column_##S(count, 1, 2, from += k->x_pixel, d, sum);                                                                   \
            d[2] = d[1];                                                                                                                   \
            sk_conv_column_##S(count, 2, 2, from + k->x_pixel, d, sum);                                                                    \
        }                                                                                                                                  \
        SK_UNROLL for (int i = 0; i < 3 * count; i++)                                                                                      \
            sk_conv_add_##S(dw + i / count * k->next + i % count * k->dw_row, sum[i], k->add);                                             \
    }                                                                                                                                      \
    SK_ONE_COPY void sk_conv_choose_block_##S(int vectors, int64_t count, T *dw, const T *x, const T *dy,                                  \
                                         const sk_conv_sums *k) {                                                                          \
        if (k->rolls)                                                                                                                      \
            switch (count) { SK_CONV_COUNTS_ROLLED(SK_CONV_BLOCK_ROLLED_CASE, S) }                                                         \
        else if (vectors == 1)                                                                                                             \
            switch (count) { SK_CONV_SIZES(SK_CONV_BLOCK_CASE, 1, S) }                                                                     \
        else                                                                                                                               \
            switch (count) { SK_CONV_SIZES(SK_CONV_BLOCK_CASE, 2, S) }                                                                     \
    }                                                                                                                                      \
    SK_UNUSED static void sk_conv_blocks_##S(const sk_conv_plan *p, const sk_conv_patch *from, const void *of, void *to,                   \
                                             sk_conv_sums *piece, int64_t part, int64_t parts) {                                           \
        sk_conv_sums k = *piece;                                                                                                           \
        enum { L = SK_LANES_##U };                                                                                                         \
        const sk_conv_walk walk = sk_conv_walk_of(p, from);                                                                                \
        int can_roll = p->kernel[2] == 3 && p->stride[2] == 1 && p->dilation[2] == 1 && k.columns >= 2;                                    \
        int64_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2], outer = (p->outer + L - 1) / L * L, block = 0;                          \
        for (int64_t g = 0; g < p->groups; g++)                                                                                            \
            for (int64_t o = 0; o < outer; o += 2 * L) {                                                                                   \
                int vectors = outer - o > L ? 2 : 1;                                                                                       \
                k.rolls = vectors == 1 && can_roll;                                                                                        \
                int64_t run = k.rolls ? p->inner : walk.run;                                                                               \
                int64_t step = sk_conv_even(run, k.rolls ? SK_CONV_COUNT_ROLLED : SK_CONV_COUNT);                                          \
                for (int64_t t = 0, jump; t < taps * p->inner; t += jump) {                                                                \
                    int64_t at = t / p->inner, c = at % p->kernel[2], b = at / p->kernel[2] % p->kernel[1];                                \
                    int64_t a = at / p->kernel[2] / p->kernel[1], count = sk_min(step, run - t % run);                                     \
                    jump = k.rolls && t % run + count == run ? count + 2 * p->inner : count;                                               \
                    if (block++ % parts != part) continue;                                                                                 \
                    int64_t first, end;                                                                                                    \
                    sk_conv_meet(b * p->dilation[1], p->stride[1], from->low, from->high, piece->rows, &first, &end);                      \
                    k.rows = end - first;                                                                                                  \
                    sk_conv_choose_block_##S(vectors, count, (T *)to + t * k.dw_row + g * outer + o,                                       \
                                             (const T *)from->x + g * p->inner + t % p->inner + first * k.x_row +                          \
                                                 a * walk.step[0] + b * walk.step[1] + c * walk.step[2],                                   \
                                             (const T *)of + first * k.dy_row + g * outer + o, &k);                                        \
                }                                                                                                                          \
            }                                                                                                                              \
        piece->add = 1;                                                                                                                    \
    }

#define SK_CONV_BLOCK_CASE(COUNT, VECTORS, S) \
    case COUNT: sk_conv_block_##S(COUNT, VECTORS, dw, x, dy, k); break;
#define SK_CONV_BLOCK_ROLLED_CASE(COUNT, S) \
    case COUNT: sk_conv_block_rolled_##S(COUNT, dw, x, dy, k); break;
#if SK_VECTOR_REGISTERS == 32
#define SK_CONV_COUNTS_ROLLED(X, S) X(1, S) X(2, S) X(3, S) X(4, S) X(5, S) X(6, S) X(7, S) X(8, S)
#else
#define SK_CONV_COUNTS_ROLLED(X, S) X(1, S) X(2, S) X(3, S) X(4, S)
#endif

SK_F32(SK_DEFINE_CONV_BLOCK(float, f32, F32))
SK_F64(SK_DEFINE_CONV_BLOCK(double, f64, F64))

#endif
