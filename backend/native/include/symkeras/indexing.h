/* Rows and elements by index: gather, scatter_add, take_along_axis, add_along_axis, combine_rows and set_rows.

   Each SK_DEFINE_... below defines the function of one combination of types: I, IS the C type and suffix of the indices
   (i8 u8 i16 u16 i32 u32 i64 u64), T, TS those of the values. A file instantiates the combinations it uses, each once.
   Values that are only moved are bytes.

   A negative index counts from the end. What takes a fault looks at all indices before it writes anything, and returns
   1 with the fault filled (code, index and size; `step` is the caller's) where one is out of range, else 0. */
#ifndef SYMKERAS_INDEXING_H
#define SYMKERAS_INDEXING_H

#include "symkeras/team.h"

/* Whether an index of `indices` (N) lies outside [-size, size). The fault names the smallest index if that is below
   -size, else the largest (of u64 the bits). Here for every index type, as most functions below ask it. */
#define SK_DEFINE_CHECK_RANGE(I, IS)                                                                           \
    SK_UNUSED static int sk_check_range_##IS(const I *indices, int64_t count, int64_t size, sk_fault *fault) { \
        if (count <= 0) return 0;                                                                              \
        I low = indices[0], high = indices[0];                                                                 \
        SK_SIMD(reduction(min : low) reduction(max : high))                                                    \
        for (int64_t k = 0; k < count; k++) {                                                                  \
            low = indices[k] < low ? indices[k] : low;                                                         \
            high = indices[k] > high ? indices[k] : high;                                                      \
        }                                                                                                      \
        const int is_signed = (I)-1 < (I)1;                                                                    \
        const int below = is_signed && (int64_t)low < -size;                                                   \
        const int above = is_signed ? (int64_t)high >= size : (uint64_t)high >= (uint64_t)size;                \
        if (!below && !above) return 0;                                                                        \
        fault->code = 1;                                                                                       \
        fault->index = (int64_t)(below ? low : high);                                                          \
        fault->size = size;                                                                                    \
        return 1;                                                                                              \
    }

SK_DEFINE_CHECK_RANGE(int8_t, i8)
SK_DEFINE_CHECK_RANGE(uint8_t, u8)
SK_DEFINE_CHECK_RANGE(int16_t, i16)
SK_DEFINE_CHECK_RANGE(uint16_t, u16)
SK_DEFINE_CHECK_RANGE(int32_t, i32)
SK_DEFINE_CHECK_RANGE(uint32_t, u32)
SK_DEFINE_CHECK_RANGE(int64_t, i64)
SK_DEFINE_CHECK_RANGE(uint64_t, u64)

/* Whether an exponent of integers (N) is negative; the fault names the smallest. */
#define SK_DEFINE_CHECK_EXPONENTS(I, IS)                                                                \
    SK_UNUSED static int sk_check_exponents_##IS(const I *exponents, int64_t count, sk_fault *fault) {  \
        I low = 0;                                                                                      \
        SK_SIMD(reduction(min : low))                                                                   \
        for (int64_t k = 0; k < count; k++) low = exponents[k] < low ? exponents[k] : low;              \
        if (low >= 0) return 0;                                                                         \
        fault->code = 3;                                                                                \
        fault->index = (int64_t)low;                                                                    \
        return 1;                                                                                       \
    }

SK_DEFINE_CHECK_EXPONENTS(int8_t, i8)
SK_DEFINE_CHECK_EXPONENTS(int16_t, i16)
SK_DEFINE_CHECK_EXPONENTS(int32_t, i32)
SK_DEFINE_CHECK_EXPONENTS(int64_t, i64)

/* The place that an index in range means on an axis of `size`. */
SK_UNUSED static inline int64_t sk_place(int64_t index, int64_t size) { return index < 0 ? index + size : index; }

/* Runs a statement with `size` equal to `bytes`: for the usual item sizes a constant, so that a memcpy is one move. */
#define SK_WITH_SIZE(bytes, ...)                            \
    switch (bytes) {                                        \
    case 1: { enum { size = 1 }; __VA_ARGS__; } break;      \
    case 2: { enum { size = 2 }; __VA_ARGS__; } break;      \
    case 4: { enum { size = 4 }; __VA_ARGS__; } break;      \
    case 8: { enum { size = 8 }; __VA_ARGS__; } break;      \
    default: { const int64_t size = (bytes); __VA_ARGS__; } \
    }

/* What threads share of a kernel below. */
typedef struct {
    void *out;
    const void *from, *indices;
    int64_t count, rows, width, parts;
} sk_rows_job;

