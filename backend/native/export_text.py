"""The fixed parts of an exported C file; `$name` stands for what `symkeras.backend.native.export` fills in."""

FILE = """\
/* $file: model "$title" as C, written by symkeras $version.
 *
$ports
 *
 * Build it with any compiler that knows GNU C (gcc, clang, zig cc):
$build
 * -DSYMKERAS_BLAS makes large matrix products calls of cblas_?gemm: add the library, such as -lopenblas, and
 * -DSYMKERAS_BLAS_ILP64=1 where its integers have 64 bits. Everything is static but the functions of the header.
 *
 * The part called symkeras/... is symkeras' runtime: Copyright the symkeras authors, Apache License 2.0,
 * https://www.apache.org/licenses/LICENSE-2.0. The weights, and the model, are their owner's. */

$first$header
#include <stdlib.h>

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wbitwise-conditional-parentheses"
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

$runtime
/* ---- weights ---- */
$weights

/* ---- the model ---- */
$body

/* ---- the functions of the header ---- */
$products
$team

/* Where each piece of memory begins in the arena, in bytes, for $STEM_BATCH rows or less. */
static const int64_t $stem_offsets[] = $offsets;

int $stem_predict_in(void *arena, $parameters) {
$loaded$pointers    for (int64_t row = 0; row < batch; row += $STEM_BATCH) {
        const int64_t rows = sk_min(batch - row, $STEM_BATCH), sizes[] = $sizes;
        void *const outputs[] = {$targets};
        sk_call call = {
            .arena = arena, .at = $stem_offsets, .variables = $stem_variables, .constants = $stem_constants, .outputs = outputs,
            .sizes = sizes, .blas = $STEM_PRODUCTS, .threads = $STEM_TEAM, .fault = {0, 0, 0, 0},
        };
$copies
        if ($stem_run(&call) != 0) return $STEM_BAD_INDEX;
    }
    return $STEM_OK;
}

int $stem_predict($parameters) {
    void *arena = malloc($STEM_ARENA_BYTES);
    if (arena == NULL) return $STEM_NO_MEMORY;
    const int code = $stem_predict_in(arena, $arguments);
    free(arena);
    return code;
}
"""

HEADER = """\
/* $file: what model "$title" offers in C; $where.
 *
$ports
 *
 * Arrays are dense, row by row; rows are taken in batches of $STEM_BATCH. Every function returns $STEM_OK or another code.
 * Calls may run at the same time in several threads, each with an arena of its own. */
#ifndef $STEM_H
#define $STEM_H

#include <stdint.h>

#define $STEM_BATCH $batch
#define $STEM_THREADS $threads  /* the most that a build with -pthread uses */
#define $STEM_ARENA_BYTES $bytes  /* working memory of one call, aligned as malloc does; multiples of 64 are best */
$sizes

$codes

#ifdef __cplusplus
extern "C" {
#endif
$load
/* Computes the outputs for `batch` rows; allocates working memory for the time of the call. */
int $stem_predict($parameters);

/* The same in working memory of $STEM_ARENA_BYTES bytes that the caller gives: nothing is allocated. */
int $stem_predict_in(void *arena, $parameters);

#ifdef __cplusplus
}
#endif

#endif
"""

LOADER = """\
#include <stdio.h>

static char *$stem_bytes;

int $stem_load(const char *path) {
    uint64_t head[2] = {0, 0};
    char *bytes = NULL;
    int code = $STEM_BAD_FILE;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return code;
    if (fread(head, sizeof head, 1, file) == 1 && head[0] == UINT64_C($magic) && head[1] == UINT64_C($mark)) {
        bytes = malloc($size);
        if (bytes == NULL)
            code = $STEM_NO_MEMORY;
        else if (fread(bytes, 1, $size, file) == $size)
            code = $STEM_OK;
    }
    fclose(file);
    if (code != $STEM_OK) {
        free(bytes);
        return code;
    }
    $stem_unload();
    $stem_bytes = bytes;
    return code;
}

void $stem_unload(void) {
    free($stem_bytes);
    $stem_bytes = NULL;
}
"""

PRODUCTS = """\
#ifdef SYMKERAS_BLAS
#include <cblas.h>
#ifndef SYMKERAS_BLAS_ILP64
#define SYMKERAS_BLAS_ILP64 0
#endif
static const sk_blas $STEM_blas = {.sgemm = (void *)cblas_sgemm, .dgemm = (void *)cblas_dgemm, .ilp64 = SYMKERAS_BLAS_ILP64};
#define $STEM_PRODUCTS &$STEM_blas
#else
#define $STEM_PRODUCTS NULL
#endif"""

THREADS_FIRST = """\
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifdef _REENTRANT /* built with -pthread */
#define SK_TEAM
#endif
"""

TEAM = """\
#ifdef SK_TEAM
#define $STEM_TEAM $STEM_THREADS
#else
#define $STEM_TEAM 1
#endif"""
