/*
 * Nothing is copied on the way in or out: parameters are bound where they lie, and a visited record borrows from SQLite's row.
 * A record lives for one step of its statement, so a visit that comes back for the same kind of look gets a statement of its own.
 */
#include "common/record_table.h"

#include "common/error.h"
#include "common/record_sql.h"

#include <assert.h>
#include <string.h>

struct type_statements {
        sqlite3_stmt *kept[RECORD_SQL_COUNT_];
        sqlite3_stmt *find[FIELD_COUNT_MAX];
        sqlite3_stmt *range[FIELD_COUNT_MAX];
        sqlite3_stmt *part; /* for the fields that were asked for last */
        uint64_t part_fields;
};

struct record_tables {
        struct db *db;
        const struct catalogue *catalogue;
        struct type_statements types[]; /* as catalogue->types */
};

/* A statement that is in nobody's hands. `own` is finalized when it is given back. */
struct lent {
        sqlite3_stmt *stmt;
        bool own;
};

int record_tables_new(struct db *db, struct record_tables **ret)
{
        const struct catalogue *catalogue = catalogue_get();
        struct record_tables *tables;

        tables = calloc(1, sizeof(*tables) + catalogue->type_count * sizeof(tables->types[0]));
        if (!tables)
                return FAIL(PANNIER_E_MEMORY, "no memory for statements");
        tables->db = db;
        tables->catalogue = catalogue;
        *ret = tables;
        return 0;
}

struct record_tables *record_tables_free(struct record_tables *tables)
{
        free(tables); /* the statements are the connection's, as all of them are */
        return NULL;
}

static void give_back(struct lent *lent)
{
        if (!lent->stmt)
                return;
        db_reset(lent->stmt);
        if (lent->own)
                (void)sqlite3_finalize(lent->stmt);
}

static int prepare(struct record_tables *tables, const struct catalogue_type *type,
                   enum record_sql which, int field_index, sqlite3_stmt **ret)
{
        CLEANUP(buffer_deinit) struct buffer sql = BUFFER_INIT;
        int r;

        record_sql_text(type, which, field_index, &sql);
        buffer_append_byte(&sql, 0);
        r = buffer_check(&sql);
        return r < 0 ? r : db_prepare(tables->db, (const char *)sql.data, ret);
}

static sqlite3_stmt **place_of(struct type_statements *statements, enum record_sql which,
                               int field_index)
{
        if (which == RECORD_SQL_FIND)
                return &statements->find[field_index];
        if (which == RECORD_SQL_RANGE)
                return &statements->range[field_index];
        return &statements->kept[which];
}

/* @field_index: of RECORD_SQL_FIND and RECORD_SQL_RANGE only */
static int lend(struct record_tables *tables, const struct catalogue_type *type,
                enum record_sql which, int field_index, struct lent *ret)
{
        struct type_statements *statements = &tables->types[type - tables->catalogue->types];
        sqlite3_stmt **kept;
        int r;

        assert(type >= tables->catalogue->types &&
               type < tables->catalogue->types + tables->catalogue->type_count);
        kept = place_of(statements, which, field_index);
        if (*kept && sqlite3_stmt_busy(*kept)) {
                ret->own = true;
                return prepare(tables, type, which, field_index, &ret->stmt);
        }
        if (!*kept) {
                r = prepare(tables, type, which, field_index, kept);
                if (r < 0)
                        return r;
        }
        (void)sqlite3_clear_bindings(*kept); /* most columns of most records are NULL */
        ret->stmt = *kept;
        return 0;
}

/* Bound where it lies: `id` lives until the statement has run. What is not bound is NULL (lend). */
static void bind_id(sqlite3_stmt *stmt, int index, const struct uuid *id)
{
        if (!uuid_is_none(id))
                db_bind_blob(stmt, index, BYTES(id->bytes, sizeof(id->bytes)));
}

static void bind_optional(sqlite3_stmt *stmt, int index, struct bytes bytes)
{
        if (bytes.size > 0)
                db_bind_blob(stmt, index, bytes);
}

