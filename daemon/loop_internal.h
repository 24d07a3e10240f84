/*
 * What loop.c (time, databases, identity, life) and loop_exchange.c (exchanges and the long poll) share. Nobody else includes it.
 */
#ifndef DAEMON_LOOP_INTERNAL_H
#define DAEMON_LOOP_INTERNAL_H

#include "daemon/loop.h"
#include "daemon/loop_courier.h"
#include "daemon/loop_network.h"
#include "daemon/loop_porter.h"

#include <event2/event.h>

enum loop_phase { LOOP_IDLE, LOOP_SENDING, LOOP_STEPPING };

enum { LOOP_PROBLEM_SIZE = 256 };

struct loop {
        struct loop_options options;
        struct event_base *base;
        struct event *deadline, *step, *pause, *renewal, *reopen;
        struct event *term, *interrupt;
        struct identity *identity;
        struct link *link;
        struct enrol *enrol;
        struct engine *engine; /* NULL until the device is enrolled */
        struct network *network;
        struct api *api;
        struct couriering *couriering;
        struct satchel
                *satchel; /* with the engine's first opening; NULL: attachments cannot be used */
        struct porter *porter;
        bool rebuild; /* at the next reopening, begin with an empty replica */
        enum loop_phase phase;
        struct link_transfer *exchange, *wait;
        struct buffer proxy_credentials; /* with a NUL; empty: none */
        struct buffer request;
        struct buffer early; /* an answer that came before it was wanted */
        bool has_early;
        int64_t wait_since_ms;
        uint32_t wait_pause_ms;
        uint32_t
                wakes_without_news; /* long polls that were answered, and no exchange after them brought anything */
        uint32_t renew_random;
        uint64_t boot_id;
        int64_t last_store_ms; /* newest time the store told, authenticated */
        char problem[LOOP_PROBLEM_SIZE];
        /* loop_watch.c */
        struct event *watch, *alive;
        int64_t alive_ms;
        uint64_t counted;                     /* of what the link carried, told to the engine */
        uint64_t watched_bytes, watched_mark; /* when the exchange was last seen to get on */
};

/* ---- loop.c ---- */

void loop_tell_time(void *context, struct engine_now *ret);
/* loop_open_engine() - open both databases and the engine on them; @rebuild: the replica is damaged, or the outbox (loop_databases.c) */
int loop_open_engine(struct loop *loop, bool rebuild);
struct engine_now loop_now(struct loop *loop);
bool loop_clock_is_wrong(const struct loop *loop, int64_t wall_ms);
/* loop_judge_at() - the time at which certificates are judged where the clock is wrong; 0: now */
int64_t loop_judge_at(const struct loop *loop);
void loop_timer(struct event *event, int64_t ms);
/* loop_engine_failed() - an error that no request carries back: log it, and mend what can be mended */
void loop_engine_failed(struct loop *loop, int error, const char *what);

/* ---- loop_attachments.c ---- */

/* loop_open_porter() - for the engine that was opened; an error was logged, and the rest goes on without */
int loop_open_porter(struct loop *loop);
/* loop_close_porter() - before the engine is closed */
void loop_close_porter(struct loop *loop);

/* ---- loop_exchange.c ---- */

#define LOOP_SYNC_TYPE "application/cbor-seq" /* RFC 8742 */

/* loop_store_request() - to the store, with this device's certificate; @url is borrowed */
struct link_request loop_store_request(const struct loop *loop, const char *url);

/* loop_after_call() - after every call into the engine: its deadline may have moved, and the long poll may be wanted */
void loop_after_call(struct loop *loop);
/* loop_drop_exchange() - the exchange that is out, or its answer that nobody waits for any more */
void loop_drop_exchange(struct loop *loop);
void loop_on_deadline(evutil_socket_t fd, short what, void *context);
void loop_on_step(evutil_socket_t fd, short what, void *context);
void loop_on_pause(evutil_socket_t fd, short what, void *context);
void loop_on_network(void *context);
/* loop_exchange_failed() - the exchange that is in flight has ended so; loop->problem says why */
void loop_exchange_failed(struct loop *loop, enum exchange_failure failure, int64_t retry_after_ms);

/* ---- loop_watch.c ---- */

int loop_watch_new(struct loop *loop);
/* loop_link_now() - which link this is, by configuration or by the default route */
struct engine_link loop_link_now(const struct loop *loop);
/* loop_count_link() - tell the engine what the link carried since the last time */
void loop_count_link(struct loop *loop);
/* loop_watch_exchange() - an exchange begins: from here on it has to get on */
void loop_watch_exchange(struct loop *loop);
void loop_on_watch(evutil_socket_t fd, short what, void *context);

#endif
