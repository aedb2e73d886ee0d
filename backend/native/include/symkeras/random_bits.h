/* Random bits that are a pure function of a state and a stream: Philox4x64-10 (Salmon et al. 2011).

   Block b of a stream, 32 bytes, is the bijection of the counter [b + 1, step, 0, 0] under the key [seed, stream]: these
   are the words of numpy.random.Philox, which counts up before it draws. Any stretch can thus be drawn by itself. */
#ifndef SYMKERAS_RANDOM_BITS_H
#define SYMKERAS_RANDOM_BITS_H

#include "symkeras/team.h"

/* Where vectors multiply 64-bit words (AVX-512DQ), many blocks are drawn side by side from products of 32-bit pieces, two
   to three times as fast as one by one. Elsewhere the processor's own 64 x 64 -> 128 product wins, a block at a time. */
#ifdef __AVX512DQ__
enum { SK_PHILOX_SIDE = 32 };
#else
enum { SK_PHILOX_SIDE = 1 };
#endif

/* The upper 64 bits of a * b. SK_NO_INT128 asks for the pieces everywhere. */
SK_UNUSED static inline uint64_t sk_multiply_high(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__) && !defined(__AVX512DQ__) && !defined(SK_NO_INT128)
    return (uint64_t)((unsigned __int128)a * b >> 64);
#else
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    return a1 * b1 + (middle >> 32) + (other >> 32);
#endif
}

/* Blocks first .. first + SK_PHILOX_SIDE - 1 of a stream, four words each. */
SK_UNUSED static inline void sk_philox_blocks(uint64_t *restrict out, uint64_t first, uint64_t seed, uint64_t step, uint64_t stream) {
    uint64_t c0[SK_PHILOX_SIDE], c1[SK_PHILOX_SIDE], c2[SK_PHILOX_SIDE], c3[SK_PHILOX_SIDE];
    for (int b = 0; b < SK_PHILOX_SIDE; b++) {
        c0[b] = first + 1 + (uint64_t)b;
        c1[b] = step;
        c2[b] = c3[b] = 0;
    }
    for (int round = 0; round < 10; round++) {
        for (int b = 0; b < SK_PHILOX_SIDE; b++) {
            const uint64_t high0 = sk_multiply_high(c0[b], 0xD2E7470EE14C6C93u), low0 = c0[b] * 0xD2E7470EE14C6C93u;
            const uint64_t high2 = sk_multiply_high(c2[b], 0xCA5A826395121157u), low2 = c2[b] * 0xCA5A826395121157u;
            c0[b] = high2 ^ c1[b] ^ seed;
            c1[b] = low2;
            c2[b] = high0 ^ c3[b] ^ stream;
            c3[b] = low0;
        }
        seed += 0x9E3779B97F4A7C15u;
        stream += 0xBB67AE8584CAA73Bu;
    }
    for (int b = 0; b < SK_PHILOX_SIDE; b++) {
        out[4 * b] = c0[b];
        out[4 * b + 1] = c1[b];
        out[4 * b + 2] = c2[b];
        out[4 * b + 3] = c3[b];
    }
}

/* Bytes from .. to - 1 of a stream, which go to out[from] .. out[to - 1]; `from` is where a block starts. */
SK_UNUSED static void sk_random_stretch(char *out, int64_t from, int64_t to, const uint64_t *state, uint64_t stream) {
    uint64_t words[4 * SK_PHILOX_SIDE];
    for (int64_t at = from; at < to; at += (int64_t)sizeof words) {
        sk_philox_blocks(words, (uint64_t)at / 32, state[0], state[1], stream);
        memcpy(out + at, words, (size_t)sk_min((int64_t)sizeof words, to - at));
    }
}

/* The first `bytes` of the stream for state [seed, step], read as any unsigned type; the last word may be used in part.
   Threads take stretches of groups of blocks. */
typedef struct {
    char *out;
    const uint64_t *state;
    uint64_t stream;
    int64_t bytes;
} sk_random_job;

SK_UNUSED static void sk_random_groups(const void *what, int member, int64_t begin, int64_t end) {
    enum { GROUP = 32 * SK_PHILOX_SIDE };
    const sk_random_job *job = what;
    (void)member;
    sk_random_stretch(job->out, begin * GROUP, sk_min(end * GROUP, job->bytes), job->state, job->stream);
}

SK_UNUSED static void sk_random_bits(void *out, int64_t bytes, const uint64_t *state, uint64_t stream, int threads) {
    const int64_t group = 32 * SK_PHILOX_SIDE;
    const sk_random_job job = {out, state, stream, bytes};
    sk_share(threads, (bytes + group - 1) / group, 2 * bytes, sk_random_groups, &job);
}

#endif
