/*
 * Quarantined entries: a row beside the one in the log says what was done about each. And what waits here of one device,
 * quarantined or parked: it is counted when somebody asks, since the limits on it bound the counting as well.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

enum refused_sql {
        SQL_QUARANTINE_PUT,
        SQL_QUARANTINE_EACH,
        SQL_QUARANTINE_NAMED,
        SQL_QUARANTINE_CLOSE,
        SQL_QUARANTINE_TOLD,
        SQL_BACKLOG_REFUSED,
        SQL_BACKLOG_PARKED,
        SQL_REFUSED_COUNT_
};

#define REFUSED_COLUMNS                                                                            \
        "quarantine.place, log.id, quarantine.device, quarantine.reason, since_ms, size, how,"     \
        " closed_by, closed_ms, note, word"

static const char *const refused_sql[SQL_REFUSED_COUNT_] = {
        [SQL_QUARANTINE_PUT] =
                "INSERT OR REPLACE INTO quarantine (place, reason, since_ms, device, size)"
                " VALUES (?1, ?2, ?3, ?4, ?5)",
        [SQL_QUARANTINE_EACH] =
                "SELECT " REFUSED_COLUMNS " FROM quarantine JOIN log USING (place)"
                " WHERE quarantine.place >= ?1 AND quarantine.place < ?2 AND (?3 OR how = 0)"
                " ORDER BY quarantine.place",
        [SQL_QUARANTINE_NAMED] = "SELECT " REFUSED_COLUMNS " FROM log JOIN quarantine USING (place)"
                                 " WHERE log.id = ?1 AND log.outcome = 5 ORDER BY place",
        /* The word after the newest of its device; none where the device need not be told. */
        [SQL_QUARANTINE_CLOSE] =
                "UPDATE quarantine SET closed_by = ?2, how = ?3, closed_ms = ?4, note = ?5,"
                " word = CASE WHEN ?6 THEN 1 + coalesce((SELECT max(other.word) FROM quarantine AS"
                " other WHERE other.device = quarantine.device AND other.word IS NOT NULL), 0) END"
                " WHERE place = ?1",
        [SQL_QUARANTINE_TOLD] = "SELECT " REFUSED_COLUMNS " FROM quarantine JOIN log USING (place)"
                                " WHERE quarantine.device = ?1 AND word > ?2 ORDER BY word",
        [SQL_BACKLOG_REFUSED] =
                "SELECT count(*), coalesce(sum(size), 0) FROM quarantine WHERE device = ?1 AND"
                " how = 0",
        [SQL_BACKLOG_PARKED] =
                "SELECT count(*), coalesce(sum(length(header) + length(body)), 0) FROM parked"
                " WHERE device = ?1",
};

_Static_assert((int)SQL_REFUSED_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *refused_stmt(struct storage_sqlite *sqlite, enum refused_sql sql)
{
        return sqlite->stmts[GROUP_REFUSED][sql];
}

static int op_quarantine_put(struct storage *storage, const struct quarantine_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = refused_stmt(sqlite, SQL_QUARANTINE_PUT);
        int64_t locality = 0;
        int r = sqlite_write_in(sqlite, &row->locality, &locality);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, sqlite_place(locality, row->number));
        db_bind_int(stmt, 2, row->reason);
        db_bind_int(stmt, 3, row->since_ms);
        sqlite_bind_id(stmt, 4, &row->device);
        db_bind_int(stmt, 5, (int64_t)row->size);
        return db_run(sqlite->db, stmt);
}

struct quarantine_visit {
        storage_quarantine_visit *visit;
        void *context;
};

static int take_quarantined(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct quarantine_visit *visit = context;
        int64_t place = db_column_int(stmt, 0);
        const struct quarantine_row row = {
                .locality = sqlite_place_locality(sqlite, place),
                .number = sqlite_place_number(place),
                .id = db_column_uuid(stmt, 1),
                .device = db_column_uuid(stmt, 2),
                .reason = (uint16_t)db_column_int(stmt, 3),
                .since_ms = db_column_int(stmt, 4),
                .size = (uint64_t)db_column_int(stmt, 5),
                .how = (enum closing_how)db_column_int(stmt, 6),
                .closed_by = db_column_uuid(stmt, 7),
                .closed_ms = db_column_int(stmt, 8),
                .note = db_column_bytes(stmt, 9),
                .word = (uint64_t)db_column_int(stmt, 10),
        };

        return visit->visit(visit->context, &row);
}

