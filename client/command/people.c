/* pannier people, person, staff: who is here, and what is known. */
#include "client/command/command.h"
#include "common/date.h"
#include "common/nhs_number.h"
#include "common/table.h"

#include <string.h>
#include <sysexits.h>

static void put_nhs_number(struct table *table, const char *number)
{
        char ten[NHS_NUMBER_SIZE], text[NHS_NUMBER_TEXT_SIZE];

        if (nhs_number_parse(bytes_text(number), ten) < 0) {
                table_cell_text(table, *number ? number : "none");
                return;
        }
        nhs_number_format(ten, text);
        table_cell_text(table, text);
}

static void put_birth(const struct context *context, struct table *table, const char *birth)
{
        int64_t date;

        if (date_parse(bytes_text(birth), &date) < 0)
                table_cell_text(table, "");
        else
                table_cell_format(table, "%s (%d)", birth,
                                  date_years_between(date, date_of_instant(context->now_ms)));
}

static int print_people(const struct context *context, const json_t *answer)
{
        static const struct table_column columns[] = {{"Name", false},       {"NHS number", false},
                                                      {"Born (age)", false}, {"Address", false},
                                                      {"", false},           {"Id", false}};
        const json_t *people = json_object_get(answer, "people");
        CLEANUP(table_freep) struct table *table = NULL;
        int r = table_new(columns, 6, &table);

        for (size_t i = 0; i < json_array_size(people) && r >= 0; i++) {
                const json_t *person = json_array_get(people, i);
                const json_t *fields = json_object_get(person, "fields");
                table_cell_text(table, person_name(person));
                put_nhs_number(table, text_of(fields, "nhs_number"));
                put_birth(context, table, text_of(fields, "birth_date"));
                table_cell_format(table, "%s %s", text_of(fields, "address"),
                                  text_of(fields, "postcode"));
                table_cell_text(table, true_of(person, "pending") ? "not all sent" : "");
                table_cell_text(table, text_of(person, "id"));
        }
        if (r >= 0)
                r = table_print(table, stdout);
        if (json_array_size(people) == 0)
                (void)puts("Nobody was found among those you may see on this device.");
        if (*text_of(answer, "next"))
                (void)printf("There are more: --after %s\n", text_of(answer, "next"));
        if (!true_of(answer, "complete"))
                (void)puts("THIS LIST IS NOT COMPLETE: the device is still receiving people.");
        return r < 0 ? EX_OSERR : EX_OK;
}

static void join_words(char **words, int count, struct buffer *out)
{
        for (int i = 0; i < count; i++) {
                buffer_append_text(out, i ? " " : "");
                buffer_append_text(out, words[i]);
        }
        buffer_append_byte(out, 0);
}

/* A number of rows; 0 where none is given; -1 after a message */
static int parse_limit(const struct context *context, const char *text)
{
        char *end = NULL;
        long limit = text ? strtol(text, &end, 10) : 0;

        if (text && (*end || end == text || limit < 1 || limit > PANNIER_PAGE_MAX)) {
                (void)usage_error(context, "--limit is a number from 1 to %d", PANNIER_PAGE_MAX);
                return -1;
        }
        return (int)limit;
}

int command_people(struct context *context, int argc, char **argv)
{
        const char *limit_text = NULL, *after = NULL;
        const struct argument arguments[] = {{"limit", &limit_text, NULL}, {"after", &after, NULL}};
        CLEANUP(buffer_deinit) struct buffer words = BUFFER_INIT;
        CLEANUP(json_freep) json_t *answer = NULL;
        char **rest, *text;
        int count, limit, r;
        int code = arguments_parse(context, argc, argv, arguments, 2, &rest, &count);

        if (code != ARGUMENTS_GIVEN)
                return code;
        limit = parse_limit(context, limit_text);
        if (limit < 0)
                return EX_USAGE;
        code = client_open(context, true);
        if (code != ARGUMENTS_GIVEN)
                return code;
        join_words(rest, count, &words);
        r = pannier_people(context->client, (const char *)words.data, (unsigned)limit, after,
                           &text);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        answer = client_json(context, text);
        return answer ? print_people(context, answer) : EX_PROTOCOL;
}

/* ---- one person ---- */

static void print_mark(const char *state)
{
        static const char *const marks[][2] = {
                {"waiting", "only on this device"},
                {"parked", "waits at the store"},
                {"answered", "arrived"},
                {"held", "to be decided"},
                {"proposed", "proposed, not in effect"},
                {"quarantined", "refused by the store"},
        };

        for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
                if (strcmp(marks[i][0], state) == 0)
                        (void)printf("   [%s]", marks[i][1]);
}

static void print_fields(const struct catalogue_type *type, const json_t *record,
                         const json_t *names)
{
        const json_t *fields = json_object_get(record, "fields");
        const json_t *state = json_object_get(record, "state");
        const json_t *beside = json_object_get(record, "beside");

        for (uint16_t i = 0; i < type->field_count; i++) {
                const struct catalogue_field *field = &type->fields[i];
                const json_t *value = json_object_get(fields, field->name);
                const json_t *other = json_object_get(beside, field->name);
                if (!value && !other)
                        continue;
                (void)printf("    %-28s ", field->title);
                value_print(field, value, names, stdout);
                if (other) {
                        (void)printf("   beside it: ");
                        value_print(field, other, names, stdout);
                }
                print_mark(text_of(state, field->name));
                (void)putchar('\n');
        }
        const json_t *hidden = json_object_get(record, "guarded");
        for (size_t i = 0; i < json_array_size(hidden); i++)
                (void)printf("    %-28s (hidden: pannier record --show %s)\n",
                             json_string_value(json_array_get(hidden, i)), text_of(record, "id"));
}

