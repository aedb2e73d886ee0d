/* Matrix products: C = op(A) op(B), alone, over threads, in batches.
 *
 * A: (M, K), stored (K, M) where ta; B: (K, N), stored (N, K) where tb; C: (M, N). Rows are lda, ldb, ldc elements apart.
 * With `accumulate` the product is added to C, without it C is written and never read. Five ways, chosen by sk_gemm_way:
 *
 *   direct   tiles of C, a few rows by a few vectors, whose sums stay in registers; A and B are read where they lie
 *   turned   the same for C transposed: few columns, or an A that is less to copy than B
 *   dots     dot products along K: few columns (or rows), and both operands contiguous along K
 *   packed   the direct tiles over blocks of B copied into the order in which they are read
 *   blas     cblas_?gemm, for large products where there is one
 *
 * Every element is summed by one thread in an order that depends on the way, M, N and K alone: results do not depend on how
 * a product is shared out, except a BLAS's own. */
#ifndef SYMKERAS_GEMM_H
#define SYMKERAS_GEMM_H

#include "symkeras/kernel_types.h"

#ifndef SK_LINKED
#include "symkeras/gemm_tiles.h"

typedef enum { SK_DIRECT, SK_TURNED, SK_DOTS, SK_PACKED, SK_BLAS } sk_gemm_ways;

/* From this size on a matrix is taken to be fetched from afar. */
#define SK_CACHE_BYTES (1024 * 1024)

/* The iterations of the loop that follows, shared out in order over `parts` threads. */
#define SK_TEAM(parts) SK_OMP(parallel for num_threads(parts) schedule(static))

/* Whether a product is worth more than one thread: its multiply-adds, and what fetching its matrices costs in their terms. */
#define SK_SHARED_WORK(m, n, k) ((m) * (n) * (k) + 4 * ((m) * (k) + (k) * (n) + (m) * (n)) >= 1 << 19)

/* Whether a product should go to the BLAS, where there is one. The own tiles match OpenBLAS's up to some 1300 cubed where the
 * build has fused multiply-adds; a build without them lags behind a BLAS that looks at the machine, save for its calls. */
SK_UNUSED static int sk_prefers_blas(int64_t m, int64_t n, int64_t k) {
#if defined(__FMA__) || defined(__aarch64__)
    return m >= 256 && n >= 256 && k >= 256 && m * n * k >= (int64_t)1 << 31;
#else
    return m * n * k >= 2048;
#endif
}

/* What the tiles of (M, K) by (K, N) cost, in multiply-adds of whole vectors of L lanes. One row, or a short one, keeps the
 * machine waiting; what is in place is read again for every band of rows, from memory where it is large; long walks down the
 * columns of a stored (K, M) matrix miss. */
static int64_t sk_tiles_cost(int64_t L, int64_t m, int64_t n, int64_t k, int in_place, int by_columns) {
    const int64_t vectors = (n + L - 1) / L, rows = vectors == 1 && m < 8 ? 8 : m + m % 2, cost = k * rows * vectors + m * vectors;
    const int far = in_place && m > 12 && n * k * (SK_VECTOR_BYTES / L) > SK_CACHE_BYTES;
    return cost + (far ? m * n * k / 256 : 0) + (by_columns && k > 1024 ? cost / 4 : 0);
}

/* The cheapest way: tiles and dots, and the copies that go with them, in the same unit. The few constants were fitted to a
 * thousand measured products. */
static sk_gemm_ways sk_gemm_way(int64_t L, int ta, int tb, int64_t m, int64_t n, int64_t k) {
    const int64_t vm = (m + L - 1) / L, vn = (n + L - 1) / L, vk = (k + L - 1) / L;
    const int64_t strips = ta ? 1 : (k + SK_BLOCK_DEPTH - 1) / SK_BLOCK_DEPTH, copied = ta ? m : tb ? 0 : n;
    const int64_t cost[] = {
        [SK_DIRECT] = tb ? INT64_MAX : sk_tiles_cost(L, m, n, k, 1, ta),
        [SK_TURNED] = sk_tiles_cost(L, n, m, k, ta, ta && !tb) + strips * m * n + (ta ? 0 : vm * vk * L * L / 4) + 25,
        [SK_DOTS] = ta && !tb ? INT64_MAX : m * n * (vk * 5 / 4 + 2) + (copied > 1 ? copied * k : 0) + 25,
        [SK_PACKED] = sk_tiles_cost(L, m, n, k, 0, 0) + (tb ? vn * vk * L * L / 4 : n * k / 2) + 25,
    };
    int best = SK_DIRECT;
    for (int way = SK_TURNED; way <= SK_PACKED; way++)
        if (cost[way] < cost[best]) best = way;
    return (sk_gemm_ways)best;
}

