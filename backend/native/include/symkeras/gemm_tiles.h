/* What matrix products are made of: tiles of C summed in registers, copies of B in the order in which tiles read it, and dot
 * products. One row of C is summed alike in every tile: over K in order, one fused multiply-add at a time where there are any. */
#ifndef SYMKERAS_GEMM_TILES_H
#define SYMKERAS_GEMM_TILES_H

#include "symkeras/kernel_types.h"
#include "symkeras/vector.h"

/* Rows of the largest tile: two vectors of columns each, and two vectors of B and one of A beside the sums. */
#if SK_VECTOR_REGISTERS == 32
#define SK_TILE_ROWS 12
#elif defined(__FMA__)
#define SK_TILE_ROWS 6
#else
#define SK_TILE_ROWS 4
#endif

/* Bytes of a packed block of B, on the stack, and how many rows of B it holds. */
#define SK_BLOCK_BYTES (256 * 1024)
#define SK_BLOCK_DEPTH 256

/* Bytes of B between which one row of C asks for B's rows ahead: a processor foresees pieces of rows that lie far apart badly. On a Zen 3
 * this takes a seventh to a quarter of the time off; from its first cache, and from memory, B would come more slowly. */
#define SK_ASKED_LEAST (64 * 1024)
#define SK_ASKED_MOST (4 * 1024 * 1024)

/* A tile of C: `rows` by `vecs` vectors, all of K in one go. A's element (i, p) is a[i * ai + p * ap]; B's row p starts at
 * b + p * bp, and its vectors lie side by side in pairs that are `pair` elements apart. One vector: the first `part` lanes. With
 * `ahead`, B's row so many rows on is asked for. */
