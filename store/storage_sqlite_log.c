/*
 * The log, and what hangs on it: quarantine, parked entries and their owed receipts, lanes and gaps.
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
        SQL_PARKED_PUT,
        SQL_PARKED_FIND,
        SQL_PARKED_WAITING,
        SQL_PARKED_OLDER,
        SQL_PARKED_OF,
        SQL_PARKED_REMOVE,
        SQL_SETTLED_PUT,
        SQL_SETTLED_OF,
        SQL_SETTLED_CLEAR,
        SQL_LANE_GET,
        SQL_LANE_PUT,
        SQL_GAP_PUT,
        SQL_GAP_COVERS,
        SQL_LOG_COUNT_
};

#define LOG_COLUMNS                                                                                \
        "place, epoch, position, received_ms, clock_offset_ms, catalogue_version, id, device,"     \
        " incarnation, lane, seq, record, person, previous, chain_root, outcome, reason, header,"  \
        " body, body_hash, effects, chain"

#define PARKED_COLUMNS                                                                             \
        "locality, id, device, incarnation, lane, seq, wait, wait_id, wait_lane, wait_seq,"        \
        " received_ms, clock_offset_ms, header, body, body_hash"

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
        [SQL_PARKED_PUT] =
                "INSERT OR REPLACE INTO parked (" PARKED_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5,"
                " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        [SQL_PARKED_FIND] = "SELECT " PARKED_COLUMNS " FROM parked WHERE locality = ?1 AND id = ?2",
        [SQL_PARKED_WAITING] = "SELECT " PARKED_COLUMNS
                               " FROM parked WHERE locality = ?1 AND wait = ?2 AND wait_id = ?3"
                               " ORDER BY device, lane, seq",
        [SQL_PARKED_OLDER] =
                "SELECT " PARKED_COLUMNS " FROM parked WHERE locality = ?1 AND received_ms < ?2"
                " ORDER BY received_ms, id",
        [SQL_PARKED_OF] = "SELECT " PARKED_COLUMNS " FROM parked WHERE device = ?1 ORDER BY id",
        [SQL_PARKED_REMOVE] = "DELETE FROM parked WHERE locality = ?1 AND id = ?2 AND device = ?3",
        [SQL_SETTLED_PUT] = "INSERT OR IGNORE INTO settled (device, id) VALUES (?1, ?2)",
        [SQL_SETTLED_OF] = "SELECT " LOG_COLUMNS " FROM log WHERE device = ?1 AND id IN"
                           " (SELECT id FROM settled WHERE settled.device = ?1) ORDER BY id",
        [SQL_SETTLED_CLEAR] = "DELETE FROM settled WHERE device = ?1 AND id = ?2",
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

_Static_assert((int)SQL_LOG_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *log_stmt(struct storage_sqlite *sqlite, enum log_sql sql)
{
        return sqlite->stmts[GROUP_LOG][sql];
}

static int64_t place_of(int64_t locality, uint64_t number)
{
        return (locality << PLACE_BITS) + (int64_t)number;
}

/* ---- log rows ---- */

static int op_log_append(struct storage *storage, const struct log_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LOG_APPEND);
        int64_t locality = 0;
        int r = sqlite_writing(sqlite);

        if (r == 0)
                r = sqlite_locality(sqlite, &row->locality, &locality);
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
                .number = (uint64_t)(place & (((int64_t)1 << PLACE_BITS) - 1)),
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

static int copy_bytes(struct arena *arena, struct bytes *bytes)
{
        if (bytes->size == 0) {
                *bytes = BYTES_NONE;
                return 0;
        }
        *bytes = arena_copy(arena, *bytes);
        return bytes->data ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a row's bytes");
}

static int keep_log_row(struct arena *arena, struct log_row *row)
{
        int r = copy_bytes(arena, &row->header);

        if (r == 0)
                r = copy_bytes(arena, &row->body);
        return r < 0 ? r : copy_bytes(arena, &row->effects);
}

static bool same_entry(const struct uuid *device, const uint8_t *hash,
                       const struct uuid *row_device, const uint8_t *row_hash)
{
        return uuid_equal(device, row_device) && memcmp(hash, row_hash, HASH_SIZE) == 0;
}

static int op_log_find(struct storage *storage, const struct uuid *locality, const struct uuid *id,
                       const struct uuid *device, const uint8_t body_hash[HASH_SIZE],
                       struct arena *arena, struct log_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LOG_BY_ID);
        enum storage_found found = FOUND_NONE;
        int r;

        (void)locality;
        sqlite_bind_id(stmt, 1, id);
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct log_row row;
                bool same;

                r = read_log_row(sqlite, stmt, &row);
                if (r < 0)
                        break;
                same = same_entry(device, body_hash, &row.device, row.body_hash);
                if (found == FOUND_NONE || same) {
                        r = keep_log_row(arena, &row);
                        if (r < 0)
                                break;
                        *ret = row;
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

static int visit_log(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, storage_log_visit *visit,
                     void *context)
{
        int r;

        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct log_row row;

                r = read_log_row(sqlite, stmt, &row);
                if (r == 0)
                        r = visit(context, &row);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
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
        return visit_log(sqlite, stmt, visit, context);
}

/* ---- quarantine ---- */

static int op_quarantine_put(struct storage *storage, const struct quarantine_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_QUARANTINE_PUT);
        int64_t locality = 0;
        int r = sqlite_writing(sqlite);

        if (r == 0)
                r = sqlite_locality(sqlite, &row->locality, &locality);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, place_of(locality, row->number));
        db_bind_int(stmt, 2, row->reason);
        db_bind_int(stmt, 3, row->since_ms);
        return db_run(sqlite->db, stmt);
}

