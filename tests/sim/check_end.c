/* What must hold in the end: the ledger, the chains, the contents. */
#include "tests/sim/check.h"

#include "daemon/session_internal.h"
#include "tests/sim/content.h"
#include "tests/sim/host.h"

#include <string.h>

bool check_equal(struct world *world, struct device *device, const char **ret_why)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        const struct outbox_counts *counts = outbox_counts(device->engine->outbox);
        struct server *server = &world->server;
        uint8_t vector[HASH_SIZE], parked_hash[HASH_SIZE];
        struct wire_feed_state *feeds;
        const struct uuid *parked;
        size_t count;
        int r;

        *ret_why = "an exchange does not end well";
        if (device->engine->session.failure != EXCHANGE_OK)
                return false;
        *ret_why = "entries wait";
        if (counts->states[OUTCOME_NONE] > 0)
                return false;
        *ret_why = "the feeds are not where the store's are";
        r = session_vector(device->engine, &arena, &feeds, &count, vector);
        if (r >= 0)
                r = outbox_parked(device->engine->outbox, &arena, &parked, &count);
        if (r >= 0)
                r = wire_parked_hash(parked, count, parked_hash);
        if (r < 0)
                return false;
        return exchange_news(server->reading, &device->row.id, vector, parked_hash,
                             outbox_closing(device->engine->outbox), world->now_ms) == 0;
}

/* ---- the ledger ---- */

struct tally {
        struct world *world;
        uint8_t *seen; /* outcomes by the promise's place */
};

/* Byte for byte; but the envelope may be written anew after a fork: incarnation, number, what it needs. */
static bool is_same(const struct world *world, const struct promise *promise, struct bytes header,
                    struct bytes body)
{
        struct entry_header was, is;

        if (!bytes_equal(promise->body, body))
                return false;
        if (bytes_equal(promise->header, header))
                return true;
        if ((!world->devices[promise->device].double_life && world->server.histories == 0) ||
            entry_header_decode(promise->header, &was) < 0 || entry_header_decode(header, &is) < 0)
                return false;
        return uuid_equal(&was.id, &is.id) && uuid_equal(&was.device, &is.device) &&
               uuid_equal(&was.locality, &is.locality) && was.lane == is.lane &&
               !uuid_equal(&was.incarnation, &is.incarnation);
}

static void tally_one(struct tally *tally, const struct uuid *id, const struct uuid *device,
                      struct bytes header, struct bytes body, enum entry_outcome outcome)
{
        struct ledger *ledger = &tally->world->ledger;
        struct promise *promise = world_promise(tally->world, id, device, body);
        enum entry_outcome shown;

        if (!promise)
                return;
        if (++tally->seen[promise - ledger->promises] > 1)
                world_fail(tally->world, "an entry has two outcomes at the store");
        if (!is_same(tally->world, promise, header, body))
                world_fail(tally->world, "an entry at the store is not what was acknowledged");
        if (promise->gone)
                return;
        shown = check_shown(&tally->world->devices[promise->device], id);
        /* one machine of two fetched what the store owed to both: the identity is an incident, the entry is where it belongs */
        if (shown == OUTCOME_PARKED && world_has_clone(tally->world, promise->device))
                return;
        if (shown != outcome)
                world_fail(tally->world, "%s shows outcome %d, the store has %d",
                           tally->world->devices[promise->device].row.name, shown, outcome);
}

static int tally_row(void *context, const struct log_row *row)
{
        tally_one(context, &row->id, &row->device, row->header, row->body, row->outcome);
        return 0;
}

static int tally_parked(void *context, const struct parked_row *row)
{
        tally_one(context, &row->id, &row->device, row->header, row->body, OUTCOME_PARKED);
        return 0;
}

/* The store had it, and its person was erased here: then its body is not kept. (Sealed to the store it will be.) */
static bool is_forgotten(struct device *device, const struct uuid *entry)
{
        struct outbox_row row;

        return device->world->server.histories > 0 &&
               outbox_get(device->engine->outbox, entry, &row) > 0 && row.erased &&
               row.sealed.size == 0;
}

/* It is at the store, and still on the device: no backup has been verified, and the store may yet lose it. */
static void check_promise(struct world *world, const struct promise *promise, uint8_t seen)
{
        struct device *device = &world->devices[promise->device];

        if (promise->gone)
                return;
        if (seen == 0 && !is_forgotten(device, &promise->id))
                world_fail(world, "an acknowledged entry of %s is not at the store",
                           device->row.name);
        if (!check_kept(device, &promise->id))
                world_fail(world, "%s has dropped an entry that is in no verified backup",
                           device->row.name);
}

