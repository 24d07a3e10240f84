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
#include "daemon/loop.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "daemon/loop_network.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

enum loop_phase { LOOP_IDLE, LOOP_SENDING, LOOP_STEPPING };

enum {
        WAIT_STALL_S = 900,   /* the store ends a wait long before */
        WAIT_PAUSE_MS = 5000, /* before the long poll is opened again after trouble; doubles */
        WAIT_PAUSE_MAX_MS = 300000,
        RENEW_CHECK_MS = 600000,
        REOPEN_MS = 1000,
        PROBLEM_SIZE = 256,
        EVENT_COUNT = 7, /* events of its own that the loop frees */
};

#define SYNC_TYPE   "application/cbor-seq" /* RFC 8742 */
#define SYNC_CODING "zstd"

/* No clock is right that stands before this program was written. */
#define TIME_FLOOR_MS  INT64_C(1793491200000) /* 2026-11-01 */
#define TIME_BEHIND_MS INT64_C(86400000) /* a day: a clock a little behind is an ordinary clock */
#define TIME_AHEAD_MS                                                                              \
        INT64_C(34560000000) /* 400 days: further ahead of all we know, the clock is wrong */

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
        bool rebuild; /* at the next reopening, begin with an empty replica */
        enum loop_phase phase;
        struct link_transfer *exchange, *wait;
        struct buffer request;
        struct buffer early; /* an answer that came before it was wanted */
        bool has_early;
        int64_t wait_since_ms;
        uint32_t wait_pause_ms;
        uint32_t renew_random;
        uint64_t boot_id;
        int64_t last_store_ms; /* newest time the store told, authenticated */
        char problem[PROBLEM_SIZE];
};

static void after_call(struct loop *loop);

/* ---- time ---- */

static int64_t time_floor(const struct loop *loop)
{
        int64_t floor_ms = TIME_FLOOR_MS;

        if (loop->identity->enrolled && loop->identity->certificate.not_before_ms > floor_ms)
                floor_ms = loop->identity->certificate.not_before_ms;
        return loop->last_store_ms > floor_ms ? loop->last_store_ms : floor_ms;
}

static bool clock_is_wrong(const struct loop *loop, int64_t wall_ms)
{
        int64_t floor_ms = time_floor(loop);

        return wall_ms < floor_ms - TIME_BEHIND_MS || wall_ms > floor_ms + TIME_AHEAD_MS;
}

static int64_t judge_at(const struct loop *loop)
{
        return clock_is_wrong(loop, clock_now_ms()) ? time_floor(loop) : 0;
}

static void tell_time(void *context, struct engine_now *ret)
{
        struct loop *loop = context;
        struct clock_reading clock = clock_read(loop->boot_id);

        ret->wall_ms = clock.now_ms;
        ret->boot_ms = clock.boot_ms;
        ret->boot_id = clock.boot_id;
        ret->quality = clock_is_wrong(loop, clock.now_ms) ? CLOCK_UNSET
                       : clock.synchronised               ? CLOCK_SYNCHRONISED
                                                          : CLOCK_FREE;
}

static struct engine_now now_of(struct loop *loop)
{
        struct engine_now now;

        tell_time(loop, &now);
        return now;
}

static void add_timer(struct event *event, int64_t ms)
{
        struct timeval timeout = {0};

        if (ms > 0) {
                timeout.tv_sec = ms / 1000;
                timeout.tv_usec = (suseconds_t)(ms % 1000) * 1000;
        }
        (void)event_add(event, &timeout);
}

/* ---- the engine's databases ---- */

static void on_engine_event(void *context, const struct engine_event *event)
{
        struct loop *loop = context;

        if (loop->api)
                api_event(loop->api, event);
}

static int open_engine_once(struct loop *loop, bool rebuild)
{
        CLEANUP(db_freep) struct db *outbox = NULL;
        CLEANUP(db_freep) struct db *replica = NULL;
        char outbox_path[IDENTITY_PATH_MAX + 16], replica_path[IDENTITY_PATH_MAX + 16];
        const struct identity *identity = loop->identity;
        struct engine_now now = now_of(loop);
        int r;

        identity_path(identity, "outbox.db", outbox_path);
        identity_path(identity, "replica.db", replica_path);
        r = engine_open_databases(outbox_path, replica_path,
                                  BYTES(identity->caseload, CASELOAD_KEY_SIZE), rebuild, &outbox,
                                  &replica);
        if (r < 0)
                return r;
        struct engine_options options = {
                .outbox_db = outbox,
                .replica_db = replica,
                .key = identity->key,
                .device = identity->device,
                .caseload_key = BYTES(identity->caseload, AEAD_KEY_SIZE),
                .ca_certificate = buffer_view(&identity->authority),
                .random = crypto_random,
                .event = on_engine_event,
                .event_context = loop,
        };
        r = engine_new(&options, &now, &loop->engine);
        if (r < 0)
                return r;
        outbox = NULL; /* the engine has taken them */
        replica = NULL;
        return 0;
}

