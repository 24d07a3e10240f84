#include "daemon/drafts.h"

#include "common/cbor.h"
#include "common/error.h"

#include <string.h>

enum drafts_sql { SQL_PUT, SQL_GET, SQL_LIST, SQL_DELETE, SQL_COUNT, SQL_COUNT_ };

static const char *const drafts_sql[SQL_COUNT_] = {
        [SQL_PUT] = ("INSERT INTO draft (id, saved_ms, body) VALUES (?1, ?2, ?3) "
                     "ON CONFLICT (id) DO UPDATE SET saved_ms = ?2, body = ?3"),
        [SQL_GET] = "SELECT id, saved_ms, body FROM draft WHERE id = ?1",
        [SQL_LIST] = "SELECT id, saved_ms, body FROM draft ORDER BY id",
        [SQL_DELETE] = "DELETE FROM draft WHERE id = ?1",
        [SQL_COUNT] = "SELECT count(*), coalesce(sum(saved_ms < ?1), 0) FROM draft",
};

static const int64_t old_after_ms = INT64_C(24) * 60 * 60 * 1000;

struct drafts {
        struct drafts_options options;
        sqlite3_stmt *stmts[SQL_COUNT_];
        struct buffer clear, sealed;
};

struct opened {
        struct uuid staff;
        struct engine_draft draft;
};

int drafts_new(const struct drafts_options *options, struct drafts **ret)
{
        CLEANUP(drafts_freep) struct drafts *drafts = calloc(1, sizeof(*drafts));
        int r;

        if (!drafts)
                return FAIL(PANNIER_E_MEMORY, "drafts");
        drafts->options = *options;
        r = db_prepare_all(options->db, drafts_sql, SQL_COUNT_, drafts->stmts);
        if (r < 0)
                return r;
        *ret = TAKE(drafts);
        return 0;
}

struct drafts *drafts_free(struct drafts *drafts)
{
        if (!drafts)
                return NULL;
        buffer_wipe(&drafts->clear);
        buffer_deinit(&drafts->sealed);
        free(drafts);
        return NULL;
}

static void seal_context(const struct drafts *drafts, const struct uuid *id, uint8_t ret[32])
{
        memcpy(ret, drafts->options.device.bytes, 16);
        memcpy(ret + 16, id->bytes, 16);
}

static int seal(struct drafts *drafts, const struct uuid *staff, const struct engine_draft *draft)
{
        struct buffer *clear = &drafts->clear, *out = &drafts->sealed;
        uint8_t context[32], nonce[AEAD_NONCE_SIZE];

        buffer_reset(clear);
        buffer_reset(out);
        cbor_put_array(clear, 4);
        cbor_put_uuid(clear, staff);
        cbor_put_uuid(clear, &draft->person);
        cbor_put_uint(clear, draft->type ? draft->type->number : 0);
        cbor_put_bytes(clear, draft->content);
        if (buffer_check(clear) < 0)
                return buffer_check(clear);
        /* not where it lies in @out: that moves while the sealed bytes are appended */
        drafts->options.random(nonce, sizeof(nonce));
        buffer_append(out, BYTES(nonce, sizeof(nonce)));
        seal_context(drafts, &draft->id, context);
        return crypto_aead_seal(drafts->options.caseload_key, nonce,
                                BYTES(context, sizeof(context)), buffer_view(clear), out);
}

static int read_clear(struct drafts *drafts, struct opened *ret)
{
        struct cbor_reader reader;
        uint64_t count, type;
        int r;

        cbor_reader_init(&reader, buffer_view(&drafts->clear));
        r = cbor_read_array(&reader, 4, &count);
        if (r >= 0)
                r = cbor_read_uuid(&reader, &ret->staff);
        if (r >= 0)
                r = cbor_read_uuid_or_none(&reader, &ret->draft.person);
        if (r >= 0)
                r = cbor_read_uint(&reader, TYPE_NUMBER_MAX, &type);
        if (r >= 0)
                r = cbor_read_bytes(&reader, ENGINE_DRAFT_MAX, &ret->draft.content);
        if (r < 0)
                return FAIL(PANNIER_E_CORRUPT, "a draft cannot be read");
        ret->draft.type = catalogue_type_by_number(type);
        return 0;
}

/* The row under the cursor, opened; its content borrows from drafts->clear. */
static int open_row(struct drafts *drafts, sqlite3_stmt *stmt, int64_t now_ms, struct opened *ret)
{
        struct bytes sealed = db_column_bytes(stmt, 2);
        uint8_t context[32];
        int r;

        *ret = (struct opened){
                .draft = {.id = db_column_uuid(stmt, 0), .saved_ms = db_column_int(stmt, 1)}};
        ret->draft.old = ret->draft.saved_ms < now_ms - old_after_ms;
        if (sealed.size < AEAD_NONCE_SIZE)
                return FAIL(PANNIER_E_CORRUPT, "a draft is too short for its seal");
        seal_context(drafts, &ret->draft.id, context);
        buffer_reset(&drafts->clear);
        r = crypto_aead_open(drafts->options.caseload_key, sealed.data,
                             BYTES(context, sizeof(context)),
                             BYTES(sealed.data + AEAD_NONCE_SIZE, sealed.size - AEAD_NONCE_SIZE),
                             &drafts->clear);
        if (r < 0)
                return FAIL(PANNIER_E_CORRUPT, "a draft does not fit its seal");
        return read_clear(drafts, ret);
}

