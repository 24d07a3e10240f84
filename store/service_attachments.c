/*
 * Attachments: GET and PUT below /v1/attachments (docs/protocol.md). One thread of their own does all of it, one after the other: a
 * slow disk under photos holds nobody's exchange, and two requests never meet in one file.
 *
 *     GET wanted            records whose bytes the device may bring again
 *     GET ENTRY/state       how far they have come; with the store's signature where they are whole
 *     PUT ENTRY/N?hash=HEX  the next chunk
 *     GET RECORD/N          one chunk of bytes that a record names which the device is granted
 *
 * What does not exist, is not the device's, and is not here (yet) is one answer: 404.
 */
#include "store/service_internal.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "store/attachment_access.h"
#include "store/layout.h"
#include "store/vault.h"

#include <stdlib.h>
#include <string.h>

enum {
        JOBS_MAX = 64,         /* chunks in memory, waiting for the disk */
        REFUSED_RETRY_S = 600, /* over a quota */
        CHUNK_NUMBER_SIZE = 8,
};

enum asked { ASKED_STATE, ASKED_WANTED, ASKED_CHUNK, ASKED_PUT };

struct service_attachment_job {
        enum asked asked;
        struct device_row device;
        struct uuid id;
        uint32_t chunk;
        uint8_t hash[HASH_SIZE];
        struct buffer body;
};

struct spent { /* of one device, today */
        struct uuid device;
        uint64_t bytes;
};

struct service_attachments {
        struct service *service;
        struct place place; /* reads only */
        struct grants *grants;
        struct body_codec *codec;
        struct vault *vault;
        struct queue queue;
        pthread_t thread;
        bool started;
        struct spent *spent;
        size_t spent_count, spent_capacity;
        int64_t day;
};

struct service_attachment_job *service_attachment_job_free(struct service_attachment_job *job)
{
        if (!job)
                return NULL;
        buffer_deinit(&job->body);
        free(job);
        return NULL;
}

/* ---- on the loop's thread ---- */

static int read_number(struct bytes text, uint32_t *ret)
{
        uint32_t number = 0;

        if (text.size == 0 || text.size >= CHUNK_NUMBER_SIZE)
                return FAIL(PANNIER_E_INVALID, "not a chunk's number");
        for (size_t i = 0; i < text.size; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return FAIL(PANNIER_E_INVALID, "not a chunk's number");
                number = number * 10 + (uint32_t)(text.data[i] - '0');
        }
        *ret = number;
        return 0;
}

static int read_hash(struct http_call *call, uint8_t ret[HASH_SIZE])
{
        char text[2 * HASH_SIZE + 1];
        int r = http_call_query(call, "hash", text, sizeof(text));

        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_INVALID, "a chunk has a hash");
        return bytes_from_hex(bytes_text(text), ret, HASH_SIZE);
}

/* What stands behind /v1/attachments/ */
static int read_path(const char *rest, bool put, struct service_attachment_job *job)
{
        const char *slash = strchr(rest, '/');
        struct bytes last;
        int r;

        if (!slash) {
                job->asked = ASKED_WANTED;
                return !put && strcmp(rest, "wanted") == 0
                               ? 0
                               : FAIL(PANNIER_E_INVALID, "there is no such address");
        }
        last = bytes_text(slash + 1);
        r = uuid_parse(BYTES(rest, (size_t)(slash - rest)), &job->id);
        if (r < 0)
                return r;
        job->asked = put ? ASKED_PUT : ASKED_CHUNK;
        if (!put && bytes_equal(last, bytes_text("state"))) {
                job->asked = ASKED_STATE;
                return 0;
        }
        return read_number(last, &job->chunk);
}

static int read_call(struct http_call *call, bool put, struct service_attachment_job *job)
{
        int r = read_path(http_call_rest(call), put, job);

        if (r < 0 || !put)
                return r;
        r = read_hash(call, job->hash);
        if (r < 0)
                return r;
        if (http_call_body(call).size > ATTACHMENT_CHUNK_SIZE)
                return FAIL(PANNIER_E_LIMIT, "a chunk has at most %d bytes", ATTACHMENT_CHUNK_SIZE);
        buffer_append(&job->body, http_call_body(call));
        return buffer_check(&job->body);
}

