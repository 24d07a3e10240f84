/*
 * Devices, what the operator granted them, and enrolment codes. Writes outside of a transaction commit by themselves.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <string.h>

enum device_sql {
        SQL_DEVICE_GET,
        SQL_DEVICE_PUT,
        SQL_DEVICE_EACH,
        SQL_DEVICE_REPORT,
        SQL_DEVICE_REPORTED,
        SQL_GRANTS_OF,
        SQL_GRANT_PUT,
        SQL_GRANT_REMOVE,
        SQL_CODE_PUT,
        SQL_CODE_GET,
        SQL_CODE_USE,
        SQL_CODE_BURN,
        SQL_DEVICE_COUNT_
};

#define DEVICE_COLUMNS                                                                             \
        "id, locality, name, state, ceiling, public_key, certificate, not_after_ms, created_ms,"   \
        " enrolled_ms, seen_ms, lost_ms"

static const char *const device_sql[SQL_DEVICE_COUNT_] = {
        [SQL_DEVICE_GET] = "SELECT " DEVICE_COLUMNS " FROM device WHERE id = ?1",
        /* What the device last reported stays. */
        [SQL_DEVICE_PUT] =
                "INSERT INTO device (" DEVICE_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                " ?9, ?10, ?11, ?12) ON CONFLICT (id) DO UPDATE SET locality = excluded.locality,"
                " name = excluded.name, state = excluded.state, ceiling = excluded.ceiling,"
                " public_key = excluded.public_key, certificate = excluded.certificate,"
                " not_after_ms = excluded.not_after_ms, created_ms = excluded.created_ms,"
                " enrolled_ms = excluded.enrolled_ms, seen_ms = max(seen_ms, excluded.seen_ms),"
                " lost_ms = excluded.lost_ms",
        [SQL_DEVICE_EACH] = "SELECT " DEVICE_COLUMNS " FROM device ORDER BY id",
        [SQL_DEVICE_REPORT] =
                "UPDATE device SET seen_ms = max(seen_ms, ?2), waiting = ?3, parked = ?4,"
                " quarantined = ?5, oldest_ms = ?6, clock_offset_ms = ?7 WHERE id = ?1",
        [SQL_DEVICE_REPORTED] = "SELECT waiting, parked, quarantined, oldest_ms, clock_offset_ms"
                                " FROM device WHERE id = ?1",
        [SQL_GRANTS_OF] = "SELECT kind, id FROM device_grant WHERE device = ?1 ORDER BY kind, id",
        [SQL_GRANT_PUT] =
                "INSERT OR IGNORE INTO device_grant (device, kind, id) VALUES (?1, ?2, ?3)",
        [SQL_GRANT_REMOVE] = "DELETE FROM device_grant WHERE device = ?1 AND kind = ?2 AND id = ?3",
        [SQL_CODE_PUT] = "INSERT OR REPLACE INTO enrolment_code (hash, device, expires_ms) VALUES "
                         "(?1, ?2, ?3)",
        [SQL_CODE_GET] =
                "SELECT device, expires_ms, public_key FROM enrolment_code WHERE hash = ?1",
        [SQL_CODE_USE] = "UPDATE enrolment_code SET public_key = ?2 WHERE hash = ?1",
        [SQL_CODE_BURN] = "DELETE FROM enrolment_code WHERE device = ?1",
};