static void bind_value(sqlite3_stmt *stmt, int index, const struct catalogue_field *field,
                       const struct value *value)
{
        switch (value->form) {
        case VALUE_UNSET:
        case VALUE_NULL:
                break;
        case VALUE_INTEGER:
                db_bind_int(stmt, index, value->integer);
                break;
        case VALUE_BYTES:
                if (field->kind == KIND_TEXT)
                        db_bind_text(stmt, index, value->bytes);
                else
                        db_bind_blob(stmt, index, value->bytes);
                break;
        case VALUE_UUID:
                bind_id(stmt, index, &value->uuid);
                break;
        case VALUE_PACKED:
                db_bind_blob(stmt, index, value->bytes);
                break;
        }
}

static void bind_record(sqlite3_stmt *stmt, const struct record *record, struct bytes stamps)
{
        bind_id(stmt, 1 + RECORD_COLUMN_ID, &record->id);
        bind_id(stmt, 1 + RECORD_COLUMN_PERSON, &record->person);
        bind_id(stmt, 1 + RECORD_COLUMN_LOCALITY, &record->locality);
        bind_id(stmt, 1 + RECORD_COLUMN_AUTHOR, &record->author);
        bind_id(stmt, 1 + RECORD_COLUMN_DEVICE, &record->device);
        db_bind_int(stmt, 1 + RECORD_COLUMN_ROLE, record->role);
        db_bind_int(stmt, 1 + RECORD_COLUMN_RECORDED, record->recorded_ms);
        db_bind_int(stmt, 1 + RECORD_COLUMN_POSITION, (int64_t)record->position);
        bind_optional(stmt, 1 + RECORD_COLUMN_UNKNOWN, record->unknown);
        bind_optional(stmt, 1 + RECORD_COLUMN_STAMPS, stamps);
        for (int i = 0; i < record->type->field_count; i++)
                bind_value(stmt, 1 + RECORD_COLUMN_FIELDS + i, &record->type->fields[i],
                           &record->values[i]);
}

static int put(struct record_tables *tables, enum record_sql how, const struct record *record,
               struct bytes stamps)
{
        CLEANUP(give_back) struct lent lent = {0};
        int r;

        r = lend(tables, record->type, how, 0, &lent);
        if (r < 0)
                return r;
        bind_record(lent.stmt, record, stamps);
        return db_run(tables->db, lent.stmt);
}

int record_put(struct record_tables *tables, const struct record *record, struct bytes stamps)
{
        return put(tables, RECORD_SQL_PUT, record, stamps);
}

int record_put_new(struct record_tables *tables, const struct record *record, struct bytes stamps)
{
        int r = put(tables, RECORD_SQL_PUT_NEW, record, stamps);

        return r < 0 ? r : db_changes(tables->db) > 0;
}

/* The columns that hold bytes; SQLite gives text as its UTF-8. */
static struct bytes column_bytes(sqlite3_stmt *stmt, int column)
{
        const void *data = sqlite3_column_blob(stmt, column);

        return BYTES(data, (size_t)sqlite3_column_bytes(stmt, column));
}

static void read_value(sqlite3_stmt *stmt, int column, const struct catalogue_field *field,
                       struct value *ret)
{
        if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
                return;
        switch (field->kind) {
        case KIND_TEXT:
        case KIND_BLOB:
                ret->form = VALUE_BYTES;
                ret->bytes = column_bytes(stmt, column);
                break;
        case KIND_CODE:
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_DATE:
        case KIND_INSTANT:
        case KIND_BOOL:
                ret->form = VALUE_INTEGER;
                ret->integer = sqlite3_column_int64(stmt, column);
                break;
        case KIND_REF:
                ret->form = VALUE_UUID;
                ret->uuid = db_column_uuid(stmt, column);
                break;
        case KIND_SET:
        case KIND_MAP:
                ret->form = VALUE_PACKED;
                ret->bytes = column_bytes(stmt, column);
                break;
        }
}