static int open_engine(struct loop *loop, bool rebuild)
{
        struct engine_status status;
        int r = open_engine_once(loop, rebuild);

        if (r == PANNIER_E_CORRUPT && !rebuild) {
                log_failure(LOG_LEVEL_WARNING, r, "the replica is built anew");
                r = open_engine_once(loop, true);
        }
        if (r < 0)
                return r;
        struct engine_now now = now_of(loop);
        if (engine_status(loop->engine, &now, &status) >= 0)
                loop->last_store_ms = status.last_complete_ms;
        engine_link_changed(loop->engine, &now, true, loop->options.metered);
        if (loop->api)
                api_set_engine(loop->api, loop->engine);
        return 0;
}

/* The exchange that is out, or its answer that nobody waits for any more. */
static void drop_exchange(struct loop *loop)
{
        if (loop->exchange)
                link_cancel(loop->link, loop->exchange);
        loop->exchange = NULL;
        loop->has_early = false;
        buffer_deinit(&loop->early); /* a page is not kept for ever */
}

static void stop_transfers(struct loop *loop)
{
        drop_exchange(loop);
        if (loop->wait)
                link_cancel(loop->link, loop->wait);
        loop->wait = NULL;
        (void)event_del(loop->step);
        loop->phase = LOOP_IDLE;
}

/*
 * A database failed. The replica is disposable: where it is damaged it is built anew, and what it held is fetched again. After
 * a failed write or flush nothing that is held in memory can be trusted (docs/architecture.md): close, reopen, and
 * let start-up compare the two files. While the disk refuses, it is tried again and again.
 */
static void on_reopen(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;
        int r;

        (void)fd;
        (void)what;
        stop_transfers(loop);
        api_set_engine(loop->api, NULL);
        loop->engine = engine_free(loop->engine);
        r = open_engine(loop, loop->rebuild);
        if (r < 0) {
                log_failure(LOG_LEVEL_ERROR, r, "the databases cannot be opened");
                add_timer(loop->reopen, REOPEN_MS);
                return;
        }
        log_warning(loop->rebuild ? "the replica was damaged and is fetched again"
                                  : "the databases were opened again");
        loop->rebuild = false;
        after_call(loop);
}

static void broken(void *context, int error)
{
        struct loop *loop = context;

        loop->rebuild = loop->rebuild || error == PANNIER_E_CORRUPT;
        if (!evtimer_pending(loop->reopen, NULL))
                add_timer(loop->reopen, error == PANNIER_E_CORRUPT ? 0 : REOPEN_MS);
}

/* An error that no request carries back: log it, and mend what can be mended. */
static void engine_failed(struct loop *loop, int error, const char *what)
{
        log_failure(LOG_LEVEL_ERROR, error, "%s failed", what);
        if (error == PANNIER_E_CORRUPT || error == PANNIER_E_STORAGE)
                broken(loop, error);
}

/* ---- exchange ---- */

static struct link_request store_request(const struct loop *loop, const char *url)
{
        return (struct link_request){
                .url = url,
                .ca_file = loop->identity->authority_path,
                .certificate_file = loop->identity->certificate_path,
                .key_file = loop->identity->key_path,
                .judge_at_ms = judge_at(loop),
        };
}

/* Our own certificate is the first suspect when the store refuses; our clock when the store's seems out of date. */
static enum exchange_failure refine(const struct loop *loop, enum exchange_failure failure)
{
        int64_t judged_ms = judge_at(loop);

        if (!judged_ms)
                judged_ms = clock_now_ms();
        if (failure == EXCHANGE_REFUSED && loop->identity->certificate.not_after_ms < judged_ms)
                return EXCHANGE_CERTIFICATE_EXPIRED;
        if (failure == EXCHANGE_CERTIFICATE_EXPIRED && clock_is_wrong(loop, clock_now_ms()))
                return EXCHANGE_CLOCK_WRONG;
        return failure;
}

static void note_problem(struct loop *loop, const struct link_answer *answer)
{
        (void)snprintf(loop->problem, sizeof(loop->problem), "%s", answer->detail);
}