#define SK_DEFINE_WAYS(T, S, U, BLAS)                                                                                              \
    /* Blocks of B are copied, the tiles of all rows of C run over each. */                                                        \
    SK_APART void sk_gemm_packed_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,         \
                                     int64_t ldb, int add, T *c, int64_t ldc) {                                                    \
        enum { L = SK_LANES_##U, DEPTH = SK_BLOCK_DEPTH, WIDTH = SK_BLOCK_BYTES / sizeof(T) / DEPTH };                             \
        T block[DEPTH * WIDTH] __attribute__((aligned(64)));                                                                       \
        for (int64_t j = 0; j < n; j += WIDTH)                                                                                     \
            for (int64_t p = 0; p < k; p += DEPTH) {                                                                               \
                int64_t width = sk_min(WIDTH, n - j), depth = sk_min(DEPTH, k - p);                                                \
                sk_pack_b_##S(tb, width, depth, b + (tb ? j * ldb + p : p * ldb + j), ldb, block);                                 \
                sk_bands_##S(m, width, depth, a + (ta ? p * lda : p), ta ? 1 : lda, ta ? lda : 1, block, 2 * L, 2 * L * depth,     \
                             add || p > 0, c + j, ldc);                                                                            \
            }                                                                                                                      \
    }                                                                                                                              \
    /* Rows of C from the columns of `from`. */                                                                                    \
    static void sk_turn_##S(int64_t m, int64_t n, const T *from, int64_t ld, int add, T *c, int64_t ldc) {                         \
        enum { L = SK_LANES_##U };                                                                                                 \
        for (int64_t j = 0; j < n; j += L)                                                                                         \
            for (int64_t i = 0; i < m; i += L) {                                                                                   \
                int cols = (int)sk_min(L, n - j), rows = (int)sk_min(L, m - i);                                                    \
                sk_v##S x[L];                                                                                                      \
                const T *at = from + j * ld + i;                                                                                   \
                T *to = c + i * ldc + j;                                                                                           \
                if (cols < 4) {                                                                                                    \
                    for (int r = 0; r < rows; r++)                                                                                 \
                        for (int q = 0; q < cols; q++) to[r * ldc + q] = add ? to[r * ldc + q] + at[q * ld + r] : at[q * ld + r];  \
                    continue;                                                                                                      \
                }                                                                                                                  \
                _Pragma("GCC unroll 16") for (int q = 0; q < L; q++) x[q] = sk_load_##S(at + sk_min(q, cols - 1) * ld);            \
                sk_transpose_##S(x);                                                                                               \
                for (int r = 0; r < rows; r++, to += ldc)                                                                          \
                    sk_store_part_##S(to, add ? sk_load_part_##S(to, cols) + x[r] : x[r], cols);                                   \
            }                                                                                                                      \
    }                                                                                                                              \
    /* C transposed comes in blocks beside C, unless it is one contiguous column; A is packed unless it is stored (K, M). */       \
    SK_APART void sk_gemm_turned_##S(int ta, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t bj,     \
                                     int64_t bp, int add, T *c, int64_t ldc) {                                                     \
        enum { L = SK_LANES_##U, DEPTH = SK_BLOCK_DEPTH, WIDTH = SK_BLOCK_BYTES / sizeof(T) / DEPTH, COLS = 24 };                  \
        T block[DEPTH * WIDTH] __attribute__((aligned(64))), part[COLS * WIDTH] __attribute__((aligned(64)));                      \
        if (ta && n == 1 && ldc == 1) {                                                                                            \
            sk_bands_##S(1, m, k, b, bj, bp, a, lda, 2 * L, add, c, m);                                                            \
            return;                                                                                                                \
        }                                                                                                                          \
        for (int64_t i = 0, deep = ta ? k : DEPTH; i < m; i += WIDTH)                                                              \
            for (int64_t p = 0; p < k; p += deep) {                                                                                \
                int64_t rows = sk_min(WIDTH, m - i), depth = sk_min(deep, k - p);                                                  \
                const T *lanes = ta ? a + p * lda + i : block;                                                                     \
                if (!ta) sk_pack_b_##S(1, rows, depth, a + i * lda + p, lda, block);                                               \
                for (int64_t j = 0; j < n; j += COLS) {                                                                            \
                    int64_t cols = sk_min(COLS, n - j);                                                                            \
                    sk_bands_##S(cols, rows, depth, b + j * bj + p * bp, bj, bp, lanes, ta ? lda : 2 * L,                          \
                                 ta ? 2 * L : 2 * L * depth, 0, part, WIDTH);                                                      \
                    sk_turn_##S(rows, cols, part, WIDTH, add || p > 0, c + i * ldc + j, ldc);                                      \
                }                                                                                                                  \
            }                                                                                                                      \
    }                                                                                                                              \
    /* The side with few vectors is copied where its vectors are not contiguous. */                                                \
    SK_APART void sk_gemm_dots_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,           \
                                   int64_t ldb, int add, T *c, int64_t ldc) {                                                      \
        enum { DEPTH = 1024, COLS = 4 };                                                                                           \
        T column[COLS * DEPTH];                                                                                                    \
        if (!ta && tb && m <= n) {                                                                                                 \
            sk_dots_##S(n, m, k, b, ldb, a, lda, add, c, 1, ldc);                                                                  \
        } else if (!ta && tb) {                                                                                                    \
            sk_dots_##S(m, n, k, a, lda, b, ldb, add, c, ldc, 1);                                                                  \
        } else {                                                                                                                   \
            /* Either the columns of B against the rows of A, or the columns of A against the rows of B's transpose. */            \
            int64_t few = ta ? m : n, many = ta ? n : m, ld = ta ? lda : ldb;                                                      \
            const T *from = ta ? a : b;                                                                                            \
            for (int64_t j = 0; j < few; j += COLS)                                                                                \
                for (int64_t p = 0; p < k; p += DEPTH) {                                                                           \
                    int64_t cols = sk_min(COLS, few - j), depth = sk_min(DEPTH, k - p);                                            \
                    const T *of = from + p * ld + j, *rows = (ta ? b : a) + p;                                                     \
                    for (int64_t q = 0; q < cols; q++)                                                                             \
                        for (int64_t r = 0; r < depth; r++) column[q * DEPTH + r] = of[r * ld + q];                                \
                    sk_dots_##S(many, cols, depth, rows, ta ? ldb : lda, column, DEPTH, add || p > 0, c + j * (ta ? ldc : 1),      \
                                ta ? 1 : ldc, ta ? ldc : 1);                                                                       \
                }                                                                                                                  \
        }                                                                                                                          \
    }                                                                                                                              \
    static void sk_gemm_blas_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,             \
                                 int64_t ldb, int add, T *c, int64_t ldc, const sk_blas *blas) {                                   \
        enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };                                                                   \
        typedef void narrow(int, int, int, int, int, int, T, const T *, int, const T *, int, T, T *, int);                         \
        typedef void wide(int, int, int, int64_t, int64_t, int64_t, T, const T *, int64_t, const T *, int64_t, T, T *, int64_t);   \
        int a_is = ta ? TRANSPOSED : AS_IS, b_is = tb ? TRANSPOSED : AS_IS;                                                        \
        if (blas->ilp64)                                                                                                           \
            ((wide *)blas->BLAS)(ROW_MAJOR, a_is, b_is, m, n, k, 1, a, lda, b, ldb, (T)add, c, ldc);                               \
        else                                                                                                                       \
            ((narrow *)blas->BLAS)(ROW_MAJOR, a_is, b_is, (int)m, (int)n, (int)k, 1, a, (int)lda, b, (int)ldb, (T)add, c,          \
                                   (int)ldc);                                                                                      \
    }                                                                                                                              \
    static void sk_gemm_by_##S(sk_gemm_ways way, int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda,         \
                               const T *b, int64_t ldb, int add, T *c, int64_t ldc, const sk_blas *blas) {                         \
        enum { L = SK_LANES_##U };                                                                                                 \
        if (m == 0 || n == 0 || (k == 0 && add)) return;                                                                           \
        if (k == 0) way = SK_DIRECT;                                                                                               \
        if (way == SK_BLAS)                                                                                                        \
            sk_gemm_blas_##S(ta, tb, m, n, k, a, lda, b, ldb, add, c, ldc, blas);                                                  \
        else if (way == SK_PACKED)                                                                                                 \
            sk_gemm_packed_##S(ta, tb, m, n, k, a, lda, b, ldb, add, c, ldc);                                                      \
        else if (way == SK_DOTS)                                                                                                   \
            sk_gemm_dots_##S(ta, tb, m, n, k, a, lda, b, ldb, add, c, ldc);                                                        \
        else if (way == SK_TURNED)                                                                                                 \
            sk_gemm_turned_##S(ta, m, n, k, a, lda, b, tb ? ldb : 1, tb ? 1 : ldb, add, c, ldc);                                   \
        else                                                                                                                       \
            sk_bands_##S(m, n, k, a, ta ? 1 : lda, ta ? lda : 1, b, ldb, 2 * L, add, c, ldc);                                      \
    }

/* The products that are offered, and how they are shared out. */
#define SK_DEFINE_GEMM(T, S, U, BLAS)                                                                                              \
    /* The way to go; one row or column of contiguous elements of B is as good transposed, and told so. */                         \
    static sk_gemm_ways sk_gemm_plan_##S(int ta, int *tb, int64_t m, int64_t n, int64_t k, int64_t *ldb, const sk_blas *blas) {    \
        if (*tb && k == 1 && *ldb == 1) *tb = 0, *ldb = n;                                                                         \
        if (!*tb && n == 1 && *ldb == 1) *tb = 1, *ldb = k;                                                                        \
        int fits = blas && blas->BLAS && (blas->ilp64 || (m | n | k) <= INT32_MAX);                                                \
        return fits && sk_prefers_blas(m, n, k) ? SK_BLAS : sk_gemm_way(SK_LANES_##U, ta, *tb, m, n, k);                           \
    }                                                                                                                              \
    /* One product, one thread. */                                                                                                 \
    SK_KERNEL void sk_gemm_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,        \
                                      int64_t ldb, int accumulate, T *c, int64_t ldc, const sk_blas *blas) {                       \
        sk_gemm_ways way = sk_gemm_plan_##S(ta, &tb, m, n, k, &ldb, blas);                                                         \
        sk_gemm_by_##S(way, ta, tb, m, n, k, a, lda, b, ldb, accumulate, c, ldc, blas);                                            \
    }                                                                                                                              \
    /* One product, its rows or columns shared out, whichever are more. */                                                         \
    SK_KERNEL void sk_matmul_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,      \
                                        int64_t ldb, int accumulate, T *c, int64_t ldc, const sk_blas *blas, int threads) {        \
        const int by_rows = m >= n;                                                                                                \
        const int64_t unit = by_rows ? SK_TILE_ROWS : 2 * SK_LANES_##U, length = by_rows ? m : n;                                  \
        const int64_t units = (length + unit - 1) / unit;                                                                          \
        const int parts = (int)sk_min(threads, units);                                                                             \
        const sk_gemm_ways way = sk_gemm_plan_##S(ta, &tb, m, n, k, &ldb, blas);                                                   \
        if (parts <= 1 || !SK_SHARED_WORK(m, n, k)) {                                                                              \
            sk_gemm_by_##S(way, ta, tb, m, n, k, a, lda, b, ldb, accumulate, c, ldc, blas);                                        \
            return;                                                                                                                \
        }                                                                                                                          \
        SK_TEAM(parts)                                                                                                             \
        for (int t = 0; t < parts; t++) {                                                                                          \
            int64_t from = units * t / parts * unit, to = sk_min(units * (t + 1) / parts * unit, length);                          \
            if (by_rows)                                                                                                           \
                sk_gemm_by_##S(way, ta, tb, to - from, n, k, a + (ta ? from : from * lda), lda, b, ldb, accumulate,                \
                               c + from * ldc, ldc, blas);                                                                         \
            else                                                                                                                   \
                sk_gemm_by_##S(way, ta, tb, m, to - from, k, a, lda, b + (tb ? from * ldb : from), ldb, accumulate, c + from,      \
                               ldc, blas);                                                                                         \
        }                                                                                                                          \
    }                                                                                                                              \
    /* Many products; the matrices of each operand are stride_? elements apart, 0 for the same one again. */                       \
    SK_KERNEL void sk_matmul_batched_##S(int64_t batch, int64_t stride_a, int64_t stride_b, int64_t stride_c, int ta,       \
                                                int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,      \
                                                int64_t ldb, int accumulate, T *c, int64_t ldc, const sk_blas *blas,               \
                                                int threads) {                                                                     \
        const sk_gemm_ways way = sk_gemm_plan_##S(ta, &tb, m, n, k, &ldb, blas);                                                   \
        /* Few matrices that threads cannot share evenly are better shared one by one. */                                          \
        if (threads > 1 && SK_SHARED_WORK(batch * m, n, k) && (batch >= 4 * threads || batch % threads == 0)) {                    \
            SK_TEAM(threads)                                                                                                       \
            for (int64_t i = 0; i < batch; i++)                                                                                    \
                sk_gemm_by_##S(way, ta, tb, m, n, k, a + i * stride_a, lda, b + i * stride_b, ldb, accumulate, c + i * stride_c,   \
                               ldc, blas);                                                                                         \
        } else {                                                                                                                   \
            for (int64_t i = 0; i < batch; i++)                                                                                    \
                sk_matmul_##S(ta, tb, m, n, k, a + i * stride_a, lda, b + i * stride_b, ldb, accumulate, c + i * stride_c, ldc,    \
                              blas, threads);                                                                                      \
        }                                                                                                                          \
    }

SK_DEFINE_WAYS(float, f32, F32, sgemm)
SK_DEFINE_WAYS(double, f64, F64, dgemm)
SK_DEFINE_GEMM(float, f32, F32, sgemm)
SK_DEFINE_GEMM(double, f64, F64, dgemm)

#endif
#endif