static void read_record(sqlite3_stmt *stmt, const struct catalogue_type *type, struct record *ret,
                        struct bytes *ret_stamps)
{
        memset(ret, 0, sizeof(*ret));
        ret->type = type;
        ret->id = db_column_uuid(stmt, RECORD_COLUMN_ID);
        ret->person = db_column_uuid(stmt, RECORD_COLUMN_PERSON);
        ret->locality = db_column_uuid(stmt, RECORD_COLUMN_LOCALITY);
        ret->author = db_column_uuid(stmt, RECORD_COLUMN_AUTHOR);
        ret->device = db_column_uuid(stmt, RECORD_COLUMN_DEVICE);
        ret->role = (uint16_t)db_column_int(stmt, RECORD_COLUMN_ROLE);
        ret->recorded_ms = db_column_int(stmt, RECORD_COLUMN_RECORDED);
        ret->position = (uint64_t)db_column_int(stmt, RECORD_COLUMN_POSITION);
        ret->unknown = column_bytes(stmt, RECORD_COLUMN_UNKNOWN);
        *ret_stamps = column_bytes(stmt, RECORD_COLUMN_STAMPS);
        for (int i = 0; i < type->field_count; i++)
                read_value(stmt, RECORD_COLUMN_FIELDS + i, &type->fields[i], &ret->values[i]);
}

/* Visits row after row. Return: 0 no more rows, 1 stopped, or an error. */
static int visit_rows(struct record_tables *tables, sqlite3_stmt *stmt,
                      const struct catalogue_type *type, record_visitor *visit, void *context)
{
        struct record record;
        struct bytes stamps;
        int r;

        while ((r = db_step(tables->db, stmt)) == 1) {
                read_record(stmt, type, &record, &stamps);
                r = visit(context, &record, stamps);
                if (r != 0)
                        return r;
        }
        return r;
}

int record_visit(struct record_tables *tables, const struct catalogue_type *type,
                 const struct uuid *id, record_visitor *visit, void *context)
{
        CLEANUP(give_back) struct lent get = {0};
        struct record record;
        struct bytes stamps;
        int r;

        r = lend(tables, type, RECORD_SQL_GET, 0, &get);
        if (r < 0)
                return r;
        bind_id(get.stmt, 1, id);
        r = db_step(tables->db, get.stmt);
        if (r != 1)
                return r;
        read_record(get.stmt, type, &record, &stamps);
        r = visit(context, &record, stamps);
        return r < 0 ? r : 1;
}

struct copy_request {
        struct arena *arena;
        struct record *ret;
        struct bytes *ret_stamps;
};

static int copy_row(void *context, const struct record *record, struct bytes stamps)
{
        struct copy_request *request = context;
        struct bytes copy = BYTES_NONE;

        if (request->ret_stamps && stamps.size > 0) {
                copy = arena_copy(request->arena, stamps);
                if (!copy.data)
                        return FAIL(PANNIER_E_MEMORY, "no memory for a record's stamps");
        }
        if (request->ret_stamps)
                *request->ret_stamps = copy;
        return record_copy(record, request->arena, request->ret);
}

int record_get(struct record_tables *tables, const struct catalogue_type *type,
               const struct uuid *id, struct arena *arena, struct record *ret,
               struct bytes *ret_stamps)
{
        struct copy_request request = {arena, ret, ret_stamps};

        return record_visit(tables, type, id, copy_row, &request);
}

int record_position(struct record_tables *tables, const struct catalogue_type *type,
                    const struct uuid *id, uint64_t *ret)
{
        CLEANUP(give_back) struct lent position = {0};
        int r;

        r = lend(tables, type, RECORD_SQL_POSITION, 0, &position);
        if (r < 0)
                return r;
        bind_id(position.stmt, 1, id);
        r = db_step(tables->db, position.stmt);
        if (r == 1)
                *ret = (uint64_t)db_column_int(position.stmt, 0);
        return r;
}

int record_each(struct record_tables *tables, const struct catalogue_type *type,
                const struct uuid *person, const struct uuid *after, record_visitor *visit,
                void *context)
{
        CLEANUP(give_back) struct lent each = {0};
        struct bytes from = after ? BYTES(after->bytes, sizeof(after->bytes)) : BYTES_NONE;
        int r;

        r = lend(tables, type, person ? RECORD_SQL_EACH_OF_PERSON : RECORD_SQL_EACH, 0, &each);
        if (r < 0)
                return r;
        db_bind_blob(each.stmt, 1, from);
        if (person)
                bind_id(each.stmt, 2, person);
        return visit_rows(tables, each.stmt, type, visit, context);
}

