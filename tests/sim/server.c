#include "tests/sim/server.h"

#include "tests/sim/check.h"
#include "tests/sim/network.h"

enum {
        COMMIT_GATHER_MS =
                2, /* a flush takes about so long, and whatever comes meanwhile goes along */
        EXPIRE_EVERY_MS = 3600000,
        RESTART_MS = 5000,
};

static void plan_event(struct world *world, enum event_kind kind, int64_t after_ms)
{
        queue_put(&world->queue, &(struct event){.at_ms = world->now_ms + after_ms,
                                                 .kind = kind,
                                                 .number = world->server.life});
}

int server_start(struct world *world)
{
        struct server *server = &world->server;
        const struct template *template = template_get();
        int r = storage_sqlite_open("/store/store.db", false, &server->writer);

        if (r == 0)
                r = storage_sqlite_open("/store/store.db", true, &server->reader);
        if (r == 0)
                r = exchange_new(server->writer, &template->settings, &server->writing);
        if (r == 0)
                r = exchange_new(server->reader, &template->settings, &server->reading);
        if (r == 0)
                r = judge_new(server->writer, &server->judge);
        server->life++;
        if (r < 0) {
                server_stop(world);
                return r;
        }
        server->up = true;
        plan_event(world, EVENT_EXPIRE, EXPIRE_EVERY_MS);
        return 0;
}

static void drop_calls(struct world *world, struct server_call *calls, size_t *count)
{
        for (size_t i = 0; i < *count; i++) {
                exchange_request_free(calls[i].request);
                network_broken(world, calls[i].device, calls[i].exchange);
        }
        *count = 0;
}

void server_stop(struct world *world)
{
        struct server *server = &world->server;

        drop_calls(world, server->waiting, &server->waiting_count);
        drop_calls(world, server->committed, &server->committed_count);
        server->judge = judge_free(server->judge);
        server->writing = exchange_free(server->writing);
        server->reading = exchange_free(server->reading);
        server->reader = storage_free(server->reader);
        server->writer = storage_free(server->writer);
        server->up = false;
        server->life++;
}

void server_crash(struct world *world, enum disk_fate fate, int64_t after_ms)
{
        struct server *server = &world->server;

        story_tell(&world->story, NULL, "power is cut; unsynced writes are %s",
                   disk_fate_name(fate));
        server->disk.mood = DISK_CUT; /* closing must not write anything any more */
        server_stop(world);
        disk_crash(&server->disk, fate, &world->disk_random);
        plan_event(world, EVENT_STORE_ON, after_ms);
}

/* What an error of the storage means for the process: the power is gone, or it closes and opens its databases again. */
void server_trouble(struct world *world, int error)
{
        struct server *server = &world->server;

        if (server->disk.mood == DISK_CUT) {
                server_crash(world, (enum disk_fate)random_below(&world->disk_random, FATE_COUNT),
                             random_range(&world->disk_random, 1000, 60000));
                return;
        }
        if (error != PANNIER_E_STORAGE && error != PANNIER_E_CORRUPT)
                return;
        story_tell(&world->story, NULL, "%s: it starts anew", error_detail());
        server_stop(world);
        plan_event(world, EVENT_STORE_ON, RESTART_MS);
}

/* ---- requests ---- */

static void refuse(struct world *world, const struct event *event, int error)
{
        enum exchange_failure failure = EXCHANGE_STORE_UNAVAILABLE;

        story_tell(&world->story, NULL, "it refuses a request of %s: %s",
                   world->devices[event->device].row.name, error_detail());
        if (error == PANNIER_E_REFUSED)
                failure = EXCHANGE_REFUSED;
        else if (error == PANNIER_E_TOO_NEW)
                failure = EXCHANGE_UPGRADE;
        else if (error == PANNIER_E_MALFORMED || error == PANNIER_E_LIMIT)
                failure = EXCHANGE_PROTOCOL;
        network_failure(world, event->device, event->number, failure);
}

static int find_device(struct world *world, size_t number, struct device_row *ret)
{
        struct storage *storage = world->server.reader;
        int r = storage->ops->device_get(storage, &world->devices[number].row.id, ret);

        if (r < 0)
                return r;
        if (r == 0 || ret->state == DEVICE_REVOKED || ret->state == DEVICE_WIPED)
                return PANNIER_E_REFUSED;
        return 0;
}

void server_request(struct world *world, struct event *event)
{
        struct server *server = &world->server;
        struct server_call call = {.device = event->device, .exchange = event->number};
        struct device_row row;
        int r;

        if (!server->up) {
                network_failure(world, event->device, event->number, EXCHANGE_STORE_UNAVAILABLE);
                return;
        }
        r = find_device(world, event->device, &row);
        if (r == 0)
                r = exchange_read(server->reading, buffer_view(&event->message), &row,
                                  world->now_ms, &call.request);
        if (r == 0 && server->waiting_count == SERVER_BATCH_MAX)
                r = PANNIER_E_BUSY;
        if (r < 0) {
                exchange_request_free(call.request);
                refuse(world, event, r);
                if (r == PANNIER_E_STORAGE)
                        server_trouble(world, r);
                return;
        }
        server->waiting[server->waiting_count++] = call;
        if (server->waiting_count == 1)
                plan_event(world, EVENT_COMMIT, COMMIT_GATHER_MS);
}

