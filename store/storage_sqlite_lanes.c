/*
 * What a device's outboxes are at: entries that wait here, how far each lane was taken, what was declared lost.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <string.h>

enum lane_sql {
        SQL_PARKED_PUT,
        SQL_PARKED_FIND,
        SQL_PARKED_NAMED,
        SQL_PARKED_IDS,
        SQL_PARKED_WAITING,
        SQL_PARKED_OLDER,
        SQL_PARKED_OF,
        SQL_PARKED_REMOVE,
        SQL_SETTLED_PUT,
        SQL_LANE_GET,
        SQL_LANE_PUT,
        SQL_GAP_PUT,
        SQL_GAP_COVERS,
        SQL_LANES_COUNT_
};

#define PARKED_COLUMNS                                                                             \
        "locality, id, device, incarnation, lane, seq, wait, wait_id, wait_lane, wait_seq,"        \
        " received_ms, clock_offset_ms, header, body, body_hash"

/* The same without header and body: whoever asks whether an entry is parked needs neither. */
#define PARKED_BRIEF                                                                               \
        "locality, id, device, incarnation, lane, seq, wait, wait_id, wait_lane, wait_seq,"        \
        " received_ms, clock_offset_ms, NULL, NULL, body_hash"

static const char *const lane_sql[SQL_LANES_COUNT_] = {
        [SQL_PARKED_PUT] =
                "INSERT OR REPLACE INTO parked (" PARKED_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5,"
                " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        [SQL_PARKED_FIND] = "SELECT " PARKED_BRIEF " FROM parked WHERE (locality = ?1 AND id = ?2)"
                            " OR (device = ?3 AND id = ?2) ORDER BY device <> ?3 LIMIT 1",
        [SQL_PARKED_NAMED] = "SELECT " PARKED_COLUMNS " FROM parked WHERE id = ?1 AND locality IN"
                             " (SELECT number FROM locality)",
        [SQL_PARKED_IDS] = "SELECT id FROM parked WHERE device = ?1 ORDER BY id",
        [SQL_PARKED_WAITING] = "SELECT " PARKED_COLUMNS
                               " FROM parked WHERE locality = ?1 AND wait = ?2 AND wait_id = ?3"
                               " ORDER BY device, lane, seq",
        [SQL_PARKED_OLDER] =
                "SELECT " PARKED_COLUMNS " FROM parked WHERE locality = ?1 AND received_ms < ?2"
                " ORDER BY received_ms, id",
        [SQL_PARKED_OF] = "SELECT " PARKED_COLUMNS " FROM parked WHERE device = ?1 ORDER BY id",
        [SQL_PARKED_REMOVE] = "DELETE FROM parked WHERE locality = ?1 AND id = ?2 AND device = ?3",
        [SQL_SETTLED_PUT] = "INSERT OR IGNORE INTO settled (device, id) VALUES (?1, ?2)",
        [SQL_LANE_GET] = "SELECT next_seq, head, signature, forked FROM lane"
                         " WHERE device = ?1 AND incarnation = ?2 AND lane = ?3",
        [SQL_LANE_PUT] = "INSERT OR REPLACE INTO lane (device, incarnation, lane, next_seq, head, "
                         "signature, forked)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        [SQL_GAP_PUT] = "INSERT OR IGNORE INTO gap (device, incarnation, lane, from_seq, to_seq, "
                        "declared_ms, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        [SQL_GAP_COVERS] = "SELECT 1 FROM gap WHERE device = ?1 AND incarnation = ?2 AND lane = ?3"
                           " AND from_seq <= ?4 AND to_seq >= ?4 LIMIT 1",
};

_Static_assert((int)SQL_LANES_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *lane_stmt(struct storage_sqlite *sqlite, enum lane_sql sql)
{
        return sqlite->stmts[GROUP_LANES][sql];
}

/* ---- parked ---- */

static int op_parked_put(struct storage *storage, const struct parked_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_PARKED_PUT);
        int64_t locality = 0;
        int r = sqlite_write_in(sqlite, &row->locality, &locality);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, locality);
        sqlite_bind_id(stmt, 2, &row->id);
        sqlite_bind_id(stmt, 3, &row->device);
        sqlite_bind_id(stmt, 4, &row->incarnation);
        db_bind_int(stmt, 5, row->lane);
        db_bind_int(stmt, 6, (int64_t)row->seq);
        db_bind_int(stmt, 7, row->wait);
        sqlite_bind_id(stmt, 8, &row->wait_id);
        db_bind_int(stmt, 9, row->wait_lane);
        db_bind_int(stmt, 10, (int64_t)row->wait_seq);
        db_bind_int(stmt, 11, row->received_ms);
        db_bind_int(stmt, 12, row->clock_offset_ms);
        db_bind_blob(stmt, 13, row->header);
        db_bind_blob(stmt, 14, row->body);
        db_bind_blob(stmt, 15, BYTES(row->body_hash, HASH_SIZE));
        return db_run(sqlite->db, stmt);
}

