/*
 * Rows of pending entries and of shadows, read and written. What follows from them is in replica_record.c.
 */
#include "daemon/replica_internal.h"

/* ---- shadows ---- */

int replica_shadow_put(struct replica *replica, const struct record *record)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_SHADOW_PUT];
        struct buffer *out = &replica->buffer;

        buffer_reset(out);
        cbor_put_array(out, 7);
        cbor_put_uuid(out, &record->locality);
        cbor_put_uuid(out, &record->author);
        cbor_put_uint(out, record->role);
        cbor_put_uuid(out, &record->device);
        cbor_put_int(out, record->recorded_ms);
        cbor_put_uint(out, record->position);
        record_encode_fields(record, out);
        if (buffer_check(out) < 0)
                return buffer_check(out);
        db_bind_uuid(stmt, 1, &record->id);
        db_bind_int(stmt, 2, record->type->number);
        db_bind_uuid(stmt, 3, &record->person);
        db_bind_blob(stmt, 4, buffer_view(out));
        replica->shadows = true;
        return db_run(replica->db, stmt);
}

static int shadow_decode(struct bytes body, struct arena *arena, struct record *record)
{
        struct cbor_reader reader;
        uint64_t count, role = 0;
        int r;

        cbor_reader_init(&reader, body);
        r = cbor_read_array(&reader, 7, &count);
        if (r >= 0)
                r = cbor_read_uuid_or_none(&reader, &record->locality);
        if (r >= 0)
                r = cbor_read_uuid_or_none(&reader, &record->author);
        if (r >= 0)
                r = cbor_read_uint(&reader, UINT16_MAX, &role);
        if (r >= 0)
                r = cbor_read_uuid_or_none(&reader, &record->device);
        if (r >= 0)
                r = cbor_read_int(&reader, &record->recorded_ms);
        if (r >= 0)
                r = cbor_read_uint(&reader, INT64_MAX, &record->position);
        if (r < 0)
                return FAIL(PANNIER_E_CORRUPT, "a shadow cannot be read");
        record->role = (uint16_t)role;
        return record_decode_fields(&reader, arena, record);
}

/* 1 found, 0 not there */
int replica_shadow_get(struct replica *replica, const struct catalogue_type *type,
                       const struct uuid *id, const struct uuid *person, struct arena *arena,
                       struct record *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_SHADOW_GET];
        struct bytes body;
        int r;

        if (!replica->shadows)
                return 0;
        db_bind_uuid(stmt, 1, id);
        db_bind_int(stmt, 2, type->number);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        body = arena_copy(arena, db_column_bytes(stmt, 0));
        *ret = (struct record){.type = type, .id = *id, .person = *person};
        /* two devices may have given one id to records about two people: what is confirmed says about whom */
        if (!db_column_is_null(stmt, 1))
                ret->person = db_column_uuid(stmt, 1);
        db_reset(stmt);
        if (!body.data)
                return FAIL(PANNIER_E_MEMORY, "shadow");
        r = shadow_decode(body, arena, ret);
        return r < 0 ? r : 1;
}

int replica_shadow_delete(struct replica *replica, uint64_t type, const struct uuid *id)
{
        if (!replica->shadows)
                return 0;
        db_bind_uuid(replica->stmts[SQL_SHADOW_DELETE], 1, id);
        db_bind_int(replica->stmts[SQL_SHADOW_DELETE], 2, (int64_t)type);
        return db_run(replica->db, replica->stmts[SQL_SHADOW_DELETE]);
}

/* ---- pending rows ---- */

static int edits_grow(struct replica_edits *edits, struct arena *arena)
{
        size_t capacity = edits->capacity ? edits->capacity * 2 : 8;
        struct overlay_edit *items;
        uint64_t *places;

        if (edits->count < edits->capacity)
                return 0;
        items = arena_alloc(arena, capacity * sizeof(*items));
        places = arena_alloc(arena, capacity * sizeof(*places));
        if (!items || !places)
                return FAIL(PANNIER_E_MEMORY, "pending entries");
        if (edits->count) {
                memcpy(items, edits->items, edits->count * sizeof(*items));
                memcpy(places, edits->places, edits->count * sizeof(*places));
        }
        edits->items = items;
        edits->places = places;
        edits->capacity = capacity;
        return 0;
}

static int receipt_effects(struct bytes message, struct arena *arena, struct overlay_edit *edit)
{
        struct wire_reader reader;
        struct wire_message read;
        int r;

        if (message.size == 0)
                return 0;
        wire_reader_init(&reader, message, arena);
        r = wire_next(&reader, &read);
        if (r < 0)
                return r;
        if (r == 0 || read.kind != WIRE_KIND_RECEIPTS || read.receipts.receipts_count != 1)
                return FAIL(PANNIER_E_CORRUPT, "a kept receipt cannot be read");
        edit->effects = read.receipts.receipts[0].effects;
        edit->effect_count = read.receipts.receipts[0].effects_count;
        return 0;
}

