/* Threads that share the steps of a loop, as far as they are there.
 *
 * sk_share(threads, count, work, task, what) runs the steps 0 .. count - 1 of a loop whose steps write apart: it calls
 * task(what, member, begin, end) for stretches that together are the whole. At most `threads` members do so at the same time,
 * and `member`, below `threads`, tells them apart; the caller is number 0. Which steps a stretch has, and who runs it, is left to
 * chance: no result may depend on it.
 *
 * Steps are dealt in pieces, each member's own first, so that it meets again what its cache holds from the loop before; who has
 * none left takes those of others. The caller waits for pieces that somebody has begun, never for a thread to come: a processor
 * that is busy with other things costs no more than its help. Members wait for the next loop for a while, then sleep. Waking them
 * takes some 50 to 150 us, so that is done where there is work for longer; a sleeping team's loops are the caller's alone.
 *
 * Linux may wake a thread on the very processor that rang, and where processors share no cache leave it to wait there while others
 * idle: one in three short runs of a network had no help for its 20 ms. So members keep off the caller's processor, wherever it
 * goes, in builds with GNU's functions (_GNU_SOURCE).
 *
 * One caller at a time has the team; others, and tasks that share again, do all of their steps themselves. */
#ifndef SYMKERAS_TEAM_H
#define SYMKERAS_TEAM_H

#include "symkeras/base.h"
#include "symkeras/denormals.h"

/* Steps `begin` to `end` of a loop, run by thread number `member`. */
typedef void sk_task(const void *what, int member, int64_t begin, int64_t end);

/* Elementary operations in a piece of work at the least, of which a thread does some five in a nanosecond; slices at the most. */
enum { SK_PIECE_WORK = 1 << 15, SK_MOST_SLICES = 16 };

/* Slices for loops whose sums are taken slice by slice: however many threads there are. */
SK_UNUSED static inline int64_t sk_slices(int64_t count, int64_t work) {
    return sk_max(1, sk_min(sk_min(count, SK_MOST_SLICES), work / SK_PIECE_WORK));
}

/* Whether samples go through a group of kernels some at a time: where there is work for two pieces, or no room for all of them. */
SK_UNUSED static inline int sk_in_chunks(int64_t count, int64_t least, int64_t most, int64_t work) {
    return count > least && (work >= 2 * SK_PIECE_WORK || count > most);
}

/* Samples that go through a group of kernels together: enough for each kernel, few enough for the cache, and some for everybody. */
SK_UNUSED static inline int64_t sk_chunk(int64_t count, int64_t least, int64_t most) {
    return sk_max(least, sk_min(most, (count + SK_MOST_SLICES - 1) / SK_MOST_SLICES));
}
SK_UNUSED static inline int64_t sk_chunks(int64_t count, int64_t chunk) { return (count + chunk - 1) / chunk; }

/* Where the function is defined it is the file's own, unless SK_TEAM_API says otherwise. */
#ifndef SK_TEAM_API
#define SK_TEAM_API SK_UNUSED static
#endif

/* Three ways: SK_TEAM asks for a team in this file; files that link to kernels of others (SK_LINKED), or are such kernels (SK_RUNTIME),
 * call the one team of the process; without either there is one thread. */
#if defined(SK_LINKED) || defined(SK_RUNTIME)
void sk_share(int threads, int64_t count, int64_t work, sk_task *task, const void *what);
#elif !defined(SK_TEAM) || defined(_WIN32)
SK_TEAM_API inline void sk_share(int threads, int64_t count, int64_t work, sk_task *task, const void *what) {
    (void)threads, (void)work;
    if (count > 0) task(what, 0, 0, count);
}
#else

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#define SK_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define SK_PAUSE() __asm__ volatile("yield")
#else
#define SK_PAUSE() (void)0
#endif

/* Operations that waking the team is worth. Pieces per member; members there can be; how long they wait before they sleep. */
enum { SK_WAKING_WORK = 1 << 19, SK_PIECES_EACH = 8, SK_MOST_MEMBERS = 64, SK_PATIENCE_NS = 200000 };

/* A member's own pieces that nobody has taken yet, in the lower half; the number of their loop in the upper half. */
typedef struct {
    uint64_t left;
    char apart[56];
} sk_pieces;