static bool let_in(struct service *service, struct http_call *call)
{
        if (!service->stopping && queue_count(&service->attachments->queue) < JOBS_MAX)
                return true;
        service->sent_away++;
        service_unavailable(service, call);
        return false;
}

static void take_call(struct service *service, struct http_call *call, bool put)
{
        struct service_attachment_job *asked;
        struct device_row device;
        struct job *job;
        int r;

        if (service_find_device(service, call, &device) < 0 || !let_in(service, call))
                return;
        asked = calloc(1, sizeof(*asked));
        job = asked ? job_new(service, JOB_ATTACHMENT, call) : NULL;
        if (!job) {
                if (!asked)
                        service_unavailable(service, call);
                (void)service_attachment_job_free(asked);
                return;
        }
        asked->device = device;
        job->attachment = asked;
        r = read_call(call, put, asked);
        if (r < 0) {
                job->call = NULL;
                job_free(service, job);
                service_refuse(service, call, r);
                return;
        }
        service->in_flight++;
        http_call_keep(call, NULL, NULL);
        queue_push(&service->attachments->queue, job);
}

void service_on_attachment_get(void *context, struct http_call *call)
{
        take_call(context, call, false);
}

void service_on_attachment_put(void *context, struct http_call *call)
{
        take_call(context, call, true);
}

/* ---- on the thread: what a device may bring today ---- */

static struct spent *spent_of(struct service_attachments *work, const struct uuid *device,
                              int64_t now_ms)
{
        if (work->day != scope_day(now_ms)) {
                work->day = scope_day(now_ms);
                work->spent_count = 0;
        }
        for (size_t i = 0; i < work->spent_count; i++)
                if (uuid_equal(&work->spent[i].device, device))
                        return &work->spent[i];
        if (work->spent_count == work->spent_capacity) {
                size_t capacity = work->spent_capacity ? work->spent_capacity * 2 : 64;
                struct spent *grown = reallocarray(work->spent, capacity, sizeof(*grown));

                if (!grown)
                        return NULL;
                work->spent = grown;
                work->spent_capacity = capacity;
        }
        work->spent[work->spent_count] = (struct spent){.device = *device};
        return &work->spent[work->spent_count++];
}

/* ---- on the thread: answers ---- */

struct reply {
        int status;
        unsigned retry_after_s;
        const char *text; /* where there is no body */
        struct buffer body;
};

static int sign(struct service_attachments *work, const struct uuid *device,
                struct wire_attachment *message)
{
        CLEANUP(buffer_deinit) struct buffer bytes = BUFFER_INIT;
        int r;

        attachment_message(device, message, &bytes);
        r = buffer_check(&bytes);
        return r < 0 ? r
                     : private_key_sign(work->service->identity->signing_key, buffer_view(&bytes),
                                        message->signature);
}

static int tell_state(struct service_attachments *work, const struct uuid *device,
                      const struct vault_claim *claim, int status, struct reply *reply)
{
        struct wire_attachment message = {
                .entry = claim->entry, .size = claim->attachment.size, .now_ms = clock_now_ms()};
        int r = vault_next(work->vault, claim, &message.next);

        if (r < 0)
                return r;
        memcpy(message.hash, claim->attachment.hash, HASH_SIZE);
        if (message.next == attachment_chunk_count(message.size))
                r = sign(work, device, &message);
        if (r < 0)
                return r;
        wire_put_attachment(&message, &reply->body);
        reply->status = status;
        return buffer_check(&reply->body);
}

/* Its own entry; or a record that it may read and whose bytes were found damaged: whoever has them may bring them. */
static int find_claim(struct service_attachments *work, const struct service_attachment_job *asked,
                      struct vault_claim *ret)
{
        struct storage *storage = work->place.storage;
        struct attachment_claim claim;
        int r = storage->ops->begin_read(storage);

