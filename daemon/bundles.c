#include "daemon/bundles.h"

#include "common/error.h"

#include <string.h>

enum bundles_sql {
        SQL_ADD,
        SQL_FORGET,
        SQL_HANDED,
        SQL_ANSWERED,
        SQL_SECRET,
        SQL_OPEN,
        SQL_WAITING,
        SQL_COUNT_
};

static const char *const bundles_sql[SQL_COUNT_] = {
        [SQL_ADD] = "INSERT INTO bundle (id, made_ms, handed_ms, receiver, entries, place_first, "
                    "place_last, receipts_ms, encapsulated, secret) "
                    "VALUES (?1, ?2, 0, '', 0, ?3, ?4, 0, ?5, ?6)",
        /* in the order in which they were begun, whatever the clock said */
        [SQL_FORGET] = "DELETE FROM bundle WHERE id NOT IN (SELECT id FROM bundle "
                       "ORDER BY place_last DESC, made_ms DESC LIMIT ?1)",
        [SQL_HANDED] = "UPDATE bundle SET handed_ms = ?2, receiver = ?3, entries = ?4 "
                       "WHERE id = ?1",
        [SQL_ANSWERED] = "UPDATE bundle SET receipts_ms = max(receipts_ms, ?2) WHERE id = ?1",
        [SQL_SECRET] = "SELECT encapsulated, secret FROM bundle WHERE id = ?1",
        [SQL_OPEN] = "SELECT id, made_ms, handed_ms, receiver, entries, place_first, place_last, "
                     "receipts_ms FROM bundle WHERE handed_ms <> 0 AND place_last >= ?1 "
                     "ORDER BY place_last DESC, handed_ms DESC",
        [SQL_WAITING] = "SELECT count(*) FROM entry WHERE place BETWEEN ?1 AND ?2 AND state = 0",
};

enum { PURPOSE_SIZE = 6, CONTEXT_SIZE = PURPOSE_SIZE + 16 + 16 };

struct bundles {
        struct bundles_options options;
        sqlite3_stmt *stmts[SQL_COUNT_];
};

int bundles_new(const struct bundles_options *options, struct bundles **ret)
{
        CLEANUP(bundles_freep) struct bundles *bundles = calloc(1, sizeof(*bundles));
        int r;

        if (!bundles)
                return FAIL(PANNIER_E_MEMORY, "bundles");
        bundles->options = *options;
        r = db_prepare_all(options->db, bundles_sql, SQL_COUNT_, bundles->stmts);
        if (r < 0)
                return r;
        *ret = TAKE(bundles);
        return 0;
}

struct bundles *bundles_free(struct bundles *bundles)
{
        free(bundles);
        return NULL;
}

/* ---- writing ---- */

/* Associated data of a secret's seal: another one than a body's and a draft's. */
static void seal_context(const struct bundles *bundles, const struct uuid *id,
                         uint8_t ret[CONTEXT_SIZE])
{
        static const uint8_t purpose[PURPOSE_SIZE] = {'b', 'u', 'n', 'd', 'l', 'e'};

        memcpy(ret, purpose, sizeof(purpose));
        memcpy(ret + sizeof(purpose), bundles->options.device.bytes, 16);
        memcpy(ret + sizeof(purpose) + 16, id->bytes, 16);
}

static int seal(struct bundles *bundles, const struct uuid *id,
                const uint8_t secret[BUNDLE_SECRET_SIZE], struct buffer *out)
{
        uint8_t context[CONTEXT_SIZE], nonce[AEAD_NONCE_SIZE];

        bundles->options.random(nonce, sizeof(nonce));
        buffer_append(out, BYTES(nonce, sizeof(nonce)));
        seal_context(bundles, id, context);
        return crypto_aead_seal(bundles->options.caseload_key, nonce,
                                BYTES(context, sizeof(context)), BYTES(secret, BUNDLE_SECRET_SIZE),
                                out);
}

static int run_all(struct bundles *bundles, sqlite3_stmt *const *stmts, size_t count)
{
        int r = db_begin(bundles->options.db);

        for (size_t i = 0; i < count && r >= 0; i++)
                r = db_run(bundles->options.db, stmts[i]);
        if (r >= 0)
                r = db_commit(bundles->options.db);
        if (r < 0)
                db_rollback(bundles->options.db);
        return r;
}

