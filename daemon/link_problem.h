/*
 * What the end of a transfer means: one table from (libcurl's code, verification, HTTP status) to a named problem.
 *
 * Apart from link.c so that it is tested without a network. Included by daemon/link*.c alone, since it speaks of curl.
 */
#ifndef DAEMON_LINK_PROBLEM_H
#define DAEMON_LINK_PROBLEM_H

#include "daemon/engine.h"

struct link_ending {
        int code;    /* CURLcode */
        long verify; /* CURLINFO_SSL_VERIFYRESULT: X509_V_ERR_* of OpenSSL, also made by the other libraries where they can */
        long os_error;    /* errno of connect(), 0 if none */
        const char *text; /* libcurl's words */
        int status;       /* HTTP, 0: none */
        bool proxied;     /* through the proxy that is configured */
        int proxy_status; /* what the proxy answered to CONNECT, 0: nothing */
        bool right_type;  /* the media type is the wanted one */
};

/* link_problem() - the name of what happened; EXCHANGE_OK only for a 2xx of the right type */
enum exchange_failure link_problem(const struct link_ending *ending);

/* link_suspects_portal() - the peer is not the store: worth asking whether a captive portal stands between */
bool link_suspects_portal(const struct link_ending *ending);

/**
 * link_is_portal() - does the answer to plain HTTP give a captive portal away?
 * @status:   HTTP status, 0: no answer
 * @location: of a redirect, may be NULL
 * @host:     of the store: a redirect to it is an ordinary web server
 */
bool link_is_portal(int status, const char *location, const char *host);

/* link_retry_after_ms() - value of Retry-After in seconds (a date is not read: it would need our clock); at most a day */
int64_t link_retry_after_ms(struct bytes value);

#endif
