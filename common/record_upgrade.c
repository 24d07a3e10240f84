/*
 * Fields that came from a newer peer lie in a record's `unknown`. When this program is the newer one at last, and their
 * columns are made, they move there, once: else they would be kept for ever and never shown.
 */
#include "common/record_upgrade.h"

#include "common/error.h"
#include "common/record_table.h"

#include <string.h>

static void finalizep(sqlite3_stmt **stmt)
{
        (void)sqlite3_finalize(*stmt);
}

/* Ids first: rows that are written while they are walked may be met again. */
static int gather(struct db *db, const struct catalogue_type *type, struct buffer *ids)
{
        CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
        CLEANUP(buffer_deinit) struct buffer sql = BUFFER_INIT;
        int r;

        buffer_append_format(&sql, "SELECT id FROM %s WHERE unknown IS NOT NULL", type->table);
        buffer_append_byte(&sql, 0);
        r = buffer_check(&sql);
        if (r == 0)
                r = db_prepare(db, (const char *)sql.data, &stmt);
        while (r >= 0 && (r = db_step(db, stmt)) > 0) {
                struct uuid id = db_column_uuid(stmt, 0);

                buffer_append(ids, BYTES(id.bytes, sizeof(id.bytes)));
        }
        return r < 0 ? r : buffer_check(ids);
}

static int take_in(struct record_tables *tables, const struct catalogue_type *type,
                   const struct uuid *id)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct record record;
        struct bytes stamps;
        int r = record_get(tables, type, id, &arena, &record, &stamps);

        if (r > 0)
                r = record_take_in(&record, &arena);
        return r > 0 ? record_put(tables, &record, stamps) : r;
}

int record_upgrade(struct db *db, const struct catalogue_type *type)
{
        CLEANUP(record_tables_freep) struct record_tables *tables = NULL;
        CLEANUP(buffer_deinit) struct buffer ids = BUFFER_INIT;
        int r = gather(db, type, &ids);

        if (r == 0)
                r = record_tables_new(db, &tables);
        for (size_t at = 0; at < ids.size && r >= 0; at += sizeof(struct uuid)) {
                struct uuid id;

                memcpy(id.bytes, ids.data + at, sizeof(id.bytes));
                r = take_in(tables, type, &id);
        }
        return r < 0 ? r : 0;
}
