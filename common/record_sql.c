#include "common/record_sql.h"

#include "common/crypto.h"
#include "common/db.h"
#include "common/error.h"
#include "common/record_table.h"
#include "common/record_upgrade.h"

#include <string.h>

static const char *const common_columns[RECORD_COLUMN_FIELDS] = {
        "id",   "person",      "locality", "author",  "device",
        "role", "recorded_ms", "position", "unknown", "stamps",
};

static void append_columns(const struct catalogue_type *type, struct buffer *out)
{
        for (size_t i = 0; i < RECORD_COLUMN_FIELDS; i++)
                buffer_append_format(out, "%s%s", i ? ", " : "", common_columns[i]);
        for (size_t i = 0; i < type->field_count; i++)
                buffer_append_format(out, ", f_%s", type->fields[i].name);
}

static void append_insert(const struct catalogue_type *type, struct buffer *out)
{
        size_t count = RECORD_COLUMN_FIELDS + (size_t)type->field_count;

        buffer_append_format(out, "INSERT INTO %s (", type->table);
        append_columns(type, out);
        buffer_append_text(out, ") VALUES (?");
        for (size_t i = 1; i < count; i++)
                buffer_append_text(out, ", ?");
        buffer_append_text(out, ") ON CONFLICT (id) DO ");
}

static void append_update(const struct catalogue_type *type, struct buffer *out)
{
        buffer_append_text(out, "UPDATE SET ");
        for (size_t i = 1; i < RECORD_COLUMN_FIELDS; i++)
                buffer_append_format(out, "%s%s = excluded.%s", i > 1 ? ", " : "",
                                     common_columns[i], common_columns[i]);
        for (size_t i = 0; i < type->field_count; i++)
                buffer_append_format(out, ", f_%s = excluded.f_%s", type->fields[i].name,
                                     type->fields[i].name);
}

static void append_select(const struct catalogue_type *type, const char *where, struct buffer *out)
{
        buffer_append_text(out, "SELECT ");
        append_columns(type, out);
        buffer_append_format(out, " FROM %s WHERE %s", type->table, where);
}

bool record_sql_has_person(const struct catalogue_type *type)
{
        return type->personal || type->is_person || type->is_conflict;
}

/* A person's own record is found by its id: it is the person's id. */
static const char *person_column(const struct catalogue_type *type)
{
        return type->is_person ? "id" : "person";
}

static void append_person(const struct catalogue_type *type, struct buffer *out)
{
        append_select(type, person_column(type), out);
        buffer_append_text(out, " = ?2 AND id > ?1 ORDER BY id");
}

void record_sql_part(const struct catalogue_type *type, uint64_t fields, struct buffer *out)
{
        buffer_append_text(out, "SELECT id, position");
        for (size_t i = 0; i < type->field_count; i++)
                if (fields >> i & 1)
                        buffer_append_format(out, ", f_%s", type->fields[i].name);
        buffer_append_format(out, " FROM %s WHERE %s = ?1 ORDER BY id", type->table,
                             person_column(type));
}

void record_sql_text(const struct catalogue_type *type, enum record_sql which, int field_index,
                     struct buffer *out)
{
        switch (which) {
        case RECORD_SQL_PUT:
                append_insert(type, out);
                append_update(type, out);
                break;
        case RECORD_SQL_PUT_NEW:
                append_insert(type, out);
                buffer_append_text(out, "NOTHING");
                break;
        case RECORD_SQL_GET:
                append_select(type, "id = ?1", out);
                break;
        case RECORD_SQL_POSITION:
                buffer_append_format(out, "SELECT position FROM %s WHERE id = ?1", type->table);
                break;
        case RECORD_SQL_EACH:
                append_select(type, "id > ?1 ORDER BY id", out);
                break;
        case RECORD_SQL_EACH_OF_PERSON:
                append_person(type, out);
                break;
        case RECORD_SQL_DELETE:
                buffer_append_format(out, "DELETE FROM %s WHERE id = ?1", type->table);
                break;
        case RECORD_SQL_DELETE_OF_PERSON:
                buffer_append_format(out, "DELETE FROM %s WHERE %s = ?1", type->table,
                                     person_column(type));
                break;
        case RECORD_SQL_RANGE:
                append_select(type, "f_", out);
                buffer_append_format(out, "%s >= ?1 AND f_%s < ?2 ORDER BY f_%s, id",
                                     type->fields[field_index].name, type->fields[field_index].name,
                                     type->fields[field_index].name);
                break;
        case RECORD_SQL_FIND:
                append_select(type, "f_", out);
                buffer_append_format(out, "%s = ?1 ORDER BY id", type->fields[field_index].name);
                break;
        }
}

const char *record_sql_column_type(const struct catalogue_field *field)
{
        switch (field->kind) {
        case KIND_TEXT:
                return "TEXT";
        case KIND_REF:
        case KIND_SET:
        case KIND_BLOB:
        case KIND_MAP:
                return "BLOB";
        case KIND_CODE:
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_DATE:
        case KIND_INSTANT:
        case KIND_BOOL:
                return "INTEGER";
        }
        return "ANY";
}

static int add_column(struct db *db, const struct catalogue_type *type,
                      const struct catalogue_field *field)
{
        CLEANUP(buffer_deinit) struct buffer sql = BUFFER_INIT;
        int r;

        buffer_append_format(&sql, "ALTER TABLE %s ADD COLUMN f_%s %s", type->table, field->name,
                             record_sql_column_type(field));
        buffer_append_byte(&sql, 0);
        r = buffer_check(&sql);
        return r < 0 ? r : db_exec(db, (const char *)sql.data);
}