static int read_parked(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, struct parked_row *ret)
{
        *ret = (struct parked_row){
                .locality = sqlite_locality_id(sqlite, db_column_int(stmt, 0)),
                .id = db_column_uuid(stmt, 1),
                .device = db_column_uuid(stmt, 2),
                .incarnation = db_column_uuid(stmt, 3),
                .lane = (uint8_t)db_column_int(stmt, 4),
                .seq = (uint64_t)db_column_int(stmt, 5),
                .wait = (enum parked_wait)db_column_int(stmt, 6),
                .wait_id = db_column_uuid(stmt, 7),
                .wait_lane = (uint8_t)db_column_int(stmt, 8),
                .wait_seq = (uint64_t)db_column_int(stmt, 9),
                .received_ms = db_column_int(stmt, 10),
                .clock_offset_ms = db_column_int(stmt, 11),
                .header = db_column_bytes(stmt, 12),
                .body = db_column_bytes(stmt, 13),
        };
        return sqlite_copy_fixed(stmt, 14, ret->body_hash, HASH_SIZE);
}

static int op_parked_find(struct storage *storage, const struct uuid *locality,
                          const struct uuid *id, const struct uuid *device,
                          const uint8_t body_hash[HASH_SIZE], struct parked_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_PARKED_FIND);
        struct parked_row row;
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, id);
        sqlite_bind_id(stmt, 3, device);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        r = read_parked(sqlite, stmt, &row);
        db_reset(stmt);
        if (r < 0)
                return r;
        *ret = row;
        return sqlite_same_entry(device, body_hash, &row.device, row.body_hash) ? FOUND_SAME
                                                                                : FOUND_OTHER;
}

struct parked_visit {
        storage_parked_visit *visit;
        void *context;
};

static int take_parked(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct parked_visit *visit = context;
        struct parked_row row;
        int r = read_parked(sqlite, stmt, &row);

        return r < 0 ? r : visit->visit(visit->context, &row);
}

static int op_parked_waiting(struct storage *storage, const struct uuid *locality,
                             enum parked_wait wait, const struct uuid *wait_id,
                             storage_parked_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_PARKED_WAITING);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        db_bind_int(stmt, 2, wait);
        sqlite_bind_id(stmt, 3, wait_id);
        return sqlite_each(sqlite, stmt, take_parked, &(struct parked_visit){visit, context});
}

static int op_parked_older(struct storage *storage, const struct uuid *locality, int64_t before_ms,
                           storage_parked_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_PARKED_OLDER);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        db_bind_int(stmt, 2, before_ms);
        return sqlite_each(sqlite, stmt, take_parked, &(struct parked_visit){visit, context});
}

static int op_parked_of(struct storage *storage, const struct uuid *device,
                        storage_parked_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_PARKED_OF);

        sqlite_bind_id(stmt, 1, device);
        return sqlite_each(sqlite, stmt, take_parked, &(struct parked_visit){visit, context});
}

static int op_parked_named(struct storage *storage, const struct uuid *id,
                           storage_parked_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_PARKED_NAMED);

        sqlite_bind_id(stmt, 1, id);
        return sqlite_each(sqlite, stmt, take_parked, &(struct parked_visit){visit, context});
}

struct id_visit {
        storage_uuid_visit *visit;
        void *context;
};

static int take_id(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct id_visit *visit = context;
        const struct uuid id = db_column_uuid(stmt, 0);

        (void)sqlite;
        return visit->visit(visit->context, &id);
}

static int op_parked_ids(struct storage *storage, const struct uuid *device,
                         storage_uuid_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_PARKED_IDS);

        sqlite_bind_id(stmt, 1, device);
        return sqlite_each(sqlite, stmt, take_id, &(struct id_visit){visit, context});
}

