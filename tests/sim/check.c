/* The small checks: promises, timers, starts. */
#include "tests/sim/check.h"

#include "tests/sim/host.h"

enum { TICKS_MAX = 100 };

void check_event(struct device *device, const struct engine_event *event)
{
        struct world *world = device->world;
        struct promise *promise;

        if (event->kind != ENGINE_EVENT_ENTRY || event->state == OUTCOME_NONE)
                return;
        promise = world_promise_on(device, &event->entry);
        if (!promise)
                return;
        if (promise->shown != OUTCOME_NONE && promise->shown != OUTCOME_PARKED &&
            promise->shown != event->state && world->server.histories == 0)
                world_fail(world, "an entry had outcome %d and has %d now", promise->shown,
                           event->state);
        if (!(promise->outcomes >> event->state & 1))
                world_fail(world, "a device shows an outcome that no receipt said");
        if (promise->device == device->number)
                promise->shown = event->state;
}

/* The simulator's own look into the outbox: what it reads does not depend on whether the power is still on. */
static int look_up(struct device *device, const struct uuid *entry, struct outbox_row *ret,
                   struct buffer *ret_body)
{
        enum disk_mood mood = device->disk.mood;
        int r;

        device->disk.mood = DISK_WELL;
        r = outbox_get(device->engine->outbox, entry, ret);
        if (r > 0 && ret_body) {
                int opened = outbox_open_body(device->engine->outbox, ret, ret_body);

                r = opened < 0 ? opened : r;
        }
        device->disk.mood = mood;
        return r;
}

void check_acknowledged(struct world *world, struct device *device, const struct uuid *entry)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct outbox_row row;
        int r = look_up(device, entry, &row, &body);

        if (r <= 0) {
                world_fail(world, "%s acknowledged an entry that its outbox does not have",
                           device->row.name);
                return;
        }
        ledger_add(&world->ledger, entry, device->number, row.header, buffer_view(&body));
}

enum entry_outcome check_shown(struct device *device, const struct uuid *entry)
{
        struct outbox_row row;

        return look_up(device, entry, &row, NULL) > 0 ? row.state : OUTCOME_NONE;
}

bool check_kept(struct device *device, const struct uuid *entry)
{
        struct outbox_row row;

        return look_up(device, entry, &row, NULL) > 0;
}

/* The card of before is gone, and what was recorded on it since the copy. */
static void note_restored(struct promise *promise, const struct outbox_row *row)
{
        promise->gone = row == NULL;
        promise->shown = row ? row->state : OUTCOME_NONE;
}

void check_started(struct world *world, struct device *device)
{
        bool restored = device->restored;

        device->restored = false;
        for (size_t i = 0; i < world->ledger.count; i++) {
                struct promise *promise = &world->ledger.promises[i];
                struct outbox_row row;
                int r;

                if (promise->device != device->number || promise->gone)
                        continue;
                r = look_up(device, &promise->id, &row, NULL);
                if (r == PANNIER_E_STORAGE) {
                        device->restored = restored;
                        return;
                }
                if (restored && r >= 0)
                        note_restored(promise, r > 0 ? &row : NULL);
                else if (r <= 0 || row.damaged)
                        world_fail(world, "%s has lost an entry that it had acknowledged",
                                   device->row.name);
                else if (promise->shown != OUTCOME_NONE && row.state == OUTCOME_NONE &&
                         world->server.histories == 0)
                        world_fail(world, "%s has lost an outcome that it had shown",
                                   device->row.name);
        }
}

void check_tick(struct world *world, struct device *device, int result)
{
        if (device->tick_ms != world->now_ms)
                device->ticks = 0;
        device->tick_ms = world->now_ms;
        if (result != ENGINE_NOTHING)
                return;
        if (++device->ticks == TICKS_MAX)
                world_fail(world, "a timer of %s spins", device->row.name);
}

/* No alarm without a cause: each of these is a person's time. */
void check_stopped(struct world *world, struct device *device)
{
        enum exchange_failure failure = device->engine->session.failure;

        if ((failure == EXCHANGE_FORKED && !device->double_life && world->server.histories == 0) ||
            (failure == EXCHANGE_STORE_BEHIND && world->server.histories == 0))
                world_fail(world, "%s says \"%s\" without a cause", device->row.name,
                           exchange_failure_name(failure));
}

/* The comparison of digests mends what a bug did; a bug it is all the same. */
void check_repairs(struct world *world, struct device *device)
{
        struct replica_repairs repairs;

        if (device->double_life || device->damaged > 0 || world->server.histories > 0)
                return;
        if (replica_repairs(device->engine->replica, &repairs) < 0)
                return;
        if (repairs.made + repairs.erased > 0)
                world_fail(world, "the copy of %s had to be repaired without a cause",
                           device->row.name);
}

static int tell_row(void *context, const struct outbox_row *row)
{
        struct device *device = context;

        story_tell(&device->world->story, device->row.name,
                   "entry %02x%02x of life %02x%02x, lane %u, number %llu: outcome %d%s%s%s",
                   row->id.bytes[14], row->id.bytes[15], row->incarnation.bytes[0],
                   row->incarnation.bytes[1], row->lane, (unsigned long long)row->seq, row->state,
                   row->receipt.size > 0 ? ", with a receipt" : "", row->damaged ? ", damaged" : "",
                   row->erased ? ", erased" : "");
        return 0;
}

void check_tell(struct world *world)
{
        for (size_t i = 0; i < world->machines; i++) {
                struct device *device = &world->devices[i];
                struct wire_lane lane;

                if (!device->engine || device->disk.mood != DISK_WELL)
                        continue;
                (void)outbox_each(device->engine->outbox, 0, 0, tell_row, device);
                for (uint8_t k = 0; k < LANE_COUNT; k++) {
                        outbox_lane(device->engine->outbox, k, &lane);
                        story_tell(&world->story, device->row.name,
                                   "lane %u of life %02x%02x ends at %llu", k,
                                   outbox_incarnation(device->engine->outbox)->bytes[0],
                                   outbox_incarnation(device->engine->outbox)->bytes[1],
                                   (unsigned long long)lane.seq);
                }
        }
}
