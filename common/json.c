#include "common/json.h"

#include "common/error.h"

#include <string.h>

/* Where byte @offset of @text stands, for people: both from 1. */
static void place_of(struct bytes text, size_t offset, int *ret_line, int *ret_column)
{
        *ret_line = 1;
        *ret_column = 1;
        for (size_t i = 0; i < offset && i < text.size; i++) {
                (*ret_column)++;
                if (text.data[i] == '\n') {
                        (*ret_line)++;
                        *ret_column = 1;
                }
        }
}

static int fail_at(int error, struct bytes text, size_t offset, const char *what)
{
        int line, column;

        place_of(text, offset, &line, &column);
        return FAIL(error, "line %d, column %d: %s", line, column, what);
}

/* A real has a point or an exponent. @i is at the first character of a number. */
static int check_number(struct bytes text, size_t i)
{
        for (size_t k = i; k < text.size; k++) {
                switch (text.data[k]) {
                case '.':
                case 'e':
                case 'E':
                        return fail_at(PANNIER_E_MALFORMED, text, i,
                                       "a number with a fraction or exponent; values are integers");
                case '-':
                case '+':
                        break;
                default:
                        if (text.data[k] < '0' || text.data[k] > '9')
                                return 0;
                }
        }
        return 0;
}

static size_t string_end(struct bytes text, size_t i)
{
        for (i++; i < text.size && text.data[i] != '"'; i++)
                if (text.data[i] == '\\')
                        i++;
        return i;
}

/* Everything that must be known before jansson builds a tree: depth, number of values, reals. */
static int scan(struct bytes text)
{
        size_t values = 0, depth = 0;

        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];
                bool in_number = i > 0 && text.data[i - 1] >= '0' && text.data[i - 1] <= '9';

                if (c == '"') {
                        i = string_end(text, i);
                } else if (c == '[' || c == '{') {
                        values++;
                        if (++depth > JSON_DEPTH_MAX)
                                return fail_at(PANNIER_E_LIMIT, text, i, "nested too deep");
                } else if (c == ']' || c == '}') {
                        depth -= depth > 0;
                } else if (c == ',' || c == ':') {
                        values++;
                } else if (!in_number && ((c >= '0' && c <= '9') || c == '-')) {
                        int r = check_number(text, i);

                        if (r < 0)
                                return r;
                }
                if (values > JSON_VALUE_MAX)
                        return fail_at(PANNIER_E_LIMIT, text, i, "too many values");
        }
        return 0;
}

int json_load(struct bytes text, json_t **ret)
{
        json_error_t error;
        json_t *json;
        int r = scan(text);

        if (r < 0)
                return r;
        json = json_loadb(text.size > 0 ? (const char *)text.data : "", text.size,
                          JSON_REJECT_DUPLICATES, &error);
        if (!json && (json_error_code(&error) == json_error_out_of_memory || error.text[0] == '\0'))
                return FAIL(PANNIER_E_MEMORY, "no memory for JSON");
        if (!json)
                return FAIL(PANNIER_E_MALFORMED, "line %d, column %d: %s", error.line, error.column,
                            error.text);
        *ret = json;
        return 0;
}

static int append_chunk(const char *data, size_t size, void *context)
{
        struct buffer *out = context;

        buffer_append(out, BYTES(data, size));
        return out->failed ? -1 : 0;
}

void json_append(const json_t *json, struct buffer *out)
{
        if (json_dump_callback(json, append_chunk, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
                out->failed = true;
}

json_t *json_text(struct bytes text)
{
        return json_stringn(text.size > 0 ? (const char *)text.data : "", text.size);
}

struct bytes json_view(const json_t *string)
{
        if (!json_is_string(string))
                return BYTES_NONE;
        return BYTES(json_string_value(string), json_string_length(string));
}

int json_only_keys(const json_t *object, const char *const *keys)
{
        /* jansson's iterators take a changeable object, but change nothing. */
        union {
                const json_t *constant;
                json_t *plain;
        } view = {.constant = object};

        for (void *i = json_object_iter(view.plain); i; i = json_object_iter_next(view.plain, i)) {
                const char *key = json_object_iter_key(i);
                const char *const *known = keys;

                while (*known && strcmp(*known, key) != 0)
                        known++;
                if (!*known)
                        return FAIL(PANNIER_E_INVALID, "unknown key \"%s\"", key);
        }
        return 0;
}
