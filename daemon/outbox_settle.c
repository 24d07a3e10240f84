/*
 * What the store said about entries, and what may therefore go.
 */
#include "daemon/outbox_internal.h"

#include "common/plant.h"
#include "common/reason.h"

/* ---- what the store said ---- */

uint64_t outbox_next_batch(const struct outbox *outbox)
{
        return outbox->batch + 1;
}

int outbox_batch(struct outbox *outbox, int64_t received_ms, struct bytes hashes,
                 const uint8_t signature[SIGNATURE_SIZE])
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_BATCH_PUT];
        int r;

        db_bind_int(stmt, 1, (int64_t)outbox_next_batch(outbox));
        db_bind_int(stmt, 2, received_ms);
        db_bind_blob(stmt, 3, hashes);
        db_bind_blob(stmt, 4, BYTES(signature, SIGNATURE_SIZE));
        outbox->written = true;
        r = db_run(outbox->db, stmt);
        if (r == 0)
                outbox->batch++;
        return r;
}

static bool may_move(enum entry_outcome from, enum entry_outcome to)
{
        if (to < OUTCOME_APPLIED || to > OUTCOME_PARKED)
                return false;
        return from == OUTCOME_NONE || (from == OUTCOME_PARKED && to != OUTCOME_PARKED);
}

/* Is it about this very body, or about what is left of it, which was sent as damaged? */
static bool is_about(const struct wire_receipt *receipt, const struct outbox_row *row)
{
        uint8_t remains[HASH_SIZE];

        if (memcmp(row->body_hash, receipt->body_hash, HASH_SIZE) == 0)
                return true;
        if (receipt->reason != REASON_DAMAGED)
                return false;
        entry_body_hash(outbox_remains(row), remains);
        return memcmp(remains, receipt->body_hash, HASH_SIZE) == 0;
}

/* Return: enum outbox_settled */
static int compare_receipt(const struct wire_receipt *receipt, const struct outbox_row *row)
{
        if (!is_about(receipt, row))
                return OUTBOX_UNKNOWN;
        if (row->damaged) /* its state is as doubtful as the rest of it */
                return row->state == receipt->outcome && row->receipt.size > 0 ? OUTBOX_UNCHANGED
                                                                               : OUTBOX_CHANGED;
        if (may_move(row->state, receipt->outcome))
                return OUTBOX_CHANGED;
        return row->state == receipt->outcome ? OUTBOX_UNCHANGED : OUTBOX_OTHER;
}

struct receipt_plan { /* what becomes of a row */
        int settled;  /* enum outbox_settled */
        uint64_t place;
        enum entry_outcome before;
        bool damaged;
        uint8_t lane; /* LANE_COUNT: of an older incarnation */
        uint8_t hash[HASH_SIZE];
};

/* The receipt of a row as it is kept, in outbox->scratch. */
static int make_message(struct outbox *outbox, int64_t now_ms, const struct wire_receipt *receipt)
{
        struct wire_receipts one = {.now_ms = now_ms, .receipts = receipt, .receipts_count = 1};

        buffer_reset(&outbox->scratch);
        wire_put_receipts(&one, &outbox->scratch);
        return buffer_check(&outbox->scratch);
}

static int fill_receipt(struct outbox *outbox, int64_t now_ms, const struct wire_receipt *receipt,
                        struct outbox_row *row, struct receipt_plan *plan)
{
        int r = make_message(outbox, now_ms, receipt);

        if (r < 0)
                return r;
        row->state = receipt->outcome;
        row->receipt = buffer_view(&outbox->scratch);
        row->batch = outbox_next_batch(outbox);
        outbox_row_hash(row, plan->hash);
        if (row->damaged) /* a receipt does not make it good again */
                plan->hash[0] ^= 0xff;
        return 0;
}

/* Finds the row and says what it becomes; the row is read once. */
static int plan_receipt(struct outbox *outbox, int64_t now_ms, struct wire_receipt *receipt,
                        struct receipt_plan *plan)
{
        static const uint8_t zero[HASH_SIZE];
        sqlite3_stmt *stmt = outbox->stmts[SQL_BY_ID];
        struct outbox_row row;
        int r;

        plan->settled = OUTBOX_UNKNOWN;
        db_bind_uuid(stmt, 1, &receipt->entry);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        outbox_row_read(outbox, stmt, &row);
        if (memcmp(receipt->body_hash, zero, HASH_SIZE) == 0)
                memcpy(receipt->body_hash, row.body_hash, HASH_SIZE);
        plan->settled = compare_receipt(receipt, &row);
        plan->place = row.place;
        plan->before = row.state;
        plan->damaged = row.damaged;
        plan->lane = uuid_equal(&row.incarnation, &outbox->incarnation) ? row.lane : LANE_COUNT;
        if (plan->settled == OUTBOX_CHANGED)
                r = fill_receipt(outbox, now_ms, receipt, &row, plan);
        db_reset(stmt);
        return r;
}

static int write_receipt(struct outbox *outbox, const struct wire_receipt *receipt,
                         const struct receipt_plan *plan)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_SETTLE];

        db_bind_int(stmt, 1, (int64_t)plan->place);
        db_bind_int(stmt, 2, (int64_t)receipt->outcome);
        db_bind_blob(stmt, 3, buffer_view(&outbox->scratch));
        db_bind_int(stmt, 4, (int64_t)outbox_next_batch(outbox));
        db_bind_blob(stmt, 5, BYTES(plan->hash, HASH_SIZE));
        outbox->written = true;
        if (SIM_PLANT(OUTBOX_PRUNED_ON_RECEIPT) && receipt->outcome != OUTCOME_PARKED) {
                stmt = outbox->stmts[SQL_PRUNE];
                db_bind_int(stmt, 1, (int64_t)plan->place);
        }
        return db_run(outbox->db, stmt);
}