/* out (N, row) = table (R, row) at indices (N), rows of row_bytes. Threads take stretches of indices. */
#define SK_DEFINE_GATHER(I, IS)                                                                                                           \
    SK_UNUSED static void sk_gather_stretch_##IS(const void *what, int member, int64_t begin, int64_t end) {                              \
        const sk_rows_job *job = what;                                                                                                    \
        char *restrict out = job->out;                                                                                                    \
        const char *restrict table = job->from;                                                                                           \
        const I *restrict indices = job->indices;                                                                                         \
        (void)member;                                                                                                                     \
        SK_WITH_SIZE(job->width, for (int64_t k = begin; k < end; k++)                                                                    \
            memcpy(out + k * size, table + sk_place((int64_t)indices[k], job->rows) * size, (size_t)size))                                \
    }                                                                                                                                     \
    SK_UNUSED static int sk_gather_##IS(                                                                                                  \
        void *out, const void *table, const I *indices, int64_t count, int64_t rows, int64_t row_bytes, sk_fault *fault, int threads) {   \
        if (sk_check_range_##IS(indices, count, rows, fault)) return 1;                                                                   \
        const sk_rows_job job = {out, table, indices, count, rows, row_bytes, 0};                                                         \
        sk_share(threads, count, count * row_bytes, sk_gather_stretch_##IS, &job);                                                        \
        return 0;                                                                                                                         \
    }

/* out (R, W) = 0, then out[indices[k]] += values[k] for values (N, W), in order of k.

   Each part clears a stretch of rows and adds what falls into it: all have to look at all indices, which pays for rows of
   a cache line or more. Columns would be shared out more evenly, but a row would then be cleared in pieces, twice as slow
   when measured. No sum depends on the number of threads. Tables of few elements get many values each: those are summed in doubles. */
#define SK_FEW_SUMS 512
#define SK_DEFINE_SCATTER_ADD(T, TS, I, IS)                                                                                                           \
    SK_UNUSED static void sk_scatter_add_parts_##TS##_##IS(const void *what, int member, int64_t begin, int64_t end) {                                \
        const sk_rows_job *job = what;                                                                                                                \
        const int64_t from = job->rows * begin / job->parts, to = job->rows * end / job->parts;                                                       \
        T *restrict out = job->out;                                                                                                                   \
        const I *restrict indices = job->indices;                                                                                                     \
        const T *restrict values = job->from;                                                                                                         \
        const int64_t width = job->width;                                                                                                             \
        (void)member;                                                                                                                                 \
        if (#TS[0] == 'f' && job->rows * width <= SK_FEW_SUMS) {                                                                                      \
            double sums[SK_FEW_SUMS];                                                                                                                 \
            for (int64_t k = 0; k < (to - from) * width; k++) sums[k] = 0;                                                                            \
            for (int64_t k = 0; k < job->count; k++) {                                                                                                \
                const int64_t at = sk_place((int64_t)indices[k], job->rows);                                                                          \
                if (at < from || at >= to) continue;                                                                                                  \
                SK_SIMD()                                                                                                                             \
                for (int64_t c = 0; c < width; c++) sums[(at - from) * width + c] += (double)values[k * width + c];                                   \
            }                                                                                                                                         \
            for (int64_t k = 0; k < (to - from) * width; k++) out[from * width + k] = (T)sums[k];                                                     \
            return;                                                                                                                                   \
        }                                                                                                                                             \
        memset(out + from * width, 0, (size_t)((to - from) * width) * sizeof(T));                                                                     \
        for (int64_t k = 0; k < job->count; k++) {                                                                                                    \
            const int64_t at = sk_place((int64_t)indices[k], job->rows);                                                                              \
            if (at < from || at >= to) continue;                                                                                                      \
            T *const row = out + at * width;                                                                                                          \
            const T *const value = values + k * width;                                                                                                \
            SK_SIMD()                                                                                                                                 \
            for (int64_t c = 0; c < width; c++) row[c] = SK_PLUS(T, TS, row[c], value[c]);                                                            \
        }                                                                                                                                             \
    }                                                                                                                                                 \
    SK_UNUSED static int sk_scatter_add_##TS##_##IS(                                                                                                  \
        T *out, const I *indices, const T *values, int64_t count, int64_t rows, int64_t width, sk_fault *fault, int threads) {                        \
        if (sk_check_range_##IS(indices, count, rows, fault)) return 1;                                                                               \
        if (rows * width == 0) return 0;                                                                                                              \
        const sk_rows_job job = {out, values, indices, count, rows, width, width * (int64_t)sizeof(T) < 64 ? 1 : 2 * threads};                        \
        sk_share(threads, job.parts, (rows + 2 * count) * width, sk_scatter_add_parts_##TS##_##IS, &job);                                             \
        return 0;                                                                                                                                     \
    }

/* out (A, M, B) = x (A, N, B) at indices (A, M, B) along the middle axis: size_x is N, size_i is M. */
#define SK_DEFINE_TAKE_ALONG(I, IS)                                                                                                          \
    SK_UNUSED static void sk_take_along_lines_##IS(                                                                                          \
        char *restrict out, const char *restrict x, const I *restrict indices, int64_t outer, int64_t size_x, int64_t size_i, int64_t inner, \
        int64_t item_bytes) {                                                                                                                \
        SK_WITH_SIZE(item_bytes, for (int64_t a = 0; a < outer; a++) for (int64_t m = a * size_i; m < (a + 1) * size_i; m++)                 \
            for (int64_t b = 0; b < inner; b++) {                                                                                            \
                const int64_t at = a * size_x + sk_place((int64_t)indices[m * inner + b], size_x);                                           \
                memcpy(out + (m * inner + b) * size, x + (at * inner + b) * size, (size_t)size);                                             \
            })                                                                                                                               \
    }                                                                                                                                        \
    SK_UNUSED static int sk_take_along_##IS(                                                                                                 \
        void *out, const void *x, const I *indices, int64_t outer, int64_t size_x, int64_t size_i, int64_t inner, int64_t item_bytes,        \
        sk_fault *fault) {                                                                                                                   \
        if (sk_check_range_##IS(indices, outer * size_i * inner, size_x, fault)) return 1;                                                   \
        sk_take_along_lines_##IS((char *)out, (const char *)x, indices, outer, size_x, size_i, inner, item_bytes);                           \
        return 0;                                                                                                                            \
    }

/* out (A, N, B) = 0, then out[a, indices[a, m, b], b] += values[a, m, b] for values (A, M, B), in order of m: size_out is N, size_i is M. */
#define SK_DEFINE_ADD_ALONG(T, TS, I, IS)                                                                                                     \
    SK_UNUSED static int sk_add_along_##TS##_##IS(                                                                                            \
        T *restrict out, const I *restrict indices, const T *restrict values, int64_t outer, int64_t size_out, int64_t size_i, int64_t inner, \
        sk_fault *fault) {                                                                                                                    \
        if (sk_check_range_##IS(indices, outer * size_i * inner, size_out, fault)) return 1;                                                  \
        const int64_t total = outer * size_out * inner;                                                                                       \
        if (total > 0) memset(out, 0, (size_t)total * sizeof(T));                                                                             \
        for (int64_t a = 0; a < outer; a++)                                                                                                   \
            for (int64_t m = a * size_i; m < (a + 1) * size_i; m++)                                                                           \
                for (int64_t b = 0; b < inner; b++) {                                                                                         \
                    const int64_t at = a * size_out + sk_place((int64_t)indices[m * inner + b], size_out);                                    \
                    out[at * inner + b] = SK_PLUS(T, TS, out[at * inner + b], values[m * inner + b]);                                         \
                }                                                                                                                             \
        return 0;                                                                                                                             \
    }

/* How many int64_t sk_combine_rows_... works in: a table of 2 N places, and N first places. */
SK_UNUSED static inline int64_t sk_combine_rows_scratch(int64_t count) { return 3 * count; }

/* out (N, W): row k is the sum of all rows of values (N, W) whose index means the same of `rows` rows as indices[k] (any integers), in order
   of appearance. `scratch` has room for 3 N.

   A half-empty hash table finds for every k the first place with its index; that row of out collects the sum, and the
   others are copies of it. */
#define SK_DEFINE_COMBINE_ROWS(T, TS, I, IS)                                                                                                           \
    SK_UNUSED static void sk_first_places_##TS##_##IS(int64_t *first, int64_t *table, const I *indices, int64_t count, int64_t rows) {                 \
        const uint64_t slots = 2 * (uint64_t)count;                                                                                                    \
        for (uint64_t s = 0; s < slots; s++) table[s] = -1;                                                                                            \
        for (int64_t k = 0; k < count; k++) {                                                                                                          \
            const int64_t at = sk_place((int64_t)indices[k], rows);                                                                                    \
            const uint64_t hash = ((uint64_t)at * 0x9E3779B97F4A7C15u) >> 32;                                                                          \
            uint64_t slot = (hash * slots) >> 32;                                                                                                      \
            while (table[slot] >= 0 && sk_place((int64_t)indices[table[slot]], rows) != at) slot = slot + 1 < slots ? slot + 1 : 0;                    \
            if (table[slot] < 0) table[slot] = k;                                                                                                      \
            first[k] = table[slot];                                                                                                                    \
        }                                                                                                                                              \
    }                                                                                                                                                  \
    SK_UNUSED static void sk_combine_rows_##TS##_##IS(                                                                                                 \
        T *restrict out, const I *restrict indices, const T *restrict values, int64_t count, int64_t rows, int64_t width, int64_t *restrict scratch) { \
        int64_t *const first = scratch + 2 * count;                                                                                                    \
        sk_first_places_##TS##_##IS(first, scratch, indices, count, rows);                                                                             \
        for (int64_t k = 0; k < count; k++) {                                                                                                          \
            T *const row = out + first[k] * width;                                                                                                     \
            const T *const value = values + k * width;                                                                                                 \
            const T kept = (T)(first[k] != k);                                                                                                         \
            SK_SIMD()                                                                                                                                  \
            for (int64_t c = 0; c < width; c++) row[c] = SK_PLUS(T, TS, kept != 0 ? row[c] : (T)0, value[c]);                                          \
        }                                                                                                                                              \
        for (int64_t k = 0; k < count; k++)                                                                                                            \
            if (first[k] != k) memcpy(out + k * width, out + first[k] * width, (size_t)width * sizeof(T));                                             \
    }

