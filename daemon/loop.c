/* The daemon's life: time, databases that fail and are opened again, identity and its renewal. loop_exchange.c has the exchanges. */
#include "daemon/loop_internal.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
        RENEW_CHECK_MS = 600000,
        PROXY_CREDENTIALS_MAX = 1024, /* bytes of the file they are in */
        REOPEN_MS = 1000,
        EVENT_COUNT = 9, /* events of its own that the loop frees */
};

/* No clock is right that stands before this program was written. */
#define TIME_FLOOR_MS  INT64_C(1793491200000) /* 2026-11-01 */
#define TIME_BEHIND_MS INT64_C(86400000) /* a day: a clock a little behind is an ordinary clock */
#define TIME_AHEAD_MS                                                                              \
        INT64_C(34560000000) /* 400 days: further ahead of all we know, the clock is wrong */

/* ---- time ---- */

static int64_t time_floor(const struct loop *loop)
{
        int64_t floor_ms = TIME_FLOOR_MS;

        if (loop->identity->enrolled && loop->identity->certificate.not_before_ms > floor_ms)
                floor_ms = loop->identity->certificate.not_before_ms;
        return loop->last_store_ms > floor_ms ? loop->last_store_ms : floor_ms;
}

bool loop_clock_is_wrong(const struct loop *loop, int64_t wall_ms)
{
        int64_t floor_ms = time_floor(loop);

        return wall_ms < floor_ms - TIME_BEHIND_MS || wall_ms > floor_ms + TIME_AHEAD_MS;
}

int64_t loop_judge_at(const struct loop *loop)
{
        return loop_clock_is_wrong(loop, clock_now_ms()) ? time_floor(loop) : 0;
}

void loop_tell_time(void *context, struct engine_now *ret)
{
        struct loop *loop = context;
        struct clock_reading clock = clock_read(loop->boot_id);

        ret->wall_ms = clock.now_ms;
        ret->boot_ms = clock.boot_ms;
        ret->boot_id = clock.boot_id;
        ret->quality = loop_clock_is_wrong(loop, clock.now_ms) ? CLOCK_UNSET
                       : clock.synchronised                    ? CLOCK_SYNCHRONISED
                                                               : CLOCK_FREE;
}

struct engine_now loop_now(struct loop *loop)
{
        struct engine_now now;

        loop_tell_time(loop, &now);
        return now;
}

void loop_timer(struct event *event, int64_t ms)
{
        struct timeval timeout = {0};

        if (ms > 0) {
                timeout.tv_sec = ms / 1000;
                timeout.tv_usec = (suseconds_t)(ms % 1000) * 1000;
        }
        (void)event_add(event, &timeout);
}

/* ---- the engine's databases ---- */

static void stop_transfers(struct loop *loop)
{
        loop_drop_exchange(loop);
        if (loop->wait)
                link_cancel(loop->link, loop->wait);
        loop->wait = NULL;
        (void)event_del(loop->step);
        loop->phase = LOOP_IDLE;
}

/*
 * A database failed. The replica is disposable: where it is damaged it is built anew, and what it held is fetched again. After
 * a failed write or flush nothing that is held in memory can be trusted (ARCHITECTURE.md): close, reopen, and
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
        loop_close_porter(loop);
        loop->engine = engine_free(loop->engine);
        r = loop_open_engine(loop, loop->rebuild);
        if (r < 0) {
                log_failure(LOG_LEVEL_ERROR, r, "the databases cannot be opened");
                loop_timer(loop->reopen, REOPEN_MS);
                return;
        }
        log_warning(loop->rebuild ? "the replica was damaged and is fetched again"
                                  : "the databases were opened again");
        loop->rebuild = false;
        loop_after_call(loop);
}

static void broken(void *context, int error)
{
        struct loop *loop = context;

        loop->rebuild = loop->rebuild || error == PANNIER_E_CORRUPT;
        if (!evtimer_pending(loop->reopen, NULL))
                loop_timer(loop->reopen, error == PANNIER_E_CORRUPT ? 0 : REOPEN_MS);
}

void loop_engine_failed(struct loop *loop, int error, const char *what)
{
        log_failure(LOG_LEVEL_ERROR, error, "%s failed", what);
        if (error == PANNIER_E_CORRUPT || error == PANNIER_E_STORAGE)
                broken(loop, error);
}

static void touched(void *context)
{
        loop_after_call(context);
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
        loop_timer(loop->renewal, result->error == 0 ? RENEW_CHECK_MS : patience_ms);
}

static void on_renewal(evutil_socket_t fd, short what, void *context)
{
        struct loop *loop = context;
        int64_t due_ms, judged_ms = loop_judge_at(loop);
        int r = 1;

        (void)fd;
        (void)what;
        due_ms = enrol_renew_at_ms(&loop->identity->certificate, loop->renew_random);
        if (loop->identity->enrolled && (judged_ms ? judged_ms : clock_now_ms()) >= due_ms)
                r = enrol_renew(loop->enrol, judged_ms, on_renewed, loop);
        if (r < 0)
                log_failure(LOG_LEVEL_WARNING, r, "the device's certificate cannot be renewed now");
        if (r != 0) /* else on_renewed() goes on */
                loop_timer(loop->renewal, RENEW_CHECK_MS);
}

