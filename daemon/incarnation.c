#include "daemon/incarnation.h"

#include "daemon/outbox_internal.h"

enum {
        SIGNED_SIZE =
                64
                << 10, /* a moved lane is signed at least so often: a run must end at a signature */
        SIGNED_COUNT = 64,
};

/* ---- rows that move ---- */

struct row_key {
        uint64_t place;
        uint8_t lane;
        uint64_t seq;
};

struct keys {
        struct row_key *items;
        size_t count, capacity;
        struct arena arena;
        struct outbox *outbox;
        const struct uuid *locality;
        int failed;
};

static void keys_deinit(struct keys *keys)
{
        arena_deinit(&keys->arena);
}

static int add_key(struct keys *keys, const struct outbox_row *row)
{
        if (keys->count == keys->capacity) {
                size_t more = keys->capacity ? keys->capacity * 2 : 64;
                struct row_key *grown = arena_alloc(&keys->arena, more * sizeof(*grown));

                if (!grown)
                        return FAIL(PANNIER_E_MEMORY, "rows that move");
                if (keys->count)
                        memcpy(grown, keys->items, keys->count * sizeof(*grown));
                keys->items = grown;
                keys->capacity = more;
        }
        keys->items[keys->count++] =
                (struct row_key){.place = row->place, .lane = row->lane, .seq = row->seq};
        return 0;
}

static int row_at_place(struct outbox *outbox, uint64_t place, struct outbox_row *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_BY_PLACE];
        int r;

        db_bind_int(stmt, 1, (int64_t)place);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_INTERNAL, "a row that was there is gone");
        outbox_row_read(outbox, stmt, ret);
        r = outbox_row_keep(outbox, ret);
        db_reset(stmt);
        return r;
}

int outbox_seq_of(struct outbox *outbox, uint64_t place, uint64_t *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_BY_PLACE];
        int r;

        db_bind_int(stmt, 1, (int64_t)place);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 4);
        db_reset(stmt);
        return 1;
}

struct moving {
        struct outbox *outbox;
        struct uuid from; /* incarnation that ends; none: rows of several older ones */
        const struct keys *keys;
        const uint64_t *moved; /* beside keys: the new number, 0: not moved yet */
        struct {
                size_t size, count; /* since the lane was signed */
        } unsigned_rows[LANE_COUNT];
        struct buffer header, body;
};

static void moving_deinit(struct moving *moving)
{
        buffer_deinit(&moving->header);
        buffer_wipe(&moving->body);
}

/* What it needs moved as well, or the store has it, or it is gone: then nothing is needed any more. */
static void move_needs(const struct moving *moving, struct entry_header *header)
{
        struct entry_needs *needs = &header->needs;

        if (uuid_is_none(&needs->incarnation))
                return;
        if (uuid_equal(&needs->incarnation, &moving->from))
                for (size_t i = moving->keys->count; i-- > 0;) {
                        const struct row_key *key = &moving->keys->items[i];

                        if (key->lane == needs->lane && key->seq == needs->seq &&
                            moving->moved[i] != 0) {
                                needs->incarnation = moving->outbox->incarnation;
                                needs->seq = moving->moved[i];
                                return;
                        }
                }
        *needs = (struct entry_needs){0};
}

static int write_envelope(struct outbox *outbox, const struct outbox_row *row)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_MOVE];
        uint8_t hash[HASH_SIZE];

        outbox_row_hash(row, hash);
        if (row->damaged) /* moving it does not make it good again */
                hash[0] ^= 0xff;
        db_bind_int(stmt, 1, (int64_t)row->place);
        db_bind_uuid(stmt, 2, &row->incarnation);
        db_bind_int(stmt, 3, (int64_t)row->seq);
        db_bind_blob(stmt, 4, row->header);
        db_bind_blob(stmt, 5, BYTES(row->chain, HASH_SIZE));
        if (row->signature.size)
                db_bind_blob(stmt, 6, row->signature);
        else
                db_bind_null(stmt, 6);
        db_bind_int(stmt, 7, (int64_t)row->state);
        db_bind_blob(stmt, 8, BYTES(hash, HASH_SIZE));
        outbox->written = true;
        return db_run(outbox->db, stmt);
}