        if (r < 0)
                return r;
        r = attachment_may_bring(storage, work->codec, &asked->device, &asked->id, &claim);
        if (r == 0 && vault_is_wanted(work->vault, &asked->id))
                r = attachment_may_read(storage, work->grants, &asked->device, &asked->id,
                                        clock_now_ms(), &claim);
        storage->ops->rollback(storage);
        if (r > 0)
                *ret = (struct vault_claim){claim.entry, claim.record, claim.attachment};
        return r;
}

static int put(struct service_attachments *work, const struct service_attachment_job *asked,
               const struct vault_claim *claim, struct reply *reply)
{
        const int64_t now_ms = clock_now_ms();
        struct spent *spent = spent_of(work, &asked->device.id, now_ms);
        uint64_t day_max = (uint64_t)work->service->settings->attachment_day_mib << 20;
        int r;

        if (!spent || spent->bytes + asked->body.size > day_max) {
                work->service->attachments_refused++;
                *reply = (struct reply){
                        429, REFUSED_RETRY_S, "this device has brought enough for today\n", {0}};
                return 0;
        }
        spent->bytes += asked->body.size;
        r = vault_put(work->vault, claim, asked->chunk, buffer_view(&asked->body), asked->hash,
                      now_ms);
        if (r == PANNIER_E_LIMIT) {
                log_warning("an attachment was not taken: %s", error_detail());
                error_clear();
                work->service->attachments_refused++;
                *reply = (struct reply){507, REFUSED_RETRY_S, "no room for attachments\n", {0}};
                return 0;
        }
        if (r < 0)
                return r;
        if (r == VAULT_OTHER) {
                log_warning("a device brought other bytes than its entry names");
                *reply = (struct reply){422, 0, "not the bytes that the entry names\n", {0}};
                return 0;
        }
        return tell_state(work, &asked->device.id, claim, r == VAULT_NOT_NEXT ? 409 : 200, reply);
}

static int get_chunk(struct service_attachments *work, const struct service_attachment_job *asked,
                     struct reply *reply)
{
        struct storage *storage = work->place.storage;
        struct attachment_claim claim;
        int r = storage->ops->begin_read(storage);

        if (r < 0)
                return r;
        r = attachment_may_read(storage, work->grants, &asked->device, &asked->id, clock_now_ms(),
                                &claim);
        storage->ops->rollback(storage);
        if (r <= 0)
                return r;
        r = vault_get(work->vault, &claim.record, &claim.attachment, asked->chunk, &reply->body);
        if (r == PANNIER_E_CORRUPT || r == PANNIER_E_NOT_FOUND) {
                if (r == PANNIER_E_CORRUPT)
                        log_failure(LOG_LEVEL_WARNING, r, "reading an attachment");
                error_clear();
                return 0; /* not here, for now */
        }
        reply->status = 200;
        return r;
}

struct wanting {
        struct service_attachments *work;
        const struct device_row *device;
        struct uuid ids[WIRE_WANTED_MAX];
        size_t count;
};

static int consider_wanted(void *context, const struct uuid *record)
{
        struct wanting *wanting = context;
        struct service_attachments *work = wanting->work;
        struct attachment_claim claim;
        int r = attachment_may_read(work->place.storage, work->grants, wanting->device, record,
                                    clock_now_ms(), &claim);

        if (r > 0)
                wanting->ids[wanting->count++] = *record;
        return r < 0 ? r : wanting->count == WIRE_WANTED_MAX;
}

static int tell_wanted(struct service_attachments *work, const struct service_attachment_job *asked,
                       struct reply *reply)
{
        struct storage *storage = work->place.storage;
        struct wanting wanting = {.work = work, .device = &asked->device};
        struct wire_wanted message = {.records = wanting.ids};
        int r = storage->ops->begin_read(storage);

        if (r < 0)
                return r;
        r = vault_wanted(work->vault, consider_wanted, &wanting);
        storage->ops->rollback(storage);
        if (r < 0)
                return r;
        message.records_count = wanting.count;
        wire_put_wanted(&message, &reply->body);
        reply->status = 200;
        return buffer_check(&reply->body);
}

static int work_on(struct service_attachments *work, const struct service_attachment_job *asked,
                   struct reply *reply)
{
        struct vault_claim claim;
        int r;

