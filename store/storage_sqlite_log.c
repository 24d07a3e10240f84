/*
 * The log, and receipts that are owed since an entry was parked.
 *
 * A row of the log is found by its place, locality number * 2^40 + number: one integer keeps the rows of a locality together
 * and in order, and appends at the end of the B-tree.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <string.h>

enum log_sql {
        SQL_LOG_APPEND,
        SQL_LOG_JUDGED,
        SQL_LOG_REFUSED_ANY,
        SQL_LOG_REFUSED_OWN,
        SQL_LOG_REFUSED_SAME,
        SQL_LOG_ROOT,
        SQL_LOG_EACH,
        SQL_LOG_GET,
        SQL_SETTLED_OF,
        SQL_SETTLED_CLEAR,
        SQL_LOG_COUNT_
};

#define LOG_COLUMNS                                                                                \
        "place, epoch, position, received_ms, clock_offset_ms, catalogue_version, id, device,"     \
        " incarnation, lane, seq, record, person, previous, chain_root, outcome, reason, header,"  \
        " body, body_hash, effects, chain"

/* The same without header and body: what finds an entry needs only what became of it. */
#define LOG_BRIEF                                                                                  \
        "place, epoch, position, received_ms, clock_offset_ms, catalogue_version, id, device,"     \
        " incarnation, lane, seq, record, person, previous, chain_root, outcome, reason, NULL,"    \
        " NULL, body_hash, effects, chain"

static const char *const log_sql[SQL_LOG_COUNT_] = {
        [SQL_LOG_APPEND] =
                "INSERT INTO log (" LOG_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                " ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        /*
         * The id of an entry is unique in the world, whatever a hostile device says: every locality is asked. One entry of an
         * id was judged at most; of those that were refused there may be any number, so each question has its own index.
         */
        [SQL_LOG_JUDGED] = "SELECT " LOG_BRIEF " FROM log WHERE id = ?1 AND outcome <> 5 LIMIT 1",
        [SQL_LOG_REFUSED_ANY] =
                "SELECT " LOG_BRIEF " FROM log WHERE id = ?1 AND outcome = 5 LIMIT 1",
        [SQL_LOG_REFUSED_OWN] = "SELECT " LOG_BRIEF
                                " FROM log WHERE id = ?1 AND outcome = 5 AND device IS ?2 LIMIT 1",
        [SQL_LOG_REFUSED_SAME] =
                "SELECT " LOG_BRIEF " FROM log WHERE id = ?1 AND outcome = 5 AND device IS ?2"
                " AND body_hash = ?3 LIMIT 1",
        [SQL_LOG_ROOT] = "SELECT root FROM"
                         " (SELECT coalesce(chain_root, id) AS root FROM log"
                         " WHERE id = ?1 AND outcome <> 5 LIMIT 1)"
                         " UNION ALL SELECT root FROM"
                         " (SELECT coalesce(chain_root, id) AS root FROM log"
                         " WHERE id = ?1 AND outcome = 5 LIMIT 1) LIMIT 1",
        [SQL_LOG_EACH] =
                "SELECT " LOG_COLUMNS " FROM log WHERE place >= ?1 AND place < ?2 ORDER BY place",
        [SQL_LOG_GET] = "SELECT " LOG_COLUMNS " FROM log WHERE place = ?1",
        [SQL_SETTLED_OF] =
                "SELECT " LOG_BRIEF " FROM log WHERE device = ?1 AND outcome <> 5 AND"
                " id IN (SELECT id FROM settled WHERE settled.device = ?1)"
                " UNION ALL SELECT " LOG_BRIEF " FROM log WHERE device = ?1 AND outcome = 5 AND"
                " id IN (SELECT id FROM settled WHERE settled.device = ?1) ORDER BY id",
        [SQL_SETTLED_CLEAR] = "DELETE FROM settled WHERE device = ?1 AND id = ?2",
};

