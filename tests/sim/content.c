#include "tests/sim/content.h"

#include "store/storage_sqlite.h"

#include <stdio.h>
#include <string.h>

struct comparing {
        struct world *world;
        struct device *device;
        const struct catalogue_type *type;
        enum catalogue_class ceiling;
        size_t expected, found;
        struct buffer store, own;
        struct overlay overlay;
};

static bool is_allowed(const struct comparing *comparing, const struct record *record)
{
        const struct world *world = comparing->world;

        if (record_feed_class(record) > comparing->ceiling)
                return false;
        if (!record->type->personal)
                return true;
        for (size_t i = 0; i < world->person_count; i++)
                if (uuid_equal(&world->people[i].id, &record->person))
                        return comparing->device->allowed >> i & 1;
        return false;
}

static void write_out(const struct record *record, struct buffer *out)
{
        buffer_reset(out);
        cbor_put_uuid(out, &record->person);
        cbor_put_uuid(out, &record->author);
        cbor_put_uuid(out, &record->device);
        cbor_put_uint(out, record->role);
        cbor_put_int(out, record->recorded_ms);
        cbor_put_uint(out, record->position);
        record_encode_fields(record, out);
}

/* The confirmed state: under pending entries it lies in the shadow. 1 there is one, 0 not */
static int confirmed(struct comparing *comparing, const struct uuid *id, struct arena *arena,
                     struct record *ret)
{
        struct engine *engine = comparing->device->engine;
        struct record visible;
        bool has = false;
        int here = record_get(replica_tables(engine->replica), comparing->type, id, arena, &visible,
                              NULL);
        int r = here;

        if (here >= 0)
                r = replica_view(engine->replica, comparing->type, id, here > 0 ? &visible : NULL,
                                 arena, &comparing->overlay, ret, &has);
        if (r < 0)
                return r;
        if (r > 0)
                return has;
        *ret = visible;
        return here;
}

/* Where two records differ, for whoever looks for the reason. */
static const char *difference(const struct record *a, const struct record *b)
{
        if (!uuid_equal(&a->person, &b->person))
                return "its person";
        if (!uuid_equal(&a->author, &b->author) || !uuid_equal(&a->device, &b->device))
                return "who wrote it";
        for (size_t i = 0; i < a->type->field_count; i++)
                if (a->values[i].form != b->values[i].form ||
                    (a->values[i].form == VALUE_BYTES &&
                     !bytes_equal(a->values[i].bytes, b->values[i].bytes)) ||
                    (a->values[i].form == VALUE_INTEGER &&
                     a->values[i].integer != b->values[i].integer))
                        return a->type->fields[i].name;
        return "something else";
}

static int compare_one(void *context, const struct record *record, struct bytes stamps)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct comparing *comparing = context;
        struct record own;
        int r;

        (void)stamps;
        if (!is_allowed(comparing, record))
                return 0;
        comparing->expected++;
        r = confirmed(comparing, &record->id, &arena, &own);
        if (r < 0)
                return r;
        if (r == 0) {
                world_fail(comparing->world, "%s lacks a %s that it may hold",
                           comparing->device->row.name, comparing->type->name);
                return 1;
        }
        write_out(record, &comparing->store);
        write_out(&own, &comparing->own);
        if (!bytes_equal(buffer_view(&comparing->store), buffer_view(&comparing->own))) {
                world_fail(
                        comparing->world,
                        "%s has a %s of position %llu otherwise than the store, of position %llu: "
                        "%s",
                        comparing->device->row.name, comparing->type->name,
                        (unsigned long long)own.position, (unsigned long long)record->position,
                        difference(record, &own));
                return 1;
        }
        return 0;
}

struct own_list {
        struct uuid ids[RECORDS_MAX * 2];
        size_t count;
};

static int take_own(void *context, const struct record *record, struct bytes stamps)
{
        struct own_list *list = context;

        (void)stamps;
        if (list->count < RECORDS_MAX * 2)
                list->ids[list->count++] = record->id;
        return 0;
}

static int count_own(struct comparing *comparing)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct own_list *list = sim_alloc(sizeof(*list));
        struct record record;
        int r = record_each(replica_tables(comparing->device->engine->replica), comparing->type,
                            NULL, NULL, take_own, list);

        for (size_t i = 0; i < list->count && r >= 0; i++) {
                r = confirmed(comparing, &list->ids[i], &arena, &record);
                comparing->found += r > 0;
        }
        free(list);
        return r;
}

/*
 * Is there any record of a type? Most tables are empty, and a statement that reads all columns of one takes longer to prepare
 * than to run.
 */
static int has_any(struct db *db, const struct catalogue_type *type, bool *ret)
{
        sqlite3_stmt *stmt = NULL;
        char sql[96];
        int r;

        (void)snprintf(sql, sizeof(sql), "SELECT 1 FROM %s LIMIT 1", type->table);
        r = db_prepare(db, sql, &stmt);
        if (r >= 0)
                r = db_step(db, stmt);
        (void)sqlite3_finalize(stmt);
        *ret = *ret || r > 0;
        return r;
}

/* 1 somebody has one, 0 nobody, or an error: the first one counts, SQLCipher calls what comes after it by another name */
static int anybody_has_any(struct comparing *comparing, struct storage *storage)
{
        bool any = false;
        int r = has_any(((struct storage_sqlite *)storage)->db, comparing->type, &any);

        if (r >= 0)
                r = has_any(replica_db(comparing->device->engine->replica), comparing->type, &any);
        return r < 0 ? r : any;
}

static int compare_type(struct comparing *comparing, struct storage *storage)
{
        int r = anybody_has_any(comparing, storage);

        if (r <= 0)
                return r;
        comparing->expected = comparing->found = 0;
        r = storage->ops->record_each(storage, comparing->type, NULL, NULL, compare_one, comparing);
        if (r >= 0)
                r = count_own(comparing);
        if (r >= 0 && comparing->found != comparing->expected)
                world_fail(comparing->world, "%s holds %zu of %s where it may hold %zu",
                           comparing->device->row.name, comparing->found, comparing->type->name,
                           comparing->expected);
        return r;
}

int content_compare(struct world *world, struct storage *storage, struct device *device)
{
        struct comparing comparing = {.world = world, .device = device};
        const struct catalogue *catalogue = catalogue_get();
        struct device_row row;
        int r = storage->ops->device_get(storage, &device->row.id, &row);

        comparing.ceiling = r > 0 ? row.ceiling : CLASS_BASIC;
        for (size_t i = 0; i < catalogue->type_count && r >= 0 && !world->violated; i++) {
                comparing.type = &catalogue->types[i];
                r = compare_type(&comparing, storage);
        }
        buffer_deinit(&comparing.store);
        buffer_deinit(&comparing.own);
        return r < 0 ? r : 0;
}