/* first (R): for every row of a table the number of the first index that is the row's, -1 where there is none. out (N, W), which may be
   values (N, W) themselves: at the first of equal indices the sum of all their rows, in order of appearance; the others are of no account. */
#define SK_DEFINE_COMBINE_FIRST(T, TS, I, IS)                                                                                              \
    SK_UNUSED static int sk_combine_first_##TS##_##IS(int32_t *first, T *out, const I *indices, const T *values, int64_t count, int64_t rows, \
                                                      int64_t width, sk_fault *fault) {                                                    \
        if (sk_check_range_##IS(indices, count, rows, fault)) return 1;                                                                    \
        for (int64_t r = 0; r < rows; r++) first[r] = -1;                                                                                  \
        if (out != values && count * width > 0) memcpy(out, values, (size_t)(count * width) * sizeof(T));                                  \
        for (int64_t k = 0; k < count; k++) {                                                                                              \
            const int64_t at = sk_place((int64_t)indices[k], rows);                                                                        \
            if (first[at] < 0) {                                                                                                           \
                first[at] = (int32_t)k;                                                                                                    \
                continue;                                                                                                                  \
            }                                                                                                                              \
            T *const row = out + first[at] * width;                                                                                        \
            const T *const value = values + k * width;                                                                                     \
            SK_SIMD()                                                                                                                      \
            for (int64_t c = 0; c < width; c++) row[c] = SK_PLUS(T, TS, row[c], value[c]);                                                 \
        }                                                                                                                                  \
        return 0;                                                                                                                          \
    }

/* The rows of a table of `rows` rows that indices (N) name, in order of appearance: listed (N), zeros behind them; place (N), where in that
   list each index is; count (1); first (rows), the place of every row, -1 where it is not named. */
#define SK_DEFINE_UNIQUE(I, IS)                                                                                                           \
    SK_UNUSED static int sk_unique_##IS(int32_t *listed, int32_t *place, int32_t *count, int32_t *first, const I *indices, int64_t n,     \
                                        int64_t rows, sk_fault *fault) {                                                                  \
        int32_t found = 0;                                                                                                                \
        if (sk_check_range_##IS(indices, n, rows, fault)) return 1;                                                                       \
        for (int64_t r = 0; r < rows; r++) first[r] = -1;                                                                                 \
        for (int64_t k = 0; k < n; k++) {                                                                                                 \
            const int64_t at = sk_place((int64_t)indices[k], rows);                                                                       \
            if (first[at] < 0) listed[found] = (int32_t)at, first[at] = found++;                                                          \
            place[k] = first[at];                                                                                                         \
        }                                                                                                                                 \
        for (int64_t k = found; k < n; k++) listed[k] = 0;                                                                                \
        *count = found;                                                                                                                   \
        return 0;                                                                                                                         \
    }

/* table (R, row) at indices (N) = rows_data (N, row), in place, in order: of equal indices the last one stays. Where `fill` is given, all
   other rows become copies of that element of `size` bytes. */
#define SK_DEFINE_SET_ROWS(I, IS)                                                                                                                     \
    SK_UNUSED static int sk_set_rows_##IS(void *table_out, const I *indices, const void *rows_data, int64_t count, int64_t rows, int64_t row_bytes,   \
                                          const void *fill, size_t size, sk_fault *fault) {                                                           \
        if (sk_check_range_##IS(indices, count, rows, fault)) return 1;                                                                               \
        char *const table = (char *)table_out;                                                                                                        \
        const char *const data = (const char *)rows_data;                                                                                             \
        if (fill)                                                                                                                                     \
            for (int64_t k = 0; k < rows * row_bytes; k += (int64_t)size) memcpy(table + k, fill, size);                                              \
        for (int64_t k = 0; k < count; k++)                                                                                                           \
            memcpy(table + sk_place((int64_t)indices[k], rows) * row_bytes, data + k * row_bytes, (size_t)row_bytes);                                 \
        return 0;                                                                                                                                     \
    }

#endif
