#include "common/record.h"

#include "common/error.h"
#include "common/value_packed.h"

#include <string.h>

static int copy_bytes(struct arena *arena, struct bytes *bytes)
{
        struct bytes copy;

        if (bytes->size == 0) {
                *bytes = BYTES_NONE;
                return 0;
        }
        copy = arena_copy(arena, *bytes);
        if (!copy.data)
                return FAIL(PANNIER_E_MEMORY, "no memory for a record");
        *bytes = copy;
        return 0;
}

bool record_meets(const struct record *record, const struct catalogue_condition *condition)
{
        const struct value *value;

        if (condition->field_index < 0)
                return true;
        value = &record->values[condition->field_index];
        return value->form == VALUE_INTEGER &&
               catalogue_has_option(condition->options, condition->option_count, value->integer);
}

enum catalogue_class record_feed_class(const struct record *record)
{
        const struct value *about = NULL;

        if (record->type->class != CLASS_OF_RECORD)
                return record->type->class;
        if (record->type == catalogue_conflict_type())
                about = &record->values[catalogue_bind()->conflict.record_type];
        return catalogue_class_of(
                record->type, about && about->form == VALUE_INTEGER ? (uint64_t)about->integer : 0);
}

int record_copy(const struct record *record, struct arena *arena, struct record *ret)
{
        struct record copy = *record;
        int r;

        r = copy_bytes(arena, &copy.unknown);
        for (size_t i = 0; r == 0 && i < copy.type->field_count; i++) {
                if (copy.values[i].form == VALUE_BYTES || copy.values[i].form == VALUE_PACKED)
                        r = copy_bytes(arena, &copy.values[i].bytes);
        }
        if (r == 0)
                *ret = copy;
        return r;
}

/* The next field of record->unknown, whose map head was read; number 0 where there is none left. */
struct unknown_walk {
        struct cbor_reader reader;
        uint64_t left;
        uint64_t number;
        struct bytes value;
};

static void unknown_next(struct unknown_walk *walk)
{
        walk->number = 0;
        if (walk->left == 0)
                return;
        walk->left--;
        /* We packed it ourselves; a damaged row ends the walk. */
        if (cbor_read_uint(&walk->reader, FIELD_NUMBER_MAX, &walk->number) < 0 ||
            cbor_skip(&walk->reader, &walk->value) < 0) {
                walk->left = 0;
                walk->number = 0;
        }
}

static void unknown_begin(struct unknown_walk *walk, struct bytes unknown)
{
        memset(walk, 0, sizeof(*walk));
        if (unknown.size == 0)
                return;
        cbor_reader_init(&walk->reader, unknown);
        if (cbor_read_map(&walk->reader, FIELD_NUMBER_MAX, &walk->left) < 0)
                walk->left = 0;
        unknown_next(walk);
}

static bool is_none(const struct value *value)
{
        return value->form == VALUE_UNSET || value->form == VALUE_NULL;
}

/* Elements of the array: the greatest field number with a value. */
static size_t greatest_number(const struct record *record)
{
        struct unknown_walk walk;
        size_t greatest = 0;

        for (size_t i = record->type->field_count; i > 0 && greatest == 0; i--) {
                if (!is_none(&record->values[i - 1]))
                        greatest = record->type->fields[i - 1].number;
        }
        if (record->unknown.size == 0)
                return greatest;
        for (unknown_begin(&walk, record->unknown); walk.number; unknown_next(&walk)) {
                if (walk.number > greatest)
                        greatest = walk.number;
        }
        return greatest;
}

void record_encode_fields(const struct record *record, struct buffer *out)
{
        const struct catalogue_field *fields = record->type->fields;
        size_t count = greatest_number(record), next = 0;
        struct unknown_walk walk;

        unknown_begin(&walk, record->unknown);
        cbor_put_array(out, count);
        for (size_t number = 1; number <= count; number++) {
                bool known = next < record->type->field_count && fields[next].number == number;

                if (known && !is_none(&record->values[next]))
                        value_encode(&fields[next], &record->values[next], out);
                else if (
                        walk.number ==
                        number) /* also of a field that is known, and has a value that does not fit it */
                        buffer_append(out, walk.value);
                else
                        cbor_put_null(out);
                if (walk.number == number)
                        unknown_next(&walk);
                next += known;
        }
}

