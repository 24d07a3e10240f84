/*
 * Histories of the store that end. What was seen beyond the fork is unconfirmed: it gets position 0, so that any version of the
 * new history replaces it; what no feed of the new history lists at its end is erased.
 */
#include "daemon/replica_internal.h"

int replica_history(struct replica *replica, const struct uuid *locality, uint64_t *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_HISTORY_GET];
        int r;

        db_bind_uuid(stmt, 1, locality);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 1;
}

static int put_history(struct replica *replica, const struct uuid *locality, uint64_t epoch,
                       bool sweep)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_HISTORY_PUT];

        db_bind_uuid(stmt, 1, locality);
        db_bind_int(stmt, 2, (int64_t)epoch);
        db_bind_int(stmt, 3, sweep);
        return db_run(replica->db, stmt);
}

int replica_begin_history(struct replica *replica, const struct uuid *locality, uint64_t epoch)
{
        return put_history(replica, locality, epoch, false);
}

/* ---- the fork ---- */

/* A statement over one typed table; it is finalized by the caller. */
static int prepare_on(struct replica *replica, const struct catalogue_type *type,
                      const char *before, const char *after, sqlite3_stmt **ret)
{
        CLEANUP(buffer_deinit) struct buffer sql = BUFFER_INIT;

        buffer_append_text(&sql, before);
        buffer_append_text(&sql, type->table);
        buffer_append_text(&sql, after);
        buffer_append_byte(&sql, 0);
        if (buffer_check(&sql) < 0)
                return buffer_check(&sql);
        return db_prepare(replica->db, (const char *)sql.data, ret);
}

enum { DOUBT_STEP = 256 };

struct listed {
        struct uuid id, person;
};

/* The next of a type's records in a locality, @where more, after @after. */
static int next_records(struct replica *replica, const struct catalogue_type *type,
                        const char *where, const struct uuid *locality, uint64_t position,
                        const struct uuid *after, struct listed rows[DOUBT_STEP], size_t *ret_count)
{
        sqlite3_stmt *stmt = NULL;
        size_t count = 0;
        int r = prepare_on(replica, type, "SELECT id, person FROM ", where, &stmt);

        if (r < 0)
                return r;
        db_bind_uuid(stmt, 1, locality);
        db_bind_int(stmt, 2, (int64_t)position);
        db_bind_blob(stmt, 3, BYTES(after->bytes, sizeof(after->bytes)));
        db_bind_int(stmt, 4, DOUBT_STEP);
        while ((r = db_step(replica->db, stmt)) > 0)
                rows[count++] = (struct listed){.id = db_column_uuid(stmt, 0),
                                                .person = db_column_uuid(stmt, 1)};
        (void)sqlite3_finalize(stmt);
        *ret_count = count;
        return r;
}

/* What is unconfirmed is in no digest. A shadow is doubted by itself. */
static int doubt_digest(struct replica *replica, const struct catalogue_type *type,
                        const struct listed *row)
{
        struct record shadow;
        int r;

        arena_reset(&replica->arena);
        r = replica_shadow_get(replica, type, &row->id, &row->person, &replica->arena, &shadow);
        return r != 0 ? (r < 0 ? r : 0)
                      : replica_sums_remove_standing(replica, type, &row->id, &row->person);
}

static int doubt_digests(struct replica *replica, const struct catalogue_type *type,
                         const struct uuid *locality, uint64_t left)
{
        struct listed rows[DOUBT_STEP];
        struct uuid after = UUID_NONE;
        size_t count;
        int r;

        do {
                r = next_records(replica, type,
                                 " WHERE locality = ?1 AND position > ?2 AND id > ?3 "
                                 "ORDER BY id LIMIT ?4",
                                 locality, left, &after, rows, &count);
                for (size_t i = 0; i < count && r >= 0; i++) {
                        after = rows[i].id;
                        r = doubt_digest(replica, type, &rows[i]);
                }
        } while (r >= 0 && count == DOUBT_STEP);
        return r < 0 ? r : 0;
}

static int doubt_records(struct replica *replica, const struct uuid *locality, uint64_t left)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++) {
                const struct catalogue_type *type = &catalogue->types[i];
                sqlite3_stmt *stmt = NULL;

                r = doubt_digests(replica, type, locality, left);
                if (r == 0)
                        r = prepare_on(replica, type, "UPDATE ",
                                       " SET position = 0 WHERE locality = ?1 AND position > ?2",
                                       &stmt);
                if (r < 0)
                        return r;
                db_bind_uuid(stmt, 1, locality);
                db_bind_int(stmt, 2, (int64_t)left);
                r = db_run(replica->db, stmt);
                (void)sqlite3_finalize(stmt);
        }
        return r;
}

struct shadow_key {
        struct uuid record, person;
        const struct catalogue_type *type;
};