static int edit_read(struct replica *replica, sqlite3_stmt *stmt, struct arena *arena,
                     struct overlay_edit *edit)
{
        struct bytes clear = arena_copy(arena, db_column_bytes(stmt, 7));
        struct bytes receipt = arena_copy(arena, db_column_bytes(stmt, 8));
        struct entry_header header = {.device = replica->device,
                                      .id = db_column_uuid(stmt, 1),
                                      .locality = db_column_uuid(stmt, 2)};
        int r;

        if (!clear.data || !receipt.data)
                return FAIL(PANNIER_E_MEMORY, "pending entry");
        *edit = (struct overlay_edit){
                .entry = header.id,
                .device = replica->device,
                .state = (enum entry_outcome)db_column_int(stmt, 3),
                .position = {.epoch = (uint64_t)db_column_int(stmt, 4),
                             .position = (uint64_t)db_column_int(stmt, 5)},
                .stale = (uint64_t)db_column_int(stmt, 6),
        };
        r = entry_body_decode(clear, &header, arena, &edit->body);
        return r < 0 ? r : receipt_effects(receipt, arena, edit);
}

int replica_load_edits(struct replica *replica, uint64_t type, const struct uuid *record,
                       struct arena *arena, struct replica_edits *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_BY_RECORD];
        int r;

        db_bind_uuid(stmt, 1, record);
        db_bind_int(stmt, 2, (int64_t)type);
        while ((r = db_step(replica->db, stmt)) > 0) {
                r = edits_grow(ret, arena);
                if (r >= 0)
                        r = edit_read(replica, stmt, arena, &ret->items[ret->count]);
                if (r < 0) {
                        db_reset(stmt);
                        return r;
                }
                ret->places[ret->count++] = (uint64_t)db_column_int(stmt, 0);
        }
        return r;
}

bool replica_any_active(const struct replica_edits *edits)
{
        for (size_t i = 0; i < edits->count; i++)
                if (overlay_is_active(&edits->items[i]))
                        return true;
        return false;
}

int replica_unpend_place(struct replica *replica, uint64_t place)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_DELETE];
        int r;

        db_bind_int(stmt, 1, (int64_t)place);
        r = db_run(replica->db, stmt);
        if (r >= 0)
                replica->pending_count -= (uint64_t)db_changes(replica->db);
        return r;
}

/* Takes the edits that are over out of the table and out of the list. */
int replica_drop_over(struct replica *replica, struct replica_edits *edits,
                      const struct uuid *locality, const struct position *confirmed)
{
        size_t kept = 0;

        for (size_t i = 0; i < edits->count; i++) {
                bool counts =
                        !locality || uuid_equal(locality, &edits->items[i].body.base_locality);

                if (counts && overlay_is_over(&edits->items[i], confirmed)) {
                        int r = replica_unpend_place(replica, edits->places[i]);

                        if (r < 0)
                                return r;
                        continue;
                }
                edits->items[kept] = edits->items[i];
                edits->places[kept++] = edits->places[i];
        }
        edits->count = kept;
        return 0;
}

int replica_unpend(struct replica *replica, uint64_t type, const struct uuid *record)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_DELETE_RECORD];
        int r;

        if (replica->pending_count == 0)
                return 0;
        db_bind_uuid(stmt, 1, record);
        db_bind_int(stmt, 2, (int64_t)type);
        r = db_run(replica->db, stmt);
        if (r < 0)
                return r;
        replica->pending_count -= (uint64_t)db_changes(replica->db);
        return replica_shadow_delete(replica, type, record);
}

int replica_each_unsent(struct replica *replica,
                        int (*visit)(void *context, const struct replica_unsent *unsent),
                        void *context)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        sqlite3_stmt *stmt = NULL;
        int r = db_prepare(replica->db,
                           "SELECT entry, locality, lane, body FROM pending WHERE state IN (0, 6) "
                           "ORDER BY place",
                           &stmt);

        if (r < 0)
                return r;
        while ((r = db_step(replica->db, stmt)) > 0) {
                struct replica_unsent unsent = {.entry = db_column_uuid(stmt, 0),
                                                .locality = db_column_uuid(stmt, 1),
                                                .lane = (uint8_t)db_column_int(stmt, 2)};

                buffer_reset(&body);
                buffer_append(&body, db_column_bytes(stmt, 3));
                unsent.body = buffer_view(&body);
                r = buffer_check(&body);
                if (r >= 0)
                        r = visit(context, &unsent);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

int replica_move_pending(struct replica *replica, const struct replica_moved *moved, size_t count)
{
        static const char *const sql[] = {
                "UPDATE pending SET place = ?2, seq = ?3 WHERE entry = ?1",
                "UPDATE own SET place = ?2 WHERE entry = ?1"};
        sqlite3_stmt *stmts[2];
        int r = db_prepare_all(replica->db, sql, 2, stmts);

        for (size_t i = 0; i < count && r >= 0; i++) {
                for (size_t k = 0; k < 2 && r >= 0; k++) {
                        db_bind_uuid(stmts[k], 1, &moved[i].entry);
                        db_bind_int(stmts[k], 2, (int64_t)moved[i].place);
                        if (k == 0)
                                db_bind_int(stmts[k], 3, (int64_t)moved[i].seq);
                        r = db_run(replica->db, stmts[k]);
                }
        }
        return r < 0 ? r : 0;
}