static void print_record(const json_t *record, const json_t *names)
{
        const struct catalogue_type *type =
                catalogue_type_by_name(bytes_text(text_of(record, "type")));
        int64_t recorded_ms = instant_of(record, "recorded");

        if (!type) {
                (void)printf("  %s %s (of a newer Pannier)\n", text_of(record, "type"),
                             text_of(record, "id"));
                return;
        }
        (void)printf("\n  %s, %s%s%s   %s\n", type->title,
                     recorded_ms ? when_text(recorded_ms) : "",
                     *text_of(record, "role") ? ", " : "", text_of(record, "role"),
                     text_of(record, "id"));
        if (json_object_get(record, "struck_out_by"))
                (void)printf("    STRUCK OUT by a later record\n");
        print_fields(type, record, names);
}

static void print_records(const json_t *records, const json_t *names, bool all)
{
        for (size_t i = 0; i < json_array_size(records); i++) {
                const json_t *record = json_array_get(records, i);
                bool person = strcmp(text_of(record, "type"), "person") == 0;
                if (!person && (all || !json_object_get(record, "struck_out_by")))
                        print_record(record, names);
        }
}

static void print_person_head(const struct context *context, const json_t *person,
                              const json_t *names)
{
        const struct catalogue_type *type = catalogue_person_type();
        int64_t as_of_ms = instant_of(person, "as_of");

        (void)printf("%s\n", person_name(person));
        (void)printf("  as the store had it %s%s\n", ago_text(context, as_of_ms),
                     json_is_null(json_object_get(person, "confirmed"))
                             ? "; the store does not know this person yet"
                             : "");
        print_fields(type, person, names);
}

static int show_person(struct context *context, const char *id, const char *type, bool all)
{
        CLEANUP(json_freep) json_t *person = NULL;
        CLEANUP(json_freep) json_t *answer = NULL;
        CLEANUP(json_freep) json_t *names = NULL;
        char *text;
        int r = pannier_person(context->client, id, &text);

        if (r < 0)
                return client_failed(context, r);
        person = client_json(context, text);
        r = pannier_records(context->client, id, type, PANNIER_PAGE_MAX, NULL, &text);
        if (r < 0)
                return client_failed(context, r);
        answer = client_json(context, text);
        if (!person || !answer)
                return EX_PROTOCOL;
        if (context->json) {
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
                (void)json_object_set(answer, "person", person);
                json_append(answer, &out);
                buffer_append_text(&out, "\n");
                (void)fwrite(out.data, 1, out.size, stdout);
                return EX_OK;
        }
        names = client_references(context);
        print_person_head(context, person, names);
        print_records(json_object_get(answer, "records"), names, all);
        if (true_of(answer, "more"))
                (void)puts("\nThere are older records: pannier person ID --type TYPE");
        return EX_OK;
}

int command_person(struct context *context, int argc, char **argv)
{
        const char *type = NULL;
        bool all = false;
        const struct argument arguments[] = {{"type", &type, NULL}, {"all", NULL, &all}};
        char **rest, id[PANNIER_ID_SIZE];
        int count;
        int code = arguments_parse(context, argc, argv, arguments, 2, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count != 1)
                code = usage_error(context, "name one person, by id or NHS number");
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, true);
        if (code == ARGUMENTS_GIVEN)
                code = client_person(context, rest[0], id);
        return code == ARGUMENTS_GIVEN ? show_person(context, id, type, all) : code;
}

/* ---- staff ---- */

static int print_staff(const json_t *answer, bool here)
{
        static const struct table_column columns[] = {
                {"Name", false}, {"Role", false}, {"Works here", false}, {"Id", false}};
        const json_t *staff = json_object_get(answer, "staff");
        CLEANUP(table_freep) struct table *table = NULL;
        int r = table_new(columns, 4, &table);

        for (size_t i = 0; i < json_array_size(staff) && r >= 0; i++) {
                const json_t *one = json_array_get(staff, i);
                if (here && !true_of(one, "here"))
                        continue;
                table_cell_text(table, text_of(one, "name"));
                table_cell_text(table, text_of(one, "role"));
                table_cell_text(table, true_of(one, "here") ? "yes" : "");
                table_cell_text(table, text_of(one, "id"));
        }
        if (r >= 0)
                r = table_print(table, stdout);
        return r < 0 ? EX_OSERR : EX_OK;
}

int command_staff(struct context *context, int argc, char **argv)
{
        bool here = false;
        const struct argument arguments[] = {{"here", NULL, &here}};
        CLEANUP(json_freep) json_t *answer = NULL;
        char **rest, *text;
        int count, r;
        int code = arguments_parse(context, argc, argv, arguments, 1, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count)
                code = usage_error(context, "%s is not understood", rest[0]);
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, false);
        if (code != ARGUMENTS_GIVEN)
                return code;
        r = pannier_staff(context->client, &text);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        answer = client_json(context, text);
        return answer ? print_staff(answer, here) : EX_PROTOCOL;
}
