#include "daemon/engine_attachment.h"

#include "daemon/session_internal.h"

int engine_attachment_entry(struct engine *engine, const struct uuid *id,
                            enum entry_outcome *ret_state)
{
        struct outbox_row row;
        int r = outbox_get(engine->outbox, id, &row);

        if (r > 0)
                *ret_state = row.state;
        return r;
}

int engine_attachment_named(struct engine *engine, const struct uuid *id, struct attachment *ret)
{
        struct entry_header header;
        struct entry_body body;
        struct outbox_row row;
        int r = outbox_get(engine->outbox, id, &row);

        if (r <= 0 || row.damaged || !row.sealed.size)
                return r < 0 ? r : 0;
        arena_reset(&engine->arena);
        r = engine_open_body(engine, &row, &engine->arena, &header, &body);
        r = r < 0 ? r : attachment_of_entry(&body, ret);
        if (r < 0 && r != PANNIER_E_MEMORY && r != PANNIER_E_STORAGE) {
                error_clear();
                return 0;
        }
        return r;
}

bool engine_waits(const struct engine *engine)
{
        return outbox_counts(engine->outbox)->states[OUTCOME_NONE] > 0;
}

bool engine_quiet(const struct engine *engine)
{
        return engine->session.state == SESSION_IDLE && !engine_waits(engine);
}

static int read_one(struct engine *engine, struct bytes body, enum wire_kind kind,
                    struct wire_message *ret)
{
        struct wire_reader reader;
        int r;

        arena_reset(&engine->arena);
        wire_reader_init(&reader, body, &engine->arena);
        r = wire_next(&reader, ret);
        if (r < 0)
                return r;
        return r > 0 && ret->kind == kind
                       ? 0
                       : FAIL(PANNIER_E_MALFORMED, "the answer is not what was asked for");
}

static int check_signature(struct engine *engine, const struct wire_attachment *attachment)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        int r = session_load_trust(engine);

        attachment_message(&engine->options.device, attachment, &message);
        r = r < 0 ? r : buffer_check(&message);
        if (r < 0)
                return r;
        if (!engine->session.signing_key)
                return FAIL(PANNIER_E_CRYPTO, "the store has not said which key it signs with");
        return public_key_verify(engine->session.signing_key, buffer_view(&message),
                                 attachment->signature);
}

int engine_attachment_answer(struct engine *engine, const struct uuid *entry,
                             const struct attachment *mine, struct bytes body, uint32_t *ret_next)
{
        struct wire_message message;
        const struct wire_attachment *told = &message.attachment;
        int r = read_one(engine, body, WIRE_KIND_ATTACHMENT, &message);

        if (r < 0)
                return r;
        if (!uuid_equal(&told->entry, entry) || told->size != mine->size ||
            memcmp(told->hash, mine->hash, HASH_SIZE) != 0)
                return FAIL(PANNIER_E_MALFORMED, "the answer is about other bytes");
        if (told->next < attachment_chunk_count(mine->size)) {
                *ret_next = told->next;
                return 0;
        }
        r = check_signature(engine, told);
        return r < 0 ? r : 1;
}

int engine_attachment_wanted(struct engine *engine, struct bytes body,
                             struct uuid ret[WIRE_WANTED_MAX], size_t *ret_count)
{
        struct wire_message message;
        int r = read_one(engine, body, WIRE_KIND_WANTED, &message);

        if (r < 0)
                return r;
        *ret_count = message.wanted.records_count;
        for (size_t i = 0; i < *ret_count; i++)
                ret[i] = message.wanted.records[i];
        return 0;
}

int engine_attachment_record(struct engine *engine, const struct uuid *record,
                             struct attachment *ret)
{
        struct record found;
        int r;

        arena_reset(&engine->arena);
        r = replica_find(engine->replica, record, &engine->arena, &found);
        if (r > 0)
                r = attachment_of_record(&found, ret);
        if (r == PANNIER_E_INVALID) {
                error_clear();
                return 0;
        }
        return r;
}

int engine_attachment_keep(struct engine *engine, const struct uuid *record,
                           const uint8_t key[AEAD_KEY_SIZE])
{
        struct attachment attachment;
        int r = engine_begin(engine);

        if (r < 0)
                return r;
        r = engine_attachment_record(engine, record, &attachment);
        if (r > 0)
                r = replica_kept_put(engine->replica, record, key) < 0 ? PANNIER_E_STORAGE : 1;
        if (r <= 0) {
                engine_rollback(engine);
                return r;
        }
        r = engine_commit(engine);
        return r < 0 ? r : 1;
}

int engine_attachment_key(struct engine *engine, const struct uuid *record,
                          uint8_t ret[AEAD_KEY_SIZE])
{
        return replica_kept_get(engine->replica, record, ret);
}
