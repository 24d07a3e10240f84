/*
 * A row's hash covers every column (the body through its own hash), so it is made in one place, outbox_row_hash(), from the
 * struct that is bound to the statement, and checked in one place, outbox_row_read(). A row is checked before it is
 * written anew: a new state must not launder a damaged row.
 *
 * The ends of the lanes are kept in memory and written with each commit; a failed commit leaves both as they were.
 */
#include "daemon/outbox_internal.h"

#include "outbox_sql.h"

#define ROW_COLUMNS                                                                                \
        "place, id, incarnation, lane, seq, header, body, request_hash, body_hash, chain, "        \
        "signature, "                                                                              \
        "recorded_ms, state, erased, receipt, batch, row_hash"

static const char *const outbox_sql[SQL_COUNT_] = {
        [SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
        [SQL_META_PUT] = "INSERT INTO meta (name, value) VALUES (?1, ?2) "
                         "ON CONFLICT (name) DO UPDATE SET value = ?2",
        [SQL_LANE_GET] = "SELECT lane, seq, head, signature, next, waits FROM lane",
        [SQL_LANE_PUT] = "INSERT INTO lane (lane, seq, head, signature, next, waits) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (lane) DO UPDATE "
                         "SET seq = ?2, head = ?3, signature = ?4, next = ?5, waits = ?6",
        [SQL_PLACE_MAX] = "SELECT max(place) FROM entry",
        [SQL_INSERT] =
                "INSERT INTO entry (" ROW_COLUMNS ") VALUES "
                "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        [SQL_BY_ID] = "SELECT " ROW_COLUMNS " FROM entry WHERE id = ?1",
        [SQL_EACH] = "SELECT " ROW_COLUMNS " FROM entry WHERE place > ?1 ORDER BY place",
        [SQL_EACH_WAITING] = "SELECT " ROW_COLUMNS " FROM entry WHERE place > ?1 AND state = 0 "
                             "ORDER BY place",
        /* "state <> 0" is there for the planner: the index has only such rows */
        [SQL_EACH_STATE] = "SELECT " ROW_COLUMNS " FROM entry WHERE state = ?2 AND state <> 0 "
                           "AND place > ?1 ORDER BY place",
        [SQL_BY_SEQ] = "SELECT " ROW_COLUMNS " FROM entry WHERE incarnation = ?1 AND lane = ?2 "
                       "AND seq = ?3",
        [SQL_EACH_LANE] = "SELECT " ROW_COLUMNS " FROM entry WHERE incarnation = ?1 AND lane = ?2 "
                          "AND seq >= ?3 ORDER BY seq",
        [SQL_EACH_BATCH] =
                "SELECT " ROW_COLUMNS " FROM entry WHERE batch > ?1 ORDER BY batch, place",
        /* of somebody who was erased here nothing is kept that the store has */
        [SQL_SETTLE] = "UPDATE entry SET state = ?2, receipt = ?3, batch = ?4, row_hash = ?5, "
                       "body = CASE WHEN erased = 1 AND ?2 <> 6 THEN NULL ELSE body END "
                       "WHERE place = ?1",
        [SQL_ERASE] = "UPDATE entry SET body = CASE WHEN ?2 THEN NULL ELSE body END, erased = 1, "
                      "row_hash = ?3 WHERE place = ?1",
        [SQL_COUNT_ALL] = "SELECT count(*) FROM entry",
        [SQL_COUNT_SETTLED] = "SELECT state, count(*) FROM entry WHERE state <> 0 GROUP BY state",
        [SQL_COUNT_WAITING] = "SELECT count(*), min(seq) FROM entry "
                              "WHERE incarnation = ?1 AND lane = ?2 AND seq >= ?3 AND state = 0",
        [SQL_FIRST_WAITING] = "SELECT seq, place, recorded_ms FROM entry WHERE incarnation = ?1 "
                              "AND lane = ?2 AND seq >= ?3 AND state = 0 ORDER BY seq LIMIT 1",
        [SQL_PARKED] = "SELECT id FROM entry WHERE state = 6 AND state <> 0 ORDER BY id",
        [SQL_BATCH_PUT] = "INSERT INTO receipt_batch (number, received_ms, hashes, signature) "
                          "VALUES (?1, ?2, ?3, ?4)",
        [SQL_BATCH_MAX] = "SELECT max(number) FROM receipt_batch",
        [SQL_PRUNE_LIST] = "SELECT " ROW_COLUMNS " FROM entry WHERE state BETWEEN 1 AND 4 "
                           "AND recorded_ms < ?1 ORDER BY place",
        [SQL_PRUNE] = "DELETE FROM entry WHERE place = ?1",
        /* the newest stays: no number is used twice */
        [SQL_PRUNE_BATCH] = "DELETE FROM receipt_batch WHERE number NOT IN "
                            "(SELECT batch FROM entry WHERE batch IS NOT NULL) "
                            "AND number < (SELECT max(number) FROM receipt_batch)",
        [SQL_HEAD_PUT] = "INSERT INTO head (locality, epoch, epoch_id, position, number, hash, "
                         "signature, told_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                         "ON CONFLICT (locality) DO UPDATE SET epoch = ?2, epoch_id = ?3, "
                         "position = ?4, number = ?5, hash = ?6, signature = ?7, told_ms = ?8",
        [SQL_HEADS] = "SELECT locality, epoch, epoch_id, position, number, hash, signature "
                      "FROM head ORDER BY locality",
        [SQL_HEAD_GET] = "SELECT locality, epoch, epoch_id, position, number, hash, signature "
                         "FROM head WHERE locality = ?1",
        [SQL_BY_PLACE] = "SELECT " ROW_COLUMNS " FROM entry WHERE place = ?1",
        [SQL_MOVE] = "UPDATE entry SET incarnation = ?2, seq = ?3, header = ?4, chain = ?5, "
                     "signature = ?6, state = ?7, row_hash = ?8 WHERE place = ?1",
        [SQL_LIFE_PUT] = "INSERT INTO life (incarnation, ended_ms, why) VALUES (?1, ?2, ?3)",
        [SQL_LIFE_COUNT] = "SELECT count(*) FROM life",
        [SQL_LEFT_PUT] = "INSERT INTO epoch_left (locality, epoch, position, whole) "
                         "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (locality, epoch) DO UPDATE "
                         "SET position = min(position, ?3), whole = min(whole, ?4)",
        [SQL_LEFT_GET] = "SELECT min(position), min(whole) FROM epoch_left "
                         "WHERE locality = ?1 AND epoch >= ?2",
        [SQL_BATCH_GET] =
                "SELECT received_ms, hashes, signature FROM receipt_batch WHERE number = ?1",
        [SQL_GAP_PUT] = "INSERT OR IGNORE INTO gap (incarnation, lane, first, last, found_ms, "
                        "declared) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
        [SQL_GAPS] = "SELECT incarnation, lane, first, last, found_ms FROM gap "
                     "WHERE ?1 OR declared = 0 ORDER BY found_ms, incarnation, lane, first",
        [SQL_GAP_DECLARED] = "UPDATE gap SET declared = 1 WHERE declared = 0",
        [SQL_TOLD] = "SELECT max(told_ms) FROM head",
        [SQL_CLOSING_PUT] = "INSERT INTO closing (entry, by, how, at_ms, outcome, note, number) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (entry, by) DO UPDATE "
                            "SET how = ?3, at_ms = ?4, outcome = ?5, note = ?6, number = ?7",
        /* where there are two, the store's word is the later one */
        [SQL_CLOSING_GET] = "SELECT entry, by, how, at_ms, outcome, note, number FROM closing "
                            "WHERE entry = ?1 ORDER BY how DESC LIMIT 1",
        [SQL_CLOSING_EACH] = "SELECT closing.entry, by, how, at_ms, outcome, note, number, "
                             "CASE WHEN state = 5 THEN place ELSE 0 END FROM closing "
                             "LEFT JOIN entry ON entry.id = closing.entry",
        [SQL_CLOSING_MAX] = "SELECT max(number) FROM closing WHERE number IS NOT NULL",
        [SQL_CLOSING_FORGET] = "UPDATE closing SET number = NULL WHERE number IS NOT NULL",
        [SQL_REFUSED_OPEN] = "SELECT count(*) FROM entry WHERE state = 5 AND state <> 0 "
                             "AND NOT EXISTS (SELECT 1 FROM closing WHERE entry = entry.id)",
};

/* ---- rows ---- */

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
        for (int shift = 56; shift >= 0; shift -= 8)
                *at++ = (uint8_t)(value >> shift);
        return at;
}