static int op_quarantine_each(struct storage *storage, const struct uuid *locality, bool closed,
                              storage_quarantine_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = refused_stmt(sqlite, SQL_QUARANTINE_EACH);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, sqlite_place(number, 0));
        db_bind_int(stmt, 2, sqlite_place(number + 1, 0));
        db_bind_int(stmt, 3, closed);
        return sqlite_each(sqlite, stmt, take_quarantined,
                           &(struct quarantine_visit){visit, context});
}

static int op_quarantine_named(struct storage *storage, const struct uuid *id,
                               storage_quarantine_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = refused_stmt(sqlite, SQL_QUARANTINE_NAMED);

        sqlite_bind_id(stmt, 1, id);
        return sqlite_each(sqlite, stmt, take_quarantined,
                           &(struct quarantine_visit){visit, context});
}

static int op_quarantine_close(struct storage *storage, const struct quarantine_row *row, bool tell)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = refused_stmt(sqlite, SQL_QUARANTINE_CLOSE);
        int64_t locality = 0;
        int r = sqlite_writing(sqlite);

        /* its person may have moved since: the locality that deals with it need not be the one that it was refused in */
        if (r == 0)
                r = sqlite_locality(sqlite, &row->locality, &locality);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, sqlite_place(locality, row->number));
        sqlite_bind_id(stmt, 2, &row->closed_by);
        db_bind_int(stmt, 3, row->how);
        db_bind_int(stmt, 4, row->closed_ms);
        db_bind_text(stmt, 5, row->note);
        db_bind_int(stmt, 6, tell);
        return db_run(sqlite->db, stmt);
}

static int op_quarantine_told(struct storage *storage, const struct uuid *device, uint64_t after,
                              storage_quarantine_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = refused_stmt(sqlite, SQL_QUARANTINE_TOLD);

        sqlite_bind_id(stmt, 1, device);
        db_bind_int(stmt, 2, (int64_t)after);
        return sqlite_each(sqlite, stmt, take_quarantined,
                           &(struct quarantine_visit){visit, context});
}

static int count_backlog(struct storage_sqlite *sqlite, enum refused_sql sql,
                         const struct uuid *device, uint64_t *ret_count, uint64_t *ret_size)
{
        sqlite3_stmt *stmt = refused_stmt(sqlite, sql);
        int r;

        sqlite_bind_id(stmt, 1, device);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        *ret_count = (uint64_t)db_column_int(stmt, 0);
        *ret_size = (uint64_t)db_column_int(stmt, 1);
        db_reset(stmt);
        return 0;
}

static int op_backlog(struct storage *storage, const struct uuid *device,
                      struct storage_backlog *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        struct storage_backlog backlog = {0};
        int r = count_backlog(sqlite, SQL_BACKLOG_PARKED, device, &backlog.parked,
                              &backlog.parked_size);

        if (r == 0)
                r = count_backlog(sqlite, SQL_BACKLOG_REFUSED, device, &backlog.refused,
                                  &backlog.refused_size);
        if (r == 0)
                *ret = backlog;
        return r;
}

void sqlite_refused_ops(struct storage_ops *ops)
{
        ops->quarantine_put = op_quarantine_put;
        ops->quarantine_each = op_quarantine_each;
        ops->quarantine_named = op_quarantine_named;
        ops->quarantine_close = op_quarantine_close;
        ops->quarantine_told = op_quarantine_told;
        ops->backlog = op_backlog;
}

int sqlite_refused_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, refused_sql, SQL_REFUSED_COUNT_,
                              sqlite->stmts[GROUP_REFUSED]);
}
