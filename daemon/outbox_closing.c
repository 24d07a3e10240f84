/*
 * Quarantined entries that were dealt with: here by a new entry, or at the store by an operator. The row of the quarantined entry
 * itself is never touched.
 */
#include "daemon/outbox_internal.h"

static int put(struct outbox *outbox, const struct wire_closing *closing)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_CLOSING_PUT];

        db_bind_uuid(stmt, 1, &closing->entry);
        db_bind_uuid(stmt, 2, &closing->by);
        db_bind_int(stmt, 3, (int64_t)closing->how);
        db_bind_int(stmt, 4, closing->at_ms);
        db_bind_int(stmt, 5, (int64_t)closing->outcome);
        db_bind_text(stmt, 6, closing->note);
        if (closing->number)
                db_bind_int(stmt, 7, (int64_t)closing->number);
        else
                db_bind_null(stmt, 7);
        outbox->written = true;
        return db_run(outbox->db, stmt);
}

int outbox_closing_put(struct outbox *outbox, const struct wire_closing *closing)
{
        int r = put(outbox, closing);

        if (r == 0 && closing->number > outbox->closing)
                outbox->closing = closing->number;
        return r;
}

int outbox_closing_fixed(struct outbox *outbox, const struct outbox_item *item)
{
        const struct wire_closing closing = {
                .entry = item->instead,
                .by = item->id,
                .how = CLOSING_FIXED,
                .at_ms = item->recorded_ms,
        };

        return uuid_is_none(&item->instead) ? 0 : put(outbox, &closing);
}

uint64_t outbox_closing(const struct outbox *outbox)
{
        return outbox->closing;
}

static int read_closing(sqlite3_stmt *stmt, struct arena *arena, struct wire_closing *ret)
{
        struct bytes note = db_column_bytes(stmt, 5);

        *ret = (struct wire_closing){
                .entry = db_column_uuid(stmt, 0),
                .by = db_column_uuid(stmt, 1),
                .how = (enum closing_how)db_column_int(stmt, 2),
                .at_ms = db_column_int(stmt, 3),
                .outcome = (enum entry_outcome)db_column_int(stmt, 4),
                .number = (uint64_t)db_column_int(stmt, 6),
        };
        if (note.size == 0)
                return 0;
        ret->note = arena_copy(arena, note);
        return ret->note.data ? 0 : FAIL(PANNIER_E_MEMORY, "a closing");
}

int outbox_closing_get(struct outbox *outbox, const struct uuid *entry, struct arena *arena,
                       struct wire_closing *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_CLOSING_GET];
        int r;

        db_bind_uuid(stmt, 1, entry);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        r = read_closing(stmt, arena, ret);
        db_reset(stmt);
        return r < 0 ? r : 1;
}

int outbox_closing_each(struct outbox *outbox,
                        int (*visit)(void *context, const struct wire_closing *closing,
                                     uint64_t place),
                        void *context)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_CLOSING_EACH];
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        int r;

        while ((r = db_step(outbox->db, stmt)) > 0) {
                struct wire_closing closing;

                arena_reset(&arena);
                r = read_closing(stmt, &arena, &closing);
                if (r == 0)
                        r = visit(context, &closing, (uint64_t)db_column_int(stmt, 7));
                if (r != 0) {
                        db_reset(stmt);
                        return r;
                }
        }
        return r;
}

int outbox_refused_open(struct outbox *outbox, uint64_t *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_REFUSED_OPEN];
        int r;

        *ret = 0;
        if (outbox->counts.states[OUTCOME_QUARANTINED] == 0)
                return 0;
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 0;
}

int outbox_closings_renumber(struct outbox *outbox)
{
        int r = db_run(outbox->db, outbox->stmts[SQL_CLOSING_FORGET]);

        outbox->written = true;
        if (r == 0)
                outbox->closing = 0;
        return r;
}
