/*
 * Rows of feeds; open conflicts.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <string.h>

enum feed_sql {
        SQL_ROW_PUT,
        SQL_ROW_REMOVE,
        SQL_ROW_GET,
        SQL_ROW_SCAN,
        SQL_ROW_LAST,
        SQL_CONFLICT_FIND,
        SQL_CONFLICT_OPEN,
        SQL_CONFLICT_CLOSE,
        SQL_FEED_COUNT_
};

static const char *const feed_sql[SQL_FEED_COUNT_] = {
        [SQL_ROW_PUT] =
                "INSERT OR REPLACE INTO feed_row (feed, class, position, id, kind, type, person)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        [SQL_ROW_REMOVE] =
                "DELETE FROM feed_row WHERE feed = ?1 AND class = ?2 AND position = ?3 AND id = ?4",
        [SQL_ROW_GET] = "SELECT position, id, kind, type, person FROM feed_row"
                        " WHERE feed = ?1 AND class = ?2 AND position = ?3 AND id = ?4",
        /* 1 is FEED_RECORD. One statement for rows and records costs half of a look-up for each row. */
        [SQL_ROW_SCAN] = "SELECT position, f.id, kind, type, person, row FROM feed_row AS f"
                         " LEFT JOIN sent_row AS s ON kind = 1 AND s.id = f.id"
                         " WHERE feed = ?1 AND class = ?2 AND (position, f.id) > (?3, ?4)"
                         " ORDER BY position, f.id",
        [SQL_ROW_LAST] = "SELECT position, id, kind FROM feed_row WHERE feed = ?1 AND class = ?2"
                         " ORDER BY position DESC, id DESC LIMIT 1",
        [SQL_CONFLICT_FIND] = "SELECT conflict FROM open_conflict WHERE locality = ?1 AND record = "
                              "?2 AND key = ?3",
        [SQL_CONFLICT_OPEN] =
                "INSERT OR REPLACE INTO open_conflict (locality, record, key, conflict)"
                " VALUES (?1, ?2, ?3, ?4)",
        [SQL_CONFLICT_CLOSE] = "DELETE FROM open_conflict WHERE locality = ?1 AND conflict = ?2",
};

_Static_assert((int)SQL_FEED_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *feed_stmt(struct storage_sqlite *sqlite, enum feed_sql sql)
{
        return sqlite->stmts[GROUP_FEED][sql];
}

/* ---- rows of feeds ---- */

static void bind_place(sqlite3_stmt *stmt, uint64_t feed, enum catalogue_class class,
                       const struct feed_place *place)
{
        db_bind_int(stmt, 1, (int64_t)feed);
        db_bind_int(stmt, 2, class);
        db_bind_int(stmt, 3, (int64_t)place->position);
        /* never NULL: the place before the first row has an id of zeros */
        db_bind_blob(stmt, 4, BYTES(place->id.bytes, sizeof(place->id.bytes)));
}

static int op_feed_put(struct storage *storage, uint64_t feed, enum catalogue_class class,
                       const struct feed_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = feed_stmt(sqlite, SQL_ROW_PUT);
        int r = sqlite_writing(sqlite);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, (int64_t)feed);
        db_bind_int(stmt, 2, class);
        db_bind_int(stmt, 3, (int64_t)row->position);
        sqlite_bind_id(stmt, 4, &row->id);
        db_bind_int(stmt, 5, row->kind);
        db_bind_int(stmt, 6, row->type);
        sqlite_bind_id(stmt, 7, &row->person);
        return db_run(sqlite->db, stmt);
}

static int op_feed_remove(struct storage *storage, uint64_t feed, enum catalogue_class class,
                          const struct feed_place *place)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = feed_stmt(sqlite, SQL_ROW_REMOVE);
        int r = sqlite_writing(sqlite);

        if (r < 0)
                return r;
        bind_place(stmt, feed, class, place);
        return db_run(sqlite->db, stmt);
}

static void read_feed_row(sqlite3_stmt *stmt, struct feed_row *ret)
{
        *ret = (struct feed_row){
                .position = (uint64_t)db_column_int(stmt, 0),
                .id = db_column_uuid(stmt, 1),
                .kind = (enum feed_kind)db_column_int(stmt, 2),
                .type = (uint8_t)db_column_int(stmt, 3),
                .person = db_column_uuid(stmt, 4),
        };
}

