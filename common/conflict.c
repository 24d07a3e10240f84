#include "common/conflict.h"

#include "common/error.h"

#include <string.h>

/* A change list: {field number: value}, keys ascending. The type may be unknown: then only the bytes are kept. */
static int changes_read(struct cbor_reader *reader, const struct catalogue_type *type,
                        struct arena *arena, struct entry_change **ret, size_t *ret_count)
{
        struct entry_change *changes;
        uint64_t count;
        int r;

        r = cbor_read_map(reader, FIELD_COUNT_MAX, &count);
        if (r < 0)
                return r;
        changes = arena_alloc(arena, (count ? count : 1) * sizeof(*changes));
        if (!changes)
                return FAIL(PANNIER_E_MEMORY, "values of a conflict");
        for (uint64_t i = 0; i < count; i++) {
                uint64_t number;
                int index;

                r = cbor_read_uint(reader, FIELD_NUMBER_MAX, &number);
                if (r >= 0)
                        r = cbor_skip(reader, &changes[i].raw);
                if (r < 0)
                        return r;
                changes[i].number = (uint16_t)number;
                index = type ? catalogue_field_index(type, number) : -1;
                if (index >= 0) {
                        const struct catalogue_field *field = &type->fields[index];
                        struct cbor_reader value;

                        cbor_reader_init(&value, changes[i].raw);
                        if (cbor_peek_null(&value)) {
                                changes[i].value.form = VALUE_NULL;
                                continue;
                        }
                        r = value_decode(field, field->kind == KIND_SET || field->kind == KIND_MAP,
                                         &value, &changes[i].value);
                        if (r < 0)
                                return r;
                }
        }
        *ret = changes;
        *ret_count = (size_t)count;
        return 0;
}

/* A value that was made here has no bytes of its own yet, and is of a field that is known here. */
static void changes_write(const struct catalogue_type *type, const struct entry_change *changes,
                          size_t count, struct buffer *out)
{
        cbor_put_map(out, count);
        for (size_t i = 0; i < count; i++) {
                int index = type ? catalogue_field_index(type, changes[i].number) : -1;

                cbor_put_uint(out, changes[i].number);
                if (changes[i].raw.size)
                        buffer_append(out, changes[i].raw);
                else if (index >= 0)
                        value_encode(&type->fields[index], &changes[i].value, out);
                else
                        cbor_put_null(out);
        }
}

static int fields_read(struct bytes blob, struct conflict *conflict)
{
        struct cbor_reader reader;
        uint64_t count, number;
        int r;

        if (!blob.size)
                return 0;
        cbor_reader_init(&reader, blob);
        r = cbor_read_array(&reader, FIELD_COUNT_MAX, &count);
        for (uint64_t i = 0; r >= 0 && i < count; i++) {
                r = cbor_read_uint(&reader, FIELD_NUMBER_MAX, &number);
                if (r >= 0)
                        conflict->fields[conflict->field_count++] = (uint16_t)number;
        }
        return r;
}

static int value_read(struct cbor_reader *reader, const struct catalogue_type *type,
                      struct arena *arena, struct conflict_value *ret)
{
        uint64_t count, role, state;
        int r;

        r = cbor_read_array(reader, 6, &count);
        if (r >= 0 && count != 6)
                return FAIL(PANNIER_E_MALFORMED, "a conflict's value has 6 parts, not %llu",
                            (unsigned long long)count);
        if (r >= 0)
                r = cbor_read_uuid(reader, &ret->id);
        if (r >= 0)
                r = cbor_read_uuid_or_none(reader, &ret->author);
        if (r >= 0)
                r = cbor_read_uint(reader, UINT16_MAX, &role);
        if (r >= 0)
                r = cbor_read_int(reader, &ret->recorded_ms);
        if (r >= 0)
                r = cbor_read_uint(reader, CONFLICT_REPLACED, &state);
        if (r < 0)
                return r;
        ret->role = (uint16_t)role;
        ret->state = (enum conflict_state)state;
        return changes_read(reader, type, arena, &ret->changes, &ret->change_count);
}