#define SK_DEFINE_TILE(T, S, U)                                                                                                           \
    SK_INLINE void sk_tile_##S(const int rows, const int vecs, const int ahead, int part, int64_t k, const T *a, int64_t ai, int64_t ap,  \
                               const T *b, int64_t bp, int64_t pair, int add, T *c, int64_t ldc) {                                        \
        enum { L = SK_LANES_##U };                                                                                                        \
        sk_v##S sum[12][8], y[8];                                                                                                         \
        /* One pointer for three rows: an address is a pointer plus 0, 1 or 2 times one register. Strides in bytes keep the               \
         * compiler from writing the loop twice, with one for a stride of 1. */                                                           \
        const char *x[4];                                                                                                                 \
        const int64_t step_i = ai * (int64_t)sizeof(T), step_p = ap * (int64_t)sizeof(T);                                                 \
        _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++)                                                                           \
            _Pragma("GCC unroll 8") for (int j = 0; j < vecs; j++) sum[i][j] = (sk_v##S){0};                                              \
        /* C may lie far away, and a long sum leaves time to fetch it. */                                                                 \
        if (k >= 128) {                                                                                                                   \
            for (int i = 0; i < rows; i++)                                                                                                \
                _Pragma("GCC unroll 8") for (int j = 0; j < vecs; j++) __builtin_prefetch(c + i * ldc + j * L, 1);                        \
        }                                                                                                                                 \
        _Pragma("GCC unroll 4") for (int i = 0; i < rows; i += 3) x[i / 3] = (const char *)a + i * step_i;                                \
        for (int64_t p = 0; p < k; p++) {                                                                                                 \
            if (ahead > 0) {                                                                                                              \
                _Pragma("GCC unroll 8") for (int j = 0; j < vecs; j++)                                                                    \
                    if (j * SK_VECTOR_BYTES % 64 == 0) __builtin_prefetch(b + j / 2 * pair + j % 2 * L + ahead * bp);                     \
            }                                                                                                                             \
            _Pragma("GCC unroll 8") for (int j = 0; j < vecs; j++)                                                                        \
                y[j] = vecs == 1 ? sk_load_part_##S(b, part) : sk_load_##S(b + j / 2 * pair + j % 2 * L);                                 \
            if (rows > 1) {                                                                                                               \
                _Pragma("GCC unroll 8") for (int j = 0; j < vecs; j++) SK_IN_REGISTER(y[j]);                                              \
            }                                                                                                                             \
            _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++) {                                                                     \
                sk_v##S x_i = sk_splat_##S(*(const T *)(x[i / 3] + i % 3 * step_i));                                                      \
                _Pragma("GCC unroll 8") for (int j = 0; j < vecs; j++) sum[i][j] = SK_FMA_##U(x_i, y[j], sum[i][j]);                      \
            }                                                                                                                             \
            _Pragma("GCC unroll 4") for (int i = 0; i < rows; i += 3) x[i / 3] += step_p;                                                 \
            b += bp;                                                                                                                      \
        }                                                                                                                                 \
        _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++, c += ldc)                                                                 \
            _Pragma("GCC unroll 8") for (int j = 0; j < vecs; j++) {                                                                      \
                if (vecs == 1)                                                                                                            \
                    sk_store_part_##S(c, add ? sk_load_part_##S(c, part) + sum[i][j] : sum[i][j], part);                                  \
                else                                                                                                                      \
                    sk_store_##S(c + j * L, add ? sk_load_##S(c + j * L) + sum[i][j] : sum[i][j]);                                        \
            }                                                                                                                             \
    }                                                                                                                                     \
    /* A band of C: `rows` rows, all N columns. */                                                                                        \
    SK_INLINE void sk_band_##S(const int rows, const int vecs, const int ahead, int64_t n, int64_t k, const T *a, int64_t ai, int64_t ap, \
                               const T *b, int64_t bp, int64_t pair, int add, T *c, int64_t ldc) {                                        \
        enum { L = SK_LANES_##U };                                                                                                        \
        int64_t j = 0;                                                                                                                    \
        for (; j + vecs * L <= n; j += vecs * L)                                                                                          \
            sk_tile_##S(rows, vecs, ahead, L, k, a, ai, ap, b + j / (2 * L) * pair, bp, pair, add, c + j, ldc);                           \
        if (vecs > 4)                                                                                                                     \
            for (; j + 4 * L <= n; j += 4 * L)                                                                                            \
                sk_tile_##S(rows, 4, ahead, L, k, a, ai, ap, b + j / (2 * L) * pair, bp, pair, add, c + j, ldc);                          \
        if (vecs > 2)                                                                                                                     \
            for (; j + 2 * L <= n; j += 2 * L)                                                                                            \
                sk_tile_##S(rows, 2, ahead, L, k, a, ai, ap, b + j / (2 * L) * pair, bp, pair, add, c + j, ldc);                          \
        for (; j < n; j += L)                                                                                                             \
            sk_tile_##S(rows, 1, 0, (int)sk_min(L, n - j), k, a, ai, ap, b + j / (2 * L) * pair + j % (2 * L), bp, pair, add,             \
                        c + j, ldc);                                                                                                      \
    }                                                                                                                                     \
    /* All of C in bands of as many rows as there are left to take. */                                                                    \
    SK_APART void sk_bands_##S(int64_t m, int64_t n, int64_t k, const T *a, int64_t ai, int64_t ap, const T *b, int64_t bp,               \
                               int64_t pair, int add, T *c, int64_t ldc) {                                                                \
        for (int rows; m > 0; m -= rows, a += rows * ai, c += rows * ldc) {                                                               \
            if (SK_TILE_ROWS == 12 && m >= 12)                                                                                            \
                sk_band_##S(rows = 12, 2, 0, n, k, a, ai, ap, b, bp, pair, add, c, ldc);                                                  \
            else if (SK_TILE_ROWS == 12 && m >= 8)                                                                                        \
                sk_band_##S(rows = 8, 2, 0, n, k, a, ai, ap, b, bp, pair, add, c, ldc);                                                   \
            else if (SK_TILE_ROWS == 6 && m >= 6)                                                                                         \
                sk_band_##S(rows = 6, 2, 0, n, k, a, ai, ap, b, bp, pair, add, c, ldc);                                                   \
            else if (m >= 4)                                                                                                              \
                sk_band_##S(rows = 4, SK_TILE_ROWS == 12 ? 4 : 2, 0, n, k, a, ai, ap, b, bp, pair, add, c, ldc);                          \
            else if (m >= 2)                                                                                                              \
                sk_band_##S(rows = 2, SK_TILE_ROWS == 12 ? 8 : 4, 0, n, k, a, ai, ap, b, bp, pair, add, c, ldc);                          \
            else if (n * k * (int64_t)sizeof(T) >= SK_ASKED_LEAST && n * k * (int64_t)sizeof(T) <= SK_ASKED_MOST)                         \
                sk_band_##S(rows = 1, 8, 2, n, k, a, ai, ap, b, bp, pair, add, c, ldc);                                                   \
            else                                                                                                                          \
                sk_band_##S(rows = 1, 8, 0, n, k, a, ai, ap, b, bp, pair, add, c, ldc);                                                   \
        }                                                                                                                                 \
    }

