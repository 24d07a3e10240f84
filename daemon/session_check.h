/*
 * Asking the store who differs, and repairing it: the part of an exchange behind an end whose digests are not those that are here. Part
 * of the session; the engine's calls come here while session.check is there.
 */
#ifndef DAEMON_SESSION_CHECK_H
#define DAEMON_SESSION_CHECK_H

#include "daemon/session_internal.h"

#include "common/digest.h"
#include "daemon/replica_sums.h"

/* session_check_begin() - at an end: is it to be asked? Then session.check is there, and the next request is one of POST /v1/check */
bool session_check_begin(struct engine *engine, const struct engine_now *now);

/* The engine's calls: as engine_exchange_request(), _answer(), _step() */
int session_check_request(struct engine *engine, struct buffer *out);
int session_check_answer(struct engine *engine, const struct engine_now *now, struct bytes body);
int session_check_step(struct engine *engine, const struct engine_now *now);

/* session_check_failed() - no answer: the exchange before it reached its end, and ends well; the check waits */
void session_check_failed(struct engine *engine, const struct engine_now *now);

void session_check_drop(struct engine *engine);

#endif