/* Which fields have a column. */
static int seen_columns(struct db *db, sqlite3_stmt *columns, const struct catalogue_type *type,
                        bool seen[FIELD_COUNT_MAX])
{
        int r;

        db_bind_text(columns, 1, bytes_text(type->table));
        while ((r = db_step(db, columns)) > 0) {
                struct bytes name = db_column_bytes(columns, 0);
                int index = -1;

                if (name.size > 2 && memcmp(name.data, "f_", 2) == 0)
                        index = catalogue_field_index_by_name(type,
                                                              BYTES(name.data + 2, name.size - 2));
                if (index >= 0)
                        seen[index] = true;
        }
        return r;
}

/* Fields that are new since the table was made. */
static int add_columns(struct db *db, sqlite3_stmt *columns, const struct catalogue_type *type)
{
        bool seen[FIELD_COUNT_MAX] = {false}, added = false;
        int r = seen_columns(db, columns, type, seen);

        for (size_t i = 0; i < type->field_count && r == 0; i++) {
                if (seen[i])
                        continue;
                r = add_column(db, type, &type->fields[i]);
                added = true;
        }
        return r == 0 && added ? record_upgrade(db, type) : r;
}

/* The indexes come last: one may be on a new column. */
static int create_tables(struct db *db, sqlite3_stmt *columns)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (size_t i = 0; r == 0 && i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                r = db_exec(db, type->sql_create);
                if (r == 0)
                        r = add_columns(db, columns, type);
                if (r == 0 && type->sql_indexes)
                        r = db_exec(db, type->sql_indexes);
        }
        return r;
}

static void finalizep(sqlite3_stmt **stmt)
{
        (void)sqlite3_finalize(*stmt);
}

/*
 * Looking at each column of each table takes longer than all the rest of opening a database. So what was made is
 * remembered by a hash of what the catalogue wants and of what the file has: where neither changed, nothing is to be done.
 */
enum { SHAPE_FORM = 1 }; /* rises where this file makes other tables of the same catalogue */

static const char shape_create[] = "CREATE TABLE IF NOT EXISTS record_shape ("
                                   "one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1), "
                                   "hash BLOB NOT NULL" /* SHA-256: see hash_shape() */
                                   ") STRICT";

static int append_tables(struct db *db, struct buffer *out)
{
        CLEANUP(finalizep) sqlite3_stmt *tables = NULL;
        int r = db_prepare(db,
                           "SELECT sql FROM sqlite_schema WHERE type = 'table' "
                           "AND name <> 'record_shape' ORDER BY name",
                           &tables);

        while (r >= 0 && (r = db_step(db, tables)) > 0)
                buffer_append(out, db_column_bytes(tables, 0));
        return r < 0 ? r : buffer_check(out);
}

static int hash_shape(struct db *db, uint8_t ret[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        const struct catalogue *catalogue = catalogue_get();
        int r;

        buffer_append_byte(&text, SHAPE_FORM);
        for (size_t i = 0; i < catalogue->type_count; i++) {
                buffer_append_text(&text, catalogue->types[i].sql_create);
                if (catalogue->types[i].sql_indexes)
                        buffer_append_text(&text, catalogue->types[i].sql_indexes);
        }
        r = append_tables(db, &text);
        if (r < 0)
                return r;
        crypto_sha256(buffer_view(&text), ret);
        return 0;
}

/* 1 the tables are as they were made, for this catalogue; 0 not, or nobody knows */
static int is_made(struct db *db)
{
        CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
        uint8_t hash[HASH_SIZE];
        int r;

        r = db_prepare(db, "SELECT 1 FROM sqlite_schema WHERE name = 'record_shape'", &stmt);
        if (r == 0)
                r = db_step(db, stmt);
        if (r <= 0)
                return r;
        (void)sqlite3_finalize(stmt);
        stmt = NULL;
        r = hash_shape(db, hash);
        if (r == 0)
                r = db_prepare(db, "SELECT 1 FROM record_shape WHERE hash = ?1", &stmt);
        if (r < 0)
                return r;
        db_bind_blob(stmt, 1, BYTES(hash, sizeof(hash)));
        return db_step(db, stmt);
}

static int note_made(struct db *db)
{
        CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
        uint8_t hash[HASH_SIZE];
        int r = db_exec(db, shape_create);

        if (r == 0)
                r = hash_shape(db, hash);
        if (r == 0)
                r = db_prepare(db, "INSERT OR REPLACE INTO record_shape VALUES (1, ?1)", &stmt);
        if (r < 0)
                return r;
        db_bind_blob(stmt, 1, BYTES(hash, sizeof(hash)));
        return db_run(db, stmt);
}

static int make(struct db *db)
{
        CLEANUP(finalizep) sqlite3_stmt *columns = NULL;
        int r = db_prepare(db, "SELECT name FROM pragma_table_info(?1)", &columns);

        if (r == 0)
                r = create_tables(db, columns);
        return r < 0 ? r : note_made(db);
}

int record_tables_create(struct db *db)
{
        bool own = sqlite3_get_autocommit(db_handle(db)) != 0;
        int r = is_made(db);

        if (r != 0)
                return r < 0 ? r : 0;
        if (own)
                r = db_begin(db);
        if (r < 0)
                return r;
        r = make(db);
        if (own && r < 0)
                db_rollback(db);
        return own && r == 0 ? db_commit(db) : r;
}
