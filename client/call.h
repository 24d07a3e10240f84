/* What the files of libpannier share: one call of the local API. Nobody else includes it. */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <pannier/pannier.h>

#include "client/connection.h"

/* call_daemon() - send a request and wait for its answer; 0 for any status 2xx. @ret is borrowed until the next call */
int call_daemon(struct pannier *client, const char *method, const char *target, struct bytes body,
                struct connection_answer *ret);

/* call_failed() - keep the words of an error of our own for pannier_message(); returns @error */
int call_failed(struct pannier *client, int error);

#endif