void outbox_row_hash(const struct outbox_row *row, uint8_t ret[HASH_SIZE])
{
        uint8_t fixed[10 * 8 + 2 * 16], *at = fixed;
        struct bytes parts[] = {
                BYTES(fixed, sizeof(fixed)),
                row->header,
                BYTES(row->body_hash, HASH_SIZE),
                BYTES(row->chain, HASH_SIZE),
                row->signature,
                row->receipt,
                BYTES(row->request_hash, HASH_SIZE),
        };

        at = put_u64(at, row->place);
        at = put_u64(at, row->lane);
        at = put_u64(at, row->seq);
        at = put_u64(at, (uint64_t)row->recorded_ms);
        at = put_u64(at, (uint64_t)row->state);
        at = put_u64(at, row->erased);
        at = put_u64(at, row->batch);
        at = put_u64(at, row->header.size);
        at = put_u64(at, row->signature.size);
        at = put_u64(at, row->receipt.size);
        memcpy(at, row->id.bytes, 16);
        memcpy(at + 16, row->incarnation.bytes, 16);
        crypto_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), ret);
}

static void note_damaged(struct outbox *outbox, uint64_t place)
{
        uint64_t count = outbox->counts.damaged;

        for (size_t i = 0; i < count; i++)
                if (outbox->damaged[i] == place)
                        return;
        if (count < OUTBOX_DAMAGED_MAX)
                outbox->damaged[outbox->counts.damaged++] = place;
}