static void on_enrolled(void *context, const struct enrol_result *result)
{
        CLEANUP(free_pointerp) struct enrolling_host *enrolling = context;
        struct loop *loop = enrolling->loop;
        struct enrol_result answer = *result;
        struct engine_now now;

        if (answer.error == 0 && !loop->engine) {
                answer.error = loop_open_engine(loop, false);
                answer.detail = answer.error < 0 ? error_detail() : "";
        }
        if (answer.error == 0) {
                log_info("enrolled at %s", loop->identity->url);
                now = loop_now(loop);
                engine_sync_now(loop->engine, &now);
                loop_timer(loop->renewal, RENEW_CHECK_MS);
        } else {
                log_warning("not enrolled: %s", answer.detail);
        }
        enrolling->done(enrolling->context, &answer);
        loop_after_call(loop);
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
        r = enrol_begin(loop->enrol, link, loop_judge_at(loop), on_enrolled, enrolling);
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
        if (loop_courier_bag(loop->couriering))
                carry_count(loop_courier_bag(loop->couriering), &ret->carried);
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
        loop->deadline = evtimer_new(loop->base, loop_on_deadline, loop);
        loop->step = evtimer_new(loop->base, loop_on_step, loop);
        loop->pause = evtimer_new(loop->base, loop_on_pause, loop);
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
                         .now = loop_tell_time,
                         .touched = touched,
                         .broken = broken,
                         .status = tell_status,
                         .carry = loop_courier_bag(loop->couriering),
                         .enrol = begin_enrolment},
        };
        int r = api_new(loop->base, &options, &loop->api);

        if (r >= 0)
                api_set_engine(loop->api, loop->engine);
        if (r >= 0)
                api_set_porter(loop->api, loop->porter);
        return r;
}

/* The first line of a file that is its owner's alone. */
static int read_credentials(const char *path, struct buffer *out)
{
        struct stat about;
        const uint8_t *end;
        int r;

        if (stat(path, &about) < 0)
                return FAIL(PANNIER_E_INVALID, "the proxy's credentials in %s: %s", path,
                            strerror(errno));
        if (about.st_mode & 077)
                return FAIL(PANNIER_E_INVALID,
                            "others may read the proxy's credentials in %s: chmod 600", path);
        r = file_read(path, PROXY_CREDENTIALS_MAX, out);
        if (r < 0)
                return r;
        end = out->size ? memchr(out->data, '\n', out->size) : NULL;
        if (end)
                out->size = (size_t)(end - out->data);
        if (!out->size || !memchr(out->data, ':', out->size) || memchr(out->data, 0, out->size))
                return FAIL(PANNIER_E_INVALID, "the first line of %s is not USER:PASSWORD", path);
        buffer_append_byte(out, 0);
        return buffer_check(out);
}

static int open_link(struct loop *loop)
{
        struct link_options options = {.connect_ms = loop->options.connect_s * 1000,
                                       .portal_port = loop->options.portal_port,
                                       .proxy = loop->options.proxy};
        int r = options.proxy ? link_check_proxy(options.proxy) : 0;

        if (r >= 0 && loop->options.proxy_file)
                r = read_credentials(loop->options.proxy_file, &loop->proxy_credentials);
        if (r < 0)
                return r;
        if (loop->proxy_credentials.size)
                options.proxy_credentials = (const char *)loop->proxy_credentials.data;
        return link_new(loop->base, &options, &loop->link);
}

int loop_new(const struct loop_options *options, struct loop **ret)
{
        CLEANUP(loop_freep) struct loop *loop = calloc(1, sizeof(*loop));
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
                r = loop_watch_new(loop);
        if (r >= 0)
                r = identity_open(options->state, &loop->identity);
        if (r >= 0)
                r = open_link(loop);
        if (r >= 0)
                r = enrol_new(loop->link, loop->identity, &loop->enrol);
        if (r >= 0 && loop->identity->enrolled)
                r = loop_open_engine(loop, false);
        if (r >= 0)
                r = loop_courier_new(loop, &loop->couriering);
        if (r >= 0)
                r = make_api(loop);
        if (r < 0)
                return r;
        if (network_new(loop->base, loop_on_network, loop, &loop->network) < 0)
                log_failure(LOG_LEVEL_INFO, PANNIER_E_SYSTEM, "watching the network");
        if (loop->identity->enrolled)
                loop_timer(loop->renewal, 0);
        *ret = TAKE(loop);
        return 0;
}

int loop_run(struct loop *loop)
{
        loop_after_call(loop);
        if (event_base_dispatch(loop->base) < 0)
                return FAIL(PANNIER_E_SYSTEM, "the event loop failed");
        return 0;
}

struct loop *loop_free(struct loop *loop)
{
        if (!loop)
                return NULL;
        struct event *const events[EVENT_COUNT] = {loop->deadline,  loop->step,   loop->pause,
                                                   loop->renewal,   loop->reopen, loop->term,
                                                   loop->interrupt, loop->watch,  loop->alive};

        (void)api_free(loop->api);
        (void)loop_courier_free(loop->couriering);
        (void)network_free(loop->network);
        (void)porter_free(loop->porter);
        (void)satchel_free(loop->satchel);
        (void)enrol_free(loop->enrol);
        (void)link_free(loop->link);
        (void)engine_free(loop->engine);
        (void)identity_free(loop->identity);
        for (size_t i = 0; i < EVENT_COUNT; i++)
                if (events[i])
                        event_free(events[i]);
        buffer_wipe(&loop->proxy_credentials);
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