static int op_feed_get(struct storage *storage, uint64_t feed, enum catalogue_class class,
                       const struct feed_place *place, struct feed_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = feed_stmt(sqlite, SQL_ROW_GET);
        int r;

        bind_place(stmt, feed, class, place);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        read_feed_row(stmt, ret);
        db_reset(stmt);
        return 1;
}

struct feed_visit {
        storage_feed_visit *visit;
        void *context;
};

static int take_feed_row(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct feed_visit *visit = context;
        enum catalogue_class class;
        struct wire_row sent;
        struct feed_row row;
        int r;

        (void)sqlite;
        read_feed_row(stmt, &row);
        if (row.kind != FEED_RECORD || db_column_is_null(stmt, 5))
                return visit->visit(visit->context, &row, NULL);
        r = sqlite_row_read(db_column_bytes(stmt, 5), &row.id, &class, &sent);
        return r < 0 ? r : visit->visit(visit->context, &row, &sent);
}

static int op_feed_scan(struct storage *storage, uint64_t feed, enum catalogue_class class,
                        const struct feed_place *after, storage_feed_visit *visit, void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = feed_stmt(sqlite, SQL_ROW_SCAN);

        bind_place(stmt, feed, class, after);
        return sqlite_each(sqlite, stmt, take_feed_row, &(struct feed_visit){visit, context});
}

static int op_feed_last(struct storage *storage, uint64_t feed, enum catalogue_class class,
                        struct feed_place *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = feed_stmt(sqlite, SQL_ROW_LAST);
        int r;

        db_bind_int(stmt, 1, (int64_t)feed);
        db_bind_int(stmt, 2, class);
        r = db_step(sqlite->db, stmt);
        if (r < 0)
                return r;
        *ret = (struct feed_place){0};
        if (r > 0) {
                ret->position = (uint64_t)db_column_int(stmt, 0);
                ret->id =
                        db_column_int(stmt, 2) == FEED_EXIT ? FEED_PASSED : db_column_uuid(stmt, 1);
        }
        db_reset(stmt);
        return 0;
}

int feed_place_compare(const struct feed_place *a, const struct feed_place *b)
{
        if (a->position != b->position)
                return a->position < b->position ? -1 : 1;
        return uuid_compare(&a->id, &b->id);
}

/* ---- conflicts ---- */

static int op_conflict_find(struct storage *storage, const struct uuid *locality,
                            const struct uuid *record, uint16_t key, struct uuid *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = feed_stmt(sqlite, SQL_CONFLICT_FIND);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, record);
        db_bind_int(stmt, 3, key);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        *ret = db_column_uuid(stmt, 0);
        db_reset(stmt);
        return 1;
}

static int op_conflict_open(struct storage *storage, const struct open_conflict *conflict)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = feed_stmt(sqlite, SQL_CONFLICT_OPEN);
        int64_t number = 0;
        int r = sqlite_write_in(sqlite, &conflict->locality, &number);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, &conflict->record);
        db_bind_int(stmt, 3, conflict->key);
        sqlite_bind_id(stmt, 4, &conflict->conflict);
        return db_run(sqlite->db, stmt);
}

static int op_conflict_close(struct storage *storage, const struct uuid *locality,
                             const struct uuid *conflict)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = feed_stmt(sqlite, SQL_CONFLICT_CLOSE);
        int64_t number = 0;
        int r = sqlite_write_in(sqlite, locality, &number);
        if (r < 0)
                return r;
        db_bind_int(stmt, 1, number);
        sqlite_bind_id(stmt, 2, conflict);
        return db_run(sqlite->db, stmt);
}

void sqlite_feed_ops(struct storage_ops *ops)
{
        ops->feed_put = op_feed_put;
        ops->feed_remove = op_feed_remove;
        ops->feed_get = op_feed_get;
        ops->feed_scan = op_feed_scan;
        ops->feed_last = op_feed_last;
        ops->conflict_find = op_conflict_find;
        ops->conflict_open = op_conflict_open;
        ops->conflict_close = op_conflict_close;
}

int sqlite_feed_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, feed_sql, SQL_FEED_COUNT_, sqlite->stmts[GROUP_FEED]);
}
