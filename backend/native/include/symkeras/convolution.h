/* Convolution in one to three dimensions, channels last: forward and its two gradients.
 *
 *   x (B, in, C)    w (kernel, C / groups, O)    y (B, out, O)
 *
 * One and two dimensions have leading ones. For every padding, stride, dilation and grouping, four ways:
 *
 *   product     a 1x1 kernel at every place: sk_matmul
 *   winograd    3x3 kernels at every place, sixteens of channels (convolution_winograd.h)
 *   direct      tiles of outputs (convolution_direct.h), blocks of dw (convolution_filter.h); the input gradient is one
 *               such convolution of dy for each phase of the strides, with the taps that meet it in turned order
 *   depthwise   one channel per group (convolution_depthwise.h)
 *
 * Working memory, in elements, each part rounded up to 16; n' is n rounded up to 16. For each thread sk_conv_buffer, and
 * SK_WINOGRAD_ROOM for winograd; once:
 *
 *   forward          w padded, taps * C / groups * groups * O', where the outputs O of a group do not fill vectors; 16 * C * O
 *                    for winograd
 *   input gradient   w turned, taps * O * C', C the channels of a group; 16 * C * O more for winograd
 *   filter gradient  a piece of dy for each thread where outputs do not fill vectors; partial dw (16 * C * O for winograd) for
 *                    each thread, but no more than SK_CONV_PARTIAL elements together or one
 *
 * Forward convolution and input gradient have two parts of working memory: `laid`, made of w alone, with SK_CONV_JOB elements at its
 * head where what is to be done is written down; and `room` for the threads. sk_conv_ready_S makes the first, once for a w and a batch;
 * then sk_conv_kept_S computes all images, and sk_conv_images_S those from `begin` to `end`, by a thread that has others to do as well. */
#ifndef SYMKERAS_CONVOLUTION_H
#define SYMKERAS_CONVOLUTION_H

#include "symkeras/kernel_types.h"

#ifndef SK_LINKED
#include "symkeras/convolution_depthwise.h"
#include "symkeras/convolution_winograd.h"

/* Outputs that are worth laying out w anew. */
#define SK_CONV_PAYS 256

SK_UNUSED static inline int64_t sk_conv_product(const int64_t *n) { return n[0] * n[1] * n[2]; }
SK_UNUSED static inline int64_t sk_conv_up(int64_t n) { return (n + 15) / 16 * 16; }
SK_UNUSED static inline int64_t sk_conv_gcd(int64_t a, int64_t b) { return b ? sk_conv_gcd(b, a % b) : a; }

/* Outputs so many that their rows of w lie far apart: worth laying out pair by pair of vectors. */
SK_UNUSED static inline int sk_conv_is_wide(const sk_conv_plan *p, int64_t lanes) {
    return p->inner > 1 && p->outer > 64 && p->outer % (2 * lanes) == 0;
}

/* The layout of a copied w of so many rows. */
SK_UNUSED static void sk_conv_lay(sk_conv_plan *p, int64_t rows, int64_t lanes) {
    int wide = sk_conv_is_wide(p, lanes);
    p->w_row = wide ? 2 * lanes : (p->outer + lanes - 1) / lanes * lanes;
    p->w_block = wide ? rows * 2 * lanes : 2 * lanes;
    p->w_group = rows * (wide ? p->outer : p->w_row);
}

/* Elementary operations as sk_share counts them, eight multiply-adds each and three more for an output; how many threads they are worth. */
SK_UNUSED static int64_t sk_conv_work(const sk_conv_shape *s) {
    return s->batch * sk_conv_product(s->out) * s->outputs * (sk_conv_product(s->kernel) * (s->channels / s->groups) + 24) / 8;
}
SK_UNUSED static int sk_conv_members(const sk_conv_shape *s, int threads) {
    return (int)sk_max(1, sk_min(threads, sk_conv_work(s) / SK_PIECE_WORK));
}

/* Slices that a filter gradient is summed in, each `partial` elements: sizes decide, so that any number of threads gives the same bits. */
SK_UNUSED static int64_t sk_conv_slices(const sk_conv_shape *s, int64_t partial) {
    int64_t slices = SK_CONV_MOST_SLICES;
    while (slices > 2 && slices * partial > SK_CONV_EASILY) slices /= 2;
    while (slices > 1 && (slices * partial > SK_CONV_PARTIAL || sk_conv_work(s) < slices * SK_PIECE_WORK)) slices /= 2;
    return slices;
}

