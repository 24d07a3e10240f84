/*
 * Reading the outbox: rows by id, in order, of a lane; bodies opened; counts.
 */
#include "daemon/outbox_internal.h"

/* ---- reading ---- */

int outbox_row_keep(struct outbox *outbox, struct outbox_row *row)
{
        struct bytes *parts[] = {&row->header, &row->sealed, &row->signature, &row->receipt};
        struct buffer *kept = &outbox->row_bytes;
        size_t offset = 0;

        buffer_reset(kept);
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
                buffer_append(kept, *parts[i]);
        if (buffer_check(kept) < 0)
                return buffer_check(kept);
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
                parts[i]->data = kept->data + offset;
                offset += parts[i]->size;
        }
        return 0;
}

int outbox_get(struct outbox *outbox, const struct uuid *id, struct outbox_row *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_BY_ID];
        int r;

        db_bind_uuid(stmt, 1, id);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        outbox_row_read(outbox, stmt, ret);
        r = outbox_row_keep(outbox, ret);
        db_reset(stmt);
        return r < 0 ? r : 1;
}

static int visit_all(struct outbox *outbox, sqlite3_stmt *stmt, uint32_t states,
                     outbox_visit *visit, void *context)
{
        struct outbox_row row;
        int r;

        while ((r = db_step(outbox->db, stmt)) > 0) {
                if (states && !(states & 1u << db_column_int(stmt, 12)))
                        continue;
                outbox_row_read(outbox, stmt, &row);
                r = visit(context, &row);
                if (r != 0) {
                        db_reset(stmt);
                        return r;
                }
        }
        return r;
}

static int each_waiting(struct outbox *outbox, uint64_t after, outbox_visit *visit, void *context)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_EACH_WAITING];
        uint64_t first;
        int r = outbox_first_waiting_place(outbox, &first);

        if (r < 0)
                return r;
        if (first > 0 && first - 1 > after) /* what lies before is settled, and may be much */
                after = first - 1;
        db_bind_int(stmt, 1, (int64_t)after);
        return visit_all(outbox, stmt, 0, visit, context);
}

int outbox_each(struct outbox *outbox, uint32_t states, uint64_t after, outbox_visit *visit,
                void *context)
{
        bool one = states && !(states & (states - 1)); /* a single state has its index */
        sqlite3_stmt *stmt = outbox->stmts[one ? SQL_EACH_STATE : SQL_EACH];

        if (states == 1u << OUTCOME_NONE)
                return each_waiting(outbox, after, visit, context);
        db_bind_int(stmt, 1, (int64_t)after);
        if (one)
                db_bind_int(stmt, 2, __builtin_ctz(states));
        return visit_all(outbox, stmt, states, visit, context);
}

int outbox_each_batch(struct outbox *outbox, uint64_t after, outbox_visit *visit, void *context)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_EACH_BATCH];

        if (after >= outbox->batch)
                return 0; /* as at nearly every start; there is no index for the others */
        db_bind_int(stmt, 1, (int64_t)after);
        return visit_all(outbox, stmt, 0, visit, context);
}

int outbox_each_of_lane(struct outbox *outbox, uint8_t lane, uint64_t first, outbox_visit *visit,
                        void *context)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_EACH_LANE];

        db_bind_uuid(stmt, 1, &outbox->incarnation);
        db_bind_int(stmt, 2, lane);
        db_bind_int(stmt, 3, (int64_t)first);
        return visit_all(outbox, stmt, 0, visit, context);
}

