/*
 * The log, and what hangs on it: quarantine, and receipts that are owed since an entry was parked.
 *
 * A row of the log is found by its place, locality number * 2^40 + number: one integer keeps the rows of a locality together
 * and in order, and appends at the end of the B-tree.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <string.h>

enum { PLACE_BITS = 40 };

enum log_sql {
        SQL_LOG_APPEND,
        SQL_LOG_BY_ID,
        SQL_LOG_ROOT,
        SQL_LOG_EACH,
        SQL_QUARANTINE_PUT,
        SQL_QUARANTINE_EACH,
        SQL_SETTLED_OF,
        SQL_SETTLED_CLEAR,
        SQL_LOG_COUNT_
};

#define LOG_COLUMNS                                                                                \
        "place, epoch, position, received_ms, clock_offset_ms, catalogue_version, id, device,"     \
        " incarnation, lane, seq, record, person, previous, chain_root, outcome, reason, header,"  \
        " body, body_hash, effects, chain"

static const char *const log_sql[SQL_LOG_COUNT_] = {
        [SQL_LOG_APPEND] =
                "INSERT INTO log (" LOG_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                " ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        /* The id of an entry is unique in the world, whatever a hostile device says: every locality is asked. */
        [SQL_LOG_BY_ID] = "SELECT " LOG_COLUMNS " FROM log WHERE id = ?1 ORDER BY place",
        [SQL_LOG_ROOT] = "SELECT coalesce(chain_root, id) FROM log WHERE id = ?1 ORDER BY place",
        [SQL_LOG_EACH] =
                "SELECT " LOG_COLUMNS " FROM log WHERE place >= ?1 AND place < ?2 ORDER BY place",
        [SQL_QUARANTINE_PUT] =
                "INSERT OR REPLACE INTO quarantine (place, reason, since_ms) VALUES (?1, ?2, ?3)",
        [SQL_QUARANTINE_EACH] =
                "SELECT quarantine.place, log.id, log.device, quarantine.reason, since_ms"
                " FROM quarantine JOIN log USING (place)"
                " WHERE quarantine.place >= ?1 AND quarantine.place < ?2 ORDER BY quarantine.place",
        [SQL_SETTLED_OF] = "SELECT " LOG_COLUMNS " FROM log WHERE device = ?1 AND id IN"
                           " (SELECT id FROM settled WHERE settled.device = ?1) ORDER BY id",
        [SQL_SETTLED_CLEAR] = "DELETE FROM settled WHERE device = ?1 AND id = ?2",
};

_Static_assert((int)SQL_LOG_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *log_stmt(struct storage_sqlite *sqlite, enum log_sql sql)
{
        return sqlite->stmts[GROUP_LOG][sql];
}

static int64_t place_of(int64_t locality, uint64_t number)
{
        return (locality << PLACE_BITS) + (int64_t)number;
}

static uint64_t number_at(int64_t place)
{
        return (uint64_t)(place & (((int64_t)1 << PLACE_BITS) - 1));
}

/* ---- log rows ---- */

static int op_log_append(struct storage *storage, const struct log_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LOG_APPEND);
        int64_t locality = 0;
        int r = sqlite_write_in(sqlite, &row->locality, &locality);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, place_of(locality, row->number));
        db_bind_int(stmt, 2, (int64_t)row->epoch);
        db_bind_int(stmt, 3, (int64_t)row->position);
        db_bind_int(stmt, 4, row->received_ms);
        db_bind_int(stmt, 5, row->clock_offset_ms);
        db_bind_int(stmt, 6, row->catalogue_version);
        sqlite_bind_id(stmt, 7, &row->id);
        sqlite_bind_id(stmt, 8, &row->device);
        sqlite_bind_id(stmt, 9, &row->incarnation);
        db_bind_int(stmt, 10, row->lane);
        db_bind_int(stmt, 11, (int64_t)row->seq);
        sqlite_bind_id(stmt, 12, &row->record);
        sqlite_bind_id(stmt, 13, &row->person);
        sqlite_bind_id(stmt, 14, &row->previous);
        if (uuid_equal(&row->chain_root, &row->id))
                db_bind_null(stmt, 15);
        else
                sqlite_bind_id(stmt, 15, &row->chain_root);
        db_bind_int(stmt, 16, row->outcome);
        db_bind_int(stmt, 17, row->reason);
        db_bind_blob(stmt, 18, row->header);
        db_bind_blob(stmt, 19, row->body);
        db_bind_blob(stmt, 20, BYTES(row->body_hash, HASH_SIZE));
        db_bind_blob(stmt, 21, row->effects);
        db_bind_blob(stmt, 22, BYTES(row->chain, HASH_SIZE));
        return db_run(sqlite->db, stmt);
}

static int read_log_row(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, struct log_row *ret)
{
        int64_t place = db_column_int(stmt, 0);
        int r;

        *ret = (struct log_row){
                .locality = sqlite_locality_id(sqlite, place >> PLACE_BITS),
                .number = number_at(place),
                .epoch = (uint64_t)db_column_int(stmt, 1),
                .position = (uint64_t)db_column_int(stmt, 2),
                .received_ms = db_column_int(stmt, 3),
                .clock_offset_ms = db_column_int(stmt, 4),
                .catalogue_version = (uint32_t)db_column_int(stmt, 5),
                .id = db_column_uuid(stmt, 6),
                .device = db_column_uuid(stmt, 7),
                .incarnation = db_column_uuid(stmt, 8),
                .lane = (uint8_t)db_column_int(stmt, 9),
                .seq = (uint64_t)db_column_int(stmt, 10),
                .record = db_column_uuid(stmt, 11),
                .person = db_column_uuid(stmt, 12),
                .previous = db_column_uuid(stmt, 13),
                .chain_root = db_column_uuid(stmt, 14),
                .outcome = (enum entry_outcome)db_column_int(stmt, 15),
                .reason = (uint16_t)db_column_int(stmt, 16),
                .header = db_column_bytes(stmt, 17),
                .body = db_column_bytes(stmt, 18),
                .effects = db_column_bytes(stmt, 20),
        };
        if (uuid_is_none(&ret->chain_root))
                ret->chain_root = ret->id;
        r = sqlite_copy_fixed(stmt, 19, ret->body_hash, HASH_SIZE);
        return r < 0 ? r : sqlite_copy_fixed(stmt, 21, ret->chain, HASH_SIZE);
}

