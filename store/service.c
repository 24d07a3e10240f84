#include "store/service_internal.h"

#include "common/base64.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "store/journal.h"
#include "store/layout.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct http_route routes[] = {
        {"/v1/sync", HTTP_METHOD_POST, service_on_sync},
        {"/v1/check", HTTP_METHOD_POST, service_on_check},
        {"/v1/wait", HTTP_METHOD_GET, service_on_wait},
        {"/v1/attachments/*", HTTP_METHOD_GET, service_on_attachment_get},
        {"/v1/attachments/*", HTTP_METHOD_PUT, service_on_attachment_put},
        {"/v1/bundle", HTTP_METHOD_POST, service_on_bundle},
        {"/.well-known/est/cacerts", HTTP_METHOD_GET, service_on_cacerts},
        {"/.well-known/est/simpleenroll", HTTP_METHOD_POST, service_on_enrol},
        {"/.well-known/est/simplereenroll", HTTP_METHOD_POST, service_on_renew},
};

const struct http_route *service_routes(size_t *ret_count)
{
        *ret_count = sizeof(routes) / sizeof(routes[0]);
        return routes;
}

unsigned service_thread_count(int64_t setting)
{
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        int64_t count = setting > 0 ? setting : processors;

        return count < 1 ? 1 : count > HTTP_LOOPS_MAX ? HTTP_LOOPS_MAX : (unsigned)count;
}

/* ---- jobs ---- */

struct job *job_new(struct service *service, enum job_kind kind, struct http_call *call)
{
        struct job *job = calloc(1, sizeof(*job));

        if (!job) {
                if (call)
                        service_unavailable(service, call);
                return NULL;
        }
        job->kind = kind;
        job->call = call;
        (void)pthread_mutex_lock(&service->lock);
        service->job_count++;
        (void)pthread_mutex_unlock(&service->lock);
        return job;
}

void job_free(struct service *service, struct job *job)
{
        (void)exchange_request_free(job->request);
        exchange_answer_deinit(&job->answer);
        (void)waiter_free(job->waiter);
        (void)service_attachment_job_free(job->attachment);
        crypto_wipe(job->code, sizeof(job->code));
        (void)courier_free(job->courier);
        free(job);
        (void)pthread_mutex_lock(&service->lock);
        if (--service->job_count == 0)
                (void)pthread_cond_broadcast(&service->idle);
        (void)pthread_mutex_unlock(&service->lock);
}

/* ---- queues ---- */

void queue_init(struct queue *queue)
{
        pthread_condattr_t attributes;

        (void)pthread_mutex_init(&queue->lock, NULL);
        (void)pthread_condattr_init(&attributes);
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&queue->filled, &attributes);
        (void)pthread_condattr_destroy(&attributes);
        STAILQ_INIT(&queue->jobs);
}

void queue_deinit(struct queue *queue)
{
        (void)pthread_mutex_destroy(&queue->lock);
        (void)pthread_cond_destroy(&queue->filled);
}

void queue_push(struct queue *queue, struct job *job)
{
        (void)pthread_mutex_lock(&queue->lock);
        STAILQ_INSERT_TAIL(&queue->jobs, job, link);
        queue->count++;
        (void)pthread_cond_signal(&queue->filled);
        (void)pthread_mutex_unlock(&queue->lock);
}

void queue_close(struct queue *queue)
{
        (void)pthread_mutex_lock(&queue->lock);
        queue->closed = true;
        (void)pthread_cond_broadcast(&queue->filled);
        (void)pthread_mutex_unlock(&queue->lock);
}

static struct timespec monotonic_in(int64_t ms)
{
        struct timespec at;

        (void)clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += (time_t)(ms / 1000);
        at.tv_nsec += (long)(ms % 1000) * 1000000;
        if (at.tv_nsec >= 1000000000) {
                at.tv_sec++;
                at.tv_nsec -= 1000000000;
        }
        return at;
}

bool queue_take(struct queue *queue, size_t max, int64_t patience_ms, struct job_list *out)
{
        const struct timespec until = monotonic_in(patience_ms > 0 ? patience_ms : 0);
        bool open;
        int r = 0;

        (void)pthread_mutex_lock(&queue->lock);
        while (!queue->count && !queue->closed && r == 0)
                r = patience_ms < 0 ? pthread_cond_wait(&queue->filled, &queue->lock)
                                    : pthread_cond_timedwait(&queue->filled, &queue->lock, &until);
        for (size_t i = 0; i < max && queue->count; i++) {
                struct job *job = STAILQ_FIRST(&queue->jobs);

                STAILQ_REMOVE_HEAD(&queue->jobs, link);
                queue->count--;
                STAILQ_INSERT_TAIL(out, job, link);
        }
        open = !queue->closed || queue->count || !STAILQ_EMPTY(out);
        (void)pthread_mutex_unlock(&queue->lock);
        return open;
}

