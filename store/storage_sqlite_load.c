/* What finds a record again when a table is loaded: keys of the record itself, and words by which others name it. */
#include "common/error.h"
#include "store/storage_sqlite.h"

enum load_sql {
        SQL_KEY_GET,
        SQL_KEY_PUT,
        SQL_KEY_RECORDS,
        SQL_WORD_GET,
        SQL_WORD_PUT,
        SQL_LOAD_COUNT_
};

static const char *const load_sql[SQL_LOAD_COUNT_] = {
        [SQL_KEY_GET] =
                "SELECT record FROM load_key WHERE locality = ?1 AND type = ?2 AND key = ?3",
        [SQL_KEY_PUT] = "INSERT OR REPLACE INTO load_key (locality, type, key, record) VALUES (?1, "
                        "?2, ?3, ?4)",
        [SQL_KEY_RECORDS] = "SELECT DISTINCT record FROM load_key WHERE locality = ?1 AND type = "
                            "?2 ORDER BY record",
        [SQL_WORD_GET] = "SELECT record FROM load_word WHERE locality = ?1 AND type = ?2 AND word "
                         "= ?3 LIMIT 2",
        [SQL_WORD_PUT] = "INSERT OR IGNORE INTO load_word (locality, type, word, record) VALUES "
                         "(?1, ?2, ?3, ?4)",
};

_Static_assert((int)SQL_LOAD_COUNT_ <= (int)SQLITE_STMT_MAX, "room for the statements");

/* The statement with its first two parameters bound. */
static int begin(struct storage *storage, enum load_sql sql, const struct uuid *locality,
                 const struct catalogue_type *type, sqlite3_stmt **ret)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int64_t number;
        int r = sqlite_locality(sqlite, locality, &number);

        if (r < 0)
                return r;
        *ret = sqlite->stmts[GROUP_LOAD][sql];
        db_bind_int(*ret, 1, number);
        db_bind_int(*ret, 2, type->number);
        return 0;
}

static int op_load_key_get(struct storage *storage, const struct uuid *locality,
                           const struct catalogue_type *type, struct bytes key, struct uuid *ret)
{
        struct db *db = sqlite_of(storage)->db;
        sqlite3_stmt *stmt = NULL;
        int r = begin(storage, SQL_KEY_GET, locality, type, &stmt);

        if (r < 0)
                return r;
        db_bind_blob(stmt, 3, key);
        r = db_step(db, stmt);
        if (r <= 0)
                return r;
        *ret = db_column_uuid(stmt, 0);
        db_reset(stmt);
        return 1;
}

static int op_load_key_put(struct storage *storage, const struct uuid *locality,
                           const struct catalogue_type *type, struct bytes key,
                           const struct uuid *record)
{
        sqlite3_stmt *stmt = NULL;
        int r = sqlite_writing(sqlite_of(storage));

        if (r == 0)
                r = begin(storage, SQL_KEY_PUT, locality, type, &stmt);
        if (r < 0)
                return r;
        db_bind_blob(stmt, 3, key);
        db_bind_uuid(stmt, 4, record);
        return db_run(sqlite_of(storage)->db, stmt);
}

struct uuid_visit {
        storage_uuid_visit *visit;
        void *context;
};

static int take_id(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct uuid_visit *visit = context;
        struct uuid record = db_column_uuid(stmt, 0);

        (void)sqlite;
        return visit->visit(visit->context, &record);
}

static int op_load_records(struct storage *storage, const struct uuid *locality,
                           const struct catalogue_type *type, storage_uuid_visit *visit,
                           void *context)
{
        sqlite3_stmt *stmt = NULL;
        int r = begin(storage, SQL_KEY_RECORDS, locality, type, &stmt);

        return r < 0 ? r
                     : sqlite_each(sqlite_of(storage), stmt, take_id,
                                   &(struct uuid_visit){visit, context});
}

static int op_load_word_get(struct storage *storage, const struct uuid *locality,
                            const struct catalogue_type *type, struct bytes word, struct uuid *ret)
{
        struct db *db = sqlite_of(storage)->db;
        sqlite3_stmt *stmt = NULL;
        int r = begin(storage, SQL_WORD_GET, locality, type, &stmt);

        if (r < 0)
                return r;
        db_bind_text(stmt, 3, word);
        r = db_step(db, stmt);
        if (r <= 0)
                return r;
        *ret = db_column_uuid(stmt, 0);
        r = db_step(db, stmt);
        if (r < 0)
                return r;
        db_reset(stmt);
        return r == 0 ? 1 : 2;
}

static int op_load_word_put(struct storage *storage, const struct uuid *locality,
                            const struct catalogue_type *type, struct bytes word,
                            const struct uuid *record)
{
        sqlite3_stmt *stmt = NULL;
        int r = sqlite_writing(sqlite_of(storage));

        if (r == 0)
                r = begin(storage, SQL_WORD_PUT, locality, type, &stmt);
        if (r < 0)
                return r;
        db_bind_text(stmt, 3, word);
        db_bind_uuid(stmt, 4, record);
        return db_run(sqlite_of(storage)->db, stmt);
}

void sqlite_load_ops(struct storage_ops *ops)
{
        ops->load_key_get = op_load_key_get;
        ops->load_key_put = op_load_key_put;
        ops->load_records = op_load_records;
        ops->load_word_get = op_load_word_get;
        ops->load_word_put = op_load_word_put;
}

int sqlite_load_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, load_sql, SQL_LOAD_COUNT_, sqlite->stmts[GROUP_LOAD]);
}