/* Copies in reading order. Rows of B by pairs of vectors: element (p, j) at [j / 2L][p][j % 2L]; the rest of a pair is of no account. */
#define SK_DEFINE_PACK(T, S, U)                                                                                                           \
    /* N <= L columns of B stored (N, K), through registers: vector p goes to to + p * 2L. */                                             \
    SK_APART void sk_pack_turned_##S(int64_t n, int64_t k, const T *b, int64_t ldb, T *to) {                                              \
        enum { L = SK_LANES_##U };                                                                                                        \
        sk_v##S x[L];                                                                                                                     \
        int64_t p = 0;                                                                                                                    \
        for (; p + L <= k; p += L, to += L * 2 * L) {                                                                                     \
            _Pragma("GCC unroll 16") for (int j = 0; j < L; j++) x[j] = sk_load_##S(b + sk_min(j, n - 1) * ldb + p);                      \
            sk_transpose_##S(x);                                                                                                          \
            _Pragma("GCC unroll 16") for (int q = 0; q < L; q++) sk_store_##S(to + q * 2 * L, x[q]);                                      \
        }                                                                                                                                 \
        if (p == k) return;                                                                                                               \
        for (int j = 0; j < L; j++) x[j] = sk_load_part_##S(b + sk_min(j, n - 1) * ldb + p, (int)(k - p));                                \
        sk_transpose_##S(x);                                                                                                              \
        for (int q = 0; q < k - p; q++) sk_store_##S(to + q * 2 * L, x[q]);                                                               \
    }                                                                                                                                     \
    SK_APART void sk_pack_b_##S(int tb, int64_t n, int64_t k, const T *b, int64_t ldb, T *to) {                                           \
        enum { L = SK_LANES_##U };                                                                                                        \
        for (int64_t j = 0; j < n; j += L) {                                                                                              \
            T *at = to + j / (2 * L) * (2 * L) * k + j % (2 * L);                                                                         \
            int width = (int)sk_min(L, n - j);                                                                                            \
            if (tb)                                                                                                                       \
                sk_pack_turned_##S(width, k, b + j * ldb, ldb, at);                                                                       \
            else if (width == L)                                                                                                          \
                for (int64_t p = 0; p < k; p++) sk_store_##S(at + p * 2 * L, sk_load_##S(b + p * ldb + j));                               \
            else                                                                                                                          \
                for (int64_t p = 0; p < k; p++) sk_store_##S(at + p * 2 * L, sk_load_part_##S(b + p * ldb + j, width));                   \
        }                                                                                                                                 \
    }

/* Rows of A stored (K, M) in bands of SK_TILE_ROWS: element (i, p) of a band at [p][i]. A is read as it lies, and its next rows are asked
 * for, since a processor does not foresee short pieces of rows that are far apart. Whole vectors are moved, which spoil what lies behind
 * them before that is written; behind each band is room for one vector: bands are SK_BAND(k) elements apart. */
#define SK_BAND(S, k) ((k) * SK_TILE_ROWS + SK_LANES_##S)
#define SK_DEFINE_PACK_A(T, S, U)                                                                                                         \
    SK_APART void sk_pack_a_##S(int64_t m, int64_t k, const T *a, int64_t lda, T *to) {                                                   \
        enum { L = SK_LANES_##U, ROWS = SK_TILE_ROWS, AHEAD = 8 };                                                                        \
        const int64_t whole = m > L ? (m - L) / ROWS * ROWS : 0;                                                                          \
        for (int64_t p = 0; p < k; p++, a += lda, to += ROWS) {                                                                           \
            int64_t i = 0;                                                                                                                \
            T *at = to;                                                                                                                   \
            for (int64_t line = 0; line < m && p + AHEAD < k; line += 64 / (int64_t)sizeof(T))                                            \
                __builtin_prefetch(a + AHEAD * lda + line);                                                                               \
            for (; i < whole; i += ROWS, at += SK_BAND(U, k))                                                                             \
                _Pragma("GCC unroll 4") for (int r = 0; r < ROWS; r += L) sk_store_##S(at + r, sk_load_##S(a + i + r));                   \
            for (; i < m; i += ROWS, at += SK_BAND(U, k))                                                                                 \
                for (int r = 0; r < ROWS && i + r < m; r++) at[r] = a[i + r];                                                             \
        }                                                                                                                                 \
    }

/* Dot products along K of `rows` rows of A with `cols` columns of B, each of them contiguous: element (i, p) of A at
 * a[i * lda + p], element (p, j) of B at b[j * ldb + p], element (i, j) of C at c[i * ci + j * cj]. */
