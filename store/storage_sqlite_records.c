/*
 * Records: the typed tables of common/record_table.h, and look-ups by one field's value.
 *
 * The store looks records up by more than a device does: those that a consequence changes, and links of two people from the
 * other one. It adds indexes for these fields to those of the catalogue.
 */
#include "common/error.h"
#include "store/storage_sqlite.h"

#include <stdio.h>

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

static int op_record_part(struct storage *storage, const struct catalogue_type *type,
                          const struct uuid *person, uint64_t fields, storage_record_visit *visit,
                          void *context)
{
        return record_each_part(sqlite_of(storage)->tables, type, person, fields, visit, context);
}

static int op_record_put(struct storage *storage, const struct record *record, struct bytes stamps)
{
        struct storage_sqlite *sqlite = sqlite_of(storage);
        int r = sqlite_writing(sqlite);

        if (!record->type->personal)
                sqlite->base.grants_serial++;
        if (r == 0)
                r = record_put(sqlite->tables, record, stamps);
        return r < 0 ? r : sqlite_row_put(sqlite, record);
}

static int op_record_find(struct storage *storage, const struct catalogue_type *type,
                          int field_index, const struct value *value, storage_record_visit *visit,
                          void *context)
{
        return record_find(sqlite_of(storage)->tables, type, field_index, value, visit, context);
}

/* ---- indexes of the store ---- */

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

                        if (type->other_person_index == k || is_linked(type, k))
                                r = create_index(db, type, &type->fields[k]);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

void sqlite_records_ops(struct storage_ops *ops)
{
        ops->record_get = op_record_get;
        ops->record_visit = op_record_visit;
        ops->record_each = op_record_each;
        ops->record_part = op_record_part;
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
        (void)record_tables_free(sqlite->tables);
        buffer_deinit(&sqlite->row);
}