static int op_parked_remove(struct storage *storage, const struct uuid *locality,
                            const struct uuid *id, const struct uuid *device)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_PARKED_REMOVE);
        int64_t number = 0;
        int r = sqlite_write_in(sqlite, locality, &number);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, id);
        sqlite_bind_id(stmt, 3, device);
        r = db_run(sqlite->db, stmt);
        if (r < 0 || db_changes(sqlite->db) == 0)
                return r;
        stmt = lane_stmt(sqlite, SQL_SETTLED_PUT);
        sqlite_bind_id(stmt, 1, device);
        sqlite_bind_id(stmt, 2, id);
        return db_run(sqlite->db, stmt);
}

/* ---- lanes ---- */

static void bind_lane(sqlite3_stmt *stmt, const struct uuid *device, const struct uuid *incarnation,
                      uint8_t lane)
{
        sqlite_bind_id(stmt, 1, device);
        sqlite_bind_id(stmt, 2, incarnation);
        db_bind_int(stmt, 3, lane);
}

static int op_lane_get(struct storage *storage, const struct uuid *device,
                       const struct uuid *incarnation, uint8_t lane, struct lane_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_LANE_GET);
        struct lane_row row = {.device = *device, .incarnation = *incarnation, .lane = lane};
        int r;

        bind_lane(stmt, device, incarnation, lane);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        row.next_seq = (uint64_t)db_column_int(stmt, 0);
        row.head_known = !db_column_is_null(stmt, 1);
        row.forked = db_column_int(stmt, 3) != 0;
        r = sqlite_copy_fixed(stmt, 1, row.head, HASH_SIZE);
        if (r == 0)
                r = sqlite_copy_fixed(stmt, 2, row.signature, SIGNATURE_SIZE);
        db_reset(stmt);
        if (r < 0)
                return r;
        *ret = row;
        return 1;
}

static int op_lane_put(struct storage *storage, const struct lane_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_LANE_PUT);
        int r = sqlite_writing(sqlite);

        if (r < 0)
                return r;
        bind_lane(stmt, &row->device, &row->incarnation, row->lane);
        db_bind_int(stmt, 4, (int64_t)row->next_seq);
        if (row->head_known)
                db_bind_blob(stmt, 5, BYTES(row->head, HASH_SIZE));
        else
                db_bind_null(stmt, 5);
        db_bind_blob(stmt, 6, BYTES(row->signature, SIGNATURE_SIZE));
        db_bind_int(stmt, 7, row->forked);
        return db_run(sqlite->db, stmt);
}

static int op_gap_put(struct storage *storage, const struct gap_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_GAP_PUT);
        int r = sqlite_writing(sqlite);

        if (r < 0)
                return r;
        bind_lane(stmt, &row->device, &row->incarnation, row->lane);
        db_bind_int(stmt, 4, (int64_t)row->from_seq);
        db_bind_int(stmt, 5, (int64_t)row->to_seq);
        db_bind_int(stmt, 6, row->declared_ms);
        db_bind_text(stmt, 7, bytes_text(row->detail));
        return db_run(sqlite->db, stmt);
}

static int op_gap_covers(struct storage *storage, const struct uuid *device,
                         const struct uuid *incarnation, uint8_t lane, uint64_t seq)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = lane_stmt(sqlite, SQL_GAP_COVERS);
        int r;

        bind_lane(stmt, device, incarnation, lane);
        db_bind_int(stmt, 4, (int64_t)seq);
        r = db_step(sqlite->db, stmt);
        db_reset(stmt);
        return r;
}

void sqlite_lane_ops(struct storage_ops *ops)
{
        ops->parked_put = op_parked_put;
        ops->parked_find = op_parked_find;
        ops->parked_waiting = op_parked_waiting;
        ops->parked_older = op_parked_older;
        ops->parked_of = op_parked_of;
        ops->parked_named = op_parked_named;
        ops->parked_ids = op_parked_ids;
        ops->parked_remove = op_parked_remove;
        ops->lane_get = op_lane_get;
        ops->lane_put = op_lane_put;
        ops->gap_put = op_gap_put;
        ops->gap_covers = op_gap_covers;
}

int sqlite_lanes_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, lane_sql, SQL_LANES_COUNT_, sqlite->stmts[GROUP_LANES]);
}
