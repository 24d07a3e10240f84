#include "daemon/replica_internal.h"

#include "common/attachment.h"

int replica_kept_open(struct replica *replica)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (size_t i = 0; i < catalogue->type_count && r >= 0; i++) {
                CLEANUP(buffer_deinit) struct buffer sql = BUFFER_INIT;
                const struct catalogue_type *type = &catalogue->types[i];

                if (!attachment_type(type))
                        continue;
                /* for this connection only: it is made anew at each start, for the types that this build knows */
                buffer_append_format(&sql,
                                     "CREATE TEMP TRIGGER kept_%s AFTER DELETE ON main.%s BEGIN "
                                     "DELETE FROM kept WHERE record = old.id; END",
                                     type->table, type->table);
                buffer_append_byte(&sql, 0);
                r = buffer_check(&sql);
                r = r < 0 ? r : db_exec(replica->db, (const char *)sql.data);
        }
        return r;
}

int replica_kept_put(struct replica *replica, const struct uuid *record,
                     const uint8_t key[AEAD_KEY_SIZE])
{
        sqlite3_stmt *stmt = replica->stmts[SQL_KEPT_PUT];

        db_bind_uuid(stmt, 1, record);
        db_bind_blob(stmt, 2, BYTES(key, AEAD_KEY_SIZE));
        return db_run(replica->db, stmt);
}

int replica_kept_get(struct replica *replica, const struct uuid *record, uint8_t ret[AEAD_KEY_SIZE])
{
        sqlite3_stmt *stmt = replica->stmts[SQL_KEPT_GET];
        struct bytes key;
        int r;

        db_bind_uuid(stmt, 1, record);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        key = db_column_bytes(stmt, 0);
        if (key.size == AEAD_KEY_SIZE)
                memcpy(ret, key.data, AEAD_KEY_SIZE);
        else
                r = 0;
        db_reset(stmt);
        return r;
}