/* The new header, and the chain over it; of a damaged row only the place in the lane changes. */
static int make_envelope(struct moving *moving, struct outbox_row *row)
{
        struct outbox *outbox = moving->outbox;
        const struct lane_end *end = &outbox->lanes[row->lane];
        struct entry_header header;
        int r = 0;

        row->incarnation = outbox->incarnation;
        row->seq = end->seq + 1;
        memcpy(row->chain, end->head, HASH_SIZE);
        buffer_wipe(&moving->body);
        if (!row->damaged)
                r = outbox_open_body(outbox, row, &moving->body);
        if (r == PANNIER_E_CORRUPT || r == PANNIER_E_NOT_FOUND) {
                error_clear();
                row->damaged = true;
        } else if (r < 0) {
                return r;
        }
        if (row->damaged)
                return 0;
        r = entry_header_decode(row->header, &header);
        if (r < 0)
                return r;
        move_needs(moving, &header);
        header.incarnation = row->incarnation;
        header.seq = row->seq;
        buffer_reset(&moving->header);
        entry_header_encode(&header, &moving->header);
        row->header = buffer_view(&moving->header);
        if (buffer_check(&moving->header) < 0)
                return buffer_check(&moving->header);
        entry_chain(end->head, row->header, buffer_view(&moving->body), row->chain);
        return 0;
}

static bool is_last_of_lane(const struct keys *keys, size_t index)
{
        for (size_t i = index + 1; i < keys->count; i++)
                if (keys->items[i].lane == keys->items[index].lane)
                        return false;
        return true;
}

/* Hangs a row on the end of its lane, under the present incarnation. */
static int move_row(struct moving *moving, size_t index)
{
        struct outbox *outbox = moving->outbox;
        struct outbox_row row;
        struct lane_end *end;
        int r = row_at_place(outbox, moving->keys->items[index].place, &row);

        if (r == 0)
                r = make_envelope(moving, &row);
        if (r < 0)
                return r;
        end = &outbox->lanes[row.lane];
        end->seq = row.seq;
        memcpy(end->head, row.chain, HASH_SIZE);
        row.signature = BYTES_NONE;
        moving->unsigned_rows[row.lane].size += row.header.size + row.sealed.size;
        if (++moving->unsigned_rows[row.lane].count >= SIGNED_COUNT ||
            moving->unsigned_rows[row.lane].size >= SIGNED_SIZE ||
            is_last_of_lane(moving->keys, index)) {
                r = outbox_sign(outbox, row.lane, row.seq, row.chain, end->signature);
                if (r < 0)
                        return r;
                row.signature = BYTES(end->signature, SIGNATURE_SIZE);
                moving->unsigned_rows[row.lane].size = moving->unsigned_rows[row.lane].count = 0;
        }
        return write_envelope(outbox, &row);
}

static int move_rows(struct outbox *outbox, const struct uuid *from, struct keys *keys)
{
        CLEANUP(moving_deinit) struct moving moving = {.outbox = outbox, .from = *from};
        uint64_t *moved = arena_alloc(&keys->arena, (keys->count + 1) * sizeof(*moved));
        int r = 0;

        if (!moved)
                return FAIL(PANNIER_E_MEMORY, "rows that move");
        memset(moved, 0, (keys->count + 1) * sizeof(*moved));
        moving.keys = keys;
        moving.moved = moved;
        for (size_t i = 0; i < keys->count && r >= 0; i++) {
                r = move_row(&moving, i);
                moved[i] = outbox->lanes[keys->items[i].lane].seq;
        }
        for (uint8_t lane = 0; lane < LANE_COUNT && r >= 0; lane++)
                r = outbox_lane_write(outbox, lane);
        return r;
}

/* ---- a new life ---- */

static int collect_waiting(void *context, const struct outbox_row *row)
{
        struct keys *keys = context;

        if (row->lane >= LANE_COUNT ||
            (row->state != OUTCOME_NONE && !(row->damaged && row->receipt.size == 0)))
                return 0;
        return add_key(keys, row);
}

static int note_life(struct outbox *outbox, int64_t now_ms, const char *why)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_LIFE_PUT];

        db_bind_uuid(stmt, 1, &outbox->incarnation);
        db_bind_int(stmt, 2, now_ms);
        db_bind_text(stmt, 3, bytes_text(why));
        return db_run(outbox->db, stmt);
}

