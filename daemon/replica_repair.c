/*
 * Putting the store's records in the place of those that differ, one owner (a person, or a type of reference data) in one
 * feed at a time, and within a transaction: what is here is doubted first (position 0, as after a fork of the store's history), so that
 * what comes replaces it whatever its position, and what nothing came for goes. Own pending work stays on top of it all.
 */
#include "daemon/replica_internal.h"

enum { REPAIR_STEP = 128, REPAIRS_KEPT = 256 };

/* ---- who differs ---- */

static bool is_reference(const struct replica_feed *feed)
{
        return feed->key.kind == SCOPE_LOCALITY;
}

int replica_is_member(struct replica *replica, const struct replica_feed *feed,
                      const struct uuid *person)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_MEMBER_HAS];
        int r;

        db_bind_int(stmt, 1, feed->number);
        db_bind_uuid(stmt, 2, person);
        r = db_step(replica->db, stmt);
        if (r > 0)
                db_reset(stmt);
        return r;
}

int replica_differs(struct replica *replica, const struct replica_feed *feed,
                    const struct uuid *owner, const struct digest *digest)
{
        struct digest sums[CLASS_COUNT];
        int r = replica_sums_of(replica, owner, &feed->key.locality, sums);

        if (r < 0 || !digest_equal(&sums[feed->key.class - 1], digest))
                return r < 0 ? r : 1;
        if (is_reference(feed))
                return 0;
        r = replica_is_member(replica, feed, owner);
        return r < 0 ? r : r == 0;
}

int replica_owners(struct replica *replica, const struct replica_feed *feed,
                   int (*visit)(void *context, const struct uuid *owner), void *context)
{
        sqlite3_stmt *stmt =
                replica->stmts[is_reference(feed) ? SQL_REFERENCE_OWNERS : SQL_MEMBER_EACH];
        int r;

        if (is_reference(feed))
                db_bind_uuid(stmt, 1, &feed->key.locality);
        else
                db_bind_int(stmt, 1, feed->number);
        while ((r = db_step(replica->db, stmt)) > 0) {
                struct uuid owner = db_column_uuid(stmt, 0);

                r = visit(context, &owner);
                if (r < 0) {
                        db_reset(stmt);
                        break;
                }
        }
        return r;
}

int replica_feed_differs(struct replica *replica, int64_t feed)
{
        db_bind_int(replica->stmts[SQL_FEED_DIFFERS], 1, feed);
        return db_run(replica->db, replica->stmts[SQL_FEED_DIFFERS]);
}

/* ---- doubting ---- */

struct found {
        const struct replica_feed *feed;
        bool unconfirmed; /* those of position 0 are looked for, else the others */
        struct uuid ids[REPAIR_STEP], last;
        size_t count;
};

static int find(void *context, const struct record *record, struct bytes stamps)
{
        struct found *found = context;

        (void)stamps;
        found->last = record->id;
        if (record_feed_class(record) != found->feed->key.class ||
            !uuid_equal(&record->locality, &found->feed->key.locality) ||
            (record->position == 0) != found->unconfirmed)
                return 0;
        found->ids[found->count++] = record->id;
        return found->count == REPAIR_STEP;
}

static int run_on_type(struct replica *replica, const struct catalogue_type *type,
                       const struct uuid *id)
{
        CLEANUP(buffer_deinit) struct buffer sql = BUFFER_INIT;
        sqlite3_stmt *stmt = NULL;
        int r;

        buffer_append_format(&sql, "UPDATE %s SET position = 0 WHERE id = ?1", type->table);
        buffer_append_byte(&sql, 0);
        r = buffer_check(&sql);
        if (r == 0)
                r = db_prepare(replica->db, (const char *)sql.data, &stmt);
        if (r < 0)
                return r;
        db_bind_uuid(stmt, 1, id);
        r = db_run(replica->db, stmt);
        (void)sqlite3_finalize(stmt);
        return r;
}

/* The digests are counted anew at the end: they need not follow. */
static int doubt(struct replica *replica, const struct catalogue_type *type, const struct uuid *id,
                 const struct uuid *person)
{
        struct record shadow;
        int r;

        arena_reset(&replica->arena);
        r = replica_shadow_get(replica, type, id, person, &replica->arena, &shadow);
        if (r > 0) {
                shadow.position = 0;
                r = replica_shadow_put(replica, &shadow);
        }
        return r < 0 ? r : run_on_type(replica, type, id);
}

static bool is_of_owner(const struct catalogue_type *type, const struct replica_feed *feed,
                        const struct uuid *owner)
{
        if (!digest_counts(type) || type->class == CLASS_NEVER ||
            type->personal == is_reference(feed))
                return false;
        return type->personal || owner->bytes[sizeof(owner->bytes) - 1] == type->number;
}

typedef int change_record(struct replica *replica, const struct catalogue_type *type,
                          const struct uuid *id, const struct uuid *person);

