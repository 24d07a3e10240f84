/* One field's value: its form as it travels, and what the catalogue allows in it. */
#include "common/error.h"
#include "common/value_packed.h"

#include <inttypes.h>
#include <string.h>

static bool value_is_none(const struct value *value)
{
        return value->form == VALUE_UNSET || value->form == VALUE_NULL;
}

bool value_equal(const struct value *a, const struct value *b)
{
        if (value_is_none(a) || value_is_none(b))
                return value_is_none(a) && value_is_none(b);
        if (a->form != b->form)
                return false;
        switch (a->form) {
        case VALUE_INTEGER:
                return a->integer == b->integer;
        case VALUE_BYTES:
        case VALUE_PACKED:
                return bytes_equal(a->bytes, b->bytes);
        case VALUE_UUID:
                return uuid_equal(&a->uuid, &b->uuid);
        case VALUE_UNSET:
        case VALUE_NULL:
                break;
        }
        return true;
}

static enum value_form form_of(const struct catalogue_field *field)
{
        switch (field->kind) {
        case KIND_TEXT:
        case KIND_BLOB:
                return VALUE_BYTES;
        case KIND_CODE:
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_DATE:
        case KIND_INSTANT:
        case KIND_BOOL:
                return VALUE_INTEGER;
        case KIND_REF:
                return VALUE_UUID;
        case KIND_SET:
        case KIND_MAP:
                return VALUE_PACKED;
        }
        return VALUE_UNSET;
}

int value_read(const struct catalogue_field *field, bool change, struct cbor_reader *reader,
               struct value *ret)
{
        if (cbor_peek_null(reader)) {
                ret->form = VALUE_NULL;
                return 0;
        }
        ret->form = form_of(field);
        switch (field->kind) {
        case KIND_TEXT:
                return cbor_read_text(reader, SIZE_MAX, &ret->bytes);
        case KIND_BLOB:
                return cbor_read_bytes(reader, SIZE_MAX, &ret->bytes);
        case KIND_CODE:
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_DATE:
        case KIND_INSTANT:
        case KIND_BOOL:
                return cbor_read_int(reader, &ret->integer);
        case KIND_REF:
                return cbor_read_uuid(reader, &ret->uuid);
        case KIND_SET:
        case KIND_MAP:
                return packed_read(field, change, false, reader, ret);
        }
        return FAIL(PANNIER_E_INTERNAL, "field %s is of no kind", field->name);
}

void value_encode(const struct catalogue_field *field, const struct value *value,
                  struct buffer *out)
{
        switch (value->form) {
        case VALUE_UNSET:
        case VALUE_NULL:
                cbor_put_null(out);
                break;
        case VALUE_INTEGER:
                cbor_put_int(out, value->integer);
                break;
        case VALUE_BYTES:
                if (field->kind == KIND_TEXT)
                        cbor_put_text(out, value->bytes);
                else
                        cbor_put_bytes(out, value->bytes);
                break;
        case VALUE_UUID:
                cbor_put_uuid(out, &value->uuid);
                break;
        case VALUE_PACKED:
                buffer_append(out, value->bytes);
                break;
        }
}

int value_check_option(const struct catalogue_field *field, int64_t number, bool strict)
{
        if (number < 1 || number > OPTION_NUMBER_MAX)
                return FAIL(PANNIER_E_INVALID, "%s: option %" PRId64 " is out of range",
                            field->name, number);
        if (strict && field->option_count > 0 && !catalogue_option_by_number(field, number))
                return FAIL(PANNIER_E_INVALID, "%s: there is no option %" PRId64, field->name,
                            number);
        return 0;
}

static int check_integer(const struct catalogue_field *field, int64_t integer, bool strict)
{
        if (field->kind == KIND_CODE)
                return value_check_option(field, integer, strict);
        if (field->kind == KIND_BOOL && integer != 0 && integer != 1)
                return FAIL(PANNIER_E_INVALID, "%s: neither 0 nor 1", field->name);
        if (field->has_range && (integer < field->hard_min || integer > field->hard_max))
                return FAIL(PANNIER_E_INVALID,
                            "%s: %" PRId64 " is outside of %" PRId64 " to %" PRId64, field->name,
                            integer, field->hard_min, field->hard_max);
        return 0;
}

static int check_size(const struct catalogue_field *field, struct bytes bytes)
{
        if (field->size_max > 0 && bytes.size > field->size_max)
                return FAIL(PANNIER_E_INVALID, "%s: %zu bytes, at most %u are allowed", field->name,
                            bytes.size, (unsigned int)field->size_max);
        return 0;
}

/* Limits of a value that has the form of its field, and whose text is UTF-8. */
static int check_limits(const struct catalogue_field *field, const struct value *value, bool strict)
{
        switch (value->form) {
        case VALUE_UNSET:
        case VALUE_NULL:
                return 0;
        case VALUE_INTEGER:
                return check_integer(field, value->integer, strict);
        case VALUE_BYTES:
        case VALUE_PACKED:
                return check_size(field, value->bytes);
        case VALUE_UUID:
                if (uuid_is_none(&value->uuid))
                        return FAIL(PANNIER_E_INVALID, "%s: not an id", field->name);
                if (strict && field->future)
                        return FAIL(PANNIER_E_INVALID, "%s: what it refers to does not exist yet",
                                    field->name);
                return 0;
        }
        return FAIL(PANNIER_E_INTERNAL, "%s: value of no form", field->name);
}

int value_decode(const struct catalogue_field *field, bool change, struct cbor_reader *reader,
                 struct value *ret)
{
        struct value value = {0};
        int r;

        r = value_read(field, change, reader, &value);
        if (r == 0)
                r = check_limits(field, &value, false);
        if (r == 0)
                *ret = value;
        return r;
}

/* A packed value that did not come through value_read(): the same rules. */
static int check_packed(const struct catalogue_field *field, const struct value *value, bool change,
                        bool strict)
{
        struct cbor_reader reader;
        struct value again = {0};
        int r;

        cbor_reader_init(&reader, value->bytes);
        r = packed_read(field, change, strict, &reader, &again);
        if (r == PANNIER_E_MALFORMED || (r == 0 && !cbor_at_end(&reader)))
                return FAIL(PANNIER_E_INVALID, "%s: not a %s as it must be", field->name,
                            field->kind == KIND_SET ? "set" : "map");
        return r;
}

int value_check(const struct catalogue_field *field, const struct value *value, bool change,
                bool strict)
{
        int r = 0;

        if (value_is_none(value))
                return 0;
        if (value->form != form_of(field))
                return FAIL(PANNIER_E_INVALID, "%s: a value of another kind", field->name);
        if (field->kind == KIND_TEXT && !bytes_is_utf8(value->bytes))
                return FAIL(PANNIER_E_INVALID, "%s: not UTF-8, or with a zero byte", field->name);
        if (value->form == VALUE_PACKED)
                r = check_packed(field, value, change, strict);
        return r < 0 ? r : check_limits(field, value, strict);
}