int bundles_add(struct bundles *bundles, const struct bundle_row *row,
                const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                const uint8_t secret[BUNDLE_SECRET_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer sealed = BUFFER_INIT;
        sqlite3_stmt *const stmts[] = {bundles->stmts[SQL_ADD], bundles->stmts[SQL_FORGET]};
        int r = seal(bundles, &row->id, secret, &sealed);

        if (r < 0)
                return r;
        db_bind_uuid(stmts[0], 1, &row->id);
        db_bind_int(stmts[0], 2, row->made_ms);
        db_bind_int(stmts[0], 3, (int64_t)row->place_first);
        db_bind_int(stmts[0], 4, (int64_t)row->place_last);
        db_bind_blob(stmts[0], 5, BYTES(encapsulated, HPKE_ENCAPSULATED_SIZE));
        db_bind_blob(stmts[0], 6, buffer_view(&sealed));
        db_bind_int(stmts[1], 1, BUNDLES_KEPT_MAX);
        return run_all(bundles, stmts, 2);
}

int bundles_handed(struct bundles *bundles, const struct uuid *id, int64_t now_ms, uint64_t entries,
                   struct bytes receiver)
{
        sqlite3_stmt *const stmt = bundles->stmts[SQL_HANDED];
        int r;

        if (receiver.size > BUNDLE_RECEIVER_MAX || !bytes_is_utf8(receiver))
                return FAIL(PANNIER_E_INVALID, "to whom a bundle went is said in %d bytes of text",
                            BUNDLE_RECEIVER_MAX);
        db_bind_uuid(stmt, 1, id);
        db_bind_int(stmt, 2, now_ms ? now_ms : 1); /* 0 means never */
        db_bind_text(stmt, 3, receiver);
        db_bind_int(stmt, 4, (int64_t)entries);
        r = run_all(bundles, &stmt, 1);
        if (r >= 0 && db_changes(bundles->options.db) == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "this device made no such bundle");
        return r;
}

int bundles_answered(struct bundles *bundles, const struct uuid *id, int64_t store_ms)
{
        sqlite3_stmt *const stmt = bundles->stmts[SQL_ANSWERED];

        db_bind_uuid(stmt, 1, id);
        db_bind_int(stmt, 2, store_ms);
        return run_all(bundles, &stmt, 1);
}

/* ---- reading ---- */

int bundles_secret(struct bundles *bundles, const struct uuid *id,
                   uint8_t ret_encapsulated[HPKE_ENCAPSULATED_SIZE],
                   uint8_t ret_secret[BUNDLE_SECRET_SIZE])
{
        CLEANUP(buffer_wipe) struct buffer clear = BUFFER_INIT;
        sqlite3_stmt *stmt = bundles->stmts[SQL_SECRET];
        struct bytes encapsulated, sealed;
        uint8_t context[CONTEXT_SIZE];
        int r;

        db_bind_uuid(stmt, 1, id);
        r = db_step(bundles->options.db, stmt);
        if (r <= 0)
                return r < 0 ? r
                             : FAIL(PANNIER_E_NOT_FOUND,
                                    "these receipts are of a bundle that this device did not "
                                    "make, or made long ago");
        encapsulated = db_column_bytes(stmt, 0);
        sealed = db_column_bytes(stmt, 1);
        seal_context(bundles, id, context);
        r = encapsulated.size == HPKE_ENCAPSULATED_SIZE && sealed.size > AEAD_NONCE_SIZE
                    ? crypto_aead_open(
                              bundles->options.caseload_key, sealed.data,
                              BYTES(context, sizeof(context)),
                              BYTES(sealed.data + AEAD_NONCE_SIZE, sealed.size - AEAD_NONCE_SIZE),
                              &clear)
                    : PANNIER_E_CRYPTO;
        if (r >= 0 && clear.size == BUNDLE_SECRET_SIZE) {
                memcpy(ret_encapsulated, encapsulated.data, HPKE_ENCAPSULATED_SIZE);
                memcpy(ret_secret, clear.data, BUNDLE_SECRET_SIZE);
        } else if (r >= 0) {
                r = PANNIER_E_CRYPTO;
        }
        db_reset(stmt);
        if (r != PANNIER_E_CRYPTO)
                return r < 0 ? r : 0;
        /* not the replica's damage, and not a reason to open anything again: the entries are sent another time */
        return FAIL(PANNIER_E_NOT_FOUND, "what opens these receipts is damaged on this disk");
}

static void read_row(sqlite3_stmt *stmt, struct bundle_row *ret)
{
        struct bytes receiver = db_column_bytes(stmt, 3);

        *ret = (struct bundle_row){
                .id = db_column_uuid(stmt, 0),
                .made_ms = db_column_int(stmt, 1),
                .handed_ms = db_column_int(stmt, 2),
                .entries = (uint64_t)db_column_int(stmt, 4),
                .place_first = (uint64_t)db_column_int(stmt, 5),
                .place_last = (uint64_t)db_column_int(stmt, 6),
                .receipts_ms = db_column_int(stmt, 7),
        };
        if (receiver.size > BUNDLE_RECEIVER_MAX)
                receiver.size = BUNDLE_RECEIVER_MAX;
        if (receiver.size)
                memcpy(ret->receiver, receiver.data, receiver.size);
}

static int count_waiting(struct bundles *bundles, uint64_t first, struct bundle_row *row)
{
        sqlite3_stmt *stmt = bundles->stmts[SQL_WAITING];
        int r;

        db_bind_int(stmt, 1, (int64_t)(first > row->place_first ? first : row->place_first));
        db_bind_int(stmt, 2, (int64_t)row->place_last);
        r = db_step(bundles->options.db, stmt);
        if (r <= 0)
                return r;
        row->waiting = (uint64_t)db_column_int(stmt, 0);
        db_reset(stmt);
        return 0;
}

int bundles_each(struct bundles *bundles, uint64_t first,
                 int (*visit)(void *context, const struct bundle_row *row), void *context)
{
        sqlite3_stmt *stmt = bundles->stmts[SQL_OPEN];
        struct bundle_row row;
        int r;

        if (first == 0)
                return 0; /* nothing waits at all */
        db_bind_int(stmt, 1, (int64_t)first);
        while ((r = db_step(bundles->options.db, stmt)) > 0) {
                read_row(stmt, &row);
                r = count_waiting(bundles, first, &row);
                if (r >= 0 && row.waiting > 0)
                        r = visit(context, &row);
                if (r != 0)
                        break;
        }
        db_reset(stmt);
        return r;
}

static int take_first(void *context, const struct bundle_row *row)
{
        *(struct bundle_row *)context = *row;
        return 1;
}

int bundles_newest(struct bundles *bundles, uint64_t first, struct bundle_row *ret)
{
        return bundles_each(bundles, first, take_first, ret);
}
