/*
 * Couriers, as the engine's host sees them: what waits here as a bundle that somebody else carries to the store, and the receipts
 * that come back. A part of the engine's face (engine.h says how its calls are to be used).
 *
 *     a bundle:   engine_bundle_begin() → engine_bundle_part() until it returns 0 → the host makes what it got durable
 *                 → engine_bundle_handed()
 *     receipts:   engine_bundle_receipts() for each message that came back
 *
 * The entries go on waiting, and are sent by every other way as well: what arrives twice gets the receipt that it has. Nothing here
 * says "arrived" but a receipt.
 */
#ifndef DAEMON_ENGINE_BUNDLE_H
#define DAEMON_ENGINE_BUNDLE_H

#include "daemon/engine.h"

enum {
        ENGINE_RECEIVER_MAX = 200, /* bytes of the words that say to whom a bundle went */
};

/**
 * engine_bundle_begin() - begin a bundle of everything that waits; one that was begun before and not finished is forgotten
 * @ret: its id
 *
 * One flush. Return: 0; PANNIER_E_NOT_FOUND nothing waits; PANNIER_E_INVALID the store's seal key is not known here yet, so that it
 *         cannot be sealed (one exchange brings it); PANNIER_E_STORAGE
 */
int engine_bundle_begin(struct engine *engine, const struct engine_now *now, struct uuid *ret);

/**
 * engine_bundle_part() - the next part of it, at most 1 MiB
 * @out: gets it appended
 *
 * Return: 1 a part, 0 it has no more; PANNIER_E_NOT_FOUND it is not the one that was begun last, or the outbox has begun a new life
 *         meanwhile: begin again
 */
int engine_bundle_part(struct engine *engine, const struct engine_now *now, const struct uuid *id,
                       struct buffer *out);

/**
 * engine_bundle_handed() - somebody has it now, durably; ends the bundle. One flush
 * @receiver: who, in words for people, such as a file's name; UTF-8, at most ENGINE_RECEIVER_MAX
 */
int engine_bundle_handed(struct engine *engine, const struct engine_now *now, const struct uuid *id,
                         struct bytes receiver, uint64_t *ret_entries);

struct engine_bundle_taken { /* what came of receipts */
        struct uuid bundle;
        uint64_t settled; /* entries that have their outcome through these */
        uint64_t known;   /* had it before */
        uint64_t parked;  /* the store has them and waits for something; here they go on waiting */
        uint64_t stale;   /* of a history that the store lost: they are offered again */
};

/**
 * engine_bundle_receipts() - take one message of receipts that a courier brought back
 *
 * The store's signature is checked, as in an exchange; of a history that was left, and is known to be, nothing is taken. At most two
 * flushes.
 *
 * Return: 0; PANNIER_E_NOT_FOUND of no bundle that this device made; PANNIER_E_REFUSED of another device; PANNIER_E_CRYPTO,
 *         PANNIER_E_MALFORMED changed on the way; PANNIER_E_BUSY an answer of the store is being applied: try again in a moment
 */
int engine_bundle_receipts(struct engine *engine, const struct engine_now *now,
                           struct bytes message, struct engine_bundle_taken *ret);

struct engine_bundle { /* one that somebody has, and that has no receipts for some of its entries */
        struct uuid id;
        char receiver[ENGINE_RECEIVER_MAX + 1];
        int64_t handed_ms; /* wall */
        uint64_t entries, waiting;
        int64_t receipts_ms; /* store's time of receipts that came back; 0: none did */
};

/* engine_bundles() - those, newest first. Return: 0, what @visit returned, or an error */
int engine_bundles(struct engine *engine,
                   int (*visit)(void *context, const struct engine_bundle *bundle), void *context);

/* engine_bundle_due() - does anything wait that no bundle which somebody has holds? 1, 0 */
int engine_bundle_due(struct engine *engine);

#endif