/* The row under the cursor of @stmt; borrows from it. A row that does not fit its hash is marked, not refused. */
void outbox_row_read(struct outbox *outbox, sqlite3_stmt *stmt, struct outbox_row *row)
{
        struct bytes hash = db_column_bytes(stmt, 16);
        uint8_t expected[HASH_SIZE];
        bool whole;
        int64_t lane = db_column_int(stmt, 3);
        int64_t state = db_column_int(stmt, 12);

        *row = (struct outbox_row){
                .place = (uint64_t)db_column_int(stmt, 0),
                .id = db_column_uuid(stmt, 1),
                .incarnation = db_column_uuid(stmt, 2),
                .lane = (uint8_t)lane,
                .seq = (uint64_t)db_column_int(stmt, 4),
                .header = db_column_bytes(stmt, 5),
                .sealed = db_column_bytes(stmt, 6),
                .signature = db_column_bytes(stmt, 10),
                .recorded_ms = db_column_int(stmt, 11),
                .state = state >= 0 && state <= OUTCOME_PARKED ? (enum entry_outcome)state
                                                               : OUTCOME_NONE,
                .erased = db_column_int(stmt, 13) != 0,
                .receipt = db_column_bytes(stmt, 14),
                .batch = (uint64_t)db_column_int(stmt, 15),
        };
        whole = copy_exact(db_column_bytes(stmt, 7), row->request_hash, HASH_SIZE) &&
                copy_exact(db_column_bytes(stmt, 8), row->body_hash, HASH_SIZE) &&
                copy_exact(db_column_bytes(stmt, 9), row->chain, HASH_SIZE) &&
                (row->signature.size == 0 || row->signature.size == SIGNATURE_SIZE) && lane >= 0 &&
                lane < LANE_COUNT && state == (int64_t)row->state;
        outbox_row_hash(row, expected);
        row->damaged = !whole || !bytes_equal(hash, BYTES(expected, HASH_SIZE));
        if (row->damaged)
                note_damaged(outbox, row->place);
}

