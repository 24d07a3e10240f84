/*
 * An exchange goes round like this; every arrow is a turn of the loop, so that the local API is served in between:
 *
 *     IDLE ──(engine_tick: due)──▶ SENDING ──(answer)──▶ STEPPING ──(done, stopped)──▶ IDLE
 *                                    ▲  │ (failed)          │ ▲ └┐ (more to apply)
 *                                    │  └──────▶ IDLE       │ └──┘
 *                                    └──────────────────────┘ (again)
 *
 * While it is STEPPING the request for the next page may be out already; its answer is kept until it is wanted (`early`).
 * While it is IDLE and the link is free of charge, the long poll is open: an answer to it makes an exchange due.
 */
#include "daemon/loop_internal.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>

enum {
        WAIT_STALL_S = 900,   /* the store ends a wait long before */
        WAIT_PAUSE_MS = 5000, /* before the long poll is opened again after trouble; doubles */
        WAIT_PAUSE_MAX_MS = 300000,
        WAKES_WITHOUT_NEWS_MAX =
                3, /* a store that says there is news, and has none, is asked less and less often */
};

#define SYNC_CODING "zstd"

/* ---- exchange ---- */

/* The exchange that is out, or its answer that nobody waits for any more. */
void loop_drop_exchange(struct loop *loop)
{
        if (loop->exchange)
                link_cancel(loop->link, loop->exchange);
        loop->exchange = NULL;
        loop->has_early = false;
        buffer_deinit(&loop->early); /* a page is not kept for ever */
}

struct link_request loop_store_request(const struct loop *loop, const char *url)
{
        return (struct link_request){
                .url = url,
                .ca_file = loop->identity->authority_path,
                .certificate_file = loop->identity->certificate_path,
                .key_file = loop->identity->key_path,
                .judge_at_ms = loop_judge_at(loop),
        };
}

/* Our own certificate is the first suspect when the store refuses; our clock when the store's seems out of date. */
static enum exchange_failure refine(const struct loop *loop, enum exchange_failure failure)
{
        int64_t judged_ms = loop_judge_at(loop);

        if (!judged_ms)
                judged_ms = clock_now_ms();
        if (failure == EXCHANGE_REFUSED && loop->identity->certificate.not_after_ms < judged_ms)
                return EXCHANGE_CERTIFICATE_EXPIRED;
        if (failure == EXCHANGE_CERTIFICATE_EXPIRED && loop_clock_is_wrong(loop, clock_now_ms()))
                return EXCHANGE_CLOCK_WRONG;
        return failure;
}

static void note_problem(struct loop *loop, const struct link_answer *answer)
{
        (void)snprintf(loop->problem, sizeof(loop->problem), "%s", answer->detail);
}

void loop_exchange_failed(struct loop *loop, enum exchange_failure failure, int64_t retry_after_ms)
{
        struct engine_now now = loop_now(loop);

        loop->phase = LOOP_IDLE;
        engine_exchange_failed(loop->engine, &now, failure, retry_after_ms);
        log_info("no exchange with the store: %s: %s", exchange_failure_name(failure),
                 loop->problem);
}

static void begin_exchange(struct loop *loop);
static void ask_ahead(struct loop *loop);
static void follow(struct loop *loop);

static void go_on(struct loop *loop, int next)
{
        struct engine_status status;
        struct engine_now now;

        if (next < 0) {
                loop_drop_exchange(loop);
                loop->phase = LOOP_IDLE;
                loop_engine_failed(loop, next, "applying what the store sent");
                return;
        }
        switch ((enum exchange_next)next) {
        case EXCHANGE_STEP:
                loop->phase = LOOP_STEPPING;
                loop_timer(loop->step, 0); /* a turn of the loop later, not a deeper call */
                ask_ahead(loop);
                return;
        case EXCHANGE_AGAIN:
                if (loop->exchange || loop->has_early)
                        follow(loop);
                else
                        begin_exchange(loop);
                return;
        case EXCHANGE_DONE:
                loop->problem[0] = 0;
                if (loop->porter)
                        porter_network(loop->porter);
                if (engine_had_news(loop->engine))
                        loop->wakes_without_news = 0;
                now = loop_now(loop);
                if (engine_status(loop->engine, &now, &status) >= 0)
                        loop->last_store_ms = status.last_complete_ms;
                break;
        case EXCHANGE_STOP:
                (void)snprintf(loop->problem, sizeof(loop->problem), "%s", error_detail());
                error_clear();
                break;
        }
        loop_drop_exchange(loop);
        loop->phase = LOOP_IDLE;
        if (next == EXCHANGE_DONE)
                loop_courier_deliver(loop->couriering);
}

