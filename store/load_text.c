#include "store/load_text.h"

#include "common/date.h"
#include "common/error.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_DIGITS_MAX = 18 };

static bool same_word(struct bytes text, const char *word)
{
        return text.size == strlen(word) &&
               strncasecmp((const char *)text.data, word, text.size) == 0;
}

static struct bytes trimmed(struct bytes text)
{
        while (text.size && text.data[0] == ' ')
                text = BYTES(text.data + 1, text.size - 1);
        while (text.size && text.data[text.size - 1] == ' ')
                text.size--;
        return text;
}

/* Digits only, at most NUMBER_DIGITS_MAX of them: no overflow. */
static bool read_digits(struct bytes text, int64_t *ret)
{
        int64_t number = 0;

        if (text.size == 0 || text.size > NUMBER_DIGITS_MAX)
                return false;
        for (size_t i = 0; i < text.size; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return false;
                number = number * 10 + (text.data[i] - '0');
        }
        *ret = number;
        return true;
}

static int read_int(struct bytes text, int64_t *ret)
{
        bool negative = text.size && text.data[0] == '-';
        int64_t number;

        if (negative)
                text = BYTES(text.data + 1, text.size - 1);
        if (!read_digits(text, &number))
                return FAIL(PANNIER_E_INVALID, "not a whole number");
        *ret = negative ? -number : number;
        return 0;
}

/* "37.5" and "37" to 375 and 370: no floating point on the way. */
static int read_tenths(struct bytes text, int64_t *ret)
{
        const uint8_t *point = text.size ? memchr(text.data, '.', text.size) : NULL;
        struct bytes whole = point ? BYTES(text.data, (size_t)(point - text.data)) : text;
        int64_t number;
        int r;

        if (point && (text.data + text.size - point != 2 || point[1] < '0' || point[1] > '9'))
                return FAIL(PANNIER_E_INVALID, "not a number with at most one decimal");
        r = read_int(whole, &number);
        if (r < 0)
                return FAIL(PANNIER_E_INVALID, "not a number with at most one decimal");
        number *= 10;
        if (point)
                number += (text.data[0] == '-' ? INT64_C(-1) : INT64_C(1)) * (point[1] - '0');
        *ret = number;
        return 0;
}

/* The day first, as British spreadsheets write it: turned into the other form. */
static void turn_date(struct bytes text, char ret[DATE_TEXT_SIZE])
{
        (void)snprintf(ret, DATE_TEXT_SIZE, "%.4s-%.2s-%.2s", (const char *)text.data + 6,
                       (const char *)text.data + 3, (const char *)text.data);
}

int load_text_date(struct bytes text, int64_t *ret)
{
        char turned[DATE_TEXT_SIZE];

        if (text.size == 10 && text.data[2] == '/' && text.data[5] == '/') {
                turn_date(text, turned);
                text = bytes_text(turned);
        }
        if (date_parse(text, ret) < 0)
                return FAIL(PANNIER_E_INVALID, "not a date: write 2026-11-21 or 21/11/2026");
        return 0;
}

static int read_instant(struct bytes text, int64_t *ret)
{
        if (instant_parse(text, ret) < 0)
                return FAIL(PANNIER_E_INVALID, "not a time: write 2026-11-21T09:30:00Z");
        return 0;
}

static int read_bool(struct bytes text, int64_t *ret)
{
        static const char *const words[2][5] = {{"false", "no", "n", "0", "f"},
                                                {"true", "yes", "y", "1", "t"}};

        for (int value = 0; value < 2; value++)
                for (size_t i = 0; i < 5; i++)
                        if (same_word(text, words[value][i])) {
                                *ret = value;
                                return 0;
                        }
        return FAIL(PANNIER_E_INVALID, "neither yes nor no");
}

static int read_code(const struct catalogue_field *field, struct bytes text, int64_t *ret)
{
        for (uint16_t i = 0; i < field->option_count; i++)
                if (same_word(text, field->options[i].code) ||
                    same_word(text, field->options[i].title)) {
                        *ret = field->options[i].number;
                        return 0;
                }
        return FAIL(PANNIER_E_INVALID, "'%.*s' is none of its %u codes (such as %s)",
                    (int)(text.size < 40 ? text.size : 40), (const char *)text.data,
                    field->option_count, field->option_count ? field->options[0].code : "");
}

