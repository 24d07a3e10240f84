/* What devices repaired of their copies, for people who look for bad disks and for bugs. */
#include "common/error.h"
#include "store/storage_sqlite.h"

enum repairs_sql {
        SQL_REPAIR_PUT,
        SQL_REPAIR_TRIM,
        SQL_REPAIRS_OF,
        SQL_REPAIRS,
        SQL_REPAIRS_COUNT_
};

static const char *const repairs_sql[SQL_REPAIRS_COUNT_] = {
        [SQL_REPAIR_PUT] = "INSERT INTO repair (device, at_ms, number, locality, owner, class, "
                           "epoch, position, what) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
                           "ON CONFLICT DO NOTHING",
        [SQL_REPAIR_TRIM] = "DELETE FROM repair WHERE device = ?1 AND at_ms < (SELECT at_ms "
                            "FROM repair WHERE device = ?1 ORDER BY at_ms DESC LIMIT 1 OFFSET 999)",
        [SQL_REPAIRS_OF] = "SELECT device, at_ms, number, locality, owner, class, epoch, position, "
                           "what FROM repair WHERE device = ?1 ORDER BY at_ms DESC, number DESC",
        [SQL_REPAIRS] = "SELECT device, at_ms, number, locality, owner, class, epoch, position, "
                        "what FROM repair ORDER BY device, at_ms DESC, number DESC",
};

static sqlite3_stmt *repairs_stmt(struct storage_sqlite *sqlite, enum repairs_sql sql)
{
        return sqlite->stmts[GROUP_REPAIRS][sql];
}

static int op_repair_put(struct storage *storage, const struct uuid *device,
                         const struct wire_repair *repair)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = repairs_stmt(sqlite, SQL_REPAIR_PUT);
        int r = sqlite_writing(sqlite);

        if (r < 0)
                return r;
        db_bind_uuid(stmt, 1, device);
        db_bind_int(stmt, 2, repair->at_ms);
        db_bind_int(stmt, 3, (int64_t)repair->number);
        db_bind_uuid(stmt, 4, &repair->locality);
        db_bind_uuid(stmt, 5, &repair->owner);
        db_bind_int(stmt, 6, (int64_t)repair->class);
        db_bind_int(stmt, 7, (int64_t)repair->epoch);
        db_bind_int(stmt, 8, (int64_t)repair->position);
        db_bind_int(stmt, 9, (int64_t)repair->what);
        r = db_run(sqlite->db, stmt);
        if (r < 0)
                return r;
        stmt = repairs_stmt(sqlite, SQL_REPAIR_TRIM);
        db_bind_uuid(stmt, 1, device);
        return db_run(sqlite->db, stmt);
}

static int op_repairs_of(struct storage *storage, const struct uuid *device,
                         int (*visit)(void *context, const struct uuid *device,
                                      const struct wire_repair *repair),
                         void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = repairs_stmt(sqlite, device ? SQL_REPAIRS_OF : SQL_REPAIRS);
        int r;

        if (device)
                db_bind_uuid(stmt, 1, device);
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                const struct uuid of = db_column_uuid(stmt, 0);
                const struct wire_repair repair = {
                        .at_ms = db_column_int(stmt, 1),
                        .number = (uint64_t)db_column_int(stmt, 2),
                        .locality = db_column_uuid(stmt, 3),
                        .owner = db_column_uuid(stmt, 4),
                        .class = (enum catalogue_class)db_column_int(stmt, 5),
                        .epoch = (uint64_t)db_column_int(stmt, 6),
                        .position = (uint64_t)db_column_int(stmt, 7),
                        .what = (enum repair_what)db_column_int(stmt, 8),
                };

                r = visit(context, &of, &repair);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

void sqlite_repairs_ops(struct storage_ops *ops)
{
        ops->repair_put = op_repair_put;
        ops->repairs_of = op_repairs_of;
}

int sqlite_repairs_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, repairs_sql, SQL_REPAIRS_COUNT_,
                              sqlite->stmts[GROUP_REPAIRS]);
}
