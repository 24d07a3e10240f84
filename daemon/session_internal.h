/*
 * Inside of an exchange: what session.c (requests), session_send.c (their entries), session_answer.c (what came back, receipts) and session_apply.c (bounded
 * applying) share. Nobody else includes it.
 */
#ifndef DAEMON_SESSION_INTERNAL_H
#define DAEMON_SESSION_INTERNAL_H

#include "daemon/engine_internal.h"

/* session_vector() - the granted feeds as they stand, sorted, into @arena, and their hash */
int session_vector(struct engine *engine, struct arena *arena, struct wire_feed_state **ret,
                   size_t *ret_count, uint8_t ret_hash[HASH_SIZE]);

struct session_sent {  /* init with {.lanes = …} */
        uint8_t lanes; /* that may go, from the urgent one on */
        uint64_t from
                [LANE_COUNT]; /* numbers before it are not looked at; set to the one after the newest that went */
        const enum wire_stop *
                stopped; /* by lane: where the store has no room one entry goes, to ask again; NULL: all go */
        uint64_t count; /* entries that went */
        bool more;      /* there are more */
};

/* session_put_entries() - as many runs of waiting entries as a request holds, with gaps and old receipts in front */
int session_put_entries(struct engine *engine, struct arena *arena, struct session_sent *sent,
                        struct buffer *out);

/* session_load_trust() - the store's signing key, from the outbox, if it is known */
int session_load_trust(struct engine *engine);

/* session_lanes() - how many lanes may go in this exchange, from the urgent one on */
uint8_t session_lanes(const struct engine *engine);

/* session_check_losses() - is what was received in this exchange still there? 0, or PANNIER_E_STORAGE */
int session_check_losses(const struct engine *engine);
/* session_tell() - the event that the exchange began, ended or failed */
void session_tell(struct engine *engine);

/* session_done() - the exchange reached its end; session_failed() - it did not */
void session_done(struct engine *engine, const struct engine_now *now);
void session_failed(struct engine *engine, const struct engine_now *now,
                    enum exchange_failure failure, int64_t retry_after_ms);

/* session_next() - what to do when everything of an answer is applied: again, done, or stuck */
int session_next(struct engine *engine, const struct engine_now *now);

/* session_may_confirm() - does the store wait for our word about who is erased, and is it true on the disk? */
bool session_may_confirm(const struct engine *engine);

/* ---- histories that fork (session_again.c) ---- */

enum { SESSION_AGAIN_MAX = 512 << 10 }; /* bytes of a request that receipts may fill, all in all */

struct session_word { /* a receipt that goes with its entry */
        uint64_t batch;
        struct bytes receipt;
};

struct session_again {
        struct arena *arena;
        struct session_word *items;
        size_t count, capacity;
};

/* session_again_add() - a row that is being sent: note its receipt, if it has one from a history that was lost */
int session_again_add(struct session_again *list, const struct outbox_row *row);
/* session_again_put() - write what was noted, each batch under its signature */
int session_again_put(struct engine *engine, struct session_again *list, struct buffer *out);

/* session_put_gaps() - what is no longer here, as long as the store has not answered to it */
int session_put_gaps(struct engine *engine, struct buffer *out);
/* session_mend() - before a request: where entries are missing the others go on under a new incarnation */
int session_mend(struct engine *engine, const struct engine_now *now);

/* session_follow_histories() - inside of a replica transaction: bring it to the store's histories as the outbox knows them */
int session_follow_histories(struct engine *engine);

#endif
