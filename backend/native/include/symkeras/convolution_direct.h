/* Convolution without windows laid out: tiles of outputs in registers, read from x by broadcast and from w as vectors.
 *
 * The outputs of an image are cut into pieces, blocks of rows whose part of x stays near the first cache. A piece reads x
 * where it lies, or, where it reaches over the border, a copy of its part of x with zeros around: two or three hundredths
 * of the work, and the tiles know no borders, no padding and no dimensions beyond their walk. */
#ifndef SYMKERAS_CONVOLUTION_DIRECT_H
#define SYMKERAS_CONVOLUTION_DIRECT_H

#include "symkeras/gemm.h"

/* A loop of a known number of steps, written out, so that arrays of sums become registers. */
#define SK_UNROLL _Pragma("GCC unroll 64")

/* Large functions with several callers: a copy for each would take the compiler twice as long. */
#if defined(__clang__)
#define SK_ONE_COPY SK_UNUSED static __attribute__((noinline))
#else
#define SK_ONE_COPY SK_UNUSED static __attribute__((noinline, noclone))
#endif

/* The most pixels of a tile; the least and the most of one that takes three taps at once. */
enum {
    SK_CONV_PIXELS = SK_VECTOR_REGISTERS == 32 ? 8 : 6,
    SK_ROLLED_LEAST = SK_VECTOR_REGISTERS == 32 ? 10 : 8,
    SK_ROLLED_MOST = SK_VECTOR_REGISTERS == 32 ? 16 : 10,
};

/* Elements of x that a piece reads, beyond those that eight outputs read; those that one row of its outputs reads. */
#define SK_CONV_PIECE 8192
#define SK_CONV_LINE 6144

typedef struct sk_conv_plan sk_conv_plan;

/* What a piece reads: the first element; the places from one depth tap, row and pixel to the next; the rows from `low` up
 * to `high` are of x, those around them zeros. */
typedef struct {
    const void *x;
    int64_t step[3], low, high;
} sk_conv_patch;

/* A convolution of x (B, in, groups * inner) to (B, out, groups * outer), as its pieces see it. y lies at y_image and
 * y_step, which are dense but where an input gradient is put together from several convolutions; before may be negative.
 * w: rows in the order of taps and channels, w_row apart, those of a group w_group apart; pairs of vectors of a row are
 * w_block apart, and the last one may be read as a whole. Each channel of x counts `repeat` times. x is copied to `buffer`
 * elements of working memory. Where outputs come in `pairs` of rows and columns, their part of x is that of whole pairs; u,
 * room: see convolution_winograd.h. y_wide: elements of a pixel of dy in a filter gradient. */
struct sk_conv_plan {
    int64_t batch, in[3], out[3], kernel[3], stride[3], dilation[3], before[3], groups, inner, outer, repeat;
    int64_t y_image, y_step[3], w_row, w_block, w_group, buffer, y_wide;
    size_t item;
    int must_copy, pairs;
    const void *x, *w;
    void *y, *u, *room;
    void (*piece)(const sk_conv_plan *p, const sk_conv_patch *from, void *y, int64_t rows, int64_t columns);
};

/* How a tile walks: taps (depth, height, width) and their places in x; the run of numbers that are neighbours in x and rows
 * of w, over several taps of a row where those touch; the channels of one tap; the places between neighbouring outputs in
 * x and in y; what is passed over in w after each depth; the lanes of the last vector that are stored; whether three taps are
 * taken at once. */
typedef struct {
    int64_t count[3], step[3], run, inner, x_pixel, w_row, w_skip, y_pixel, lanes;
    int rolls;
} sk_conv_walk;

/* Positions that k taps span. */
SK_UNUSED static inline int64_t sk_conv_extent(int64_t k, int64_t dilation) { return k > 0 ? (k - 1) * dilation + 1 : 1; }

/* `total` in as few parts as hold `most` each, of like size: the size of a part. */
SK_UNUSED static inline int64_t sk_conv_even(int64_t total, int64_t most) {
    int64_t parts = (total + most - 1) / sk_max(1, most);
    return parts > 1 ? (total + parts - 1) / parts : sk_max(1, total);
}

