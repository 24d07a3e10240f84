/*
 * Who has failed too often lately: a bucket of failures for each network address, in a table of fixed size.
 *
 * An IPv6 client counts by its /64, because it can have any address in there. Where the table is full the
 * address that failed longest ago makes room. Safe from any thread.
 */
#ifndef STORE_LIMITER_H
#define STORE_LIMITER_H

#include "common/bytes.h"

struct limiter;

struct limiter_settings {
        unsigned burst;       /* failures that are free */
        int64_t recover_ms;   /* then one more each time this has passed */
        size_t address_count; /* addresses that are remembered */
};

/* Guessing at enrolment codes: 80 random bits would take for ever anyway; this keeps the log readable. */
#define LIMITER_ENROLMENT                                                                          \
        ((struct limiter_settings){.burst = 10, .recover_ms = 30000, .address_count = 1024})

int limiter_new(const struct limiter_settings *settings, struct limiter **ret);
struct limiter *limiter_free(struct limiter *limiter);
DEFINE_FREEP(limiter)

/**
 * limiter_wait_ms() - how long this address has to wait before it may try again
 * @address: text of an IPv4 or IPv6 address; anything else counts as one address
 *
 * Return: 0: now
 */
int64_t limiter_wait_ms(struct limiter *limiter, const char *address, int64_t now_ms);

/* limiter_failed() - one more failure of this address */
void limiter_failed(struct limiter *limiter, const char *address, int64_t now_ms);

#endif
