/*
 * Inside of an exchange: what session.c (requests), session_answer.c (what came back, receipts) and session_apply.c (bounded
 * applying) share. Nobody else includes it.
 */
#ifndef DAEMON_SESSION_INTERNAL_H
#define DAEMON_SESSION_INTERNAL_H

#include "daemon/engine_internal.h"

/* session_vector() - the granted feeds as they stand, sorted, into @arena, and their hash */
int session_vector(struct engine *engine, struct arena *arena, struct wire_feed_state **ret,
                   size_t *ret_count, uint8_t ret_hash[HASH_SIZE]);

/* session_load_trust() - the store's signing key, from the outbox, if it is known */
int session_load_trust(struct engine *engine);

/* session_tell() - the event that the exchange began, ended or failed */
void session_tell(struct engine *engine);

/* session_done() - the exchange reached its end; session_failed() - it did not */
void session_done(struct engine *engine, const struct engine_now *now);
void session_failed(struct engine *engine, const struct engine_now *now,
                    enum exchange_failure failure, int64_t retry_after_ms);

/* session_next() - what to do when everything of an answer is applied: again, done, or stuck */
int session_next(struct engine *engine, const struct engine_now *now);

#endif