/* 1 found and opened, 0 there is none of this id, or it is somebody else's (@ret_other) */
static int find(struct drafts *drafts, const struct uuid *staff, int64_t now_ms,
                const struct uuid *id, struct opened *ret, bool *ret_other)
{
        sqlite3_stmt *stmt = drafts->stmts[SQL_GET];
        int r;

        *ret_other = false;
        db_bind_uuid(stmt, 1, id);
        r = db_step(drafts->options.db, stmt);
        if (r <= 0)
                return r;
        r = open_row(drafts, stmt, now_ms, ret);
        db_reset(stmt);
        if (r < 0)
                return r;
        *ret_other = !uuid_equal(&ret->staff, staff);
        return !*ret_other;
}

static int write(struct drafts *drafts, sqlite3_stmt *stmt)
{
        int r = db_begin(drafts->options.db);

        if (r >= 0)
                r = db_run(drafts->options.db, stmt);
        if (r >= 0)
                r = db_commit(drafts->options.db);
        if (r < 0)
                db_rollback(drafts->options.db);
        return r;
}

int drafts_put(struct drafts *drafts, const struct uuid *staff, const struct engine_draft *draft)
{
        sqlite3_stmt *stmt = drafts->stmts[SQL_PUT];
        struct opened before;
        bool other;
        int r;

        if (draft->content.size > ENGINE_DRAFT_MAX)
                return FAIL(PANNIER_E_LIMIT, "a draft has at most %d bytes", ENGINE_DRAFT_MAX);
        r = find(drafts, staff, 0, &draft->id, &before, &other);
        /* one that can no longer be read is replaced by its owner's next save, whoever that is */
        if (r < 0 && r != PANNIER_E_CORRUPT)
                return r;
        if (other)
                return FAIL(PANNIER_E_TAKEN, "the draft's id is in use");
        r = seal(drafts, staff, draft);
        if (r < 0)
                return r;
        db_bind_uuid(stmt, 1, &draft->id);
        db_bind_int(stmt, 2, draft->saved_ms);
        db_bind_blob(stmt, 3, buffer_view(&drafts->sealed));
        return write(drafts, stmt);
}

int drafts_get(struct drafts *drafts, const struct uuid *staff, int64_t now_ms,
               const struct uuid *id, int (*visit)(void *context, const struct engine_draft *draft),
               void *context)
{
        struct opened opened;
        bool other;
        int r;

        r = find(drafts, staff, now_ms, id, &opened, &other);
        if (r < 0)
                return r;
        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no such draft");
        return visit(context, &opened.draft);
}

int drafts_list(struct drafts *drafts, const struct uuid *staff, int64_t now_ms,
                int (*visit)(void *context, const struct engine_draft *draft), void *context)
{
        sqlite3_stmt *stmt = drafts->stmts[SQL_LIST];
        int r;

        while ((r = db_step(drafts->options.db, stmt)) > 0) {
                struct opened opened;

                r = open_row(drafts, stmt, now_ms, &opened);
                if (r == PANNIER_E_CORRUPT)
                        continue; /* doctor tells; it must not hide the others */
                if (r >= 0 && uuid_equal(&opened.staff, staff))
                        r = visit(context, &opened.draft);
                if (r != 0) {
                        db_reset(stmt);
                        return r;
                }
        }
        return r;
}

int drafts_delete(struct drafts *drafts, const struct uuid *staff, const struct uuid *id)
{
        sqlite3_stmt *stmt = drafts->stmts[SQL_DELETE];
        struct opened opened;
        bool other;
        int r;

        r = find(drafts, staff, 0, id, &opened, &other);
        if (r < 0)
                return r;
        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no such draft");
        db_bind_uuid(stmt, 1, id);
        return write(drafts, stmt);
}

int drafts_count(struct drafts *drafts, int64_t now_ms, uint64_t *ret_count, uint64_t *ret_old)
{
        sqlite3_stmt *stmt = drafts->stmts[SQL_COUNT];
        int r;

        db_bind_int(stmt, 1, now_ms - old_after_ms);
        r = db_step(drafts->options.db, stmt);
        if (r <= 0)
                return r;
        *ret_count = (uint64_t)db_column_int(stmt, 0);
        *ret_old = (uint64_t)db_column_int(stmt, 1);
        db_reset(stmt);
        return 0;
}
