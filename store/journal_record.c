#include "store/journal_record.h"

#include "common/error.h"

#include <string.h>

static void begin(enum journal_kind kind, size_t count, struct buffer *out)
{
        cbor_put_array(out, count + 1);
        cbor_put_uint(out, (uint64_t)kind);
}

/* ---- writing ---- */

void journal_put_epoch(const struct uuid *locality, const struct epoch_row *row, uint64_t left,
                       struct buffer *out)
{
        begin(JOURNAL_EPOCH, 5, out);
        cbor_put_uuid(out, locality);
        cbor_put_uint(out, row->epoch);
        cbor_put_uuid(out, &row->id);
        cbor_put_int(out, row->began_ms);
        cbor_put_uint(out, left);
}

void journal_put_device(const struct device_row *row, struct buffer *out)
{
        begin(JOURNAL_DEVICE, 11, out);
        cbor_put_uuid(out, &row->id);
        cbor_put_uuid(out, &row->locality);
        cbor_put_text(out, bytes_text(row->name));
        cbor_put_uint(out, (uint64_t)row->state);
        cbor_put_uint(out, (uint64_t)row->ceiling);
        cbor_put_bytes(out, BYTES(row->public_key, sizeof(row->public_key)));
        cbor_put_bytes(out, BYTES(row->certificate, sizeof(row->certificate)));
        cbor_put_int(out, row->not_after_ms);
        cbor_put_int(out, row->created_ms);
        cbor_put_int(out, row->enrolled_ms);
        cbor_put_int(out, row->lost_ms);
}

void journal_put_grant(enum journal_kind kind, const struct uuid *device, const struct scope *scope,
                       struct buffer *out)
{
        begin(kind, 3, out);
        cbor_put_uuid(out, device);
        cbor_put_uint(out, (uint64_t)scope->kind);
        cbor_put_uuid(out, &scope->id);
}

void journal_put_code(const uint8_t hash[HASH_SIZE], const struct uuid *device, int64_t expires_ms,
                      struct buffer *out)
{
        begin(JOURNAL_CODE, 3, out);
        cbor_put_bytes(out, BYTES(hash, HASH_SIZE));
        cbor_put_uuid(out, device);
        cbor_put_int(out, expires_ms);
}

void journal_put_code_used(const uint8_t hash[HASH_SIZE], const uint8_t key[PUBLIC_KEY_SIZE],
                           struct buffer *out)
{
        begin(JOURNAL_CODE_USED, 2, out);
        cbor_put_bytes(out, BYTES(hash, HASH_SIZE));
        cbor_put_bytes(out, BYTES(key, PUBLIC_KEY_SIZE));
}

void journal_put_burnt(const struct uuid *device, struct buffer *out)
{
        begin(JOURNAL_CODES_BURNT, 1, out);
        cbor_put_uuid(out, device);
}

void journal_put_word(enum journal_kind kind, const struct uuid *locality,
                      const struct catalogue_type *type, struct bytes word,
                      const struct uuid *record, struct buffer *out)
{
        begin(kind, 4, out);
        cbor_put_uuid(out, locality);
        cbor_put_uint(out, type->number);
        cbor_put_bytes(out, word);
        cbor_put_uuid(out, record);
}

/* A change is written as the body of an entry that creates the record with these values. */
void journal_put_change(const struct judge_change *change, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        const struct entry_header header = {.id = change->entry, .locality = *change->locality};
        const struct entry_body body = {
                .type = change->type->number,
                .record = change->record,
                .person = change->person,
                .operation = ENTRY_CREATE,
                .base_locality = *change->locality,
                .author = change->author,
                .recorded_ms = change->recorded_ms,
                .changes = (struct entry_change *)(uintptr_t)change->changes,
                .change_count = change->change_count,
                .reason = change->reason,
        };

        entry_body_encode(&body, &header, &clear);
        if (buffer_check(&clear) < 0)
                out->failed = true;
        begin(JOURNAL_CHANGE, 4, out);
        cbor_put_uuid(out, change->locality);
        cbor_put_uuid(out, &change->entry);
        cbor_put_bool(out, change->keep_staff);
        cbor_put_bytes(out, buffer_view(&clear));
}

void journal_put_move(const struct judge_move *move, struct buffer *out)
{
        begin(JOURNAL_MOVE, 5, out);
        cbor_put_uuid(out, &move->person);
        cbor_put_uuid(out, move->to);
        cbor_put_uuid(out, &move->entry);
        cbor_put_text(out, move->reason);
        cbor_put_array(out, 2 * move->join_count);
        for (size_t i = 0; i < move->join_count; i++) {
                cbor_put_uint(out, (uint64_t)move->joins[i].kind);
                cbor_put_uuid(out, &move->joins[i].id);
        }
}