static int keep_log_row(struct arena *arena, struct log_row *row)
{
        int r = sqlite_copy(arena, &row->header);

        if (r == 0)
                r = sqlite_copy(arena, &row->body);
        return r < 0 ? r : sqlite_copy(arena, &row->effects);
}

static int op_log_find(struct storage *storage, const struct uuid *locality, const struct uuid *id,
                       const struct uuid *device, const uint8_t body_hash[HASH_SIZE],
                       struct arena *arena, struct log_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LOG_BY_ID);
        enum storage_found found = FOUND_NONE;
        bool found_own = false;
        int r;

        (void)locality;
        sqlite_bind_id(stmt, 1, id);
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct log_row row;
                bool same, own;

                r = read_log_row(sqlite, stmt, &row);
                if (r < 0)
                        break;
                same = sqlite_same_entry(device, body_hash, &row.device, row.body_hash);
                own = uuid_equal(&row.device, device);
                if (found == FOUND_NONE || same || (own && !found_own)) {
                        r = keep_log_row(arena, &row);
                        if (r < 0)
                                break;
                        *ret = row;
                        found_own = own;
                        found = same ? FOUND_SAME : FOUND_OTHER;
                }
                if (same)
                        break;
        }
        db_reset(stmt);
        return r < 0 ? r : (int)found;
}

static int op_log_chain_root(struct storage *storage, const struct uuid *locality,
                             const struct uuid *id, struct uuid *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LOG_ROOT);
        int r;

        (void)locality;
        sqlite_bind_id(stmt, 1, id);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        *ret = db_column_uuid(stmt, 0);
        db_reset(stmt);
        return 1;
}

struct log_visit {
        storage_log_visit *visit;
        void *context;
};

static int take_log_row(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct log_visit *visit = context;
        struct log_row row;
        int r = read_log_row(sqlite, stmt, &row);

        return r < 0 ? r : visit->visit(visit->context, &row);
}

static int op_log_each(struct storage *storage, const struct uuid *locality, uint64_t from_number,
                       storage_log_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LOG_EACH);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, place_of(number, from_number));
        db_bind_int(stmt, 2, place_of(number + 1, 0));
        return sqlite_each(sqlite, stmt, take_log_row, &(struct log_visit){visit, context});
}

/* ---- quarantine ---- */

static int op_quarantine_put(struct storage *storage, const struct quarantine_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_QUARANTINE_PUT);
        int64_t locality = 0;
        int r = sqlite_write_in(sqlite, &row->locality, &locality);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, place_of(locality, row->number));
        db_bind_int(stmt, 2, row->reason);
        db_bind_int(stmt, 3, row->since_ms);
        return db_run(sqlite->db, stmt);
}

struct quarantine_visit {
        int (*visit)(void *context, const struct quarantine_row *row);
        void *context;
        const struct uuid *locality;
};

static int take_quarantined(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct quarantine_visit *visit = context;
        const struct quarantine_row row = {
                .locality = *visit->locality,
                .number = number_at(db_column_int(stmt, 0)),
                .id = db_column_uuid(stmt, 1),
                .device = db_column_uuid(stmt, 2),
                .reason = (uint16_t)db_column_int(stmt, 3),
                .since_ms = db_column_int(stmt, 4),
        };

        (void)sqlite;
        return visit->visit(visit->context, &row);
}

static int op_quarantine_each(struct storage *storage, const struct uuid *locality,
                              int (*visit)(void *context, const struct quarantine_row *row),
                              void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        struct quarantine_visit quarantine_visit = {visit, context, locality};
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_QUARANTINE_EACH);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, place_of(number, 0));
        db_bind_int(stmt, 2, place_of(number + 1, 0));
        return sqlite_each(sqlite, stmt, take_quarantined, &quarantine_visit);
}

/* ---- owed receipts ---- */

static int op_settled_of(struct storage *storage, const struct uuid *device,
                         storage_log_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_SETTLED_OF);

        sqlite_bind_id(stmt, 1, device);
        return sqlite_each(sqlite, stmt, take_log_row, &(struct log_visit){visit, context});
}

static int op_settled_clear(struct storage *storage, const struct uuid *device,
                            const struct uuid *ids, size_t count)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_SETTLED_CLEAR);
        int r = sqlite_writing(sqlite);

        for (size_t i = 0; i < count && r == 0; i++) {
                sqlite_bind_id(stmt, 1, device);
                sqlite_bind_id(stmt, 2, &ids[i]);
                r = db_run(sqlite->db, stmt);
        }
        return r;
}

void sqlite_log_ops(struct storage_ops *ops)
{
        ops->log_append = op_log_append;
        ops->log_find = op_log_find;
        ops->log_chain_root = op_log_chain_root;
        ops->log_each = op_log_each;
        ops->quarantine_put = op_quarantine_put;
        ops->quarantine_each = op_quarantine_each;
        ops->settled_of = op_settled_of;
        ops->settled_clear = op_settled_clear;
}

int sqlite_log_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, log_sql, SQL_LOG_COUNT_, sqlite->stmts[GROUP_LOG]);
}