/* Whether it is a product of (B * in, C) with (C, O). */
SK_UNUSED static int sk_conv_is_product(const sk_conv_shape *s) {
    int plain = s->groups == 1;
    for (int a = 0; a < 3; a++) plain &= s->kernel[a] == 1 && s->stride[a] == 1 && s->before[a] == 0 && s->in[a] == s->out[a];
    return plain;
}

SK_UNUSED static int sk_conv_is_depthwise(const sk_conv_shape *s) { return s->groups > 1 && s->groups == s->channels; }

/* Whether Winograd's way applies and pays: not where odd sizes leave more than two fifths of its tiles' outputs unused. */
SK_UNUSED static int sk_conv_is_winograd(const sk_conv_shape *s) {
    int fits = SK_CONV_WINOGRAD && s->groups == 1 && s->kernel[0] == 1 && s->kernel[1] == 3 && s->kernel[2] == 3;
    for (int a = 0; a < 3; a++) fits &= s->stride[a] == 1 && s->dilation[a] == 1;
    fits &= (s->channels | s->outputs) % 16 == 0 && sk_max(s->channels, s->outputs) <= SK_WINOGRAD_MOST;
    int64_t used = s->out[1] * s->out[2], whole = (s->out[1] + 1) / 2 * ((s->out[2] + 1) / 2) * 4;
    return fits && s->batch * s->out[0] * used >= SK_WINOGRAD_PAYS && whole * 5 <= used * 7;
}

/* Whether it is one channel under a 3x3 kernel at every place. */
SK_UNUSED static int sk_conv_is_single(const sk_conv_shape *s) {
    int fits = s->channels == 1 && s->groups == 1 && s->kernel[0] == 1 && s->kernel[1] == 3 && s->kernel[2] == 3;
    for (int a = 0; a < 3; a++) fits &= s->stride[a] == 1 && s->dilation[a] == 1;
    return fits;
}

/* The forward convolution; the caller adds addresses and w's steps. */
SK_UNUSED static sk_conv_plan sk_conv_forward(const sk_conv_shape *s, size_t item) {
    sk_conv_plan p = {.batch = s->batch, .groups = s->groups, .inner = s->channels / s->groups, .outer = s->outputs / s->groups,
                      .repeat = 1, .item = item, .y_image = sk_conv_product(s->out) * s->outputs};
    for (int a = 2; a >= 0; a--) {
        p.in[a] = s->in[a], p.out[a] = s->out[a], p.kernel[a] = s->kernel[a];
        p.stride[a] = s->stride[a], p.dilation[a] = s->dilation[a], p.before[a] = s->before[a];
        p.y_step[a] = a == 2 ? s->outputs : p.y_step[a + 1] * s->out[a + 1];
    }
    if (sk_conv_is_depthwise(s)) p.repeat = p.outer;
    p.buffer = sk_conv_buffer(&p);
    return p;
}

/* One phase of an input gradient: the places of dx at `phase` modulo the stride, as a convolution of dy with stride 1. Along
 * an axis dx[i] sums w[t] dy[(i + before - t * dilation) / stride] over the taps that divide: t0, t0 + step, ... . In
 * turned order they are a kernel of their own. Returns dx's first place; first, step: of w's taps that belong to it. */
SK_UNUSED static int64_t sk_conv_phase(const sk_conv_shape *s, int64_t phase, size_t item, sk_conv_plan *p, int64_t *first, int64_t *step) {
    *p = (sk_conv_plan){.batch = s->batch, .groups = s->groups, .inner = s->outputs / s->groups, .outer = s->channels / s->groups,
                        .repeat = 1, .item = item, .y_image = sk_conv_product(s->in) * s->channels};
    int64_t dense = s->channels, place = 0;
    for (int a = 2; a >= 0; a--) {
        int64_t stride = s->stride[a], dilation = s->dilation[a], r = phase % stride, common = sk_conv_gcd(stride, dilation), t = 0;
        phase /= stride;
        step[a] = stride / common;
        while (t < step[a] && (r + s->before[a] - t * dilation) % stride) t++;
        p->in[a] = s->out[a];
        p->out[a] = r < s->in[a] ? (s->in[a] - r - 1) / stride + 1 : 0;
        p->kernel[a] = t < step[a] && t < s->kernel[a] ? (s->kernel[a] - t - 1) / step[a] + 1 : 0;
        p->stride[a] = 1;
        p->dilation[a] = dilation / common;
        p->before[a] = (p->kernel[a] - 1) * p->dilation[a] - (r + s->before[a] - t * dilation) / stride;
        first[a] = t;
        place += r * dense;
        p->y_step[a] = stride * dense;
        dense *= s->in[a];
    }
    p->buffer = sk_conv_buffer(p);
    return place;
}

