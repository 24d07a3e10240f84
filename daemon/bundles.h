/*
 * The book of what this device gave to couriers: the table `bundle` of outbox.db. It knows secrets, times and places; not what
 * is in a bundle, nor how it travels.
 */
#ifndef DAEMON_BUNDLES_H
#define DAEMON_BUNDLES_H

#include "common/bundle.h"
#include "common/db.h"

enum {
        BUNDLES_KEPT_MAX =
                64, /* older ones are forgotten: their receipts can no longer be opened */
        BUNDLE_RECEIVER_MAX = 200, /* bytes of the words that say to whom */
};

struct bundles;

struct bundles_options {
        struct db *db; /* outbox.db, migrated; borrowed */
        struct uuid device;
        const uint8_t *caseload_key; /* borrowed */
        void (*random)(void *data, size_t size);
};

struct bundle_row {
        struct uuid id;
        int64_t made_ms, handed_ms; /* handed_ms 0: it never left */
        char receiver[BUNDLE_RECEIVER_MAX + 1];
        uint64_t entries;
        uint64_t place_first, place_last;
        int64_t receipts_ms; /* store's time; 0: none came back */
        uint64_t waiting;    /* of its entries, how many wait still; filled by bundles_newest() */
};

int bundles_new(const struct bundles_options *options, struct bundles **ret);
struct bundles *bundles_free(struct bundles *bundles);
DEFINE_FREEP(bundles)

/* bundles_add() - before anything of it leaves; one flush */
int bundles_add(struct bundles *bundles, const struct bundle_row *row,
                const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                const uint8_t secret[BUNDLE_SECRET_SIZE]);

/* bundles_handed() - somebody has it; one flush; PANNIER_E_NOT_FOUND */
int bundles_handed(struct bundles *bundles, const struct uuid *id, int64_t now_ms, uint64_t entries,
                   struct bytes receiver);

/* bundles_answered() - receipts of it came back; one flush */
int bundles_answered(struct bundles *bundles, const struct uuid *id, int64_t store_ms);

/* bundles_secret() - what opens its receipts; PANNIER_E_NOT_FOUND this device made no such bundle, or long ago */
int bundles_secret(struct bundles *bundles, const struct uuid *id,
                   uint8_t ret_encapsulated[HPKE_ENCAPSULATED_SIZE],
                   uint8_t ret_secret[BUNDLE_SECRET_SIZE]);

/* Of both: @first is the place of the oldest waiting entry, 0: none waits. */
/* bundles_newest() - the newest one that somebody has and of which an entry still waits; 1, 0 there is none */
int bundles_newest(struct bundles *bundles, uint64_t first, struct bundle_row *ret);

/* bundles_each() - those that somebody has and that still have entries waiting, newest first; visits must not call the bundles */
int bundles_each(struct bundles *bundles, uint64_t first,
                 int (*visit)(void *context, const struct bundle_row *row), void *context);

#endif