static void exchange_failed(struct loop *loop, enum exchange_failure failure,
                            int64_t retry_after_ms)
{
        struct engine_now now = now_of(loop);

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
                drop_exchange(loop);
                loop->phase = LOOP_IDLE;
                engine_failed(loop, next, "applying what the store sent");
                return;
        }
        switch ((enum exchange_next)next) {
        case EXCHANGE_STEP:
                loop->phase = LOOP_STEPPING;
                add_timer(loop->step, 0); /* a turn of the loop later, not a deeper call */
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
                now = now_of(loop);
                if (engine_status(loop->engine, &now, &status) >= 0)
                        loop->last_store_ms = status.last_complete_ms;
                break;
        case EXCHANGE_STOP:
                (void)snprintf(loop->problem, sizeof(loop->problem), "%s", error_detail());
                error_clear();
                break;
        }
        drop_exchange(loop);
        loop->phase = LOOP_IDLE;
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
        struct engine_now now = now_of(loop);

        loop->exchange = NULL;
        if (loop->phase == LOOP_STEPPING) {
                keep_early(loop, answer);
                return;
        }
        if (answer->failure == EXCHANGE_OK) {
                go_on(loop, engine_exchange_answer(loop->engine, &now, answer->body));
        } else {
                note_problem(loop, answer);
                exchange_failed(loop, refine(loop, answer->failure), answer->retry_after_ms);
        }
        after_call(loop);
}

static void on_step(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;
        struct engine_now now = now_of(loop);

        (void)fd;
        (void)what;
        go_on(loop, engine_exchange_step(loop->engine, &now));
        after_call(loop);
}

static int send_request(struct loop *loop)
{
        char url[IDENTITY_URL_MAX + 16];
        struct link_request request;

        (void)snprintf(url, sizeof(url), "%s/v1/sync", loop->identity->url);
        request = store_request(loop, url);
        request.media_type = SYNC_TYPE;
        request.wanted_type = SYNC_TYPE;
        request.coding = SYNC_CODING;
        request.body = buffer_view(&loop->request);
        return link_send(loop->link, &request, on_exchange, loop, &loop->exchange);
}

/* The next page is made by the store while this one is applied here. */
static void ask_ahead(struct loop *loop)
{
        struct engine_now now = now_of(loop);
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
        struct engine_now now = now_of(loop);
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
        struct engine_now now = now_of(loop);
        int r;

        if (loop->wait) { /* what it waits for is what we fetch now */
                link_cancel(loop->link, loop->wait);
                loop->wait = NULL;
        }
        r = engine_exchange_request(loop->engine, &now, &loop->request);
        if (r < 0) {
                loop->phase = LOOP_IDLE;
                engine_failed(loop, r, "beginning an exchange");
                return;
        }
        loop->phase = LOOP_SENDING;
        r = send_request(loop);
        if (r >= 0)
                return;
        (void)snprintf(loop->problem, sizeof(loop->problem), "%s", error_detail());
        exchange_failed(loop, EXCHANGE_OFFLINE, 0);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;
        struct engine_now now = now_of(loop);
        int r;

        (void)fd;
        (void)what;
        if (!loop->engine)
                return;
        r = engine_tick(loop->engine, &now);
        if (r < 0)
                engine_failed(loop, r, "a task of the engine");
        else if (r == ENGINE_EXCHANGE && loop->phase == LOOP_IDLE)
                begin_exchange(loop);
        after_call(loop);
}

/* ---- long poll ---- */

static void on_wait(void *context, const struct link_answer *answer)
{
        struct loop *loop = context;
        struct engine_now now = now_of(loop);
        bool short_lived = now.boot_ms - loop->wait_since_ms < WAIT_PAUSE_MS;

        loop->wait = NULL;
        if (answer->failure == EXCHANGE_OK && answer->status == 200) {
                loop->wait_pause_ms = 0;
                engine_sync_now(loop->engine, &now);
        } else if (answer->failure != EXCHANGE_OK || short_lived) {
                /* Trouble, or a store that does not hold the line: come back later and later. */
                loop->wait_pause_ms = loop->wait_pause_ms ? loop->wait_pause_ms * 2 : WAIT_PAUSE_MS;
                if (loop->wait_pause_ms > WAIT_PAUSE_MAX_MS)
                        loop->wait_pause_ms = WAIT_PAUSE_MAX_MS;
                add_timer(loop->pause, loop->wait_pause_ms);
        } else {
                loop->wait_pause_ms = 0;
        }
        after_call(loop);
}

