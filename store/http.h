/*
 * The store's HTTPS face: evhttp over TLS, one event loop per thread, hardened against what evhttp does not see.
 *
 * It knows connections, time limits, sizes and routes; what a request means and who may ask is the handlers'
 * business. A call is one request being worked on: a handler answers it at once, or keeps it and lets another thread
 * answer it later. Whoever keeps a call must answer it, also when the client has left: that is how it is freed.
 */
#ifndef STORE_HTTP_H
#define STORE_HTTP_H

#include "common/bytes.h"
#include "store/tls.h"

enum {
        HTTP_BODY_MAX = 1 << 20, /* bytes of a request's body */
        HTTP_STRANGER_BODY_MAX =
                64 << 10, /* of a client without a device's certificate; more cuts the connection */
        HTTP_HEADERS_MAX = 16 << 10, /* bytes of a request's first line and headers */
        HTTP_LOOPS_MAX = 64,
        HTTP_ADDRESS_SIZE = 64, /* text of a client's address */
};

struct http_call;
struct http_server;

enum http_method { HTTP_METHOD_GET = 1, HTTP_METHOD_POST, HTTP_METHOD_PUT };

struct http_route {
        const char *path; /* exact, without the query; ending in a star: anything below */
        enum http_method method;
        void (*handle)(void *context, struct http_call *call);
};

struct http_limits {
        size_t connection_max; /* open connections of all loops; more wait in the kernel's queue */
        int64_t request_ms; /* from the first byte (or the connection) to the whole request, plus … */
        int64_t rate_min; /* … what its bytes take at this many bytes a second; answers likewise */
        int64_t idle_ms;  /* between two requests of one connection */
        unsigned
                device_max; /* connections of one device; what it has beyond is answered 429; 0: no limit */
        unsigned
                stranger_max; /* of one network (an address, an IPv6 /64) that have not shown a device's certificate yet; more are cut before TLS; 0: no limit */
};

/* What serve uses; tests shorten the times. */
#define HTTP_LIMITS_DEFAULT                                                                        \
        ((struct http_limits){.connection_max = 12000,                                             \
                              .request_ms = 20000,                                                 \
                              .rate_min = 1024,                                                    \
                              .idle_ms = 130000,                                                   \
                              .device_max = 8,                                                     \
                              .stranger_max = 2000})

struct http_settings {
        const char *address; /* numeric or a name, NULL: all addresses */
        uint16_t port;       /* 0: the system chooses */
        unsigned loop_count; /* 1 … HTTP_LOOPS_MAX */
        struct http_limits limits;
        struct tls_identity identity;
        const struct http_route *routes; /* must outlive the server */
        size_t route_count;
        void *context; /* given to handlers */
};

struct http_answer { /* init with {0} */
        int status;
        const char *type;       /* content type, NULL: none; static */
        struct buffer body;     /* moved into the answer */
        unsigned retry_after_s; /* 0: none */
        bool base64;            /* Content-Transfer-Encoding: base64 (EST) */
        bool authenticate;      /* WWW-Authenticate: Basic */
        bool close;             /* the connection ends with this answer */
        /* finished() - the answer was sent, or nobody wants it any more; on the loop's thread. NULL: nobody asks */
        void (*finished)(void *context, size_t body_size);
        void *finished_context;
};

/* http_server_new() - bind and listen; nobody is served before http_server_start() */
int http_server_new(const struct http_settings *settings, struct http_server **ret);

/* http_server_start() - start the loops' threads */
int http_server_start(struct http_server *server);

uint16_t http_server_port(const struct http_server *server);

/* http_server_replace() - another certificate, for connections from now on */
int http_server_replace(struct http_server *server, const struct tls_identity *identity);

/* http_server_drain() - stop listening, close idle connections, and each other one after its answer */
void http_server_drain(struct http_server *server);

/* http_server_busy() - calls that are not answered completely yet */
size_t http_server_busy(const struct http_server *server);

/* http_server_stop() - cut what is left and end the threads. Kept calls may still be answered until http_server_free(). */
void http_server_stop(struct http_server *server);

/* http_server_free() - all calls must have been answered */
struct http_server *http_server_free(struct http_server *server);
DEFINE_FREEP(http_server)

struct http_figures {
        uint64_t accepted;          /* connections */
        uint64_t open;              /* now */
        uint64_t handshakes_failed; /* connections that ended before their handshake did */
        uint64_t timed_out;         /* connections cut by a time limit */
        uint64_t crowded;           /* connections of a device or an address that has too many */
        uint64_t requests;
        uint64_t bytes_in, bytes_out; /* inside TLS, without its own overhead */
};

void http_server_figures(const struct http_server *server, struct http_figures *ret);

/* Inside of a handler, or while a call is kept (on its loop's thread only, but for http_call_answer()). */

/* http_call_body() - the request's body; borrowed as long as the call */
struct bytes http_call_body(struct http_call *call);
/* http_call_header() - NULL where there is none; borrowed as long as the call */
const char *http_call_header(struct http_call *call, const char *name);
/* http_call_rest() - what stands in the path for the star of its route; borrowed as long as the call */
const char *http_call_rest(struct http_call *call);
/* http_call_query() - the value of one parameter, decoded, at most @size bytes with NUL: 1 there, 0 not, PANNIER_E_INVALID */
int http_call_query(struct http_call *call, const char *name, char *ret, size_t size);
/* http_call_peer() - read from the certificate when the connection's first request came */
const struct tls_peer *http_call_peer(const struct http_call *call);
const char *http_call_address(const struct http_call *call);
/* http_call_loop() - number of the loop whose thread the handler runs on, from 0 */
unsigned http_call_loop(const struct http_call *call);

/**
 * http_call_keep() - answer later
 * @gone:    called on the loop's thread where the client left before the answer; the call must still be answered. May be NULL
 * @context: given to it
 *
 * Reading goes on meanwhile, only far enough to notice that the client left; what it pipelined waits.
 */
void http_call_keep(struct http_call *call, void (*gone)(void *context, struct http_call *call),
                    void *context);

/**
 * http_call_answer() - answer and give the call up; any thread
 * @answer: its body is moved out
 */
void http_call_answer(struct http_call *call, struct http_answer *answer);

/* http_call_text() - a short answer in plain text */
void http_call_text(struct http_call *call, int status, const char *text);

/* http_call_cut() - close the connection without a byte */
void http_call_cut(struct http_call *call);

#endif