/* @change for each of the owner's records in the feed that are (un)confirmed; what it changes must not be found again */
static int change_each(struct replica *replica, const struct replica_feed *feed,
                       const struct uuid *owner, bool unconfirmed, change_record *change)
{
        const struct catalogue *catalogue = catalogue_get();
        struct uuid person = is_reference(feed) ? UUID_NONE : *owner;

        for (size_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];
                struct found found = {.feed = feed, .unconfirmed = unconfirmed, .last = UUID_NONE};
                int r = is_of_owner(type, feed, owner);

                while (r > 0) {
                        struct uuid after = found.last;

                        found.count = 0;
                        r = record_each(replica->tables, type, is_reference(feed) ? NULL : owner,
                                        uuid_is_none(&after) ? NULL : &after, find, &found);
                        for (size_t k = 0; k < found.count && r >= 0; k++) {
                                int changed = change(replica, type, &found.ids[k], &person);

                                if (changed < 0)
                                        r = changed;
                        }
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- one owner ---- */

int replica_repair_begin(struct replica *replica, const struct replica_feed *feed,
                         const struct uuid *owner)
{
        return change_each(replica, feed, owner, false, doubt);
}

int replica_repair_record(struct replica *replica, const struct record *record, uint64_t epoch)
{
        /* it may lie here under another person, or locality: then it was not found */
        int r = doubt(replica, record->type, &record->id, &record->person);

        replica->repairing = true;
        if (r >= 0)
                r = replica_confirm(replica, record, epoch);
        replica->repairing = false;
        return r;
}

static int come_in(struct replica *replica, const struct replica_feed *feed,
                   const struct uuid *person)
{
        struct replica_sums_feed sums = {
                .feed = feed->number, .locality = feed->key.locality, .class = feed->key.class};
        int r = replica_member(replica, &sums, person, true);

        if (r > 0 && replica->watch.person)
                replica->watch.person(replica->watch.context, person, false);
        return r < 0 ? r : replica_sums_moved(replica, &sums);
}

int replica_repair_end(struct replica *replica, const struct replica_feed *feed,
                       const struct uuid *owner, int64_t now_ms)
{
        bool wrong;
        int r = change_each(replica, feed, owner, true, replica_unconfirmed);

        if (r >= 0)
                r = replica_count_owner(replica, owner, &wrong);
        if (r >= 0 && !is_reference(feed))
                r = come_in(replica, feed, owner);
        return r < 0 ? r : replica_repair_note(replica, feed, owner, REPAIR_MADE, now_ms);
}

int replica_repair_erase(struct replica *replica, const struct replica_feed *feed,
                         const struct uuid *person, int64_t now_ms)
{
        struct replica_sums_feed sums = {
                .feed = feed->number, .locality = feed->key.locality, .class = feed->key.class};
        int r = replica_member(replica, &sums, person, false);

        if (r >= 0)
                r = replica_sums_moved(replica, &sums);
        if (r >= 0)
                r = replica_leaver(replica, person, feed->key.class);
        return r < 0 ? r : replica_repair_note(replica, feed, person, REPAIR_ERASED, now_ms);
}

/* ---- what was repaired ---- */

static void bind_owner(sqlite3_stmt *stmt, const struct replica_feed *feed,
                       const struct uuid *owner)
{
        db_bind_blob(stmt, 1, BYTES(owner->bytes, sizeof(owner->bytes)));
        db_bind_uuid(stmt, 2, &feed->key.locality);
        db_bind_int(stmt, 3, (int64_t)feed->key.class);
        db_bind_int(stmt, 4, (int64_t)feed->cursor.epoch);
        db_bind_int(stmt, 5, (int64_t)feed->cursor.position);
}

/* Who was repaired where the feed stands now, and differs again, is a fault: of this device, or of the store. */
int replica_repair_note(struct replica *replica, const struct replica_feed *feed,
                        const struct uuid *owner, enum repair_what what, int64_t now_ms)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_REPAIR_AGAIN];
        int r;

        bind_owner(stmt, feed, owner);
        r = db_step(replica->db, stmt);
        if (r < 0)
                return r;
        if (r > 0) {
                db_reset(stmt);
                what = REPAIR_FAULT;
        }
        stmt = replica->stmts[SQL_REPAIR_PUT];
        bind_owner(stmt, feed, owner);
        db_bind_int(stmt, 6, (int64_t)what);
        db_bind_int(stmt, 7, now_ms);
        db_bind_int(stmt, 8, what == REPAIR_FAULT);
        r = db_run(replica->db, stmt);
        db_bind_int(replica->stmts[SQL_REPAIR_TRIM], 1, REPAIRS_KEPT);
        return r < 0 ? r : db_run(replica->db, replica->stmts[SQL_REPAIR_TRIM]);
}

int replica_repairs_untold(struct replica *replica, struct wire_repair ret[WIRE_REPAIRS_MAX],
                           size_t *ret_count)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_REPAIRS_UNTOLD];
        size_t count = 0;
        int r;

        db_bind_int(stmt, 1, WIRE_REPAIRS_MAX);
        while ((r = db_step(replica->db, stmt)) > 0)
                ret[count++] = (struct wire_repair){
                        .number = (uint64_t)db_column_int(stmt, 0),
                        .owner = db_column_uuid(stmt, 1),
                        .locality = db_column_uuid(stmt, 2),
                        .class = (enum catalogue_class)db_column_int(stmt, 3),
                        .epoch = (uint64_t)db_column_int(stmt, 4),
                        .position = (uint64_t)db_column_int(stmt, 5),
                        .what = (enum repair_what)db_column_int(stmt, 6),
                        .at_ms = db_column_int(stmt, 7),
                };
        *ret_count = count;
        return r;
}

int replica_repairs_told(struct replica *replica, uint64_t number)
{
        db_bind_int(replica->stmts[SQL_REPAIRS_TOLD], 1, (int64_t)number);
        return db_run(replica->db, replica->stmts[SQL_REPAIRS_TOLD]);
}

int replica_repairs(struct replica *replica, struct replica_repairs *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_REPAIRS_COUNT];
        int r = db_step(replica->db, stmt);

        *ret = (struct replica_repairs){0};
        if (r <= 0)
                return r;
        ret->made = (uint64_t)db_column_int(stmt, 0);
        ret->erased = (uint64_t)db_column_int(stmt, 1);
        ret->faults = (uint64_t)db_column_int(stmt, 2);
        ret->newest_ms = db_column_int(stmt, 3);
        db_reset(stmt);
        return 0;
}