static void bind_row(sqlite3_stmt *stmt, const struct outbox_row *row, uint8_t hash[HASH_SIZE])
{
        outbox_row_hash(row, hash);
        db_bind_int(stmt, 1, (int64_t)row->place);
        db_bind_uuid(stmt, 2, &row->id);
        db_bind_uuid(stmt, 3, &row->incarnation);
        db_bind_int(stmt, 4, row->lane);
        db_bind_int(stmt, 5, (int64_t)row->seq);
        db_bind_blob(stmt, 6, row->header);
        db_bind_blob(stmt, 7, row->sealed);
        db_bind_blob(stmt, 8, BYTES(row->request_hash, HASH_SIZE));
        db_bind_blob(stmt, 9, BYTES(row->body_hash, HASH_SIZE));
        db_bind_blob(stmt, 10, BYTES(row->chain, HASH_SIZE));
        if (row->signature.size)
                db_bind_blob(stmt, 11, row->signature);
        else
                db_bind_null(stmt, 11);
        db_bind_int(stmt, 12, row->recorded_ms);
        db_bind_int(stmt, 13, (int64_t)row->state);
        db_bind_int(stmt, 14, row->erased);
        db_bind_null(stmt, 15);
        db_bind_null(stmt, 16);
        db_bind_blob(stmt, 17, BYTES(hash, HASH_SIZE));
}

/* ---- life ---- */

/* A new file gets the device's name and draws its incarnation; an old one must be this device's. */
static int load_identity(struct outbox *outbox)
{
        CLEANUP(buffer_deinit) struct buffer value = BUFFER_INIT;
        int r;

        r = outbox_meta_read(outbox, "device", &value);
        if (r < 0)
                return r;
        if (r == 0) {
                outbox->options.random(outbox->incarnation.bytes, 16);
                r = db_begin(outbox->db);
                if (r >= 0)
                        r = outbox_meta_write(outbox, "incarnation",
                                              BYTES(outbox->incarnation.bytes, 16));
                if (r >= 0)
                        r = outbox_meta_write(outbox, "device",
                                              BYTES(outbox->options.device.bytes, 16));
                if (r >= 0)
                        r = db_commit(outbox->db);
                if (r < 0)
                        db_rollback(outbox->db);
                return r;
        }
        if (!bytes_equal(buffer_view(&value), BYTES(outbox->options.device.bytes, 16)))
                return FAIL(PANNIER_E_INVALID, "the outbox is of another device");
        buffer_reset(&value);
        r = outbox_meta_read(outbox, "incarnation", &value);
        if (r < 0)
                return r;
        if (!copy_exact(buffer_view(&value), outbox->incarnation.bytes, 16))
                return FAIL(PANNIER_E_CORRUPT, "the outbox has no incarnation");
        return 0;
}

static int load_lanes(struct outbox *outbox)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_LANE_GET];
        int r;

        for (size_t i = 0; i < LANE_COUNT; i++)
                outbox->lanes[i].next = outbox->lanes[i].waits = 1;
        while ((r = db_step(outbox->db, stmt)) > 0) {
                int64_t lane = db_column_int(stmt, 0);
                struct lane_end *end;

                if (lane < 0 || lane >= LANE_COUNT)
                        continue;
                end = &outbox->lanes[lane];
                end->seq = (uint64_t)db_column_int(stmt, 1);
                end->next = (uint64_t)db_column_int(stmt, 4);
                end->waits = (uint64_t)db_column_int(stmt, 5);
                if (!copy_exact(db_column_bytes(stmt, 2), end->head, HASH_SIZE) ||
                    !copy_exact(db_column_bytes(stmt, 3), end->signature, SIGNATURE_SIZE)) {
                        db_reset(stmt);
                        return FAIL(PANNIER_E_CORRUPT, "the head of lane %d is damaged", (int)lane);
                }
        }
        return r;
}