size_t queue_count(struct queue *queue)
{
        size_t count;

        (void)pthread_mutex_lock(&queue->lock);
        count = queue->count;
        (void)pthread_mutex_unlock(&queue->lock);
        return count;
}

/* ---- answers ---- */

static void sent(void *context, size_t body_size)
{
        struct service *service = context;

        service->in_flight--;
        service->answer_bytes -= body_size;
}

void service_send(struct service *service, struct job *job, struct http_answer *answer)
{
        if (job->call) {
                answer->finished = sent;
                answer->finished_context = service;
                service->answer_bytes += answer->body.size;
                http_call_answer(job->call, answer);
        }
        buffer_deinit(&answer->body);
        job_free(service, job);
}

/* 503, and for how long to stay away. */
static struct http_answer unavailable(struct service *service)
{
        struct http_answer answer = {.status = 503, .type = "text/plain; charset=utf-8"};
        uint32_t random;

        crypto_random(&random, sizeof(random));
        answer.retry_after_s = patience_next_s(&service->patience, clock_boot_ms(), random);
        buffer_append_text(&answer.body, "store unavailable\n");
        service->unavailable++;
        return answer;
}

void service_unavailable(struct service *service, struct http_call *call)
{
        struct http_answer answer = unavailable(service);

        http_call_answer(call, &answer);
        buffer_deinit(&answer.body);
}

void service_fail(struct service *service, struct job *job, int error)
{
        struct http_answer answer = unavailable(service);

        log_failure(LOG_LEVEL_ERROR, error, "a request could not be answered");
        service_send(service, job, &answer);
}

void service_answer_waiters(struct service *service, struct waiter_list *list, int status)
{
        while (!TAILQ_EMPTY(list)) {
                struct waiter *waiter = TAILQ_FIRST(list);
                struct http_answer answer = {.status = status};

                TAILQ_REMOVE(list, waiter, link);
                service->wakes += status == 200;
                http_call_answer(waiter->call, &answer);
                (void)waiter_free(waiter);
        }
}

/* ---- life ---- */

int service_place_open(struct service *service, const char *path, bool read_only,
                       struct place *place)
{
        int r = storage_sqlite_open(path, read_only, &place->storage);

        return r < 0 ? r
                     : exchange_new(place->storage, &service->exchange_settings, &place->exchange);
}

static void place_close(struct place *place)
{
        (void)exchange_free(place->exchange);
        (void)storage_free(place->storage);
}

static void fill_exchange_settings(struct service *service)
{
        const struct store_settings *settings = service->settings;

        service->exchange_settings = (struct exchange_settings){
                .signing_key = service->identity->signing_key,
                .trust = identity_trust(service->identity),
                .policy = {.version = (uint32_t)settings->version,
                           .poll_s = (uint32_t)settings->poll_s,
                           .poll_max_s = (uint32_t)settings->poll_max_s,
                           .day_bytes = (uint64_t)settings->day_kib << 10},
                .environment = (enum nhs_environment)settings->environment,
        };
}

static int make_cacerts(struct service *service)
{
        CLEANUP(buffer_deinit) struct buffer bundle = BUFFER_INIT;
        const struct bytes ca = ca_certificate(service->identity->ca);
        int r = ca_bundle(&ca, 1, &bundle);

        if (r < 0)
                return r;
        base64_encode(buffer_view(&bundle), &service->cacerts);
        return buffer_check(&service->cacerts);
}

/* What was done and is not in the database was done before it was put back: it is played first of all. */
static int attach_journal(struct service *service, const char *data)
{
        struct journal_report report;
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(data, LAYOUT_JOURNAL, path);

        r = r < 0 ? r
                  : journal_attach(service->writing.storage, path,
                                   (enum nhs_environment)service->settings->environment,
                                   clock_now_ms(), &report);
        if (r >= 0 && report.played > 0)
                log_warning("the database lacked %llu records of the journal: they were played",
                            (unsigned long long)report.played);
        if (r >= 0 && report.anew)
                log_warning("the journal does not go on where the database is: a new one begins; "
                            "make a backup");
        return r;
}

