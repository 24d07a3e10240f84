/*
 * Custody: which device was sent whom, and whom it is still to confirm that it let go of.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

enum custody_sql {
        SQL_CUSTODY_GET,
        SQL_CUSTODY_SENT,
        SQL_CUSTODY_EACH,
        SQL_CUSTODY_OF,
        SQL_CUSTODY_ERASED,
        SQL_LEAVING_PUT,
        SQL_LEAVING_REMOVE,
        SQL_LEAVING_COUNT,
        SQL_LEAVING_EACH,
        SQL_CUSTODY_COUNT_
};

#define CUSTODY_COLUMNS "locality, device, person, since_ms, position, erased_ms, class, held"

static const char *const custody_sql[SQL_CUSTODY_COUNT_] = {
        [SQL_CUSTODY_GET] =
                "SELECT " CUSTODY_COLUMNS " FROM custody WHERE device = ?1 AND person = ?2",
        /* Somebody who comes back after an erasure is held since now. */
        [SQL_CUSTODY_SENT] =
                "INSERT INTO custody (device, person, locality, since_ms, position, erased_ms,"
                " class, held)"
                " VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6) ON CONFLICT (device, person) DO UPDATE SET"
                " since_ms = CASE erased_ms WHEN 0 THEN since_ms ELSE excluded.since_ms END,"
                " position = CASE locality WHEN excluded.locality"
                " THEN max(position, excluded.position) ELSE excluded.position END,"
                " locality = excluded.locality, erased_ms = 0,"
                " class = max(class, excluded.class), held = max(held, excluded.held)",
        [SQL_CUSTODY_OF] =
                "SELECT " CUSTODY_COLUMNS " FROM custody WHERE person = ?1 ORDER BY device",
        [SQL_CUSTODY_EACH] =
                "SELECT " CUSTODY_COLUMNS " FROM custody WHERE device = ?1 ORDER BY person",
        [SQL_CUSTODY_ERASED] =
                "UPDATE custody SET held = min(held, ?3),"
                " erased_ms = CASE WHEN ?3 = 0 AND erased_ms = 0 THEN ?4 ELSE erased_ms END"
                " WHERE device = ?1 AND person = ?2",
        [SQL_LEAVING_PUT] =
                "INSERT OR REPLACE INTO leaving (device, person, locality, epoch, position)"
                " VALUES (?1, ?2, ?3, ?4, ?5)",
        [SQL_LEAVING_REMOVE] = "DELETE FROM leaving WHERE device = ?1 AND person = ?2",
        [SQL_LEAVING_COUNT] = "SELECT count(*) FROM leaving WHERE device = ?1",
        [SQL_LEAVING_EACH] = "SELECT locality, device, person, epoch, position FROM leaving"
                             " WHERE device = ?1 ORDER BY person",
};

_Static_assert((int)SQL_CUSTODY_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *custody_stmt(struct storage_sqlite *sqlite, enum custody_sql sql)
{
        return sqlite->stmts[GROUP_CUSTODY][sql];
}

static void read_custody(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, struct custody_row *ret)
{
        *ret = (struct custody_row){
                .locality = sqlite_locality_id(sqlite, db_column_int(stmt, 0)),
                .device = db_column_uuid(stmt, 1),
                .person = db_column_uuid(stmt, 2),
                .since_ms = db_column_int(stmt, 3),
                .position = (uint64_t)db_column_int(stmt, 4),
                .erased_ms = db_column_int(stmt, 5),
                .class = (uint8_t)db_column_int(stmt, 6),
                .held = (uint8_t)db_column_int(stmt, 7),
        };
}

static int op_custody_get(struct storage *storage, const struct uuid *device,
                          const struct uuid *person, struct custody_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = custody_stmt(sqlite, SQL_CUSTODY_GET);
        int r;

        sqlite_bind_id(stmt, 1, device);
        sqlite_bind_id(stmt, 2, person);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        read_custody(sqlite, stmt, ret);
        db_reset(stmt);
        return 1;
}

static int put_custody(struct storage_sqlite *sqlite, const struct custody_row *row)
{
        sqlite3_stmt *stmt = custody_stmt(sqlite, SQL_CUSTODY_SENT);
        int64_t number;
        int r = sqlite_locality(sqlite, &row->locality, &number);

        if (r < 0)
                return r;
        sqlite_bind_id(stmt, 1, &row->device);
        sqlite_bind_id(stmt, 2, &row->person);
        db_bind_int(stmt, 3, number);
        db_bind_int(stmt, 4, row->since_ms);
        db_bind_int(stmt, 5, (int64_t)row->position);
        db_bind_int(stmt, 6, row->class);
        return db_run(sqlite->db, stmt);
}

static int op_custody_sent(struct storage *storage, const struct custody_row *rows, size_t count)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r = sqlite_writing(sqlite);

        for (size_t i = 0; i < count && r == 0; i++)
                r = put_custody(sqlite, &rows[i]);
        return r;
}