int outbox_open_body(struct outbox *outbox, const struct outbox_row *row, struct buffer *out)
{
        uint8_t context[32], hash[HASH_SIZE];
        size_t before = out->size;
        int r;

        if (row->sealed.size == 0)
                return PANNIER_E_NOT_FOUND;
        if (row->sealed.size < AEAD_NONCE_SIZE)
                return FAIL(PANNIER_E_CORRUPT, "an entry's body is too short for its seal");
        outbox_seal_context(outbox, &row->id, context);
        r = crypto_aead_open(
                outbox->options.caseload_key, row->sealed.data, BYTES(context, sizeof(context)),
                BYTES(row->sealed.data + AEAD_NONCE_SIZE, row->sealed.size - AEAD_NONCE_SIZE), out);
        if (r == PANNIER_E_CRYPTO)
                return FAIL(PANNIER_E_CORRUPT, "an entry's body does not fit its seal");
        if (r < 0)
                return r;
        entry_body_hash(BYTES(out->data + before, out->size - before), hash);
        if (memcmp(hash, row->body_hash, HASH_SIZE) != 0) {
                out->size = before;
                return FAIL(PANNIER_E_CORRUPT, "an entry's body does not have its hash");
        }
        return 0;
}

struct bytes outbox_remains(const struct outbox_row *row)
{
        struct bytes remains = row->sealed;

        if (remains.size > WIRE_SEALED_BODY_MAX)
                remains.size = WIRE_SEALED_BODY_MAX;
        return remains;
}

/* ---- chains ---- */

/* 1 found, 0 not, or an error */
static int row_at(struct outbox *outbox, uint8_t lane, uint64_t seq, struct outbox_row *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_BY_SEQ];
        int r;

        db_bind_uuid(stmt, 1, &outbox->incarnation);
        db_bind_int(stmt, 2, lane);
        db_bind_int(stmt, 3, (int64_t)seq);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        outbox_row_read(outbox, stmt, ret);
        r = outbox_row_keep(outbox, ret);
        db_reset(stmt);
        return r < 0 ? r : 1;
}

/* Head after the entry number @seq, had the chain been @before. 1 made, 0 its bytes are not what they were, or an error */
static int chain_over(struct outbox *outbox, uint8_t lane, uint64_t seq,
                      const uint8_t before[HASH_SIZE], uint8_t ret[HASH_SIZE],
                      uint8_t ret_kept[HASH_SIZE])
{
        CLEANUP(buffer_wipe) struct buffer body = BUFFER_INIT;
        struct outbox_row row;
        int r = row_at(outbox, lane, seq, &row);

        if (r > 0)
                r = outbox_open_body(outbox, &row, &body);
        else if (r == 0)
                return 0;
        if (r < 0)
                return r == PANNIER_E_CORRUPT || r == PANNIER_E_NOT_FOUND ? 0 : r;
        entry_chain(before, row.header, buffer_view(&body), ret);
        memcpy(ret_kept, row.chain, HASH_SIZE);
        return 1;
}

/* Is @head what the entry number @seq was hung on? */
static int is_continued(struct outbox *outbox, uint8_t lane, uint64_t seq,
                        const uint8_t head[HASH_SIZE])
{
        uint8_t made[HASH_SIZE], kept[HASH_SIZE];
        int r = chain_over(outbox, lane, seq, head, made, kept);

        return r <= 0 ? r : memcmp(made, kept, HASH_SIZE) == 0;
}

/* The row before @seq is damaged: its head may be made again from its bytes, if the entry after it says so. */
static int mend_head(struct outbox *outbox, uint8_t lane, uint64_t seq, uint8_t head[HASH_SIZE])
{
        uint8_t before[HASH_SIZE] = {0}, made[HASH_SIZE], kept[HASH_SIZE];
        struct outbox_row row;
        int r = is_continued(outbox, lane, seq, head);

        if (r != 0)
                return r < 0 ? r : 0;
        r = seq > 2 ? row_at(outbox, lane, seq - 2, &row) : 1;
        if (r > 0 && seq > 2)
                memcpy(before, row.chain, HASH_SIZE);
        if (r > 0)
                r = chain_over(outbox, lane, seq - 1, before, made, kept);
        if (r > 0)
                r = is_continued(outbox, lane, seq, made);
        if (r > 0)
                memcpy(head, made, HASH_SIZE);
        return r < 0 ? r : 0;
}