static int draw(struct outbox *outbox, int64_t now_ms, const char *why)
{
        CLEANUP(keys_deinit) struct keys keys = {.outbox = outbox};
        const struct uuid from = outbox->incarnation;
        int r = outbox_each(outbox, 0, 0, collect_waiting, &keys);

        if (r >= 0)
                r = note_life(outbox, now_ms, why);
        if (r < 0)
                return r;
        outbox->options.random(outbox->incarnation.bytes, sizeof(outbox->incarnation.bytes));
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                outbox->lanes[lane] = (struct lane_end){.next = 1, .waits = 1};
        r = outbox_meta_write(outbox, "incarnation",
                              BYTES(outbox->incarnation.bytes, sizeof(outbox->incarnation.bytes)));
        if (r >= 0)
                r = move_rows(outbox, &from, &keys);
        return r < 0 ? r : outbox_count(outbox);
}

int outbox_draw(struct outbox *outbox, int64_t now_ms, const char *why)
{
        const struct uuid before = outbox->incarnation;
        int r = outbox_begin(outbox);

        if (r < 0)
                return r;
        outbox->written = true;
        r = draw(outbox, now_ms, why);
        if (r >= 0)
                r = outbox_commit(outbox);
        else
                outbox_rollback(outbox);
        if (r < 0)
                outbox->incarnation = before;
        return r;
}

int outbox_lives(struct outbox *outbox, uint64_t *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_LIFE_COUNT];
        int r = db_step(outbox->db, stmt);

        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 0;
}

int outbox_rescued(struct outbox *outbox, uint64_t *ret)
{
        CLEANUP(buffer_deinit) struct buffer value = BUFFER_INIT;
        int r = outbox_meta_read(outbox, "rescued", &value);

        *ret = 0;
        return r < 0 ? r : copy_exact(buffer_view(&value), (uint8_t *)ret, sizeof(*ret));
}

int outbox_note_rescued(struct outbox *outbox, uint64_t count)
{
        uint64_t before;
        int r = outbox_rescued(outbox, &before);

        if (r >= 0)
                r = outbox_begin(outbox);
        if (r < 0)
                return r;
        count += before;
        outbox->written = true;
        r = outbox_meta_write(outbox, "rescued", BYTES(&count, sizeof(count)));
        if (r >= 0)
                return outbox_commit(outbox);
        outbox_rollback(outbox);
        return r;
}

/* ---- histories of the store ---- */

int outbox_left_put(struct outbox *outbox, const struct uuid *locality, uint64_t epoch,
                    const struct outbox_left *left)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_LEFT_PUT];

        db_bind_uuid(stmt, 1, locality);
        db_bind_int(stmt, 2, (int64_t)epoch);
        db_bind_int(stmt, 3, (int64_t)left->position);
        db_bind_int(stmt, 4, left->whole);
        outbox->written = true;
        return db_run(outbox->db, stmt);
}

int outbox_left_get(struct outbox *outbox, const struct uuid *locality, uint64_t epoch,
                    struct outbox_left *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_LEFT_GET];
        bool any;
        int r;

        db_bind_uuid(stmt, 1, locality);
        db_bind_int(stmt, 2, (int64_t)epoch);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        any = !db_column_is_null(stmt, 0);
        *ret = (struct outbox_left){(uint64_t)db_column_int(stmt, 0), db_column_int(stmt, 1) != 0};
        db_reset(stmt);
        return any;
}

/* 1 the receipt is of a history that is over, 0 it is not. @ret_gone: and one that got no position goes with the history that has it */
static int look_at_receipt(struct outbox *outbox, const struct uuid *locality,
                           const struct wire_receipt *receipt, bool *ret_gone)
{
        struct outbox_left left;
        int r = outbox_left_get(outbox, locality, receipt->epoch, &left);

        *ret_gone = r > 0 && (receipt->position == 0 || receipt->position > left.position);
        return r;
}

int outbox_receipt_gone(struct outbox *outbox, const struct uuid *locality,
                        const struct wire_receipt *receipt)
{
        bool gone;
        int r = look_at_receipt(outbox, locality, receipt, &gone);

        return r < 0 ? r : gone;
}