/* Work that is shared in `tasks`: an image each; where those are few a share of the pieces of all images (`by_pieces`), or of the
 * outputs (`by_outputs`, whole pairs of vectors, whose part of w it transforms where there is a `transform`); in a filter gradient a
 * slice of the batch with a partial dw each, times the parts that the blocks of dw are cut into where there are more threads. */
typedef struct {
    const sk_conv_shape *shape;
    sk_conv_shape own;
    sk_conv_plan plan;
    void *y;
    const void *x, *w;
    char *scratch;
    int64_t room, slices, parts, partial, sums, tasks, by_pieces, by_outputs, pair;
    int is_direct;
    void (*transform)(const sk_conv_plan *p);
    void (*blocks)(const sk_conv_plan *p, const sk_conv_patch *from, const void *dy, void *dw, sk_conv_sums *k, int64_t part, int64_t parts);
} sk_conv_job;
typedef char sk_conv_job_fits[sizeof(sk_conv_job) <= SK_CONV_JOB * sizeof(float) ? 1 : -1];

/* Number `k` of `count` shares of the outputs of a plan, whole pairs of vectors each, with the part of u that belongs to it. */
SK_UNUSED static sk_conv_plan sk_conv_outputs(const sk_conv_plan *p, int64_t pair, int64_t k, int64_t count) {
    sk_conv_plan part = *p;
    int64_t pairs = (p->outer + pair - 1) / pair, begin = pairs * k / count, end = pairs * (k + 1) / count;
    part.outer = sk_min(end * pair, p->outer) - begin * pair;
    part.w = (const char *)p->w + (size_t)(begin * p->w_block) * p->item;
    part.u = (char *)p->u + (size_t)(16 * p->inner * begin * pair) * p->item;
    if (p->y) part.y = (char *)p->y + (size_t)(begin * pair) * p->item;
    return part;
}

typedef struct {
    const sk_conv_plan *plan;
    int64_t pair, count;
    void (*transform)(const sk_conv_plan *p);
} sk_conv_transforms;

SK_UNUSED static void sk_conv_run_transforms(const void *what, int member, int64_t begin, int64_t end) {
    const sk_conv_transforms *t = what;
    (void)member;
    for (int64_t k = begin; k < end; k++) {
        sk_conv_plan part = sk_conv_outputs(t->plan, t->pair, k, t->count);
        t->transform(&part);
    }
}

/* Transforms w where that is asked for. */
SK_UNUSED static void sk_conv_transform(const sk_conv_job *job, const sk_conv_plan *p, int members) {
    if (!job->transform) return;
    sk_conv_transforms t = {p, job->pair, (p->outer + job->pair - 1) / job->pair, job->transform};
    sk_share(members, t.count, 4 * p->inner * p->outer, sk_conv_run_transforms, &t);
}

/* How the work is dealt: to each an image, or pieces or outputs of all of them. */
SK_UNUSED static void sk_conv_deal(sk_conv_job *job, int64_t outputs, int members) {
    int is_few = members > 1 && job->shape->batch < 2 * members;
    job->by_outputs = is_few && job->pair > 0 && outputs >= members * job->pair;
    job->by_pieces = is_few && !job->by_outputs;
    job->tasks = job->by_outputs ? members : job->by_pieces ? 4 * members : job->shape->batch;
}

/* A member's working memory for transforms, behind that for copies. */
SK_UNUSED static void *sk_conv_room(const sk_conv_job *job, const sk_conv_plan *p, int member) {
    return job->scratch + member * job->room + (size_t)sk_conv_up(p->buffer + 16) * p->item;
}

/* A task's pieces of the images it has to do with. */
SK_UNUSED static void sk_conv_do_task(const sk_conv_job *job, const sk_conv_plan *p, int64_t task, int member) {
    char *buffer = job->scratch + member * job->room;
    if (job->by_outputs) {
        sk_conv_plan part = sk_conv_outputs(p, job->pair, task, job->tasks);
        if (job->transform) job->transform(&part);
        for (int64_t n = 0; n < p->batch; n++) sk_conv_image(&part, n, 0, 1, buffer);
    } else if (job->by_pieces) {
        for (int64_t n = 0; n < p->batch; n++) sk_conv_image(p, n, (int)task, (int)job->tasks, buffer);
    } else
        sk_conv_image(p, task, 0, 1, buffer);
}

