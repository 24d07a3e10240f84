/*
 * For how long whoever is sent away shall stay away: the more were sent away lately, the longer the time over which they are
 * spread. Else a thousand devices that met a store in trouble would come back in the same second.
 */
#ifndef STORE_PATIENCE_H
#define STORE_PATIENCE_H

#include <pthread.h>
#include <stdint.h>

enum {
        PATIENCE_MIN_S = 5,
        PATIENCE_MAX_S =
                600,         /* nobody waits longer: a device that has urgent work is one of them */
        PATIENCE_PER_S = 25, /* that may come back in one second */
        PATIENCE_WINDOW_MS = 10000, /* "lately": between one and two of these */
};

struct patience {
        pthread_mutex_t lock;
        int64_t window;                   /* number of the window that `now_count` is of */
        uint32_t now_count, before_count; /* sent away in it, and in the one before */
};

void patience_init(struct patience *patience);
void patience_deinit(struct patience *patience);

/**
 * patience_next_s() - one more is sent away
 * @now_ms: of a clock that never goes back
 * @random: 0 … UINT32_MAX
 *
 * Return: seconds for Retry-After
 */
unsigned patience_next_s(struct patience *patience, int64_t now_ms, uint32_t random);

#endif
