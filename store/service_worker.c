/* The workers: answers, and whether there is news for those who wait. Each reads with a connection of its own. */
#include "store/service_internal.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"

#include <string.h>

static void answer(struct worker *worker, struct job *job)
{
        struct service *service = worker->service;
        int r = exchange_answer(worker->place.exchange, job->request, clock_now_ms(), &job->answer);

        if (r < 0) {
                service_fail(service, job, r);
                return;
        }
        if (r == EXCHANGE_COMMIT_FIRST) {
                log_warning(
                        "a device shows a signed head that the log lacks: commits were lost, and "
                        "a new epoch begins");
                job->kind = JOB_COMMIT;
                queue_push(&service->to_writer, job);
                return;
        }
        service->rows += job->answer.row_count;
        job->kind = JOB_CUSTODY;
        if (job->answer.commit_first) {
                queue_push(&service->to_writer, job);
                return;
        }
        service_answer(service, job);
}

static int compare_keys(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

/* The feeds that the device may read now, as numbers. */
static int find_keys(struct worker *worker, struct waiter *waiter)
{
        struct storage *storage = worker->place.storage;
        const struct scope_set *scopes;
        struct device_row row;
        int r = storage->ops->device_get(storage, &waiter->device, &row);

        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_REFUSED, "no such device");
        r = grants_get(worker->grants, storage, &row, scope_day(clock_now_ms()), &scopes);
        r = r < 0 ? r : feed_list_load(&worker->feeds, storage, &row, scopes);
        if (r < 0)
                return r;
        waiter->keys = calloc(worker->feeds.count + 1, sizeof(*waiter->keys));
        if (!waiter->keys)
                return FAIL(PANNIER_E_MEMORY, "waiter");
        for (size_t i = 0; i < worker->feeds.count; i++)
                if (worker->feeds.items[i].number)
                        waiter->keys[waiter->key_count++] = watch_key(
                                worker->feeds.items[i].number, worker->feeds.items[i].key.class);
        qsort(waiter->keys, waiter->key_count, sizeof(*waiter->keys), compare_keys);
        return 0;
}

static int prepare(struct worker *worker, struct waiter *waiter)
{
        struct storage *storage = worker->place.storage;
        int r = storage->ops->begin_read(storage);

        if (r < 0)
                return r;
        r = find_keys(worker, waiter);
        storage->ops->rollback(storage);
        return r;
}

struct known { /* what is needed of a waiter that may be gone at any time */
        uint64_t serial;
        struct uuid device;
        uint8_t vector_hash[HASH_SIZE], parked_hash[HASH_SIZE];
        uint64_t closing;
};

static void look(struct worker *worker, const struct known *known)
{
        struct service *service = worker->service;
        struct waiter_list list = TAILQ_HEAD_INITIALIZER(list);
        int r = exchange_news(worker->place.exchange, &known->device, known->vector_hash,
                              known->parked_hash, known->closing, clock_now_ms());

        if (r < 0)
                log_failure(LOG_LEVEL_WARNING, r, "news for a device that waits");
        if (r != 0) /* also where it cannot be told: the exchange will say why */
                waiters_take(service->waiters, known->serial, &list);
        service_answer_waiters(service, &list, 200);
}

/* First among those who wait, then the question whether there is news already: so nothing falls in between. */
static void begin_wait(struct worker *worker, struct job *job)
{
        struct service *service = worker->service;
        struct waiter_list list = TAILQ_HEAD_INITIALIZER(list);
        struct waiter *waiter = TAKE(job->waiter);
        struct known known = {.device = waiter->device};
        int r = prepare(worker, waiter);

        job->call = NULL; /* the waiter has it */
        memcpy(known.vector_hash, waiter->vector_hash, HASH_SIZE);
        memcpy(known.parked_hash, waiter->parked_hash, HASH_SIZE);
        known.closing = waiter->closing;
        if (r < 0 || service->stopping) {
                if (r < 0)
                        log_failure(LOG_LEVEL_WARNING, r, "a device that wants to wait");
                TAILQ_INSERT_TAIL(&list, waiter, link);
                service_answer_waiters(service, &list, r < 0 ? 503 : 204);
                job_free(service, job);
                return;
        }
        waiters_add(service->waiters, waiter, &known.serial, &list);
        service_answer_waiters(service, &list, 204);
        look(worker, &known);
        job_free(service, job);
}

struct crowd {
        struct known *known;
        size_t count, capacity;
};

static void remember(void *context, const struct waiter *waiter)
{
        struct crowd *crowd = context;
        struct known *known = &crowd->known[crowd->count];

        if (crowd->count == crowd->capacity)
                return;
        known->serial = waiter->serial;
        known->device = waiter->device;
        memcpy(known->vector_hash, waiter->vector_hash, HASH_SIZE);
        memcpy(known->parked_hash, waiter->parked_hash, HASH_SIZE);
        known->closing = waiter->closing;
        crowd->count++;
}

static void recheck(struct worker *worker, struct job *job)
{
        struct service *service = worker->service;
        struct crowd crowd = {.capacity = waiters_count(service->waiters)};

        crowd.known = calloc(crowd.capacity + 1, sizeof(*crowd.known));
        if (crowd.known)
                waiters_each(service->waiters, remember, &crowd);
        for (size_t i = 0; i < crowd.count && !service->stopping; i++)
                look(worker, &crowd.known[i]);
        free(crowd.known);
        job_free(service, job);
}

void *worker_run(void *context)
{
        struct worker *worker = context;
        struct job_list list = STAILQ_HEAD_INITIALIZER(list);

        while (queue_take(&worker->service->to_workers, 1, -1, &list)) {
                struct job *job = STAILQ_FIRST(&list);

                if (!job)
                        continue;
                STAILQ_REMOVE_HEAD(&list, link);
                if (job->kind == JOB_WAIT)
                        begin_wait(worker, job);
                else if (job->kind == JOB_RECHECK)
                        recheck(worker, job);
                else
                        answer(worker, job);
        }
        return NULL;
}
