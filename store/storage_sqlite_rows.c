/*
 * Records as they travel, one blob each:
 *
 *   class 1, role 2, recorded_ms 8, position 8, person 16, author 16, device 16 bytes (numbers big endian), then the fields as
 *   record_encode_fields() writes them
 *
 * A typed table has some thirty columns; to fetch and encode them again for each device costs five times as much as this.
 */
#include "common/error.h"
#include "store/membership.h"
#include "store/storage_sqlite.h"

#include <stdio.h>
#include <string.h>

enum { ROW_HEAD_SIZE = 1 + 2 + 8 + 8 + 3 * 16 };

enum rows_sql { SQL_ROW_PUT, SQL_ROW_GET, SQL_ROWS_COUNT_ };

static const char *const rows_sql[SQL_ROWS_COUNT_] = {
        [SQL_ROW_PUT] = "INSERT INTO sent_row (id, row) VALUES (?1, ?2)"
                        " ON CONFLICT (id) DO UPDATE SET row = excluded.row",
        [SQL_ROW_GET] = "SELECT row FROM sent_row WHERE id = ?1",
};

/* ---- the blob ---- */

static void put_number(struct buffer *out, uint64_t number, int size)
{
        for (int i = size - 1; i >= 0; i--)
                buffer_append_byte(out, (uint8_t)(number >> (8 * i)));
}

static uint64_t take_number(const uint8_t **from, int size)
{
        uint64_t number = 0;

        for (int i = 0; i < size; i++)
                number = number << 8 | *(*from)++;
        return number;
}

static struct uuid take_id(const uint8_t **from)
{
        struct uuid id;

        memcpy(id.bytes, *from, sizeof(id.bytes));
        *from += sizeof(id.bytes);
        return id;
}

static void put_id(struct buffer *out, const struct uuid *id)
{
        buffer_append(out, BYTES(id->bytes, sizeof(id->bytes)));
}

int sqlite_row_read(struct bytes blob, const struct uuid *id, enum catalogue_class *ret_class,
                    struct wire_row *ret)
{
        const uint8_t *from = blob.data;

        if (blob.size <= ROW_HEAD_SIZE)
                return FAIL(PANNIER_E_CORRUPT, "a record's row has %zu bytes", blob.size);
        *ret_class = (enum catalogue_class)take_number(&from, 1);
        ret->id = *id;
        ret->role = (uint16_t)take_number(&from, 2);
        ret->recorded_ms = (int64_t)take_number(&from, 8);
        ret->position = take_number(&from, 8);
        ret->person = take_id(&from);
        ret->author = take_id(&from);
        ret->device = take_id(&from);
        ret->fields = BYTES(from, blob.size - ROW_HEAD_SIZE);
        return 0;
}

int sqlite_row_put(struct storage_sqlite *sqlite, const struct record *record)
{
        enum catalogue_class class = record_feed_class(record);
        sqlite3_stmt *stmt = sqlite->stmts[GROUP_ROWS][SQL_ROW_PUT];
        struct buffer *row = &sqlite->row;
        int r;

        if (class > (enum catalogue_class)CLASS_COUNT)
                return 0;
        buffer_reset(row);
        put_number(row, class, 1);
        put_number(row, record->role, 2);
        put_number(row, (uint64_t)record->recorded_ms, 8);
        put_number(row, record->position, 8);
        put_id(row, &record->person);
        put_id(row, &record->author);
        put_id(row, &record->device);
        record_encode_fields(record, row);
        r = buffer_check(row);
        if (r < 0)
                return r;
        sqlite_bind_id(stmt, 1, &record->id);
        db_bind_blob(stmt, 2, buffer_view(row));
        return db_run(sqlite->db, stmt);
}

/* ---- reading ---- */

static int op_row_visit(struct storage *storage, const struct uuid *id, storage_row_visit *visit,
                        void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt = sqlite->stmts[GROUP_ROWS][SQL_ROW_GET];
        enum catalogue_class class;
        struct wire_row row;
        int r, result;

        db_bind_blob(stmt, 1, BYTES(id->bytes, sizeof(id->bytes)));
        r = db_step(sqlite->db, stmt);
        if (r <= 0)
                return r;
        result = sqlite_row_read(db_column_bytes(stmt, 0), id, &class, &row);
        if (result == 0)
                result = visit(context, class, &row);
        db_reset(stmt);
        return result < 0 ? result : 1;
}

/* CROSS: a person's rows first, from an index that has all that is asked for; then each row by its id. */
static int rows_statement(struct storage_sqlite *sqlite, const struct catalogue_type *type,
                          sqlite3_stmt **ret)
{
        char sql[240];
        int r = 0;

        if (!sqlite->rows[type->number]) {
                (void)snprintf(sql, sizeof(sql),
                               "SELECT r.id, row FROM %s AS r CROSS JOIN sent_row AS s"
                               " WHERE s.id = r.id AND r.%s = ?1 AND r.id > ?2"
                               " AND position <= ?3 ORDER BY r.id",
                               type->table, type->is_person ? "id" : "person");
                r = db_prepare(sqlite->db, sql, &sqlite->rows[type->number]);
        }
        *ret = sqlite->rows[type->number];
        return r;
}

struct row_visit {
        storage_row_visit *visit;
        void *context;
};

static int take_row(struct storage_sqlite *sqlite, sqlite3_stmt *stmt, void *context)
{
        const struct row_visit *visit = context;
        struct uuid id = db_column_uuid(stmt, 0);
        enum catalogue_class class;
        struct wire_row row;
        int r = sqlite_row_read(db_column_bytes(stmt, 1), &id, &class, &row);

        (void)sqlite;
        return r < 0 ? r : visit->visit(visit->context, class, &row);
}

static int op_rows_of(struct storage *storage, const struct catalogue_type *type,
                      const struct uuid *person, const struct uuid *after, uint64_t until,
                      storage_row_visit *visit, void *context)
{
        static const struct uuid beginning;
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt;
        int r = rows_statement(sqlite, type, &stmt);

        if (r < 0)
                return r;
        if (!after)
                after = &beginning;
        db_bind_blob(stmt, 1, BYTES(person->bytes, sizeof(person->bytes)));
        db_bind_blob(stmt, 2, BYTES(after->bytes, sizeof(after->bytes)));
        db_bind_int(stmt, 3, (int64_t)until);
        return sqlite_each(sqlite, stmt, take_row, &(struct row_visit){visit, context});
}

void sqlite_rows_ops(struct storage_ops *ops)
{
        ops->row_visit = op_row_visit;
        ops->rows_of = op_rows_of;
}

int sqlite_rows_prepare(struct storage_sqlite *sqlite)
{
        return db_prepare_all(sqlite->db, rows_sql, SQL_ROWS_COUNT_, sqlite->stmts[GROUP_ROWS]);
}
