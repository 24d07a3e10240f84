/* What somebody typed as name=value, as the JSON the local API wants. The daemon judges ranges and rules. */
#include "client/command/command.h"
#include "common/date.h"

#include <string.h>
#include <sysexits.h>

static int complain(const struct context *context, const struct catalogue_field *field,
                    const char *wants)
{
        (void)fprintf(stderr, "%s: %s wants %s\n", context->program, field->name, wants);
        return EX_DATAERR;
}

/* Digits with at most @decimals behind a point, as an integer of the smallest step. */
static bool parse_decimal(const char *text, unsigned decimals, int64_t *ret)
{
        bool negative = *text == '-';
        int64_t number = 0;
        unsigned behind = 0;
        bool point = false, digit = false;

        for (text += negative ? 1 : 0; *text; text++) {
                if (*text == '.' && !point && decimals) {
                        point = true;
                        continue;
                }
                if (*text < '0' || *text > '9' || behind == decimals + (point ? 0u : 1u) ||
                    number > INT64_MAX / 100)
                        return false;
                behind += point ? 1 : 0;
                number = number * 10 + (*text - '0');
                digit = true;
        }
        for (; behind < decimals; behind++)
                number *= 10;
        *ret = negative ? -number : number;
        return digit;
}

static json_t *split(const char *value, char sign)
{
        json_t *list = json_array();

        while (*value) {
                size_t size = strcspn(value, ",");
                bool signed_ = *value == '+' || *value == '-';
                if (size > (signed_ ? 1u : 0u) && (signed_ ? *value : 0) == sign)
                        (void)json_array_append_new(list, json_stringn(value + (signed_ ? 1 : 0),
                                                                       size - (signed_ ? 1 : 0)));
                value += size + (value[size] ? 1 : 0);
        }
        return list;
}

/* "a,b" is the whole value, "+a,-b" a change. */
static json_t *set_from_text(const char *value)
{
        if (*value == '+' || *value == '-')
                return json_pack("{s:o, s:o}", "add", split(value, '+'), "remove",
                                 split(value, '-'));
        return split(value, 0);
}

static json_t *map_from_text(const char *value)
{
        CLEANUP(json_freep) json_t *map = json_object();

        while (*value) {
                size_t size = strcspn(value, ",");
                const char *colon = memchr(value, ':', size);
                char key[128];
                if (!colon || (size_t)(colon - value) >= sizeof(key))
                        return NULL;
                (void)snprintf(key, sizeof(key), "%.*s", (int)(colon - value), value);
                size_t text_size = size - (size_t)(colon - value) - 1;
                (void)json_object_set_new(
                        map, key, text_size ? json_stringn(colon + 1, text_size) : json_null());
                value += size + (value[size] ? 1 : 0);
        }
        return TAKE(map);
}

static json_t *instant_from_text(const struct context *context, const char *value)
{
        char text[INSTANT_TEXT_SIZE];

        if (strcmp(value, "now") != 0)
                return json_string(value);
        instant_format(context->now_ms, text);
        return json_string(text);
}

static bool is_one_of(const char *value, const char *const *words)
{
        for (; *words; words++)
                if (strcmp(value, *words) == 0)
                        return true;
        return false;
}

/* ARGUMENTS_GIVEN and a new reference, or an exit code after a message */
static int value_from_text(const struct context *context, const struct catalogue_field *field,
                           const char *value, json_t **ret)
{
        static const char *const yes[] = {"yes", "true", "1", NULL};
        static const char *const no[] = {"no", "false", "0", NULL};
        int64_t number;

        switch (field->kind) {
        case KIND_INT:
        case KIND_TENTHS:
                if (!parse_decimal(value, field->kind == KIND_TENTHS ? 1 : 0, &number))
                        return complain(context, field,
                                        field->kind == KIND_TENTHS
                                                ? "a number with at most one decimal, such as 36.8"
                                                : "a whole number");
                *ret = json_integer(number);
                break;
        case KIND_BOOL:
                if (!is_one_of(value, yes) && !is_one_of(value, no))
                        return complain(context, field, "yes or no");
                *ret = json_boolean(is_one_of(value, yes));
                break;
        case KIND_SET:
                *ret = set_from_text(value);
                break;
        case KIND_MAP:
                *ret = map_from_text(value);
                if (!*ret)
                        return complain(context, field, "key:text, with commas between");
                break;
        case KIND_INSTANT:
                *ret = instant_from_text(context, value);
                break;
        case KIND_TEXT:
        case KIND_CODE:
        case KIND_DATE:
        case KIND_REF:
        case KIND_BLOB:
                *ret = json_string(value);
                break;
        }
        if (!*ret)
                return complain(context, field, "text in UTF-8");
        return ARGUMENTS_GIVEN;
}

int fields_add(const struct context *context, const char *type_name, const char *assignment,
               json_t *fields)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(type_name));
        const char *equals = strchr(assignment, '=');
        json_t *value = NULL;
        char name[64];
        int index, code;

        if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof(name))
                return usage_error(context, "%.60s is not field=value", assignment);
        (void)snprintf(name, sizeof(name), "%.*s", (int)(equals - assignment), assignment);
        index = catalogue_field_index_by_name(type, bytes_text(name));
        if (index < 0) {
                (void)fprintf(stderr,
                              "%s: %s has no field %s; pannier record --fields %s lists them\n",
                              context->program, type_name, name, type_name);
                return EX_DATAERR;
        }
        if (json_object_get(fields, name)) {
                (void)fprintf(stderr, "%s: %s is given twice\n", context->program, name);
                return EX_DATAERR;
        }
        if (!equals[1]) {
                (void)json_object_set_new(fields, name, json_null());
                return ARGUMENTS_GIVEN;
        }
        code = value_from_text(context, &type->fields[index], equals + 1, &value);
        if (code == ARGUMENTS_GIVEN)
                (void)json_object_set_new(fields, name, value);
        return code;
}
