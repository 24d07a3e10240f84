/*
 * Records, and the device's own pending entries on top of them.
 *
 *   no pending entry       the table row is the confirmed state
 *   active ones            the table row is what the overlay makes of the shadow (no shadow: never confirmed)
 *   refused ones only      the table row is the confirmed state; the refused values are shown beside when it is read
 *
 * A write puts one edit on top of the row as it lies there. A new confirmed state, or a receipt that changes what is
 * shown, builds the row anew from the shadow and all edits.
 */
#include "daemon/replica_internal.h"

/* ---- what is shown ---- */

int people_put(struct replica *replica, const struct record *person)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PEOPLE_PUT];
        size_t label;

        buffer_reset(&replica->text);
        people_label(person, &replica->text);
        label = replica->text.size;
        people_search_text(person, &replica->text);
        if (buffer_check(&replica->text) < 0)
                return buffer_check(&replica->text);
        db_bind_uuid(stmt, 1, &person->id);
        db_bind_text(stmt, 2, BYTES(replica->text.data, label));
        db_bind_text(stmt, 3, BYTES(replica->text.data + label, replica->text.size - label));
        return db_run(replica->db, stmt);
}

int people_delete(struct replica *replica, const struct uuid *person)
{
        db_bind_uuid(replica->stmts[SQL_PEOPLE_DELETE], 1, person);
        return db_run(replica->db, replica->stmts[SQL_PEOPLE_DELETE]);
}

static int people_visit(void *context, const struct record *record, struct bytes stamps)
{
        (void)stamps;
        return people_put(context, record);
}

int replica_people_rebuild(struct replica *replica)
{
        int r = db_run(replica->db, replica->stmts[SQL_PEOPLE_CLEAR]);

        if (r < 0)
                return r;
        return record_each(replica->tables, catalogue_person_type(), NULL, NULL, people_visit,
                           replica);
}

int replica_shown(struct replica *replica, const struct catalogue_type *type, const struct uuid *id,
                  const struct uuid *person, const struct record *visible)
{
        int r = 0;

        if (type->is_person)
                r = visible ? people_put(replica, visible) : people_delete(replica, id);
        if (r >= 0 && replica->watch.record)
                replica->watch.record(replica->watch.context, type, id, person);
        return r;
}

static int show(struct replica *replica, const struct record *visible)
{
        int r = record_put(replica->tables, visible, BYTES_NONE);

        if (r < 0)
                return r;
        return replica_shown(replica, visible->type, &visible->id, &visible->person, visible);
}

/* The record shows nothing any more: its creation was refused, or it is not for this device. */
static int unshow(struct replica *replica, const struct catalogue_type *type, const struct uuid *id,
                  const struct uuid *person)
{
        int r;

        if (type->is_person) {
                struct record gone = {
                        .type = type, .id = *id, .person = *person, .locality = replica->locality};

                r = replica_provisional(replica, &gone, false);
                if (r < 0)
                        return r;
        }
        r = record_delete(replica->tables, type, id);
        return r < 0 ? r : replica_shown(replica, type, id, person, NULL);
}

/* Builds the table row anew. @confirmed NULL: never confirmed. */
static int rebuild(struct replica *replica, const struct catalogue_type *type,
                   const struct uuid *id, const struct uuid *person, const struct record *confirmed,
                   const struct replica_edits *edits)
{
        struct overlay overlay;
        int r;

        if (!replica_any_active(edits)) {
                r = replica_shadow_delete(replica, type->number, id);
                if (r < 0)
                        return r;
                return confirmed ? show(replica, confirmed) : unshow(replica, type, id, person);
        }
        if (confirmed) {
                r = replica_shadow_put(replica, confirmed);
                if (r < 0)
                        return r;
        }
        r = overlay_build(type, confirmed, edits->items, edits->count, &replica->arena, &overlay);
        if (r < 0)
                return r;
        return overlay.exists ? show(replica, &overlay.record) : unshow(replica, type, id, person);
}

/* The confirmed state; 1 there is one. @had_active: edits were on top when the row was written */
static int load_confirmed(struct replica *replica, const struct catalogue_type *type,
                          const struct uuid *id, const struct uuid *person, bool had_active,
                          struct arena *arena, struct record *ret)
{
        int r;

        if (had_active)
                return replica_shadow_get(replica, type, id, person, arena, ret);
        r = record_get(replica->tables, type, id, arena, ret, NULL);
        return r;
}

/* ---- confirmed records ---- */

