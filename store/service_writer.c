/*
 * The writer: whatever has been waiting while the last commit was on its way to the disk goes into the next one. So
 * one flush serves one device when it is quiet, and a hundred when it is not.
 */
#include "store/service_internal.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"

#include <string.h>
#include <time.h>

struct turn {                                  /* what the writer knows from turn to turn */
        int64_t tick_ms, report_ms, expire_ms; /* boot time of the last ones */
        uint64_t version;                      /* of the database, as others change it */
};

static int64_t boot_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wake_waiters(struct service *service)
{
        struct waiter_list list = TAILQ_HEAD_INITIALIZER(list);
        size_t count;
        bool unknown;
        const uint64_t *keys = watch_take(service->watch, &count, &unknown);

        if (keys)
                waiters_touched(service->waiters, keys, count, &list);
        service_answer_waiters(service, &list, 200);
        if (unknown)
                service->recheck_waits = true;
}

static void note_commit(struct service *service, size_t count, int64_t began_us)
{
        uint64_t took = (uint64_t)(boot_us() - began_us);

        service->commits++;
        service->commit_requests += count;
        service->commit_us += took;
        if (took > service->commit_us_max)
                service->commit_us_max = took;
}

static void commit(struct service *service, struct job_list *jobs, size_t count)
{
        struct exchange_request *requests[SERVICE_BATCH_MAX];
        int64_t began_us = boot_us();
        struct job *job;
        size_t i = 0;
        int r;

        STAILQ_FOREACH(job, jobs, link)
        requests[i++] = job->request;
        r = exchange_commit(service->writing.exchange, requests, count, clock_now_ms());
        note_commit(service, count, began_us);
        while ((job = STAILQ_FIRST(jobs))) {
                STAILQ_REMOVE_HEAD(jobs, link);
                if (r < 0 || exchange_error(job->request) < 0) {
                        service_fail(service, job, r < 0 ? r : exchange_error(job->request));
                        continue;
                }
                job->kind = JOB_ANSWER;
                queue_push(&service->to_workers, job);
        }
        wake_waiters(service);
}

static void finish_custody(struct service *service, struct job *job, int error)
{
        if (error < 0 && job->call) {
                service_fail(service, job, error);
                return;
        }
        service_answer(service, job);
}

static void custody(struct service *service, struct job_list *jobs, size_t count)
{
        const struct exchange_answer *answers[SERVICE_BATCH_MAX];
        struct job *job;
        size_t i = 0;
        int r;

        STAILQ_FOREACH(job, jobs, link)
        answers[i++] = &job->answer;
        r = exchange_custody(service->writing.exchange, answers, count, clock_now_ms());
        if (r < 0)
                log_failure(LOG_LEVEL_ERROR, r, "custody of %zu answers could not be written",
                            count);
        while ((job = STAILQ_FIRST(jobs))) {
                STAILQ_REMOVE_HEAD(jobs, link);
                finish_custody(service, job, r);
        }
}

static void refuse_enrolment(struct service *service, struct job *job)
{
        struct http_answer answer = {.status = job->kind == JOB_ENROL ? 401 : 403,
                                     .type = "text/plain; charset=utf-8",
                                     .authenticate = job->kind == JOB_ENROL};

        log_info("enrolment refused: %s", error_detail());
        error_clear();
        service->enrolment_refused++;
        if (job->kind == JOB_ENROL)
                limiter_failed(service->limiter, job->address, clock_boot_ms());
        buffer_append_text(&answer.body, "refused\n");
        service_send(service, job, &answer);
}

static void enrol(struct service *service, struct job *job)
{
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct storage *storage = service->writing.storage;
        struct http_answer answer = {0};
        int64_t now_ms = clock_now_ms();
        bool first = job->kind == JOB_ENROL;
        char id[UUID_TEXT_SIZE];
        int r = first ? enrolment_first(storage, service->identity->ca, bytes_text(job->code),
                                        job->public_key, now_ms, &der, &job->device)
                      : enrolment_again(storage, service->identity->ca, &job->peer, job->public_key,
                                        now_ms, &der);

        if (r == PANNIER_E_REFUSED) {
                refuse_enrolment(service, job);
                return;
        }
        r = r < 0 ? r : service_certificate(buffer_view(&der), &answer);
        if (r < 0) {
                service_fail(service, job, r);
                return;
        }
        uuid_format(first ? &job->device : &job->peer.device, id);
        log_info("%s %s", first ? "enrolled" : "renewed", id);
        if (first)
                service->enrolled++;
        else
                service->renewed++;
        service_send(service, job, &answer);
}

static int write_reports(struct service *service, const struct report *reports, size_t count)
{
        struct storage *storage = service->writing.storage;
        int r = storage->ops->begin(storage, NULL, 0);

        if (r < 0)
                return r;
        for (size_t i = 0; i < count && !r; i++) {
                r = storage->ops->device_report(storage, &reports[i].device, reports[i].seen_ms,
                                                &reports[i].report);
                if (!r && reports[i].first)
                        r = storage->ops->code_burn(storage, &reports[i].device);
        }
        if (!r)
                return storage->ops->commit(storage);
        storage->ops->rollback(storage);
        return r;
}