/* Elements of the copied part of x, for pieces of eight outputs of a row at least; a vector more for reads past the end. */
SK_UNUSED static inline int64_t sk_conv_buffer(const sk_conv_plan *p) {
    int64_t width = sk_conv_extent(p->kernel[2], p->dilation[2]) + 7 * p->stride[2];
    return SK_CONV_PIECE + sk_max(1, p->kernel[0]) * sk_conv_extent(p->kernel[1], p->dilation[1]) * width * p->groups * p->inner * p->repeat;
}

/* n, or the even number above where outputs come in pairs. */
SK_UNUSED static inline int64_t sk_conv_whole(const sk_conv_plan *p, int64_t n) { return p->pairs ? (n + 1) / 2 * 2 : n; }

/* Rows of a piece of so many columns whose part of x, and of dy, fits the buffer. */
SK_UNUSED static int64_t sk_conv_rows(const sk_conv_plan *p, int64_t columns) {
    int64_t width = (columns - 1) * p->stride[2] + sk_conv_extent(p->kernel[2], p->dilation[2]);
    int64_t line = width * p->groups * p->inner * p->repeat * sk_max(1, p->kernel[0]);
    int64_t most = (p->buffer / line - sk_conv_extent(p->kernel[1], p->dilation[1])) / p->stride[1] + 1;
    return p->y_wide ? sk_min(most, SK_CONV_PIECE / (columns * p->y_wide)) : most;
}

/* Rows and columns of a piece; smaller ones where `members` share one image. Whole rows of outputs, unless the part of x that
 * one of them reads fills the first cache or leaves no room for eight of them: then parts of rows, of eight columns at least. */
SK_UNUSED static void sk_conv_pieces(const sk_conv_plan *p, int64_t members, int64_t *rows, int64_t *columns) {
    int64_t high = sk_conv_extent(p->kernel[1], p->dilation[1]), broad = sk_conv_extent(p->kernel[2], p->dilation[2]);
    int64_t tall = high * p->groups * p->inner * p->repeat * sk_max(1, p->kernel[0]), wish = sk_min(8, p->out[1]);
    int64_t parts = p->out[1] == 1 ? members : 1;
    for (;; parts++) {
        *columns = sk_conv_whole(p, sk_max(1, (p->out[2] + parts - 1) / parts));
        int64_t in = tall * ((*columns - 1) * p->stride[2] + broad);
        if (*columns <= 8 || (sk_conv_rows(p, *columns) >= wish && in <= SK_CONV_LINE)) break;
        if (*columns <= 16 && sk_conv_rows(p, *columns) >= 1 + p->pairs) break;
    }
    int64_t most = sk_max(1, sk_min(sk_conv_rows(p, *columns), (p->out[1] + members - 1) / members));
    *rows = sk_conv_whole(p, sk_conv_even(p->out[1], p->pairs ? sk_max(2, most / 2 * 2) : most));
}

/* Copies n pixels of c channels, each channel `repeat` times in a row. */
SK_UNUSED static void sk_conv_copy(char *to, const char *from, int64_t n, int64_t c, int64_t repeat, size_t item) {
    if (repeat == 1) {
        memcpy(to, from, (size_t)(n * c) * item);
        return;
    }
    for (int64_t i = 0; i < n * c; i++)
        for (int64_t r = 0; r < repeat; r++) memcpy(to + (size_t)(i * repeat + r) * item, from + (size_t)i * item, item);
}

