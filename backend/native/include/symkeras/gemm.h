/* Matrix products: C = op(A) op(B), alone or shared by threads.
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

#ifdef SK_LINKED_GEMM
#include "symkeras/vector.h"
#elif !defined(SK_LINKED)
#include "symkeras/gemm_tiles.h"

typedef enum { SK_DIRECT, SK_TURNED, SK_DOTS, SK_PACKED, SK_BLAS } sk_gemm_ways;

/* Whether a product should go to the BLAS, where there is one. The own tiles match OpenBLAS's up to some 1300 cubed where the
 * build has fused multiply-adds; a build without them lags behind a BLAS that looks at the machine, save for its calls. */
SK_UNUSED static int sk_prefers_blas(int64_t m, int64_t n, int64_t k) {
#if defined(__FMA__) || defined(__aarch64__)
    return m >= 256 && n >= 256 && k >= 256 && m * n * k >= (int64_t)1 << 31;
#else
    return m * n * k >= 2048;
#endif
}

/* What ways cost, in multiply-adds of whole vectors; fitted to a thousand measured products, with vectors of 64 bytes on a Zen 5
 * and of 32 on a Zen 3, where the chosen way then took 1 to 2 % longer than the best one.
 *
 *   least, store     rows that one row costs as much as, since they keep the machine waiting; storing a vector of C
 *   near, far        reading B in place for every band of rows, per multiply-add: from beyond the first cache, from memory
 *   down             long walks down the columns of a stored (K, M) matrix, as a share of the product
 *   turn             putting an element of a product of transposed matrices into its place
 *   copy, turned, a  copying an element of B as it lies, stored (N, K), and of A stored (K, M)
 *   step, dot        a vector's step of a dot product, and adding up its lanes
 *   start            of direct, turned, dots, packed */
typedef struct {
    double least, store, near, far, down, turn, copy, turned, a, step, dot, start[4];
    int64_t near_bytes, far_bytes, least_band, least_walk;
} sk_gemm_costs;

#if SK_VECTOR_BYTES == 64
static const sk_gemm_costs sk_costs = {8, 1, 0, 1.0 / 256, 0.25, 1, 0.5, 0.25, 0.5, 1.25, 2, {0, 25, 25, 25}, 0, 1 << 20, 12, 1024};
#else
static const sk_gemm_costs sk_costs = {3,    1.4, 1.0 / 280, 1.0 / 70, 0.05, 3.9, 0.36, 0.29, 0.5, 1.1, 1, {18, 39, 49, 23},
                                       1 << 15, 3 << 17, 6, 256};
#endif

/* Tiles of (M, K) by (K, N), with B in place or copied; A stored (K, M) or not. */
static double sk_tiles_cost(int64_t L, int64_t m, int64_t n, int64_t k, int in_place, int by_columns) {
    const int64_t vectors = (n + L - 1) / L, bytes = n * k * (SK_VECTOR_BYTES / L);
    const double rows = vectors == 1 && m < sk_costs.least ? sk_costs.least : (double)(m + m % 2);
    double cost = (double)k * rows * (double)vectors + (double)(m * vectors) * sk_costs.store;
    if (in_place && m > sk_costs.least_band)
        cost += (double)(m * n * k) * (bytes > sk_costs.far_bytes ? sk_costs.far : bytes > sk_costs.near_bytes ? sk_costs.near : 0);
    return cost * (by_columns && k > sk_costs.least_walk ? 1 + sk_costs.down : 1);
}