int outbox_settle(struct outbox *outbox, int64_t now_ms, struct wire_receipt *receipt,
                  uint64_t *ret_place, struct bytes *ret_message)
{
        struct receipt_plan plan;
        int r;

        r = plan_receipt(outbox, now_ms, receipt, &plan);
        if (r < 0)
                return r;
        if (plan.settled != OUTBOX_CHANGED)
                return plan.settled;
        r = write_receipt(outbox, receipt, &plan);
        if (r == 0 && plan.damaged)
                r = outbox_count(outbox);
        if (r < 0)
                return r;
        if (!plan.damaged) { /* else all were counted anew */
                outbox->counts.states[plan.before]--;
                outbox->counts.states[receipt->outcome]++;
                if (plan.before == OUTCOME_NONE && plan.lane < LANE_COUNT)
                        outbox->lanes[plan.lane].waiting--;
        }
        *ret_place = plan.place;
        *ret_message = buffer_view(&outbox->scratch);
        return OUTBOX_CHANGED;
}

int outbox_set_next(struct outbox *outbox, uint8_t lane, uint64_t next)
{
        if (outbox->lanes[lane].next == next || next == 0)
                return 0;
        outbox->lanes[lane].next = next;
        return outbox_lane_write(outbox, lane);
}

int outbox_erase_body(struct outbox *outbox, const struct uuid *id)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_BY_ID];
        uint8_t hash[HASH_SIZE];
        struct outbox_row row;
        bool settled;
        int r;

        db_bind_uuid(stmt, 1, id);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        outbox_row_read(outbox, stmt, &row);
        settled = (row.state != OUTCOME_NONE && row.state != OUTCOME_PARKED) ||
                  SIM_PLANT(PURGE_WITH_UNSENT_WORK);
        row.erased = true;
        outbox_row_hash(&row, hash);
        db_reset(stmt);
        if (row.damaged)
                return 0; /* what remains of it is evidence; it stays as it is */
        stmt = outbox->stmts[SQL_ERASE];
        db_bind_int(stmt, 1, (int64_t)row.place);
        db_bind_int(stmt, 2, settled);
        db_bind_blob(stmt, 3, BYTES(hash, HASH_SIZE));
        outbox->written = true;
        return db_run(outbox->db, stmt);
}

/* ---- pruning ---- */

/* The position of a receipt as it is kept; zero where it has none. */
static int receipt_position(struct bytes message, struct position *ret)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct wire_message read;
        int r;

        *ret = (struct position){0};
        wire_reader_init(&reader, message, &arena);
        r = wire_next(&reader, &read);
        if (r < 0)
                return r;
        if (r == 0 || read.kind != WIRE_KIND_RECEIPTS || read.receipts.receipts_count != 1)
                return FAIL(PANNIER_E_CORRUPT, "a kept receipt cannot be read");
        ret->epoch = read.receipts.receipts[0].epoch;
        ret->position = read.receipts.receipts[0].position;
        return 0;
}

static bool in_backup(const struct outbox_row *row, const struct uuid *locality,
                      const struct position *backup)
{
        struct entry_header header;
        struct position at;

        if (row->damaged || entry_header_decode(row->header, &header) < 0 ||
            !uuid_equal(&header.locality, locality))
                return false;
        if (receipt_position(row->receipt, &at) < 0 || at.position == 0)
                return false;
        return at.epoch < backup->epoch ||
               (at.epoch == backup->epoch && at.position <= backup->position);
}

/* The chain goes on from the newest row of each lane, and a run may begin behind the one that the store expects. */
static bool is_needed(const struct outbox *outbox, const struct outbox_row *row)
{
        const struct lane_end *end = &outbox->lanes[row->lane];

        return uuid_equal(&row->incarnation, &outbox->incarnation) &&
               (row->seq == end->seq || row->seq + 1 >= end->next);
}

enum { PRUNE_STEP = 256 };

static int prune_list(struct outbox *outbox, const struct uuid *locality,
                      const struct position *backup, int64_t before_ms,
                      struct outbox_row rows[PRUNE_STEP], size_t *ret_count)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_PRUNE_LIST];
        size_t count = 0;
        int r;

        db_bind_int(stmt, 1, before_ms);
        while ((r = db_step(outbox->db, stmt)) > 0) {
                struct outbox_row *row = &rows[count];

                outbox_row_read(outbox, stmt, row);
                if (row->damaged || is_needed(outbox, row) || !in_backup(row, locality, backup))
                        continue;
                if (++count == PRUNE_STEP) {
                        db_reset(stmt);
                        break;
                }
        }
        *ret_count = count;
        return r < 0 ? r : 0;
}

int outbox_prune(struct outbox *outbox, const struct uuid *locality, const struct position *backup,
                 int64_t before_ms)
{
        struct outbox_row rows[PRUNE_STEP];
        sqlite3_stmt *stmt = outbox->stmts[SQL_PRUNE];
        size_t count;
        int r;

        r = prune_list(outbox, locality, backup, before_ms, rows, &count);
        if (r < 0 || count == 0)
                return r;
        r = outbox_begin(outbox);
        if (r < 0)
                return r;
        outbox->written = true;
        for (size_t i = 0; i < count && r >= 0; i++) {
                db_bind_int(stmt, 1, (int64_t)rows[i].place);
                r = db_run(outbox->db, stmt);
                outbox->counts.states[rows[i].state]--;
        }
        if (r >= 0)
                r = db_run(outbox->db, outbox->stmts[SQL_PRUNE_BATCH]);
        if (r >= 0)
                r = outbox_commit(outbox);
        else
                outbox_rollback(outbox);
        return r < 0 ? r : (int)count;
}