/* What the outputs at `depth`, from (row, column) on, of an image read: x itself where all of it lies inside, else a copy. */
SK_UNUSED static sk_conv_patch sk_conv_fetch(const sk_conv_plan *p, int64_t image, int64_t depth, int64_t row, int64_t column,
                                             int64_t rows, int64_t columns, char *buffer) {
    int64_t c = p->groups * p->inner, wide = c * p->repeat;
    int64_t d0 = depth * p->stride[0] - p->before[0], h0 = row * p->stride[1] - p->before[1], w0 = column * p->stride[2] - p->before[2];
    int64_t height = (rows - 1) * p->stride[1] + sk_conv_extent(p->kernel[1], p->dilation[1]);
    int64_t width = (columns - 1) * p->stride[2] + sk_conv_extent(p->kernel[2], p->dilation[2]);
    const char *base = (const char *)p->x + (size_t)(image * p->in[0] * p->in[1] * p->in[2] * c) * p->item;
    if (p->kernel[0] * p->kernel[1] * p->kernel[2] == 0) return (sk_conv_patch){base, {0, 0, 0}, 0, height};
    int is_inside = d0 >= 0 && d0 + (p->kernel[0] - 1) * p->dilation[0] < p->in[0] && h0 >= 0 && h0 + height <= p->in[1] && w0 >= 0 &&
                    w0 + width <= p->in[2];
    if (is_inside && !p->must_copy) {
        const char *first = base + (size_t)(((d0 * p->in[1] + h0) * p->in[2] + w0) * c) * p->item;
        return (sk_conv_patch){first, {p->dilation[0] * p->in[1] * p->in[2] * c, p->in[2] * c, c}, 0, height};
    }
    int64_t left = sk_min(width, sk_max(0, -w0)), middle = sk_max(0, sk_min(width, p->in[2] - w0) - left);
    size_t pixel = (size_t)wide * p->item;
    char *to = buffer;
    for (int64_t a = 0; a < p->kernel[0]; a++)
        for (int64_t b = 0; b < height; b++, to += (size_t)width * pixel) {
            int64_t d = d0 + a * p->dilation[0], h = h0 + b;
            if (d < 0 || d >= p->in[0] || h < 0 || h >= p->in[1] || middle == 0) {
                memset(to, 0, (size_t)width * pixel);
                continue;
            }
            memset(to, 0, (size_t)left * pixel);
            const char *from = base + (size_t)(((d * p->in[1] + h) * p->in[2] + w0 + left) * c) * p->item;
            sk_conv_copy(to + (size_t)left * pixel, from, middle, c, p->repeat, p->item);
            memset(to + (size_t)(left + middle) * pixel, 0, (size_t)(width - left - middle) * pixel);
        }
    return (sk_conv_patch){buffer, {height * width * wide, width * wide, wide}, sk_max(0, -h0), sk_min(height, p->in[1] - h0)};
}

/* The outputs of one image, or of those every `members`-th piece from number `member` on. */
SK_UNUSED static void sk_conv_image(const sk_conv_plan *p, int64_t image, int member, int members, char *buffer) {
    int64_t most_rows, most_columns, piece = 0;
    sk_conv_pieces(p, members, &most_rows, &most_columns);
    for (int64_t d = 0; d < p->out[0]; d++)
        for (int64_t h = 0; h < p->out[1]; h += most_rows)
            for (int64_t w = 0; w < p->out[2]; w += most_columns) {
                if (piece++ % members != member) continue;
                int64_t rows = sk_min(most_rows, p->out[1] - h), columns = sk_min(most_columns, p->out[2] - w);
                int64_t place = image * p->y_image + d * p->y_step[0] + h * p->y_step[1] + w * p->y_step[2];
                sk_conv_patch from = sk_conv_fetch(p, image, d, h, w, sk_conv_whole(p, rows), sk_conv_whole(p, columns), buffer);
                p->piece(p, &from, (char *)p->y + (size_t)place * p->item, rows, columns);
            }
}

SK_UNUSED static sk_conv_walk sk_conv_walk_of(const sk_conv_plan *p, const sk_conv_patch *from) {
    int touch = p->groups == 1 && p->dilation[2] == 1;
    return (sk_conv_walk){.count = {p->kernel[0], p->kernel[1], touch ? 1 : p->kernel[2]},
                          .step = {from->step[0], p->dilation[1] * from->step[1], p->dilation[2] * from->step[2]},
                          .run = touch ? p->kernel[2] * p->inner : p->inner,
                          .inner = p->inner,
                          .x_pixel = p->stride[2] * from->step[2],
                          .w_row = p->w_row,
                          .y_pixel = p->y_step[2]};
}

/* The steps i in 0 .. count whose places start + i * step lie from `low` up to `high`: the first, and one past the last. */
SK_UNUSED static inline void sk_conv_meet(int64_t start, int64_t step, int64_t low, int64_t high, int64_t count, int64_t *first, int64_t *end) {
    *first = start < low ? sk_min(count, (low - start + step - 1) / step) : 0;
    *end = sk_max(*first, start < high ? sk_min(count, (high - start + step - 1) / step) : 0);
}

