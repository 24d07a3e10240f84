/* POST /v1/sync and GET /v1/wait, as far as the loop's thread goes. */
#include "store/service_internal.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_WAIT_S = 55 }; /* below the idle time-out of common proxies */

/*
 * Who asks, by the certificate and the row it leads to, on every request. Every refusal is the same answer: it does not
 * tell whether a device is unknown, revoked or expired.
 */
int service_find_device(struct service *service, struct http_call *call, struct device_row *ret)
{
        struct place *place = &service->loops[http_call_loop(call)];
        int r = enrolment_device(place->storage, http_call_peer(call), clock_now_ms(), 0, ret);

        if (r == PANNIER_E_REFUSED) {
                log_debug("refused %s: %s", http_call_address(call), error_detail());
                error_clear();
                service->refused++;
                http_call_text(call, 403, "refused\n");
        } else if (r < 0) {
                log_failure(LOG_LEVEL_ERROR, r, "a device could not be looked up");
                service_unavailable(service, call);
        }
        return r;
}

bool service_let_in(struct service *service, struct http_call *call)
{
        const struct store_settings *settings = service->settings;

        if (!service->stopping && service->in_flight < (size_t)settings->exchanges &&
            service->answer_bytes < (size_t)settings->answer_mib << 20)
                return true;
        service->sent_away++;
        service_unavailable(service, call);
        return false;
}

/* What a request that cannot be read is refused with; the numbers are part of docs/protocol.md. */
void service_refuse(struct service *service, struct http_call *call, int error)
{
        if (error == PANNIER_E_MALFORMED || error == PANNIER_E_INVALID ||
            error == PANNIER_E_LIMIT || error == PANNIER_E_TOO_NEW) {
                log_info("request of %s: %s: %s", http_call_address(call),
                         pannier_error_name(error), error_detail());
                error_clear();
                service->malformed++;
                if (error == PANNIER_E_TOO_NEW)
                        http_call_text(call, 426, "upgrade needed\n");
                else
                        http_call_text(call, error == PANNIER_E_LIMIT ? 413 : 400,
                                       error == PANNIER_E_LIMIT ? "too large\n" : "malformed\n");
                return;
        }
        log_failure(LOG_LEVEL_ERROR, error, "a request could not be read");
        service_unavailable(service, call);
}

void service_begin(struct service *service, struct job *job, struct http_call *call)
{
        service->exchanges++;
        service->in_flight++;
        http_call_keep(call, NULL, NULL);
        queue_push(job->kind == JOB_COMMIT ? &service->to_writer : &service->to_workers, job);
}

/* What is asked for in another place than its own is malformed. */
static int read_request(struct place *place, struct http_call *call,
                        const struct device_row *device, int64_t now_ms, bool check,
                        struct exchange_request **ret)
{
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        int r = exchange_read(place->exchange, http_call_body(call), device, now_ms, &request);

        if (r < 0)
                return r;
        if (exchange_is_check(request) != check)
                return FAIL(PANNIER_E_MALFORMED, "the request has no place there");
        *ret = TAKE(request);
        return 0;
}

static void on_exchange(struct service *service, struct http_call *call, bool check)
{
        struct place *place = &service->loops[http_call_loop(call)];
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        struct device_row device;
        int64_t now_ms = clock_now_ms();
        struct job *job;
        int r;

        if (service_find_device(service, call, &device) < 0 || !service_let_in(service, call))
                return;
        r = read_request(place, call, &device, now_ms, check, &request);
        if (r < 0) {
                service_refuse(service, call, r);
                return;
        }
        job = job_new(service, exchange_has_work(request) ? JOB_COMMIT : JOB_ANSWER, call);
        if (!job)
                return;
        if (!check)
                service_note(service, &device, request, now_ms);
        job->device = device.id;
        job->request = TAKE(request);
        service_begin(service, job, call);
}

void service_on_sync(void *context, struct http_call *call)
{
        on_exchange(context, call, false);
}