int outbox_chain_before(struct outbox *outbox, uint8_t lane, uint64_t seq, uint8_t ret[HASH_SIZE])
{
        struct outbox_row row;
        int r;

        if (seq <= 1) {
                memset(ret, 0, HASH_SIZE);
                return 0;
        }
        r = row_at(outbox, lane, seq - 1, &row);
        if (r < 0)
                return r;
        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "entry %llu of lane %u is gone",
                            (unsigned long long)seq - 1, lane);
        memcpy(ret, row.chain, HASH_SIZE);
        return row.damaged ? mend_head(outbox, lane, seq, ret) : 0;
}

/* The oldest waiting entry of a lane; 1 there is one, 0 none */
static int first_waiting(struct outbox *outbox, uint8_t lane, uint64_t *ret_place, int64_t *ret_ms)
{
        struct lane_end *end = &outbox->lanes[lane];
        sqlite3_stmt *stmt = outbox->stmts[SQL_FIRST_WAITING];
        int r;

        if (end->waiting == 0)
                return 0;
        db_bind_uuid(stmt, 1, &outbox->incarnation);
        db_bind_int(stmt, 2, lane);
        db_bind_int(stmt, 3, (int64_t)end->waits);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        end->waits = (uint64_t)db_column_int(stmt, 0);
        *ret_place = (uint64_t)db_column_int(stmt, 1);
        *ret_ms = db_column_int(stmt, 2);
        db_reset(stmt);
        return 1;
}

int outbox_first_waiting(struct outbox *outbox, uint8_t lane, uint64_t *ret)
{
        uint64_t place;
        int64_t recorded_ms;
        int r = first_waiting(outbox, lane, &place, &recorded_ms);

        if (r < 0)
                return r;
        *ret = r > 0 ? outbox->lanes[lane].waits : 0;
        return 0;
}

int outbox_waiting_of(struct outbox *outbox, uint8_t lane, uint64_t *ret_count, int64_t *ret_ms)
{
        uint64_t place;
        int r;

        *ret_ms = 0;
        r = first_waiting(outbox, lane, &place, ret_ms);
        if (r < 0)
                return r;
        *ret_count = outbox->lanes[lane].waiting;
        return 0;
}

static int oldest_waiting(struct outbox *outbox, uint64_t *ret_place, int64_t *ret_ms)
{
        *ret_place = 0;
        *ret_ms = 0;
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
                uint64_t place = 0;
                int64_t recorded_ms = 0;
                int r = first_waiting(outbox, lane, &place, &recorded_ms);

                if (r < 0)
                        return r;
                if (r == 0 || (*ret_place > 0 && *ret_place < place))
                        continue;
                *ret_place = place;
                *ret_ms = recorded_ms;
        }
        return 0;
}

int outbox_oldest_waiting(struct outbox *outbox, int64_t *ret_ms)
{
        uint64_t place;

        return oldest_waiting(outbox, &place, ret_ms);
}

int outbox_first_waiting_place(struct outbox *outbox, uint64_t *ret)
{
        int64_t recorded_ms;

        return oldest_waiting(outbox, ret, &recorded_ms);
}

int outbox_parked(struct outbox *outbox, struct arena *arena, const struct uuid **ret,
                  size_t *ret_count)
{
        size_t count = (size_t)outbox->counts.states[OUTCOME_PARKED], i = 0;
        struct uuid *ids = arena_alloc(arena, (count + 1) * sizeof(*ids));
        sqlite3_stmt *stmt = outbox->stmts[SQL_PARKED];
        int r;

        if (!ids)
                return FAIL(PANNIER_E_MEMORY, "parked ids");
        while ((r = db_step(outbox->db, stmt)) > 0)
                if (i < count)
                        ids[i++] = db_column_uuid(stmt, 0);
        if (r < 0)
                return r;
        *ret = ids;
        *ret_count = i;
        return 0;
}