static int op_quarantine_each(struct storage *storage, const struct uuid *locality,
                              int (*visit)(void *context, const struct quarantine_row *row),
                              void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_QUARANTINE_EACH);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, place_of(number, 0));
        db_bind_int(stmt, 2, place_of(number + 1, 0));
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct quarantine_row row = {
                        .locality = *locality,
                        .number = (uint64_t)(db_column_int(stmt, 0) - place_of(number, 0)),
                        .id = db_column_uuid(stmt, 1),
                        .device = db_column_uuid(stmt, 2),
                        .reason = (uint16_t)db_column_int(stmt, 3),
                        .since_ms = db_column_int(stmt, 4),
                };

                r = visit(context, &row);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

/* ---- parked ---- */

static int op_parked_put(struct storage *storage, const struct parked_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_PARKED_PUT);
        int64_t locality = 0;
        int r = sqlite_writing(sqlite);

        if (r == 0)
                r = sqlite_locality(sqlite, &row->locality, &locality);
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
                          const uint8_t body_hash[HASH_SIZE], struct arena *arena,
                          struct parked_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_PARKED_FIND);
        struct parked_row row;
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, id);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        r = read_parked(sqlite, stmt, &row);
        if (r == 0)
                r = copy_bytes(arena, &row.header);
        if (r == 0)
                r = copy_bytes(arena, &row.body);
        db_reset(stmt);
        if (r < 0)
                return r;
        *ret = row;
        return same_entry(device, body_hash, &row.device, row.body_hash) ? FOUND_SAME : FOUND_OTHER;
}

static int visit_parked(struct storage_sqlite *sqlite, sqlite3_stmt *stmt,
                        storage_parked_visit *visit, void *context)
{
        int r;

        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct parked_row row;

                r = read_parked(sqlite, stmt, &row);
                if (r == 0)
                        r = visit(context, &row);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

static int op_parked_waiting(struct storage *storage, const struct uuid *locality,
                             enum parked_wait wait, const struct uuid *wait_id,
                             storage_parked_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_PARKED_WAITING);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        db_bind_int(stmt, 2, wait);
        sqlite_bind_id(stmt, 3, wait_id);
        return visit_parked(sqlite, stmt, visit, context);
}

static int op_parked_older(struct storage *storage, const struct uuid *locality, int64_t before_ms,
                           storage_parked_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_PARKED_OLDER);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        db_bind_int(stmt, 2, before_ms);
        return visit_parked(sqlite, stmt, visit, context);
}

static int op_parked_of(struct storage *storage, const struct uuid *device,
                        storage_parked_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_PARKED_OF);

        sqlite_bind_id(stmt, 1, device);
        return visit_parked(sqlite, stmt, visit, context);
}

static int op_parked_remove(struct storage *storage, const struct uuid *locality,
                            const struct uuid *id, const struct uuid *device)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_PARKED_REMOVE);
        int64_t number = 0;
        int r = sqlite_writing(sqlite);

        if (r == 0)
                r = sqlite_locality(sqlite, locality, &number);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, id);
        sqlite_bind_id(stmt, 3, device);
        r = db_run(sqlite->db, stmt);
        if (r < 0 || db_changes(sqlite->db) == 0)
                return r;
        stmt = log_stmt(sqlite, SQL_SETTLED_PUT);
        sqlite_bind_id(stmt, 1, device);
        sqlite_bind_id(stmt, 2, id);
        return db_run(sqlite->db, stmt);
}

static int op_settled_of(struct storage *storage, const struct uuid *device,
                         storage_log_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_SETTLED_OF);

        sqlite_bind_id(stmt, 1, device);
        return visit_log(sqlite, stmt, visit, context);
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
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LANE_GET);
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
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LANE_PUT);
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
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_GAP_PUT);
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
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_GAP_COVERS);
        int r;

        bind_lane(stmt, device, incarnation, lane);
        db_bind_int(stmt, 4, (int64_t)seq);
        r = db_step(sqlite->db, stmt);
        db_reset(stmt);
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
        ops->parked_put = op_parked_put;
        ops->parked_find = op_parked_find;
        ops->parked_waiting = op_parked_waiting;
        ops->parked_older = op_parked_older;
        ops->parked_of = op_parked_of;
        ops->parked_remove = op_parked_remove;
        ops->settled_of = op_settled_of;
        ops->settled_clear = op_settled_clear;
        ops->lane_get = op_lane_get;
        ops->lane_put = op_lane_put;
        ops->gap_put = op_gap_put;
        ops->gap_covers = op_gap_covers;
}

int sqlite_log_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, log_sql, SQL_LOG_COUNT_, sqlite->stmts[GROUP_LOG]);
}
