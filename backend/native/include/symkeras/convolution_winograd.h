/* Winograd's F(2x2, 3x3): a tile of 2x2 outputs from 16 products per channel instead of 36 (Lavin and Gray, 2015).
 *
 *   y = A' [(G w G') * (B' x B)] A    x: 4x4 numbers, w: 3x3, y: 2x2; * product by product, summed over channels
 *
 * With channels in vectors the transforms are additions of vectors, and each of the 16 places is a matrix product of tiles
 * by channels with channels by outputs: on an AVX-512 Zen 5 core 1.3 times as fast as the direct way with 16 channels, 1.5 to 1.8
 * times with more. The gradient with respect to w goes the same way back, G' [sum over tiles of (A dy A') * (B' x B)] G.
 *
 * Sums are shorter than in the direct way, and errors relative to the largest output smaller; but the error of one output
 * is relative to the largest of its tile. Inf and NaN would spread over a tile, so where a result is not finite it is
 * computed again in the direct way. Define SK_CONV_WINOGRAD as 0 to do without. */
#ifndef SYMKERAS_CONVOLUTION_WINOGRAD_H
#define SYMKERAS_CONVOLUTION_WINOGRAD_H

#include "symkeras/convolution_filter.h"

#ifndef SK_CONV_WINOGRAD
#define SK_CONV_WINOGRAD 1
#endif

/* The most channels and outputs it takes, by sixteens; the pixels that pay for transforming w; the numbers of one place at
 * a time, tiles by channels; the most tiles of a filter gradient at a time. */
enum { SK_WINOGRAD_MOST = 256, SK_WINOGRAD_PAYS = 64, SK_WINOGRAD_PLACE = 2048, SK_WINOGRAD_TILES = 64 };

/* Elements of working memory: two sets of 16 places, a cache line more between them so that they fall into different sets of lines. */
enum { SK_WINOGRAD_ROOM = 2 * 16 * (SK_WINOGRAD_PLACE + 16) };

