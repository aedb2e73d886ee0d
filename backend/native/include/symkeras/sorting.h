/* Order along the last axis: sort, argsort and top_k of dense rows, all stable, NaN after every number.

   SK_DEFINE_SORT(T, S) defines the three for one element type (bool as u8); a file instantiates those it uses, each once. */
#ifndef SYMKERAS_SORTING_H
#define SYMKERAS_SORTING_H

#include "symkeras/base.h"

/* Whether a comes before b in rising order; -0.0 and 0.0 are equal, and so are NaNs. Without branches, as vectors have none. */
#define SK_RISES(a, b) (((a) < (b)) | (((b) != (b)) & ((a) == (a))))

/* Runs of so many elements are ranked all against all before they are merged. */
#define SK_SORT_RUN 16

/* From so many places on, top_k sorts whole rows instead of keeping a short list. */
#define SK_TOP_K_LIST 32

/* A stable merge sort of `items` (N) of type E in place, with `spare` (N) to merge into. KEY(x, item) is what an item is
   sorted by, given `x`; BEFORE(a, b) says whether key a must come before key b, and LESS(a, b) does if neither is NaN.

   The place of an item in its run is the number of items before it, equal ones only if they stand before it already: a few
   vector comparisons for all of a run, where insertion would mispredict one branch per item. Runs with a NaN are sorted by
   insertion all the same. Neighbouring runs that are in order already are copied without comparing. */
#define SK_DEFINE_MERGE_SORT(T, E, NAME, KEY, BEFORE, LESS)                                                                    \
    SK_UNUSED static void NAME##_insert(E *items, const T *x, int64_t count) {                                                 \
        (void)x;                                                                                                               \
        for (int64_t k = 1; k < count; k++) {                                                                                  \
            const E item = items[k];                                                                                           \
            int64_t at = k;                                                                                                    \
            for (; at > 0 && BEFORE(KEY(x, item), KEY(x, items[at - 1])); at--) items[at] = items[at - 1];                     \
            items[at] = item;                                                                                                  \
        }                                                                                                                      \
    }                                                                                                                          \
    SK_UNUSED static void NAME##_run(E *items, const T *x, int64_t count) {                                                    \
        T keys[SK_SORT_RUN] = {0};                                                                                             \
        int32_t place[SK_SORT_RUN] = {0};                                                                                      \
        int has_nan = 0;                                                                                                       \
        for (int64_t i = 0; i < count; i++) {                                                                                  \
            keys[i] = KEY(x, items[i]);                                                                                        \
            has_nan |= keys[i] != keys[i];                                                                                     \
        }                                                                                                                      \
        if (has_nan) {                                                                                                         \
            NAME##_insert(items, x, count);                                                                                    \
            return;                                                                                                            \
        }                                                                                                                      \
        for (int32_t j = 0; j < count; j++) {                                                                                  \
            const T key = keys[j];                                                                                             \
            SK_SIMD()                                                                                                          \
            for (int32_t i = 0; i < SK_SORT_RUN; i++) place[i] += LESS(key, keys[i]) | (!LESS(keys[i], key) & (j < i));        \
        }                                                                                                                      \
        E sorted[SK_SORT_RUN];                                                                                                 \
        for (int64_t i = 0; i < count; i++) sorted[place[i]] = items[i];                                                       \
        memcpy(items, sorted, (size_t)count * sizeof(E));                                                                      \
    }                                                                                                                          \
    SK_UNUSED static void NAME##_merge(E *restrict to, const E *left, const E *right, const E *end, const T *x) {              \
        (void)x;                                                                                                               \
        const E *a = left, *b = right;                                                                                         \
        if (b < end && BEFORE(KEY(x, b[0]), KEY(x, right[-1])))                                                                \
            while (a < right && b < end) {                                                                                     \
                const int second = BEFORE(KEY(x, *b), KEY(x, *a));                                                             \
                *to++ = second ? *b : *a;                                                                                      \
                b += second;                                                                                                   \
                a += !second;                                                                                                  \
            }                                                                                                                  \
        memcpy(to, a, (size_t)(right - a) * sizeof(E));                                                                        \
        memcpy(to + (right - a), b, (size_t)(end - b) * sizeof(E));                                                            \
    }                                                                                                                          \
    SK_UNUSED static void NAME(E *items, E *spare, const T *x, int64_t n) {                                                    \
        for (int64_t start = 0; start < n; start += SK_SORT_RUN) NAME##_run(items + start, x, sk_min(SK_SORT_RUN, n - start)); \
        E *from = items, *to = spare;                                                                                          \
        for (int64_t run = SK_SORT_RUN; run < n; run *= 2) {                                                                   \
            for (int64_t start = 0; start < n; start += 2 * run) {                                                             \
                const int64_t middle = sk_min(start + run, n), end = sk_min(start + 2 * run, n);                               \
                NAME##_merge(to + start, from + start, from + middle, from + end, x);                                          \
            }                                                                                                                  \
            E *const done = to;                                                                                                \
            to = from;                                                                                                         \
            from = done;                                                                                                       \
        }                                                                                                                      \
        if (from != items) memcpy(items, from, (size_t)n * sizeof(E));                                                         \
    }

