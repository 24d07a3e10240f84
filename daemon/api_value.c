#include "daemon/api_value.h"

#include "common/base64.h"
#include "common/date.h"
#include "common/error.h"

#include <stdio.h>
#include <string.h>

enum { CODE_TEXT_SIZE = 24 };

json_t *api_uuid(const struct uuid *id)
{
        char text[UUID_TEXT_SIZE];

        if (uuid_is_none(id))
                return json_null();
        uuid_format(id, text);
        return json_string(text);
}

json_t *api_instant(int64_t instant_ms)
{
        char text[INSTANT_TEXT_SIZE];

        if (!instant_ms)
                return json_null();
        instant_format(instant_ms, text);
        return json_string(text);
}

/* ---- to JSON ---- */

static json_t *code_to_json(const struct catalogue_field *field, int64_t number)
{
        const struct catalogue_option *option = catalogue_option_by_number(field, number);
        char text[CODE_TEXT_SIZE];

        if (option)
                return json_string(option->code);
        (void)snprintf(text, sizeof(text), "#%lld", (long long)number);
        return json_string(text);
}

static json_t *integer_to_json(const struct catalogue_field *field, int64_t integer)
{
        char text[INSTANT_TEXT_SIZE];

        switch (field->kind) {
        case KIND_CODE:
                return code_to_json(field, integer);
        case KIND_DATE:
                date_format(integer, text);
                return json_string(text);
        case KIND_INSTANT:
                instant_format(integer, text);
                return json_string(text);
        case KIND_BOOL:
                return json_boolean(integer);
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_TEXT:
        case KIND_REF:
        case KIND_SET:
        case KIND_BLOB:
        case KIND_MAP:
                break;
        }
        return json_integer(integer);
}

static json_t *bytes_to_json(const struct catalogue_field *field, struct bytes bytes)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;

        if (field->kind == KIND_TEXT)
                return json_text(bytes);
        base64_encode(bytes, &text);
        return text.failed ? NULL : json_stringn((const char *)text.data, text.size);
}

static json_t *element_to_json(const struct catalogue_field *field, const struct cbor_item *item)
{
        struct uuid id;

        if (item->kind == CBOR_UINT)
                return code_to_json(field, item->number);
        if (item->kind == CBOR_TEXT)
                return json_text(item->bytes);
        if (item->kind != CBOR_BYTES || item->bytes.size != sizeof(id.bytes))
                return NULL;
        memcpy(id.bytes, item->bytes.data, sizeof(id.bytes));
        return api_uuid(&id);
}

static json_t *array_to_json(const struct catalogue_field *field, struct cbor_reader *reader)
{
        CLEANUP(json_freep) json_t *array = json_array();
        uint64_t count;

        if (cbor_read_array(reader, UINT32_MAX, &count) < 0)
                return NULL;
        for (uint64_t i = 0; i < count; i++) {
                struct cbor_item item;
                if (cbor_next(reader, &item) < 0 ||
                    json_array_append_new(array, element_to_json(field, &item)) < 0)
                        return NULL;
        }
        return TAKE(array);
}

static json_t *set_change_to_json(const struct catalogue_field *field, struct cbor_reader *reader)
{
        static const char *const names[] = {"add", "remove"};
        CLEANUP(json_freep) json_t *change = json_object();
        uint64_t count, key;

        if (cbor_read_map(reader, 2, &count) < 0)
                return NULL;
        for (uint64_t i = 0; i < count; i++)
                if (cbor_read_uint(reader, 1, &key) < 0 ||
                    json_object_set_new(change, names[key], array_to_json(field, reader)) < 0)
                        return NULL;
        return TAKE(change);
}

static json_t *map_to_json(const struct catalogue_field *field, struct cbor_reader *reader)
{
        CLEANUP(json_freep) json_t *map = json_object();
        uint64_t count;

        if (cbor_read_map(reader, UINT32_MAX, &count) < 0)
                return NULL;
        for (uint64_t i = 0; i < count; i++) {
                CLEANUP(json_freep) json_t *key = NULL;
                struct cbor_item name, text;
                if (cbor_next(reader, &name) < 0 || cbor_next(reader, &text) < 0)
                        return NULL;
                key = element_to_json(field, &name);
                if (!key || json_object_set_new(map, json_string_value(key),
                                                text.kind == CBOR_TEXT ? json_text(text.bytes)
                                                                       : json_null()) < 0)
                        return NULL;
        }
        return TAKE(map);
}