/* Does the record have pending entries, and are all of them over once @at is confirmed? Without reading a body. */
static int pending_heads(struct replica *replica, const struct record *record,
                         const struct position *at, bool *ret_any, bool *ret_all_over)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_HEADS];
        int r;

        *ret_any = false;
        *ret_all_over = true;
        if (replica->pending_count == 0)
                return 0;
        db_bind_uuid(stmt, 1, &record->id);
        db_bind_int(stmt, 2, record->type->number);
        while ((r = db_step(replica->db, stmt)) > 0) {
                struct uuid locality = db_column_uuid(stmt, 8);
                struct overlay_edit edit = {
                        .state = (enum entry_outcome)db_column_int(stmt, 5),
                        .position = {.epoch = (uint64_t)db_column_int(stmt, 6),
                                     .position = (uint64_t)db_column_int(stmt, 7)},
                };

                *ret_any = true;
                if (!uuid_equal(&locality, &record->locality) || !overlay_is_over(&edit, at))
                        *ret_all_over = false;
        }
        return r;
}

/* Positions of two localities say nothing about each other: where its person moved, what comes is newer, since it comes later. */
static bool is_newer(const struct record *coming, const struct record *standing)
{
        return coming->position > standing->position ||
               !uuid_equal(&coming->locality, &standing->locality);
}

static int confirm_under(struct replica *replica, const struct record *record,
                         const struct position *at)
{
        struct replica_edits edits = {0};
        struct record before;
        bool known;
        int r;

        arena_reset(&replica->arena);
        r = replica_load_edits(replica, record->type->number, &record->id, &replica->arena, &edits);
        if (r < 0)
                return r;
        r = load_confirmed(replica, record->type, &record->id, &record->person,
                           replica_any_active(&edits), &replica->arena, &before);
        if (r < 0)
                return r;
        known = r > 0;
        if (known && !is_newer(record, &before))
                return 0;
        r = known ? replica_sums_remove(replica, &before) : 0;
        if (r >= 0)
                r = replica_sums_add(replica, record);
        if (r < 0)
                return r;
        for (size_t i = 0; i < edits.count; i++) {
                sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_STALE];
                uint64_t stale = replica->repairing ? 0
                                                    : overlay_stale(known ? &before : NULL, record,
                                                                    edits.items, edits.count, i);

                edits.items[i].stale |= stale;
                if (stale == 0)
                        continue;
                db_bind_int(stmt, 1, (int64_t)edits.places[i]);
                db_bind_int(stmt, 2, (int64_t)stale);
                r = db_run(replica->db, stmt);
                if (r < 0)
                        return r;
        }
        r = replica_drop_over(replica, &edits, &record->locality, at);
        if (r >= 0)
                r = rebuild(replica, record->type, &record->id, &record->person, record, &edits);
        return r < 0 ? r : 1;
}

struct standing {
        struct replica *replica;
        const struct record *coming;
        bool newer; /* and it is newer than what stands */
};

static int look_at_standing(void *context, const struct record *record, struct bytes stamps)
{
        struct standing *standing = context;

        (void)stamps;
        standing->newer = is_newer(standing->coming, record);
        return standing->newer ? replica_sums_remove(standing->replica, record) : 0;
}

/* Nothing is on top: the table row is the confirmed state. Most records that come are new. 1 taken, 0 not newer */
static int confirm_plain(struct replica *replica, const struct record *record)
{
        struct standing standing = {.replica = replica, .coming = record};
        int r = record_put_new(replica->tables, record, BYTES_NONE);

        if (r == 0) {
                r = record_visit(replica->tables, record->type, &record->id, look_at_standing,
                                 &standing);
                if (r < 0 || !standing.newer)
                        return r < 0 ? r : 0;
                r = record_put(replica->tables, record, BYTES_NONE);
        }
        if (r >= 0)
                r = replica_sums_add(replica, record);
        if (r >= 0)
                r = replica_shown(replica, record->type, &record->id, &record->person, record);
        return r < 0 ? r : 1;
}

int replica_confirm(struct replica *replica, const struct record *record, uint64_t epoch)
{
        struct position at = {.epoch = epoch, .position = record->position};
        bool any, all_over;
        int r;

        r = pending_heads(replica, record, &at, &any, &all_over);
        if (r < 0)
                return r;
        if (!any)
                return confirm_plain(replica, record);
        if (!all_over)
                return confirm_under(replica, record, &at);
        r = replica_sums_remove_standing(replica, record->type, &record->id, &record->person);
        if (r >= 0)
                r = replica_sums_add(replica, record);
        if (r >= 0)
                r = replica_unpend(replica, record->type->number, &record->id);
        if (r >= 0)
                r = show(replica, record);
        return r < 0 ? r : 1;
}

/* ---- own entries ---- */