static int collect_shadows(struct replica *replica, struct arena *arena, struct shadow_key **ret,
                           size_t *ret_count)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_SHADOWS];
        struct shadow_key *keys = NULL;
        size_t count = 0, capacity = 0;
        int r;

        while ((r = db_step(replica->db, stmt)) > 0) {
                if (count == capacity) {
                        size_t more = capacity ? capacity * 2 : 64;
                        struct shadow_key *grown = arena_alloc(arena, more * sizeof(*grown));

                        if (!grown) {
                                db_reset(stmt);
                                return FAIL(PANNIER_E_MEMORY, "shadows");
                        }
                        if (count)
                                memcpy(grown, keys, count * sizeof(*grown));
                        keys = grown;
                        capacity = more;
                }
                keys[count++] = (struct shadow_key){
                        .record = db_column_uuid(stmt, 0),
                        .type = catalogue_type_by_number((uint64_t)db_column_int(stmt, 1)),
                        .person = db_column_uuid(stmt, 2),
                };
        }
        *ret = keys;
        *ret_count = count;
        return r;
}

static int doubt_shadows(struct replica *replica, const struct uuid *locality, uint64_t left)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct shadow_key *keys;
        size_t count;
        int r = collect_shadows(replica, &arena, &keys, &count);

        for (size_t i = 0; i < count && r >= 0; i++) {
                struct record record;

                if (!keys[i].type)
                        continue;
                arena_reset(&replica->arena);
                r = replica_shadow_get(replica, keys[i].type, &keys[i].record, &keys[i].person,
                                       &replica->arena, &record);
                if (r <= 0 || !uuid_equal(&record.locality, locality) || record.position <= left)
                        continue;
                r = replica_sums_remove(replica, &record);
                if (r < 0)
                        return r;
                record.position = 0;
                r = replica_shadow_put(replica, &record);
        }
        return r < 0 ? r : 0;
}

static int run_with(struct replica *replica, enum replica_sql sql, const struct uuid *locality,
                    uint64_t number)
{
        sqlite3_stmt *stmt = replica->stmts[sql];

        db_bind_uuid(stmt, 1, locality);
        db_bind_int(stmt, 2, (int64_t)number);
        return db_run(replica->db, stmt);
}

int replica_fork(struct replica *replica, const struct uuid *locality, uint64_t epoch,
                 uint64_t left, bool whole)
{
        struct position reached;
        int r = replica_reached(replica, locality, &reached);

        if (r >= 0 && reached.epoch > 0) {
                reached.epoch = epoch;
                if (reached.position > left)
                        reached.position = left;
                r = replica_set_reached(replica, locality, &reached);
        }
        if (r >= 0)
                r = put_history(replica, locality, epoch, !whole);
        if (r < 0)
                return r;
        if (whole) /* nothing was seen beyond the fork: the cursors are good in the new history as well */
                return run_with(replica, SQL_FEED_EPOCH, locality, epoch);
        r = run_with(replica, SQL_FEED_ANEW, locality, 0);
        if (r >= 0)
                r = run_with(replica, SQL_MEMBER_UNLIST, locality, 0);
        if (r >= 0)
                r = doubt_records(replica, locality, left);
        return r < 0 ? r : doubt_shadows(replica, locality, left);
}

/* ---- what nobody lists ---- */

static int sweep_type(struct replica *replica, const struct catalogue_type *type,
                      const struct uuid *locality)
{
        struct listed rows[DOUBT_STEP];
        struct uuid after = UUID_NONE;
        size_t count;
        int r;

        do {
                r = next_records(replica, type,
                                 " WHERE locality = ?1 AND position = ?2 AND id > ?3 "
                                 "ORDER BY id LIMIT ?4",
                                 locality, 0, &after, rows, &count);
                for (size_t i = 0; i < count && r >= 0; i++) {
                        after = rows[i].id;
                        r = replica_unconfirmed(replica, type, &rows[i].id, &rows[i].person);
                }
        } while (r >= 0 && count == DOUBT_STEP);
        return r < 0 ? r : 0;
}

/* People whom no feed of the new history listed leave. 1 there was one, 0 none is left */
static int sweep_member(struct replica *replica, const struct uuid *locality)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_UNLISTED];
        struct replica_sums_feed feed = {.locality = *locality};
        struct uuid person;
        int r;

        db_bind_uuid(stmt, 1, locality);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        feed.feed = db_column_int(stmt, 0);
        person = db_column_uuid(stmt, 1);
        feed.class = (enum catalogue_class)db_column_int(stmt, 2);
        db_reset(stmt);
        r = replica_member(replica, &feed, &person, false);
        if (r >= 0)
                r = replica_sums_moved(replica, &feed);
        if (r >= 0)
                r = replica_leaver(replica, &person, feed.class);
        return r < 0 ? r : 1;
}

static int sweep_locality(struct replica *replica, const struct uuid *locality)
{
        const struct catalogue *catalogue = catalogue_get();
        int r;

        do
                r = sweep_member(replica, locality);
        while (r > 0);
        for (size_t i = 0; i < catalogue->type_count && r >= 0; i++)
                if (catalogue->types[i].class != CLASS_NEVER)
                        r = sweep_type(replica, &catalogue->types[i], locality);
        return r < 0 ? r : run_with(replica, SQL_HISTORY_SWEPT, locality, 0);
}

int replica_sweep(struct replica *replica)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_HISTORY_SWEEP];
        int r;

        while ((r = db_step(replica->db, stmt)) > 0) {
                struct uuid locality = db_column_uuid(stmt, 0);

                db_reset(stmt);
                r = sweep_locality(replica, &locality);
                if (r < 0)
                        return r;
        }
        return r;
}