/* The page before it is still being applied. A failure is not kept: the request is made again when its turn comes. */
static void keep_early(struct loop *loop, const struct link_answer *answer)
{
        buffer_reset(&loop->early);
        buffer_append(&loop->early, answer->body);
        loop->has_early = answer->failure == EXCHANGE_OK && buffer_check(&loop->early) >= 0;
}

static void on_exchange(void *context, const struct link_answer *answer)
{
        struct loop *loop = context;
        struct engine_now now = loop_now(loop);

        loop->exchange = NULL;
        if (loop->phase == LOOP_STEPPING) {
                keep_early(loop, answer);
                return;
        }
        if (answer->failure == EXCHANGE_OK) {
                go_on(loop, engine_exchange_answer(loop->engine, &now, answer->body));
        } else {
                note_problem(loop, answer);
                loop_exchange_failed(loop, refine(loop, answer->failure), answer->retry_after_ms);
        }
        loop_after_call(loop);
}

void loop_on_step(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;
        struct engine_now now = loop_now(loop);

        (void)fd;
        (void)what;
        go_on(loop, engine_exchange_step(loop->engine, &now));
        loop_after_call(loop);
}

static int send_request(struct loop *loop)
{
        char url[IDENTITY_URL_MAX + 16];
        struct link_request request;

        (void)snprintf(url, sizeof(url), "%s%s", loop->identity->url,
                       engine_exchange_path(loop->engine));
        request = loop_store_request(loop, url);
        request.media_type = LOOP_SYNC_TYPE;
        request.wanted_type = LOOP_SYNC_TYPE;
        request.coding = SYNC_CODING;
        request.body = buffer_view(&loop->request);
        return link_send(loop->link, &request, on_exchange, loop, &loop->exchange);
}

/* The next page is made by the store while this one is applied here. */
static void ask_ahead(struct loop *loop)
{
        struct engine_now now = loop_now(loop);
        int r = engine_exchange_ahead(loop->engine, &now, &loop->request);

        if (r > 0)
                r = send_request(loop);
        if (r < 0) {
                log_failure(LOG_LEVEL_DEBUG, r, "no request ahead");
                error_clear();
        }
}

/* The request that went ahead is the one that is out; its answer may be here. */
static void follow(struct loop *loop)
{
        CLEANUP(buffer_deinit) struct buffer body = loop->early;
        struct engine_now now = loop_now(loop);
        bool here = loop->has_early;
        int r = engine_exchange_follow(loop->engine);

        loop->early = BUFFER_INIT;
        loop->has_early = false;
        if (r < 0)
                go_on(loop, r);
        else if (here)
                go_on(loop, engine_exchange_answer(loop->engine, &now, buffer_view(&body)));
        else
                loop->phase = LOOP_SENDING;
}

static void begin_exchange(struct loop *loop)
{
        struct engine_now now = loop_now(loop);
        int r;

        if (loop->porter)
                porter_give_way(loop->porter);
        if (loop->wait) { /* what it waits for is what we fetch now */
                link_cancel(loop->link, loop->wait);
                loop->wait = NULL;
        }
        r = engine_exchange_request(loop->engine, &now, &loop->request);
        if (r < 0) {
                loop->phase = LOOP_IDLE;
                loop_engine_failed(loop, r, "beginning an exchange");
                return;
        }
        loop->phase = LOOP_SENDING;
        loop_watch_exchange(loop);
        r = send_request(loop);
        if (r >= 0)
                return;
        (void)snprintf(loop->problem, sizeof(loop->problem), "%s", error_detail());
        loop_exchange_failed(loop, EXCHANGE_OFFLINE, 0);
}