SK_UNUSED static void sk_conv_run_forward(const void *what, int member, int64_t begin, int64_t end) {
    const sk_conv_job *job = what;
    sk_conv_plan p = job->plan;
    p.x = job->x, p.y = job->y;
    p.room = sk_conv_room(job, &p, member);
    for (int64_t task = begin; task < end; task++) sk_conv_do_task(job, &p, task, member);
}

SK_UNUSED static void sk_conv_run_input(const void *what, int member, int64_t begin, int64_t end) {
    const sk_conv_job *job = what;
    int64_t first[3], step[3];
    for (int64_t task = begin; task < end; task++)
        for (int64_t phase = 0, w = 0; phase < sk_conv_product(job->shape->stride); phase++) {
            sk_conv_plan p;
            int64_t place = sk_conv_phase(job->shape, phase, job->plan.item, &p, first, step);
            p.x = job->x;
            p.w = (const char *)job->w + (size_t)w * p.item;
            p.y = (char *)job->y + (size_t)place * p.item;
            p.piece = job->plan.piece;
            p.must_copy = job->plan.must_copy, p.pairs = job->plan.pairs, p.u = job->plan.u;
            p.room = sk_conv_room(job, &p, member);
            int64_t groups = p.groups, outer = p.outer;
            if (job->is_direct) p.groups = 1, p.outer = job->shape->channels;
            sk_conv_lay(&p, sk_conv_product(p.kernel) * p.inner, job->plan.w_row);
            w += p.groups * p.w_group;
            p.groups = groups, p.outer = outer;
            sk_conv_do_task(job, &p, task, member);
        }
}

/* Sums the blocks of part task / slices of dw over the pieces of slice task % slices. */
SK_UNUSED static void sk_conv_sum_slice(const sk_conv_job *job, int64_t task, int member) {
    sk_conv_plan plan = job->plan;
    const sk_conv_plan *p = &plan;
    plan.room = sk_conv_room(job, p, member);
    int slice = (int)(task % job->slices), part = (int)(task / job->slices), padded = p->y_wide != p->groups * p->outer;
    size_t item = p->item;
    char *buffer = job->scratch + member * job->room, *copy = buffer + (size_t)sk_conv_up(p->buffer + 16) * item;
    char *dw = job->scratch + job->sums + (size_t)((slice - job->is_direct) * job->partial) * item;
    if (slice == 0 && job->is_direct) dw = job->y;
    int alone = p->batch >= 2 * job->slices;
    int64_t begin = alone ? p->batch * slice / job->slices : 0, end = alone ? p->batch * (slice + 1) / job->slices : p->batch;
    int64_t most_rows, most_columns, piece = 0, o = p->groups * p->outer, wide = p->y_wide;
    sk_conv_pieces(p, alone ? 1 : job->slices, &most_rows, &most_columns);
    sk_conv_sums k = {.dw_row = wide, .next = p->inner * wide};
    if (padded) memset(copy, 0, (size_t)(SK_CONV_PIECE + 8 * wide) * item);
    for (int64_t n = begin; n < end; n++)
        for (int64_t d = 0; d < p->out[0]; d++)
            for (int64_t h = 0; h < p->out[1]; h += most_rows)
                for (int64_t w = 0; w < p->out[2]; w += most_columns) {
                    if (!alone && piece++ % job->slices != slice) continue;
                    k.rows = sk_min(most_rows, p->out[1] - h), k.columns = sk_min(most_columns, p->out[2] - w);
                    sk_conv_patch from = sk_conv_fetch(p, n, d, h, w, sk_conv_whole(p, k.rows), sk_conv_whole(p, k.columns), buffer);
                    k.x_row = p->stride[1] * from.step[1], k.x_pixel = p->stride[2] * from.step[2];
                    const char *dy = (const char *)job->w + (size_t)(n * p->y_image + d * p->y_step[0] + h * p->y_step[1] + w * p->y_step[2]) * item;
                    k.dy_row = padded ? k.columns * wide : p->y_step[1], k.dy_pixel = padded ? wide : o;
                    for (int64_t r = 0; padded && r < k.rows; r++)
                        for (int64_t j = 0; j < k.columns; j++)
                            for (int64_t g = 0; g < p->groups; g++)
                                memcpy(copy + (size_t)(r * k.dy_row + j * wide + g * (wide / p->groups)) * item,
                                       dy + (size_t)(r * p->y_step[1] + j * o + g * p->outer) * item, (size_t)p->outer * item);
                    job->blocks(p, &from, padded ? copy : dy, dw, &k, part, job->parts);
                }
    if (k.held) job->blocks(p, NULL, NULL, dw, &k, part, job->parts);
    if (!k.add && part == 0) memset(dw, 0, (size_t)job->partial * item);
}