static int read_number(struct outbox *outbox, enum outbox_sql sql, uint64_t *ret)
{
        sqlite3_stmt *stmt = outbox->stmts[sql];
        int r = db_step(outbox->db, stmt);

        if (r <= 0)
                return r;
        *ret = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 0;
}

static int count_settled(struct outbox *outbox, uint64_t *ret_sum)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_COUNT_SETTLED];
        int r;

        memset(outbox->counts.states, 0, sizeof(outbox->counts.states));
        *ret_sum = 0;
        while ((r = db_step(outbox->db, stmt)) > 0) {
                int64_t state = db_column_int(stmt, 0);
                uint64_t count = (uint64_t)db_column_int(stmt, 1);

                *ret_sum += count;
                if (state >= 0 && state <= OUTCOME_PARKED)
                        outbox->counts.states[state] += count;
        }
        return r;
}

static int count_waiting(struct outbox *outbox, uint64_t *ret_sum)
{
        sqlite3_stmt *stmt = outbox->stmts[SQL_COUNT_WAITING];

        *ret_sum = 0;
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
                struct lane_end *end = &outbox->lanes[lane];
                int r;

                db_bind_uuid(stmt, 1, &outbox->incarnation);
                db_bind_int(stmt, 2, lane);
                db_bind_int(stmt, 3, (int64_t)end->waits);
                r = db_step(outbox->db, stmt);
                if (r <= 0)
                        return r;
                end->waiting = (uint64_t)db_column_int(stmt, 0);
                if (end->waiting > 0)
                        end->waits = (uint64_t)db_column_int(stmt, 1);
                db_reset(stmt);
                *ret_sum += end->waiting;
        }
        return 0;
}

/* Who is not settled waits. Where the lanes do not find as many, a bound of theirs is wrong: then from the beginning. */
int outbox_count(struct outbox *outbox)
{
        uint64_t all = 0, settled, waiting = 0;
        int r;

        r = read_number(outbox, SQL_COUNT_ALL, &all);
        if (r >= 0)
                r = count_settled(outbox, &settled);
        if (r >= 0)
                r = count_waiting(outbox, &waiting);
        if (r < 0)
                return r;
        outbox->counts.states[OUTCOME_NONE] = all - settled;
        if (waiting == all - settled)
                return 0;
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++)
                outbox->lanes[lane].waits = 1;
        return count_waiting(outbox, &waiting);
}

int outbox_new(const struct outbox_options *options, struct outbox **ret)
{
        CLEANUP(outbox_freep) struct outbox *outbox = calloc(1, sizeof(*outbox));
        int r;

        if (!outbox)
                return FAIL(PANNIER_E_MEMORY, "outbox");
        outbox->options = *options;
        outbox->db = options->db;
        r = db_migrate(outbox->db, outbox_schema, sizeof(outbox_schema) / sizeof(outbox_schema[0]));
        if (r < 0)
                return r;
        r = db_prepare_all(outbox->db, outbox_sql, SQL_COUNT_, outbox->stmts);
        if (r == PANNIER_E_INTERNAL) /* its version is ours, and its tables are not */
                return FAIL(PANNIER_E_CORRUPT, "the names of the outbox's tables are damaged");
        if (r < 0)
                return r;
        r = load_identity(outbox);
        if (r < 0)
                return r;
        r = load_lanes(outbox);
        if (r < 0)
                return r;
        r = outbox_count(outbox);
        if (r >= 0)
                r = read_number(outbox, SQL_PLACE_MAX, &outbox->place);
        if (r >= 0)
                r = read_number(outbox, SQL_BATCH_MAX, &outbox->batch);
        if (r >= 0)
                r = read_number(outbox, SQL_CLOSING_MAX, &outbox->closing);
        if (r < 0)
                return r;
        *ret = TAKE(outbox);
        return 0;
}

struct outbox *outbox_free(struct outbox *outbox)
{
        if (!outbox)
                return NULL;
        buffer_wipe(&outbox->scratch);
        buffer_deinit(&outbox->row_bytes);
        free(outbox);
        return NULL;
}