static void commit_waiting(struct world *world, int *ret)
{
        struct server *server = &world->server;
        struct exchange_request *requests[SERVER_BATCH_MAX];
        size_t count = 0;

        for (size_t i = 0; i < server->waiting_count; i++)
                if (exchange_has_work(server->waiting[i].request))
                        requests[count++] = server->waiting[i].request;
        *ret = count ? exchange_commit(server->writing, requests, count, world->now_ms) : 0;
}

void server_commit(struct world *world, const struct event *event)
{
        struct server *server = &world->server;
        int r;

        if (event->number != server->life)
                return;
        commit_waiting(world, &r);
        if (r < 0) {
                story_tell(&world->story, NULL, "a commit failed: %s", error_detail());
                for (size_t i = 0; i < server->waiting_count; i++) {
                        network_failure(world, server->waiting[i].device,
                                        server->waiting[i].exchange, EXCHANGE_STORE_UNAVAILABLE);
                        exchange_request_free(server->waiting[i].request);
                }
                server->waiting_count = 0;
                server_trouble(world, r);
                return;
        }
        for (size_t i = 0; i < server->waiting_count; i++)
                server->committed[server->committed_count++] = server->waiting[i];
        server->waiting_count = 0;
        plan_event(world, EVENT_REPLY, 1);
}

static int reply(struct world *world, struct server_call *call)
{
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        const struct exchange_answer *answers[] = {&answer};
        struct server *server = &world->server;
        int r = exchange_answer(server->reading, call->request, world->now_ms, &answer);

        if (r == EXCHANGE_COMMIT_FIRST) {
                /* commits were lost, as the device's head shows: a new epoch begins, then it is answered */
                r = exchange_commit(server->writing, &call->request, 1, world->now_ms);
                if (r == 0)
                        r = exchange_answer(server->reading, call->request, world->now_ms, &answer);
        }
        if (r == 0 && answer.commit_first)
                r = exchange_custody(server->writing, answers, 1, world->now_ms);
        if (r < 0) {
                network_failure(world, call->device, call->exchange, EXCHANGE_STORE_UNAVAILABLE);
                return r;
        }
        check_answer(world, &world->devices[call->device], call->exchange,
                     buffer_view(&answer.body));
        network_answer(world, call->device, call->exchange, buffer_view(&answer.body));
        return 0;
}

void server_reply(struct world *world, const struct event *event)
{
        struct server *server = &world->server;
        size_t count = server->committed_count;
        int r = 0;

        if (event->number != server->life)
                return;
        server->committed_count = 0;
        for (size_t i = 0; i < count; i++) {
                if (r == 0)
                        r = reply(world, &server->committed[i]);
                else
                        network_failure(world, server->committed[i].device,
                                        server->committed[i].exchange, EXCHANGE_STORE_UNAVAILABLE);
                exchange_request_free(server->committed[i].request);
        }
        if (r < 0)
                server_trouble(world, r);
}

void server_expire(struct world *world, const struct event *event)
{
        int r;

        if (event->number != world->server.life || !world->server.up)
                return;
        r = exchange_expire(world->server.writing, world->now_ms);
        if (r < 0)
                server_trouble(world, r);
        if (event->number == world->server.life)
                plan_event(world, EVENT_EXPIRE, EXPIRE_EVERY_MS);
}

/* ---- operators ---- */

int server_begin(struct world *world)
{
        struct server *server = &world->server;
        int r;

        if (!server->up)
                return PANNIER_E_BUSY;
        r = server->writer->ops->begin(server->writer, &template_get()->locality, 1);
        if (r < 0) {
                server_trouble(world, r);
                return r;
        }
        judge_begin(server->judge, world->now_ms);
        return 0;
}

int server_put(struct world *world, const struct catalogue_type *type, const struct uuid *record,
               const struct uuid *person, const struct sim_field *fields, size_t count)
{
        struct sim_changes changes;
        struct judge_change change = {
                .locality = &template_get()->locality,
                .type = type,
                .entry = sim_id(ID_OPERATOR, ++world->next_operator),
                .record = *record,
                .person = person ? *person : UUID_NONE,
                .recorded_ms = world->now_ms,
        };

        sim_changes_make(type, fields, count, &changes);
        change.changes = changes.items;
        change.change_count = changes.count;
        return judge_put(world->server.judge, &change);
}

void server_end(struct world *world, int error)
{
        struct storage *writer = world->server.writer;

        if (error >= 0)
                error = writer->ops->commit(writer);
        else
                writer->ops->rollback(writer);
        if (error < 0)
                server_trouble(world, error);
}
