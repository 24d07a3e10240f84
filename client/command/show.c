#include "client/command/command.h"
#include "common/date.h"
#include "common/nhs_number.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { SLOT_COUNT = 4, SLOT_SIZE = 256 };

/* A small ring of buffers, so that a printf can take several texts. */
static char *next_slot(void)
{
        static _Thread_local char slots[SLOT_COUNT][SLOT_SIZE];
        static _Thread_local unsigned next;

        return slots[next++ % SLOT_COUNT];
}

const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

int64_t number_of(const json_t *object, const char *key)
{
        return json_integer_value(json_object_get(object, key));
}

bool true_of(const json_t *object, const char *key)
{
        return json_is_true(json_object_get(object, key));
}

int64_t instant_of(const json_t *object, const char *key)
{
        int64_t instant_ms = 0;

        return instant_parse(bytes_text(text_of(object, key)), &instant_ms) < 0 ? 0 : instant_ms;
}

static void format_age(int64_t ms, char *out, size_t size)
{
        static const struct {
                int64_t ms;
                const char *name;
        } units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                int64_t count = ms / units[i].ms;
                if (count < 1)
                        continue;
                (void)snprintf(out, size, "%" PRId64 " %s%s", count, units[i].name,
                               count == 1 ? "" : "s");
                return;
        }
        (void)snprintf(out, size, "a moment");
}

const char *age_text(int64_t ms)
{
        char *slot = next_slot();

        format_age(ms, slot, SLOT_SIZE);
        return slot;
}

const char *ago_text(const struct context *context, int64_t then_ms)
{
        char age[64], *slot;

        if (!then_ms)
                return "never";
        if (then_ms > context->now_ms + 1000)
                return when_text(then_ms);
        format_age(context->now_ms - then_ms, age, sizeof(age));
        slot = next_slot();
        (void)snprintf(slot, SLOT_SIZE, "%s ago", age);
        return slot;
}

const char *when_text(int64_t instant_ms)
{
        char *slot = next_slot();
        time_t seconds = (time_t)(instant_ms / 1000);
        struct tm local;

        if (!localtime_r(&seconds, &local) ||
            strftime(slot, SLOT_SIZE, "%a %e %b %Y %H:%M", &local) == 0)
                instant_format(instant_ms, slot);
        return slot;
}

const char *person_name(const json_t *record)
{
        const json_t *fields = json_object_get(record, "fields");
        const char *family = text_of(fields, "family"), *given = text_of(fields, "given");
        const char *preferred = text_of(fields, "preferred_name");
        char *slot = next_slot();

        (void)snprintf(slot, SLOT_SIZE, "%.100s%s%.80s%s%.40s%s", family, *given ? ", " : "", given,
                       *preferred ? " (" : "", preferred, *preferred ? ")" : "");
        return slot;
}

/* What somebody typed may hold characters that drive a terminal: those of ASCII, and U+0080 … U+009F (C2 80 … C2 9F). */
static void print_safely(const char *text, FILE *out)
{
        for (; *text; text++) {
                unsigned char c = (unsigned char)*text, next = (unsigned char)text[1];
                if (c == 0xc2 && next >= 0x80 && next < 0xa0)
                        text++;
                else if ((c >= 0x20 && c != 0x7f) || c == '\n') {
                        (void)fputc(c, out);
                        continue;
                }
                (void)fputc('?', out);
        }
}

static void print_option(const struct catalogue_field *field, const char *code, FILE *out)
{
        const struct catalogue_option *option = catalogue_option_by_code(field, bytes_text(code));

        print_safely(option ? option->title : code, out);
}

static void print_list(const struct catalogue_field *field, const json_t *list, const json_t *names,
                       FILE *out)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *text = json_string_value(json_array_get(list, i));
                const char *name = json_string_value(json_object_get(names, text));
                (void)fputs(i ? ", " : "", out);
                print_option(field, name ? name : text, out);
        }
}

static void print_map(const struct catalogue_field *field, const json_t *map, const json_t *names,
                      FILE *out)
{
        const char *key;
        json_t *value;
        bool more = false;

        json_object_foreach((json_t *)(uintptr_t)map, key, value)
        {
                (void)fputs(more ? "; " : "", out);
                more = true;
                print_option(field, key, out);
                (void)fputs(": ", out);
                if (json_is_array(value))
                        print_list(field, value, names, out);
                else
                        print_safely(json_is_string(value) ? json_string_value(value) : "removed",
                                     out);
        }
}