json_t *api_value_to_json(const struct catalogue_field *field, const struct value *value,
                          bool change)
{
        struct cbor_reader reader;

        switch (value->form) {
        case VALUE_UNSET:
        case VALUE_NULL:
                return json_null();
        case VALUE_INTEGER:
                return integer_to_json(field, value->integer);
        case VALUE_BYTES:
                return bytes_to_json(field, value->bytes);
        case VALUE_UUID:
                return api_uuid(&value->uuid);
        case VALUE_PACKED:
                cbor_reader_init(&reader, value->bytes);
                if (field->kind == KIND_MAP)
                        return map_to_json(field, &reader);
                return change ? set_change_to_json(field, &reader) : array_to_json(field, &reader);
        }
        return NULL;
}

/* ---- from JSON ---- */

static int wants(const struct catalogue_field *field, const char *what)
{
        return FAIL(PANNIER_E_INVALID, "%s wants %s", field->name, what);
}

static int code_from_text(const struct catalogue_field *field, struct bytes text, int64_t *ret)
{
        const struct catalogue_option *option = catalogue_option_by_code(field, text);
        int64_t number = 0;

        if (option) {
                *ret = option->number;
                return 0;
        }
        for (size_t i = 1; i < text.size && text.size <= 4; i++) {
                if (text.data[0] != '#' || text.data[i] < '0' || text.data[i] > '9')
                        break;
                number = number * 10 + (text.data[i] - '0');
                if (i + 1 == text.size) {
                        *ret = number;
                        return 0;
                }
        }
        CLEANUP(buffer_deinit) struct buffer known = BUFFER_INIT;
        for (uint16_t i = 0; i < field->option_count; i++)
                buffer_append_format(&known, "%s%s", i ? ", " : "", field->options[i].code);
        return FAIL(PANNIER_E_INVALID, "%s has no option \"%.*s\"; it has %.*s", field->name,
                    (int)(text.size < 40 ? text.size : 40), (const char *)text.data,
                    (int)(known.size < 300 ? known.size : 300), (const char *)known.data);
}

/* Encode one element of a set, or key of a map, behind @out. */
static int put_element(const struct catalogue_field *field, enum catalogue_kind kind,
                       struct bytes text, struct buffer *out)
{
        struct uuid id;
        int64_t number;
        int r;

        switch (kind) {
        case KIND_CODE:
                r = code_from_text(field, text, &number);
                if (r >= 0)
                        cbor_put_int(out, number);
                return r;
        case KIND_REF:
                if (uuid_parse(text, &id) < 0)
                        return wants(field, "ids (UUIDs)");
                cbor_put_uuid(out, &id);
                return 0;
        case KIND_TEXT:
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_DATE:
        case KIND_INSTANT:
        case KIND_BOOL:
        case KIND_SET:
        case KIND_BLOB:
        case KIND_MAP:
                break;
        }
        if (!bytes_is_utf8(text))
                return wants(field, "text in UTF-8");
        cbor_put_text(out, text);
        return 0;
}

struct element {
        struct bytes raw;   /* the element or key as CBOR */
        struct bytes value; /* of a map: its value as CBOR */
};

static int compare_elements(const void *a, const void *b)
{
        return bytes_compare(((const struct element *)a)->raw, ((const struct element *)b)->raw);
}

static int copy_out(struct arena *arena, struct buffer *from, struct bytes *ret)
{
        int r = buffer_check(from);

        if (r < 0)
                return r;
        *ret = arena_copy(arena, buffer_view(from));
        return ret->data ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a value");
}

/* The elements of a JSON array, sorted, each once. */
static int read_elements(const struct catalogue_field *field, const json_t *array,
                         struct arena *arena, struct element **ret, size_t *ret_count)
{
        CLEANUP(buffer_deinit) struct buffer scratch = BUFFER_INIT;
        size_t count = json_array_size(array), kept = 0;
        struct element *elements = arena_alloc(arena, (count + 1) * sizeof(*elements));
        int r = 0;

        if (!elements)
                return FAIL(PANNIER_E_MEMORY, "no memory for a set");
        for (size_t i = 0; i < count && r >= 0; i++) {
                const json_t *item = json_array_get(array, i);
                if (!json_is_string(item))
                        return wants(field, "an array of texts");
                buffer_reset(&scratch);
                r = put_element(field, field->element, json_view(item), &scratch);
                if (r >= 0)
                        r = copy_out(arena, &scratch, &elements[i].raw);
        }
        if (r < 0)
                return r;
        qsort(elements, count, sizeof(*elements), compare_elements);
        for (size_t i = 0; i < count; i++)
                if (!kept || bytes_compare(elements[kept - 1].raw, elements[i].raw) != 0)
                        elements[kept++] = elements[i];
        *ret = elements;
        *ret_count = kept;
        return 0;
}

