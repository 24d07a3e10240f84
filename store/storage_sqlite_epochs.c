/*
 * Histories: epochs, openings, backups, what was given back after a loss; lives of outboxes; how far the journal was taken in.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <string.h>

enum epoch_sql {
        SQL_EPOCH_END,
        SQL_EPOCH_ADD,
        SQL_EPOCH_NOTE,
        SQL_EPOCH_SET,
        SQL_EPOCHS,
        SQL_OPENING_PUT,
        SQL_OPENED_SINCE,
        SQL_OPENED_LAST,
        SQL_BACKUP_PUT,
        SQL_HEALED_PUT,
        SQL_HEALED_GET,
        SQL_LIFE_NEWEST,
        SQL_LIFE_AGAIN,
        SQL_LIFE_ADD,
        SQL_LIVES,
        SQL_GAPS,
        SQL_FORKED,
        SQL_JOURNAL_GET,
        SQL_JOURNAL_PUT,
        SQL_EPOCH_COUNT_
};

static const char *const epoch_sql[SQL_EPOCH_COUNT_] = {
        [SQL_EPOCH_END] = "UPDATE epoch SET left_position = ?3 WHERE locality = ?1 AND epoch = ?2",
        [SQL_EPOCH_ADD] =
                "INSERT INTO epoch (locality, epoch, id, began_ms) VALUES (?1, ?2, ?3, ?4)",
        [SQL_EPOCH_NOTE] = "INSERT OR IGNORE INTO epoch (locality, epoch, id, began_ms, "
                           "left_position) VALUES (?1, ?2, ?3, ?4, ?5)",
        [SQL_EPOCH_SET] = "UPDATE locality SET epoch = ?2, epoch_id = ?3 WHERE number = ?1",
        [SQL_EPOCHS] = "SELECT epoch, id, began_ms, left_position FROM epoch WHERE locality = ?1 "
                       "ORDER BY epoch DESC",
        [SQL_OPENING_PUT] =
                "INSERT OR IGNORE INTO opening (locality, position, at_ms) VALUES (?1, ?2, ?3)",
        [SQL_OPENED_SINCE] = "SELECT position FROM opening WHERE locality = ?1 AND at_ms >= ?2 "
                             "ORDER BY position LIMIT 1",
        [SQL_OPENED_LAST] =
                "SELECT position FROM opening WHERE locality = ?1 ORDER BY position DESC LIMIT 1",
        [SQL_BACKUP_PUT] = "UPDATE locality SET backup_epoch = ?2, backup_position = ?3, "
                           "backup_ms = ?4 WHERE number = ?1",
        [SQL_HEALED_PUT] = "INSERT OR REPLACE INTO healed (locality, entry, epoch, position) "
                           "VALUES (?1, ?2, ?3, ?4)",
        [SQL_HEALED_GET] = "SELECT epoch, position FROM healed WHERE locality = ?1 AND entry = ?2",
        [SQL_LIFE_NEWEST] = "SELECT device, incarnation, number, first_ms, again_ms "
                            "FROM incarnation WHERE device = ?1 ORDER BY number DESC LIMIT 1",
        [SQL_LIFE_AGAIN] =
                "UPDATE incarnation SET again_ms = ?3 WHERE device = ?1 AND incarnation = ?2",
        [SQL_LIFE_ADD] = "INSERT INTO incarnation (device, incarnation, number, first_ms) "
                         "VALUES (?1, ?2, ?3, ?4)",
        [SQL_LIVES] = "SELECT device, incarnation, number, first_ms, again_ms FROM incarnation "
                      "WHERE ?1 IS NULL OR device = ?1 ORDER BY device, number",
        [SQL_GAPS] = "SELECT device, incarnation, lane, from_seq, to_seq, declared_ms, detail "
                     "FROM gap WHERE ?1 IS NULL OR device = ?1 "
                     "ORDER BY device, incarnation, lane, from_seq",
        [SQL_FORKED] = "SELECT device, incarnation, lane, next_seq FROM lane WHERE forked = 1",
        [SQL_JOURNAL_GET] = "SELECT number, hash FROM journal WHERE one = 1",
        [SQL_JOURNAL_PUT] = "UPDATE journal SET number = ?1, hash = ?2 WHERE one = 1",
};

_Static_assert((int)SQL_EPOCH_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *epoch_stmt(struct storage_sqlite *sqlite, enum epoch_sql sql)
{
        return sqlite->stmts[GROUP_EPOCHS][sql];
}

/* A statement of a locality's that writes, with the locality bound. */
static int begin_write(struct storage *storage, enum epoch_sql sql, const struct uuid *locality,
                       sqlite3_stmt **ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int64_t number;
        int r = sqlite_writing(sqlite);

        if (r == 0)
                r = sqlite_locality(sqlite, locality, &number);
        if (r < 0)
                return r;
        *ret = epoch_stmt(sqlite, sql);
        db_bind_int(*ret, 1, number);
        return 0;
}

