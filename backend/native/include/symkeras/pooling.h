/* Max and sum pooling with their gradients, channels last, in three spatial axes.

   x is (B, D, H, W, C), out is (B, D', H', W', C); one and two axes are lifted by leading sizes, windows and strides of 1.
   Window (d, h, w) starts at position * stride - before of each axis, and what lies outside of x is padding: the lowest
   value of the type for max, 0 for sum. SK_DEFINE_... each define one function for one element type T, suffix S.

   Inner loops run over the channels of a tap. Where windows overlap, gradients walk them backwards: every element of dx
   then adds up what it gets in the order of the taps, as the reference does. Threads take images. */
#ifndef SYMKERAS_POOLING_H
#define SYMKERAS_POOLING_H

#include "symkeras/team.h"

typedef struct {
    int64_t batch, in[3], out[3], window[3], stride[3], before[3], channels;
} sk_pool_shape;

/* The taps low .. high - 1 of a window along one axis lie in x; tap t is at start + t. */
typedef struct {
    int64_t start, low, high;
} sk_taps;

/* Channels whose gradient waits on the stack. */
#define SK_POOL_STRIP 64

/* The larger of a and b; NaN if one is NaN. */
#define SK_LARGER(a, b) ((((b) > (a)) | ((b) != (b))) ? (b) : (a))

/* Whether an element of the window is its maximum. */
#define SK_IS_TOP(x, y) (((x) == (y)) | (((x) != (x)) & ((y) != (y))))

SK_UNUSED static inline sk_taps sk_pool_taps(const sk_pool_shape *s, int axis, int64_t position) {
    const int64_t start = position * s->stride[axis] - s->before[axis];
    return (sk_taps){start, sk_min(sk_max(0, -start), s->window[axis]), sk_min(s->window[axis], s->in[axis] - start)};
}