static int pending_put(struct replica *replica, const struct replica_entry *entry,
                       const struct position *position)
{
        const struct entry_body *body = entry->body;
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_PUT];
        int r;

        db_bind_int(stmt, 1, (int64_t)entry->place);
        db_bind_uuid(stmt, 2, &entry->id);
        db_bind_uuid(stmt, 3, &entry->locality);
        db_bind_int(stmt, 4, entry->lane);
        db_bind_int(stmt, 5, (int64_t)entry->seq);
        db_bind_int(stmt, 6, body->type);
        db_bind_uuid(stmt, 7, &body->record);
        db_bind_uuid(stmt, 8, &body->person);
        db_bind_int(stmt, 9, body->operation == ENTRY_CREATE);
        db_bind_int(stmt, 10, (int64_t)entry->state);
        db_bind_int(stmt, 11, (int64_t)position->epoch);
        db_bind_int(stmt, 12, (int64_t)position->position);
        db_bind_blob(stmt, 13, entry->clear);
        if (entry->receipt.size)
                db_bind_blob(stmt, 14, entry->receipt);
        else
                db_bind_null(stmt, 14);
        r = db_run(replica->db, stmt);
        if (r < 0)
                return r;
        if (db_changes(replica->db) == 0)
                return 0; /* it is here already */
        replica->pending_count++;
        return 1;
}

static int own_put(struct replica *replica, const struct replica_entry *entry)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_OWN_PUT];

        if (uuid_is_none(&entry->body->person))
                return 0;
        db_bind_uuid(stmt, 1, &entry->body->person);
        db_bind_int(stmt, 2, (int64_t)entry->place);
        db_bind_uuid(stmt, 3, &entry->id);
        return db_run(replica->db, stmt);
}

/* Puts one more edit on top of the row as it lies there. */
static int pend_on_top(struct replica *replica, const struct catalogue_type *type,
                       const struct overlay_edit *edit, bool first)
{
        const struct entry_body *body = &edit->body;
        struct record standing;
        struct overlay overlay;
        bool found = false;
        int r;

        if (body->operation != ENTRY_CREATE) {
                r = record_get(replica->tables, type, &body->record, &replica->arena, &standing,
                               NULL);
                if (r < 0)
                        return r;
                found = r > 0;
        }
        if (found && first) { /* nothing is on top of it: it is the confirmed state */
                r = replica_shadow_put(replica, &standing);
                if (r < 0)
                        return r;
        }
        r = overlay_build(type, found ? &standing : NULL, edit, 1, &replica->arena, &overlay);
        if (r < 0 || !overlay.exists)
                return r;
        r = show(replica, &overlay.record);
        if (r >= 0 && type->is_person && body->operation == ENTRY_CREATE) {
                r = replica_provisional(replica, &overlay.record, true);
                if (r >= 0 && replica->watch.person)
                        replica->watch.person(replica->watch.context, &body->record, false);
        }
        return r;
}

int replica_pend(struct replica *replica, const struct replica_entry *entry)
{
        const struct catalogue_type *type = catalogue_type_by_number(entry->body->type);
        struct overlay_edit edit = {.entry = entry->id,
                                    .device = entry->device,
                                    .body = *entry->body,
                                    .state = entry->state};
        struct replica_pending before;
        uint64_t held;
        int r;

        r = own_put(replica, entry);
        if (r < 0 || !type || type->class == CLASS_NEVER)
                return r;
        arena_reset(&replica->arena);
        if (entry->receipt.size) {
                struct wire_reader reader;
                struct wire_message message;

                wire_reader_init(&reader, entry->receipt, &replica->arena);
                if (wire_next(&reader, &message) > 0 && message.kind == WIRE_KIND_RECEIPTS &&
                    message.receipts.receipts_count == 1) {
                        edit.position.epoch = message.receipts.receipts[0].epoch;
                        edit.position.position = message.receipts.receipts[0].position;
                        edit.effects = message.receipts.receipts[0].effects;
                        edit.effect_count = message.receipts.receipts[0].effects_count;
                }
        }
        r = replica_pending_of(replica, entry->body->type, &entry->body->record, &before);
        if (r < 0)
                return r;
        r = pending_put(replica, entry, &edit.position);
        if (r <= 0 || !overlay_is_active(&edit))
                return r;
        if (entry->body->operation == ENTRY_CREATE) {
                /* a creation whose record is here already (a rebuilt replica) shows nothing of its own */
                r = record_position(replica->tables, type, &entry->body->record, &held);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return pend_on_top(replica, type, &edit, !before.any);
}

int replica_pending_of(struct replica *replica, uint64_t type, const struct uuid *record,
                       struct replica_pending *ret)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_HEADS];
        int r;

        *ret = (struct replica_pending){0};
        if (replica->pending_count == 0)
                return 0;
        db_bind_uuid(stmt, 1, record);
        db_bind_int(stmt, 2, (int64_t)type);
        while ((r = db_step(replica->db, stmt)) > 0) {
                enum entry_outcome state = (enum entry_outcome)db_column_int(stmt, 5);

                if (state == OUTCOME_QUARANTINED)
                        continue;
                ret->any = true;
                ret->newest = db_column_uuid(stmt, 1);
                if (db_column_int(stmt, 4) && state == OUTCOME_NONE) {
                        ret->creating = true;
                        ret->lane = (uint8_t)db_column_int(stmt, 2);
                        ret->seq = (uint64_t)db_column_int(stmt, 3);
                        ret->place = (uint64_t)db_column_int(stmt, 0);
                }
        }
        return r;
}