/* Is the receipt of a history that is over? 1, 0. @ret_gone: and its position is beyond what the next one shares */
static int is_over(struct outbox *outbox, const struct outbox_row *row, bool *ret_gone)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct entry_header header;
        struct wire_reader reader;
        struct wire_message read;
        int r;

        *ret_gone = false;
        if (entry_header_decode(row->header, &header) < 0) {
                error_clear();
                return 0;
        }
        wire_reader_init(&reader, row->receipt, &arena);
        r = wire_next(&reader, &read);
        if (r <= 0 || read.kind != WIRE_KIND_RECEIPTS || read.receipts.receipts_count != 1)
                return r == PANNIER_E_MEMORY ? r : 0;
        return look_at_receipt(outbox, &header.locality, &read.receipts.receipts[0], ret_gone);
}

static int wait_again(struct outbox *outbox, uint64_t place)
{
        struct outbox_row row;
        enum entry_outcome before;
        int r = row_at_place(outbox, place, &row);

        if (r < 0)
                return r;
        before = row.state;
        row.state = OUTCOME_NONE;
        r = write_envelope(outbox, &row);
        if (r < 0)
                return r;
        outbox->counts.states[before]--;
        outbox->counts.states[OUTCOME_NONE]++;
        return 0;
}

static int collect_settled(void *context, const struct outbox_row *row)
{
        return row->damaged || row->state == OUTCOME_NONE ? 0 : add_key(context, row);
}

int outbox_offer_again(struct outbox *outbox, uint8_t lane, uint64_t first)
{
        CLEANUP(keys_deinit) struct keys keys = {.outbox = outbox};
        int r = outbox_each_of_lane(outbox, lane, first, collect_settled, &keys);

        for (size_t i = 0; i < keys.count && r >= 0; i++) {
                struct outbox_row row;
                bool gone;

                r = row_at_place(outbox, keys.items[i].place, &row);
                if (r >= 0)
                        r = is_over(outbox, &row, &gone);
                if (r == 0)
                        return FAIL(PANNIER_E_REFUSED,
                                    "the store has an entry under another incarnation");
                if (r > 0 && row.sealed.size > 0)
                        r = wait_again(outbox, row.place);
        }
        if (r >= 0 && keys.count > 0)
                r = outbox_count(outbox); /* what waits begins earlier than it did */
        return r < 0 ? r : (int)keys.count;
}

int outbox_offer_gone(struct outbox *outbox)
{
        CLEANUP(keys_deinit) struct keys keys = {.outbox = outbox};
        size_t older = 0, count = 0;
        int r = outbox_each(outbox, 0, 0, collect_settled, &keys);

        for (size_t i = 0; i < keys.count && r >= 0; i++) {
                struct outbox_row row;
                bool gone = false;

                r = row_at_place(outbox, keys.items[i].place, &row);
                if (r >= 0)
                        r = is_over(outbox, &row, &gone);
                if (r <= 0 || !gone || row.sealed.size == 0)
                        continue;
                if (!uuid_equal(&row.incarnation, &outbox->incarnation))
                        keys.items[older++] = keys.items[i];
                r = wait_again(outbox, row.place);
                count++;
        }
        keys.count = older;
        if (r >= 0 && older > 0)
                r = move_rows(outbox, &UUID_NONE, &keys);
        if (r >= 0 && count > 0)
                r = outbox_count(outbox);
        return r < 0 ? r : (int)count;
}

int outbox_word(struct outbox *outbox, uint64_t batch, struct outbox_word *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_BATCH_GET];
        int r;

        db_bind_int(stmt, 1, (int64_t)batch);
        r = db_step(outbox->db, stmt);
        if (r <= 0)
                return r;
        buffer_reset(&outbox->row_bytes);
        buffer_append(&outbox->row_bytes, db_column_bytes(stmt, 2));
        buffer_append(&outbox->row_bytes, db_column_bytes(stmt, 1));
        *ret = (struct outbox_word){.batch = batch, .now_ms = db_column_int(stmt, 0)};
        r = db_column_bytes(stmt, 2).size == SIGNATURE_SIZE ? buffer_check(&outbox->row_bytes)
                                                            : PANNIER_E_CORRUPT;
        db_reset(stmt);
        if (r < 0)
                return r == PANNIER_E_CORRUPT ? 0 : r;
        ret->signature = BYTES(outbox->row_bytes.data, SIGNATURE_SIZE);
        ret->hashes = BYTES(outbox->row_bytes.data + SIGNATURE_SIZE,
                            outbox->row_bytes.size - SIGNATURE_SIZE);
        return 1;
}