typedef struct {
    /* The loop. Its fields, but `unfinished`, change only while no piece of it is left. */
    uint64_t ticket; /* its number times 256, and how many members it has */
    sk_task *task;
    const void *what;
    int64_t count, pieces;
    uint32_t flushes; /* what the caller does with denormals */
    int64_t unfinished;
    sk_pieces own[SK_MOST_MEMBERS];
    /* The members. */
    pthread_mutex_t turn, door;
    pthread_cond_t bell;
    pthread_t threads[SK_MOST_MEMBERS]; /* the hired ones */
    int hired, sleeping, is_watched, is_eager, caller; /* `caller`: one more than the processor that members keep off, or 0 */
    int64_t owed, last_owed; /* work that was not worth waking anybody for, and when that was last asked */
} sk_team_state;

#define SK_IDLE_TEAM {.turn = PTHREAD_MUTEX_INITIALIZER, .door = PTHREAD_MUTEX_INITIALIZER, .bell = PTHREAD_COND_INITIALIZER}
static sk_team_state sk_team __attribute__((aligned(64))) = SK_IDLE_TEAM;

#define SK_READ(x, ORDER) __atomic_load_n(&(x), __ATOMIC_##ORDER)
#define SK_WRITE(x, value, ORDER) __atomic_store_n(&(x), value, __ATOMIC_##ORDER)

static int64_t sk_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Takes one of a member's own pieces of loop `number`: how many were left before, 0 where there is none. */
static int64_t sk_take(sk_pieces *own, uint32_t number) {
    uint64_t left = SK_READ(own->left, RELAXED);
    while ((uint32_t)(left >> 32) == number && (uint32_t)left != 0)
        if (__atomic_compare_exchange_n(&own->left, &left, left - 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return (int64_t)(uint32_t)left;
    return 0;
}

/* Runs pieces of a loop until none is left. A piece that was taken keeps the loop's fields as they are. */
static void sk_take_part(int member, uint64_t ticket) {
    int members = (int)(ticket & 255);
    int64_t done = 0;
    for (int k = 0; k < members; k++) {
        int owner = (member + k) % members;
        for (int64_t left; (left = sk_take(&sk_team.own[owner], (uint32_t)(ticket >> 8))) > 0; done++) {
            int64_t pieces = sk_team.pieces, count = sk_team.count, piece = pieces * (owner + 1) / members - left;
            sk_set_flushes(sk_team.flushes);
            sk_team.task(sk_team.what, member, count * piece / pieces, count * (piece + 1) / pieces);
        }
    }
    if (done > 0) __atomic_sub_fetch(&sk_team.unfinished, done, __ATOMIC_RELEASE);
}

/* Waits for a loop after the one `seen`; its ticket. */
static uint64_t sk_await(uint64_t seen) {
    uint64_t ticket;
    int64_t since = sk_now();
    do {
        for (int k = 0; k < 64; k++) {
            if ((ticket = SK_READ(sk_team.ticket, ACQUIRE)) != seen) return ticket;
            SK_PAUSE();
        }
        sched_yield();
    } while (sk_now() - since < SK_PATIENCE_NS);
    pthread_mutex_lock(&sk_team.door);
    __atomic_add_fetch(&sk_team.sleeping, 1, __ATOMIC_SEQ_CST);
    while ((ticket = SK_READ(sk_team.ticket, SEQ_CST)) == seen) pthread_cond_wait(&sk_team.bell, &sk_team.door);
    __atomic_sub_fetch(&sk_team.sleeping, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&sk_team.door);
    return ticket;
}

static void *sk_be_member(void *number) {
    int member = (int)(intptr_t)number;
    for (uint64_t ticket = 0;;) {
        ticket = sk_await(ticket);
        if (member < (int)(ticket & 255)) sk_take_part(member, ticket);
    }
    return NULL;
}

/* A child of fork has the caller's thread alone. */
static void sk_team_after_fork(void) {
    static const sk_team_state idle = SK_IDLE_TEAM;
    int is_watched = sk_team.is_watched, is_eager = sk_team.is_eager;
    sk_team = idle;
    sk_team.is_watched = is_watched, sk_team.is_eager = is_eager;
}

/* Starts threads until there are so many members, the caller included; fewer where the system gives no more. */
static void sk_hire(int members) {
    sigset_t all, before;
    pthread_attr_t attributes;
    if (!sk_team.is_watched) sk_team.is_watched = pthread_atfork(NULL, NULL, sk_team_after_fork) == 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the threads that were there */
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, (size_t)8 << 20);
    while (sk_team.hired < members - 1) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, sk_be_member, (void *)(intptr_t)(sk_team.hired + 1))) break;
        sk_team.threads[sk_team.hired] = thread, sk_team.caller = 0;
        SK_WRITE(sk_team.hired, sk_team.hired + 1, SEQ_CST);
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Keeps members off the caller's processor, on the others that it may use itself. */
static void sk_make_room(void) {
#if defined(__linux__) && defined(_GNU_SOURCE)
    cpu_set_t others;
    const int caller = sched_getcpu() + 1;
    if (caller == sk_team.caller || caller == 0) return;
    sk_team.caller = caller;
    if (sched_getaffinity(0, sizeof others, &others) || CPU_COUNT(&others) < 2) return;
    CPU_CLR((size_t)(caller - 1), &others);
    for (int k = 0; k < sk_team.hired; k++) pthread_setaffinity_np(sk_team.threads[k], sizeof others, &others);
#endif
}

