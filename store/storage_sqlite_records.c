/*
 * Records: the typed tables of common/record_table.h, and look-ups by one field's value.
 *
 * The store looks records up by more than their id (a relation by its team, a person by NHS number), so it adds an index for each
 * field that the catalogue lets refer, or compares for uniqueness. A device has no use for them.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <stdio.h>

struct sqlite_find {
        const struct catalogue_type *type;
        int field_index;
        sqlite3_stmt *stmt; /* owned by the connection */
        struct sqlite_find *next;
};

static int op_record_get(struct storage *storage, const struct catalogue_type *type,
                         const struct uuid *id, struct arena *arena, struct record *ret,
                         struct bytes *ret_stamps)
{
        return record_get(sqlite_of(storage)->tables, type, id, arena, ret, ret_stamps);
}

static int op_record_visit(struct storage *storage, const struct catalogue_type *type,
                           const struct uuid *id, storage_record_visit *visit, void *context)
{
        return record_visit(sqlite_of(storage)->tables, type, id, visit, context);
}

static int op_record_each(struct storage *storage, const struct catalogue_type *type,
                          const struct uuid *person, const struct uuid *after,
                          storage_record_visit *visit, void *context)
{
        return record_each(sqlite_of(storage)->tables, type, person, after, visit, context);
}

static int op_record_put(struct storage *storage, const struct record *record, struct bytes stamps)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r = sqlite_writing(sqlite);

        return r < 0 ? r : record_put(sqlite->tables, record, stamps);
}

/* ---- look-ups ---- */

static bool is_compared(const struct catalogue_type *type, int field_index)
{
        for (size_t i = 0; i < type->unique_count; i++)
                for (size_t k = 0; k < type->uniques[i].field_count; k++)
                        if (!type->uniques[i].per_person &&
                            type->uniques[i].field_indexes[k] == field_index)
                                return true;
        for (size_t i = 0; i < type->grant_count; i++)
                if (type->grants[i].holder_index == field_index)
                        return true;
        return type->other_person_index >= 0 && type->other_person_index == field_index;
}

/* Is the field how some consequence finds the record it is to change? */
static bool is_linked(const struct catalogue_type *type, int field_index)
{
        const struct catalogue *catalogue = catalogue_get();

        for (size_t i = 0; i < catalogue->type_count; i++)
                for (size_t k = 0; k < catalogue->types[i].consequence_count; k++) {
                        const struct catalogue_consequence *consequence =
                                &catalogue->types[i].consequences[k];

                        if (consequence->where_index < 0 && !consequence->link_person &&
                            consequence->target_type == type->number &&
                            consequence->target_link_index == field_index)
                                return true;
                }
        return false;
}

static int create_index(struct db *db, const struct catalogue_type *type,
                        const struct catalogue_field *field)
{
        char sql[256];

        (void)snprintf(sql, sizeof(sql),
                       "CREATE INDEX IF NOT EXISTS find_%s_%s ON %s (f_%s) WHERE f_%s IS NOT NULL",
                       type->name, field->name, type->table, field->name, field->name);
        return db_exec(db, sql);
}

static int create_indexes(struct db *db)
{
        const struct catalogue *catalogue = catalogue_get();

        for (size_t i = 0; i < catalogue->type_count; i++) {
                const struct catalogue_type *type = &catalogue->types[i];

                for (int k = 0; k < type->field_count; k++) {
                        int r = 0;

                        if (is_compared(type, k) || is_linked(type, k))
                                r = create_index(db, type, &type->fields[k]);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int prepare_find(struct storage_sqlite *sqlite, const struct catalogue_type *type,
                        int field_index, sqlite3_stmt **ret)
{
        struct sqlite_find *find;
        char sql[256];
        int r;

        for (find = sqlite->finds; find; find = find->next) {
                if (find->type == type && find->field_index == field_index) {
                        *ret = find->stmt;
                        return 0;
                }
        }
        find = calloc(1, sizeof(*find));
        if (!find)
                return FAIL(PANNIER_E_MEMORY, "no memory for a look-up");
        (void)snprintf(sql, sizeof(sql), "SELECT id FROM %s WHERE f_%s = ?1 ORDER BY id",
                       type->table, type->fields[field_index].name);
        r = db_prepare(sqlite->db, sql, &find->stmt);
        if (r < 0) {
                free(find);
                return r;
        }
        find->type = type;
        find->field_index = field_index;
        find->next = sqlite->finds;
        sqlite->finds = find;
        *ret = find->stmt;
        return 0;
}

static void bind_value(sqlite3_stmt *stmt, const struct catalogue_field *field,
                       const struct value *value)
{
        switch (value->form) {
        case VALUE_UNSET:
        case VALUE_NULL:
                db_bind_null(stmt, 1);
                break;
        case VALUE_INTEGER:
                db_bind_int(stmt, 1, value->integer);
                break;
        case VALUE_BYTES:
                if (field->kind == KIND_TEXT)
                        db_bind_text(stmt, 1, value->bytes);
                else
                        db_bind_blob(stmt, 1, value->bytes);
                break;
        case VALUE_UUID:
                db_bind_uuid(stmt, 1, &value->uuid);
                break;
        case VALUE_PACKED:
                db_bind_blob(stmt, 1, value->bytes);
                break;
        }
}

/* record_visit() gives 1 for "visited": what the visitor said is kept beside it. */
struct find_visit {
        storage_record_visit *visit;
        void *context;
        int result;
};

static int visit_found(void *context, const struct record *record, struct bytes stamps)
{
        struct find_visit *find = context;

        find->result = find->visit(find->context, record, stamps);
        return find->result < 0 ? find->result : 0;
}

static int op_record_find(struct storage *storage, const struct catalogue_type *type,
                          int field_index, const struct value *value, storage_record_visit *visit,
                          void *context)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        sqlite3_stmt *stmt;
        int r = prepare_find(sqlite, type, field_index, &stmt);

        if (r < 0)
                return r;
        bind_value(stmt, &type->fields[field_index], value);
        while ((r = db_step(sqlite->db, stmt)) > 0) {
                struct find_visit found = {visit, context, 0};
                struct uuid id = db_column_uuid(stmt, 0);

                r = record_visit(sqlite->tables, type, &id, visit_found, &found);
                if (r < 0 || found.result != 0) {
                        db_reset(stmt);
                        return r < 0 ? r : found.result;
                }
        }
        return r;
}

void sqlite_records_ops(struct storage_ops *ops)
{
        ops->record_get = op_record_get;
        ops->record_visit = op_record_visit;
        ops->record_each = op_record_each;
        ops->record_find = op_record_find;
        ops->record_put = op_record_put;
}

int sqlite_records_prepare(struct storage_sqlite *sqlite)
{
        int r = 0;

        if (!sqlite->read_only)
                r = record_tables_create(sqlite->db);
        if (r == 0 && !sqlite->read_only)
                r = create_indexes(sqlite->db);
        return r < 0 ? r : record_tables_new(sqlite->db, &sqlite->tables);
}

void sqlite_records_free(struct storage_sqlite *sqlite)
{
        while (sqlite->finds) {
                struct sqlite_find *next = sqlite->finds->next;

                free(sqlite->finds);
                sqlite->finds = next;
        }
        (void)record_tables_free(sqlite->tables);
}