struct custody_visit {
        int (*visit)(void *context, const struct custody_row *row);
        void *context;
};

static int take_custody(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct custody_visit *visit = context;
        struct custody_row row;

        read_custody(sqlite, stmt, &row);
        return visit->visit(visit->context, &row);
}

static int visit_custody(struct storage *storage, enum custody_sql sql, const struct uuid *id,
                         int (*visit)(void *context, const struct custody_row *row), void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = custody_stmt(sqlite, sql);

        sqlite_bind_id(stmt, 1, id);
        return sqlite_each(sqlite, stmt, take_custody, &(struct custody_visit){visit, context});
}

static int op_custody_each(struct storage *storage, const struct uuid *device,
                           int (*visit)(void *context, const struct custody_row *row),
                           void *context)
{
        return visit_custody(storage, SQL_CUSTODY_EACH, device, visit, context);
}

static int op_custody_of_person(struct storage *storage, const struct uuid *person,
                                int (*visit)(void *context, const struct custody_row *row),
                                void *context)
{
        return visit_custody(storage, SQL_CUSTODY_OF, person, visit, context);
}

static int op_custody_erased(struct storage *storage, const struct uuid *device,
                             const struct uuid *person, uint8_t held, int64_t now_ms)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = custody_stmt(sqlite, SQL_CUSTODY_ERASED);
        int r = sqlite_writing(sqlite);

        if (r < 0)
                return r;
        sqlite_bind_id(stmt, 1, device);
        sqlite_bind_id(stmt, 2, person);
        db_bind_int(stmt, 3, held);
        db_bind_int(stmt, 4, now_ms);
        return db_run(sqlite->db, stmt);
}

/* ---- leaving ---- */

static int put_leaving(struct storage_sqlite *sqlite, const struct leaving_row *row)
{
        sqlite3_stmt *stmt = custody_stmt(sqlite, SQL_LEAVING_PUT);
        int64_t number;
        int r = sqlite_locality(sqlite, &row->locality, &number);

        if (r < 0)
                return r;
        sqlite_bind_id(stmt, 1, &row->device);
        sqlite_bind_id(stmt, 2, &row->person);
        db_bind_int(stmt, 3, number);
        db_bind_int(stmt, 4, (int64_t)row->told.epoch);
        db_bind_int(stmt, 5, (int64_t)row->told.position);
        return db_run(sqlite->db, stmt);
}

static int op_leaving_put(struct storage *storage, const struct leaving_row *rows, size_t count)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r = sqlite_writing(sqlite);

        for (size_t i = 0; i < count && r == 0; i++)
                r = put_leaving(sqlite, &rows[i]);
        return r;
}

static int op_leaving_remove(struct storage *storage, const struct uuid *device,
                             const struct uuid *person)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = custody_stmt(sqlite, SQL_LEAVING_REMOVE);
        int r = sqlite_writing(sqlite);

        if (r < 0)
                return r;
        sqlite_bind_id(stmt, 1, device);
        sqlite_bind_id(stmt, 2, person);
        return db_run(sqlite->db, stmt);
}

static int op_leaving_count(struct storage *storage, const struct uuid *device, uint64_t *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = custody_stmt(sqlite, SQL_LEAVING_COUNT);
        int r;

        sqlite_bind_id(stmt, 1, device);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 0;
}

struct leaving_visit {
        int (*visit)(void *context, const struct leaving_row *row);
        void *context;
};

static int take_leaving(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct leaving_visit *visit = context;
        const struct leaving_row row = {
                .locality = sqlite_locality_id(sqlite, db_column_int(stmt, 0)),
                .device = db_column_uuid(stmt, 1),
                .person = db_column_uuid(stmt, 2),
                .told = {.epoch = (uint64_t)db_column_int(stmt, 3),
                         .position = (uint64_t)db_column_int(stmt, 4)},
        };

        return visit->visit(visit->context, &row);
}

static int op_leaving_each(struct storage *storage, const struct uuid *device,
                           int (*visit)(void *context, const struct leaving_row *row),
                           void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = custody_stmt(sqlite, SQL_LEAVING_EACH);

        sqlite_bind_id(stmt, 1, device);
        return sqlite_each(sqlite, stmt, take_leaving, &(struct leaving_visit){visit, context});
}

void sqlite_custody_ops(struct storage_ops *ops)
{
        ops->custody_get = op_custody_get;
        ops->custody_sent = op_custody_sent;
        ops->custody_each = op_custody_each;
        ops->custody_of_person = op_custody_of_person;
        ops->custody_erased = op_custody_erased;
        ops->leaving_put = op_leaving_put;
        ops->leaving_remove = op_leaving_remove;
        ops->leaving_count = op_leaving_count;
        ops->leaving_each = op_leaving_each;
}

int sqlite_custody_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, custody_sql, SQL_CUSTODY_COUNT_,
                              sqlite->stmts[GROUP_CUSTODY]);
}