#define SK_DEFINE_WINOGRAD(T, S, U)                                                                                                        \
    /* p->u = G w G' of p->w (9, C, O), for each pair of vectors of outputs, or the last vector, (16, C, pair). */                         \
    SK_UNUSED static void sk_winograd_kernel_##S(const sk_conv_plan *p) {                                                                  \
        enum { L = SK_LANES_##U };                                                                                                         \
        const sk_v##S half = sk_splat_##S((T)0.5);                                                                                         \
        for (int64_t i = 0; i < p->outer / L * p->inner; i++) {                                                                            \
            int64_t o = i / p->inner * L, c = i % p->inner, r = o % (2 * L), pair = sk_min(2 * L, p->outer - o + r), n = p->inner * pair;  \
            const T *w = (const T *)p->w + c * p->w_row + o / (2 * L) * p->w_block + r;                                                    \
            T *u = (T *)p->u + 16 * p->inner * (o - r) + c * pair + r;                                                                     \
            sk_v##S g[12], d[3];                                                                                                           \
            SK_UNROLL for (int k = 0; k < 3; k++) {                                                                                        \
                SK_UNROLL for (int t = 0; t < 3; t++) d[t] = sk_load_##S(w + (3 * t + k) * p->inner * p->w_row);                           \
                g[k] = d[0], g[9 + k] = d[2], d[0] = half * (d[0] + d[2]), d[1] = half * d[1];                                             \
                g[3 + k] = d[0] + d[1], g[6 + k] = d[0] - d[1];                                                                            \
            }                                                                                                                              \
            SK_UNROLL for (int t = 0; t < 4; t++, u += 4 * n) {                                                                            \
                d[0] = half * (g[3 * t] + g[3 * t + 2]), d[1] = half * g[3 * t + 1];                                                       \
                sk_store_##S(u, g[3 * t]);                                                                                                 \
                sk_store_##S(u + n, d[0] + d[1]);                                                                                          \
                sk_store_##S(u + 2 * n, d[0] - d[1]);                                                                                      \
                sk_store_##S(u + 3 * n, g[3 * t + 2]);                                                                                     \
            }                                                                                                                              \
        }                                                                                                                                  \
    }                                                                                                                                      \
    /* dw (9, n) = G' du G of du (16, n); whether all of it is finite. */                                                                  \
    SK_UNUSED static int sk_winograd_kernel_grad_##S(const T *du, int64_t n, T *dw) {                                                      \
        enum { L = SK_LANES_##U };                                                                                                         \
        const sk_v##S half = sk_splat_##S((T)0.5);                                                                                         \
        sk_v##S odd = {0};                                                                                                                 \
        for (int64_t i = 0; i < n; i += L) {                                                                                               \
            sk_v##S g[12], d[4], sum;                                                                                                      \
            SK_UNROLL for (int c = 0; c < 4; c++) {                                                                                        \
                SK_UNROLL for (int r = 0; r < 4; r++) d[r] = sk_load_##S(du + (4 * r + c) * n + i);                                        \
                sum = half * (d[1] + d[2]);                                                                                                \
                g[c] = d[0] + sum, g[4 + c] = half * (d[1] - d[2]), g[8 + c] = sum + d[3];                                                 \
            }                                                                                                                              \
            SK_UNROLL for (int r = 0; r < 3; r++) {                                                                                        \
                sum = half * (g[4 * r + 1] + g[4 * r + 2]);                                                                                \
                d[0] = g[4 * r] + sum, d[1] = half * (g[4 * r + 1] - g[4 * r + 2]), d[2] = sum + g[4 * r + 3];                             \
                SK_UNROLL for (int c = 0; c < 3; c++) {                                                                                    \
                    sk_store_##S(dw + (3 * r + c) * n + i, d[c]);                                                                          \
                    odd += d[c] - d[c];                                                                                                    \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
        return sk_sum_##S(odd) == 0;                                                                                                       \
    }                                                                                                                                      \
    /* B' of one column of a tile, for four rows of t. */                                                                                  \
    SK_INLINE void sk_winograd_column_##S(const T *x, int64_t row, sk_v##S *d, sk_v##S *t) {                                               \
        SK_UNROLL for (int r = 0; r < 4; r++) d[r] = sk_load_##S(x + r * row);                                                             \
        t[0] = d[0] - d[2], t[4] = d[1] + d[2], t[8] = d[2] - d[1], t[12] = d[1] - d[3];                                                   \
    }                                                                                                                                      \
    /* v (16 places, tiles c apart) = B' x B of tiles side by side, one vector of channels. Neighbours share two columns of x. */          \
    SK_INLINE void sk_winograd_in_##S(int64_t tiles, const T *x, int64_t row, int64_t pixel, T *v, int64_t c, int64_t place) {             \
        sk_v##S d[4], t[16];                                                                                                               \
        SK_UNROLL for (int i = 0; i < 2; i++) sk_winograd_column_##S(x + i * pixel, row, d, t + i);                                        \
        for (int64_t k = 0; k < tiles; k++, v += c) {                                                                                      \
            T *to = v;                                                                                                                     \
            x += 2 * pixel;                                                                                                                \
            SK_UNROLL for (int i = 0; i < 2; i++) sk_winograd_column_##S(x + i * pixel, row, d, t + 2 + i);                                \
            SK_UNROLL for (int i = 0; i < 16; i += 4, to += 4 * place) {                                                                   \
                sk_store_##S(to, t[i] - t[i + 2]);                                                                                         \
                sk_store_##S(to + place, t[i + 1] + t[i + 2]);                                                                             \
                sk_store_##S(to + 2 * place, t[i + 2] - t[i + 1]);                                                                         \
                sk_store_##S(to + 3 * place, t[i + 1] - t[i + 3]);                                                                         \
            }                                                                                                                              \
            SK_UNROLL for (int i = 0; i < 16; i += 4) t[i] = t[i + 2], t[i + 1] = t[i + 3];                                                \
        }                                                                                                                                  \
    }                                                                                                                                      \
    /* y (2x2, of which rows x columns are stored) = A' m A, one vector of outputs; `odd` becomes NaN where y is not finite. */            \
    SK_INLINE void sk_winograd_out_##S(const T *m, int64_t place, T *y, int64_t row, int64_t pixel, int64_t rows,                          \
                                       int64_t columns, sk_v##S *odd) {                                                                    \
        sk_v##S s[8], d[4];                                                                                                                \
        SK_UNROLL for (int i = 0; i < 4; i++) {                                                                                            \
            SK_UNROLL for (int r = 0; r < 4; r++) d[r] = sk_load_##S(m + (4 * r + i) * place);                                             \
            s[i] = d[0] + d[1] + d[2], s[4 + i] = d[1] - d[2] - d[3];                                                                      \
        }                                                                                                                                  \
        SK_UNROLL for (int r = 0; r < 2; r++) {                                                                                            \
            d[0] = s[4 * r] + s[4 * r + 1] + s[4 * r + 2], d[1] = s[4 * r + 1] - s[4 * r + 2] - s[4 * r + 3];                              \
            *odd += (d[0] - d[0]) + (d[1] - d[1]);                                                                                         \
            if (r < rows) sk_store_##S(y + r * row, d[0]);                                                                                 \
            if (r < rows && columns > 1) sk_store_##S(y + r * row + pixel, d[1]);                                                          \
        }                                                                                                                                  \
    }                                                                                                                                      \
    /* m (16 places) = A dy A', one vector of outputs; what lies beyond rows x columns is zero. */                                         \
    SK_INLINE void sk_winograd_back_##S(const T *dy, int64_t row, int64_t pixel, int64_t rows, int64_t columns, T *m,                      \
                                        int64_t place) {                                                                                   \
        sk_v##S d[4], zero = {0};                                                                                                          \
        d[0] = sk_load_##S(dy), d[1] = columns > 1 ? sk_load_##S(dy + pixel) : zero;                                                       \
        d[2] = rows > 1 ? sk_load_##S(dy + row) : zero, d[3] = rows > 1 && columns > 1 ? sk_load_##S(dy + row + pixel) : zero;             \
        const sk_v##S t[8] = {d[0], d[1], d[0] + d[2], d[1] + d[3], d[0] - d[2], d[1] - d[3], zero - d[2], zero - d[3]};                   \
        SK_UNROLL for (int i = 0; i < 4; i++) {                                                                                            \
            sk_store_##S(m + 4 * i * place, t[2 * i]);                                                                                     \
            sk_store_##S(m + (4 * i + 1) * place, t[2 * i] + t[2 * i + 1]);                                                                \
            sk_store_##S(m + (4 * i + 2) * place, t[2 * i] - t[2 * i + 1]);                                                                \
            sk_store_##S(m + (4 * i + 3) * place, zero - t[2 * i + 1]);                                                                    \
        }                                                                                                                                  \
    }                                                                                                                                      \
    /* m (16 places, SK_CONV_PIXELS tiles, two vectors) = v (16, tiles, c) u (16, c, vectors): as sk_conv_tile, but nothing around the     \
       short run over channels. */                                                                                                         \
    SK_INLINE void sk_winograd_places_##S(const int tiles, const int vectors, T *m, int64_t m_place, const T *v, int64_t v_place,          \
                                          const T *u, int64_t c) {                                                                         \
        enum { L = SK_LANES_##U };                                                                                                         \
        for (int q = 0; q < 16; q++, m += m_place, v += v_place) {                                                                         \
            sk_v##S sum[16], tap[2];                                                                                                       \
            SK_UNROLL for (int i = 0; i < tiles * vectors; i++) sum[i] = (sk_v##S){0};                                                     \
            for (int64_t t = 0; t < c; t++, u += vectors * L) {                                                                            \
                SK_UNROLL for (int a = 0; a < vectors; a++) tap[a] = sk_load_##S(u + a * L);                                               \
                SK_UNROLL for (int a = 0; a < vectors; a++) SK_IN_REGISTER(tap[a]);                                                        \
                SK_UNROLL for (int i = 0; i < tiles; i++) {                                                                                \
                    sk_v##S value = sk_splat_##S(v[t + i * c]);                                                                            \
                    SK_UNROLL for (int a = 0; a < vectors; a++) sum[i * vectors + a] = SK_FMA_##U(value, tap[a], sum[i * vectors + a]);    \
                }                                                                                                                          \
            }                                                                                                                              \
            SK_UNROLL for (int i = 0; i < tiles; i++)                                                                                      \
                SK_UNROLL for (int a = 0; a < vectors; a++) sk_store_##S(m + i * 2 * L + a * L, sum[i * vectors + a]);                     \
        }                                                                                                                                  \
    }                                                                                                                                      \
    SK_UNUSED static void sk_winograd_products_##S(int64_t n, int vectors, T *m, int64_t m_place, const T *v, int64_t v_place, const T *u, \
                                                   int64_t c) {                                                                            \
        enum { L = SK_LANES_##U, TILES = SK_CONV_PIXELS };                                                                                 \
        sk_conv_walk k = {.count = {1, 1, 1}, .run = c, .x_pixel = c, .y_pixel = 2 * L, .lanes = L, .w_row = vectors * L};                 \
        if (n == TILES && vectors == 2)                                                                                                    \
            sk_winograd_places_##S(TILES, 2, m, m_place, v, v_place, u, c);                                                                \
        else if (n == TILES - 1 && vectors == 2)                                                                                           \
            sk_winograd_places_##S(TILES - 1, 2, m, m_place, v, v_place, u, c);                                                            \
        else if (n == TILES)                                                                                                               \
            sk_winograd_places_##S(TILES, 1, m, m_place, v, v_place, u, c);                                                                \
        else                                                                                                                               \
            for (int64_t q = 0; q < 16; q++)                                                                                               \
                sk_conv_choose_##S(vectors, n, m + q * m_place, v + q * v_place, u + q * c * k.w_row, &k);                                 \
    }                                                                                                                                      \
    /* The outputs of one piece, a few tiles at a time; p->u is the transformed kernel. */                                                 \
    SK_UNUSED static void sk_winograd_piece_##S(const sk_conv_plan *p, const sk_conv_patch *from, void *out, int64_t rows,                 \
                                                int64_t columns) {                                                                         \
        enum { L = SK_LANES_##U, TILES = SK_CONV_PIXELS };                                                                                 \
        int64_t c = p->inner, wide = (columns + 1) / 2, v_place = TILES * c + 16, m_place = TILES * 2 * L + 16;                            \
        int64_t left = wide * ((rows + 1) / 2), row = 0, column = 0; /* tiles left, the first of them */                                   \
        T *v = (T *)p->room, *m = v + 16 * v_place;                                                                                        \
        sk_v##S odd = {0};                                                                                                                 \
        for (int64_t n; left > 0; left -= n) {                                                                                             \
            const int64_t groups = (left + TILES - 1) / TILES; /* alike, so that each fills the multipliers */                             \
            n = (left + groups - 1) / groups;                                                                                              \
            int64_t r = row, j = column;                                                                                                   \
            for (int64_t i = 0, run; i < n; i += run) {                                                                                    \
                run = sk_min(n - i, wide - j);                                                                                             \
                const T *x = (const T *)from->x + r * 2 * from->step[1] + j * 2 * from->step[2];                                           \
                for (int64_t a = 0; a < c; a += L)                                                                                         \
                    sk_winograd_in_##S(run, x + a, from->step[1], from->step[2], v + i * c + a, c, v_place);                               \
                j += run;                                                                                                                  \
                if (j == wide) j = 0, r++;                                                                                                 \
            }                                                                                                                              \
            for (int64_t o = 0; o < p->outer; o += 2 * L) {                                                                                \
                int vectors = p->outer - o > L ? 2 : 1;                                                                                    \
                sk_winograd_products_##S(n, vectors, m, m_place, v, v_place, (const T *)p->u + 16 * c * o, c);                             \
                r = row, j = column;                                                                                                       \
                for (int64_t i = 0; i < n; i++) {                                                                                          \
                    T *y = (T *)out + r * 2 * p->y_step[1] + j * 2 * p->y_step[2] + o;                                                     \
                    for (int a = 0; a < vectors; a++)                                                                                      \
                        sk_winograd_out_##S(m + (i * 2 + a) * L, m_place, y + a * L, p->y_step[1], p->y_step[2], rows - 2 * r,             \
                                            columns - 2 * j, &odd);                                                                        \
                    if (++j == wide) j = 0, r++;                                                                                           \
                }                                                                                                                          \
            }                                                                                                                              \
            row = r, column = j;                                                                                                           \
        }                                                                                                                                  \
        if (sk_sum_##S(odd) != 0) sk_conv_piece_##S(p, from, out, rows, columns);                                                          \
    }                                                                                                                                      \
    /* Sums du (16, C, O) over the tiles of pieces, which wait until there are enough; those left when `from` is NULL. */                  \
    SK_UNUSED static void sk_winograd_blocks_##S(const sk_conv_plan *p, const sk_conv_patch *from, const void *of, void *to,               \
                                                 sk_conv_sums *k, int64_t part, int64_t parts) {                                           \
        enum { L = SK_LANES_##U };                                                                                                         \
        int64_t c = p->inner, o = p->outer, most = sk_min(SK_WINOGRAD_TILES, SK_WINOGRAD_PLACE / sk_max(c, o));                            \
        int64_t v_place = most * c + 16, m_place = most * o + 16, wide = from ? (k->columns + 1) / 2 : 0;                                  \
        int64_t tiles = from ? wide * ((k->rows + 1) / 2) : 0;                                                                             \
        T *v = (T *)p->room, *m = v + 16 * v_place;                                                                                        \
        for (int64_t i = 0, n; i <= tiles; i += n) {                                                                                       \
            if (k->held == most || (!from && k->held)) {                                                                                   \
                sk_conv_sums sums = {.rows = 1, .columns = k->held, .x_pixel = c, .dy_pixel = o, .dw_row = o, .add = k->add};              \
                int64_t block = 0;                                                                                                         \
                for (int64_t q = 0; q < 16; q++)                                                                                           \
                    for (int64_t b = 0; b < o; b += 2 * L)                                                                                 \
                        for (int64_t a = 0, many; a < c; a += many) { /* runs of channels alike, so that each fills the multipliers */     \
                            const int64_t runs = (c - a + SK_CONV_COUNT - 1) / SK_CONV_COUNT;                                              \
                            many = (c - a + runs - 1) / runs;                                                                              \
                            if (block++ % parts != part) continue;                                                                         \
                            sk_conv_choose_block_##S(o - b > L ? 2 : 1, many, (T *)to + (q * c + a) * o + b, v + q * v_place + a,          \
                                                     m + q * m_place + b, &sums);                                                          \
                        }                                                                                                                  \
                k->add = 1, k->held = 0;                                                                                                   \
            }                                                                                                                              \
            if (i == tiles) return;                                                                                                        \
            int64_t r = i / wide * 2, j = i % wide * 2;                                                                                    \
            n = sk_min(sk_min(wide - i % wide, most - k->held), tiles - i);                                                                \
            const T *x = (const T *)from->x + r * from->step[1] + j * from->step[2];                                                       \
            const T *dy = (const T *)of + r * k->dy_row + j * k->dy_pixel;                                                                 \
            for (int64_t a = 0; a < c; a += L)                                                                                             \
                sk_winograd_in_##S(n, x + a, from->step[1], from->step[2], v + k->held * c + a, c, v_place);                               \
            for (int64_t e = 0; e < n; e++)                                                                                                \
                for (int64_t b = 0; b < o; b += L)                                                                                         \
                    sk_winograd_back_##S(dy + 2 * e * k->dy_pixel + b, k->dy_row, k->dy_pixel, k->rows - r, k->columns - j - 2 * e,        \
                                         m + (k->held + e) * o + b, m_place);                                                              \
            k->held += n;                                                                                                                  \
        }                                                                                                                                  \
    }
SK_F32(SK_DEFINE_WINOGRAD(float, f32, F32))
SK_F64(SK_DEFINE_WINOGRAD(double, f64, F64))

#endif
