/* Denormal numbers: those below 1.2e-38 (double: 2.2e-308), with fewer digits the smaller they are. A processor takes a hundred and
 * more cycles for each operation on them; a bit of its control register lets it read and write them as zero instead.
 *
 * SK_DENORMALS(flush) at the head of a function sets it for this thread until the function returns, and then puts back what was there.
 * Members of a team take over what the caller of the loop has (symkeras/team.h). Where a processor has no such bit nothing happens. */
#ifndef SYMKERAS_DENORMALS_H
#define SYMKERAS_DENORMALS_H

#include "symkeras/base.h"

#if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__))
/* Flush to zero: what is written; denormals are zero: what is read. */
#define SK_FLUSHES UINT32_C(0x8040)
SK_UNUSED static inline uint32_t sk_float_control(void) { return __builtin_ia32_stmxcsr(); }
SK_UNUSED static inline void sk_set_float_control(uint32_t control) { __builtin_ia32_ldmxcsr(control); }
#elif defined(__aarch64__)
#define SK_FLUSHES (UINT32_C(1) << 24)
SK_UNUSED static inline uint32_t sk_float_control(void) {
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return (uint32_t)control;
}
SK_UNUSED static inline void sk_set_float_control(uint32_t control) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)control)); }
#else
#define SK_FLUSHES UINT32_C(0)
SK_UNUSED static inline uint32_t sk_float_control(void) { return 0; }
SK_UNUSED static inline void sk_set_float_control(uint32_t control) { (void)control; }
#endif

/* Whether this thread flushes denormals, as a word to compare. */
SK_UNUSED static inline uint32_t sk_flushes(void) { return sk_float_control() & SK_FLUSHES; }

/* Lets this thread do as `flushes` says; what it did before. Writing the register costs more than reading it. */
SK_UNUSED static inline uint32_t sk_set_flushes(uint32_t flushes) {
    const uint32_t control = sk_float_control(), before = control & SK_FLUSHES;
    if (before != flushes) sk_set_float_control(control ^ before ^ flushes);
    return before;
}
SK_UNUSED static inline void sk_restore_flushes(const uint32_t *before) { sk_set_flushes(*before); }

#define SK_DENORMALS(flush) \
    SK_UNUSED __attribute__((cleanup(sk_restore_flushes))) const uint32_t sk_flushed_before = sk_set_flushes((flush) ? SK_FLUSHES : 0)

#endif