/* The cheapest way. */
static sk_gemm_ways sk_gemm_way(int64_t L, int ta, int tb, int64_t m, int64_t n, int64_t k) {
    const int64_t vm = (m + L - 1) / L, vn = (n + L - 1) / L, vk = (k + L - 1) / L;
    const int64_t strips = ta ? 1 : (k + SK_BLOCK_DEPTH - 1) / SK_BLOCK_DEPTH, copied = ta ? m : tb ? 0 : n;
    const int64_t wide = SK_BLOCK_BYTES / (SK_VECTOR_BYTES / L) / SK_BLOCK_DEPTH, again = (n + wide - 1) / wide;
    const double block = (double)(L * L) * sk_costs.turned;
    const double cost[] = {
        [SK_DIRECT] = tb ? INFINITY : sk_tiles_cost(L, m, n, k, 1, ta),
        [SK_TURNED] = sk_tiles_cost(L, n, m, k, ta, ta && !tb) + (double)(strips * m * n) * sk_costs.turn + (ta ? 0 : (double)(vm * vk) * block),
        [SK_DOTS] = ta && !tb ? INFINITY
                              : (double)(m * n) * ((double)vk * sk_costs.step + sk_costs.dot) + (copied > 1 ? (double)(copied * k) : 0),
        [SK_PACKED] = sk_tiles_cost(L, m, n, k, 0, 0) + (tb ? (double)(vn * vk) * block : (double)(n * k) * sk_costs.copy) +
                      (ta ? (double)(m * k * again) * sk_costs.a : 0),
    };
    int best = SK_DIRECT;
    for (int way = SK_TURNED; way <= SK_PACKED; way++)
        if (cost[way] + sk_costs.start[way] < cost[best] + sk_costs.start[best]) best = way;
    return (sk_gemm_ways)best;
}

/* A product cut into rows x columns of blocks that threads share. */
typedef struct {
    int64_t rows, columns;
} sk_gemm_grid;

/* Multiply-adds of a block at least; blocks for each thread at most. */
enum { SK_BLOCK_WORK = 1 << 19, SK_BLOCKS_EACH = 4 };

/* A product's multiply-adds, and what fetching its matrices costs in their terms. */
SK_UNUSED static inline int64_t sk_gemm_work(int64_t m, int64_t n, int64_t k) { return m * n * k + 4 * (m * k + k * n + m * n); }

/* Products over a long K are summed in slices of K, side by side, and these added up in order: each slice reads its part of A and B,
 * which are large, once. Elements of the partial products that there is room for, and the least of K in a slice. */
enum { SK_SLICES_ROOM = 1 << 16, SK_SLICE_DEPTH = 512 };

SK_UNUSED static int64_t sk_gemm_slices(int64_t m, int64_t n, int64_t k) {
    const int64_t room = 1 + SK_SLICES_ROOM / sk_max(1, m * n);
    return k < 4 * sk_max(m, n) ? 1 : sk_max(1, sk_min(sk_min(8, k / SK_SLICE_DEPTH), room));
}

/* The grid of about as many blocks as threads can share, with the least work done again: rows of blocks copy or read the same
 * columns of B, columns of blocks the same rows of A. Slices share as well, and half as many blocks in all do. */
static sk_gemm_grid sk_gemm_cut(int64_t L, sk_gemm_ways way, int ta, int64_t m, int64_t n, int64_t k, int64_t slices, int threads) {
    const int64_t most = slices > 1 ? sk_max(1, threads * SK_BLOCKS_EACH / 2 / slices) : threads * SK_BLOCKS_EACH;
    int64_t wish = sk_min(most, sk_gemm_work(m, n, k) / slices / SK_BLOCK_WORK);
    if (wish > threads) wish -= wish % threads; /* a few blocks are dealt alike */
    const int64_t tall = (m + SK_TILE_ROWS - 1) / SK_TILE_ROWS, wide = (n + 2 * L - 1) / (2 * L);
    const int64_t a = way == SK_TURNED ? (ta ? 1 : 4) : way == SK_PACKED && ta ? 4 : 1, b = way == SK_PACKED ? 4 : 1;
    sk_gemm_grid best = {1, 1};
    int64_t least = INT64_MAX;
    for (int64_t rows = 1; rows <= sk_min(wish, tall) && threads > 1; rows++) {
        const int64_t columns = sk_min((wish + rows - 1) / rows, wide);
        if (rows * columns < sk_min(wish, threads)) continue;
        const int64_t again = rows * n * b + columns * m * a;
        if (again < least) least = again, best = (sk_gemm_grid){rows, columns};
    }
    return best;
}