static void put_elements(const struct element *elements, size_t count, struct buffer *out)
{
        cbor_put_array(out, count);
        for (size_t i = 0; i < count; i++)
                buffer_append(out, elements[i].raw);
}

/* The elements of a packed set, which are sorted already. */
static int standing_elements(const struct value *standing, struct arena *arena,
                             struct element **ret, size_t *ret_count)
{
        struct cbor_reader reader;
        uint64_t count = 0;
        int r = 0;

        *ret = NULL;
        *ret_count = 0;
        if (!standing || standing->form != VALUE_PACKED)
                return 0;
        cbor_reader_init(&reader, standing->bytes);
        r = cbor_read_array(&reader, UINT32_MAX, &count);
        struct element *elements = arena_alloc(arena, (size_t)(count + 1) * sizeof(*elements));
        if (!elements)
                return FAIL(PANNIER_E_MEMORY, "no memory for a set");
        for (uint64_t i = 0; i < count && r >= 0; i++)
                r = cbor_skip(&reader, &elements[i].raw);
        *ret = elements;
        *ret_count = (size_t)count;
        return r;
}

/* What is in @a and not in @b; both sorted. */
static size_t subtract(const struct element *a, size_t a_count, const struct element *b,
                       size_t b_count, struct element *ret)
{
        size_t count = 0, k = 0;

        for (size_t i = 0; i < a_count; i++) {
                while (k < b_count && bytes_compare(b[k].raw, a[i].raw) < 0)
                        k++;
                if (k == b_count || bytes_compare(b[k].raw, a[i].raw) != 0)
                        ret[count++] = a[i];
        }
        return count;
}

static void put_set_change(const struct element *added, size_t added_count,
                           const struct element *removed, size_t removed_count, struct buffer *out)
{
        cbor_put_map(out, (added_count ? 1u : 0u) + (removed_count ? 1u : 0u));
        if (added_count) {
                cbor_put_uint(out, 0);
                put_elements(added, added_count, out);
        }
        if (removed_count) {
                cbor_put_uint(out, 1);
                put_elements(removed, removed_count, out);
        }
}

/* A whole new value for a set that others may be editing: only what this person changed travels. */
static int put_set_difference(const struct catalogue_field *field, const struct value *standing,
                              const json_t *json, struct arena *arena, struct buffer *out)
{
        struct element *wanted, *have, *added, *removed;
        size_t wanted_count, have_count;
        int r = read_elements(field, json, arena, &wanted, &wanted_count);

        if (r >= 0)
                r = standing_elements(standing, arena, &have, &have_count);
        if (r < 0)
                return r;
        added = arena_alloc(arena, (wanted_count + 1) * sizeof(*added));
        removed = arena_alloc(arena, (have_count + 1) * sizeof(*removed));
        if (!added || !removed)
                return FAIL(PANNIER_E_MEMORY, "no memory for a set");
        size_t added_count = subtract(wanted, wanted_count, have, have_count, added);
        size_t removed_count = subtract(have, have_count, wanted, wanted_count, removed);
        put_set_change(added, added_count, removed, removed_count, out);
        return 0;
}

static int put_set_edit(const struct catalogue_field *field, const json_t *json,
                        struct arena *arena, struct buffer *out)
{
        static const char *const keys[] = {"add", "remove", NULL};
        const json_t *add = json_object_get(json, "add"), *remove = json_object_get(json, "remove");
        struct element *added = NULL, *removed = NULL;
        size_t added_count = 0, removed_count = 0;
        int r = json_only_keys(json, keys);

        if (r < 0 || (add && !json_is_array(add)) || (remove && !json_is_array(remove)))
                return wants(field, "an array, or {\"add\": […], \"remove\": […]}");
        if (add)
                r = read_elements(field, add, arena, &added, &added_count);
        if (r >= 0 && remove)
                r = read_elements(field, remove, arena, &removed, &removed_count);
        if (r >= 0)
                put_set_change(added, added_count, removed, removed_count, out);
        return r;
}

static int put_set(const struct catalogue_field *field, bool change, const struct value *standing,
                   const json_t *json, struct arena *arena, struct buffer *out)
{
        struct element *elements;
        size_t count;
        int r;

        if (change && json_is_object(json))
                return put_set_edit(field, json, arena, out);
        if (!json_is_array(json))
                return wants(field,
                             change ? "an array, or {\"add\": […], \"remove\": […]}" : "an array");
        if (change)
                return put_set_difference(field, standing, json, arena, out);
        r = read_elements(field, json, arena, &elements, &count);
        if (r >= 0)
                put_elements(elements, count, out);
        return r;
}