static int begin_locality(struct storage *storage, enum epoch_sql sql, const struct uuid *locality,
                          sqlite3_stmt **ret)
{
        int64_t number;
        int r = sqlite_locality(sqlite_of(storage), locality, &number);

        if (r < 0)
                return r;
        *ret = epoch_stmt(sqlite_of(storage), sql);
        db_bind_int(*ret, 1, number);
        return 0;
}

/* ---- epochs ---- */

static int run_end(struct storage *storage, const struct uuid *locality, uint64_t epoch,
                   uint64_t left)
{
        sqlite3_stmt *stmt;
        int r = begin_write(storage, SQL_EPOCH_END, locality, &stmt);

        if (r < 0)
                return r;
        db_bind_int(stmt, 2, (int64_t)epoch);
        db_bind_int(stmt, 3, (int64_t)left);
        return db_run(sqlite_of(storage)->db, stmt);
}

static int run_begin(struct storage *storage, const struct uuid *locality,
                     const struct epoch_row *next)
{
        struct db *db = sqlite_of(storage)->db;
        sqlite3_stmt *stmt;
        int r = begin_write(storage, SQL_EPOCH_ADD, locality, &stmt);

        if (r < 0)
                return r;
        db_bind_int(stmt, 2, (int64_t)next->epoch);
        db_bind_uuid(stmt, 3, &next->id);
        db_bind_int(stmt, 4, next->began_ms);
        r = db_run(db, stmt);
        if (r == 0)
                r = begin_write(storage, SQL_EPOCH_SET, locality, &stmt);
        if (r < 0)
                return r;
        db_bind_int(stmt, 2, (int64_t)next->epoch);
        db_bind_uuid(stmt, 3, &next->id);
        return db_run(db, stmt);
}

static int op_epoch_begin(struct storage *storage, const struct uuid *locality,
                          const struct epoch_row *next, uint64_t left)
{
        struct storage_locality *state = storage->ops->locality(storage, locality);
        int r;

        if (!state || next->epoch <= state->epoch)
                return FAIL(PANNIER_E_INTERNAL, "an epoch that does not follow the present one");
        r = run_end(storage, locality, state->epoch, left);
        if (r == 0)
                r = run_begin(storage, locality, next);
        if (r < 0)
                return r;
        state->epoch = next->epoch;
        state->epoch_id = next->id;
        return 0;
}

static int op_epoch_note(struct storage *storage, const struct uuid *locality,
                         const struct epoch_row *row)
{
        sqlite3_stmt *stmt;
        int r = begin_write(storage, SQL_EPOCH_NOTE, locality, &stmt);

        if (r < 0)
                return r;
        db_bind_int(stmt, 2, (int64_t)row->epoch);
        db_bind_uuid(stmt, 3, &row->id);
        db_bind_int(stmt, 4, row->began_ms);
        db_bind_int(stmt, 5, (int64_t)row->left);
        return db_run(sqlite_of(storage)->db, stmt);
}

