/* A program that tells whether a compiler with its flags makes what it is asked for: loops in the form of the emitted ones, whose vectors
   and small arrays lie on the stack, for many widths, places of memory and depths of the stack, against the same loops without any
   optimisation. It ends with 0, with 1 where numbers differ, or by a signal.

   Numbers are small integers, so that sums are exact in whatever order they are taken. */
#ifndef SYMKERAS_SELF_TEST_H
#define SYMKERAS_SELF_TEST_H

#include "symkeras/arithmetic.h"
#include <stdio.h>

enum { MOST_ROWS = 300, MOST_WIDTH = 40, PLACES = 5 };

typedef struct {
    const float *x0, *x1, *x2;
    float x3;
    float *y;
    double *rows;
    float *columns;
} sk_tested;

static float memory[4][MOST_ROWS * MOST_WIDTH + 64];

static void fill(void) {
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < MOST_ROWS * MOST_WIDTH + 64; i++) memory[k][i] = (float)((i * (7 + 4 * k) + k) % 9 - 4);
}

/* Rows are reduced in lanes, columns in an array beside them, as in a fusion group; `plain` has the same results. */
#define SK_TESTED_LOOPS(W)                                                                                              \
    static __attribute__((noinline)) void fused_##W(const sk_tested *given, int64_t begin, int64_t end) {               \
        const float *x0 = given->x0, *x1 = given->x1, *x2 = given->x2;                                                  \
        const float x3 = given->x3;                                                                                     \
        float *y = given->y, *columns = given->columns;                                                                 \
        double total = 0;                                                                                               \
        for (int64_t j = 0; j < W; j++) columns[j] = 0;                                                                 \
        for (int64_t block = begin; block < end; block += 256) {                                                        \
            const int64_t stop = sk_min(block + 256, end);                                                              \
            float part[W];                                                                                              \
            for (int64_t k = 0; k < W; k++) part[k] = 0;                                                                \
            for (int64_t i = block; i < stop; i++) {                                                                    \
                float row = 0;                                                                                          \
                SK_SIMD(reduction(+ : row))                                                                             \
                for (int64_t j = 0; j < W; j++) {                                                                       \
                    const float difference = x0[(W + 2) * i + j] + x1[j] - x2[W * i + j];                               \
                    const float scaled = x3 * (difference * 2.0f);                                                      \
                    y[W * i + j] = scaled;                                                                              \
                    row += difference * difference;                                                                     \
                    part[j] += scaled;                                                                                  \
                }                                                                                                       \
                total += row / 2.0f;                                                                                    \
            }                                                                                                           \
            for (int64_t k = 0; k < W; k++) columns[k] += part[k];                                                      \
        }                                                                                                               \
        *given->rows = total;                                                                                           \
    }                                                                                                                   \
    static __attribute__((noinline)) void column_##W(const sk_tested *given, int64_t begin, int64_t end) {              \
        float part[W];                                                                                                  \
        for (int64_t k = 0; k < W; k++) part[k] = 0;                                                                    \
        for (int64_t i = begin; i < end; i++) {                                                                         \
            SK_SIMD()                                                                                                   \
            for (int64_t j = 0; j < W; j++) part[j] += given->x2[W * i + j];                                            \
        }                                                                                                               \
        for (int64_t k = 0; k < W; k++) given->columns[k] = part[k];                                                    \
    }                                                                                                                   \
    SK_PLAIN static int plain_##W(const sk_tested *given, int64_t begin, int64_t end, int only_columns) {               \
        double total = 0;                                                                                               \
        for (int64_t j = 0; j < W; j++) {                                                                               \
            float column = 0;                                                                                           \
            for (int64_t i = begin; i < end; i++) {                                                                     \
                const float difference = given->x0[(W + 2) * i + j] + given->x1[j] - given->x2[W * i + j];              \
                const float scaled = given->x3 * (difference * 2.0f);                                                   \
                if (!only_columns && given->y[W * i + j] != scaled) return 1;                                           \
                total += difference * difference / 2.0f;                                                                \
                column += only_columns ? given->x2[W * i + j] : scaled;                                                 \
            }                                                                                                           \
            if (given->columns[j] != column) return 1;                                                                  \
        }                                                                                                               \
        return !only_columns && *given->rows != total;                                                                  \
    }                                                                                                                   \
    static int wrong_##W(const sk_tested *given, int64_t rows) {                                                        \
        fused_##W(given, 0, rows);                                                                                      \
        if (plain_##W(given, 0, rows, 0)) return 1;                                                                     \
        column_##W(given, 0, rows);                                                                                     \
        return plain_##W(given, 0, rows, 1);                                                                            \
    }

SK_TESTED_LOOPS(1)
SK_TESTED_LOOPS(2)
SK_TESTED_LOOPS(3)
SK_TESTED_LOOPS(5)
SK_TESTED_LOOPS(8)
SK_TESTED_LOOPS(10)
SK_TESTED_LOOPS(13)
SK_TESTED_LOOPS(16)
SK_TESTED_LOOPS(17)
SK_TESTED_LOOPS(20)
SK_TESTED_LOOPS(24)
SK_TESTED_LOOPS(33)

/* exp and tanh over a vector, against themselves one at a time; the values of one program may not depend on what lies beside them. */
static __attribute__((noinline)) void curved(const float *x, float *y, int64_t n) {
    SK_SIMD()
    for (int64_t k = 0; k < n; k++) y[k] = sk_exp_f32(x[k]) + sk_tanh_f32(x[k] * 0.25f);
}

static int wrong_curves(const sk_tested *given) {
    float one;
    curved(given->x0, given->y, MOST_WIDTH);
    for (int64_t k = 0; k < MOST_WIDTH; k++) {
        curved(given->x0 + k, &one, 1);
        if (one != given->y[k] || !(fabsf(one - expf(given->x0[k]) - tanhf(given->x0[k] * 0.25f)) < 1e-4f)) return 1;
    }
    return 0;
}

static __attribute__((noinline)) int wrong(const sk_tested *given, int64_t rows) {
    return wrong_1(given, rows) | wrong_2(given, rows) | wrong_3(given, rows) | wrong_5(given, rows) | wrong_8(given, rows) |
           wrong_10(given, rows) | wrong_13(given, rows) | wrong_16(given, rows) | wrong_17(given, rows) | wrong_20(given, rows) |
           wrong_24(given, rows) | wrong_33(given, rows) | wrong_curves(given);
}

/* The same with so many bytes more on the stack. */
static __attribute__((noinline)) int wrong_below(const sk_tested *given, int64_t rows, int bytes) {
    volatile char room[bytes];
    room[0] = room[bytes - 1] = 0;
    return wrong(given, rows) + room[0];
}

int main(void) {
    static const int64_t rows[] = {1, 2, 3, 7, 8, 33, MOST_ROWS};
    double total = 0;
    float columns[MOST_WIDTH + PLACES];
    fill();
    for (int place = 0; place < PLACES; place++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            const sk_tested given = {memory[0] + place, memory[1] + place, memory[2] + 2 * place, -1.5f, memory[3] + place, &total, columns + place};
            if (wrong_below(&given, rows[k], 16 * (place + 1))) {
                printf("wrong numbers in loops over %d rows\n", (int)rows[k]);
                return 1;
            }
        }
    return 0;
}

#endif