const struct uuid *outbox_incarnation(const struct outbox *outbox)
{
        return &outbox->incarnation;
}

uint64_t outbox_place(const struct outbox *outbox)
{
        return outbox->place;
}

void outbox_skip_places(struct outbox *outbox, uint64_t place)
{
        if (place > outbox->place)
                outbox->place = place;
}

uint64_t outbox_seq(const struct outbox *outbox, uint8_t lane)
{
        return outbox->lanes[lane].seq;
}

uint64_t outbox_next(const struct outbox *outbox, uint8_t lane)
{
        return outbox->lanes[lane].next;
}

const struct outbox_counts *outbox_counts(const struct outbox *outbox)
{
        return &outbox->counts;
}

void outbox_lane(const struct outbox *outbox, uint8_t lane, struct wire_lane *ret)
{
        ret->seq = outbox->lanes[lane].seq;
        memcpy(ret->head, outbox->lanes[lane].head, HASH_SIZE);
        memcpy(ret->signature, outbox->lanes[lane].signature, SIGNATURE_SIZE);
}

/* ---- transactions ---- */

int outbox_begin(struct outbox *outbox)
{
        int r = db_begin(outbox->db);

        if (r < 0)
                return r;
        memcpy(outbox->lanes_before, outbox->lanes, sizeof(outbox->lanes));
        outbox->counts_before = outbox->counts;
        outbox->batch_before = outbox->batch;
        outbox->closing_before = outbox->closing;
        outbox->written = false;
        return 0;
}

void outbox_rollback(struct outbox *outbox)
{
        db_rollback(outbox->db);
        outbox->head_known = false;
        outbox->batch = outbox->batch_before;
        outbox->closing = outbox->closing_before;
        memcpy(outbox->lanes, outbox->lanes_before, sizeof(outbox->lanes));
        memcpy(outbox->counts.states, outbox->counts_before.states, sizeof(outbox->counts.states));
}

int outbox_commit(struct outbox *outbox)
{
        int r;

        if (!outbox->written) {
                outbox_rollback(outbox);
                return 0;
        }
        r = db_commit(outbox->db);
        if (r < 0)
                outbox_rollback(outbox);
        return r;
}

int outbox_lane_write(struct outbox *outbox, uint8_t lane)
{
        const struct lane_end *end = &outbox->lanes[lane];
        sqlite3_stmt *stmt = outbox->stmts[SQL_LANE_PUT];

        db_bind_int(stmt, 1, lane);
        db_bind_int(stmt, 2, (int64_t)end->seq);
        db_bind_blob(stmt, 3, BYTES(end->head, HASH_SIZE));
        db_bind_blob(stmt, 4, BYTES(end->signature, SIGNATURE_SIZE));
        db_bind_int(stmt, 5, (int64_t)end->next);
        db_bind_int(stmt, 6, (int64_t)end->waits);
        outbox->written = true;
        return db_run(outbox->db, stmt);
}

/* ---- recording ---- */

/* The second copy's seal is bound to device and entry: a body cannot be put under another header. */
void outbox_seal_context(const struct outbox *outbox, const struct uuid *id, uint8_t ret[32])
{
        memcpy(ret, outbox->options.device.bytes, 16);
        memcpy(ret + 16, id->bytes, 16);
}

void outbox_header(const struct outbox *outbox, const struct outbox_item *item, uint64_t seq,
                   struct entry_header *ret)
{
        *ret = (struct entry_header){
                .device = outbox->options.device,
                .incarnation = outbox->incarnation,
                .lane = item->lane,
                .seq = seq,
                .id = item->id,
                .locality = item->locality,
                .needs = item->needs,
                .seal_key = SEAL_KEY_NONE,
        };
}