void service_on_check(void *context, struct http_call *call)
{
        on_exchange(context, call, true);
}

/* ---- the long poll ---- */

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

/* A hash of the query; what is not there is all zero, as on the wire. */
static int query_hash(struct http_call *call, const char *name, uint8_t ret[HASH_SIZE])
{
        char text[2 * HASH_SIZE + 1];
        int r = http_call_query(call, name, text, sizeof(text));

        memset(ret, 0, HASH_SIZE);
        if (r <= 0 || !text[0])
                return r < 0 ? r : 0;
        if (strlen(text) != (size_t)2 * HASH_SIZE)
                return FAIL(PANNIER_E_INVALID, "%s has %d hexadecimal digits", name, 2 * HASH_SIZE);
        for (size_t i = 0; i < HASH_SIZE; i++) {
                int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

                if (high < 0 || low < 0)
                        return FAIL(PANNIER_E_INVALID, "%s is not hexadecimal", name);
                ret[i] = (uint8_t)(high << 4 | low);
        }
        return 0;
}

static int query_seconds(struct http_call *call, int64_t max, int64_t *ret)
{
        char text[8], *end;
        int r = http_call_query(call, "seconds", text, sizeof(text));
        long value;

        *ret = DEFAULT_WAIT_S < max ? DEFAULT_WAIT_S : max;
        if (r <= 0)
                return r;
        value = strtol(text, &end, 10);
        if (!text[0] || *end || value < 1)
                return FAIL(PANNIER_E_INVALID, "seconds is a number from 1 on");
        *ret = value < max ? value : max;
        return 0;
}

/* The number of the last closing that the device was told; not there: all of them, since whoever does not ask is not to be woken. */
static int query_closing(struct http_call *call, uint64_t *ret)
{
        char text[20], *end;
        int r = http_call_query(call, "closing", text, sizeof(text));

        *ret = WIRE_NUMBER_MAX;
        if (r <= 0)
                return r;
        *ret = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end || *ret > WIRE_NUMBER_MAX)
                return FAIL(PANNIER_E_INVALID, "closing is a number");
        return 0;
}

static int read_wait(struct service *service, struct http_call *call, struct waiter *waiter)
{
        int64_t seconds;
        int r = query_hash(call, "vector", waiter->vector_hash);

        r = r < 0 ? r : query_hash(call, "parked", waiter->parked_hash);
        r = r < 0 ? r : query_closing(call, &waiter->closing);
        r = r < 0 ? r : query_seconds(call, service->settings->wait_s, &seconds);
        if (r < 0)
                return r;
        waiter->until_ms = clock_boot_ms() + seconds * 1000;
        return 0;
}

/* The client left. If the waiter is not among those who wait yet, its time-out or its next wait ends it. */
static void wait_gone(void *context, struct http_call *call)
{
        struct service *service = context;
        struct waiter_list list = TAILQ_HEAD_INITIALIZER(list);

        waiters_take_call(service->waiters, call, &list);
        service_answer_waiters(service, &list, 204);
}

void service_on_wait(void *context, struct http_call *call)
{
        struct service *service = context;
        CLEANUP(waiter_freep) struct waiter *waiter = NULL;
        struct device_row device;
        struct job *job;
        int r;

        if (service_find_device(service, call, &device) < 0)
                return;
        waiter = calloc(1, sizeof(*waiter));
        r = waiter ? read_wait(service, call, waiter) : FAIL(PANNIER_E_MEMORY, "waiter");
        if (r < 0) {
                service_refuse(service, call, r);
                return;
        }
        if (service->stopping) {
                service_unavailable(service, call);
                return;
        }
        job = job_new(service, JOB_WAIT, call);
        if (!job)
                return;
        service->waits++;
        waiter->device = device.id;
        waiter->call = call;
        job->waiter = TAKE(waiter);
        http_call_keep(call, wait_gone, service);
        queue_push(&service->to_workers, job);
}