#define SK_DEFINE_DOTS(T, S, U)                                                                                                           \
    SK_INLINE void sk_dots_tile_##S(const int rows, const int cols, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,          \
                                    int add, T *c, int64_t ci, int64_t cj) {                                                              \
        enum { L = SK_LANES_##U };                                                                                                        \
        sk_v##S sum[L], y[4];                                                                                                             \
        const T *x[6];                                                                                                                    \
        _Pragma("GCC unroll 16") for (int i = 0; i < rows * cols; i++) sum[i] = (sk_v##S){0};                                             \
        _Pragma("GCC unroll 6") for (int i = 0; i < rows; i += 3) x[i / 3] = a + i * lda;                                                 \
        for (; k >= L; k -= L, b += L) {                                                                                                  \
            _Pragma("GCC unroll 4") for (int j = 0; j < cols; j++) y[j] = sk_load_##S(b + j * ldb);                                       \
            _Pragma("GCC unroll 4") for (int j = 0; j < cols; j++) SK_IN_REGISTER(y[j]);                                                  \
            _Pragma("GCC unroll 16") for (int i = 0; i < rows; i++) {                                                                     \
                sk_v##S x_i = sk_load_##S(x[i / 3] + i % 3 * lda);                                                                        \
                if (cols > 1) SK_IN_REGISTER(x_i);                                                                                        \
                _Pragma("GCC unroll 4") for (int j = 0; j < cols; j++)                                                                    \
                    sum[i * cols + j] = SK_FMA_##U(x_i, y[j], sum[i * cols + j]);                                                         \
            }                                                                                                                             \
            _Pragma("GCC unroll 6") for (int i = 0; i < rows; i += 3) x[i / 3] += L;                                                      \
        }                                                                                                                                 \
        if (k > 0) {                                                                                                                      \
            _Pragma("GCC unroll 4") for (int j = 0; j < cols; j++) y[j] = sk_load_part_##S(b + j * ldb, (int)k);                          \
            _Pragma("GCC unroll 16") for (int i = 0; i < rows * cols; i++)                                                                \
                sum[i] = SK_FMA_##U(sk_load_part_##S(x[i / cols / 3] + i / cols % 3 * lda, (int)k), y[i % cols], sum[i]);                 \
        }                                                                                                                                 \
        if (rows * cols == L) {                                                                                                           \
            sum[0] = sk_sums_##S(sum);                                                                                                    \
            if (ci == cols && (cj == 1 || cols == 1)) {                                                                                   \
                sk_store_##S(c, add ? sk_load_##S(c) + sum[0] : sum[0]);                                                                  \
                return;                                                                                                                   \
            }                                                                                                                             \
        }                                                                                                                                 \
        _Pragma("GCC unroll 16") for (int i = 0; i < rows; i++)                                                                           \
            _Pragma("GCC unroll 4") for (int j = 0; j < cols; j++) {                                                                      \
                T *at = c + i * ci + j * cj, dot = rows * cols == L ? sum[0][i * cols + j] : sk_sum_##S(sum[i * cols + j]);               \
                *at = add ? *at + dot : dot;                                                                                              \
            }                                                                                                                             \
    }                                                                                                                                     \
    SK_INLINE void sk_dots_column_##S(const int cols, int64_t m, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,             \
                                      int add, T *c, int64_t ci, int64_t cj) {                                                            \
        const int L = SK_LANES_##U, ROWS = L > cols ? L / cols : 1;                                                                       \
        int64_t i = 0;                                                                                                                    \
        for (; i + ROWS <= m; i += ROWS)                                                                                                  \
            sk_dots_tile_##S(ROWS, cols, k, a + i * lda, lda, b, ldb, add, c + i * ci, ci, cj);                                           \
        if (ROWS > 4)                                                                                                                     \
            for (; i + 4 <= m; i += 4) sk_dots_tile_##S(4, cols, k, a + i * lda, lda, b, ldb, add, c + i * ci, ci, cj);                   \
        for (; i < m; i++) sk_dots_tile_##S(1, cols, k, a + i * lda, lda, b, ldb, add, c + i * ci, ci, cj);                               \
    }                                                                                                                                     \
    SK_APART void sk_dots_##S(int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb, int add, T *c,           \
                              int64_t ci, int64_t cj) {                                                                                   \
        int64_t j = 0;                                                                                                                    \
        if (SK_LANES_##U >= 4)                                                                                                            \
            for (; j + 4 <= n; j += 4) sk_dots_column_##S(4, m, k, a, lda, b + j * ldb, ldb, add, c + j * cj, ci, cj);                    \
        for (; j + 2 <= n; j += 2) sk_dots_column_##S(2, m, k, a, lda, b + j * ldb, ldb, add, c + j * cj, ci, cj);                        \
        for (; j < n; j++) sk_dots_column_##S(1, m, k, a, lda, b + j * ldb, ldb, add, c + j * cj, ci, cj);                                \
    }

SK_F32(SK_DEFINE_TILE(float, f32, F32))
SK_F64(SK_DEFINE_TILE(double, f64, F64))
SK_F32(SK_DEFINE_PACK(float, f32, F32))
SK_F64(SK_DEFINE_PACK(double, f64, F64))
SK_F32(SK_DEFINE_PACK_A(float, f32, F32))
SK_F64(SK_DEFINE_PACK_A(double, f64, F64))
SK_F32(SK_DEFINE_DOTS(float, f32, F32))
SK_F64(SK_DEFINE_DOTS(double, f64, F64))

#endif