SK_UNUSED static void sk_conv_run_filter(const void *what, int member, int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; task++) sk_conv_sum_slice(what, task, member);
}

/* y (B, out, O) = the convolution of x with w, or dx (B, in, C) from dy (B, out, O) and w: all images, shared by threads; what is made
 * of w; all images with that; and images `begin` to `end`. A 1x1 kernel at every place is a matrix product: there `in` is `out`. */
#define SK_DEFINE_CONV_BY_IMAGES(T, S, NAME, RUN, TURNED, WIDTH, DEPTH)                                                                    \
    static void sk_##NAME##_product_##S(T *y, const T *x, const T *w, const sk_conv_shape *s, const sk_blas *blas, int threads) {          \
        int64_t places = sk_conv_product(TURNED ? s->in : s->out);                                                                         \
        sk_matmul_##S(0, TURNED, s->batch * places, s->WIDTH, s->DEPTH, x, s->DEPTH, w, s->outputs, 0, y, s->WIDTH, blas, threads);        \
    }                                                                                                                                      \
    SK_KERNEL void sk_##NAME##_##S(T *y, const T *x, const T *w, const sk_conv_shape *s, T *laid, T *room, const sk_blas *blas, int threads) { \
        if (s->batch * sk_conv_product(TURNED ? s->in : s->out) * s->WIDTH == 0) return;                                                   \
        if (sk_conv_is_product(s)) {                                                                                                       \
            sk_##NAME##_product_##S(y, x, w, s, blas, threads);                                                                            \
            return;                                                                                                                        \
        }                                                                                                                                  \
        sk_conv_job job = {.shape = s, .x = x, .y = y, .scratch = (char *)room};                                                           \
        sk_conv_plan p;                                                                                                                    \
        int members = sk_conv_members(s, threads);                                                                                         \
        sk_##NAME##_prepare_##S(&job, &p, w, laid + SK_CONV_JOB);                                                                          \
        sk_conv_deal(&job, s->WIDTH, members);                                                                                             \
        if (!job.by_outputs) sk_conv_transform(&job, &p, members);                                                                         \
        sk_share(members, job.tasks, sk_conv_work(s), RUN, &job);                                                                          \
    }                                                                                                                                      \
    SK_KERNEL void sk_##NAME##_ready_##S(const T *w, const sk_conv_shape *s, T *laid, int threads) {                                       \
        sk_conv_job *job = (void *)laid;                                                                                                   \
        sk_conv_plan p;                                                                                                                    \
        *job = (sk_conv_job){.own = *s, .shape = &job->own};                                                                               \
        if (sk_conv_is_product(s) || s->batch == 0) return;                                                                                \
        sk_##NAME##_prepare_##S(job, &p, w, laid + SK_CONV_JOB);                                                                           \
        sk_conv_transform(job, &p, sk_conv_members(s, threads));                                                                           \
        job->transform = NULL;                                                                                                             \
    }                                                                                                                                      \
    SK_KERNEL void sk_##NAME##_kept_##S(T *y, const T *x, const T *w, const T *laid, T *room, const sk_blas *blas, int threads) {          \
        sk_conv_job job = *(const sk_conv_job *)(const void *)laid;                                                                        \
        const sk_conv_shape *s = job.shape;                                                                                                \
        if (s->batch * sk_conv_product(TURNED ? s->in : s->out) * s->WIDTH == 0) return;                                                   \
        if (sk_conv_is_product(s)) {                                                                                                       \
            sk_##NAME##_product_##S(y, x, w, s, blas, threads);                                                                            \
            return;                                                                                                                        \
        }                                                                                                                                  \
        job.x = x, job.y = y, job.scratch = (char *)room;                                                                                  \
        sk_conv_deal(&job, s->WIDTH, sk_conv_members(s, threads));                                                                         \
        sk_share(sk_conv_members(s, threads), job.tasks, sk_conv_work(s), RUN, &job);                                                      \
    }                                                                                                                                      \
    SK_KERNEL void sk_##NAME##_images_##S(T *y, const T *x, const T *w, const T *laid, T *room, const sk_blas *blas, int member, int64_t begin, \
                                          int64_t end) {                                                                                   \
        sk_conv_job job = *(const sk_conv_job *)(const void *)laid;                                                                        \
        const sk_conv_shape *s = job.shape;                                                                                                \
        int64_t places = sk_conv_product(TURNED ? s->in : s->out);                                                                         \
        job.x = x, job.y = y, job.scratch = (char *)room, job.tasks = s->batch;                                                            \
        if (places * s->WIDTH == 0) return;                                                                                                \
        if (!sk_conv_is_product(s))                                                                                                        \
            RUN(&job, member, begin, end);                                                                                                 \
        else                                                                                                                               \
            sk_gemm_##S(0, TURNED, (end - begin) * places, s->WIDTH, s->DEPTH, x + begin * places * s->DEPTH, s->DEPTH, w, s->outputs, 0,  \
                        y + begin * places * s->WIDTH, s->WIDTH, blas);                                                                    \
    }