#define SK_DEFINE_WAYS(T, S, U, BLAS)                                                                                              \
    /* Blocks of B are copied, and of A where it is stored (K, M); the tiles of all rows of C run over each block of B. */             \
    SK_APART void sk_gemm_packed_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,             \
                                     int64_t ldb, int add, T *c, int64_t ldc) {                                                        \
        enum { L = SK_LANES_##U, DEPTH = SK_BLOCK_DEPTH, WIDTH = SK_BLOCK_BYTES / sizeof(T) / DEPTH, BANDS = 16 };                     \
        T block[DEPTH * WIDTH] __attribute__((aligned(64))), bands[BANDS * SK_BAND(U, DEPTH)] __attribute__((aligned(64)));            \
        for (int64_t j = 0; j < n; j += WIDTH)                                                                                         \
            for (int64_t p = 0; p < k; p += DEPTH) {                                                                                   \
                int64_t width = sk_min(WIDTH, n - j), depth = sk_min(DEPTH, k - p);                                                    \
                sk_pack_b_##S(tb, width, depth, b + (tb ? j * ldb + p : p * ldb + j), ldb, block);                                     \
                if (!ta) {                                                                                                             \
                    sk_bands_##S(m, width, depth, a + p, lda, 1, block, 2 * L, 2 * L * depth, add || p > 0, c + j, ldc);               \
                    continue;                                                                                                          \
                }                                                                                                                      \
                for (int64_t i = 0; i < m; i += BANDS * SK_TILE_ROWS) {                                                                \
                    int64_t height = sk_min(BANDS * SK_TILE_ROWS, m - i);                                                              \
                    sk_pack_a_##S(height, depth, a + p * lda + i, lda, bands);                                                         \
                    for (int64_t r = 0; r < height; r += SK_TILE_ROWS)                                                                 \
                        sk_bands_##S(sk_min(SK_TILE_ROWS, height - r), width, depth, bands + r / SK_TILE_ROWS * SK_BAND(U, depth),     \
                                     1, SK_TILE_ROWS, block, 2 * L, 2 * L * depth, add || p > 0, c + (i + r) * ldc + j, ldc);          \
                }                                                                                                                      \
            }                                                                                                                          \
    }                                                                                                                                  \
    /* Rows of C from the columns of `from`. */                                                                                        \
    static void sk_turn_##S(int64_t m, int64_t n, const T *from, int64_t ld, int add, T *c, int64_t ldc) {                             \
        enum { L = SK_LANES_##U };                                                                                                     \
        for (int64_t j = 0; j < n; j += L)                                                                                             \
            for (int64_t i = 0; i < m; i += L) {                                                                                       \
                int cols = (int)sk_min(L, n - j), rows = (int)sk_min(L, m - i);                                                        \
                sk_v##S x[L];                                                                                                          \
                const T *at = from + j * ld + i;                                                                                       \
                T *to = c + i * ldc + j;                                                                                               \
                if (cols < 4) {                                                                                                        \
                    for (int r = 0; r < rows; r++)                                                                                     \
                        for (int q = 0; q < cols; q++) to[r * ldc + q] = add ? to[r * ldc + q] + at[q * ld + r] : at[q * ld + r];      \
                    continue;                                                                                                          \
                }                                                                                                                      \
                _Pragma("GCC unroll 16") for (int q = 0; q < L; q++) x[q] = sk_load_##S(at + sk_min(q, cols - 1) * ld);                \
                sk_transpose_##S(x);                                                                                                   \
                for (int r = 0; r < rows; r++, to += ldc)                                                                              \
                    sk_store_part_##S(to, add ? sk_load_part_##S(to, cols) + x[r] : x[r], cols);                                       \
            }                                                                                                                          \
    }                                                                                                                                  \
    /* C transposed comes in blocks beside C, unless it is one contiguous column; A is packed unless it is stored (K, M). */           \
    SK_APART void sk_gemm_turned_##S(int ta, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t bj,         \
                                     int64_t bp, int add, T *c, int64_t ldc) {                                                         \
        enum { L = SK_LANES_##U, DEPTH = SK_BLOCK_DEPTH, WIDTH = SK_BLOCK_BYTES / sizeof(T) / DEPTH, COLS = 24 };                      \
        T block[DEPTH * WIDTH] __attribute__((aligned(64))), part[COLS * WIDTH] __attribute__((aligned(64)));                          \
        if (ta && n == 1 && ldc == 1) {                                                                                                \
            sk_bands_##S(1, m, k, b, bj, bp, a, lda, 2 * L, add, c, m);                                                                \
            return;                                                                                                                    \
        }                                                                                                                              \
        for (int64_t i = 0, deep = ta ? k : DEPTH; i < m; i += WIDTH)                                                                  \
            for (int64_t p = 0; p < k; p += deep) {                                                                                    \
                int64_t rows = sk_min(WIDTH, m - i), depth = sk_min(deep, k - p);                                                      \
                const T *lanes = ta ? a + p * lda + i : block;                                                                         \
                if (!ta) sk_pack_b_##S(1, rows, depth, a + i * lda + p, lda, block);                                                   \
                for (int64_t j = 0; j < n; j += COLS) {                                                                                \
                    int64_t cols = sk_min(COLS, n - j);                                                                                \
                    sk_bands_##S(cols, rows, depth, b + j * bj + p * bp, bj, bp, lanes, ta ? lda : 2 * L,                              \
                                 ta ? 2 * L : 2 * L * depth, 0, part, WIDTH);                                                          \
                    sk_turn_##S(rows, cols, part, WIDTH, add || p > 0, c + i * ldc + j, ldc);                                          \
                }                                                                                                                      \
            }                                                                                                                          \
    }                                                                                                                                  \
    /* The side with few vectors is copied where its vectors are not contiguous. */                                                    \
    SK_APART void sk_gemm_dots_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,               \
                                   int64_t ldb, int add, T *c, int64_t ldc) {                                                          \
        enum { DEPTH = 1024, COLS = 4 };                                                                                               \
        T column[COLS * DEPTH];                                                                                                        \
        if (!ta && tb && m <= n) {                                                                                                     \
            sk_dots_##S(n, m, k, b, ldb, a, lda, add, c, 1, ldc);                                                                      \
        } else if (!ta && tb) {                                                                                                        \
            sk_dots_##S(m, n, k, a, lda, b, ldb, add, c, ldc, 1);                                                                      \
        } else {                                                                                                                       \
            /* Either the columns of B against the rows of A, or the columns of A against the rows of B's transpose. */                \
            int64_t few = ta ? m : n, many = ta ? n : m, ld = ta ? lda : ldb;                                                          \
            const T *from = ta ? a : b;                                                                                                \
            for (int64_t j = 0; j < few; j += COLS)                                                                                    \
                for (int64_t p = 0; p < k; p += DEPTH) {                                                                               \
                    int64_t cols = sk_min(COLS, few - j), depth = sk_min(DEPTH, k - p);                                                \
                    const T *of = from + p * ld + j, *rows = (ta ? b : a) + p;                                                         \
                    for (int64_t q = 0; q < cols; q++)                                                                                 \
                        for (int64_t r = 0; r < depth; r++) column[q * DEPTH + r] = of[r * ld + q];                                    \
                    sk_dots_##S(many, cols, depth, rows, ta ? ldb : lda, column, DEPTH, add || p > 0, c + j * (ta ? ldc : 1),          \
                                ta ? 1 : ldc, ta ? ldc : 1);                                                                           \
                }                                                                                                                      \
        }                                                                                                                              \
    }                                                                                                                                  \
    static void sk_gemm_blas_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,                 \
                                 int64_t ldb, int add, T *c, int64_t ldc, const sk_blas *blas) {                                       \
        enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };                                                                       \
        typedef void narrow(int, int, int, int, int, int, T, const T *, int, const T *, int, T, T *, int);                             \
        typedef void wide(int, int, int, int64_t, int64_t, int64_t, T, const T *, int64_t, const T *, int64_t, T, T *, int64_t);       \
        int a_is = ta ? TRANSPOSED : AS_IS, b_is = tb ? TRANSPOSED : AS_IS;                                                            \
        if (blas->ilp64)                                                                                                               \
            ((wide *)blas->BLAS)(ROW_MAJOR, a_is, b_is, m, n, k, 1, a, lda, b, ldb, (T)add, c, ldc);                                   \
        else                                                                                                                           \
            ((narrow *)blas->BLAS)(ROW_MAJOR, a_is, b_is, (int)m, (int)n, (int)k, 1, a, (int)lda, b, (int)ldb, (T)add, c,              \
                                   (int)ldc);                                                                                          \
    }                                                                                                                                  \
    static void sk_gemm_by_##S(sk_gemm_ways way, int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda,             \
                               const T *b, int64_t ldb, int add, T *c, int64_t ldc, const sk_blas *blas) {                             \
        enum { L = SK_LANES_##U };                                                                                                     \
        if (m == 0 || n == 0 || (k == 0 && add)) return;                                                                               \
        if (k == 0) way = SK_DIRECT;                                                                                                   \
        if (way == SK_BLAS)                                                                                                            \
            sk_gemm_blas_##S(ta, tb, m, n, k, a, lda, b, ldb, add, c, ldc, blas);                                                      \
        else if (way == SK_PACKED)                                                                                                     \
            sk_gemm_packed_##S(ta, tb, m, n, k, a, lda, b, ldb, add, c, ldc);                                                          \
        else if (way == SK_DOTS)                                                                                                       \
            sk_gemm_dots_##S(ta, tb, m, n, k, a, lda, b, ldb, add, c, ldc);                                                            \
        else if (way == SK_TURNED)                                                                                                     \
            sk_gemm_turned_##S(ta, m, n, k, a, lda, b, tb ? ldb : 1, tb ? 1 : ldb, add, c, ldc);                                       \
        else                                                                                                                           \
            sk_bands_##S(m, n, k, a, ta ? 1 : lda, ta ? lda : 1, b, ldb, 2 * L, add, c, ldc);                                          \
    }

/* The products that are offered, and how they are shared out. */
#define SK_DEFINE_GEMM(T, S, U, BLAS)                                                                                                         \
    typedef struct {                                                                                                                          \
        sk_gemm_ways way;                                                                                                                     \
        int ta, tb, add;                                                                                                                      \
        int64_t m, n, k, lda, ldb, ldc;                                                                                                       \
        const T *a, *b;                                                                                                                       \
        T *c, *parts;                                                                                                                         \
        const sk_blas *blas;                                                                                                                  \
        sk_gemm_grid grid;                                                                                                                    \
        int64_t slices;                                                                                                                       \
    } sk_gemm_job_##S;                                                                                                                        \
    /* The way to go; one row or column of contiguous elements of B is as good transposed, and told so. */                                    \
    static sk_gemm_ways sk_gemm_plan_##S(int ta, int *tb, int64_t m, int64_t n, int64_t k, int64_t *ldb, const sk_blas *blas) {               \
        if (*tb && k == 1 && *ldb == 1) *tb = 0, *ldb = n;                                                                                    \
        if (!*tb && n == 1 && *ldb == 1) *tb = 1, *ldb = k;                                                                                   \
        int fits = blas && blas->BLAS && (blas->ilp64 || (m | n | k) <= INT32_MAX);                                                           \
        return fits && sk_prefers_blas(m, n, k) ? SK_BLAS : sk_gemm_way(SK_LANES_##U, ta, *tb, m, n, k);                                      \
    }                                                                                                                                         \
    /* One product, one thread. */                                                                                                            \
    SK_KERNEL void sk_gemm_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,                          \
                                      int64_t ldb, int accumulate, T *c, int64_t ldc, const sk_blas *blas) {                                  \
        sk_gemm_ways way = sk_gemm_plan_##S(ta, &tb, m, n, k, &ldb, blas);                                                                    \
        sk_gemm_by_##S(way, ta, tb, m, n, k, a, lda, b, ldb, accumulate, c, ldc, blas);                                                       \
    }                                                                                                                                         \
    /* Blocks of C, numbered row by row, for each slice of K; the first slice goes to C. */                                                   \
    static void sk_gemm_blocks_##S(const void *what, int member, int64_t begin, int64_t end) {                                                \
        const sk_gemm_job_##S *j = what;                                                                                                      \
        const int64_t tall = (j->m + SK_TILE_ROWS - 1) / SK_TILE_ROWS, wide = (j->n + 2 * SK_LANES_##U - 1) / (2 * SK_LANES_##U);             \
        const int64_t blocks = j->grid.rows * j->grid.columns;                                                                                \
        (void)member;                                                                                                                         \
        for (int64_t task = begin; task < end; task++) {                                                                                      \
            const int64_t s = task / blocks, r = task % blocks / j->grid.columns, q = task % j->grid.columns;                                 \
            const int64_t top = tall * r / j->grid.rows * SK_TILE_ROWS, left = wide * q / j->grid.columns * 2 * SK_LANES_##U;                 \
            const int64_t bottom = sk_min(tall * (r + 1) / j->grid.rows * SK_TILE_ROWS, j->m);                                                \
            const int64_t right = sk_min(wide * (q + 1) / j->grid.columns * 2 * SK_LANES_##U, j->n);                                          \
            const int64_t from = j->k * s / j->slices, depth = j->k * (s + 1) / j->slices - from, ldc = s ? j->n : j->ldc;                    \
            T *c = (s ? j->parts + (s - 1) * j->m * j->n : j->c) + top * ldc + left;                                                          \
            const T *a = j->a + (j->ta ? from * j->lda + top : top * j->lda + from);                                                          \
            const T *b = j->b + (j->tb ? left * j->ldb + from : from * j->ldb + left);                                                        \
            sk_gemm_by_##S(j->way, j->ta, j->tb, bottom - top, right - left, depth, a, j->lda, b, j->ldb, s ? 0 : j->add, c, ldc, j->blas);   \
        }                                                                                                                                     \
    }                                                                                                                                         \
    SK_APART void sk_matmul_sliced_##S(sk_gemm_job_##S job, int threads) {                                                                    \
        T parts[SK_SLICES_ROOM];                                                                                                              \
        job.parts = parts;                                                                                                                    \
        sk_share(threads, job.slices * job.grid.rows * job.grid.columns, sk_gemm_work(job.m, job.n, job.k) / 8, sk_gemm_blocks_##S, &job);    \
        for (int64_t s = 1; s < job.slices; s++)                                                                                              \
            for (int64_t i = 0; i < job.m; i++) {                                                                                             \
                const T *from = parts + ((s - 1) * job.m + i) * job.n;                                                                        \
                SK_SIMD()                                                                                                                     \
                for (int64_t j = 0; j < job.n; j++) job.c[i * job.ldc + j] += from[j];                                                        \
            }                                                                                                                                 \
    }                                                                                                                                         \
    /* One product, its blocks or slices shared out. */                                                                                       \
    SK_KERNEL void sk_matmul_##S(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b,                        \
                                 int64_t ldb, int accumulate, T *c, int64_t ldc, const sk_blas *blas, int threads) {                          \
        const int64_t slices = sk_gemm_slices(m, n, k);                                                                                       \
        const sk_gemm_ways way = sk_gemm_plan_##S(ta, &tb, m, n, k / slices, &ldb, blas);                                                     \
        const sk_gemm_grid grid = sk_gemm_cut(SK_LANES_##U, way, ta, m, n, k, slices, threads);                                               \
        sk_gemm_job_##S job = {way, ta, tb, accumulate, m, n, k, lda, ldb, ldc, a, b, c, NULL, blas, grid, slices};                           \
        const int64_t blocks = grid.rows * grid.columns;                                                                                      \
        if (slices > 1)                                                                                                                       \
            sk_matmul_sliced_##S(job, threads);                                                                                               \
        else if (blocks == 1)                                                                                                                 \
            sk_gemm_by_##S(way, ta, tb, m, n, k, a, lda, b, ldb, accumulate, c, ldc, blas);                                                   \
        else                                                                                                                                  \
            sk_share(threads, blocks, sk_gemm_work(m, n, k) / 8, sk_gemm_blocks_##S, &job);                                                   \
    }                                                                                                                                         \
    /* Few rows by a B that is laid out once for many products: pairs of vectors of its columns, each from the first row to the last, come as \
     * one stream. `laid` has n elements, rounded up to a pair of vectors, for each of k. */                                                  \
    static void sk_laid_pairs_##S(const void *what, int member, int64_t begin, int64_t end) {                                                 \
        const sk_gemm_job_##S *j = what;                                                                                                      \
        const int64_t wide = 2 * SK_LANES_##U, left = begin * wide, width = sk_min(end * wide, j->n) - left;                                  \
        (void)member;                                                                                                                         \
        if (j->parts)                                                                                                                         \
            sk_pack_b_##S(j->tb, width, j->k, j->b + (j->tb ? left * j->ldb : left), j->ldb, j->parts + left * j->k);                         \
        else                                                                                                                                  \
            sk_bands_##S(j->m, width, j->k, j->a, j->lda, 1, j->b + left * j->k, wide, wide * j->k, 0, j->c + left, j->ldc);                  \
    }                                                                                                                                         \
    SK_KERNEL void sk_matmul_ready_##S(int tb, int64_t n, int64_t k, const T *b, int64_t ldb, T *laid, int threads) {                         \
        const sk_gemm_job_##S job = {.tb = tb, .n = n, .k = k, .ldb = ldb, .b = b, .parts = laid};                                            \
        sk_share(threads, (n + 2 * SK_LANES_##U - 1) / (2 * SK_LANES_##U), n * k, sk_laid_pairs_##S, &job);                                   \
    }                                                                                                                                         \
    SK_KERNEL void sk_matmul_kept_##S(int tb, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb,              \
                                      const T *laid, T *c, int64_t ldc, const sk_blas *blas, int threads) {                                   \
        if (m > SK_TILE_ROWS) {                                                                                                               \
            sk_matmul_##S(0, tb, m, n, k, a, lda, b, ldb, 0, c, ldc, blas, threads);                                                          \
            return;                                                                                                                           \
        }                                                                                                                                     \
        const sk_gemm_job_##S job = {.m = m, .n = n, .k = k, .lda = lda, .a = a, .b = laid, .c = c, .ldc = ldc};                              \
        if (m > 0) sk_share(threads, (n + 2 * SK_LANES_##U - 1) / (2 * SK_LANES_##U), sk_gemm_work(m, n, k) / 8, sk_laid_pairs_##S, &job);    \
    }

SK_F32(SK_DEFINE_WAYS(float, f32, F32, sgemm))
SK_F64(SK_DEFINE_WAYS(double, f64, F64, dgemm))
SK_F32(SK_DEFINE_GEMM(float, f32, F32, sgemm))
SK_F64(SK_DEFINE_GEMM(double, f64, F64, dgemm))

#endif
#endif