void loop_on_deadline(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;
        struct engine_now now = loop_now(loop);
        int r;

        (void)fd;
        (void)what;
        if (!loop->engine)
                return;
        r = engine_tick(loop->engine, &now);
        if (r < 0)
                loop_engine_failed(loop, r, "a task of the engine");
        else if (r == ENGINE_EXCHANGE && loop->phase == LOOP_IDLE)
                begin_exchange(loop);
        loop_after_call(loop);
}

/* ---- long poll ---- */

static void pause_wait(struct loop *loop)
{
        loop->wait_pause_ms = loop->wait_pause_ms ? loop->wait_pause_ms * 2 : WAIT_PAUSE_MS;
        if (loop->wait_pause_ms > WAIT_PAUSE_MAX_MS)
                loop->wait_pause_ms = WAIT_PAUSE_MAX_MS;
        loop_timer(loop->pause, loop->wait_pause_ms);
}

static void on_wait(void *context, const struct link_answer *answer)
{
        struct loop *loop = context;
        struct engine_now now = loop_now(loop);
        bool short_lived = now.boot_ms - loop->wait_since_ms < WAIT_PAUSE_MS;

        loop->wait = NULL;
        if (answer->failure == EXCHANGE_OK && answer->status == 200) {
                engine_sync_now(loop->engine, &now);
                if (++loop->wakes_without_news > WAKES_WITHOUT_NEWS_MAX)
                        pause_wait(loop);
                else
                        loop->wait_pause_ms = 0;
        } else if (answer->failure != EXCHANGE_OK || short_lived) {
                /* Trouble, or a store that does not hold the line: come back later and later. */
                pause_wait(loop);
        } else {
                loop->wait_pause_ms = 0;
        }
        loop_after_call(loop);
}

void loop_on_pause(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        loop_after_call(context);
}

static void begin_wait(struct loop *loop)
{
        CLEANUP(buffer_deinit) struct buffer url = BUFFER_INIT;
        struct link_request request;
        int r;

        buffer_append_format(&url, "%s/v1/wait?", loop->identity->url);
        r = engine_wait_query(loop->engine, &url);
        buffer_append_byte(&url, 0);
        if (r >= 0)
                r = buffer_check(&url);
        if (r >= 0) {
                request = loop_store_request(loop, (const char *)url.data);
                request.stall_s = WAIT_STALL_S;
                loop->wait_since_ms = clock_boot_ms();
                r = link_send(loop->link, &request, on_wait, loop, &loop->wait);
        }
        if (r < 0)
                loop_engine_failed(loop, r, "waiting for news");
}

void loop_after_call(struct loop *loop)
{
        int64_t deadline_ms;

        if (!loop->engine)
                return;
        loop_count_link(loop);
        deadline_ms = engine_deadline(loop->engine);
        if (deadline_ms == INT64_MAX)
                (void)event_del(loop->deadline);
        else
                loop_timer(loop->deadline, deadline_ms - clock_boot_ms());
        if (loop->phase == LOOP_IDLE && !loop->wait && !evtimer_pending(loop->pause, NULL) &&
            engine_wants_wait(loop->engine))
                begin_wait(loop);
        if (loop->porter)
                porter_look(loop->porter);
}

void loop_on_network(void *context)
{
        struct loop *loop = context;
        struct engine_now now = loop_now(loop);
        struct engine_link link;

        if (!loop->engine)
                return;
        (void)event_del(loop->pause);
        loop->wait_pause_ms = 0;
        loop_count_link(loop); /* by the link that was */
        link = loop_link_now(loop);
        engine_link_changed(loop->engine, &now, &link);
        if (loop->porter)
                porter_network(loop->porter);
        loop_after_call(loop);
}