void journal_put_answer(const struct judge_answer *answer, const struct log_row *refused,
                        struct buffer *out)
{
        begin(JOURNAL_ANSWER, 10, out);
        cbor_put_uuid(out, answer->locality);
        cbor_put_uint(out, (uint64_t)answer->how);
        cbor_put_text(out, answer->who);
        cbor_put_text(out, answer->why);
        cbor_put_uuid(out, &refused->device);
        cbor_put_int(out, refused->received_ms);
        cbor_put_int(out, refused->clock_offset_ms);
        cbor_put_uint(out, refused->reason);
        cbor_put_bytes(out, refused->header);
        cbor_put_bytes(out, refused->body);
}

/* ---- playing ---- */

struct playing {
        struct storage *storage;
        struct judge *judge;
        struct cbor_reader reader;
        struct arena arena;
        int r; /* of the first read that failed */
};

static uint64_t number(struct playing *playing)
{
        uint64_t value = 0;

        if (playing->r == 0)
                playing->r = cbor_read_uint(&playing->reader, INT64_MAX, &value);
        return value;
}

static int64_t time_of(struct playing *playing)
{
        int64_t value = 0;

        if (playing->r == 0)
                playing->r = cbor_read_int(&playing->reader, &value);
        return value;
}

static struct uuid id_of(struct playing *playing)
{
        struct uuid id = UUID_NONE;

        if (playing->r == 0)
                playing->r = cbor_read_uuid_or_none(&playing->reader, &id);
        return id;
}

static void fixed(struct playing *playing, uint8_t *ret, size_t size)
{
        struct bytes bytes;

        if (playing->r == 0)
                playing->r = cbor_read_bytes(&playing->reader, size, &bytes);
        if (playing->r == 0 && bytes.size != size)
                playing->r = PANNIER_E_MALFORMED;
        if (playing->r == 0)
                memcpy(ret, bytes.data, size);
}

static int play_epoch(struct playing *playing)
{
        struct uuid locality = id_of(playing);
        struct epoch_row row = {.ended = true};
        const struct storage_locality *state;
        uint64_t left;

        row.epoch = number(playing);
        row.id = id_of(playing);
        row.began_ms = time_of(playing);
        left = number(playing);
        state = playing->storage->ops->locality(playing->storage, &locality);
        if (playing->r < 0 || !state)
                return playing->r < 0 ? playing->r : 0;
        /* It began in the history that is lost: that it was there is noted, and where it branched off from this one. */
        row.left = left < state->position - 1 ? left : state->position - 1;
        return playing->storage->ops->epoch_note(playing->storage, &locality, &row);
}

/* @count: elements of the action; older journals lack the last one */
static int play_device(struct playing *playing, uint64_t count)
{
        struct device_row row = {.id = id_of(playing)}, now;
        struct bytes name = BYTES_NONE;
        int r;

        row.locality = id_of(playing);
        if (playing->r == 0)
                playing->r = cbor_read_text(&playing->reader, sizeof(row.name) - 1, &name);
        if (playing->r == 0 && name.size > 0)
                memcpy(row.name, name.data, name.size);
        row.state = (enum wire_device_state)number(playing);
        row.ceiling = (enum catalogue_class)number(playing);
        fixed(playing, row.public_key, sizeof(row.public_key));
        fixed(playing, row.certificate, sizeof(row.certificate));
        row.not_after_ms = time_of(playing);
        row.created_ms = time_of(playing);
        row.enrolled_ms = time_of(playing);
        row.lost_ms = count > 11 ? time_of(playing) : 0;
        if (playing->r < 0)
                return playing->r;
        r = playing->storage->ops->device_get(playing->storage, &row.id, &now);
        if (r > 0)
                row.seen_ms = now.seen_ms;
        return r < 0 ? r : playing->storage->ops->device_put(playing->storage, &row);
}

static int play_grant(struct playing *playing, enum journal_kind kind)
{
        const struct storage_ops *ops = playing->storage->ops;
        struct uuid device = id_of(playing);
        struct scope scope;

        scope.kind = (enum scope_kind)number(playing);
        scope.id = id_of(playing);
        if (playing->r < 0)
                return playing->r;
        return kind == JOURNAL_GRANT ? ops->grant_put(playing->storage, &device, &scope)
                                     : ops->grant_remove(playing->storage, &device, &scope);
}

