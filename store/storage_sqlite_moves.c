/*
 * People who moved between localities, and what goes with them that has no record of its own: open conflicts, parked entries, and
 * the keys by which a loaded table finds a record.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

enum move_sql {
        SQL_MOVED_GET,
        SQL_MOVED_PUT,
        SQL_CONFLICTS_MOVE,
        SQL_PARKED_MOVE,
        SQL_KEYS_MOVE,
        SQL_WORDS_MOVE,
        SQL_MOVE_COUNT_
};

static const char *const move_sql[SQL_MOVE_COUNT_] = {
        [SQL_MOVED_GET] = "SELECT locality, arrived, origin, epoch, departed, seen FROM moved"
                          " WHERE person = ?1",
        [SQL_MOVED_PUT] = "INSERT OR REPLACE INTO moved (person, locality, arrived, origin, epoch,"
                          " departed, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        [SQL_CONFLICTS_MOVE] =
                "UPDATE open_conflict SET locality = ?2 WHERE locality = ?1 AND record = ?3",
        [SQL_PARKED_MOVE] = "UPDATE OR REPLACE parked SET locality = ?2"
                            " WHERE locality = ?1 AND id = ?3 AND device = ?4",
        /* What another record is found by there already stays as it is. */
        [SQL_KEYS_MOVE] = "INSERT OR IGNORE INTO load_key (locality, type, key, record)"
                          " SELECT ?2, type, key, record FROM load_key"
                          " WHERE locality = ?1 AND record = ?3 AND type = ?4",
        [SQL_WORDS_MOVE] = "INSERT OR IGNORE INTO load_word (locality, type, word, record)"
                           " SELECT ?2, type, word, record FROM load_word"
                           " WHERE locality = ?1 AND record = ?3 AND type = ?4",
};

_Static_assert((int)SQL_MOVE_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

static sqlite3_stmt *move_stmt(struct storage_sqlite *sqlite, enum move_sql sql)
{
        return sqlite->stmts[GROUP_MOVES][sql];
}

static int op_moved_get(struct storage *storage, const struct uuid *person, struct moved_row *ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = move_stmt(sqlite, SQL_MOVED_GET);
        int r;

        sqlite_bind_id(stmt, 1, person);
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        *ret = (struct moved_row){
                .person = *person,
                .locality = sqlite_locality_id(sqlite, db_column_int(stmt, 0)),
                .arrived = (uint64_t)db_column_int(stmt, 1),
                .origin = sqlite_locality_id(sqlite, db_column_int(stmt, 2)),
                .departed = {.epoch = (uint64_t)db_column_int(stmt, 3),
                             .position = (uint64_t)db_column_int(stmt, 4)},
                .seen = (uint64_t)db_column_int(stmt, 5),
        };
        db_reset(stmt);
        return 1;
}

static int op_moved_put(struct storage *storage, const struct moved_row *row)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = move_stmt(sqlite, SQL_MOVED_PUT);
        int64_t locality = 0, origin = 0;
        int r = sqlite_write_in(sqlite, &row->locality, &locality);

        if (r == 0)
                r = sqlite_write_in(sqlite, &row->origin, &origin);
        if (r < 0)
                return r;
        sqlite_bind_id(stmt, 1, &row->person);
        db_bind_int(stmt, 2, locality);
        db_bind_int(stmt, 3, (int64_t)row->arrived);
        db_bind_int(stmt, 4, origin);
        db_bind_int(stmt, 5, (int64_t)row->departed.epoch);
        db_bind_int(stmt, 6, (int64_t)row->departed.position);
        db_bind_int(stmt, 7, (int64_t)row->seen);
        return db_run(sqlite->db, stmt);
}

/* The statement with both localities and what is moved bound. */
static int begin(struct storage *storage, enum move_sql sql, const struct uuid *from,
                 const struct uuid *to, const struct uuid *id, sqlite3_stmt **ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int64_t old = 0, new = 0;
        int r = sqlite_write_in(sqlite, from, &old);

        if (r == 0)
                r = sqlite_write_in(sqlite, to, &new);
        if (r < 0)
                return r;
        *ret = move_stmt(sqlite, sql);
        db_bind_int(*ret, 1, old);
        db_bind_int(*ret, 2, new);
        sqlite_bind_id(*ret, 3, id);
        return 0;
}

static int op_conflicts_move(struct storage *storage, const struct uuid *from,
                             const struct uuid *to, const struct uuid *record)
{
        sqlite3_stmt *stmt = NULL;
        int r = begin(storage, SQL_CONFLICTS_MOVE, from, to, record, &stmt);

        return r < 0 ? r : db_run(sqlite_of(storage)->db, stmt);
}

static int op_parked_move(struct storage *storage, const struct uuid *from, const struct uuid *to,
                          const struct uuid *id, const struct uuid *device)
{
        sqlite3_stmt *stmt = NULL;
        int r = begin(storage, SQL_PARKED_MOVE, from, to, id, &stmt);

        if (r < 0)
                return r;
        sqlite_bind_id(stmt, 4, device);
        return db_run(sqlite_of(storage)->db, stmt);
}

static int op_load_move(struct storage *storage, const struct uuid *from, const struct uuid *to,
                        const struct catalogue_type *type, const struct uuid *record)
{
        static const enum move_sql steps[] = {SQL_KEYS_MOVE, SQL_WORDS_MOVE};
        int r = 0;

        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == 0; i++) {
                sqlite3_stmt *stmt = NULL;

                r = begin(storage, steps[i], from, to, record, &stmt);
                if (r < 0)
                        return r;
                db_bind_int(stmt, 4, type->number);
                r = db_run(sqlite_of(storage)->db, stmt);
        }
        return r;
}

void sqlite_move_ops(struct storage_ops *ops)
{
        ops->moved_get = op_moved_get;
        ops->moved_put = op_moved_put;
        ops->conflicts_move = op_conflicts_move;
        ops->parked_move = op_parked_move;
        ops->load_move = op_load_move;
}

int sqlite_moves_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, move_sql, SQL_MOVE_COUNT_, sqlite->stmts[GROUP_MOVES]);
}
