/*
 * Who waits for news (GET /v1/wait), and for which feeds. Safe from any thread; it answers nobody, it hands out.
 *
 * A waiter belongs to the table from waiters_add() until one of the other functions hands it out, once: so that of
 * news, time-out, a client that leaves and the end of the program only one answers it.
 */
#ifndef STORE_WAITERS_H
#define STORE_WAITERS_H

#include "common/crypto.h"
#include "common/id.h"

#include <sys/queue.h>

struct waiter {
        TAILQ_ENTRY(waiter) link;
        uint64_t serial; /* set by waiters_add(); never used twice */
        struct uuid device;
        uint8_t vector_hash[HASH_SIZE], parked_hash[HASH_SIZE];
        uint64_t closing; /* number of the last closing that it was told */
        int64_t until_ms;
        uint64_t *keys; /* watch_key() of its feeds, ascending; owned, freed by waiter_free() */
        size_t key_count;
        void *call; /* whom to answer */
};

TAILQ_HEAD(waiter_list, waiter);

struct waiter *waiter_free(struct waiter *waiter);
DEFINE_FREEP(waiter)

struct waiters;

int waiters_new(struct waiters **ret);
/* waiters_free() - must be empty: hand all of them out before */
struct waiters *waiters_free(struct waiters *waiters);
DEFINE_FREEP(waiters)

/**
 * waiters_add() - let it wait
 * @ret_serial: its number; the waiter itself may be gone when this returns
 * @out: an older waiter of the same device is handed out into it: a device needs one
 */
void waiters_add(struct waiters *waiters, struct waiter *waiter, uint64_t *ret_serial,
                 struct waiter_list *out);

/* Handing out, into the end of @out: by number; by call; those of the feeds; those whose time is over; everybody. */
void waiters_take(struct waiters *waiters, uint64_t serial, struct waiter_list *out);
void waiters_take_call(struct waiters *waiters, const void *call, struct waiter_list *out);
void waiters_touched(struct waiters *waiters, const uint64_t *keys, size_t count,
                     struct waiter_list *out);
void waiters_expired(struct waiters *waiters, int64_t now_ms, struct waiter_list *out);
void waiters_all(struct waiters *waiters, struct waiter_list *out);

/**
 * waiters_each() - look at everybody, without handing out
 * @visit: must not call any function of the table
 */
void waiters_each(struct waiters *waiters,
                  void (*visit)(void *context, const struct waiter *waiter), void *context);

size_t waiters_count(struct waiters *waiters);

#endif
