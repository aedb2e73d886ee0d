/* Depthwise convolution: every channel has a kernel of its own, so vectors run over channels on both sides.
 *
 * Where a channel of x feeds several outputs, the copy of x holds it as often. Where channels do not fill the last vector,
 * x is copied and w padded too: the lanes beyond the channels read what lies behind them, and are not stored. */
#ifndef SYMKERAS_CONVOLUTION_DEPTHWISE_H
#define SYMKERAS_CONVOLUTION_DEPTHWISE_H

#include "symkeras/convolution_filter.h"

/* sk_conv_depthwise_tile: `pixels` outputs of a row by one vector of channels; a row of w is one tap.
 * sk_conv_depthwise_piece: for each vector of channels, row by row, tile by tile.
 * sk_conv_depthwise_taps: dw at `taps` taps, whose numbers of x lie at `place`, over the pixels of a piece.
 * sk_conv_depthwise_blocks: every `parts`-th block of dw (taps, channels) from number `part` on, over one piece. */
#define SK_DEFINE_CONV_DEPTHWISE(T, S, U)                                                                                                  \
    SK_INLINE void sk_conv_depthwise_tile_##S(const int pixels, T *y, const T *x, const T *w, const sk_conv_walk *k) {                     \
        sk_v##S sum[8];                                                                                                                    \
        SK_UNROLL for (int i = 0; i < pixels; i++) sum[i] = (sk_v##S){0};                                                                  \
        for (int64_t a = 0; a < k->count[0]; a++)                                                                                          \
            for (int64_t b = 0; b < k->count[1]; b++)                                                                                      \
                for (int64_t c = 0; c < k->count[2]; c++, w += k->w_row) {                                                                 \
                    const T *from = x + a * k->step[0] + b * k->step[1] + c * k->step[2];                                                  \
                    sk_v##S tap = sk_load_##S(w);                                                                                          \
                    SK_UNROLL for (int i = 0; i < pixels; i++)                                                                             \
                        sum[i] = SK_FMA_##U(sk_load_##S(from + i * k->x_pixel), tap, sum[i]);                                              \
                }                                                                                                                          \
        SK_UNROLL for (int i = 0; i < pixels; i++, y += k->y_pixel) sk_store_part_##S(y, sum[i], (int)k->lanes);                           \
    }                                                                                                                                      \
    SK_UNUSED static void sk_conv_depthwise_piece_##S(const sk_conv_plan *p, const sk_conv_patch *from, void *out,                         \
                                                      int64_t rows, int64_t columns) {                                                     \
        enum { L = SK_LANES_##U };                                                                                                         \
        int64_t channels = p->groups * p->repeat;                                                                                          \
        sk_conv_walk k = sk_conv_walk_of(p, from);                                                                                         \
        for (int64_t v = 0; v < channels; v += L)                                                                                          \
            for (int64_t r = 0; r < rows; r++)                                                                                             \
                for (int64_t j = 0, n; j < columns; j += n) {                                                                              \
                    const T *x = (const T *)from->x + v + r * p->stride[1] * from->step[1] + j * k.x_pixel;                                \
                    const T *w = (const T *)p->w + v;                                                                                      \
                    T *y = (T *)out + v + r * p->y_step[1] + j * k.y_pixel;                                                                \
                    k.lanes = sk_min(L, channels - v);                                                                                     \
                    if (columns - j >= 8)                                                                                                  \
                        sk_conv_depthwise_tile_##S((n = 8), y, x, w, &k);                                                                  \
                    else if (columns - j >= 3)                                                                                             \
                        sk_conv_depthwise_tile_##S((n = 3), y, x, w, &k);                                                                  \
                    else                                                                                                                   \
                        sk_conv_depthwise_tile_##S((n = 1), y, x, w, &k);                                                                  \
                }                                                                                                                          \
    }                                                                                                                                      \
    SK_INLINE void sk_conv_depthwise_taps_##S(const int taps, const int64_t *place, T *dw, const T *x, const T *dy,                        \
                                              const sk_conv_sums *k) {                                                                     \
        sk_v##S sum[9];                                                                                                                    \
        SK_UNROLL for (int t = 0; t < taps; t++) sum[t] = (sk_v##S){0};                                                                    \
        for (int64_t r = 0; r < k->rows; r++)                                                                                              \
            for (int64_t j = 0; j < k->columns; j++) {                                                                                     \
                sk_v##S d = sk_load_part_##S(dy + r * k->dy_row + j * k->dy_pixel, (int)k->lanes);                                         \
                const T *from = x + r * k->x_row + j * k->x_pixel;                                                                         \
                SK_UNROLL for (int t = 0; t < taps; t++) sum[t] = SK_FMA_##U(sk_load_##S(from + place[t]), d, sum[t]);                     \
            }                                                                                                                              \
        SK_UNROLL for (int t = 0; t < taps; t++, dw += k->dw_row)                                                                          \
            sk_store_part_##S(dw, k->add ? sk_load_part_##S(dw, (int)k->lanes) + sum[t] : sum[t], (int)k->lanes);                          \
    }                                                                                                                                      \
    SK_UNUSED static void sk_conv_depthwise_blocks_##S(const sk_conv_plan *p, const sk_conv_patch *from, const void *of,                   \
                                                       void *to, sk_conv_sums *piece, int64_t part, int64_t parts) {                       \
        sk_conv_sums k = *piece;                                                                                                           \
        enum { L = SK_LANES_##U };                                                                                                         \
        int64_t channels = p->groups * p->repeat, taps = p->kernel[0] * p->kernel[1] * p->kernel[2], place[9], block = 0;                  \
        for (int64_t t = 0, n; t < taps; t += n) {                                                                                         \
            n = taps - t >= 9 ? 9 : taps - t >= 3 ? 3 : 1;                                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                                                              \
                int64_t c = (t + i) % p->kernel[2], b = (t + i) / p->kernel[2];                                                            \
                place[i] = b / p->kernel[1] * from->step[0] + b % p->kernel[1] * p->dilation[1] * from->step[1] +                          \
                           c * p->dilation[2] * from->step[2];                                                                             \
            }                                                                                                                              \
            for (int64_t v = 0; v < channels; v += L) {                                                                                    \
                if (block++ % parts != part) continue;                                                                                     \
                const T *x = (const T *)from->x + v, *dy = (const T *)of + v;                                                              \
                T *dw = (T *)to + t * k.dw_row + v;                                                                                        \
                k.lanes = sk_min(L, channels - v);                                                                                         \
                if (n == 9)                                                                                                                \
                    sk_conv_depthwise_taps_##S(9, place, dw, x, dy, &k);                                                                   \
                else if (n == 3)                                                                                                           \
                    sk_conv_depthwise_taps_##S(3, place, dw, x, dy, &k);                                                                   \
                else                                                                                                                       \
                    sk_conv_depthwise_taps_##S(1, place, dw, x, dy, &k);                                                                   \
            }                                                                                                                              \
        }                                                                                                                                  \
        piece->add = 1;                                                                                                                    \
    }
SK_F32(SK_DEFINE_CONV_DEPTHWISE(float, f32, F32))
SK_F64(SK_DEFINE_CONV_DEPTHWISE(double, f64, F64))

#endif