/* Who asks for a part asks for the same one each time. */
static int part_statement(struct record_tables *tables, const struct catalogue_type *type,
                          uint64_t fields, sqlite3_stmt **ret)
{
        struct type_statements *statements = &tables->types[type - tables->catalogue->types];
        CLEANUP(buffer_deinit) struct buffer sql = BUFFER_INIT;
        int r;

        if (!statements->part || statements->part_fields != fields) {
                (void)sqlite3_finalize(statements->part);
                statements->part = NULL;
                record_sql_part(type, fields, &sql);
                buffer_append_byte(&sql, 0);
                r = buffer_check(&sql);
                if (r == 0)
                        r = db_prepare(tables->db, (const char *)sql.data, &statements->part);
                if (r < 0)
                        return r;
                statements->part_fields = fields;
        }
        *ret = statements->part;
        return 0;
}

static void read_part(sqlite3_stmt *stmt, const struct catalogue_type *type, uint64_t fields,
                      struct record *ret)
{
        int column = 2;

        ret->id = db_column_uuid(stmt, 0);
        ret->position = (uint64_t)db_column_int(stmt, 1);
        for (int i = 0; i < type->field_count; i++) {
                ret->values[i] = (struct value){0};
                if (fields >> i & 1)
                        read_value(stmt, column++, &type->fields[i], &ret->values[i]);
        }
}

int record_each_part(struct record_tables *tables, const struct catalogue_type *type,
                     const struct uuid *person, uint64_t fields, record_visitor *visit,
                     void *context)
{
        struct record record = {.type = type, .person = *person};
        sqlite3_stmt *stmt;
        int r = part_statement(tables, type, fields, &stmt);

        if (r < 0)
                return r;
        bind_id(stmt, 1, person);
        while ((r = db_step(tables->db, stmt)) == 1) {
                read_part(stmt, type, fields, &record);
                r = visit(context, &record, BYTES_NONE);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

int record_find(struct record_tables *tables, const struct catalogue_type *type, int field_index,
                const struct value *value, record_visitor *visit, void *context)
{
        CLEANUP(give_back) struct lent find = {0};
        int r;

        assert(field_index >= 0 && field_index < type->field_count);
        r = lend(tables, type, RECORD_SQL_FIND, field_index, &find);
        if (r < 0)
                return r;
        bind_value(find.stmt, 1, &type->fields[field_index], value);
        return visit_rows(tables, find.stmt, type, visit, context);
}

int record_range(struct record_tables *tables, const struct catalogue_type *type, int field_index,
                 int64_t from, int64_t to, record_visitor *visit, void *context)
{
        CLEANUP(give_back) struct lent range = {0};
        int r;

        assert(field_index >= 0 && field_index < type->field_count);
        r = lend(tables, type, RECORD_SQL_RANGE, field_index, &range);
        if (r < 0)
                return r;
        db_bind_int(range.stmt, 1, from);
        db_bind_int(range.stmt, 2, to);
        return visit_rows(tables, range.stmt, type, visit, context);
}

static int run_with_id(struct record_tables *tables, const struct catalogue_type *type,
                       enum record_sql which, const struct uuid *id)
{
        CLEANUP(give_back) struct lent lent = {0};
        int r;

        r = lend(tables, type, which, 0, &lent);
        if (r < 0)
                return r;
        bind_id(lent.stmt, 1, id);
        return db_run(tables->db, lent.stmt);
}

int record_delete(struct record_tables *tables, const struct catalogue_type *type,
                  const struct uuid *id)
{
        return run_with_id(tables, type, RECORD_SQL_DELETE, id);
}

int record_delete_person(struct record_tables *tables, const struct uuid *person)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < tables->catalogue->type_count; i++) {
                if (record_sql_has_person(&tables->catalogue->types[i]))
                        r = run_with_id(tables, &tables->catalogue->types[i],
                                        RECORD_SQL_DELETE_OF_PERSON, person);
        }
        return r;
}