/* ---- gaps ---- */

struct holes {
        struct outbox *outbox;
        uint8_t lane;
        uint64_t at; /* number that comes next, if nothing is missing */
        int64_t now_ms;
        struct wire_gap gaps[64];
        size_t count;
};

static void note_hole(struct holes *holes, uint64_t first, uint64_t last)
{
        if (holes->count < sizeof(holes->gaps) / sizeof(holes->gaps[0]))
                holes->gaps[holes->count++] =
                        (struct wire_gap){.lane = holes->lane, .first = first, .last = last};
        else
                holes->gaps[holes->count - 1].last = last; /* a wreck: from there on all of it */
}

/* What can still be delivered waits, or is damaged and says so. What was lost there and forgotten here is a hole as well. */
static int look_for_hole(void *context, const struct outbox_row *row)
{
        struct holes *holes = context;
        bool gone;

        if (row->seq < holes->at)
                return 0;
        if (row->state != OUTCOME_NONE && !row->damaged) {
                int r = is_over(holes->outbox, row, &gone);

                if (r != 0)
                        return r < 0 ? r : 0;
        }
        if (row->seq > holes->at)
                note_hole(holes, holes->at, row->seq - 1);
        holes->at = row->seq + 1;
        return 0;
}

static int write_hole(struct outbox *outbox, const struct wire_gap *gap, int64_t now_ms)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_GAP_PUT];

        db_bind_uuid(stmt, 1, &outbox->incarnation);
        db_bind_int(stmt, 2, gap->lane);
        db_bind_int(stmt, 3, (int64_t)gap->first);
        db_bind_int(stmt, 4, (int64_t)gap->last);
        db_bind_int(stmt, 5, now_ms);
        outbox->written = true;
        return db_run(outbox->db, stmt);
}

static int find_in_lane(struct outbox *outbox, struct holes *holes)
{
        const struct lane_end *end = &outbox->lanes[holes->lane];
        int r = 0;

        holes->at = end->next;
        if (end->next > end->seq)
                return 0;
        r = outbox_each_of_lane(outbox, holes->lane, end->next, look_for_hole, holes);
        if (r >= 0 && holes->at <= end->seq)
                note_hole(holes, holes->at, end->seq);
        return r < 0 ? r : 0;
}

int outbox_find_gaps(struct outbox *outbox, int64_t now_ms)
{
        struct holes holes = {.outbox = outbox, .now_ms = now_ms};
        int r = 0;

        for (holes.lane = 0; holes.lane < LANE_COUNT && r == 0; holes.lane++)
                r = find_in_lane(outbox, &holes);
        if (r < 0 || holes.count == 0)
                return r;
        r = outbox_begin(outbox);
        if (r < 0)
                return r;
        for (size_t i = 0; i < holes.count && r >= 0; i++)
                r = write_hole(outbox, &holes.gaps[i], now_ms);
        if (r >= 0)
                r = outbox_commit(outbox);
        else
                outbox_rollback(outbox);
        return r < 0 ? r : 1;
}

int outbox_gaps(struct outbox *outbox, bool all,
                int (*visit)(void *context, const struct wire_gap *gap, int64_t found_ms),
                void *context)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_GAPS];
        int r;

        db_bind_int(stmt, 1, all);
        while ((r = db_step(outbox->db, stmt)) > 0) {
                const struct wire_gap gap = {
                        .incarnation = db_column_uuid(stmt, 0),
                        .lane = (uint8_t)db_column_int(stmt, 1),
                        .first = (uint64_t)db_column_int(stmt, 2),
                        .last = (uint64_t)db_column_int(stmt, 3),
                        .detail = bytes_text("these entries are no longer in the outbox"),
                };

                r = visit(context, &gap, db_column_int(stmt, 4));
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

int outbox_gaps_declared(struct outbox *outbox)
{
        int r = db_run(outbox->db, outbox->stmts[SQL_GAP_DECLARED]);

        if (r >= 0 && db_changes(outbox->db) > 0)
                outbox->written = true;
        return r;
}
