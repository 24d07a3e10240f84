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

static int doubt_records(struct replica *replica, const struct uuid *locality, uint64_t left)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r == 0; i++) {
                sqlite3_stmt *stmt = NULL;

                r = prepare_on(replica, &catalogue->types[i], "UPDATE ",
                               " SET position = 0 WHERE locality = ?1 AND position > ?2", &stmt);
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

enum { SWEEP_STEP = 256 };

struct unconfirmed {
        struct uuid id, person;
};

/* The next of a type's records that no version of came, after @after */
static int next_unconfirmed(struct replica *replica, const struct catalogue_type *type,
                            const struct uuid *locality, const struct uuid *after,
                            struct unconfirmed rows[SWEEP_STEP], size_t *ret_count)
{
        sqlite3_stmt *stmt = NULL;
        size_t count = 0;
        int r = prepare_on(replica, type, "SELECT id, person FROM ",
                           " WHERE locality = ?1 AND position = 0 AND id > ?2 ORDER BY id LIMIT ?3",
                           &stmt);

        if (r < 0)
                return r;
        db_bind_uuid(stmt, 1, locality);
        db_bind_blob(stmt, 2, BYTES(after->bytes, sizeof(after->bytes)));
        db_bind_int(stmt, 3, SWEEP_STEP);
        while ((r = db_step(replica->db, stmt)) > 0)
                rows[count++] = (struct unconfirmed){.id = db_column_uuid(stmt, 0),
                                                     .person = db_column_uuid(stmt, 1)};
        (void)sqlite3_finalize(stmt);
        *ret_count = count;
        return r;
}

static int sweep_type(struct replica *replica, const struct catalogue_type *type,
                      const struct uuid *locality)
{
        struct unconfirmed rows[SWEEP_STEP];
        struct uuid after = UUID_NONE;
        size_t count;
        int r;

        do {
                r = next_unconfirmed(replica, type, locality, &after, rows, &count);
                for (size_t i = 0; i < count && r >= 0; i++) {
                        after = rows[i].id;
                        r = replica_unconfirmed(replica, type, &rows[i].id, &rows[i].person);
                }
        } while (r >= 0 && count == SWEEP_STEP);
        return r < 0 ? r : 0;
}

static int sweep_locality(struct replica *replica, const struct uuid *locality)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = run_with(replica, SQL_LEAVER_UNLISTED, locality, 0);

        if (r >= 0)
                r = run_with(replica, SQL_MEMBER_SWEEP, locality, 0);
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