/* sk_conv_tile: `pixels` outputs of a row by `vectors` vectors of channels. For each row of w its vectors are loaded once,
 * and each pixel's number once, into every lane.
 * sk_conv_rolled: one vector of channels, three taps of a row at once, for stride 1: a number of x goes into the three
 * outputs it belongs to, since with one vector a load for each product would bound the tile (180 of 245 GFLOP/s).
 * sk_conv_single_piece: one channel under a 3x3 kernel, which would be loaded more often than used.
 * sk_conv_piece: for each group, each two vectors (or the last one) of outputs, row by row, tile by tile. */
#define SK_DEFINE_CONV_TILE(T, S, U)                                                                                                       \
    SK_INLINE void sk_conv_tile_##S(const int pixels, const int vectors, T *y, const T *x, const T *w, const sk_conv_walk *k) {            \
        enum { L = SK_LANES_##U };                                                                                                         \
        sk_v##S sum[16], tap[2];                                                                                                           \
        const T *at[3];                                                                                                                    \
        SK_UNROLL for (int i = 0; i < pixels * vectors; i++) sum[i] = (sk_v##S){0};                                                        \
        for (int64_t a = k->count[0]; a > 0; a--, x += k->step[0], w += k->w_skip) {                                                       \
            const T *xb = x;                                                                                                               \
            for (int64_t b = k->count[1]; b > 0; b--, xb += k->step[1]) {                                                                  \
                const T *xc = xb;                                                                                                          \
                for (int64_t c = k->count[2]; c > 0; c--, xc += k->step[2]) {                                                              \
                    SK_UNROLL for (int i = 0; i < pixels; i += 3) at[i / 3] = xc + i * k->x_pixel;                                         \
                    for (int64_t t = k->run; t > 0; t--, w += k->w_row) {                                                                  \
                        SK_UNROLL for (int v = 0; v < vectors; v++) tap[v] = sk_load_##S(w + v * L);                                       \
                        SK_UNROLL for (int v = 0; v < vectors; v++) SK_IN_REGISTER(tap[v]);                                                \
                        SK_UNROLL for (int i = 0; i < pixels; i++) {                                                                       \
                            sk_v##S value = sk_splat_##S(at[i / 3][i % 3 * k->x_pixel]);                                                   \
                            SK_UNROLL for (int v = 0; v < vectors; v++)                                                                    \
                                sum[i * vectors + v] = SK_FMA_##U(value, tap[v], sum[i * vectors + v]);                                    \
                        }                                                                                                                  \
                        SK_UNROLL for (int i = 0; i < pixels; i += 3) at[i / 3]++;                                                         \
                    }                                                                                                                      \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
        SK_UNROLL for (int i = 0; i < pixels; i++, y += k->y_pixel) {                                                                      \
            SK_UNROLL for (int v = 0; v < vectors - 1; v++) sk_store_##S(y + v * L, sum[i * vectors + v]);                                 \
            sk_store_part_##S(y + (vectors - 1) * L, sum[(i + 1) * vectors - 1], (int)k->lanes);                                           \
        }                                                                                                                                  \
    }                                                                                                                                      \
    SK_INLINE void sk_conv_rolled_##S(const int pixels, T *y, const T *x, const T *w, const sk_conv_walk *k) {                             \
        sk_v##S sum[16], tap[3];                                                                                                           \
        const int64_t next = k->inner * k->w_row;                                                                                          \
        SK_UNROLL for (int i = 0; i < pixels; i++) sum[i] = (sk_v##S){0};                                                                  \
        for (int64_t a = k->count[0]; a > 0; a--, x += k->step[0], w += k->w_skip) {                                                       \
            const T *xb = x, *at[6];                                                                                                       \
            for (int64_t b = k->count[1]; b > 0; b--, xb += k->step[1], w += 2 * next) {                                                   \
                SK_UNROLL for (int i = 0; i < pixels + 2; i += 3) at[i / 3] = xb + i * k->x_pixel;                                         \
                for (int64_t t = k->inner; t > 0; t--, w += k->w_row) {                                                                    \
                    SK_UNROLL for (int q = 0; q < 3; q++) tap[q] = sk_load_##S(w + q * next);                                              \
                    SK_UNROLL for (int q = 0; q < 3; q++) SK_IN_REGISTER(tap[q]);                                                          \
                    SK_UNROLL for (int i = 0; i < pixels + 2; i++) {                                                                       \
                        sk_v##S value = sk_splat_##S(at[i / 3][i % 3 * k->x_pixel]);                                                       \
                        SK_UNROLL for (int q = 0; q < 3; q++)                                                                              \
                            if (i >= q && i - q < pixels) sum[i - q] = SK_FMA_##U(value, tap[q], sum[i - q]);                              \
                    }                                                                                                                      \
                    SK_UNROLL for (int i = 0; i < pixels + 2; i += 3) at[i / 3]++;                                                         \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
        SK_UNROLL for (int i = 0; i < pixels; i++) sk_store_part_##S(y + i * k->y_pixel, sum[i], (int)k->lanes);                           \
    }                                                                                                                                      \
    SK_ONE_COPY void sk_conv_choose_##S(int vectors, int64_t pixels, T *y, const T *x, const T *w, const sk_conv_walk *k) {                \
        if (k->rolls)                                                                                                                      \
            switch (pixels) { SK_CONV_ROLLED_SIZES(SK_CONV_ROLLED_CASE, S) }                                                               \
        else if (vectors == 1)                                                                                                             \
            switch (pixels) { SK_CONV_SIZES(SK_CONV_CASE, 1, S) }                                                                          \
        else                                                                                                                               \
            switch (pixels) { SK_CONV_SIZES(SK_CONV_CASE, 2, S) }                                                                          \
    }                                                                                                                                      \
    /* y of one channel under a 3x3 kernel, one vector of outputs: the kernel stays in registers, two rows at a time walk along x. */      \
    SK_INLINE void sk_conv_walk_rows_##S(T *y, int64_t y_pixel, int64_t y_row, const T *x, int64_t x_pixel, int64_t x_row, const T *w,     \
                                         int64_t w_row, int64_t columns, int two, int lanes) {                                             \
        const sk_v##S zero = {0};                                                                                                          \
        const T *rows[4] = {x, x + x_row, x + 2 * x_row, two ? x + 3 * x_row : x};                                                         \
        sk_v##S tap[9], sum[6], value;                                                                                                     \
        SK_UNROLL for (int t = 0; t < 9; t++) tap[t] = sk_load_##S(w + t * w_row);                                                         \
        SK_UNROLL for (int i = 0; i < 6; i++) sum[i] = zero;                                                                               \
        for (int64_t j = 0; j < columns + 2; j++) {                                                                                        \
            SK_UNROLL for (int r = 0; r < 4; r++) {                                                                                        \
                value = sk_splat_##S(rows[r][j * x_pixel]);                                                                                \
                SK_UNROLL for (int c = 0; c < 3; c++) {                                                                                    \
                    if (r < 3) sum[c] = SK_FMA_##U(value, tap[3 * r + 2 - c], sum[c]);                                                     \
                    if (r > 0) sum[3 + c] = SK_FMA_##U(value, tap[3 * r - 1 - c], sum[3 + c]);                                             \
                }                                                                                                                          \
            }                                                                                                                              \
            if (j > 1) sk_store_part_##S(y + (j - 2) * y_pixel, sum[0], lanes);                                                            \
            if (j > 1 && two) sk_store_part_##S(y + (j - 2) * y_pixel + y_row, sum[3], lanes);                                             \
            sum[0] = sum[1], sum[1] = sum[2], sum[2] = zero, sum[3] = sum[4], sum[4] = sum[5], sum[5] = zero;                              \
        }                                                                                                                                  \
    }                                                                                                                                      \
    SK_UNUSED static void sk_conv_single_piece_##S(const sk_conv_plan *p, const sk_conv_patch *from, void *out, int64_t rows,              \
                                                   int64_t columns) {                                                                      \
        enum { L = SK_LANES_##U };                                                                                                         \
        for (int64_t o = 0; o < p->outer; o += L)                                                                                          \
            for (int64_t r = 0; r < rows; r += 2)                                                                                          \
                sk_conv_walk_rows_##S((T *)out + o + r * p->y_step[1], p->y_step[2], p->y_step[1], (const T *)from->x + r * from->step[1], \
                                      from->step[2], from->step[1], (const T *)p->w + o / (2 * L) * p->w_block + o % (2 * L), p->w_row,    \
                                      columns, r + 1 < rows, (int)sk_min(L, p->outer - o));                                                \
    }                                                                                                                                      \
    SK_UNUSED static void sk_conv_piece_##S(const sk_conv_plan *p, const sk_conv_patch *from, void *out, int64_t rows,                     \
                                            int64_t columns) {                                                                             \
        enum { L = SK_LANES_##U };                                                                                                         \
        int64_t rolled = (sk_conv_even(columns, SK_ROLLED_MOST) + 1) / 2 * 2;                                                              \
        int can_roll = p->kernel[2] == 3 && p->stride[2] == 1 && p->dilation[2] == 1 && rolled >= SK_ROLLED_LEAST && rolled <= columns;    \
        sk_conv_walk k = sk_conv_walk_of(p, from);                                                                                         \
        for (int64_t g = 0; g < p->groups; g++)                                                                                            \
            for (int64_t o = 0; o < p->outer; o += 2 * L) {                                                                                \
                int vectors = p->outer - o > L ? 2 : 1;                                                                                    \
                k.rolls = vectors == 1 && can_roll;                                                                                        \
                int64_t most = k.rolls ? rolled : sk_conv_even(columns, SK_CONV_PIXELS);                                                   \
                const T *w = (const T *)p->w + g * p->w_group + o / (2 * L) * p->w_block;                                                  \
                k.lanes = sk_min(L, p->outer - o - (vectors - 1) * L);                                                                     \
                for (int64_t r = 0; r < rows; r++) {                                                                                       \
                    int64_t first, end, tap_row = p->kernel[2] * p->inner * p->w_row;                                                      \
                    sk_conv_meet(r * p->stride[1], p->dilation[1], from->low, from->high, p->kernel[1], &first, &end);                     \
                    k.count[1] = end - first, k.w_skip = (p->kernel[1] - k.count[1]) * tap_row;                                            \
                    const T *x = (const T *)from->x + g * p->inner + r * p->stride[1] * from->step[1] + first * k.step[1];                 \
                    T *y = (T *)out + g * p->outer + o + r * p->y_step[1];                                                                 \
                    for (int64_t j = 0; j < columns; j += most) {                                                                          \
                        if (k.rolls) j = sk_min(j, columns - rolled);                                                                      \
                        sk_conv_choose_##S(vectors, sk_min(most, columns - j), y + j * k.y_pixel, x + j * k.x_pixel,                       \
                                           w + first * tap_row, &k);                                                                       \
                    }                                                                                                                      \
                }                                                                                                                          \
            }                                                                                                                              \
    }

/* The sizes of tiles, so that a row splits into like parts; those of three taps at once are even, and the last may overlap. */
#define SK_CONV_CASE(PIXELS, VECTORS, S) \
    case PIXELS: sk_conv_tile_##S(PIXELS, VECTORS, y, x, w, k); break;
#define SK_CONV_ROLLED_CASE(PIXELS, S) \
    case PIXELS: sk_conv_rolled_##S(PIXELS, y, x, w, k); break;
#if SK_VECTOR_REGISTERS == 32
#define SK_CONV_SIZES(X, ...) \
    X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__) X(5, __VA_ARGS__) X(6, __VA_ARGS__) X(7, __VA_ARGS__) X(8, __VA_ARGS__)
#define SK_CONV_ROLLED_SIZES(X, S) X(10, S) X(12, S) X(14, S) X(16, S)
#else
#define SK_CONV_SIZES(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__) X(5, __VA_ARGS__) X(6, __VA_ARGS__)
#define SK_CONV_ROLLED_SIZES(X, S) X(8, S) X(10, S)
#endif

SK_F32(SK_DEFINE_CONV_TILE(float, f32, F32))
SK_F64(SK_DEFINE_CONV_TILE(double, f64, F64))

#endif