static int open_all(struct service *service, const char *data)
{
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(data, LAYOUT_DATABASE, path);

        /* The writer comes first: it brings the schema to its newest version. */
        r = r < 0 ? r : service_place_open(service, path, false, &service->writing);
        r = r < 0 ? r : attach_journal(service, data);
        r = r < 0 ? r : watch_new(service->writing.storage, &service->watch);
        for (unsigned i = 0; i < service->loop_count && !r; i++)
                r = service_place_open(service, path, true, &service->loops[i]);
        for (unsigned i = 0; i < service->worker_count && !r; i++) {
                struct worker *worker = &service->workers[i];

                worker->service = service;
                r = service_place_open(service, path, true, &worker->place);
                r = r < 0 ? r : grants_new(&worker->grants);
        }
        return r;
}

static int start(struct service *service)
{
        int r = pthread_create(&service->writer, NULL, writer_run, service);

        service->writer_started = r == 0;
        for (unsigned i = 0; i < service->worker_count && r == 0; i++) {
                r = pthread_create(&service->workers[i].thread, NULL, worker_run,
                                   &service->workers[i]);
                service->workers[i].started = r == 0;
        }
        return r == 0 ? 0 : FAIL(PANNIER_E_SYSTEM, "thread: %s", strerror(r));
}

int service_new(const char *data, const struct store_settings *settings,
                const struct store_identity *identity, unsigned loop_count, struct service **ret)
{
        CLEANUP(service_freep) struct service *service = calloc(1, sizeof(*service));
        int r;

        if (!service)
                return FAIL(PANNIER_E_MEMORY, "service");
        service->settings = settings;
        service->identity = identity;
        service->loop_count = loop_count;
        service->worker_count = service_thread_count(settings->workers);
        service->writer_ms = clock_boot_ms();
        (void)pthread_mutex_init(&service->lock, NULL);
        (void)pthread_cond_init(&service->idle, NULL);
        patience_init(&service->patience);
        queue_init(&service->to_writer);
        queue_init(&service->to_workers);
        fill_exchange_settings(service);
        r = make_cacerts(service);
        r = r < 0 ? r : limiter_new(&LIMITER_ENROLMENT, &service->limiter);
        r = r < 0 ? r : waiters_new(&service->waiters);
        r = r < 0 ? r : open_all(service, data);
        r = r < 0 ? r : service_attachments_new(service, data, &service->attachments);
        r = r < 0 ? r : start(service);
        if (r < 0)
                return r;
        *ret = TAKE(service);
        return 0;
}

void service_stopping(struct service *service)
{
        struct waiter_list list = TAILQ_HEAD_INITIALIZER(list);

        service->stopping = true;
        waiters_all(service->waiters, &list);
        service_answer_waiters(service, &list, 204);
}

static void join_all(struct service *service)
{
        queue_close(&service->to_writer);
        queue_close(&service->to_workers);
        service_attachments_finish(service->attachments);
        if (service->writer_started)
                (void)pthread_join(service->writer, NULL);
        service->writer_started = false;
        for (unsigned i = 0; i < service->worker_count; i++) {
                if (service->workers[i].started)
                        (void)pthread_join(service->workers[i].thread, NULL);
                service->workers[i].started = false;
        }
}

/* Jobs pass between the two queues until they are done: only then may both be closed. */
static void finish_jobs(struct service *service)
{
        if (!service->writer_started)
                return;
        (void)pthread_mutex_lock(&service->lock);
        while (service->job_count)
                (void)pthread_cond_wait(&service->idle, &service->lock);
        (void)pthread_mutex_unlock(&service->lock);
        service_stopping(service); /* whoever began to wait meanwhile */
}

void service_finish(struct service *service)
{
        finish_jobs(service);
        join_all(service);
}

struct service *service_free(struct service *service)
{
        if (!service)
                return NULL;
        service_finish(service);
        for (unsigned i = 0; i < service->loop_count; i++)
                place_close(&service->loops[i]);
        for (unsigned i = 0; i < service->worker_count; i++) {
                feed_list_deinit(&service->workers[i].feeds);
                (void)grants_free(service->workers[i].grants);
                place_close(&service->workers[i].place);
        }
        (void)service_attachments_free(service->attachments);
        (void)exchange_free(TAKE(service->writing.exchange));
        (void)watch_free(service->watch);
        place_close(&service->writing);
        (void)waiters_free(service->waiters);
        (void)limiter_free(service->limiter);
        patience_deinit(&service->patience);
        queue_deinit(&service->to_writer);
        queue_deinit(&service->to_workers);
        buffer_deinit(&service->cacerts);
        free(service->reports);
        (void)pthread_mutex_destroy(&service->lock);
        (void)pthread_cond_destroy(&service->idle);
        free(service);
        return NULL;
}
