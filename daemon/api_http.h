/*
 * The local API's HTTP server on a Unix socket: connections, limits, time-outs, answers, streams. It knows no route.
 *
 * It is our own over bufferevents and not evhttp, because evhttp 2.1 tells nobody when a connection begins or
 * ends: neither a limit of connections nor a time limit for slow heads can be kept with it (docs/decisions).
 *
 * One request at a time per connection; pipelined ones wait in a bounded buffer. A request that has not
 * been answered is an exchange; it may be answered later, and tells its holder when its client went away.
 */
#ifndef DAEMON_API_HTTP_H
#define DAEMON_API_HTTP_H

#include "common/http1.h"

struct event_base;
struct api_http;
struct api_exchange;

enum {
        API_BODY_MAX = 1 << 20,         /* bytes of a request's body */
        API_CONNECTION_MAX = 64,        /* open at once; further ones are told to come back */
        API_STREAM_QUEUE_MAX = 64 << 10 /* bytes not yet taken by a client of a stream */
};

struct api_http_options {
        const char *path;         /* of the socket; a lock file lies beside it */
        const char *group;        /* group that owns the socket; NULL: the process's own */
        unsigned connections_max; /* 0: API_CONNECTION_MAX */
        uint32_t head_ms;         /* from a request's first byte to the end of its head; 0: 10 s */
        uint32_t body_ms;         /* to the end of its body; 0: 30 s */
        uint32_t idle_ms;         /* between requests; 0: 10 min */
        uint32_t write_ms;        /* for a client to take what waits for it; 0: 30 s */
};

struct api_request {
        const struct http1_head *head;
        struct http1_target target; /* decoded; lives as long as the exchange */
        struct bytes body;          /* until the handler returns */
        void *sink; /* that took the body (api_http_sinks()); NULL: it is in `body`. Freed when the handler returns */
};

/* Bodies that come piece by piece, because they are too large to lie in memory. */
struct api_sinks {
        /* begin() - @request has no body yet: 1 and *ret takes it; 0 it is collected as any other; an error is answered 503 */
        int (*begin)(void *context, const struct api_request *request, void **ret);
        /* piece() - an error: the rest is not wanted, and the handler is called at once; the connection ends with its answer */
        int (*piece)(void *sink, struct bytes piece);
        void (*free)(void *sink);
};

/* Called once per request; it answers at once, or keeps @exchange and answers later. */
typedef void (*api_handle)(void *context, struct api_exchange *exchange,
                           const struct api_request *request);

/**
 * api_http_new() - listen
 * @base: outlives the server
 *
 * A socket that a dead daemon left behind is replaced; a living one is not: the lock file decides. Mode 0660.
 *
 * Return: 0; PANNIER_E_BUSY another daemon listens there; PANNIER_E_INVALID the path is too long, or no such
 *         group; PANNIER_E_SYSTEM; PANNIER_E_MEMORY
 */
int api_http_new(struct event_base *base, const struct api_http_options *options, api_handle handle,
                 void *context, struct api_http **ret);

/* api_http_sinks() - @sinks is borrowed; its context is that of the handler */
void api_http_sinks(struct api_http *http, const struct api_sinks *sinks);

/* api_http_free() - close everything, remove the socket; open exchanges are told that they are gone */
struct api_http *api_http_free(struct api_http *http);
DEFINE_FREEP(api_http)

/**
 * api_answer() - answer a request; ends the exchange, which must not be touched afterwards
 * @media_type: of the body; NULL where there is none
 * @body:       copied
 */
void api_answer(struct api_exchange *exchange, int status, const char *media_type,
                struct bytes body);

/* api_on_gone() - have @gone called if the client goes away first, or when a stream ends; NULL: forget it */
void api_on_gone(struct api_exchange *exchange, void (*gone)(void *context), void *context);

/* api_stream_begin() - answer 200 with a body that goes on until one side closes; the exchange stays */
void api_stream_begin(struct api_exchange *exchange, const char *media_type);

/* api_stream_begin_sized() - the same for a body of so many bytes */
void api_stream_begin_sized(struct api_exchange *exchange, const char *media_type, uint64_t size);

/* api_stream_end() - that was all: the connection ends once the client has it */
void api_stream_end(struct api_exchange *exchange);

enum { API_STREAM_FULL = 1 };

/**
 * api_stream_send() - pass on a piece
 *
 * Return: 0; API_STREAM_FULL too much waits for the client already: the piece was not taken, and `drained` is called
 *         when the client has taken everything. One that takes nothing for write_ms is cut off.
 */
int api_stream_send(struct api_exchange *exchange, struct bytes piece);

/* api_stream_on_drained() - have @drained called whenever nothing waits for the client any more; with the context of api_on_gone() */
void api_stream_on_drained(struct api_exchange *exchange, void (*drained)(void *context));

/* api_connection_count() - for status and tests */
unsigned api_connection_count(const struct api_http *http);

#endif