static void flush_reports(struct service *service)
{
        struct report *reports;
        size_t count;
        int r;

        (void)pthread_mutex_lock(&service->lock);
        reports = TAKE(service->reports);
        count = service->report_count;
        service->report_count = service->report_capacity = 0;
        service->report_urgent = false;
        (void)pthread_mutex_unlock(&service->lock);
        r = count ? write_reports(service, reports, count) : 0;
        if (r < 0)
                log_failure(LOG_LEVEL_WARNING, r, "what devices reported could not be written");
        free(reports);
}

void service_note(struct service *service, const struct device_row *device,
                  const struct exchange_request *request, int64_t received_ms)
{
        const struct wire_device_hello *hello = exchange_hello(request);
        const struct report report = {.device = device->id,
                                      .seen_ms = received_ms,
                                      .first = device->seen_ms <= device->enrolled_ms,
                                      .report = {.waiting = hello->waiting,
                                                 .parked = hello->parked,
                                                 .quarantined = hello->quarantined,
                                                 .oldest_ms = hello->oldest_ms,
                                                 .clock_offset_ms = hello->now_ms - received_ms}};

        (void)pthread_mutex_lock(&service->lock);
        if (service->report_count == service->report_capacity &&
            service->report_count < SERVICE_REPORTS_MAX) {
                size_t capacity = service->report_capacity ? service->report_capacity * 2 : 64;
                struct report *grown = reallocarray(service->reports, capacity, sizeof(*grown));

                if (grown) {
                        service->reports = grown;
                        service->report_capacity = capacity;
                }
        }
        if (service->report_count < service->report_capacity)
                service->reports[service->report_count++] = report;
        if (report.first)
                service->report_urgent = true;
        (void)pthread_mutex_unlock(&service->lock);
}

/* Another process loads, grants or revokes: those who wait are looked at one by one, by a worker. */
static void look_elsewhere(struct service *service, struct turn *turn)
{
        struct storage *storage = service->writing.storage;
        struct job *job;
        uint64_t version;
        int r = storage->ops->version(storage, &version);

        if (r < 0) {
                log_failure(LOG_LEVEL_WARNING, r, "the database's version cannot be read");
                return;
        }
        if (version != turn->version)
                service->recheck_waits = true;
        turn->version = version;
        if (!service->recheck_waits || !waiters_count(service->waiters))
                return;
        job = job_new(service, JOB_RECHECK, NULL);
        if (!job)
                return;
        service->recheck_waits = false;
        queue_push(&service->to_workers, job);
}

static void tick(struct service *service, struct turn *turn)
{
        struct waiter_list list = TAILQ_HEAD_INITIALIZER(list);
        int64_t now_ms = clock_boot_ms();

        service->writer_ms = now_ms;
        if (now_ms - turn->report_ms >= SERVICE_REPORT_MS || service->report_urgent) {
                turn->report_ms = now_ms;
                flush_reports(service);
        }
        if (now_ms - turn->tick_ms < SERVICE_TICK_MS)
                return;
        turn->tick_ms = now_ms;
        waiters_expired(service->waiters, now_ms, &list);
        service_answer_waiters(service, &list, 204);
        look_elsewhere(service, turn);
        if (now_ms - turn->expire_ms >= SERVICE_EXPIRE_MS) {
                int r = exchange_expire(service->writing.exchange, clock_now_ms());

                turn->expire_ms = now_ms;
                if (r < 0)
                        log_failure(LOG_LEVEL_WARNING, r, "what is parked too long");
                wake_waiters(service);
        }
}

static void work(struct service *service, struct job_list *batch)
{
        struct job_list commits = STAILQ_HEAD_INITIALIZER(commits);
        struct job_list customs = STAILQ_HEAD_INITIALIZER(customs);
        size_t commit_count = 0, custody_count = 0;
        struct job *job;

        while ((job = STAILQ_FIRST(batch))) {
                STAILQ_REMOVE_HEAD(batch, link);
                if (job->kind == JOB_COMMIT) {
                        STAILQ_INSERT_TAIL(&commits, job, link);
                        commit_count++;
                } else if (job->kind == JOB_CUSTODY) {
                        STAILQ_INSERT_TAIL(&customs, job, link);
                        custody_count++;
                } else {
                        enrol(service, job);
                }
        }
        if (commit_count)
                commit(service, &commits, commit_count);
        if (custody_count)
                custody(service, &customs, custody_count);
}

void *writer_run(void *context)
{
        struct service *service = context;
        struct turn turn = {.report_ms = clock_boot_ms()};
        struct job_list batch = STAILQ_HEAD_INITIALIZER(batch);

        while (queue_take(&service->to_writer, SERVICE_BATCH_MAX, SERVICE_TICK_MS, &batch)) {
                work(service, &batch);
                tick(service, &turn);
        }
        flush_reports(service);
        return NULL;
}