/* One element of a set as CBOR, so that elements compare as they will lie in it. Empty: to be left out. */
static int encode_element(const struct catalogue_field *field, struct bytes text,
                          const struct load_text_options *options, struct arena *arena,
                          struct bytes *ret)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct uuid id;
        int64_t code;
        int r;

        if (options->translate)
                text = options->translate(options->context, field, text);
        *ret = BYTES_NONE;
        if (text.size == 0)
                return 0;
        if (field->element == KIND_CODE) {
                r = read_code(field, text, &code);
                if (r < 0)
                        return r;
                cbor_put_int(&out, code);
        } else if (field->element == KIND_REF) {
                r = options->resolve ? options->resolve(options->context, field, text, &id) : 0;
                if (r <= 0)
                        return r < 0 ? r
                                     : FAIL(PANNIER_E_INVALID,
                                            "names something that is not in the store");
                cbor_put_uuid(&out, &id);
        } else {
                cbor_put_text(&out, text);
        }
        r = buffer_check(&out);
        if (r < 0)
                return r;
        *ret = arena_copy(arena, buffer_view(&out));
        return ret->data ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a set");
}

static int compare_elements(const void *a, const void *b)
{
        return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static int pack_set(struct bytes *elements, size_t count, struct arena *arena, struct value *ret)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        size_t kept = 0;
        int r;

        qsort(elements, count, sizeof *elements, compare_elements);
        for (size_t i = 0; i < count; i++)
                if (kept == 0 || !bytes_equal(elements[kept - 1], elements[i]))
                        elements[kept++] = elements[i];
        cbor_put_array(&out, kept);
        for (size_t i = 0; i < kept; i++)
                buffer_append(&out, elements[i]);
        r = buffer_check(&out);
        if (r < 0)
                return r;
        ret->form = VALUE_PACKED;
        ret->bytes = arena_copy(arena, buffer_view(&out));
        return ret->bytes.data ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a set");
}

static int read_set(const struct catalogue_field *field, struct bytes text,
                    const struct load_text_options *options, struct arena *arena, struct value *ret)
{
        struct bytes elements[LOAD_SET_ELEMENTS_MAX];
        char separator = options->separator ? options->separator : ';';
        size_t count = 0;
        int r;

        while (text.size) {
                const uint8_t *end = memchr(text.data, separator, text.size);
                struct bytes one =
                        trimmed(BYTES(text.data, end ? (size_t)(end - text.data) : text.size));

                text = end ? BYTES(end + 1, text.size - (size_t)(end - text.data) - 1) : BYTES_NONE;
                if (one.size == 0)
                        continue;
                if (count == LOAD_SET_ELEMENTS_MAX)
                        return FAIL(PANNIER_E_INVALID, "more than %d elements",
                                    LOAD_SET_ELEMENTS_MAX);
                r = encode_element(field, one, options, arena, &elements[count]);
                if (r < 0)
                        return r;
                count += elements[count].size != 0;
        }
        return pack_set(elements, count, arena, ret);
}

static int read_integer(const struct catalogue_field *field, struct bytes text, int64_t *ret)
{
        switch (field->kind) {
        case KIND_CODE:
                return read_code(field, text, ret);
        case KIND_INT:
                return read_int(text, ret);
        case KIND_TENTHS:
                return read_tenths(text, ret);
        case KIND_DATE:
                return load_text_date(text, ret);
        case KIND_INSTANT:
                return read_instant(text, ret);
        case KIND_BOOL:
                return read_bool(text, ret);
        case KIND_TEXT:
        case KIND_REF:
        case KIND_SET:
        case KIND_BLOB:
        case KIND_MAP:
                break;
        }
        return FAIL(PANNIER_E_INVALID, "cannot be written in a table");
}

static int read_ref(const struct catalogue_field *field, struct bytes text,
                    const struct load_text_options *options, struct uuid *ret)
{
        int r;

        if (uuid_parse(text, ret) == 0)
                return 0;
        r = options->resolve ? options->resolve(options->context, field, text, ret) : 0;
        if (r == 0)
                return FAIL(PANNIER_E_INVALID,
                            "'%.*s' is not in the store: load it first, or check the spelling",
                            (int)(text.size < 60 ? text.size : 60), (const char *)text.data);
        return r < 0 ? r : 0;
}

int load_text_value(const struct catalogue_field *field, struct bytes text,
                    const struct load_text_options *options, struct arena *arena, struct value *ret)
{
        struct value value = {.form = VALUE_INTEGER};
        int r;

        if (options->translate && field->kind != KIND_SET)
                text = options->translate(options->context, field, text);
        if (text.size == 0) {
                ret->form = VALUE_UNSET;
                return 0;
        }
        if (field->kind == KIND_SET) {
                r = read_set(field, text, options, arena, &value);
        } else if (field->kind == KIND_REF) {
                value.form = VALUE_UUID;
                r = read_ref(field, text, options, &value.uuid);
        } else if (field->kind == KIND_TEXT) {
                value.form = VALUE_BYTES;
                value.bytes = arena_copy(arena, text);
                r = value.bytes.data ? 0 : FAIL(PANNIER_E_MEMORY, "no memory for a cell");
        } else {
                r = read_integer(field, text, &value.integer);
        }
        if (r < 0)
                return r;
        r = value_check(field, &value, false, true);
        if (r < 0)
                return r;
        *ret = value;
        return 0;
}