static int play_code(struct playing *playing)
{
        uint8_t hash[HASH_SIZE];
        struct uuid device;
        int64_t expires_ms;

        fixed(playing, hash, sizeof(hash));
        device = id_of(playing);
        expires_ms = time_of(playing);
        return playing->r < 0 ? playing->r
                              : playing->storage->ops->code_put(playing->storage, hash, &device,
                                                                expires_ms);
}

static int play_code_used(struct playing *playing)
{
        uint8_t hash[HASH_SIZE], key[PUBLIC_KEY_SIZE];

        fixed(playing, hash, sizeof(hash));
        fixed(playing, key, sizeof(key));
        return playing->r < 0 ? playing->r
                              : playing->storage->ops->code_use(playing->storage, hash, key);
}

static int play_word(struct playing *playing, enum journal_kind kind)
{
        const struct storage_ops *ops = playing->storage->ops;
        struct uuid locality = id_of(playing), record;
        const struct catalogue_type *type = catalogue_type_by_number(number(playing));
        struct bytes word = BYTES_NONE;

        if (playing->r == 0)
                playing->r = cbor_read_bytes(&playing->reader, JOURNAL_RECORD_MAX, &word);
        record = id_of(playing);
        if (playing->r < 0 || !type)
                return playing->r;
        return kind == JOURNAL_KEY
                       ? ops->load_key_put(playing->storage, &locality, type, word, &record)
                       : ops->load_word_put(playing->storage, &locality, type, word, &record);
}

static int play_change(struct playing *playing)
{
        struct uuid locality = id_of(playing);
        struct entry_header header = {.id = id_of(playing), .locality = locality};
        struct judge_change change = {.locality = &locality, .entry = header.id};
        struct bytes clear = BYTES_NONE;
        struct entry_body body;
        int r;

        if (playing->r == 0)
                playing->r = cbor_read_bool(&playing->reader, &change.keep_staff);
        if (playing->r == 0)
                playing->r = cbor_read_bytes(&playing->reader, JOURNAL_RECORD_MAX, &clear);
        if (playing->r == 0)
                playing->r = entry_body_decode(clear, &header, &playing->arena, &body);
        if (playing->r < 0)
                return playing->r;
        change.type = catalogue_type_by_number(body.type);
        change.record = body.record;
        change.person = body.person;
        change.changes = body.changes;
        change.change_count = body.change_count;
        change.reason = body.reason;
        change.author = body.author;
        change.recorded_ms = body.recorded_ms;
        if (!change.type)
                return FAIL(PANNIER_E_TOO_NEW, "the journal names a type of a newer catalogue");
        r = judge_put(playing->judge, &change);
        return r < 0 ? r : 0;
}

/*
 * Somebody whom this database does not have was met on a device after the backup. Devices bring them back into the locality that
 * they left, and the move is to be made again.
 */
static int play_move(struct playing *playing)
{
        struct judge_move move = {.person = id_of(playing)};
        struct scope joins[JUDGE_JOINS_MAX];
        struct uuid to = id_of(playing);
        struct judge_moved moved;
        uint64_t count = 0;
        int r;

        move.to = &to;
        move.entry = id_of(playing);
        if (playing->r == 0)
                playing->r = cbor_read_text(&playing->reader, ENTRY_REASON_MAX, &move.reason);
        if (playing->r == 0)
                playing->r =
                        cbor_read_array(&playing->reader, 2 * (uint64_t)JUDGE_JOINS_MAX, &count);
        for (uint64_t i = 0; i < count / 2 && playing->r == 0; i++) {
                joins[i].kind = (enum scope_kind)number(playing);
                joins[i].id = id_of(playing);
        }
        if (playing->r < 0)
                return playing->r;
        move.joins = joins;
        move.join_count = (size_t)count / 2;
        r = judge_move(playing->judge, &move, &moved);
        if (r == PANNIER_E_NOT_FOUND && !judge_wanted(playing->judge)) {
                error_clear();
                r = 0;
        }
        return r < 0 ? r : 0;
}

static struct bytes text_at(struct playing *playing, size_t max)
{
        struct bytes text = BYTES_NONE;

        if (playing->r == 0)
                playing->r = cbor_read_text(&playing->reader, max, &text);
        return text;
}

static struct bytes bytes_at(struct playing *playing, size_t max)
{
        struct bytes bytes = BYTES_NONE;

