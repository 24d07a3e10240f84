/*
 * HTTPS requests on the event loop: libcurl multi behind one call. It knows TLS and what a failed transfer means
 * (one table, link_problem.c), and nothing of the messages it carries.
 *
 * TLS 1.3 only, the named CA only (no system roots), the host name checked, no proxy of the environment, no redirect. A proxy that is
 * configured carries the same TLS: it sees the store's name and nothing else.
 */
#ifndef DAEMON_LINK_H
#define DAEMON_LINK_H

#include "daemon/engine.h"

struct event_base;
struct link;
struct link_transfer;

enum {
        LINK_CONNECT_MS = 15000, /* name, connection and handshake together */
        LINK_STALL_S = 60, /* less than a byte per second for so long: the transfer has ended */
        LINK_HANDSHAKE_BYTES =
                6 << 10, /* a new connection: TCP and TLS 1.3 with both certificates */
        LINK_ANSWER_MAX = 8 << 20,
};

struct link_options {
        uint32_t connect_ms;  /* 0: LINK_CONNECT_MS */
        uint32_t stall_s;     /* 0: LINK_STALL_S */
        uint16_t portal_port; /* where a captive portal would answer plain HTTP; 0: 80 */
        const char *
                proxy; /* http://HOST:PORT, asked to CONNECT; borrowed while the link lives; NULL: none */
        const char *proxy_credentials; /* USER:PASSWORD, as proxy; NULL: none */
};

struct link_request {
        const char *url;             /* https://host:port/path */
        const char *media_type;      /* of the body; NULL: a GET */
        const char *method;          /* NULL: POST where there is a body */
        const char *coding;          /* Content-Encoding of the body; NULL: none */
        struct bytes body;           /* copied */
        const char *wanted_type;     /* media type that a good answer has; NULL: any */
        const char *user, *password; /* HTTP Basic; NULL: none */
        const char *
                ca_file; /* PEM; NULL: nobody is trusted and nobody asked: for what the caller checks itself */
        const char *certificate_file, *key_file; /* PEM of this device; NULL: none */
        int64_t judge_at_ms; /* time at which certificates are judged; 0: the system's clock */
        uint32_t timeout_ms; /* of the whole transfer; 0: only the stall time ends it */
        uint32_t
                stall_s; /* 0: that of the link; for the long poll, longer than the store keeps it */
        size_t answer_max; /* bytes; 0: LINK_ANSWER_MAX */
        bool apart;        /* it has a budget of its own: link_carried() leaves it out */
};

struct link_answer {
        enum exchange_failure
                failure;    /* EXCHANGE_OK: status is 2xx and the media type is the wanted one */
        const char *detail; /* what went wrong, for logs and status; "" where nothing did */
        int status;         /* HTTP; 0: there was no answer */
        struct bytes body;  /* also of an answer that is not good; until the callback returns */
        int64_t retry_after_ms; /* the store asked for so much patience; 0: it did not */
};

/* Called once per transfer from the loop, never from inside link_send(); may send again. */
typedef void (*link_done)(void *context, const struct link_answer *answer);

/* link_library_start() - once a process, before the first link and any thread; PANNIER_E_SYSTEM */
int link_library_start(void);
/* link_library_end() - after the last link is freed */
void link_library_end(void);

/**
 * link_new() - start
 * @base: outlives the link
 *
 * Return: 0; PANNIER_E_SYSTEM libcurl lacks what is needed (TLS); PANNIER_E_MEMORY
 */
int link_new(struct event_base *base, const struct link_options *options, struct link **ret);

/* link_check_proxy() - can this be a proxy's address? 0, or PANNIER_E_INVALID that says what it has to look like */
int link_check_proxy(const char *proxy);

/* link_free() - cancels every transfer without calling back */
struct link *link_free(struct link *link);
DEFINE_FREEP(link)

/**
 * link_send() - begin a transfer
 * @ret: for link_cancel(); borrowed until @done was called; may be NULL
 *
 * Return: 0, PANNIER_E_MEMORY or PANNIER_E_INVALID (the URL or a file name libcurl does not take); @done is not called then
 */
int link_send(struct link *link, const struct link_request *request, link_done done, void *context,
              struct link_transfer **ret);

/* link_cancel() - forget a transfer; @done is not called */
void link_cancel(struct link *link, struct link_transfer *transfer);

/* link_forget() - the identity changed: close kept connections as soon as no transfer runs */
void link_forget(struct link *link);

/**
 * link_carried() - bytes of all transfers that have ended, both ways: requests, answers, their headers, and a guess at each handshake
 *
 * What a budget counts. link_moving() has those of the running ones besides.
 */
uint64_t link_carried(const struct link *link);
uint64_t link_moving(const struct link *link);

/* link_library() - libcurl and its TLS library with versions, for status and doctor; static */
const char *link_library(void);

#endif
