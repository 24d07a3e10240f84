/*
 * Drafts: unfinished work of staff, kept in outbox.db outside of the chain, under the caseload key.
 *
 * It owns the table `draft`. It does not know what a draft's content means. Each draft has one owner; for everybody
 * else it does not exist.
 */
#ifndef DAEMON_DRAFTS_H
#define DAEMON_DRAFTS_H

#include "common/crypto.h"
#include "common/db.h"
#include "daemon/engine.h"

struct drafts;

struct drafts_options {
        struct db *db; /* outbox.db, migrated; borrowed */
        struct uuid device;
        const uint8_t *caseload_key; /* borrowed */
        void (*random)(void *data, size_t size);
};

int drafts_new(const struct drafts_options *options, struct drafts **ret);
struct drafts *drafts_free(struct drafts *drafts);
DEFINE_FREEP(drafts)

/* drafts_put() - keep or replace; one flush; PANNIER_E_TAKEN: the id is somebody else's */
int drafts_put(struct drafts *drafts, const struct uuid *staff, const struct engine_draft *draft);

/* drafts_get() - PANNIER_E_NOT_FOUND also where it is somebody else's; @now_ms: wall, for `old` */
int drafts_get(struct drafts *drafts, const struct uuid *staff, int64_t now_ms,
               const struct uuid *id, int (*visit)(void *context, const struct engine_draft *draft),
               void *context);
int drafts_list(struct drafts *drafts, const struct uuid *staff, int64_t now_ms,
                int (*visit)(void *context, const struct engine_draft *draft), void *context);
int drafts_delete(struct drafts *drafts, const struct uuid *staff, const struct uuid *id);

/* drafts_count() - of everybody */
int drafts_count(struct drafts *drafts, int64_t now_ms, uint64_t *ret_count, uint64_t *ret_old);

#endif