SK_UNUSED static inline int64_t sk_pool_area(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

/* Whether every element of x is in exactly one window. */
SK_UNUSED static inline int sk_pool_covers(const sk_pool_shape *s) {
    int covers = 1;
    for (int a = 0; a < 3; a++) covers &= s->stride[a] == s->window[a] && s->before[a] == 0 && s->out[a] * s->stride[a] == s->in[a];
    return covers;
}

/* Whether some element of x may be in more than one window. */
SK_UNUSED static inline int sk_pool_overlaps(const sk_pool_shape *s) {
    return s->window[0] > s->stride[0] || s->window[1] > s->stride[1] || s->window[2] > s->stride[2];
}

/* The element of channel 0 at a place of an image. */
SK_UNUSED static inline int64_t sk_pool_at(const sk_pool_shape *s, int64_t d, int64_t h, int64_t w) {
    return ((d * s->in[1] + h) * s->in[2] + w) * s->channels;
}

/* Whether a window is the usual one of 2 x 2 and lies in x: its taps are then read in one loop over the channels. */
SK_UNUSED static inline int sk_pool_is_square(const sk_pool_shape *s, sk_taps d, sk_taps h, sk_taps w) {
    const int two = s->window[0] == 1 && s->window[1] == 2 && s->window[2] == 2;
    return two && d.high - d.low == 1 && h.high - h.low == 2 && w.high - w.low == 2;
}

/* Asks for the elements of x and dx that are new in the window one line further (back: before) than the one at `from`.
   Four arrays read in short pieces, two of them backwards, are more than processors foresee: where the arrays do not fit
   into the cache, the gradient of max is three times as fast with it. */
SK_UNUSED static inline void sk_pool_foresee(const sk_pool_shape *s, const void *x, const void *dx, int64_t from, int back, int64_t item) {
    const int64_t line = s->in[2] * s->channels * item, next = from * item + (back ? -line : line) * s->stride[1];
    const int64_t bytes = sk_min(s->stride[2], s->window[2]) * s->channels * item;
    for (int64_t row = next; row < next + sk_min(s->stride[1], s->window[1]) * line; row += line)
        for (int64_t at = row; at < row + bytes; at += 64) {
            __builtin_prefetch((const void *)((uintptr_t)x + (uintptr_t)at));
            __builtin_prefetch((const void *)((uintptr_t)dx + (uintptr_t)at), 1);
        }
}

/* What threads share: image i of every array, by a kernel that finds it; `large` and `small`: elements of an image before and
   after pooling. */
typedef struct sk_pool_job {
    void (*image)(const struct sk_pool_job *job, int64_t i);
    const sk_pool_shape *shape;
    void *to;
    const void *x, *y, *z;
    int64_t large, small;
} sk_pool_job;

SK_UNUSED static void sk_pool_images(const void *what, int member, int64_t begin, int64_t end) {
    const sk_pool_job *job = what;
    (void)member;
    for (int64_t i = begin; i < end; i++) job->image(job, i);
}

SK_UNUSED static void sk_pool_share(sk_pool_job job, int threads) {
    const sk_pool_shape *s = job.shape;
    job.large = sk_pool_area(s->in) * s->channels, job.small = sk_pool_area(s->out) * s->channels;
    sk_share(threads, s->batch, s->batch * job.large, sk_pool_images, &job);
}

/* Loops over the windows of an image, forwards and backwards, and over the taps of a window, all or those in x. */
#define SK_WINDOWS(s, back)                                                                              \
    for (int64_t d_ = 0, pd; d_ < (s)->out[0] && (pd = (back) ? (s)->out[0] - 1 - d_ : d_, 1); d_++)     \
        for (int64_t h_ = 0, ph; h_ < (s)->out[1] && (ph = (back) ? (s)->out[1] - 1 - h_ : h_, 1); h_++) \
            for (int64_t w_ = 0, pw; w_ < (s)->out[2] && (pw = (back) ? (s)->out[2] - 1 - w_ : w_, 1); w_++)
#define SK_TAPS(s)                                      \
    for (int64_t td = 0; td < (s)->window[0]; td++)     \
        for (int64_t th = 0; th < (s)->window[1]; th++) \
            for (int64_t tw = 0; tw < (s)->window[2]; tw++)
#define SK_TAPS_INSIDE(d, h, w)                         \
    for (int64_t td = (d).low; td < (d).high; td++)     \
        for (int64_t th = (h).low; th < (h).high; th++) \
            for (int64_t tw = (w).low; tw < (w).high; tw++)
#define SK_INSIDE(taps, t) ((t) >= (taps).low && (t) < (taps).high)

/* sk_NAME_S(out (B, *S', C), x (B, *S, C)): all taps of each window joined, starting from FIRST. */
#define SK_DEFINE_POOL(T, NAME, FIRST, JOIN)                                                                  \
    SK_UNUSED static void NAME##_image(const sk_pool_job *job, int64_t i) {                                   \
        const sk_pool_shape *s = job->shape;                                                                  \
        T *restrict out = (T *)job->to + i * job->small;                                                      \
        const T *restrict x = (const T *)job->x + i * job->large;                                             \
        const int64_t channels = s->channels, line = s->in[2] * channels;                                     \
        SK_WINDOWS(s, 0) {                                                                                    \
            const sk_taps d = sk_pool_taps(s, 0, pd), h = sk_pool_taps(s, 1, ph), w = sk_pool_taps(s, 2, pw); \
            T *const y = out + ((pd * s->out[1] + ph) * s->out[2] + pw) * channels;                           \
            if (sk_pool_is_square(s, d, h, w)) {                                                              \
                const T *const a = x + sk_pool_at(s, d.start, h.start, w.start);                              \
                SK_SIMD()                                                                                     \
                for (int64_t c = 0; c < channels; c++) {                                                      \
                    const T upper = JOIN(a[c], a[c + channels]), three = JOIN(upper, a[c + line]);            \
                    y[c] = JOIN(three, a[c + line + channels]);                                               \
                }                                                                                             \
                continue;                                                                                     \
            }                                                                                                 \
            for (int64_t c = 0; c < channels; c++) y[c] = FIRST;                                              \
            SK_TAPS_INSIDE(d, h, w) {                                                                         \
                const T *const a = x + sk_pool_at(s, d.start + td, h.start + th, w.start + tw);               \
                SK_SIMD()                                                                                     \
                for (int64_t c = 0; c < channels; c++) y[c] = JOIN(y[c], a[c]);                               \
            }                                                                                                 \
        }                                                                                                     \
    }                                                                                                         \
    SK_UNUSED static void NAME(T *out, const T *x, const sk_pool_shape *s, int threads) {                     \
        sk_pool_share((sk_pool_job){.image = NAME##_image, .shape = s, .to = out, .x = x}, threads);          \
    }

#define SK_SUM_OF(a, b) ((a) + (b))

/* sk_max_pool_S and sk_sum_pool_S (T *out, const T *x, const sk_pool_shape *s, int threads). */
#define SK_DEFINE_MAX_POOL(T, S) SK_DEFINE_POOL(T, sk_max_pool_##S, SK_LOWEST_##S, SK_LARGER)
#define SK_DEFINE_SUM_POOL(T, S) SK_DEFINE_POOL(T, sk_sum_pool_##S, 0, SK_SUM_OF)

/* dx (B, *S, C): dy (B, *S', C) at the first tap of each window where x equals the maximum y, 0 elsewhere; padding is no
   part of x, also where y is as low as padding. `left` holds what a window still has to give: the first tap that equals y takes it. */
#define SK_DEFINE_MAX_POOL_GRAD(T, S)                                                                                                             \
    SK_UNUSED static void sk_max_pool_grad_square_##S(                                                                                            \
        T *restrict dx, const T *restrict x, const T *restrict y, const T *restrict dy, int64_t line, int64_t channels) {                         \
        SK_SIMD()                                                                                                                                 \
        for (int64_t c = 0; c < channels; c++) {                                                                                                  \
            const T top = y[c], all = dy[c] + (T)0;                                                                                               \
            const int first = SK_IS_TOP(x[c], top), second = SK_IS_TOP(x[c + channels], top), third = SK_IS_TOP(x[c + line], top);                \
            const int fourth = SK_IS_TOP(x[c + line + channels], top);                                                                            \
            dx[c] = first ? all : 0;                                                                                                              \
            dx[c + channels] = (second & !first) ? all : 0;                                                                                       \
            dx[c + line] = (third & !(first | second)) ? all : 0;                                                                                 \
            dx[c + line + channels] = (fourth & !(first | second | third)) ? all : 0;                                                             \
        }                                                                                                                                         \
    }                                                                                                                                             \
    SK_UNUSED static void sk_max_pool_grad_strip_##S(                                                                                             \
        T *restrict dx, const T *restrict x, const T *restrict y, const T *restrict dy, const sk_pool_shape *s, sk_taps d, sk_taps h, sk_taps w,  \
        int overlaps, int64_t channels) {                                                                                                         \
        T left[SK_POOL_STRIP];                                                                                                                    \
        memcpy(left, dy, (size_t)channels * sizeof(T));                                                                                           \
        SK_TAPS(s) {                                                                                                                              \
            if (SK_INSIDE(d, td) && SK_INSIDE(h, th) && SK_INSIDE(w, tw)) {                                                                       \
                const int64_t at = sk_pool_at(s, d.start + td, h.start + th, w.start + tw);                                                       \
                SK_SIMD()                                                                                                                         \
                for (int64_t c = 0; c < channels; c++) {                                                                                          \
                    const int hit = SK_IS_TOP(x[at + c], y[c]);                                                                                   \
                    dx[at + c] = (overlaps ? dx[at + c] : (T)0) + (hit ? left[c] : (T)0);                                                         \
                    left[c] = hit ? 0 : left[c];                                                                                                  \
                }                                                                                                                                 \
            }                                                                                                                                     \
        }                                                                                                                                         \
    }                                                                                                                                             \
    SK_UNUSED static void sk_max_pool_grad_image_##S(const sk_pool_job *job, int64_t i) {                                                         \
        const sk_pool_shape *s = job->shape;                                                                                                      \
        T *dx = (T *)job->to + i * job->large;                                                                                                    \
        const T *x = (const T *)job->x + i * job->large, *y = (const T *)job->y + i * job->small, *dy = (const T *)job->z + i * job->small;       \
        const int overlaps = sk_pool_overlaps(s);                                                                                                 \
        if (!sk_pool_covers(s)) memset(dx, 0, (size_t)(sk_pool_area(s->in) * s->channels) * sizeof(T));                                           \
        SK_WINDOWS(s, overlaps) {                                                                                                                 \
            const sk_taps d = sk_pool_taps(s, 0, pd), h = sk_pool_taps(s, 1, ph), w = sk_pool_taps(s, 2, pw);                                     \
            const int64_t at = ((pd * s->out[1] + ph) * s->out[2] + pw) * s->channels;                                                            \
            const int64_t from = sk_pool_at(s, d.start, h.start, w.start);                                                                        \
            sk_pool_foresee(s, x, dx, from, overlaps, (int64_t)sizeof(T));                                                                        \
            if (!overlaps && sk_pool_is_square(s, d, h, w)) {                                                                                     \
                sk_max_pool_grad_square_##S(dx + from, x + from, y + at, dy + at, s->in[2] * s->channels, s->channels);                           \
                continue;                                                                                                                         \
            }                                                                                                                                     \
            for (int64_t c = 0; c < s->channels; c += SK_POOL_STRIP)                                                                              \
                sk_max_pool_grad_strip_##S(dx + c, x + c, y + at + c, dy + at + c, s, d, h, w, overlaps, sk_min(SK_POOL_STRIP, s->channels - c)); \
        }                                                                                                                                         \
    }                                                                                                                                             \
    SK_UNUSED static void sk_max_pool_grad_##S(T *dx, const T *x, const T *y, const T *dy, const sk_pool_shape *s, int threads) {                 \
        sk_pool_share((sk_pool_job){.image = sk_max_pool_grad_image_##S, .shape = s, .to = dx, .x = x, .y = y, .z = dy}, threads);                \
    }

/* out (B, *S', C): z (B, *S, C) at the first tap of each window where x, of which padding is no part, equals the maximum y.
   The taps are taken backwards, so that the first one writes last. */
#define SK_DEFINE_MAX_POOL_SELECT(T, S)                                                                                                            \
    SK_UNUSED static void sk_max_pool_select_window_##S(                                                                                           \
        T *restrict out, const T *restrict x, const T *restrict y, const T *restrict z, const sk_pool_shape *s, sk_taps d, sk_taps h, sk_taps w) { \
        const int64_t channels = s->channels;                                                                                                      \
        for (int64_t c = 0; c < channels; c++) out[c] = 0;                                                                                         \
        for (int64_t td = s->window[0] - 1; td >= 0; td--)                                                                                         \
            for (int64_t th = s->window[1] - 1; th >= 0; th--)                                                                                     \
                for (int64_t tw = s->window[2] - 1; tw >= 0; tw--) {                                                                               \
                    if (SK_INSIDE(d, td) && SK_INSIDE(h, th) && SK_INSIDE(w, tw)) {                                                                \
                        const int64_t at = sk_pool_at(s, d.start + td, h.start + th, w.start + tw);                                                \
                        SK_SIMD()                                                                                                                  \
                        for (int64_t c = 0; c < channels; c++) out[c] = SK_IS_TOP(x[at + c], y[c]) ? z[at + c] : out[c];                           \
                    }                                                                                                                              \
                }                                                                                                                                  \
    }                                                                                                                                              \
    SK_UNUSED static void sk_max_pool_select_image_##S(const sk_pool_job *job, int64_t i) {                                                        \
        const sk_pool_shape *s = job->shape;                                                                                                       \
        T *out = (T *)job->to + i * job->small;                                                                                                    \
        const T *x = (const T *)job->x + i * job->large, *y = (const T *)job->y + i * job->small, *z = (const T *)job->z + i * job->large;         \
        SK_WINDOWS(s, 0) {                                                                                                                         \
            const sk_taps d = sk_pool_taps(s, 0, pd), h = sk_pool_taps(s, 1, ph), w = sk_pool_taps(s, 2, pw);                                      \
            const int64_t at = ((pd * s->out[1] + ph) * s->out[2] + pw) * s->channels;                                                             \
            sk_max_pool_select_window_##S(out + at, x, y + at, z, s, d, h, w);                                                                     \
        }                                                                                                                                          \
    }                                                                                                                                              \
    SK_UNUSED static void sk_max_pool_select_##S(T *out, const T *x, const T *y, const T *z, const sk_pool_shape *s, int threads) {                \
        sk_pool_share((sk_pool_job){.image = sk_max_pool_select_image_##S, .shape = s, .to = out, .x = x, .y = y, .z = z}, threads);               \
    }

/* dx (B, *S, C): each element of dy (B, *S', C) added to all of its window. */
#define SK_DEFINE_SUM_POOL_GRAD(T, S)                                                                                \
    SK_UNUSED static void sk_sum_pool_grad_image_##S(const sk_pool_job *job, int64_t i) {                            \
        const sk_pool_shape *s = job->shape;                                                                         \
        T *restrict dx = (T *)job->to + i * job->large;                                                              \
        const T *restrict dy = (const T *)job->y + i * job->small;                                                   \
        const int overlaps = sk_pool_overlaps(s);                                                                    \
        if (!sk_pool_covers(s)) memset(dx, 0, (size_t)(sk_pool_area(s->in) * s->channels) * sizeof(T));              \
        SK_WINDOWS(s, overlaps) {                                                                                    \
            const sk_taps d = sk_pool_taps(s, 0, pd), h = sk_pool_taps(s, 1, ph), w = sk_pool_taps(s, 2, pw);        \
            const T *const given = dy + ((pd * s->out[1] + ph) * s->out[2] + pw) * s->channels;                      \
            SK_TAPS_INSIDE(d, h, w) {                                                                                \
                T *const to = dx + sk_pool_at(s, d.start + td, h.start + th, w.start + tw);                          \
                SK_SIMD()                                                                                            \
                for (int64_t c = 0; c < s->channels; c++) to[c] = (overlaps ? to[c] : (T)0) + given[c];              \
            }                                                                                                        \
        }                                                                                                            \
    }                                                                                                                \
    SK_UNUSED static void sk_sum_pool_grad_##S(T *dx, const T *dy, const sk_pool_shape *s, int threads) {            \
        sk_pool_share((sk_pool_job){.image = sk_sum_pool_grad_image_##S, .shape = s, .to = dx, .y = dy}, threads);   \
    }

#endif