static int others_read(struct bytes blob, struct arena *arena, struct conflict *conflict)
{
        struct cbor_reader reader;
        uint64_t count;
        int r;

        cbor_reader_init(&reader, blob);
        r = cbor_read_array(&reader, CONFLICT_VALUES_MAX, &count);
        if (r < 0)
                return r;
        conflict->others = arena_alloc(arena, (count + 1) * sizeof(*conflict->others));
        if (!conflict->others)
                return FAIL(PANNIER_E_MEMORY, "values of a conflict");
        for (uint64_t i = 0; r >= 0 && i < count; i++)
                r = value_read(&reader, conflict->type, arena,
                               &conflict->others[conflict->other_count++]);
        return r;
}

static struct bytes blob_at(const struct record *record, int16_t index)
{
        const struct value *value = &record->values[index];

        return value->form == VALUE_BYTES || value->form == VALUE_PACKED ? value->bytes
                                                                         : BYTES_NONE;
}

static int64_t integer_at(const struct record *record, int16_t index)
{
        const struct value *value = &record->values[index];

        return value->form == VALUE_INTEGER ? value->integer : 0;
}

int conflict_read(const struct record *record, struct arena *arena, struct conflict *ret)
{
        const struct catalogue_bind *bind = catalogue_bind();
        struct conflict conflict = {.id = record->id, .person = record->person};
        struct cbor_reader reader;
        int r;

        conflict.kind = integer_at(record, bind->conflict.kind);
        conflict.type_number = (uint8_t)integer_at(record, bind->conflict.record_type);
        conflict.type = catalogue_type_by_number(conflict.type_number);
        if (record->values[bind->conflict.record].form == VALUE_UUID)
                conflict.record = record->values[bind->conflict.record].uuid;
        conflict.decided =
                integer_at(record, bind->conflict.status) == bind->conflict.status_decided;
        r = fields_read(blob_at(record, bind->conflict.fields), &conflict);
        if (r < 0)
                return r;
        cbor_reader_init(&reader, blob_at(record, bind->conflict.standing));
        r = changes_read(&reader, conflict.type, arena, &conflict.standing,
                         &conflict.standing_count);
        if (r < 0)
                return r;
        r = others_read(blob_at(record, bind->conflict.others), arena, &conflict);
        if (r < 0)
                return r;
        *ret = conflict;
        return 0;
}

static int compare_uuids(const void *a, const void *b)
{
        return uuid_compare(a, b);
}

/* The blobs, one behind the other in one buffer, then each copied into the arena. */
static int blob_take(struct buffer *buffer, struct arena *arena, enum value_form form,
                     struct value *ret)
{
        int r = buffer_check(buffer);

        if (r < 0)
                return FAIL(r, "a conflict's values take more than %d bytes", CONFLICT_BLOB_MAX);
        ret->form = form;
        ret->bytes = arena_copy(arena, buffer_view(buffer));
        buffer_reset(buffer);
        return ret->bytes.data ? 0 : FAIL(PANNIER_E_MEMORY, "values of a conflict");
}

static void fields_write(const struct conflict *conflict, struct buffer *out)
{
        cbor_put_array(out, conflict->field_count);
        for (size_t i = 0; i < conflict->field_count; i++)
                cbor_put_uint(out, conflict->fields[i]);
}

static void others_write(const struct conflict *conflict, struct buffer *out)
{
        cbor_put_array(out, conflict->other_count);
        for (size_t i = 0; i < conflict->other_count; i++) {
                const struct conflict_value *value = &conflict->others[i];

                cbor_put_array(out, 6);
                cbor_put_uuid(out, &value->id);
                cbor_put_uuid(out, &value->author);
                cbor_put_uint(out, value->role);
                cbor_put_int(out, value->recorded_ms);
                cbor_put_uint(out, value->state);
                changes_write(conflict->type, value->changes, value->change_count, out);
        }
}

/* The ids of all values as a set, by which a conflict is found from an entry. */
static int entries_write(const struct conflict *conflict, struct arena *arena, struct buffer *out)
{
        struct uuid *ids = arena_alloc(arena, (conflict->other_count + 1) * sizeof(*ids));
        size_t count = 0;

        if (!ids)
                return FAIL(PANNIER_E_MEMORY, "entries of a conflict");
        for (size_t i = 0; i < conflict->other_count; i++)
                ids[i] = conflict->others[i].id;
        qsort(ids, conflict->other_count, sizeof(*ids), compare_uuids);
        for (size_t i = 0; i < conflict->other_count; i++)
                if (count == 0 || !uuid_equal(&ids[count - 1], &ids[i]))
                        ids[count++] = ids[i];
        cbor_put_array(out, count);
        for (size_t i = 0; i < count; i++)
                cbor_put_uuid(out, &ids[i]);
        return 0;
}