/* ---- receipts ---- */

static int rebuild_record(struct replica *replica, const struct catalogue_type *type,
                          const struct uuid *record, const struct uuid *person, bool had_active,
                          const struct uuid *locality, const struct position *over)
{
        struct replica_edits edits = {0};
        struct record confirmed;
        bool known;
        int r;

        arena_reset(&replica->arena);
        r = replica_load_edits(replica, type->number, record, &replica->arena, &edits);
        if (r < 0)
                return r;
        r = load_confirmed(replica, type, record, person, had_active, &replica->arena, &confirmed);
        if (r < 0)
                return r;
        known = r > 0;
        if (over) {
                r = replica_drop_over(replica, &edits, locality, over);
                if (r < 0)
                        return r;
        }
        return rebuild(replica, type, record, person, known ? &confirmed : NULL, &edits);
}

int replica_settle(struct replica *replica, uint64_t place, const struct wire_receipt *receipt,
                   struct bytes message)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_BY_PLACE];
        const struct catalogue_type *type;
        struct uuid record, person;
        int r;

        if (replica->pending_count == 0)
                return 0;
        db_bind_int(stmt, 1, (int64_t)place);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        type = catalogue_type_by_number((uint64_t)db_column_int(stmt, 1));
        record = db_column_uuid(stmt, 2);
        person = db_column_uuid(stmt, 3);
        db_reset(stmt);
        stmt = replica->stmts[SQL_PENDING_SETTLE];
        db_bind_int(stmt, 1, (int64_t)place);
        db_bind_int(stmt, 2, (int64_t)receipt->outcome);
        db_bind_int(stmt, 3, (int64_t)receipt->epoch);
        db_bind_int(stmt, 4, (int64_t)receipt->position);
        db_bind_blob(stmt, 5, message);
        r = db_run(replica->db, stmt);
        if (r < 0 || !type)
                return r;
        /* Applied or parked, and nothing stood beside: the row shows the same as before. */
        if (receipt->outcome == OUTCOME_PARKED)
                return 0;
        if (receipt->outcome == OUTCOME_APPLIED && receipt->position > 0)
                return 0;
        if (receipt->position == 0 && receipt->outcome != OUTCOME_QUARANTINED) {
                struct position any = {.epoch = receipt->epoch, .position = 0};

                return rebuild_record(replica, type, &record, &person, true, NULL, &any);
        }
        return rebuild_record(replica, type, &record, &person, true, NULL, NULL);
}

int replica_dismiss(struct replica *replica, uint64_t place)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_BY_PLACE];
        const struct catalogue_type *type;
        struct replica_edits edits = {0};
        struct uuid record, person;
        int r;

        if (replica->pending_count == 0)
                return 0;
        db_bind_int(stmt, 1, (int64_t)place);
        r = db_step(replica->db, stmt);
        if (r <= 0)
                return r;
        type = catalogue_type_by_number((uint64_t)db_column_int(stmt, 1));
        record = db_column_uuid(stmt, 2);
        person = db_column_uuid(stmt, 3);
        db_reset(stmt);
        r = replica_unpend_place(replica, place);
        if (r < 0 || !type)
                return r;
        arena_reset(&replica->arena);
        r = replica_load_edits(replica, type->number, &record, &replica->arena, &edits);
        return r < 0 ? r
                     : rebuild_record(replica, type, &record, &person, replica_any_active(&edits),
                                      NULL, NULL);
}