#define SK_FALLS(a, b) SK_RISES(b, a)
#define SK_SMALLER(a, b) ((a) < (b))
#define SK_GREATER(a, b) ((a) > (b))
#define SK_BY_VALUE(x, item) (item)
#define SK_BY_PLACE(x, item) ((x)[item])

/* sk_sort_S: out (R, N) = x (R, N) in rising order; `scratch` has room for N elements.

   sk_argsort_S: out (R, N) = the places in x (R, N) of its elements in rising order, equal ones in their own order;
   `scratch` has room for N.

   sk_top_k_S: values (R, K) and indices (R, K) = the K largest of x (R, N) and their places, falling, the first of equals
   first, NaN the largest; `scratch` has room for 2 N. A short list takes the few elements that beat its last one; a long
   list would cost K for each of them, so then the whole row is sorted. */
#define SK_DEFINE_SORT(T, S)                                                                                                            \
    SK_DEFINE_MERGE_SORT(T, T, sk_sort_values_##S, SK_BY_VALUE, SK_RISES, SK_SMALLER)                                                   \
    SK_DEFINE_MERGE_SORT(T, int32_t, sk_sort_rising_##S, SK_BY_PLACE, SK_RISES, SK_SMALLER)                                             \
    SK_DEFINE_MERGE_SORT(T, int32_t, sk_sort_falling_##S, SK_BY_PLACE, SK_FALLS, SK_GREATER)                                            \
    SK_UNUSED static void sk_sort_##S(T *out, const T *x, int64_t rows, int64_t n, T *scratch) {                                        \
        if (rows * n > 0 && out != x) memcpy(out, x, (size_t)(rows * n) * sizeof(T));                                                   \
        for (int64_t r = 0; r < rows; r++) sk_sort_values_##S(out + r * n, scratch, x, n);                                              \
    }                                                                                                                                   \
    SK_UNUSED static void sk_argsort_##S(int32_t *out, const T *x, int64_t rows, int64_t n, int32_t *scratch) {                         \
        for (int64_t r = 0; r < rows; r++) {                                                                                            \
            for (int64_t k = 0; k < n; k++) out[r * n + k] = (int32_t)k;                                                                \
            sk_sort_rising_##S(out + r * n, scratch, x + r * n, n);                                                                     \
        }                                                                                                                               \
    }                                                                                                                                   \
    SK_UNUSED static void sk_top_list_##S(int32_t *list, const T *x, int64_t n, int64_t k) {                                            \
        int64_t held = 0;                                                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                                                               \
            if (held == k && !SK_RISES(x[list[k - 1]], x[i])) continue;                                                                 \
            int64_t at = held < k ? held++ : k - 1;                                                                                     \
            for (; at > 0 && SK_RISES(x[list[at - 1]], x[i]); at--) list[at] = list[at - 1];                                            \
            list[at] = (int32_t)i;                                                                                                      \
        }                                                                                                                               \
    }                                                                                                                                   \
    SK_UNUSED static void sk_top_k_##S(T *values, int32_t *indices, const T *x, int64_t rows, int64_t n, int64_t k, int32_t *scratch) { \
        if (k <= 0) return;                                                                                                             \
        for (int64_t r = 0; r < rows; r++, x += n, values += k, indices += k) {                                                         \
            if (k < SK_TOP_K_LIST) {                                                                                                    \
                sk_top_list_##S(indices, x, n, k);                                                                                      \
            } else {                                                                                                                    \
                for (int64_t i = 0; i < n; i++) scratch[i] = (int32_t)i;                                                                \
                sk_sort_falling_##S(scratch, scratch + n, x, n);                                                                        \
                memcpy(indices, scratch, (size_t)k * sizeof(int32_t));                                                                  \
            }                                                                                                                           \
            for (int64_t i = 0; i < k; i++) values[i] = x[indices[i]];                                                                  \
        }                                                                                                                               \
    }

#endif