static int seal(struct outbox *outbox, const struct uuid *id, struct bytes body, struct buffer *out)
{
        uint8_t context[32], nonce[AEAD_NONCE_SIZE];

        buffer_reset(out);
        /* not where it lies in @out: that moves while the sealed bytes are appended */
        outbox->options.random(nonce, sizeof(nonce));
        buffer_append(out, BYTES(nonce, sizeof(nonce)));
        outbox_seal_context(outbox, id, context);
        return crypto_aead_seal(outbox->options.caseload_key, nonce,
                                BYTES(context, sizeof(context)), body, out);
}

int outbox_sign(struct outbox *outbox, uint8_t lane, uint64_t seq, const uint8_t head[HASH_SIZE],
                uint8_t ret[SIGNATURE_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        int r;

        entry_head_message(&outbox->options.device, &outbox->incarnation, lane, seq, head,
                           &message);
        r = buffer_check(&message);
        if (r < 0)
                return r;
        return private_key_sign(outbox->options.key, buffer_view(&message), ret);
}

static bool last_of_lane(const struct outbox_item *items, size_t count, size_t index)
{
        for (size_t i = index + 1; i < count; i++)
                if (items[i].lane == items[index].lane)
                        return false;
        return true;
}

static int append_one(struct outbox *outbox, struct outbox_item *item, bool sign, size_t *left)
{
        CLEANUP(buffer_deinit) struct buffer header = BUFFER_INIT;
        struct lane_end *end = &outbox->lanes[item->lane];
        uint8_t hash[HASH_SIZE];
        struct entry_header fields;
        struct outbox_row row = {
                .id = item->id,
                .place = outbox->place + 1,
                .incarnation = outbox->incarnation,
                .lane = item->lane,
                .seq = end->seq + 1,
                .recorded_ms = item->recorded_ms,
        };
        int r;

        outbox_header(outbox, item, row.seq, &fields);
        entry_header_encode(&fields, &header);
        r = buffer_check(&header);
        if (r < 0)
                return r;
        if (header.size + item->body.size > *left)
                return FAIL(PANNIER_E_LIMIT, "the entries are larger than %d bytes together",
                            COMMIT_SIZE_MAX);
        *left -= header.size + item->body.size;
        row.header = buffer_view(&header);
        memcpy(row.request_hash, item->request_hash, HASH_SIZE);
        entry_body_hash(item->body, row.body_hash);
        entry_chain(end->head, row.header, item->body, row.chain);
        memcpy(end->head, row.chain, HASH_SIZE);
        end->seq = row.seq;
        if (sign) {
                r = outbox_sign(outbox, row.lane, row.seq, row.chain, end->signature);
                if (r < 0)
                        return r;
                row.signature = BYTES(end->signature, SIGNATURE_SIZE);
        }
        r = seal(outbox, &item->id, item->body, &outbox->scratch);
        if (r < 0)
                return r;
        row.sealed = buffer_view(&outbox->scratch);
        bind_row(outbox->stmts[SQL_INSERT], &row, hash);
        r = db_run(outbox->db, outbox->stmts[SQL_INSERT]);
        if (r == PANNIER_E_TAKEN)
                return FAIL(PANNIER_E_TAKEN, "the entry's id is in the outbox already");
        if (r < 0)
                return r;
        if (end->waiting++ == 0)
                end->waits = row.seq;
        outbox->place = item->place = row.place;
        item->seq = row.seq;
        outbox->counts.states[OUTCOME_NONE]++;
        return sign ? outbox_lane_write(outbox, item->lane) : 0;
}

int outbox_append(struct outbox *outbox, struct outbox_item *items, size_t count)
{
        uint64_t place = outbox->place;
        size_t left = COMMIT_SIZE_MAX;
        int r;

        r = outbox_begin(outbox);
        if (r < 0)
                return r;
        for (size_t i = 0; i < count && r >= 0; i++)
                r = append_one(outbox, &items[i], last_of_lane(items, count, i), &left);
        for (size_t i = 0; i < count && r >= 0; i++)
                r = outbox_closing_fixed(outbox, &items[i]);
        outbox->written = true;
        if (r >= 0)
                r = outbox_commit(outbox);
        else
                outbox_rollback(outbox);
        if (r < 0)
                outbox->place = place;
        return r;
}