_Static_assert((int)SQL_LOG_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *log_stmt(struct storage_sqlite *sqlite, enum log_sql sql)
{
        return sqlite->stmts[GROUP_LOG][sql];
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
        db_bind_int(stmt, 1, sqlite_place(locality, row->number));
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
                .locality = sqlite_place_locality(sqlite, place),
                .number = sqlite_place_number(place),
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

/* The row that one of the lookups finds: 1, 0 */
static int find_row(struct storage_sqlite *sqlite, enum log_sql sql, const struct uuid *id,
                    const struct uuid *device, const uint8_t *body_hash, struct arena *arena,
                    struct log_row *ret)
{
        sqlite3_stmt *stmt = log_stmt(sqlite, sql);
        int r;

        sqlite_bind_id(stmt, 1, id);
        if (device)
                sqlite_bind_id(stmt, 2, device);
        if (body_hash)
                db_bind_blob(stmt, 3, BYTES(body_hash, HASH_SIZE));
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        r = read_log_row(sqlite, stmt, ret);
        if (r == 0)
                r = keep_log_row(arena, ret);
        db_reset(stmt);
        return r < 0 ? r : 1;
}

/* Among those that were refused; @judged: another entry of this id was not. */
static int find_refused(struct storage_sqlite *sqlite, const struct uuid *id,
                        const struct uuid *device, const uint8_t body_hash[HASH_SIZE], bool judged,
                        struct arena *arena, struct log_row *ret)
{
        struct log_row row;
        int r = find_row(sqlite, SQL_LOG_REFUSED_ANY, id, NULL, NULL, arena, &row);

        if (r <= 0)
                return r < 0 ? r : judged ? (int)FOUND_OTHER : (int)FOUND_NONE;
        if (!judged)
                *ret = row;
        r = find_row(sqlite, SQL_LOG_REFUSED_SAME, id, device, body_hash, arena, &row);
        if (r > 0)
                *ret = row;
        if (r != 0)
                return r < 0 ? r : (int)FOUND_SAME;
        if (judged && uuid_equal(&ret->device, device))
                return FOUND_OTHER;
        r = find_row(sqlite, SQL_LOG_REFUSED_OWN, id, device, NULL, arena, &row);
        if (r > 0)
                *ret = row;
        return r < 0 ? r : (int)FOUND_OTHER;
}

static int op_log_find(struct storage *storage, const struct uuid *locality, const struct uuid *id,
                       const struct uuid *device, const uint8_t body_hash[HASH_SIZE],
                       struct arena *arena, struct log_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r = find_row(sqlite, SQL_LOG_JUDGED, id, NULL, NULL, arena, ret);

        (void)locality;
        if (r < 0)
                return r;
        if (r > 0 && sqlite_same_entry(device, body_hash, &ret->device, ret->body_hash))
                return FOUND_SAME;
        return find_refused(sqlite, id, device, body_hash, r > 0, arena, ret);
}

static int op_log_get(struct storage *storage, const struct uuid *locality, uint64_t number,
                      struct arena *arena, struct log_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = log_stmt(sqlite, SQL_LOG_GET);
        int64_t own;
        int r = sqlite_locality(sqlite, locality, &own);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, sqlite_place(own, number));
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        r = read_log_row(sqlite, stmt, ret);
        if (r == 0)
                r = keep_log_row(arena, ret);
        db_reset(stmt);
        return r < 0 ? r : 1;
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
        db_bind_int(stmt, 1, sqlite_place(number, from_number));
        db_bind_int(stmt, 2, sqlite_place(number + 1, 0));
        return sqlite_each(sqlite, stmt, take_log_row, &(struct log_visit){visit, context});
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
        ops->log_get = op_log_get;
        ops->settled_of = op_settled_of;
        ops->settled_clear = op_settled_clear;
}

int sqlite_log_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, log_sql, SQL_LOG_COUNT_, sqlite->stmts[GROUP_LOG]);
}