static int op_epochs(struct storage *storage, const struct uuid *locality,
                     int (*visit)(void *context, const struct epoch_row *row), void *context)
{
        sqlite3_stmt *stmt;
        int r = begin_locality(storage, SQL_EPOCHS, locality, &stmt);

        if (r < 0)
                return r;
        while ((r = db_step(sqlite_of(storage)->db, stmt)) > 0) {
                const struct epoch_row row = {
                        .epoch = (uint64_t)db_column_int(stmt, 0),
                        .id = db_column_uuid(stmt, 1),
                        .began_ms = db_column_int(stmt, 2),
                        .ended = !db_column_is_null(stmt, 3),
                        .left = (uint64_t)db_column_int(stmt, 3),
                };

                r = visit(context, &row);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

/* ---- openings ---- */

int sqlite_mark_opening(struct storage_sqlite *sqlite, const struct sqlite_locality *locality)
{
        sqlite3_stmt *stmt = epoch_stmt(sqlite, SQL_OPENING_PUT);

        db_bind_int(stmt, 1, locality->number);
        db_bind_int(stmt, 2, (int64_t)locality->state.position - 1);
        db_bind_int(stmt, 3, sqlite->base.now_ms);
        return db_run(sqlite->db, stmt);
}

static int one_position(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, uint64_t *ret)
{
        int r = db_step(sqlite->db, stmt);

        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 1;
}

/* A connection that has not written yet goes on where the log ends: that is an opening as well. */
static int op_opened_since(struct storage *storage, const struct uuid *locality, int64_t since_ms,
                           uint64_t *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        const struct storage_locality *state = storage->ops->locality(storage, locality);
        bool marked = false;
        sqlite3_stmt *stmt;
        int r = begin_locality(storage, SQL_OPENED_SINCE, locality, &stmt);

        if (r < 0)
                return r;
        if (!state)
                return FAIL(PANNIER_E_INTERNAL, "a locality that was not named in begin");
        db_bind_int(stmt, 2, since_ms);
        r = one_position(sqlite, stmt, ret);
        if (r != 0)
                return r < 0 ? r : 0;
        for (size_t i = 0; i < sqlite->locality_count; i++)
                if (uuid_equal(&sqlite->localities[i].state.id, locality))
                        marked = sqlite->localities[i].marked;
        *ret = sqlite->mode == MODE_WRITING ? state->position - 1 : state->position;
        if (!marked)
                return 0;
        r = begin_locality(storage, SQL_OPENED_LAST, locality, &stmt);
        if (r == 0)
                r = one_position(sqlite, stmt, ret);
        return r < 0 ? r : 0;
}

/* ---- backups, what was given back ---- */

static int op_backup_put(struct storage *storage, const struct uuid *locality,
                         const struct position *position, int64_t now_ms)
{
        sqlite3_stmt *stmt;
        int r = begin_write(storage, SQL_BACKUP_PUT, locality, &stmt);

        if (r < 0)
                return r;
        db_bind_int(stmt, 2, (int64_t)position->epoch);
        db_bind_int(stmt, 3, (int64_t)position->position);
        db_bind_int(stmt, 4, now_ms);
        return db_run(sqlite_of(storage)->db, stmt);
}

static int op_healed_put(struct storage *storage, const struct uuid *locality,
                         const struct uuid *entry, const struct position *position)
{
        sqlite3_stmt *stmt;
        int r = begin_write(storage, SQL_HEALED_PUT, locality, &stmt);

        if (r < 0)
                return r;
        db_bind_uuid(stmt, 2, entry);
        db_bind_int(stmt, 3, (int64_t)position->epoch);
        db_bind_int(stmt, 4, (int64_t)position->position);
        return db_run(sqlite_of(storage)->db, stmt);
}

static int op_healed_get(struct storage *storage, const struct uuid *locality,
                         const struct uuid *entry, struct position *ret)
{
        sqlite3_stmt *stmt;
        int r = begin_locality(storage, SQL_HEALED_GET, locality, &stmt);

        if (r < 0)
                return r;
        db_bind_uuid(stmt, 2, entry);
        r = db_step(sqlite_of(storage)->db, stmt);
        if (r <= 0)
                return r;
        *ret = (struct position){(uint64_t)db_column_int(stmt, 0),
                                 (uint64_t)db_column_int(stmt, 1)};
        db_reset(stmt);
        return 1;
}

/* ---- lives of outboxes ---- */

static void read_life(sqlite3_stmt *stmt, struct incarnation_row *ret)
{
        *ret = (struct incarnation_row){
                .device = db_column_uuid(stmt, 0),
                .id = db_column_uuid(stmt, 1),
                .number = (uint64_t)db_column_int(stmt, 2),
                .first_ms = db_column_int(stmt, 3),
                .again_ms = db_column_int(stmt, 4),
        };
}

static int op_incarnation_newest(struct storage *storage, const struct uuid *device,
                                 struct incarnation_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = epoch_stmt(sqlite, SQL_LIFE_NEWEST);
        int r;

        db_bind_uuid(stmt, 1, device);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        read_life(stmt, ret);
        db_reset(stmt);
        return 1;
}

static int op_incarnation_seen(struct storage *storage, const struct uuid *device,
                               const struct uuid *incarnation, int64_t now_ms)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = epoch_stmt(sqlite, SQL_LIFE_AGAIN);
        struct incarnation_row newest = {0};
        int r = op_incarnation_newest(storage, device, &newest);

        if (r < 0 || (r > 0 && uuid_equal(&newest.id, incarnation)))
                return r < 0 ? r : 0;
        db_bind_uuid(stmt, 1, device);
        db_bind_uuid(stmt, 2, incarnation);
        db_bind_int(stmt, 3, now_ms);
        r = db_run(sqlite->db, stmt);
        if (r < 0 || db_changes(sqlite->db) > 0)
                return r < 0 ? r : 1;
        stmt = epoch_stmt(sqlite, SQL_LIFE_ADD);
        db_bind_uuid(stmt, 1, device);
        db_bind_uuid(stmt, 2, incarnation);
        db_bind_int(stmt, 3, (int64_t)newest.number + 1);
        db_bind_int(stmt, 4, now_ms);
        return db_run(sqlite->db, stmt);
}

static void bind_device(sqlite3_stmt *stmt, const struct uuid *device)
{
        if (device)
                db_bind_uuid(stmt, 1, device);
        else
                db_bind_null(stmt, 1);
}

static int op_incarnations(struct storage *storage, const struct uuid *device,
                           int (*visit)(void *context, const struct incarnation_row *row),
                           void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = epoch_stmt(sqlite, SQL_LIVES);
        int r;

        bind_device(stmt, device);
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct incarnation_row row;

                read_life(stmt, &row);
                r = visit(context, &row);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

static int op_gaps(struct storage *storage, const struct uuid *device,
                   int (*visit)(void *context, const struct gap_row *row), void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = epoch_stmt(sqlite, SQL_GAPS);
        int r;

        bind_device(stmt, device);
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct bytes detail = db_column_bytes(stmt, 6);
                struct gap_row row = {
                        .device = db_column_uuid(stmt, 0),
                        .incarnation = db_column_uuid(stmt, 1),
                        .lane = (uint8_t)db_column_int(stmt, 2),
                        .from_seq = (uint64_t)db_column_int(stmt, 3),
                        .to_seq = (uint64_t)db_column_int(stmt, 4),
                        .declared_ms = db_column_int(stmt, 5),
                };

                if (detail.size > 0 && detail.size < sizeof(row.detail))
                        memcpy(row.detail, detail.data, detail.size);
                r = visit(context, &row);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

static int op_forked_lanes(struct storage *storage,
                           int (*visit)(void *context, const struct lane_row *row), void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = epoch_stmt(sqlite, SQL_FORKED);
        int r;

        while ((r = db_step(sqlite->db, stmt)) > 0) {
                const struct lane_row row = {
                        .device = db_column_uuid(stmt, 0),
                        .incarnation = db_column_uuid(stmt, 1),
                        .lane = (uint8_t)db_column_int(stmt, 2),
                        .next_seq = (uint64_t)db_column_int(stmt, 3),
                        .forked = true,
                };

                r = visit(context, &row);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

/* ---- journal ---- */

static int op_journal_get(struct storage *storage, uint64_t *ret_number, uint8_t ret[HASH_SIZE])
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = epoch_stmt(sqlite, SQL_JOURNAL_GET);
        int r = db_step(sqlite->db, stmt);

        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_CORRUPT, "the journal's row is gone");
        *ret_number = (uint64_t)db_column_int(stmt, 0);
        r = sqlite_copy_fixed(stmt, 1, ret, HASH_SIZE);
        db_reset(stmt);
        return r;
}

static int op_journal_put(struct storage *storage, uint64_t number, const uint8_t hash[HASH_SIZE])
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = epoch_stmt(sqlite, SQL_JOURNAL_PUT);

        db_bind_int(stmt, 1, (int64_t)number);
        db_bind_blob(stmt, 2, BYTES(hash, HASH_SIZE));
        return db_run(sqlite->db, stmt);
}

void sqlite_epoch_ops(struct storage_ops *ops)
{
        ops->epoch_begin = op_epoch_begin;
        ops->epoch_note = op_epoch_note;
        ops->epochs = op_epochs;
        ops->opened_since = op_opened_since;
        ops->backup_put = op_backup_put;
        ops->healed_put = op_healed_put;
        ops->healed_get = op_healed_get;
        ops->incarnation_seen = op_incarnation_seen;
        ops->incarnation_newest = op_incarnation_newest;
        ops->incarnations = op_incarnations;
        ops->gaps = op_gaps;
        ops->forked_lanes = op_forked_lanes;
        ops->journal_get = op_journal_get;
        ops->journal_put = op_journal_put;
}

int sqlite_epochs_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, epoch_sql, SQL_EPOCH_COUNT_, sqlite->stmts[GROUP_EPOCHS]);
}