static void on_pause(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        after_call(context);
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
                request = store_request(loop, (const char *)url.data);
                request.stall_s = WAIT_STALL_S;
                loop->wait_since_ms = clock_boot_ms();
                r = link_send(loop->link, &request, on_wait, loop, &loop->wait);
        }
        if (r < 0)
                engine_failed(loop, r, "waiting for news");
}

/* After every call into the engine: its deadline may have moved, and the long poll may be wanted. */
static void after_call(struct loop *loop)
{
        int64_t deadline_ms;

        if (!loop->engine)
                return;
        deadline_ms = engine_deadline(loop->engine);
        if (deadline_ms == INT64_MAX)
                (void)event_del(loop->deadline);
        else
                add_timer(loop->deadline, deadline_ms - clock_boot_ms());
        if (loop->phase == LOOP_IDLE && !loop->wait && !evtimer_pending(loop->pause, NULL) &&
            engine_wants_wait(loop->engine))
                begin_wait(loop);
}

static void touched(void *context)
{
        after_call(context);
}

static void on_network(void *context)
{
        struct loop *loop = context;
        struct engine_now now = now_of(loop);

        if (!loop->engine)
                return;
        (void)event_del(loop->pause);
        loop->wait_pause_ms = 0;
        engine_link_changed(loop->engine, &now, true, loop->options.metered);
        after_call(loop);
}

/* ---- identity ---- */

struct enrolling_host {
        struct loop *loop;
        enrol_done done;
        void *context;
};

static void on_renewed(void *context, const struct enrol_result *result)
{
        struct loop *loop = context;
        int64_t patience_ms = result->retry_after_ms > RENEW_CHECK_MS ? result->retry_after_ms
                                                                      : INT64_C(6) * RENEW_CHECK_MS;

        if (result->error == 0)
                log_info("the device's certificate was renewed");
        else
                log_warning("the device's certificate was not renewed: %s", result->detail);
        add_timer(loop->renewal, result->error == 0 ? RENEW_CHECK_MS : patience_ms);
}

static void on_renewal(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;
        int64_t due_ms, judged_ms = judge_at(loop);
        int r = 1;

        (void)fd;
        (void)what;
        due_ms = enrol_renew_at_ms(&loop->identity->certificate, loop->renew_random);
        if (loop->identity->enrolled && (judged_ms ? judged_ms : clock_now_ms()) >= due_ms)
                r = enrol_renew(loop->enrol, judged_ms, on_renewed, loop);
        if (r < 0)
                log_failure(LOG_LEVEL_WARNING, r, "the device's certificate cannot be renewed now");
        if (r != 0) /* else on_renewed() goes on */
                add_timer(loop->renewal, RENEW_CHECK_MS);
}

static void on_enrolled(void *context, const struct enrol_result *result)
{
        CLEANUP(free_pointerp) struct enrolling_host *enrolling = context;
        struct loop *loop = enrolling->loop;
        struct enrol_result answer = *result;
        struct engine_now now;

        if (answer.error == 0 && !loop->engine) {
                answer.error = open_engine(loop, false);
                answer.detail = answer.error < 0 ? error_detail() : "";
        }
        if (answer.error == 0) {
                log_info("enrolled at %s", loop->identity->url);
                now = now_of(loop);
                engine_sync_now(loop->engine, &now);
                add_timer(loop->renewal, RENEW_CHECK_MS);
        } else {
                log_warning("not enrolled: %s", answer.detail);
        }
        enrolling->done(enrolling->context, &answer);
        after_call(loop);
}

static int begin_enrolment(void *context, const struct enrol_link *link, enrol_done done,
                           void *done_context)
{
        struct loop *loop = context;
        CLEANUP(free_pointerp) struct enrolling_host *enrolling = NULL;
        int r;

        if (loop->identity->enrolled && loop->identity->certificate.not_after_ms > clock_now_ms())
                return FAIL(PANNIER_E_TAKEN, "this device is enrolled already, at %s",
                            loop->identity->url);
        enrolling = calloc(1, sizeof(*enrolling));
        if (!enrolling)
                return FAIL(PANNIER_E_MEMORY, "no memory for an enrolment");
        enrolling->loop = loop;
        enrolling->done = done;
        enrolling->context = done_context;
        r = enrol_begin(loop->enrol, link, judge_at(loop), on_enrolled, enrolling);
        if (r < 0)
                return r;
        (void)TAKE(enrolling);
        return 0;
}