static void check_ledger(struct world *world, struct storage *storage)
{
        struct tally tally = {.world = world, .seen = sim_alloc(world->ledger.count)};
        int r = storage->ops->log_each(storage, &template_get()->locality, 1, tally_row, &tally);

        for (size_t i = 0; i < world->machines && r >= 0; i++)
                r = storage->ops->parked_of(storage, &world->devices[i].row.id, tally_parked,
                                            &tally);
        if (r < 0)
                world_fail(world, "the store's log cannot be read: %s", error_detail());
        for (size_t i = 0; i < world->ledger.count && r >= 0; i++)
                check_promise(world, &world->ledger.promises[i], tally.seen[i]);
        free(tally.seen);
}

/* ---- chains ---- */

static void check_lanes(struct world *world, struct storage *storage, size_t machine)
{
        struct device *device = &world->devices[machine];
        struct outbox *outbox = device->engine->outbox;

        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
                struct lane_row row = {.next_seq = 1};
                struct wire_lane own;
                int r = storage->ops->lane_get(storage, &device->row.id, outbox_incarnation(outbox),
                                               lane, &row);

                outbox_lane(outbox, lane, &own);
                /* the other one of two machines wrote on: this one hears of it when it has something to say */
                if (r >= 0 && row.next_seq > own.seq + 1 && world_has_clone(world, machine))
                        continue;
                if (r < 0 || row.next_seq != own.seq + 1 ||
                    memcmp(row.head, own.head, HASH_SIZE) != 0)
                        world_fail(world, "lane %u of %s ends elsewhere at the store", lane,
                                   device->row.name);
        }
        if (outbox_counts(outbox)->damaged > 0)
                world_fail(world, "%s calls an entry damaged", device->row.name);
}

void check_server_started(struct world *world)
{
        struct storage *storage = world->server.reader;

        if (storage->ops->begin_read(storage) < 0)
                return;
        for (size_t i = 0; i < world->ledger.count; i++) {
                CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
                const struct promise *promise = &world->ledger.promises[i];
                const struct uuid *device = &world->devices[promise->device].row.id;
                uint8_t hash[HASH_SIZE];
                struct parked_row parked;
                struct log_row row;
                int r;

                if (promise->told == OUTCOME_NONE || promise->history != world->server.histories)
                        continue;
                entry_body_hash(promise->body, hash);
                r = storage->ops->log_find(storage, &template_get()->locality, &promise->id, device,
                                           hash, &arena, &row);
                if (r == FOUND_NONE && promise->told == OUTCOME_PARKED)
                        r = storage->ops->parked_find(storage, &template_get()->locality,
                                                      &promise->id, device, hash, &parked);
                if (r == FOUND_NONE || r == FOUND_OTHER)
                        world_fail(world,
                                   "the store has lost an entry for which it gave a receipt");
        }
        storage->ops->rollback(storage);
}

void check_end(struct world *world)
{
        struct storage *storage = world->server.reader;

        if (storage->ops->begin_read(storage) < 0) {
                world_fail(world, "the store cannot be read: %s", error_detail());
                return;
        }
        check_ledger(world, storage);
        check_log(world, storage);
        for (size_t i = 0; i < world->machines; i++)
                check_lanes(world, storage, i);
        storage->ops->rollback(storage);
}

/* The digests that both sides kept through all of it, and those counted now from what is here, are the same. */
static int check_proven(struct world *world, struct device *device)
{
        struct replica_proof proof;
        int r = replica_prove(device->engine->replica, &proof);

        if (r < 0)
                return r;
        if (proof.wrong > 0)
                world_fail(world, "%s kept %llu digests that are not those of what it holds",
                           device->row.name, (unsigned long long)proof.wrong);
        else if (!proof.told)
                world_fail(world, "%s was not told the store's digests", device->row.name);
        else if (!proof.equal)
                world_fail(world, "%s is not proven equal to the store", device->row.name);
        return 0;
}

/* A page that was damaged and not read since is found by reading it: then the device fetches its replica again, and is looked at again. */
bool check_contents(struct world *world)
{
        struct storage *storage = world->server.reader;
        bool whole = true;

        if (storage->ops->begin_read(storage) < 0)
                return true;
        for (size_t i = 0; i < world->machines && !world->violated; i++) {
                struct device *device = &world->devices[i];
                int r = 0;

                /* what one of two machines erased, the other is not told to erase: only a comparison of digests finds it */
                if (world_has_clone(world, i))
                        continue;
                r = content_compare(world, storage, device);
                if (r < 0 && (r != PANNIER_E_CORRUPT || device->damaged == 0))
                        world_fail(world, "the contents of %s cannot be compared: %s: %s",
                                   device->row.name, pannier_error_name(r), error_detail());
                if (r >= 0 && !world->violated)
                        r = check_proven(world, device);
                if (r < 0 && !world->violated) {
                        device->damaged = 0;
                        host_called(world, device, r);
                        whole = false;
                }
        }
        storage->ops->rollback(storage);
        return whole;
}