static void print_integer(const struct catalogue_field *field, int64_t number, FILE *out)
{
        if (field->kind == KIND_TENTHS)
                (void)fprintf(out, "%s%" PRId64 ".%" PRId64, number < 0 ? "-" : "",
                              (number < 0 ? -number : number) / 10,
                              (number < 0 ? -number : number) % 10);
        else
                (void)fprintf(out, "%" PRId64, number);
        if (field->unit && strchr("{", field->unit[0]) == NULL)
                (void)fprintf(out, " %s", field->unit);
}

/* A text, a date, a reference, or an NHS number in its 3-3-4. */
static void print_text(const struct catalogue_field *field, const char *text, const json_t *names,
                       FILE *out)
{
        char number[NHS_NUMBER_SIZE], spaced[NHS_NUMBER_TEXT_SIZE];
        const char *name = json_string_value(json_object_get(names, text));

        if (strcmp(field->name, "nhs_number") == 0 &&
            nhs_number_parse(bytes_text(text), number) >= 0) {
                nhs_number_format(number, spaced);
                text = spaced;
        }
        print_safely(name ? name : text, out);
}

void value_print(const struct catalogue_field *field, const json_t *value, const json_t *names,
                 FILE *out)
{
        int64_t instant_ms;

        if (!value || json_is_null(value))
                (void)fputs("(nothing)", out);
        else if (json_is_boolean(value))
                (void)fputs(json_is_true(value) ? "yes" : "no", out);
        else if (json_is_integer(value))
                print_integer(field, json_integer_value(value), out);
        else if (json_is_array(value))
                print_list(field, value, names, out);
        else if (json_is_object(value))
                print_map(field, value, names, out);
        else if (field->kind == KIND_CODE)
                print_option(field, json_string_value(value), out);
        else if (field->kind == KIND_INSTANT &&
                 instant_parse(bytes_text(json_string_value(value)), &instant_ms) >= 0)
                (void)fputs(when_text(instant_ms), out);
        else
                print_text(field, json_string_value(value), names, out);
}

const char *state_word(const char *state)
{
        static const char *const words[][2] = {
                {"waiting", "waiting: only on this device"},
                {"parked", "at the store, waiting for what it builds on"},
                {"applied", "arrived"},
                {"merged", "arrived; a newer value stands"},
                {"held", "arrived; waits for a decision"},
                {"late", "arrived; the person had moved on"},
                {"quarantined", "REFUSED: see pannier quarantine"},
        };

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(words[i][0], state) == 0)
                        return words[i][1];
        return state;
}

static const char *kind_words(const struct catalogue_field *field)
{
        switch (field->kind) {
        case KIND_TEXT:
                return "text";
        case KIND_CODE:
                return "one of";
        case KIND_INT:
                return "integer";
        case KIND_TENTHS:
                return "number with one decimal";
        case KIND_DATE:
                return "date, YYYY-MM-DD";
        case KIND_INSTANT:
                return "time: now, or 2026-11-21T20:15:00Z";
        case KIND_BOOL:
                return "yes or no";
        case KIND_REF:
                return "id of a record";
        case KIND_SET:
                return "list with commas";
        case KIND_BLOB:
                return "base64";
        case KIND_MAP:
                return "key:text, with commas";
        }
        return "";
}

void print_field_list(const char *type_name, FILE *out)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(type_name));

        (void)fprintf(out, "%s: %s\n\n", type->name, type->title);
        for (uint16_t i = 0; i < type->field_count; i++) {
                const struct catalogue_field *field = &type->fields[i];
                if (field->rule == RULE_STORE)
                        continue;
                (void)fprintf(out, "  %-20s %s; %s%s%s", field->name, field->title,
                              kind_words(field), field->unit ? ", " : "",
                              field->unit ? field->unit : "");
                if (field->has_range)
                        (void)fprintf(out, ", %" PRId64 " to %" PRId64, field->hard_min,
                                      field->hard_max);
                for (uint16_t k = 0; k < field->option_count && field->kind == KIND_CODE; k++)
                        (void)fprintf(out, "%s %s", k ? "," : "", field->options[k].code);
                (void)fputs(field->required ? "; must be given\n" : "\n", out);
        }
}
