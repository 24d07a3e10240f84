/*
 * A blocking HTTP/1.1 connection to the daemon's Unix socket, with a deadline for each call. It knows no route and no
 * JSON. Used by libpannier only.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include "common/http1.h"

enum { CONNECTION_ANSWER_MAX = 32 << 20 };

struct connection {
        char path[108];
        int fd;              /* -1: closed */
        struct buffer input; /* what came and was not read yet */
};

struct connection_answer {
        int status;
        struct bytes body; /* borrowed until the next call */
};

/* connection_init() - @path as of a socket; PANNIER_E_INVALID where it is too long; does not connect yet */
int connection_init(struct connection *connection, const char *path);
void connection_deinit(struct connection *connection);

/* connection_open() - connect, if it is not connected; PANNIER_E_LINK nobody listens; PANNIER_E_REFUSED; PANNIER_E_SYSTEM */
int connection_open(struct connection *connection);
void connection_close(struct connection *connection);

/**
 * connection_call() - send a request, read its answer
 * @request: the whole request as bytes
 *
 * A connection that was kept from an earlier call and is found closed before a byte of the answer came is opened again,
 * once: every call of the local API may be repeated.
 *
 * Return: 0; PANNIER_E_LINK no answer, or not in time; PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_MEMORY
 */
int connection_call(struct connection *connection, struct bytes request, uint32_t timeout_ms,
                    struct connection_answer *ret);

/* connection_stream() - as connection_call(), for an answer that has no end: reads its head only */
int connection_stream(struct connection *connection, struct bytes request, uint32_t timeout_ms,
                      int *ret_status);

/* connection_receive() - more bytes into `input`; 1 something came, 0 nothing in time, PANNIER_E_LINK the end */
int connection_receive(struct connection *connection, int64_t deadline_ms);

/* connection_clock_ms() - a clock that does not jump, for deadlines */
int64_t connection_clock_ms(void);

#endif
