/*
 * What the files of store/http share: loops, connections, calls. Everything of a loop belongs to its thread, but for
 * what is marked otherwise.
 */
#ifndef STORE_HTTP_INTERNAL_H
#define STORE_HTTP_INTERNAL_H

#include "store/crowd.h"
#include "store/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

/*
 * A connection's states:
 *
 *     READING ──whole request──> WORKING ──answer──> ANSWERING ──sent──> WAITING
 *        ^                                                                  │
 *        └──────────────────────────first byte─────────────────────────────┘
 *
 * READING begins with the connection, so that it covers the handshake. Each state but WORKING has a deadline.
 */
enum connection_state {
        CONNECTION_READING,
        CONNECTION_WORKING,
        CONNECTION_ANSWERING,
        CONNECTION_WAITING,
};

struct connection {
        TAILQ_ENTRY(connection) link;
        struct http_loop *loop;
        struct bufferevent *bufferevent;
        struct event *timer;
        enum connection_state state;
        int64_t since_ms; /* the state began */
        uint64_t moved;   /* bytes in that state, in its direction */
        bool peer_read;
        bool looked_at;      /* its address was counted, or need not be */
        bool crowded;        /* its device has too many: 429 */
        struct crowd *crowd; /* that it is counted in; NULL: none */
        struct crowd_key key;
        struct tls_peer peer;
};

struct http_call {
        STAILQ_ENTRY(http_call) link; /* of loop->answered */
        struct http_loop *loop;
        struct connection *connection;
        struct evhttp_request *request; /* NULL: the client has left */
        const struct http_route *route;
        char address[HTTP_ADDRESS_SIZE];
        bool answering;
        struct http_answer answer;
        size_t body_size; /* of the answer, before its body was moved */
        void (*gone)(void *context, struct http_call *call);
        void *gone_context;
        /* evhttp's own callbacks while ours stand in their place */
        bufferevent_data_cb read_callback, write_callback;
        bufferevent_event_cb event_callback;
        void *callback_context;
};

struct http_loop {
        struct http_server *server;
        unsigned number;
        pthread_t thread;
        bool started;
        struct event_base *base;
        struct evhttp *http;
        struct evconnlistener *listener;
        struct evhttp_bound_socket *bound;
        struct event *wake;   /* other threads: look at `answered` and at the server's wishes */
        struct event *resume; /* listen again */
        bool full;            /* not listening: connection_max reached */
        size_t connection_count;
        TAILQ_HEAD(connections, connection) connections;
        pthread_mutex_t lock; /* of `answered` */
        STAILQ_HEAD(calls, http_call) answered;
};

struct http_server {
        struct http_limits limits;
        const struct http_route *routes;
        size_t route_count;
        void *context;
        struct tls_server *tls;
        struct crowd *strangers, *devices;
        uint16_t port;
        atomic_bool draining, stopping; /* wishes to the loops; never taken back */
        atomic_size_t busy;
        _Atomic uint64_t accepted, open, handshakes_failed, timed_out, crowded, requests, bytes_in,
                bytes_out;
        unsigned loop_count;
        struct http_loop loops[HTTP_LOOPS_MAX];
};

/* http_now_ms() - a clock that never goes back */
int64_t http_now_ms(void);

/* connection_new() - evhttp's callback for a new connection */
struct bufferevent *connection_new(struct event_base *base, void *context);
/* connection_released() - its TLS object is gone: the last thing that happens to a connection */
void connection_released(void *context, bool handshake_done);
/* connection_enter() - begin a state */
void connection_enter(struct connection *connection, enum connection_state state);
/* connection_know_peer() - read the certificate, once; after the handshake */
void connection_know_peer(struct connection *connection);
/* connection_cut() - end it by force; evhttp notices and frees it */
void connection_cut(struct connection *connection);

/* call_begin() - evhttp's callback for a whole request */
void call_begin(struct evhttp_request *request, void *context);
/* call_send() - on the loop's thread: send call->answer, or drop it where the client has left */
void call_send(struct http_call *call);

#endif
