/*
 * Small things that must survive the replica, and the check of everything.
 */
#include "daemon/outbox_internal.h"

static const char *meta_name(enum outbox_meta name)
{
        switch (name) {
        case OUTBOX_META_TRUST:
                return "trust";
        case OUTBOX_META_BUDGET:
                return "budget";
        case OUTBOX_META_COUNT:
                break;
        }
        return "";
}

int outbox_meta_read(struct outbox *outbox, const char *name, struct buffer *out)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_META_GET];
        int r;

        db_bind_text(stmt, 1, bytes_text(name));
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        buffer_append(out, db_column_bytes(stmt, 0));
        db_reset(stmt);
        r = buffer_check(out);
        return r < 0 ? r : 1;
}

int outbox_meta_write(struct outbox *outbox, const char *name, struct bytes value)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_META_PUT];

        db_bind_text(stmt, 1, bytes_text(name));
        db_bind_blob(stmt, 2, value);
        outbox->written = true;
        return db_run(outbox->db, stmt);
}

/* ---- what must survive the replica ---- */

int outbox_meta_get(struct outbox *outbox, enum outbox_meta name, struct buffer *out)
{
        return outbox_meta_read(outbox, meta_name(name), out);
}

int outbox_meta_put(struct outbox *outbox, enum outbox_meta name, struct bytes value)
{
        return outbox_meta_write(outbox, meta_name(name), value);
}

int outbox_head_put(struct outbox *outbox, const struct wire_head *head, int64_t told_ms)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_HEAD_PUT];

        db_bind_uuid(stmt, 1, &head->locality);
        db_bind_int(stmt, 2, (int64_t)head->epoch);
        db_bind_uuid(stmt, 3, &head->epoch_id);
        db_bind_int(stmt, 4, (int64_t)head->position);
        db_bind_int(stmt, 5, (int64_t)head->number);
        db_bind_blob(stmt, 6, BYTES(head->hash, HASH_SIZE));
        db_bind_blob(stmt, 7, BYTES(head->signature, SIGNATURE_SIZE));
        db_bind_int(stmt, 8, told_ms);
        outbox->head_known = false;
        outbox->written = true;
        return db_run(outbox->db, stmt);
}

static int head_read(sqlite3_stmt *stmt, struct wire_head *ret)
{
        *ret = (struct wire_head){
                .locality = db_column_uuid(stmt, 0),
                .epoch = (uint64_t)db_column_int(stmt, 1),
                .epoch_id = db_column_uuid(stmt, 2),
                .position = (uint64_t)db_column_int(stmt, 3),
                .number = (uint64_t)db_column_int(stmt, 4),
        };
        if (!copy_exact(db_column_bytes(stmt, 5), ret->hash, HASH_SIZE) ||
            !copy_exact(db_column_bytes(stmt, 6), ret->signature, SIGNATURE_SIZE))
                return FAIL(PANNIER_E_CORRUPT, "a kept head of the store is damaged");
        return 0;
}

int outbox_head_get(struct outbox *outbox, const struct uuid *locality, struct wire_head *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_HEAD_GET];
        int r;

        if (outbox->head_known && uuid_equal(&outbox->head.locality, locality)) {
                *ret = outbox->head;
                return 1;
        }
        db_bind_uuid(stmt, 1, locality);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        r = head_read(stmt, ret);
        db_reset(stmt);
        if (r < 0)
                return r;
        outbox->head = *ret;
        outbox->head_known = true;
        return 1;
}

int outbox_heads(struct outbox *outbox, struct arena *arena, struct wire_head **ret,
                 size_t *ret_count)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_HEADS];
        struct wire_head *heads = arena_alloc(arena, WIRE_LOCALITIES_MAX * sizeof(*heads));
        size_t count = 0;
        int r;

        if (!heads)
                return FAIL(PANNIER_E_MEMORY, "heads");
        while ((r = db_step(outbox->db, stmt)) > 0) {
                if (count == WIRE_LOCALITIES_MAX)
                        continue;
                r = head_read(stmt, &heads[count]);
                if (r < 0) {
                        db_reset(stmt);
                        return r;
                }
                count++;
        }
        if (r < 0)
                return r;
        *ret = heads;
        *ret_count = count;
        return 0;
}

int outbox_told(struct outbox *outbox, int64_t *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_TOLD];
        int r = db_step(outbox->db, stmt);

        if (r <= 0)
                return r;
        *ret = db_column_int(stmt, 0);
        db_reset(stmt);
        return 0;
}

/* ---- checking ---- */

struct check {
        struct outbox *outbox;
        struct public_key *key;
        struct {
                bool known;
                uint64_t seq;
                uint8_t head[HASH_SIZE];
        } lanes[LANE_COUNT];
        struct buffer body, message;
        void (*visit)(void *context, const struct outbox_row *row, const char *what);
        void *context;
        int bad;
};

static const char *check_chain(struct check *check, const struct outbox_row *row)
{
        uint8_t head[HASH_SIZE];

        if (row->sealed.size == 0 || !check->lanes[row->lane].known ||
            check->lanes[row->lane].seq + 1 != row->seq)
                return NULL; /* the row before, or the body, is no longer here: nothing to compare with */
        entry_chain(check->lanes[row->lane].head, row->header, buffer_view(&check->body), head);
        return memcmp(head, row->chain, HASH_SIZE) == 0 ? NULL : "the chain is broken";
}

static const char *check_row(struct check *check, const struct outbox_row *row)
{
        const char *what;

        if (row->damaged)
                return "the row is not what was written";
        buffer_reset(&check->body);
        if (row->sealed.size && outbox_open_body(check->outbox, row, &check->body) < 0)
                return "the body is not what was written";
        if (!uuid_equal(&row->incarnation, &check->outbox->incarnation))
                return NULL;
        what = check_chain(check, row);
        if (what || row->signature.size != SIGNATURE_SIZE)
                return what;
        buffer_reset(&check->message);
        entry_head_message(&check->outbox->options.device, &row->incarnation, row->lane, row->seq,
                           row->chain, &check->message);
        if (public_key_verify(check->key, buffer_view(&check->message), row->signature.data) < 0)
                return "the signature is not this device's";
        return NULL;
}

static int check_visit(void *context, const struct outbox_row *row)
{
        struct check *check = context;
        const char *what = check_row(check, row);

        if (what) {
                check->bad++;
                check->visit(check->context, row, what);
        }
        if (!row->damaged && uuid_equal(&row->incarnation, &check->outbox->incarnation)) {
                check->lanes[row->lane].known = true;
                check->lanes[row->lane].seq = row->seq;
                memcpy(check->lanes[row->lane].head, row->chain, HASH_SIZE);
        }
        return 0;
}

int outbox_check(struct outbox *outbox,
                 void (*visit)(void *context, const struct outbox_row *row, const char *what),
                 void *context)
{
        CLEANUP(public_key_freep) struct public_key *key = NULL;
        struct check check = {.outbox = outbox, .visit = visit, .context = context};
        uint8_t point[PUBLIC_KEY_SIZE];
        int r;

        private_key_public(outbox->options.key, point);
        r = public_key_from_point(point, &key);
        if (r < 0)
                return r;
        check.key = key;
        for (size_t i = 0; i < LANE_COUNT; i++)
                check.lanes[i].known =
                        true; /* seq 0 with a zero head is where every chain begins */
        r = outbox_each(outbox, 0, 0, check_visit, &check);
        buffer_wipe(&check.body);
        buffer_deinit(&check.message);
        return r < 0 ? r : check.bad;
}