static int put_map(const struct catalogue_field *field, bool change, const json_t *json,
                   struct arena *arena, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer scratch = BUFFER_INIT;
        size_t count = json_object_size(json), i = 0;
        struct element *elements = arena_alloc(arena, (count + 1) * sizeof(*elements));
        const char *key;
        json_t *text;
        int r = 0;

        if (!elements)
                return FAIL(PANNIER_E_MEMORY, "no memory for a map");
        if (!json_is_object(json))
                return wants(field, "an object of texts");
        json_object_foreach((json_t *)(uintptr_t)json, key, text)
        {
                if (!json_is_string(text) && !(change && json_is_null(text)))
                        return wants(field, "an object of texts");
                buffer_reset(&scratch);
                r = put_element(field, field->option_count ? KIND_CODE : KIND_TEXT, bytes_text(key),
                                &scratch);
                if (r >= 0)
                        r = copy_out(arena, &scratch, &elements[i].raw);
                buffer_reset(&scratch);
                if (json_is_string(text))
                        cbor_put_text(&scratch, json_view(text));
                else
                        cbor_put_null(&scratch);
                if (r >= 0)
                        r = copy_out(arena, &scratch, &elements[i].value);
                if (r < 0)
                        return r;
                i++;
        }
        qsort(elements, count, sizeof(*elements), compare_elements);
        cbor_put_map(out, count);
        for (i = 0; i < count; i++) {
                buffer_append(out, elements[i].raw);
                buffer_append(out, elements[i].value);
        }
        return r;
}

static int packed_from_json(const struct catalogue_field *field, bool change,
                            const struct value *standing, const json_t *json, struct arena *arena,
                            struct value *ret)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        int r = field->kind == KIND_SET ? put_set(field, change, standing, json, arena, &out)
                                        : put_map(field, change, json, arena, &out);

        if (r < 0)
                return r;
        ret->form = VALUE_PACKED;
        return copy_out(arena, &out, &ret->bytes);
}

static int text_from_json(const struct catalogue_field *field, const json_t *json,
                          struct arena *arena, struct value *ret)
{
        CLEANUP(buffer_wipe) struct buffer out = BUFFER_INIT;

        if (!json_is_string(json))
                return wants(field, field->kind == KIND_TEXT ? "a text" : "a text in base64");
        ret->form = VALUE_BYTES;
        ret->bytes = json_view(json);
        if (field->kind == KIND_TEXT)
                return 0;
        if (base64_decode(json_view(json), &out) < 0)
                return wants(field, "a text in base64");
        return copy_out(arena, &out, &ret->bytes);
}

static int integer_from_json(const struct catalogue_field *field, const json_t *json,
                             struct value *ret)
{
        struct bytes text = json_view(json);

        ret->form = VALUE_INTEGER;
        switch (field->kind) {
        case KIND_CODE:
                if (!json_is_string(json))
                        return wants(field, "the code of one of its options");
                return code_from_text(field, text, &ret->integer);
        case KIND_DATE:
                return date_parse(text, &ret->integer) < 0 ? wants(field, "a date, YYYY-MM-DD") : 0;
        case KIND_INSTANT:
                return instant_parse(text, &ret->integer) < 0
                               ? wants(field, "a time such as 2026-11-21T20:15:00Z")
                               : 0;
        case KIND_BOOL:
                ret->integer = json_is_true(json);
                return json_is_boolean(json) ? 0 : wants(field, "true or false");
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_TEXT:
        case KIND_REF:
        case KIND_SET:
        case KIND_BLOB:
        case KIND_MAP:
                break;
        }
        ret->integer = json_integer_value(json);
        if (!json_is_integer(json))
                return wants(field, field->kind == KIND_TENTHS ? "an integer number of tenths"
                                                               : "an integer");
        return 0;
}

int api_value_from_json(const struct catalogue_field *field, bool change,
                        const struct value *standing, const json_t *json, struct arena *arena,
                        struct value *ret)
{
        *ret = (struct value){.form = VALUE_NULL};
        if (json_is_null(json))
                return 0;
        switch (field->kind) {
        case KIND_TEXT:
        case KIND_BLOB:
                return text_from_json(field, json, arena, ret);
        case KIND_REF:
                ret->form = VALUE_UUID;
                return uuid_parse(json_view(json), &ret->uuid) < 0 ? wants(field, "an id (UUID)")
                                                                   : 0;
        case KIND_SET:
        case KIND_MAP:
                return packed_from_json(field, change, standing, json, arena, ret);
        case KIND_CODE:
        case KIND_INT:
        case KIND_TENTHS:
        case KIND_DATE:
        case KIND_INSTANT:
        case KIND_BOOL:
                return integer_from_json(field, json, ret);
        }
        return FAIL(PANNIER_E_INTERNAL, "%s is of no kind", field->name);
}