/* Whether to ring for those who sleep: for work that lasts, or for many loops that together do. */
static int sk_is_worth_waking(int64_t work) {
    int64_t now = sk_now();
    sk_team.owed = (now - sk_team.last_owed > SK_PATIENCE_NS ? 0 : sk_team.owed) + work;
    sk_team.last_owed = now;
    if (sk_team.owed < SK_WAKING_WORK) return 0;
    sk_team.owed = 0;
    return 1;
}

static void sk_publish(int members, int64_t pieces, int64_t count, sk_task *task, const void *what) {
    uint64_t number = (uint32_t)((sk_team.ticket >> 8) + 1);
    sk_team.task = task, sk_team.what = what, sk_team.count = count, sk_team.pieces = pieces, sk_team.flushes = sk_flushes();
    SK_WRITE(sk_team.unfinished, pieces, RELAXED);
    for (int m = 0; m < members; m++)
        SK_WRITE(sk_team.own[m].left, number << 32 | (uint64_t)(pieces * (m + 1) / members - pieces * m / members), RELEASE);
    SK_WRITE(sk_team.ticket, number << 8 | (uint64_t)members, SEQ_CST);
}

SK_TEAM_API void sk_share(int threads, int64_t count, int64_t work, sk_task *task, const void *what) {
    const int eager = SK_READ(sk_team.is_eager, RELAXED);
    const int64_t pieces = sk_min(eager ? count : sk_min(count, work / SK_PIECE_WORK), (int64_t)SK_PIECES_EACH * threads);
    const int members = (int)sk_min(sk_min(threads, pieces), SK_MOST_MEMBERS);
    if (count <= 0) return;
    if (members <= 1 || pthread_mutex_trylock(&sk_team.turn) != 0) {
        task(what, 0, 0, count);
        return;
    }
    const int awake = sk_team.hired - SK_READ(sk_team.sleeping, SEQ_CST);
    const int rings = awake < members - 1 && (eager || sk_is_worth_waking(work));
    if (awake <= 0 && !rings) {
        pthread_mutex_unlock(&sk_team.turn);
        task(what, 0, 0, count);
        return;
    }
    if (rings) sk_hire(members);
    sk_make_room();
    sk_publish(members, pieces, count, task, what);
    if (rings && SK_READ(sk_team.sleeping, SEQ_CST) > 0) {
        pthread_mutex_lock(&sk_team.door);
        pthread_cond_broadcast(&sk_team.bell);
        pthread_mutex_unlock(&sk_team.door);
    }
    sk_take_part(0, sk_team.ticket);
    for (int k = 0; SK_READ(sk_team.unfinished, ACQUIRE) > 0; k++) {
        if (k < 1000)
            SK_PAUSE();
        else
            sched_yield();
    }
    pthread_mutex_unlock(&sk_team.turn);
}

/* Lets the team share whatever can be, worth it or not: so that tests see it at work. */
SK_TEAM_API void sk_team_be_eager(int eager) { SK_WRITE(sk_team.is_eager, eager, RELAXED); }

#endif
#endif