        switch (asked->asked) {
        case ASKED_WANTED:
                return tell_wanted(work, asked, reply);
        case ASKED_CHUNK:
                return get_chunk(work, asked, reply);
        case ASKED_STATE:
        case ASKED_PUT:
                break;
        }
        r = find_claim(work, asked, &claim);
        if (r <= 0)
                return r;
        return asked->asked == ASKED_PUT ? put(work, asked, &claim, reply)
                                         : tell_state(work, &asked->device.id, &claim, 200, reply);
}

static void answer(struct service_attachments *work, struct job *job)
{
        struct reply reply = {.status = 404, .text = "not found\n"};
        bool chunk = job->attachment->asked == ASKED_CHUNK;
        struct http_answer out = {0};
        int r = work_on(work, job->attachment, &reply);

        if (r == PANNIER_E_INVALID) {
                log_info("an attachment of %s: %s", job->address, error_detail());
                error_clear();
                reply = (struct reply){400, 0, "malformed\n", reply.body};
                buffer_reset(&reply.body);
        } else if (r < 0) {
                buffer_deinit(&reply.body);
                service_fail(work->service, job, r);
                return;
        }
        out.status = reply.status;
        out.retry_after_s = reply.retry_after_s;
        out.type = !reply.body.size ? "text/plain; charset=utf-8"
                   : chunk          ? "application/octet-stream"
                                    : SERVICE_SYNC_TYPE;
        out.body = reply.body;
        if (!out.body.size && reply.text)
                buffer_append_text(&out.body, reply.text);
        service_send(work->service, job, &out);
}

static void *run(void *context)
{
        struct service_attachments *work = context;
        struct job_list list = STAILQ_HEAD_INITIALIZER(list);

        while (queue_take(&work->queue, 1, -1, &list)) {
                struct job *job = STAILQ_FIRST(&list);

                if (!job)
                        continue;
                STAILQ_REMOVE_HEAD(&list, link);
                answer(work, job);
                work->service->attachment_bytes = vault_used(work->vault);
        }
        return NULL;
}

/* ---- life ---- */

int service_attachments_new(struct service *service, const char *data,
                            struct service_attachments **ret)
{
        const struct vault_limits limits = {
                .total_max = (uint64_t)service->settings->attachment_gib << 30,
                .reserve_min = (uint64_t)service->settings->attachment_reserve_mib << 20};
        CLEANUP(service_attachments_freep)
        struct service_attachments *work = calloc(1, sizeof(*work));
        char path[LAYOUT_PATH_MAX];
        int r;

        if (!work)
                return FAIL(PANNIER_E_MEMORY, "attachments");
        work->service = service;
        queue_init(&work->queue);
        r = layout_path(data, LAYOUT_ATTACHMENTS, path);
        r = r < 0 ? r : vault_open(path, &limits, clock_now_ms(), &work->vault);
        r = r < 0 ? r : layout_path(data, LAYOUT_DATABASE, path);
        r = r < 0 ? r : storage_sqlite_open(path, true, &work->place.storage);
        r = r < 0 ? r : grants_new(&work->grants);
        r = r < 0 ? r : body_codec_new(&work->codec);
        if (r < 0)
                return r;
        service->attachment_bytes = vault_used(work->vault);
        r = pthread_create(&work->thread, NULL, run, work);
        if (r != 0)
                return FAIL(PANNIER_E_SYSTEM, "thread: %s", strerror(r));
        work->started = true;
        *ret = TAKE(work);
        return 0;
}

void service_attachments_finish(struct service_attachments *work)
{
        if (!work || !work->started)
                return;
        queue_close(&work->queue);
        (void)pthread_join(work->thread, NULL);
        work->started = false;
}

struct service_attachments *service_attachments_free(struct service_attachments *work)
{
        if (!work)
                return NULL;
        service_attachments_finish(work);
        queue_deinit(&work->queue);
        (void)body_codec_free(work->codec);
        (void)grants_free(work->grants);
        (void)storage_free(work->place.storage);
        (void)vault_free(work->vault);
        free(work->spent);
        free(work);
        return NULL;
}
