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

enum rows_sql { SQL_ROW_ADD, SQL_ROW_PUT, SQL_ROW_GET, SQL_ROWS_COUNT_ };

static const char *const rows_sql[SQL_ROWS_COUNT_] = {
        [SQL_ROW_ADD] = "INSERT INTO sent_row (id, row) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        [SQL_ROW_PUT] = "UPDATE sent_row SET row = ?2 WHERE id = ?1",
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

static int run_with_row(struct storage_sqlite *sqlite, enum rows_sql sql, const struct uuid *id)
{
        sqlite3_stmt *stmt = sqlite->stmts[GROUP_ROWS][sql];

        sqlite_bind_id(stmt, 1, id);
        if (sql != SQL_ROW_GET)
                db_bind_blob(stmt, 2, buffer_view(&sqlite->row));
        return sql == SQL_ROW_GET ? db_step(sqlite->db, stmt) : db_run(sqlite->db, stmt);
}

/* Most records are new: only where one is not, what stood there is read. */
static int replace_row(struct storage_sqlite *sqlite, const struct uuid *id, struct digest *ret_old)
{
        int r = run_with_row(sqlite, SQL_ROW_ADD, id);

        *ret_old = (struct digest){0};
        if (r < 0 || db_changes(sqlite->db) > 0)
                return r;
        r = run_with_row(sqlite, SQL_ROW_GET, id);
        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_CORRUPT, "a record's row comes and goes");
        digest_of_packed(id, db_column_bytes(sqlite->stmts[GROUP_ROWS][SQL_ROW_GET], 0), ret_old);
        db_reset(sqlite->stmts[GROUP_ROWS][SQL_ROW_GET]);
        return run_with_row(sqlite, SQL_ROW_PUT, id);
}

/* What the write did to the digests of the feeds that the record is in. */
static int leave_unfed(struct storage_sqlite *sqlite, const struct record *record,
                       const struct digest *old)
{
        struct storage_change *unfed = &sqlite->base.unfed;
        enum catalogue_class class = record_feed_class(record);
        struct digest digest;

        if (!digest_counts(record->type))
                return 0;
        digest_of_packed(&record->id, buffer_view(&sqlite->row), &digest);
        digest_subtract(&digest, old);
        if (digest_is_zero(&digest))
                return 0;
        if (!sqlite->base.has_unfed)
                *unfed = (struct storage_change){
                        .locality = record->locality, .person = record->person, .class = class};
        else if (unfed->class != class || !uuid_equal(&unfed->person, &record->person) ||
                 !uuid_equal(&unfed->locality, &record->locality))
                return FAIL(PANNIER_E_INTERNAL, "a record was written and not published");
        digest_add(&unfed->digest, &digest);
        sqlite->base.has_unfed = true;
        return 0;
}

int sqlite_row_put(struct storage_sqlite *sqlite, const struct record *record)
{
        enum catalogue_class class = record_feed_class(record);
        struct buffer *row = &sqlite->row;
        struct digest old;
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
        if (r == 0)
                r = replace_row(sqlite, &record->id, &old);
        return r < 0 ? r : leave_unfed(sqlite, record, &old);
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
