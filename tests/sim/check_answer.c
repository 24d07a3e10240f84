/*
 * An answer, as a stranger would read it: what it holds against what the device may hold at this moment, by the store's tables but not
 * by the store's code for feeds and grants.
 */
#include "tests/sim/check.h"

#include "common/wire.h"

struct reading {
        struct world *world;
        struct device *device;
        struct storage *storage;
        struct scope scopes[TEAMS + 2];
        size_t scope_count;
        struct device_row row;
        bool wanted; /* the device waits for this answer */
        bool held;   /* of the person that was looked up last */
};

static int take_scope(void *context, const struct scope *scope)
{
        struct reading *reading = context;

        if (reading->scope_count < TEAMS)
                reading->scopes[reading->scope_count++] = *scope;
        return 0;
}

static int take_member(void *context, const struct member_row *row)
{
        struct reading *reading = context;

        for (size_t i = 0; i < reading->scope_count && row->joined; i++)
                if (scope_equal(&reading->scopes[i], &row->scope))
                        reading->held = true;
        return 0;
}

static bool may_hold(struct reading *reading, const struct uuid *person)
{
        reading->held = false;
        (void)reading->storage->ops->members_of(reading->storage, &template_get()->locality, person,
                                                take_member, reading);
        return reading->held;
}

static int class_of(const struct wire_records *records, const struct wire_row *row)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct record record = {.type = catalogue_type_by_number(records->type)};
        const struct value *about;
        struct cbor_reader reader;

        if (!record.type || record.type->class != CLASS_OF_RECORD)
                return record.type ? (int)record.type->class : CLASS_COUNT;
        cbor_reader_init(&reader, row->fields);
        if (record_decode_fields(&reader, &arena, &record) < 0)
                return CLASS_COUNT;
        about = &record.values[catalogue_bind()->conflict.record_type];
        return (int)catalogue_class_of(record.type,
                                       about->form == VALUE_INTEGER ? (uint64_t)about->integer : 0);
}

static void read_records(struct reading *reading, struct wire_records *records)
{
        const struct catalogue_type *type = catalogue_type_by_number(records->type);
        struct wire_row row;

        while (wire_records_next(records, &row) > 0) {
                if (type->personal && !may_hold(reading, &row.person))
                        world_fail(reading->world,
                                   "%s is sent a %s of somebody whom it may not hold",
                                   reading->device->row.name, type->name);
                if (class_of(records, &row) > (int)reading->row.ceiling)
                        world_fail(reading->world, "%s is sent a %s above its ceiling",
                                   reading->device->row.name, type->name);
        }
}

static void read_receipts(struct reading *reading, const struct wire_receipts *receipts)
{
        for (size_t i = 0; i < receipts->receipts_count; i++) {
                const struct wire_receipt *receipt = &receipts->receipts[i];
                struct promise *promise = world_promise_on(reading->device, &receipt->entry);
                uint64_t history = reading->world->server.histories;

                if (reading->device->number == HOSTILE)
                        story_tell(&reading->world->story, NULL,
                                   "what somebody made up or stole has outcome %d, reason %d",
                                   receipt->outcome, receipt->reason);
                if (!promise)
                        continue;
                if (promise->told != OUTCOME_NONE && promise->told != OUTCOME_PARKED &&
                    promise->history == history && promise->told != receipt->outcome)
                        world_fail(reading->world, "an entry's receipt said %d and says %d now",
                                   promise->told, receipt->outcome);
                promise->told = receipt->outcome;
                promise->history = history;
                promise->outcomes |= 1U << receipt->outcome;
                promise->parked = promise->parked || receipt->outcome == OUTCOME_PARKED;
        }
}

static uint64_t all_held(struct reading *reading)
{
        uint64_t bits = 0;

        for (size_t i = 0; i < reading->world->person_count; i++)
                if (may_hold(reading, &reading->world->people[i].id))
                        bits |= UINT64_C(1) << i;
        return bits;
}

static void read_message(struct reading *reading, struct wire_message *message)
{
        if (message->kind == WIRE_KIND_RECORDS)
                read_records(reading, &message->records);
        else if (message->kind == WIRE_KIND_RECEIPTS)
                read_receipts(reading, &message->receipts);
        else if (message->kind == WIRE_KIND_END && !message->end.more && reading->wanted)
                reading->device->allowed_next = all_held(reading);
}

void check_answer(struct world *world, struct device *device, uint64_t exchange, struct bytes body)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct storage *storage = world->server.reader;
        struct reading reading = {.world = world,
                                  .device = device,
                                  .storage = storage,
                                  .wanted = exchange == device->exchange};
        struct wire_message message;
        struct wire_reader reader;
        int r;

        if (storage->ops->begin_read(storage) < 0)
                return;
        r = storage->ops->device_get(storage, &device->row.id, &reading.row);
        if (r > 0)
                r = storage->ops->grants_of(storage, &device->row.id, take_scope, &reading);
        reading.scopes[reading.scope_count++] = (struct scope){SCOPE_PROVISIONAL, device->row.id};
        if (r >= 0)
                r = decompress_message(world->compressor, body, WIRE_ANSWER_MAX, &clear);
        wire_reader_init(&reader, buffer_view(&clear), &arena);
        while (r >= 0 && (r = wire_next(&reader, &message)) > 0)
                read_message(&reading, &message);
        storage->ops->rollback(storage);
        if (r < 0 && r != PANNIER_E_STORAGE)
                world_fail(world, "an answer cannot be read: %s", error_detail());
}