int replica_wait_again(struct replica *replica, const struct replica_entry *entry)
{
        const struct catalogue_type *type = catalogue_type_by_number(entry->body->type);
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_WAIT];
        struct replica_edits edits = {0};
        bool had_active;
        int r;

        arena_reset(&replica->arena);
        r = replica_load_edits(replica, entry->body->type, &entry->body->record, &replica->arena,
                               &edits);
        if (r < 0)
                return r;
        had_active = replica_any_active(&edits);
        db_bind_int(stmt, 1, (int64_t)entry->place);
        db_bind_int(stmt, 2, entry->lane);
        db_bind_int(stmt, 3, (int64_t)entry->seq);
        r = db_run(replica->db, stmt);
        if (r < 0)
                return r;
        if (db_changes(replica->db) == 0)
                return replica_pend(replica, entry);
        if (!type)
                return 0;
        return rebuild_record(replica, type, &entry->body->record, &entry->body->person, had_active,
                              NULL, NULL);
}

int replica_unconfirmed(struct replica *replica, const struct catalogue_type *type,
                        const struct uuid *id, const struct uuid *person)
{
        struct replica_edits edits = {0};
        int r;

        arena_reset(&replica->arena);
        r = replica_load_edits(replica, type->number, id, &replica->arena, &edits);
        if (r >= 0)
                r = replica_shadow_delete(replica, type->number, id);
        return r < 0 ? r : rebuild(replica, type, id, person, NULL, &edits);
}

/* The record of the next settled entry of @sql, which is bound: its pending entries up to @reached are over. 1, 0 there is none */
static int pass_next(struct replica *replica, enum replica_sql sql, const struct uuid *locality,
                     const struct position *reached)
{
        sqlite3_stmt *stmt = replica->stmts[sql];
        const struct catalogue_type *type;
        struct uuid record, person;
        uint64_t number;
        int r = db_step(replica->db, stmt);

        if (r <= 0)
                return r;
        number = (uint64_t)db_column_int(stmt, 0);
        type = catalogue_type_by_number(number);
        record = db_column_uuid(stmt, 1);
        person = db_column_uuid(stmt, 2);
        db_reset(stmt);
        if (type)
                r = rebuild_record(replica, type, &record, &person, true, locality, reached);
        else
                r = replica_unpend(replica, number, &record);
        return r < 0 ? r : 1;
}

int replica_pass(struct replica *replica, const struct uuid *locality,
                 const struct position *reached)
{
        sqlite3_stmt *stmt = replica->stmts[SQL_PENDING_SETTLED];
        int r = 1;

        while (r > 0 && replica->pending_count > 0) {
                db_bind_uuid(stmt, 1, locality);
                db_bind_int(stmt, 2, (int64_t)reached->epoch);
                db_bind_int(stmt, 3, (int64_t)reached->position);
                r = pass_next(replica, SQL_PENDING_SETTLED, locality, reached);
        }
        return r < 0 ? r : 0;
}

int replica_pass_rest(struct replica *replica)
{
        const struct position all = {.epoch = INT64_MAX, .position = INT64_MAX};
        int r = 1;

        while (r > 0 && replica->pending_count > 0)
                r = pass_next(replica, SQL_PENDING_ELSEWHERE, NULL, &all);
        return r < 0 ? r : 0;
}

/* ---- reading ---- */

int replica_view(struct replica *replica, const struct catalogue_type *type,
                 const struct uuid *record, const struct record *visible, struct arena *arena,
                 struct overlay *ret, struct record *ret_confirmed, bool *ret_has_confirmed)
{
        struct uuid person = visible ? visible->person : UUID_NONE;
        struct replica_edits edits = {0};
        int r;

        *ret_has_confirmed = false;
        if (replica->pending_count == 0)
                return 0;
        r = replica_load_edits(replica, type->number, record, arena, &edits);
        if (r < 0 || edits.count == 0)
                return r;
        if (replica_any_active(&edits)) {
                r = replica_shadow_get(replica, type, record, &person, arena, ret_confirmed);
                if (r < 0)
                        return r;
                *ret_has_confirmed = r > 0;
        } else if (visible) {
                *ret_confirmed = *visible;
                *ret_has_confirmed = true;
        }
        r = overlay_build(type, *ret_has_confirmed ? ret_confirmed : NULL, edits.items, edits.count,
                          arena, ret);
        return r < 0 ? r : 1;
}

int replica_find(struct replica *replica, const struct uuid *id, struct arena *arena,
                 struct record *ret)
{
        const struct catalogue *catalogue = catalogue_get();

        for (size_t i = 0; i < catalogue->type_count; i++) {
                int r;

                if (catalogue->types[i].class == CLASS_NEVER)
                        continue;
                r = record_get(replica->tables, &catalogue->types[i], id, arena, ret, NULL);
                if (r != 0)
                        return r;
        }
        return 0;
}