/* Fields of a newer catalogue, gathered while the known ones are read. */
struct unknown_fields {
        struct buffer pairs;
        size_t count;
};

static int gather_unknown(struct cbor_reader *reader, size_t number, struct unknown_fields *unknown)
{
        struct bytes raw;
        int r;

        if (cbor_peek_null(reader))
                return 0;
        r = cbor_skip(reader, &raw);
        if (r < 0)
                return r;
        cbor_put_uint(&unknown->pairs, number);
        buffer_append(&unknown->pairs, raw);
        unknown->count++;
        return 0;
}

static int pack_unknown(const struct unknown_fields *unknown, struct arena *arena,
                        struct bytes *ret)
{
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;
        int r;

        cbor_put_map(&packed, unknown->count);
        buffer_append(&packed, buffer_view(&unknown->pairs));
        r = buffer_check(&unknown->pairs);
        if (r == 0)
                r = buffer_check(&packed);
        if (r < 0)
                return r;
        *ret = arena_copy(arena, buffer_view(&packed));
        if (!ret->data)
                return FAIL(PANNIER_E_MEMORY, "no memory for fields of a newer catalogue");
        return 0;
}

static int decode_fields(struct cbor_reader *reader, uint64_t count, struct record *record,
                         struct unknown_fields *unknown)
{
        const struct catalogue_type *type = record->type;
        size_t next = 0;
        int r = 0;

        for (size_t number = 1; r == 0 && number <= count; number++) {
                if (next < type->field_count && type->fields[next].number == number) {
                        r = value_read(&type->fields[next], false, reader, &record->values[next]);
                        next++;
                } else {
                        r = gather_unknown(reader, number, unknown);
                }
        }
        return r;
}

/* The field of an unknown number, where the catalogue has it by now and the record has no value for it. */
static struct value *place_for(struct record *record, uint64_t number,
                               const struct catalogue_field **ret)
{
        for (size_t i = 0; i < record->type->field_count; i++) {
                *ret = &record->type->fields[i];
                if ((*ret)->number == number)
                        return is_none(&record->values[i]) ? &record->values[i] : NULL;
        }
        return NULL;
}

static bool takes(struct record *record, const struct unknown_walk *walk)
{
        const struct catalogue_field *field;
        struct value *place = place_for(record, walk->number, &field), value = {0};
        struct cbor_reader reader;

        if (!place)
                return false;
        cbor_reader_init(&reader, walk->value);
        if (value_read(field, false, &reader, &value) < 0) {
                error_clear();
                return false;
        }
        *place = value;
        return true;
}

static void unknown_fields_deinit(struct unknown_fields *unknown)
{
        buffer_deinit(&unknown->pairs);
}

int record_decode_fields(struct cbor_reader *reader, struct arena *arena, struct record *record)
{
        CLEANUP(unknown_fields_deinit) struct unknown_fields unknown = {BUFFER_INIT, 0};
        uint64_t count;
        int r;

        memset(record->values, 0, sizeof(record->values));
        record->unknown = BYTES_NONE;
        r = cbor_read_array(reader, FIELD_NUMBER_MAX, &count);
        if (r == 0)
                r = decode_fields(reader, count, record, &unknown);
        if (r == 0 && unknown.count > 0)
                r = pack_unknown(&unknown, arena, &record->unknown);
        return r;
}

int record_take_in(struct record *record, struct arena *arena)
{
        CLEANUP(unknown_fields_deinit) struct unknown_fields left = {BUFFER_INIT, 0};
        struct unknown_walk walk;
        bool moved = false;

        for (unknown_begin(&walk, record->unknown); walk.number; unknown_next(&walk)) {
                if (takes(record, &walk)) {
                        moved = true;
                        continue;
                }
                cbor_put_uint(&left.pairs, walk.number);
                buffer_append(&left.pairs, walk.value);
                left.count++;
        }
        if (!moved)
                return 0;
        if (left.count > 0) {
                int r = pack_unknown(&left, arena, &record->unknown);

                return r < 0 ? r : 1;
        }
        record->unknown = BYTES_NONE;
        return 1;
}