#define SK_DEFINE_CONV(T, S, U)                                                                                                            \
    /* w with the outputs of each group padded to whole vectors, or pair by pair of vectors. */                                            \
    static void sk_conv_pack_##S(const sk_conv_plan *p, const T *w, T *to, int64_t rows) {                                                 \
        enum { PAIR = 2 * SK_LANES_##U };                                                                                                  \
        for (int64_t g = 0; g < p->groups; g++)                                                                                            \
            for (int64_t r = 0; r < rows; r++)                                                                                             \
                for (int64_t o = 0; o < p->outer; o += PAIR)                                                                               \
                    for (int64_t i = 0; i < sk_min(PAIR, p->w_row - o % p->w_row); i++)                                                    \
                        to[g * p->w_group + r * p->w_row + o / PAIR * p->w_block + i] =                                                    \
                            o + i < p->outer ? w[(r * p->groups + g) * p->outer + o + i] : 0;                                              \
    }                                                                                                                                      \
    /* The taps of one phase in turned order, inputs and outputs exchanged. */                                                             \
    static void sk_conv_turn_##S(const sk_conv_shape *s, const sk_conv_plan *p, const int64_t *first, const int64_t *step,                 \
                                 const T *w, T *to) {                                                                                      \
        enum { PAIR = 2 * SK_LANES_##U };                                                                                                  \
        int64_t taps = sk_conv_product(p->kernel), next = p->groups < s->groups ? 1 : s->outputs;                                          \
        for (int64_t g = 0; g < p->groups; g++)                                                                                            \
            for (int64_t u = 0; u < taps; u++) {                                                                                           \
                int64_t at[3] = {u / p->kernel[2] / p->kernel[1], u / p->kernel[2] % p->kernel[1], u % p->kernel[2]}, tap = 0;             \
                for (int a = 0; a < 3; a++) tap = tap * s->kernel[a] + first[a] + (p->kernel[a] - 1 - at[a]) * step[a];                    \
                const T *from = w + tap * (s->channels / s->groups) * s->outputs + g * p->inner;                                           \
                T *row = to + g * p->w_group + u * p->inner * p->w_row;                                                                    \
                for (int64_t c = 0; c < (p->outer + PAIR / 2 - 1) / (PAIR / 2) * (PAIR / 2); c++)                                          \
                    for (int64_t o = 0; o < p->inner; o++)                                                                                 \
                        row[o * p->w_row + c / PAIR * p->w_block + c % PAIR] = c < p->outer ? from[c * next + o] : 0;                      \
            }                                                                                                                              \
    }                                                                                                                                      \
    /* What is to be done for a forward convolution that is no product, and w as it is read. */                                            \
    static void sk_conv_prepare_##S(sk_conv_job *job, sk_conv_plan *whole, const T *w, T *laid) {                                          \
        enum { L = SK_LANES_##U };                                                                                                         \
        const sk_conv_shape *s = job->shape;                                                                                               \
        int depthwise = sk_conv_is_depthwise(s), is_winograd = sk_conv_is_winograd(s);                                                     \
        sk_conv_plan p = sk_conv_forward(s, sizeof(T));                                                                                    \
        p.w = w;                                                                                                                           \
        p.piece = depthwise ? sk_conv_depthwise_piece_##S : sk_conv_is_single(s) ? sk_conv_single_piece_##S : sk_conv_piece_##S;           \
        p.w_row = s->outputs, p.w_block = 2 * L, p.w_group = p.outer;                                                                      \
        if (depthwise) p.outer = s->outputs;                                                                                               \
        p.must_copy = depthwise && (p.repeat > 1 || s->outputs % L);                                                                       \
        if (p.outer % L || (!is_winograd && sk_conv_is_wide(&p, L) && s->batch * sk_conv_product(s->out) >= SK_CONV_PAYS)) {               \
            sk_conv_plan packed = p;                                                                                                       \
            int64_t rows = sk_conv_product(s->kernel) * p.inner;                                                                           \
            if (depthwise) packed.groups = 1;                                                                                              \
            sk_conv_lay(&packed, rows, L);                                                                                                 \
            sk_conv_pack_##S(&packed, w, laid, rows);                                                                                      \
            p.w = laid, p.w_row = packed.w_row, p.w_block = packed.w_block, p.w_group = packed.w_group;                                    \
            laid += sk_conv_up(packed.groups * p.w_group);                                                                                 \
        }                                                                                                                                  \
        int64_t room = sk_conv_up(p.buffer + 16);                                                                                          \
        if (is_winograd) {                                                                                                                 \
            p.u = laid, p.pairs = 1, p.piece = sk_winograd_piece_##S;                                                                      \
            job->transform = sk_winograd_kernel_##S, job->pair = 2 * L;                                                                    \
            room += SK_WINOGRAD_ROOM;                                                                                                      \
        }                                                                                                                                  \
        *whole = job->plan = p, job->room = room * (int64_t)sizeof(T);                                                                     \
    }                                                                                                                                      \
    /* The same for an input gradient. */                                                                                                  \
    static void sk_conv_input_grad_prepare_##S(sk_conv_job *job, sk_conv_plan *whole, const T *w, T *laid) {                               \
        enum { L = SK_LANES_##U };                                                                                                         \
        const sk_conv_shape *s = job->shape;                                                                                               \
        int depthwise = sk_conv_is_depthwise(s) && s->outputs == s->channels;                                                              \
        int64_t first[3], step[3], room = 0;                                                                                               \
        sk_conv_plan p;                                                                                                                    \
        T *turned = laid;                                                                                                                  \
        for (int64_t phase = 0; phase < sk_conv_product(s->stride); phase++) {                                                             \
            sk_conv_phase(s, phase, sizeof(T), &p, first, step);                                                                           \
            room = sk_max(room, sk_conv_up(p.buffer + 16));                                                                                \
            if (depthwise) p.groups = 1, p.outer = s->channels;                                                                            \
            sk_conv_lay(&p, sk_conv_product(p.kernel) * p.inner, L);                                                                       \
            sk_conv_turn_##S(s, &p, first, step, w, turned);                                                                               \
            turned += p.groups * p.w_group;                                                                                                \
        }                                                                                                                                  \
        job->w = laid, job->is_direct = depthwise;                                                                                         \
        job->plan = (sk_conv_plan){.item = sizeof(T), .w_row = L, .must_copy = depthwise && s->channels % L};                              \
        job->plan.piece = depthwise ? sk_conv_depthwise_piece_##S : sk_conv_piece_##S;                                                     \
        laid += sk_conv_up(turned - laid);                                                                                                 \
        if (sk_conv_is_winograd(s)) {                                                                                                      \
            p.w = job->w, p.u = laid;                                                                                                      \
            job->plan.u = laid, job->plan.pairs = 1, job->plan.piece = sk_winograd_piece_##S;                                              \
            job->transform = sk_winograd_kernel_##S, job->pair = 2 * L;                                                                    \
            room += SK_WINOGRAD_ROOM;                                                                                                      \
        }                                                                                                                                  \
        *whole = p, job->room = room * (int64_t)sizeof(T);                                                                                 \
    }                                                                                                                                      \
    SK_DEFINE_CONV_BY_IMAGES(T, S, conv, sk_conv_run_forward, 0, outputs, channels)                                                        \
    SK_DEFINE_CONV_BY_IMAGES(T, S, conv_input_grad, sk_conv_run_input, 1, channels, outputs)                                               \
    /* Partial sums of slices of the batch, added in order: w's gradient, or that of the transformed w. */                                 \
    static const T *sk_conv_sum_##S(const sk_conv_shape *s, const sk_conv_job *job, T *sums, T *dw) {                                      \
        int64_t outer = s->outputs / s->groups, rows = job->partial / job->plan.y_wide, wide = job->plan.y_wide / s->groups;               \
        for (int64_t i = 0; i < job->slices - job->is_direct; i++)                                                                         \
            for (int64_t r = 0; r < rows * s->groups; r++) {                                                                               \
                const T *part = sums + i * job->partial + r * wide;                                                                        \
                T *to = dw + r * outer;                                                                                                    \
                if (i + job->is_direct > 0)                                                                                                \
                    SK_SIMD() for (int64_t o = 0; o < outer; o++) to[o] += part[o];                                                        \
                else if (to != part)                                                                                                       \
                    SK_SIMD() for (int64_t o = 0; o < outer; o++) to[o] = part[o];                                                         \
            }                                                                                                                              \
        return dw;                                                                                                                         \
    }                                                                                                                                      \
    /* Returns whether dw is finite, or was computed in a way that does not ask. */                                                        \
    static int sk_conv_filter_by_##S(int winograd, T *dw, const T *x, const T *dy, const sk_conv_shape *s, T *scratch, int threads) {      \
        enum { L = SK_LANES_##U };                                                                                                         \
        int64_t rows = sk_conv_product(s->kernel) * (s->channels / s->groups), outer = s->outputs / s->groups;                             \
        int depthwise = sk_conv_is_depthwise(s), members = sk_conv_members(s, threads);                                                    \
        sk_conv_plan p = sk_conv_forward(s, sizeof(T));                                                                                    \
        p.x = x, p.must_copy = depthwise && (p.repeat > 1 || s->outputs % L), p.pairs = winograd;                                          \
        p.y_wide = depthwise ? s->outputs : s->groups * ((outer + L - 1) / L * L);                                                         \
        int is_padded = p.y_wide != s->outputs;                                                                                            \
        int64_t partial = winograd ? 16 * s->channels * s->outputs : rows * p.y_wide;                                                      \
        int64_t slices = sk_conv_slices(s, partial);                                                                                       \
        int64_t room = sk_conv_up(p.buffer + 16) + (is_padded ? sk_conv_up(SK_CONV_PIECE + 8 * p.y_wide) : 0);                             \
        sk_conv_job job = {.plan = p, .w = dy, .y = dw, .scratch = (char *)scratch, .slices = slices,                                      \
                           .room = (room + (winograd ? SK_WINOGRAD_ROOM : 0)) * (int64_t)sizeof(T), .partial = partial,                    \
                           .parts = (members + slices - 1) / slices, .is_direct = !is_padded && !winograd};                                \
        job.blocks = winograd ? sk_winograd_blocks_##S : depthwise ? sk_conv_depthwise_blocks_##S : sk_conv_blocks_##S;                    \
        job.tasks = slices * job.parts, job.sums = members * job.room;                                                                     \
        sk_share(members, job.tasks, sk_conv_work(s), sk_conv_run_filter, &job);                                                           \
        T *sums = (T *)(job.scratch + job.sums);                                                                                           \
        if (!winograd) return sk_conv_sum_##S(s, &job, sums, dw) == dw;                                                                    \
        return sk_winograd_kernel_grad_##S(sk_conv_sum_##S(s, &job, sums, sums), s->channels * s->outputs, dw);                            \
    }                                                                                                                                      \
    /* dw (kernel, C / groups, O) from x and dy. */                                                                                        \
    SK_KERNEL void sk_conv_filter_grad_##S(T *dw, const T *x, const T *dy, const sk_conv_shape *s, T *scratch,                             \
                                                  const sk_blas *blas, int threads) {                                                      \
        (void)blas;                                                                                                                        \
        if (s->batch * sk_conv_product(s->out) == 0)                                                                                       \
            memset(dw, 0, (size_t)(sk_conv_product(s->kernel) * (s->channels / s->groups) * s->outputs) * sizeof(T));                      \
        else if (!sk_conv_is_winograd(s) || !sk_conv_filter_by_##S(1, dw, x, dy, s, scratch, threads))                                     \
            sk_conv_filter_by_##S(0, dw, x, dy, s, scratch, threads);                                                                      \
    }
SK_F32(SK_DEFINE_CONV(float, f32, F32))
SK_F64(SK_DEFINE_CONV(double, f64, F64))

#endif
#endif