_Static_assert((int)SQL_DEVICE_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *device_stmt(struct storage_sqlite *sqlite, enum device_sql sql)
{
        return sqlite->stmts[GROUP_DEVICES][sql];
}

static bool all_zero(const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (data[i] != 0)
                        return false;
        return true;
}

/* Keys and hashes that are not there yet are zero in memory and NULL in the table. */
static void bind_fixed(sqlite3_stmt *stmt, int index, const uint8_t *data, size_t size)
{
        if (all_zero(data, size))
                db_bind_null(stmt, index);
        else
                db_bind_blob(stmt, index, BYTES(data, size));
}

static int read_device(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, struct device_row *ret)
{
        struct bytes name = db_column_bytes(stmt, 2);
        struct device_row row = {
                .id = db_column_uuid(stmt, 0),
                .locality = sqlite_locality_id(sqlite, db_column_int(stmt, 1)),
                .state = (enum wire_device_state)db_column_int(stmt, 3),
                .ceiling = (enum catalogue_class)db_column_int(stmt, 4),
                .not_after_ms = db_column_int(stmt, 7),
                .created_ms = db_column_int(stmt, 8),
                .enrolled_ms = db_column_int(stmt, 9),
                .seen_ms = db_column_int(stmt, 10),
                .lost_ms = db_column_int(stmt, 11),
        };
        int r = sqlite_copy_fixed(stmt, 5, row.public_key, sizeof(row.public_key));

        if (r == 0)
                r = sqlite_copy_fixed(stmt, 6, row.certificate, sizeof(row.certificate));
        if (r == 0 && name.size >= sizeof(row.name))
                r = FAIL(PANNIER_E_CORRUPT, "a device's name has %zu bytes", name.size);
        if (r < 0)
                return r;
        if (name.size > 0)
                memcpy(row.name, name.data, name.size);
        *ret = row;
        return 0;
}

static int op_device_get(struct storage *storage, const struct uuid *id, struct device_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_DEVICE_GET);
        int r;

        db_bind_uuid(stmt, 1, id);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        r = read_device(sqlite, stmt, ret);
        db_reset(stmt);
        return r < 0 ? r : 1;
}

static int op_device_put(struct storage *storage, const struct device_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_DEVICE_PUT);
        int64_t locality;
        int r = sqlite_locality(sqlite, &row->locality, &locality);

        if (r < 0)
                return r;
        sqlite->base.grants_serial++; /* of its home locality, too */
        db_bind_uuid(stmt, 1, &row->id);
        db_bind_int(stmt, 2, locality);
        db_bind_text(stmt, 3, bytes_text(row->name));
        db_bind_int(stmt, 4, row->state);
        db_bind_int(stmt, 5, row->ceiling);
        bind_fixed(stmt, 6, row->public_key, sizeof(row->public_key));
        bind_fixed(stmt, 7, row->certificate, sizeof(row->certificate));
        db_bind_int(stmt, 8, row->not_after_ms);
        db_bind_int(stmt, 9, row->created_ms);
        db_bind_int(stmt, 10, row->enrolled_ms);
        db_bind_int(stmt, 11, row->seen_ms);
        db_bind_int(stmt, 12, row->lost_ms);
        return db_run(sqlite->db, stmt);
}

struct device_visit {
        int (*visit)(void *context, const struct device_row *row);
        void *context;
};

static int take_device(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct device_visit *visit = context;
        struct device_row row;
        int r = read_device(sqlite, stmt, &row);

        return r < 0 ? r : visit->visit(visit->context, &row);
}

static int op_device_each(struct storage *storage,
                          int (*visit)(void *context, const struct device_row *row), void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);

        return sqlite_each(sqlite, device_stmt(sqlite, SQL_DEVICE_EACH), take_device,
                           &(struct device_visit){visit, context});
}

static int op_device_report(struct storage *storage, const struct uuid *id, int64_t seen_ms,
                            const struct device_report *report)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_DEVICE_REPORT);

        db_bind_uuid(stmt, 1, id);
        db_bind_int(stmt, 2, seen_ms);
        db_bind_int(stmt, 3, (int64_t)report->waiting);
        db_bind_int(stmt, 4, (int64_t)report->parked);
        db_bind_int(stmt, 5, (int64_t)report->quarantined);
        db_bind_int(stmt, 6, report->oldest_ms);
        db_bind_int(stmt, 7, report->clock_offset_ms);
        return db_run(sqlite->db, stmt);
}

static int op_device_reported(struct storage *storage, const struct uuid *id,
                              struct device_report *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_DEVICE_REPORTED);
        int r;

        db_bind_uuid(stmt, 1, id);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        *ret = (struct device_report){
                .waiting = (uint64_t)db_column_int(stmt, 0),
                .parked = (uint64_t)db_column_int(stmt, 1),
                .quarantined = (uint64_t)db_column_int(stmt, 2),
                .oldest_ms = db_column_int(stmt, 3),
                .clock_offset_ms = db_column_int(stmt, 4),
        };
        db_reset(stmt);
        return 1;
}