/* What this process may still write there. */
static int64_t disk_free_bytes(const struct loop *loop)
{
        struct statvfs disk;

        if (statvfs(loop->options.state, &disk) < 0)
                return -1;
        return (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
}

static void tell_status(void *context, struct api_host_status *ret)
{
        struct loop *loop = context;

        *ret = (struct api_host_status){
                .enrolled = loop->identity->enrolled,
                .store = loop->identity->url,
                .certificate_expires_ms =
                        loop->identity->enrolled ? loop->identity->certificate.not_after_ms : 0,
                .problem = loop->problem,
                .waiting = loop->wait != NULL,
                .library = link_library(),
                .disk_free_bytes = disk_free_bytes(loop),
        };
}

/* ---- life ---- */

static void on_signal(evutil_socket_t signal_number, short what, void *context)
{
        struct loop *loop = context;

        (void)what;
        log_info("ending on signal %d", (int)signal_number);
        (void)event_base_loopbreak(loop->base);
}

static int make_events(struct loop *loop)
{
        loop->deadline = evtimer_new(loop->base, on_deadline, loop);
        loop->step = evtimer_new(loop->base, on_step, loop);
        loop->pause = evtimer_new(loop->base, on_pause, loop);
        loop->renewal = evtimer_new(loop->base, on_renewal, loop);
        loop->reopen = evtimer_new(loop->base, on_reopen, loop);
        loop->term = evsignal_new(loop->base, SIGTERM, on_signal, loop);
        loop->interrupt = evsignal_new(loop->base, SIGINT, on_signal, loop);
        if (!loop->deadline || !loop->step || !loop->pause || !loop->renewal || !loop->reopen ||
            !loop->term || !loop->interrupt || event_add(loop->term, NULL) < 0 ||
            event_add(loop->interrupt, NULL) < 0)
                return FAIL(PANNIER_E_MEMORY, "no memory for the loop");
        return 0;
}

static int make_api(struct loop *loop)
{
        struct api_options options = {
                .http = {.path = loop->options.socket, .group = loop->options.socket_group},
                .host = {.context = loop,
                         .now = tell_time,
                         .touched = touched,
                         .broken = broken,
                         .status = tell_status,
                         .enrol = begin_enrolment},
        };
        int r = api_new(loop->base, &options, &loop->api);

        if (r >= 0)
                api_set_engine(loop->api, loop->engine);
        return r;
}

int loop_new(const struct loop_options *options, struct loop **ret)
{
        CLEANUP(loop_freep) struct loop *loop = calloc(1, sizeof(*loop));
        struct link_options link_options = {.portal_port = options->portal_port};
        int r;

        if (!loop)
                return FAIL(PANNIER_E_MEMORY, "no memory for the loop");
        loop->options = *options;
        loop->boot_id = clock_boot_id();
        crypto_random(&loop->renew_random, sizeof(loop->renew_random));
        loop->base = event_base_new();
        if (!loop->base)
                return FAIL(PANNIER_E_SYSTEM, "this system gives no event loop");
        r = make_events(loop);
        if (r >= 0)
                r = identity_open(options->state, &loop->identity);
        if (r >= 0)
                r = link_new(loop->base, &link_options, &loop->link);
        if (r >= 0)
                r = enrol_new(loop->link, loop->identity, &loop->enrol);
        if (r >= 0 && loop->identity->enrolled)
                r = open_engine(loop, false);
        if (r >= 0)
                r = make_api(loop);
        if (r < 0)
                return r;
        if (network_new(loop->base, on_network, loop, &loop->network) < 0)
                log_failure(LOG_LEVEL_INFO, PANNIER_E_SYSTEM, "watching the network");
        if (loop->identity->enrolled)
                add_timer(loop->renewal, 0);
        *ret = TAKE(loop);
        return 0;
}

int loop_run(struct loop *loop)
{
        after_call(loop);
        if (event_base_dispatch(loop->base) < 0)
                return FAIL(PANNIER_E_SYSTEM, "the event loop failed");
        return 0;
}

struct loop *loop_free(struct loop *loop)
{
        if (!loop)
                return NULL;
        struct event *const events[EVENT_COUNT] = {loop->deadline, loop->step,   loop->pause,
                                                   loop->renewal,  loop->reopen, loop->term,
                                                   loop->interrupt};

        (void)api_free(loop->api);
        (void)network_free(loop->network);
        (void)enrol_free(loop->enrol);
        (void)link_free(loop->link);
        (void)engine_free(loop->engine);
        (void)identity_free(loop->identity);
        for (size_t i = 0; i < EVENT_COUNT; i++)
                if (events[i])
                        event_free(events[i]);
        buffer_deinit(&loop->request);
        buffer_deinit(&loop->early);
        if (loop->base)
                event_base_free(loop->base);
        free(loop);
        return NULL;
}

bool loop_enrolled(const struct loop *loop)
{
        return loop->identity->enrolled;
}