        if (playing->r == 0)
                playing->r = cbor_read_bytes(&playing->reader, max, &bytes);
        return bytes;
}

/* The quarantined entry, put back where it was lost as well; 1 its row's number is in @ret, 0 it is something else here now */
static int find_refused(struct playing *playing, const struct judge_origin *origin,
                        struct judge_entry *entry, enum quarantine_reason reason,
                        const struct uuid *locality, uint64_t *ret)
{
        const struct storage_ops *ops = playing->storage->ops;
        struct log_row row;
        int r;

        for (int tries = 0; tries < 2; tries++) {
                r = ops->log_find(playing->storage, locality, &entry->header->id,
                                  &origin->device->id, entry->body_hash, &playing->arena, &row);
                if (r == FOUND_SAME && row.outcome == OUTCOME_QUARANTINED) {
                        *ret = row.number;
                        return 1;
                }
                if (r != FOUND_NONE || tries > 0)
                        return r < 0 ? r : 0;
                r = judge_refuse(playing->judge, origin, entry, reason);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return 0;
}

/* What cannot take effect in this history stays in quarantine, and is shown as open again. */
static int play_answer(struct playing *playing)
{
        struct uuid locality = id_of(playing);
        struct judge_answer answer = {.locality = &locality};
        struct judge_origin origin = {0};
        struct judge_entry entry = {0};
        struct judge_answered answered;
        struct entry_header header;
        struct device_row device;
        uint16_t reason;
        int r;

        answer.how = (enum closing_how)number(playing);
        answer.who = text_at(playing, JUDGE_WHO_MAX);
        answer.why = text_at(playing, JUDGE_WHY_MAX);
        device = (struct device_row){.id = id_of(playing), .locality = locality};
        origin.device = &device;
        origin.received_ms = time_of(playing);
        origin.clock_offset_ms = time_of(playing);
        reason = (uint16_t)number(playing);
        entry.header = &header;
        entry.header_bytes = bytes_at(playing, ENTRY_HEADER_MAX);
        entry.body = bytes_at(playing, WIRE_SEALED_BODY_MAX);
        if (playing->r == 0)
                playing->r = entry_header_decode(entry.header_bytes, &header);
        if (playing->r < 0)
                return playing->r;
        entry_body_hash(entry.body, entry.body_hash);
        r = find_refused(playing, &origin, &entry, (enum quarantine_reason)reason, &locality,
                         &answer.number);
        if (r > 0)
                r = judge_answer(playing->judge, &answer, &answered);
        if (r == PANNIER_E_TAKEN || r == PANNIER_E_INVALID || r == PANNIER_E_NOT_FOUND) {
                error_clear();
                return 0;
        }
        return r < 0 ? r : 0;
}

static int play_action(struct playing *playing)
{
        uint64_t count = 0;
        struct uuid id;

        playing->r = cbor_read_array(&playing->reader, 32, &count);
        switch ((enum journal_kind)number(playing)) {
        case JOURNAL_EPOCH:
                return play_epoch(playing);
        case JOURNAL_DEVICE:
                return play_device(playing, count);
        case JOURNAL_GRANT:
                return play_grant(playing, JOURNAL_GRANT);
        case JOURNAL_GRANT_END:
                return play_grant(playing, JOURNAL_GRANT_END);
        case JOURNAL_CODE:
                return play_code(playing);
        case JOURNAL_CODE_USED:
                return play_code_used(playing);
        case JOURNAL_CODES_BURNT:
                id = id_of(playing);
                return playing->r < 0 ? playing->r
                                      : playing->storage->ops->code_burn(playing->storage, &id);
        case JOURNAL_KEY:
                return play_word(playing, JOURNAL_KEY);
        case JOURNAL_WORD:
                return play_word(playing, JOURNAL_WORD);
        case JOURNAL_CHANGE:
                return play_change(playing);
        case JOURNAL_MOVE:
                return play_move(playing);
        case JOURNAL_ANSWER:
                return play_answer(playing);
        }
        return FAIL(PANNIER_E_TOO_NEW, "the journal names an action that is not known here");
}

int journal_play(struct storage *storage, struct judge *judge, struct bytes actions)
{
        struct playing playing = {.storage = storage, .judge = judge, .arena = ARENA_INIT};
        int r = 0;

        cbor_reader_init(&playing.reader, actions);
        while (r == 0 && !cbor_at_end(&playing.reader)) {
                arena_reset(&playing.arena);
                r = play_action(&playing);
        }
        arena_deinit(&playing.arena);
        return r;
}