static void put_integer(struct record *record, int16_t index, int64_t integer)
{
        record->values[index] = (struct value){.form = VALUE_INTEGER, .integer = integer};
}

int conflict_write(const struct conflict *conflict, struct arena *arena, struct record *record)
{
        const struct catalogue_bind *bind = catalogue_bind();
        CLEANUP(buffer_deinit) struct buffer buffer = {.limit = CONFLICT_BLOB_MAX};
        struct value *values = record->values;
        int r;

        put_integer(record, bind->conflict.kind, conflict->kind);
        put_integer(record, bind->conflict.record_type, conflict->type_number);
        put_integer(record, bind->conflict.status,
                    conflict->decided ? bind->conflict.status_decided : bind->conflict.status_open);
        values[bind->conflict.record] =
                (struct value){.form = VALUE_UUID, .uuid = conflict->record};
        if (conflict->field_count) { /* an empty set is no value */
                fields_write(conflict, &buffer);
                r = blob_take(&buffer, arena, VALUE_PACKED, &values[bind->conflict.fields]);
                if (r < 0)
                        return r;
        }
        changes_write(conflict->type, conflict->standing, conflict->standing_count, &buffer);
        r = blob_take(&buffer, arena, VALUE_BYTES, &values[bind->conflict.standing]);
        if (r < 0)
                return r;
        others_write(conflict, &buffer);
        r = blob_take(&buffer, arena, VALUE_BYTES, &values[bind->conflict.others]);
        if (r < 0)
                return r;
        r = entries_write(conflict, arena, &buffer);
        if (r < 0)
                return r;
        return blob_take(&buffer, arena, VALUE_PACKED, &values[bind->conflict.entries]);
}

struct conflict_value *conflict_value_find(const struct conflict *conflict, const struct uuid *id)
{
        for (size_t i = conflict->other_count; i-- > 0;)
                if (uuid_equal(&conflict->others[i].id, id))
                        return &conflict->others[i];
        return NULL;
}

size_t conflict_open_count(const struct conflict *conflict)
{
        size_t count = 0;

        for (size_t i = 0; i < conflict->other_count; i++)
                count += conflict->others[i].state == CONFLICT_OPEN;
        return count;
}

void conflict_decision_write(struct conflict_decision *decision, struct buffer *out)
{
        if (decision->seen_count > 1)
                qsort(decision->seen, decision->seen_count, sizeof(*decision->seen), compare_uuids);
        cbor_put_array(out, 2);
        cbor_put_uuid(out, &decision->chosen);
        cbor_put_array(out, decision->seen_count);
        for (size_t i = 0; i < decision->seen_count; i++)
                cbor_put_uuid(out, &decision->seen[i]);
}

int conflict_decision_read(struct bytes blob, struct arena *arena, struct conflict_decision *ret)
{
        struct conflict_decision decision = {0};
        struct cbor_reader reader;
        uint64_t count;
        int r;

        cbor_reader_init(&reader, blob);
        r = cbor_read_array(&reader, 2, &count);
        if (r >= 0 && count != 2)
                return FAIL(PANNIER_E_MALFORMED, "a decision is [chosen, [seen]]");
        if (r >= 0)
                r = cbor_read_uuid(&reader, &decision.chosen);
        if (r >= 0)
                r = cbor_read_array(&reader, CONFLICT_VALUES_MAX, &count);
        if (r < 0)
                return r;
        decision.seen = arena_alloc(arena, (count + 1) * sizeof(*decision.seen));
        if (!decision.seen)
                return FAIL(PANNIER_E_MEMORY, "values of a decision");
        for (; decision.seen_count < count; decision.seen_count++) {
                struct uuid *id = &decision.seen[decision.seen_count];

                r = cbor_read_uuid(&reader, id);
                if (r < 0)
                        return r;
                if (decision.seen_count > 0 && uuid_compare(id - 1, id) >= 0)
                        return FAIL(PANNIER_E_MALFORMED, "the values of a decision are in order");
        }
        if (!cbor_at_end(&reader))
                return FAIL(PANNIER_E_MALFORMED, "bytes behind a decision");
        *ret = decision;
        return 0;
}