struct grant_visit {
        storage_scope_visit *visit;
        void *context;
};

static int take_grant(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct grant_visit *visit = context;
        const struct scope scope = {.kind = (enum scope_kind)db_column_int(stmt, 0),
                                    .id = db_column_uuid(stmt, 1)};

        (void)sqlite;
        return visit->visit(visit->context, &scope);
}

static int op_grants_of(struct storage *storage, const struct uuid *device,
                        storage_scope_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_GRANTS_OF);

        db_bind_uuid(stmt, 1, device);
        return sqlite_each(sqlite, stmt, take_grant, &(struct grant_visit){visit, context});
}

static int change_grant(struct storage *storage, enum device_sql sql, const struct uuid *device,
                        const struct scope *scope)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, sql);

        sqlite->base.grants_serial++;
        db_bind_uuid(stmt, 1, device);
        db_bind_int(stmt, 2, scope->kind);
        db_bind_uuid(stmt, 3, &scope->id);
        return db_run(sqlite->db, stmt);
}

static int op_grant_put(struct storage *storage, const struct uuid *device,
                        const struct scope *scope)
{
        return change_grant(storage, SQL_GRANT_PUT, device, scope);
}

static int op_grant_remove(struct storage *storage, const struct uuid *device,
                           const struct scope *scope)
{
        return change_grant(storage, SQL_GRANT_REMOVE, device, scope);
}

static int op_code_put(struct storage *storage, const uint8_t hash[HASH_SIZE],
                       const struct uuid *device, int64_t expires_ms)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_CODE_PUT);

        db_bind_blob(stmt, 1, BYTES(hash, HASH_SIZE));
        db_bind_uuid(stmt, 2, device);
        db_bind_int(stmt, 3, expires_ms);
        return db_run(sqlite->db, stmt);
}

static int op_code_get(struct storage *storage, const uint8_t hash[HASH_SIZE],
                       struct uuid *ret_device, int64_t *ret_expires_ms,
                       uint8_t ret_public_key[PUBLIC_KEY_SIZE])
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_CODE_GET);
        int r;

        db_bind_blob(stmt, 1, BYTES(hash, HASH_SIZE));
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        *ret_device = db_column_uuid(stmt, 0);
        *ret_expires_ms = db_column_int(stmt, 1);
        r = sqlite_copy_fixed(stmt, 2, ret_public_key, PUBLIC_KEY_SIZE);
        db_reset(stmt);
        return r < 0 ? r : 1;
}

static int op_code_use(struct storage *storage, const uint8_t hash[HASH_SIZE],
                       const uint8_t public_key[PUBLIC_KEY_SIZE])
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_CODE_USE);

        db_bind_blob(stmt, 1, BYTES(hash, HASH_SIZE));
        db_bind_blob(stmt, 2, BYTES(public_key, PUBLIC_KEY_SIZE));
        return db_run(sqlite->db, stmt);
}

static int op_code_burn(struct storage *storage, const struct uuid *device)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = device_stmt(sqlite, SQL_CODE_BURN);

        db_bind_uuid(stmt, 1, device);
        return db_run(sqlite->db, stmt);
}

void sqlite_device_ops(struct storage_ops *ops)
{
        ops->device_get = op_device_get;
        ops->device_put = op_device_put;
        ops->device_each = op_device_each;
        ops->device_report = op_device_report;
        ops->device_reported = op_device_reported;
        ops->grants_of = op_grants_of;
        ops->grant_put = op_grant_put;
        ops->grant_remove = op_grant_remove;
        ops->code_put = op_code_put;
        ops->code_get = op_code_get;
        ops->code_use = op_code_use;
        ops->code_burn = op_code_burn;
}

int sqlite_devices_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, device_sql, SQL_DEVICE_COUNT_,
                              sqlite->stmts[GROUP_DEVICES]);
}
