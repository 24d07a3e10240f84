/*
 * The clocks of this machine. clock.c is the only file that reads one: engines get the time as a parameter.
 *
 * Wall time is milliseconds since 1970, UTC, and may be wrong or jump. Boot time counts milliseconds since the
 * machine started, suspend included, and never jumps; it says how long ago something was, within one boot.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What an engine is told with every event. */
struct clock_reading {
        int64_t now_ms;  /* wall */
        int64_t boot_ms; /* since boot */
        uint64_t
                boot_id; /* names this boot; 63 bits, so that it fits an integer of the wire; never 0 */
        bool synchronised; /* the kernel says that something keeps the wall clock right */
};

int64_t clock_now_ms(void);
int64_t clock_boot_ms(void);

/* clock_boot_id() - from the kernel's random id of this boot; where it has none, random per process */
uint64_t clock_boot_id(void);

/* clock_synchronised() - adjtimex(2): not unsynchronised, and a maximum error below a second */
bool clock_synchronised(void);

/* clock_read() - all of it, taken together; @boot_id: of clock_boot_id(), which is read once: it comes from a file */
struct clock_reading clock_read(uint64_t boot_id);

#endif
